//! The process and its limits: `daemon`, `user`, `chroot`, `maxconn`, `nbthread` and the like (manual, 3.1).

use std::path::PathBuf;
use std::time::Duration;

use weir_config::values::{self, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Prefix, Sections, Word};
use weir_diag::{Diagnostic, Form};

use super::{GlobalCtx, GlobalFn};

/// The lines of this file.
pub(super) const PROCESS: &[Keyword<GlobalFn>] = &[
    Keyword::works(entry("daemon", Arity::NONE, "goes to the background"), |c, _| {
        done(c.global.daemon = true)
    }),
    Keyword::works(entry("master-worker", Arity::ANY, "a master process that starts workers"), |c, _| {
        done(c.global.master_worker = true)
    }),
    Keyword::works(entry("pidfile", Arity::ANY, "file for the process id"), pidfile),
    Keyword::works(entry("chroot", Arity::ANY, "folder that becomes the root"), |c, line| {
        done(c.global.chroot = Some(path(line, "'chroot' expects a directory as an argument.")?))
    }),
    Keyword::works(entry("user", Arity::ANY, "user to run as"), |c, line| {
        let name = line.arg(0).map(Word::text).unwrap_or_default();
        let uid = c.outside.user(&name);
        let uid = uid.ok_or_else(|| about(line, format!("cannot find user id for '{name}' (0:Success)")))?;
        done(c.global.uid = Some(uid))
    }),
    Keyword::works(entry("group", Arity::ANY, "group to run as"), |c, line| {
        let name = line.arg(0).map(Word::text).unwrap_or_default();
        let gid = c.outside.group(&name);
        let gid = gid.ok_or_else(|| about(line, format!("cannot find group id for '{name}' (0:Success)")))?;
        done(c.global.gid = Some(gid))
    }),
    Keyword::works(entry("uid", Arity::ANY, "number of the user to run as"), |c, line| {
        let uid = account_number(c, line, "uid", "user")?;
        done(c.global.uid = uid.or(c.global.uid))
    }),
    Keyword::works(entry("gid", Arity::ANY, "number of the group to run as"), |c, line| {
        let gid = account_number(c, line, "gid", "group")?;
        done(c.global.gid = gid.or(c.global.gid))
    }),
    Keyword::works(
        entry("maxconn", Arity::exactly(1), "most connections of the process")
            .missing("'maxconn' expects an integer argument."),
        maxconn,
    ),
    Keyword::works(entry("nbthread", Arity::ANY, "number of workers"), |c, line| {
        let n = ranged(line, "nbthread", 1024)?;
        done(c.global.nbthread = Some(n))
    }),
    Keyword::works(
        entry("ulimit-n", Arity::exactly(1), "most open files")
            .missing("'ulimit-n' expects an integer argument."),
        |c, l| done(c.global.ulimit_n = Some(natural(l))),
    ),
    Keyword::works(
        entry("fd-hard-limit", Arity::exactly(1), "most open files that are ever asked for")
            .missing("'fd-hard-limit' expects an integer argument."),
        |c, l| done(c.global.fd_hard_limit = Some(natural(l))),
    ),
    Keyword::works(
        entry("maxpipes", Arity::exactly(1), "most pipes for splicing")
            .missing("'maxpipes' expects an integer argument."),
        |c, l| done(c.global.max_pipes = Some(natural32(l))),
    ),
    Keyword::works(
        entry("maxconnrate", Arity::exactly(1), "most connections per second")
            .missing("'maxconnrate' expects an integer argument."),
        |c, l| done(c.global.max_conn_rate = natural32(l)),
    ),
    Keyword::works(
        entry("maxsessrate", Arity::exactly(1), "most sessions per second")
            .missing("'maxsessrate' expects an integer argument."),
        |c, l| done(c.global.max_sess_rate = natural32(l)),
    ),
    Keyword::works(entry("hard-stop-after", Arity::ANY, "most time that a soft stop may take"), |c, line| {
        let time = time_argument(line, "hard-stop-after")?;
        done(c.global.hard_stop_after = Some(time))
    }),
    Keyword::works(
        entry("grace", Arity::ANY, "time between a soft stop's signal and its start"),
        |c, line| {
            let time = time_argument(line, "grace")?;
            done(c.global.grace = Some(time))
        },
    ),
    Keyword::works(
        entry("close-spread-time", Arity::ANY, "time over which idle connections are closed"),
        |c, line| {
            let endless = line.arg(0).is_some_and(|w| w.is("infinite"));
            let time = if endless { None } else { Some(time_argument(line, "close-spread-time")?) };
            done(c.global.close_spread_time = Some(time))
        },
    ),
    Keyword::works(entry("node", Arity::between(0, 1), "name of this machine"), node),
    Keyword::works(
        entry("description", Arity::at_least(1), "a text for people")
            .missing_as(Form::Tight, "'description' expects a string argument."),
        |c, line| {
            let words: Vec<_> = line.args().iter().map(Word::text).collect();
            done(c.global.description = Some(words.join(" ")))
        },
    ),
    Keyword::works(
        entry("localpeer", Arity::exactly(1), "name of this peer")
            .missing("'localpeer' expects a name as an argument."),
        |c, line| done(c.global.localpeer = line.arg(0).map(|w| w.text().into_owned())),
    ),
    Keyword::works(entry("quiet", Arity::NONE, "says nothing at start"), |c, _| done(c.global.quiet = true)),
    Keyword::works(entry("zero-warning", Arity::NONE, "a warning keeps it from starting"), |c, _| {
        done(c.global.zero_warning = true)
    }),
    Keyword::works(entry("set-dumpable", Arity::ANY, "allows core dumps").no(), |c, line| {
        let off = line.prefix == Prefix::No;
        done(
            c.global.set_dumpable = match line.arg(0) {
                None => !off,
                Some(word) if word.is("on") => true,
                Some(word) if word.is("off") => false,
                Some(word) => {
                    return Err(word.alert(format!(
                        "'set-dumpable' only supports 'on' and 'off' as an argument, found '{}'.",
                        word.text()
                    )));
                }
            },
        )
    }),
    Keyword::works(
        entry("strict-limits", Arity::NONE, "does not start where a limit cannot be set").no(),
        |c, line| done(c.global.strict_limits = line.prefix != Prefix::No),
    ),
    Keyword::works(entry("nosplice", Arity::NONE, "never splices"), |c, _| done(c.global.no_splice = true)),
    Keyword::works(entry("noreuseport", Arity::NONE, "one socket for each address"), |c, _| {
        done(c.global.no_reuse_port = true)
    }),
];

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, help)
}

