//! Each case of `seeded.txt` and of `farm.txt` is a configuration with one mistake, and the code that names it. The
//! configurations without a mistake have no finding, nor has what only looks like one (`harmless.txt`).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its cases fails")]

use std::io;
use std::net::IpAddr;
use std::path::Path;

use weir_config::values::Family;
use weir_config::{Environment, Features, Files, Loader};
use weir_diag::Sources;
use weir_engine::keywords::{Outside, SECTIONS, resolve};
use weir_lint::{Finding, RULES, Shape, lint, render};

struct Text(String);

impl Files for Text {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }

    fn list(&self, _: &str) -> io::Result<Option<Vec<String>>> {
        Ok(None)
    }
}

impl Outside for Text {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/../tls/tests/a.example.pem");
        match path.to_str() {
            Some("/pem") => std::fs::read(tls),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn resolve(&self, _: &str, _: Family) -> Option<IpAddr> {
        None
    }

    fn user(&self, _: &str) -> Option<u32> {
        Some(0)
    }

    fn group(&self, _: &str) -> Option<u32> {
        Some(0)
    }
}

fn findings(config: &str) -> (Vec<Finding>, Sources) {
    let text = Text(config.to_owned());
    let features = Features::default();
    let loader =
        Loader { files: &text, sections: SECTIONS, features: &features, environment: Environment::default() };
    let loaded = loader.load(&["F"]);
    let (conf, resolved) = resolve(&loaded.document, &loaded.sources, &text);
    let alerts: Vec<_> = loaded.diagnostics.iter().chain(&resolved).map(|d| &d.message).collect();
    assert!(!loaded.diagnostics.is_fatal() && !resolved.is_fatal(), "{config}\n{alerts:#?}");
    (lint(&loaded.document, &conf), loaded.sources)
}

/// The configuration without a mistake, in which a case replaces or adds lines.
const CLEAN: &str = "
global
    log 127.0.0.1 local0
    maxconn 1000
    user weir
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 5s
frontend web
    bind :80
    acl api path_beg /api
    use_backend api if api
    default_backend app
backend app
    balance roundrobin
    server a1 10.0.0.1:80 check
    server a2 10.0.0.2:80 check
backend api
    server b1 10.0.1.1:80 check
";

/// A larger configuration without a mistake.
const FARM: &str = include_str!("farm.cfg");

/// `- LINE` takes a line of the configuration away, `+ SECTION | LINE` adds one to the end of a section, `= LINE`
/// adds one at the end of all, `~ OLD => NEW` replaces the first `OLD` (`\n` stands for the end of a line).
fn edited(text: &str, edits: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in edits.lines() {
        let (kind, rest) = edit.split_at(2);
        match kind {
            "- " => lines.retain(|l| l.trim() != rest),
            "= " => lines.push(rest.to_owned()),
            "+ " => {
                let (section, line) = rest.split_once(" | ").unwrap();
                let header = lines.iter().position(|l| l == section).unwrap_or_else(|| panic!("{section}"));
                let indented = |l: &&String| l.starts_with(' ');
                let length = lines.iter().skip(header + 1).take_while(indented).count();
                lines.insert(header + 1 + length, format!("    {line}"));
            }
            "~ " => {
                let (old, new) = rest.split_once(" =>").unwrap();
                let (old, new) = (old.replace("\\n", "\n"), new.trim_start_matches(' ').replace("\\n", "\n"));
                let text = lines.join("\n") + "\n";
                assert!(text.contains(&old), "{edit}");
                lines = text.replacen(&old, &new, 1).lines().map(str::to_owned).collect();
            }
            other => panic!("{other}"),
        }
    }
    lines.join("\n") + "\n"
}

fn seeded(edits: &str) -> String {
    edited(CLEAN, edits)
}

/// The cases of a table, each with its first line apart.
fn cases(table: &str) -> Vec<(&str, &str)> {
    table.split("\n\n").map(str::trim).filter_map(|case| case.split_once('\n')).collect()
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for text in [CLEAN, FARM] {
        let (found, sources) = findings(text);
        assert!(found.is_empty(), "{}", render(&found, &sources, Shape::Text));
    }
    for (name, edits) in cases(include_str!("harmless.txt")) {
        let (found, sources) = findings(&seeded(edits));
        assert!(found.is_empty(), "{name}\n{}", render(&found, &sources, Shape::Text));
    }
}

#[test]
fn every_seeded_mistake_is_found_and_nothing_else() {
    let mut wrong = Vec::new();
    let mut codes = std::collections::BTreeSet::new();
    let cases = cases(include_str!("seeded.txt"));
    for (code, edits) in &cases {
        codes.insert(*code);
        let (found, sources) = findings(&seeded(edits));
        let got: Vec<&str> = found.iter().map(|f| f.rule.code).collect();
        if got.is_empty() || got.iter().any(|c| c != code) {
            wrong.push(format!("{code}\n{edits}\n{}", render(&found, &sources, Shape::Text)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
    let untested: Vec<&str> = RULES.iter().map(|r| r.code).filter(|c| !codes.contains(c)).collect();
    assert!(untested.is_empty(), "without a case: {untested:?}");
}

/// Mistakes of the kinds that people make in a farm, several in one file: one of the codes must be told for each.
#[test]
fn mistakes_in_a_farm_are_found() {
    let cases = cases(include_str!("farm.txt"));
    assert!(cases.len() >= 40);
    for (head, edits) in cases {
        let (codes, _) = head.split_once(" # ").unwrap();
        let (found, sources) = findings(&edited(FARM, edits));
        let told = found.iter().any(|f| codes.split(' ').any(|c| c == f.rule.code));
        assert!(told, "{head}\n{}", render(&found, &sources, Shape::Text));
    }
}

#[test]
fn reports_for_programs_name_the_same_findings() {
    let (found, sources) = findings(&seeded("+ backend app | server a3 10.0.0.1:80 check"));
    let json: serde_json::Value = serde_json::from_str(&render(&found, &sources, Shape::Json)).unwrap();
    assert_eq!(json[0]["code"], "W502");
    assert_eq!((&json[0]["file"], &json[0]["line"]), (&"F".into(), &23.into()));
    assert_eq!(json[0]["related"]["line"], 21);
    let sarif: serde_json::Value = serde_json::from_str(&render(&found, &sources, Shape::Sarif)).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&sarif["version"], &result["ruleId"]), (&"2.1.0".into(), &"W502".into()));
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 23);
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
    let text = render(&found, &sources, Shape::Text);
    assert!(text.starts_with("F:23:12: warning[W502 duplicate-server]: "), "{text}");
}
