//! What differs between two outlines, in words, a line for each change.

use super::outline::{Outline, Part};

/// The changes from `old` to `new`; none where both mean the same.
pub(super) fn changes(old: &Outline, new: &Outline) -> Vec<String> {
    let same = |a: &Part, b: &Part| a.keyword == b.keyword && a.name == b.name;
    let gone: Vec<&Part> = missing(&old.sections, &new.sections, same);
    let come: Vec<&Part> = missing(&new.sections, &old.sections, same);
    let mut out = Vec::new();
    let renamed: Vec<(&Part, &Part)> = gone
        .iter()
        .filter_map(|old| {
            let same = |new: &&&Part| new.keyword == old.keyword && new.lines == old.lines;
            Some((*old, *come.iter().find(same)?))
        })
        .collect();
    for part in &gone {
        match renamed.iter().find(|(old, _)| old == part) {
            Some((old, new)) => out.push(format!("{} is renamed to {}", title(old), new.name)),
            None => out.push(format!("{} goes{}", title(part), ends(part, "closing"))),
        }
    }
    for part in come.iter().filter(|part| !renamed.iter().any(|(_, new)| new == *part)) {
        out.push(format!("{} comes{}", title(part), ends(part, "listening on")));
    }
    for part in &new.sections {
        if let Some(before) = old.sections.iter().find(|old| same(old, part)) {
            inside(before, part, &mut out);
        }
    }
    out
}

fn missing<'a>(of: &'a [Part], from: &[Part], same: impl Fn(&Part, &Part) -> bool) -> Vec<&'a Part> {
    of.iter().filter(|part| !from.iter().any(|other| same(part, other))).collect()
}

/// `backend be`
fn title(part: &Part) -> String {
    format!("{} {}", part.keyword, part.name).trim_end().to_owned()
}

/// The listeners and servers of a section that comes or goes.
fn ends(part: &Part, doing: &str) -> String {
    let listeners: Vec<&str> = named(part, "bind").into_iter().map(|(name, _)| name).collect();
    let servers: Vec<&str> = named(part, "server").into_iter().map(|(name, _)| name).collect();
    let mut out = String::new();
    if !listeners.is_empty() {
        out.push_str(&format!(", {doing} {}", listeners.join(", ")));
    }
    if !servers.is_empty() {
        out.push_str(&format!(", with the servers {}", servers.join(", ")));
    }
    out
}

/// The lines of a keyword that name something, by that name.
fn named<'a>(part: &'a Part, keyword: &str) -> Vec<(&'a str, &'a str)> {
    let rest = |line: &'a str| line.strip_prefix(keyword)?.strip_prefix(' ');
    let lines = part.lines.iter().filter_map(|line| rest(line));
    lines.map(|rest| rest.split_once(' ').unwrap_or((rest, ""))).collect()
}

/// What changes in a section that stays.
fn inside(old: &Part, new: &Part, out: &mut Vec<String>) {
    let title = title(new);
    for (keyword, comes, goes, kind) in
        [("bind", "opens", "closes", "listener"), ("server", "gains server", "loses server", "server")]
    {
        let (before, after) = (named(old, keyword), named(new, keyword));
        for (name, rest) in &before {
            match after.iter().find(|(other, _)| other == name) {
                None => out.push(format!("{title}: {goes} {name}")),
                Some((_, now)) if now != rest => {
                    out.push(format!("{title}: {kind} {name} changes from '{rest}' to '{now}'"));
                }
                Some(_) => {}
            }
        }
        for (name, rest) in after.iter().filter(|(name, _)| !before.iter().any(|(other, _)| other == name)) {
            out.push(format!("{title}: {comes} {name} {rest}").trim_end().to_owned());
        }
    }
    let (before, after) = (others(old), others(new));
    let gone = left(&before, &after);
    let come = left(&after, &before);
    out.extend(gone.iter().map(|line| format!("{title}: no more '{line}'")));
    out.extend(come.iter().map(|line| format!("{title}: now '{line}'")));
    let of_both = |lines: &[&str], without: &[&str]| -> Vec<String> {
        lines.iter().filter(|line| !without.contains(line)).map(|line| (*line).to_owned()).collect()
    };
    if of_both(&before, &gone) != of_both(&after, &come) {
        out.push(format!("{title}: the order of its lines changes"));
    }
}

/// The lines that are neither listeners nor servers.
fn others(part: &Part) -> Vec<&str> {
    let is_named = |line: &str| line.starts_with("bind ") || line.starts_with("server ");
    part.lines.iter().map(String::as_str).filter(|line| !is_named(line)).collect()
}

/// The lines of the first list that the second has not, as often as they are too many.
fn left<'a>(of: &[&'a str], from: &[&str]) -> Vec<&'a str> {
    let mut rest = from.to_vec();
    let mut out = Vec::new();
    for line in of {
        match rest.iter().position(|other| other == line) {
            Some(at) => drop(rest.swap_remove(at)),
            None => out.push(*line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Outline {
        Outline::parse(&format!("# configuration\n{}", text.replace("    ", "\t"))).unwrap()
    }

    #[test]
    fn changes_are_told_in_words() {
        let old = "global \n    maxconn 10\nfrontend fe\n    bind :80\n    http-request deny if a\n    http-request deny if b\n\
                   backend be\n    server s1 1.1.1.1:1\n    server s2 1.1.1.1:2\nbackend old\n    server s 1.1.1.1:9\nbackend off\n";
        let cases: [(&str, &str, &[&str]); 9] = [
            ("", "", &[]),
            ("maxconn 10", "maxconn 20", &["global: no more 'maxconn 10'", "global: now 'maxconn 20'"]),
            ("bind :80", "bind :81 tfo", &["frontend fe: closes :80", "frontend fe: opens :81 tfo"]),
            ("bind :80", "bind :80 tfo", &["frontend fe: listener :80 changes from '' to 'tfo'"]),
            ("    server s2 1.1.1.1:2\n", "", &["backend be: loses server s2"]),
            (
                "server s1 1.1.1.1:1",
                "server s1 1.1.1.1:1 check",
                &["backend be: server s1 changes from '1.1.1.1:1' to '1.1.1.1:1 check'"],
            ),
            ("backend old", "backend new", &["backend old is renamed to new"]),
            (
                "backend off\n",
                "frontend x\n    bind :1\n",
                &["backend off goes", "frontend x comes, listening on :1"],
            ),
            (
                "http-request deny if a\n    http-request deny if b",
                "http-request deny if b\n    http-request deny if a",
                &["frontend fe: the order of its lines changes"],
            ),
        ];
        for (from, to, wanted) in cases {
            let new = if from.is_empty() { old.to_owned() } else { old.replacen(from, to, 1) };
            assert_eq!(changes(&outline(old), &outline(&new)), wanted, "{from} -> {to}");
        }
    }
}
