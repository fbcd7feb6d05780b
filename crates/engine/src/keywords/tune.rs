//! `tune.*` and other limits of `global` (manual, 3.2 and 3.3).

use weir_config::values;
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::Diagnostic;

use crate::conf::Tune;

use super::process::{natural, natural32, put, time_argument};
use super::{GlobalCtx, GlobalFn};

/// The words that mean something here.
pub(super) const TUNE: &[Keyword<GlobalFn>] = &[
    Keyword::works(
        entry("tune.bufsize", Arity::exactly(1), "size of a buffer")
            .missing("'tune.bufsize' expects an integer argument"),
        |c, l| match size(l)? {
            0 => Err(l.alert("'tune.bufsize' expects a positive integer argument.")),
            n => put(n.max(MIN_BUFFER), &mut c.global.tune.bufsize),
        },
    ),
    Keyword::works(
        entry("tune.maxrewrite", Arity::exactly(1), "part of a buffer kept free for rewriting")
            .missing("'tune.maxrewrite' expects an integer argument."),
        |c, l| put(Some(whole(l)).filter(|&n| n > 0), &mut c.global.tune.maxrewrite),
    ),
    Keyword::works(
        entry("tune.http.maxhdr", Arity::exactly(1), "most header lines of a message")
            .missing("'tune.http.maxhdr' expects an integer argument."),
        max_headers,
    ),
    Keyword::works(
        entry("tune.http.cookielen", Arity::exactly(1), "most bytes of a captured cookie")
            .missing("'tune.http.cookielen' expects an integer argument."),
        |c, l| put(whole(l), &mut c.global.tune.cookie_len),
    ),
    Keyword::works(
        entry("tune.http.logurilen", Arity::exactly(1), "most bytes of a URI in a log line")
            .missing("'tune.http.logurilen' expects an integer argument."),
        |c, l| put(whole(l), &mut c.global.tune.log_uri_len),
    ),
    Keyword::works(
        entry("tune.maxaccept", Arity::exactly(1), "connections accepted in one turn")
            .missing("'tune.maxaccept' expects an integer argument"),
        |c, l| match c.global.tune.max_accept {
            None => put(i32::try_from(signed(l)).ok(), &mut c.global.tune.max_accept),
            Some(_) => repeated(c, l),
        },
    ),
    Keyword::works(
        entry("tune.pipesize", Arity::exactly(1), "size of a pipe for splicing")
            .missing("'tune.pipesize' expects an integer argument."),
        |c, l| put(Some(size(l)?).filter(|&n| n > 0), &mut c.global.tune.pipe_size),
    ),
    Keyword::works(
        entry("tune.idle-pool.shared", Arity::between(0, 1), "whether workers share idle server connections"),
        idle_pool_shared,
    ),
    Keyword::works(
        entry(
            "tune.pool-high-fd-ratio",
            Arity::between(0, 1),
            "descriptors in use from which connections at rest are closed",
        ),
        |c, l| put(fd_ratio(l)?, &mut c.global.tune.pool_high_fd_ratio),
    ),
    Keyword::works(
        entry(
            "tune.pool-low-fd-ratio",
            Arity::between(0, 1),
            "descriptors in use from which no connection is put to rest",
        ),
        |c, l| put(fd_ratio(l)?, &mut c.global.tune.pool_low_fd_ratio),
    ),
    Keyword::works(
        entry("tune.rcvbuf.client", Arity::exactly(1), "receive buffer of the kernel, client side")
            .missing("'tune.rcvbuf.client' expects an integer argument."),
        |c, l| connected(c, l, |tune| &mut tune.rcvbuf_client),
    ),
    Keyword::works(
        entry(
            "tune.rcvbuf.frontend",
            Arity::between(0, 1),
            "receive buffer of the kernel, sockets that take datagrams",
        ),
        |c, l| unconnected(c, l, |tune| &mut tune.rcvbuf_frontend),
    ),
    Keyword::works(
        entry("tune.rcvbuf.server", Arity::exactly(1), "receive buffer of the kernel, server side")
            .missing("'tune.rcvbuf.server' expects an integer argument."),
        |c, l| connected(c, l, |tune| &mut tune.rcvbuf_server),
    ),
    Keyword::judged(
        entry(
            "tune.rcvbuf.backend",
            Arity::between(0, 1),
            "receive buffer of the kernel, sockets that send datagrams",
        ),
        |c, l| unconnected(c, l, |tune| &mut tune.rcvbuf_backend),
        "nobody answers the datagrams that are sent to log servers",
    ),
    Keyword::works(
        entry("tune.sndbuf.client", Arity::exactly(1), "send buffer of the kernel, client side")
            .missing("'tune.sndbuf.client' expects an integer argument."),
        |c, l| connected(c, l, |tune| &mut tune.sndbuf_client),
    ),
    Keyword::works(
        entry(
            "tune.sndbuf.frontend",
            Arity::between(0, 1),
            "send buffer of the kernel, sockets that take datagrams",
        ),
        |c, l| unconnected(c, l, |tune| &mut tune.sndbuf_frontend),
    ),
    Keyword::works(
        entry("tune.sndbuf.server", Arity::exactly(1), "send buffer of the kernel, server side")
            .missing("'tune.sndbuf.server' expects an integer argument."),
        |c, l| connected(c, l, |tune| &mut tune.sndbuf_server),
    ),
    Keyword::works(
        entry(
            "tune.sndbuf.backend",
            Arity::between(0, 1),
            "send buffer of the kernel, sockets that send datagrams",
        ),
        |c, l| unconnected(c, l, |tune| &mut tune.sndbuf_backend),
    ),
    Keyword::works(
        entry("tune.notsent-lowat.client", Arity::exactly(1), "bytes that may wait unsent, client side")
            .missing("'tune.notsent-lowat.client' expects an integer argument."),
        |c, l| connected(c, l, |tune| &mut tune.unsent_client),
    ),
    Keyword::works(
        entry("tune.notsent-lowat.server", Arity::exactly(1), "bytes that may wait unsent, server side")
            .missing("'tune.notsent-lowat.server' expects an integer argument."),
        |c, l| connected(c, l, |tune| &mut tune.unsent_server),
    ),
    Keyword::works(
        entry("tune.maxpollevents", Arity::exactly(1), "events of sockets that are taken at once")
            .missing("'tune.maxpollevents' expects an integer argument."),
        max_poll_events,
    ),
    Keyword::works(
        entry("tune.runqueue-depth", Arity::exactly(1), "tasks that run before sockets are looked at")
            .missing("'tune.runqueue-depth' expects an integer argument."),
        |c, l| match c.global.tune.run_queue {
            None => put(Some(natural32(l)).filter(|n| *n > 0), &mut c.global.tune.run_queue),
            Some(_) => repeated(c, l),
        },
    ),
    Keyword::works(
        entry("tune.max-checks-per-thread", Arity::between(0, 1), "checks that a worker makes at a time"),
        |c, l| put(natural32(l), &mut c.global.tune.max_checks),
    ),
    Keyword::works(
        entry("tune.cli.max-payload-size", Arity::exactly(1), "most bytes of a payload of the runtime API")
            .missing("'tune.cli.max-payload-size' expects a size argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.cli_max_payload),
    ),
    Keyword::works(
        entry("tune.stick-counters", Arity::ANY, "how many counters may be tracked at once"),
        stick_counters,
    ),
    Keyword::works(
        entry("tune.disable-fast-forward", Arity::NONE, "all bytes pass through buffers"),
        |c, _| put(true, &mut c.global.no_splice),
    ),
    Keyword::works(
        entry("tune.disable-zero-copy-forwarding", Arity::NONE, "all bytes pass through buffers"),
        |c, _| put(true, &mut c.global.no_splice),
    ),
    Keyword::works(
        entry("spread-checks", Arity::between(0, 1), "how far checks are spread, in percent"),
        spread_checks,
    ),
    Keyword::works(
        entry("max-spread-checks", Arity::between(0, 1), "time over which checks are spread at start"),
        max_spread_checks,
    ),
];

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, help)
}

