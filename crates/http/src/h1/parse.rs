//! Heads from bytes, line by line as they come (RFC 9112, 2 to 5).
//!
//! A line is judged as soon as it is there, and the start of one that is not complete as far as it can be, so
//! that what will never be HTTP is refused at once. No byte is read twice but those of an incomplete line.

use memchr::{memchr, memchr2, memchr3};

use super::chars::{self, is_blank};
use super::judge::Judge;
use crate::{Head, HeaderId, HeaderLine};

/// Where the reading of a head stands, so that a head which comes byte by byte is read once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parser {
    /// Everything before this is read; it is the start of a line.
    line: usize,
    stage: Stage,
    pub(super) judge: Judge,
}

/// What a head may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lines at most, the start line included (`tune.http.maxhdr`).
    pub max_headers: usize,
    /// Bytes that the input may hold before the head is complete (`tune.bufsize`).
    pub max_bytes: usize,
    /// The most that [`weight`] may give for the head.
    pub max_weight: usize,
    /// `option accept-unsafe-violations-in-http-request` or `-response`
    pub lenient: bool,
    /// `h1-accept-payload-with-any-method`
    pub payload_with_any_method: bool,
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

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, in bytes from the start of the input.
    pub at: usize,
    /// The status to answer with.
    pub status: u16,
    /// Nothing is answered: a body was announced that nobody will read.
    pub silent: bool,
}

/// Which kind of head it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
    Trailers,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Lines,
}

/// Reads the head of a request (RFC 9112, 3). `head` must be the same from call to call, and the input begin
/// with the same bytes.
pub fn parse_request(parser: &mut Parser, input: &[u8], head: &mut Head, limits: &Limits) -> Parse {
    parser.run(Kind::Request, input, head, limits)
}

/// Reads the head of a response (RFC 9112, 4).
pub fn parse_response(parser: &mut Parser, input: &[u8], head: &mut Head, limits: &Limits) -> Parse {
    parser.run(Kind::Response, input, head, limits)
}

/// Reads the trailers of a body in chunks (RFC 9112, 7.1.2). `status` is what a fault is answered with.
pub fn parse_trailers(input: &[u8], head: &mut Head, limits: &Limits, status: u16) -> Parse {
    let mut parser = Parser { stage: Stage::Lines, ..Parser::default() };
    head.clear();
    match parser.run(Kind::Trailers, input, head, limits) {
        Parse::Invalid(fault) => Parse::Invalid(Fault { status, silent: false, ..fault }),
        other => other,
    }
}

/// What a head weighs against `tune.bufsize` less `tune.maxrewrite`: its words, and a little for each line.
pub fn weight(head: &Head) -> usize {
    accounted(head) + LINE_WEIGHT * (head.lines().len() + 2)
}

/// The bytes that logs and counters show for a head: its words, separators counted as the reference does.
pub fn accounted(head: &Head) -> usize {
    let protocol = head.protocol().map_or("HTTP/1.1".len(), <[u8]>::len);
    let start = if head.is_response() {
        head.code().len() + head.reason().len()
    } else {
        head.method().len() + head.target().len()
    };
    START_WEIGHT + protocol + start + accounted_lines(head) + 1
}

/// The bytes that logs and counters show for the lines of a head or of trailers.
pub fn accounted_lines(head: &Head) -> usize {
    head.lines().iter().map(HeaderLine::len).sum()
}

// === impl Parser ===

impl Parser {
    fn run(&mut self, kind: Kind, input: &[u8], head: &mut Head, limits: &Limits) -> Parse {
        let result = self.lines(kind, input, head, limits);
        match result {
            Ok(Some(consumed)) => {
                *self = Self::default();
                Parse::Complete { consumed }
            }
            Ok(None) => Parse::Partial,
            Err(status) => {
                let fault = Fault { at: self.line, status, silent: self.judge.is_silent(kind) };
                *self = Self::default();
                Parse::Invalid(fault)
            }
        }
    }

