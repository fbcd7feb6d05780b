//! What expressions see of streams and of what went wrong on connections: HTTP/1 and TCP carry one stream each.

use weir_expr::Side;
use weir_expr::scope::Number;

use crate::mux::h2::{Gone, Lane};
use crate::transaction::Transaction;

/// How many streams a connection carries, how many it may carry, and the number of this one: HTTP/1 numbers the
/// requests of a client.
pub(super) fn number(t: &Transaction, what: Number) -> Option<i64> {
    match what {
        Number::Streams(side) => match lane(t, side) {
            Some(lane) => i64::try_from(lane.streams().0).ok(),
            None => exists(t, side).then_some(1),
        },
        Number::StreamLimit(side) => match lane(t, side) {
            Some(lane) => Some(lane.streams().1.into()),
            None => exists(t, side).then_some(1),
        },
        Number::StreamId(side) => Some(match (lane(t, side), side) {
            (Some(lane), _) => lane.id().into(),
            (None, Side::Client) => t.client.requests.saturating_sub(1).into(),
            (None, Side::Server) => 0,
        }),
        // What never became a request has no stream.
        Number::StreamAborted(_) if t.is_http() && t.facts.requested.is_none() => None,
        Number::StreamAborted(side) => Some(gone(t, side).is_some().into()),
        Number::ResetCode(side) => match gone(t, side)? {
            Gone::Reset(code) => Some(code.number().into()),
            _ => None,
        },
        _ => Some(0),
    }
}

/// The major version of HTTP on a connection.
pub(super) fn version(t: &Transaction, side: Side) -> Option<i64> {
    match lane(t, side) {
        Some(_) => Some(2),
        None => exists(t, side).then_some(1),
    }
}

/// What was out of the ordinary on a connection that exists.
pub(super) fn faults(t: &Transaction, what: Number) -> Option<i64> {
    if let (Number::Error(Side::Server), Some(why)) = (what, t.facts.unreached) {
        return Some(why.code());
    }
    let side = if what == Number::Glitches(Side::Client) { Side::Client } else { Side::Server };
    if let (Number::Glitches(_), Some(lane)) = (what, lane(t, side)) {
        return Some(lane.glitches().into());
    }
    exists(t, side).then_some(0)
}

/// Why the stream of a side ended before its time.
fn gone(t: &Transaction, side: Side) -> Option<Gone> {
    let over = t.facts.far_gone.filter(|_| side == Side::Server);
    over.or_else(|| lane(t, side)?.gone())
}

fn lane(t: &Transaction, side: Side) -> Option<&Lane> {
    match side {
        Side::Client => t.client.stream.lane(),
        Side::Server => t.far.as_ref()?.stream.lane(),
    }
}

fn exists(t: &Transaction, side: Side) -> bool {
    side == Side::Client || t.facts.connected.is_some()
}
