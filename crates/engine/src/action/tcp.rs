//! Actions of `tcp-request`: whether a connection goes on (manual, 4.4 "accept", "expect-proxy", "reject").

use weir_config::Keyword;

use super::answer::count_denial;
use super::flow::{self, Allow, before_request};
use super::{Action, ActionFn, Parse, Parsed, RuleSet, Run, Verdict, works};
use crate::conf::{Caps, Mode, Proto};
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
    works("tcp-response content accept", ACCEPT, accept),
    works("tcp-response content reject", REJECT, reject),
    works("tcp-response content silent-drop", flow::DROP, flow::drop),
    works("tcp-response content close", "closes the connection to the server", close),
    works("tcp-request connection expect-proxy layer4", "reads a PROXY header first", |_| {
        Ok(Box::new(Expect { cip: false }))
    }),
    works("tcp-request connection expect-netscaler-cip", "reads a NetScaler header first", expect_cip),
    works("tcp-request content switch-mode", "goes on as HTTP", switch_mode),
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
        let client = &run.t.client;
        match run.set {
            RuleSet::TcpConnection => client.count(|c| &c.denied_connections),
            RuleSet::TcpSession => client.count(|c| &c.denied_sessions),
            _ => count_denial(run),
        }
        if run.set == RuleSet::TcpResponse {
            run.t.facts.blame(Cause::Proxy, Stage::Data);
            return Verdict::Close;
        }
        before_request(run);
        if run.set == RuleSet::TcpContent && run.t.client.frontend.conf().mode == Mode::Tcp {
            run.t.facts.log_bytes.0 += run.t.client.input.data().len() as u64;
        }
        run.t.facts.blame(Cause::Proxy, Stage::Request);
        Verdict::Close
    }

    fn is_final(&self) -> bool {
        true
    }
}

#[derive(Clone, Copy, Debug)]
struct Close;

fn close(_: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Close))
}

impl Action for Close {
    fn run(&self, _: &mut Run<'_>) -> Verdict {
        Verdict::Finish
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// What comes is HTTP, in this protocol.
#[derive(Clone, Copy, Debug)]
struct SwitchMode(Proto);

fn switch_mode(p: &mut Parse<'_, '_>) -> Parsed {
    let Some(mode) = p.take() else {
        return Err(p.error("'tcp-request switch-mode' expects a mode as argument."));
    };
    if !p.caps.contains(Caps::FRONTEND) {
        let name = p.load.proxy.clone();
        return Err(p.error(format!(
            "'tcp-request switch-mode' not allowed because backend '{name}' has no frontend capability"
        )));
    }
    if !mode.is("http") {
        return Err(
            p.error(format!("'tcp-request switch-mode' expects a valid mode (got '{}').", mode.text()))
        );
    }
    if !p.eat("proto") {
        return Ok(Box::new(SwitchMode(Proto::Any)));
    }
    let Some(proto) = p.take() else {
        return Err(p.error("'tcp-request switch-mode': 'proto' expects a protocol as argument."));
    };
    match &*proto.bytes {
        b"h1" => Ok(Box::new(SwitchMode(Proto::H1))),
        b"h2" => Ok(Box::new(SwitchMode(Proto::H2))),
        _ => Err(p.error(format!(
            "'tcp-request switch-mode': 'proto' expects a valid MUX protocol, if specified (got '{}')",
            proto.text()
        ))),
    }
}

impl Action for SwitchMode {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.t.client.switched = self.0;
        Verdict::Upgrade
    }

    fn is_final(&self) -> bool {
        true
    }
}

fn expect_cip(p: &mut Parse<'_, '_>) -> Parsed {
    if p.eat("layer4") {
        return Ok(Box::new(Expect { cip: true }));
    }
    let got = p.take().map(|w| w.text().into_owned()).unwrap_or_default();
    let kind = if p.caps == Caps::FRONTEND { "frontend" } else { "proxy" };
    let rule = format!("{} expect-netscaler-cip", p.set.name());
    let name = &p.load.proxy;
    Err(p.error(format!("'{rule}' only supports 'layer4' in {kind} '{name}' (got '{got}')")))
}

/// A header comes first: the PROXY protocol's, or NetScaler's.
#[derive(Clone, Copy, Debug)]
struct Expect {
    cip: bool,
}

impl Action for Expect {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let expects = if self.cip { &mut run.t.client.expects_cip } else { &mut run.t.client.expects_proxy };
        *expects = true;
        Verdict::Next
    }
}
