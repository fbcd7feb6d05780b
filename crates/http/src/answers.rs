//! Answers of our own: the built-in ones, and those that a user puts in their place (manual, 4.2 "errorfile",
//! "errorloc").
//!
//! An answer is a response like any other: it is read once, at load, and written with the line that the
//! client's connection needs. Only a client whose request could not be understood gets a built-in one as it
//! stands ([`builtin`]), for there is no request to answer.

use std::sync::LazyLock;

use crate::h1::{self, BodyLength, Limits, Outgoing, Parse, Parser};
use crate::{Head, HeaderId};

/// An answer that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Answer {
    head: Head,
    body: Box<[u8]>,
    /// As it goes to a client that was not understood, where that is not written from the above.
    raw: Box<[u8]>,
}

/// Why bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// There is no head, or not all of it.
    Truncated,
    /// The head is invalid, at this byte.
    Invalid(usize),
    /// The body is longer or shorter than the head says.
    BodyLength,
}

/// The built-in answer for a status, as it stands.
pub fn builtin(status: u16) -> Option<&'static [u8]> {
    answer(status).map(|a| &*a.raw)
}

/// The built-in answer for a status, to be written for a request.
pub fn answer(status: u16) -> Option<&'static Answer> {
    static ANSWERS: LazyLock<Vec<Answer>> =
        LazyLock::new(|| BUILTIN.iter().filter_map(Builtin::answer).collect());
    ANSWERS.iter().zip(BUILTIN).find(|(_, b)| b.status == status).map(|(a, _)| a)
}

/// The statuses that have a built-in answer.
pub fn statuses() -> impl Iterator<Item = u16> {
    BUILTIN.iter().map(|b| b.status)
}

// === impl Answer ===

impl Answer {
    /// Reads an answer from a file's content. Lines may end in LF alone.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoAnswer> {
        let limits = Limits {
            max_headers: usize::MAX,
            max_bytes: usize::MAX,
            max_weight: usize::MAX,
            lenient: false,
            payload_with_any_method: false,
        };
        let mut head = Head::default();
        match h1::parse_response(&mut Parser::default(), bytes, &mut head, &limits) {
            Parse::Complete { consumed } => {
                let body = bytes.get(consumed..).unwrap_or_default();
                if head.facts().content_length.is_some_and(|n| n != body.len() as u64) {
                    return Err(NoAnswer::BodyLength);
                }
                let raw = match head.facts().close {
                    true => as_it_stands(&head, bytes.get(..consumed).unwrap_or_default(), body),
                    false => Box::default(),
                };
                Ok(Self { head, body: body.into(), raw })
            }
            Parse::Partial => Err(NoAnswer::Truncated),
            Parse::Invalid(fault) => Err(NoAnswer::Invalid(fault.at)),
        }
    }

    /// A redirect to this place (manual, 4.2 "errorloc302", "errorloc303").
    pub fn redirect(status: u16, location: &[u8]) -> Self {
        let mut head = Head::default();
        head.set_response(status, crate::status::reason(status).as_bytes(), (1, 1));
        head.append(b"cache-control", b"no-cache");
        head.append(b"content-length", b"0");
        head.append(b"location", location);
        head.facts_mut().content_length = Some(0);
        Self { head, body: Box::default(), raw: Box::default() }
    }

    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether a client's connection can go on after it.
    pub fn persists(&self) -> bool {
        // The version is the file's, not that of a server who would close.
        let facts = self.head.facts();
        let chunked = facts.chunked && self.head.version() >= (1, 1);
        !facts.close && (chunked || facts.content_length.is_some())
    }

    /// Writes it as the answer to a request; `goes_on` says that the client's connection does.
    pub fn write(&self, request: &Head, goes_on: bool, out: &mut Vec<u8>) {
        let how = Outgoing { extra: h1::client_line(&self.head, request, goes_on), ..Outgoing::default() };
        h1::write_head(&self.head, &how, out);
        let bodyless = matches!(h1::response_body(&self.head, request), Ok(BodyLength::None));
        if !bodyless {
            out.extend_from_slice(&self.body);
        }
    }

    /// Writes it for a client whose request was not understood; the connection ends.
    pub fn write_raw(&self, out: &mut Vec<u8>) {
        if !self.raw.is_empty() {
            out.extend_from_slice(&self.raw);
            return;
        }
        h1::write_head(&self.head, &Outgoing::default(), out);
        out.extend_from_slice(&self.body);
    }

    /// The value of `Location`, where it is a redirect.
    pub fn location(&self) -> Option<&[u8]> {
        self.head.values(HeaderId::Location).next()
    }
}

