//! Header fields of requests and responses (manual, 7.3.6): whole lines (`fhdr`) and their comma-separated
//! values (`hdr`), by occurrence from the front or from the back.

use std::net::IpAddr;

use weir_http::{Head, HeaderLine};

use crate::args::{ArgType, Args};
use crate::keyword::{Cursor, Eval, Fetch, fetch};
use crate::place::Needs;
use crate::scope::Side::{self, Client, Server};
use crate::{Lookup, Type, Value};

const NAME: (u8, &[ArgType]) = (0, &[ArgType::Str]);
const NAME_AND_OCCURRENCE: (u8, &[ArgType]) = (0, &[ArgType::Str, ArgType::Int]);

macro_rules! family {
    ($($name:literal $kind:ident $side:ident $needs:ident $help:literal;)*) => {
        &[$(family!(@ $name $kind $side $needs $help)),*]
    };
    (@ $name:literal line $side:ident $needs:ident $help:literal) => {
        fetch($name, NAME_AND_OCCURRENCE, Type::Str, Needs::$needs, |e, a| find(e, a, $side, true).map(Value::Str), $help)
    };
    (@ $name:literal line_count $side:ident $needs:ident $help:literal) => {
        fetch($name, NAME, Type::Sint, Needs::$needs, |e, a| count(e, a, $side, true), $help)
    };
    (@ $name:literal value Any $needs:ident $help:literal) => {
        fetch($name, NAME_AND_OCCURRENCE, Type::Str, Needs::$needs, |e, a| find(e, a, e.scope.side(), false).map(Value::Str), $help)
    };
    (@ $name:literal value $side:ident $needs:ident $help:literal) => {
        fetch($name, NAME_AND_OCCURRENCE, Type::Str, Needs::$needs, |e, a| find(e, a, $side, false).map(Value::Str), $help)
    };
    (@ $name:literal count $side:ident $needs:ident $help:literal) => {
        fetch($name, NAME, Type::Sint, Needs::$needs, |e, a| count(e, a, $side, false), $help)
    };
    (@ $name:literal ip $side:ident $needs:ident $help:literal) => {
        fetch($name, NAME_AND_OCCURRENCE, Type::Addr, Needs::$needs, |e, a| find(e, a, $side, false).filter_map(address), $help)
    };
    (@ $name:literal int $side:ident $needs:ident $help:literal) => {
        fetch($name, NAME_AND_OCCURRENCE, Type::Sint, Needs::$needs, |e, a| find(e, a, $side, false).map(|v| Value::Sint(crate::value::leading_int32(v))), $help)
    };
    (@ $name:literal names $side:ident $needs:ident $help:literal) => {
        fetch($name, NAME, Type::Str, Needs::$needs, |e, a| names(e, a, $side), $help)
    };
    (@ $name:literal block $side:ident $needs:ident $help:literal) => {
        fetch($name, (0, &[]), Type::Bin, Needs::$needs, |e, _| block(e, $side), $help)
    };
    (@ $name:literal binary $side:ident $needs:ident $help:literal) => {
        fetch($name, (0, &[]), Type::Bin, Needs::$needs, |e, _| binary_block(e, $side), $help)
    };
}

