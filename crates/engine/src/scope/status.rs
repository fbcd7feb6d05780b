//! The status of an answer, at the moments when expressions and log lines may ask for it.

use super::View;
use crate::log::Origin;

/// The status, as far as there is one.
pub(super) fn known(view: &View<'_>) -> Option<i64> {
    let (t, origin, status) = (view.t, view.origin, view.t.facts.status);
    let is_http = t.is_http();
    Some(match status {
        _ if origin == Origin::Accept || origin.is_session() => 0,
        // No request was asked for.
        0 if origin.is_error() => 0,
        // It is not read yet.
        0 if origin.precedes_status() => return None,
        // A stream whose head was none.
        _ if t.client.stream.lane().is_some() && t.messages.request.method().is_empty() => 0,
        // What rules see of an answer before it is sent.
        0 if t.facts.replied || t.facts.answered.is_some() && is_http => t.messages.response.status().into(),
        0 if is_http => return None,
        status => status.into(),
    })
}
