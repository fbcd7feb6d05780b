//! Variables (manual, 7.3.2).

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Eval, Fetch, fetch, prepared_fetch};
use crate::place::Needs;
use crate::vars::VarRef;
use crate::{Load, Lookup, Type, Value};

/// The table.
pub(super) const FETCHES: &[Fetch] = &[prepared_fetch(
    fetch(
        "var",
        (1, &[ArgType::Str, ArgType::Str]),
        Type::Any,
        Needs::Nothing,
        variable,
        "A variable, or a default.",
    ),
    prepare,
)];

fn variable<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let (scope, scratch) = (eval.scope, eval.scratch);
    let found = args.var(0).and_then(|var| scope.var(var, scratch));
    found.or_else(|| args.str(1).map(Value::Str)).into()
}

fn prepare(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let var = VarRef::parse(args.str(0).unwrap_or_default())?;
    args.set(0, Arg::Var(Box::new(var)));
    Ok(())
}
