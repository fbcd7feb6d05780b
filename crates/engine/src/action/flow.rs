//! Actions that decide whether anything follows: accept, reject, drop.

use weir_config::Keyword;
use weir_sys::accepted;

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
struct Reject;

fn reject(_: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Reject))
}

impl Action for Reject {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        count_denial(run);
        run.t.facts.turned_away = true;
        before_request(run);
        run.t.facts.blame(Cause::Proxy, Stage::Request);
        Verdict::Close
    }

    fn is_final(&self) -> bool {
        true
    }
}

#[derive(Clone, Copy, Debug)]
struct SilentDrop {
    /// A reset is sent that comes this far.
    hops: Option<u8>,
}

pub(super) fn drop(p: &mut Parse<'_, '_>) -> Parsed {
    if !p.eat("rst-ttl") {
        return Ok(Box::new(SilentDrop { hops: None }));
    }
    let text = p.expect("missing rst-ttl value\n")?.text();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits < text.len() {
        let rest = text.get(digits..).unwrap_or_default();
        return Err(p.error(format!("invalid character starting at '{rest}' (value 1-255 expected)\n")));
    }
    match text.parse() {
        Ok(hops @ 1..) => Ok(Box::new(SilentDrop { hops: Some(hops) })),
        _ => Err(p.error("valid rst-ttl values are [1-255]\n")),
    }
}

impl Action for SilentDrop {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        match self.hops {
            None => accepted::silence(&run.t.client.stream),
            Some(hops) => accepted::reset_within(&run.t.client.stream, hops),
        }
        count_denial(run);
        run.t.facts.turned_away = !run.set.is_response();
        before_request(run);
        run.t.facts.blame(Cause::Proxy, Stage::Request);
        Verdict::Drop
    }

    fn is_final(&self) -> bool {
        true
    }
}
