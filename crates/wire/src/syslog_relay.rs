//! Log messages that came in: what they say of themselves, and the same in another format (RFC 3164, RFC 5424).
//!
//! [`Message::parse`] takes any bytes and never fails: what is no header is text. [`Outgoing::write`] adds one line
//! to a buffer, cut to a length, with a line feed. Nothing is allocated.

use crate::syslog::{Format, MONTHS, Stamp};

/// A message, as far as its header is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Facility and level in one number; absent where it begins without.
    pub priority: Option<u32>,
    /// Which header it has.
    pub kind: Kind,
    /// When it was made, as it is written: 15 bytes of RFC 3164, or a date of RFC 3339.
    pub stamp: &'a [u8],
    /// The host's name; empty for none.
    pub host: &'a [u8],
    /// Who wrote it; empty for none.
    pub tag: &'a [u8],
    /// The number of that process; empty for none.
    pub pid: &'a [u8],
    /// What kind of message it is (RFC 5424); empty for none.
    pub id: &'a [u8],
    /// Structured data (RFC 5424); empty for none.
    pub structured: &'a [u8],
    /// The message itself.
    pub text: &'a [u8],
}

/// Which header a message came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// None but a priority.
    #[default]
    Bare,
    /// RFC 3164.
    Old,
    /// RFC 5424.
    New,
}

/// How a message is written again.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The format.
    pub format: Format,
    /// Facility and level.
    pub priority: u32,
    /// The host's name; empty for none.
    pub host: &'a [u8],
    /// Behind the host's name.
    pub through: &'a [u8],
    /// Now, for messages without a date.
    pub now: &'a Stamp,
    /// Microseconds of it.
    pub micros: u32,
    /// The longest line, its line feed included.
    pub limit: usize,
}

// === impl Message ===

impl<'a> Message<'a> {
    /// Reads what is there of a header. Line feeds at the end are no part of a message.
    pub fn parse(bytes: &'a [u8]) -> Self {
        let bytes = without_line_feeds(bytes);
        let Some((priority, rest)) = priority(bytes) else { return Self::bare(None, bytes) };
        let read = Self::new(rest).or_else(|| Self::old(rest));
        let mut this = read.unwrap_or_else(|| Self::bare(None, rest));
        this.priority = Some(priority);
        this
    }

    /// All of it is the message.
    pub fn unparsed(bytes: &'a [u8]) -> Self {
        Self::bare(None, without_line_feeds(bytes))
    }

    /// A message without a header.
    pub fn bare(priority: Option<u32>, text: &'a [u8]) -> Self {
        Self { priority, text, ..Self::default() }
    }

    /// RFC 5424: `1 DATE HOST APP PROCESS ID STRUCTURED [TEXT]`
    fn new(rest: &'a [u8]) -> Option<Self> {
        let rest = rest.strip_prefix(b"1 ")?;
        let (stamp, rest) = word(rest)?;
        if !is_date(stamp) {
            return None;
        }
        let (host, rest) = word(rest)?;
        let (tag, rest) = word(rest)?;
        let (pid, rest) = word(rest)?;
        let (id, rest) = word(rest)?;
        let (structured, text) = structured(rest)?;
        let said = |field: &'a [u8]| if field == b"-" { &b""[..] } else { field };
        Some(Self {
            priority: None,
            kind: Kind::New,
            stamp: said(stamp),
            host: said(host),
            tag: said(tag),
            pid: said(pid),
            id: said(id),
            structured: said(structured),
            text,
        })
    }

    /// RFC 3164: `Mmm dd hh:mm:ss HOST TAG[PID]: TEXT`
    fn old(rest: &'a [u8]) -> Option<Self> {
        let (stamp, rest) = rest.split_at_checked(15)?;
        if !is_old_date(stamp) {
            return None;
        }
        let (host, rest) = word(rest.strip_prefix(b" ")?)?;
        let (tag, pid, text) = tag(rest).unwrap_or((b"", b"", rest));
        Some(Self { kind: Kind::Old, stamp, host, tag, pid, text, ..Self::default() })
    }
}

// === impl Outgoing ===

