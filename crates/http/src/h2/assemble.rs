//! From the lines of a header block to a [`Head`], judged on the way (RFC 9113, 8.1 to 8.3; RFC 8441, 4).
//!
//! What the rest of the program sees is the message that HTTP/1 would have had: the target in absolute form,
//! `host` first, one `cookie`. A line that could be read in two ways after the translation ends the stream.

use super::error::ErrorCode;
use crate::h1::{is_host_valid, trim};
use crate::{Head, HeaderId};

/// What kind of header block it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The head of a request.
    #[default]
    Request,
    /// The head of a response.
    Response,
    /// The lines after a body.
    Trailers,
}

/// What becomes of a message that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its stream is reset.
    Stream,
    /// The connection ends.
    Connection(ErrorCode),
}

/// A message in the making; its storage is used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    kind: Kind,
    /// Lines that may still come.
    room: usize,
    /// The values of pseudo-header fields, one after the other.
    values: Vec<u8>,
    /// Where each lies, by [`Pseudo`].
    pseudo: [Option<(u32, u32)>; 6],
    /// The start line was made: no pseudo-header field may follow.
    started: bool,
    cookie: Vec<u8>,
    /// A line of cookies came.
    crumbs: bool,
    content_length: Option<u64>,
    fault: Option<Fault>,
}

/// The pseudo-header fields.
#[derive(Clone, Copy, Debug)]
enum Pseudo {
    Method,
    Scheme,
    Authority,
    Path,
    Protocol,
    Status,
}

// === impl Assembler ===

impl Assembler {
    /// Begins another message of at most `room` lines.
    pub(super) fn start(&mut self, kind: Kind, room: usize) {
        self.values.clear();
        self.cookie.clear();
        (self.kind, self.room) = (kind, room);
        (self.pseudo, self.started, self.crumbs, self.content_length, self.fault) = Default::default();
    }

    /// Takes a line; a fault is told by [`Self::finish`].
    pub(super) fn line(&mut self, name: &[u8], value: &[u8], head: &mut Head) {
        let taken = match name {
            // No line at all: worse than all that came before.
            [] => Err(Fault::Connection(ErrorCode::CompressionError)),
            _ if self.fault.is_some() => return,
            [b':', ..] => self.pseudo(name, value),
            _ => self.regular(name, value, head),
        };
        self.fault = taken.err();
    }

