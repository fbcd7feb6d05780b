//! Words that are known and not there yet, with what they come with, and those that never will be.
//!
//! Where a word starts to work, its entry moves to the file of its topic.

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::Diagnostic;

use super::{BindFn, GlobalFn, ProxyCtx, ProxyFn, ServerFn};

const CLIENT: &str = "comes with the HTTP client";
const CACHE: &str = "comes with the cache";
const COMPRESSION: &str = "comes with compression";
const FASTCGI: &str = "comes with FastCGI";
const FILTERS: &str = "comes with filters";
const LUA: &str = "comes with Lua";
const QUIC: &str = "comes with QUIC";
const RESOLVERS: &str = "comes with the resolver";

/// Lines of proxies.
pub(super) const PROXY_LATER: &[Keyword<ProxyFn>] = &[
    proxy("compression", COMPRESSION),
    proxy("filter-sequence", FILTERS),
    proxy("quic-initial", QUIC),
    proxy("use-fcgi-app", FASTCGI),
];

/// First words of longer names, for the message where nothing goes on like that.
pub(super) const PROXY_FIRST: &[Keyword<ProxyFn>] = &[
    first("capture", |_, line| {
        Err(line.alert("'capture' expects 'cookie' or 'request header' or 'response header'."))
    }),
    first("declare", |ctx, line| {
        Err(match line.arg(0).map(Word::text) {
            _ if ctx.section == Sections::DEFAULTS => {
                line.alert("'declare' not available in default section")
            }
            None => line
                .alert("'declare' needs a second keyword that specify the type of declaration ('capture')"),
            Some(kind) => line.alert(format!("unknown declaration type '{kind}' (supports 'capture')")),
        })
    }),
    first("email-alert", |_, line| {
        Err(match line.arg(0) {
            None => line.alert("missing argument after 'email-alert'."),
            Some(word) => line.alert(format!("email-alert: unknown argument '{}'.", word.text())),
        })
    }),
    first("monitor", |_, line| Err(line.alert("'monitor' only supports 'fail'."))),
    first("persist", |_, line| match line.arg(0) {
        None => Err(line.alert("missing persist method.")),
        Some(word) if word.text().starts_with("rdp-cookie") => {
            Err(line.alert("persist rdp-cookie(name)' requires an rdp cookie name."))
        }
        Some(_) => Err(line.alert("unknown persist method.")),
    }),
    first("stats", |_, line| {
        let what = match line.arg(0) {
            None => "missing keyword in 'stats'".to_owned(),
            Some(word) => format!("unknown stats parameter '{}'", word.text()),
        };
        Err(line
            .alert(format!(
                "{what}, expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', \
                 'show-desc' , 'show-legends' or 'show-version'."
            ))
            .tight())
    }),
    first("stick", |ctx, line| {
        Err(line.alert(match ctx.section {
            Sections::DEFAULTS => "'stick' not allowed in 'defaults' section.",
            _ => "'stick' expects 'on', 'match', or 'store'.",
        }))
    }),
    first("tcp-check", |_, line| {
        let got = line.arg(0).map(Word::text).unwrap_or_default();
        Err(line.alert(format!(
            "'tcp-check' only supports 'comment', 'connect', 'send', 'send-binary', 'expect', 'set-var-fmt(*)', \
             'set-var(*)', 'unset-var(*)'. but got '{got}'"
        )))
    }),
    first("tcp-request", |ctx, line| Err(of_proxy(ctx, line, "'inspect-delay', 'connection', or 'content'"))),
    first("tcp-response", |ctx, line| Err(of_proxy(ctx, line, "'inspect-delay' or 'content'"))),
];

fn of_proxy(ctx: &ProxyCtx<'_>, line: &Line, expected: &str) -> Diagnostic {
    let name = line.name();
    let proxy = match ctx.keyword {
        "defaults" => "defaults section".to_owned(),
        "listen" => format!("proxy '{}'", ctx.draft.proxy.name),
        keyword => format!("{keyword} '{}'", ctx.draft.proxy.name),
    };
    match line.arg(0) {
        None => line.alert(format!("missing argument for '{name}' in {proxy}")),
        Some(word) => line.alert(format!("'{name}' expects {expected} in {proxy} (got '{}')", word.text())),
    }
}

const fn first(name: &'static str, run: ProxyFn) -> Keyword<ProxyFn> {
    Keyword::works(Entry::new(Class::Proxy, name, Sections::PROXIES, Arity::ANY, HELP), run)
}

