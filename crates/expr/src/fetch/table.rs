//! Stick tables and their counters (manual, 7.3.2 and 7.3.3): `sc_*` by what a counter tracks, `src_*` by the
//! client's address, `table_*` of a table.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Eval, Fetch, fetch};
use crate::place::Needs;
use crate::scope::TableData::{self, Gpc, Gpc0, Gpc1, Gpt, Gpt0};
use crate::scope::TableOp::{self, Clear, Exists, Increment, Rate, Read, Trackers};
use crate::scope::{Address, Endpoint, TableKey};
use crate::{Lookup, Type, Value};

const NUMBERED: (u8, &[ArgType]) = (1, &[ArgType::Int, ArgType::Table]);
const INDEXED: (u8, &[ArgType]) = (2, &[ArgType::Int, ArgType::Int, ArgType::Table]);
const INDEXED_BY_ONE: (u8, &[ArgType]) = (1, &[ArgType::Int, ArgType::Table]);
const SOURCE: (u8, &[ArgType]) = (1, &[ArgType::Table]);
const SOURCE_INDEXED: (u8, &[ArgType]) = (2, &[ArgType::Int, ArgType::Table]);
const OPTIONAL: (u8, &[ArgType]) = (0, &[ArgType::Table]);

/// One counter in its four spellings: by number, by the client's address, and for counters 0 to 2.
macro_rules! counter {
    ($sc:literal, $sc0:literal, $sc1:literal, $sc2:literal, $op:expr, $help:literal) => {
        &[
            fetch($sc, NUMBERED, Type::Sint, Needs::Process, |e, a| numbered(e, a, $op), $help),
            fetch($sc0, OPTIONAL, Type::Sint, Needs::Process, |e, a| tracked(e, a, 0, $op), $help),
            fetch($sc1, OPTIONAL, Type::Sint, Needs::Process, |e, a| tracked(e, a, 1, $op), $help),
            fetch($sc2, OPTIONAL, Type::Sint, Needs::Process, |e, a| tracked(e, a, 2, $op), $help),
        ]
    };
}

macro_rules! source {
    ($name:literal, $op:expr, $help:literal) => {
        fetch($name, SOURCE, Type::Sint, Needs::ClientConnection, |e, a| source(e, a, $op), $help)
    };
}

/// Counters that a rule tracks, by name; see [`SPELLINGS`].
pub(super) const TRACKED: &[Fetch] = &flatten::<{ 4 * SPELLINGS.len() }>(SPELLINGS);