    /// All lines are there; `end` says that no body follows.
    pub(super) fn finish(&mut self, head: &mut Head, end: bool) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if !self.started {
            self.start_line(head, true)?;
        } else if head.facts().upgrade {
            self.offer(head);
        }
        if self.crumbs {
            head.push_known(HeaderId::Cookie, b"cookie", &self.cookie);
        }
        if self.kind != Kind::Trailers {
            let facts = head.facts_mut();
            facts.content_length =
                self.content_length.or(end.then_some(0).filter(|_| self.kind == Kind::Request));
            facts.chunked = !end && self.content_length.is_none();
        }
        Ok(())
    }

    /// `Content-Length`, where it was given.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    fn pseudo(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        let which = match (name, self.kind) {
            (b":method", Kind::Request) => Pseudo::Method,
            (b":scheme", Kind::Request) => Pseudo::Scheme,
            (b":authority", Kind::Request) => Pseudo::Authority,
            (b":path", Kind::Request) => Pseudo::Path,
            (b":protocol", Kind::Request) => Pseudo::Protocol,
            (b":status", Kind::Response) => Pseudo::Status,
            _ => return Err(Fault::Stream),
        };
        let valid = !self.started
            && match which {
                Pseudo::Path => is_valid_path(value),
                Pseudo::Authority => is_host_valid(value),
                _ => is_valid_value(value),
            };
        let start = self.values.len() as u32;
        self.values.extend_from_slice(value);
        let range = (start, self.values.len() as u32);
        match self.pseudo.get_mut(which as usize) {
            Some(slot @ None) if valid => *slot = Some(range),
            _ => return Err(Fault::Stream),
        }
        Ok(())
    }

    fn regular(&mut self, name: &[u8], value: &[u8], head: &mut Head) -> Result<(), Fault> {
        if !self.started {
            self.start_line(head, false)?;
        }
        let value = trim(value);
        self.room = self.room.checked_sub(1).ok_or(Fault::Stream)?;
        if !is_valid_name(name) || !is_valid_value(value) {
            return Err(Fault::Stream);
        }
        let id = HeaderId::of(name);
        match id {
            HeaderId::Connection
            | HeaderId::ProxyConnection
            | HeaderId::KeepAlive
            | HeaderId::Upgrade
            | HeaderId::TransferEncoding => return Err(Fault::Stream), // RFC 9113, 8.2.2
            HeaderId::Te if value != b"trailers" => return Err(Fault::Stream),
            // RFC 9110, 6.5.1
            HeaderId::Host | HeaderId::ContentLength | HeaderId::Te if self.kind == Kind::Trailers => {
                return Err(Fault::Stream);
            }
            HeaderId::Host if self.kind == Kind::Request => self.host(value, head)?,
            HeaderId::Cookie if self.kind == Kind::Request => self.crumb(value),
            HeaderId::ContentLength => self.length(value, head)?,
            _ => head.push_known(id, name, value),
        }
        Ok(())
    }

    /// The first `Host` counts where there is no `:authority` (RFC 9113, 8.3.1); others go unseen.
    fn host(&mut self, value: &[u8], head: &mut Head) -> Result<(), Fault> {
        if self.of(Pseudo::Authority).is_some() || head.values(HeaderId::Host).next().is_some() {
            return Ok(());
        }
        if !is_host_valid(value) {
            return Err(Fault::Stream);
        }
        head.push_known(HeaderId::Host, b"host", value);
        Ok(())
    }

    /// RFC 9113, 8.2.3
    fn crumb(&mut self, value: &[u8]) {
        if std::mem::replace(&mut self.crumbs, true) {
            self.cookie.extend_from_slice(b"; ");
        }
        self.cookie.extend_from_slice(value);
    }

    /// One number remains (RFC 9110, 8.6).
    fn length(&mut self, value: &[u8], head: &mut Head) -> Result<(), Fault> {
        for part in value.split(|b| *b == b',').map(trim) {
            let n = crate::h1::decimal_number(part).ok_or(Fault::Stream)?;
            match self.content_length {
                Some(same) if same == n => {}
                Some(_) => return Err(Fault::Stream),
                None => {
                    self.content_length = Some(n);
                    let zeros = part.iter().take(part.len() - 1).take_while(|b| **b == b'0').count();
                    let part = part.get(zeros..).unwrap_or(part);
                    head.push_known(HeaderId::ContentLength, b"content-length", part);
                }
            }
        }
        Ok(())
    }

    /// `alone` says that no line follows.
    fn start_line(&mut self, head: &mut Head, alone: bool) -> Result<(), Fault> {
        self.started = true;
        match self.kind {
            Kind::Request => self.request_line(head, alone),
            Kind::Response => self.status_line(head),
            Kind::Trailers => Ok(()),
        }
    }

    /// RFC 9113, 8.3.1 and 8.5; RFC 8441, 4
    fn request_line(&self, head: &mut Head, alone: bool) -> Result<(), Fault> {
        let method = self.of(Pseudo::Method).filter(|m| !m.is_empty()).ok_or(Fault::Stream)?;
        let authority = self.of(Pseudo::Authority);
        let (scheme, path) = (self.of(Pseudo::Scheme), self.of(Pseudo::Path));
        let protocol = self.of(Pseudo::Protocol);
        if method == b"CONNECT" && protocol.is_none() {
            let (Some(authority), None, None) = (authority, scheme, path) else { return Err(Fault::Stream) };
            head.set_request(method, authority, VERSION);
            head.push_known(HeaderId::Host, b"host", authority);
            return Ok(());
        }
        let (Some(scheme), Some(path)) = (scheme, path) else { return Err(Fault::Stream) };
        let strange = protocol.is_some() && (method != b"CONNECT" || authority.is_none());
        if path.is_empty() || strange {
            return Err(Fault::Stream);
        }
        if protocol.is_some() {
            head.set_request(b"GET", b"", VERSION);
            head.facts_mut().upgrade = true;
            if alone {
                self.offer(head);
            }
        } else {
            head.set_request(method, b"", VERSION);
        }
        match authority {
            Some(authority) => {
                let authority = without_default_port(scheme, authority);
                let path: &[u8] = match path {
                    b"*" if method == b"OPTIONS" => b"",
                    b"*" => b"/",
                    path => path,
                };
                head.set_target_of(&[scheme, b"://", authority, path]);
                head.push_known(HeaderId::Host, b"host", authority);
            }
            None => {
                head.set_target(path);
                head.facts_mut().plain = scheme == b"http";
            }
        }
        Ok(())
    }

    /// The lines by which HTTP/1 asks for another protocol.
    fn offer(&self, head: &mut Head) {
        if let Some(protocol) = self.of(Pseudo::Protocol) {
            head.push_known(HeaderId::Upgrade, b"upgrade", protocol);
            head.push_known(HeaderId::Connection, b"connection", b"upgrade");
        }
    }

    fn status_line(&self, head: &mut Head) -> Result<(), Fault> {
        let status = self.of(Pseudo::Status).ok_or(Fault::Stream)?;
        let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = status else { return Err(Fault::Stream) };
        let status = [a, b, c].iter().fold(0, |n, d| n * 10 + u16::from(**d - b'0'));
        head.set_response(status, b"", VERSION);
        Ok(())
    }

    fn of(&self, which: Pseudo) -> Option<&[u8]> {
        let (start, end) = self.pseudo.get(which as usize).copied().flatten()?;
        self.values.get(start as usize..end as usize)
    }
}

