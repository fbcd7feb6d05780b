//! Rules that are never run: behind one that ends the set, or under a condition that never holds.

use std::collections::HashMap;

use weir_diag::Span;

use crate::Findings;
use crate::condition::Terms;
use crate::rules::{
    DUPLICATE_RULE, NEVER_TRUE, NO_TLS_HERE, OVERWRITTEN, REDIRECT_LOOP, SHADOWED_ACL, SHADOWED_RULE,
    UNREACHABLE,
};
use crate::view::{Part, Row, View, known_of_tls};

pub(crate) fn check(view: &View<'_>, found: &mut Findings) {
    for part in &view.parts {
        never_true(part, found);
        order(part, found);
        duplicates(part, found);
        overwritten(part, found);
        acls(part, found);
    }
    without_tls(view, found);
}

fn never_true(part: &Part<'_>, found: &mut Findings) {
    for row in &part.rows {
        if let Some((at, terms)) = &row.terms
            && terms.is_never()
        {
            found.add(&NEVER_TRUE, row.at(*at), "this condition never holds");
        }
    }
}

/// The set of rules that a line belongs to, and whether it ends it.
fn rule_of(row: &Row<'_>) -> Option<(String, bool)> {
    let (first, second, third) = (row.word(0), row.word(1), row.word(2));
    Some(match first {
        "use_backend" | "redirect" | "use-server" => (first.to_owned(), true),
        "http-request" | "http-response" | "http-after-response" => {
            (first.to_owned(), FINAL.contains(&second))
        }
        "tcp-request" | "tcp-response" if second != "inspect-delay" => {
            (format!("{first} {second}"), FINAL.contains(&third))
        }
        _ => return None,
    })
}

/// A final rule of a set: where it stands, and its condition.
struct Final<'a> {
    at: Span,
    terms: Option<&'a Terms>,
}

fn order(part: &Part<'_>, found: &mut Findings) {
    let mut sets: HashMap<String, Vec<Final<'_>>> = HashMap::new();
    for row in &part.rows {
        let Some((set, ends)) = rule_of(row) else { continue };
        let finals = sets.entry(set.clone()).or_default();
        let terms = row.terms.as_ref().map(|(_, t)| t);
        let wins = |f: &&Final<'_>| f.terms.is_none_or(Terms::is_always);
        if let Some(earlier) = finals.iter().find(wins) {
            let message = format!("no {set} rule is reached behind one that ends the set");
            found.add_with(&UNREACHABLE, row.line.span, message, (earlier.at, "ends the set"));
        } else if let Some(terms) = terms
            && let Some(earlier) = finals.iter().find(|f| f.terms.is_some_and(|t| t.covers(terms)))
        {
            let message = "whenever this rule would apply, the one above has ended the set";
            found.add_with(&SHADOWED_RULE, row.line.span, message, (earlier.at, "applies first"));
        }
        if ends {
            finals.push(Final { at: row.line.span, terms });
        } else if CHANGES.iter().any(|c| row.words.iter().take(3).any(|w| w.starts_with(c))) {
            // What ACLs see is different from here on; only a rule without a condition still ends all.
            finals.retain(|f| f.terms.is_none_or(Terms::is_always));
        }
    }
}

fn duplicates(part: &Part<'_>, found: &mut Findings) {
    let mut seen: HashMap<&[String], Span> = HashMap::new();
    for row in &part.rows {
        let Some((_, ends)) = rule_of(row) else { continue };
        let harmless =
            ["add-header", "add-acl", "sc-inc", "sc-add", "capture", "pause", "set-var", "set-path"];
        if ends || harmless.iter().any(|h| row.words.iter().take(3).any(|w| w.starts_with(h))) {
            continue;
        }
        if REWRITES.iter().any(|r| row.words.iter().take(3).any(|w| w.starts_with(r))) {
            // The same words may mean something else from here on.
            seen.retain(|words, _| *words == row.words);
        }
        if let Some(earlier) = seen.insert(&row.words, row.line.span) {
            found.add_with(
                &DUPLICATE_RULE,
                row.line.span,
                "this rule stands above already",
                (earlier, "the same"),
            );
        }
    }
}