    /// Reads line after line. Gives what the head took, or the status of a fault.
    fn lines(
        &mut self,
        kind: Kind,
        input: &[u8],
        head: &mut Head,
        limits: &Limits,
    ) -> Result<Option<usize>, u16> {
        loop {
            let rest = input.get(self.line..).unwrap_or_default();
            match rest {
                [b'\n', ..] | [b'\r', b'\n', ..] => {
                    self.line += if rest.first() == Some(&b'\n') { 1 } else { 2 };
                    if self.stage == Stage::Lines {
                        self.judge.finish(kind, head, limits)?;
                        return Ok(Some(self.line));
                    }
                    continue; // RFC 9112, 2.2: empty lines before the start line are ignored.
                }
                [] | [b'\r'] => return self.more(kind, input, limits),
                [b'\r', ..] => return Err(kind.status()),
                _ => {}
            }
            if self.stage == Stage::Lines
                && let Some(n) = self.plain_line(kind, rest, head, limits)
            {
                self.line += n?;
                continue;
            }
            let Some(n) = memchr(b'\n', rest) else {
                self.look_ahead(kind, rest.strip_suffix(b"\r").unwrap_or(rest), limits)?;
                return self.more(kind, input, limits);
            };
            let line = rest.get(..n).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if self.stage == Stage::Start {
                let over = start_line(kind, line, head, limits)?;
                self.line += n + 1;
                if over {
                    self.judge.finish(kind, head, limits)?;
                    return Ok(Some(self.line));
                }
                self.stage = Stage::Lines;
                continue;
            }
            match rest.get(n + 1) {
                None => {
                    // Whether the line goes on is not known yet.
                    self.look_ahead(kind, line, limits)?;
                    if memchr(b':', line).is_none() {
                        return Err(kind.status());
                    }
                    return self.more(kind, input, limits);
                }
                Some(b) if is_blank(*b) => {
                    let Some(end) = folded_end(rest, n) else { return self.more(kind, input, limits) };
                    let whole = rest.get(..end).unwrap_or_default();
                    self.header_line(kind, whole, true, head, limits)?;
                    self.line += end + 1;
                }
                Some(_) => {
                    self.header_line(kind, line, false, head, limits)?;
                    self.line += n + 1;
                }
            }
        }
    }

    /// Reads a line that is there with the start of the next one, as it would be written: one look for its end
    /// that finds what must not be in it too, and one copy. Nothing for all others.
    fn plain_line(
        &mut self,
        kind: Kind,
        rest: &[u8],
        head: &mut Head,
        limits: &Limits,
    ) -> Option<Result<usize, u16>> {
        let n = memchr3(b'\r', b'\n', 0, rest)?;
        let len = n + 2;
        let (line, next) = rest.split_at_checked(len)?;
        let follows = next.first().is_some_and(|b| !is_blank(*b));
        let full = head.lines().len() + self.judge.dropped() + 1 >= limits.max_headers;
        if !follows || full || !line.ends_with(b"\r\n") {
            return None;
        }
        let (id, colon) = head.push_plain(line, &chars::TOKEN)?;
        if is_judged(id) {
            head.drop_plain(len);
            let value = line.get(colon + 2..n)?;
            if let Err(status) = self.judge.line(kind, id, value, head, limits.lenient) {
                return Some(Err(status));
            }
        } else {
            head.finish_plain(id, colon, len);
        }
        Some(Ok(len))
    }

    fn header_line(
        &mut self,
        kind: Kind,
        line: &[u8],
        folded: bool,
        head: &mut Head,
        limits: &Limits,
    ) -> Result<(), u16> {
        let bad = kind.status();
        // The start line counts too.
        if head.lines().len() + self.judge.dropped() + 1 >= limits.max_headers {
            return Err(bad);
        }
        let colon = memchr(b':', line).filter(|n| *n > 0).ok_or(bad)?;
        let (name, value) = line.split_at_checked(colon).ok_or(bad)?;
        let value = chars::trim(value.get(1..).unwrap_or_default());
        let id = match head.push_name(name, &chars::TOKEN) {
            Some(lower) => HeaderId::of(lower),
            None => {
                head.drop_name(name.len());
                // RFC 9112, 5.1: no blank before the colon, tokens only.
                let skipped = limits.lenient && (folded || check_value(value, true).is_some());
                return if skipped { Ok(()) } else { Err(bad) };
            }
        };
        if folded {
            head.drop_name(name.len());
            return self.folded_line(kind, name, value, head, limits);
        }
        check_value(value, limits.lenient).ok_or(bad)?;
        if is_judged(id) {
            head.drop_name(name.len());
            return self.judge.line(kind, id, value, head, limits.lenient);
        }
        head.finish_line(id, name.len(), value);
        Ok(())
    }

