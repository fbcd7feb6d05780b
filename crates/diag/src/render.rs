//! Messages as text: for a terminal with an excerpt, for a log as one line.

use std::fmt::Write as _;

use crate::excerpt::excerpt;
use crate::{Diagnostic, Diagnostics, Form, Severity, Sources};

/// How messages are written.
#[derive(Clone, Copy, Debug)]
pub struct Renderer<'a> {
    /// The texts that spans point into.
    pub sources: &'a Sources,
    /// The process id that HAProxy prints in each line.
    pub pid: u32,
}

/// What the closing lines of a check depend on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report<'a> {
    /// Shown as notices before the first warning or alert: version and path of the program.
    pub preamble: &'a [String],
    /// Whether excerpts, hints and related places are shown.
    pub excerpts: bool,
    /// `-dD`: whether messages of [`Severity::Diag`] are shown.
    pub diag: bool,
    /// `-dW` or `zero-warning`: a warning is fatal.
    pub zero_warning: bool,
}

/// HAProxy's first line of a message, without line feed: `[ALERT]    (pid) : config : parsing [file:line] : message`.
pub fn first_line(diagnostic: &Diagnostic, sources: &Sources, pid: u32) -> String {
    let tag = diagnostic.severity.tag();
    let message = &diagnostic.message;
    let place = diagnostic.at.and_then(|span| {
        let source = sources.of(span.source)?;
        (span.line > 0).then(|| format!("[{}:{}]", source.name, span.line))
    });
    match (diagnostic.form, place) {
        (Form::Parsing, Some(place)) => format!("{tag}({pid}) : config : parsing {place} : {message}"),
        (Form::Tight, Some(place)) => format!("{tag}({pid}) : config : parsing {place}: {message}"),
        (Form::Here, Some(place)) => format!("{tag}({pid}) : config : {place} : {message}"),
        (Form::Place, Some(place)) => format!("{tag}({pid}) : {place} : {message}"),
        (Form::Spaced, Some(place)) => format!("{tag}({pid}) : parsing {place} : {message}"),
        (Form::Unresolved, Some(place)) => format!("{tag}({pid}) : parsing {place}: {message}"),
        (Form::Late, Some(place)) => format!("{tag}({pid}) : Parsing {place}: {message}"),
        (Form::Bare, _) => format!("{tag}({pid}) : {message}"),
        (Form::LateConfig, Some(place)) => format!("{tag}({pid}) : config : Parsing {place}: {message}"),
        (
            Form::Parsing
            | Form::Tight
            | Form::Here
            | Form::Late
            | Form::Unresolved
            | Form::Spaced
            | Form::Place
            | Form::LateConfig
            | Form::Config,
            _,
        ) => {
            format!("{tag}({pid}) : config : {message}")
        }
    }
}

// === impl Renderer ===