/// The table.
pub(super) const FETCHES: &[Fetch] = family! {
    "hdr" value Any AnyHead "A value of a header of the request, or of the response where rules see that.";
    "hdr_cnt" count Client RequestHead "How many values a request header has.";
    "hdr_ip" ip Client RequestHead "A value of a request header as an address.";
    "hdr_val" int Client RequestHead "A value of a request header as an integer.";
    "req.hdr" value Client RequestHead "A value of a request header.";
    "req.hdr_cnt" count Client RequestHead "How many values a request header has.";
    "req.hdr_ip" ip Client RequestHead "A value of a request header as an address.";
    "req.hdr_val" int Client RequestHead "A value of a request header as an integer.";
    "req.fhdr" line Client RequestHead "A request header line, whole.";
    "req.fhdr_cnt" line_count Client RequestHead "How many lines a request header has.";
    "req.hdr_names" names Client RequestHead "Names of the request headers.";
    "req.hdrs" block Client RequestHead "All request headers as text.";
    "req.hdrs_bin" binary Client RequestHead "All request headers in a binary form.";
    "res.hdr" value Server ResponseHead "A value of a response header.";
    "res.hdr_cnt" count Server ResponseHead "How many values a response header has.";
    "res.hdr_ip" ip Server ResponseHead "A value of a response header as an address.";
    "res.hdr_val" int Server ResponseHead "A value of a response header as an integer.";
    "res.fhdr" line Server ResponseHead "A response header line, whole.";
    "res.fhdr_cnt" line_count Server ResponseHead "How many lines a response header has.";
    "res.hdr_names" names Server ResponseHead "Names of the response headers.";
    "res.hdrs" block Server ResponseHead "All response headers as text.";
    "res.hdrs_bin" binary Server ResponseHead "All response headers in a binary form.";
    "shdr" value Server ResponseHead "As `res.hdr`.";
    "shdr_cnt" count Server ResponseHead "As `res.hdr_cnt`.";
    "shdr_ip" ip Server ResponseHead "As `res.hdr_ip`.";
    "shdr_val" int Server ResponseHead "As `res.hdr_val`.";
};

/// The values of the header lines of a name, in order.
pub(super) fn lines<'a>(head: &'a Head, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + Clone {
    let named = move |line: &&HeaderLine| name.is_empty() || head.name(line).eq_ignore_ascii_case(name);
    head.lines().iter().filter(named).map(|line| head.value(line))
}

/// The comma-separated values of one header line; commas between quotes part nothing.
#[derive(Clone, Debug)]
pub(crate) struct Values<'a> {
    rest: Option<&'a [u8]>,
}

// === impl Values ===

impl<'a> Values<'a> {
    /// The values of a line.
    pub(crate) const fn of(line: &'a [u8]) -> Self {
        Self { rest: Some(line) }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let end = value_end(rest);
        let (value, tail) = rest.split_at_checked(end).unwrap_or((rest, b""));
        self.rest = tail.get(1..).filter(|_| !tail.is_empty());
        Some(trim(value))
    }
}

/// Where the first value of a list ends: at a comma outside of quotes.
fn value_end(list: &[u8]) -> usize {
    match memchr::memchr2(b',', b'"', list) {
        None => return list.len(),
        Some(at) if list.get(at) == Some(&b',') => return at,
        Some(_) => {}
    }
    let (mut quoted, mut escaped) = (false, false);
    for (i, c) in list.iter().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return i,
            _ => {}
        }
    }
    list.len()
}

/// Without blanks at both ends.
pub(crate) const fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn find<'a>(eval: &mut Eval<'a>, args: &'a Args, side: Side, whole: bool) -> Lookup<&'a [u8]> {
    let name = args.str(0).unwrap_or_default();
    let head = match eval.scope.head(side) {
        Lookup::Value(head) | Lookup::Partial(head) => head,
        Lookup::Absent => return Lookup::Absent,
        Lookup::NotYet => return Lookup::NotYet,
    };
    let occurrence = args.int(1).unwrap_or(0);
    if eval.each && occurrence == 0 {
        return next(eval, head, name, whole).into();
    }
    if whole {
        return pick(lines(head, name), occurrence).into();
    }
    pick(lines(head, name).flat_map(Values::of), occurrence).into()
}

