//! One line of text to words: blanks, quotes, escapes, comments and variables (manual 2.2 and 2.3).
//!
//! The grammar has no continuation of lines: a backslash at the end stands for itself. A carriage return ends a
//! line wherever it stands. Nothing fails: faults come beside the words that were understood.

use std::borrow::Cow;

use weir_diag::Span;

use crate::environment::Position;
use crate::{Environment, Word};

/// The words of a line, and what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lexed {
    /// What was understood.
    pub(crate) words: Vec<Word>,
    /// The fault that ended the line, if one did.
    pub(crate) fault: Option<Fault>,
}

/// What is wrong with a line, and where: an offset from its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Quote,
    Brace,
    Hexadecimal,
    VariableName,
    WordExpansion,
}

/// Cuts `text`, a line without its line feed, into words. `base` is where the line begins in its source.
pub(crate) fn lex(text: &[u8], base: Span, environment: &Environment, position: Position<'_>) -> Lexed {
    let lexer =
        Lexer { text, at: 0, base, environment, position, comments: true, words: Vec::new(), word: None };
    lexer.lexed()
}

/// The words of a text that stands in no file and has no comments, and what was wrong with it.
pub(crate) fn words_alone(text: &[u8], environment: &Environment) -> (Vec<String>, Option<FaultKind>) {
    let (base, position) = (Span::default(), Position::default());
    let lexer =
        Lexer { text, at: 0, base, environment, position, comments: false, words: Vec::new(), word: None };
    let lexed = lexer.lexed();
    (lexed.words.iter().map(|word| word.text().into_owned()).collect(), lexed.fault.map(|fault| fault.kind))
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    base: Span,
    environment: &'a Environment,
    position: Position<'a>,
    /// Whether a `#` begins a comment.
    comments: bool,
    words: Vec<Word>,
    word: Option<Open>,
}

/// A word that has begun.
#[derive(Default)]
struct Open {
    bytes: Vec<u8>,
    start: usize,
    /// It holds nothing but the expansion of an empty list, which makes no word.
    phantom: bool,
}

// === impl Lexer ===

impl<'a> Lexer<'a> {
    fn lexed(mut self) -> Lexed {
        let fault = self.run().err();
        self.finish_word();
        Lexed { words: self.words, fault }
    }

    fn run(&mut self) -> Result<(), Fault> {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        while let Some(byte) = self.peek() {
            match byte {
                b'\r' | b'\n' => break,
                b'#' if self.comments => break,
                b' ' | b'\t' => {
                    self.finish_word();
                    self.at += 1;
                }
                b'\'' => self.strong_quote()?,
                b'"' => self.weak_quote()?,
                b'\\' => self.escape(false)?,
                other => {
                    self.open().push(other);
                    self.at += 1;
                }
            }
        }
        Ok(())
    }

