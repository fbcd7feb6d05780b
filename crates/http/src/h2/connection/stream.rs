//! What a connection knows of a stream (RFC 9113, 5.1).

/// A stream that was begun and not let go of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    /// The other end has not ended its side.
    pub(super) receiving: bool,
    /// This end has not ended its side.
    pub(super) sending: bool,
    /// One end reset it.
    pub(super) reset: bool,
    /// The other end did: it may say nothing more on it.
    pub(super) abandoned: bool,
    /// The head of the other end's message came.
    pub(super) headed: bool,
    /// This end asked for a head alone: a length in it is that of what does not come (RFC 9110, 8.6).
    pub(super) asked_head: bool,
    /// This end asked for another protocol on it (RFC 8441).
    pub(super) upgrades: bool,
    /// Its head waits until the other end said whether it takes it: nothing was sent on it.
    pub(super) held: bool,
    /// What may be sent, in octets; below zero after the other end reduced its windows.
    pub(super) send_window: i64,
    /// What may come.
    pub(super) receive_window: i64,
    /// What was read and not yet given back to the other end.
    pub(super) owed: u32,
    /// What is missing of the `Content-Length`.
    pub(super) missing: Option<u64>,
}

// === impl Stream ===

impl Stream {
    pub(super) fn new(send_window: u32, receive_window: u32) -> Self {
        Self {
            receiving: true,
            sending: true,
            reset: false,
            abandoned: false,
            headed: false,
            asked_head: false,
            upgrades: false,
            held: false,
            send_window: i64::from(send_window),
            receive_window: i64::from(receive_window),
            owed: 0,
            missing: None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.reset || !self.receiving && !self.sending
    }
}
