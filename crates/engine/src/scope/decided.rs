//! What rules decided, as expressions and log lines see it.

use std::rc::Rc;

use super::View;
use crate::ending::Cause;
use crate::facts::LastRule;
use crate::local;

/// The last rule that ended a set. One that answers is done with when its answer has passed the rules.
pub(super) fn last_rule<'a>(view: &View<'a>) -> Option<&'a LastRule> {
    let facts = &view.t.facts;
    let answering = view.origin.is_after_response() && facts.ending.is_by(Cause::Local);
    facts.last_rule.as_ref().filter(|rule| !(answering && rule.decided))
}

/// The server that a cookie names, where the request was refused.
pub(super) fn server<'a>(view: &View<'a>) -> Option<&'a Rc<local::Server>> {
    let facts = &view.t.facts;
    let index = facts.persisted.server.filter(|_| facts.ending.is_by(Cause::Proxy))?;
    view.t.backend.as_ref()?.server(index)
}
