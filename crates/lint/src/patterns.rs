//! Patterns that the value they are compared with can never look like.

use crate::Findings;
use crate::rules::NEVER_MATCHES;
use crate::view::{Row, View};

pub(crate) fn check(view: &View<'_>, found: &mut Findings) {
    for row in view.rows() {
        if row.is(&["acl"]) {
            judge(row, 2, row.words.len(), found);
        }
        for (at, word) in row.words.iter().enumerate() {
            if word.trim_start_matches('!') == "{" {
                let rest = row.words.get(at..).unwrap_or_default();
                let end = rest.iter().position(|w| w == "}").map_or(row.words.len(), |n| at + n);
                judge(row, at + 1, end, found);
            }
        }
    }
}

/// Judges the patterns of an ACL whose criterion is the word at `from`.
fn judge(row: &Row<'_>, from: usize, to: usize, found: &mut Findings) {
    let criterion = row.word(from);
    let mut at = from + 1;
    let (mut folds, mut method) = (false, "");
    while at < to && row.word(at).starts_with('-') {
        match row.word(at) {
            "-i" => folds = true,
            "-m" => {
                method = row.word(at + 1);
                at += 1;
            }
            "-f" | "-M" | "-u" => return,
            "--" => {
                at += 1;
                break;
            }
            _ => {}
        }
        at += 1;
    }
    for place in at..to {
        let pattern = row.word(place);
        if let Some(why) = why_not(criterion, method, folds, pattern) {
            found.add(
                &NEVER_MATCHES,
                row.at(place),
                format!("'{criterion}' never matches '{pattern}': {why}"),
            );
        }
    }
}

fn why_not(criterion: &str, method: &str, folds: bool, pattern: &str) -> Option<&'static str> {
    let exact = method.is_empty() || method == "str";
    let begins = criterion.ends_with("_beg") || method == "beg";
    let name = criterion.split('(').next().unwrap_or_default();
    let base = name.strip_suffix("_beg").unwrap_or(name);
    let lower = criterion.contains(",lower");
    let upper = |p: &str| p.bytes().any(|b| b.is_ascii_uppercase());
    if ["path", "capture.req.uri"].contains(&base)
        && (begins || name == base && exact)
        && !criterion.contains(',')
    {
        if base == "path" && pattern.contains('?') {
            return Some("a path ends where the query begins");
        }
        if !pattern.starts_with('/') && pattern != "*" && !pattern.is_empty() {
            return Some("a path begins with '/'");
        }
    }
    if lower && !folds && upper(pattern) && !criterion.contains("_reg") && method != "reg" {
        return Some("the value is in lower case");
    }
    let header = criterion.to_ascii_lowercase();
    if header.starts_with("hdr(host)")
        || header.starts_with("req.hdr(host)")
        || header.starts_with("hdr_beg(host)")
    {
        let plain = exact || begins;
        if plain && pattern.contains("://") {
            return Some("a host has no scheme");
        }
        if exact && !header.starts_with("hdr_beg") && pattern.contains('/') {
            return Some("a host has no path");
        }
    }
    if base == "method" && name == base && exact && pattern.bytes().any(|b| b.is_ascii_lowercase()) && !folds
    {
        return Some("methods are in upper case");
    }
    if name == "dst_port" && pattern.parse::<u32>().is_ok_and(|n| n > 65_535) {
        return Some("there is no such port");
    }
    None
}