    /// A value over several lines becomes one, line ends replaced by blanks (RFC 9112, 5.2).
    #[cold]
    fn folded_line(
        &mut self,
        kind: Kind,
        name: &[u8],
        value: &[u8],
        head: &mut Head,
        limits: &Limits,
    ) -> Result<(), u16> {
        let mut whole: Vec<u8> = name.iter().map(u8::to_ascii_lowercase).collect();
        let id = HeaderId::of(&whole);
        whole.clear();
        let mut bytes = value.iter().copied().peekable();
        while let Some(b) = bytes.next() {
            match b {
                b'\r' if bytes.peek().is_none_or(|next| *next == b'\n') => whole.push(b' '),
                b'\n' => whole.push(b' '),
                _ => whole.push(b),
            }
        }
        let value = chars::trim(&whole);
        check_value(value, limits.lenient).ok_or(kind.status())?;
        if is_judged(id) {
            return self.judge.line(kind, id, value, head, limits.lenient);
        }
        head.append(name, value);
        Ok(())
    }

    /// More bytes are needed, unless there is no room for them.
    fn more(&self, kind: Kind, input: &[u8], limits: &Limits) -> Result<Option<usize>, u16> {
        if input.len() < limits.max_bytes {
            return Ok(None);
        }
        Err(match (kind, self.stage) {
            (Kind::Request, Stage::Start) => 414,
            (Kind::Request, Stage::Lines) => 431,
            _ => kind.status(),
        })
    }

    /// Judges the start of a line whose end has not come, without a carriage return that may belong to it.
    #[cold]
    fn look_ahead(&self, kind: Kind, complete: &[u8], limits: &Limits) -> Result<(), u16> {
        let good = match (self.stage, kind) {
            (Stage::Start, Kind::Request) => {
                let mut words = complete.splitn(3, |b| is_blank(*b));
                let method = words.next().unwrap_or_default();
                let rest = words.next().unwrap_or_default();
                !method.is_empty()
                    && method.iter().all(|b| chars::is_token(*b))
                    && chars::target_len(rest, limits.lenient) == rest.len()
                    && words.next().unwrap_or_default().iter().all(|b| chars::is_protocol(*b) || is_blank(*b))
            }
            (Stage::Start, _) => {
                let word = complete.split(|b| is_blank(*b)).next().unwrap_or_default();
                word.iter().all(|b| chars::is_protocol(*b)) && memchr(b'\r', complete).is_none()
            }
            (Stage::Lines, _) => match memchr(b':', complete).and_then(|n| complete.split_at_checked(n)) {
                Some((name, value)) => {
                    let named = limits.lenient || name.iter().all(|b| chars::is_token(*b));
                    !name.is_empty() && named && check_value(value, limits.lenient).is_some()
                }
                None => limits.lenient || complete.iter().all(|b| chars::is_token(*b)),
            },
        };
        if good { Ok(()) } else { Err(kind.status()) }
    }
}

// === impl Kind ===

impl Kind {
    /// The status for a fault without one of its own.
    pub(super) fn status(self) -> u16 {
        if self == Self::Response { 502 } else { 400 }
    }
}

/// Whether the lines of a name decide on body, connection or authority.
fn is_judged(id: HeaderId) -> bool {
    matches!(
        id,
        HeaderId::Connection
            | HeaderId::ContentLength
            | HeaderId::TransferEncoding
            | HeaderId::Host
            | HeaderId::Upgrade
            | HeaderId::Te
            | HeaderId::SecWebSocketKey
    )
}

/// Where a line that goes on after `n` ends: its line feed. Nothing where that is not known yet.
#[cold]
fn folded_end(rest: &[u8], mut n: usize) -> Option<usize> {
    loop {
        if !is_blank(*rest.get(n + 1)?) {
            return Some(n);
        }
        n += 1 + memchr(b'\n', rest.get(n + 1..)?)?;
    }
}

/// No NUL, and no carriage return but at the end of the line (RFC 9110, 5.5).
fn check_value(value: &[u8], lenient: bool) -> Option<()> {
    let found = if lenient { memchr(b'\r', value) } else { memchr2(0, b'\r', value) };
    if found.is_none() { Some(()) } else { None }
}

