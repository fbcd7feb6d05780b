//! Words of `global` that have no effect here, each with the reason (manual, 3.1 to 3.3). Their values are judged as the
//! reference judges them.

use weir_config::values::{self, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::Diagnostic;

use super::process::natural32;
use super::{GlobalCtx, GlobalFn};

/// The words of the process, of threads and of the event loop.
pub(super) const INERT: &[Keyword<GlobalFn>] = &[
    flag("busy-polling", LOOP, true),
    Keyword::judged(
        entry("cluster-secret", Arity::between(0, 1)),
        |_, l| l.arg(0).map(drop).ok_or_else(|| l.alert("expects an ASCII string argument.")),
        QUIC,
    ),
    one("dns-accept-family", |_, l| families(l), "there is no resolver of our own that it could limit"),
    any("force-cfg-parser-pause", experimental, "it belongs to tests of the parser"),
    any("harden.reject-privileged-ports.quic", either_on_or_off, QUIC),
    one("max-threads-per-group", |_, l| threads_per_group(l), THREADS),
    one("maxcompcpuusage", |_, l| percent(l), "compression is bounded in another way"),
    one("maxzlibmem", |_, l| given(l), "compression is bounded in another way"),
    one(
        "mworker-max-reloads",
        |_, l| {
            given(l)?;
            check(number(l) >= 0, l, "expects a positive value or zero.")
        },
        "a reload replaces no process",
    ),
    flag("limited-quic", QUIC, false),
    flag("no-memory-trimming", "memory is trimmed by the allocator", false),
    flag("noepoll", LOOP, false),
    flag("noevports", "it belongs to other systems", false),
    flag("nogetaddrinfo", "names are resolved by getaddrinfo", false),
    flag("nokqueue", "it belongs to other systems", false),
    flag("noktls", "the kernel's TLS is not used", false),
    flag("nopoll", LOOP, false),
    Keyword::inert(entry("numa-cpu-mapping", Arity::ANY).no(), THREADS),
    any("profiling.tasks", |_, l| profiling(l), "there is no task profiler"),
    any(
        "ssl-engine",
        |_, l| Err(said(l, "is not supported (built without USE_ENGINE or with -DOPENSSL_NO_ENGINE).")),
        OPENSSL,
    ),
    Keyword::inert(entry("ssl-mode-async", Arity::ANY), OPENSSL),
    any("ssl-propquery", |_, l| statement(l, "a property string"), OPENSSL),
    any("ssl-provider", |_, l| statement(l, "a valid engine provider name"), OPENSSL),
    any("ssl-provider-path", |_, l| statement(l, "a directory path"), OPENSSL),
    one("stress-level", |_, l| stress_level(l), DEBUGGING),
    any("thread-group", |_, l| thread_group(l), THREADS),
    any("warn-blocked-traffic-after", |_, l| blocked_traffic(l), "workers never block for long"),
];

/// `tune.*` and limits of buffers.
pub(super) const INERT_TUNE: &[Keyword<GlobalFn>] = &[
    one("tune.buffers.limit", |_, l| check_got(number(l) >= 0, l, "a non-negative number"), POOLS),
    one("tune.buffers.reserve", |_, l| check_got(number(l) >= 0, l, "a non-negative number"), POOLS),
    one("tune.bufsize.large", |_, l| buffer_size(l), POOLS),
    one("tune.bufsize.small", |_, l| buffer_size(l), POOLS),
    Keyword::inert(entry("tune.defaults.purge", Arity::between(0, 1)), "defaults are gone after the load"),
    one("tune.epoll.mask-events", |_, l| masked_events(l), LOOP),
    one(
        "tune.events.max-events-at-once",
        |_, l| {
            check((1..=10_000).contains(&number(l)), l, "expects an integer argument between 1 and 10000.")
        },
        LOOP,
    ),
    one(
        "tune.fail-alloc",
        |_, l| check((0..=100).contains(&number(l)), l, "expects a numeric value between 0 and 100."),
        DEBUGGING,
    ),
    any("tune.fd.edge-triggered", experimental, LOOP),
    one(
        "tune.glitches.kill.cpu-usage",
        |_, l| {
            let fits = !l.args().is_empty() && (0..=100).contains(&number(l));
            check(fits, l, "expects a numeric value between 0 and 100")
        },
        GLITCHES,
    ),
    one("tune.h1.be.glitches-threshold", |_, l| not_negative(l), GLITCHES),
    one("tune.h1.fe.glitches-threshold", |_, l| not_negative(l), GLITCHES),
    one("tune.h1.zero-copy-fwd-recv", on_or_off, POOLS),
    one("tune.h1.zero-copy-fwd-send", on_or_off, POOLS),
    Keyword::inert(entry("tune.h2.be.max-frames-at-once", Arity::between(0, 1)), H2_TURN),
    Keyword::inert(entry("tune.h2.fe.max-frames-at-once", Arity::between(0, 1)), H2_TURN),
    Keyword::inert(
        entry("tune.h2.fe.max-rst-at-once", Arity::between(0, 1)),
        "a stream that was reset counts until its transaction has ended",
    ),
    one(
        "tune.h2.log-errors",
        |_, l| {
            let fits = is_one_of(l, &["none", "connection", "stream"]);
            check(fits, l, "expects 'none', 'connection', or 'stream'")
        },
        "faults are counted, and not logged one by one",
    ),
    one("tune.h2.zero-copy-fwd-send", on_or_off, POOLS),
    one("tune.idletimer", |_, l| idle_timer(l), LOOP),
    one(
        "tune.listener.default-shards",
        |_, l| {
            let fits = is_one_of(l, &["by-process", "by-group", "by-thread"]);
            check_got(fits, l, "either 'by-process', 'by-group', or 'by-thread'")
        },
        THREADS,
    ),
    one(
        "tune.listener.multi-queue",
        |_, l| check_got(is_one_of(l, &["on", "fair", "off"]), l, "either 'on', 'fair', or 'off'"),
        THREADS,
    ),
    one("tune.max-rules-at-once", |_, l| not_negative_given(l), LOOP),
    one("tune.memory.hot-size", |_, l| check(number(l) > 0, l, "expects a strictly positive value."), POOLS),
    one("tune.pattern.cache-size", |_, l| not_negative_given(l), "matches are fast without a cache"),
    one(
        "tune.peers.max-updates-at-once",
        |_, l| check(number(l) > 0, l, "expects an integer argument greater than 0."),
        "updates are sent in batches of another kind",
    ),
    one("tune.pt.zero-copy-forwarding", on_or_off, POOLS),
    one(
        "tune.recv_enough",
        |_, l| given_size(l),
        "a short read is always taken for the end of what is there",
    ),
    Keyword::works(
        Entry::new(
            Class::Global,
            "tune.renice.runtime",
            Sections::GLOBAL,
            Arity::between(0, 1),
            "priority of the workers",
        ),
        |ctx, line| {
            ctx.global.niceness = niceness(line)?;
            Ok(())
        },
    ),
    one("tune.renice.startup", |_, l| niceness(l).map(drop), "a load takes no time that others would miss"),
    one(
        "tune.ring.queues",
        |_, l| check_got((0..=16).contains(&number(l)), l, "a number between 0 and 16"),
        "rings are of another kind",
    ),
    one(
        "tune.sched.low-latency",
        |_, l| check_got(is_one_of(l, &["on", "off"]), l, "either 'on' or 'off'"),
        LOOP,
    ),
    flag("tune.ssl.force-private-cache", OPENSSL, false),
    one(
        "tune.ssl.keyupdate-rate-limit",
        |_, l| {
            check(!l.args().is_empty(), l, "expects a number (KeyUpdates/s, 0 to disable).")?;
            check(number(l) >= 0, l, "expects a positive number.")
        },
        OPENSSL,
    ),
    one(
        "tune.streams-elasticity",
        |_, l| {
            let n = l.arg(0).and_then(|w| values::parse_integer(&w.bytes));
            let fits = n.is_some_and(|n| n == 0 || n >= 100);
            check(fits, l, "expects 0 or a positive percentage value of 100 or above")
        },
        POOLS,
    ),
    one("tune.takeover-other-tg-connections", |_, l| takeover(l), THREADS),
];

/// `tune.quic.*`
pub(super) const INERT_QUIC: &[Keyword<GlobalFn>] = &[
    one("tune.quic.be.cc.cubic-min-losses", quic_number, QUIC),
    one("tune.quic.be.cc.hystart", on_or_off, QUIC),
    one("tune.quic.be.cc.max-frame-loss", quic_number, QUIC),
    one("tune.quic.be.cc.max-win-size", quic_window, QUIC),
    one("tune.quic.be.cc.reorder-ratio", quic_number, QUIC),
    one("tune.quic.be.max-idle-timeout", quic_time, QUIC),
    one("tune.quic.be.sec.glitches-threshold", quic_number, QUIC),
    one("tune.quic.be.stream.data-ratio", quic_percent, QUIC),
    one("tune.quic.be.stream.max-concurrent", quic_number, QUIC),
    one("tune.quic.be.stream.rxbuf", quic_size, QUIC),
    one("tune.quic.be.tx.pacing", on_or_off, QUIC),
    one("tune.quic.be.tx.udp-gso", on_or_off, QUIC),
    one("tune.quic.fe.cc.cubic-min-losses", quic_number, QUIC),
    one("tune.quic.fe.cc.hystart", on_or_off, QUIC),
    one("tune.quic.fe.cc.max-frame-loss", quic_number, QUIC),
    one("tune.quic.fe.cc.max-win-size", quic_window, QUIC),
    one("tune.quic.fe.cc.reorder-ratio", quic_number, QUIC),
    one("tune.quic.fe.max-idle-timeout", quic_time, QUIC),
    one("tune.quic.fe.sec.glitches-threshold", quic_number, QUIC),
    one("tune.quic.fe.sec.retry-threshold", quic_number, QUIC),
    one(
        "tune.quic.fe.sock-per-conn",
        |_, l| check_got(is_one_of(l, &["default-on", "force-off"]), l, "either 'default-on' or 'force-off'"),
        QUIC,
    ),
    one("tune.quic.fe.stream.data-ratio", quic_percent, QUIC),
    one("tune.quic.fe.stream.max-concurrent", quic_number, QUIC),
    one("tune.quic.fe.stream.max-total", quic_number, QUIC),
    one("tune.quic.fe.stream.rxbuf", quic_size, QUIC),
    one("tune.quic.fe.tx.pacing", on_or_off, QUIC),
    one("tune.quic.fe.tx.udp-gso", on_or_off, QUIC),
    one("tune.quic.listen", on_or_off, QUIC),
    one("tune.quic.mem.tx-max", quic_size, QUIC),
    one("tune.quic.zero-copy-fwd-send", on_or_off, QUIC),
];

const fn entry(name: &'static str, arity: Arity) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, "accepted and without effect")
}

/// A word that stands alone, and takes `no` or does not.
const fn flag(name: &'static str, reason: &'static str, takes_no: bool) -> Keyword<GlobalFn> {
    let entry = entry(name, Arity::NONE);
    Keyword::inert(if takes_no { entry.no() } else { entry }, reason)
}

/// A word with one value at most; `judge` knows whether it must have one.
const fn one(name: &'static str, judge: GlobalFn, reason: &'static str) -> Keyword<GlobalFn> {
    Keyword::judged(entry(name, Arity::between(0, 1)), judge, reason)
}

/// A word whose values are counted by `judge`, or not at all.
const fn any(name: &'static str, judge: GlobalFn, reason: &'static str) -> Keyword<GlobalFn> {
    Keyword::judged(entry(name, Arity::ANY), judge, reason)
}

/// `'name' message`
pub(super) fn said(line: &Line, message: &str) -> Diagnostic {
    line.alert(format!("'{}' {message}", line.name()))
}

pub(super) fn check(fits: bool, line: &Line, message: &str) -> Result<(), Diagnostic> {
    if fits { Ok(()) } else { Err(said(line, message)) }
}

fn check_got(fits: bool, line: &Line, expected: &str) -> Result<(), Diagnostic> {
    let got = line.arg(0).map(Word::text).unwrap_or_default();
    check(fits, line, &format!("expects {expected} but got '{got}'."))
}

fn is_one_of(line: &Line, words: &[&str]) -> bool {
    line.arg(0).is_some_and(|word| words.iter().any(|w| word.is(w)))
}

/// The first argument as C's `atoi` reads it.
fn number(line: &Line) -> i64 {
    line.arg(0).map_or(0, |w| i64::from(values::leading_integer(&w.bytes) as i32))
}

fn given(line: &Line) -> Result<(), Diagnostic> {
    check(!line.args().is_empty(), line, "expects an integer argument.")
}

fn not_negative(line: &Line) -> Result<(), Diagnostic> {
    check(number(line) >= 0, line, "expects a positive numeric value.")
}

fn not_negative_given(line: &Line) -> Result<(), Diagnostic> {
    check(!line.args().is_empty() && number(line) >= 0, line, "expects a positive numeric value")
}

fn percent(line: &Line) -> Result<(), Diagnostic> {
    let fits = !line.args().is_empty() && (0..=100).contains(&number(line));
    check(fits, line, "expects an integer argument between 0 and 100.")
}

fn given_size(line: &Line) -> Result<(), Diagnostic> {
    given(line)?;
    line.arg(0).map_or(Ok(()), |word| values::size(&line.name(), word).map(drop))
}

fn buffer_size(line: &Line) -> Result<(), Diagnostic> {
    given_size(line)?;
    let size = line.arg(0).and_then(|w| values::parse_size(&w.bytes).ok());
    check(size != Some(0), line, "expects a positive integer argument.")
}

/// A list of `ipv4` and `ipv6`, or `auto`; the word that is wrong is named alone where it is the first.
fn families(line: &Line) -> Result<(), Diagnostic> {
    let text = line.arg(0).map(Word::text).unwrap_or_default();
    let fits = text == "auto" || text.split(',').all(|word| ["ipv4", "ipv6"].contains(&word));
    let got = text.split(',').next().unwrap_or_default();
    check(fits, line, &format!("expects a comma-delimited list of 'ipv4' and 'ipv6' but got '{got}'."))
}

fn on_or_off(_: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    check(is_one_of(line, &["on", "off"]), line, "expects 'on' or 'off'.")
}

fn either_on_or_off(_: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    check(is_one_of(line, &["on", "off"]), line, "expects either 'on' or 'off'.")
}

fn experimental(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let what = "directive is experimental, must be allowed via a global 'expose-experimental-directives'";
    check(ctx.global.experimental, line, what)
}

/// `global statement 'name' expects WHAT as an argument.`
fn statement(line: &Line, what: &str) -> Result<(), Diagnostic> {
    let missing = || line.alert(format!("global statement '{}' expects {what} as an argument.", line.name()));
    line.arg(0).map(drop).ok_or_else(missing)
}

/// No more than `most` arguments.
pub(super) fn at_most(line: &Line, most: usize) -> Result<(), Diagnostic> {
    let Some(extra) = line.arg(most) else { return Ok(()) };
    let message = format!("'{}' cannot handle unexpected argument '{}'.", line.name(), extra.text());
    Err(extra.alert(message))
}

fn threads_per_group(line: &Line) -> Result<(), Diagnostic> {
    let text = line.arg(0).map(Word::text).unwrap_or_default();
    let fits = text.parse::<i64>().is_ok_and(|n| (0..=64).contains(&n));
    check(fits, line, &format!("value must be an integer between 1 and 64,  got '{text}'"))
}

fn thread_group(line: &Line) -> Result<(), Diagnostic> {
    let n = super::cpus::whole(line)?;
    check((1..=32).contains(&n), line, &format!("thread-group number must be between 1 and 32 (was {n})"))
}

fn profiling(line: &Line) -> Result<(), Diagnostic> {
    const WORDS: [&str; 7] = ["on", "auto", "off", "lock", "no-lock", "memory", "no-memory"];
    let wrong = line.args().iter().find(|word| !WORDS.iter().any(|w| word.is(w)));
    let got = match wrong {
        Some(word) => word.text(),
        None if line.args().is_empty() => "".into(),
        None => return Ok(()),
    };
    let expected = "expects a combination of either 'on', 'auto', 'off', 'lock', 'no-lock', 'memory', or \
                    'no-memory', but got";
    Err(said(line, &format!("{expected} '{got}'.")))
}

fn stress_level(line: &Line) -> Result<(), Diagnostic> {
    check(!line.args().is_empty(), line, "expects a level as an argument.")?;
    let level = line.arg(0).and_then(|w| values::parse_integer(&w.bytes));
    check(level.is_some_and(|n| (0..=9).contains(&n)), line, "level must be between 0 and 9 inclusive.")
}

fn masked_events(line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else { return Ok(()) };
    let text = word.text();
    let Some(wrong) = text.split(',').find(|part| !["err", "hup", "rdhup"].contains(part)) else {
        return Ok(());
    };
    Err(said(line, &format!("expects a comma-delimited list of 'err', 'hup' and 'rdhup' but got '{wrong}'.")))
}

fn niceness(line: &Line) -> Result<Option<i32>, Diagnostic> {
    let Some(word) = line.arg(0) else { return Ok(None) };
    let text = word.text();
    let niceness = text.parse::<i32>().ok().filter(|n| (-20..=19).contains(n));
    let message = format!("only supports values between -20 and 19 inclusive (was given {text})");
    check(niceness.is_some(), line, &message)?;
    Ok(niceness)
}

fn takeover(line: &Line) -> Result<(), Diagnostic> {
    let expected = "expects 'none', 'restricted', or 'full'";
    match line.arg(0) {
        None => Err(said(line, expected)),
        Some(_) if is_one_of(line, &["none", "restricted", "full"]) => Ok(()),
        Some(word) => Err(said(line, &format!("{expected}, got '{}'", word.text()))),
    }
}

fn idle_timer(line: &Line) -> Result<(), Diagnostic> {
    let missing = || said(line, "expects a timer value between 0 and 65535 ms.");
    let word = line.arg(0).ok_or_else(missing)?;
    let overflow = || {
        let text = word.text();
        word.alert(format!(
            "timer overflow in argument <{text}> to <tune.idletimer>, maximum value is 65535 ms."
        ))
    };
    match values::parse_time(&word.bytes, Unit::Milliseconds) {
        Ok(time) if time.duration.as_millis() > 65_535 => Err(overflow()),
        Ok(_) => Ok(()),
        Err(TimeFault::Overflow) => Err(overflow()),
        Err(TimeFault::Unexpected(c)) => {
            Err(word.alert(format!("unexpected character '{c}' in argument to <tune.idletimer>.")))
        }
    }
}

fn blocked_traffic(line: &Line) -> Result<(), Diagnostic> {
    let name = "warn-blocked-traffic-after";
    let missing = || said(line, "expects <time> as argument between 1 and 1000 ms.");
    let word = line.arg(0).ok_or_else(missing)?;
    let text = word.text();
    match values::parse_time(&word.bytes, Unit::Milliseconds) {
        Ok(time) if (1..=1000).contains(&time.duration.as_millis()) => Ok(()),
        Ok(_) => Err(word.alert(format!(
            "timer out of range in argument '{text}' to '{name}' (value must be between 1 and 1000 ms)"
        ))),
        Err(TimeFault::Overflow) => {
            Err(word
                .alert(format!("timer overflow in argument '{text}' to '{name}' (maximum value is 1000 ms)")))
        }
        Err(TimeFault::Unexpected(c)) => {
            Err(word.alert(format!("unexpected character '{c}' in argument to <{name}>.")))
        }
    }
}

fn quic_number(_: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    check(natural32(line) != 0 || number(line) < 0, line, "expects a positive integer.")
}

fn quic_percent(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    quic_number(ctx, line)?;
    check((1..=100).contains(&number(line)), line, "expects an integer argument between 1 and 100.")
}

/// Where the first argument stops being a size.
pub(super) fn size_fault(line: &Line) -> Option<Diagnostic> {
    let word = line.arg(0)?;
    let rest = values::parse_size(&word.bytes).err()?;
    let bad = rest.first().map_or('\0', |&b| char::from(b));
    Some(word.alert(format!(
        "'{}': unexpected character '{bad}' in size argument '{}'.",
        line.name(),
        word.text()
    )))
}

fn quic_size(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    quic_number(ctx, line)?;
    size_fault(line).map_or(Ok(()), Err)
}

fn quic_window(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    quic_number(ctx, line)?;
    let size = line.arg(0).and_then(|w| values::parse_size(&w.bytes).ok());
    if size.is_some_and(|n| n >= 10 << 10) {
        return Ok(());
    }
    Err(line.alert(format!("'{}' : should be between 10k and 4g", line.name())))
}

fn quic_time(_: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let name = line.name();
    let Some(word) = line.arg(0) else { return Err(line.alert("unexpected character '")) };
    values::parse_time(&word.bytes, Unit::Milliseconds).map(drop).map_err(|fault| match fault {
        TimeFault::Unexpected(c) => word.alert(format!("unexpected character '{c}' in '{name}'")),
        TimeFault::Overflow => word.alert(format!(
            "timer overflow in argument '{}' to '{name}' (maximum value is 2147483647 ms or ~24.8 days)",
            word.text()
        )),
    })
}

const DEBUGGING: &str = "it belongs to builds for debugging";
const GLITCHES: &str = "glitches are not counted";
const H2_TURN: &str = "a connection takes a buffer of frames in its turn";
const LOOP: &str = "the event loop is of another kind";
const OPENSSL: &str = "it tunes OpenSSL";
const POOLS: &str = "buffers and connections have pools of another kind";
const QUIC: &str = "QUIC is not there";
const THREADS: &str = "workers are laid out in another way";
