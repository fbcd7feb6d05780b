//! Servers: twice the same, unchecked, without weight, unreachable by their cookies.

use std::collections::HashMap;
use std::sync::Arc;

use weir_diag::Span;
use weir_engine::conf::{Caps, CheckKind, CookieMode, Endpoint, Mode, Proxy, Server};

use crate::Findings;
use crate::rules::{
    COOKIE_MISMATCH, DUPLICATE_COOKIE, DUPLICATE_SERVER, IDLE_CHECK, NO_SERVERS, NO_WEIGHT, ONLY_BACKUPS,
    PLAIN_TLS_PORT, UNCHECKED_SERVER,
};
use crate::view::{ANSWERS, Part, View};

pub(crate) fn check(view: &View<'_>, found: &mut Findings) {
    for (part, proxy) in view.proxies().filter(|(_, p)| p.is_backend()) {
        none(view, part, proxy, found);
        twice(proxy, found);
        checks(view, part, proxy, found);
        weights(proxy, found);
        cookies(view, part, proxy, found);
        ports(proxy, found);
    }
}

fn none(view: &View<'_>, part: &Part<'_>, proxy: &Proxy, found: &mut Findings) {
    if !proxy.servers.is_empty() || proxy.caps != Caps::BACKEND || proxy.stats.is_some() {
        return;
    }
    // A backend may be there for its table, or answer by itself.
    let answers = view.rows_of(part).any(|row| {
        [
            "stick-table",
            "redirect",
            "http-error",
            "errorfile",
            "errorloc",
            "errorloc302",
            "errorloc303",
            "errorfiles",
        ]
        .contains(&row.word(0))
            || ANSWERS.iter().any(|a| row.words.iter().take(4).any(|w| w == a))
            || row.words.iter().any(|w| w.starts_with("lua."))
    });
    if !answers {
        found.add(&NO_SERVERS, proxy.at, format!("the backend '{}' has no server", proxy.name));
    }
}

fn twice(proxy: &Proxy, found: &mut Findings) {
    let mut seen: HashMap<(&Endpoint, Option<&str>), Span> = HashMap::new();
    for server in proxy.servers.iter().filter(|s| s.template.is_none()) {
        let Some(endpoint) = &server.endpoint else { continue };
        let unresolved = matches!(endpoint, Endpoint::Inet(a) if a.ip().is_unspecified() || a.port() == 0);
        if unresolved || server.hostname.is_some() {
            continue;
        }
        if let Some(earlier) = seen.insert((endpoint, server.namespace.as_deref()), server.at) {
            let message = format!("server '{}' has the address of a server above", server.name);
            found.add_with(&DUPLICATE_SERVER, server.at, message, (earlier, "the same address"));
        }
    }
}

fn checks(view: &View<'_>, part: &Part<'_>, proxy: &Proxy, found: &mut Findings) {
    let watched =
        |s: &Server| s.check.is_some() || s.track.is_some() || s.agent.is_some() || s.observe.is_some();
    let some = proxy.servers.iter().any(|s| watched(s));
    if some {
        for server in proxy.servers.iter().filter(|s| !watched(s) && !s.disabled && !s.backup) {
            let message = format!("server '{}' is not checked, and others of the backend are", server.name);
            found.add(&UNCHECKED_SERVER, server.at, message);
        }
    }
    let own = part.rows.iter().find(|r| {
        r.is(&["http-check"])
            || r.is(&["tcp-check"])
            || r.is(&["option"]) && r.word(1).ends_with("-check")
            || r.is(&["option", "httpchk"])
    });
    let tracked = view.mentioned.contains("track");
    if let Some(row) = own.filter(|_| !some && !proxy.servers.is_empty() && !tracked) {
        let asked = proxy.check != CheckKind::default() || row.is(&["http-check"]) || row.is(&["tcp-check"]);
        if asked {
            let message = format!("no server of '{}' has 'check': this line does nothing", proxy.name);
            found.add(&IDLE_CHECK, row.line.span, message);
        }
    }
}

fn weights(proxy: &Proxy, found: &mut Findings) {
    let servers: Vec<_> = proxy.servers.iter().collect();
    if servers.is_empty() {
        return;
    }
    if servers.iter().all(|s| s.backup) {
        found.add(&ONLY_BACKUPS, proxy.at, format!("all servers of '{}' are backups", proxy.name));
    } else if servers.iter().all(|s| s.weight == 0 || s.backup) {
        found.add(&NO_WEIGHT, proxy.at, format!("no server of '{}' has a weight", proxy.name));
    }
}

fn cookies(view: &View<'_>, part: &Part<'_>, proxy: &Proxy, found: &mut Findings) {
    let mut seen: HashMap<&[u8], Span> = HashMap::new();
    for server in &proxy.servers {
        let Some(cookie) = server.cookie.as_deref() else { continue };
        if let Some(earlier) = seen.insert(cookie, server.at)
            && server.template.is_none()
        {
            let message = format!("server '{}' has the cookie of a server above", server.name);
            found.add_with(&DUPLICATE_COOKIE, server.at, message, (earlier, "the same cookie"));
        }
    }
    if proxy.mode != Mode::Http {
        return;
    }
    let line = view.rows_of(part).filter(|r| r.is(&["cookie"])).last();
    let named = proxy.persistence.cookie.as_ref();
    let sticks = named.is_some_and(|c| c.mode == CookieMode::Insert || c.mode == CookieMode::Prefix);
    match (line, seen.is_empty()) {
        (None, false) if named.is_none() => {
            let at = proxy.servers.iter().find(|s| s.cookie.is_some()).map_or(proxy.at, |s| s.at);
            let message =
                format!("servers of '{}' have cookies, and no 'cookie' line names the cookie", proxy.name);
            found.add(&COOKIE_MISMATCH, at, message);
        }
        (Some(row), true)
            if sticks && !proxy.servers.is_empty() && proxy.persistence.dynamic_key.is_none() =>
        {
            let message = format!("no server of '{}' has a cookie: no client stays with one", proxy.name);
            found.add(&COOKIE_MISMATCH, row.line.span, message);
        }
        (Some(_), false) if sticks && proxy.persistence.dynamic_key.is_none() => {
            let without = |s: &&Arc<Server>| s.cookie.is_none() && !s.backup && s.template.is_none();
            for server in proxy.servers.iter().filter(without) {
                let message =
                    format!("server '{}' has no cookie, and others of the backend have", server.name);
                found.add(&COOKIE_MISMATCH, server.at, message);
            }
        }
        _ => {}
    }
}

fn ports(proxy: &Proxy, found: &mut Findings) {
    for server in proxy.servers.iter().filter(|s| proxy.mode == Mode::Http && !s.tls.ssl) {
        if matches!(&server.endpoint, Some(Endpoint::Inet(a)) if a.port() == 443) {
            let message = format!("server '{}' is asked in clear on port 443", server.name);
            found.add(&PLAIN_TLS_PORT, server.at, message);
        }
    }
}
