//! Files to a [`Document`]: lines, conditional blocks, sections, environment, old spellings.
//!
//! [`Loader::load`] never fails: it yields what it understood and all that was wrong. The files are gone through
//! twice, as HAProxy does it: once for what `global` says of the environment, then in earnest, so that a variable
//! set at the end of a file is seen by a condition at its beginning.

use std::io;
use std::ops::ControlFlow;

use weir_diag::{Diagnostic, Diagnostics, Severity, SourceId, Sources, Span, system_words};

use crate::blocks::Blocks;
use crate::document::{Document, Section};
use crate::environment::Position;
use crate::lexer::{self, Fault};
use crate::{Environment, Features, Keyword, Line, Prefix, Sections, State, Word, legacy, run_of};

/// Where files come from: the file system, or a supervisor that may read what this process may not.
pub trait Files {
    /// The whole of a file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// The names of the regular files in a directory, in any order; `None` where `path` is no directory.
    fn list(&self, path: &str) -> io::Result<Option<Vec<String>>>;
}

/// What a load needs to know besides the files.
pub struct Loader<'a> {
    /// Where files come from.
    pub files: &'a dyn Files,
    /// The names of the sections. The function's place holds the section as a flag.
    pub sections: &'a [Keyword<Sections>],
    /// What conditions may ask for.
    pub features: &'a Features,
    /// What the configuration sees at the start: see [`Environment`].
    pub environment: Environment,
}

/// What a load yields.
#[derive(Debug)]
pub struct Loaded {
    /// What was understood.
    pub document: Document,
    /// The texts that spans point into.
    pub sources: Sources,
    /// All that was wrong, in the order of the files.
    pub diagnostics: Diagnostics,
    /// The environment as the last line left it.
    pub environment: Environment,
    /// The files that were read, directories replaced by what is in them.
    pub files: Vec<String>,
    /// The lines in old spellings, in the order of the files.
    pub rewrites: Vec<Rewrite>,
}

/// A line in an old spelling, and what it was read as.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// The words that were replaced: a whole line, or the address in the header of a section.
    pub old: Line,
    /// The lines that follow from them, none where they have no effect.
    pub new: Vec<Line>,
    /// The new lines follow the line, instead of replacing it.
    pub in_header: bool,
}

impl Loader<'_> {
    /// Reads the files and directories of `paths` in this order, as `-f` names them.
    pub fn load(&self, paths: &[&str]) -> Loaded {
        let mut diagnostics = Diagnostics::default();
        let files = self.expand(paths, &mut diagnostics);
        let mut sources = Sources::default();
        let mut texts = Vec::new();
        for file in &files {
            match self.files.read(file) {
                Ok(text) => texts.push((sources.add(file, text.clone()), file.as_str(), text)),
                Err(error) => diagnostics.push(cannot_open(file, &error)),
            }
        }
        let mut environment = self.environment.clone();
        environment.set("HAPROXY_CFGFILES", files.join(";"));

        let mut discovery = Reader::new(self, environment);
        for (source, name, text) in &texts {
            if discovery.file(*source, name, text).is_break() {
                break;
            }
        }
        let mut reader = Reader::new(self, discovery.environment);
        for (source, name, text) in &texts {
            if reader.file(*source, name, text).is_break() {
                break;
            }
        }
        // What kept a line from being cut into words is told before what the words mean, as the first of the two readings
        // finds it.
        diagnostics.extend(reader.unreadable);
        diagnostics.extend(reader.diagnostics);
        let (mut document, environment) = (reader.document, reader.environment);
        document.environment = environment.clone();
        Loaded { document, sources, diagnostics, environment, files, rewrites: reader.rewrites }
    }

    /// Directories become their `*.cfg` files in the order of the C locale, those beginning with a dot left out.
    fn expand(&self, paths: &[&str], diagnostics: &mut Diagnostics) -> Vec<String> {
        let mut files = Vec::new();
        for &path in paths {
            match self.files.list(path) {
                Ok(None) => files.push(path.to_owned()),
                Ok(Some(mut names)) => {
                    names.retain(|name| !name.starts_with('.') && name.ends_with(".cfg"));
                    names.sort();
                    files.extend(names.iter().map(|name| format!("{path}/{name}")));
                }
                Err(error) => diagnostics.push(cannot_open(path, &error)),
            }
        }
        files
    }
}

fn cannot_open(path: &str, error: &io::Error) -> Diagnostic {
    let reason = system_words(error);
    Diagnostic::new(
        Severity::Alert,
        None,
        format!("Cannot open configuration file/directory {path} : {reason}"),
    )
}

