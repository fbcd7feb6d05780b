//! One form for targets that mean the same (RFC 3986, 6.2.2; manual, 4.4 "normalize-uri").
//!
//! Each [`Normalizer`] does one thing, on the part of the target that it is about; scheme and authority stay as
//! they are. What comes out is appended to the caller's storage.

use std::ops::Range;

use crate::uri;

/// What is brought into one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalizer {
    /// `#` becomes `%23`.
    FragmentEncode,
    /// What begins with `#` goes.
    FragmentStrip,
    /// Slashes that follow one another become one.
    PathMergeSlashes,
    /// Segments `.` go.
    PathStripDot,
    /// Segments `..` go with the segment before them.
    PathStripDotdot {
        /// Those at the beginning, which have none before them, go too.
        full: bool,
    },
    /// Letters, digits, `-`, `.`, `_` and `~` stand for themselves.
    PercentDecodeUnreserved {
        /// A `%` without two digits is a mistake.
        strict: bool,
    },
    /// `%6f` becomes `%6F`.
    PercentToUppercase {
        /// A `%` without two digits is a mistake.
        strict: bool,
    },
    /// Parameters of the query in the order of their names; those of one name stay as they are.
    QuerySortByName,
}

/// A target with a `%` that two hexadecimal digits do not follow, where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenEscape;

/// Appends the form that `target` takes.
pub fn normalize(target: &[u8], how: Normalizer, out: &mut Vec<u8>) -> Result<(), BrokenEscape> {
    let part = part_of(target, how);
    let (before, after) = (target.get(..part.start), target.get(part.end..));
    out.extend_from_slice(before.unwrap_or_default());
    let text = target.get(part).unwrap_or_default();
    match how {
        Normalizer::FragmentEncode => {
            for b in text {
                if *b == b'#' { out.extend_from_slice(b"%23") } else { out.push(*b) }
            }
        }
        Normalizer::FragmentStrip => {
            out.extend_from_slice(text.split(|b| *b == b'#').next().unwrap_or_default());
        }
        Normalizer::PathMergeSlashes => merge_slashes(text, out),
        Normalizer::PathStripDot => strip_dot(text, out),
        Normalizer::PathStripDotdot { full } => strip_dotdot(text, full, out),
        Normalizer::PercentDecodeUnreserved { strict } => escapes(text, strict, out, |byte, digits, out| {
            if is_unreserved(byte) {
                out.push(byte);
            } else {
                out.push(b'%');
                out.extend_from_slice(&digits);
            }
        })?,
        Normalizer::PercentToUppercase { strict } => escapes(text, strict, out, |_, digits, out| {
            out.push(b'%');
            out.extend_from_slice(&digits.map(|d| d.to_ascii_uppercase()));
        })?,
        Normalizer::QuerySortByName => sort_by_name(text, out),
    }
    out.extend_from_slice(after.unwrap_or_default());
    Ok(())
}

/// Where in the target a normalizer works.
fn part_of(target: &[u8], how: Normalizer) -> Range<usize> {
    let whole = uri::path_and_query(target).len();
    let start = target.len() - whole;
    match how {
        Normalizer::PathMergeSlashes | Normalizer::PathStripDot | Normalizer::PathStripDotdot { .. } => {
            // To the query: a fragment, which no client should send, counts as path.
            let all = target.get(start..).unwrap_or_default();
            start..start + memchr::memchr(b'?', all).unwrap_or(all.len())
        }
        Normalizer::QuerySortByName => {
            let all = target.get(start..).unwrap_or_default();
            start + memchr::memchr(b'?', all).map_or(all.len(), |at| at + 1)..target.len()
        }
        _ => start..target.len(),
    }
}

fn merge_slashes(path: &[u8], out: &mut Vec<u8>) {
    let mut last = 0;
    for b in path {
        if *b != b'/' || last != b'/' {
            out.push(*b);
        }
        last = *b;
    }
}

/// The segments of a path that begins with a slash, and whether a slash follows each.
fn segments(path: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let rest = path.strip_prefix(b"/").unwrap_or(path);
    let last = rest.iter().filter(|b| **b == b'/').count();
    rest.split(|b| *b == b'/').enumerate().map(move |(n, segment)| (segment, n < last))
}

