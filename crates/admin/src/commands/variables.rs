//! Commands about the variables of the process (management manual, 9.3 "get var", "set var").

use std::io::Write as _;

use weir_engine::conf::CliLevel;
use weir_engine::variables::{Source, assign};
use weir_expr::{Acls, Load, NoNames, Place, Scratch, Value, VarRef, VarScope, Words};

use crate::cli::{Call, CommandKeyword, Outcome, Severity, Shown, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    let (name, usage) = ("set var", "<name> [fmt|expr] {<fmt>|<expr>}");
    let help = "set variable from an expression or a format";
    vec![
        command("get var", "<name>", CliLevel::Operator, "retrieve contents of a process-wide variable", get),
        Shown::Experimental.of(command(name, usage, CliLevel::Operator, help, set)),
    ]
}

fn get(call: &mut Call<'_, World>) -> Outcome {
    if !call.has(0) {
        return call.fail(MISSING);
    }
    let name = call.args.first().map(Vec::as_slice).unwrap_or_default();
    let scratch = Scratch::new();
    let vars = &call.world.engine.runtime().process.vars;
    let found = VarRef::parse(name)
        .ok()
        .filter(|var| var.scope == VarScope::Proc)
        .and_then(|var| vars.lock().value(&var, &scratch));
    let Some(value) = found else { return call.fail("Variable not found.") };
    Severity::Info.mark(call.settings.severities, call.out);
    call.out.extend_from_slice(name);
    let kind = match value {
        Value::Bool(_) => "bool",
        Value::Sint(_) => "sint",
        Value::Ipv4(_) => "ipv4",
        Value::Ipv6(_) => "ipv6",
        Value::Str(_) => "str",
        Value::Bin(_) => "bin",
        Value::Meth(_) => "meth",
    };
    let _ = write!(call.out, ": type={kind} value=<");
    let text = value.bytes().unwrap_or_else(|| value.to_str(&scratch));
    call.out.extend(text.iter().map(|c| if matches!(c, b' '..=b'~') { *c } else { b'.' }));
    call.out.extend_from_slice(b">\n");
    Outcome::Done
}

fn set(call: &mut Call<'_, World>) -> Outcome {
    let (Some(name), Some(first)) = (call.args.first(), call.args.get(1)) else {
        return call.fail(if call.has(0) { "Missing either 'expr', 'fmt' or expression." } else { MISSING });
    };
    let source = match (first.as_slice(), call.args.get(2)) {
        (text, None) => Source::Sample(text),
        (b"expr", Some(text)) => Source::Sample(text),
        (b"fmt", Some(text)) => Source::Format(text),
        _ => {
            let got = call.arg(1).into_owned();
            return call.fail(format!("'set var': arg type must be either 'expr' or 'fmt' but got '{got}'."));
        }
    };
    let var = match VarRef::parse(name) {
        Ok(var) if var.scope == VarScope::Proc => var,
        Ok(_) => {
            let shown = call.arg(0).into_owned();
            return call.fail(format!(
                "'set var': cannot set variable '{shown}', only scope 'proc' is permitted here."
            ));
        }
        Err(error) => return call.fail(error),
    };
    let mut load = Load {
        words: Words::builtin(),
        names: &mut NoNames,
        place: Place::Cli,
        other: None,
        proxy: String::new(),
        context: "",
        files: call.world.engine.snapshot().patterns.clone(),
        at: Default::default(),
        acls: Acls::default(),
        warnings: Vec::new(),
        slow: Vec::new(),
    };
    match assign(&call.world.engine.runtime().process.vars, &var, source, &mut load) {
        Ok(()) => Outcome::Done,
        Err(error) => call.fail(error.message),
    }
}

const MISSING: &str = "Missing process-wide variable identifier.";
