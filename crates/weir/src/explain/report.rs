//! An explanation for people and for programs.

use serde_json::{Value, json};
use weir_admin::Entry;
use weir_diag::Sources;
use weir_engine::observe::Event;

use super::Answer;

/// What became of a request, for people.
pub(crate) fn text(answer: &Answer, sources: &Sources) -> String {
    let mut out = format!("{}\n  frontend {}\n", answer.asked.join("\n  "), answer.frontend);
    for event in &answer.events {
        match event {
            Event::Value { criterion, value, matches } => {
                let sign = if *matches { "matches" } else { "does not match" };
                out.push_str(&format!("      {criterion}: '{value}' {sign}\n"));
            }
            Event::Acl { criterion, holds } => out.push_str(&format!("      {criterion} is {holds}\n")),
            Event::Rule { proxy, set, file, line, applies, outcome } => {
                let sign = if *applies { "+" } else { "-" };
                let words = source_line(sources, file, *line).unwrap_or_else(|| (*set).to_owned());
                let end = outcome.as_ref().map(|o| format!("  => {o}")).unwrap_or_default();
                out.push_str(&format!("  {sign} {file}:{line} {proxy}: {words}{end}\n"));
            }
            Event::Backend(name) => out.push_str(&format!("  backend {name}\n")),
            Event::Server { name, why } => out.push_str(&format!("  server {name} ({why})\n")),
            Event::Variable(..) | Event::End(_) => {}
        }
    }
    for (name, value) in answer.variables() {
        out.push_str(&format!("  variable {name} = '{value}'\n"));
    }
    for (table, entry) in &answer.entries {
        let data = entry.data.iter().map(|(name, value)| format!(" {name}={value}"));
        out.push_str(&format!("  table {table}: {}{}\n", entry.key, data.collect::<String>()));
    }
    if let Some(sent) = &answer.sent {
        out.push_str("  the server is sent\n");
        for (sign, line) in changes(&answer.asked, sent) {
            out.push_str(&format!("    {sign} {line}\n"));
        }
    }
    match answer.answered.is_empty() {
        true => out.push_str("  the client is told nothing: its connection ends\n"),
        false => out.push_str(&format!("  the client is told\n    {}\n", answer.answered.join("\n    "))),
    }
    out
}

/// The same for programs.
pub(crate) fn json(answer: &Answer) -> String {
    let events: Vec<Value> = answer.events.iter().filter_map(event).collect();
    let variables: serde_json::Map<String, Value> =
        answer.variables().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let changed = answer.sent.as_ref().map(|sent| {
        let lines = changes(&answer.asked, sent);
        let of = |wanted: char| {
            lines.iter().filter(|(s, _)| *s == wanted).map(|(_, l)| l.clone()).collect::<Vec<_>>()
        };
        json!({ "added": of('+'), "removed": of('-') })
    });
    let tables: Vec<Value> = answer.entries.iter().map(entry).collect();
    let value = json!({
        "request": answer.asked,
        "frontend": answer.frontend,
        "steps": events,
        "variables": variables,
        "tables": tables,
        "backend": answer.backend(),
        "server": answer.server().map(|(name, why)| json!({ "name": name, "why": why })),
        "sent": answer.sent,
        "header_changes": changed,
        "status": answer.status(),
        "answer": answer.answered,
    });
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

fn event(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Value { criterion, value, matches } => {
            json!({ "step": "value", "criterion": criterion, "value": value, "matches": matches })
        }
        Event::Acl { criterion, holds } => json!({ "step": "acl", "criterion": criterion, "holds": holds }),
        Event::Rule { proxy, set, file, line, applies, outcome } => json!({
            "step": "rule", "proxy": proxy, "set": set, "file": file, "line": line, "applies": applies,
            "outcome": outcome,
        }),
        Event::Backend(name) => json!({ "step": "backend", "name": name }),
        Event::Server { name, why } => json!({ "step": "server", "name": name, "why": why }),
        Event::Variable(..) | Event::End(_) => return None,
    })
}

fn entry((table, entry): &(String, Entry)) -> Value {
    let data: serde_json::Map<String, Value> =
        entry.data.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({ "table": table, "key": entry.key, "data": data })
}

/// What is in one head and not in the other: `-` for what went, `+` for what came, a blank for the rest.
fn changes(before: &[String], after: &[String]) -> Vec<(char, String)> {
    let gone = before.iter().filter(|l| !after.contains(l)).map(|l| ('-', l.clone()));
    let now = after.iter().map(|l| (if before.contains(l) { ' ' } else { '+' }, l.clone()));
    gone.chain(now).collect()
}

fn source_line(sources: &Sources, file: &str, line: u32) -> Option<String> {
    let (_, source) = sources.iter().find(|(_, s)| s.name == file)?;
    let text = source.text.split(|b| *b == b'\n').nth(line.checked_sub(1)? as usize)?;
    Some(String::from_utf8_lossy(text).trim().to_owned())
}
