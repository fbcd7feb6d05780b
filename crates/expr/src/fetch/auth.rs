//! Basic and bearer authentication (manual, 7.3.6).

use base64::Engine;

use crate::args::{Arg, ArgType, Args};
use crate::conv::PADDED;
use crate::fetch::header::lines;
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch};
use crate::place::Needs;
use crate::scope::{Side, UserlistId};
use crate::{Lookup, Type, Value};

const LIST: (u8, &[ArgType]) = (1, &[ArgType::Userlist]);

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch(
        "http_auth",
        LIST,
        Type::Bool,
        Needs::RequestHead,
        http_auth,
        "Whether the userlist knows user and password.",
    ),
    fetch(
        "http_auth_group",
        LIST,
        Type::Str,
        Needs::RequestHead,
        http_auth_group,
        "The user, where the userlist knows him.",
    ),
    fetch(
        "http_auth_bearer",
        (0, &[ArgType::Str]),
        Type::Str,
        Needs::RequestHead,
        http_auth_bearer,
        "The bearer token.",
    ),
    fetch(
        "http_auth_type",
        NO_ARGS,
        Type::Str,
        Needs::RequestHead,
        |e, _| kind(e).map(Value::Str),
        "The scheme of the authorization.",
    ),
    fetch(
        "http_auth_user",
        NO_ARGS,
        Type::Str,
        Needs::RequestHead,
        |e, _| basic(e).map(|(u, _)| Value::Str(u)),
        "The user of basic authentication.",
    ),
    fetch(
        "http_auth_pass",
        NO_ARGS,
        Type::Str,
        Needs::RequestHead,
        |e, _| basic(e).map(|(_, p)| Value::Str(p)),
        "The password of basic authentication.",
    ),
];

/// Scheme and credentials of the Authorization header.
fn scheme<'a>(eval: &Eval<'a>) -> Lookup<(&'a [u8], &'a [u8])> {
    eval.scope.head(Side::Client).filter_map(|head| split(lines(head, b"authorization").next()?))
}

fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|c| *c == b' ')?;
    let (scheme, rest) = line.split_at_checked(at)?;
    Some((scheme, super::trim(rest)))
}

/// The scheme of credentials that can be read.
fn kind(eval: &Eval<'_>) -> Lookup<&'static [u8]> {
    scheme(eval).filter_map(|(scheme, _)| {
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return Some(&b"Bearer"[..]);
        }
        basic(eval).some().map(|_| &b"Basic"[..])
    })
}

fn basic<'a>(eval: &Eval<'a>) -> Lookup<(&'a [u8], &'a [u8])> {
    let scratch = eval.scratch;
    scheme(eval).filter_map(|(scheme, credentials)| {
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let mut decoded = [0u8; 1024];
        let len = PADDED.decode_slice(credentials, &mut decoded).ok()?;
        let decoded = scratch.bytes(decoded.get(..len)?);
        let colon = memchr::memchr(b':', decoded)?;
        Some((decoded.get(..colon)?, decoded.get(colon + 1..)?))
    })
}

fn list(args: &Args) -> Option<UserlistId> {
    match args.arg(0) {
        Arg::Userlist(id) => Some(*id),
        _ => None,
    }
}

fn http_auth<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let Some(list) = list(args) else { return Lookup::Absent };
    let scope = eval.scope;
    match basic(eval) {
        Lookup::Absent => Lookup::Value(Value::Bool(false)),
        found => found.and_then(|(user, password)| scope.password(list, user, password).map(Value::Bool)),
    }
}

/// Without an ACL the user's name; in an ACL each of his groups in turn.
fn http_auth_group<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let Some(list) = list(args) else { return Lookup::Absent };
    let scope = eval.scope;
    let (user, password) = match basic(eval) {
        Lookup::Value(found) | Lookup::Partial(found) => found,
        Lookup::Absent => return Lookup::Absent,
        Lookup::NotYet => return Lookup::NotYet,
    };
    if eval.cursor.item == 0 {
        match scope.password(list, user, password) {
            Lookup::Value(true) => {}
            Lookup::NotYet => return Lookup::NotYet,
            _ => return Lookup::Absent,
        }
    }
    if !eval.each {
        return Lookup::Value(Value::Str(user));
    }
    let group = scope.user_group(list, user, eval.cursor.item);
    eval.cursor.item += 1;
    eval.more = group.is_some();
    group.map(Value::Str).into()
}

fn http_auth_bearer<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let name = args.str(0).filter(|n| !n.is_empty()).unwrap_or(b"authorization");
    eval.scope.head(Side::Client).filter_map(|head| {
        let (scheme, token) = split(lines(head, name).next()?)?;
        scheme.eq_ignore_ascii_case(b"bearer").then_some(Value::Str(token))
    })
}