const SPELLINGS: &[&[Fetch; 4]] = &[
    counter!(
        "sc_bytes_in_rate",
        "sc0_bytes_in_rate",
        "sc1_bytes_in_rate",
        "sc2_bytes_in_rate",
        Read(TableData::BytesInRate),
        "Bytes in, rate."
    ),
    counter!(
        "sc_bytes_out_rate",
        "sc0_bytes_out_rate",
        "sc1_bytes_out_rate",
        "sc2_bytes_out_rate",
        Read(TableData::BytesOutRate),
        "Bytes out, rate."
    ),
    counter!(
        "sc_clr_gpc0",
        "sc0_clr_gpc0",
        "sc1_clr_gpc0",
        "sc2_clr_gpc0",
        Clear(Gpc0),
        "Counter 0, then set to 0."
    ),
    counter!(
        "sc_clr_gpc1",
        "sc0_clr_gpc1",
        "sc1_clr_gpc1",
        "sc2_clr_gpc1",
        Clear(Gpc1),
        "Counter 1, then set to 0."
    ),
    counter!(
        "sc_conn_cnt",
        "sc0_conn_cnt",
        "sc1_conn_cnt",
        "sc2_conn_cnt",
        Read(TableData::ConnCnt),
        "Connections counted."
    ),
    counter!(
        "sc_conn_cur",
        "sc0_conn_cur",
        "sc1_conn_cur",
        "sc2_conn_cur",
        Read(TableData::ConnCur),
        "Connections now."
    ),
    counter!(
        "sc_conn_rate",
        "sc0_conn_rate",
        "sc1_conn_rate",
        "sc2_conn_rate",
        Read(TableData::ConnRate),
        "Connections, rate."
    ),
    counter!("sc_get_gpc0", "sc0_get_gpc0", "sc1_get_gpc0", "sc2_get_gpc0", Read(Gpc0), "Counter 0."),
    counter!("sc_get_gpc1", "sc0_get_gpc1", "sc1_get_gpc1", "sc2_get_gpc1", Read(Gpc1), "Counter 1."),
    counter!("sc_get_gpt0", "sc0_get_gpt0", "sc1_get_gpt0", "sc2_get_gpt0", Read(Gpt0), "Tag 0."),
    counter!(
        "sc_glitch_cnt",
        "sc0_glitch_cnt",
        "sc1_glitch_cnt",
        "sc2_glitch_cnt",
        Read(TableData::GlitchCnt),
        "Protocol oddities."
    ),
    counter!(
        "sc_glitch_rate",
        "sc0_glitch_rate",
        "sc1_glitch_rate",
        "sc2_glitch_rate",
        Read(TableData::GlitchRate),
        "Protocol oddities, rate."
    ),
    counter!(
        "sc_gpc0_rate",
        "sc0_gpc0_rate",
        "sc1_gpc0_rate",
        "sc2_gpc0_rate",
        Rate(Gpc0),
        "Counter 0, rate."
    ),
    counter!(
        "sc_gpc1_rate",
        "sc0_gpc1_rate",
        "sc1_gpc1_rate",
        "sc2_gpc1_rate",
        Rate(Gpc1),
        "Counter 1, rate."
    ),
    counter!(
        "sc_http_err_cnt",
        "sc0_http_err_cnt",
        "sc1_http_err_cnt",
        "sc2_http_err_cnt",
        Read(TableData::HttpErrCnt),
        "Client errors."
    ),
    counter!(
        "sc_http_err_rate",
        "sc0_http_err_rate",
        "sc1_http_err_rate",
        "sc2_http_err_rate",
        Read(TableData::HttpErrRate),
        "Client errors, rate."
    ),
    counter!(
        "sc_http_fail_cnt",
        "sc0_http_fail_cnt",
        "sc1_http_fail_cnt",
        "sc2_http_fail_cnt",
        Read(TableData::HttpFailCnt),
        "Server failures."
    ),
    counter!(
        "sc_http_fail_rate",
        "sc0_http_fail_rate",
        "sc1_http_fail_rate",
        "sc2_http_fail_rate",
        Read(TableData::HttpFailRate),
        "Server failures, rate."
    ),
    counter!(
        "sc_http_req_cnt",
        "sc0_http_req_cnt",
        "sc1_http_req_cnt",
        "sc2_http_req_cnt",
        Read(TableData::HttpReqCnt),
        "Requests."
    ),
    counter!(
        "sc_http_req_rate",
        "sc0_http_req_rate",
        "sc1_http_req_rate",
        "sc2_http_req_rate",
        Read(TableData::HttpReqRate),
        "Requests, rate."
    ),
    counter!(
        "sc_inc_gpc0",
        "sc0_inc_gpc0",
        "sc1_inc_gpc0",
        "sc2_inc_gpc0",
        Increment(Gpc0),
        "Counter 0 after adding 1."
    ),
    counter!(
        "sc_inc_gpc1",
        "sc0_inc_gpc1",
        "sc1_inc_gpc1",
        "sc2_inc_gpc1",
        Increment(Gpc1),
        "Counter 1 after adding 1."
    ),
    counter!(
        "sc_kbytes_in",
        "sc0_kbytes_in",
        "sc1_kbytes_in",
        "sc2_kbytes_in",
        Read(TableData::BytesIn),
        "KiB in."
    ),
    counter!(
        "sc_kbytes_out",
        "sc0_kbytes_out",
        "sc1_kbytes_out",
        "sc2_kbytes_out",
        Read(TableData::BytesOut),
        "KiB out."
    ),
    counter!(
        "sc_sess_cnt",
        "sc0_sess_cnt",
        "sc1_sess_cnt",
        "sc2_sess_cnt",
        Read(TableData::SessCnt),
        "Sessions."
    ),
    counter!(
        "sc_sess_rate",
        "sc0_sess_rate",
        "sc1_sess_rate",
        "sc2_sess_rate",
        Read(TableData::SessRate),
        "Sessions, rate."
    ),
    counter!(
        "sc_trackers",
        "sc0_trackers",
        "sc1_trackers",
        "sc2_trackers",
        Trackers,
        "Who tracks the same entry."
    ),
];

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch(
        "sc_tracked",
        NUMBERED,
        Type::Bool,
        Needs::Process,
        |e, a| numbered(e, a, Exists).map(truth),
        "Whether a counter tracks.",
    ),
    fetch(
        "sc0_tracked",
        OPTIONAL,
        Type::Bool,
        Needs::Process,
        |e, a| tracked(e, a, 0, Exists).map(truth),
        "Whether counter 0 tracks.",
    ),
    fetch(
        "sc1_tracked",
        OPTIONAL,
        Type::Bool,
        Needs::Process,
        |e, a| tracked(e, a, 1, Exists).map(truth),
        "Whether counter 1 tracks.",
    ),
    fetch(
        "sc2_tracked",
        OPTIONAL,
        Type::Bool,
        Needs::Process,
        |e, a| tracked(e, a, 2, Exists).map(truth),
        "Whether counter 2 tracks.",
    ),
    fetch(
        "sc_key",
        (1, &[ArgType::Int]),
        Type::Any,
        Needs::Process,
        |e, a| key(e, a.int(0).unwrap_or(0)),
        "The key a counter tracks.",
    ),
    fetch("sc0_key", (0, &[]), Type::Any, Needs::Process, |e, _| key(e, 0), "The key counter 0 tracks."),
    fetch("sc1_key", (0, &[]), Type::Any, Needs::Process, |e, _| key(e, 1), "The key counter 1 tracks."),
    fetch("sc2_key", (0, &[]), Type::Any, Needs::Process, |e, _| key(e, 2), "The key counter 2 tracks."),
    fetch(
        "sc_get_gpc",
        INDEXED,
        Type::Sint,
        Needs::Process,
        |e, a| indexed(e, a, |n| Read(Gpc(n))),
        "A counter of the array.",
    ),
    fetch(
        "sc_get_gpt",
        INDEXED,
        Type::Sint,
        Needs::Process,
        |e, a| indexed(e, a, |n| Read(Gpt(n))),
        "A tag of the array.",
    ),
    fetch(
        "sc_gpc_rate",
        INDEXED,
        Type::Sint,
        Needs::Process,
        |e, a| indexed(e, a, |n| Rate(Gpc(n))),
        "A counter of the array, rate.",
    ),
    fetch(
        "sc_inc_gpc",
        INDEXED,
        Type::Sint,
        Needs::Process,
        |e, a| indexed(e, a, |n| Increment(Gpc(n))),
        "A counter of the array after adding 1.",
    ),
    fetch(
        "sc_clr_gpc",
        INDEXED,
        Type::Sint,
        Needs::Process,
        |e, a| indexed(e, a, |n| Clear(Gpc(n))),
        "A counter of the array, then set to 0.",
    ),
    fetch(
        "sc1_clr_gpc",
        INDEXED_BY_ONE,
        Type::Sint,
        Needs::Process,
        sc1_clr_gpc,
        "A counter of the array of counter 1, then set to 0.",
    ),
    fetch(
        "src_get_gpc",
        SOURCE_INDEXED,
        Type::Sint,
        Needs::ClientConnection,
        |e, a| source_indexed(e, a, |n| Read(Gpc(n))),
        "A counter of the array, by source.",
    ),
    fetch(
        "src_get_gpt",
        SOURCE_INDEXED,
        Type::Sint,
        Needs::ClientConnection,
        |e, a| source_indexed(e, a, |n| Read(Gpt(n))),
        "A tag of the array, by source.",
    ),
    fetch(
        "src_gpc_rate",
        SOURCE_INDEXED,
        Type::Sint,
        Needs::ClientConnection,
        |e, a| source_indexed(e, a, |n| Rate(Gpc(n))),
        "A counter of the array, rate, by source.",
    ),
    fetch(
        "src_inc_gpc",
        SOURCE_INDEXED,
        Type::Sint,
        Needs::ClientConnection,
        |e, a| source_indexed(e, a, |n| Increment(Gpc(n))),
        "A counter of the array after adding 1, by source.",
    ),
    fetch(
        "src_clr_gpc",
        SOURCE_INDEXED,
        Type::Sint,
        Needs::ClientConnection,
        |e, a| source_indexed(e, a, |n| Clear(Gpc(n))),
        "A counter of the array, then set to 0, by source.",
    ),
    source!("src_bytes_in_rate", Read(TableData::BytesInRate), "Bytes in, rate, by source."),
    source!("src_bytes_out_rate", Read(TableData::BytesOutRate), "Bytes out, rate, by source."),
    source!("src_clr_gpc0", Clear(Gpc0), "Counter 0, then set to 0, by source."),
    source!("src_clr_gpc1", Clear(Gpc1), "Counter 1, then set to 0, by source."),
    source!("src_conn_cnt", Read(TableData::ConnCnt), "Connections counted, by source."),
    source!("src_conn_cur", Read(TableData::ConnCur), "Connections now, by source."),
    source!("src_conn_rate", Read(TableData::ConnRate), "Connections, rate, by source."),
    source!("src_get_gpc0", Read(Gpc0), "Counter 0, by source."),
    source!("src_get_gpc1", Read(Gpc1), "Counter 1, by source."),
    source!("src_get_gpt0", Read(Gpt0), "Tag 0, by source."),
    source!("src_glitch_cnt", Read(TableData::GlitchCnt), "Protocol oddities, by source."),
    source!("src_glitch_rate", Read(TableData::GlitchRate), "Protocol oddities, rate, by source."),
    source!("src_gpc0_rate", Rate(Gpc0), "Counter 0, rate, by source."),
    source!("src_gpc1_rate", Rate(Gpc1), "Counter 1, rate, by source."),
    source!("src_http_err_cnt", Read(TableData::HttpErrCnt), "Client errors, by source."),
    source!("src_http_err_rate", Read(TableData::HttpErrRate), "Client errors, rate, by source."),
    source!("src_http_fail_cnt", Read(TableData::HttpFailCnt), "Server failures, by source."),
    source!("src_http_fail_rate", Read(TableData::HttpFailRate), "Server failures, rate, by source."),
    source!("src_http_req_cnt", Read(TableData::HttpReqCnt), "Requests, by source."),
    source!("src_http_req_rate", Read(TableData::HttpReqRate), "Requests, rate, by source."),
    source!("src_inc_gpc0", Increment(Gpc0), "Counter 0 after adding 1, by source."),
    source!("src_inc_gpc1", Increment(Gpc1), "Counter 1 after adding 1, by source."),
    source!("src_kbytes_in", Read(TableData::BytesIn), "KiB in, by source."),
    source!("src_kbytes_out", Read(TableData::BytesOut), "KiB out, by source."),
    source!("src_sess_cnt", Read(TableData::SessCnt), "Sessions, by source."),
    source!("src_sess_rate", Read(TableData::SessRate), "Sessions, rate, by source."),
    source!("src_updt_conn_cnt", TableOp::CountConnection, "Connections counted, this one with them."),
    fetch(
        "table_cnt",
        SOURCE,
        Type::Sint,
        Needs::Process,
        |e, a| whole(e, a, TableOp::Used),
        "Entries in use.",
    ),
    fetch(
        "table_avl",
        SOURCE,
        Type::Sint,
        Needs::Process,
        |e, a| whole(e, a, TableOp::Available),
        "Entries left.",
    ),
];

