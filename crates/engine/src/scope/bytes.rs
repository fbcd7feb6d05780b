//! How many bytes passed, as expressions and log lines count them.

use weir_expr::Side;
use weir_expr::scope::Number;

use super::View;
use crate::log::Origin;

/// Bytes of one direction. Of messages the reference counts what the log shows of them, and nothing while rules run.
pub(super) fn passed(view: &View<'_>, what: Number) -> i64 {
    let facts = &view.t.facts;
    let under_way = !view.origin.has_total();
    let n = match what {
        Number::BytesIn(_) | Number::BytesOut(_) | Number::LogBytesRead
            if under_way && (view.is_http() || what == Number::LogBytesRead) =>
        {
            0
        }
        Number::BytesIn(Side::Client) | Number::BytesOut(Side::Client) if view.is_http() => facts.log_bytes.0,
        Number::BytesIn(Side::Server) | Number::BytesOut(Side::Server) if view.is_http() => facts.log_bytes.1,
        Number::BytesIn(Side::Client) => facts.bytes_in,
        Number::BytesIn(Side::Server) => facts.bytes_down,
        Number::BytesOut(Side::Client) => facts.bytes_up,
        Number::BytesOut(Side::Server) => facts.bytes_out,
        Number::LogBytesRead => facts.log_bytes.1,
        _ if under_way => 0,
        _ if view.origin == Origin::Close => facts.log_bytes.0,
        _ => facts.log_bytes.0.saturating_sub(facts.head_bytes),
    };
    i64::try_from(n).unwrap_or(i64::MAX)
}
