//! States for who looks for a fault (manual, 7.3.2 and 7.3.3): all variables, and what is known of the streams and
//! connections of a side. The reference writes its own flags and addresses there and keeps their form open.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Eval, Fetch, fetch, prepared_fetch};
use crate::place::Needs;
use crate::scope::{Number, Side, Tls, TlsFact};
use crate::vars::VarScope;
use crate::{Load, Lookup, Type, Value};

const LAYERS: (u8, &[ArgType]) = (0, &[ArgType::Int]);

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    prepared_fetch(
        fetch(
            "dump_all_vars",
            (0, &[ArgType::Str, ArgType::Str, ArgType::Str]),
            Type::Str,
            Needs::Nothing,
            all_variables,
            "All variables of a scope with their values.",
        ),
        prepare_variables,
    ),
    fetch(
        "fs.debug_str",
        LAYERS,
        Type::Str,
        Needs::ClientSession,
        |e, a| layers(e, a, Side::Client),
        "What is known of the client's stream and connection.",
    ),
    fetch(
        "bs.debug_str",
        LAYERS,
        Type::Str,
        Needs::ServerSession,
        |e, a| layers(e, a, Side::Server),
        "What is known of the server's stream and connection.",
    ),
];

/// Puts the number of the scope in the place of its name.
fn prepare_variables(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let Some(name) = args.str(0).filter(|name| !name.is_empty()) else {
        args.set(0, Arg::None);
        return Ok(());
    };
    let at = SCOPES.iter().position(|scope| scope.name().as_bytes() == name).ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        format!("invalid scope '{name}', must be one of: sess, txn, req, res, proc")
    })?;
    args.set(0, Arg::Int(at as i64));
    Ok(())
}

fn all_variables<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let only = args.int(0).and_then(|at| SCOPES.get(usize::try_from(at).ok()?));
    let scopes = only.map_or(SCOPES.get(..IN_TURN).unwrap_or_default(), std::slice::from_ref);
    let prefix = args.str(1).unwrap_or_default();
    let delimiter = args.str(2).filter(|d| !d.is_empty()).unwrap_or(b", ");
    let mut out = eval.scratch.buffer();
    for scope in scopes {
        eval.scope.each_var(*scope, eval.scratch, &mut |name, value| {
            if !name.starts_with(prefix) {
                return;
            }
            if !out.is_empty() {
                out.extend_from_slice(delimiter);
            }
            out.extend_from_slice(scope.name().as_bytes());
            out.push(b'.');
            out.extend_from_slice(name);
            out.push(b'=');
            write_value(value, &mut out);
        });
    }
    let out = out.into_bump_slice();
    if out.len() < MOST { Lookup::Value(Value::Str(out)) } else { Lookup::Absent }
}

fn write_value(value: Value<'_>, out: &mut impl Extend<u8>) {
    match value {
        Value::Bool(b) => out.extend(if b { &b"true"[..] } else { b"false" }.iter().copied()),
        Value::Bin(bytes) => out.extend(bytes.iter().flat_map(|b| format!("{b:02X}").into_bytes())),
        Value::Str(text) | Value::Meth(text) => {
            let escaped = |c: &u8| match c {
                b'"' => vec![b'\\', b'"'],
                b'\\' => vec![b'\\', b'\\'],
                b'\r' => vec![b'\\', b'r'],
                b'\n' => vec![b'\\', b'n'],
                8 => vec![b'\\', b'b'],
                0 => vec![b'\\', b'0'],
                c => vec![*c],
            };
            out.extend([b'"']);
            out.extend(text.iter().flat_map(escaped));
            out.extend([b'"']);
        }
        other => other.write(out),
    }
}

fn layers<'a>(eval: &Eval<'a>, args: &Args, side: Side) -> Lookup<Value<'a>> {
    let scope = eval.scope;
    if side == Side::Server && scope.number(Number::Streams(side)).is_none() {
        return Lookup::Absent;
    }
    let wanted = args.int(0).filter(|bits| *bits != 0).unwrap_or(-1);
    let mut out = eval.scratch.buffer();
    let mut put = |name: &str, value: Option<i64>| {
        if let Some(value) = value {
            out.extend_from_slice(format!(" {name}={value}").as_bytes());
        }
    };
    if wanted & STREAM != 0 {
        put("stream.id", scope.number(Number::StreamId(side)));
        put("stream.aborted", scope.number(Number::StreamAborted(side)));
        put("stream.reset", scope.number(Number::ResetCode(side)));
    }
    if wanted & MUX != 0 {
        put("mux.version", scope.number(Number::HttpMajor(side)));
        put("mux.streams", scope.number(Number::Streams(side)));
        put("mux.glitches", scope.number(Number::Glitches(side)));
    }
    if wanted & TRANSPORT != 0 && scope.number(Number::Tls(side)) == Some(1) {
        let error = scope.tls(Tls::Fact(side, TlsFact::Error), eval.scratch);
        put("tls.err_code", error.and_then(Value::to_sint));
    }
    if wanted & CONNECTION != 0 {
        put("conn.err_code", scope.number(Number::Error(side)));
    }
    Lookup::Value(Value::Str(out.into_bump_slice()))
}

/// Scopes of variables: those that are shown where none is named, in their order, and one that has to be.
const SCOPES: [VarScope; 6] =
    [VarScope::Sess, VarScope::Txn, VarScope::Req, VarScope::Res, VarScope::Proc, VarScope::Check];
const IN_TURN: usize = 5;

/// A text of so many bytes is too long for a buffer of the usual size.
const MOST: usize = 16384;

/// Layers by the bits that ask for them.
const STREAM: i64 = 1;
const MUX: i64 = 2;
const TRANSPORT: i64 = 4;
const CONNECTION: i64 = 8;
