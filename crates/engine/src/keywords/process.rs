//! The process and its limits: `daemon`, `user`, `chroot`, `maxconn`, `nbthread` and the like (manual, 3.1).

use std::path::PathBuf;
use std::time::Duration;

use weir_config::values::{self, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Prefix, Sections, Word};
use weir_diag::{Diagnostic, Form, Severity};

use super::{GlobalCtx, GlobalFn};

/// The lines of this file.
pub(super) const PROCESS: &[Keyword<GlobalFn>] = &[
    Keyword::works(entry("daemon", Arity::NONE, "goes to the background"), |c, _| {
        put(true, &mut c.global.daemon)
    }),
    Keyword::works(
        entry("master-worker", Arity::between(0, 1), "a master process that starts workers"),
        |c, line| {
            match line.arg(0) {
                None => {}
                // A worker that dies is replaced, with this word or without.
                Some(word) if word.is("no-exit-on-failure") => {
                    return put(true, &mut c.global.master_worker);
                }
                Some(word) => {
                    return Err(word.alert("'master-worker' only supports 'no-exit-on-failure' option"));
                }
            }
            // The reference looks for the word before it reads the other lines.
            let said = |message| Diagnostic::new(Severity::Warning, None, message).form(Form::Bare);
            if c.global.master_worker {
                c.out.push(said("config : master-worker mode is already configured."));
            }
            let message = "config : The 'master-worker' keyword is deprecated in 3.3 and will be removed in 3.5. Use -W \
                           or -Ws in the startup script instead.";
            c.out.push(said(message));
            put(true, &mut c.global.master_worker)
        },
    ),
    Keyword::works(entry("pidfile", Arity::between(0, 1), "file for the process id"), pidfile),
    Keyword::works(entry("chroot", Arity::between(0, 1), "folder that becomes the root"), |c, line| {
        let path = path(line, "'chroot' expects a directory as an argument.")?;
        if c.global.chroot.is_some() {
            c.out.push(line.warning("'chroot' is already specified. Continuing."));
            return Ok(());
        }
        put(Some(path), &mut c.global.chroot)
    }),
    Keyword::works(entry("user", Arity::between(0, 1), "user to run as"), |c, line| {
        if c.global.uid.is_some() {
            return again(c, line, "user/uid already specified.");
        }
        let name = line.arg(0).map(Word::text).unwrap_or_default();
        let uid = c.outside.user(&name);
        let uid = uid.ok_or_else(|| about(line, format!("cannot find user id for '{name}' (0:Success)")))?;
        put(Some(uid), &mut c.global.uid)
    }),
    Keyword::works(entry("group", Arity::between(0, 1), "group to run as"), |c, line| {
        if c.global.gid.is_some() {
            return again(c, line, "gid/group was already specified.");
        }
        let name = line.arg(0).map(Word::text).unwrap_or_default();
        let gid = c.outside.group(&name);
        let gid = gid.ok_or_else(|| about(line, format!("cannot find group id for '{name}' (0:Success)")))?;
        put(Some(gid), &mut c.global.gid)
    }),
    Keyword::works(entry("uid", Arity::between(0, 1), "number of the user to run as"), |c, line| {
        if c.global.uid.is_some() {
            return again(c, line, "user/uid already specified.");
        }
        let uid = account_number(c, line, "uid", "user")?;
        put(uid, &mut c.global.uid)
    }),
    Keyword::works(entry("gid", Arity::between(0, 1), "number of the group to run as"), |c, line| {
        if c.global.gid.is_some() {
            return again(c, line, "group/gid already specified.");
        }
        let gid = account_number(c, line, "gid", "group")?;
        put(gid, &mut c.global.gid)
    }),
    Keyword::works(
        entry("maxconn", Arity::exactly(1), "most connections of the process")
            .missing("'maxconn' expects an integer argument."),
        maxconn,
    ),
    Keyword::works(entry("nbthread", Arity::between(0, 1), "number of workers"), |c, line| {
        let n = ranged(line, "nbthread", 1024)?;
        put(Some(n), &mut c.global.nbthread)
    }),
    Keyword::works(
        entry("ulimit-n", Arity::exactly(1), "most open files")
            .missing("'ulimit-n' expects an integer argument."),
        |c, l| match c.global.ulimit_n {
            None => put(Some(natural(l)), &mut c.global.ulimit_n),
            Some(_) => again(c, l, "'ulimit-n' already specified."),
        },
    ),
    Keyword::works(
        entry("fd-hard-limit", Arity::exactly(1), "most open files that are ever asked for")
            .missing("'fd-hard-limit' expects an integer argument."),
        |c, l| match c.global.fd_hard_limit {
            None => put(Some(natural(l)), &mut c.global.fd_hard_limit),
            Some(_) => again(c, l, "'fd-hard-limit' already specified."),
        },
    ),
    Keyword::works(
        entry("maxpipes", Arity::exactly(1), "most pipes for splicing")
            .missing("'maxpipes' expects an integer argument."),
        |c, l| match c.global.max_pipes {
            None => put(Some(natural32(l)), &mut c.global.max_pipes),
            Some(_) => again(c, l, "'maxpipes' already specified."),
        },
    ),
    Keyword::works(
        entry("maxconnrate", Arity::exactly(1), "most connections per second")
            .missing("'maxconnrate' expects an integer argument."),
        |c, l| match c.global.max_conn_rate {
            0 => put(natural32(l), &mut c.global.max_conn_rate),
            _ => again(c, l, "'maxconnrate' already specified."),
        },
    ),
    Keyword::works(
        entry("maxsessrate", Arity::exactly(1), "most sessions per second")
            .missing("'maxsessrate' expects an integer argument."),
        |c, l| match c.global.max_sess_rate {
            0 => put(natural32(l), &mut c.global.max_sess_rate),
            _ => again(c, l, "'maxsessrate' already specified."),
        },
    ),
    Keyword::works(
        entry("maxsslconn", Arity::exactly(1), "most sessions of TLS, with clients and with servers")
            .missing("'maxsslconn' expects an integer argument."),
        |c, l| put(natural32(l), &mut c.global.max_tls_conn),
    ),
    Keyword::works(
        entry("maxsslrate", Arity::exactly(1), "most sessions of TLS with clients per second")
            .missing("'maxsslrate' expects an integer argument."),
        |c, l| match c.global.max_tls_rate {
            0 => put(natural32(l), &mut c.global.max_tls_rate),
            _ => again(c, l, "'maxsslrate' already specified."),
        },
    ),
    Keyword::works(entry("hard-stop-after", Arity::ANY, "most time that a soft stop may take"), |c, line| {
        let time = time_argument(line, "hard-stop-after")?;
        put(Some(time), &mut c.global.hard_stop_after)
    }),
    Keyword::works(
        entry("grace", Arity::ANY, "time between a soft stop's signal and its start"),
        |c, line| {
            let time = time_argument(line, "grace")?;
            put(Some(time), &mut c.global.grace)
        },
    ),
    Keyword::works(
        entry("close-spread-time", Arity::ANY, "time over which idle connections are closed"),
        |c, line| {
            let endless = line.arg(0).is_some_and(|w| w.is("infinite"));
            let time = if endless { None } else { Some(time_argument(line, "close-spread-time")?) };
            put(Some(time), &mut c.global.close_spread_time)
        },
    ),
    Keyword::works(entry("node", Arity::between(0, 1), "name of this machine"), node),
    Keyword::works(
        entry("description", Arity::at_least(1), "a text for people")
            .missing_as(Form::Tight, "'description' expects a string argument."),
        |c, line| {
            let words: Vec<_> = line.args().iter().map(Word::text).collect();
            put(Some(words.join(" ")), &mut c.global.description)
        },
    ),
    Keyword::works(
        entry("localpeer", Arity::exactly(1), "name of this peer")
            .missing("'localpeer' expects a name as an argument."),
        |c, line| put(line.arg(0).map(|w| w.text().into_owned()), &mut c.global.localpeer),
    ),
    Keyword::works(entry("quiet", Arity::NONE, "says nothing at start"), |c, _| {
        put(true, &mut c.global.quiet)
    }),
    Keyword::works(entry("zero-warning", Arity::NONE, "a warning keeps it from starting"), |c, _| {
        put(true, &mut c.global.zero_warning)
    }),
    Keyword::works(entry("set-dumpable", Arity::between(0, 1), "allows core dumps").no(), |c, line| {
        let off = line.prefix == Prefix::No;
        let on = match line.arg(0) {
            _ if off => false,
            None => true,
            Some(word) if word.is("on") => true,
            Some(word) if word.is("off") => false,
            Some(word) => {
                return Err(word.alert(format!(
                    "'set-dumpable' only supports 'on' and 'off' as an argument, found '{}'.",
                    word.text()
                )));
            }
        };
        put(on, &mut c.global.set_dumpable)
    }),
    Keyword::works(
        entry("strict-limits", Arity::NONE, "does not start where a limit cannot be set").no(),
        |c, line| {
            if line.prefix != Prefix::No {
                c.out.push(no_effect(line, "limits are fitted to what the system grants, with a notice"));
            }
            put(line.prefix != Prefix::No, &mut c.global.strict_limits)
        },
    ),
    Keyword::works(entry("nosplice", Arity::NONE, "never splices"), |c, _| {
        put(true, &mut c.global.no_splice)
    }),
    Keyword::works(entry("noreuseport", Arity::NONE, "one socket for each address"), |c, _| {
        put(true, &mut c.global.no_reuse_port)
    }),
    Keyword::judged(
        entry("thread-groups", Arity::ANY, "groups of workers; one here"),
        |_, line| ranged(line, "thread-groups", 32).map(drop),
        "workers are not grouped",
    ),
    Keyword::works(entry("cpu-map", Arity::ANY, "processors for workers"), cpu_map),
    Keyword::works(entry("setcap", Arity::ANY, "capabilities to keep"), setcap),
    Keyword::works(entry("external-check", Arity::between(0, 1), "allows checks by programs"), |c, line| {
        match line.arg(0) {
            Some(word) if !word.is("preserve-env") => Err(word.alert(format!(
                "'external-check' only supports 'preserve-env' as an argument, found '{}'.",
                word.text()
            ))),
            word => {
                c.global.external_environment |= word.is_some();
                put(true, &mut c.global.external_check)
            }
        }
    }),
    Keyword::judged(
        entry("insecure-fork-wanted", Arity::NONE, "allows the process to fork").no(),
        |c, line| put(line.prefix != Prefix::No, &mut c.global.fork_wanted),
        "threads come and go while it serves, so that the system cannot be asked to let none begin",
    ),
    Keyword::works(entry("insecure-setuid-wanted", Arity::NONE, "allows programs to gain rights"), |c, _| {
        put(true, &mut c.global.setuid_wanted)
    }),
    Keyword::works(entry("prealloc-fd", Arity::NONE, "room for all descriptors at the start"), |c, _| {
        put(true, &mut c.global.prealloc_fd)
    }),
    Keyword::works(
        entry("expose-experimental-directives", Arity::NONE, "allows what is experimental"),
        |c, _| {
            c.global.tls.experimental = true;
            put(true, &mut c.global.experimental)
        },
    ),
    Keyword::works(
        entry("expose-deprecated-directives", Arity::NONE, "says nothing of what is deprecated"),
        |c, _| put(true, &mut c.global.deprecated),
    ),
    Keyword::works(
        entry("pp2-never-send-local", Arity::NONE, "checks send no LOCAL in a PROXY header"),
        |c, _| put(true, &mut c.global.pp2_never_send_local),
    ),
    Keyword::works(
        entry(
            "h1-accept-payload-with-any-method",
            Arity::NONE,
            "GET, HEAD and DELETE of HTTP/1.0 may have a body",
        ),
        |c, _| put(true, &mut c.global.h1_any_payload),
    ),
    Keyword::works(
        entry(
            "h1-do-not-close-on-insecure-transfer-encoding",
            Arity::NONE,
            "keeps connections on which Transfer-Encoding and Content-Length meet",
        ),
        |c, _| put(true, &mut c.global.h1_keep_insecure_te),
    ),
    Keyword::works(
        entry(
            "h2-workaround-bogus-websocket-clients",
            Arity::NONE,
            "clients are not told of WebSockets in HTTP/2",
        ),
        |c, _| put(true, &mut c.global.tune.h2.no_websockets),
    ),
    Keyword::works(entry("unix-bind", Arity::ANY, "what unix sockets of 'bind' lines share"), unix_bind),
    Keyword::works(entry("server-state-file", Arity::ANY, "file of the servers' states"), |c, line| {
        let path = path(line, "'server-state-file' expect one argument: a file path.")?;
        match c.global.server_state.1 {
            None => put(Some(path), &mut c.global.server_state.1),
            Some(_) => again(c, line, "'server-state-file' already specified."),
        }
    }),
    Keyword::works(entry("anonkey", Arity::ANY, "key that names are hidden with"), |c, line| {
        let Some(word) = line.arg(0) else {
            return Err(line.alert("a key is expected after 'anonkey'.").form(Form::Tight));
        };
        let value = values::leading_integer(&word.bytes);
        let key = u32::try_from(value).map_err(|_| {
            let range = format!("'anonkey' value must be within range 0-4294967295 (was '{value}').");
            line.alert(range).form(Form::Tight)
        })?;
        put(key, &mut c.global.anonymous_key)
    }),
    Keyword::works(entry("stats-file", Arity::ANY, "file of counters to begin with"), |c, line| {
        let path = path(line, "'stats-file' expect one argument: a file path.")?;
        match c.global.stats_file {
            None => put(Some(path), &mut c.global.stats_file),
            Some(_) => again(c, line, "'stats-file' already specified."),
        }
    }),
    Keyword::works(
        entry("server-state-base", Arity::ANY, "folder of the files of servers' states"),
        |c, line| {
            let path = path(line, "'server-state-base' expects one argument: a directory path.")?;
            match c.global.server_state.0 {
                None => put(Some(path), &mut c.global.server_state.0),
                Some(_) => again(c, line, "'server-state-base' already specified."),
            }
        },
    ),
    Keyword::works(entry("default-path", Arity::ANY, "folder that relative paths begin at"), |_, line| {
        default_path(line)
    }),
    Keyword::works(
        entry("harden.reject-privileged-ports.tcp", Arity::ANY, "drops clients from privileged ports"),
        |c, line| match line.arg(0).map(|w| &*w.bytes) {
            Some(b"on") => put(true, &mut c.global.reject_privileged_ports),
            Some(b"off") => put(false, &mut c.global.reject_privileged_ports),
            _ => Err(line.alert("'harden.reject-privileged-ports.tcp' expects either 'on' or 'off'.")),
        },
    ),
    Keyword::works(entry("nbproc", Arity::ANY, "number of processes, of older versions"), |c, line| {
        c.out.push(
            line.warning(
                "nbproc is not supported any more since HAProxy 2.5. Threads will automatically be used on \
             multi-processor machines if available.",
            )
            .hint("write 'nbthread' or nothing at all"),
        );
        Ok(())
    }),
    Keyword::works(
        entry("tune.chksize", Arity::ANY, "size of a check's buffer, of older versions"),
        |c, line| {
            c.out.push(
                line.warning(
                    "option 'tune.chksize' is not supported any more (tune.bufsize is used instead).",
                ),
            );
            Ok(())
        },
    ),
    environment("presetenv", Arity::between(0, 2)),
    environment("setenv", Arity::between(0, 2)),
    environment("unsetenv", Arity::ANY),
    environment("resetenv", Arity::ANY),
];

