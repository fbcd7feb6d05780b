//! The text of `Cookie` and `Set-Cookie` lines, as loosely as servers and clients write it (RFC 6265, 5.2;
//! RFC 2109 for `$` attributes and commas).
//!
//! [`pieces`] cuts a value into names and values without copying; [`sift`] writes a `Cookie` line anew without
//! the pieces that the caller drops, and leaves every byte of the others as it was. Nothing here knows what a
//! cookie is for. Persistence in the engine is the caller.

use std::ops::Range;

/// One cookie of a line, by positions in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The delimiter before it; 0 for the first piece, which has none.
    pub start: usize,
    /// Its name, without the spaces around it.
    pub name: Range<usize>,
    /// Its value behind the `=`, without the spaces around it; quotes are part of it.
    pub value: Option<Range<usize>>,
    /// The delimiter behind it, or the end of the line.
    pub end: usize,
}

/// What becomes of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep,
    /// It stays without so many bytes at the start of its value.
    Cut(usize),
    /// It goes, with the `$` attributes that follow it.
    Drop,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sifted {
    /// All stayed as it was.
    Same,
    /// What is left was written.
    Changed,
    /// Nothing is left.
    Empty,
}

/// The cookies of a line, in order.
pub fn pieces(line: &[u8]) -> Pieces<'_> {
    Pieces { line, next: Some(0), first: true }
}

/// Iterator over the cookies of a line.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    line: &'a [u8],
    /// The delimiter before the next piece.
    next: Option<usize>,
    /// There is no delimiter before it.
    first: bool,
}

/// Asks `judge` about the name and value of each cookie of a line and writes what is left to `out`. Spaces
/// around `=` go too. A dropped cookie takes one delimiter along; the one that stays is followed by one space.
pub fn sift(line: &[u8], out: &mut Vec<u8>, mut judge: impl FnMut(&[u8], &[u8]) -> Fate) -> Sifted {
    out.clear();
    let (mut gap, mut others, mut dropped) = (false, false, false);
    for piece in pieces(line) {
        let part = |range: Range<usize>| line.get(range).unwrap_or_default();
        let name = part(piece.name.clone());
        if name.first() == Some(&b'$') {
            if !gap {
                out.extend_from_slice(part(piece.start..piece.end));
            }
            continue;
        }
        let fate = piece.value.clone().map_or(Fate::Keep, |value| judge(name, part(value)));
        if fate == Fate::Drop {
            (gap, dropped) = (true, true);
            continue;
        }
        others = true;
        let mut from = piece.start;
        if std::mem::take(&mut gap) {
            from = close_gap(line, piece.start, out);
        }
        match piece.value {
            None => out.extend_from_slice(part(from..piece.end)),
            Some(value) => {
                let cut = if let Fate::Cut(n) = fate { n.min(value.len()) } else { 0 };
                out.extend_from_slice(part(from..piece.name.end));
                out.push(b'=');
                out.extend_from_slice(part(value.start + cut..piece.end));
            }
        }
    }
    if gap && !others {
        return Sifted::Empty;
    }
    if gap {
        trim_end(out);
    }
    match out.as_slice() {
        [] if dropped => Sifted::Empty,
        left if left == line => Sifted::Same,
        _ => Sifted::Changed,
    }
}

/// Joins what was written with what follows the delimiter at `at`; returns where that begins.
fn close_gap(line: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    trim_end(out);
    if !out.is_empty() {
        out.extend(line.get(at));
        out.push(b' ');
    }
    skip_spaces(line, at + 1)
}

fn trim_end(out: &mut Vec<u8>) {
    while matches!(out.last(), Some(b' ' | b'\t')) {
        out.pop();
    }
}

fn skip_spaces(line: &[u8], from: usize) -> usize {
    let rest = line.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|b| is_space(**b)).count()
}

/// Where the part of `line` from `start` to `end` ends without its trailing spaces.
fn without_spaces(line: &[u8], start: usize, end: usize) -> usize {
    let part = line.get(start..end).unwrap_or_default();
    end - part.iter().rev().take_while(|b| is_space(**b)).count()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b';' | b',')
}

