//! What only shows when all sections are read: names that point nowhere, missing pieces, numbers to give.

mod servers;

use std::collections::{BTreeSet, HashMap};
use std::num::NonZero;
use std::sync::Arc;

use weir_diag::{Diagnostic, Form, Severity, Sources, Span};

use super::Draft;
use super::errors::error_files;
use super::log_backends;
use super::mail;
use super::resolve::{Load, place};
use super::spellings;
use super::steps;
use crate::affinity;
use crate::conf::{Balance, Caps, Cpus, LogFormatKind, Mode, Options, Proxy};
use crate::processors::{self, Layout};

/// Checks the proxies as a whole and completes them. With them the number that a proxy was given last.
pub(super) fn check(load: &mut Load<'_>) -> (Vec<Draft>, u32) {
    let mut drafts = std::mem::take(&mut load.drafts);
    same_names(load, &drafts);
    duplicates(load, &drafts);
    let last = number_proxies(&mut drafts);
    for at in 0..drafts.len() {
        let read = load.out.len();
        backends_of(load, &drafts, at);
        servers::tracking(load, &drafts, at);
        let Some(draft) = drafts.get_mut(at) else { continue };
        if !draft.proxy.disabled {
            check_one(load, draft);
        }
        let said = load.out.split_off(read);
        load.whole.extend(said.into_iter().map(|said| (at, said)));
    }
    servers::cookies(load, &drafts);
    if load.unresolved {
        let said = Diagnostic::new(Severity::Alert, None, "Failed to initialize server(s) addr.");
        load.out.push(said.form(Form::Bare).step(steps::AGAIN));
    }
    complete(load, &mut drafts);
    spellings::read(load);
    lay_out(load);
    many_threads(load);
    crowded_processors(load);
    (drafts, last)
}

/// Checks and completes a backend that comes when all others are there.
pub(super) fn check_later(load: &mut Load<'_>) -> Option<Draft> {
    let mut drafts = std::mem::take(&mut load.drafts);
    for draft in drafts.iter_mut().filter(|draft| !draft.proxy.disabled) {
        check_one(load, draft);
    }
    complete(load, &mut drafts);
    drafts.pop()
}

/// Decides where workers run, where anything is said of it.
fn lay_out(load: &mut Load<'_>) {
    let global = &mut load.conf.global;
    if global.cpus != Cpus::default() {
        let usable =
            if global.cpus.reset { weir_sys::limits::all_cpus() } else { weir_sys::limits::usable_cpus() };
        let present = processors::present(&usable.unwrap_or_default());
        global.layout = Some(Layout::of(&global.cpus, &present));
    }
}

/// More workers are asked for than there may be.
fn many_threads(load: &mut Load<'_>) {
    let global = &load.conf.global;
    let (Some(threads), Some(limit)) = (global.nbthread, global.thread_limit) else { return };
    if threads > limit && !load.out.is_fatal() {
        let message = format!(
            "nbthread forced to a higher value ({threads}) than the configured thread-hard-limit ({limit}), enforcing the \
             limit. Please fix either value to remove this warning."
        );
        load.out.push(Diagnostic::new(Severity::Warning, None, message).form(Form::Bare));
    }
}

/// More workers than there are processors for them.
fn crowded_processors(load: &mut Load<'_>) {
    let global = &load.conf.global;
    let present = match &global.layout {
        Some(layout) => layout.all.len(),
        None => std::thread::available_parallelism().map_or(1, NonZero::get),
    };
    let limit = global.thread_limit.map_or(usize::MAX, usize::from);
    let threads = global.nbthread.map_or(present, usize::from).min(limit);
    let cpus = affinity::shared(&global.cpu_map, threads, present);
    if threads <= cpus || load.out.is_fatal() {
        return;
    }
    let message = format!(
        "This configuration binds {threads} threads to a total of {cpus} CPUs via cpu-map directives. This means that \
         some threads will compete for the same CPU, which will cause severe performance degradation. Please fix \
         either the 'cpu-map' directives or set the global 'nbthread' value accordingly."
    );
    load.out.push(Diagnostic::new(Severity::Warning, None, message).form(Form::Bare).step(steps::AGAIN));
}

