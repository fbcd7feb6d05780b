//! The process and its clocks (manual, 7.3.2).

use super::{flag, number, text};
use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch, prepared_fetch};
use crate::place::Needs;
use crate::scope::{Number, Scheduling, Text};
use crate::{Load, Lookup, Type, Value};

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch(
        "act_conn",
        NO_ARGS,
        Type::Sint,
        Needs::Nothing,
        |e, _| number(e, Number::ActiveConnections),
        "Connections of the process.",
    ),
    prepared_fetch(
        fetch(
            "date",
            (0, &[ArgType::Int, ArgType::Str]),
            Type::Sint,
            Needs::Nothing,
            date,
            "The time now, with an offset.",
        ),
        |args, _| unit(args, 1),
    ),
    fetch(
        "date_us",
        NO_ARGS,
        Type::Sint,
        Needs::Nothing,
        |e, _| Lookup::Value(Value::Sint(e.scope.clock().wall_us.rem_euclid(1_000_000))),
        "Microseconds of the time now.",
    ),
    prepared_fetch(
        fetch(
            "accept_date",
            (0, &[ArgType::Str]),
            Type::Sint,
            Needs::ClientConnection,
            |e, a| in_unit(e.scope.times().accepted_us, a, 0),
            "When the connection was accepted.",
        ),
        |args, _| unit(args, 0),
    ),
    prepared_fetch(
        fetch(
            "request_date",
            (0, &[ArgType::Str]),
            Type::Sint,
            Needs::Request,
            |e, a| in_unit(e.scope.times().request_us, a, 0),
            "When the request's first byte came.",
        ),
        |args, _| unit(args, 0),
    ),
    fetch(
        "hostname",
        NO_ARGS,
        Type::Str,
        Needs::Nothing,
        |e, _| text(e, Text::Hostname),
        "This machine's name.",
    ),
    fetch("pid", NO_ARGS, Type::Sint, Needs::Nothing, |e, _| number(e, Number::Pid), "The process's id."),
    fetch(
        "thread",
        NO_ARGS,
        Type::Sint,
        Needs::Nothing,
        |e, _| number(e, Number::Thread),
        "The worker's number.",
    ),
    fetch(
        "tgroup",
        NO_ARGS,
        Type::Sint,
        Needs::Nothing,
        |e, _| number(e, Number::ThreadGroup),
        "The number of the worker's group.",
    ),
    fetch(
        "uptime",
        NO_ARGS,
        Type::Sint,
        Needs::Nothing,
        |e, _| number(e, Number::Uptime),
        "Seconds since the start.",
    ),
    fetch(
        "stopping",
        NO_ARGS,
        Type::Bool,
        Needs::Process,
        |e, _| flag(e, Number::Stopping),
        "Whether the process stops.",
    ),
    fetch(
        "quic_enabled",
        NO_ARGS,
        Type::Bool,
        Needs::Nothing,
        |_, _| Lookup::Value(Value::Bool(false)),
        "Whether QUIC may be used.",
    ),
    fetch(
        "rand",
        (0, &[ArgType::Int]),
        Type::Sint,
        Needs::Nothing,
        rand,
        "A random integer below 2^32 or the limit.",
    ),
    prepared_fetch(
        fetch(
            "uuid",
            (0, &[ArgType::Int]),
            Type::Str,
            Needs::Nothing,
            uuid,
            "A random UUID of version 4 or 7.",
        ),
        prepare_uuid,
    ),
    fetch(
        "cpu_calls",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::Scheduling(Scheduling::Calls)),
        "How often the task ran.",
    ),
    fetch(
        "cpu_ns_avg",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::Scheduling(Scheduling::CpuAverage)),
        "Mean ns a call of the task.",
    ),
    fetch(
        "cpu_ns_tot",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::Scheduling(Scheduling::CpuTotal)),
        "Total ns of the task.",
    ),
    fetch(
        "lat_ns_avg",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::Scheduling(Scheduling::LatencyAverage)),
        "Mean ns the task waited.",
    ),
    fetch(
        "lat_ns_tot",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::Scheduling(Scheduling::LatencyTotal)),
        "Total ns the task waited.",
    ),
    fetch(
        "cpu_usage_grp",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::Scheduling(Scheduling::UsageGroup)),
        "Processor use of the group, percent.",
    ),
    fetch(
        "cpu_usage_proc",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::Scheduling(Scheduling::UsageProcess)),
        "Processor use of the process, percent.",
    ),
    fetch(
        "cpu_usage_thr",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::Scheduling(Scheduling::UsageThread)),
        "Processor use of the worker, percent.",
    ),
    fetch(
        "prio_class",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::PriorityClass),
        "Class of priority in queues.",
    ),
    fetch(
        "prio_offset",
        NO_ARGS,
        Type::Sint,
        Needs::Process,
        |e, _| number(e, Number::PriorityOffset),
        "Offset of priority in queues.",
    ),
];

