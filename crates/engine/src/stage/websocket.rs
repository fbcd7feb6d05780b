//! WebSockets between HTTP/2, where they are a kind of `CONNECT` (RFC 8441), and HTTP/1, where they are an upgrade with
//! a key (RFC 6455, 4).

use weir_http::h1::{self, BodyLength};
use weir_http::h2::Kind;
use weir_http::{Head, HeaderId, status};
use weir_wire::websocket;

use crate::mux::h2::Lane;
use crate::scope;
use crate::transaction::{Messages, Transaction};

/// Whether a request asks for a WebSocket.
pub(crate) fn is_asked(request: &Head) -> bool {
    let named = |value: &[u8]| {
        value.split(|b| *b == b',').any(|name| h1::trim(name).eq_ignore_ascii_case(b"websocket"))
    };
    request.facts().upgrade && request.values(HeaderId::Upgrade).any(named)
}

/// What a server of HTTP/1 that is asked for a WebSocket has to hear in addition: a key, where the client's protocol has
/// none; it goes behind all other lines.
pub(crate) fn offer(t: &mut Transaction) -> Option<Vec<u8>> {
    t.client.stream.lane()?;
    let Messages { request, websocket_key, .. } = &mut *t.messages;
    if !is_asked(request) {
        return None;
    }
    let mut lines = Vec::new();
    if request.values(HeaderId::SecWebSocketKey).next().is_none() {
        let random = (u128::from(scope::random()) << 64 | u128::from(scope::random())).to_be_bytes();
        let key = websocket::key(random);
        lines.extend_from_slice(b"Sec-Websocket-Key: ");
        lines.extend_from_slice(key.as_bytes());
        lines.extend_from_slice(b"\r\n");
        *websocket_key = Some(key.into());
    }
    Some(lines)
}

/// Whether a server that agreed to a WebSocket says that it knows the key (RFC 6455, 4.2.2).
pub(crate) fn is_answered(t: &Transaction) -> bool {
    let Messages { request, response, .. } = &*t.messages;
    let agreed = response.status() == 101 && response.facts().upgrade && is_asked(request);
    !agreed || accepted(response).is_some()
}

/// The line by which a server in HTTP/1 would have shown that it knows the client's key, where one in HTTP/2, which
/// knows none, took the offer.
pub(crate) fn acceptance(t: &Transaction) -> Option<Vec<u8>> {
    let Messages { request, response, .. } = &*t.messages;
    let agreed = response.status() == 101 && response.version() >= (2, 0) && accepted(response).is_none();
    if !agreed || !response.values(HeaderId::Upgrade).any(|v| v.eq_ignore_ascii_case(b"websocket")) {
        return None;
    }
    let key = std::str::from_utf8(request.values(HeaderId::SecWebSocketKey).next()?).ok()?;
    Some(format!("Sec-Websocket-Accept: {}\r\n", websocket::accept(key)).into_bytes())
}

/// Whether a server that took the offer knows the key that was made up for it.
pub(crate) fn is_agreed(t: &Transaction) -> bool {
    let Messages { response, websocket_key, .. } = &*t.messages;
    let Some(key) = websocket_key.as_ref().filter(|_| response.status() == 101) else { return true };
    accepted(response).is_some_and(|said| said == websocket::accept(key).as_bytes())
}

/// What a server says to a key.
fn accepted(response: &Head) -> Option<&[u8]> {
    let mut lines = response.lines().iter();
    lines.find(|l| response.name(l) == b"sec-websocket-accept").map(|l| response.value(l))
}

/// Sends the head of an answer on a stream of HTTP/2, which knows no change of protocols (RFC 9113, 8.6).
pub(crate) fn send_head(t: &Transaction, lane: &Lane, body: BodyLength) {
    let response = &t.messages.response;
    if response.status() != 101 {
        return lane.send_head(Kind::Response, response, b"", body);
    }
    let mut head = response.clone();
    head.set_response(200, status::reason(200).as_bytes(), (2, 0));
    lane.send_head(Kind::Response, &head, b"", body);
}
