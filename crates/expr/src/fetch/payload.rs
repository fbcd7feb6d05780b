//! Bytes of a stream before anything reads them as HTTP (manual, 7.3.5).

use crate::args::{ArgType, Args};
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch, prepared_fetch};
use crate::place::Needs;
use crate::scope::Hello;
use crate::scope::Side::{self, Client, Server};
use crate::{Load, Lookup, Type, Value};

const RANGE: (u8, &[ArgType]) = (2, &[ArgType::Int, ArgType::Int]);
const LENGTH_VALUE: (u8, &[ArgType]) = (2, &[ArgType::Int, ArgType::Int, ArgType::Str]);

macro_rules! hello {
    ($name:literal, $type:ident, $side:ident, $needs:expr, $what:ident, $help:literal) => {
        fetch($name, NO_ARGS, Type::$type, $needs, |e, _| e.scope.hello($side, Hello::$what), $help)
    };
}

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch(
        "req.len",
        NO_ARGS,
        Type::Sint,
        Needs::RequestBytes,
        |e, _| length(e, Client),
        "Bytes of the request in the buffer.",
    ),
    fetch("req_len", NO_ARGS, Type::Sint, Needs::RequestBytes, |e, _| length(e, Client), "As `req.len`."),
    fetch(
        "res.len",
        NO_ARGS,
        Type::Sint,
        Needs::ResponseBytes,
        |e, _| length(e, Server),
        "Bytes of the response in the buffer.",
    ),
    fetch(
        "req.payload",
        RANGE,
        Type::Bin,
        Needs::RequestBytes,
        |e, a| payload(e, a, Client),
        "Bytes of the request at a place.",
    ),
    fetch("payload", RANGE, Type::Bin, Needs::AnyBytes, |e, a| payload(e, a, Client), "As `req.payload`."),
    fetch(
        "res.payload",
        RANGE,
        Type::Bin,
        Needs::ResponseBytes,
        |e, a| payload(e, a, Server),
        "Bytes of the response at a place.",
    ),
    prepared_fetch(
        fetch(
            "req.payload_lv",
            LENGTH_VALUE,
            Type::Bin,
            Needs::RequestBytes,
            |e, a| payload_lv(e, a, Client),
            "Bytes of the request behind their length.",
        ),
        prepare_lv,
    ),
    prepared_fetch(
        fetch(
            "payload_lv",
            LENGTH_VALUE,
            Type::Bin,
            Needs::AnyBytes,
            |e, a| payload_lv(e, a, Client),
            "As `req.payload_lv`.",
        ),
        prepare_lv,
    ),
    prepared_fetch(
        fetch(
            "res.payload_lv",
            LENGTH_VALUE,
            Type::Bin,
            Needs::ResponseBytes,
            |e, a| payload_lv(e, a, Server),
            "Bytes of the response behind their length.",
        ),
        prepare_lv,
    ),
    fetch(
        "wait_end",
        NO_ARGS,
        Type::Bool,
        Needs::Process,
        wait_end,
        "True when no more bytes are waited for.",
    ),
    fetch(
        "req.proto_http",
        NO_ARGS,
        Type::Bool,
        Needs::Request,
        proto_http,
        "Whether the request speaks HTTP.",
    ),
    fetch("req_proto_http", NO_ARGS, Type::Bool, Needs::Request, proto_http, "As `req.proto_http`."),
    fetch(
        "req.rdp_cookie",
        (0, &[ArgType::Str]),
        Type::Str,
        Needs::RequestBytes,
        rdp_cookie,
        "The cookie of an RDP request.",
    ),
    fetch(
        "rdp_cookie",
        (0, &[ArgType::Str]),
        Type::Str,
        Needs::RequestBytes,
        rdp_cookie,
        "As `req.rdp_cookie`.",
    ),
    fetch(
        "req.rdp_cookie_cnt",
        (0, &[ArgType::Str]),
        Type::Sint,
        Needs::RequestBytes,
        rdp_cookie_count,
        "1 where the RDP cookie is there.",
    ),
    fetch(
        "rdp_cookie_cnt",
        (0, &[ArgType::Str]),
        Type::Sint,
        Needs::RequestBytes,
        rdp_cookie_count,
        "As `req.rdp_cookie_cnt`.",
    ),
    hello!(
        "req.ssl_hello_type",
        Sint,
        Client,
        Needs::RequestBytes,
        Type,
        "Type of the TLS hello of the request."
    ),
    hello!("req_ssl_hello_type", Sint, Client, Needs::RequestBytes, Type, "As `req.ssl_hello_type`."),
    hello!(
        "res.ssl_hello_type",
        Sint,
        Server,
        Needs::ResponseBytes,
        Type,
        "Type of the TLS hello of the response."
    ),
    hello!("rep_ssl_hello_type", Sint, Server, Needs::ResponseBytes, Type, "As `res.ssl_hello_type`."),
    hello!("req.ssl_ver", Sint, Client, Needs::RequestBytes, Version, "Version of the TLS hello."),
    hello!("req_ssl_ver", Sint, Client, Needs::RequestBytes, Version, "As `req.ssl_ver`."),
    hello!("req.ssl_sni", Str, Client, Needs::RequestBytes, Sni, "Server name of the TLS hello."),
    hello!("req_ssl_sni", Str, Client, Needs::RequestBytes, Sni, "As `req.ssl_sni`."),
    hello!("req.ssl_alpn", Str, Client, Needs::RequestBytes, Alpn, "Protocols of the TLS hello."),
    hello!(
        "req.ssl_ec_ext",
        Bool,
        Client,
        Needs::RequestBytes,
        HasCurves,
        "Whether the TLS hello has curves."
    ),
    hello!("req.ssl_st_ext", Sint, Client, Needs::RequestBytes, Ticket, "Session tickets of the TLS hello."),
    hello!("req.ssl_cipherlist", Bin, Client, Needs::FirstBytes, Ciphers, "Ciphers of the TLS hello."),
    hello!("req.ssl_keyshare_groups", Bin, Client, Needs::FirstBytes, KeyShares, "Groups of the key shares."),
    hello!(
        "req.ssl_sigalgs",
        Bin,
        Client,
        Needs::FirstBytes,
        SignatureAlgorithms,
        "Signature algorithms of the TLS hello."
    ),
    hello!("req.ssl_supported_groups", Bin, Client, Needs::FirstBytes, Groups, "Groups of the TLS hello."),
];

