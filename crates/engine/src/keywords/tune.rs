//! `tune.*` and other limits of `global` (manual, 3.2 and 3.3).

use weir_config::values;
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::Diagnostic;

use super::process::{natural, natural32, put, time_argument};
use super::{GlobalCtx, GlobalFn};

/// The words that mean something here.
pub(super) const TUNE: &[Keyword<GlobalFn>] = &[
    Keyword::works(
        entry("tune.bufsize", Arity::exactly(1), "size of a buffer")
            .missing("'tune.bufsize' expects an integer argument"),
        |c, l| put(size(l)?.max(MIN_BUFFER), &mut c.global.tune.bufsize),
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
            .missing("'tune.maxaccept' expects an integer argument."),
        |c, l| put(i32::try_from(signed(l)).ok(), &mut c.global.tune.max_accept),
    ),
    Keyword::works(
        entry("tune.pipesize", Arity::exactly(1), "size of a pipe for splicing")
            .missing("'tune.pipesize' expects an integer argument."),
        |c, l| put(Some(size(l)?).filter(|&n| n > 0), &mut c.global.tune.pipe_size),
    ),
    Keyword::works(
        entry("tune.idle-pool.shared", Arity::ANY, "whether workers share idle server connections"),
        idle_pool_shared,
    ),
    Keyword::works(
        entry("tune.rcvbuf.client", Arity::exactly(1), "receive buffer of the kernel, client side")
            .missing("'tune.rcvbuf.client' expects an integer argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.rcvbuf_client),
    ),
    Keyword::works(
        entry("tune.rcvbuf.frontend", Arity::exactly(1), "receive buffer of the kernel, frontend side")
            .missing("'tune.rcvbuf.frontend' expects an integer argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.rcvbuf_client),
    ),
    Keyword::works(
        entry("tune.rcvbuf.server", Arity::exactly(1), "receive buffer of the kernel, server side")
            .missing("'tune.rcvbuf.server' expects an integer argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.rcvbuf_server),
    ),
    Keyword::works(
        entry("tune.rcvbuf.backend", Arity::exactly(1), "receive buffer of the kernel, backend side")
            .missing("'tune.rcvbuf.backend' expects an integer argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.rcvbuf_server),
    ),
    Keyword::works(
        entry("tune.sndbuf.client", Arity::exactly(1), "send buffer of the kernel, client side")
            .missing("'tune.sndbuf.client' expects an integer argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.sndbuf_client),
    ),
    Keyword::works(
        entry("tune.sndbuf.frontend", Arity::exactly(1), "send buffer of the kernel, frontend side")
            .missing("'tune.sndbuf.frontend' expects an integer argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.sndbuf_client),
    ),
    Keyword::works(
        entry("tune.sndbuf.server", Arity::exactly(1), "send buffer of the kernel, server side")
            .missing("'tune.sndbuf.server' expects an integer argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.sndbuf_server),
    ),
    Keyword::works(
        entry("tune.sndbuf.backend", Arity::exactly(1), "send buffer of the kernel, backend side")
            .missing("'tune.sndbuf.backend' expects an integer argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.sndbuf_server),
    ),
    Keyword::inert(
        entry("tune.recv_enough", Arity::exactly(1), "bytes after which a read is enough")
            .missing("'tune.recv_enough' expects an integer argument."),
        "a short read is always taken for the end of what is there",
    ),
    Keyword::works(
        entry("tune.max-checks-per-thread", Arity::ANY, "checks that a worker makes at a time"),
        |c, l| put(natural32(l), &mut c.global.tune.max_checks),
    ),
    Keyword::works(
        entry("tune.cli.max-payload-size", Arity::exactly(1), "most bytes of a payload of the runtime API")
            .missing("'tune.cli.max-payload-size' expects an integer argument."),
        |c, l| put(Some(size(l)?), &mut c.global.tune.cli_max_payload),
    ),
    Keyword::works(
        entry("tune.stick-counters", Arity::ANY, "how many counters may be tracked at once"),
        stick_counters,
    ),
    Keyword::works(
        entry("tune.disable-fast-forward", Arity::NONE, "all bytes pass through buffers"),
        |c, _| put(true, &mut c.global.tune.no_fast_forward),
    ),
    Keyword::works(
        entry("tune.disable-zero-copy-forwarding", Arity::NONE, "all bytes pass through buffers"),
        |c, _| put(true, &mut c.global.tune.no_fast_forward),
    ),
    Keyword::works(
        entry("spread-checks", Arity::ANY, "how far checks are spread, in percent"),
        spread_checks,
    ),
    Keyword::works(
        entry("max-spread-checks", Arity::ANY, "time over which checks are spread at start"),
        max_spread_checks,
    ),
];

/// Words that have no meaning here, each with the reason.
pub(super) const INERT: &[Keyword<GlobalFn>] = &[
    inert_switch("busy-polling", "the event loop is of another kind"),
    inert_any("cpu-affinity", "workers are laid out in another way"),
    inert_any("cpu-policy", "workers are laid out in another way"),
    inert_any("cpu-set", "workers are laid out in another way"),
    inert_any("force-cfg-parser-pause", "it belongs to tests of the parser"),
    inert_any("harden.reject-privileged-ports.quic", "QUIC is not there"),
    inert("max-threads-per-group", "workers are laid out in another way"),
    inert_value(
        "maxcompcpuusage",
        "'maxcompcpuusage' expects an integer argument between 0 and 100.",
        "compression is bounded in another way",
    ),
    inert_value(
        "maxzlibmem",
        "'maxzlibmem' expects an integer argument.",
        "compression is bounded in another way",
    ),
    inert_value(
        "mworker-max-reloads",
        "'mworker-max-reloads' expects an integer argument.",
        "a reload replaces no process",
    ),
    inert_flag("no-memory-trimming", "memory is trimmed by the allocator"),
    inert_flag("noepoll", "the event loop is of another kind"),
    inert_flag("noevports", "it belongs to other systems"),
    inert_flag("nogetaddrinfo", "names are resolved by getaddrinfo"),
    inert_flag("nokqueue", "it belongs to other systems"),
    inert_flag("noktls", "the kernel's TLS is not used"),
    inert_flag("nopoll", "the event loop is of another kind"),
    Keyword::inert(
        entry("numa-cpu-mapping", Arity::ANY, NOTHING).no(),
        "workers are laid out in another way",
    ),
    inert_flag("prealloc-fd", "descriptor tables grow by themselves"),
    inert_any("profiling.tasks", "there is no task profiler"),
    inert_any("ssl-engine", "it tunes OpenSSL"),
    inert_any("ssl-mode-async", "it tunes OpenSSL"),
    inert_any("ssl-propquery", "it tunes OpenSSL"),
    inert_any("ssl-provider", "it tunes OpenSSL"),
    inert_any("ssl-provider-path", "it tunes OpenSSL"),
    inert_any("stress-level", "it belongs to builds for debugging"),
    inert_any("thread-group", "workers are laid out in another way"),
    inert_any("thread-hard-limit", "workers are laid out in another way"),
    inert("tune.buffers.limit", "buffers and connections have pools of another kind"),
    inert("tune.buffers.reserve", "buffers and connections have pools of another kind"),
    inert_value(
        "tune.bufsize.large",
        "'tune.bufsize.large' expects an integer argument.",
        "buffers and connections have pools of another kind",
    ),
    inert_value(
        "tune.bufsize.small",
        "'tune.bufsize.small' expects an integer argument.",
        "buffers and connections have pools of another kind",
    ),
    inert("tune.defaults.purge", "defaults are gone after the load"),
    inert("tune.epoll.mask-events", "the event loop is of another kind"),
    inert_value(
        "tune.events.max-events-at-once",
        "'tune.events.max-events-at-once' expects an integer argument between 1 and 10000.",
        "the event loop is of another kind",
    ),
    inert("tune.fail-alloc", "it belongs to builds for debugging"),
    inert_any("tune.fd.edge-triggered", "the event loop is of another kind"),
    inert_any("tune.fd.tables", "buffers and connections have pools of another kind"),
    inert_any("tune.glitches.kill.cpu-usage", "glitches are not counted"),
    inert("tune.h1.be.glitches-threshold", "glitches are not counted"),
    inert("tune.h1.fe.glitches-threshold", "glitches are not counted"),
    inert_value(
        "tune.h1.zero-copy-fwd-recv",
        "'tune.h1.zero-copy-fwd-recv' expects 'on' or 'off'.",
        "buffers and connections have pools of another kind",
    ),
    inert_value(
        "tune.h1.zero-copy-fwd-send",
        "'tune.h1.zero-copy-fwd-send' expects 'on' or 'off'.",
        "buffers and connections have pools of another kind",
    ),
    inert_value(
        "tune.idletimer",
        "'tune.idletimer' expects a timer value between 0 and 65535 ms.",
        "the event loop is of another kind",
    ),
    inert_any("tune.listener.default-shards", "workers are laid out in another way"),
    inert_any("tune.listener.multi-queue", "workers are laid out in another way"),
    inert_value(
        "tune.max-rules-at-once",
        "'tune.max-rules-at-once' expects a positive numeric value",
        "the event loop is of another kind",
    ),
    inert_value(
        "tune.maxpollevents",
        "'tune.maxpollevents' expects an integer argument.",
        "the event loop is of another kind",
    ),
    inert_value(
        "tune.memory.hot-size",
        "'tune.memory.hot-size' expects a strictly positive value.",
        "buffers and connections have pools of another kind",
    ),
    inert_any("tune.notsent-lowat.client", "buffers and connections have pools of another kind"),
    inert_any("tune.notsent-lowat.server", "buffers and connections have pools of another kind"),
    inert_value(
        "tune.pattern.cache-size",
        "'tune.pattern.cache-size' expects a positive numeric value",
        "matches are fast without a cache",
    ),
    inert_value(
        "tune.peers.max-updates-at-once",
        "'tune.peers.max-updates-at-once' expects an integer argument greater than 0.",
        "updates are sent in batches of another kind",
    ),
    inert_value(
        "tune.pool-high-fd-ratio",
        "'tune.pool-high-fd-ratio' expects an integer argument between 0 and 100.",
        "buffers and connections have pools of another kind",
    ),
    inert_value(
        "tune.pool-low-fd-ratio",
        "'tune.pool-low-fd-ratio' expects an integer argument between 0 and 100.",
        "buffers and connections have pools of another kind",
    ),
    inert_value(
        "tune.pt.zero-copy-forwarding",
        "'tune.pt.zero-copy-forwarding' expects 'on' or 'off'.",
        "buffers and connections have pools of another kind",
    ),
    inert_value(
        "tune.quic.be.cc.cubic-min-losses",
        "'tune.quic.be.cc.cubic-min-losses' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.be.cc.hystart",
        "'tune.quic.be.cc.hystart' expects 'on' or 'off'.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.be.cc.max-frame-loss",
        "'tune.quic.be.cc.max-frame-loss' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.be.cc.max-win-size",
        "'tune.quic.be.cc.max-win-size' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.be.cc.reorder-ratio",
        "'tune.quic.be.cc.reorder-ratio' expects a positive integer.",
        "QUIC is not there",
    ),
    inert("tune.quic.be.max-idle-timeout", "QUIC is not there"),
    inert_value(
        "tune.quic.be.sec.glitches-threshold",
        "'tune.quic.be.sec.glitches-threshold' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.be.stream.data-ratio",
        "'tune.quic.be.stream.data-ratio' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.be.stream.max-concurrent",
        "'tune.quic.be.stream.max-concurrent' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.be.stream.rxbuf",
        "'tune.quic.be.stream.rxbuf' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.be.tx.pacing",
        "'tune.quic.be.tx.pacing' expects 'on' or 'off'.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.be.tx.udp-gso",
        "'tune.quic.be.tx.udp-gso' expects 'on' or 'off'.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.cc.cubic-min-losses",
        "'tune.quic.fe.cc.cubic-min-losses' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.cc.hystart",
        "'tune.quic.fe.cc.hystart' expects 'on' or 'off'.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.cc.max-frame-loss",
        "'tune.quic.fe.cc.max-frame-loss' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.cc.max-win-size",
        "'tune.quic.fe.cc.max-win-size' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.cc.reorder-ratio",
        "'tune.quic.fe.cc.reorder-ratio' expects a positive integer.",
        "QUIC is not there",
    ),
    inert("tune.quic.fe.max-idle-timeout", "QUIC is not there"),
    inert_value(
        "tune.quic.fe.sec.glitches-threshold",
        "'tune.quic.fe.sec.glitches-threshold' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.sec.retry-threshold",
        "'tune.quic.fe.sec.retry-threshold' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.sock-per-conn",
        "'tune.quic.fe.sock-per-conn' expects either 'default-on' or 'force-off' but got ''.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.stream.data-ratio",
        "'tune.quic.fe.stream.data-ratio' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.stream.max-concurrent",
        "'tune.quic.fe.stream.max-concurrent' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.stream.max-total",
        "'tune.quic.fe.stream.max-total' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.stream.rxbuf",
        "'tune.quic.fe.stream.rxbuf' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.tx.pacing",
        "'tune.quic.fe.tx.pacing' expects 'on' or 'off'.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.fe.tx.udp-gso",
        "'tune.quic.fe.tx.udp-gso' expects 'on' or 'off'.",
        "QUIC is not there",
    ),
    inert_value("tune.quic.listen", "'tune.quic.listen' expects 'on' or 'off'.", "QUIC is not there"),
    inert_value(
        "tune.quic.mem.tx-max",
        "'tune.quic.mem.tx-max' expects a positive integer.",
        "QUIC is not there",
    ),
    inert_value(
        "tune.quic.zero-copy-fwd-send",
        "'tune.quic.zero-copy-fwd-send' expects 'on' or 'off'.",
        "QUIC is not there",
    ),
    inert("tune.renice.runtime", "priorities are the system's"),
    inert("tune.renice.startup", "priorities are the system's"),
    inert("tune.ring.queues", "rings are of another kind"),
    inert_value(
        "tune.runqueue-depth",
        "'tune.runqueue-depth' expects an integer argument.",
        "the event loop is of another kind",
    ),
    inert_value(
        "tune.sched.low-latency",
        "'tune.sched.low-latency' expects either 'on' or 'off' but got ''.",
        "the event loop is of another kind",
    ),
    inert_flag("tune.ssl.force-private-cache", "it tunes OpenSSL"),
    inert_value(
        "tune.ssl.keyupdate-rate-limit",
        "'tune.ssl.keyupdate-rate-limit' expects a number (KeyUpdates/s, 0 to disable).",
        "it tunes OpenSSL",
    ),
    inert_value(
        "tune.streams-elasticity",
        "'tune.streams-elasticity' expects 0 or a positive percentage value of 100 or above",
        "buffers and connections have pools of another kind",
    ),
    inert_value(
        "tune.takeover-other-tg-connections",
        "'tune.takeover-other-tg-connections' expects 'none', 'restricted', or 'full'",
        "workers are laid out in another way",
    ),
    inert_any("tune.zlib.memlevel", "zlib is of another kind"),
    inert_any("tune.zlib.windowsize", "zlib is of another kind"),
    inert_any("warn-blocked-traffic-after", "workers never block for long"),
];

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, help)
}

/// A word without effect here that takes one value at most.
const fn inert(name: &'static str, reason: &'static str) -> Keyword<GlobalFn> {
    Keyword::inert(entry(name, Arity::between(0, 1), NOTHING), reason)
}

/// A word without effect here that stands alone.
const fn inert_flag(name: &'static str, reason: &'static str) -> Keyword<GlobalFn> {
    Keyword::inert(entry(name, Arity::NONE, NOTHING), reason)
}

/// A word without effect here that stands alone and takes `no`.
const fn inert_switch(name: &'static str, reason: &'static str) -> Keyword<GlobalFn> {
    Keyword::inert(entry(name, Arity::NONE, NOTHING).no(), reason)
}

/// A word without effect here that must have a value; what is said where it has none.
const fn inert_value(name: &'static str, missing: &'static str, reason: &'static str) -> Keyword<GlobalFn> {
    Keyword::inert(entry(name, Arity::exactly(1), NOTHING).missing(missing), reason)
}

/// A word without effect here whose values are many.
const fn inert_any(name: &'static str, reason: &'static str) -> Keyword<GlobalFn> {
    Keyword::inert(entry(name, Arity::ANY, NOTHING), reason)
}

const NOTHING: &str = "accepted and without effect";

/// The first argument as a size in bytes.
fn size(line: &Line) -> Result<usize, Diagnostic> {
    let Some(word) = line.arg(0) else { return Ok(0) };
    values::size(&line.name(), word).map(|n| n as usize)
}

fn signed(line: &Line) -> i64 {
    line.arg(0).map_or(0, |w| values::leading_integer(&w.bytes))
}

fn whole(line: &Line) -> usize {
    usize::try_from(natural(line)).unwrap_or(usize::MAX)
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

fn spread_checks(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
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
