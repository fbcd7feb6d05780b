//! JSON: texts made safe for it, and values found in it.

use serde_json::Value as Json;

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, converter, prepared};
use crate::{Load, Type, Value};

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    prepared(
        converter("json", (0, &[ArgType::Str]), Type::Str, Type::Str, escaped, "Escaped for a JSON string."),
        prepare_escape,
    ),
    converter(
        "json_query",
        (1, &[ArgType::Str, ArgType::Str]),
        Type::Str,
        Type::Any,
        query,
        "The value at a path.",
    ),
];

const ASCII: i64 = 0;
const UTF8: i64 = 1;
const UTF8_SKIP: i64 = 2;
const UTF8_PERMISSIVE: i64 = 3;
const UTF8_BOTH: i64 = 4;

fn escaped<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let mode = args.int(0).unwrap_or(ASCII);
    let mut out = eval.scratch.buffer();
    let mut rest = value.bytes()?;
    while let Some((c, tail)) = rest.split_first() {
        let mut code = u32::from(*c);
        rest = tail;
        if mode != ASCII && *c >= 0x80 {
            match character(c, tail) {
                Some((found, after)) => (code, rest) = (found, after),
                None if matches!(mode, UTF8_SKIP | UTF8_BOTH) => continue,
                None => return None,
            }
        }
        match code {
            0x22 => out.extend_from_slice_copy(b"\\\""),
            0x5c => out.extend_from_slice_copy(b"\\\\"),
            0x2f => out.extend_from_slice_copy(b"\\/"),
            0x08 => out.extend_from_slice_copy(b"\\b"),
            0x09 => out.extend_from_slice_copy(b"\\t"),
            0x0a => out.extend_from_slice_copy(b"\\n"),
            0x0c => out.extend_from_slice_copy(b"\\f"),
            0x0d => out.extend_from_slice_copy(b"\\r"),
            0x20..=0x7e => out.push(code as u8),
            _ => unicode(code, &mut out),
        }
    }
    Some(Value::Str(out.into_bump_slice()))
}

fn unicode(code: u32, out: &mut impl Extend<u8>) {
    let digit = |n: u32| b"0123456789abcdef".get((n & 15) as usize).copied().unwrap_or(b'0');
    out.extend([b'\\', b'u', digit(code >> 12), digit(code >> 8), digit(code >> 4), digit(code)]);
}

/// The character of two or three bytes that a text begins with, and the rest.
fn character<'a>(first: &u8, tail: &'a [u8]) -> Option<(u32, &'a [u8])> {
    (1..=2).find_map(|len| {
        let (more, after) = tail.split_at_checked(len)?;
        let mut bytes = [0u8; 4];
        *bytes.first_mut()? = *first;
        bytes.get_mut(1..=len)?.copy_from_slice(more);
        let text = std::str::from_utf8(bytes.get(..=len)?).ok()?;
        let c = text.chars().next().filter(|_| text.chars().count() == 1)?;
        Some((u32::from(c), after))
    })
}

fn prepare_escape(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let mode = match args.str(0) {
        None | Some(b"ascii" | b"") => ASCII,
        Some(b"utf8") => UTF8,
        Some(b"utf8s") => UTF8_SKIP,
        Some(b"utf8p") => UTF8_PERMISSIVE,
        Some(b"utf8ps") => UTF8_BOTH,
        Some(_) => {
            return Err(
                "Unexpected input code type. Allowed value are 'ascii', 'utf8', 'utf8s', 'utf8p' and 'utf8ps'".into()
            );
        }
    };
    args.set(0, Arg::Int(mode));
    Ok(())
}

fn query<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    look_up(eval, value.bytes()?, args.str(0)?, args.str(1) == Some(b"int"))
}

/// The value at a path of a document.
pub(super) fn look_up<'a>(
    eval: &mut Eval<'a>,
    document: &[u8],
    path: &[u8],
    as_int: bool,
) -> Option<Value<'a>> {
    let document: Json = serde_json::from_slice(document).ok()?;
    let found = document.pointer(&pointer(path)?)?;
    let scratch = eval.scratch;
    Some(match found {
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(i) if as_int => Value::Sint(i),
            None if as_int => Value::Sint(n.as_f64()? as i64),
            _ => {
                let n = n.as_f64()?;
                Value::Str(scratch.build(|out| general(n, out)))
            }
        },
        Json::String(s) if as_int => Value::Sint(Value::Str(s.as_bytes()).to_sint()?),
        Json::String(s) => Value::Str(scratch.bytes(s.as_bytes())),
        Json::Array(_) => Value::Str(scratch.bytes(found.to_string().as_bytes())),
        Json::Null | Json::Object(_) => return None,
    })
}

/// A number with six digits, as `%g` of C has it.
fn general(n: f64, out: &mut impl Extend<u8>) {
    let text = format!("{n:.5e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let bare = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    let shown = if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap_or(0);
        let fixed = format!("{n:.decimals$}");
        if decimals == 0 { fixed } else { bare(&fixed) }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", bare(digits), exponent.abs())
    };
    out.extend(shown.bytes());
}

/// `$.a.b[1]` as `/a/b/1`.
fn pointer(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?.strip_prefix('$')?;
    let mut out = String::new();
    for part in path.split(['.', '[', ']']).filter(|p| !p.is_empty()) {
        out.push('/');
        out.push_str(&part.trim_matches('\'').replace('~', "~0").replace('/', "~1"));
    }
    Some(out)
}
