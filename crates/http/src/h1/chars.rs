//! Which bytes may stand where, as tables.

/// Lower case of the bytes that a token may have (RFC 9110, 5.6.2), 0 for all others.
pub(crate) const TOKEN: [u8; 256] = token_table();

/// Whether a byte may stand in a method.
pub fn is_token(b: u8) -> bool {
    TOKEN.get(usize::from(b)).is_some_and(|t| *t != 0)
}

/// How many bytes at the start may stand in a target: what is printable, `#` excepted (RFC 9112, 3.2), and more
/// where violations are accepted.
pub(crate) fn target_len(bytes: &[u8], lenient: bool) -> usize {
    let table = if lenient { &LENIENT_TARGET } else { &TARGET };
    let ends = |b: &u8| !table.get(usize::from(*b)).copied().unwrap_or(false);
    bytes.iter().position(ends).unwrap_or(bytes.len())
}

/// Whether a byte may stand in a protocol and its version, as a first look judges them.
pub(crate) fn is_protocol(b: u8) -> bool {
    matches!(b, b'.'..=b'9' | b'A'..=b'Z')
}

/// Whether a byte may stand in a host outside brackets (RFC 3986, 3.2.2, and what is commonly sent).
pub(crate) fn is_host(b: u8) -> bool {
    matches!(b, 0x21..=0x7e) && !matches!(b, b'#' | b',' | b'/' | b'?' | b'@' | b'[' | b'\\' | b']')
}

/// A blank within a line.
pub(crate) fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// Without blanks around.
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b, rest @ ..] = bytes
        && is_blank(*b)
    {
        bytes = rest;
    }
    while let [rest @ .., b] = bytes
        && is_blank(*b)
    {
        bytes = rest;
    }
    bytes
}

const TARGET: [bool; 256] = target_table(false);
const LENIENT_TARGET: [bool; 256] = target_table(true);

const fn target_table(lenient: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let mut i = 0x21;
    #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
    while i < 256 {
        table[i] = if lenient { i != 0x7f } else { i < 0x7f && i != b'#' as usize };
        i += 1;
    }
    table
}

const fn token_table() -> [u8; 256] {
    let mut table = [0u8; 256];
    let other = b"!#$%&'*+-.^_`|~";
    let mut i = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
    while i < 256 {
        let b = i as u8;
        if b.is_ascii_alphanumeric() {
            table[i] = b.to_ascii_lowercase();
        }
        let mut k = 0;
        while k < other.len() {
            if other[k] == b {
                table[i] = b;
            }
            k += 1;
        }
        i += 1;
    }
    table
}
