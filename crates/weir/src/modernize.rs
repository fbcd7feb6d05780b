//! `weir modernize FILE`: the file in today's spelling, comments and layout kept.
//!
//! What was old is known from the load: [`weir_config::Rewrite`] says which words were read as which lines. Words that
//! a line keeps are copied as they were written, variables and quotes with them. A frontend and a backend of one name
//! get two. Nothing is written to the file: the text goes to standard output.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use weir_config::{Document, Line, Prefix, Rewrite, Sections, Word, quote};
use weir_diag::{Source, SourceId};

use crate::access::Access;
use crate::cli::Options;
use crate::finish::Finish;
use crate::load;
use crate::say::{self, Voice};

/// Prints the modern text; 1 where the file has mistakes that no other spelling mends.
pub(crate) fn run(file: &Path, voice: &Voice) -> Finish {
    let options = Options { files: vec![file.to_path_buf()], check: true, ..Options::default() };
    let loaded = load::words(&options, &Access::Own);
    let Some((id, source)) = loaded.sources.iter().next() else {
        let configuration = load::load(&options, &Access::Own);
        load::announce(&configuration, &options, voice);
        return Finish::Exit(1);
    };
    let mut edits = Edits::default();
    for rewrite in loaded.rewrites.iter().filter(|r| r.old.span.source == id) {
        edits.rewrite(rewrite, source);
    }
    apart(&loaded.document, id, &mut edits);
    say::print(edits.applied(source));
    let configuration = load::load(&options, &Access::Own);
    if configuration.diagnostics.is_fatal() {
        load::announce(&configuration, &options, voice);
        return Finish::Exit(1);
    }
    Finish::Exit(0)
}

/// What replaces which bytes.
#[derive(Default)]
struct Edits(BTreeMap<usize, (usize, String)>);

// === impl Edits ===

impl Edits {
    fn put(&mut self, start: usize, end: usize, text: String) {
        self.0.insert(start, (end, text));
    }

    fn rewrite(&mut self, rewrite: &Rewrite, source: &Source) {
        let old = &rewrite.old;
        let Some(last) = old.words.last() else { return };
        let (start, end) = (old.span.start as usize, last.span.end as usize);
        let written = |line: &Line| written(line, old, source);
        if rewrite.in_header {
            // The address leaves the header and becomes the section's first line.
            let Some((first, kept)) = rewrite.new.first().and_then(|l| l.words.get(1)).zip(old.words.get(1))
            else {
                return;
            };
            let moved: String = rewrite.new.iter().map(|l| format!("\n    {}", written(l))).collect();
            let from = kept.span.end as usize;
            let to = rewrite.new.first().and_then(|l| l.words.last()).map_or(first.span.end, |w| w.span.end);
            self.put(from, to as usize, String::new());
            self.put(line_end(source, to as usize), line_end(source, to as usize), moved);
            return;
        }
        let indent = indent(source, start);
        match rewrite.new.is_empty() {
            true => self.put(start, start, "# ".to_owned()),
            false => {
                let lines: Vec<String> = rewrite.new.iter().map(written).collect();
                self.put(start, end, lines.join(&format!("\n{indent}")));
            }
        }
    }

    fn applied(&self, source: &Source) -> String {
        let mut out: Vec<u8> = Vec::with_capacity(source.text.len());
        let mut done = 0;
        for (start, (end, text)) in &self.0 {
            out.extend_from_slice(source.text.get(done..*start).unwrap_or_default());
            out.extend_from_slice(text.as_bytes());
            done = (*end).max(done);
        }
        out.extend_from_slice(source.text.get(done..).unwrap_or_default());
        if !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// A new line as text: words of the old line as they stand there, others quoted where they must be.
fn written(line: &Line, old: &Line, source: &Source) -> String {
    let prefix = match line.prefix {
        Prefix::None => "",
        Prefix::No => "no ",
        Prefix::Default => "default ",
    };
    let kept = |word: &Word| old.words.iter().any(|o| o.span == word.span && o.bytes == word.bytes);
    let text = |word: &Word| {
        let raw = source.text.get(word.span.start as usize..word.span.end as usize).filter(|_| kept(word));
        raw.map_or_else(|| quote(&word.bytes), |raw| String::from_utf8_lossy(raw).into_owned())
    };
    let words: Vec<String> = line.words.iter().map(text).collect();
    format!("{prefix}{}", words.join(" "))
}

/// The blanks before a place in its line.
fn indent(source: &Source, at: usize) -> String {
    let before = source.text.get(..at).unwrap_or_default();
    let begin = before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let blanks = before.get(begin..).unwrap_or_default().iter().take_while(|b| b" \t".contains(b));
    blanks.map(|b| char::from(*b)).collect()
}

fn line_end(source: &Source, at: usize) -> usize {
    let rest = source.text.get(at..).unwrap_or_default();
    at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
}

/// A backend that shares its name with a frontend gets a name of its own, wherever the name leads to it.
fn apart(document: &Document, id: SourceId, edits: &mut Edits) {
    let named = |kind: Sections| -> BTreeSet<String> {
        let sections = document.sections.iter().filter(|s| s.kind == kind);
        sections.filter_map(|s| s.name()).map(|w| w.text().into_owned()).collect()
    };
    let (fronts, backs) = (named(Sections::FRONTEND), named(Sections::BACKEND));
    let shared: BTreeSet<&String> = fronts.intersection(&backs).collect();
    let all: BTreeSet<&String> = fronts.union(&backs).collect();
    for name in shared {
        let mut modern = format!("{name}_back");
        while all.contains(&modern) {
            modern.push('_');
        }
        let mut put = |word: &Word| {
            if word.span.source == id && word.is(name) {
                edits.put(word.span.start as usize, word.span.end as usize, modern.clone());
            }
        };
        for section in &document.sections {
            if section.kind == Sections::BACKEND {
                section.name().into_iter().for_each(&mut put);
            }
            for line in &section.lines {
                let first = line.words.first();
                if first.is_some_and(|w| w.is("default_backend") || w.is("use_backend")) {
                    line.words.get(1).into_iter().for_each(&mut put);
                }
            }
        }
    }
}
