//! What rules made of the lines that delimit a body, brought in line with the body that there is (RFC 9112, 6).

use super::framing::{BodyLength, response_body, token_in};
use super::trim;
use crate::{Head, HeaderId};

/// How a message whose lines were changed goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// How its body is written.
    pub body: BodyLength,
    /// The connection ends after it.
    pub close: bool,
    /// No line is to say so: one of its own does, or what it says is wrong anyway.
    pub unsaid: bool,
}

/// Settles a response whose body comes as `was`.
pub fn settle_response(head: &mut Head, request: &Head, was: BodyLength) -> Settled {
    let close = settle_connection(head);
    let mut settled = Settled { body: was, close, unsaid: close };
    if was == BodyLength::Tunnel {
        return settled;
    }
    let empty = matches!(response_body(head, request), Ok(BodyLength::None)) && was != BodyLength::None;
    let length = settle_length(head, was);
    settled.body = match (was, length) {
        (BodyLength::None, _) => BodyLength::None,
        (BodyLength::Known(_), Some(_)) if empty => BodyLength::None,
        (BodyLength::Chunked, _) if empty => {
            head.remove(|id, _, _| id == HeaderId::TransferEncoding);
            settled.close = true;
            BodyLength::None
        }
        (BodyLength::Chunked, Some(_)) => BodyLength::Chunked,
        // Less is announced than comes: what is left to say is wrong.
        (BodyLength::Known(n), Some(said)) if said < n => {
            (settled.close, settled.unsaid) = (true, true);
            BodyLength::None
        }
        (BodyLength::Known(n), Some(said)) => {
            let differs = said != n;
            (settled.close, settled.unsaid) = (settled.close | differs, settled.unsaid | differs);
            was
        }
        (_, None) => {
            settled.close = true;
            BodyLength::UntilClose
        }
        (other, Some(_)) => other,
    };
    settled
}

/// Settles a request whose body comes as `was`; how it is written. What is not announced any more is not sent;
/// nothing is sent where the server would take some of it for another request.
pub fn settle_request(head: &mut Head, was: BodyLength) -> Option<BodyLength> {
    settle_connection(head);
    let said = settle_length(head, was);
    let wrong = match (was, said) {
        (BodyLength::Known(n), Some(said)) => said < n,
        (BodyLength::None, Some(said)) => said > 0,
        _ => false,
    };
    if wrong {
        return None;
    }
    if said.is_none() && matches!(was, BodyLength::Chunked | BodyLength::Known(_)) {
        head.append(b"content-length", b"0");
        return Some(BodyLength::None);
    }
    Some(was)
}

/// Leaves of `TE` what goes further than one connection: `trailers` (RFC 9110, 10.1.4).
pub fn settle_te(head: &mut Head) {
    if !std::mem::take(&mut head.facts_mut().odd_te) {
        return;
    }
    let wanted = |value: &[u8]| value.split(|b| *b == b',').any(|t| trim(t) == b"trailers");
    head.remove(|id, _, value| id == HeaderId::Te && !wanted(value));
    for index in 0..head.lines().len() {
        if head.lines().get(index).is_some_and(|line| line.id == HeaderId::Te) {
            head.set_value(index, b"trailers");
        }
    }
}

/// Leaves one line that delimits the body, of the kind that the body has; what it says, 0 for chunks. None where
/// there is none.
fn settle_length(head: &mut Head, was: BodyLength) -> Option<u64> {
    let kind = match was {
        BodyLength::Chunked => HeaderId::TransferEncoding,
        // Who asked for the head alone hears how the body would have come.
        BodyLength::None if head.values(HeaderId::TransferEncoding).next().is_some() => {
            HeaderId::TransferEncoding
        }
        _ => HeaderId::ContentLength,
    };
    let mut found = false;
    head.remove(|id, _, _| {
        let delimits = matches!(id, HeaderId::TransferEncoding | HeaderId::ContentLength);
        delimits && (id != kind || std::mem::replace(&mut found, true))
    });
    let at = head.lines().iter().position(|l| l.id == kind)?;
    if kind == HeaderId::TransferEncoding {
        let plain = head.lines().get(at).is_some_and(|l| head.value(l) == b"chunked");
        if !plain {
            head.set_value(at, b"chunked");
        }
        return Some(0);
    }
    let said = head.lines().get(at).and_then(|l| std::str::from_utf8(head.value(l)).ok()?.parse().ok());
    Some(said.unwrap_or(0))
}

/// Takes out what goes without saying; whether a line says that the connection ends.
fn settle_connection(head: &mut Head) -> bool {
    head.remove(|id, _, value| id == HeaderId::Connection && value.eq_ignore_ascii_case(b"keep-alive"));
    head.values(HeaderId::Connection).any(|value| token_in(value, b"close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(lines: &[(&str, &str)]) -> Head {
        let mut head = Head::default();
        head.set_response(200, b"OK", (1, 1));
        for (name, value) in lines {
            head.append(name.as_bytes(), value.as_bytes());
        }
        head
    }

    #[test]
    fn bodies_are_written_as_the_lines_say() {
        let mut request = Head::default();
        request.set_request(b"GET", b"/", (1, 1));
        for (lines, was, body, close) in [
            (&[("content-length", "2")][..], BodyLength::Known(2), BodyLength::Known(2), false),
            (&[][..], BodyLength::Known(2), BodyLength::UntilClose, true),
            (&[("content-length", "1")][..], BodyLength::Known(2), BodyLength::None, true),
            (&[("content-length", "5")][..], BodyLength::Known(2), BodyLength::Known(2), true),
            (&[("transfer-encoding", "gzip")][..], BodyLength::Chunked, BodyLength::Chunked, false),
            (&[("content-length", "2")][..], BodyLength::Chunked, BodyLength::UntilClose, true),
            (
                &[("content-length", "0"), ("connection", "close")][..],
                BodyLength::None,
                BodyLength::None,
                true,
            ),
        ] {
            let settled = settle_response(&mut response(lines), &request, was);
            assert_eq!((settled.body, settled.close), (body, close), "{lines:?}");
        }
    }

    #[test]
    fn a_request_without_a_length_has_no_body() {
        let mut head = Head::default();
        head.set_request(b"POST", b"/", (1, 1));
        assert_eq!(settle_request(&mut head, BodyLength::Known(5)), Some(BodyLength::None));
        assert_eq!(head.values(HeaderId::ContentLength).next(), Some(&b"0"[..]));
        assert_eq!(settle_request(&mut head, BodyLength::Known(5)), None);
    }
}