// === impl Pieces ===

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let start = self.next?;
        let line = self.line;
        let begin = skip_spaces(line, if std::mem::take(&mut self.first) { start } else { start + 1 });
        let rest = line.get(begin..).unwrap_or_default();
        let stop = rest.iter().position(|b| *b == b'=' || is_delimiter(*b)).map_or(line.len(), |n| begin + n);
        let name = begin..without_spaces(line, begin, stop);
        if line.get(stop) != Some(&b'=') {
            self.next = (stop < line.len()).then_some(stop);
            return Some(Piece { start, name, value: None, end: stop });
        }
        let from = skip_spaces(line, stop + 1);
        let end = value_end(line, from);
        self.next = (end < line.len()).then_some(end);
        Some(Piece { start, name, value: Some(from..without_spaces(line, from, end)), end })
    }
}

/// The delimiter that ends a value; quotes hide those within them.
fn value_end(line: &[u8], from: usize) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in line.iter().enumerate().skip(from) {
        if escaped {
            escaped = false;
        } else if quoted {
            match byte {
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if byte == b'"' {
            quoted = true;
        } else if is_delimiter(byte) {
            return at;
        }
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_s(line: &str) -> (Sifted, String) {
        let mut out = Vec::new();
        let sifted =
            sift(line.as_bytes(), &mut out, |name, _| if name == b"S" { Fate::Drop } else { Fate::Keep });
        (sifted, String::from_utf8(out).unwrap())
    }

    /// As the reference's `insert indirect` passes them on.
    #[test]
    fn dropped_cookies_take_their_delimiter_along() {
        let rows = [
            ("x=1; S=sb; y=2", "x=1; y=2"),
            ("S=sb; y=2", "y=2"),
            ("x=1; S=sb", "x=1"),
            ("x=1;S=sb;y=2", "x=1; y=2"),
            ("S=sb ; y=1", "y=1"),
            ("$Version=1; S=sb; $Path=/; y=1", "$Version=1; y=1"),
            ("x=1;  S=sb;  y=2", "x=1; y=2"),
            ("x=1; S=sb;", "x=1; "),
            ("x=1, S=sb, y=2", "x=1, y=2"),
            ("S=sb; S=sa; a=1", "a=1"),
            ("a=1; S=sb; b=2; S=sa; c=3", "a=1; b=2; c=3"),
            ("a;S=sb", "a"),
            ("S=sb;;b=1", ";b=1"),
            ("a=\"x;y\"; S=sb; b=1", "a=\"x;y\"; b=1"),
            ("S =sb; b=1", "b=1"),
            ("a=1; $Version=\"1\"; S=sb", "a=1; $Version=\"1\""),
            ("S=\"s;b\"; c=1", "c=1"),
            ("b=2,S=sb,c=3", "b=2, c=3"),
            ("=; S=sb", "="),
            ("a=1 ; S=sb ; b=1", "a=1; b=1"),
            ("S; S=sb; c", "S; c"),
            ("$V = 1; a = 1; S=sb; b = 2", "$V = 1; a=1; b=2"),
        ];
        for (line, wanted) in rows {
            assert_eq!(without_s(line), (Sifted::Changed, wanted.to_owned()), "{line}");
        }
        for line in ["S=sb", "S=sb;", "; S=sb", "S=sa; S=sb", "$Version=\"1\"; S=sb; $Path=\"/\""] {
            assert_eq!(without_s(line).0, Sifted::Empty, "{line}");
        }
        for line in ["", "a=1; b", "$S=sb; b=1", "s=1;Ss=2", ";;", "a=b=c"] {
            assert_eq!(without_s(line), (Sifted::Same, line.to_owned()));
        }
    }

    #[test]
    fn a_value_may_lose_its_start() {
        let mut out = Vec::new();
        let cut = |name: &[u8], _: &[u8]| if name == b"S" { Fate::Cut(3) } else { Fate::Keep };
        assert_eq!(sift(b"a=1; S = sb~foo ; c=1", &mut out, cut), Sifted::Changed);
        assert_eq!(out, b"a=1; S=foo ; c=1");
    }

    #[test]
    fn the_first_piece_of_a_set_cookie_line_is_its_name_and_value() {
        let line = b" S = foo  ;x";
        let piece = pieces(line).next().unwrap();
        assert_eq!(piece, Piece { start: 0, name: 1..2, value: Some(5..8), end: 10 });
        assert_eq!(pieces(b"S;path=/").next().unwrap().value, None);
    }
}
