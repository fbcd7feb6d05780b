//! The clock of a worker: read once a turn of its loop.
//!
//! The runtime calls [`refresh`] whenever it comes back from waiting for events. In between, [`now`] answers
//! from a cell, and reads the clock itself only when a busy turn asked very often. Threads without such a loop
//! refresh it themselves before they ask.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since the process began to count; never runs backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// Later than any tick that comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// This much later; `NEVER` where there is no duration.
    #[must_use]
    pub fn after(self, d: Option<Duration>) -> Self {
        match d {
            Some(d) => Self(self.0.saturating_add(d.as_micros() as u64)),
            None => Self::NEVER,
        }
    }

    /// Whole milliseconds from `earlier` to this.
    pub fn millis_since(self, earlier: Self) -> i64 {
        (self.0.saturating_sub(earlier.0) / 1000) as i64
    }

    /// Whole milliseconds since the process began to count.
    pub fn millis(self) -> u64 {
        self.0 / 1000
    }
}

/// The tick of this turn of the loop.
pub fn now() -> Tick {
    CLOCK.with(|c| {
        let left = c.uses.get();
        if left == 0 {
            return c.read();
        }
        c.uses.set(left - 1);
        Tick(c.tick.get())
    })
}

/// Both clocks, as expressions see them.
pub(crate) fn reading() -> weir_expr::scope::Clock {
    weir_expr::scope::Clock { wall_us: wall() as i64, steady_ns: now().0 * 1000 }
}

/// Microseconds since 1970, of this turn of the loop.
pub fn wall() -> u64 {
    let tick = now().0;
    CLOCK.with(|c| c.wall_offset.get().wrapping_add(tick))
}

/// Reads the clock anew: called when the loop comes back from waiting.
pub fn refresh() {
    CLOCK.with(|c| {
        c.read();
    });
}

struct Clock {
    tick: Cell<u64>,
    uses: Cell<u32>,
    wall_offset: Cell<u64>,
    wall_read: Cell<u64>,
}

impl Clock {
    fn read(&self) -> Tick {
        let tick = START.get_or_init(Instant::now).elapsed().as_micros() as u64;
        self.tick.set(tick);
        self.uses.set(USES);
        // The wall clock may be set while we run: look at it again every quarter of a second.
        if tick >= self.wall_read.get() {
            self.wall_read.set(tick + 250_000);
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.wall_offset.set((wall.as_micros() as u64).wrapping_sub(tick));
        }
        Tick(tick)
    }
}

static START: OnceLock<Instant> = OnceLock::new();

/// How often the cell answers before the clock is read anyway.
const USES: u32 = 32;

thread_local! {
    static CLOCK: Clock = const {
        Clock { tick: Cell::new(0), uses: Cell::new(0), wall_offset: Cell::new(0), wall_read: Cell::new(0) }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_never_run_backwards_and_move_on_under_constant_asking() {
        let first = now();
        let mut last = first;
        for _ in 0..2_000_000 {
            let t = now();
            assert!(t >= last);
            last = t;
        }
        assert!(last > first);
    }

    #[test]
    fn wall_is_the_time_of_day() {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        refresh();
        assert!(wall().abs_diff(real) < 1_000_000);
    }

    #[test]
    fn no_duration_means_never() {
        assert_eq!(Tick(5).after(None), Tick::NEVER);
        assert_eq!(Tick(5).after(Some(Duration::from_millis(1))), Tick(1005));
    }
}