/// The port of a scheme goes without saying (RFC 9110, 4.2.3).
fn without_default_port<'a>(scheme: &[u8], authority: &'a [u8]) -> &'a [u8] {
    let port = match scheme {
        b"http" => b":80".as_slice(),
        b"https" => b":443",
        _ => return authority,
    };
    authority.strip_suffix(port).or_else(|| authority.strip_suffix(b":")).unwrap_or(authority)
}

/// `/...` or `*`, of what may stand in a target, DEL and bytes above ASCII.
fn is_valid_path(path: &[u8]) -> bool {
    matches!(path, [] | [b'/', ..] | b"*") && path.iter().all(|b| *b > b' ' && *b != b'#')
}

fn is_valid_name(name: &[u8]) -> bool {
    name.iter().all(|b| crate::h1::is_token(*b) && !b.is_ascii_uppercase())
}

fn is_valid_value(value: &[u8]) -> bool {
    !value.iter().any(|b| matches!(b, 0 | b'\r' | b'\n'))
}

const VERSION: (u8, u8) = (2, 0);

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(kind: Kind, lines: &[(&str, &str)], end: bool) -> Result<Head, Fault> {
        let mut assembler = Assembler::default();
        assembler.start(kind, 101);
        let mut head = Head::default();
        for (name, value) in lines {
            assembler.line(name.as_bytes(), value.as_bytes(), &mut head);
        }
        assembler.finish(&mut head, end).map(|()| head)
    }

    fn text(head: &Head) -> String {
        let mut out = Vec::new();
        head.write_lines(&mut out);
        let target = [head.method(), b" ", head.target(), b"\r\n"].concat();
        String::from_utf8([target, out].concat()).unwrap()
    }

    const GET: [(&str, &str); 4] =
        [(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "a.example")];

    fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [&GET[..], more].concat()
    }

    #[test]
    fn a_request_becomes_what_http_1_would_have_had() {
        let head = assemble(
            Kind::Request,
            &with(&[("cookie", "a=1"), ("x", " y "), ("cookie", "b=2"), ("host", "b.example")]),
            true,
        )
        .unwrap();
        assert_eq!(text(&head), "GET http://a.example/x\r\nhost: a.example\r\nx: y\r\ncookie: a=1; b=2\r\n");
        assert_eq!(head.version(), (2, 0));
    }

    #[test]
    fn the_host_serves_where_there_is_no_authority() {
        let lines = [(":method", "GET"), (":scheme", "http"), (":path", "/x"), ("host", "h.example")];
        assert_eq!(text(&assemble(Kind::Request, &lines, true).unwrap()), "GET /x\r\nhost: h.example\r\n");
    }

    #[test]
    fn the_port_of_the_scheme_is_left_out() {
        for (scheme, authority, host) in [
            ("http", "a.example:80", "a.example"),
            ("http", "a.example:443", "a.example:443"),
            ("https", "[::1]:443", "[::1]"),
            ("https", "a.example:", "a.example"),
        ] {
            let lines = [GET[0], (":scheme", scheme), GET[2], (":authority", authority)];
            let head = assemble(Kind::Request, &lines, true).unwrap();
            assert_eq!(text(&head), format!("GET {scheme}://{host}/x\r\nhost: {host}\r\n"));
        }
    }

    #[test]
    fn asterisks_are_of_the_server_or_its_root() {
        for (method, target) in [("OPTIONS", "http://a.example"), ("GET", "http://a.example/")] {
            let lines =
                [(":method", method), (":scheme", "http"), (":path", "*"), (":authority", "a.example")];
            assert_eq!(assemble(Kind::Request, &lines, true).unwrap().target(), target.as_bytes());
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_ends_the_stream() {
        // RFC 9113, 8.1.1, 8.2.1, 8.2.2, 8.3, 8.3.1, 8.5
        let request = [
            with(&[("X-A", "1")]),
            with(&[("x a", "1")]),
            with(&[("a:b", "1")]),
            with(&[("x", "a\0b")]),
            with(&[("x", "a\rb")]),
            with(&[("x", "a\nb")]),
            with(&[("connection", "close")]),
            with(&[("keep-alive", "1")]),
            with(&[("proxy-connection", "1")]),
            with(&[("upgrade", "h2c")]),
            with(&[("transfer-encoding", "chunked")]),
            with(&[("te", "gzip")]),
            with(&[("content-length", "3"), ("content-length", "4")]),
            with(&[("content-length", "x")]),
            with(&[("content-length", "+3")]),
            with(&[(":method", "GET")]),
            with(&[("x", "1"), (":path", "/")]),
            with(&[(":foo", "1")]),
            with(&[(":status", "200")]),
            with(&[(":protocol", "websocket")]),
            GET[1..].to_vec(),
            vec![GET[0], GET[2], GET[3]],
            vec![GET[0], GET[1], GET[3]],
            vec![GET[0], GET[1], (":path", ""), GET[3]],
            vec![GET[0], GET[1], (":path", "x"), GET[3]],
            vec![GET[0], GET[1], (":path", "/a b"), GET[3]],
            vec![GET[0], GET[1], (":path", "/a#b"), GET[3]],
            vec![GET[0], GET[1], GET[2], (":authority", "a b")],
            vec![GET[0], GET[1], GET[2], (":authority", "u@a")],
            vec![(":method", "CONNECT"), GET[1], GET[2], GET[3]],
            vec![(":method", "CONNECT")],
        ];
        for lines in request {
            assert_eq!(assemble(Kind::Request, &lines, true).err(), Some(Fault::Stream), "{lines:?}");
        }
        let response = [vec![], vec![(":status", "20")], vec![("x", "1"), (":status", "200")]];
        for lines in response {
            assert_eq!(assemble(Kind::Response, &lines, true).err(), Some(Fault::Stream), "{lines:?}");
        }
        assert_eq!(assemble(Kind::Trailers, &[(":path", "/")], true).err(), Some(Fault::Stream));
    }

    #[test]
    fn more_lines_than_there_may_be_end_the_stream() {
        let many: Vec<String> = (0..102).map(|i| format!("x-{i}")).collect();
        let lines: Vec<_> = GET.iter().copied().chain(many.iter().map(|n| (n.as_str(), "1"))).collect();
        assert_eq!(assemble(Kind::Request, &lines, true).err(), Some(Fault::Stream));
        assert!(assemble(Kind::Request, &lines[..105], true).is_ok());
    }

    #[test]
    fn lengths_that_agree_are_one() {
        let head =
            assemble(Kind::Request, &with(&[("content-length", "3, 3"), ("content-length", "3")]), false);
        assert_eq!(text(&head.unwrap()).matches("content-length: 3\r\n").count(), 1);
    }

    #[test]
    fn an_extended_connect_is_an_upgrade() {
        let lines = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", "/chat"),
            (":authority", "a.example"),
        ];
        let head = assemble(Kind::Request, &lines, false).unwrap();
        assert!(head.facts().upgrade);
        assert_eq!(
            text(&head),
            "GET https://a.example/chat\r\nupgrade: websocket\r\nconnection: upgrade\r\nhost: a.example\r\n"
        );
    }
}
