//! Counters: one set per worker, written by that worker alone with plain stores, added up by who reads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Latency;
use crate::clock::Tick;

/// A number that one thread writes and every thread reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// Events per second, as a worker saw them: this second's count and the one before.
#[derive(Debug, Default)]
pub struct Rate {
    second: AtomicU64,
    current: AtomicU64,
    previous: AtomicU64,
    highest: AtomicU64,
}

/// What a worker counts of a frontend, a backend or a server; the names are those of `show stat`
/// (management manual, 9.1). Aligned so that no two workers write to one cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct Counters {
    pub sessions: Counter,
    pub connections: Counter,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    pub request_bytes_out: Counter,
    pub response_bytes_out: Counter,
    pub denied_requests: Counter,
    pub denied_responses: Counter,
    pub denied_connections: Counter,
    pub denied_sessions: Counter,
    pub failed_requests: Counter,
    pub failed_connections: Counter,
    pub failed_responses: Counter,
    pub retries: Counter,
    pub redispatches: Counter,
    pub selected: Counter,
    pub requests: Counter,
    /// Requests that were understood.
    pub streams: Counter,
    pub responses: [Counter; 6],
    pub intercepted: Counter,
    pub client_aborts: Counter,
    pub server_aborts: Counter,
    pub failed_rewrites: Counter,
    pub internal_errors: Counter,
    pub connects: Counter,
    pub reuses: Counter,
    pub h1_total_connections: Counter,
    pub h1_closed_connections: Counter,
    pub h1_total_streams: Counter,
    pub h1_closed_streams: Counter,
    pub h1_bytes_in: Counter,
    pub h1_bytes_out: Counter,
    pub h1_spliced_bytes_in: Counter,
    pub h1_spliced_bytes_out: Counter,
    pub h2_headers_rcvd: Counter,
    pub h2_data_rcvd: Counter,
    pub h2_settings_rcvd: Counter,
    pub h2_rst_stream_rcvd: Counter,
    pub h2_goaway_rcvd: Counter,
    pub h2_detected_conn_protocol_errors: Counter,
    pub h2_detected_strm_protocol_errors: Counter,
    pub h2_rst_stream_resp: Counter,
    pub h2_goaway_resp: Counter,
    pub h2_total_connections: Counter,
    pub h2_closed_connections: Counter,
    pub h2_total_streams: Counter,
    pub h2_closed_streams: Counter,
    pub queue_millis: Average,
    pub connect_millis: Average,
    pub response_millis: Average,
    pub total_millis: Average,
    pub connection_rate: Rate,
    pub session_rate: Rate,
    pub request_rate: Rate,
    pub latency: Latency,
}

/// What a worker counts of sessions of TLS.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct TlsCounters {
    /// Sessions that were begun, on both sides.
    pub sessions: Counter,
    /// Those with clients.
    pub rate: Rate,
    /// Those with clients for which keys were made anew.
    pub client_keys: Rate,
    /// The same with servers.
    pub server_keys: Rate,
}

/// An average over the last thousand or so values, in milliseconds.
#[derive(Debug, Default)]
pub struct Average {
    sum: AtomicU64,
    highest: AtomicU64,
}

// === impl Counters ===

impl Counters {
    /// Lets highest values begin anew. A worker that counts in this moment may bring the old one back.
    pub fn forget_highest(&self) {
        for rate in [&self.connection_rate, &self.session_rate, &self.request_rate] {
            rate.highest.store(0, Relaxed);
        }
        for average in [&self.queue_millis, &self.connect_millis, &self.response_millis, &self.total_millis] {
            average.highest.store(0, Relaxed);
        }
    }
}

// === impl Counter ===

impl Counter {
    /// Adds `n`; for the one thread that writes.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// The number now.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

// === impl Rate ===

impl Rate {
    /// Counts an event; for the one thread that writes.
    pub fn count(&self, now: Tick) {
        let second = now.0 / 1_000_000;
        let last = self.second.load(Relaxed);
        if second != last {
            let current = self.current.load(Relaxed);
            self.previous.store(if second == last + 1 { current } else { 0 }, Relaxed);
            self.current.store(0, Relaxed);
            self.second.store(second, Relaxed);
        }
        let n = self.current.load(Relaxed) + 1;
        self.current.store(n, Relaxed);
        if n > self.highest.load(Relaxed) {
            self.highest.store(n, Relaxed);
        }
    }

    /// Events over the last second: this second's, and of the one before as much as is missing.
    pub fn per_second(&self, now: Tick) -> u64 {
        let second = now.0 / 1_000_000;
        let last = self.second.load(Relaxed);
        let (current, previous) = match second.saturating_sub(last) {
            0 => (self.current.load(Relaxed), self.previous.load(Relaxed)),
            1 => (0, self.current.load(Relaxed)),
            _ => (0, 0),
        };
        let left = 1_000_000 - now.0 % 1_000_000;
        current + previous * left / 1_000_000
    }

    /// The second of the process in which the last event fell; none before the first.
    pub fn last_second(&self) -> Option<u64> {
        let second = self.second.load(Relaxed);
        (second > 0 || self.current.load(Relaxed) > 0).then_some(second)
    }

    /// The most events that fell into one second.
    pub fn highest(&self) -> u64 {
        self.highest.load(Relaxed)
    }
}

// === impl Average ===

impl Average {
    /// Takes a value in; for the one thread that writes. The newest of a thousand values weighs as much as
    /// each before it; before a thousand, `seen` (this one included) says how many there were.
    pub fn take(&self, millis: u64, seen: u64) {
        let sum = self.sum.load(Relaxed);
        let next = if seen > WINDOW { sum - sum / WINDOW + millis } else { sum + millis };
        self.sum.store(next, Relaxed);
        if millis > self.highest.load(Relaxed) {
            self.highest.store(millis, Relaxed);
        }
    }

    /// The sum over the window, to be divided by the smaller of the window and the number of values.
    pub fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }

    /// The highest value.
    pub fn highest(&self) -> u64 {
        self.highest.load(Relaxed)
    }

    /// The average over `seen` values.
    pub fn over(&self, seen: u64) -> u64 {
        self.sum().div_ceil(seen.clamp(1, WINDOW))
    }
}

/// How many values an average spans.
pub const WINDOW: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_slides_from_one_second_into_the_next() {
        let r = Rate::default();
        for _ in 0..100 {
            r.count(Tick(5_500_000));
        }
        assert_eq!(r.per_second(Tick(5_600_000)), 100);
        assert_eq!(r.per_second(Tick(6_500_000)), 50);
        assert_eq!(r.per_second(Tick(7_500_000)), 0);
        r.count(Tick(6_500_000));
        assert_eq!(r.per_second(Tick(6_500_000)), 51);
        assert_eq!(r.highest(), 100);
    }

    #[test]
    fn an_average_follows_its_values() {
        let a = Average::default();
        for n in 1..=10 {
            a.take(8, n);
        }
        assert_eq!(a.over(10), 8);
    }
}
