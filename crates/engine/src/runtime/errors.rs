//! The last message of each kind and proxy that broke the protocol (management manual, 9.3 "show errors").

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// What is kept of a proxy: the last bad request that came to it, and the last bad response that a server gave it.
#[derive(Debug, Default)]
pub struct Errors {
    /// Of its clients.
    pub request: Mutex<Option<Arc<BadMessage>>>,
    /// Of its servers.
    pub response: Mutex<Option<Arc<BadMessage>>>,
}

/// A message that could not be understood.
#[derive(Clone, Debug)]
pub struct BadMessage {
    /// When, in microseconds since 1970.
    pub at: u64,
    /// Its number among those of the process.
    pub event: u32,
    /// The proxy on the other side, by name and number: a request's backend, a response's frontend.
    pub other: Option<(String, u32)>,
    /// The server, by name and number.
    pub server: Option<(String, u32)>,
    /// The client.
    pub source: Option<SocketAddr>,
    /// What was received.
    pub bytes: Vec<u8>,
    /// The byte that is wrong.
    pub position: usize,
    /// What was being read there.
    pub part: Part,
    /// How long a buffer is.
    pub room: usize,
    /// The body's length, where the message announced one.
    pub body: u64,
}

/// The parts of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The method.
    Method,
    /// The target.
    Target,
    /// The version, and whatever is wrong with the whole.
    Start,
    /// The name of a header.
    Name,
    /// The value of a header: its bytes.
    Value,
    /// The value of a header: what it means.
    Meaning,
    /// The size of a chunk.
    ChunkSize,
}

// === impl Part ===

impl Part {
    /// Which part of `bytes` is at fault, and where, where the fault lies in the line that begins at `line`.
    pub(crate) fn locate(bytes: &[u8], line: usize, is_request: bool) -> (usize, Self) {
        let rest = bytes.get(line..).unwrap_or_default();
        let text = rest.split(|b| *b == b'\n').next().unwrap_or_default();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (at, part) = match line {
            0 if is_request => start_line(text),
            0 => (0, Self::Start),
            _ => header(text),
        };
        (line + at, part)
    }
}

fn start_line(text: &[u8]) -> (usize, Part) {
    let mut words = text.split(|b| *b == b' ');
    let method = words.next().unwrap_or_default();
    if let Some(at) = method.iter().position(|b| !is_token(*b)) {
        return (at, Part::Method);
    }
    let target = words.next().unwrap_or_default();
    let begins = method.len() + 1;
    match target.iter().position(|b| !(b'!'..0x7f).contains(b)) {
        Some(at) => (begins + at, Part::Target),
        None => ((begins + target.len() + 1).min(text.len()), Part::Start),
    }
}

fn header(text: &[u8]) -> (usize, Part) {
    let colon = text.iter().position(|b| *b == b':').unwrap_or(text.len());
    let name = text.get(..colon).unwrap_or_default();
    if let Some(at) = name.iter().position(|b| !is_token(*b)) {
        return (at, Part::Name);
    }
    if name.is_empty() || colon == text.len() {
        return (colon, Part::Name);
    }
    let value = text.get(colon + 1..).unwrap_or_default();
    if let Some(at) = value.iter().position(|b| matches!(b, 0 | b'\r' | b'\n')) {
        return (colon + 1 + at, Part::Value);
    }
    let blank = value.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    (colon + 1 + blank, Part::Meaning)
}

/// RFC 9110, 5.6.2
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_at_fault_is_found_in_its_line() {
        let cases: [(&[u8], usize, usize, Part); 9] = [
            (b"G\x01T / HTTP/1.1\r\n\r\n", 0, 1, Part::Method),
            (b"GET /\x80 HTTP/1.1\r\n\r\n", 0, 5, Part::Target),
            (b"GET / HTTX/1.1\r\n\r\n", 0, 6, Part::Start),
            (b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n", 25, 28, Part::Name),
            (b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 25, 25, Part::Name),
            (b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", 16, 23, Part::Value),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\n", 25, 41, Part::Meaning),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 25, 31, Part::Meaning),
            (b"", 7, 7, Part::Name),
        ];
        for (bytes, line, at, part) in cases {
            assert_eq!(Part::locate(bytes, line, true), (at, part), "{}", bytes.escape_ascii());
        }
    }
}