/// Protocols of addresses that connections of the proxy's mode cannot speak; those of a line are told of once.
fn protocols(load: &mut Load<'_>, proxy: &Proxy) {
    let mut last = None;
    for bind in &proxy.binds {
        let Some(protocol) = bind.proto.unusable_in(proxy.mode).filter(|_| last != Some(bind.at)) else {
            continue;
        };
        last = Some(bind.at);
        let message = format!(
            "{} '{}' : MUX protocol '{protocol}' is not usable for 'bind {}' at [{}].",
            kind(proxy),
            proxy.name,
            load.sources.text(bind.at),
            place(load.sources, bind.at)
        );
        load.out.push(alert(bind.at, message).step(steps::BIND));
    }
}

fn check_one(load: &mut Load<'_>, draft: &mut Draft) {
    let proxy = &draft.proxy;
    let (kind, name) = (kind(proxy), &proxy.name);
    // What relays log messages is judged where nothing else is wrong.
    let judged = proxy.log_forward.is_none() || !load.out.is_fatal();
    if proxy.is_frontend() && proxy.binds.is_empty() && judged {
        let message = format!(
            "{kind} '{name}' has no 'bind' directive. Please declare it as a backend if this was intended."
        );
        load.out.push(warning(proxy.at, message).step(steps::BIND));
    }
    protocols(load, &draft.proxy);
    at_step(load, steps::BALANCE, |load| log_backends::judge(load, draft));
    without_http(load, draft);
    http_only(load, draft);
    let late = std::mem::take(&mut draft.late);
    load.out.extend(joined(load.sources, late));
    if draft.proxy.log_forward.is_none() {
        at_step(load, steps::TIMEOUTS, |load| timeouts(load, draft));
    }
    at_step(load, steps::LOG, |load| log_format(load, draft));
    check_rules(load, draft);
    mail::check(load, draft);
    at_step(load, steps::ERROR_FILES, |load| error_files(draft, load));
    at_step(load, steps::SERVERS, |load| servers::servers(load, draft));
    at_step(load, steps::TLS, |load| {
        super::tls::binds(load, draft);
        super::tls::servers(load, draft);
        servers::protocols(load, &draft.proxy, &draft.servers);
    });
}

/// Gives what `judge` says at this step, where it does not say at which.
fn at_step(load: &mut Load<'_>, step: u8, judge: impl FnOnce(&mut Load<'_>)) {
    let from = load.out.len();
    judge(load);
    let said = load.out.split_off(from);
    load.out.extend(said.into_iter().map(|said| if said.step == 0 { said.step(step) } else { said }));
}

/// Arguments of one proxy that name nothing are told of together.
fn joined(sources: &Sources, said: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let (mut lost, mut others): (Vec<_>, Vec<_>) =
        said.into_iter().partition(|said| said.step == steps::ARGUMENTS);
    if let [first, _, ..] = lost.as_slice() {
        let mut all = Diagnostic::new(Severity::Alert, first.at, "multiple argument resolution errors:");
        for (at, one) in lost.drain(..).filter_map(|one| Some((one.at?, one))) {
            all.message.push_str(&format!("\n\tparsing [{}]: {}", place(sources, at), one.message));
            all.related.extend(Some((at, "here".to_owned())).filter(|_| all.at != Some(at)));
        }
        lost.push(all.form(Form::Bare).step(steps::ARGUMENTS));
    }
    others.extend(lost);
    others
}

/// How messages name a proxy: `frontend`, `backend`, or `proxy` for a `listen` section.
pub(super) fn kind(proxy: &Proxy) -> &'static str {
    match proxy.caps {
        Caps::FRONTEND => "frontend",
        Caps::BACKEND => "backend",
        _ => "proxy",
    }
}

