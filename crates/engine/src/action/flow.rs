//! Actions that decide whether anything follows: accept, reject, drop.

use weir_config::Keyword;

use super::{Action, ActionFn, Parse, Parsed, Run, Verdict, works};

/// The actions of this file.
pub(super) const FLOW: &[Keyword<ActionFn>] = &[
    works("http-request allow", ALLOW, allow),
    works("http-response allow", ALLOW, allow),
    works("http-after-response allow", ALLOW, allow),
    works("http-request reject", "closes the connection without an answer", reject),
    works("http-request silent-drop", DROP, reject),
    works("http-response silent-drop", DROP, reject),
];

const ALLOW: &str = "ends the evaluation of this set of rules";
const DROP: &str = "forgets the connection, without telling the client";

#[derive(Clone, Copy, Debug)]
struct Allow;

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

#[derive(Clone, Copy, Debug)]
struct Reject;

fn reject(_: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Reject))
}

impl Action for Reject {
    fn run(&self, _: &mut Run<'_>) -> Verdict {
        Verdict::Close
    }

    fn is_final(&self) -> bool {
        true
    }
}