impl Renderer<'_> {
    /// For a log: the first line without anything below it.
    pub fn log(&self, diagnostic: &Diagnostic) -> String {
        let mut line = first_line(diagnostic, self.sources, self.pid);
        line.push('\n');
        line
    }

    /// For a terminal: the first line, then the excerpt with a caret under the word, the related places, the hint.
    pub fn terminal(&self, diagnostic: &Diagnostic) -> String {
        let mut out = self.log(diagnostic);
        let spans = diagnostic.at.iter().chain(diagnostic.related.iter().map(|(span, _)| span));
        let width = spans.map(|span| span.line.to_string().len()).max().unwrap_or(1).max(3);
        if let Some(span) = diagnostic.at {
            out.push_str(&excerpt(self.sources, span, width));
        }
        for (span, label) in &diagnostic.related {
            let name = self.sources.of(span.source).map_or("", |s| s.name.as_str());
            let _ = writeln!(out, "{:width$} ::: {name}:{}: {label}", "", span.line);
            out.push_str(&excerpt(self.sources, *span, width));
        }
        if let Some(hint) = &diagnostic.hint {
            let _ = writeln!(out, "{:width$} = hint: {hint}", "");
        }
        out
    }

    /// Everything that a load writes to standard error, closing lines included.
    ///
    /// As HAProxy does it, files with faults are named at the end, and then that they are fatal.
    pub fn report(&self, diagnostics: &Diagnostics, report: &Report<'_>) -> String {
        let mut out = String::new();
        let mut preamble = Some(report.preamble);
        for diagnostic in diagnostics.iter().filter(|d| report.diag || d.severity != Severity::Diag) {
            if diagnostic.severity >= Severity::Warning {
                for line in preamble.take().unwrap_or_default() {
                    out.push_str(&self.plain(Severity::Notice, line));
                }
            }
            out.push_str(&if report.excerpts { self.terminal(diagnostic) } else { self.log(diagnostic) });
        }
        let placed = |d: &&Diagnostic| {
            d.severity == Severity::Alert && matches!(d.form, Form::Parsing | Form::Tight | Form::Here)
        };
        let mut faulty: Vec<_> =
            diagnostics.iter().filter(placed).filter_map(|d| d.at.map(|s| s.source)).collect();
        faulty.sort();
        faulty.dedup();
        for source in faulty.iter().filter_map(|&id| self.sources.of(id)) {
            let line = format!("config : Error(s) found in configuration file : {}", source.name);
            out.push_str(&self.plain(Severity::Alert, &line));
        }
        if !faulty.is_empty() {
            out.push_str(&self.plain(Severity::Alert, "config : Fatal errors found in configuration."));
        } else if !diagnostics.is_fatal() && report.zero_warning && diagnostics.count(Severity::Warning) > 0 {
            let line = "Some warnings were found and 'zero-warning' is set. Aborting.";
            out.push_str(&self.plain(Severity::Alert, line));
        }
        out
    }

    fn plain(&self, severity: Severity, text: &str) -> String {
        format!("{}({}) : {text}\n", severity.tag(), self.pid)
    }
}

// === impl Report ===

