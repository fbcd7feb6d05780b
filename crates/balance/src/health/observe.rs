//! `observe`: errors of live traffic as signs of ill health (manual "5.2": `observe`, `on-error`).

use super::{Health, Shift};

/// What happened to a connection or a response, as `observe` sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservedEvent {
    /// `layer4`: a connection was made.
    Connected,
    /// `layer4`: it could not be made.
    ConnectFailed,
    /// `layer7`: a response with this status.
    Status(u16),
    /// `layer7`: no readable response, or none in time.
    NoResponse,
}

/// `on-error`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Check more often.
    FastInter,
    /// Count a failed check.
    #[default]
    FailCheck,
    /// Leave the server one failure from down, and count one.
    SuddenDeath,
    /// Down at once.
    MarkDown,
}

/// What enough errors lead to. The engine checks at the fast interval after every one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Too few errors yet.
    None,
    /// Check at the fast interval.
    FastChecks,
    /// The health counter moved; check at the fast interval.
    Counted(Shift),
}

/// The count of consecutive errors of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observer {
    limit: u32,
    on_error: OnError,
    errors: u32,
}

// === impl ObservedEvent ===

impl ObservedEvent {
    /// Whether it speaks for the server: statuses 100 to 499, 501 and 505 do.
    pub fn is_good(self) -> bool {
        match self {
            Self::Connected => true,
            Self::Status(status) => matches!(status, 100..=499 | 501 | 505),
            Self::ConnectFailed | Self::NoResponse => false,
        }
    }
}

// === impl Observer ===

impl Observer {
    /// `limit` is `error-limit`, 10 where it is not given.
    pub fn new(limit: u32, on_error: OnError) -> Self {
        Self { limit: limit.max(1), on_error, errors: 0 }
    }

    /// Consecutive errors so far.
    pub fn errors(&self) -> u32 {
        self.errors
    }

    /// Takes an event in and moves `health` where the limit is reached; the count then starts over.
    pub fn note(&mut self, event: ObservedEvent, health: &mut Health) -> Consequence {
        if event.is_good() {
            self.errors = 0;
            return Consequence::None;
        }
        self.errors += 1;
        if self.errors < self.limit {
            return Consequence::None;
        }
        self.errors = 0;
        match self.on_error {
            OnError::FastInter => Consequence::FastChecks,
            OnError::FailCheck => Consequence::Counted(health.failed()),
            OnError::SuddenDeath => {
                health.weaken_to_last();
                Consequence::Counted(health.failed())
            }
            OnError::MarkDown => Consequence::Counted(health.mark_down()),
        }
    }
}
