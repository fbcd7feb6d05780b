//! What only shows when all servers of all proxies are read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use weir_diag::{Diagnostic, Diagnostics, Form, Severity, Sources, Span};

use super::super::resolve::{Load, place};
use super::super::servers::settle_address;
use super::super::{Draft, ServerDraft, steps};
use super::{alert, kind, warning};
use crate::conf::{Mode, Proxy, RetryOn, Ruleset, SourceAddress, Talk};

/// Names that are to be given once, addresses, and ports of checks.
pub(super) fn servers(load: &mut Load<'_>, draft: &mut Draft) {
    let mut seen: HashMap<String, Span> = HashMap::new();
    let kind = kind(&draft.proxy);
    let proxy = draft.proxy.name.clone();
    for server in &mut draft.servers {
        let (name, at) = (server.server.name.clone(), server.server.at);
        if let Some(first) = seen.insert(name.clone(), at) {
            load.out.push(
                alert(
                    at,
                    format!(
                        "parsing [{}] : {kind} '{proxy}', another server named '{name}' was already defined at line {}, please use distinct names.",
                        place(load.sources, at),
                        first.line
                    ),
                )
                .related(first, "first defined here"),
            );
        }
        if let Err(message) = settle_address(server, load.outside) {
            load.out.push(
                alert(at, format!("[{}] : 'server {proxy}/{name}' : {message}.", place(load.sources, at)))
                    .step(steps::AGAIN),
            );
            load.unresolved = true;
        }
        http_only_server(load.sources, &mut load.out, &draft.proxy, server);
        let own = own_rules(load, (&proxy, &name), server);
        let lacking = match &own {
            Some((rules, lacking)) => {
                server.check.rules = Some(rules.clone());
                *lacking
            }
            None => draft.checks.lacks_port(),
        };
        let http = own.as_ref().map_or(draft.checks.is_http(), |(rules, _)| rules.talk == Talk::Http);
        protocol(&mut load.out, (kind, &proxy), server, http);
        // Where a name stands for the address, HAProxy finds out at the first check.
        let literal = server.server.hostname.is_none();
        if let Some(rule) = lacking
            && server.do_check
            && literal
            && !server.has_port
            && server.check.port.is_none()
        {
            load.out.push(alert(
                at,
                format!(
                    "config: {kind} '{proxy}': server '{name}' has neither service port nor check port{rule}."
                ),
            ));
        }
    }
}

/// Points out servers that share their cookie with one before them; those that stand by may.
pub(super) fn cookies(load: &mut Load<'_>, drafts: &[Draft]) {
    if load.out.is_fatal() {
        return;
    }
    for draft in drafts.iter().filter(|draft| !draft.proxy.disabled) {
        let mut seen: HashSet<&[u8]> = HashSet::new();
        for server in draft.servers.iter().map(|s| &s.server).filter(|server| !server.backup) {
            if server.cookie.as_deref().is_none_or(|cookie| seen.insert(cookie)) {
                continue;
            }
            let message = format!(
                "parsing [{}] : 'server {}' : same cookie value is set for a previous non-backup server in the same \
                 backend, it may break connection persistence",
                place(load.sources, server.at),
                server.name
            );
            let said = Diagnostic::new(Severity::Diag, Some(server.at), message).form(Form::Bare);
            load.out.push(said.step(steps::AGAIN));
        }
    }
}

/// The steps of the section that a server names, and whether they need a port.
fn own_rules(
    load: &mut Load<'_>,
    (proxy, name): (&str, &str),
    server: &ServerDraft,
) -> Option<(Arc<Ruleset>, Option<&'static str>)> {
    let word = server.healthcheck.as_ref()?;
    let mut out = std::mem::take(&mut load.out);
    let found = super::super::checks::judge_server(load, &mut out, (proxy, name), word, server.server.at);
    load.out = out;
    found
}

/// Protocols of servers that connections of the proxy's mode cannot speak.
pub(super) fn protocols(load: &mut Load<'_>, proxy: &Proxy, servers: &[ServerDraft]) {
    for server in servers.iter().map(|s| &s.server) {
        let Some(protocol) = server.proto.unusable_in(proxy.mode) else { continue };
        let message = format!(
            "{} '{}' : MUX protocol '{protocol}' is not usable for server '{}' at [{}].",
            kind(proxy),
            proxy.name,
            server.name,
            place(load.sources, server.at)
        );
        load.out.push(alert(server.at, message));
    }
}

/// Whether the protocol of `check-proto` is one for checks of this kind.
fn protocol(out: &mut Diagnostics, (kind, proxy): (&str, &str), server: &ServerDraft, http: bool) {
    let Some(wanted) = server.check_proto.as_deref().filter(|_| server.do_check) else { return };
    let (at, name) = (server.server.at, &server.server.name);
    let message = match (wanted, http) {
        ("h1" | "h2", true) | ("none", false) => return,
        ("fcgi" | "quic", true) => format!("checks by '{wanted}' are not available yet."),
        _ => "uses an incompatible MUX protocol for the selected check type".to_owned(),
    };
    out.push(alert(at, format!("config: {kind} '{proxy}': server '{name}' {message}")));
}

