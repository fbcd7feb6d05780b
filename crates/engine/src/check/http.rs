//! What a check says and hears of HTTP (manual, 4.2 "option httpchk", "http-check send", "http-check send-state").
//!
//! Requests are heads in either version; [`bytes`] writes one for HTTP/1. How one goes over HTTP/2 is `super::h2`'s.

use std::borrow::Cow;

use weir_http::Head;
use weir_http::h1::{self, BodyLength, ChunkDecoder, ChunkStep, Limits, Parse, Parser};

use crate::conf::HttpSend;

/// What `http-check send` asks.
pub(super) struct Request {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
    /// The connection may carry another one.
    pub(super) persists: bool,
}

/// An answer as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Response {
    parser: Parser,
    head: Head,
    /// Where the body begins, once the head is there.
    body: Option<usize>,
    /// What comes is the body and nothing else; its end is that of what comes.
    bare: bool,
}

/// A request. `state` is the header that tells the server its state (`http-check send-state`).
pub(super) fn request(
    send: &HttpSend,
    uri: &[u8],
    headers: &[(&[u8], Vec<u8>)],
    body: Vec<u8>,
    state: Option<String>,
) -> Request {
    let version = (1, u8::from(is_modern(&send.version)));
    let host = headers.iter().find(|(name, _)| *name == b"host").map(|(_, value)| value.as_slice());
    let uri = if uri.is_empty() { Cow::Borrowed(&b"/"[..]) } else { with_host(uri, host) };
    let mut head = Head::default();
    head.set_request(&send.method, &uri, version);
    // Framing and connection are the program's own affair.
    let own = |name: &[u8]| [&b"connection"[..], b"content-length", b"transfer-encoding"].contains(&name);
    for (name, value) in headers.iter().filter(|(name, _)| !own(name)) {
        head.append(name, value);
    }
    if let Some(state) = state {
        head.append(b"x-haproxy-server-state", state.as_bytes());
    }
    if !body.is_empty() || [b"POST".as_slice(), b"PUT"].contains(&send.method.as_slice()) {
        head.append(b"content-length", body.len().to_string().as_bytes());
    }
    let said: Vec<_> = headers
        .iter()
        .filter(|(name, _)| *name == b"connection")
        .map(|(_, value)| value.as_slice())
        .collect();
    let persists = goes_on(version, &said);
    if let Some(word) = connection(version, &said, persists) {
        head.append(b"connection", word);
    }
    Request { head, body, persists }
}

/// Whether a connection of which this is said carries further requests; checks of HTTP/1.1 that say nothing end theirs.
fn goes_on(version: (u8, u8), said: &[&[u8]]) -> bool {
    let says = |token| said.iter().any(|line| h1::token_in(line, token));
    let by_default = version == (1, 1) && !said.is_empty();
    !says(b"close") && (by_default || says(b"keep-alive"))
}

/// What tells it to the server, where that goes without saying; offers to change the protocol are passed on.
fn connection(version: (u8, u8), said: &[&[u8]], persists: bool) -> Option<&'static [u8]> {
    match (version, persists) {
        ((1, 1), false) => Some(b"close"),
        ((1, 0), true) => Some(b"keep-alive"),
        _ => said.iter().any(|line| h1::token_in(line, b"upgrade")).then_some(b"upgrade"),
    }
}

/// A request as HTTP/1 has it.
pub(super) fn bytes(request: &Request) -> Vec<u8> {
    let Request { head, body, .. } = request;
    let version = if head.version() == (1, 1) { b" HTTP/1.1\r\n" } else { b" HTTP/1.0\r\n" };
    let mut out = [head.method(), b" ", head.target(), version].concat();
    for line in head.lines() {
        out.extend([head.name(line), b": ", head.value(line), b"\r\n"].concat());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

/// The authority of a URI is that of the `Host` header, where there are both.
fn with_host<'u>(uri: &'u [u8], host: Option<&[u8]>) -> Cow<'u, [u8]> {
    let (Some(host), Some(scheme)) = (host, uri.windows(3).position(|w| w == b"://")) else {
        return Cow::Borrowed(uri);
    };
    if uri.starts_with(b"/") {
        return Cow::Borrowed(uri);
    }
    let (scheme, rest) = uri.split_at_checked(scheme + 3).unwrap_or((uri, &[]));
    let path = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
    Cow::Owned([scheme, host, rest.get(path..).unwrap_or_default()].concat())
}

/// HTTP/1.1 or later, which all become HTTP/1.1.
fn is_modern(version: &[u8]) -> bool {
    let number = version.strip_prefix(b"HTTP/").unwrap_or_default();
    !number.is_empty() && number != b"1.0" && !number.starts_with(b"0")
}

