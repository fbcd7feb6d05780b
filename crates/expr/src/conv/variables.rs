//! Converters that read and write variables.

use crate::args::{Arg, ArgType, Args};
use crate::fetch::trim;
use crate::keyword::{Converter, Eval, converter, prepared};
use crate::scope::Number;
use crate::vars::{VarRef, When};
use crate::{Load, Type, Value};

const THREE: (u8, &[ArgType]) = (0, &[ArgType::Str, ArgType::Str, ArgType::Str]);

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    prepared(
        converter(
            "set-var",
            (1, &[ArgType::Str, ArgType::Str, ArgType::Str, ArgType::Str, ArgType::Str]),
            Type::Any,
            Type::Any,
            set_var,
            "Stores it in a variable.",
        ),
        |a, _| assigned(a),
    ),
    prepared(
        converter("unset-var", (1, &[ArgType::Str]), Type::Any, Type::Any, unset_var, "Forgets a variable."),
        |a, _| first(a),
    ),
    prepared(
        converter("concat", THREE, Type::Str, Type::Str, concat, "With texts and a variable at its end."),
        |a, _| second(a),
    ),
    prepared(
        converter(
            "add_item",
            (2, &[ArgType::Str, ArgType::Str, ArgType::Str]),
            Type::Str,
            Type::Str,
            add_item,
            "A list with one more item.",
        ),
        |a, _| second(a),
    ),
    prepared(
        converter(
            "when",
            (1, &[ArgType::Str, ArgType::Str, ArgType::Str, ArgType::Str]),
            Type::Any,
            Type::Any,
            when,
            "The sample, where a condition of the stream holds.",
        ),
        prepare_when,
    ),
    converter(
        "capture-req",
        (1, &[ArgType::Int]),
        Type::Str,
        Type::Str,
        |_, _, v| Some(v),
        "Puts it in a capture slot of the request.",
    ),
    converter(
        "capture-res",
        (1, &[ArgType::Int]),
        Type::Str,
        Type::Str,
        |_, _, v| Some(v),
        "Puts it in a capture slot of the response.",
    ),
];

fn set_var<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let var = args.var(0)?;
    let (scope, scratch) = (eval.scope, eval.scratch);
    let holds = |n| {
        args.str(n)
            .and_then(|name| When::named(name).ok())
            .is_none_or(|when| when.holds(scope, var, value, scratch))
    };
    if !(1..args.len()).all(holds) {
        return Some(value);
    }
    scope.set_var(var, Some(value));
    Some(value)
}

fn unset_var<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    eval.scope.set_var(args.var(0)?, None);
    Some(value)
}

fn concat<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (text, scratch) = (value.bytes()?, eval.scratch);
    let held =
        args.var(1).and_then(|var| eval.scope.var(var, scratch)).map_or(&b""[..], |v| v.to_str(scratch));
    Some(Value::Str(scratch.build(|out| {
        out.extend_from_slice_copy(text);
        out.extend_from_slice_copy(args.str(0).unwrap_or_default());
        out.extend_from_slice_copy(held);
        out.extend_from_slice_copy(args.str(2).unwrap_or_default());
    })))
}

fn add_item<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (text, scratch) = (value.bytes()?, eval.scratch);
    let held =
        args.var(1).and_then(|var| eval.scope.var(var, scratch)).map_or(&b""[..], |v| v.to_str(scratch));
    let suffix = args.str(2).unwrap_or_default();
    if held.is_empty() && suffix.is_empty() {
        return Some(value);
    }
    Some(Value::Str(scratch.build(|out| {
        out.extend_from_slice_copy(text);
        if !text.is_empty() {
            out.extend_from_slice_copy(args.str(0).unwrap_or_default());
        }
        out.extend_from_slice_copy(held);
        out.extend_from_slice_copy(suffix);
    })))
}

fn when<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let scope = eval.scope;
    let number = |what| scope.number(what).is_some_and(|n| n != 0);
    let error = || scope.number(Number::Normal) == Some(0);
    let forwarded = || scope.text(crate::scope::Text::Server).is_some();
    let served = || scope.text(crate::scope::Text::Service).is_some();
    let (name, negated) = match args.str(0)?.strip_prefix(b"!") {
        Some(name) => (name, true),
        None => (args.str(0)?, false),
    };
    let holds = match name {
        b"error" => error(),
        b"normal" => !error(),
        b"forwarded" => forwarded(),
        b"toapplet" => served(),
        b"processed" => forwarded() || served(),
        b"stopping" => number(Number::Stopping),
        _ => false,
    };
    (holds != negated).then_some(value)
}

fn prepare_when(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let name = args.str(0).map(trim).unwrap_or_default();
    let known: [&[u8]; 6] = [b"error", b"normal", b"forwarded", b"toapplet", b"processed", b"stopping"];
    match name.strip_prefix(b"!").unwrap_or(name) {
        name if known.contains(&name) => Ok(()),
        name => Err(format!("unknown condition '{}'", String::from_utf8_lossy(name))),
    }
}

/// A variable, and conditions.
fn assigned(args: &mut Args) -> Result<(), String> {
    first(args)?;
    for n in 1..args.len() {
        let Some(name) = args.str(n) else { continue };
        When::named(name)?;
    }
    Ok(())
}

fn first(args: &mut Args) -> Result<(), String> {
    let var = VarRef::parse(args.str(0).unwrap_or_default())?;
    args.set(0, Arg::Var(Box::new(var)));
    Ok(())
}

fn second(args: &mut Args) -> Result<(), String> {
    let Some(name) = args.str(1).filter(|n| !n.is_empty()) else { return Ok(()) };
    let var = VarRef::parse(name)
        .map_err(|_| format!("failed to register variable name '{}'", String::from_utf8_lossy(name)))?;
    args.set(1, Arg::Var(Box::new(var)));
    Ok(())
}
