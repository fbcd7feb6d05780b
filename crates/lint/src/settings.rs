//! Timeouts, limits, logs, and the addresses that are listened on.

use std::collections::HashMap;

use weir_config::{Prefix, Sections};
use weir_diag::Span;
use weir_engine::conf::{Endpoint, LogFormatKind, Mode, Proxy};

use crate::Findings;
use crate::rules::{
    DUPLICATE_BIND, LOST_LOG, MISSING_TIMEOUT, NO_DEFAULT, NO_REQUEST_TIMEOUT, PLAIN_TLS_PORT,
    REPEATED_SETTING, SMALL_MAXCONN, TINY_TIME,
};
use crate::view::{Part, Row, View};

pub(crate) fn check(view: &View<'_>, found: &mut Findings) {
    for (part, proxy) in view.proxies() {
        timeouts(view, part, proxy, found);
        default(view, part, proxy, found);
        logs(view, part, proxy, found);
        if let (Some(own), Some(all)) = (proxy.maxconn, view.conf.global.maxconn)
            && own > all
            && proxy.is_frontend()
        {
            let row = view.rows_of(part).filter(|r| r.is(&["maxconn"])).last();
            let message = format!("'{}' may take {own} connections, the whole process {all}", proxy.name);
            found.add(&SMALL_MAXCONN, row.map_or(proxy.at, |r| r.line.span), message);
        }
    }
    for part in &view.parts {
        for row in &part.rows {
            tiny(row, found);
        }
        repeated(part, found);
    }
}

fn timeouts(view: &View<'_>, part: &Part<'_>, proxy: &Proxy, found: &mut Findings) {
    let t = &proxy.timeouts;
    let servers = proxy.is_backend() && !proxy.servers.is_empty() && !view.answers_all(part, proxy);
    let missing = [
        ("client", proxy.is_frontend() && !proxy.binds.is_empty() && t.client.is_none()),
        ("connect", servers && t.connect.is_none()),
        ("server", servers && t.server.is_none()),
    ];
    for (name, _) in missing.into_iter().filter(|(_, is)| *is) {
        found.add(&MISSING_TIMEOUT, proxy.at, format!("'{}' has no 'timeout {name}'", proxy.name));
    }
    let listens = proxy.is_frontend() && !proxy.binds.is_empty() && proxy.mode == Mode::Http;
    if listens && t.http_request.is_none() && t.client.is_some() {
        found.add(&NO_REQUEST_TIMEOUT, proxy.at, format!("'{}' has no 'timeout http-request'", proxy.name));
    }
}

fn default(view: &View<'_>, part: &Part<'_>, proxy: &Proxy, found: &mut Findings) {
    if proxy.is_backend()
        || proxy.binds.is_empty()
        || proxy.default_backend.is_some()
        || proxy.stats.is_some()
    {
        return;
    }
    let always = view.rows_of(part).any(|r| {
        r.terms.as_ref().is_none_or(|(_, t)| t.is_always())
            && (["use_backend", "monitor-uri"].contains(&r.word(0))
                || r.words.iter().any(|w| w.starts_with("lua.")))
    });
    if !always && !view.answers_all(part, proxy) {
        found.add(&NO_DEFAULT, proxy.at, format!("'{}' has no 'default_backend'", proxy.name));
    }
}

fn logs(view: &View<'_>, part: &Part<'_>, proxy: &Proxy, found: &mut Findings) {
    if !proxy.logs.is_empty() || !proxy.is_frontend() {
        return;
    }
    let global = view.rows_of(part).find(|r| r.is(&["log", "global"]));
    let format = proxy.log_line.format != LogFormatKind::Default;
    let asked = view.rows_of(part).find(|r| {
        r.is(&["log-format"]) || r.is(&["option"]) && ["httplog", "tcplog", "httpslog"].contains(&r.word(1))
    });
    if let Some(row) = global {
        found.add(&LOST_LOG, row.line.span, "no global section above has a 'log' line");
    } else if let Some(row) = asked.filter(|_| format) {
        found.add(&LOST_LOG, row.line.span, format!("'{}' has no 'log' line", proxy.name));
    }
}

