//! Text: case, parts, trimming, replacement.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, NO_ARGS, converter, prepared};
use crate::regex::{self, Regex};
use crate::vars::VarRef;
use crate::{Load, Type, Value};

const PART: (u8, &[ArgType]) = (2, &[ArgType::Int, ArgType::Str, ArgType::Int]);

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter(
        "lower",
        NO_ARGS,
        Type::Str,
        Type::Str,
        |e, _, v| folded(e, v, u8::to_ascii_lowercase),
        "In lower case.",
    ),
    converter(
        "upper",
        NO_ARGS,
        Type::Str,
        Type::Str,
        |e, _, v| folded(e, v, u8::to_ascii_uppercase),
        "In upper case.",
    ),
    converter(
        "length",
        NO_ARGS,
        Type::Str,
        Type::Sint,
        |_, _, v| Some(Value::Sint(i64::try_from(v.bytes()?.len()).ok()?)),
        "Its length in bytes.",
    ),
    converter("reverse", NO_ARGS, Type::Str, Type::Str, reverse, "Backwards."),
    converter(
        "reverse_dom",
        NO_ARGS,
        Type::Str,
        Type::Str,
        reverse_dom,
        "A domain with its labels backwards.",
    ),
    converter(
        "ltrim",
        (1, &[ArgType::Str]),
        Type::Str,
        Type::Str,
        |_, a, v| trimmed(a, v, true),
        "Without these characters at its start.",
    ),
    converter(
        "rtrim",
        (1, &[ArgType::Str]),
        Type::Str,
        Type::Str,
        |_, a, v| trimmed(a, v, false),
        "Without these characters at its end.",
    ),
    converter(
        "cut_crlf",
        NO_ARGS,
        Type::Str,
        Type::Str,
        cut_crlf,
        "What stands before the first end of line.",
    ),
    prepared(
        converter("field", PART, Type::Str, Type::Str, field, "A field between delimiters."),
        prepare_part,
    ),
    prepared(
        converter("word", PART, Type::Str, Type::Str, word, "A word between runs of delimiters."),
        prepare_part,
    ),
    prepared(
        converter(
            "bytes",
            (1, &[ArgType::Str, ArgType::Str]),
            Type::Bin,
            Type::Bin,
            bytes,
            "Some bytes from an offset on.",
        ),
        prepare_bytes,
    ),
    prepared(
        converter(
            "regsub",
            (2, &[ArgType::Regex, ArgType::Str, ArgType::Str]),
            Type::Str,
            Type::Str,
            regsub,
            "With matches of a regex replaced.",
        ),
        prepare_regsub,
    ),
    converter(
        "iif",
        (2, &[ArgType::Str, ArgType::Str]),
        Type::Bool,
        Type::Str,
        iif,
        "One text if true, another if not.",
    ),
    prepared(
        converter(
            "has_ctl",
            (0, &[ArgType::Str]),
            Type::Bin,
            Type::Bool,
            has_ctl,
            "Whether it has control characters, of those that a mask names.",
        ),
        prepare_has_ctl,
    ),
    prepared(
        converter(
            "strcmp",
            (1, &[ArgType::Str]),
            Type::Str,
            Type::Sint,
            strcmp,
            "How it compares with a variable.",
        ),
        prepare_variable,
    ),
    prepared(
        converter(
            "secure_memcmp",
            (1, &[ArgType::Str]),
            Type::Bin,
            Type::Bool,
            secure_memcmp,
            "Whether it is a variable's bytes, in constant time.",
        ),
        prepare_variable,
    ),
    converter(
        "debug",
        (0, &[ArgType::Str, ArgType::Str]),
        Type::Any,
        Type::Same,
        |_, _, v| Some(v),
        "The sample itself.",
    ),
    converter(
        "language",
        (1, &[ArgType::Str, ArgType::Str]),
        Type::Str,
        Type::Str,
        language,
        "The best language of a list.",
    ),
];