// === impl Response ===

impl Response {
    /// Looks at all that came: whether the head is there, or never will be one; none as long as it is open.
    pub(crate) fn read(&mut self, input: &[u8]) -> Option<bool> {
        if self.body.is_some() {
            return Some(true);
        }
        let limits = Limits {
            max_headers: MAX_HEADERS,
            max_bytes: usize::MAX,
            max_weight: usize::MAX,
            lenient: false,
            payload_with_any_method: false,
        };
        match h1::parse_response(&mut self.parser, input, &mut self.head, &limits) {
            Parse::Complete { consumed } => {
                self.body = Some(consumed);
                Some(true)
            }
            Parse::Partial => None,
            Parse::Invalid(_) => Some(false),
        }
    }

    /// An answer whose head is there, and whose body comes without framing.
    pub(super) fn of(head: Head) -> Self {
        Self { parser: Parser::default(), head, body: Some(0), bare: true }
    }

    /// Whether this is all of the answer and nothing else, and says that its connection goes on.
    pub(super) fn is_whole(&self, input: &[u8], head_only: bool) -> bool {
        let rest = self.body.and_then(|at| input.get(at..));
        let Some(rest) = rest.filter(|_| !self.bare && self.status() >= 200 && h1::persists(&self.head))
        else {
            return false;
        };
        match self.length(head_only) {
            Some(BodyLength::Known(n)) => rest.len() as u64 == n,
            Some(BodyLength::None) => rest.is_empty(),
            Some(BodyLength::Chunked) => chunks(rest).1 == Ended::Before(b"\r\n"),
            Some(BodyLength::UntilClose | BodyLength::Tunnel) | None => false,
        }
    }

    /// The status; 0 before the head is there.
    pub(crate) fn status(&self) -> u16 {
        if self.body.is_some() { self.head.status() } else { 0 }
    }

    /// The head, empty before it is there.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// The body as it lies in the input, framing and all.
    pub(super) fn content<'i>(&self, input: &'i [u8], head_only: bool) -> &'i [u8] {
        let rest = self.body.and_then(|at| input.get(at..)).unwrap_or_default();
        let length = self.body(input, head_only).0.len();
        rest.get(..length).unwrap_or(rest)
    }

    pub(super) fn reason(&self) -> String {
        String::from_utf8_lossy(self.head.reason()).into_owned()
    }

    /// The body as far as it has come, without chunks' framing, and whether that is all of it.
    pub(crate) fn body(&self, input: &[u8], head_only: bool) -> (Vec<u8>, bool) {
        if self.bare {
            return (input.to_vec(), false);
        }
        let rest = self.body.and_then(|at| input.get(at..)).unwrap_or_default();
        match self.length(head_only) {
            Some(BodyLength::Known(n)) => {
                let n = usize::try_from(n).unwrap_or(usize::MAX);
                (rest.iter().take(n).copied().collect(), rest.len() >= n)
            }
            Some(BodyLength::Chunked) => {
                let (body, ended) = chunks(rest);
                (body, ended != Ended::Open)
            }
            Some(BodyLength::UntilClose | BodyLength::Tunnel) => (rest.to_vec(), false),
            Some(BodyLength::None) | None => (Vec::new(), true),
        }
    }

    /// How long the body is; none where the head does not tell.
    fn length(&self, head_only: bool) -> Option<BodyLength> {
        let mut request = Head::default();
        request.set_request(if head_only { b"HEAD" } else { b"GET" }, b"/", (1, 1));
        h1::response_body(&self.head, &request).ok()
    }
}

/// Whether a body in chunks is all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended<'i> {
    /// More is to come.
    Open,
    /// All of it came, and this behind the last chunk.
    Before(&'i [u8]),
    /// What came are no chunks.
    Broken,
}

fn chunks(mut rest: &[u8]) -> (Vec<u8>, Ended<'_>) {
    let (mut decoder, mut body) = (ChunkDecoder::default(), Vec::new());
    loop {
        match decoder.step(rest) {
            ChunkStep::Data { skip, len } if len > 0 => {
                body.extend(rest.iter().skip(skip).take(len));
                decoder.passed(len);
                rest = rest.get(skip + len..).unwrap_or_default();
            }
            ChunkStep::End { skip } => return (body, Ended::Before(rest.get(skip..).unwrap_or_default())),
            ChunkStep::Invalid => return (body, Ended::Broken),
            _ => return (body, Ended::Open),
        }
    }
}

/// Header lines of an answer at most.
const MAX_HEADERS: usize = 101;
