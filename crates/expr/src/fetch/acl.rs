//! ACLs as samples (manual, 7.3.2, `acl`).

use std::sync::Arc;

use crate::acl::{self, Verdict};
use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Eval, Fetch, fetch, prepared_fetch};
use crate::place::Needs;
use crate::{Load, Lookup, Type, Value};

/// The table.
pub(super) const FETCHES: &[Fetch] = &[prepared_fetch(
    fetch(
        "acl",
        (0, &[ArgType::Str; 12]),
        Type::Bool,
        Needs::Nothing,
        holds,
        "Whether all of these ACLs hold.",
    ),
    prepare,
)];

fn holds<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let Arg::Acls(terms) = args.arg(0) else { return Lookup::Absent };
    match acl::all_of(terms, eval.scope, eval.scratch) {
        Verdict::True => Lookup::Value(Value::Bool(true)),
        Verdict::False => Lookup::Value(Value::Bool(false)),
        Verdict::NotYet => Lookup::NotYet,
    }
}

/// Puts the lines of the ACLs in the place of their names, of which each may be negated by `!`.
fn prepare(args: &mut Args, load: &mut Load<'_>) -> Result<(), String> {
    let given = (1..12).rev().find(|at| args.str(*at).is_some()).map_or(1, |last| last + 1);
    let mut terms = Vec::with_capacity(given);
    for at in 0..given {
        let written = args.str(at).unwrap_or_default().to_vec();
        let term = acl::Term::named(&written, load);
        terms.push(term.ok_or_else(|| {
            let name = written.strip_prefix(b"!").unwrap_or(&written);
            format!("ACL '{}' not found", String::from_utf8_lossy(name))
        })?);
    }
    args.set(0, Arg::Acls(Arc::from(terms)));
    Ok(())
}
