//! How a body is delimited (RFC 9112, 6), and whether a connection goes on (RFC 9112, 9.3).

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
pub fn request_body(head: &Head) -> Result<BodyLength, Fault> {
    let bad = Fault { at: 0, status: 400 };
    match transfer_encoding(head) {
        Some(true) => return Ok(BodyLength::Chunked),
        Some(false) => return Err(bad), // RFC 9112, 6.3 rule 4
        None => {}
    }
    Ok(match content_length(head).map_err(|()| bad)? {
        None | Some(0) => BodyLength::None,
        Some(n) => BodyLength::Known(n),
    })
}

/// The body of the response to a request of this method.
pub fn response_body(head: &Head, method: &[u8]) -> Result<BodyLength, Fault> {
    let bad = Fault { at: 0, status: 502 };
    let status = head.status();
    if status == 101 || (method == b"CONNECT" && (200..300).contains(&status)) {
        return Ok(BodyLength::Tunnel);
    }
    if method == b"HEAD" || status < 200 || status == 204 || status == 304 {
        return Ok(BodyLength::None);
    }
    match transfer_encoding(head) {
        Some(true) => return Ok(BodyLength::Chunked),
        Some(false) => return Ok(BodyLength::UntilClose),
        None => {}
    }
    Ok(match content_length(head).map_err(|()| bad)? {
        None => BodyLength::UntilClose,
        Some(0) => BodyLength::None,
        Some(n) => BodyLength::Known(n),
    })
}

/// Whether the sender of this head wants the connection to go on.
pub fn persists(head: &Head) -> bool {
    let mut close = false;
    let mut keep = false;
    for v in head.values(HeaderId::Connection) {
        close |= token_in(v, b"close");
        keep |= token_in(v, b"keep-alive");
    }
    !close && (head.version() >= (1, 1) || keep)
}

/// Whether the client waits for `100 Continue` (RFC 9110, 10.1.1).
pub fn expects_continue(head: &Head) -> bool {
    head.values(HeaderId::Expect).any(|v| v.eq_ignore_ascii_case(b"100-continue"))
}

/// Whether a comma-separated list has this token.
pub fn token_in(list: &[u8], token: &[u8]) -> bool {
    list.split(|b| *b == b',').any(|t| t.trim_ascii().eq_ignore_ascii_case(token))
}

/// Whether `chunked` is the last coding; absent where there is none at all.
fn transfer_encoding(head: &Head) -> Option<bool> {
    let last = head.values(HeaderId::TransferEncoding).last()?;
    let coding = last.rsplit(|b| *b == b',').next().unwrap_or_default();
    Some(coding.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

fn content_length(head: &Head) -> Result<Option<u64>, ()> {
    let mut found = None;
    for v in head.values(HeaderId::ContentLength).flat_map(|v| v.split(|b| *b == b',')) {
        let n = number(v.trim_ascii()).ok_or(())?;
        if found.is_some_and(|f| f != n) {
            return Err(()); // RFC 9112, 6.3 rule 5
        }
        found = Some(n);
    }
    Ok(found)
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| {
        if !b.is_ascii_digit() {
            return None;
        }
        n.checked_mul(10)?.checked_add(u64::from(b - b'0'))
    })
}