/// The first argument as a size in bytes.
fn size(line: &Line) -> Result<usize, Diagnostic> {
    let Some(word) = line.arg(0) else { return Ok(0) };
    values::size(&line.name(), word).map(|n| n as usize)
}

/// A size of sockets with connections: the first that is not 0, which is the system's own, counts.
fn connected(ctx: &mut GlobalCtx<'_>, line: &Line, field: Size) -> Result<(), Diagnostic> {
    match field(&mut ctx.global.tune) {
        Some(_) => repeated(ctx, line),
        None => put(Some(size(line)?).filter(|n| *n > 0), field(&mut ctx.global.tune)),
    }
}

/// A size of sockets without connections: the first counts.
fn unconnected(ctx: &mut GlobalCtx<'_>, line: &Line, field: Size) -> Result<(), Diagnostic> {
    match field(&mut ctx.global.tune) {
        Some(_) => ignored(ctx, line),
        None => put(Some(placed_size(ctx, line)?), field(&mut ctx.global.tune)),
    }
}

type Size = fn(&mut Tune) -> &mut Option<usize>;

/// As [`size`] of something, with a message that names the place twice, as the reference has it.
fn placed_size(ctx: &GlobalCtx<'_>, line: &Line) -> Result<usize, Diagnostic> {
    let name = line.name();
    let place = super::place(ctx.sources, line.span);
    let size = match line.arg(0) {
        Some(word) => values::size(&name, word).map(|n| n as usize),
        None => Err(line.alert(format!("unexpected '' after size passed to '{name}'"))),
    };
    match size {
        Ok(0) => {
            let text = format!("parsing [{place}] : '{name}' expects a strictly positive integer argument.");
            Err(line.alert(text))
        }
        Ok(bytes) => Ok(bytes),
        Err(mut said) => {
            said.message.insert_str(0, &format!("parsing [{place}]: "));
            Err(said)
        }
    }
}

