//! URLs: percent-encoding and parameters.

use super::encoding::hex_digits;
use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, converter, prepared};
use crate::{Load, Type, Value};

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter("url_dec", (0, &[ArgType::Int]), Type::Str, Type::Str, url_dec, "Percent-decoded."),
    prepared(
        converter("url_enc", (0, &[ArgType::Str]), Type::Str, Type::Str, url_enc, "Percent-encoded."),
        prepare_enc,
    ),
    converter(
        "param",
        (1, &[ArgType::Str, ArgType::Str]),
        Type::Str,
        Type::Str,
        param,
        "The value of a parameter.",
    ),
];

/// `+` is a blank after the `?`, and everywhere for an argument other than 0.
fn url_dec<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let text = value.bytes()?;
    let mut in_form = args.int(0).unwrap_or(0) != 0;
    let mut out = eval.scratch.buffer();
    let mut rest = text;
    while let Some((c, tail)) = rest.split_first() {
        rest = tail;
        match c {
            b'+' if in_form => out.push(b' '),
            b'%' => {
                let [a, b, after @ ..] = tail else { return None };
                let digit = |c: u8| char::from(c).to_digit(16);
                // Text holds no NUL.
                out.push(Some((digit(*a)? << 4 | digit(*b)?) as u8).filter(|c| *c != 0)?);
                rest = after;
            }
            b'?' => {
                in_form = true;
                out.push(b'?');
            }
            c => out.push(*c),
        }
    }
    Some(Value::Str(out.into_bump_slice()))
}

fn url_enc<'a>(eval: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let text = value.bytes()?;
    Some(Value::Str(eval.scratch.build(|out| {
        for c in text {
            if c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'~') {
                out.push(*c);
            } else {
                let [high, low] = hex_digits(*c);
                out.extend_from_slice_copy(&[b'%', high, low]);
            }
        }
    })))
}

fn prepare_enc(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.arg(0) {
        Arg::None => Ok(()),
        Arg::Str(s) if **s == *b"query" => Ok(()),
        _ => Err("Unexpected encode type. Allowed value is 'query'".into()),
    }
}

fn param<'a>(_: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let name = args.str(0)?;
    let delimiter = args.str(1).and_then(|d| d.first()).copied().unwrap_or(b'&');
    value.bytes()?.split(|c| *c == delimiter).find_map(|pair| {
        let rest = pair.strip_prefix(name)?;
        match rest.split_first() {
            None => Some(Value::Str(b"")),
            Some((b'=', value)) => Some(Value::Str(value)),
            Some(_) => None,
        }
    })
}