/// `set-header` or `del-header` without a condition makes earlier ones of the header vain.
fn overwritten(part: &Part<'_>, found: &mut Findings) {
    let mut set: HashMap<(String, String), Span> = HashMap::new();
    for row in &part.rows {
        let (verb, header) = (row.word(1), row.word(2).to_ascii_lowercase());
        let key = (row.word(0).to_owned(), header.clone());
        if !["http-request", "http-response"].contains(&row.word(0)) {
            continue;
        }
        let always = ["set-header", "del-header"].contains(&verb) && row.terms.is_none();
        if always && let Some(earlier) = set.remove(&key) {
            let message = format!("what was set as '{header}' above is set or removed here in every case");
            found.add_with(&OVERWRITTEN, earlier, message, (row.line.span, "overwrites it"));
        }
        if verb == "set-header" {
            // A value that reads anything may read the header itself.
            set.insert(key, row.line.span);
        } else if row.words.iter().any(|w| w.to_ascii_lowercase().contains(&header)) {
            set.remove(&key);
        }
        if row.words.iter().any(|w| READ_ALL.iter().any(|r| w.contains(r))) {
            set.clear();
        }
        let reads: Vec<String> = row.words.iter().skip(3).map(|w| w.to_ascii_lowercase()).collect();
        set.retain(|(_, name), at| *at == row.line.span || !reads.iter().any(|w| w.contains(name.as_str())));
        if rule_of(row).is_some_and(|(_, ends)| ends) {
            set.clear();
        }
    }
}

fn acls(part: &Part<'_>, found: &mut Findings) {
    let mut known: HashMap<&str, Vec<&Row<'_>>> = HashMap::new();
    for row in part.rows.iter().filter(|r| r.is(&["acl"])) {
        let name = row.word(1);
        if PREDEFINED.contains(&name) {
            let message = format!("'{name}' is the name of a predefined ACL");
            found.add(&SHADOWED_ACL, row.at(1), message);
        }
        let same = known.entry(name).or_default();
        if let Some(earlier) = same.iter().find(|r| r.words == row.words) {
            let message = format!("the ACL '{name}' has this line already");
            found.add_with(&SHADOWED_ACL, row.line.span, message, (earlier.line.span, "the same"));
        }
        same.push(row);
    }
}

/// Conditions on TLS in a frontend that has none.
fn without_tls(view: &View<'_>, found: &mut Findings) {
    for (part, proxy) in view.proxies().filter(|(_, p)| p.is_frontend() && !p.binds.is_empty()) {
        let known = known_of_tls(proxy);
        for row in &part.rows {
            let Some((at, terms)) = &row.terms else {
                let to_https = row.words.windows(3).any(|w| *w == ["redirect", "scheme", "https"]);
                if to_https && known("{ ssl_fc }") == Some(true) {
                    found.add(
                        &REDIRECT_LOOP,
                        row.line.span,
                        "all connections of this frontend are https already",
                    );
                }
                continue;
            };
            if known("{ ssl_fc }") == Some(false) && terms.outcome(&known) == Some(false) && !terms.is_never()
            {
                found.add(
                    &NO_TLS_HERE,
                    row.at(*at),
                    "no bind line of this frontend has 'ssl': this never holds",
                );
            }
        }
    }
}

/// Actions after which no rule of the set follows.
const FINAL: [&str; 10] = [
    "accept",
    "allow",
    "deny",
    "reject",
    "tarpit",
    "return",
    "redirect",
    "silent-drop",
    "use-service",
    "auth",
];
/// Actions that may change what conditions see.
const CHANGES: [&str; 22] = [
    "set-",
    "replace-",
    "del-",
    "add-",
    "track-",
    "sc-",
    "normalize-",
    "unset-",
    "lua",
    "wait-for",
    "do-resolve",
    "cache",
    "send-spoe",
    "capture",
    "early-hint",
    "strict",
    "disable",
    "pause",
    "attach",
    "do-log",
    "early",
    "switch",
];
/// What reads headers that it does not name.
const READ_ALL: [&str; 4] = ["lua.", "hdrs", "base", "send-spoe"];
/// Actions that change what the same rule would read or write if it stood behind them again.
const REWRITES: [&str; 8] =
    ["replace-", "del-", "normalize-", "set-uri", "set-query", "set-method", "unset-var", "lua"];
/// The ACLs that exist without a line (manual, 7.4).
const PREDEFINED: [&str; 18] = [
    "FALSE",
    "HTTP",
    "HTTP_1.0",
    "HTTP_1.1",
    "HTTP_2.0",
    "HTTP_3.0",
    "HTTP_CONTENT",
    "HTTP_URL_ABS",
    "HTTP_URL_SLASH",
    "HTTP_URL_STAR",
    "LOCALHOST",
    "METH_CONNECT",
    "METH_DELETE",
    "METH_GET",
    "METH_HEAD",
    "METH_POST",
    "RDP_COOKIE",
    "TRUE",
];