fn strip_dot(path: &[u8], out: &mut Vec<u8>) {
    if path.first() != Some(&b'/') {
        return out.extend_from_slice(path);
    }
    out.push(b'/');
    for (segment, more) in segments(path) {
        if segment != b"." {
            out.extend_from_slice(segment);
            if more {
                out.push(b'/');
            }
        }
    }
}

fn strip_dotdot(path: &[u8], full: bool, out: &mut Vec<u8>) {
    if path.first() != Some(&b'/') {
        return out.extend_from_slice(path);
    }
    let start = out.len();
    out.push(b'/');
    // What may be taken back begins here: a `..` that stays cannot.
    let mut floor = out.len();
    for (segment, more) in segments(path) {
        if segment != b".." {
            out.extend_from_slice(segment);
            if more {
                out.push(b'/');
            }
        } else if out.len() > floor {
            out.pop();
            let kept = out.get(start..).and_then(|o| memchr::memrchr(b'/', o)).map_or(start, |at| start + at);
            out.truncate(kept + 1);
        } else if !full {
            out.extend_from_slice(b"../");
            floor = out.len();
        }
    }
}

/// Hands each escape to `each`, decoded and as its digits; copies what is between them.
fn escapes(
    text: &[u8],
    strict: bool,
    out: &mut Vec<u8>,
    each: impl Fn(u8, [u8; 2], &mut Vec<u8>),
) -> Result<(), BrokenEscape> {
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = tail.first_chunk::<2>().copied();
        let value = digits.and_then(|[a, b]| Some(digit(a)? << 4 | digit(b)?));
        match (value, digits) {
            (Some(value), Some(digits)) => {
                each(value, digits, out);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ if strict => return Err(BrokenEscape),
            _ => out.push(b'%'),
        }
    }
    Ok(())
}

fn digit(c: u8) -> Option<u8> {
    char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// An `&` at the very end ends the last parameter and begins none.
fn sort_by_name(query: &[u8], out: &mut Vec<u8>) {
    if query.is_empty() {
        return;
    }
    let query = query.strip_suffix(b"&").unwrap_or(query);
    let mut parameters: Vec<&[u8]> = query.split(|b| *b == b'&').collect();
    parameters.sort_by_key(|p| p.split(|b| *b == b'=').next());
    for (n, parameter) in parameters.into_iter().enumerate() {
        if n > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(parameter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_take_their_form() {
        use Normalizer as N;
        for (how, target, expected) in [
            (N::FragmentEncode, "/a#b#c?x", "/a%23b%23c?x"),
            (N::FragmentStrip, "/?a#b", "/?a"),
            (N::PathMergeSlashes, "///a///b//?c//d", "/a/b/?c//d"),
            (N::PathStripDot, "http://h/a/./.b/.?c/./d", "http://h/a/.b/?c/./d"),
            (N::PathStripDot, "*", "*"),
            (N::PathStripDotdot { full: false }, "/bar/../../", "/../"),
            (N::PathStripDotdot { full: false }, "/../../a/..", "/../../"),
            (N::PathStripDotdot { full: false }, "/foo//../", "/foo/"),
            (N::PathStripDotdot { full: true }, "/a/../../b", "/b"),
            (N::PercentDecodeUnreserved { strict: false }, "/%%36%36", "/%66"),
            (N::PercentDecodeUnreserved { strict: false }, "/%3F%7e%6", "/%3F~%6"),
            (N::PercentToUppercase { strict: false }, "http://%ab/%ab%zz", "http://%ab/%AB%zz"),
            (N::QuerySortByName, "/?a=3&b=4&a=1&b=5&a=2", "/?a=3&a=1&a=2&b=4&b=5"),
            (N::QuerySortByName, "/?b&a&", "/?a&b"),
        ] {
            let mut out = Vec::new();
            assert_eq!(normalize(target.as_bytes(), how, &mut out), Ok(()));
            assert_eq!(String::from_utf8_lossy(&out), expected, "{how:?} of {target}");
        }
        let strict = N::PercentToUppercase { strict: true };
        assert_eq!(normalize(b"/%zz", strict, &mut Vec::new()), Err(BrokenEscape));
    }
}
