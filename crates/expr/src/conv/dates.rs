//! Dates out of integers, and integers out of dates.

use crate::args::{Arg, ArgType, Args};
use crate::date::{self, Civil, strftime};
use crate::keyword::{Converter, Eval, NO_ARGS, converter, prepared};
use crate::{Load, Type, Value};

const FORMAT: (u8, &[ArgType]) = (1, &[ArgType::Str, ArgType::Int]);

macro_rules! formatted {
    ($name:literal, $parts:literal, $local:literal, $help:literal) => {
        converter($name, FORMAT, Type::Sint, Type::Str, |e, a, v| formatted(e, a, v, $parts, $local), $help)
    };
}

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    formatted!("utime", 1, false, "A date in UTC, from seconds."),
    formatted!("ltime", 1, true, "A date in local time, from seconds."),
    formatted!("ms_utime", 1000, false, "A date in UTC, from milliseconds."),
    formatted!("ms_ltime", 1000, true, "A date in local time, from milliseconds."),
    formatted!("us_utime", 1_000_000, false, "A date in UTC, from microseconds."),
    formatted!("us_ltime", 1_000_000, true, "A date in local time, from microseconds."),
    prepared(
        converter(
            "http_date",
            (0, &[ArgType::Int, ArgType::Str]),
            Type::Sint,
            Type::Str,
            http_date,
            "A date as HTTP has it.",
        ),
        prepare_http_date,
    ),
    converter(
        "date",
        NO_ARGS,
        Type::Str,
        Type::Sint,
        |_, _, v| date::parse_http(v.bytes()?).map(Value::Sint),
        "Seconds, from a date of HTTP.",
    ),
];

/// Seconds of a date have 55 bits and no sign.
const SECONDS: i64 = (1 << 55) - 1;

fn formatted<'a>(
    eval: &Eval<'a>,
    args: &'a Args,
    value: Value<'a>,
    parts: i64,
    local: bool,
) -> Option<Value<'a>> {
    let (time, shift) = (value.to_sint()?, args.int(1).unwrap_or(0));
    let time = if parts == 1 { time & SECONDS } else { time }.wrapping_add(shift);
    let (seconds, fraction) = (time / parts, time % parts);
    let offset = if local { eval.scope.utc_offset(seconds) } else { 0 };
    let nanos = (parts > 1).then_some(fraction * (1_000_000_000 / parts));
    let format = args.str(0)?;
    Some(Value::Str(eval.scratch.build(|out| strftime(format, seconds, offset, nanos, local, out))))
}

fn http_date<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let parts = args.int(1).unwrap_or(1);
    let time = value.to_sint()?.wrapping_add(args.int(0).unwrap_or(0));
    let civil = Civil::new((time / parts) & SECONDS, 0);
    let fraction = time % parts;
    Some(Value::Str(eval.scratch.build(|out| {
        civil.write_http(out);
        if parts > 1 {
            out.truncate(out.len().saturating_sub(4));
            let width = if parts == 1000 { 3 } else { 6 };
            out.push(b'.');
            let width = if fraction < 0 { width - 1 } else { width };
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(fraction.unsigned_abs()).as_bytes();
            out.extend((fraction < 0).then_some(b'-'));
            out.extend(std::iter::repeat_n(b'0', usize::saturating_sub(width, digits.len())));
            out.extend_from_slice_copy(digits);
            out.extend_from_slice_copy(b" GMT");
        }
    })))
}

fn prepare_http_date(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let parts = match args.str(1) {
        None | Some(b"s") => 1,
        Some(b"ms") => 1000,
        Some(b"us") => 1_000_000,
        Some(other) => {
            return Err(format!("expects 's', 'ms' or 'us', got '{}'", String::from_utf8_lossy(other)));
        }
    };
    args.set(1, Arg::Int(parts));
    Ok(())
}
