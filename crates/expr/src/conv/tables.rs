//! Stick tables, servers and proxies looked up by a key or a name.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, NO_ARGS, converter};
use crate::scope::TableData::{self, Gpc, Gpc0, Gpc1, Gpt, Gpt0};
use crate::scope::TableOp::{self, Clear, Increment, Rate, Read};
use crate::scope::{ProxyNumber, ServerNumber, Side, TableKey};
use crate::{Type, Value};

const TABLE: (u8, &[ArgType]) = (1, &[ArgType::Table]);
const TABLE_DEFAULT: (u8, &[ArgType]) = (1, &[ArgType::Table, ArgType::Int]);
const INDEXED: (u8, &[ArgType]) = (2, &[ArgType::Int, ArgType::Table]);

macro_rules! table {
    ($name:literal, $op:expr, $help:literal) => {
        converter(
            $name,
            TABLE,
            Type::Any,
            Type::Sint,
            |e, a, v| ask(e, a.arg(0), v, $op).map(Value::Sint),
            $help,
        )
    };
}
macro_rules! indexed {
    ($name:literal, $op:expr, $help:literal) => {
        converter(
            $name,
            INDEXED,
            Type::Any,
            Type::Sint,
            |e, a, v| {
                let index = u32::try_from(a.int(0)?).ok()?;
                ask(e, a.arg(1), v, $op(index)).map(Value::Sint)
            },
            $help,
        )
    };
}

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter(
        "in_table",
        TABLE,
        Type::Any,
        Type::Bool,
        |e, a, v| Some(Value::Bool(ask(e, a.arg(0), v, TableOp::Exists).unwrap_or(0) != 0)),
        "Whether the table has the key.",
    ),
    table!("table_bytes_in_rate", Read(TableData::BytesInRate), "Bytes in, rate."),
    table!("table_bytes_out_rate", Read(TableData::BytesOutRate), "Bytes out, rate."),
    table!("table_clr_gpc0", Clear(Gpc0), "Counter 0, then set to 0."),
    table!("table_clr_gpc1", Clear(Gpc1), "Counter 1, then set to 0."),
    table!("table_conn_cnt", Read(TableData::ConnCnt), "Connections counted."),
    table!("table_conn_cur", Read(TableData::ConnCur), "Connections now."),
    table!("table_conn_rate", Read(TableData::ConnRate), "Connections, rate."),
    table!("table_glitch_cnt", Read(TableData::GlitchCnt), "Protocol oddities."),
    table!("table_glitch_rate", Read(TableData::GlitchRate), "Protocol oddities, rate."),
    table!("table_gpc0", Read(Gpc0), "Counter 0."),
    table!("table_gpc0_rate", Rate(Gpc0), "Counter 0, rate."),
    table!("table_gpc1", Read(Gpc1), "Counter 1."),
    table!("table_gpc1_rate", Rate(Gpc1), "Counter 1, rate."),
    table!("table_gpt0", Read(Gpt0), "Tag 0."),
    table!("table_http_err_cnt", Read(TableData::HttpErrCnt), "Client errors."),
    table!("table_http_err_rate", Read(TableData::HttpErrRate), "Client errors, rate."),
    table!("table_http_fail_cnt", Read(TableData::HttpFailCnt), "Server failures."),
    table!("table_http_fail_rate", Read(TableData::HttpFailRate), "Server failures, rate."),
    table!("table_http_req_cnt", Read(TableData::HttpReqCnt), "Requests."),
    table!("table_http_req_rate", Read(TableData::HttpReqRate), "Requests, rate."),
    table!("table_inc_gpc0", Increment(Gpc0), "Counter 0 after adding 1."),
    table!("table_inc_gpc1", Increment(Gpc1), "Counter 1 after adding 1."),
    table!("table_kbytes_in", Read(TableData::BytesIn), "KiB in."),
    table!("table_kbytes_out", Read(TableData::BytesOut), "KiB out."),
    table!("table_server_id", Read(TableData::ServerId), "The server stuck to."),
    table!("table_sess_cnt", Read(TableData::SessCnt), "Sessions."),
    table!("table_sess_rate", Read(TableData::SessRate), "Sessions, rate."),
    table!("table_trackers", TableOp::Trackers, "Who tracks the entry."),
    indexed!("table_gpc", |n| Read(Gpc(n)), "A counter of the array."),
    indexed!("table_gpc_rate", |n| Rate(Gpc(n)), "A counter of the array, rate."),
    indexed!("table_gpt", |n| Read(Gpt(n)), "A tag of the array."),
    indexed!("table_inc_gpc", |n| Increment(Gpc(n)), "A counter of the array after adding 1."),
    indexed!("table_clr_gpc", |n| Clear(Gpc(n)), "A counter of the array, then set to 0."),
    converter(
        "table_expire",
        TABLE_DEFAULT,
        Type::Any,
        Type::Sint,
        |e, a, v| or_default(e, a, v, TableOp::Expire),
        "ms until the entry expires.",
    ),
    converter(
        "table_idle",
        TABLE_DEFAULT,
        Type::Any,
        Type::Sint,
        |e, a, v| or_default(e, a, v, TableOp::Idle),
        "ms since the entry was used.",
    ),
    converter(
        "srv_is_up",
        NO_ARGS,
        Type::Str,
        Type::Bool,
        |e, _, v| Some(Value::Bool(server(e, v, ServerNumber::Up)? != 0)),
        "Whether the server of that name is up.",
    ),
    converter(
        "srv_queue",
        NO_ARGS,
        Type::Str,
        Type::Sint,
        |e, _, v| server(e, v, ServerNumber::Queue).map(Value::Sint),
        "Requests queued for the server of that name.",
    ),
    converter("nbsrv", NO_ARGS, Type::Str, Type::Sint, nbsrv, "Servers up in the backend of that name."),
    converter(
        "fe_exists",
        NO_ARGS,
        Type::Str,
        Type::Bool,
        |e, _, v| Some(Value::Bool(e.scope.find_proxy(v.bytes()?, Side::Client).is_some())),
        "Whether there is a frontend of that name.",
    ),
];

fn ask(eval: &Eval<'_>, table: &Arg, key: Value<'_>, op: TableOp) -> Option<i64> {
    let Arg::Table(table) = table else { return None };
    eval.scope.table(TableKey::Key(key, Some(*table)), op).some()
}

fn or_default<'a>(eval: &Eval<'a>, args: &Args, key: Value<'_>, op: TableOp) -> Option<Value<'a>> {
    ask(eval, args.arg(0), key, op).or_else(|| args.int(1)).map(Value::Sint)
}

fn server(eval: &Eval<'_>, name: Value<'_>, what: ServerNumber) -> Option<i64> {
    eval.scope.server(eval.scope.find_server(name.bytes()?)?, what)
}

fn nbsrv<'a>(eval: &mut Eval<'a>, _: &'a Args, name: Value<'a>) -> Option<Value<'a>> {
    let id = eval.scope.find_proxy(name.bytes()?, Side::Server)?;
    eval.scope.proxy(Some(id), ProxyNumber::UsableServers).map(Value::Sint)
}
