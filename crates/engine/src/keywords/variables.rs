//! Variables of the process, and what all variables may hold: `set-var`, `set-var-fmt`, `tune.vars.*` (manual, 3.1
//! and 3.2).

use std::io;
use std::path::Path;

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections};
use weir_diag::Diagnostic;
use weir_expr::scope::{ProxyId, ServerId, TableId, UserlistId};
use weir_expr::{Acls, Load, Names, Place, Side, VarRef, VarScope, Words};

use super::process::put;
use super::{GlobalCtx, GlobalFn, Outside};
use crate::conf::VarLimits;
use crate::variables::{Source, assign};

/// The words of this file.
pub(super) const VARIABLES: &[Keyword<GlobalFn>] = &[
    Keyword::works(entry("set-var", "sets a variable of the process to a sample"), |c, l| {
        set(c, l, "sample expression", |text| Source::Sample(text))
    }),
    Keyword::works(entry("set-var-fmt", "sets a variable of the process to a text"), |c, l| {
        set(c, l, "format string", |text| Source::Format(text))
    }),
    Keyword::works(entry("tune.vars.check-max-size", "most bytes of a check's variables"), |c, l| {
        put(limit(l)?, &mut limits(c).check)
    }),
    Keyword::works(entry("tune.vars.global-max-size", "most bytes of all variables"), process_limit),
    Keyword::works(entry("tune.vars.proc-max-size", "most bytes of the process's variables"), process_limit),
    Keyword::works(entry("tune.vars.reqres-max-size", "most bytes of a message's variables"), |c, l| {
        put(limit(l)?, &mut limits(c).message)
    }),
    Keyword::works(entry("tune.vars.sess-max-size", "most bytes of a session's variables"), |c, l| {
        put(limit(l)?, &mut limits(c).session)
    }),
    Keyword::works(entry("tune.vars.txn-max-size", "most bytes of a transaction's variables"), |c, l| {
        put(limit(l)?, &mut limits(c).transaction)
    }),
];

fn set(
    ctx: &mut GlobalCtx<'_>,
    line: &Line,
    what: &str,
    source: for<'t> fn(&'t [u8]) -> Source<'t>,
) -> Result<(), Diagnostic> {
    let keyword = line.name();
    let (Some(name), Some(text)) = (line.arg(0), line.arg(1)) else {
        let message =
            format!("'{keyword}' requires a process-wide variable name ('proc.<name>') and a {what}.");
        return Err(line.alert(message));
    };
    let var = VarRef::parse(&name.bytes).map_err(|e| name.alert(e))?;
    if var.scope != VarScope::Proc {
        let shown = name.text();
        return Err(name.alert(format!(
            "'{keyword}': cannot set variable '{shown}', only scope 'proc' is permitted in the global section."
        )));
    }
    let mut names = Unread { outside: ctx.outside };
    let mut load = Load {
        words: Words::builtin(),
        names: &mut names,
        place: Place::Config,
        other: None,
        proxy: String::new(),
        context: "",
        files: ctx.patterns.clone(),
        at: super::file_and_line(ctx.sources, line.span),
        acls: Acls::default(),
        warnings: Vec::new(),
        slow: Vec::new(),
    };
    assign(&ctx.global.vars, &var, source(&text.bytes), &mut load).map_err(|e| e.alert(text, ""))
}

/// The limits of `global` and of `proc` hold for the same variables here.
fn process_limit(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let (now, new) = (limits(ctx).process, limit(line)?);
    let least = now.into_iter().chain(new).min();
    ctx.global.vars.lock().limit(least);
    put(least, &mut limits(ctx).process)
}

fn limits<'c>(ctx: &'c mut GlobalCtx<'_>) -> &'c mut VarLimits {
    &mut ctx.global.tune.vars
}

/// A number of bytes; none and 0 stand for no limit, as does what is less.
fn limit(line: &Line) -> Result<Option<usize>, Diagnostic> {
    let Some(word) = line.arg(0) else { return Ok(None) };
    let number: Result<i64, _> = word.text().trim_start().parse();
    let wrong = |_| word.alert(format!("{}: '{}' is an invalid size", line.name(), word.text()));
    Ok(usize::try_from(number.map_err(wrong)?).ok().filter(|n| *n > 0))
}

/// The rest of the configuration while `global` is read. Every name may be one; what says something of it is not
/// available here in any case, and is refused for that.
struct Unread<'o> {
    outside: &'o dyn Outside,
}

impl Names for Unread<'_> {
    fn proxy(&mut self, _: Option<&[u8]>, _: Side) -> Option<ProxyId> {
        Some(ProxyId(0))
    }

    fn server(&mut self, _: Option<&[u8]>, _: &[u8]) -> Option<ServerId> {
        Some(ServerId(0))
    }

    fn table(&mut self, _: Option<&[u8]>) -> Option<TableId> {
        Some(TableId(0))
    }

    fn userlist(&mut self, _: &[u8]) -> Option<UserlistId> {
        Some(UserlistId(0))
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        self.outside.read(Path::new(path))
    }

    fn environment(&mut self, name: &str) -> Option<Vec<u8>> {
        self.outside.variable(name.as_bytes())
    }
}

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, Arity::ANY, help)
}