    fn strong_quote(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.open();
        self.at += 1;
        loop {
            match self.peek() {
                None | Some(b'\r' | b'\n') => return Err(Fault { kind: FaultKind::Quote, at: start }),
                Some(b'\'') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(byte) => {
                    self.open().push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn weak_quote(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.begin(true);
        self.at += 1;
        loop {
            match self.peek() {
                None | Some(b'\r' | b'\n') => return Err(Fault { kind: FaultKind::Quote, at: start }),
                Some(b'"') => {
                    let bare = self.at == start + 1;
                    if bare {
                        self.open();
                    }
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(true)?,
                Some(b'$') => self.variable()?,
                Some(byte) => {
                    self.open().push(byte);
                    self.at += 1;
                }
            }
        }
    }

    /// A backslash and what it protects. Before any other byte it stands for itself.
    fn escape(&mut self, quoted: bool) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        let byte = match self.peek() {
            Some(b @ (b' ' | b'\t' | b'\\' | b'"' | b'\'' | b'#')) => b,
            Some(b'$') if quoted => b'$',
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => {
                let high = self.text.get(start + 2).and_then(|&b| hex(b));
                let low = self.text.get(start + 3).and_then(|&b| hex(b));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(Fault { kind: FaultKind::Hexadecimal, at: start });
                };
                self.at += 2;
                high << 4 | low
            }
            _ => {
                self.open().push(b'\\');
                return Ok(());
            }
        };
        self.open().push(byte);
        self.at += 1;
        Ok(())
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}` inside weak quotes.
    fn variable(&mut self) -> Result<(), Fault> {
        self.at += 1;
        let brace = (self.peek() == Some(b'{')).then_some(self.at);
        if brace.is_some() {
            self.at += 1;
        }
        let name_start = self.at;
        let dotted = self.peek() == Some(b'.');
        if !self.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'.') {
            return Err(Fault { kind: FaultKind::VariableName, at: name_start });
        }
        self.at += 1;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at += 1;
        }
        let name = self.text.get(name_start..self.at).unwrap_or_default();
        let value = self.value(name);
        if dotted && value.is_none() {
            return Err(Fault { kind: FaultKind::VariableName, at: name_start });
        }
        let Some(brace) = brace else {
            self.open().extend_from_slice(&value.unwrap_or_default());
            return Ok(());
        };
        let list = self.peek() == Some(b'[');
        if list {
            if self.text.get(self.at..self.at + 3) != Some(b"[*]") {
                return Err(Fault { kind: FaultKind::WordExpansion, at: self.at });
            }
            self.at += 3;
        }
        let unmatched = Fault { kind: FaultKind::Brace, at: brace };
        let mut value = value;
        if self.peek() == Some(b'-') {
            let rest = self.text.get(self.at + 1..).unwrap_or_default();
            let length = rest.iter().position(|&b| b == b'}').ok_or(unmatched)?;
            self.at += 1 + length;
            value = value.or_else(|| rest.get(..length).map(Cow::Borrowed));
        }
        if self.peek() != Some(b'}') {
            return Err(unmatched);
        }
        self.at += 1;
        let value = value.unwrap_or_default();
        if list {
            self.expand(&value);
        } else {
            self.open().extend_from_slice(&value);
        }
        Ok(())
    }

    /// Adds a list: its first item goes on with this word, its last begins the word that follows.
    fn expand(&mut self, value: &[u8]) {
        let mut gap = false;
        for &byte in value {
            if is_space(byte) {
                gap = true;
                continue;
            }
            if std::mem::take(&mut gap) {
                self.finish_word();
                self.begin(true);
            }
            self.open().push(byte);
        }
        if gap {
            self.finish_word();
            self.begin(true);
        }
    }

    fn value(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        match name {
            b".FILE" => Some(Cow::Borrowed(self.position.file.as_bytes())),
            b".LINE" => Some(Cow::Owned(self.position.line.to_string().into_bytes())),
            b".SECTION" => Some(Cow::Borrowed(self.position.section)),
            _ => self.environment.value(name).map(Cow::Borrowed),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The open word; it is a word from now on even if nothing is added.
    fn open(&mut self) -> &mut Vec<u8> {
        let word = self.begin(false);
        word.phantom = false;
        &mut word.bytes
    }

    fn begin(&mut self, phantom: bool) -> &mut Open {
        let start = self.at;
        self.word.get_or_insert_with(|| Open { bytes: Vec::new(), start, phantom })
    }

    fn finish_word(&mut self) {
        let Some(word) = self.word.take().filter(|w| !w.phantom) else { return };
        let mut bytes = word.bytes;
        // Words are C strings to the language: `\x00` ends one.
        bytes.truncate(bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()));
        let offset = |n: usize| self.base.start.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
        let span = Span { start: offset(word.start), end: offset(self.at), ..self.base };
        self.words.push(Word { bytes: bytes.into(), span });
    }
}

// === impl FaultKind ===

impl FaultKind {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Quote => "unmatched quote",
            Self::Brace => "unmatched brace in environment variable name",
            Self::Hexadecimal => "truncated or invalid hexadecimal sequence",
            Self::VariableName => "forbidden first char in environment variable name",
            Self::WordExpansion => "truncated or invalid word expansion sequence",
        }
    }

    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Quote => "close the quote on the same line, or write \\\" or \\' for the character itself",
            Self::Brace => {
                "write \"${NAME}\", \"${NAME-default}\" or \"${NAME[*]}\"; \\$ stands for a dollar"
            }
            Self::Hexadecimal => "two hexadecimal digits must follow \\x",
            Self::VariableName => {
                "a name begins with a letter or '_'; \\$ stands for a dollar inside double quotes"
            }
            Self::WordExpansion => "only [*] may stand there, for the words of a list",
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c')
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, (FaultKind, usize)> {
        let environment: Environment =
            [("FOO", "foo v"), ("EMPTY", ""), ("LIST", "l1 l2  l3"), ("SP", " a ")].into_iter().collect();
        let position = Position { file: "c.cfg", line: 2, section: b"global" };
        let lexed = lex(text.as_bytes(), Span::default(), &environment, position);
        match lexed.fault {
            Some(fault) => Err((fault.kind, fault.at)),
            None => Ok(lexed.words.iter().map(|w| w.text().into_owned()).collect()),
        }
    }

    #[test]
    fn words_are_cut_as_the_reference_cuts_them() {
        for (text, expected) in [
            (r"a b", &["a", "b"][..]),
            (r#""a b""#, &["a b"]),
            (r"'a b'", &["a b"]),
            (r"a\ b", &["a b"]),
            (r#""a\ b""#, &["a b"]),
            (r"'a\ b'", &[r"a\ b"]),
            (r"a#b", &["a"]),
            (r"a\#b", &["a#b"]),
            (r#""a#b""#, &["a#b"]),
            (r"a\\b", &[r"a\b"]),
            (r#"a\"b"#, &[r#"a"b"#]),
            (r#""a'b""#, &["a'b"]),
            (r#"'a"b'"#, &[r#"a"b"#]),
            (r"a\nb", &["a\nb"]),
            (r"a\x41b", &["aAb"]),
            (r"'a\x41b'", &[r"a\x41b"]),
            (r"a\x00b c", &["a", "c"]),
            (r"a\qb", &[r"a\qb"]),
            (r"a\$b", &[r"a\$b"]),
            (r#""a\$b""#, &["a$b"]),
            (r"abc\", &[r"abc\"]),
            ("a\rb c", &["a"]),
            ("\x0b\x0cfoo", &["foo"]),
            (r#"a"b c"d'e f'g"#, &["ab cde fg"]),
            (r#""" a"#, &["", "a"]),
            ("$FOO", &["$FOO"]),
            (r#""$FOO""#, &["foo v"]),
            (r#"'${FOO}'"#, &["${FOO}"]),
            (r#""a${FOO}b""#, &["afoo vb"]),
            (r#""${NOPE}""#, &[""]),
            (r#""${NOPE-def}""#, &["def"]),
            (r#""${NOPE-a}b}""#, &["ab}"]),
            (r#""${EMPTY-def}""#, &[""]),
            (r#""${FOO-def}""#, &["foo v"]),
            (r#""$FOO-def""#, &["foo v-def"]),
            (r#""${LIST[*]}""#, &["l1", "l2", "l3"]),
            (r#""a${LIST[*]}b""#, &["al1", "l2", "l3b"]),
            (r#"x "${EMPTY[*]}" y"#, &["x", "y"]),
            (r#"x "${NOPE[*]-d e}""#, &["x", "d", "e"]),
            (r#""x${SP[*]}y""#, &["x", "a", "y"]),
            (r#""$LIST[*]""#, &["l1 l2  l3[*]"]),
            (r#""${.FILE}:${.LINE}:$.SECTION""#, &["c.cfg:2:global"]),
        ] {
            assert_eq!(words(text), Ok(expected.iter().map(|&s| s.to_owned()).collect()), "{text}");
        }
    }

    #[test]
    fn faults_stand_where_the_reference_sees_them() {
        use FaultKind::{Brace, Hexadecimal, Quote, VariableName, WordExpansion};
        for (text, kind, at) in [
            (r#".notice "abc"#, Quote, 8),
            (r".notice 'abc", Quote, 8),
            (r#".notice "abc\"#, Quote, 8),
            (" description \"a\r\"", Quote, 13),
            (r".notice a\x4", Hexadecimal, 9),
            (r".notice a\xg1", Hexadecimal, 9),
            (r#".notice "${FOO""#, Brace, 10),
            (r#".notice "${NOPE:-def}""#, Brace, 10),
            (r#".notice "${FOO-""#, Brace, 10),
            (r#".notice "${}""#, VariableName, 11),
            (r#".notice "$""#, VariableName, 10),
            (r#".notice "$1""#, VariableName, 10),
            (r#".notice "${.X}""#, VariableName, 11),
            (r#".notice "${LIST[1]}""#, WordExpansion, 15),
        ] {
            assert_eq!(words(text), Err((kind, at)), "{text}");
        }
    }
}
