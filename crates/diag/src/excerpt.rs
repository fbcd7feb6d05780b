//! The line that a message is about, with a caret under the words.

use crate::{Sources, Span};

/// The line of `span` and the carets under it, each with a gutter `width` wide: three lines with line feeds.
/// Nothing where the span points nowhere. Bytes that cannot be shown become `?`, a tab a blank; of a very long line
/// the part around the caret is shown.
pub(crate) fn excerpt(sources: &Sources, span: Span, width: usize) -> String {
    let Some(source) = sources.of(span.source).filter(|_| span.line > 0) else { return String::new() };
    let (start, end) = (span.start as usize, span.end as usize);
    let Some((before, after)) = source.text.split_at_checked(start) else { return String::new() };
    let head = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let tail = after.iter().position(|&b| b == b'\n').unwrap_or(after.len());
    let head = before.get(head..).unwrap_or_default();
    let (word, rest) = after
        .get(..tail)
        .and_then(|line| line.split_at_checked(end.saturating_sub(start).min(tail)))
        .unwrap_or((after, &[]));
    let (mut head, mut word, mut rest) = (shown(head), shown(word), shown(rest));
    let blank = head.chars().take_while(|c| *c == ' ').count().min(head.len());
    if head.len() > LONG_BEFORE {
        let cut = head.chars().count().saturating_sub(LONG_BEFORE);
        head = format!("...{}", head.chars().skip(cut).collect::<String>());
    } else if blank > DEEP {
        head = head.chars().skip(blank - DEEP).collect();
    }
    shorten(&mut word);
    if rest.trim().is_empty() {
        rest.clear();
    }
    shorten(&mut rest);
    let caret = " ".repeat(head.chars().count()) + &"^".repeat(word.chars().count().max(1));
    let line = span.line;
    format!("{:width$} |\n{line:>width$} | {head}{word}{rest}\n{:width$} | {caret}\n", "", "")
}

fn shorten(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(LONG_AFTER) {
        text.truncate(at);
        text.push_str("...");
    }
}

/// Bytes as text of which each character takes one column.
fn shown(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.extend(chunk.valid().chars().map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '?',
            c => c,
        }));
        out.extend(chunk.invalid().iter().map(|_| '?'));
    }
    out
}

/// So much of a line is shown before the caret, after it, and of its indentation.
const LONG_BEFORE: usize = 60;
const LONG_AFTER: usize = 60;
const DEEP: usize = 8;
