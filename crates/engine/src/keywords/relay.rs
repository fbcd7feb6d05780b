//! How connections to servers are made, kept and tried again (manual, 4.2).

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, values};
use weir_diag::{Diagnostic, Form};

use super::address::target;
use super::listen::unsigned;
use super::{ProxyCtx, ProxyFn, ServerDraft};
use crate::conf::{LoadState, RetryOn, ReuseMode, Server};

/// The lines of this file.
pub(super) const RELAY: &[Keyword<ProxyFn>] = &[
    Keyword::works(
        entry("retries", Arity::exactly(1), "how often a failed connection is tried again")
            .missing("'retries' expects an integer argument (dispatch counts for one)."),
        |ctx, line| {
            ctx.draft.proxy.retries = unsigned(line);
            Ok(())
        },
    ),
    Keyword::works(
        Entry::new(Class::Proxy, "retry-on", Sections::PROXIES, Arity::ANY, "what is tried again"),
        retry_on,
    ),
    Keyword::works(entry("http-reuse", Arity::ANY, "who may use a server's idle connection"), http_reuse),
    Keyword::works(
        entry("max-keep-alive-queue", Arity::ANY, "queue up to which a request waits for its connection"),
        max_keep_alive_queue,
    ),
    Keyword::works(
        Entry::new(
            Class::Proxy,
            "max-session-srv-conns",
            Sections::DEFAULTS.union(Sections::FRONTENDS),
            Arity::ANY,
            "most server connections of a client that are kept",
        ),
        |ctx, line| {
            let Some(word) = line.arg(0) else {
                return Err(line.alert("'max-session-srv-conns' expects a number. Got no argument"));
            };
            ctx.draft.proxy.max_session_srv_conns = values::leading_integer(&word.bytes);
            Ok(())
        },
    ),
    Keyword::works(
        entry("load-server-state-from-file", Arity::ANY, "where the states of servers come from"),
        |ctx, line| {
            let word = line.arg(0).map(|word| word.text().into_owned()).unwrap_or_default();
            ctx.draft.proxy.load_state = match word.as_str() {
                "global" => LoadState::Global,
                "local" => LoadState::Local,
                "none" => LoadState::None,
                other => {
                    return Err(line.alert(format!(
                        "'load-server-state-from-file' expects 'global', 'local' or 'none'. Got '{other}'"
                    )));
                }
            };
            Ok(())
        },
    ),
    Keyword::works(
        entry("server-state-file-name", Arity::between(0, 1), "file of the states of its servers"),
        |ctx, line| {
            let name = line.arg(0).filter(|word| !word.is("use-backend-name"));
            ctx.draft.proxy.state_file = name.map(|word| word.text().into_owned());
            Ok(())
        },
    ),
    Keyword::works(
        entry("fullconn", Arity::exactly(1), "load at which servers get their maxconn")
            .missing("'fullconn' expects an integer argument."),
        |ctx, line| {
            ctx.draft.proxy.fullconn = Some(unsigned(line)).filter(|&n| n != 0);
            Ok(())
        },
    ),
    Keyword::works(
        entry("source", Arity::ANY, "address that servers are connected from"),
        super::source::proxy_source,
    ),
    Keyword::works(
        Entry::new(
            Class::Proxy,
            "dispatch",
            Sections::BACKENDS,
            Arity::ANY,
            "the one address that all goes to, of older versions",
        ),
        dispatch,
    ),
];

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::DEFAULTS.union(Sections::BACKENDS), arity, help)
}

