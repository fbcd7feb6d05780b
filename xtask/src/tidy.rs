//! How much there is of what should not be: long functions, long files, `TODO`s without a sentence, folders that the map
//! of the rooms (ARCHITECTURE.md) does not name.
//!
//! Tests are not counted, neither `#[cfg(test)]` items nor what is in a folder `tests`. The counts are kept in
//! `tidy.toml` and may only go down.

use crate::Result;
use crate::shell::project;
use proc_macro2::Span;
use std::fs;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// What was found, one text per finding.
#[derive(Debug, Default, PartialEq, Eq)]
struct Findings {
    long_functions: Vec<String>,
    long_files: Vec<String>,
    bare_todos: Vec<String>,
    unmapped: Vec<String>,
}

/// `cargo xtask tidy [--bless]`.
pub(crate) fn run(options: &[String]) -> Result {
    let bless = options.iter().any(|option| option == "--bless");
    let mut findings = Findings::default();
    for path in sources(&project()) {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.strip_prefix(project()).unwrap_or(&path).display().to_string();
        examine(&name, &text, &mut findings)?;
    }
    let map = fs::read_to_string(project().join("ARCHITECTURE.md")).map_err(|error| error.to_string())?;
    findings.unmapped.extend(rooms(&project()).into_iter().filter(|room| !is_named(room, &map)));
    compare(&findings, &project().join("tidy.toml"), bless)
}

/// Prints the findings and holds their counts against the kept ones.
fn compare(findings: &Findings, file: &Path, bless: bool) -> Result {
    let kept = fs::read_to_string(file).unwrap_or_default();
    let kept = |key: &str| {
        let line = kept.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        line.and_then(|number| number.trim().parse::<usize>().ok()).unwrap_or(0)
    };
    let (mut up, mut down) = (Vec::new(), false);
    let mut text = String::from("# Kept by `cargo xtask tidy --bless`. The counts may only go down.\n");
    for (key, list) in findings.lists() {
        for finding in list {
            println!("{key}: {finding}");
        }
        println!("{key}: {} (kept: {})", list.len(), kept(key));
        if list.len() > kept(key) {
            up.push(format!("{key} went from {} up to {}", kept(key), list.len()));
        }
        down |= list.len() < kept(key);
        text.push_str(&format!("{key} = {}\n", list.len()));
    }
    if !up.is_empty() {
        return Err(up.join(", "));
    }
    if down && bless {
        fs::write(file, text).map_err(|error| error.to_string())?;
    } else if down {
        println!("less than kept: `cargo xtask tidy --bless` keeps the new counts");
    }
    Ok(())
}

/// The crates, and the folders directly in their sources, as paths.
fn rooms(project: &Path) -> Vec<String> {
    let folders = |within: &Path| -> Vec<PathBuf> {
        let all = fs::read_dir(within).into_iter().flatten().flatten().map(|entry| entry.path());
        all.filter(|path| path.is_dir()).collect()
    };
    let crates = [folders(&project.join("crates")), folders(&project.join("tests"))].concat();
    let within = crates.iter().flat_map(|path| folders(&path.join("src")));
    let all = crates.iter().cloned().chain(within);
    let names = all.map(|path| path.strip_prefix(project).unwrap_or(&path).display().to_string());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Whether the map names a room: the last part of its path in backquotes, alone or at the end of a path.
fn is_named(room: &str, map: &str) -> bool {
    let name = room.rsplit('/').next().unwrap_or(room);
    map.contains(&format!("`{name}`")) || map.contains(&format!("/{name}`"))
}

/// Adds what one file has to the findings.
fn examine(name: &str, text: &str, findings: &mut Findings) -> Result {
    let file = syn::parse_file(text).map_err(|error| format!("{name}: {error}"))?;
    let mut survey = Survey { name, functions: Vec::new(), test_lines: 0 };
    survey.visit_file(&file);
    findings.long_functions.extend(survey.functions);
    let lines = text.lines().count().saturating_sub(survey.test_lines);
    if lines > FILE_LINES {
        findings.long_files.push(format!("{name}: {lines} lines"));
    }
    for (number, line) in text.lines().enumerate() {
        let comment = line.split_once("//").map(|(_, comment)| comment).unwrap_or_default();
        // A marker in backquotes is talked about, not meant.
        let marker = MARKERS.iter().find_map(|marker| comment.split_once(marker));
        let sentence = marker.filter(|(before, _)| !before.ends_with('`')).map(|(_, sentence)| sentence);
        if sentence.is_some_and(|sentence| sentence.split_ascii_whitespace().count() < SENTENCE_WORDS) {
            findings.bare_todos.push(format!("{name}:{}", number + 1));
        }
    }
    Ok(())
}

/// Every Rust file of the project that is no test.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && !["target", "tests"].contains(&name) {
            found.extend(sources(&path));
        } else if path.is_file() && name.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}

/// Walks a file's syntax tree, passing over tests.
struct Survey<'a> {
    name: &'a str,
    functions: Vec<String>,
    test_lines: usize,
}

// === impl Survey ===

impl Survey<'_> {
    /// Counts from the line of `fn` to the closing brace; attributes and documentation are not the function.
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let lines = block.span().end().line.saturating_sub(first) + 1;
        if lines > FUNCTION_LINES {
            self.functions.push(format!("{}:{first} {}: {lines} lines", self.name, signature.ident));
        }
    }
}

impl<'ast> Visit<'ast> for Survey<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_test(&item.attrs) {
            self.test_lines += line_count(item.span());
        } else {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if is_test(&item.attrs) {
            self.test_lines += line_count(item.span());
        } else {
            self.function(&item.sig, &item.block);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

// === impl Findings ===

impl Findings {
    fn lists(&self) -> [(&'static str, &Vec<String>); 4] {
        [
            ("long-functions", &self.long_functions),
            ("long-files", &self.long_files),
            ("bare-todos", &self.bare_todos),
            ("unmapped", &self.unmapped),
        ]
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        syn::Meta::NameValue(_) => false,
    })
}

fn line_count(span: Span) -> usize {
    span.end().line.saturating_sub(span.start().line) + 1
}

const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 600;
const SENTENCE_WORDS: usize = 6;
const MARKERS: [&str; 3] = ["TODO", "FIXME", "XXX"];

#[cfg(test)]
mod tests {
    use super::{Findings, examine, is_named};

    #[test]
    fn a_room_is_named_alone_or_at_the_end_of_a_path() {
        let map = "`engine` has `stage`, and `tests/compat` beside it";
        for (room, named) in
            [("crates/engine", true), ("crates/engine/src/stage", true), ("tests/compat", true)]
        {
            assert_eq!(is_named(room, map), named, "{room}");
        }
        assert!(!is_named("crates/engine/src/age", map) && !is_named("tests/browser", map));
    }

    #[test]
    fn long_things_are_found_and_tests_are_not_counted() {
        let body = "    x();\n".repeat(70);
        let tests =
            format!("#[cfg(test)]\nmod tests {{\nfn t() {{\n{body}{body}}}\n{}}}\n", "// x\n".repeat(600));
        let text = format!(
            "/// Doc.\nfn long() {{\n{body}}}\nfn short() {{}}\n// TODO\n// TODO: say what is missing and what it costs.\n{tests}"
        );
        let mut findings = Findings::default();
        examine("a.rs", &text, &mut findings).unwrap();
        assert_eq!(findings.long_functions, ["a.rs:2 long: 72 lines"]);
        assert_eq!(findings.bare_todos, ["a.rs:75"]);
        assert!(findings.long_files.is_empty());
    }
}