const fn flatten<const N: usize>(groups: &[&[Fetch; 4]]) -> [Fetch; N] {
    let mut all = [crate::keyword::fetch_to_come("", ""); N];
    let (mut rest, mut slots): (&[&[Fetch; 4]], &mut [Fetch]) = (groups, &mut all);
    while let ([group, others @ ..], [a, b, c, d, left @ ..]) = (rest, slots) {
        [*a, *b, *c, *d] = **group;
        (rest, slots) = (others, left);
    }
    all
}

fn numbered<'a>(eval: &Eval<'a>, args: &Args, op: TableOp) -> Lookup<Value<'a>> {
    let n = args.int(0).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    ask(eval, TableKey::Tracked(n, args.table(1)), op)
}

fn tracked<'a>(eval: &Eval<'a>, args: &Args, n: u32, op: TableOp) -> Lookup<Value<'a>> {
    ask(eval, TableKey::Tracked(n, args.table(0)), op)
}

fn indexed<'a>(eval: &Eval<'a>, args: &Args, op: fn(u32) -> TableOp) -> Lookup<Value<'a>> {
    let index = args.int(0).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let n = args.int(1).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    ask(eval, TableKey::Tracked(n, args.table(2)), op(index))
}

fn sc1_clr_gpc<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let index = args.int(0).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    ask(eval, TableKey::Tracked(1, args.table(1)), Clear(Gpc(index)))
}

