//! Names that nobody uses, and names that nobody gave.

use std::collections::{HashMap, HashSet};

use weir_config::Sections;

use crate::Findings;
use crate::rules::{
    UNREAD_VARIABLE, UNSET_VARIABLE, UNUSED_ACL, UNUSED_BACKEND, UNUSED_DEFAULTS, UNUSED_SECTION,
};
use crate::view::{Part, View, is_name};

pub(crate) fn check(view: &View<'_>, found: &mut Findings) {
    backends(view, found);
    sections(view, found);
    defaults(view, found);
    for part in &view.parts {
        acls(part, found);
    }
    variables(view, found);
}

fn backends(view: &View<'_>, found: &mut Findings) {
    // A file without a frontend is a part of something larger.
    if view.computes_backends || !view.proxies().any(|(_, p)| p.is_frontend()) {
        return;
    }
    for (part, proxy) in view.proxies() {
        let is_backend = proxy.is_backend() && !proxy.is_frontend();
        if is_backend && !view.mentioned.contains(&part.name) {
            found.add(&UNUSED_BACKEND, part.at(), format!("nothing leads to the backend '{}'", part.name));
        }
    }
}

fn sections(view: &View<'_>, found: &mut Findings) {
    for part in &view.parts {
        let named = part.section.keyword();
        if !NAMED.contains(&named.as_str()) || part.name.is_empty() || view.mentioned.contains(&part.name) {
            continue;
        }
        found.add(&UNUSED_SECTION, part.at(), format!("nothing names {named} '{}'", part.name));
    }
}

fn defaults(view: &View<'_>, found: &mut Findings) {
    if view.proxies().next().is_none() {
        return;
    }
    let used: HashSet<usize> = view.parts.iter().filter_map(|p| p.defaults).collect();
    for (at, part) in view.parts.iter().enumerate() {
        if part.section.kind == Sections::DEFAULTS && !used.contains(&at) && !part.rows.is_empty() {
            let name = if part.name.is_empty() { String::new() } else { format!(" '{}'", part.name) };
            found.add(&UNUSED_DEFAULTS, part.at(), format!("no proxy stands on this defaults section{name}"));
        }
    }
}

/// An ACL is used by conditions of its own section only.
fn acls(part: &Part<'_>, found: &mut Findings) {
    let mut used: HashSet<&str> = HashSet::new();
    for row in part.rows.iter().filter(|r| !r.is(&["acl"])) {
        for word in &row.words {
            used.insert(word.trim_start_matches('!'));
            // `%[acl(a,b)]`, and `when(!a)`.
            used.extend(word.split(|c: char| !is_name(c)));
        }
    }
    for row in part.rows.iter().filter(|r| r.is(&["acl"])) {
        for word in row.words.iter().skip(2) {
            // An ACL may ask others: `acl both acl(a,b)`.
            if let Some((_, inner)) = word.split_once("acl(") {
                used.extend(inner.split(|c: char| !is_name(c)));
            }
        }
    }
    let mut told = HashSet::new();
    for row in part.rows.iter().filter(|r| r.is(&["acl"])) {
        let name = row.word(1);
        if !used.contains(name) && told.insert(name) {
            found.add(
                &UNUSED_ACL,
                row.at(1),
                format!("no condition of '{}' uses the ACL '{name}'", part.name),
            );
        }
    }
}

fn variables(view: &View<'_>, found: &mut Findings) {
    let mut set = HashMap::new();
    let mut read = HashMap::new();
    let mut open = false;
    for row in view.rows() {
        // What leaves the file may set or read any variable.
        open |= row
            .words
            .iter()
            .any(|w| w.starts_with("lua") || w.contains("lua.") || w == "spoe" || w == "dump_all_vars");
        for (at, word) in row.words.iter().enumerate() {
            for (start, _) in word.match_indices("var(").chain(word.match_indices("var-fmt(")) {
                let (before, rest) = word.split_at_checked(start).unwrap_or((word, ""));
                let name =
                    rest.split_once('(').and_then(|(_, r)| r.split([',', ')']).next()).unwrap_or_default();
                let sets = before.ends_with("set-") || before.ends_with("unset-");
                let list = if sets { &mut set } else { &mut read };
                list.entry(name.to_owned()).or_insert_with(|| row.at(at));
            }
            // Converters take variables as arguments: `add(txn.n)`.
            for other in
                word.split(|c: char| !is_name(c)).filter(|w| w.starts_with("txn.") || w.starts_with("sess."))
            {
                if !word.contains("set-var") {
                    read.entry(other.to_owned()).or_insert_with(|| row.at(at));
                }
            }
        }
    }
    if open {
        return;
    }
    for (name, at) in &read {
        let known = set.contains_key(name) || !SCOPES.iter().any(|s| name.starts_with(s));
        if !known && !name.starts_with("proc.") {
            found.add(&UNSET_VARIABLE, *at, format!("nothing sets the variable '{name}'"));
        }
    }
    for (name, at) in &set {
        if !read.contains_key(name) && !name.starts_with("proc.") {
            found.add(&UNREAD_VARIABLE, *at, format!("nothing reads the variable '{name}'"));
        }
    }
}

/// Sections that do something only where they are named.
const NAMED: [&str; 8] =
    ["userlist", "http-errors", "log-profile", "cache", "resolvers", "fcgi-app", "crt-store", "ring"];
const SCOPES: [&str; 5] = ["txn.", "req.", "res.", "sess.", "proc."];
