//! Bytes of a stream before anything reads them as HTTP (manual, 7.3.5).

use crate::args::{ArgType, Args};
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch, prepared_fetch};
use crate::place::Needs;
use crate::scope::Side::{self, Client, Server};
use crate::scope::{Bytes, Hello};
use crate::{Load, Lookup, Type, Value};

const RANGE: (u8, &[ArgType]) = (2, &[ArgType::Int, ArgType::Int]);
const LENGTH_VALUE: (u8, &[ArgType]) = (2, &[ArgType::Int, ArgType::Int, ArgType::Str]);

macro_rules! hello {
    ($name:literal, $type:ident, $side:ident, $needs:expr, $what:ident, $help:literal) => {
        fetch(
            $name,
            NO_ARGS,
            Type::$type,
            $needs,
            |e, _| e.scope.hello($side, Hello::$what, e.scratch),
            $help,
        )
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
    fetch(
        "payload",
        RANGE,
        Type::Bin,
        Needs::AnyBytes,
        |e, a| payload(e, a, e.scope.side()),
        "Bytes of what the rules see.",
    ),
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
            |e, a| payload_lv(e, a, e.scope.side()),
            "Bytes of what the rules see behind their length.",
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
    fetch("req.ssl_alpn", NO_ARGS, Type::Str, Needs::RequestBytes, protocol, "Protocols of the TLS hello."),
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
        Lookup::Absent => message_length(eval, side),
        found => found.map(|bytes| Value::Sint(i64::try_from(bytes.len()).unwrap_or(i64::MAX))),
    }
}

/// What a message of HTTP takes in the reference's own form of it: a start line, a line each, the end of the head, and
/// the body as far as it came.
fn message_length<'a>(eval: &Eval<'a>, side: Side) -> Lookup<Value<'a>> {
    let body = eval.scope.body(side).some().map_or(0, |bytes| bytes.len());
    let length = eval.scope.head(side).map(|head| {
        let line = match side {
            Client => head.method().len() + head.target().len(),
            Server => STATUS + head.reason().len(),
        };
        let lines: usize = head.lines().iter().map(|l| head.name(l).len() + head.value(l).len()).sum();
        Value::Sint(i64::try_from(START_LINE + line + lines + 1 + body).unwrap_or(i64::MAX))
    });
    match length {
        Lookup::Value(length) if !eval.scope.is_final() => Lookup::Partial(length),
        length => length,
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
    let signed = args.str(2).is_some_and(|s| matches!(s.first(), Some(b'+' | b'-')));
    let relative = |n: i64| isize::try_from(n).ok().and_then(|n| after.checked_add_signed(n));
    // The reference takes the lowest bit of an offset without a sign for whether it is relative.
    let offset = match shift {
        None => Some(after),
        Some(n) if signed => relative(n),
        Some(n) if n & 1 == 1 => relative(n >> 1),
        Some(n) => usize::try_from(n >> 1).ok(),
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
    settled(eval, side, |bytes| {
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

/// What `f` finds in the bytes that wait: it knows by itself whether more of them would change it.
fn settled<'a>(
    eval: &Eval<'a>,
    side: Side,
    f: impl FnOnce(Bytes<'a>) -> Lookup<Value<'a>>,
) -> Lookup<Value<'a>> {
    match eval.scope.raw(side) {
        Lookup::Value(bytes) | Lookup::Partial(bytes) => f(bytes),
        Lookup::Absent => Lookup::Absent,
        Lookup::NotYet => Lookup::NotYet,
    }
}

/// The protocols of the hello in turn.
fn protocol<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    let offset = if eval.each { eval.cursor.offset } else { 0 };
    eval.scope.hello(Client, Hello::Alpn, eval.scratch).filter_map(|list| {
        let (length, rest) = list.bytes()?.get(offset..)?.split_first()?;
        let name = rest.get(..usize::from(*length))?;
        eval.more = rest.len() > name.len();
        eval.cursor.offset = offset + 1 + name.len();
        Some(Value::Str(name))
    })
}

fn wait_end<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    if eval.scope.is_final() { Lookup::Value(Value::Bool(true)) } else { Lookup::NotYet }
}

fn proto_http<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    // Who sees a response sees no request any more.
    if eval.scope.head(Server).some().is_some() {
        return Lookup::Absent;
    }
    match eval.scope.head(Client) {
        Lookup::NotYet => Lookup::NotYet,
        found => found.some().map(|_| Value::Bool(true)).into(),
    }
}

/// `Cookie: name=value` in the first packet of RDP (X.224 connection request).
fn rdp_cookie<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let (scratch, final_) = (eval.scratch, eval.scope.is_final());
    let wanted = args.str(0).filter(|n| !n.is_empty());
    let found = settled(eval, Client, |bytes| match rdp_cookie_in(bytes.joined(scratch), wanted) {
        Lookup::NotYet if bytes.complete || bytes.full => Lookup::Absent,
        found => found.map(Value::Str),
    });
    if final_ && matches!(found, Lookup::NotYet) { Lookup::Absent } else { found }
}

fn rdp_cookie_in<'a>(bytes: &'a [u8], wanted: Option<&[u8]>) -> Lookup<&'a [u8]> {
    let Some((head, rest)) = bytes.get(RDP_HEADER..).and_then(<[u8]>::split_first_chunk::<7>) else {
        return Lookup::NotYet;
    };
    if rest.is_empty() {
        return Lookup::NotYet;
    }
    if !head.eq_ignore_ascii_case(b"Cookie:") {
        return Lookup::Absent;
    }
    let blanks = rest.iter().take_while(|c| **c == b' ').count();
    let pair = rest.get(blanks..).unwrap_or_default();
    let value = match wanted {
        Some(wanted) if pair.len() <= wanted.len() => return Lookup::NotYet,
        Some(wanted) => match pair.split_at_checked(wanted.len()) {
            Some((name, [b'=', value @ ..])) if name.eq_ignore_ascii_case(wanted) => value,
            _ => return Lookup::Absent,
        },
        None => match pair.iter().position(|c| matches!(c, b'=' | b'\r' | b'\n')) {
            None => return Lookup::NotYet,
            Some(at) if pair.get(at) == Some(&b'=') => pair.get(at + 1..).unwrap_or_default(),
            Some(_) => return Lookup::Absent,
        },
    };
    match memchr::memchr(b'\r', value).and_then(|end| value.split_at_checked(end)) {
        Some((value, [_, b'\n', ..])) => Lookup::Value(value),
        Some((_, [_, _, ..])) => Lookup::Absent,
        _ => Lookup::NotYet,
    }
}

fn rdp_cookie_count<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let scratch = eval.scratch;
    let wanted = args.str(0).filter(|n| !n.is_empty());
    let final_ = eval.scope.is_final();
    settled(eval, Client, |bytes| match rdp_cookie_in(bytes.joined(scratch), wanted) {
        Lookup::NotYet if bytes.complete || bytes.full || final_ => Lookup::Absent,
        Lookup::Absent => Lookup::Value(Value::Sint(0)),
        found => found.map(|_| Value::Sint(1)),
    })
}

/// What a start line takes beside what differs: its bookkeeping and the version.
const START_LINE: usize = 20 + "HTTP/1.1".len();

/// The digits of a status.
const STATUS: usize = 3;

/// What comes before the text of a request to connect.
const RDP_HEADER: usize = 11;
