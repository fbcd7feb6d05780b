//! Findings for people and for programs: text, JSON, SARIF 2.1.0.

use serde_json::{Value, json};
use weir_diag::{Sources, Span};

use crate::{Finding, Level, RULES};

/// What a report looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Lines, the place shown below each.
    #[default]
    Text,
    /// One object for each finding, in a list.
    Json,
    /// What tools for code review read (OASIS SARIF 2.1.0).
    Sarif,
}

/// The report.
pub fn render(findings: &[Finding], sources: &Sources, shape: Shape) -> String {
    match shape {
        Shape::Text => findings.iter().map(|f| text(f, sources)).collect(),
        Shape::Json => pretty(&Value::Array(findings.iter().map(|f| object(f, sources)).collect())),
        Shape::Sarif => pretty(&sarif(findings, sources)),
    }
}

fn text(finding: &Finding, sources: &Sources) -> String {
    let rule = finding.rule;
    let level = level(rule.level);
    let (file, line, column) = place(finding.at, sources);
    let mut out =
        format!("{file}:{line}:{column}: {level}[{} {}]: {}\n", rule.code, rule.name, finding.message);
    let source = sources.of(finding.at.source).map(|s| String::from_utf8_lossy(&s.text).into_owned());
    if let Some(shown) = source.as_deref().and_then(|text| text.lines().nth(line.saturating_sub(1) as usize))
    {
        let width = finding.at.end.saturating_sub(finding.at.start).max(1) as usize;
        let before: String =
            shown.chars().take(column as usize - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
        out.push_str(&format!("    {shown}\n    {before}{}\n", "^".repeat(width.min(shown.len().max(1)))));
    }
    if let Some((at, label)) = finding.related {
        let (file, line, column) = place(at, sources);
        out.push_str(&format!("    {file}:{line}:{column}: {label}\n"));
    }
    out
}

fn object(finding: &Finding, sources: &Sources) -> Value {
    let (file, line, column) = place(finding.at, sources);
    let related = finding.related.map(|(at, label)| {
        let (file, line, column) = place(at, sources);
        json!({ "file": file, "line": line, "column": column, "message": label })
    });
    json!({
        "code": finding.rule.code,
        "name": finding.rule.name,
        "level": level(finding.rule.level),
        "message": finding.message,
        "file": file,
        "line": line,
        "column": column,
        "related": related,
    })
}

fn sarif(findings: &[Finding], sources: &Sources) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code,
                "name": rule.name,
                "shortDescription": { "text": rule.help },
                "defaultConfiguration": { "level": level(rule.level) },
            })
        })
        .collect();
    let location = |at: Span| {
        let (file, line, column) = place(at, sources);
        json!({ "physicalLocation": {
            "artifactLocation": { "uri": file },
            "region": { "startLine": line, "startColumn": column },
        } })
    };
    let results: Vec<Value> = findings
        .iter()
        .map(|f| {
            let related: Vec<Value> = f
                .related
                .iter()
                .map(|(at, label)| {
                    let mut place = location(*at);
                    if let Some(object) = place.as_object_mut() {
                        object.insert("message".to_owned(), json!({ "text": label }));
                    }
                    place
                })
                .collect();
            json!({
                "ruleId": f.rule.code,
                "level": level(f.rule.level),
                "message": { "text": f.message },
                "locations": [location(f.at)],
                "relatedLocations": related,
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "weir lint", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": results,
        }],
    })
}

/// File, line and column, the latter two from 1.
fn place(at: Span, sources: &Sources) -> (String, u32, u32) {
    let Some(source) = sources.of(at.source) else { return (String::new(), at.line.max(1), 1) };
    let before = source.text.get(..at.start as usize).unwrap_or_default();
    let begin = before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let column = at.start as usize - begin;
    (source.name.clone(), at.line.max(1), u32::try_from(column).unwrap_or(0) + 1)
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
    }
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