fn retry_on(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::FRONTEND {
        return Err(line.alert("'retry-on' only available in backend or listen section"));
    }
    if line.args().is_empty() {
        return Err(line.alert("'retry-on' needs at least one keyword to specify when to retry"));
    }
    let mut events = RetryOn::empty();
    for word in line.args() {
        let text = word.text();
        if text == "none" {
            if line.args().len() > 1 {
                return Err(word.alert("'retry-on' 'none' keyword only usable alone"));
            }
            continue;
        }
        let event = RETRY_WORDS.iter().find(|(name, _)| *name == text).map(|(_, event)| *event);
        events |= event.ok_or_else(|| word.alert(format!("'retry-on': unknown keyword '{text}'")))?;
    }
    ctx.draft.proxy.retry_on = events;
    Ok(())
}

fn http_reuse(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    ctx.draft.proxy.reuse = match line.arg(0).map(|w| &*w.bytes) {
        Some(b"never") => ReuseMode::Never,
        Some(b"safe") => ReuseMode::Safe,
        Some(b"aggressive") => ReuseMode::Aggressive,
        Some(b"always") => ReuseMode::Always,
        _ => {
            let at = line.arg(0).map_or(line.span, |w| w.span);
            let message = "'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.";
            return Err(Diagnostic::alert(at, message));
        }
    };
    Ok(())
}

fn max_keep_alive_queue(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert("'max-keep-alive-queue' expects expects an integer value (or -1 to disable)"));
    };
    let digits = word.bytes.strip_prefix(b"-").unwrap_or(&word.bytes);
    if let Some(&bad) = digits.iter().find(|b| !b.is_ascii_digit()) {
        return Err(word.alert(format!(
            "'max-keep-alive-queue' : unexpected character '{}' in integer value '{}'",
            char::from(bad),
            word.text()
        )));
    }
    ctx.draft.proxy.max_keep_alive_queue = values::leading_integer(&word.bytes);
    Ok(())
}

/// The address becomes a server, as the modern way to say the same is.
fn dispatch(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert("'dispatch' expects <addr:port> as argument."));
    };
    let text = word.text();
    let written =
        super::address::endpoint(word, ctx.outside).map_err(|m| word.alert(format!("'dispatch' : {m}")))?;
    let target = target(&written, &text, ctx.outside).map_err(|m| word.alert(format!("'dispatch' : {m}")))?;
    if !ctx.global.deprecated {
        ctx.out.push(
            line.warning(format!(
                "'dispatch' is deprecated in 3.3 and will be removed in 3.5. The modern way to do the same is to \
                 create a server with the same address, and possibly to assign any extra server a weight of zero \
                 if any:\n    server dispatch {text}\nNote that it is still possible to silence this warning by \
                 setting 'expose-deprecated-directives' in the 'global' section, but do not wait to fix your \
                 configuration!"
            ))
            .form(Form::Tight),
        );
    }
    let mut draft = ServerDraft::new(Server::new("dispatch", word.span));
    draft.server.endpoint = Some(target.endpoint);
    draft.server.port = target.port;
    draft.family = target.host.as_ref().map(|(_, family)| *family);
    draft.server.hostname = target.host.map(|(name, _)| name);
    draft.has_port = target.has_port;
    ctx.draft.dispatch = Some(draft);
    Ok(())
}

const RETRY_WORDS: [(&str, RetryOn); 18] = [
    ("conn-failure", RetryOn::CONN_FAILURE),
    ("empty-response", RetryOn::EMPTY_RESPONSE),
    ("junk-response", RetryOn::JUNK_RESPONSE),
    ("response-timeout", RetryOn::RESPONSE_TIMEOUT),
    ("0rtt-rejected", RetryOn::EARLY_DATA_REJECTED),
    ("all-retryable-errors", RetryOn::ALL_RETRYABLE),
    ("401", RetryOn::S401),
    ("403", RetryOn::S403),
    ("404", RetryOn::S404),
    ("408", RetryOn::S408),
    ("421", RetryOn::S421),
    ("425", RetryOn::S425),
    ("429", RetryOn::S429),
    ("500", RetryOn::S500),
    ("501", RetryOn::S501),
    ("502", RetryOn::S502),
    ("503", RetryOn::S503),
    ("504", RetryOn::S504),
];
