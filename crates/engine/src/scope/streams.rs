//! What expressions see of streams and of what went wrong on connections: HTTP/1 and TCP carry one stream each.

use weir_expr::Side;
use weir_expr::scope::Number;

use crate::transaction::Transaction;

/// How many streams a connection carries, how many it may carry, and the number of this one: HTTP/1 numbers none.
pub(super) fn number(t: &Transaction, what: Number) -> Option<i64> {
    match what {
        Number::Streams(side) | Number::StreamLimit(side) => exists(t, side).then_some(1),
        _ => Some(0),
    }
}

/// What was out of the ordinary on a connection that exists: nothing, for a connection that failed is none.
pub(super) fn faults(t: &Transaction, what: Number) -> Option<i64> {
    if let (Number::Error(Side::Server), Some(why)) = (what, t.facts.unreached) {
        return Some(why.code());
    }
    let side = if what == Number::Glitches(Side::Client) { Side::Client } else { Side::Server };
    exists(t, side).then_some(0)
}

fn exists(t: &Transaction, side: Side) -> bool {
    side == Side::Client || t.facts.connected.is_some()
}