/// Replaces the mask of control characters by its bits: one for each of the first 32 characters, one for DEL.
fn prepare_has_ctl(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let given = args.str(0).unwrap_or_default();
    let text = String::from_utf8_lossy(given).into_owned();
    let bits = match given {
        b"" => ALL_BUT_TAB,
        b"any" => ALL,
        b"http" => FORBIDDEN_IN_HTTP,
        _ => {
            let (bits, end) = leading_mask(&text);
            if end < text.len() {
                return Err(format!(
                    "cannot parse value '{text}', problem at position {end}; expecting an integer value (decimal or hex \
                     with '0x' prefix)."
                ));
            }
            bits
        }
    };
    if bits & !ALL != 0 {
        return Err(format!("unsupported excess bits {:#x} in argument value {text}.", bits & !ALL));
    }
    args.set(0, Arg::Int(bits));
    Ok(())
}

/// A number as C's `strtoll` reads it, in any base, and where it ends.
fn leading_mask(text: &str) -> (i64, usize) {
    let spaces = text.len() - text.trim_start().len();
    let unsigned = text.trim_start().trim_start_matches(['+', '-']);
    let signs = text.len() - spaces - unsigned.len();
    if signs > 1 {
        return (0, 0);
    }
    let hex = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"));
    let hex = hex.filter(|h| h.starts_with(|c: char| c.is_ascii_hexdigit()));
    let (digits, radix) = match hex {
        Some(hex) => (hex, 16),
        None if unsigned.starts_with('0') => (unsigned, 8),
        None => (unsigned, 10),
    };
    let len = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let Some(number) = digits.get(..len).filter(|d| !d.is_empty()) else { return (0, 0) };
    let negative = text.trim_start().starts_with('-');
    let limit = if negative { i64::MIN } else { i64::MAX };
    let bits = i64::from_str_radix(number, radix).map_or(limit, |n| if negative { -n } else { n });
    (bits, text.len() - digits.len() + len)
}

fn has_ctl<'a>(_: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let bits = args.int(0).unwrap_or(ALL_BUT_TAB);
    let bit = |c: &u8| match *c {
        c @ ..32 => 1 << c,
        127 => 1_i64 << 32,
        _ => 0,
    };
    Some(Value::Bool(value.bytes()?.iter().any(|c| bits & bit(c) != 0)))
}

fn folded<'a>(eval: &Eval<'a>, value: Value<'a>, fold: fn(&u8) -> u8) -> Option<Value<'a>> {
    let text = value.bytes()?;
    if text.iter().all(|c| fold(c) == *c) {
        return Some(Value::Str(text));
    }
    Some(Value::Str(eval.scratch.build(|out| out.extend(text.iter().map(fold)))))
}

fn reverse<'a>(eval: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let text = value.bytes()?;
    Some(Value::Str(eval.scratch.build(|out| out.extend(text.iter().rev().copied()))))
}

fn reverse_dom<'a>(eval: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let text = value.bytes()?;
    let text = text.strip_suffix(b".").unwrap_or(text);
    if text.is_empty() || text.starts_with(b".") {
        return None;
    }
    let reversed = eval.scratch.build(|out| {
        for (i, label) in text.rsplit(|c| *c == b'.').enumerate() {
            if i > 0 {
                out.push(b'.');
            }
            out.extend_from_slice_copy(label);
        }
    });
    Some(Value::Str(reversed))
}

fn trimmed<'a>(args: &Args, value: Value<'a>, left: bool) -> Option<Value<'a>> {
    let set = args.str(0).unwrap_or_default();
    let text = value.bytes()?;
    let kept = if left {
        text.get(text.iter().position(|c| !set.contains(c)).unwrap_or(text.len())..)
    } else {
        text.get(..text.iter().rposition(|c| !set.contains(c)).map_or(0, |at| at + 1))
    };
    kept.map(Value::Str)
}