/// Reads the first line; whether it is all there is.
fn start_line(kind: Kind, line: &[u8], head: &mut Head, limits: &Limits) -> Result<bool, u16> {
    head.clear();
    if kind == Kind::Response {
        status_line(line, head, limits)?;
        return Ok(false);
    }
    if limits.lenient && is_bare_get(line, head) {
        return Ok(true);
    }
    request_line(line, head, limits)?;
    Ok(false)
}

/// RFC 9112, 3. Blanks between the words may be several, tabs among them.
fn request_line(line: &[u8], head: &mut Head, limits: &Limits) -> Result<(), u16> {
    let end = line.iter().position(|b| !chars::is_token(*b)).ok_or(400u16)?;
    let (method, rest) = line.split_at_checked(end).ok_or(400u16)?;
    let rest = skip_blanks(rest).filter(|_| end > 0).ok_or(400u16)?;
    let end = Some(chars::target_len(rest, limits.lenient)).filter(|n| *n > 0).ok_or(400u16)?;
    let (target, rest) = rest.split_at_checked(end).ok_or(400u16)?;
    let word = skip_blanks(rest).ok_or(400u16)?;
    let (version, odd) = version(word, limits.lenient).ok_or(400u16)?;
    head.set_request(method, target, version);
    if odd {
        head.set_protocol(word);
    }
    Ok(())
}

/// A request of HTTP/0.9: `GET`, a target, and nothing more.
#[cold]
fn is_bare_get(line: &[u8], head: &mut Head) -> bool {
    let Some(rest) = line.strip_prefix(b"GET").and_then(skip_blanks) else { return false };
    let target = chars::trim(rest);
    let is_bare = !target.is_empty() && chars::target_len(target, true) == target.len();
    if is_bare {
        head.set_request(b"GET", target, (1, 0));
    }
    is_bare
}

/// RFC 9112, 4.
fn status_line(line: &[u8], head: &mut Head, limits: &Limits) -> Result<(), u16> {
    let bad = 502u16;
    if memchr(b'\r', line).is_some() {
        return Err(bad);
    }
    let end = line.iter().position(|b| is_blank(*b)).ok_or(bad)?;
    let (word, rest) = line.split_at_checked(end).ok_or(bad)?;
    let (version, odd) = version(word, limits.lenient).ok_or(bad)?;
    let rest = skip_blanks(rest).ok_or(bad)?;
    let end = rest.iter().position(|b| is_blank(*b)).unwrap_or(rest.len());
    let (digits, reason) = rest.split_at_checked(end).ok_or(bad)?;
    let most = if limits.lenient { usize::MAX } else { 3 };
    if digits.is_empty() || digits.len() > most || !digits.iter().all(u8::is_ascii_digit) {
        return Err(bad);
    }
    let status = digits.iter().fold(0u16, |n, b| n.saturating_mul(10).saturating_add(u16::from(b - b'0')));
    let reason = skip_blanks(reason).unwrap_or_default();
    head.set_coded_response(digits, status, reason, version);
    if odd {
        head.set_protocol(word);
    }
    Ok(())
}

/// What follows at least one blank.
fn skip_blanks(rest: &[u8]) -> Option<&[u8]> {
    let n = rest.iter().position(|b| !is_blank(*b)).unwrap_or(rest.len());
    if n == 0 { None } else { rest.get(n..) }
}

/// Major and minor, and whether the word must be kept as it came: another protocol's, where that is accepted.
fn version(word: &[u8], lenient: bool) -> Option<((u8, u8), bool)> {
    if let [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] = word {
        return Some(((major - b'0', minor - b'0'), false));
    }
    if !lenient || word.is_empty() || !word.iter().all(|b| chars::is_protocol(*b)) {
        return None;
    }
    match word {
        [_, _, _, _, b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => {
            let version = (major - b'0', minor - b'0');
            // At 1.1 and above it is spoken to as HTTP is.
            Some((version, version < (1, 1)))
        }
        _ => Some(((1, 0), true)),
    }
}

/// What a line weighs beside its words.
const LINE_WEIGHT: usize = 8;
/// What the start line weighs beside its words.
const START_WEIGHT: usize = 20;

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
