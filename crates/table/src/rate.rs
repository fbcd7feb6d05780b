//! Events per period, estimated over a sliding window from two counters.
//!
//! The count of the period under way, plus that part of the period before it which the window of
//! one period still covers.

/// A frequency counter. Times are milliseconds of a clock that may wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Start of the period under way.
    pub start: u32,
    /// Events of the period under way.
    pub current: u32,
    /// Events of the period before.
    pub previous: u32,
}

// === impl Rate ===

impl Rate {
    /// A counter whose first period starts now.
    pub fn new(now: u32) -> Self {
        Self { start: now, current: 0, previous: 0 }
    }

    /// Counts events and returns those of the period under way.
    pub fn add(&mut self, events: u32, period: u32, now: u32) -> u32 {
        self.turn(period, now);
        self.current = self.current.wrapping_add(events);
        self.current
    }

    /// The estimate for the period that ends now.
    pub fn read(mut self, period: u32, now: u32) -> u32 {
        self.turn(period, now);
        // A lone event does not flicker while it leaves the window.
        if self.current == 0 && self.previous <= 1 {
            return self.previous;
        }
        let left = u64::from(period.saturating_sub(self.elapsed(now)));
        let fading = u64::from(self.previous) * left / u64::from(period.max(1));
        self.current.saturating_add(u32::try_from(fading).unwrap_or(u32::MAX))
    }

    /// Makes the rate read as `events` now.
    pub fn set(&mut self, events: u32, now: u32) {
        *self = Self { start: now, current: events, previous: 0 };
    }

    /// Starts a new period where the one under way is over.
    fn turn(&mut self, period: u32, now: u32) {
        if self.elapsed(now) < period {
            return;
        }
        self.start = self.start.wrapping_add(period);
        self.previous = std::mem::take(&mut self.current);
        if self.elapsed(now) >= period {
            self.previous = 0;
            self.start = now;
        }
    }

    /// How long the period runs. Who looks at a slower clock than the one that began it sees it begin.
    fn elapsed(&self, now: u32) -> u32 {
        let elapsed = now.wrapping_sub(self.start);
        if elapsed > u32::MAX / 2 { 0 } else { elapsed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whenever events come and whoever looks in between: the estimate holds all events of the period under
        /// way and none that are older than two periods, and it fades until nothing is left.
        #[test]
        fn estimates_stay_between_what_is_fresh_and_what_is_not_forgotten(
            period in 1..5000u32,
            begun: u32,
            steps in prop::collection::vec((0..4000u32, 0..50u32), 1..60),
        ) {
            let mut rate = Rate::new(begun);
            let mut now = begun;
            let mut seen: Vec<(u32, u32)> = Vec::new();
            for (wait, events) in steps {
                now = now.wrapping_add(wait);
                rate.add(events, period, now);
                seen.push((now, events));
                let since = |span: u32| {
                    let young = seen.iter().filter(|(at, _)| now.wrapping_sub(*at) < span);
                    young.map(|(_, events)| *events).sum::<u32>()
                };
                let read = rate.read(period, now);
                prop_assert_eq!(read, rate.read(period, now), "looking changes nothing");
                prop_assert!(read >= rate.current);
                prop_assert!(read <= since(2 * period).max(1), "{read} of {}", since(2 * period));
            }
            let mut last = u32::MAX;
            for part in 0..=20 {
                let read = rate.read(period, now.wrapping_add(part * period / 10));
                prop_assert!(read <= last, "it only fades");
                last = read;
            }
            prop_assert_eq!(rate.read(period, now.wrapping_add(2 * period)), 0);
        }

        /// Events that come evenly are read as so many per period once two periods have passed.
        #[test]
        fn an_even_stream_is_read_as_what_it_is(gap in 1..50u32, times in 2..100u32) {
            let period = gap * times;
            let mut rate = Rate::new(0);
            for step in 0..5 * times {
                rate.add(1, period, step * gap);
                if step > 2 * times {
                    let read = rate.read(period, step * gap);
                    prop_assert!(read.abs_diff(times) <= 1, "{read} for {times}");
                }
            }
        }
    }

    /// Twenty requests spread over 1.5 s with a period of 2 s, read on HAProxy 3.4.
    #[test]
    fn fades_as_the_reference_does() {
        let mut rate = Rate::new(0);
        for step in 0..20 {
            rate.add(1, 2000, step * 80);
        }
        let seen = [
            (1936, 20),
            (2016, 19),
            (2097, 19),
            (2177, 18),
            (2499, 15),
            (2982, 10),
            (3385, 6),
            (3877, 1),
            (3957, 0),
            (4038, 0),
        ];
        for (now, expected) in seen {
            assert_eq!(rate.read(2000, now), expected, "at {now}");
        }
    }

    #[test]
    fn a_clock_that_is_behind_loses_nothing() {
        let mut rate = Rate::new(1000);
        rate.add(5, 100, 1000);
        assert_eq!(rate.add(1, 100, 990), 6);
        assert_eq!(rate.read(100, 995), 6);
        assert_eq!(rate.read(100, 1099), 6);
    }

    #[test]
    fn survives_the_wrap_of_the_clock() {
        let mut rate = Rate::new(u32::MAX - 100);
        rate.add(10, 1000, u32::MAX - 50);
        assert_eq!(rate.read(1000, 400), 10);
        assert_eq!(rate.read(1000, 1399), 5);
    }
}
