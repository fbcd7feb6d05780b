//! Protocol buffers and gRPC frames.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, converter};
use crate::{Type, Value};

const FIELD: (u8, &[ArgType]) = (1, &[ArgType::PbufFields, ArgType::Str]);

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter(
        "protobuf",
        FIELD,
        Type::Bin,
        Type::Bin,
        |_, a, v| protobuf(a, v.bytes()?),
        "A field of a protocol buffers message.",
    ),
    converter("ungrpc", FIELD, Type::Bin, Type::Bin, ungrpc, "A field of the message in a gRPC frame."),
];

fn ungrpc<'a>(_: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (head, rest) = value.bytes()?.split_at_checked(5)?;
    let [0, length @ ..] = head else { return None };
    let length = length.iter().fold(0usize, |n, c| n << 8 | usize::from(*c));
    protobuf(args, rest.get(..length.min(rest.len()))?)
}

fn protobuf<'a>(args: &Args, message: &'a [u8]) -> Option<Value<'a>> {
    let Arg::Fields(path) = args.arg(0) else { return None };
    let (last, outer) = path.split_last()?;
    let mut inner = message;
    for field in outer {
        let Raw::Bytes(found) = find(inner, *field)? else { return None };
        inner = found;
    }
    shown(find(inner, *last)?, args.str(1))
}

/// A field as it lies in the message.
#[derive(Clone, Copy)]
enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The last field of that number.
fn find(mut message: &[u8], field: u32) -> Option<Raw<'_>> {
    let mut found = None;
    while !message.is_empty() {
        let (key, rest) = varint(message)?;
        let (raw, rest) = match key & 7 {
            0 => varint(rest).map(|(n, rest)| (Raw::Varint(n), rest))?,
            1 => rest.split_first_chunk().map(|(b, rest)| (Raw::Fixed64(u64::from_le_bytes(*b)), rest))?,
            2 => {
                let (len, rest) = varint(rest)?;
                let (bytes, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
                (Raw::Bytes(bytes), rest)
            }
            5 => rest.split_first_chunk().map(|(b, rest)| (Raw::Fixed32(u32::from_le_bytes(*b)), rest))?,
            _ => return None,
        };
        if key >> 3 == u64::from(field) {
            found = Some(raw);
            break;
        }
        message = rest;
    }
    found
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut n = 0u64;
    for (i, c) in bytes.iter().enumerate().take(10) {
        n |= u64::from(c & 127) << (7 * i);
        if c & 128 == 0 {
            return Some((n, bytes.get(i + 1..)?));
        }
    }
    None
}

fn shown<'a>(raw: Raw<'a>, kind: Option<&[u8]>) -> Option<Value<'a>> {
    let zigzag = |n: u64| (n >> 1) as i64 ^ -((n & 1) as i64);
    Some(match (raw, kind.unwrap_or_default()) {
        (Raw::Bytes(bytes), b"string") => Value::Str(bytes),
        (Raw::Bytes(bytes), _) => Value::Bin(bytes),
        (Raw::Varint(n), b"sint32" | b"sint64") => Value::Sint(zigzag(n)),
        (Raw::Varint(n), b"bool") => Value::Bool(n != 0),
        (Raw::Varint(n), b"int32" | b"enum") => Value::Sint(i64::from(n as i32)),
        (Raw::Varint(n), b"uint32") => Value::Sint(i64::from(n as u32)),
        (Raw::Varint(n), _) => Value::Sint(n.cast_signed()),
        (Raw::Fixed64(n), b"double") => Value::Sint(f64::from_bits(n) as i64),
        (Raw::Fixed64(n), _) => Value::Sint(n.cast_signed()),
        (Raw::Fixed32(n), b"float") => Value::Sint(f32::from_bits(n) as i64),
        (Raw::Fixed32(n), b"sfixed32") => Value::Sint(i64::from(n as i32)),
        (Raw::Fixed32(n), _) => Value::Sint(i64::from(n)),
    })
}
