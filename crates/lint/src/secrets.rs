//! What should not be readable, reachable or believed.

use weir_engine::conf::{CliLevel, Endpoint, Mode};

use crate::Findings;
use crate::rules::{
    LOOSE_SOCKET, OPEN_ADMIN, OPEN_STATS, PLAIN_SECRET, RUNS_AS_ROOT, UNSAFE_PARSING, UNVERIFIED_SERVER,
    WEAK_TLS,
};
use crate::view::{Row, View};

pub(crate) fn check(view: &View<'_>, found: &mut Findings) {
    for row in view.rows() {
        plain(row, found);
        unsafe_words(row, found);
        weak_tls(row, found);
    }
    stats(view, found);
    sockets(view, found);
    let mut servers = view.proxies().flat_map(|(_, proxy)| &proxy.servers);
    let by_default = servers.any(|s| s.tls.ssl && s.tls.words.verify.is_none());
    if let Some(row) = view.rows().find(|r| by_default && r.is(&["ssl-server-verify", "none"])) {
        found.add(&UNVERIFIED_SERVER, row.line.span, "no server's certificate is verified");
    }
    for (_, proxy) in view.proxies() {
        for server in proxy.servers.iter().filter(|s| s.tls.ssl) {
            let none = matches!(server.tls.words.verify, Some(weir_engine::conf::Verify::None));
            if none {
                let message = format!("the certificate of server '{}' is not verified", server.name);
                found.add(&UNVERIFIED_SERVER, server.at, message);
            }
        }
    }
}

fn plain(row: &Row<'_>, found: &mut Findings) {
    if row.is(&["stats", "auth"]) {
        found.add(&PLAIN_SECRET, row.at(2), "the password of the statistics page stands in clear");
    }
    if row.is(&["user"]) {
        if row.words.iter().any(|w| w == "insecure-password") {
            found.add(
                &PLAIN_SECRET,
                row.line.span,
                format!("the password of '{}' stands in clear", row.word(1)),
            );
        }
        if row.after("password").is_some_and(|p| !p.starts_with('$') && p.len() != 13) {
            let message = format!(
                "what stands as the hash of the password of '{}' is none: nobody gets in",
                row.word(1)
            );
            found.add(&PLAIN_SECRET, row.line.span, message);
        }
    }
    let header = row.said();
    let value = header.get(3).map_or("", String::as_str);
    let secret = ["Basic ", "Bearer ", "basic ", "bearer "].iter().any(|p| value.starts_with(p))
        && !value.contains('%');
    if header.get(2).is_some_and(|h| h.eq_ignore_ascii_case("authorization")) && secret {
        found.add(&PLAIN_SECRET, row.at(3), "credentials stand in clear in a header");
    }
}

fn unsafe_words(row: &Row<'_>, found: &mut Findings) {
    let option = row.is(&["option"]) && row.word(1).starts_with("accept-");
    if option && (row.word(1).contains("unsafe") || row.word(1).contains("invalid")) {
        found.add(
            &UNSAFE_PARSING,
            row.line.span,
            format!("'{}' lets malformed messages through", row.word(1)),
        );
    }
    if row.is(&["user", "root"]) || row.is(&["uid", "0"]) {
        found.add(&RUNS_AS_ROOT, row.line.span, "the process keeps the rights of root");
    }
}

fn weak_tls(row: &Row<'_>, found: &mut Findings) {
    for (at, word) in row.words.iter().enumerate() {
        if word == "ssl-min-ver" && ["SSLv3", "TLSv1.0", "TLSv1.1"].contains(&row.word(at + 1)) {
            found.add(&WEAK_TLS, row.at(at + 1), format!("{} is broken", row.word(at + 1)));
        }
        if ["force-sslv3", "force-tlsv10", "force-tlsv11"].contains(&word.as_str()) {
            found.add(&WEAK_TLS, row.at(at), format!("'{word}' asks for a version that is broken"));
        }
        if word == "ciphers" || word == "ssl-default-bind-ciphers" || word == "ssl-default-server-ciphers" {
            let suites = row.word(at + 1);
            let excluded = |part: &str| suites.split([':', ',']).any(|s| s.strip_prefix('!') == Some(part));
            let broken = suites.split([':', ',']).find(|s| {
                let mut parts = s.split(['-', '+']);
                !s.starts_with(['!', '-', '+'])
                    && parts.any(|p| BROKEN.contains(&p) && !excluded(p) && !(p == "DES" && excluded("3DES")))
            });
            if let Some(suite) = broken {
                found.add(&WEAK_TLS, row.at(at + 1), format!("the suite '{suite}' is broken"));
            }
        }
    }
}

fn stats(view: &View<'_>, found: &mut Findings) {
    for (part, proxy) in view.proxies() {
        let asks = view.rows_of(part).any(|r| {
            r.is(&["stats", "auth"])
                || r.is(&["stats", "http-request"])
                || r.words.iter().any(|w| w.contains("http_auth"))
                || r.is(&["http-request", "auth"])
                || r.is(&["http-request", "deny"])
                || r.is(&["tcp-request"])
        });
        for row in view.rows_of(part) {
            let everyone = row.terms.as_ref().is_none_or(|(_, t)| t.is_always());
            if row.is(&["stats", "admin"]) && everyone {
                found.add(
                    &OPEN_ADMIN,
                    row.line.span,
                    "everyone who sees the page may change the state of servers",
                );
            }
        }
        let Some(page) = proxy.stats.as_ref().filter(|_| proxy.mode == Mode::Http && !asks) else { continue };
        let reachable = proxy.binds.iter().find(|b| is_public(&b.endpoint));
        if page.users.is_empty()
            && let Some(bind) = reachable
        {
            let message = format!("the statistics of '{}' are open to everyone who reaches it", proxy.name);
            found.add_with(&OPEN_STATS, page.at, message, (bind.at, "listens on more than this host"));
        }
    }
}

fn sockets(view: &View<'_>, found: &mut Findings) {
    for socket in &view.conf.global.stats_sockets {
        let bind = &socket.bind;
        if is_public(&bind.endpoint) && bind.level >= CliLevel::Operator {
            found.add(&LOOSE_SOCKET, bind.at, "the runtime API is open to the network");
        }
        let others = bind.perms.mode.is_some_and(|mode| mode & 0o002 != 0);
        if others && bind.level == CliLevel::Admin {
            found.add(&LOOSE_SOCKET, bind.at, "every user of this host may give orders to the process");
        }
    }
}

fn is_public(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Inet(address) if !address.ip().is_loopback())
}

/// Parts of the names of suites that are broken.
const BROKEN: [&str; 9] = ["RC4", "3DES", "DES", "NULL", "eNULL", "aNULL", "EXPORT", "EXP", "MD5"];
