//! A line of a section: words with the place of each.

use std::borrow::Cow;

use weir_diag::{Diagnostic, Span};

/// One word after quoting, escapes and variables: any bytes, and where they stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The bytes that the word means.
    pub bytes: Box<[u8]>,
    /// Where its text stands in the source.
    pub span: Span,
}

/// What stands before the keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Prefix {
    /// Nothing.
    #[default]
    None,
    /// `no`
    No,
    /// `default`
    Default,
}

/// A line with at least one word, its prefix taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `no` or `default` before the keyword.
    pub prefix: Prefix,
    /// The keyword and its arguments.
    pub words: Vec<Word>,
    /// How many of `words` are the keyword's name (`option httplog`: 2). Set when the keyword was found.
    pub name_len: usize,
    /// The whole line.
    pub span: Span,
}

// === impl Word ===

impl Word {
    /// The word as text, bytes that are no UTF-8 replaced: for names and messages, never for data.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Whether the word is exactly `s`.
    pub fn is(&self, s: &str) -> bool {
        *self.bytes == *s.as_bytes()
    }

    /// An alert that points at this word.
    pub fn alert(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::alert(self.span, message)
    }
}

// === impl Line ===

impl Line {
    /// The words after the keyword's name.
    pub fn args(&self) -> &[Word] {
        self.words.get(self.name_len..).unwrap_or_default()
    }

    /// The `n`th word after the name.
    pub fn arg(&self, n: usize) -> Option<&Word> {
        self.args().get(n)
    }

    /// The keyword's name as written, for messages.
    pub fn name(&self) -> String {
        let words = self.words.get(..self.name_len.max(1)).unwrap_or(&self.words);
        words.iter().map(Word::text).collect::<Vec<_>>().join(" ")
    }

    /// The whole line as text with prefix, one space between words: for messages.
    pub fn modern(&self) -> String {
        let prefix = match self.prefix {
            Prefix::None => "",
            Prefix::No => "no ",
            Prefix::Default => "default ",
        };
        let words: Vec<_> = self.words.iter().map(|w| quote(&w.bytes)).collect();
        format!("{prefix}{}", words.join(" "))
    }

    /// Where the keyword's name stands.
    pub fn name_span(&self) -> Span {
        let words = self.words.get(..self.name_len.max(1)).unwrap_or(&self.words);
        match (words.first(), words.last()) {
            (Some(first), Some(last)) => Span { end: last.span.end, ..first.span },
            _ => self.span,
        }
    }

    /// An alert about the whole line.
    pub fn alert(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::alert(self.span, message)
    }

    /// A warning about the whole line.
    pub fn warning(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(self.span, message)
    }
}

/// A word as one would write it in a configuration: quoted where it must be.
pub fn quote(word: &[u8]) -> String {
    let special = |b: &u8| !(b.is_ascii_graphic() || *b >= 0x80) || b"#\"'\\".contains(b);
    if let Ok(text) = std::str::from_utf8(word)
        && !word.is_empty()
        && !word.iter().any(special)
    {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' | '$' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => out.push(c),
            }
        }
        chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
    }
    out.push('"');
    out
}
