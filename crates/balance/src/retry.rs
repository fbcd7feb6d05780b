//! What follows a failed attempt: same server, another, or an answer (manual "4.2" `retries`,
//! `option redispatch`, `retry-on`).

/// `option redispatch [interval]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redispatch {
    /// Never change the server.
    #[default]
    Never,
    /// On every `n`th retry.
    Every(u32),
    /// On the `n`th retry before the last, counted from 1 for the last.
    BeforeLast(u32),
}

/// A kind of failure that `retry-on` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection, or no TLS with it, and no byte of the request left.
    Connection,
    /// Closed after some of the request, without a byte of response.
    EmptyResponse,
    /// Something that is no complete head.
    JunkResponse,
    /// `timeout server` ran out.
    ResponseTimeout,
    /// Early data refused.
    EarlyDataRejected,
    /// A whole response of this status.
    Status(u16),
}

/// The failures that `retry-on` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryOn(u32);

/// What the engine does after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try the same server, after this many milliseconds.
    SameServer {
        /// A second after a refused connection, else 0.
        pause: u64,
    },
    /// Ask the balancer for another server.
    OtherServer,
    /// Answer with the error.
    GiveUp,
}

/// How the request stands when the attempt fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// `retries`, or what `set-retries` made of it.
    pub retries: u32,
    /// Retries made before this failure.
    pub made: u32,
    /// `option redispatch`.
    pub redispatch: Redispatch,
    /// Whether persistence chose the server and must hold (`force-persist`, or no redispatch).
    pub pinned: bool,
    /// Whether the failure came faster than a second, so that the same server deserves a pause.
    pub quick: bool,
    /// Whether the algorithm is free to choose (it is no hash, and persistence named nobody) among more than one
    /// active server: then a redispatch need not wait for its retry.
    pub others: bool,
}

// === impl Redispatch ===

impl Redispatch {
    /// The interval as written: 0 never, positive every nth, negative nth before the last.
    pub fn interval(interval: i32) -> Self {
        match interval {
            0 => Self::Never,
            1.. => Self::Every(interval.unsigned_abs()),
            _ => Self::BeforeLast(interval.unsigned_abs()),
        }
    }

    /// Whether retry number `retry` of `retries` (from 1) goes to another server.
    pub fn strikes(self, retry: u32, retries: u32) -> bool {
        match self {
            Self::Never => false,
            Self::Every(n) => retry.is_multiple_of(n),
            Self::BeforeLast(n) => retry + n == retries + 1,
        }
    }
}

// === impl RetryOn ===

impl RetryOn {
    /// `none`.
    pub const NONE: Self = Self(0);
    /// `conn-failure`, the default.
    pub const CONNECTION: Self = Self(1);

    /// The word of `retry-on`, or `None` where there is no such event.
    pub fn word(word: &str) -> Option<Self> {
        Some(match word {
            "none" => Self::NONE,
            "conn-failure" => Self::CONNECTION,
            "empty-response" => Self::of(Failure::EmptyResponse),
            "junk-response" => Self::of(Failure::JunkResponse),
            "response-timeout" => Self::of(Failure::ResponseTimeout),
            "0rtt-rejected" => Self::of(Failure::EarlyDataRejected),
            "all-retryable-errors" => {
                ALL_RETRYABLE.iter().fold(Self::NONE, |all, &failure| all.with(Self::of(failure)))
            }
            status => Self::of(Failure::Status(status.parse().ok()?)).some()?,
        })
    }

    /// Both sets.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the failure is in the set.
    pub fn has(self, failure: Failure) -> bool {
        self.0 & Self::of(failure).0 != 0
    }

    /// Whether the request has to be kept for it: anything beyond `conn-failure`.
    pub fn wants_buffer(self) -> bool {
        self.0 & !Self::CONNECTION.0 != 0
    }

    fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }

    fn of(failure: Failure) -> Self {
        let bit = match failure {
            Failure::Connection => Some(0),
            Failure::EmptyResponse => Some(1),
            Failure::JunkResponse => Some(2),
            Failure::ResponseTimeout => Some(3),
            Failure::EarlyDataRejected => Some(4),
            Failure::Status(status) => {
                STATUSES.iter().position(|&known| known == status).map(|at| at as u32 + 5)
            }
        };
        Self(bit.map_or(0, |bit| 1 << bit))
    }
}

// === impl Attempt ===

