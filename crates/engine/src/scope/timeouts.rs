//! Timeouts as expressions tell of them: in milliseconds, 0 where there is none.

use std::time::Duration;

use weir_expr::scope::TimeoutOf;

use super::View;

/// A timeout that a proxy gives, or none.
pub(super) fn told(timeout: Option<Duration>) -> i64 {
    timeout.unwrap_or_default().as_millis() as i64
}

/// The one in force. The side that it belongs to takes it over from its proxy when it comes into being; what a rule
/// sets is there at once.
pub(super) fn current(view: &View<'_>, which: TimeoutOf) -> Option<i64> {
    let t = view.t;
    if view.origin.is_session() {
        return None;
    }
    let is_there = match which {
        TimeoutOf::Client | TimeoutOf::Tarpit => true,
        TimeoutOf::Connect | TimeoutOf::Queue | TimeoutOf::Tunnel => t.backend.is_some(),
        TimeoutOf::Server => t.facts.connected.is_some(),
    };
    Some(told(if is_there { t.timeout(which) } else { t.own_timeout(which) }))
}
