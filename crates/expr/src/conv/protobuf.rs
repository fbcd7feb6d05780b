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
        let Raw { wire: 2, bytes } = find(inner, *field)? else { return None };
        inner = bytes;
    }
    shown(find(inner, *last)?, args.str(1))
}

/// A field as it lies in the message.
#[derive(Clone, Copy)]
struct Raw<'a> {
    /// Its wire type: 0 a variable-length integer, 1 eight bytes, 2 bytes behind their length, 5 four bytes.
    wire: u64,
    bytes: &'a [u8],
}

/// The first field of that number.
fn find(mut message: &[u8], field: u32) -> Option<Raw<'_>> {
    while !message.is_empty() {
        let (key, rest) = varint(message)?;
        let wire = key & 7;
        let (bytes, rest) = match wire {
            0 => {
                let (_, after) = varint(rest)?;
                rest.split_at_checked(rest.len() - after.len())?
            }
            1 => rest.split_at_checked(8)?,
            2 => {
                let (len, rest) = varint(rest)?;
                rest.split_at_checked(usize::try_from(len).ok()?)?
            }
            5 => rest.split_at_checked(4)?,
            _ => return None,
        };
        if key >> 3 == u64::from(field) {
            return Some(Raw { wire, bytes });
        }
        message = rest;
    }
    None
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

/// The bytes as they are without a type; nothing where the type is not one of the field's.
fn shown<'a>(raw: Raw<'a>, kind: Option<&[u8]>) -> Option<Value<'a>> {
    let Some(kind) = kind.filter(|kind| !kind.is_empty()) else { return Some(Value::Bin(raw.bytes)) };
    let zigzag = |n: u64| (n >> 1) as i64 ^ -((n & 1) as i64);
    Some(match (raw.wire, kind) {
        (0, _) => {
            let (n, _) = varint(raw.bytes)?;
            match kind {
                b"sint32" | b"sint64" => Value::Sint(zigzag(n)),
                b"bool" => Value::Bool(n != 0),
                b"int32" | b"enum" => Value::Sint(i64::from(n as i32)),
                b"uint32" => Value::Sint(i64::from(n as u32)),
                b"int64" | b"uint64" => Value::Sint(n.cast_signed()),
                _ => return None,
            }
        }
        (1, _) => {
            let n = u64::from_le_bytes(raw.bytes.try_into().ok()?);
            match kind {
                b"double" => Value::Sint(f64::from_bits(n) as i64),
                b"fixed64" | b"sfixed64" => Value::Sint(n.cast_signed()),
                _ => return None,
            }
        }
        (5, _) => {
            let n = u32::from_le_bytes(raw.bytes.try_into().ok()?);
            match kind {
                b"float" => Value::Sint(f32::from_bits(n) as i64),
                b"sfixed32" => Value::Sint(i64::from(n as i32)),
                b"fixed32" => Value::Sint(i64::from(n)),
                _ => return None,
            }
        }
        (_, b"string") => Value::Str(raw.bytes),
        (_, b"bytes") => Value::Bin(raw.bytes),
        _ => return None,
    })
}