fn source<'a>(eval: &Eval<'a>, args: &Args, op: TableOp) -> Lookup<Value<'a>> {
    by_source(eval, args.arg(0), op)
}

fn source_indexed<'a>(eval: &Eval<'a>, args: &Args, op: fn(u32) -> TableOp) -> Lookup<Value<'a>> {
    let index = args.int(0).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    by_source(eval, args.arg(1), op(index))
}

fn by_source<'a>(eval: &Eval<'a>, table: &Arg, op: TableOp) -> Lookup<Value<'a>> {
    let table = match table {
        Arg::Table(table) => Some(*table),
        _ => None,
    };
    match eval.scope.address(Address::Source) {
        Some(Endpoint::Ip(address)) => ask(eval, TableKey::Key(Value::from_ip(address.ip()), table), op),
        _ => Lookup::Absent,
    }
}

fn whole<'a>(eval: &Eval<'a>, args: &Args, op: TableOp) -> Lookup<Value<'a>> {
    ask(eval, TableKey::Whole(args.table(0)), op)
}

fn key<'a>(eval: &Eval<'a>, n: i64) -> Lookup<Value<'a>> {
    let (scope, scratch) = (eval.scope, eval.scratch);
    u32::try_from(n).ok().and_then(|n| scope.tracked_key(n, scratch)).into()
}

fn ask<'a>(eval: &Eval<'a>, key: TableKey<'_>, op: TableOp) -> Lookup<Value<'a>> {
    eval.scope.table(key, op).map(Value::Sint)
}

fn truth(value: Value<'_>) -> Value<'_> {
    Value::Bool(value.to_bool().unwrap_or(false))
}