/// The line says again what a line before it said, which counts.
#[expect(clippy::unnecessary_wraps, reason = "what every keyword's function returns")]
pub(super) fn repeated(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    ctx.out.push(line.warning(format!("'{}' already specified. Continuing.", line.name())));
    Ok(())
}

/// As [`repeated`], in other words and with the place twice.
#[expect(clippy::unnecessary_wraps, reason = "what every keyword's function returns")]
fn ignored(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let place = super::place(ctx.sources, line.span);
    let message = format!("parsing [{place}] : ignoring '{}' which was already specified.", line.name());
    ctx.out.push(line.warning(message));
    Ok(())
}

fn signed(line: &Line) -> i64 {
    line.arg(0).map_or(0, |w| values::leading_integer(&w.bytes))
}

fn whole(line: &Line) -> usize {
    usize::try_from(natural(line)).unwrap_or(usize::MAX)
}

fn max_poll_events(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.global.tune.max_poll_events.is_some() {
        return repeated(ctx, line);
    }
    let n = signed(line);
    if n > 1_000_000 {
        let name = line.name();
        return Err(line.alert(format!("'{name}' expects an integer value lower than or equal to 1000000.")));
    }
    put(usize::try_from(n).ok().filter(|n| *n > 0), &mut ctx.global.tune.max_poll_events)
}

fn max_headers(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let n = signed(line);
    let n = usize::try_from(n).ok().filter(|n| (1..=32767).contains(n));
    let n = n.ok_or_else(|| line.alert("'tune.http.maxhdr' expects a numeric value between 1 and 32767"))?;
    put(n, &mut ctx.global.tune.max_headers)
}

fn stick_counters(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let text = line.arg(0).map(Word::text).unwrap_or_default();
    let count = if text.is_empty() { Ok(0) } else { text.parse::<i64>() };
    let Ok(count) = count else {
        return Err(line.alert(format!("tune.stick-counters: '{text}' is an invalid number")));
    };
    let count = u32::try_from(count).ok().filter(|n| *n <= 100).ok_or_else(|| {
        line.alert(format!(
            "tune.stick-counters: the number of stick-counters must be between 1 and 100 (was {count})"
        ))
    })?;
    put(count, &mut ctx.global.tune.stick_counters)
}

fn idle_pool_shared(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let got = line.arg(0).map(Word::text).unwrap_or_default();
    ctx.global.tune.idle_pool_shared = match &*got {
        "on" | "full" => true,
        "off" => false,
        _ => {
            return Err(
                line.alert(format!("'tune.idle-pool.shared' expects 'full', 'on' or 'off' but got '{got}'."))
            );
        }
    };
    Ok(())
}

fn fd_ratio(line: &Line) -> Result<u32, Diagnostic> {
    let percent = u32::try_from(signed(line)).ok().filter(|n| *n <= 100 && !line.args().is_empty());
    percent.ok_or_else(|| {
        line.alert(format!("'{}' expects an integer argument between 0 and 100.", line.name()))
    })
}

fn spread_checks(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.global.spread_checks > 0 {
        let message = "spread-checks already specified. Continuing.";
        ctx.out.push(Diagnostic::complaint(line.span, message).tight());
        return Ok(());
    }
    if line.args().is_empty() {
        return Err(line.alert("'spread-checks' expects an integer argument (0..50).").tight());
    }
    let percent = u32::try_from(signed(line)).ok().filter(|&n| n <= 50);
    let percent = percent
        .ok_or_else(|| line.alert("'spread-checks' needs a positive value in range 0..50.").tight())?;
    put(percent, &mut ctx.global.spread_checks)
}

fn max_spread_checks(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if line.args().is_empty() {
        return Err(line.alert("'max-spread-checks' expects an integer argument (0..50).").tight());
    }
    let time = time_argument(line, "max-spread-checks").map_err(|d| {
        let bad =
            line.arg(0).and_then(|w| w.bytes.iter().find(|b| !b.is_ascii_digit()).copied()).unwrap_or(0);
        let _ = d;
        line.alert(format!(
            "unsupported character '{}' in 'max-spread-checks' (wants an integer delay).",
            char::from(bad)
        ))
        .tight()
    })?;
    put(Some(time), &mut ctx.global.max_spread_checks)
}

/// No message fits in less.
const MIN_BUFFER: usize = 1024;