fn cut_crlf<'a>(_: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let text = value.bytes()?;
    let end = memchr::memchr2(b'\r', b'\n', text).unwrap_or(text.len());
    text.get(..end).map(Value::Str)
}

/// Fields `index` to `index + count - 1`, from the end for a negative index; all that follow for a count of 0 or less.
fn field<'a>(_: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let text = value.bytes()?;
    let (index, count) = (args.int(0)?, args.int(2).unwrap_or(1).max(0));
    let set = args.str(1)?;
    let bounds = || FieldBounds { text, set, at: Some(0) };
    pick(text, bounds, index, count)
}

/// As `field`, but runs of delimiters part words, and none is empty.
fn word<'a>(_: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let text = value.bytes()?;
    let (index, count) = (args.int(0)?, args.int(2).unwrap_or(1).max(0));
    let set = args.str(1)?;
    let bounds = || FieldBounds { text, set, at: Some(0) }.filter(|(start, end)| start < end);
    pick(text, bounds, index, count)
}

/// The bounds of each field of a text.
struct FieldBounds<'a> {
    text: &'a [u8],
    set: &'a [u8],
    at: Option<usize>,
}

impl Iterator for FieldBounds<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let start = self.at?;
        let rest = self.text.get(start..)?;
        match rest.iter().position(|c| self.set.contains(c)) {
            Some(len) => {
                self.at = Some(start + len + 1);
                Some((start, start + len))
            }
            None => {
                self.at = None;
                Some((start, self.text.len()))
            }
        }
    }
}

fn pick<'a, I: Iterator<Item = (usize, usize)>>(
    text: &'a [u8],
    bounds: impl Fn() -> I,
    index: i64,
    count: i64,
) -> Option<Value<'a>> {
    let total = i64::try_from(bounds().count()).ok()?;
    let nth = |n: i64| usize::try_from(n).ok().and_then(|n| bounds().nth(n));
    // Where more are asked for than there are, all that is left is taken, delimiters too.
    let (start, end) = if index > 0 {
        let (start, _) = nth(index - 1)?;
        let last = index.saturating_add(count).saturating_sub(2);
        (start, nth(last).filter(|_| count > 0).map_or(text.len(), |(_, end)| end))
    } else {
        let (_, end) = nth(total.saturating_add(index))?;
        let first = total.saturating_add(index).saturating_sub(count - 1);
        (nth(first).filter(|_| count > 0).map_or(0, |(start, _)| start), end)
    };
    text.get(start..end).map(Value::Str)
}

fn prepare_part(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.int(0) {
        Some(0) => Err("Unexpected value 0 for index".into()),
        _ => Ok(()),
    }
}

fn bytes<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let data = value.bytes()?;
    let number = |n: usize| -> Option<usize> {
        match args.arg(n) {
            Arg::Int(i) => usize::try_from(*i).ok(),
            Arg::Var(var) => usize::try_from(eval.scope.var(var, eval.scratch)?.to_sint()?).ok(),
            _ => None,
        }
    };
    let rest = data.get(number(0)?..).unwrap_or_default();
    let len = match args.arg(1) {
        Arg::None => rest.len(),
        _ => number(1)?,
    };
    rest.get(..len.min(rest.len())).map(Value::Bin)
}

fn prepare_bytes(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    for n in 0..args.len() {
        let Some(text) = args.str(n) else { continue };
        let arg = match crate::args::integer(text) {
            Some(i) if i > 0 || (i == 0 && n == 0) => Arg::Int(i),
            Some(_) if n == 0 => return Err("expects a non-negative integer".into()),
            Some(_) => return Err("expects a positive integer".into()),
            None => {
                Arg::Var(Box::new(VarRef::parse(text).map_err(|_| "expects an integer or a variable name")?))
            }
        };
        args.set(n, arg);
    }
    Ok(())
}

