//! The start line of requests and responses (manual, 7.3.6).

use weir_http::{Head, uri};

use crate::args::{Arg, ArgType, Args};
use crate::hash;
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch, prepared_fetch};
use crate::place::Needs;
use crate::scope::{Address, Endpoint, Side};
use crate::{Load, Lookup, Type, Value};

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch("method", NO_ARGS, Type::Meth, Needs::Request, method, "The request's method."),
    fetch(
        "path",
        NO_ARGS,
        Type::Str,
        Needs::RequestHead,
        |e, _| target(e, uri::path),
        "The path of the request.",
    ),
    fetch(
        "pathq",
        NO_ARGS,
        Type::Str,
        Needs::RequestHead,
        |e, _| target(e, uri::path_and_query),
        "Path and query of the request.",
    ),
    fetch("url", NO_ARGS, Type::Str, Needs::RequestHead, url, "The request's target as it came."),
    prepared_fetch(
        fetch(
            "query",
            (0, &[ArgType::Str]),
            Type::Str,
            Needs::RequestHead,
            query,
            "The query of the request.",
        ),
        prepare_query,
    ),
    fetch("url_ip", NO_ARGS, Type::Ipv4, Needs::RequestHead, url_ip, "The address in an absolute target."),
    fetch("url_port", NO_ARGS, Type::Sint, Needs::RequestHead, url_port, "The port in an absolute target."),
    fetch("base", NO_ARGS, Type::Str, Needs::RequestHead, |e, _| base(e, false), "Host header and path."),
    fetch(
        "baseq",
        NO_ARGS,
        Type::Str,
        Needs::RequestHead,
        |e, _| base(e, true),
        "Host header, path and query.",
    ),
    fetch(
        "base32",
        NO_ARGS,
        Type::Sint,
        Needs::RequestHead,
        |e, _| hash32(e, false).map(|h| Value::Sint(h.into())),
        "A hash of `base`.",
    ),
    fetch(
        "url32",
        NO_ARGS,
        Type::Sint,
        Needs::RequestHead,
        |e, _| hash32(e, true).map(|h| Value::Sint(h.into())),
        "A hash of `baseq`.",
    ),
    fetch(
        "base32+src",
        NO_ARGS,
        Type::Bin,
        Needs::RequestHead,
        |e, _| hash_and_source(e, false),
        "A hash of `base`, then the source.",
    ),
    fetch(
        "url32+src",
        NO_ARGS,
        Type::Bin,
        Needs::RequestHead,
        |e, _| hash_and_source(e, true),
        "A hash of `baseq`, then the source.",
    ),
    fetch(
        "req.ver",
        NO_ARGS,
        Type::Str,
        Needs::Request,
        |e, _| version(e, Side::Client),
        "The request's version: `1.1`.",
    ),
    fetch("req_ver", NO_ARGS, Type::Str, Needs::Request, |e, _| version(e, Side::Client), "As `req.ver`."),
    fetch(
        "res.ver",
        NO_ARGS,
        Type::Str,
        Needs::Response,
        |e, _| version(e, Side::Server),
        "The response's version.",
    ),
    fetch("resp_ver", NO_ARGS, Type::Str, Needs::Response, |e, _| version(e, Side::Server), "As `res.ver`."),
];

fn request<'a>(eval: &Eval<'a>) -> Lookup<&'a Head> {
    eval.scope.head(Side::Client)
}

fn method<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    let captured = || eval.scope.text(crate::scope::Text::CapturedMethod).map(Value::Meth);
    // A method that is known stays what came, whatever rules made of it; who sees an answer sees any as it came.
    let kept = captured().filter(|method| {
        eval.scope.side() == Side::Server || matches!(method, Value::Meth(name) if METHODS.contains(name))
    });
    if let Some(method) = kept {
        return Lookup::Value(method);
    }
    match request(eval) {
        Lookup::Absent => captured().into(),
        found => found.map(|head| Value::Meth(head.method())),
    }
}

/// The methods that are known by name (RFC 9110 §9.3).
const METHODS: [&[u8]; 8] = [b"OPTIONS", b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"TRACE", b"CONNECT"];

fn url<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    request(eval).map(|head| Value::Str(head.target()))
}

