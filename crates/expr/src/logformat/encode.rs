//! How values of items are written: as text made safe for where it goes, as JSON, or as CBOR (manual, 8.2.6
//! and 8.6).

use super::Options;
use crate::Type;

/// A value of an item before it is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'f> {
    /// Text as it is; only `+E` escapes.
    Text(&'f [u8]),
    /// Text that came from a client: unsafe characters become `#XX`.
    Client(&'f [u8], Unsafe),
    /// Text that is never quoted: dates, termination states.
    Plain(&'f [u8]),
    /// A number.
    Number(i64),
    /// A number that more may be added to: `+` before it, where nothing is encoded.
    Growing(i64),
    /// A number in hexadecimal.
    Hex(&'f [u8]),
    /// A truth.
    Bool(bool),
    /// Binary data.
    Binary(&'f [u8]),
    /// Nothing, of an expression.
    Nothing,
    /// Nothing, of an alias that then takes its blank with it.
    Null,
}

/// A piece of a text of CBOR that is written in pieces.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'p> {
    /// Ours, as it is.
    Own(&'p [u8]),
    /// Sent by a client.
    Client(&'p [u8], Unsafe),
}

/// Which characters a text may not show as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsafe {
    /// Beside what cannot be printed `"` and `#`.
    Line,
    /// In captured headers `{`, `|`, `}` too.
    Header,
}

/// Appends a field in its plain form; `false` where nothing was written.
pub(super) fn plain(field: Field<'_>, options: Options, out: &mut Vec<u8>) -> bool {
    let text = match field {
        Field::Number(n) => {
            out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
            return true;
        }
        Field::Growing(n) => {
            out.push(b'+');
            out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
            return true;
        }
        Field::Plain(text) | Field::Hex(text) => {
            out.extend_from_slice(text);
            return true;
        }
        Field::Null => return false,
        Field::Bool(b) => bool_digit(b),
        Field::Text(text) | Field::Client(text, _) => text,
        Field::Binary(text) => until_nul(text),
        Field::Nothing => b"",
    };
    let quote = options.has(Options::QUOTE);
    if text.is_empty() && !quote {
        // What a client sent is shown as empty as it is.
        let dash = options.has(Options::MANDATORY) && !matches!(field, Field::Client(..));
        if dash {
            out.push(b'-');
        }
        return dash || matches!(field, Field::Nothing | Field::Client(..));
    }
    if quote {
        out.push(b'"');
    }
    match field {
        Field::Client(_, set) => client(text, set, options, out),
        _ if options.has(Options::ESCAPE) => structured(text, None, out),
        _ => out.extend_from_slice(text),
    }
    if quote {
        out.push(b'"');
    }
    true
}

/// Appends what a client sent, between quotes that the caller sets.
pub(super) fn client(text: &[u8], set: Unsafe, options: Options, out: &mut Vec<u8>) {
    if options.has(Options::ESCAPE) {
        structured(text, Some(set), out);
    } else {
        hashed(text, set, out);
    }
}

/// Appends a field as a JSON value.
pub(super) fn json(field: Field<'_>, utf8: bool, cast: Option<Type>, out: &mut Vec<u8>) {
    match field {
        Field::Null => out.extend_from_slice(b"null"),
        Field::Number(n) | Field::Growing(n) => json_number(n, cast, out),
        Field::Bool(b) if cast == Some(Type::Str) => json_text(bool_digit(b), utf8, out),
        Field::Bool(b) if cast == Some(Type::Sint) => out.extend_from_slice(bool_digit(b)),
        Field::Bool(b) => out.extend_from_slice(if b { b"true" } else { b"false" }),
        Field::Text(text) | Field::Plain(text) | Field::Hex(text) => json_text(text, utf8, out),
        Field::Binary(text) => json_text(until_nul(text), utf8, out),
        Field::Nothing => json_text(b"", utf8, out),
        Field::Client(text, set) => {
            out.push(b'"');
            json_client(text, set, out);
            out.push(b'"');
        }
    }
}

/// Appends what a client sent, between the quotes of a JSON string.
pub(super) fn json_client(text: &[u8], set: Unsafe, out: &mut Vec<u8>) {
    for c in text {
        if set.has(*c) {
            out.extend_from_slice(&hash_escape(*c));
        } else {
            json_byte(*c, out);
        }
    }
}

/// Appends a field as a CBOR value (RFC 8949 §3): each byte in hexadecimal, or raw.
pub(super) fn cbor(field: Field<'_>, raw: bool, cast: Option<Type>, out: &mut Vec<u8>) {
    let mut sink = Cbor { raw, out };
    match field {
        Field::Null | Field::Nothing => sink.byte(0xf6),
        Field::Text([]) => sink.byte(0xf6),
        // Samples are cast before; of what is not one, numbers stay numbers.
        Field::Number(n) | Field::Growing(n) => match cast {
            Some(Type::Bool) => sink.byte(if n == 0 { 0xf4 } else { 0xf5 }),
            _ => sink.integer(n),
        },
        Field::Bool(b) => match cast {
            Some(Type::Str) => sink.text(bool_digit(b)),
            Some(Type::Sint) => sink.integer(i64::from(b)),
            _ => sink.byte(if b { 0xf5 } else { 0xf4 }),
        },
        Field::Text(text) | Field::Plain(text) | Field::Hex(text) => sink.text(text),
        Field::Binary(bytes) => {
            sink.byte(0x5f);
            sink.head(2, bytes.len() as u64);
            sink.bytes(bytes);
            sink.byte(0xff);
        }
        Field::Client(text, set) => {
            sink.byte(0x7f);
            sink.client(text, set);
            sink.byte(0xff);
        }
    }
}

/// Appends a text of CBOR in pieces: each is either ours, or sent by a client.
pub(super) fn cbor_pieces<'p>(pieces: impl Iterator<Item = Piece<'p>>, raw: bool, out: &mut Vec<u8>) {
    let mut sink = Cbor { raw, out };
    sink.byte(0x7f);
    for piece in pieces {
        match piece {
            Piece::Own(text) => sink.text(text),
            Piece::Client(text, set) => sink.client(text, set),
        }
    }
    sink.byte(0xff);
}

/// Begins or ends what holds the named items of a whole line.
pub(super) fn cbor_byte(byte: u8, raw: bool, out: &mut Vec<u8>) {
    Cbor { raw, out }.byte(byte);
}

/// Appends a text of CBOR: the name of an item.
pub(super) fn cbor_text(text: &[u8], raw: bool, out: &mut Vec<u8>) {
    Cbor { raw, out }.text(text);
}

/// Appends `text` with unsafe characters as `#XX`.
fn hashed(text: &[u8], set: Unsafe, out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let clean = rest.iter().position(|c| set.has(*c)).unwrap_or(rest.len());
        let Some((head, tail)) = rest.split_at_checked(clean) else { return };
        out.extend_from_slice(head);
        let Some((c, tail)) = tail.split_first() else { return };
        out.extend_from_slice(&hash_escape(*c));
        rest = tail;
    }
}

/// Appends `text` with what a header field cannot hold as `%XX`; `"`, `\` and `]` behind a backslash where asked.
pub(super) fn http(text: &[u8], escape: bool, out: &mut Vec<u8>) {
    let classes = if escape { NOT_IN_FIELDS | ESCAPED_IN_FIELDS } else { NOT_IN_FIELDS };
    let special = |c: &u8| is_class(*c, classes);
    let mut rest = text;
    while let Some(at) = rest.iter().position(special) {
        let Some((head, [c, tail @ ..])) = rest.split_at_checked(at) else { break };
        out.extend_from_slice(head);
        match c {
            b'"' | b'\\' | b']' => out.extend_from_slice(&[b'\\', *c]),
            _ => out.extend_from_slice(&[b'%', hex_digit(c >> 4), hex_digit(c & 15)]),
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
}

/// Appends `text` with `"`, `\` and `]` behind a backslash; what `set` has becomes `#XX` before that.
fn structured(text: &[u8], set: Option<Unsafe>, out: &mut Vec<u8>) {
    for c in text {
        if set.is_some_and(|set| set.has(*c)) {
            out.extend_from_slice(&hash_escape(*c));
            continue;
        }
        if matches!(c, b'"' | b'\\' | b']') {
            out.push(b'\\');
        }
        out.push(*c);
    }
}

/// Appends a JSON string, its quotes with it.
pub(super) fn json_text(text: &[u8], utf8: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some((c, tail)) = rest.split_first() {
        if utf8
            && *c >= 0x80
            && let Some((sequence, after)) = utf8_sequence(rest)
        {
            match sequence {
                // C1 controls are shown by their code point.
                [0xc2, low] if *low < 0xa0 => unicode_escape(*low, out),
                _ => out.extend_from_slice(sequence),
            }
            rest = after;
            continue;
        }
        json_byte(*c, out);
        rest = tail;
    }
    out.push(b'"');
}

fn json_byte(c: u8, out: &mut Vec<u8>) {
    match c {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        8 => out.extend_from_slice(b"\\b"),
        9 => out.extend_from_slice(b"\\t"),
        10 => out.extend_from_slice(b"\\n"),
        12 => out.extend_from_slice(b"\\f"),
        13 => out.extend_from_slice(b"\\r"),
        0..=31 | 127..=255 => unicode_escape(c, out),
        _ => out.push(c),
    }
}

fn unicode_escape(c: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex_digit(c >> 4), hex_digit(c & 15)]);
}

/// The multi-byte character that a text begins with, and the rest.
fn utf8_sequence(text: &[u8]) -> Option<(&[u8], &[u8])> {
    (2..=4).find_map(|len| {
        let (head, tail) = text.split_at_checked(len)?;
        std::str::from_utf8(head).is_ok_and(|s| s.chars().count() == 1).then_some((head, tail))
    })
}

fn json_number(n: i64, cast: Option<Type>, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(n).as_bytes();
    match cast {
        Some(Type::Str) => json_text(digits, false, out),
        Some(Type::Bool) => out.extend_from_slice(if n == 0 { b"false" } else { b"true" }),
        _ => out.extend_from_slice(digits),
    }
}

struct Cbor<'o> {
    raw: bool,
    out: &'o mut Vec<u8>,
}

// === impl Cbor ===

impl Cbor<'_> {
    fn byte(&mut self, byte: u8) {
        if self.raw {
            self.out.push(byte);
        } else {
            self.out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.byte(*b));
    }

    /// A head of major type `major` with its argument in the shortest form.
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        match argument {
            0..24 => self.byte(major | argument as u8),
            24..0x100 => {
                self.byte(major | 24);
                self.byte(argument as u8);
            }
            0x100..0x1_0000 => {
                self.byte(major | 25);
                self.bytes(&(argument as u16).to_be_bytes());
            }
            0x1_0000..0x1_0000_0000 => {
                self.byte(major | 26);
                self.bytes(&(argument as u32).to_be_bytes());
            }
            _ => {
                self.byte(major | 27);
                self.bytes(&argument.to_be_bytes());
            }
        }
    }

    fn integer(&mut self, n: i64) {
        match u64::try_from(n) {
            Ok(n) => self.head(0, n),
            Err(_) => self.head(1, n.unsigned_abs() - 1),
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.head(3, text.len() as u64);
        self.bytes(text);
    }

    /// Pieces of a text: what is safe as it is, even where that is nothing, and each unsafe character as a
    /// piece of its own.
    fn client(&mut self, text: &[u8], set: Unsafe) {
        let mut rest = text;
        while let Some(clean) = rest.iter().position(|c| set.has(*c)) {
            let Some((head, [c, tail @ ..])) = rest.split_at_checked(clean) else { return };
            self.text(head);
            self.text(&hash_escape(*c));
            rest = tail;
        }
        if !rest.is_empty() {
            self.text(rest);
        }
    }
}