pub(super) fn warning(at: Span, message: String) -> Diagnostic {
    Diagnostic::warning(at, message).form(Form::Bare)
}

pub(super) fn alert(at: Span, message: String) -> Diagnostic {
    Diagnostic::alert(at, message).form(Form::Bare)
}

/// A frontend and a backend may share a name, which older versions allowed; all else may not.
fn same_names(load: &mut Load<'_>, drafts: &[Draft]) {
    for (at, draft) in drafts.iter().enumerate() {
        let proxy = &draft.proxy;
        let earlier = || drafts.iter().take(at).map(|d| &d.proxy).filter(|p| p.name == proxy.name);
        let (kind, name) = (kind(proxy), &proxy.name);
        if let Some(other) = earlier().find(|p| p.caps.intersects(proxy.caps)) {
            let message = format!(
                "config : Parsing [{}]: {kind} '{name}' has the same name as {} '{name}' declared at {}.",
                place(load.sources, proxy.at),
                self::kind(other),
                place(load.sources, other.at)
            );
            let said = alert(proxy.at, format!("{message} {RENAME}"));
            load.out.push(alert(proxy.at, message).related(other.at, "first declared here"));
            load.out.push(said);
        } else if let Some(other) = earlier().next() {
            load.out.push(
                warning(
                    proxy.at,
                    format!(
                        "config : Parsing [{}]: {kind} '{name}' has the same name as {} '{name}' declared at {}. \
                         {RENAME}",
                        place(load.sources, proxy.at),
                        self::kind(other),
                        place(load.sources, other.at)
                    ),
                )
                .related(other.at, "first declared here")
                .hint(format!(
                    "both are kept; write 'backend {name}_back' and 'default_backend {name}_back' to tell them apart"
                )),
            );
        }
    }
}

/// Gives each proxy, listener and server without `id` the next free number. The last that a proxy was given.
fn number_proxies(drafts: &mut [Draft]) -> u32 {
    let mut used: BTreeSet<u32> =
        drafts.iter().filter(|d| d.explicit_id.is_some()).map(|d| d.proxy.id).collect();
    let mut next = FIRST_NUMBER;
    for draft in drafts.iter_mut() {
        if draft.explicit_id.is_none() {
            draft.proxy.id = free(&mut used, &mut next);
        }
        let mut binds: BTreeSet<u32> = draft.proxy.binds.iter().filter_map(|b| b.id).collect();
        let mut next_bind = 1;
        for bind in &mut draft.proxy.binds {
            // A number that is given is where the next ones are looked for.
            match bind.id {
                Some(id) => next_bind = id,
                None => bind.id = Some(free(&mut binds, &mut next_bind)),
            }
        }
        let mut servers: BTreeSet<u32> =
            draft.servers.iter().filter(|s| s.explicit_id).map(|s| s.server.id).collect();
        let mut next_server = 1;
        for server in &mut draft.servers {
            if !server.explicit_id {
                server.server.id = free(&mut servers, &mut next_server);
            }
            // Each server takes up a place in the count, whether its number is of the count or not.
            next_server += 1;
        }
    }
    next
}

fn free(used: &mut BTreeSet<u32>, next: &mut u32) -> u32 {
    while used.contains(next) {
        *next += 1;
    }
    used.insert(*next);
    *next
}