#[expect(clippy::unnecessary_wraps, reason = "what every keyword's function returns")]
pub(super) fn done(_: ()) -> Result<(), Diagnostic> {
    Ok(())
}

/// A message about the first argument, or the line where there is none.
fn about(line: &Line, message: String) -> Diagnostic {
    Diagnostic::alert(line.arg(0).map_or(line.span, |w| w.span), message)
}

/// The first argument as C's `atol` reads it; less than none is 0.
pub(super) fn natural(line: &Line) -> u64 {
    line.arg(0).map_or(0, |w| u64::try_from(values::leading_integer(&w.bytes)).unwrap_or(0))
}

pub(super) fn natural32(line: &Line) -> u32 {
    u32::try_from(natural(line)).unwrap_or(u32::MAX)
}

pub(super) fn path(line: &Line, missing: &str) -> Result<PathBuf, Diagnostic> {
    line.arg(0).map(|w| super::address::path_of(&w.bytes)).ok_or_else(|| line.alert(missing))
}

fn pidfile(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let path = path(line, "'pidfile' expects a file name as an argument.")?;
    if ctx.global.pidfile.is_some() {
        ctx.out.push(line.warning("'pidfile' already specified. Continuing."));
        return Ok(());
    }
    ctx.global.pidfile = Some(path);
    Ok(())
}

fn account_number(
    ctx: &mut GlobalCtx<'_>,
    line: &Line,
    name: &str,
    kind: &str,
) -> Result<Option<u32>, Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert(format!("'{name}' expects an integer argument.")));
    };
    let number = word.text().parse::<u32>().ok();
    if number.is_none() {
        ctx.out.push(word_warning(
            word,
            format!(
                " {name}: string '{}' is not a number.\n   | You might want to use the '{kind}' parameter to use a system {kind} name.\n",
                word.text()
            ),
        ));
    }
    Ok(number)
}

fn word_warning(word: &Word, message: String) -> Diagnostic {
    Diagnostic::warning(word.span, message)
}

fn maxconn(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else { return Ok(()) };
    let n = word.text().parse::<i64>().map_err(|_| {
        word.alert(format!("cannot parse 'maxconn' value '{}', an integer is expected.", word.text()))
    })?;
    ctx.global.maxconn = u32::try_from(n).ok().filter(|&n| n > 0);
    Ok(())
}

/// A number from 1 to `most`.
fn ranged(line: &Line, name: &str, most: u16) -> Result<u16, Diagnostic> {
    let text = line.arg(0).map(Word::text).unwrap_or_default();
    let number: i64 = text.parse().map_err(|_| {
        about(line, format!("'{name}' passed a missing or unparsable integer value in '{text}'"))
    })?;
    u16::try_from(number)
        .ok()
        .filter(|n| (1..=most).contains(n))
        .ok_or_else(|| about(line, format!("'{name}' value must be between 1 and {most} (was {number})")))
}

/// A time, with the messages that words of `global` have.
pub(super) fn time_argument(line: &Line, name: &str) -> Result<Duration, Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert(format!("'{name}' expects <time> as argument.")));
    };
    let time = values::parse_time(&word.bytes, Unit::Milliseconds).map_err(|fault| match fault {
        TimeFault::Unexpected(c) => {
            word.alert(format!("unexpected character '{c}' in argument to <{name}>."))
        }
        TimeFault::Overflow => word.alert(format!(
            "timer overflow in argument '{}' to <{name}> (maximum value is 2147483647 ms or ~24.8 days).",
            word.text()
        )),
    })?;
    Ok(time.duration)
}

fn node(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let text = line.arg(0).map(Word::text).unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if text.is_empty() || !text.chars().all(fits) {
        return Err(about(
            line,
            "'node' requires valid node name - non-empty string with digits(0-9), \
             letters(A-Z, a-z), dot(.), hyphen(-) or underscode(_)."
                .to_owned(),
        )
        .tight());
    }
    ctx.global.node = Some(text.into_owned());
    Ok(())
}