/// Lines of `global`.
pub(super) const GLOBAL_LATER: &[Keyword<GlobalFn>] = &[
    global("acme.scheduler", "comes with ACME"),
    global("httpclient.resolvers.id", CLIENT),
    global("httpclient.ssl.ca-file", CLIENT),
    global("httpclient.ssl.verify", CLIENT),
    global("lua-load", LUA),
    global("lua-load-per-thread", LUA),
    global("lua-prepend-path", LUA),
    global("maxcomprate", COMPRESSION),
    global("shm-stats-file", "comes with shared statistics"),
    global("shm-stats-file-max-objects", "comes with shared statistics"),
    global("tune.applet.zero-copy-forwarding", CACHE),
    global("tune.comp.maxlevel", COMPRESSION),
    global("tune.lua.bool-sample-conversion", LUA),
    global("tune.lua.burst-timeout", LUA),
    global("tune.lua.forced-yield", LUA),
    global("tune.lua.log.loggers", LUA),
    global("tune.lua.log.stderr", LUA),
    global("tune.lua.maxmem", LUA),
    global("tune.lua.openlibs", LUA),
    global("tune.lua.service-timeout", LUA),
    global("tune.lua.session-timeout", LUA),
    global("tune.lua.task-timeout", LUA),
    global("51degrees-allow-unmatched", DEVICES),
    global("51degrees-cache-size", DEVICES),
    global("51degrees-data-file", DEVICES),
    global("51degrees-difference", DEVICES),
    global("51degrees-drift", DEVICES),
    global("51degrees-property-name-list", DEVICES),
    global("51degrees-property-separator", DEVICES),
    global("51degrees-use-performance-graph", DEVICES),
    global("51degrees-use-predictive-graph", DEVICES),
    global("deviceatlas-json-file", DEVICES),
    global("deviceatlas-log-level", DEVICES),
    global("deviceatlas-properties-cookie", DEVICES),
    global("deviceatlas-separator", DEVICES),
    global("wurfl-cache-size", DEVICES),
    global("wurfl-data-file", DEVICES),
    global("wurfl-information-list", DEVICES),
    global("wurfl-information-list-separator", DEVICES),
    global("debug.counters", "it belongs to builds for debugging"),
    global("profiling.memory", "it belongs to builds for debugging"),
];

const DEVICES: &str = "device detection libraries are not built in";

/// Parameters of `bind` lines.
pub(super) const BIND_LATER: &[Keyword<BindFn>] = &[
    bind("nbconn", 1, "comes with reverse HTTP"),
    bind("quic-cc-algo", 1, QUIC),
    bind("quic-force-retry", 0, QUIC),
    bind("quic-socket", 1, QUIC),
    bind("tcp-md5sig", 1, "comes with signed TCP segments"),
    bind("tcp-ss", 1, "comes with fetches of saved SYN packets"),
];

/// Parameters of `server` lines.
pub(super) const SERVER_LATER: &[Keyword<ServerFn>] = &[
    server("quic-cc-algo", 1, QUIC),
    server("resolve-net", 1, RESOLVERS),
    server("resolve-opts", 1, RESOLVERS),
    server("resolve-prefer", 1, RESOLVERS),
    server("resolvers", 1, RESOLVERS),
    server("tcp-md5sig", 1, "comes with signed TCP segments"),
];

const HELP: &str = "see the configuration manual of HAProxy 3.4";

const fn proxy(name: &'static str, reason: &'static str) -> Keyword<ProxyFn> {
    Keyword::refused(Entry::new(Class::Proxy, name, Sections::PROXIES, Arity::ANY, HELP).no(), reason)
}

const fn global(name: &'static str, reason: &'static str) -> Keyword<GlobalFn> {
    Keyword::refused(Entry::new(Class::Global, name, Sections::GLOBAL, Arity::ANY, HELP), reason)
}

const fn bind(name: &'static str, values: u16, reason: &'static str) -> Keyword<BindFn> {
    Keyword::refused(Entry::new(Class::Bind, name, Sections::FRONTENDS, Arity::exactly(values), HELP), reason)
}

const fn server(name: &'static str, values: u16, reason: &'static str) -> Keyword<ServerFn> {
    Keyword::refused(
        Entry::new(Class::Server, name, Sections::BACKENDS, Arity::exactly(values), HELP),
        reason,
    )
}