fn regsub<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let Arg::Regex(pattern) = args.arg(0) else { return None };
    let text = value.bytes()?;
    let all = args.int(2).unwrap_or(0) == 1;
    let replacement = args.str(1).unwrap_or_default();
    Some(Value::Str(eval.scratch.build(|out| {
        regex::replace(pattern, text, replacement, all, out);
    })))
}

fn prepare_regsub(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let flags = args.str(2).unwrap_or_default().to_vec();
    if let Some(bad) = flags.iter().find(|c| !matches!(c, b'i' | b'g')) {
        return Err(format!("invalid regex flag '{}', only 'i' and 'g' are supported", char::from(*bad)));
    }
    if let (true, Arg::Regex(pattern)) = (flags.contains(&b'i'), args.arg(0)) {
        let folded = Regex::compile(pattern.source(), false)?;
        args.set(0, Arg::Regex(std::sync::Arc::new(folded)));
    }
    args.set(2, Arg::Int(i64::from(flags.contains(&b'g'))));
    Ok(())
}

fn iif<'a>(_: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let n = usize::from(!value.to_bool()?);
    Some(Value::Str(args.str(n).unwrap_or_default()))
}

fn strcmp<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (text, scratch) = (value.bytes()?, eval.scratch);
    let other = eval.scope.var(args.var(0)?, scratch)?.to_str(scratch);
    let common = text.iter().zip(other).find(|(a, b)| a != b);
    Some(Value::Sint(match common {
        Some((a, b)) => i64::from(*a) - i64::from(*b),
        None => text.len().cmp(&other.len()) as i64,
    }))
}

fn secure_memcmp<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (data, scratch) = (value.bytes()?, eval.scratch);
    let other = eval.scope.var(args.var(0)?, scratch)?.to_bin(scratch);
    let differing = data.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    Some(Value::Bool(data.len() == other.len() && differing == 0))
}

fn prepare_variable(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let text = args.str(0).unwrap_or_default();
    let var = VarRef::parse(text)
        .map_err(|_| format!("failed to register variable name '{}'", String::from_utf8_lossy(text)))?;
    args.set(0, Arg::Var(Box::new(var)));
    Ok(())
}

/// The language of `args[0]` that an Accept-Language value likes best.
fn language<'a>(_: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let mut best: Option<(u32, &'a [u8])> = None;
    for range in value.bytes()?.split(|c| *c == b',') {
        let mut parts = range.split(|c| *c == b';').map(crate::fetch::trim);
        let tag = parts.next()?;
        let quality = parts.find_map(|p| p.strip_prefix(b"q=")).map_or(1000, quality);
        let wanted = args.str(0)?.split(|c| *c == b';');
        let found = wanted.into_iter().find(|w| !w.is_empty() && is_within(tag, w));
        if let Some(found) = found.filter(|_| quality > best.map_or(0, |(q, _)| q)) {
            best = Some((quality, found));
        }
    }
    best.map(|(_, tag)| tag).or_else(|| args.str(1)).map(Value::Str)
}

/// Whether a language tag is that language, or a variant of it.
fn is_within(tag: &[u8], language: &[u8]) -> bool {
    let Some((head, rest)) = tag.split_at_checked(language.len()) else { return false };
    head == language && matches!(rest.first(), None | Some(b'-'))
}

/// `0.85` as 850.
fn quality(text: &[u8]) -> u32 {
    let mut digits = text.iter().filter(|c| c.is_ascii_digit()).map(|c| u32::from(c - b'0'));
    (0..4).fold(0, |n, _| n * 10 + digits.next().unwrap_or(0))
}

/// All control characters, as a mask.
const ALL: i64 = 0x1_ffff_ffff;
const ALL_BUT_TAB: i64 = 0x1_ffff_fdff;
/// NUL, LF and CR (RFC 9110, 5.5).
const FORBIDDEN_IN_HTTP: i64 = 0x2401;
