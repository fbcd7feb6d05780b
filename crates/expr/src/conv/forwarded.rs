//! The Forwarded header (RFC 7239).

use std::net::IpAddr;

use crate::args::{ArgType, Args};
use crate::keyword::{Converter, Eval, NO_ARGS, converter};
use crate::{Type, Value};

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter(
        "rfc7239_is_valid",
        NO_ARGS,
        Type::Str,
        Type::Bool,
        |_, _, v| Some(Value::Bool(is_valid(v.bytes()?))),
        "Whether it is a Forwarded header.",
    ),
    converter(
        "rfc7239_field",
        (1, &[ArgType::Str]),
        Type::Str,
        Type::Str,
        field,
        "A field of a Forwarded header.",
    ),
    converter(
        "rfc7239_n2nn",
        NO_ARGS,
        Type::Str,
        Type::Any,
        |_, _, v| node_name(v.bytes()?),
        "The name of a node.",
    ),
    converter(
        "rfc7239_n2np",
        NO_ARGS,
        Type::Str,
        Type::Any,
        |_, _, v| node_port(v.bytes()?),
        "The port of a node.",
    ),
    converter("rfc7239_nn", NO_ARGS, Type::Any, Type::Str, to_name, "A node's name, as the header has it."),
    converter("rfc7239_np", NO_ARGS, Type::Any, Type::Str, to_port, "A node's port, as the header has it."),
];

/// The fields of the first element: name and value with its quotes.
fn fields(text: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut found: Vec<(&[u8], &[u8])> = Vec::new();
    let mut rest = text;
    loop {
        let equals = memchr::memchr(b'=', rest)?;
        let name = rest.get(..equals)?;
        let known: [&[u8]; 4] = [b"for", b"by", b"host", b"proto"];
        let once = found.iter().all(|(n, _)| *n != name);
        if !once || !known.contains(&name) {
            return None;
        }
        let value = rest.get(equals + 1..)?;
        let end = if value.first() == Some(&b'"') {
            value.iter().skip(1).position(|c| *c == b'"')? + 2
        } else {
            value.iter().position(|c| matches!(c, b';' | b' ')).unwrap_or(value.len())
        };
        found.push((name, value.get(..end)?));
        rest = value.get(end..)?;
        match rest.split_first() {
            None => return Some(found),
            Some((b';', tail)) => rest = tail,
            Some(_) => return None,
        }
    }
}

fn is_valid(text: &[u8]) -> bool {
    let Some(fields) = fields(text) else { return false };
    fields.iter().all(|(name, value)| match *name {
        b"for" | b"by" => node(value).is_some(),
        _ => {
            let bare = unquoted(value);
            !bare.is_empty() && bare.iter().all(|c| c.is_ascii_graphic())
        }
    })
}

fn field<'a>(_: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let name = args.str(0)?;
    let text = value.bytes()?;
    if !is_valid(text) {
        return None;
    }
    let found = fields(text)?;
    let (_, value) = found.into_iter().find(|(n, _)| *n == name)?;
    Some(Value::Str(unquoted(value)))
}

fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")).unwrap_or(text)
}

/// A node parted into name and port: quotes are needed for an IPv6 name and for a port.
fn node(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let bare = unquoted(text);
    let (name, port) = parts(bare)?;
    // What has a colon needs quotes in the header.
    let fits = bare.len() != text.len() || (name.first() != Some(&b'[') && port.is_none());
    fits.then_some((name, port))
}

/// The name and the port of a node without its quotes.
fn parts(bare: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (name, port) = if bare.first() == Some(&b'[') {
        let end = memchr::memchr(b']', bare)?;
        let (name, rest) = bare.split_at_checked(end + 1)?;
        match rest {
            [] => (name, None),
            [b':', port @ ..] => (name, Some(port)),
            _ => return None,
        }
    } else {
        match memchr::memchr(b':', bare) {
            Some(at) => (bare.get(..at)?, bare.get(at + 1..)),
            None => (bare, None),
        }
    };
    if let Some(port) = port {
        let number = std::str::from_utf8(port).ok().and_then(|p| p.parse::<u16>().ok()).is_some();
        if !number && !is_obfuscated(port) {
            return None;
        }
    }
    let known = name == b"unknown" || is_obfuscated(name) || address(name).is_some();
    known.then_some((name, port))
}

fn is_obfuscated(text: &[u8]) -> bool {
    text.len() > 1
        && text.first() == Some(&b'_')
        && text.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'))
}

fn address(name: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(name).ok()?;
    match text.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().map(IpAddr::V4),
    }
}

fn node_name(text: &[u8]) -> Option<Value<'_>> {
    let name = match parts(text) {
        Some((name, _)) => name,
        None => leading_name(text)?,
    };
    Some(address(name).map_or(Value::Str(name), Value::from_ip))
}

/// The name that a text begins with; what follows does not matter, but for a port.
fn leading_name(text: &[u8]) -> Option<&[u8]> {
    let while_in = |inside: fn(&u8) -> bool| text.iter().position(|c| !inside(c)).unwrap_or(text.len());
    let end = match text.first()? {
        b'[' => memchr::memchr(b']', text)? + 1,
        b'_' => while_in(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-')),
        b'u' => 7,
        _ => while_in(|c| c.is_ascii_digit() || *c == b'.'),
    };
    let (name, rest) = text.split_at_checked(end)?;
    let known = name == b"unknown" || is_obfuscated(name) || address(name).is_some();
    (known && rest.first() != Some(&b':')).then_some(name)
}

fn node_port(text: &[u8]) -> Option<Value<'_>> {
    let port = parts(text)?.1?;
    match std::str::from_utf8(port).ok()?.parse::<u16>() {
        Ok(n) => Some(Value::Sint(n.into())),
        Err(_) => Some(Value::Str(port)),
    }
}

fn to_name<'a>(eval: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let scratch = eval.scratch;
    Some(match value {
        Value::Ipv4(_) => Value::Str(value.to_str(scratch)),
        Value::Ipv6(_) => Value::Str(scratch.build(|out| {
            out.push(b'[');
            value.write(out);
            out.push(b']');
        })),
        other => match other.to_str(scratch) {
            b"" => Value::Str(b"unknown"),
            text => obfuscated(eval, text)?,
        },
    })
}

fn to_port<'a>(eval: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    match value {
        // Its low 32 bits, whatever a port may be.
        Value::Sint(n) => Some(Value::Str(Value::Sint((n as u32).into()).to_str(eval.scratch))),
        other => obfuscated(eval, other.to_str(eval.scratch)),
    }
}

fn obfuscated<'a>(eval: &Eval<'a>, text: &'a [u8]) -> Option<Value<'a>> {
    let safe =
        !text.is_empty() && text.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'));
    safe.then(|| {
        Value::Str(eval.scratch.build(|out| {
            out.push(b'_');
            out.extend_from_slice_copy(text);
        }))
    })
}
