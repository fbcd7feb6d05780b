//! The end of a transaction: counters, and the line in the log.

use crate::log;
use crate::transaction::{Served, Transaction};

/// Ends an HTTP transaction; whether the connection goes on.
pub(crate) fn http(mut t: Transaction) -> Served {
    end(&mut t);
    let Transaction { mut client, messages, front, facts, .. } = t;
    client.worker.messages.put(messages);
    client.free_since = facts.finished.unwrap_or(client.free_since);
    if front.keep_alive {
        return Served::Next(client);
    }
    client.stream.shutdown_write();
    client.stream.drain();
    Served::Close
}

/// Ends a TCP session.
pub(crate) fn tcp(mut t: Transaction) {
    end(&mut t);
    let Transaction { client, messages, .. } = t;
    client.worker.messages.put(messages);
}

fn end(t: &mut Transaction) {
    let now = t.now();
    t.facts.finished = Some(now);
    log::finished(t);
    // Only now may another take its place: the line shows the levels without it.
    t.assigned = None;
    if let Some(b) = &t.backend {
        b.shared.runtime.backend.sessions.down();
    }
}