/// One pass over all files.
struct Reader<'a> {
    loader: &'a Loader<'a>,
    environment: Environment,
    document: Document,
    diagnostics: Diagnostics,
    /// Faults of lines that are no words.
    unreadable: Diagnostics,
    rewrites: Vec<Rewrite>,
    /// `.SECTION`
    section_name: Vec<u8>,
    /// `expose-deprecated-directives` was read.
    expose_deprecated: bool,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn new(loader: &'a Loader<'a>, environment: Environment) -> Self {
        Self {
            loader,
            environment,
            document: Document::default(),
            diagnostics: Diagnostics::default(),
            unreadable: Diagnostics::default(),
            rewrites: Vec::new(),
            section_name: Vec::new(),
            expose_deprecated: false,
        }
    }

    /// Reads one file; breaks where an `.alert` says that nothing more is to be read.
    fn file(&mut self, source: SourceId, name: &str, text: &[u8]) -> ControlFlow<()> {
        let mut blocks = Blocks::default();
        let mut span = Span { source, line: 0, start: 0, end: 0 };
        // A new file begins no section: its first lines need a header of their own.
        let mut in_section = false;
        self.section_name.clear();
        let mut rest = text;
        while !rest.is_empty() {
            let length = rest.iter().position(|&b| b == b'\n');
            let (line, tail) = rest.split_at_checked(length.unwrap_or(rest.len())).unwrap_or((rest, &[]));
            rest = tail.get(1..).unwrap_or_default();
            span.line += 1;
            span.end = span.start.saturating_add(offset(line.len()));
            // In the last line a NUL hides the line feed.
            let cut = line.iter().position(|&b| b == 0).filter(|_| rest.is_empty());
            if length.is_none() || cut.is_some() {
                self.unreadable.push(missing_line_feed(span, cut.unwrap_or(line.len())));
                break;
            }
            let stop = self.line(line, span, name, &mut blocks, &mut in_section);
            if stop.is_break() {
                return stop;
            }
            span.start = span.end.saturating_add(1);
        }
        self.diagnostics.extend(blocks.unterminated(span));
        ControlFlow::Continue(())
    }

    fn line(
        &mut self,
        text: &[u8],
        span: Span,
        file: &str,
        blocks: &mut Blocks,
        in_section: &mut bool,
    ) -> ControlFlow<()> {
        let go_on = ControlFlow::Continue(());
        if let Some(at) = text.iter().position(|&b| b == 0) {
            let place = part(span, at, 1);
            let message = format!("Stray NUL character at position {}.", at + 1);
            self.unreadable.push(Diagnostic::alert(place, message).tight());
            return go_on;
        }
        let position = Position { file, line: span.line, section: &self.section_name };
        let lexed = lexer::lex(text, span, &self.environment, position);
        if let Some(fault) = lexed.fault {
            self.unreadable.push(fault_alert(fault, span));
            return go_on;
        }
        let mut words = lexed.words;
        let Some(first) = words.first() else { return go_on };
        let span = Span { start: first.span.start, ..span };
        if words.len() > MAX_WORDS {
            self.diagnostics.extend(too_many_words(&words, span));
            return go_on;
        }
        if first.bytes.is_empty() {
            let notice = Diagnostic::notice(first.span, "the line begins with an empty word and is ignored.");
            self.diagnostics.push(notice.hint("a variable that is not set gives an empty word"));
            return go_on;
        }
        if first.bytes.starts_with(b".") {
            return blocks.directive(
                &words,
                span,
                &self.environment,
                self.loader.features,
                &mut self.diagnostics,
            );
        }
        if !blocks.active() {
            return go_on;
        }
        if let Some(alert) = empty_argument(&words, text, span, &self.environment) {
            self.diagnostics.push(alert);
            return go_on;
        }
        let prefix = match &*first.bytes {
            b"no" => Prefix::No,
            b"default" => Prefix::Default,
            _ => Prefix::None,
        };
        if prefix != Prefix::None {
            words.remove(0);
        }
        let line = Line { prefix, words, name_len: 1, span };
        self.sort_in(line, in_section);
        go_on
    }

    /// Begins a section, or adds the line to the one that is open.
    fn sort_in(&mut self, line: Line, in_section: &mut bool) {
        let Some(first) = line.words.first() else {
            self.diagnostics.push(crate::registry::negation_alert(line.span));
            return;
        };
        let header = self.loader.sections.iter().find(|s| first.is(s.entry.name));
        if let Some(keyword) = header {
            if line.prefix != Prefix::None {
                self.diagnostics.push(crate::registry::negation_alert(line.span));
            }
            let name = line.words.get(1).unwrap_or(first);
            self.section_name = name.bytes.to_vec();
            *in_section = true;
            self.begin(keyword, line);
            return;
        }
        if line.prefix != Prefix::None && !NEGATED.iter().any(|word| first.is(word)) {
            self.diagnostics.push(crate::registry::negation_alert(line.span));
            return;
        }
        let section = if *in_section { self.document.sections.last_mut() } else { None };
        let Some(section) = section else {
            let message = format!("unknown keyword '{}' out of section.", first.text());
            self.diagnostics.push(first.alert(message).tight());
            return;
        };
        let of_environment = section.kind == Sections::GLOBAL && line.prefix == Prefix::None;
        if of_environment && let Some(Err(alert)) = self.environment.obey(&line) {
            self.diagnostics.push(alert);
            return;
        }
        self.expose_deprecated |= of_environment && first_is(&line, "expose-deprecated-directives");
        let old = line.clone();
        let new = legacy::modernise(line, section.kind, self.expose_deprecated, &mut self.diagnostics);
        if new.first() != Some(&old) || new.len() > 1 {
            self.rewrites.push(Rewrite { old, new: new.clone(), in_header: false });
        }
        section.lines.extend(new);
    }

    fn begin(&mut self, keyword: &Keyword<Sections>, header: Line) {
        let kind = match keyword.state {
            State::Works(kind) | State::Judged(kind, _) => kind,
            State::Inert(_) | State::Refused(_) => {
                match run_of(keyword, header.name_span(), keyword.entry.name) {
                    Ok(Err(message)) | Err(message) => self.diagnostics.push(message),
                    Ok(Ok(_)) => {}
                }
                Sections::empty()
            }
        };
        let mut header = header;
        let old = header.clone();
        let lines = legacy::header(&mut header, kind, &mut self.diagnostics);
        if !lines.is_empty() {
            self.rewrites.push(Rewrite { old, new: lines.clone(), in_header: true });
        }
        self.document.sections.push(Section { kind, header, lines });
    }
}

