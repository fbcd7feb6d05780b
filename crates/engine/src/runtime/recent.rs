//! The flight recorder: the last answers that were neither 2xx nor 3xx, and what decided each.
//!
//! Each worker writes a ring of its own, in storage that stays; who reads takes the newest of all. It outlives reloads,
//! as everything here does.

use std::sync::Arc;

use parking_lot::Mutex;

/// What all workers recorded.
#[derive(Debug, Default)]
pub struct Recorder(Box<[Mutex<Ring>]>);

/// An answer that was not what the client had hoped for.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// When, in microseconds since 1970.
    pub at: u64,
    /// The number of the transaction in the process.
    pub number: u32,
    /// Its unique id, where one is configured.
    pub id: String,
    /// The client.
    pub client: String,
    /// The proxy that it came to.
    pub frontend: String,
    /// The proxy that it went to, and its server.
    pub backend: String,
    /// See `backend`; empty where there is none.
    pub server: String,
    /// The method, and the start of the target.
    pub request: String,
    /// The status in the log; 0 for none.
    pub status: u16,
    /// How it ended, in the two letters of the log.
    pub ending: [u8; 2],
    /// The rule that decided it.
    pub rule: Option<(Arc<str>, u32)>,
    /// What decided it where no rule did.
    pub reason: &'static str,
    /// How long it took, in microseconds.
    pub total: u64,
}

#[derive(Debug, Default)]
struct Ring {
    events: Vec<Event>,
    next: usize,
}

// === impl Recorder ===

impl Recorder {
    /// Empty, for so many workers.
    pub(crate) fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| Mutex::default()).collect())
    }

    /// Takes an event in: `write` fills what was the oldest one of the worker.
    pub(crate) fn record(&self, worker: usize, write: impl FnOnce(&mut Event)) {
        let Some(ring) = self.0.get(worker) else { return };
        let Ring { events, next } = &mut *ring.lock();
        if events.len() < KEPT {
            events.push(Event::default());
        }
        let at = *next;
        *next = (at + 1) % KEPT;
        if let Some(event) = events.get_mut(at) {
            write(event);
        }
    }

    /// The last thousand events, the newest last.
    pub fn events(&self) -> Vec<Event> {
        let mut all: Vec<Event> = self.0.iter().flat_map(|ring| ring.lock().events.clone()).collect();
        all.sort_by_key(|event| (event.at, event.number));
        let old = all.len().saturating_sub(KEPT);
        all.drain(..old);
        all
    }
}

/// How many events are kept and told.
const KEPT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_all_workers_stay() {
        let recorder = Recorder::new(2);
        for at in 0..2_500_u64 {
            recorder.record(at as usize % 2, |event| event.at = at);
        }
        let times: Vec<u64> = recorder.events().iter().map(|event| event.at).collect();
        assert_eq!(times, (1_500..2_500).collect::<Vec<_>>());
    }
}
