//! Actions that decide whether anything follows: accept, reject, drop.

use weir_config::Keyword;

use super::answer::count_denial;
use super::{Action, ActionFn, Parse, Parsed, RuleSet, Run, Verdict, works};
use crate::ending::{Cause, Stage};

/// The actions of this file.
pub(super) const FLOW: &[Keyword<ActionFn>] = &[
    works("http-request allow", ALLOW, allow),
    works("http-response allow", ALLOW, allow),
    works("http-after-response allow", ALLOW, allow),
    works("http-request reject", "closes the connection without an answer", reject),
    works("http-request silent-drop", DROP, drop),
    works("http-response silent-drop", DROP, drop),
];

const ALLOW: &str = "ends the evaluation of this set of rules";
pub(super) const DROP: &str = "forgets the connection, without telling the client";

#[derive(Clone, Copy, Debug)]
pub(super) struct Allow;

fn allow(_: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Allow))
}

impl Action for Allow {
    fn run(&self, _: &mut Run<'_>) -> Verdict {
        Verdict::Stop
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// Where contents are judged before the request, the log does not know of the request.
pub(super) fn before_request(run: &mut Run<'_>) {
    if run.set == RuleSet::TcpContent && run.t.backend.is_none() {
        run.t.facts.turned_away = true;
        run.t.messages.captured.clear();
    }
}

#[derive(Clone, Copy, Debug)]
struct Reject {
    silent: bool,
}

fn reject(_: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Reject { silent: false }))
}

pub(super) fn drop(p: &mut Parse<'_, '_>) -> Parsed {
    p.eat("rst-ttl");
    Ok(Box::new(Reject { silent: true }))
}

impl Action for Reject {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        count_denial(run);
        run.t.facts.turned_away = !run.set.is_response();
        before_request(run);
        run.t.facts.blame(Cause::Proxy, Stage::Request);
        if self.silent { Verdict::Drop } else { Verdict::Close }
    }

    fn is_final(&self) -> bool {
        true
    }
}