/// The last line ends after `length` bytes without a line feed.
fn missing_line_feed(span: Span, length: usize) -> Diagnostic {
    let message =
        format!("Missing LF on last line, file might have been truncated at position {}.", length + 1);
    Diagnostic::alert(part(span, length.saturating_sub(1), 1), message)
        .tight()
        .hint("end the last line with a line feed, so that a file that was cut off is told from a whole one")
}

fn fault_alert(fault: Fault, span: Span) -> Diagnostic {
    let message = format!("{} at position {}:", fault.kind.text(), fault.at + 1);
    Diagnostic::alert(part(span, fault.at, 1), message).tight().hint(fault.kind.hint())
}

fn too_many_words(words: &[Word], span: Span) -> Option<Diagnostic> {
    let last = words.get(MAX_WORDS - 1)?;
    let position = last.span.start.saturating_sub(span.start) + 1;
    let text = last.text();
    let message =
        format!("too many words, truncating after word {MAX_WORDS}, position {position}: <{text}>.");
    Some(Diagnostic::alert(last.span, message).tight())
}

/// The alert for a word of nothing behind the first. Words that set the environment judge theirs themselves.
fn empty_argument(words: &[Word], text: &[u8], span: Span, environment: &Environment) -> Option<Diagnostic> {
    let first = words.first()?;
    if first.is("setenv") || first.is("presetenv") {
        return None;
    }
    let (number, word) = words.iter().enumerate().skip(1).find(|(_, w)| w.bytes.is_empty())?;
    let line_start = span.end.saturating_sub(offset(text.len()));
    let from = word.span.start.saturating_sub(line_start) as usize;
    let to = word.span.end.saturating_sub(line_start) as usize;
    let raw = text.get(from..to).unwrap_or_default();
    let at = match unset_variable(raw, environment) {
        Some(name_at) => from + name_at,
        None if raw.ends_with(b"\"") || raw.ends_with(b"'") => to - 1,
        None => from,
    };
    let message = format!(
        "argument number {number} at position {} is empty and marks the end of the argument list:",
        at + 1
    );
    let alert = Diagnostic::alert(word.span, message).tight();
    Some(alert.hint(
        "an empty word would hide all that follows it; a variable that is not set gives one (manual 2.3)",
    ))
}

/// Where the name begins of a variable that is not set and of which the word consists.
fn unset_variable(raw: &[u8], environment: &Environment) -> Option<usize> {
    let (at, rest) = match raw {
        [b'"', b'$', b'{', rest @ ..] => (3, rest),
        [b'"', b'$', rest @ ..] => (2, rest),
        _ => return None,
    };
    let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let name = rest.get(..length)?;
    environment.value(name).is_none().then_some(at)
}

fn first_is(line: &Line, name: &str) -> bool {
    line.words.first().is_some_and(|w| w.is(name))
}

fn part(span: Span, at: usize, length: usize) -> Span {
    let start = span.start.saturating_add(offset(at));
    Span { start, end: start.saturating_add(offset(length)), ..span }
}

fn offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A line has at most so many words, its keyword included.
pub(crate) const MAX_WORDS: usize = 64;

/// The words that `no` and `default` may stand before.
const NEGATED: [&str; 7] = [
    "option",
    "log",
    "busy-polling",
    "set-dumpable",
    "strict-limits",
    "insecure-fork-wanted",
    "numa-cpu-mapping",
];