/// The backends that a frontend names must exist and speak its protocol.
fn backends_of(load: &mut Load<'_>, drafts: &[Draft], at: usize) {
    let Some(draft) = drafts.get(at) else { return };
    let proxy = &draft.proxy;
    if proxy.disabled {
        return;
    }
    let wanted = proxy.default_backend.iter().map(|(name, at)| (name, *at, true));
    let wanted = wanted.chain(proxy.use_backend.iter().map(|u| (&u.target, u.at, false)));
    for (name, at, is_default) in wanted {
        let word = if is_default { "default_backend" } else { "use_backend" };
        let named: Vec<&Proxy> = drafts.iter().map(|d| &d.proxy).filter(|p| p.name == *name).collect();
        let Some(backend) = named.iter().find(|p| p.is_backend()) else {
            let near = weir_diag::nearest(
                name,
                drafts.iter().filter(|d| d.proxy.is_backend()).map(|d| d.proxy.name.as_str()),
            );
            let mut said =
                alert(at, format!("Proxy '{}': unable to find required {word}: '{name}'.", proxy.name));
            said.hint = near.map(|near| format!("did you mean '{near}'?"));
            load.out.push(said.step(steps::BACKENDS));
            continue;
        };
        if std::ptr::eq(*backend, proxy) {
            let message = format!("Proxy '{}': loop detected for {word}: '{name}'.", proxy.name);
            load.out.push(alert(at, message).step(steps::BACKENDS));
            continue;
        }
        if (proxy.mode == Mode::Http && backend.mode == Mode::Tcp) || (backend.mode == Mode::Log) {
            let how = if is_default {
                "as its default backend (see 'mode')".to_owned()
            } else {
                "in a 'use_backend' rule (see 'mode')".to_owned()
            };
            load.out.push(
                alert(
                    at,
                    format!(
                        "{} {} '{}' ({}) tries to use incompatible {} {} '{}' ({}) {how}.",
                        proxy.mode.word(),
                        kind(proxy),
                        proxy.name,
                        place(load.sources, proxy.at),
                        backend.mode.word(),
                        kind(backend),
                        backend.name,
                        place(load.sources, backend.at),
                    ),
                )
                .related(backend.at, "the backend starts here")
                .step(steps::BACKENDS),
            );
        }
    }
}

/// Takes away what finds a server by parts of HTTP, where there is none.
fn without_http(load: &mut Load<'_>, draft: &mut Draft) {
    let proxy = &mut draft.proxy;
    if proxy.mode != Mode::Log
        && matches!(&proxy.balance, Balance::Other(words) if words.first().is_some_and(|w| w == "log-hash"))
    {
        let (kind, name) = (kind(proxy), &proxy.name);
        let message = format!(
            "Unusable balance algorithm for {kind} '{name}' (needs 'mode log'). Falling back to round robin."
        );
        let said = Diagnostic::new(Severity::Warning, None, message).form(Form::Bare);
        load.out.push(said.step(steps::BALANCE));
        proxy.balance = Balance::RoundRobin;
    }
    if proxy.mode == Mode::Http {
        return;
    }
    let (kind, name, shown) = (kind(proxy), &proxy.name, proxy.is_backend());
    let mut said = Vec::new();
    if proxy.persistence.cookie.take().is_some() {
        let message = format!("cookie will be ignored for {kind} '{name}' (needs 'mode http').");
        said.push((steps::BALANCE, message));
    }
    if proxy.balance.reads_http() {
        let message = format!(
            "Layer 7 hash not possible for {kind} '{name}' (needs 'mode http'). Falling back to round robin."
        );
        said.push((steps::BALANCE, message));
        proxy.balance = Balance::RoundRobin;
    }
    for server in &mut draft.servers {
        if server.server.cookie.take().is_some() {
            let server = &server.server.name;
            let message =
                format!("{kind} '{name}' : ignoring cookie for server '{server}' as HTTP mode is disabled.");
            said.push((steps::COOKIES, message));
        }
    }
    for (step, message) in said.into_iter().filter(|_| shown) {
        load.out.push(warning(draft.proxy.at, message).step(step));
    }
}

