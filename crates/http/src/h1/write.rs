//! Bytes from heads.

use std::collections::HashMap;

use crate::{Head, status, uri};

/// How a head goes out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outgoing<'a> {
    /// Lines that the connection needs, written as they are after those of the head.
    pub extra: &'a [u8],
    /// Name, in lower case, and value of a line behind those.
    pub last: Option<(&'a [u8], &'a [u8])>,
    /// The spelling of names that a peer insists on.
    pub cases: Option<&'a CaseMap>,
}

/// How names are spelled for peers that do not take lower case (manual, 3.1 "h1-case-adjust").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseMap {
    names: HashMap<Box<[u8]>, Box<[u8]>>,
}

// === impl CaseMap ===

impl CaseMap {
    /// Sets the spelling of a name. Nothing, where the two differ in more than case.
    pub fn insert(&mut self, spelling: &[u8]) {
        self.names.insert(spelling.to_ascii_lowercase().into(), spelling.into());
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn spelled<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        self.names.get(name).map_or(name, |spelling| spelling)
    }
}

/// Writes a head and the empty line after it.
pub fn write_head(head: &Head, how: &Outgoing<'_>, out: &mut Vec<u8>) {
    start_line(head, out);
    match how.cases.filter(|c| !c.is_empty()) {
        None => {
            head.write_lines(out);
            out.extend_from_slice(how.extra);
            how.last.into_iter().for_each(|(name, value)| write_line(name, value, out));
        }
        Some(cases) => write_spelled(head, how, cases, out),
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the trailers of a body in chunks and the empty line after them.
pub fn write_trailers(head: &Head, out: &mut Vec<u8>) {
    head.write_lines(out);
    out.extend_from_slice(b"\r\n");
}

/// Writes the line before the data of a chunk.
pub fn chunk_header(size: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 16];
    let mut n = size;
    let mut at = digits.len();
    loop {
        at -= 1;
        if let Some(d) = digits.get_mut(at) {
            *d = b"0123456789ABCDEF".get((n & 15) as usize).copied().unwrap_or(b'0');
        }
        n >>= 4;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
}

fn start_line(head: &Head, out: &mut Vec<u8>) {
    if head.is_response() {
        version(head, out);
        out.push(b' ');
        out.extend_from_slice(head.code());
        out.push(b' ');
        let reason = match head.reason() {
            b"" => status::reason(head.status()).as_bytes(),
            given => given,
        };
        out.extend_from_slice(reason);
    } else {
        out.extend_from_slice(head.method());
        out.push(b' ');
        out.extend_from_slice(target(head));
        out.push(b' ');
        version(head, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// A request of HTTP/2 names scheme and authority apart; HTTP/1 has them in the target only where they are none of
/// HTTP's own (RFC 9112, 3.2.1).
fn target(head: &Head) -> &[u8] {
    let target = head.target();
    let is = |name: &[u8]| uri::scheme(target).is_some_and(|s| s.eq_ignore_ascii_case(name));
    let usual = is(b"http") || is(b"https");
    if head.version() < (2, 0) || !usual || head.method() == b"CONNECT" {
        return target;
    }
    match uri::path_and_query(target) {
        b"" if head.method() == b"OPTIONS" => b"*",
        b"" => b"/",
        path => path,
    }
}

/// RFC 9112, 2.3: our own version where the message's is higher.
fn version(head: &Head, out: &mut Vec<u8>) {
    let (major, minor) = head.version();
    match head.protocol() {
        Some(protocol) => out.extend_from_slice(protocol),
        None if (major, minor) >= (1, 1) => out.extend_from_slice(b"HTTP/1.1"),
        None => out.extend_from_slice(&[b'H', b'T', b'T', b'P', b'/', b'0' + major, b'.', b'0' + minor]),
    }
}

#[cold]
fn write_spelled(head: &Head, how: &Outgoing<'_>, cases: &CaseMap, out: &mut Vec<u8>) {
    for line in head.lines() {
        write_line(cases.spelled(head.name(line)), head.value(line), out);
    }
    for line in how.extra.split_inclusive(|b| *b == b'\n') {
        let end = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        let (name, rest) = line.split_at_checked(end).unwrap_or((line, b""));
        out.extend_from_slice(cases.spelled(name));
        out.extend_from_slice(rest);
    }
    how.last.into_iter().for_each(|(name, value)| write_line(cases.spelled(name), value, out));
}

fn write_line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