/// The environment is the reader's affair: it has obeyed the line when it comes here.
const fn environment(name: &'static str, arity: Arity) -> Keyword<GlobalFn> {
    Keyword::works(entry(name, arity, "the environment of the lines that follow"), |_, _| Ok(()))
}

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, help)
}

/// Sets a field and is content: what most words do.
#[expect(clippy::unnecessary_wraps, reason = "what every keyword's function returns")]
pub(super) fn put<T>(value: T, field: &mut T) -> Result<(), Diagnostic> {
    *field = value;
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

/// The line says again what a line before it said, which counts.
#[expect(clippy::unnecessary_wraps, reason = "what every keyword's function returns")]
pub(super) fn again(ctx: &mut GlobalCtx<'_>, line: &Line, what: &str) -> Result<(), Diagnostic> {
    ctx.out.push(Diagnostic::complaint(line.span, format!("{what} Continuing.")));
    Ok(())
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
    if ctx.global.maxconn.is_some() {
        return again(ctx, line, "'maxconn' already specified.");
    }
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
    written_time(word, name, Unit::Milliseconds)
}

/// The time that `word` is, with the messages that name `<name>`.
pub(super) fn written_time(word: &Word, name: &str, unit: Unit) -> Result<Duration, Diagnostic> {
    let time = values::parse_time(&word.bytes, unit).map_err(|fault| match fault {
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
        .form(Form::Tight));
    }
    ctx.global.node = Some(text.into_owned());
    Ok(())
}

pub(super) fn no_effect(line: &Line, reason: &str) -> Diagnostic {
    Diagnostic::notice(line.span, format!("'{}' has no effect: {reason}.", line.name()))
}

fn cpu_map(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some((set, cpus)) = line.args().split_first().filter(|(_, cpus)| !cpus.is_empty()) else {
        return Err(line.alert(
            "cpu-map expects a thread group number  ('all', 'odd', 'even', a number from 1 to 64 or a range),  \
             followed by a list of CPU ranges with numbers from 0 to 63.",
        ));
    };
    let text = set.text();
    let bare = text.strip_prefix("auto:").unwrap_or(&text);
    let is_set = |part: &str| ["all", "odd", "even"].contains(&part) || is_range(part);
    if !bare.split('/').all(is_set) {
        return Err(set.alert(format!("cpu-map : '{text}' is not a valid number/range.")));
    }
    for cpu in cpus {
        if !cpu.text().split(',').all(is_range) {
            return Err(cpu.alert(format!("cpu-map : '{}' is not a CPU range.", cpu.text())));
        }
    }
    ctx.global.cpu_map.push(line.args().iter().map(|w| w.text().into_owned()).collect());
    Ok(())
}

/// `3`, `3-5` or `3-`
pub(super) fn is_range(part: &str) -> bool {
    let (low, high) = part.split_once('-').unwrap_or((part, part));
    low.parse::<u16>().is_ok() && (high.is_empty() || high.parse::<u16>().is_ok())
}

fn setcap(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    const KNOWN: &str =
        "Supported ones are: cap_net_raw, cap_net_admin, cap_net_bind_service and cap_sys_admin.";
    let Some(word) = line.arg(0) else {
        return Err(line.alert(format!("'setcap' : missing capability name(s).  {KNOWN}")));
    };
    let text = word.text();
    for name in text.split(',').filter(|n| !n.is_empty()) {
        if !["cap_net_raw", "cap_net_admin", "cap_net_bind_service", "cap_sys_admin"].contains(&name) {
            return Err(word.alert(format!("'setcap' : unsupported capability '{name}'.  {KNOWN}")));
        }
        ctx.global.setcap.push(name.to_owned());
    }
    Ok(())
}

fn unix_bind(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let mut rest = line.args().iter();
    while let Some(word) = rest.next() {
        let value = rest.next();
        let text = value.map(Word::text).unwrap_or_default();
        let perms = &mut ctx.global.unix_perms;
        match &*word.bytes {
            b"prefix" => ctx.global.unix_prefix = text.into_owned(),
            b"mode" => perms.mode = Some(u32::from_str_radix(&text, 8).unwrap_or(0)),
            b"uid" => perms.uid = text.parse().ok(),
            b"gid" => perms.gid = text.parse().ok(),
            b"user" => {
                let uid = ctx.outside.user(&text);
                perms.uid =
                    Some(uid.ok_or_else(|| word.alert(format!("'unix-bind' : '{text}' unknown user.")))?);
            }
            b"group" => {
                let gid = ctx.outside.group(&text);
                perms.gid =
                    Some(gid.ok_or_else(|| word.alert(format!("'unix-bind' : '{text}' unknown group.")))?);
            }
            _ => {
                return Err(word.alert(
                    "'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options.",
                ));
            }
        }
    }
    Ok(())
}

fn default_path(line: &Line) -> Result<(), Diagnostic> {
    const MODES: &str = "supported modes include 'current', 'config', 'parent', and 'origin'.";
    match line.arg(0) {
        None => Err(line.alert(format!("missing default-path mode '' for 'default-path', {MODES}"))),
        Some(word) if word.is("current") => Ok(()),
        Some(word) if ["config", "parent", "origin"].iter().any(|mode| word.is(mode)) => Err(word.alert(
            format!("'default-path {}' is not available yet (it comes with relative paths).", word.text()),
        )),
        Some(word) => Err(word
            .alert(format!("unsupported default-path mode '{}' for 'default-path', {MODES}", word.text()))),
    }
}