/// Takes away what only means something in HTTP.
fn http_only(load: &mut Load<'_>, draft: &mut Draft) {
    let proxy = &mut draft.proxy;
    if proxy.mode == Mode::Http {
        return;
    }
    let mut ignored = Vec::new();
    let mut ignore = |step: u8, what: String| ignored.push((step, what));
    if proxy.stats.take().is_some() {
        ignore(steps::STATS, "'stats' statement".to_owned());
    }
    if proxy.capture_cookie.take().is_some() {
        ignore(steps::CAPTURE, "'capture' statement".to_owned());
    }
    if proxy.monitor_uri.take().is_some() && proxy.is_frontend() {
        ignore(steps::MONITOR, "'monitor-uri' statement".to_owned());
    }
    for (flag, word, side) in HTTP_ONLY {
        if proxy.options.contains(flag) {
            proxy.options.remove(flag);
            if side.intersects(proxy.caps) {
                ignore(steps::OPTIONS, format!("'option {word}'"));
            }
        }
    }
    if proxy.forward_for.take().is_some() {
        ignore(steps::AGAIN, "'option forwardfor'".to_owned());
    }
    if proxy.original_to.take().is_some() {
        ignore(steps::AGAIN, "'option originalto'".to_owned());
    }
    let (kind, name) = (kind(proxy), &proxy.name);
    for (step, what) in ignored {
        let message = format!("{what} ignored for {kind} '{name}' as it requires HTTP mode.");
        load.out.push(warning(proxy.at, message).step(step));
    }
    let word = match proxy.log_line.format {
        LogFormatKind::Http { .. } => Some("httplog"),
        LogFormatKind::Https => Some("httpslog"),
        _ => None,
    };
    if let (Some(word), Some((at, _))) = (word, draft.log_format_at)
        && proxy.is_frontend()
    {
        let message = format!(
            "parsing [{}] : 'option {word}' not usable with {kind} '{name}' (needs 'mode http'). Falling back to \
             'option tcplog'.",
            place(load.sources, at)
        );
        load.out.push(warning(at, message).step(steps::FALLBACK));
        proxy.log_line.format = LogFormatKind::Tcp { clf: false };
    }
}

fn timeouts(load: &mut Load<'_>, draft: &Draft) {
    let proxy = &draft.proxy;
    let timeouts = &proxy.timeouts;
    let front = proxy.is_frontend() && timeouts.client.is_none();
    let back = proxy.is_backend()
        && (timeouts.connect.is_none() || timeouts.server.is_none())
        && !draft.servers.is_empty();
    if front || back {
        load.out.push(warning(
            proxy.at,
            format!(
                "missing timeouts for {} '{}'.\n   \
                 | While not properly invalid, you will certainly encounter various problems\n   \
                 | with such a configuration. To fix this, please ensure that all following\n   \
                 | timeouts are set to a non-zero value: 'client', 'connect', 'server'.",
                kind(proxy),
                proxy.name
            ),
        ));
    }
}

fn log_format(load: &mut Load<'_>, draft: &Draft) {
    let proxy = &draft.proxy;
    let own = draft.log_format_at.is_some() && proxy.log_line.format != LogFormatKind::Default
        || proxy.log_line.structured_data.is_some();
    if own && proxy.is_frontend() && draft.logs.is_empty() {
        load.out.push(warning(
            proxy.at,
            format!("log format ignored for {} '{}' since it has no log address.", kind(proxy), proxy.name),
        ));
    }
}

/// Lines about checks that nothing asks for do nothing.
fn check_rules(load: &mut Load<'_>, draft: &Draft) {
    let (kind, name) = (kind(&draft.proxy), &draft.proxy.name);
    for (rules, option, at) in draft.checks.unused() {
        let message = format!(
            "{kind} '{name}' uses {rules} rules without 'option {option}', so the rules are ignored."
        );
        let step = if rules == "tcp-check" { steps::TCP_CHECK } else { steps::BALANCE };
        load.out.push(warning(at, message).step(step));
    }
    let about = (kind, &**name, draft.proxy.at);
    at_step(load, steps::PROGRAM, |load| {
        super::checks::judge_program(&mut load.out, &load.conf.global, about, &draft.checks);
    });
}