// === impl Unsafe ===

impl Unsafe {
    fn has(self, c: u8) -> bool {
        let more = if matches!(self, Self::Header) { NOT_IN_HEADERS } else { 0 };
        is_class(c, NOWHERE_PLAIN | more)
    }
}

/// Which of these each byte is.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let (mut c, mut rest): (u8, &mut [u8]) = (0, &mut classes);
    while let [class, tail @ ..] = rest {
        *class = match c {
            0..=31 | 127..=255 | b'"' | b'#' => NOWHERE_PLAIN,
            b'{' | b'|' | b'}' => NOT_IN_HEADERS,
            _ => 0,
        } | match c {
            0..=8 | 10..=31 | 127 => NOT_IN_FIELDS,
            b'"' | b'\\' | b']' => ESCAPED_IN_FIELDS,
            _ => 0,
        };
        c = c.wrapping_add(1);
        rest = tail;
    }
    classes
};

/// Never shown as it is in a line of the log, or not in captured headers.
const NOWHERE_PLAIN: u8 = 1;
const NOT_IN_HEADERS: u8 = 2;

/// Never in a header field that is made, or escaped in one where asked.
const NOT_IN_FIELDS: u8 = 4;
const ESCAPED_IN_FIELDS: u8 = 8;

fn is_class(c: u8, classes: u8) -> bool {
    CLASSES.get(usize::from(c)).is_some_and(|class| class & classes != 0)
}

fn until_nul(b: &[u8]) -> &[u8] {
    b.get(..memchr::memchr(0, b).unwrap_or(b.len())).unwrap_or(b)
}

const fn bool_digit(b: bool) -> &'static [u8] {
    if b { b"1" } else { b"0" }
}

const fn hash_escape(c: u8) -> [u8; 3] {
    [b'#', hex_digit(c >> 4), hex_digit(c & 15)]
}

pub(super) const fn hex_digit(n: u8) -> u8 {
    if n < 10 { b'0' + n } else { b'A' + n - 10 }
}
