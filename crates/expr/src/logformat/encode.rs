//! How text of items is made safe for where it goes (manual, 8.2.6 and 8.6).

use super::{Options, Purpose};

/// Which characters an item's text may not show as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsafe {
    /// In logs: beside what cannot be printed `"` and `#`.
    Log,
    /// In captured headers of logs: `{`, `|`, `}` too.
    LogHeader,
    /// In HTTP: what a header value cannot hold.
    Http,
}

/// Appends `text` with unsafe characters as `#XX` (logs) or `%XX` (HTTP).
pub(super) fn escaped(text: &[u8], set: Unsafe, out: &mut Vec<u8>) {
    let mark = if set == Unsafe::Http { b'%' } else { b'#' };
    let mut rest = text;
    loop {
        let clean = rest.iter().position(|c| set.has(*c)).unwrap_or(rest.len());
        let Some((head, tail)) = rest.split_at_checked(clean) else { return };
        out.extend_from_slice(head);
        let Some((c, tail)) = tail.split_first() else { return };
        out.extend_from_slice(&[mark, hex_digit(c >> 4), hex_digit(c & 15)]);
        rest = tail;
    }
}

/// Appends `text` with `"`, `\` and `]` behind a backslash, other unsafe characters as `#XX` or `%XX`.
pub(super) fn structured(text: &[u8], set: Unsafe, out: &mut Vec<u8>) {
    for c in text {
        if matches!(c, b'"' | b'\\' | b']') {
            out.extend_from_slice(&[b'\\', *c]);
        } else {
            escaped(std::slice::from_ref(c), set, out);
        }
    }
}

/// Appends the text of an item by its flags.
pub(super) fn text(text: &[u8], options: Options, purpose: Purpose, out: &mut Vec<u8>) {
    let quote = options.has(Options::QUOTE);
    if text.is_empty() {
        match (quote, options.has(Options::MANDATORY)) {
            (true, _) => out.extend_from_slice(b"\"\""),
            (false, true) => out.push(b'-'),
            (false, false) => {}
        }
        return;
    }
    if quote {
        out.push(b'"');
    }
    let set = Unsafe::of(purpose);
    if options.has(Options::ESCAPE) {
        structured(text, set, out);
    } else {
        escaped(text, set, out);
    }
    if quote {
        out.push(b'"');
    }
}

// === impl Unsafe ===

impl Unsafe {
    /// The set for a purpose.
    pub(super) const fn of(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Http => Self::Http,
            _ => Self::Log,
        }
    }

    const fn has(self, c: u8) -> bool {
        match self {
            Self::Http => matches!(c, 0..=8 | 10..=31 | 127),
            Self::Log => matches!(c, 0..=31 | 127..=255 | b'"' | b'#'),
            Self::LogHeader => matches!(c, 0..=31 | 127..=255 | b'"' | b'#' | b'{' | b'|' | b'}'),
        }
    }
}

const fn hex_digit(n: u8) -> u8 {
    if n < 10 { b'0' + n } else { b'A' + n - 10 }
}
