//! FIX messages (Financial Information eXchange): tags and values between SOH characters.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, NO_ARGS, converter, prepared};
use crate::{Load, Type, Value};

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter(
        "fix_is_valid",
        NO_ARGS,
        Type::Bin,
        Type::Bool,
        |_, _, v| is_valid(v.bytes()?).map(Value::Bool),
        "Whether it is a FIX message.",
    ),
    prepared(
        converter(
            "fix_tag_value",
            (1, &[ArgType::Str]),
            Type::Bin,
            Type::Bin,
            |_, a, v| {
                let wanted = a.int(0)?;
                tags(v.bytes()?)
                    .find(|(tag, _)| number(tag) == Some(wanted))
                    .map(|(_, value)| Value::Bin(value))
            },
            "The value of a tag of a FIX message.",
        ),
        prepare,
    ),
];

const SOH: u8 = 1;

/// Tags and values in order.
fn tags(message: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    message.split(|c| *c == SOH).filter_map(|field| {
        let at = memchr::memchr(b'=', field)?;
        Some((field.get(..at)?, field.get(at + 1..)?))
    })
}

fn number(tag: &[u8]) -> Option<i64> {
    crate::args::integer(tag).filter(|_| tag.iter().all(u8::is_ascii_digit))
}

/// Whether the first tags are BeginString, BodyLength and MsgType, the last is CheckSum, and length and sum are
/// right. `None` where the message is not all there; what follows it does not matter.
fn is_valid(message: &[u8]) -> Option<bool> {
    let (mut at, mut begin, mut length) = (0, 0, 0);
    if message.len() < SHORTEST {
        return None;
    }
    for n in 0.. {
        let rest = message.get(at..)?;
        let equals = memchr::memchr(b'=', rest)?;
        let value = rest.get(equals + 1..)?;
        let value = value.get(..memchr::memchr(SOH, value)?)?;
        let Some(tag) = number(rest.get(..equals)?) else { return Some(false) };
        let size = equals + 1 + value.len();
        match (n, tag) {
            (0, 8) if VERSIONS.contains(&value) => {}
            (1, 9) => {
                begin = at + size + 1;
                length = number(value).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
            }
            (2, 35) => {}
            (0..=2, _) => return Some(false),
            (_, 10) => {
                let total = message.get(..at)?.iter().fold(0u8, |sum, c| sum.wrapping_add(*c));
                let right_sum = value.len() == 3 && number(value) == Some(i64::from(total));
                return Some(right_sum && at - begin == length);
            }
            _ => {}
        }
        at += size + 1;
    }
    None
}

/// A message with the tags that it must have.
const SHORTEST: usize = 26;

const VERSIONS: [&[u8]; 6] = [b"FIX.4.0", b"FIX.4.1", b"FIX.4.2", b"FIX.4.3", b"FIX.4.4", b"FIXT.1.1"];

fn prepare(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let text = args.str(0).unwrap_or_default();
    let tag = match text {
        b"BeginString" => 8,
        b"BodyLength" => 9,
        b"MsgType" => 35,
        b"SenderCompID" => 49,
        b"TargetCompID" => 56,
        b"CheckSum" => 10,
        _ => match number(text) {
            Some(n) => n,
            None => return Err(format!("Unknown FIX tag name '{}'", String::from_utf8_lossy(text))),
        },
    };
    args.set(0, Arg::Int(tag));
    Ok(())
}
