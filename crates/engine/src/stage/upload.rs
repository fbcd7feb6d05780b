//! What is left of a request whose answer was faster: it is read to its end, or the next request could not be
//! told from it. The server gets it for as long as it listens.

use std::future::poll_fn;
use std::task::Poll;

use crate::clock;
use crate::ending::{Cause, Stage};
use crate::mux::h1::{Broken, Conn, Output, Pump};
use crate::stage::{answer, respond};
use crate::transaction::{Stop, Transaction};

/// Reads the request to its end; whether the server got all of it.
pub(crate) async fn finish(
    t: &mut Transaction,
    back: &Conn,
    request: &mut Pump,
    up: &mut Output,
) -> Result<bool, Stop> {
    let wait = t.client.frontend.conf().timeouts.client;
    let mut due = clock::now().after(wait);
    let client = &mut t.client;
    let mut taken = true;
    let end = poll_fn(|cx| {
        let before = request.read;
        loop {
            match request.poll(cx, &client.stream, &mut client.input, &back.stream, up) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(taken)),
                Poll::Ready(Err(Broken::Sink)) => {
                    taken = false;
                    up.clear();
                    request.discard();
                }
                Poll::Ready(Err(Broken::Malformed)) => return Poll::Ready(Err(Cause::Proxy)),
                Poll::Ready(Err(Broken::Source)) => return Poll::Ready(Err(Cause::Client)),
                Poll::Pending => break,
            }
        }
        if request.read != before {
            due = clock::now().after(wait);
        }
        client.timer.set(due);
        if client.timer.poll_expired(cx) { Poll::Ready(Err(Cause::ClientTimeout)) } else { Poll::Pending }
    })
    .await;
    end.map_err(|cause| {
        t.facts.malformed = cause == Cause::Proxy;
        t.facts.blame(cause, Stage::Last);
        answer::took(t, request);
        respond::leave_body(t, false);
        Stop::Close
    })
}
