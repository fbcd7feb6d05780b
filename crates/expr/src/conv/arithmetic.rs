//! Integers: arithmetic that saturates instead of wrapping, bits, and truth.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, NO_ARGS, converter, prepared};
use crate::vars::VarRef;
use crate::{Load, Type, Value};

const OPERAND: (u8, &[ArgType]) = (1, &[ArgType::Str]);

macro_rules! binary {
    ($name:literal, $f:expr, $help:literal) => {
        prepared(
            converter($name, OPERAND, Type::Sint, Type::Sint, |e, a, v| with(e, a, v, $f), $help),
            prepare,
        )
    };
}
macro_rules! unary {
    ($name:literal, $out:ident, $f:expr, $help:literal) => {
        converter(
            $name,
            NO_ARGS,
            Type::Sint,
            Type::$out,
            |_, _, v| {
                let f: fn(i64) -> _ = $f;
                v.to_sint().map(f).map(Value::$out)
            },
            $help,
        )
    };
}

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    binary!("add", i64::saturating_add, "Adds."),
    binary!("sub", i64::saturating_sub, "Subtracts."),
    binary!("mul", i64::saturating_mul, "Multiplies."),
    binary!("div", divide, "Divides; the largest integer for a divisor of 0."),
    binary!("mod", |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) }, "The remainder; 0 for a divisor of 0."),
    binary!("and", |a, b| a & b, "The bits that both have."),
    binary!("or", |a, b| a | b, "The bits that one of them has."),
    binary!("xor", |a, b| a ^ b, "The bits in which they differ."),
    unary!("neg", Sint, i64::saturating_neg, "The opposite."),
    unary!("cpl", Sint, |a| !a, "All bits turned."),
    unary!("even", Bool, |a| a & 1 == 0, "Whether it is even."),
    unary!("odd", Bool, |a| a & 1 == 1, "Whether it is odd."),
    unary!("bool", Bool, |a| a != 0, "Whether it is not zero."),
    unary!("not", Bool, |a| a == 0, "Whether it is zero."),
];

fn with<'a>(eval: &Eval<'a>, args: &'a Args, value: Value<'a>, f: fn(i64, i64) -> i64) -> Option<Value<'a>> {
    Some(Value::Sint(f(value.to_sint()?, operand(eval, args)?)))
}

/// The argument's number, or the variable's.
fn operand(eval: &Eval<'_>, args: &Args) -> Option<i64> {
    match args.arg(0) {
        Arg::Int(n) => Some(*n),
        Arg::Var(var) => eval.scope.var(var, eval.scratch)?.to_sint(),
        _ => None,
    }
}

const fn divide(a: i64, b: i64) -> i64 {
    match (a, b) {
        (_, 0) => i64::MAX,
        _ => a.saturating_div(b),
    }
}

fn prepare(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let text = args.str(0).unwrap_or_default();
    let arg = match crate::args::integer(text) {
        Some(n) => Arg::Int(n),
        None => match VarRef::parse(text) {
            Ok(var) => Arg::Var(Box::new(var)),
            Err(_) => return Err("expects an integer or a variable name".into()),
        },
    };
    args.set(0, arg);
    Ok(())
}
