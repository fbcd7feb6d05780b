//! Answers of our own, and the end of what goes to the client.

use std::future::poll_fn;
use std::task::Poll;

use weir_http::answers;

use crate::mux;
use crate::mux::h1::{Output, Taken};
use crate::stage::receive;
use crate::transaction::{Stop, Transaction};

/// Says what is left to be said.
pub(crate) async fn end(t: &mut Transaction, stop: Stop) {
    match stop {
        Stop::Done => {}
        Stop::Close => t.front.keep_alive = false,
        Stop::Silent(status) => {
            t.facts.status = status;
            t.front.keep_alive = false;
        }
        Stop::Answer(status) => Box::pin(answer(t, status)).await,
    }
}

/// Sends an answer of our own.
async fn answer(t: &mut Transaction, status: u16) {
    t.facts.status = status;
    let mut out = Output::default();
    write(t, status, &mut out.bytes);
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

/// Writes the answer for a status: the backend's own, the frontend's, or the built-in one.
fn write(t: &mut Transaction, status: u16, out: &mut Vec<u8>) {
    let backend = t.backend.as_ref().and_then(|b| b.shared.answers.find(status));
    let own = backend.or_else(|| t.client.frontend.shared.answers.find(status));
    let Some(answer) = own.or_else(|| answers::answer(status)).or_else(|| answers::answer(500)) else {
        return;
    };
    if t.facts.requested.is_none() {
        t.front.keep_alive = false;
        answer.write_raw(out);
        return;
    }
    let goes_on = t.front.keep_alive && answer.persists() && t.front.taken != Taken::Some;
    answer.write(&t.messages.request, goes_on, out);
    t.front.keep_alive = goes_on && (t.front.taken == Taken::All || skip_body(t));
}

/// Throws away the body of a request that nobody read, where all of it is there.
fn skip_body(t: &mut Transaction) -> bool {
    let limits = receive::request_limits(t);
    mux::h1::skip_body(t.front.request, &mut t.client.input, &limits)
}
