//! `option ...` of a proxy that are plain flags (manual, 4.2).

use weir_config::{Arity, Class, Entry, Keyword, Line, Prefix, Sections, Word};
use weir_diag::Diagnostic;

use super::{ProxyCtx, ProxyFn};
use crate::conf::Options;

/// The flags: each sets or, with `no`, clears its bit.
pub(super) const OPTIONS: &[Keyword<ProxyFn>] = &[
    Keyword::works(
        Entry::new(
            Class::Proxy,
            "option abortonclose",
            Sections::PROXIES,
            Arity::NONE,
            "a client that leaves takes its request along",
        )
        .no_default(),
        abort_on_close,
    ),
    flag::<{ bits(Options::ACCEPT_UNSAFE_REQUEST) }>(
        "option accept-unsafe-violations-in-http-request",
        FRONT,
        "takes requests that the standards forbid",
    ),
    flag::<{ bits(Options::ACCEPT_UNSAFE_RESPONSE) }>(
        "option accept-unsafe-violations-in-http-response",
        BACK,
        "takes responses that the standards forbid",
    ),
    flag::<{ bits(Options::ALL_BACKUPS) }>("option allbackups", BACK, "all backup servers share the load"),
    flag::<{ bits(Options::CHECK_CACHE) }>(
        "option checkcache",
        BACK,
        "blocks responses with a cookie that caches may keep",
    ),
    flag::<{ bits(Options::CLITCPKA) }>("option clitcpka", FRONT, "TCP keep-alive towards clients"),
    flag::<{ bits(Options::CONTSTATS) }>("option contstats", FRONT, "counters move while a session lasts"),
    flag::<{ bits(Options::DISABLE_H2_UPGRADE) }>(
        "option disable-h2-upgrade",
        FRONT,
        "an HTTP/2 preface does not switch the protocol",
    ),
    flag::<{ bits(Options::DONTLOG_NORMAL) }>("option dontlog-normal", FRONT, "logs errors only"),
    flag::<{ bits(Options::DONTLOG_NULL) }>("option dontlognull", FRONT, "logs no connection without data"),
    flag::<{ bits(Options::H1_CASE_ADJUST_BOGUS_CLIENT) }>(
        "option h1-case-adjust-bogus-client",
        FRONT,
        "header names as h1-case-adjust writes them, towards clients",
    ),
    flag::<{ bits(Options::H1_CASE_ADJUST_BOGUS_SERVER) }>(
        "option h1-case-adjust-bogus-server",
        BACK,
        "header names as h1-case-adjust writes them, towards servers",
    ),
    flag::<{ bits(Options::HTTP_BUFFER_REQUEST) }>(
        "option http-buffer-request",
        Sections::PROXIES,
        "waits for the body before the request goes on",
    ),
    flag::<{ bits(Options::HTTP_DROP_REQUEST_TRAILERS) }>(
        "option http-drop-request-trailers",
        BACK,
        "takes trailers out of requests",
    ),
    flag::<{ bits(Options::HTTP_DROP_RESPONSE_TRAILERS) }>(
        "option http-drop-response-trailers",
        FRONT,
        "takes trailers out of responses",
    ),
    flag::<{ bits(Options::HTTP_IGNORE_PROBES) }>(
        "option http-ignore-probes",
        FRONT,
        "says nothing to connections that sent nothing",
    ),
    without_effect::<{ bits(Options::HTTP_NO_DELAY) }>(
        "option http-no-delay",
        "sends each piece at once",
        "each piece is sent at once",
    ),
    flag::<{ bits(Options::HTTP_PRETEND_KEEPALIVE) }>(
        "option http-pretend-keepalive",
        BACK,
        "servers are told nothing of a coming close",
    ),
    flag::<{ bits(Options::HTTP_USE_PROXY_HEADER) }>(
        "option http-use-proxy-header",
        FRONT,
        "Proxy-Connection counts as Connection",
    ),
    flag::<{ bits(Options::IDLE_CLOSE_ON_RESPONSE) }>(
        "option idle-close-on-response",
        FRONT,
        "idle connections are closed with a response at a soft stop",
    ),
    flag::<{ bits(Options::INDEPENDENT_STREAMS) }>(
        "option independent-streams",
        Sections::PROXIES,
        "data in one direction does not feed the timeout of the other",
    ),
    flag::<{ bits(Options::LOG_HEALTH_CHECKS) }>(
        "option log-health-checks",
        BACK,
        "logs changes of health checks",
    ),
    flag::<{ bits(Options::LOG_SEPARATE_ERRORS) }>(
        "option log-separate-errors",
        FRONT,
        "logs errors at level err",
    ),
    flag::<{ bits(Options::LOGASAP) }>("option logasap", FRONT, "logs as early as possible"),
    flag::<{ bits(Options::NOLINGER) }>("option nolinger", Sections::PROXIES, "closes with a reset"),
    flag::<{ bits(Options::PERSIST) }>(
        "option persist",
        BACK,
        "a cookie's server is used even if it is down",
    ),
    flag::<{ bits(Options::PREFER_LAST_SERVER) }>(
        "option prefer-last-server",
        BACK,
        "a connection's next request goes where the last went",
    ),
    flag::<{ bits(Options::SOCKET_STATS) }>("option socket-stats", FRONT, "counters for each bind line"),
    without_effect::<0>("option splice-auto", "splices where it pays", SPLICED),
    without_effect::<0>("option splice-request", "splices requests", SPLICED),
    without_effect::<0>("option splice-response", "splices responses", SPLICED),
    flag::<{ bits(Options::SRVTCPKA) }>("option srvtcpka", BACK, "TCP keep-alive towards servers"),
    flag::<{ bits(Options::TCP_SMART_ACCEPT) }>(
        "option tcp-smart-accept",
        FRONT,
        "saves a packet when a connection is accepted",
    ),
    flag::<{ bits(Options::TCP_SMART_CONNECT) }>(
        "option tcp-smart-connect",
        BACK,
        "saves a packet when a connection is made",
    ),
    Keyword::judged(
        Entry::new(
            Class::Proxy,
            "option use-small-buffers",
            BACK,
            Arity::ANY,
            "small buffers for queued requests and checks",
        )
        .no_default(),
        |_, line| {
            let known = |word: &&Word| !["queue", "l7-retries", "check"].iter().any(|w| word.is(w));
            let Some(word) = line.args().iter().find(known) else { return Ok(()) };
            let option = "option 'use-small-buffers' expects 'queue', 'l7-retries' or 'check' value.";
            Err(word.alert(format!("invalid parameter '{}'. {option}", word.text())))
        },
        "a buffer is as large as what is in it",
    ),
    Keyword::works(
        Entry::new(
            Class::Proxy,
            "option tcpka",
            Sections::PROXIES,
            Arity::NONE,
            "TCP keep-alive on both sides",
        ),
        set::<{ bits(Options::CLITCPKA) | bits(Options::SRVTCPKA) }>,
    ),
    Keyword::works(
        Entry::new(
            Class::Proxy,
            "option transparent",
            BACK,
            Arity::NONE,
            "connects to the address that the client asked for",
        )
        .no_default(),
        transparent,
    ),
    connection_mode::<{ bits(Options::HTTP_CLOSE) }>("option httpclose", "closes after each response"),
    connection_mode::<{ bits(Options::HTTP_SERVER_CLOSE) }>(
        "option http-server-close",
        "closes the server's side after each response",
    ),
    connection_mode::<{ bits(Options::HTTP_KEEP_ALIVE) }>("option http-keep-alive", "keeps both sides open"),
];

