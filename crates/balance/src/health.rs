//! Whether a server is fit: the rise/fall counter, observed errors, intervals and agent words.
//!
//! [`Health`] counts checks; [`Observer`] turns errors of live traffic into consequences;
//! [`Intervals`] says when to check next; [`agent`] reads an agent's answer; [`CheckStatus`] names
//! outcomes as statistics print them. The engine runs the checks and acts on the decisions.

pub mod agent;
mod observe;
mod status;

pub use observe::{Consequence, ObservedEvent, Observer, OnError};
pub use status::{CheckStatus, Verdict};

/// The rise/fall counter of one server's health check or agent.
///
/// The count runs from 0 to `rise + fall - 1`; the server is up from `rise` on.
///
/// ```text
///   0 ──pass──► 1 … ──pass──► rise: UP; every pass from there on jumps to rise + fall - 1
///   DOWN, count drops to 0 ◄──fail── rise … ◄──fail── rise + fall - 1
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    rise: u32,
    fall: u32,
    count: u32,
    /// Held up by nothing but the lack of an `init-state`: the count is still below `rise`.
    assumed_up: bool,
}

/// `init-state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitState {
    /// Not given: taken to be up without a single check, and down at the first failure.
    #[default]
    None,
    /// Up, down after `fall` failures.
    FullyUp,
    /// Up, down at the first failure.
    Up,
    /// Down, up at the first success.
    Down,
    /// Down, up after `rise` successes.
    FullyDown,
}

/// What a check's outcome did to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// Nothing that anyone else must know.
    None,
    /// It came up.
    Up,
    /// It went down.
    Down,
}

/// How far a server is on its way, as in `UP 1/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Up, or down.
    pub up: bool,
    /// Checks counted in the present direction; below 1 for a server that is taken to be up while
    /// `rise` checks have not passed yet.
    pub count: i64,
    /// `fall` when up, `rise` when down. Statistics print the fraction where `count` is above 0
    /// and below this.
    pub of: i64,
}

/// `inter`, `fastinter` and `downinter` of a server in milliseconds (manual "5.2").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// `inter`.
    pub inter: u64,
    /// `fastinter`.
    pub fast: Option<u64>,
    /// `downinter`.
    pub down: Option<u64>,
}

// === impl Health ===

impl Health {
    /// A server not yet checked. `rise` and `fall` are at least 1.
    pub fn new(rise: u32, fall: u32, init: InitState) -> Self {
        let (rise, fall) = (rise.max(1), fall.max(1));
        let count = match init {
            InitState::None => 0,
            InitState::Up => rise,
            InitState::FullyUp => rise + fall - 1,
            InitState::Down => rise - 1,
            InitState::FullyDown => 0,
        };
        Self { rise, fall, count, assumed_up: init == InitState::None }
    }

    /// The same thresholds at a known count, as kept over a reload (`srv_check_health`).
    pub fn restored(rise: u32, fall: u32, count: u32) -> Self {
        let (rise, fall) = (rise.max(1), fall.max(1));
        Self { rise, fall, count: count.min(rise + fall - 1), assumed_up: false }
    }

    /// Whether the check holds the server up.
    pub fn is_up(&self) -> bool {
        self.assumed_up || self.count >= self.rise
    }

    /// Whether the next outcome of the present kind changes nothing.
    pub fn is_settled(&self) -> bool {
        !self.assumed_up && (self.count == 0 || self.count == self.rise + self.fall - 1)
    }

    /// The bare count (`check_health` of `show stat`).
    pub fn count(&self) -> u32 {
        self.count
    }

    /// `rise`.
    pub fn rise(&self) -> u32 {
        self.rise
    }

    /// `fall`.
    pub fn fall(&self) -> u32 {
        self.fall
    }

    /// A check passed.
    pub fn passed(&mut self) -> Shift {
        let was_up = self.is_up();
        self.count += 1;
        if self.count >= self.rise {
            self.count = self.rise + self.fall - 1;
            self.assumed_up = false;
        }
        if self.is_up() && !was_up { Shift::Up } else { Shift::None }
    }

    /// A check failed.
    pub fn failed(&mut self) -> Shift {
        if self.count > self.rise {
            self.count -= 1;
            return Shift::None;
        }
        let was_up = self.is_up();
        self.assumed_up = false;
        self.count = 0;
        if was_up { Shift::Down } else { Shift::None }
    }

    /// Down at once, whatever the count (`on-error mark-down`, `set server ... health down`).
    pub fn mark_down(&mut self) -> Shift {
        self.count = self.count.min(self.rise);
        self.failed()
    }

    /// Up and settled (`set server ... health up`).
    pub fn mark_up(&mut self) -> Shift {
        let was_up = self.is_up();
        self.assumed_up = false;
        self.count = self.rise + self.fall - 1;
        if was_up { Shift::None } else { Shift::Up }
    }

    /// Two failures short of down, so that one more leaves a last chance (`on-error sudden-death`).
    pub fn weaken_to_last(&mut self) {
        self.count = self.count.min(self.rise + 1);
    }

    /// How far the server is on its way.
    pub fn progress(&self) -> Progress {
        if self.is_up() {
            let count = i64::from(self.count) - i64::from(self.rise) + 1;
            Progress { up: true, count, of: i64::from(self.fall) }
        } else {
            Progress { up: false, count: i64::from(self.count), of: i64::from(self.rise) }
        }
    }
}

// === impl Progress ===

impl Progress {
    /// Whether statistics print `count/of`.
    pub fn is_partial(&self) -> bool {
        if self.up { self.count < self.of } else { self.count > 0 }
    }
}

// === impl Intervals ===

impl Intervals {
    /// Milliseconds to the next check. `forced_fast` is set by [`Consequence`]s; `checked` once a
    /// first outcome is known.
    pub fn next(&self, health: &Health, checked: bool, forced_fast: bool) -> u64 {
        if !checked || forced_fast || !health.is_settled() {
            return self.fast.unwrap_or(self.inter);
        }
        if health.is_up() { self.inter } else { self.down.unwrap_or(self.inter) }
    }
}

/// An interval with `spread-checks`: `percent` is 0 to 50, `random` any number.
pub fn spread(interval: u64, percent: u32, random: u32) -> u64 {
    let reach = interval * u64::from(percent.min(50)) / 100;
    interval - reach + u64::from(random) % (2 * reach + 1)
}

/// Milliseconds after the start at which check `index` of `count` is first due: the checks of all
/// servers are spread over the shortest interval, or over `max_spread` if that is less
/// (`max-spread-checks`).
pub fn first_delay(index: u64, count: u64, shortest: u64, max_spread: Option<u64>) -> u64 {
    let span = max_spread.map_or(shortest, |max| max.min(shortest));
    span * index / count.max(1)
}

#[cfg(test)]
mod tests;
