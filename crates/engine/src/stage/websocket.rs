//! WebSockets between HTTP/2, where they are a kind of `CONNECT` (RFC 8441), and HTTP/1, where they are an upgrade with
//! a key (RFC 6455, 4).

use weir_http::h1::BodyLength;
use weir_http::h2::Kind;
use weir_http::{HeaderId, status};
use weir_wire::websocket;

use crate::mux::h2::Lane;
use crate::scope;
use crate::transaction::{Messages, Transaction};

/// What a server of HTTP/1 that is asked for a WebSocket has to hear in addition: a key, where the client's protocol has
/// none; it goes behind all other lines.
pub(crate) fn offer(t: &mut Transaction) -> Option<Vec<u8>> {
    t.client.stream.lane()?;
    let Messages { request, websocket_key, .. } = &mut *t.messages;
    let asks = request.facts().upgrade
        && request.values(HeaderId::Upgrade).any(|v| v.eq_ignore_ascii_case(b"websocket"));
    if !asks {
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

/// Whether a server that took the offer knows the key that was made up for it.
pub(crate) fn is_agreed(t: &Transaction) -> bool {
    let Messages { response, websocket_key, .. } = &*t.messages;
    let Some(key) = websocket_key.as_ref().filter(|_| response.status() == 101) else { return true };
    let accept = websocket::accept(key);
    let mut said = response.lines().iter().filter(|l| response.name(l) == b"sec-websocket-accept");
    said.any(|l| response.value(l) == accept.as_bytes())
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