impl Attempt {
    /// What follows a connection that could not be made.
    pub fn after_connect_failure(&self) -> Next {
        if self.made >= self.retries {
            return Next::GiveUp;
        }
        if self.goes_elsewhere() {
            return Next::OtherServer;
        }
        Next::SameServer { pause: if self.quick { PAUSE } else { 0 } }
    }

    /// What follows a failure after the request left (`retry-on` beyond `conn-failure`).
    pub fn after_response_failure(&self, failure: Failure, on: RetryOn) -> Next {
        if !on.has(failure) || self.made >= self.retries {
            return Next::GiveUp;
        }
        if self.goes_elsewhere() {
            return Next::OtherServer;
        }
        Next::SameServer { pause: 0 }
    }

    fn goes_elsewhere(&self) -> bool {
        let at_once = self.others && self.redispatch != Redispatch::Never;
        !self.pinned && (at_once || self.redispatch.strikes(self.made + 1, self.retries))
    }
}

/// Milliseconds before the same server is tried again.
const PAUSE: u64 = 1000;

/// Statuses that `retry-on` may name.
const STATUSES: [u16; 12] = [401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504];

const ALL_RETRYABLE: [Failure; 9] = [
    Failure::Connection,
    Failure::EmptyResponse,
    Failure::JunkResponse,
    Failure::ResponseTimeout,
    Failure::EarlyDataRejected,
    Failure::Status(500),
    Failure::Status(502),
    Failure::Status(503),
    Failure::Status(504),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(redispatch: i32, made: u32) -> Attempt {
        let redispatch = Redispatch::interval(redispatch);
        Attempt { retries: 3, made, redispatch, pinned: false, quick: true, others: false }
    }

    #[test]
    fn redispatch_strikes_on_the_retries_its_interval_names() {
        let cases = [(0, ""), (1, "123"), (2, "2"), (3, "3"), (-1, "3"), (-2, "2"), (-9, "")];
        for (interval, expected) in cases {
            let strikes = |retry: &u32| Redispatch::interval(interval).strikes(*retry, 3);
            let struck: String = (1..=3).filter(strikes).map(|retry| retry.to_string()).collect();
            assert_eq!(struck, expected, "option redispatch {interval}");
        }
    }

    #[test]
    fn a_refused_connection_is_tried_again_after_a_second_and_given_up_after_retries() {
        assert_eq!(attempt(0, 0).after_connect_failure(), Next::SameServer { pause: 1000 });
        assert_eq!(
            Attempt { quick: false, ..attempt(0, 0) }.after_connect_failure(),
            Next::SameServer { pause: 0 }
        );
        assert_eq!(attempt(-1, 2).after_connect_failure(), Next::OtherServer);
        assert_eq!(attempt(-1, 3).after_connect_failure(), Next::GiveUp);
        assert_eq!(
            Attempt { pinned: true, ..attempt(1, 0) }.after_connect_failure(),
            Next::SameServer { pause: 1000 }
        );
    }

    /// With one dead server of two, HAProxy 3.4 answers at once under `option redispatch` and any
    /// algorithm that is no hash, and after three pauses without the option.
    #[test]
    fn a_free_choice_makes_a_redispatch_immediate() {
        assert_eq!(Attempt { others: true, ..attempt(-1, 0) }.after_connect_failure(), Next::OtherServer);
        let never = Attempt { others: true, ..attempt(0, 0) };
        assert_eq!(never.after_connect_failure(), Next::SameServer { pause: 1000 });
    }

    #[test]
    fn retry_on_names_events_and_statuses() {
        let on = RetryOn::word("503").unwrap().with(RetryOn::word("empty-response").unwrap());
        assert!(on.has(Failure::Status(503)) && on.has(Failure::EmptyResponse) && on.wants_buffer());
        assert!(!on.has(Failure::Status(500)) && !on.has(Failure::Connection));
        assert!(!RetryOn::CONNECTION.wants_buffer());
        let all = RetryOn::word("all-retryable-errors").unwrap();
        assert!(
            all.has(Failure::JunkResponse) && all.has(Failure::Status(504)) && !all.has(Failure::Status(404))
        );
        for unknown in ["200", "418", "conn", ""] {
            assert_eq!(RetryOn::word(unknown), None, "{unknown}");
        }
        let first = attempt(0, 0);
        assert_eq!(first.after_response_failure(Failure::Status(503), on), Next::SameServer { pause: 0 });
        assert_eq!(first.after_response_failure(Failure::Status(500), on), Next::GiveUp);
    }
}
