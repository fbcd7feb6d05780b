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
    inert("busy-polling", "the event loop is of another kind"),
    inert("cpu-affinity", "workers are laid out in another way"),
    inert("cpu-policy", "workers are laid out in another way"),
    inert("cpu-set", "workers are laid out in another way"),
    inert("force-cfg-parser-pause", "it belongs to tests of the parser"),
    inert("harden.reject-privileged-ports.quic", "QUIC is not there"),
    inert("max-threads-per-group", "workers are laid out in another way"),
    inert("maxcompcpuusage", "compression is bounded in another way"),
    inert("maxsslconn", "sessions are bounded by maxconn"),
    inert("maxsslrate", "sessions are bounded by maxconnrate"),
    inert("maxzlibmem", "compression is bounded in another way"),
    inert("mworker-max-reloads", "a reload replaces no process"),
    inert("no-memory-trimming", "memory is trimmed by the allocator"),
    inert("noepoll", "the event loop is of another kind"),
    inert("noevports", "it belongs to other systems"),
    inert("nogetaddrinfo", "names are resolved by getaddrinfo"),
    inert("nokqueue", "it belongs to other systems"),
    inert("noktls", "the kernel's TLS is not used"),
    inert("nopoll", "the event loop is of another kind"),
    inert("numa-cpu-mapping", "workers are laid out in another way"),
    inert("prealloc-fd", "descriptor tables grow by themselves"),
    inert("profiling.tasks", "there is no task profiler"),
    inert("ssl-engine", "it tunes OpenSSL"),
    inert("ssl-mode-async", "it tunes OpenSSL"),
    inert("ssl-propquery", "it tunes OpenSSL"),
    inert("ssl-provider", "it tunes OpenSSL"),
    inert("ssl-provider-path", "it tunes OpenSSL"),
    inert("stress-level", "it belongs to builds for debugging"),
    inert("thread-group", "workers are laid out in another way"),
    inert("thread-hard-limit", "workers are laid out in another way"),
    inert("tune.buffers.limit", "buffers and connections have pools of another kind"),
    inert("tune.buffers.reserve", "buffers and connections have pools of another kind"),
    inert("tune.bufsize.large", "buffers and connections have pools of another kind"),
    inert("tune.bufsize.small", "buffers and connections have pools of another kind"),
    inert("tune.defaults.purge", "defaults are gone after the load"),
    inert("tune.epoll.mask-events", "the event loop is of another kind"),
    inert("tune.events.max-events-at-once", "the event loop is of another kind"),
    inert("tune.fail-alloc", "it belongs to builds for debugging"),
    inert("tune.fd.edge-triggered", "the event loop is of another kind"),
    inert("tune.fd.tables", "buffers and connections have pools of another kind"),
    inert("tune.glitches.kill.cpu-usage", "glitches are not counted"),
    inert("tune.h1.be.glitches-threshold", "glitches are not counted"),
    inert("tune.h1.fe.glitches-threshold", "glitches are not counted"),
    inert("tune.h1.zero-copy-fwd-recv", "buffers and connections have pools of another kind"),
    inert("tune.h1.zero-copy-fwd-send", "buffers and connections have pools of another kind"),
    inert("tune.idletimer", "the event loop is of another kind"),
    inert("tune.listener.default-shards", "workers are laid out in another way"),
    inert("tune.listener.multi-queue", "workers are laid out in another way"),
    inert("tune.max-rules-at-once", "the event loop is of another kind"),
    inert("tune.maxpollevents", "the event loop is of another kind"),
    inert("tune.memory.hot-size", "buffers and connections have pools of another kind"),
    inert("tune.notsent-lowat.client", "buffers and connections have pools of another kind"),
    inert("tune.notsent-lowat.server", "buffers and connections have pools of another kind"),
    inert("tune.pattern.cache-size", "matches are fast without a cache"),
    inert("tune.peers.max-updates-at-once", "updates are sent in batches of another kind"),
    inert("tune.pool-high-fd-ratio", "buffers and connections have pools of another kind"),
    inert("tune.pool-low-fd-ratio", "buffers and connections have pools of another kind"),
    inert("tune.pt.zero-copy-forwarding", "buffers and connections have pools of another kind"),
    inert("tune.quic.be.cc.cubic-min-losses", "QUIC is not there"),
    inert("tune.quic.be.cc.hystart", "QUIC is not there"),
    inert("tune.quic.be.cc.max-frame-loss", "QUIC is not there"),
    inert("tune.quic.be.cc.max-win-size", "QUIC is not there"),
    inert("tune.quic.be.cc.reorder-ratio", "QUIC is not there"),
    inert("tune.quic.be.max-idle-timeout", "QUIC is not there"),
    inert("tune.quic.be.sec.glitches-threshold", "QUIC is not there"),
    inert("tune.quic.be.stream.data-ratio", "QUIC is not there"),
    inert("tune.quic.be.stream.max-concurrent", "QUIC is not there"),
    inert("tune.quic.be.stream.rxbuf", "QUIC is not there"),
    inert("tune.quic.be.tx.pacing", "QUIC is not there"),
    inert("tune.quic.be.tx.udp-gso", "QUIC is not there"),
    inert("tune.quic.fe.cc.cubic-min-losses", "QUIC is not there"),
    inert("tune.quic.fe.cc.hystart", "QUIC is not there"),
    inert("tune.quic.fe.cc.max-frame-loss", "QUIC is not there"),
    inert("tune.quic.fe.cc.max-win-size", "QUIC is not there"),
    inert("tune.quic.fe.cc.reorder-ratio", "QUIC is not there"),
    inert("tune.quic.fe.max-idle-timeout", "QUIC is not there"),
    inert("tune.quic.fe.sec.glitches-threshold", "QUIC is not there"),
    inert("tune.quic.fe.sec.retry-threshold", "QUIC is not there"),
    inert("tune.quic.fe.sock-per-conn", "QUIC is not there"),
    inert("tune.quic.fe.stream.data-ratio", "QUIC is not there"),
    inert("tune.quic.fe.stream.max-concurrent", "QUIC is not there"),
    inert("tune.quic.fe.stream.max-total", "QUIC is not there"),
    inert("tune.quic.fe.stream.rxbuf", "QUIC is not there"),
    inert("tune.quic.fe.tx.pacing", "QUIC is not there"),
    inert("tune.quic.fe.tx.udp-gso", "QUIC is not there"),
    inert("tune.quic.listen", "QUIC is not there"),
    inert("tune.quic.mem.tx-max", "QUIC is not there"),
    inert("tune.quic.zero-copy-fwd-send", "QUIC is not there"),
    inert("tune.renice.runtime", "priorities are the system's"),
    inert("tune.renice.startup", "priorities are the system's"),
    inert("tune.ring.queues", "rings are of another kind"),
    inert("tune.runqueue-depth", "the event loop is of another kind"),
    inert("tune.sched.low-latency", "the event loop is of another kind"),
    inert("tune.ssl.force-private-cache", "it tunes OpenSSL"),
    inert("tune.ssl.keyupdate-rate-limit", "it tunes OpenSSL"),
    inert("tune.streams-elasticity", "buffers and connections have pools of another kind"),
    inert("tune.takeover-other-tg-connections", "workers are laid out in another way"),
    inert("tune.zlib.memlevel", "zlib is of another kind"),
    inert("tune.zlib.windowsize", "zlib is of another kind"),
    inert("warn-blocked-traffic-after", "workers never block for long"),
];

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, help)
}

const fn inert(name: &'static str, reason: &'static str) -> Keyword<GlobalFn> {
    Keyword::inert(entry(name, Arity::ANY, "accepted and without effect").no(), reason)
}

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
