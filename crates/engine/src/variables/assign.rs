//! Variables of the process that are set outside of transactions: by `set-var` of `global` (manual, 3.1) and by
//! that of the runtime API (management manual, 9.3).

use weir_expr::scope::{Clock, Number};
use weir_expr::{Error, Expr, Format, Load, Purpose, Scope, Scratch, Value, VarRef, VarScope};

use super::ProcessVariables;
use crate::clock;

/// Where the value of a variable comes from, in its text form.
#[derive(Clone, Copy, Debug)]
pub enum Source<'t> {
    /// A sample expression.
    Sample(&'t [u8]),
    /// A log format.
    Format(&'t [u8]),
}

/// Reads what is to be set, evaluates it once and sets the variable; a sample that is absent leaves it as it is.
/// Errors are in HAProxy's words.
pub fn assign(
    vars: &ProcessVariables,
    var: &VarRef,
    source: Source<'_>,
    load: &mut Load<'_>,
) -> Result<(), Error> {
    let scratch = Scratch::new();
    let scope = Alone { vars };
    match source {
        Source::Sample(text) => {
            let expr = Expr::compile(text, load)?;
            expr.check_place(load).map_err(|reason| {
                let needs = reason.split('\'').nth(1).unwrap_or_default();
                let name = format!("{}.{}", var.scope.name(), String::from_utf8_lossy(&var.name));
                let message = format!(
                    "fetch method 'set-var({name})' extracts information from '{needs}', none of which is available here"
                );
                Error::new(message, 0, text.len())
            })?;
            if let Some(value) = expr.eval(&scope, &scratch).some() {
                vars.lock().set(var, Some(value));
            }
        }
        Source::Format(text) => {
            let format = Format::compile(text, Purpose::Text, load)?;
            let mut out = Vec::new();
            format.render(&scope, &scratch, &mut out, LONGEST);
            vars.lock().set(var, Some(Value::Str(&out)));
        }
    }
    Ok(())
}

/// Lets the process have the variables of a configuration. Those that the one before set alike are left alone:
/// they may have changed since.
pub(crate) fn adopt(
    vars: &ProcessVariables,
    limit: Option<usize>,
    new: &ProcessVariables,
    old: Option<&ProcessVariables>,
) {
    let scratch = Scratch::new();
    let new = new.lock();
    vars.lock().limit(limit);
    for (name, value) in new.iter(&scratch) {
        let Ok(var) = VarRef::parse(&[b"proc.", name].concat()) else { continue };
        let before = old.and_then(|old| old.lock().value(&var, &scratch));
        if before != Some(value) {
            vars.lock().set(&var, Some(value));
        }
    }
}

/// What is there without a transaction.
struct Alone<'a> {
    vars: &'a ProcessVariables,
}

impl Scope for Alone<'_> {
    fn number(&self, what: Number) -> Option<i64> {
        match what {
            Number::Pid => Some(std::process::id().into()),
            _ => None,
        }
    }

    fn clock(&self) -> Clock {
        // Whoever asks is no worker, whose loop keeps the clock.
        clock::refresh();
        clock::reading()
    }

    fn utc_offset(&self, unix_seconds: i64) -> i32 {
        weir_sys::time::local_offset(unix_seconds)
    }

    fn random(&self) -> u64 {
        crate::scope::random()
    }

    fn each_var<'v>(
        &'v self,
        scope: VarScope,
        scratch: &'v Scratch,
        visit: &mut dyn FnMut(&[u8], Value<'v>),
    ) {
        if scope == VarScope::Proc {
            self.vars.lock().iter(scratch).for_each(|(name, value)| visit(name, value));
        }
    }

    fn var<'v>(&'v self, var: &VarRef, scratch: &'v Scratch) -> Option<Value<'v>> {
        match var.scope {
            VarScope::Proc => self.vars.lock().value(var, scratch),
            _ => None,
        }
    }

    fn set_var(&self, var: &VarRef, value: Option<Value<'_>>) -> bool {
        var.scope == VarScope::Proc && self.vars.lock().set(var, value)
    }
}

/// The longest text that a format gives.
const LONGEST: usize = 64 * 1024;
