//! Actions of `tcp-request`: whether a connection goes on (manual, 4.4 "accept", "expect-proxy", "reject").

use weir_config::Keyword;

use super::flow::{self, Allow, before_request};
use super::{Action, ActionFn, Parse, Parsed, RuleSet, Run, Verdict, works};
use crate::ending::{Cause, Stage};

/// The actions of this file.
pub(super) const TCP: &[Keyword<ActionFn>] = &[
    works("tcp-request connection accept", ACCEPT, accept),
    works("tcp-request session accept", ACCEPT, accept),
    works("tcp-request content accept", ACCEPT, accept),
    works("tcp-request connection reject", REJECT, reject),
    works("tcp-request session reject", REJECT, reject),
    works("tcp-request content reject", REJECT, reject),
    works("tcp-request connection silent-drop", flow::DROP, flow::drop),
    works("tcp-request session silent-drop", flow::DROP, flow::drop),
    works("tcp-request content silent-drop", flow::DROP, flow::drop),
    works("tcp-request connection expect-proxy", "reads a PROXY header first", expect_proxy),
];

const ACCEPT: &str = "lets the connection pass";
const REJECT: &str = "closes the connection";

fn accept(_: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Allow))
}

#[derive(Clone, Copy, Debug)]
struct Reject;

fn reject(_: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Reject))
}

impl Action for Reject {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let front = run.t.client.frontend.front();
        match run.set {
            RuleSet::TcpConnection => front.denied_connections.add(1),
            RuleSet::TcpSession => front.denied_sessions.add(1),
            _ => front.denied_requests.add(1),
        }
        before_request(run);
        run.t.facts.blame(Cause::Proxy, Stage::Request);
        Verdict::Close
    }

    fn is_final(&self) -> bool {
        true
    }
}

#[derive(Clone, Copy, Debug)]
struct ExpectProxy;

fn expect_proxy(p: &mut Parse<'_, '_>) -> Parsed {
    if !p.eat("layer4") {
        let (kind, name) = (p.kind, p.load.proxy.clone());
        return Err(p.error(format!("'expect-proxy' only supports 'layer4' in {kind} '{name}'")));
    }
    Ok(Box::new(ExpectProxy))
}

impl Action for ExpectProxy {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.t.client.expects_proxy = true;
        Verdict::Next
    }
}
