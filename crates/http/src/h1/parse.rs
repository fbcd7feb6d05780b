//! Heads from bytes.

use memchr::memchr;

use crate::Head;

/// Where the search for the end of a head stands, so that a head which comes byte by byte is looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parser {
    /// Everything before this was looked at; it is the start of a line.
    line: usize,
    /// Where the start line begins, after empty lines.
    begin: usize,
}

/// What a head may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Header lines at most (`tune.http.maxhdr`).
    pub max_headers: usize,
    /// Bytes at most.
    pub max_bytes: usize,
}

/// The outcome of looking for a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parse {
    /// It is there, so many bytes long.
    Complete {
        /// Bytes of the input that it took.
        consumed: usize,
    },
    /// More bytes are needed.
    Partial,
    /// It never will be one.
    Invalid(Fault),
}

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, in bytes from the start of the input.
    pub at: usize,
    /// The status to answer with.
    pub status: u16,
}

/// Reads the head of a request (RFC 9112, 3).
pub fn parse_request(parser: &mut Parser, input: &[u8], head: &mut Head, limits: &Limits) -> Parse {
    let end = match parser.find_end(input, limits, 400) {
        Ok(Some(end)) => end,
        Ok(None) => return Parse::Partial,
        Err(f) => return Parse::Invalid(f),
    };
    head.clear();
    let mut lines = Lines { input, at: parser.begin, end };
    let result = request_line(&mut lines, head).and_then(|()| header_lines(&mut lines, head, limits, 400));
    finish(parser, end, result)
}

/// Reads the head of a response (RFC 9112, 4).
pub fn parse_response(parser: &mut Parser, input: &[u8], head: &mut Head, limits: &Limits) -> Parse {
    let end = match parser.find_end(input, limits, 502) {
        Ok(Some(end)) => end,
        Ok(None) => return Parse::Partial,
        Err(f) => return Parse::Invalid(f),
    };
    head.clear();
    let mut lines = Lines { input, at: parser.begin, end };
    let result = status_line(&mut lines, head).and_then(|()| header_lines(&mut lines, head, limits, 502));
    finish(parser, end, result)
}

struct Lines<'a> {
    input: &'a [u8],
    at: usize,
    end: usize,
}

fn finish(parser: &mut Parser, end: usize, result: Result<(), Fault>) -> Parse {
    *parser = Parser::default();
    match result {
        Ok(()) => Parse::Complete { consumed: end },
        Err(f) => Parse::Invalid(f),
    }
}

// === impl Parser ===

impl Parser {
    /// One past the empty line that ends the head.
    fn find_end(&mut self, input: &[u8], limits: &Limits, status: u16) -> Result<Option<usize>, Fault> {
        loop {
            let rest = input.get(self.line..).unwrap_or_default();
            let Some(n) = memchr(b'\n', rest) else {
                if input.len() >= limits.max_bytes {
                    return Err(Fault { at: input.len(), status });
                }
                return Ok(None);
            };
            let line = rest.get(..n).unwrap_or_default();
            let empty = line.is_empty() || line == b"\r";
            let was_first = self.line == self.begin;
            self.line += n + 1;
            if empty && was_first {
                self.begin = self.line; // RFC 9112, 2.2: empty lines before the start line are ignored.
            } else if empty {
                return Ok(Some(self.line));
            }
        }
    }
}

// === impl Lines ===

impl<'a> Lines<'a> {
    /// The next line without its end, and where it starts.
    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        let rest = self.input.get(self.at..self.end)?;
        let n = memchr(b'\n', rest)?;
        let line = rest.get(..n)?;
        let start = self.at;
        self.at += n + 1;
        Some((start, line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

fn request_line(lines: &mut Lines<'_>, head: &mut Head) -> Result<(), Fault> {
    let (at, line) = lines.next().ok_or(Fault { at: 0, status: 400 })?;
    let bad = Fault { at, status: 400 };
    let mut words = line.splitn(3, |b| *b == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().ok_or(bad)?);
    let version = version(words.next().ok_or(bad)?).ok_or(bad)?;
    let token = !method.is_empty() && method.iter().all(|b| is_token(*b));
    if !token || target.is_empty() || target.iter().any(|b| *b <= b' ' || *b == 0x7f) {
        return Err(bad);
    }
    head.set_request(method, target, version);
    Ok(())
}

fn status_line(lines: &mut Lines<'_>, head: &mut Head) -> Result<(), Fault> {
    let (at, line) = lines.next().ok_or(Fault { at: 0, status: 502 })?;
    let bad = Fault { at, status: 502 };
    let mut words = line.splitn(3, |b| *b == b' ');
    let version = version(words.next().unwrap_or_default()).ok_or(bad)?;
    let status = words.next().ok_or(bad)?;
    if status.len() != 3 || !status.iter().all(u8::is_ascii_digit) {
        return Err(bad);
    }
    let status = status.iter().fold(0u16, |n, b| n * 10 + u16::from(b - b'0'));
    head.set_response(status, words.next().unwrap_or_default(), version);
    Ok(())
}

fn version(word: &[u8]) -> Option<(u8, u8)> {
    match word.strip_prefix(b"HTTP/")? {
        [major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => Some((major - b'0', minor - b'0')),
        _ => None,
    }
}

fn header_lines(lines: &mut Lines<'_>, head: &mut Head, limits: &Limits, status: u16) -> Result<(), Fault> {
    while let Some((at, line)) = lines.next() {
        if line.is_empty() {
            return Ok(());
        }
        let bad = Fault { at, status };
        if head.lines().len() >= limits.max_headers {
            return Err(bad);
        }
        let colon = memchr(b':', line).ok_or(bad)?;
        let (name, value) = line.split_at_checked(colon).ok_or(bad)?;
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return Err(bad);
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if value.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
            return Err(bad);
        }
        head.append(name, value);
    }
    Ok(())
}

/// RFC 9110, 5.6.2.
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}