/// The next value of a list that is gone through.
fn next<'a>(eval: &mut Eval<'a>, head: &'a Head, name: &[u8], whole: bool) -> Option<&'a [u8]> {
    let Cursor { mut item, mut offset } = eval.cursor;
    while let Some(line) = head.lines().get(item) {
        let (n, value) = (head.name(line), head.value(line));
        if !name.is_empty() && !n.eq_ignore_ascii_case(name) {
            item += 1;
            offset = 0;
            continue;
        }
        eval.more = true;
        if whole {
            eval.cursor = Cursor { item: item + 1, offset: 0 };
            return Some(value);
        }
        let rest = value.get(offset..).unwrap_or_default();
        let end = value_end(rest);
        let last = end >= rest.len();
        eval.cursor = if last {
            Cursor { item: item + 1, offset: 0 }
        } else {
            Cursor { item, offset: offset + end + 1 }
        };
        return Some(trim(rest.get(..end).unwrap_or_default()));
    }
    None
}

/// The `n`th, from the end where negative; the last for 0.
fn pick<'a>(mut values: impl Iterator<Item = &'a [u8]> + Clone, n: i64) -> Option<&'a [u8]> {
    if n > 0 {
        return values.nth(usize::try_from(n - 1).ok()?);
    }
    if n >= -1 {
        return values.last();
    }
    let from_end = usize::try_from(n.unsigned_abs()).ok()?;
    let count = values.clone().count();
    values.nth(count.checked_sub(from_end)?)
}

fn count<'a>(eval: &Eval<'a>, args: &'a Args, side: Side, whole: bool) -> Lookup<Value<'a>> {
    let name = args.str(0).unwrap_or_default();
    eval.scope.head(side).map(|head| {
        let n =
            if whole { lines(head, name).count() } else { lines(head, name).flat_map(Values::of).count() };
        Value::Sint(i64::try_from(n).unwrap_or(i64::MAX))
    })
}

/// An address, with or without a port after an IPv4 one.
fn address(text: &[u8]) -> Option<Value<'_>> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(inside) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return inside.parse().ok().map(Value::Ipv6);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Value::from_ip(ip));
    }
    let (host, port) = text.split_once(':')?;
    port.parse::<u16>().ok()?;
    host.parse().ok().map(Value::Ipv4)
}

fn names<'a>(eval: &Eval<'a>, args: &'a Args, side: Side) -> Lookup<Value<'a>> {
    let delimiter = args.str(0).filter(|d| !d.is_empty()).unwrap_or(b",");
    let scratch = eval.scratch;
    eval.scope.head(side).map(|head| {
        Value::Str(scratch.build(|out| {
            for (i, line) in head.lines().iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice_copy(delimiter);
                }
                out.extend_from_slice_copy(head.name(line));
            }
        }))
    })
}

fn block<'a>(eval: &Eval<'a>, side: Side) -> Lookup<Value<'a>> {
    let scratch = eval.scratch;
    eval.scope.head(side).map(|head| {
        Value::Bin(scratch.build(|out| {
            for line in head.lines() {
                out.extend_from_slice_copy(head.name(line));
                out.extend_from_slice_copy(b": ");
                out.extend_from_slice_copy(head.value(line));
                out.extend_from_slice_copy(b"\r\n");
            }
            out.extend_from_slice_copy(b"\r\n");
        }))
    })
}

/// Names and values, each behind its length as a variable-length integer, two empty texts at the end.
fn binary_block<'a>(eval: &Eval<'a>, side: Side) -> Lookup<Value<'a>> {
    let scratch = eval.scratch;
    eval.scope.head(side).map(|head| {
        Value::Bin(scratch.build(|out| {
            for line in head.lines() {
                varint(head.name(line).len() as u64, out);
                out.extend_from_slice_copy(head.name(line));
                varint(head.value(line).len() as u64, out);
                out.extend_from_slice_copy(head.value(line));
            }
            out.extend_from_slice_copy(&[0, 0]);
        }))
    })
}

/// The variable-length integer of SPOP: up to 239 in one byte, then 4 and 7 bits a byte.
fn varint(mut n: u64, out: &mut impl Extend<u8>) {
    if n < 240 {
        return out.extend([n as u8]);
    }
    out.extend([n as u8 | 240]);
    n = (n - 240) >> 4;
    while n >= 128 {
        out.extend([n as u8 | 128]);
        n = (n - 128) >> 7;
    }
    out.extend([n as u8]);
}
