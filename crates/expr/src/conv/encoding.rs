//! Forms of bytes: base64, hexadecimal, binary digits, integers.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::args::{ArgType, Args};
use crate::keyword::{Converter, Eval, NO_ARGS, converter, prepared};
use crate::{Load, Type, Value};

const CHUNKS: (u8, &[ArgType]) = (2, &[ArgType::Str, ArgType::Int, ArgType::Int]);
const OPTIONAL_CHUNKS: (u8, &[ArgType]) = (0, &[ArgType::Str, ArgType::Int, ArgType::Int]);

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter("base64", NO_ARGS, Type::Bin, Type::Str, |e, _, v| encode(e, v, &PADDED), "In base64."),
    converter("b64dec", NO_ARGS, Type::Str, Type::Bin, |e, _, v| decode(e, v), "Out of base64."),
    converter("ub64enc", NO_ARGS, Type::Bin, Type::Str, |e, _, v| encode(e, v, &URL), "In base64 for URLs."),
    converter(
        "ub64dec",
        NO_ARGS,
        Type::Str,
        Type::Bin,
        |e, _, v| decode_url(e, v.bytes()?).map(Value::Bin),
        "Out of base64 for URLs.",
    ),
    converter("hex", NO_ARGS, Type::Bin, Type::Str, hex, "In hexadecimal."),
    converter("base2", NO_ARGS, Type::Bin, Type::Str, base2, "In binary digits."),
    converter("hex2i", NO_ARGS, Type::Str, Type::Sint, hex2i, "The integer of hexadecimal digits."),
    converter("htonl", NO_ARGS, Type::Sint, Type::Bin, htonl, "The low 32 bits in network order."),
    prepared(
        converter(
            "be2dec",
            CHUNKS,
            Type::Bin,
            Type::Str,
            |e, a, v| decimals(e, a, v, false),
            "Chunks in decimal, high byte first.",
        ),
        |a, _| chunk_range(a),
    ),
    prepared(
        converter(
            "le2dec",
            CHUNKS,
            Type::Bin,
            Type::Str,
            |e, a, v| decimals(e, a, v, true),
            "Chunks in decimal, low byte first.",
        ),
        |a, _| chunk_range(a),
    ),
    prepared(
        converter("be2hex", OPTIONAL_CHUNKS, Type::Bin, Type::Str, hexes, "Chunks in hexadecimal."),
        prepare_hexes,
    ),
];

/// Base64 as users write it: padded, whatever the bits that count for nothing.
pub(crate) const PADDED: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
const URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes that base64 of the alphabet for URLs stands for. It has no padding: `=` counts as a digit, the
/// last one.
pub(super) fn decode_url<'a>(eval: &Eval<'a>, text: &[u8]) -> Option<&'a [u8]> {
    let mut digits = [0u8; 64];
    let mut data = eval.scratch.buffer();
    // Parts of 64 digits stand for whole bytes, all but the last.
    for part in text.chunks(digits.len()) {
        let digits = digits.get_mut(..part.len())?;
        digits.iter_mut().zip(part).for_each(|(to, c)| *to = if *c == b'=' { b'_' } else { *c });
        let at = data.len();
        data.resize(at + digits.len().div_ceil(4) * 3, 0);
        let len = URL.decode_slice(&*digits, data.get_mut(at..)?).ok()?;
        data.truncate(at + len);
    }
    Some(data.into_bump_slice())
}

fn encode<'a>(eval: &Eval<'a>, value: Value<'a>, engine: &GeneralPurpose) -> Option<Value<'a>> {
    let data = value.bytes()?;
    let mut text = eval.scratch.buffer();
    text.resize(data.len().div_ceil(3) * 4, 0);
    let len = engine.encode_slice(data, &mut text).ok()?;
    text.truncate(len);
    Some(Value::Str(text.into_bump_slice()))
}