/// Times without a unit that were meant to be seconds.
fn tiny(row: &Row<'_>, found: &mut Findings) {
    let small = |text: &str| text.parse::<u32>().is_ok_and(|n| (1..100).contains(&n));
    if row.is(&["timeout"]) && small(row.word(2)) {
        found.add(&TINY_TIME, row.at(2), format!("'{}' are {0} milliseconds", row.word(2)));
    }
    if row.is(&["server"]) || row.is(&["default-server"]) || row.is(&["server-template"]) {
        for (at, word) in row.words.iter().enumerate() {
            let time = ["inter", "fastinter", "downinter", "agent-inter"].contains(&word.as_str());
            if time && small(row.word(at + 1)) {
                found.add(&TINY_TIME, row.at(at + 1), format!("'{}' are {0} milliseconds", row.word(at + 1)));
            }
        }
    }
}

/// Settings of which a section has one: the last.
fn repeated(part: &Part<'_>, found: &mut Findings) {
    let mut seen: HashMap<String, (Span, String)> = HashMap::new();
    for row in part.rows.iter().filter(|r| r.line.prefix == Prefix::None && !r.line.words.is_empty()) {
        let first = row.word(0);
        let key = match first {
            "timeout" | "rate-limit" => format!("{first} {}", row.word(1)),
            "option" if ["httpchk", "httplog", "tcplog"].contains(&row.word(1)) => {
                format!("option {}", row.word(1))
            }
            "errorfile" => format!("{first} {}", row.word(1)),
            _ if SINGLE.contains(&first) => first.to_owned(),
            _ => continue,
        };
        if part.section.kind == Sections::GLOBAL && !["maxconn", "nbthread"].contains(&first) {
            continue;
        }
        let value = row.words.join(" ");
        if let Some((earlier, old)) = seen.insert(key.clone(), (row.line.span, value.clone())) {
            let same = if old == value { "again" } else { "with another value" };
            let message = format!("'{key}' stands here {same}: the line above does nothing");
            found.add_with(&REPEATED_SETTING, row.line.span, message, (earlier, "does nothing"));
        }
    }
}

/// Addresses that are listened on twice, and TLS's port without TLS.
pub(crate) fn check_binds(view: &View<'_>, found: &mut Findings) {
    let mut seen: HashMap<_, (Span, &str)> = HashMap::new();
    // QUIC has ports of its own.
    let datagrams: Vec<Span> = view
        .rows()
        .filter(|r| r.is(&["bind"]) && r.word(1).starts_with("quic"))
        .map(|r| r.line.span)
        .collect();
    for (_, proxy) in view.proxies() {
        for bind in &proxy.binds {
            let at = bind.at;
            if datagrams.iter().any(|d| d.source == at.source && d.line == at.line) {
                continue;
            }
            if matches!(bind.endpoint, Endpoint::Fd(_) | Endpoint::SockPair(_)) {
                continue;
            }
            let key = (&bind.endpoint, bind.interface.as_deref(), bind.namespace.as_deref());
            if let Some((earlier, other)) = seen.insert(key, (bind.at, &proxy.name)) {
                let message = format!("'{other}' listens on this address already");
                found.add_with(&DUPLICATE_BIND, bind.at, message, (earlier, "the same address"));
            }
            let plain = proxy.mode == Mode::Http && !bind.tls.ssl && !bind.accept_proxy;
            if plain && matches!(&bind.endpoint, Endpoint::Inet(a) if a.port() == 443) {
                found.add(&PLAIN_TLS_PORT, bind.at, "port 443 is served without 'ssl'");
            }
        }
    }
}

/// Keywords of which the last line counts.
const SINGLE: [&str; 10] = [
    "mode",
    "balance",
    "maxconn",
    "default_backend",
    "retries",
    "fullconn",
    "cookie",
    "log-format",
    "hash-type",
    "nbthread",
];
