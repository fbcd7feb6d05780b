//! Old spellings: lines that some HAProxy since 1.4 loaded and today's does not, or only with a warning.
//!
//! Each is rewritten to its modern form before any keyword is looked up, with one warning that shows the form; the
//! keyword tables know modern words only. What cannot be rewritten is refused with what to write instead. The list is
//! [`table::REWRITES`]; lines whose arguments need work have a function in `special`.

mod edits;
mod special;
mod table;

use weir_diag::{Diagnostic, Diagnostics, Form};

use crate::{Line, Prefix, Sections, Word};
use table::{REWRITES, Rewrite, To};

/// The modern lines for `line`, which stands in `section`. `silent` is `expose-deprecated-directives`: nothing is
/// said of words that the reference still knows.
pub(crate) fn modernise(line: Line, section: Sections, silent: bool, out: &mut Diagnostics) -> Vec<Line> {
    let Some(rewrite) = REWRITES.iter().find(|r| r.matches(&line, section)) else {
        return special::without_process(line, section, out);
    };
    let name = line.words.get(..rewrite.from.len()).unwrap_or_default();
    let args = line.words.get(rewrite.from.len()..).unwrap_or_default();
    let at = Line { name_len: rewrite.from.len(), ..line.clone() }.name_span();
    let message = rewrite.text(args);
    let lines = match rewrite.to {
        To::Refused(instead) => {
            out.push(Diagnostic::alert(at, message).form(rewrite.form).hint(instead));
            return Vec::new();
        }
        To::Gone => Vec::new(),
        // `no option transparent`: an option that became something else was never on.
        To::Words(modern) if line.prefix != Prefix::None && !modern.starts_with("option ") => Vec::new(),
        To::Words(modern) => {
            let mut words = like(name.first(), modern);
            words.extend_from_slice(args);
            vec![Line { words, ..line.clone() }]
        }
        To::Tried(make, instead) => match make(&line, args) {
            Some(lines) => lines,
            None => {
                out.push(Diagnostic::alert(at, message).form(rewrite.form).hint(instead));
                return Vec::new();
            }
        },
        To::Lines(make) => match make(&line, args) {
            Some(lines) => lines,
            None => return vec![line],
        },
    };
    if !(silent && rewrite.still_known) {
        let warning = Diagnostic::warning(at, message).form(rewrite.form);
        out.push(warning.hint(reading(&lines)));
    }
    lines
}

/// Takes addresses out of the header of a `listen` or `frontend` section; they become its first `bind` line.
pub(crate) fn header(header: &mut Line, section: Sections, out: &mut Diagnostics) -> Vec<Line> {
    if section.is_empty() || !Sections::FRONTENDS.contains(section) {
        return Vec::new();
    }
    let rest = header.words.get(2..).unwrap_or_default();
    let end = rest.iter().position(|w| w.is("from")).unwrap_or(rest.len());
    let (Some(first), Some(last)) = (rest.first(), rest.get(..end).and_then(<[Word]>::last)) else {
        return Vec::new();
    };
    if !special::is_address(first) {
        return Vec::new();
    }
    let span = weir_diag::Span { end: last.span.end, ..first.span };
    let mut words = like(Some(first), "bind");
    words.extend(header.words.drain(2..2 + end));
    let lines = vec![Line { prefix: Prefix::None, words, name_len: 1, span }];
    let warning = Diagnostic::warning(span, "please use the 'bind' keyword for listening addresses.");
    out.push(warning.hint(reading(&lines)));
    lines
}

/// The words of `text`, standing where `place` stands.
fn like(place: Option<&Word>, text: &str) -> Vec<Word> {
    let span = place.map(|w| w.span).unwrap_or_default();
    text.split(' ').map(|w| Word { bytes: w.as_bytes().into(), span }).collect()
}

fn reading(lines: &[Line]) -> String {
    let shown: Vec<String> = lines.iter().map(|l| format!("`{}`", l.modern())).collect();
    match shown.is_empty() {
        true => "it has no effect; remove it".to_owned(),
        false => format!("read as {}", shown.join(" and ")),
    }
}

// === impl Rewrite ===

impl Rewrite {
    fn matches(&self, line: &Line, section: Sections) -> bool {
        let begins = || self.from.iter().zip(&line.words).all(|(from, word)| word.is(from));
        self.sections.intersects(section) && line.words.len() >= self.from.len() && begins()
    }

    /// The message, `{}` replaced by the first argument.
    fn text(&self, args: &[Word]) -> String {
        let argument = args.first().map(Word::text).unwrap_or_default();
        self.message.replace("{}", &argument)
    }
}

/// Words that are told of as most are, with the space before the colon.
const USUAL: Form = Form::Parsing;

#[cfg(test)]
mod tests;
