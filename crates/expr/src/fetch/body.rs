//! Bodies and parameters (manual, 7.3.6): `req.body` and its kin, `url_param`, `req.body_param`.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Cursor, Eval, Fetch, NO_ARGS, fetch, prepared_fetch};
use crate::place::Needs;
use crate::scope::Bytes;
use crate::scope::Side::{self, Client, Server};
use crate::{Load, Lookup, Type, Value};

const PARAMETER: (u8, &[ArgType]) = (0, &[ArgType::Str, ArgType::Str, ArgType::Str]);

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch(
        "req.body",
        NO_ARGS,
        Type::Bin,
        Needs::RequestHead,
        |e, _| body(e, Client),
        "What came of the request's body.",
    ),
    fetch(
        "req.body_len",
        NO_ARGS,
        Type::Sint,
        Needs::RequestHead,
        |e, _| body_len(e, Client),
        "How much came of the request's body.",
    ),
    fetch(
        "req.body_size",
        NO_ARGS,
        Type::Sint,
        Needs::RequestHead,
        |e, _| body_size(e, Client),
        "The size that the request promises.",
    ),
    fetch(
        "res.body",
        NO_ARGS,
        Type::Bin,
        Needs::ResponseHead,
        |e, _| body(e, Server),
        "What came of the response's body.",
    ),
    fetch(
        "res.body_len",
        NO_ARGS,
        Type::Sint,
        Needs::ResponseHead,
        |e, _| body_len(e, Server),
        "How much came of the response's body.",
    ),
    fetch(
        "res.body_size",
        NO_ARGS,
        Type::Sint,
        Needs::ResponseHead,
        |e, _| body_size(e, Server),
        "The size that the response promises.",
    ),
    prepared_fetch(
        fetch("urlp", PARAMETER, Type::Str, Needs::RequestHead, url_param, "A parameter of the query."),
        prepare_parameter,
    ),
    prepared_fetch(
        fetch("url_param", PARAMETER, Type::Str, Needs::RequestHead, url_param, "As `urlp`."),
        prepare_parameter,
    ),
    prepared_fetch(
        fetch(
            "urlp_val",
            PARAMETER,
            Type::Sint,
            Needs::RequestHead,
            url_param_val,
            "A parameter of the query as an integer.",
        ),
        prepare_parameter,
    ),
    prepared_fetch(
        fetch(
            "req.body_param",
            (0, &[ArgType::Str, ArgType::Str]),
            Type::Bin,
            Needs::RequestHead,
            body_param,
            "A parameter of a form in the body.",
        ),
        prepare_body_param,
    ),
];

fn body<'a>(eval: &Eval<'a>, side: Side) -> Lookup<Value<'a>> {
    let scratch = eval.scratch;
    eval.scope.body(side).map(|bytes| Value::Bin(bytes.joined(scratch)))
}

fn body_len<'a>(eval: &Eval<'a>, side: Side) -> Lookup<Value<'a>> {
    size(eval, side, |bytes| bytes.len() as u64)
}

fn body_size<'a>(eval: &Eval<'a>, side: Side) -> Lookup<Value<'a>> {
    size(eval, side, |bytes| bytes.promised.unwrap_or(bytes.len() as u64))
}

/// A size is what it is now: nobody waits for more of the body to know it.
fn size<'a>(eval: &Eval<'a>, side: Side, of: impl FnOnce(&Bytes<'_>) -> u64) -> Lookup<Value<'a>> {
    let known = eval.scope.body(side).some();
    known.map(|bytes| Value::Sint(i64::try_from(of(&bytes)).unwrap_or(i64::MAX))).into()
}

fn url_param<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let delimiter = args.str(1).and_then(|d| d.first()).copied().unwrap_or(b'?');
    let found = eval.scope.head(Client);
    found.filter_map(|head| {
        let all = head.target();
        let at = memchr::memchr(delimiter, all)?;
        parameter(eval, all.get(at + 1..)?, args, args.int(2).is_some(), delimiter)
    })
}

fn url_param_val<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    url_param(eval, args).filter_map(|v| Some(Value::Sint(crate::value::leading_int32(v.bytes()?))))
}

fn body_param<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let scratch = eval.scratch;
    let found = eval.scope.body(Client);
    found.filter_map(|bytes| {
        let all = bytes.joined(scratch);
        parameter(eval, all, args, args.int(1).is_some(), b'?')
    })
}

/// The value of a parameter, or of the next one of its name where each is wanted.
fn parameter<'a>(
    eval: &mut Eval<'a>,
    query: &'a [u8],
    args: &'a Args,
    ignore_case: bool,
    delimiter: u8,
) -> Option<Value<'a>> {
    let name = args.str(0).unwrap_or_default();
    let mut offset = if eval.each { eval.cursor.offset } else { 0 };
    loop {
        let rest = query.get(offset..).filter(|r| !r.is_empty())?;
        let separates = |c: &u8| match delimiter {
            b'=' => matches!(c, b'&' | b';'),
            other => *c == other || matches!(c, b'&' | b';'),
        };
        let end = rest.iter().position(separates).unwrap_or(rest.len());
        let pair = rest.get(..end)?;
        offset += end + 1;
        let equals = memchr::memchr(b'=', pair);
        let (key, value) = match equals {
            Some(at) => (pair.get(..at)?, pair.get(at + 1..)?),
            None => (pair, &b""[..]),
        };
        let same = name.is_empty() || if ignore_case { key.eq_ignore_ascii_case(name) } else { key == name };
        if same && equals.is_some() {
            eval.cursor = Cursor { item: 0, offset };
            eval.more = eval.each;
            return Some(Value::Str(value));
        }
    }
}

fn prepare_parameter(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    option_i(args, 2)
}

fn prepare_body_param(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    option_i(args, 1)
}

/// `i` for "whatever the case".
fn option_i(args: &mut Args, n: usize) -> Result<(), String> {
    match args.str(n) {
        None => Ok(()),
        Some(b"i") => {
            args.set(n, Arg::Int(1));
            Ok(())
        }
        Some(other) => {
            Err(format!("'{}' is not a valid option. Only 'i' is supported.", String::from_utf8_lossy(other)))
        }
    }
}