/// Numbers and names that are to be given once.
fn duplicates(load: &mut Load<'_>, drafts: &[Draft]) {
    let mut ids: HashMap<u32, &Proxy> = HashMap::new();
    let mut guids: HashMap<String, String> = HashMap::new();
    for draft in drafts {
        let proxy = &draft.proxy;
        if let Some(at) = draft.explicit_id
            && let Some(other) = ids.insert(proxy.id, proxy)
        {
            load.out.push(
                Diagnostic::alert(
                    at,
                    format!(
                        "{} {} reuses same custom id as {} {} (declared at {}).",
                        kind(proxy),
                        proxy.name,
                        kind(other),
                        other.name,
                        place(load.sources, other.at)
                    ),
                )
                .tight()
                .related(other.at, "first used here"),
            );
        }
        if let Some(guid) = &proxy.guid
            && let Some(other) = guids.insert(guid.clone(), format!("{} {}", kind(proxy), proxy.name))
        {
            load.out.push(Diagnostic::alert(proxy.at, format!("'guid': duplicate entry with {other}")));
        }
        for server in &draft.servers {
            let server = &server.server;
            if let Some(guid) = &server.guid
                && let Some(other) =
                    guids.insert(guid.clone(), format!("server {}/{}", proxy.name, server.name))
            {
                load.out.push(
                    Diagnostic::alert(
                        server.at,
                        format!(
                            "'server {}/{}' : 'guid': duplicate entry with {other}.",
                            proxy.name, server.name
                        ),
                    )
                    .form(Form::Here),
                );
            }
        }
    }
}

/// Puts together what was kept apart while lines were read.
fn complete(load: &mut Load<'_>, drafts: &mut [Draft]) {
    for draft in drafts.iter_mut() {
        draft.proxy.explicit_id = draft.explicit_id.is_some();
        draft.proxy.logs.append(&mut draft.logs);
        if draft.proxy.caps == Caps::FRONTEND {
            draft.servers.clear();
        }
        if draft.proxy.caps == Caps::BACKEND {
            draft.proxy.default_backend = None;
            draft.proxy.use_backend.clear();
        }
        draft.servers.extend(draft.dispatch.take());
        draft.proxy.check = std::mem::take(&mut draft.checks).kind(load.conf.global.external_environment);
        for draft_server in std::mem::take(&mut draft.servers) {
            let server = draft_server.completed();
            draft.proxy.servers.push(Arc::new(server));
        }
    }
}

/// Flags that mean something in HTTP only, their names, and the side they belong to.
const HTTP_ONLY: [(Options, &str, Caps); 13] = [
    (Options::CHECK_CACHE, "checkcache", Caps::BACKEND),
    (Options::HTTP_BUFFER_REQUEST, "http-buffer-request", Caps::LISTEN),
    (Options::HTTP_DROP_REQUEST_TRAILERS, "http-drop-request-trailers", Caps::BACKEND),
    (Options::HTTP_DROP_RESPONSE_TRAILERS, "http-drop-response-trailers", Caps::FRONTEND),
    (Options::HTTP_IGNORE_PROBES, "http-ignore-probes", Caps::FRONTEND),
    (Options::IDLE_CLOSE_ON_RESPONSE, "idle-close-on-response", Caps::FRONTEND),
    (Options::PREFER_LAST_SERVER, "prefer-last-server", Caps::BACKEND),
    (Options::ACCEPT_UNSAFE_REQUEST, "accept-unsafe-violations-in-http-request", Caps::FRONTEND),
    (Options::ACCEPT_UNSAFE_RESPONSE, "accept-unsafe-violations-in-http-response", Caps::BACKEND),
    (Options::HTTP_PRETEND_KEEPALIVE, "http-pretend-keepalive", Caps::BACKEND),
    (Options::HTTP_USE_PROXY_HEADER, "http-use-proxy-header", Caps::FRONTEND),
    (Options::HTTP_NO_DELAY, "http-no-delay", Caps::LISTEN),
    (Options::DISABLE_H2_UPGRADE, "disable-h2-upgrade", Caps::FRONTEND),
];

/// What is said of names that two proxies have.
const RENAME: &str = "This is no longer supported as of 3.3. Please rename one or the other.";

/// The first number of a proxy: 1 is that of the runtime API, sockets or none.
const FIRST_NUMBER: u32 = 2;