fn length<'a>(eval: &Eval<'a>, side: Side) -> Lookup<Value<'a>> {
    match eval.scope.raw(side) {
        Lookup::NotYet => Lookup::Partial(Value::Sint(0)),
        found => found.map(|bytes| Value::Sint(i64::try_from(bytes.len()).unwrap_or(i64::MAX))),
    }
}

/// `len` bytes at `offset`; all that is there for a length of 0.
fn payload<'a>(eval: &Eval<'a>, args: &Args, side: Side) -> Lookup<Value<'a>> {
    let offset = args.int(0).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let len = args.int(1).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    slice(eval, side, offset, len)
}

/// A value behind its length of `args[1]` bytes at `args[0]`.
fn payload_lv<'a>(eval: &Eval<'a>, args: &Args, side: Side) -> Lookup<Value<'a>> {
    let at = args.int(0).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let width = args.int(1).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let length = match slice(eval, side, at, width) {
        Lookup::Value(Value::Bin(b)) | Lookup::Partial(Value::Bin(b)) => {
            b.iter().fold(0usize, |n, c| n.checked_shl(8).unwrap_or(0) | usize::from(*c))
        }
        other => return other,
    };
    let after = at + width;
    let shift = args.str(2).and_then(crate::args::integer);
    let offset = match (shift, args.str(2).is_some_and(|s| matches!(s.first(), Some(b'+' | b'-')))) {
        (None, _) => Some(after),
        (Some(n), false) => usize::try_from(n).ok(),
        (Some(n), true) => isize::try_from(n).ok().and_then(|n| after.checked_add_signed(n)),
    };
    if length == 0 {
        return Lookup::Absent;
    }
    offset.map_or(Lookup::Absent, |offset| slice(eval, side, offset, length))
}

fn prepare_lv(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.int(1) {
        Some(1..) => Ok(()),
        _ => Err("payload length must be > 0".into()),
    }
}

fn slice<'a>(eval: &Eval<'a>, side: Side, offset: usize, len: usize) -> Lookup<Value<'a>> {
    let scratch = eval.scratch;
    let final_ = eval.scope.is_final();
    eval.scope.raw(side).and_then(|bytes| {
        let all = bytes.joined(scratch);
        let end = offset.saturating_add(len);
        let found = if len == 0 { all.get(offset..) } else { all.get(offset..end) };
        match found {
            Some(found) if len == 0 && !bytes.complete => Lookup::Partial(Value::Bin(found)),
            Some(found) => Lookup::Value(Value::Bin(found)),
            None if bytes.complete || bytes.full || final_ => Lookup::Absent,
            None => Lookup::NotYet,
        }
    })
}

fn wait_end<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    if eval.scope.is_final() { Lookup::Value(Value::Bool(true)) } else { Lookup::NotYet }
}

fn proto_http<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    match eval.scope.head(Client) {
        Lookup::NotYet => Lookup::NotYet,
        found => Lookup::Value(Value::Bool(found.some().is_some())),
    }
}

/// `Cookie: name=value` in the first packet of RDP (X.224 connection request).
fn rdp_cookie<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let scratch = eval.scratch;
    let wanted = args.str(0).filter(|n| !n.is_empty());
    eval.scope.raw(Client).and_then(|bytes| {
        let all = bytes.joined(scratch);
        let missing = if bytes.complete || bytes.full { Lookup::Absent } else { Lookup::NotYet };
        let (Some([3, 0, ..]), Some(rest)) = (all.get(..4), all.get(11..)) else {
            return if all.len() < 12 { missing } else { Lookup::Absent };
        };
        let head = rest.get(..7).unwrap_or(rest);
        if !b"Cookie:".get(..head.len()).is_some_and(|c| head.eq_ignore_ascii_case(c)) {
            return Lookup::Absent;
        }
        let Some(end) = memchr::memchr2(b'\r', b'\n', rest) else { return missing };
        let pair = super::trim(rest.get(7..end).unwrap_or_default());
        let Some(equals) = memchr::memchr(b'=', pair) else { return Lookup::Absent };
        let (name, value) =
            (pair.get(..equals).unwrap_or_default(), pair.get(equals + 1..).unwrap_or_default());
        match wanted {
            Some(wanted) if !name.eq_ignore_ascii_case(wanted) => Lookup::Absent,
            _ => Lookup::Value(Value::Str(value)),
        }
    })
}

fn rdp_cookie_count<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    match rdp_cookie(eval, args) {
        Lookup::Absent => Lookup::Value(Value::Sint(0)),
        found => found.map(|_| Value::Sint(1)),
    }
}
