//! Constants.

use crate::args::{ArgType, Args};
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch};
use crate::place::Needs;
use crate::{Lookup, Type, Value};

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch("always_true", NO_ARGS, Type::Bool, Needs::Nothing, always_true, "True."),
    fetch("always_false", NO_ARGS, Type::Bool, Needs::Nothing, always_false, "False."),
    fetch("str", (1, &[ArgType::Str]), Type::Str, Needs::Nothing, str, "The text given."),
    fetch("int", (1, &[ArgType::Int]), Type::Sint, Needs::Nothing, int, "The integer given."),
];

fn always_true<'a>(_: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    Lookup::Value(Value::Bool(true))
}

fn always_false<'a>(_: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    Lookup::Value(Value::Bool(false))
}

fn str<'a>(_: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    args.str(0).map(Value::Str).into()
}

fn int<'a>(_: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    args.int(0).map(Value::Sint).into()
}
