//! What all workers counted of one object, added up, less what was there when counters were cleared.

use weir_engine::clock::Tick;
use weir_engine::runtime::{Average, Counter, Counters, Rate, WINDOW};

macro_rules! totals {
    ($($field:ident),* $(,)?) => {
        /// Sums of counters; the names are those of [`Counters`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is the sum of the counter of its name")]
        pub struct Totals {
            $(pub $field: u64,)*
            pub responses: [u64; 6],
        }

        impl Totals {
            /// Adds up what each worker counted.
            pub fn of(counters: &[Counters]) -> Self {
                let sum = |which: fn(&Counters) -> &Counter| counters.iter().map(|c| which(c).value()).sum();
                let mut responses = [0; 6];
                for counters in counters {
                    for (sum, counter) in responses.iter_mut().zip(&counters.responses) {
                        *sum += counter.value();
                    }
                }
                Self { $($field: sum(|c| &c.$field),)* responses }
            }

            /// What was counted since `before`.
            #[must_use]
            pub fn since(mut self, before: &Self) -> Self {
                $(self.$field = self.$field.saturating_sub(before.$field);)*
                for (sum, before) in self.responses.iter_mut().zip(before.responses) {
                    *sum = sum.saturating_sub(before);
                }
                self
            }
        }
    };
}

totals! {
    sessions, connections, bytes_in, bytes_out, request_bytes_out, response_bytes_out, denied_requests, denied_responses, denied_connections,
    denied_sessions, failed_requests, failed_connections, failed_responses, retries, redispatches, selected,
    requests, intercepted, client_aborts, server_aborts, failed_rewrites, internal_errors, connects, reuses,
    h2_headers_rcvd, h2_data_rcvd, h2_settings_rcvd, h2_rst_stream_rcvd, h2_goaway_rcvd,
    h2_detected_conn_protocol_errors, h2_detected_strm_protocol_errors, h2_rst_stream_resp, h2_goaway_resp,
    h2_total_connections, h2_total_streams, h1_total_connections, h1_total_streams, h1_bytes_in, h1_bytes_out,
    h1_spliced_bytes_in, h1_spliced_bytes_out,
}

/// Events in the last second, over all workers.
pub fn rate(counters: &[Counters], which: fn(&Counters) -> &Rate, now: Tick) -> u64 {
    counters.iter().map(|c| which(c).per_second(now)).sum()
}

/// The most events in one second; the workers' seconds are taken to be the same one.
pub fn highest_rate(counters: &[Counters], which: fn(&Counters) -> &Rate) -> u64 {
    counters.iter().map(|c| which(c).highest()).sum()
}

/// The mean over the last values of all workers, and the highest value. Each worker counts a value per session.
pub fn average(counters: &[Counters], which: fn(&Counters) -> &Average) -> (u64, u64) {
    let (mut sum, mut seen, mut highest) = (0, 0, 0);
    for counters in counters {
        let average = which(counters);
        sum += average.sum();
        seen += counters.sessions.value().min(WINDOW);
        highest = highest.max(average.highest());
    }
    (sum.div_ceil(seen.max(1)), highest)
}