fn decode<'a>(eval: &Eval<'a>, value: Value<'a>) -> Option<Value<'a>> {
    let text = value.bytes()?;
    let mut data = eval.scratch.buffer();
    data.resize(text.len() / 4 * 3 + 3, 0);
    let len = PADDED.decode_slice(text, &mut data).ok()?;
    data.truncate(len);
    Some(Value::Bin(data.into_bump_slice()))
}

fn hex<'a>(eval: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let data = value.bytes()?;
    Some(Value::Str(eval.scratch.build(|out| out.extend(data.iter().flat_map(|c| hex_digits(*c))))))
}

/// Two upper-case hexadecimal digits.
pub(super) const fn hex_digits(c: u8) -> [u8; 2] {
    const fn digit(n: u8) -> u8 {
        if n < 10 { b'0' + n } else { b'A' + n - 10 }
    }
    [digit(c >> 4), digit(c & 15)]
}

fn base2<'a>(eval: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let data = value.bytes()?;
    Some(Value::Str(eval.scratch.build(|out| {
        for c in data {
            out.extend((0..8).rev().map(|bit| b'0' + (c >> bit & 1)));
        }
    })))
}

fn hex2i<'a>(_: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let mut n = 0u64;
    for c in value.bytes()? {
        n = n << 4 | u64::from(char::from(*c).to_digit(16)?);
    }
    Some(Value::Sint(n.cast_signed()))
}

fn htonl<'a>(eval: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let [.., a, b, c, d] = value.to_sint()?.to_be_bytes();
    Some(Value::Bin(eval.scratch.bytes(&[a, b, c, d])))
}

/// The chunks of the data; with `truncate` (third argument) an incomplete last one is left out.
fn chunks<'a>(args: &Args, data: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let size = args.int(1).and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
    let truncate = args.int(2).unwrap_or(0) != 0;
    data.chunks(size).filter(move |chunk| !truncate || chunk.len() == size)
}

fn decimals<'a>(eval: &Eval<'a>, args: &'a Args, value: Value<'a>, little: bool) -> Option<Value<'a>> {
    let (data, separator) = (value.bytes()?, args.str(0).unwrap_or_default());
    Some(Value::Str(eval.scratch.build(|out| {
        for (i, chunk) in chunks(args, data).enumerate() {
            if i > 0 {
                out.extend_from_slice_copy(separator);
            }
            let n = if little {
                little_endian(chunk)
            } else {
                chunk.iter().fold(0u64, |n, c| n << 8 | u64::from(*c))
            };
            out.extend_from_slice_copy(itoa::Buffer::new().format(n).as_bytes());
        }
    })))
}

/// As the reference computes it: in steps of 32 bits that are laid over each other, with their sign.
fn little_endian(chunk: &[u8]) -> u64 {
    let places = (0..32).step_by(8).cycle();
    chunk
        .iter()
        .zip(places)
        .fold(0, |n, (byte, place)| n | i64::from((u32::from(*byte) << place).cast_signed()).cast_unsigned())
}

fn hexes<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (data, separator) = (value.bytes()?, args.str(0).unwrap_or_default());
    Some(Value::Str(eval.scratch.build(|out| {
        for (i, chunk) in chunks(args, data).enumerate() {
            if i > 0 {
                out.extend_from_slice_copy(separator);
            }
            out.extend(chunk.iter().flat_map(|c| hex_digits(*c)));
        }
    })))
}

fn chunk_range(args: &Args) -> Result<(), String> {
    match args.int(1) {
        Some(1..=8) => Ok(()),
        other => Err(format!("chunk_size out of [1..8] range ({})", other.unwrap_or(0))),
    }
}

fn prepare_hexes(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match (args.len(), args.int(1)) {
        (0, _) | (_, Some(1..)) => Ok(()),
        (_, size) => Err(format!("chunk_size needs to be positive ({})", size.unwrap_or(0))),
    }
}
