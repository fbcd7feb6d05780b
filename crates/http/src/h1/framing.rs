//! How a body is delimited (RFC 9112, 6), whether a connection goes on (RFC 9112, 9.3), and which line says so.

use super::Fault;
use crate::{Head, HeaderId};

/// The end of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body.
    #[default]
    None,
    /// So many bytes.
    Known(u64),
    /// Chunks.
    Chunked,
    /// All that comes until the connection is closed.
    UntilClose,
    /// No message any more: bytes both ways (RFC 9110, 7.8 and 9.3.6).
    Tunnel,
}

/// The body of a request.
pub fn request_body(head: &Head) -> BodyLength {
    match head.facts() {
        facts if facts.chunked => BodyLength::Chunked,
        facts => facts.content_length.filter(|n| *n > 0).map_or(BodyLength::None, BodyLength::Known),
    }
}

/// The body of the response to a request. A switch of protocols that was not asked for, or that does not say
/// to what, is a fault (RFC 9110, 15.2.2).
pub fn response_body(head: &Head, request: &Head) -> Result<BodyLength, Fault> {
    let status = head.status();
    if status == 101 {
        let agreed = request.facts().upgrade && head.facts().upgrade;
        let fault = Fault { at: 0, status: 502, silent: false };
        return if agreed { Ok(BodyLength::Tunnel) } else { Err(fault) };
    }
    if request.method() == b"CONNECT" && (200..300).contains(&status) {
        return Ok(BodyLength::Tunnel);
    }
    let interim = (100..200).contains(&status);
    if request.method() == b"HEAD" || interim || status == 204 || status == 304 {
        return Ok(BodyLength::None);
    }
    Ok(match head.facts() {
        facts if facts.chunked => BodyLength::Chunked,
        facts => match facts.content_length {
            None => BodyLength::UntilClose,
            Some(0) => BodyLength::None,
            Some(n) => BodyLength::Known(n),
        },
    })
}

/// Takes out what a response says about its length where it has none to speak of (RFC 9112, 6.1 and 6.3).
pub fn strip_length(head: &mut Head, request: &Head) {
    let status = head.status();
    let tunnel = request.method() == b"CONNECT" && (200..300).contains(&status);
    if tunnel || status == 204 || (100..200).contains(&status) {
        head.remove(|id, _, _| matches!(id, HeaderId::ContentLength | HeaderId::TransferEncoding));
        let facts = head.facts_mut();
        (facts.content_length, facts.chunked) = (None, false);
    }
}

/// Whether the connection of the sender of this head can go on: it wants to, and nothing about the length
/// stands against it.
pub fn persists(head: &Head) -> bool {
    let facts = head.facts();
    let modern = head.version() >= (1, 1);
    // RFC 9112, 6.1: chunks have no place in HTTP/1.0.
    !facts.close && (modern || facts.keep_alive) && (modern || !facts.chunked) && !facts.ambiguous_length
}

/// Whether the sender wants its connection to go on, whatever its message says about lengths (manual, 3.1
/// "h1-do-not-close-on-insecure-transfer-encoding").
pub fn wants_to_persist(head: &Head) -> bool {
    let facts = head.facts();
    !facts.close && (head.version() >= (1, 1) || facts.keep_alive)
}

/// The line that tells a client whether its connection goes on.
pub fn client_line(response: &Head, request: &Head, goes_on: bool) -> &'static [u8] {
    let modern = response.version() >= (1, 1);
    if response.status() < 200 {
        return b"";
    }
    match goes_on {
        // One that offers another protocol says no more about the connection.
        _ if response.values(HeaderId::Connection).any(|v| token_in(v, b"upgrade")) => b"",
        // Each side takes for granted what its own version has as default (RFC 9112, 9.3).
        true if !modern || request.version() < (1, 1) => b"connection: keep-alive\r\n",
        false if modern => b"connection: close\r\n",
        _ => b"",
    }
}

/// The same line, and the one that announces chunks after it: a body that came over HTTP/2 without a length.
pub fn and_chunks(line: &'static [u8]) -> &'static [u8] {
    match line {
        b"connection: close\r\n" => b"connection: close\r\ntransfer-encoding: chunked\r\n",
        b"connection: keep-alive\r\n" => b"connection: keep-alive\r\ntransfer-encoding: chunked\r\n",
        _ => b"transfer-encoding: chunked\r\n",
    }
}

/// The line that tells a server whether its connection is to go on.
pub fn server_line(request: &Head, goes_on: bool) -> &'static [u8] {
    let modern = request.version() >= (1, 1);
    match goes_on {
        _ if request.facts().upgrade => b"",
        true if !modern && !request.facts().chunked => b"connection: keep-alive\r\n",
        false if modern => b"connection: close\r\n",
        _ => b"",
    }
}

/// Takes out that the client waits for `100 Continue` (RFC 9110, 10.1.1), for whoever tells it to go on; whether it
/// did wait. Only the first expectation counts.
pub fn take_expectation(head: &mut Head) -> bool {
    if head.version() < (1, 1) {
        return false;
    }
    let Some(at) = head.lines().iter().position(|l| l.id == HeaderId::Expect) else { return false };
    let value = head.lines().get(at).map(|line| head.value(line)).unwrap_or_default();
    let mut parts = value.splitn(2, |b| *b == b',');
    if !parts.next().is_some_and(|first| first.trim_ascii().eq_ignore_ascii_case(b"100-continue")) {
        return false;
    }
    match parts.next().map(<[u8]>::to_vec) {
        Some(rest) => head.set_value(at, &rest),
        None => {
            let mut first = true;
            head.remove(|id, _, _| id == HeaderId::Expect && std::mem::take(&mut first));
        }
    }
    true
}

/// Whether a comma-separated list has this token.
pub fn token_in(list: &[u8], token: &[u8]) -> bool {
    list.split(|b| *b == b',').any(|t| t.trim_ascii().eq_ignore_ascii_case(token))
}
