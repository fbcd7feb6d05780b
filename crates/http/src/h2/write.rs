//! From a [`Head`] to a header block.

use super::hpack::Encoder;
use crate::h1::trim;
use crate::{Head, HeaderId, uri};

/// Appends the block of a response.
pub(super) fn response(head: &Head, out: &mut Vec<u8>) {
    Encoder.status(out, head.status());
    lines(head, out, Te::AsItIs, |_| true);
}

/// Appends the block of a request that goes on over `scheme`, unless its target says another one.
pub(super) fn request(head: &Head, scheme: &[u8], out: &mut Vec<u8>) {
    let target = head.target();
    if head.method() == b"CONNECT" {
        Encoder.line(out, b":method", b"CONNECT");
        Encoder.line(out, b":authority", target);
        return lines(head, out, Te::Trailers, |id| id != HeaderId::Host);
    }
    let upgrade = upgrade_of(head);
    let host = head.values(HeaderId::Host).next();
    match upgrade {
        Some(_) => Encoder.line(out, b":method", b"CONNECT"),
        None => Encoder.line(out, b":method", head.method()),
    }
    Encoder.line(out, b":scheme", uri::scheme(target).unwrap_or(scheme));
    // A target without an authority leaves it to the `host` line (RFC 9113, 8.3.1), but where it must be there (RFC
    // 8441, 4).
    let named = match (uri::authority(target), upgrade) {
        (Some(own), _) => Some(host.unwrap_or(own)),
        (None, Some(_)) => host,
        (None, None) => None,
    };
    if let Some(named) = named {
        Encoder.line(out, b":authority", named);
    }
    let path: &[u8] = match uri::path_and_query(target) {
        b"" if head.method() == b"OPTIONS" => b"*",
        b"" => b"/",
        path => path,
    };
    Encoder.line(out, b":path", path);
    if let Some(protocol) = upgrade {
        Encoder.line(out, b":protocol", protocol);
    }
    lines(head, out, Te::Trailers, |id| id != HeaderId::Host || named.is_none());
}

/// The protocol that a request asks for, the first of them.
fn upgrade_of(head: &Head) -> Option<&[u8]> {
    let all = head.values(HeaderId::Upgrade).next().filter(|_| head.facts().upgrade)?;
    all.split(|b| *b == b',').map(trim).next()
}

/// Appends the block of trailers, without what would say how the message was routed or framed (RFC 9110, 6.5.1).
pub(super) fn trailers(head: &Head, out: &mut Vec<u8>) {
    lines(head, out, Te::AsItIs, |id| !matches!(id, HeaderId::Host | HeaderId::ContentLength | HeaderId::Te));
}

/// What becomes of `TE`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Te {
    /// Nothing: it means something in requests alone.
    AsItIs,
    /// It may say `trailers`, and nothing else (RFC 9113, 8.2.2).
    Trailers,
}

/// All lines but those that are for one HTTP/1 connection (RFC 9113, 8.2.2).
fn lines(head: &Head, out: &mut Vec<u8>, te: Te, keep: impl Fn(HeaderId) -> bool) {
    for line in head.lines() {
        let value = head.value(line);
        let passes = match line.id {
            HeaderId::Connection
            | HeaderId::ProxyConnection
            | HeaderId::KeepAlive
            | HeaderId::Upgrade
            | HeaderId::TransferEncoding => false,
            HeaderId::Te if te == Te::Trailers => {
                if value.split(|b| *b == b',').any(|part| trim(part) == b"trailers") {
                    Encoder.line(out, b"te", b"trailers");
                }
                false
            }
            id => keep(id),
        };
        if passes {
            Encoder.line(out, head.name(line), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hpack::Decoder;
    use super::*;

    fn read(block: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let all = Decoder::new(4096).decode(block, 1 << 16, |n, v| {
            found.push(format!("{}: {}", String::from_utf8_lossy(n), String::from_utf8_lossy(v)));
        });
        assert_eq!(all, Ok(true));
        found
    }

    #[test]
    fn requests() {
        let mut head = Head::default();
        head.set_request(b"GET", b"/x?y", (1, 1));
        for (name, value) in [("host", "a.example"), ("te", "trailers"), ("connection", "close"), ("x", "1")]
        {
            head.append(name.as_bytes(), value.as_bytes());
        }
        let mut out = Vec::new();
        request(&head, b"https", &mut out);
        assert_eq!(
            read(&out),
            [":method: GET", ":scheme: https", ":path: /x?y", "host: a.example", "te: trailers", "x: 1"]
        );
    }

    #[test]
    fn upgrades_are_extended_connects() {
        let mut head = Head::default();
        head.set_request(b"GET", b"/chat", (1, 1));
        for (name, value) in [
            ("host", "a"),
            ("connection", "upgrade"),
            ("upgrade", "websocket, x"),
            ("sec-websocket-key", "k"),
        ] {
            head.append(name.as_bytes(), value.as_bytes());
        }
        head.facts_mut().upgrade = true;
        let mut out = Vec::new();
        request(&head, b"http", &mut out);
        assert_eq!(
            read(&out),
            [
                ":method: CONNECT",
                ":scheme: http",
                ":authority: a",
                ":path: /chat",
                ":protocol: websocket",
                "sec-websocket-key: k"
            ]
        );
    }

    #[test]
    fn responses_lose_what_is_for_one_connection() {
        let mut head = Head::default();
        head.set_response(200, b"OK", (1, 1));
        for (name, value) in [("transfer-encoding", "chunked"), ("keep-alive", "x"), ("Server", "s")] {
            head.append(name.as_bytes(), value.as_bytes());
        }
        let mut out = Vec::new();
        response(&head, &mut out);
        assert_eq!(read(&out), [":status: 200", "server: s"]);
    }
}
