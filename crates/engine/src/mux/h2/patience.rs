//! How long a connection without streams is waited for, and when it is asked for a sign of life (manual, 4.2 "timeout
//! http-keep-alive", 5.1 and 5.2 "idle-ping"). It calls no clock.

use std::time::Duration;

use crate::clock::Tick;

/// The limits of a wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    /// The time within which a stream has to begin.
    pub(super) stream: Option<Duration>,
    /// The time within which anything has to come.
    pub(super) sign: Option<Duration>,
    /// The silence after which the other end is asked for a sign of life.
    pub(super) ping: Option<Duration>,
}

/// A wait that began.
#[derive(Debug)]
pub(super) struct Patience {
    limits: Limits,
    stream_due: Tick,
    sign_due: Tick,
    ping_due: Tick,
    /// The reads of the connection when it was last looked at.
    seen: u64,
    /// It was asked, and has not said anything since.
    asked: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Wait on.
    Nothing,
    /// Ask for a sign of life.
    Ping,
    /// Nobody came in time.
    Late,
    /// It was asked and does not answer.
    Dead,
}

// === impl Patience ===

impl Patience {
    pub(super) fn new(limits: Limits, now: Tick, seen: u64) -> Self {
        let [stream_due, sign_due, ping_due] =
            [limits.stream, limits.sign, limits.ping].map(|limit| now.after(limit));
        Self { limits, stream_due, sign_due, ping_due, seen, asked: false }
    }

    /// What is due now, after so many reads, and when to look again.
    pub(super) fn look(&mut self, now: Tick, seen: u64) -> (Due, Tick) {
        if seen != self.seen {
            (self.seen, self.asked) = (seen, false);
            (self.sign_due, self.ping_due) = (now.after(self.limits.sign), now.after(self.limits.ping));
        }
        let due = if self.stream_due.min(self.sign_due) <= now {
            Due::Late
        } else if self.ping_due > now {
            Due::Nothing
        } else if self.asked {
            Due::Dead
        } else {
            self.asked = true;
            self.ping_due = now.after(self.limits.ping);
            Due::Ping
        };
        (due, self.stream_due.min(self.sign_due).min(self.ping_due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick(seconds * 1_000_000)
    }

    fn wait(stream: u64, sign: u64, ping: u64) -> Patience {
        let limit = |n: u64| (n > 0).then(|| Duration::from_secs(n));
        Patience::new(Limits { stream: limit(stream), sign: limit(sign), ping: limit(ping) }, at(0), 0)
    }

    #[test]
    fn what_comes_renews_the_wait_for_a_sign_only() {
        let mut both = wait(5, 3, 0);
        assert_eq!(both.look(at(2), 1), (Due::Nothing, at(5)));
        assert_eq!(both.look(at(5), 2).0, Due::Late);
        assert_eq!(wait(0, 3, 0).look(at(3), 0).0, Due::Late);
    }

    #[test]
    fn who_does_not_answer_until_the_next_ping_is_dead() {
        let mut deaf = wait(0, 9, 2);
        assert_eq!(deaf.look(at(1), 0), (Due::Nothing, at(2)));
        assert_eq!(deaf.look(at(2), 0), (Due::Ping, at(4)));
        assert_eq!(deaf.look(at(3), 1), (Due::Nothing, at(5)));
        assert_eq!(deaf.look(at(5), 1).0, Due::Ping);
        assert_eq!(deaf.look(at(7), 1).0, Due::Dead);
    }
}