fn date<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let now = eval.scope.clock().wall_us;
    let shift = args.int(0).unwrap_or(0);
    let us = match unit_of(args, 1) {
        Unit::Seconds => shift.saturating_mul(1_000_000),
        Unit::Millis => shift.saturating_mul(1000),
        Unit::Micros => shift,
    };
    in_unit(now.saturating_add(us), args, 1)
}

fn rand<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let random = eval.scope.random() >> 32;
    Lookup::Value(Value::Sint(match args.int(0).map(u64::try_from) {
        Some(Ok(limit)) => (random.wrapping_mul(limit) >> 32).cast_signed(),
        _ => random.cast_signed(),
    }))
}

fn uuid<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let scope = eval.scope;
    let (high, low) = (scope.random(), scope.random());
    let version = args.int(0).unwrap_or(4).cast_unsigned();
    let high = match version {
        7 => (scope.clock().wall_us / 1000).cast_unsigned() << 16 | high & 0xfff | 0x7000,
        _ => high & !0xf000 | 0x4000,
    };
    let low = low & !(3 << 62) | 2 << 62;
    let text = eval.scratch.build(|out| {
        let digit = |n: u64| b"0123456789abcdef".get((n & 15) as usize).copied().unwrap_or(b'0');
        for i in 0..32u32 {
            if matches!(i, 8 | 12 | 16 | 20) {
                out.push(b'-');
            }
            let half = if i < 16 { high } else { low };
            out.push(digit(half >> (60 - 4 * (i % 16))));
        }
    });
    Lookup::Value(Value::Str(text))
}

fn prepare_uuid(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.int(0) {
        None | Some(4 | 7) => Ok(()),
        Some(n) => Err(format!("Unsupported UUID version: '{n}'")),
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    Millis,
    Micros,
}

fn unit_of(args: &Args, n: usize) -> Unit {
    match args.int(n) {
        Some(1000) => Unit::Millis,
        Some(1_000_000) => Unit::Micros,
        _ => Unit::Seconds,
    }
}

fn in_unit<'a>(us: i64, args: &Args, n: usize) -> Lookup<Value<'a>> {
    Lookup::Value(Value::Sint(match unit_of(args, n) {
        Unit::Seconds => us.div_euclid(1_000_000),
        Unit::Millis => us.div_euclid(1000),
        Unit::Micros => us,
    }))
}

/// Reads a unit of time as its parts of a second.
fn unit(args: &mut Args, n: usize) -> Result<(), String> {
    let parts = match args.str(n) {
        None => return Ok(()),
        Some(b"s") => 1,
        Some(b"ms") => 1000,
        Some(b"us") => 1_000_000,
        Some(other) => {
            return Err(format!("expects 's', 'ms' or 'us', got '{}'", String::from_utf8_lossy(other)));
        }
    };
    args.set(n, Arg::Int(parts));
    Ok(())
}