impl Outgoing<'_> {
    /// Adds the line.
    pub fn write(&self, message: &Message<'_>, out: &mut Vec<u8>) {
        let begin = out.len();
        self.header(message, out);
        out.extend_from_slice(message.text);
        out.truncate(begin + (out.len() - begin).min(self.limit.saturating_sub(1)));
        out.push(b'\n');
    }

    fn header(&self, message: &Message<'_>, out: &mut Vec<u8>) {
        let dash = |field: &[u8], out: &mut Vec<u8>| {
            out.extend_from_slice(if field.is_empty() { b"-" } else { field });
            out.push(b' ');
        };
        match self.format {
            Format::Raw => {}
            Format::Short => angled(self.priority % 8, out),
            Format::Priority => angled(self.priority, out),
            Format::Iso => self.long(message, out),
            Format::Timed => {
                angled(self.priority % 8, out);
                self.long(message, out);
            }
            Format::Local | Format::Rfc3164 => {
                angled(self.priority, out);
                self.short(message, out);
                if self.format == Format::Rfc3164 {
                    out.extend_from_slice(if self.host.is_empty() { b"localhost" } else { self.host });
                    out.extend_from_slice(self.through);
                    out.push(b' ');
                }
                tagged(message, out);
            }
            Format::Rfc5424 => {
                angled(self.priority, out);
                out.extend_from_slice(b"1 ");
                self.long(message, out);
                out.extend_from_slice(if self.host.is_empty() { b"-" } else { self.host });
                out.extend_from_slice(self.through);
                out.push(b' ');
                dash(message.tag, out);
                dash(message.pid, out);
                dash(message.id, out);
                dash(message.structured, out);
            }
        }
    }

    /// The date of RFC 3164: the message's own, cut from the other form where it has that one.
    fn short(&self, message: &Message<'_>, out: &mut Vec<u8>) {
        let part = |from: usize, to: usize| message.stamp.get(from..to).unwrap_or_default();
        match message.kind {
            Kind::Old => out.extend_from_slice(message.stamp),
            Kind::New if !message.stamp.is_empty() => {
                let month = decimal(part(5, 7)).saturating_sub(1) as usize;
                out.extend_from_slice(MONTHS.get(month).unwrap_or(b"---"));
                out.push(b' ');
                match part(8, 10) {
                    [b'0', digit] => out.extend_from_slice(&[b' ', *digit]),
                    day => out.extend_from_slice(day),
                }
                out.push(b' ');
                out.extend_from_slice(part(11, 19));
            }
            _ => out.extend_from_slice(self.now.short()),
        }
        out.push(b' ');
    }

    /// The date of RFC 5424; one without a year is of this year, in a zone that nobody knows.
    fn long(&self, message: &Message<'_>, out: &mut Vec<u8>) {
        let part = |from: usize, to: usize| message.stamp.get(from..to).unwrap_or_default();
        match message.kind {
            Kind::New if !message.stamp.is_empty() => out.extend_from_slice(message.stamp),
            Kind::Old => {
                let now = self.now.long_with(0);
                let month = MONTHS.iter().position(|m| m == part(0, 3)).unwrap_or(0) as u8 + 1;
                out.extend_from_slice(now.get(..5).unwrap_or_default());
                out.extend_from_slice(&[b'0' + month / 10, b'0' + month % 10, b'-']);
                match part(4, 6) {
                    [b' ', digit] => out.extend_from_slice(&[b'0', *digit]),
                    day => out.extend_from_slice(day),
                }
                out.push(b'T');
                out.extend_from_slice(part(7, 15));
                out.extend_from_slice(b"-00:00");
            }
            _ => out.extend_from_slice(&self.now.long_with(self.micros)),
        }
        out.push(b' ');
    }
}

fn without_line_feeds(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| *b != b'\n').map_or(0, |at| at + 1);
    bytes.get(..end).unwrap_or_default()
}

/// `<134>`; an empty one is 0.
fn priority(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|b| *b == b'>')?;
    let (digits, rest) = rest.split_at_checked(end)?;
    digits.iter().all(u8::is_ascii_digit).then(|| (decimal(digits), rest.get(1..).unwrap_or_default()))
}

/// The bytes up to a space, of which there are some, and what follows it.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == b' ').filter(|n| *n > 0)?;
    let (word, rest) = bytes.split_at_checked(end)?;
    Some((word, rest.get(1..).unwrap_or_default()))
}

