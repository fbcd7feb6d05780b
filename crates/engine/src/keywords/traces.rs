//! `traces` sections: what the program tells of itself from the start (manual, 12.1).
//!
//! A `trace` line is judged here and obeyed when the engine starts; its words are those of the runtime API.

use weir_config::{Arity, Class, Entry, Keyword, Line, Place, Section, Sections};
use weir_diag::{Diagnostic, Severity};

use super::resolve::{Load, unexpected};
use super::{LISTS, List, ListCtx, ListFn};
use crate::trace::{self, Said};

/// The lines of the section.
pub(super) const TRACES: &[Keyword<ListFn>] = &[Keyword::works(
    Entry::new(Class::Traces, "trace", Sections::TRACES, Arity::ANY, "what a part of the program tells"),
    line,
)];

/// Reads a section. The reference speaks of `global` where a line is none of this section.
pub(super) fn section(load: &mut Load<'_>, section: &Section) {
    if let Some(extra) = section.header.words.get(1) {
        load.out.push(unexpected("traces", extra));
    }
    let place = Place { classes: &[Class::Traces], section: Sections::TRACES, keyword: "traces", name: "" };
    for line in &section.lines {
        if !line.words.first().is_some_and(|word| word.is("trace")) {
            let word = line.words.first().map(|word| word.text()).unwrap_or_default();
            load.out.push(line.alert(format!("unknown keyword '{word}' in 'global' section")));
            continue;
        }
        let mut line = line.clone();
        let Some(found) = LISTS.line(&place, &mut line, &mut load.out) else { continue };
        let list = List::Traces(&mut load.conf.traces);
        let mut ctx = ListCtx { list, out: &mut load.out, sources: load.sources, outside: load.outside };
        let result = (found.run)(&mut ctx, &line);
        load.out.take(result);
    }
}

fn line(ctx: &mut ListCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let List::Traces(lines) = &mut ctx.list else { return Ok(()) };
    lines.push(line.words.iter().skip(1).map(|word| word.text().into_owned()).collect());
    let last = trace::judge(lines.iter().map(Vec::as_slice)).pop();
    let said =
        |severity, text: String| Diagnostic::new(severity, Some(line.span), format!("'trace': {text}"));
    match last {
        Some(Said::Wrong(text)) => return Err(line.alert(text)),
        Some(Said::Choices(text)) => ctx.out.push(said(Severity::Warning, text)),
        Some(Said::Note(text)) => ctx.out.push(said(Severity::Notice, text)),
        Some(Said::Nothing) | None => {}
    }
    Ok(())
}
