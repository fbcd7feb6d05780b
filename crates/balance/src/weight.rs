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

impl Ramp {
    /// Whether the whole weight has been reached.
    pub fn is_over(&self, now: u64) -> bool {
        now.saturating_sub(self.since) >= self.length
    }

    /// When the weight is worth being computed again: twenty steps, but at most one a second.
    pub fn next_step(&self, now: u64) -> Option<u64> {
        (!self.is_over(now)).then(|| now + (self.length / 20).max(1000))
    }

    /// `maxconn` at this point of the ramp: from 1 to the whole.
    pub fn limit(&self, limit: u32, now: u64) -> u32 {
        if self.is_over(now) || limit == 0 {
            return limit;
        }
        let age = now.saturating_sub(self.since);
        let ramped = u64::from(limit) * age / self.length.max(1);
        u32::try_from(ramped).unwrap_or(limit).max(1)
    }

    /// Sixteenths climbed: 1 to 16.
    fn steps(&self, now: u64) -> u64 {
        let scale = u64::from(SCALE);
        if self.is_over(now) {
            return scale;
        }
        let age = now.saturating_sub(self.since);
        (scale * age + self.length) / self.length.max(1)
    }
}

/// Units of effective weight in one unit of configured weight.
const SCALE: u16 = 16;
const MAX_WEIGHT: u16 = 256;