impl Report<'_> {
    /// Whether the configuration may be used.
    pub fn accepts(&self, diagnostics: &Diagnostics) -> bool {
        let too_strict = self.zero_warning && diagnostics.count(Severity::Warning) > 0;
        !diagnostics.is_fatal() && !too_strict
    }

    /// What `-c` writes to standard output (nothing when quiet) and the code that it ends with. `verbose` is `-V`,
    /// `listeners` whether the configuration has any.
    pub fn check(&self, diagnostics: &Diagnostics, verbose: bool, listeners: bool) -> (String, u8) {
        if !self.accepts(diagnostics) {
            return (String::new(), 1);
        }
        let mut out = String::new();
        let hints = self.diag && diagnostics.count(Severity::Diag) > 0;
        if hints || diagnostics.count(Severity::Warning) > 0 {
            out.push_str("Warnings were found.\n");
        }
        if !listeners {
            out.push_str("Configuration file has no error but will not start (no listener) => exit(2).\n");
            return (out, 2);
        }
        if verbose {
            out.push_str("Configuration file is valid\n");
        }
        (out, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    fn sources(text: &[u8]) -> Sources {
        let mut sources = Sources::default();
        sources.add("c.cfg", text.to_vec());
        sources
    }

    fn at(line: u32, start: u32, end: u32) -> Span {
        Span { line, start, end, ..Span::default() }
    }

    #[test]
    fn first_lines_have_the_shapes_of_the_reference() {
        let sources = sources(b"a\n");
        for (diagnostic, expected) in [
            (Diagnostic::alert(at(1, 0, 1), "m"), "[ALERT]    (7) : config : parsing [c.cfg:1] : m"),
            (Diagnostic::warning(at(1, 0, 1), "m").tight(), "[WARNING]  (7) : config : parsing [c.cfg:1]: m"),
            (
                Diagnostic::notice(at(1, 0, 1), "m").form(Form::Here),
                "[NOTICE]   (7) : config : [c.cfg:1] : m",
            ),
            (Diagnostic::alert(at(1, 0, 1), "m").form(Form::Late), "[ALERT]    (7) : Parsing [c.cfg:1]: m"),
            (Diagnostic::new(Severity::Diag, None, "m"), "[DIAG]     (7) : config : m"),
            (Diagnostic::new(Severity::Alert, None, "m").form(Form::Bare), "[ALERT]    (7) : m"),
        ] {
            assert_eq!(first_line(&diagnostic, &sources, 7), expected);
        }
    }

    #[test]
    fn excerpts_point_at_the_word_and_survive_any_bytes() {
        let long = format!("{} word {}\n", "a".repeat(300), "b".repeat(300));
        for (text, span, expected) in [
            (&b"global\n\tmaxconn x\n"[..], at(2, 16, 17), "    |\n  2 |  maxconn x\n    |          ^\n"),
            (b"\xff\xc3\xa9\x01 foo bar\n", at(1, 5, 8), "    |\n  1 | ?\u{e9}? foo bar\n    |     ^^^\n"),
            (b"foo", at(1, 3, 4), "    |\n  1 | foo\n    |    ^\n"),
            (b"foo", at(1, 900, 901), ""),
            (b"foo", at(0, 0, 1), ""),
            (
                long.as_bytes(),
                at(1, 301, 305),
                &format!(
                    "    |\n  1 | ...{} word {}...\n    | {}^^^^\n",
                    "a".repeat(59),
                    "b".repeat(59),
                    " ".repeat(63)
                ),
            ),
        ] {
            let sources = sources(text);
            assert_eq!(excerpt(&sources, span, 3), expected, "{span:?}");
        }
    }

    #[test]
    fn a_terminal_sees_related_places_and_the_hint() {
        let sources = sources(b"frontend a\nfrontend a\n");
        let diagnostic =
            Diagnostic::alert(at(2, 20, 21), "twice").related(at(1, 9, 10), "first here").hint("rename it");
        let renderer = Renderer { sources: &sources, pid: 7 };
        assert_eq!(
            renderer.terminal(&diagnostic),
            "[ALERT]    (7) : config : parsing [c.cfg:2] : twice\n    |\n  2 | frontend a\n    |          ^\n    \
             ::: c.cfg:1: first here\n    |\n  1 | frontend a\n    |          ^\n    = hint: rename it\n"
        );
    }

    #[test]
    fn a_report_closes_as_the_reference_does() {
        let sources = sources(b"a\nb\n");
        let renderer = Renderer { sources: &sources, pid: 7 };
        let preamble = ["version".to_owned()];
        let report = Report { preamble: &preamble, ..Report::default() };
        let mut diagnostics = Diagnostics::default();
        assert_eq!(renderer.report(&diagnostics, &report), "");
        assert_eq!(report.check(&diagnostics, true, true), ("Configuration file is valid\n".into(), 0));
        assert_eq!(
            report.check(&diagnostics, false, false),
            ("Configuration file has no error but will not start (no listener) => exit(2).\n".into(), 2)
        );
        diagnostics.push(Diagnostic::warning(at(1, 0, 1), "'w'.").tight());
        let strict = Report { zero_warning: true, ..report };
        assert_eq!(report.check(&diagnostics, false, true), ("Warnings were found.\n".into(), 0));
        assert_eq!(strict.check(&diagnostics, false, true), (String::new(), 1));
        assert_eq!(
            renderer.report(&diagnostics, &strict),
            "[NOTICE]   (7) : version\n[WARNING]  (7) : config : parsing [c.cfg:1]: 'w'.\n\
             [ALERT]    (7) : Some warnings were found and 'zero-warning' is set. Aborting.\n"
        );
        diagnostics.push(Diagnostic::alert(at(2, 2, 3), "x"));
        assert_eq!(report.check(&diagnostics, true, true), (String::new(), 1));
        assert!(renderer.report(&diagnostics, &report).ends_with(
            "[ALERT]    (7) : config : parsing [c.cfg:2] : x\n\
             [ALERT]    (7) : config : Error(s) found in configuration file : c.cfg\n\
             [ALERT]    (7) : config : Fatal errors found in configuration.\n"
        ));
    }
}
