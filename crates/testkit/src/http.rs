//! HTTP/1 messages as they were on the wire: split into lines, never normalised.

/// The bytes of a head, with its empty line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    raw: Vec<u8>,
}

/// A head and the raw bytes of its body (chunk sizes and trailers included).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Start line and header lines.
    pub head: Head,
    /// The body as it was framed on the wire.
    pub body: Vec<u8>,
}

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(usize),
    Chunked,
    Close,
}

// === impl Head ===

impl Head {
    /// Wraps the bytes of a head.
    pub fn new(raw: Vec<u8>) -> Head {
        Head { raw }
    }

    /// The bytes.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The head as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// The first line, without its CRLF.
    pub fn start_line(&self) -> String {
        self.text().split("\r\n").next().unwrap_or_default().to_owned()
    }

    /// The status code of an answer, 0 for a request.
    pub fn status(&self) -> u16 {
        let line = self.start_line();
        if !line.starts_with("HTTP/") {
            return 0;
        }
        line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The header lines in their order, without CRLF and without the empty line.
    pub fn lines(&self) -> Vec<String> {
        self.text().split("\r\n").skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// The values of every header of this name (in any case), in order, leading blanks removed.
    pub fn all(&self, name: &str) -> Vec<String> {
        let values = self.lines();
        let pairs = values.iter().filter_map(|line| line.split_once(':'));
        pairs.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned()).collect()
    }

    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<String> {
        self.all(name).into_iter().next()
    }

    pub(crate) fn framing(&self) -> Framing {
        let chunked =
            self.all("transfer-encoding").iter().any(|v| v.to_ascii_lowercase().ends_with("chunked"));
        if matches!(self.status(), 100..=199 | 204 | 304) {
            return Framing::None;
        }
        if chunked {
            return Framing::Chunked;
        }
        match self.header("content-length").and_then(|v| v.parse().ok()) {
            Some(count) => Framing::Length(count),
            None if self.status() == 0 => Framing::None,
            None => Framing::Close,
        }
    }
}

// === impl Message ===

impl Message {
    /// Head and body as text.
    pub fn text(&self) -> String {
        self.head.text() + &String::from_utf8_lossy(&self.body)
    }

    /// The body as text, without the marks of its chunks where it has some; what is no chunk ends it.
    pub fn content(&self) -> String {
        if self.head.framing() != Framing::Chunked {
            return String::from_utf8_lossy(&self.body).into_owned();
        }
        let (mut rest, mut data) = (self.body.as_slice(), Vec::new());
        while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let size =
                std::str::from_utf8(&rest[..at]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
            let Some(chunk) = size.filter(|size| *size > 0).and_then(|size| rest.get(at + 2..at + 2 + size))
            else {
                break;
            };
            data.extend_from_slice(chunk);
            rest = rest.get(at + 4 + chunk.len()..).unwrap_or_default();
        }
        String::from_utf8_lossy(&data).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, Head, Message};

    #[test]
    fn the_end_of_a_body_is_found_as_rfc_9112_says() {
        let cases = [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Framing::None),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", Framing::Length(3)),
            ("HTTP/1.1 200 OK\r\n\r\n", Framing::Close),
            ("HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\n", Framing::None),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", Framing::Chunked),
        ];
        for (text, framing) in cases {
            assert_eq!(Head::new(text.into()).framing(), framing, "{text}");
        }
    }

    #[test]
    fn content_is_what_the_chunks_hold() {
        for (head, body, content) in [
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
                "abc0123456789",
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n", ""),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "0\r\n", "0\r\n"),
        ] {
            let message = Message { head: Head::new(head.into()), body: body.into() };
            assert_eq!(message.content(), content);
        }
    }

    #[test]
    fn lines_keep_order_case_and_duplicates() {
        let head = Head::new(b"HTTP/1.0 301 Moved\r\nb: 1\r\nA:2\r\nB:  3\r\n\r\n".to_vec());
        assert_eq!(head.lines(), ["b: 1", "A:2", "B:  3"]);
        assert_eq!(head.all("B"), ["1", "3"]);
        assert_eq!(head.status(), 301);
    }
}
