//! Effective weights: what the configuration, the runtime and slow start make of `weight`.
//!
//! Dynamic algorithms count in sixteenths of a weight, so that slow start has steps even for a
//! server of weight 1. Called by the engine whenever a weight or a server's age changes.

/// A server's weight of the moment in sixteenths: 0 to 4096.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effective(u16);

/// The part of a ramp that a server has climbed since it came back (`slowstart`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// When the server came back, in milliseconds.
    pub since: u64,
    /// `slowstart` in milliseconds; 0 for none.
    pub length: u64,
}

// === impl Effective ===

impl Effective {
    /// Out of the farm.
    pub const ZERO: Self = Self(0);

    /// The whole of a weight of 0 to 256.
    pub fn full(weight: u16) -> Self {
        Self(weight.min(MAX_WEIGHT) * SCALE)
    }

    /// A weight of 0 to 256 at a point of the ramp (`slowstart`, manual "5.2").
    pub fn ramped(weight: u16, ramp: Ramp, now: u64) -> Self {
        let steps = ramp.steps(now).min(u64::from(SCALE)) as u16;
        Self(weight.min(MAX_WEIGHT) * steps)
    }

    /// The weight in sixteenths.
    pub fn units(self) -> u32 {
        u32::from(self.0)
    }

    /// The weight that statistics show: rounded up, 0 to 256.
    pub fn shown(self) -> u16 {
        self.0.div_ceil(SCALE)
    }

    /// How much of the whole `weight` this is, in percent.
    pub fn percent_of(self, weight: u32) -> u32 {
        let scale = u32::from(SCALE);
        (100 * u32::from(self.0) + scale - 1) / (scale * weight.max(1))
    }
}

// === impl Ramp ===

/// A ramp has a step for each second, and as many of them as are begun.
impl Ramp {
    /// Whether the whole weight has been reached.
    pub fn is_over(&self, now: u64) -> bool {
        self.age(now) >= self.seconds()
    }

    /// When the weight is worth being computed again.
    pub fn next_step(&self, now: u64) -> Option<u64> {
        (!self.is_over(now)).then(|| self.since + (self.age(now) + 1) * SECOND)
    }

    /// `maxconn` at this point of the ramp: from 1 to the whole.
    pub fn limit(&self, limit: u32, now: u64) -> u32 {
        if self.is_over(now) || limit == 0 {
            return limit;
        }
        let ramped = u64::from(limit) * self.age(now) / self.seconds().max(1);
        u32::try_from(ramped).unwrap_or(limit).max(1)
    }

    /// Sixteenths climbed: 1 to 16.
    fn steps(&self, now: u64) -> u64 {
        let scale = u64::from(SCALE);
        if self.is_over(now) { scale } else { scale * self.age(now) / self.seconds().max(1) + 1 }
    }

    fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.since) / SECOND
    }

    fn seconds(&self) -> u64 {
        self.length.div_ceil(SECOND)
    }
}

/// Milliseconds.
const SECOND: u64 = 1000;
/// Units of effective weight in one unit of configured weight.
const SCALE: u16 = 16;
const MAX_WEIGHT: u16 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_climbs_second_by_second() {
        let weights = |length: u64| {
            let ramp = Ramp { since: 500, length };
            let at = |second: u64| Effective::ramped(256, ramp, 500 + second * SECOND).shown();
            (0..=length.div_ceil(SECOND)).map(at).collect::<Vec<_>>()
        };
        assert_eq!(weights(6000), [16, 48, 96, 144, 176, 224, 256]);
        assert_eq!(weights(1500), [16, 144, 256]);
        assert_eq!(weights(2500), [16, 96, 176, 256]);
        let ramp = Ramp { since: 500, length: 4000 };
        assert_eq!([499, 1499, 1500, 3700, 4500].map(|now| ramp.limit(100, now)), [1, 1, 25, 75, 100]);
        assert_eq!(
            [500, 1499, 4499, 4500].map(|now| ramp.next_step(now)),
            [Some(1500), Some(1500), Some(4500), None]
        );
    }
}