/// What a server cannot do outside HTTP.
fn http_only_server(sources: &Sources, out: &mut Diagnostics, proxy: &Proxy, server: &mut ServerDraft) {
    let at = server.server.at;
    let (kind, name) = (kind(proxy), &proxy.name);
    let fast_retry = RetryOn::CONN_FAILURE | RetryOn::EMPTY_RESPONSE | RetryOn::RESPONSE_TIMEOUT;
    if server.server.tfo && !proxy.retry_on.contains(fast_retry) {
        out.push(warning(
            at,
            format!(
                "[{}] : 'server {name}/{}' : server has tfo activated, the backend should be configured with at least \
                 'conn-failure', 'empty-response' and 'response-timeout' or we wouldn't be able to retry the connection \
                 on failure.",
                place(sources, at),
                server.server.name
            ),
        ));
    }
    if proxy.mode == Mode::Http {
        return;
    }
    if server.server.redir.is_some() {
        out.push(alert(
            at,
            format!("{kind} '{name}' : server cannot have cookie or redirect prefix in non-HTTP mode."),
        ));
    }
    if server.server.cookie.take().is_some() {
        out.push(warning(
            at,
            format!(
                "{kind} '{name}' : ignoring cookie for server '{}' as HTTP mode is disabled.",
                server.server.name
            ),
        ));
    }
    if server.server.observe == Some(7) {
        // HAProxy loads it all the same.
        out.push(
            Diagnostic::complaint(
                at,
                format!(
                    "'server {name}/{}' : 'layer7' can only be used in http proxies..",
                    server.server.name
                ),
            )
            .form(Form::Here),
        );
        server.server.observe = None;
    }
    if let Some(SourceAddress::Header { name: header, .. }) = &server.server.source.usesrc {
        out.push(warning(
            at,
            format!(
                "{kind} '{name}' : server {} cannot use header {header} as source IP in non-HTTP mode.",
                server.server.name
            ),
        ));
        server.server.source.usesrc = None;
    }
}

/// The server that each `track` names: it must exist, be checked, and lead to no circle.
pub(super) fn tracking(load: &mut Load<'_>, drafts: &[Draft], at: usize) {
    if let Some(draft) = drafts.get(at) {
        let proxy = &draft.proxy.name;
        for server in &draft.servers {
            let Some(track) = &server.server.track else { continue };
            let at = server.server.at;
            let said = |message: String| {
                let (at_line, name) = (place(load.sources, at), &server.server.name);
                let message = format!("[{at_line}] : 'server {proxy}/{name}' : {message}");
                alert(at, message).step(steps::TRACKING)
            };
            let (wanted_proxy, wanted) = track.split_once('/').unwrap_or((proxy, track));
            let Some(other) = drafts.iter().find(|d| d.proxy.name == wanted_proxy && d.proxy.is_backend())
            else {
                load.out.push(said(format!("unable to find required proxy '{wanted_proxy}' for tracking.")));
                continue;
            };
            let Some(target) = other.servers.iter().find(|s| s.server.name == wanted) else {
                load.out.push(said(format!("unable to find required server '{wanted}' for tracking.")));
                continue;
            };
            if !target.do_check && !target.do_agent && target.server.track.is_none() {
                load.out.push(said(format!(
                    "unable to use {wanted_proxy}/{wanted} for tracking as it does not have any check nor agent enabled."
                )));
            } else if wanted_proxy == proxy && wanted == server.server.name {
                load.out.push(said(format!(
                    "unable to track {wanted_proxy}/{wanted} as it belongs to a tracking chain looping back to \
                     {proxy}/{}.",
                    server.server.name
                )));
            } else if circular(drafts, wanted_proxy, target) {
                load.out.push(said(format!(
                    "unable to track {wanted_proxy}/{wanted} as it belongs to a tracking chain looping over {proxy}/{}.",
                    server.server.name
                )));
            }
        }
    }
}

/// Whether following `track` from `server` never ends at a checked server.
fn circular(drafts: &[Draft], proxy: &str, server: &ServerDraft) -> bool {
    let (mut proxy, mut server) = (proxy, server);
    let total: usize = drafts.iter().map(|d| d.servers.len()).sum();
    for _ in 0..=total {
        let Some(track) = &server.server.track else { return false };
        let (next_proxy, next) = track.split_once('/').unwrap_or((proxy, track));
        let next = drafts
            .iter()
            .find(|d| d.proxy.name == next_proxy && d.proxy.is_backend())
            .and_then(|d| d.servers.iter().find(|s| s.server.name == next));
        let Some(next) = next else { return false };
        (proxy, server) = (next_proxy, next);
    }
    true
}
