//! Cookies of requests and responses (manual, 7.3.6).

use weir_http::{Head, HeaderId};

use super::trim;
use crate::args::{ArgType, Args};
use crate::keyword::{Cursor, Eval, Fetch, fetch};
use crate::place::Needs;
use crate::scope::Side::{self, Client, Server};
use crate::{Lookup, Type, Value};

const NAME: (u8, &[ArgType]) = (0, &[ArgType::Str]);

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch("cook", NAME, Type::Str, Needs::RequestHead, |e, a| find(e, a, Client), "As `req.cook`."),
    fetch(
        "cookie",
        NAME,
        Type::Str,
        Needs::AnyHead,
        |e, a| find(e, a, e.scope.side()),
        "The value of a cookie of the request, or of the response where rules see that.",
    ),
    fetch("cook_cnt", NAME, Type::Sint, Needs::RequestHead, |e, a| count(e, a, Client), "As `req.cook_cnt`."),
    fetch("cook_val", NAME, Type::Sint, Needs::RequestHead, |e, a| value(e, a, Client), "As `req.cook_val`."),
    fetch(
        "req.cook",
        NAME,
        Type::Str,
        Needs::RequestHead,
        |e, a| find(e, a, Client),
        "The value of a request cookie.",
    ),
    fetch(
        "req.cook_cnt",
        NAME,
        Type::Sint,
        Needs::RequestHead,
        |e, a| count(e, a, Client),
        "How many request cookies have a name.",
    ),
    fetch(
        "req.cook_val",
        NAME,
        Type::Sint,
        Needs::RequestHead,
        |e, a| value(e, a, Client),
        "The value of a request cookie as an integer.",
    ),
    fetch(
        "req.cook_names",
        NAME,
        Type::Str,
        Needs::RequestHead,
        |e, a| names(e, a, Client),
        "Names of the request cookies.",
    ),
    fetch(
        "res.cook",
        NAME,
        Type::Str,
        Needs::ResponseHead,
        |e, a| find(e, a, Server),
        "The value of a response cookie.",
    ),
    fetch(
        "res.cook_cnt",
        NAME,
        Type::Sint,
        Needs::ResponseHead,
        |e, a| count(e, a, Server),
        "How many response cookies have a name.",
    ),
    fetch(
        "res.cook_val",
        NAME,
        Type::Sint,
        Needs::ResponseHead,
        |e, a| value(e, a, Server),
        "The value of a response cookie as an integer.",
    ),
    fetch(
        "res.cook_names",
        NAME,
        Type::Str,
        Needs::ResponseHead,
        |e, a| names(e, a, Server),
        "Names of the response cookies.",
    ),
    fetch("scook", NAME, Type::Str, Needs::ResponseHead, |e, a| find(e, a, Server), "As `res.cook`."),
    fetch(
        "scook_cnt",
        NAME,
        Type::Sint,
        Needs::ResponseHead,
        |e, a| count(e, a, Server),
        "As `res.cook_cnt`.",
    ),
    fetch(
        "scook_val",
        NAME,
        Type::Sint,
        Needs::ResponseHead,
        |e, a| value(e, a, Server),
        "As `res.cook_val`.",
    ),
];

/// A cookie: its name and its value.
type Cookie<'a> = (&'a [u8], &'a [u8]);

fn find<'a>(eval: &mut Eval<'a>, args: &'a Args, side: Side) -> Lookup<Value<'a>> {
    let name = args.str(0).unwrap_or_default();
    let head = match eval.scope.head(side) {
        Lookup::Value(head) | Lookup::Partial(head) => head,
        Lookup::Absent => return Lookup::Absent,
        Lookup::NotYet => return Lookup::NotYet,
    };
    if eval.each {
        while let Some((cookie, cursor)) = next(head, side, eval.cursor) {
            eval.cursor = cursor;
            if name.is_empty() || cookie.0 == name {
                eval.more = true;
                return Lookup::Value(Value::Str(cookie.1));
            }
        }
        return Lookup::Absent;
    }
    if name.is_empty() {
        return cookies(head, side).next().map(|c| Value::Str(c.1)).into();
    }
    cookies(head, side).filter(|c| c.0 == name).last().map(|c| Value::Str(c.1)).into()
}

fn value<'a>(eval: &mut Eval<'a>, args: &'a Args, side: Side) -> Lookup<Value<'a>> {
    find(eval, args, side).filter_map(|v| Some(Value::Sint(crate::value::leading_int32(v.bytes()?))))
}

fn count<'a>(eval: &Eval<'a>, args: &'a Args, side: Side) -> Lookup<Value<'a>> {
    let name = args.str(0).unwrap_or_default();
    eval.scope.head(side).map(|head| {
        let n = cookies(head, side).filter(|c| name.is_empty() || c.0 == name).count();
        Value::Sint(i64::try_from(n).unwrap_or(i64::MAX))
    })
}

fn names<'a>(eval: &Eval<'a>, args: &'a Args, side: Side) -> Lookup<Value<'a>> {
    let delimiter = args.str(0).filter(|d| !d.is_empty()).unwrap_or(b",");
    let scratch = eval.scratch;
    eval.scope.head(side).map(|head| {
        Value::Str(scratch.build(|out| {
            for (name, _) in cookies(head, side) {
                if !out.is_empty() {
                    out.extend_from_slice_copy(delimiter);
                }
                out.extend_from_slice_copy(name);
            }
        }))
    })
}

fn cookies<'a>(head: &'a Head, side: Side) -> impl Iterator<Item = Cookie<'a>> {
    let mut cursor = Cursor::START;
    std::iter::from_fn(move || {
        let (cookie, after) = next(head, side, cursor)?;
        cursor = after;
        Some(cookie)
    })
}

/// The cookie at or after a place, and the place after it. A response's line holds one cookie, attributes after
/// it; a request's holds many.
fn next(head: &Head, side: Side, mut at: Cursor) -> Option<(Cookie<'_>, Cursor)> {
    let wanted = if side == Client { HeaderId::Cookie } else { HeaderId::SetCookie };
    while let Some(entry) = head.lines().get(at.item) {
        let rest = head.value(entry).get(at.offset..).unwrap_or_default();
        if entry.id != wanted || rest.is_empty() {
            at = Cursor { item: at.item + 1, offset: 0 };
            continue;
        }
        let end = pair_end(rest);
        let pair = trim(rest.get(..end).unwrap_or_default());
        at = if side == Client {
            Cursor { item: at.item, offset: at.offset + (end + 1).min(rest.len()) }
        } else {
            Cursor { item: at.item + 1, offset: 0 }
        };
        if let Some(equals) = memchr::memchr(b'=', pair) {
            let name = trim(pair.get(..equals).unwrap_or_default());
            let value = trim(pair.get(equals + 1..).unwrap_or_default());
            // Attributes of RFC 2965 are no cookies.
            if name.first() != Some(&b'$') {
                return Some(((name, value), at));
            }
        }
    }
    None
}

/// Where a pair ends: at a semicolon outside of quotes (a comma too, as old clients part cookies).
fn pair_end(text: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (i, c) in text.iter().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' | b',' if !quoted => return i,
            _ => {}
        }
    }
    text.len()
}
