//! Answers of our own, and the end of what goes to the client.

use std::future::poll_fn;
use std::task::Poll;

use crate::mux::h1::Output;
use crate::transaction::{Stop, Transaction};

/// Says what is left to be said.
pub(crate) async fn end(t: &mut Transaction, stop: Stop) {
    match stop {
        Stop::Done => {}
        Stop::Close => t.front.keep_alive = false,
        Stop::Answer(status) => Box::pin(answer(t, status)).await,
    }
}

/// Sends an answer of our own.
async fn answer(t: &mut Transaction, status: u16) {
    t.facts.status = status;
    t.front.keep_alive = false;
    let mut out = Output::default();
    out.bytes.extend_from_slice(&builtin(status));
    let client = &t.client;
    client.timer.set(t.now().after(client.frontend.conf().timeouts.client));
    let sent = poll_fn(|cx| {
        if let Poll::Ready(r) = out.poll_send(cx, &client.stream, false) {
            return Poll::Ready(r.unwrap_or(0));
        }
        if client.timer.poll_expired(cx) { Poll::Ready(0) } else { Poll::Pending }
    })
    .await;
    t.facts.bytes_out += sent as u64;
    t.client.frontend.front().bytes_out.add(sent as u64);
}

/// stub until the codec's own answers land
fn builtin(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").into_bytes()
}
