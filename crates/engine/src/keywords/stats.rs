//! Where the runtime API listens (`stats socket`) and the statistics page (manual, 3.1 and 4.2).

use weir_config::values::{self, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::{Diagnostic, Severity};

use super::address::{bind_endpoints, listening, prefixed};
use super::listen::{Fault, parameters};
use super::process::put;
use super::{GlobalCtx, GlobalFn};
use crate::conf::{Bind, StatsSocket};

/// The lines of `global`.
pub(super) const GLOBAL_STATS: &[Keyword<GlobalFn>] = &[
    Keyword::works(entry("stats", "the runtime API: 'socket', 'timeout', 'maxconn'"), unknown),
    Keyword::works(entry("stats socket", "where the runtime API listens"), socket),
    Keyword::works(entry("stats timeout", "inactivity of the runtime API"), timeout),
    Keyword::works(entry("stats maxconn", "most connections of the runtime API"), |ctx, line| {
        let n = line.arg(0).map_or(0, |w| values::leading_integer(&w.bytes));
        let n = u32::try_from(n).ok().filter(|&n| n > 0);
        let n = n.ok_or_else(|| line.alert("'stats maxconn' expects a positive value"))?;
        put(Some(n), &mut ctx.global.stats_maxconn)
    }),
    Keyword::judged(
        entry("stats calculate-max-counters", "whether highest values are kept"),
        |_, line| match line.arg(0) {
            Some(word) if word.is("on") || word.is("off") => Ok(()),
            word => {
                let got = word.map(Word::text).unwrap_or_default();
                let message =
                    format!("'calculate-max-counters' only supports 'on' and 'off', received '{got}'");
                Err(line.alert(message))
            }
        },
        "the highest values are always kept",
    ),
];

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, Arity::ANY, help)
}

fn unknown(_: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let got = line.arg(0).map(Word::text).unwrap_or_default();
    Err(Diagnostic::alert(
        line.arg(0).map_or(line.span, |w| w.span),
        format!(
            "'stats' only supports 'socket', 'maxconn', 'bind-process', 'calculate-max-counters'  and 'timeout' (got '{got}')"
        ),
    ))
}

fn socket(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some((address, params)) = line.args().split_first() else {
        return Err(
            line.alert("'stats socket' in global section expects an address or a path to a UNIX socket")
        );
    };
    let text = address.text();
    // The reference names the place twice.
    let label = format!("parsing [{}] : 'stats socket' : ", super::place(ctx.sources, line.span));
    let mut binds = Vec::new();
    for written in bind_endpoints(address, ctx.outside).map_err(|d| prefixed(&label, d))? {
        let endpoints =
            listening(&written, &text, ctx.outside).map_err(|m| address.alert(format!("{label}{m}")))?;
        binds.extend(endpoints.into_iter().map(|endpoint| Bind::new(endpoint, address.span)));
    }
    let mut fine = true;
    for fault in parameters(&mut binds, params, ctx.outside, &ctx.global.tls) {
        let said = match fault {
            Fault::Unknown(word, message) => {
                let message = message.replace("; did you mean", ". Did you mean");
                word.alert(format!("'stats socket' : {message}"))
            }
            Fault::Said(mut said) => {
                if said.severity == Severity::Alert {
                    said.message = format!("'stats socket' : '{}'", said.message);
                }
                said
            }
        };
        fine &= said.severity != Severity::Alert;
        ctx.out.push(said);
    }
    if fine {
        ctx.global.stats_sockets.extend(binds.into_iter().map(|bind| StatsSocket { bind }));
    }
    Ok(())
}

fn timeout(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert("'stats timeout' : unexpected character '\0'"));
    };
    let time = values::parse_time(&word.bytes, Unit::Milliseconds).map_err(|fault| match fault {
        TimeFault::Unexpected(c) => word.alert(format!("'stats timeout' : unexpected character '{c}'")),
        TimeFault::Overflow => word.alert(format!(
            "timer overflow in argument '{}' to 'stats timeout' (maximum value is 2147483647 ms or ~24.8 days)",
            word.text()
        )),
    })?;
    if time.duration.is_zero() {
        return Err(word.alert("'stats timeout' expects a positive value"));
    }
    put(Some(time.duration), &mut ctx.global.stats_timeout)
}
