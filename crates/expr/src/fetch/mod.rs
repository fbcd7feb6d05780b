//! Fetches: where samples come from (manual, 7.3.2 to 7.3.7), a file for each topic.

mod acl;
mod auth;
mod body;
mod connection;
mod constants;
mod cookie;
mod debug;
mod distcc;
mod header;
mod http;
mod htx;
mod later;
mod payload;
mod process;
mod proxy;
mod table;
mod tls;
mod transaction;
mod variable;

use crate::keyword::{Eval, Fetch};
use crate::scope::{Number, Text};
use crate::{Lookup, Value};
pub(crate) use header::trim;

/// All tables of fetches.
pub const FETCHES: &[&[Fetch]] = &[
    acl::FETCHES,
    auth::FETCHES,
    body::FETCHES,
    connection::FETCHES,
    constants::FETCHES,
    cookie::FETCHES,
    debug::FETCHES,
    distcc::FETCHES,
    header::FETCHES,
    http::FETCHES,
    htx::FETCHES,
    later::FETCHES,
    payload::FETCHES,
    process::FETCHES,
    proxy::FETCHES,
    table::FETCHES,
    table::TRACKED,
    tls::FETCHES,
    transaction::FETCHES,
    variable::FETCHES,
];

/// A number of the scope as a sample.
fn number<'a>(eval: &Eval<'a>, what: Number) -> Lookup<Value<'a>> {
    eval.scope.number(what).map(Value::Sint).into()
}

/// A number of the scope as a truth; absent is false.
fn flag<'a>(eval: &Eval<'a>, what: Number) -> Lookup<Value<'a>> {
    Lookup::Value(Value::Bool(eval.scope.number(what).is_some_and(|n| n != 0)))
}

/// A text of the scope as a sample.
fn text<'a>(eval: &Eval<'a>, what: Text) -> Lookup<Value<'a>> {
    eval.scope.text(what).map(Value::Str).into()
}