fn target<'a>(eval: &Eval<'a>, part: fn(&[u8]) -> &[u8]) -> Lookup<Value<'a>> {
    request(eval).filter_map(|head| Some(part(head.target())).filter(|p| !p.is_empty()).map(Value::Str))
}

fn query<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let with_mark = args.int(0).is_some();
    request(eval).filter_map(|head| {
        let all = head.target();
        let at = memchr::memchr(b'?', all)?;
        all.get(if with_mark { at } else { at + 1 }..).map(Value::Str)
    })
}

fn prepare_query(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.str(0) {
        None => {}
        Some(b"with_qm") => args.set(0, Arg::Int(1)),
        Some(other) => {
            return Err(format!(
                "'{}' is not a valid option. Only 'with_qm' is supported.",
                String::from_utf8_lossy(other)
            ));
        }
    }
    Ok(())
}

fn url_ip<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    request(eval).filter_map(|head| {
        let (host, _) = host_and_port(uri::authority(head.target())?);
        std::str::from_utf8(host).ok()?.parse().ok().map(Value::Ipv4)
    })
}

fn url_port<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    request(eval).filter_map(|head| {
        let all = head.target();
        let (host, port) = host_and_port(uri::authority(all)?);
        std::str::from_utf8(host).ok()?.parse::<std::net::Ipv4Addr>().ok()?;
        let implied = if all.starts_with(b"https:") { 443 } else { 80 };
        Some(Value::Sint(port.and_then(crate::args::integer).unwrap_or(implied)))
    })
}

fn host_and_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let after_user = authority.rsplit(|c| *c == b'@').next().unwrap_or(authority);
    match after_user.iter().rposition(|c| *c == b':') {
        Some(at) => (after_user.get(..at).unwrap_or_default(), after_user.get(at + 1..)),
        None => (after_user, None),
    }
}

/// The Host header, and the path or path and query after it.
fn base_parts(head: &Head, with_query: bool) -> (&[u8], &[u8]) {
    let part = if with_query { uri::path_and_query(head.target()) } else { uri::path(head.target()) };
    let host = crate::fetch::header::lines(head, b"host").next().unwrap_or_default();
    let path = if part.first() == Some(&b'/') { part } else { b"" };
    (host, path)
}

fn base<'a>(eval: &Eval<'a>, with_query: bool) -> Lookup<Value<'a>> {
    let scratch = eval.scratch;
    request(eval).filter_map(|head| {
        let (host, path) = base_parts(head, with_query);
        if host.is_empty() && path.is_empty() {
            return None;
        }
        Some(Value::Str(scratch.build(|out| {
            out.extend_from_slice_copy(host);
            out.extend_from_slice_copy(path);
        })))
    })
}

fn hash32(eval: &Eval<'_>, with_query: bool) -> Lookup<u32> {
    request(eval).map(|head| {
        let (host, path) = base_parts(head, with_query);
        hash::avalanche(hash::sdbm_on(hash::sdbm(host), path))
    })
}

fn hash_and_source<'a>(eval: &Eval<'a>, with_query: bool) -> Lookup<Value<'a>> {
    let (scope, scratch) = (eval.scope, eval.scratch);
    hash32(eval, with_query).filter_map(|hash| {
        let Some(Endpoint::Ip(source)) = scope.address(Address::Source) else { return None };
        Some(Value::Bin(scratch.build(|out| {
            out.extend_from_slice_copy(&hash.to_be_bytes());
            out.extend_from_slice_copy(Value::from_ip(source.ip()).to_bin(scratch));
        })))
    })
}

fn version<'a>(eval: &Eval<'a>, side: Side) -> Lookup<Value<'a>> {
    let scratch = eval.scratch;
    eval.scope.head(side).map(|head| {
        let known: &[u8] = match head.version() {
            (1, 1) => b"1.1",
            (1, 0) => b"1.0",
            (2, 0) => b"2.0",
            (3, 0) => b"3.0",
            (major, minor) => scratch.build(|out| {
                Value::Sint(major.into()).write(out);
                out.push(b'.');
                Value::Sint(minor.into()).write(out);
            }),
        };
        Value::Str(known)
    })
}
