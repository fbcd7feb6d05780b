//! Constants, and what is constant while the process runs.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch, prepared_fetch};
use crate::place::Needs;
use crate::{Load, Lookup, Type, Value};

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch(
        "always_true",
        NO_ARGS,
        Type::Bool,
        Needs::Nothing,
        |_, _| Lookup::Value(Value::Bool(true)),
        "True.",
    ),
    fetch(
        "always_false",
        NO_ARGS,
        Type::Bool,
        Needs::Nothing,
        |_, _| Lookup::Value(Value::Bool(false)),
        "False.",
    ),
    fetch("str", (1, &[ArgType::Str]), Type::Str, Needs::Nothing, constant, "The text given."),
    fetch("int", (1, &[ArgType::Int]), Type::Sint, Needs::Nothing, constant, "The integer given."),
    fetch("ipv4", (1, &[ArgType::Ipv4]), Type::Ipv4, Needs::Nothing, constant, "The IPv4 address given."),
    fetch("ipv6", (1, &[ArgType::Ipv6]), Type::Ipv6, Needs::Nothing, constant, "The IPv6 address given."),
    fetch("meth", (1, &[ArgType::Str]), Type::Meth, Needs::Nothing, method, "The HTTP method given."),
    prepared_fetch(
        fetch("bool", (1, &[ArgType::Str]), Type::Bool, Needs::Nothing, truth, "The boolean given."),
        prepare_truth,
    ),
    prepared_fetch(
        fetch(
            "bin",
            (1, &[ArgType::Str]),
            Type::Bin,
            Needs::Nothing,
            binary,
            "The bytes given in hexadecimal.",
        ),
        prepare_binary,
    ),
    prepared_fetch(
        fetch("env", (1, &[ArgType::Str]), Type::Str, Needs::Nothing, constant, "An environment variable."),
        prepare_environment,
    ),
    fetch("nbproc", NO_ARGS, Type::Sint, Needs::Nothing, |_, _| Lookup::Value(Value::Sint(1)), "Always 1."),
    fetch("proc", NO_ARGS, Type::Sint, Needs::Nothing, |_, _| Lookup::Value(Value::Sint(1)), "Always 1."),
];

fn constant<'a>(_: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    Lookup::Value(match args.arg(0) {
        Arg::Str(s) => Value::Str(s),
        Arg::Int(i) => Value::Sint(*i),
        Arg::Ipv4(ip) => Value::Ipv4(*ip),
        Arg::Ipv6(ip) => Value::Ipv6(*ip),
        _ => return Lookup::Absent,
    })
}

fn method<'a>(_: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    args.str(0).map(Value::Meth).into()
}

fn truth<'a>(_: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    args.int(0).map(|i| Value::Bool(i != 0)).into()
}

fn binary<'a>(_: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    args.str(0).map(Value::Bin).into()
}

fn prepare_truth(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let value = match args.str(0) {
        Some(b"1") => 1,
        Some(b"0") => 0,
        Some(s) if s.eq_ignore_ascii_case(b"true") => 1,
        Some(s) if s.eq_ignore_ascii_case(b"false") => 0,
        _ => return Err("Expects 'true', 'false', '0' or '1'".into()),
    };
    args.set(0, Arg::Int(value));
    Ok(())
}

fn prepare_binary(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let bytes = crate::pattern::parse_hex(args.str(0).unwrap_or_default())?;
    args.set(0, Arg::Str(bytes.into()));
    Ok(())
}

fn prepare_environment(args: &mut Args, load: &mut Load<'_>) -> Result<(), String> {
    let name = String::from_utf8_lossy(args.str(0).unwrap_or_default()).into_owned();
    let arg = load.names.environment(&name).map_or(Arg::None, |value| Arg::Str(value.into()));
    args.set(0, arg);
    Ok(())
}
