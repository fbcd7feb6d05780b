//! The transaction: its timing, state, captures and numbers (manual, 7.3.2, 7.3.3 and 8.4).

use super::{flag, number, text};
use crate::args::{ArgType, Args};
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch};
use crate::place::Needs;
use crate::scope::{Number, Side, Text};
use crate::{Lookup, Type, Value};

macro_rules! timer {
    ($name:literal, $needs:expr, $times:ident, $ms:expr, $help:literal) => {
        fetch(
            $name,
            NO_ARGS,
            Type::Sint,
            $needs,
            |e, _| {
                let $times = e.scope.times();
                Lookup::Value(Value::Sint($ms))
            },
            $help,
        )
    };
}

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    timer!(
        "fc.timer.handshake",
        Needs::ClientConnection,
        t,
        t.handshake,
        "Time of the handshakes in ms (%Th)."
    ),
    timer!("fc.timer.total", Needs::Frontend, t, t.total, "Total time in ms (%Tt)."),
    timer!("req.timer.idle", Needs::RequestHead, t, t.idle, "Idle time before the request (%Ti)."),
    timer!("req.timer.tq", Needs::RequestHead, t, t.until_request(), "%Th + %Ti + %TR."),
    timer!("req.timer.hdr", Needs::RequestHead, t, t.request, "Time to get the request (%TR)."),
    timer!("req.timer.queue", Needs::ServerConnection, t, t.queue, "Time in queues (%Tw)."),
    timer!("bc.timer.connect", Needs::ServerConnection, t, t.connect, "Time to connect (%Tc)."),
    timer!("res.timer.hdr", Needs::ResponseHead, t, t.response, "Time to the response's head (%Tr)."),
    timer!("res.timer.data", Needs::TransferStats, t, t.data(), "Time of the data (%Td)."),
    timer!("txn.timer.total", Needs::TransactionStats, t, t.active, "Active time (%Ta)."),
    timer!("txn.timer.user", Needs::TransactionStats, t, t.user(), "Time the user waited (%Tu)."),
    fetch(
        "txn.status",
        NO_ARGS,
        Type::Sint,
        Needs::Response,
        |e, _| Lookup::Value(Value::Sint(e.scope.number(Number::Status).unwrap_or(-1))),
        "Status that the client was answered.",
    ),
    fetch(
        "txn.conn_retries",
        NO_ARGS,
        Type::Sint,
        Needs::ServerConnection,
        |e, _| number(e, Number::Retries),
        "Retries so far.",
    ),
    fetch(
        "txn.redispatched",
        NO_ARGS,
        Type::Bool,
        Needs::ServerConnection,
        |e, _| flag(e, Number::Redispatched),
        "Whether another server was tried.",
    ),
    fetch(
        "txn.id32",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::RequestCounter),
        "Number of the request, 32 bits.",
    ),
    fetch("txn.sess_term_state", NO_ARGS, Type::Str, Needs::Process, termination, "Termination state (%ts)."),
    fetch(
        "term_events",
        NO_ARGS,
        Type::Str,
        Needs::Process,
        |e, _| text(e, Text::TerminationEvents),
        "Events that ended the stream.",
    ),
    fetch("unique-id", NO_ARGS, Type::Str, Needs::Nothing, |e, _| text(e, Text::UniqueId), "The unique id."),
    fetch(
        "last_entity",
        NO_ARGS,
        Type::Str,
        Needs::Process,
        |e, _| entity(e, Text::LastRuleFile, Number::LastRuleLine),
        "What ran last.",
    ),
    fetch(
        "waiting_entity",
        NO_ARGS,
        Type::Str,
        Needs::Process,
        |e, _| entity(e, Text::WaitingRuleFile, Number::WaitingRuleLine),
        "What was waited for.",
    ),
    fetch(
        "last_rule_file",
        NO_ARGS,
        Type::Str,
        Needs::Process,
        |e, _| text(e, Text::LastRuleFile),
        "File of the last final rule.",
    ),
    fetch(
        "last_rule_line",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::LastRuleLine),
        "Line of the last final rule.",
    ),
    fetch(
        "http_first_req",
        NO_ARGS,
        Type::Bool,
        Needs::Request,
        |e, _| flag(e, Number::FirstRequest),
        "Whether it is the connection's first request.",
    ),
    fetch("status", NO_ARGS, Type::Sint, Needs::Response, status, "Status of the response."),
    fetch(
        "server_status",
        NO_ARGS,
        Type::Sint,
        Needs::Response,
        |e, _| number(e, Number::ServerStatus),
        "Status that the server answered.",
    ),
    fetch(
        "bytes_in",
        NO_ARGS,
        Type::Sint,
        Needs::RequestStats,
        |e, _| number(e, Number::BytesIn(Side::Client)),
        "Bytes from the client.",
    ),
    fetch(
        "bytes_out",
        NO_ARGS,
        Type::Sint,
        Needs::TransferStats,
        |e, _| number(e, Number::BytesIn(Side::Server)),
        "Bytes from the server.",
    ),
    fetch(
        "req.bytes_in",
        NO_ARGS,
        Type::Sint,
        Needs::RequestStats,
        |e, _| number(e, Number::BytesIn(Side::Client)),
        "Bytes from the client.",
    ),
    fetch(
        "req.bytes_out",
        NO_ARGS,
        Type::Sint,
        Needs::RequestStats,
        |e, _| number(e, Number::BytesOut(Side::Client)),
        "Bytes to the server.",
    ),
    fetch(
        "res.bytes_in",
        NO_ARGS,
        Type::Sint,
        Needs::TransferStats,
        |e, _| number(e, Number::BytesIn(Side::Server)),
        "Bytes from the server.",
    ),
    fetch(
        "res.bytes_out",
        NO_ARGS,
        Type::Sint,
        Needs::TransferStats,
        |e, _| number(e, Number::BytesOut(Side::Server)),
        "Bytes to the client.",
    ),
    fetch(
        "capture.req.method",
        NO_ARGS,
        Type::Str,
        Needs::Request,
        |e, _| text(e, Text::CapturedMethod),
        "Method of the request, as captured.",
    ),
    fetch(
        "capture.req.uri",
        NO_ARGS,
        Type::Str,
        Needs::Request,
        |e, _| captured_uri(e),
        "Target of the request, as captured.",
    ),
    fetch(
        "capture.req.ver",
        NO_ARGS,
        Type::Str,
        Needs::Request,
        |e, _| text(e, Text::CapturedRequestVersion),
        "Version of the request, as captured.",
    ),
    fetch(
        "capture.res.ver",
        NO_ARGS,
        Type::Str,
        Needs::Request,
        |e, _| text(e, Text::CapturedResponseVersion),
        "Version of the response, as captured.",
    ),
    fetch(
        "capture.req.hdr",
        (1, &[ArgType::Int]),
        Type::Str,
        Needs::Request,
        |e, a| capture(e, a, Side::Client),
        "A captured request header.",
    ),
    fetch(
        "capture.res.hdr",
        (1, &[ArgType::Int]),
        Type::Str,
        Needs::Response,
        |e, a| capture(e, a, Side::Server),
        "A captured response header.",
    ),
    fetch(
        "fs.id",
        NO_ARGS,
        Type::Str,
        Needs::ClientSession,
        |e, _| number(e, Number::StreamId(Side::Client)),
        "Number of the front stream.",
    ),
    fetch(
        "bs.id",
        NO_ARGS,
        Type::Sint,
        Needs::ServerSession,
        |e, _| number(e, Number::StreamId(Side::Server)),
        "Number of the back stream.",
    ),
    fetch(
        "fs.aborted",
        NO_ARGS,
        Type::Sint,
        Needs::ClientSession,
        |e, _| aborted(e, Side::Client),
        "Whether the client gave up.",
    ),
    fetch(
        "bs.aborted",
        NO_ARGS,
        Type::Sint,
        Needs::ServerSession,
        |e, _| aborted(e, Side::Server),
        "Whether the server gave up.",
    ),
    fetch(
        "fs.rst_code",
        NO_ARGS,
        Type::Sint,
        Needs::ClientSession,
        |e, _| number(e, Number::ResetCode(Side::Client)),
        "Code of the client's reset.",
    ),
    fetch(
        "bs.rst_code",
        NO_ARGS,
        Type::Sint,
        Needs::ServerSession,
        |e, _| number(e, Number::ResetCode(Side::Server)),
        "Code of the server's reset.",
    ),
    fetch(
        "res.cache_hit",
        NO_ARGS,
        Type::Bool,
        Needs::Response,
        |e, _| flag(e, Number::CacheHit),
        "Whether the cache answered.",
    ),
    fetch(
        "res.cache_name",
        NO_ARGS,
        Type::Str,
        Needs::Response,
        |e, _| text(e, Text::CacheName),
        "The cache that answered.",
    ),
    fetch(
        "res.comp",
        NO_ARGS,
        Type::Bool,
        Needs::Response,
        |e, _| flag(e, Number::Compressed),
        "Whether the answer is compressed.",
    ),
    fetch(
        "res.comp_algo",
        NO_ARGS,
        Type::Str,
        Needs::Response,
        |e, _| text(e, Text::Compression),
        "How the answer is compressed.",
    ),
    fetch(
        "internal.strm.is_htx",
        NO_ARGS,
        Type::Bool,
        Needs::Process,
        |e, _| flag(e, Number::StreamIsHttp),
        "Whether the stream speaks HTTP.",
    ),
];