/// `-` or `[...]...`, and what follows.
fn structured(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    if bytes.first() == Some(&b'[') {
        let (mut quoted, mut inside, mut escaped) = (false, false, false);
        for (at, byte) in bytes.iter().enumerate() {
            end = at;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'[' if !quoted => inside = true,
                b']' if !quoted => inside = false,
                b' ' if !quoted && !inside => break,
                _ => {}
            }
            end = at + 1;
        }
    } else {
        end = bytes.iter().position(|b| *b == b' ').unwrap_or(bytes.len());
    }
    let (field, rest) = bytes.split_at_checked(end)?;
    Some((field, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// `TAG[PID]: `, and what follows.
fn tag(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let end = bytes.iter().position(|b| matches!(b, b'[' | b':' | b' '))?;
    let (tag, rest) = bytes.split_at_checked(end)?;
    let (pid, rest) = match rest.strip_prefix(b"[") {
        None => (&b""[..], rest),
        Some(inner) => {
            let (pid, rest) = inner.split_at_checked(inner.iter().position(|b| *b == b']')?)?;
            (pid, rest.get(1..).unwrap_or_default())
        }
    };
    Some((tag, pid, rest.strip_prefix(b": ")?)).filter(|_| !tag.is_empty())
}

fn tagged(message: &Message<'_>, out: &mut Vec<u8>) {
    if message.tag.is_empty() {
        return;
    }
    out.extend_from_slice(message.tag);
    if !message.pid.is_empty() {
        out.push(b'[');
        out.extend_from_slice(message.pid);
        out.push(b']');
    }
    out.extend_from_slice(b": ");
}

/// `2026-11-21T12:33:25` and what may follow, or none.
fn is_date(stamp: &[u8]) -> bool {
    stamp == b"-" || fits(stamp.get(..19).unwrap_or_default(), b"dddd-dd-ddTdd:dd:dd")
}

fn is_old_date(stamp: &[u8]) -> bool {
    MONTHS.iter().any(|m| stamp.starts_with(m)) && fits(stamp.get(3..).unwrap_or_default(), b" Ddsdd:dd:dd")
}

/// Whether the bytes have this form: `d` is a digit, `D` a digit or a space, `s` a space.
fn fits(bytes: &[u8], form: &[u8]) -> bool {
    bytes.len() == form.len()
        && bytes.iter().zip(form).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            b'D' => byte.is_ascii_digit() || *byte == b' ',
            b's' => *byte == b' ',
            other => byte == other,
        })
}

fn decimal(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |n: u32, d| n.saturating_mul(10).saturating_add(u32::from(d.saturating_sub(b'0'))))
}

fn angled(mut number: u32, out: &mut Vec<u8>) {
    let mut digits = [0; 10];
    let mut at = digits.len();
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (number % 10) as u8;
        number /= 10;
        at -= 1;
        if number == 0 {
            break;
        }
    }
    out.push(b'<');
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
    out.push(b'>');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_of_both_kinds_are_read_and_the_rest_is_text() {
        let old = Message::parse(b"<134>Nov  1 12:33:16 host app[12]: said\n");
        assert_eq!((old.priority, old.kind, old.host), (Some(134), Kind::Old, &b"host"[..]));
        assert_eq!((old.tag, old.pid, old.text), (&b"app"[..], &b"12"[..], &b"said"[..]));
        let new = Message::parse(b"<14>1 2026-11-21T12:33:25Z h a p m [x y=\"]\"][z] text");
        assert_eq!((new.kind, new.structured, new.text), (Kind::New, &b"[x y=\"]\"][z]"[..], &b"text"[..]));
        assert_eq!(Message::parse(b"<9>foo"), Message::bare(Some(9), b"foo"));
        assert_eq!(Message::parse(b"<9foo"), Message::bare(None, b"<9foo"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_and_written_within_the_limit(bytes: Vec<u8>, limit in 2..200usize) {
            let message = Message::parse(&bytes);
            let now = Stamp::new(1_000_000_000, 0);
            for format in [Format::Rfc3164, Format::Rfc5424, Format::Timed, Format::Local, Format::Raw] {
                let mut out = Vec::new();
                let how = Outgoing { format, priority: 13, host: b"h", through: b"", now: &now, micros: 1, limit };
                how.write(&message, &mut out);
                prop_assert!(out.len() <= limit && out.ends_with(b"\n"));
            }
        }
    }
}
