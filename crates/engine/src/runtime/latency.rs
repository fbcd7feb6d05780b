//! Histograms of how long things took: queue, connect, response and total, for each frontend, backend and server.
//!
//! A worker writes its own with plain stores and nobody waits; who reads adds the workers' up ([`Distribution`]).
//! Buckets are log-linear: each power of two is cut into [`STEPS`], so that what is told of a value is off by
//! less than 1.6 %, from a microsecond to more than an hour. Memory is bounded: a block of 128 bytes for each power of
//! two that was ever seen.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What is measured of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// From the request to the choice of a server.
    Queue,
    /// From there to the connection.
    Connect,
    /// From there to the head of the answer.
    Response,
    /// From the first byte to the last.
    Total,
}

/// What a worker measured of one object. Empty until the first value.
#[derive(Debug, Default)]
pub struct Latency(OnceLock<Box<Histograms>>);

/// Values by size, added up over workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    counts: Box<[u64]>,
}

/// The place of a value, worked out once for all who count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    block: usize,
    step: usize,
}

#[derive(Debug, Default)]
struct Histograms([[OnceLock<Box<Block>>; BLOCKS]; Phase::ALL.len()]);

#[derive(Debug, Default)]
struct Block([AtomicU32; STEPS]);

// === impl Phase ===

impl Phase {
    /// All of them, in the order of a transaction.
    pub const ALL: [Self; 4] = [Self::Queue, Self::Connect, Self::Response, Self::Total];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Connect => "connect",
            Self::Response => "response",
            Self::Total => "total",
        }
    }
}

// === impl Bucket ===

impl Bucket {
    /// Where a time of so many microseconds is counted.
    pub(crate) fn of(micros: u64) -> Self {
        let micros = micros.min(u32::MAX.into()) as usize;
        if micros < STEPS {
            return Self { block: 0, step: micros };
        }
        let shift = (micros.ilog2() - STEPS.ilog2()) as usize;
        Self { block: shift + 1, step: (micros >> shift) - STEPS }
    }

    #[cfg(test)]
    fn index(self) -> usize {
        self.block * STEPS + self.step
    }

    /// The first value behind the bucket of this number.
    fn end(index: usize) -> u64 {
        let (block, step) = (index / STEPS, (index % STEPS) as u64);
        match block {
            0 => step + 1,
            _ => (STEPS as u64 + step + 1) << (block - 1),
        }
    }

    /// What a value in the bucket of this number is taken for.
    fn middle(index: usize) -> u64 {
        let start = if index == 0 { 0 } else { Self::end(index - 1) };
        start.midpoint(Self::end(index) - 1)
    }
}

// === impl Latency ===

impl Latency {
    /// Counts a value; for the one thread that writes.
    pub(crate) fn count(&self, phase: Phase, at: Bucket) {
        let Histograms(all) = &**self.0.get_or_init(Box::default);
        let Some(block) = all.get(phase as usize).and_then(|blocks| blocks.get(at.block)) else { return };
        if let Some(count) = block.get_or_init(Box::default).0.get(at.step) {
            count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }
}

// === impl Distribution ===

impl Distribution {
    /// What all workers measured of an object.
    pub fn of<'a>(workers: impl IntoIterator<Item = &'a Latency>, phase: Phase) -> Self {
        let mut all = Self::default();
        for histograms in workers.into_iter().filter_map(|latency| latency.0.get()) {
            let blocks = histograms.0.get(phase as usize).into_iter().flatten();
            for (block, counts) in blocks.zip(all.counts.chunks_mut(STEPS)) {
                let Some(block) = block.get() else { continue };
                for (count, sum) in block.0.iter().zip(counts) {
                    *sum += u64::from(count.load(Relaxed));
                }
            }
        }
        all
    }

    /// What came since `before`.
    #[must_use]
    pub fn since(mut self, before: &Self) -> Self {
        for (count, before) in self.counts.iter_mut().zip(&before.counts) {
            *count = count.saturating_sub(*before);
        }
        self
    }

    /// Adds what was measured of another object.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum in microseconds, as exact as the buckets are.
    pub fn sum(&self) -> u64 {
        self.counts.iter().enumerate().map(|(at, count)| count * Bucket::middle(at)).sum()
    }

    /// The value in microseconds that `share` (0 to 1) of all values do not exceed; absent where there is none.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let total = self.count();
        let rank = ((total as f64 * share).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank && *count > 0
        });
        at.map(Bucket::middle)
    }

    /// How many values are below so many microseconds, counted by whole buckets.
    pub fn below(&self, micros: u64) -> u64 {
        let whole = self.counts.iter().enumerate().take_while(|(at, _)| Bucket::end(*at) <= micros + 1);
        whole.map(|(_, count)| count).sum()
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self { counts: vec![0; BLOCKS * STEPS].into() }
    }
}

/// The parts of a power of two.
const STEPS: usize = 32;
/// One for what is below [`STEPS`], and one for each power of two from there to 2^32 microseconds.
const BLOCKS: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_bucket_that_tells_it_within_two_percent() {
        for value in (0..100_000).chain((17..32).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1])) {
            let index = Bucket::of(value).index();
            let start = if index == 0 { 0 } else { Bucket::end(index - 1) };
            assert!((start..Bucket::end(index)).contains(&value), "{value} in {index}");
            let told = Bucket::middle(index);
            assert!(told.abs_diff(value) * 50 <= value, "{value} told as {told}");
        }
        assert!(Bucket::of(u64::MAX).index() < BLOCKS * STEPS);
    }

    #[test]
    fn workers_add_up_and_quantiles_follow_the_values() {
        let workers = [Latency::default(), Latency::default()];
        assert_eq!(Distribution::of(&workers, Phase::Total).quantile(0.5), None);
        for value in 1..=10_000_u64 {
            workers[value as usize % 2].count(Phase::Total, Bucket::of(value * 100));
        }
        let all = Distribution::of(&workers, Phase::Total);
        assert_eq!(all.count(), 10_000);
        for (share, wanted) in [(0.5, 500_000), (0.9, 900_000), (0.99, 990_000), (1.0, 1_000_000)] {
            let told: u64 = all.quantile(share).unwrap();
            assert!(told.abs_diff(wanted) * 50 <= wanted, "{share}: {told}");
        }
        assert!(all.sum().abs_diff(5_000_500_000) < 50_000_000, "{}", all.sum());
        assert!(all.below(500_000).abs_diff(5_000) < 160, "{}", all.below(500_000));
        assert_eq!(all.clone().since(&all).count(), 0);
        assert_eq!(Distribution::of(&workers, Phase::Queue).count(), 0);
    }
}