/// A rule by its place, `file:line`.
fn entity<'a>(eval: &Eval<'a>, file: Text, line: Number) -> Lookup<Value<'a>> {
    let (scope, scratch) = (eval.scope, eval.scratch);
    let place = scope.text(file).zip(scope.number(line));
    place
        .map(|(file, line)| {
            Value::Str(scratch.build(|out| {
                out.extend_from_slice(file);
                out.push(b':');
                Value::Sint(line).write(out);
            }))
        })
        .into()
}

/// Where there is no stream, none was given up.
fn aborted<'a>(eval: &Eval<'a>, side: Side) -> Lookup<Value<'a>> {
    eval.scope.number(Number::StreamAborted(side)).map(|n| Value::Bool(n != 0)).into()
}

fn termination<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    let state = eval.scope.text(Text::Termination).unwrap_or(b"--");
    Lookup::Value(Value::Str(state.get(..2).unwrap_or(state)))
}

fn status<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    eval.scope.head(Side::Server).map(|head| Value::Sint(i64::from(head.status())))
}

/// Without scheme and authority.
fn captured_uri<'a>(eval: &Eval<'a>) -> Lookup<Value<'a>> {
    text(eval, Text::CapturedUri).filter_map(|uri| {
        let shown = weir_http::uri::path_and_query(uri.bytes()?);
        Some(Value::Str(shown)).filter(|_| !shown.is_empty())
    })
}

fn capture<'a>(eval: &Eval<'a>, args: &Args, side: Side) -> Lookup<Value<'a>> {
    let slot = args.int(0).and_then(|n| usize::try_from(n).ok());
    slot.and_then(|slot| eval.scope.capture(side, slot)).map(Value::Str).into()
}