/// An answer whose line about the connection stays where the file has it; `lines` are those of the head.
fn as_it_stands(head: &Head, lines: &[u8], body: &[u8]) -> Box<[u8]> {
    let mut start = Head::default();
    start.set_response(head.status(), head.reason(), head.version());
    let mut raw = Vec::new();
    h1::write_head(&start, &Outgoing::default(), &mut raw);
    raw.truncate(raw.len().saturating_sub(2));
    for line in lines.split(|&b| b == b'\n').skip(1) {
        let mut parts = line.splitn(2, |&b| b == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        raw.extend(name.to_ascii_lowercase());
        raw.extend_from_slice(b": ");
        raw.extend_from_slice(value.trim_ascii());
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"\r\n");
    raw.extend_from_slice(body);
    raw.into()
}

/// A built-in answer in its parts.
struct Builtin {
    status: u16,
    reason: &'static str,
    message: &'static str,
    /// The connection ends after it.
    closes: bool,
}

// === impl Builtin ===

impl Builtin {
    fn answer(&self) -> Option<Answer> {
        let text = self.text();
        Some(Answer { raw: text.clone().into(), ..Answer::parse(&text).ok()? })
    }

    fn text(&self) -> Vec<u8> {
        let Self { status, reason, message, closes } = self;
        let body = format!("<html><body><h1>{status} {reason}</h1>\n{message}\n</body></html>\n");
        let close = if *closes { "Connection: close\r\n" } else { "" };
        format!(
            "HTTP/1.1 {status} {reason}\r\nContent-length: {}\r\nCache-Control: no-cache\r\n{close}\
             Content-Type: text/html\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

const fn stays(status: u16, reason: &'static str, message: &'static str) -> Builtin {
    Builtin { status, reason, message, closes: false }
}

const fn closes(status: u16, reason: &'static str, message: &'static str) -> Builtin {
    Builtin { status, reason, message, closes: true }
}

/// What clients of the reference have seen for twenty years, word for word.
const BUILTIN: &[Builtin] = &[
    stays(200, "OK", "Service ready."),
    closes(400, "Bad request", "Your browser sent an invalid request."),
    stays(401, "Unauthorized", "You need a valid user and password to access this content."),
    stays(403, "Forbidden", "Request forbidden by administrative rules."),
    stays(404, "Not Found", "The resource could not be found."),
    stays(
        405,
        "Method Not Allowed",
        "A request was made of a resource using a request method not supported by that resource.",
    ),
    stays(407, "Unauthorized", "You need a valid user and password to access this content."),
    closes(408, "Request Time-out", "Your browser didn't send a complete request in time."),
    stays(410, "Gone", "The resource is no longer available and will not be available again."),
    stays(413, "Payload Too Large", "The request entity exceeds the maximum allowed."),
    stays(414, "URI Too Long", "The URI provided was too long for the server to process."),
    stays(421, "Misdirected Request", "Request sent to a non-authoritative server."),
    stays(422, "Unprocessable Content", "The server cannot process the contained instructions."),
    stays(425, "Too Early", "Your browser sent early data."),
    stays(429, "Too Many Requests", "You have sent too many requests in a given amount of time."),
    stays(431, "Request Header Fields Too Large", "Request Header Fields Too Large."),
    stays(500, "Internal Server Error", "An internal server error occurred."),
    stays(
        501,
        "Not Implemented",
        "The server does not support the functionality required to fulfill the request.",
    ),
    stays(502, "Bad Gateway", "The server returned an invalid or incomplete response."),
    stays(503, "Service Unavailable", "No server is available to handle this request."),
    stays(504, "Gateway Time-out", "The server didn't respond in time."),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Head {
        let mut head = Head::default();
        let limits = Limits {
            max_headers: 101,
            max_bytes: 16384,
            max_weight: 15320,
            lenient: false,
            payload_with_any_method: false,
        };
        let parsed = h1::parse_request(&mut Parser::default(), text.as_bytes(), &mut head, &limits);
        assert!(matches!(parsed, Parse::Complete { .. }), "{text}");
        head
    }

    #[test]
    fn every_built_in_answer_can_be_read() {
        for status in statuses() {
            let a = answer(status).unwrap();
            assert_eq!(a.head().status(), status);
            assert_eq!(a.persists(), ![400, 408].contains(&status), "{status}");
        }
    }

    #[test]
    fn answers_carry_the_line_that_the_client_needs() {
        let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\n\
                    cache-control: no-cache\r\ncontent-type: text/html\r\n";
        for (request, goes_on, extra) in [
            ("GET / HTTP/1.1\r\n\r\n", true, ""),
            ("GET / HTTP/1.1\r\n\r\n", false, "connection: close\r\n"),
            ("GET / HTTP/1.0\r\n\r\n", true, "connection: keep-alive\r\n"),
            ("HEAD / HTTP/1.1\r\n\r\n", true, ""),
        ] {
            let request = asked(request);
            let mut out = Vec::new();
            answer(503).unwrap().write(&request, goes_on, &mut out);
            let out = String::from_utf8(out).unwrap();
            assert!(out.starts_with(&format!("{head}{extra}\r\n")), "{out}");
            assert_eq!(out.ends_with("</html>\n"), request.method() != b"HEAD");
        }
    }

    #[test]
    fn a_file_becomes_an_answer_or_says_why_not() {
        let good = Answer::parse(b"HTTP/1.0 503 Mine\r\nX-A: b\n\nbody\n").unwrap();
        assert!(!good.persists());
        let bounded = Answer::parse(b"HTTP/1.0 503 Mine\r\nContent-Length: 1\r\n\r\na").unwrap();
        assert!(bounded.persists());
        assert_eq!(good.body(), b"body\n");
        for (bytes, error) in [
            ("HTTP/1.1 503 x\r\n", NoAnswer::Truncated),
            ("HTTP/1.1 503 x\r\nContent-Length: 3\r\n\r\nab", NoAnswer::BodyLength),
            ("HTTP/1.1 5x3 x\r\n\r\n", NoAnswer::Invalid(0)),
        ] {
            assert_eq!(Answer::parse(bytes.as_bytes()).unwrap_err(), error, "{bytes}");
        }
    }
}