const FRONT: Sections = Sections::DEFAULTS.union(Sections::FRONTENDS);
const BACK: Sections = Sections::DEFAULTS.union(Sections::BACKENDS);
const SPLICED: &str = "what can be spliced is, unless 'nosplice' says otherwise";

const fn bits(options: Options) -> u64 {
    options.bits()
}

const fn flag<const BITS: u64>(
    name: &'static str,
    sections: Sections,
    help: &'static str,
) -> Keyword<ProxyFn> {
    Keyword::works(Entry::new(Class::Proxy, name, sections, Arity::NONE, help).no_default(), set::<BITS>)
}

/// A flag that changes nothing; its bits tell only where it is out of place.
const fn without_effect<const BITS: u64>(
    name: &'static str,
    help: &'static str,
    reason: &'static str,
) -> Keyword<ProxyFn> {
    let entry = Entry::new(Class::Proxy, name, Sections::PROXIES, Arity::NONE, help).no_default();
    Keyword::judged(entry, set::<BITS>, reason)
}

/// On unless it is denied in `mode http`, off unless it is asked for elsewhere: both words are kept.
#[expect(clippy::unnecessary_wraps, reason = "what every keyword's function returns")]
fn abort_on_close(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    ctx.draft.proxy.options.set(Options::ABORT_ON_CLOSE, line.prefix == Prefix::None);
    ctx.draft.proxy.options.set(Options::NO_ABORT_ON_CLOSE, line.prefix == Prefix::No);
    Ok(())
}

/// The ways to treat connections exclude each other: the last one named counts.
const fn connection_mode<const BITS: u64>(name: &'static str, help: &'static str) -> Keyword<ProxyFn> {
    Keyword::works(
        Entry::new(Class::Proxy, name, Sections::PROXIES, Arity::NONE, help).no(),
        set_mode::<BITS>,
    )
}

#[expect(clippy::unnecessary_wraps, reason = "what every keyword's function returns")]
fn set<const BITS: u64>(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let flag = Options::from_bits_truncate(BITS);
    ctx.draft.proxy.options.set(flag, line.prefix == Prefix::None);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "what every keyword's function returns")]
fn set_mode<const BITS: u64>(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let flag = Options::from_bits_truncate(BITS);
    let options = &mut ctx.draft.proxy.options;
    if line.prefix != Prefix::None {
        options.remove(flag);
    } else {
        options.remove(Options::HTTP_CLOSE | Options::HTTP_SERVER_CLOSE | Options::HTTP_KEEP_ALIVE);
        options.insert(flag);
    }
    Ok(())
}

fn transparent(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if !ctx.global.deprecated {
        ctx.out.push(
            line.warning(
                "option 'transparent' is deprecated in 3.3 and will be removed in 3.5. \
                 The modern way to do the same is to create a server with address 0.0.0.0. \
                 It is still possible to silence this warning by setting 'expose-deprecated-directives' \
                 in the 'global' section, but do not wait to fix your configuration!",
            )
            .tight()
            .hint("write 'server transparent 0.0.0.0' instead"),
        );
    }
    set::<{ bits(Options::TRANSPARENT) }>(ctx, line)
}
