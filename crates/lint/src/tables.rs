//! Stick tables: who writes to them, and what is asked of them.

use std::collections::{HashMap, HashSet};

use weir_config::Sections;

use crate::Findings;
use crate::rules::{ENDLESS_TABLE, RETRACKED, TABLE_LACKS, UNTRACKED, UNUSED_TABLE};
use crate::view::{Part, Row, View, is_name};

pub(crate) fn check(view: &View<'_>, found: &mut Findings) {
    let tables = tables(view);
    unused(view, &tables, found);
    asked(view, &tables, found);
    for part in &view.parts {
        retracked(part, found);
    }
}

/// The data types of each table that a proxy has, by the proxy's name.
type Tables<'v> = HashMap<&'v str, (&'v Row<'v>, HashSet<&'v str>)>;

fn tables<'v>(view: &'v View<'_>) -> Tables<'v> {
    let mut tables = HashMap::new();
    for part in view.parts.iter().filter(|p| p.proxy.is_some()) {
        for row in part.rows.iter().filter(|r| r.is(&["stick-table"])) {
            let mut kept = HashSet::new();
            for (at, _) in row.words.iter().enumerate().filter(|(_, w)| *w == "store") {
                kept.extend(row.word(at + 1).split(',').filter_map(|d| d.split('(').next()));
            }
            tables.insert(part.name.as_str(), (row, kept));
        }
    }
    tables
}

fn unused(view: &View<'_>, tables: &Tables<'_>, found: &mut Findings) {
    for part in view.parts.iter().filter(|p| p.proxy.is_some()) {
        let Some((row, _)) = tables.get(part.name.as_str()) else { continue };
        let own = part.rows.iter().any(|r| {
            r.is(&["stick"])
                || r.words.iter().any(|w| w.starts_with("track-sc") || w.contains("table_"))
                || r.words.iter().any(|w| w.starts_with("sc") && w.contains('_'))
        });
        let asks = |word: &String| {
            word.split_once('(').is_some_and(|(_, rest)| rest.split(|c| !is_name(c)).any(|n| n == part.name))
        };
        let elsewhere = view.rows().any(|r| r.after("table") == Some(&part.name) || r.words.iter().any(asks));
        if !own && !elsewhere {
            found.add(&UNUSED_TABLE, row.line.span, format!("nothing uses the table of '{}'", part.name));
        }
        if !row.words.iter().any(|w| w == "expire") {
            found.add(&ENDLESS_TABLE, row.line.span, format!("the table of '{}' has no 'expire'", part.name));
        }
    }
}

/// What counters are tracked, and in which tables.
fn tracked<'v>(view: &'v View<'_>) -> HashMap<char, HashSet<&'v str>> {
    let mut tracked: HashMap<char, HashSet<&str>> = HashMap::new();
    for part in &view.parts {
        for row in &part.rows {
            let Some(action) = row.words.iter().take(3).find(|w| w.starts_with("track-sc")) else { continue };
            let table = row.after("table").unwrap_or(&part.name);
            if let Some(counter) = action.strip_prefix("track-sc").and_then(|n| n.chars().next()) {
                tracked.entry(counter).or_default().insert(table);
            }
        }
    }
    tracked
}

/// Fetches of counters name a counter that is tracked, in a table that keeps the data.
fn asked(view: &View<'_>, tables: &Tables<'_>, found: &mut Findings) {
    let tracked = tracked(view);
    let inherits = view.parts.iter().any(|p| {
        p.section.kind == Sections::DEFAULTS && p.rows.iter().any(|r| r.word(1).starts_with("track-"))
    });
    for row in view.rows() {
        for (at, word) in row.words.iter().enumerate() {
            for fetch in fetches(word) {
                let Some(ask) = Ask::of(fetch) else { continue };
                let Some(counter) = ask.counter else { continue };
                let Some(names) = tracked.get(&counter) else {
                    if !inherits {
                        let message = format!("'{fetch}' asks counter {counter}, which nothing tracks");
                        found.add(&UNTRACKED, row.at(at), message);
                    }
                    continue;
                };
                let keeps = |name: &&str| {
                    tables.get(*name).is_none_or(|(_, kept)| kept.contains(ask.data) || ask.data.is_empty())
                };
                if !names.iter().any(keeps) {
                    let message = format!("no table of counter {counter} stores '{}'", ask.data);
                    found.add(&TABLE_LACKS, row.at(at), message);
                }
            }
        }
    }
}

/// The texts in a word that look like fetches of counters, arguments included.
fn fetches(word: &str) -> impl Iterator<Item = &str> {
    word.match_indices("sc").filter_map(|(at, _)| {
        let (before, rest) = word.split_at_checked(at)?;
        if before.chars().next_back().is_some_and(is_name) {
            return None;
        }
        let end = rest.find(')').map_or_else(|| rest.find(|c| !is_name(c)).unwrap_or(rest.len()), |n| n + 1);
        rest.get(..end)
    })
}

/// A fetch of a counter: `sc0_get_gpc0`, `sc_http_req_rate(1)`.
struct Ask<'a> {
    counter: Option<char>,
    data: &'a str,
}

impl<'a> Ask<'a> {
    fn of(fetch: &'a str) -> Option<Self> {
        let (name, argument) = fetch.split_once('(').unwrap_or((fetch, ""));
        let digit = name.chars().nth(2).filter(char::is_ascii_digit);
        let rest = name.get(if digit.is_some() { 4 } else { 3 }..)?;
        name.strip_prefix("sc").filter(|r| r.contains('_'))?;
        let first = argument.trim_end_matches(')').split(',').next().unwrap_or_default();
        // A second argument names a table of its own.
        if argument.contains(',') || digit.is_none() && first.parse::<u8>().is_err() {
            return None;
        }
        let counter = digit.or_else(|| first.chars().next());
        let data = DATA.iter().find(|d| rest == **d || rest.strip_prefix("get_") == Some(d))?;
        Some(Self { counter, data })
    }
}

fn retracked(part: &Part<'_>, found: &mut Findings) {
    let mut seen = HashMap::new();
    for row in &part.rows {
        let Some(at) = row.words.iter().take(3).position(|w| w.starts_with("track-sc")) else { continue };
        let key = row.words.get(..=at).unwrap_or_default().join(" ");
        if let Some(earlier) = seen.get(&key) {
            let message = format!("'{}' is done already by the rule above", row.word(at));
            found.add_with(&RETRACKED, row.line.span, message, (*earlier, "tracks it"));
        } else if row.terms.is_none() {
            seen.insert(key, row.line.span);
        }
    }
}

/// What a table keeps under the name that fetches have for it.
const DATA: [&str; 12] = [
    "gpc0",
    "gpc0_rate",
    "gpc1",
    "gpc1_rate",
    "gpt0",
    "conn_cnt",
    "conn_cur",
    "conn_rate",
    "http_req_rate",
    "http_req_cnt",
    "http_err_rate",
    "http_err_cnt",
];
