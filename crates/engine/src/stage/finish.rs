//! The end of a transaction: counters, and the line in the log.

use crate::transaction::{Served, Transaction};

/// Ends an HTTP transaction; whether the connection goes on.
pub(crate) fn http(t: Transaction) -> Served {
    end(t);
    Served::Close
}

/// Ends a TCP session.
pub(crate) fn tcp(t: Transaction) {
    end(t);
}

fn end(t: Transaction) {
    if let Some(b) = &t.backend {
        b.shared.runtime.backend.sessions.down();
    }
}
