//! What a client does while it waits for an answer: nothing, or it leaves, in one of several ways.

use std::task::{Context, Poll};

use crate::mux::h2::Gone;
use crate::transaction::Transaction;

/// What a client did whose request is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing, or it sent its next request ahead of time.
    None,
    /// It closed its side.
    Closed,
    /// It closed its side of a connection in HTTP/2, which ends all that it asked for there.
    Left,
    /// Its connection is gone.
    Reset,
}

/// Looks whether the client did something.
pub(crate) fn client_news(t: &mut Transaction, cx: &mut Context<'_>) -> News {
    let client = &mut t.client;
    if let Some(lane) = client.stream.lane() {
        // Its message ends, its connection does not; where that does, nobody waits for the answer.
        return match lane.poll_gone(cx) {
            Poll::Ready(Gone::Left) => News::Left,
            Poll::Ready(_) => News::Reset,
            Poll::Pending => News::None,
        };
    }
    if client.stream.poll_readable(cx).is_pending() || client.input.is_full() {
        return News::None;
    }
    match client.stream.poll_read(cx, client.input.space()) {
        Poll::Ready(Ok(0)) => News::Closed,
        Poll::Ready(Err(_)) => News::Reset,
        Poll::Ready(Ok(n)) => {
            client.input.filled(n);
            // Asks to be woken for what follows; it is looked at then.
            let _ = client.stream.poll_readable(cx);
            News::None
        }
        Poll::Pending => {
            client.input.release();
            News::None
        }
    }
}
