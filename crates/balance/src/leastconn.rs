//! `balance leastconn`: the server with the fewest sessions and waiting requests for its weight.
//!
//! Servers stand in a heap by load over weight; equals take turns, because a server whose load
//! changes goes behind the others of its new load.

use crate::farm::{Farm, Load};
use crate::heap::{Entry, ServerHeap};

/// The servers of a group in the order of their load.
#[derive(Clone, Debug)]
pub(crate) struct LeastConn {
    order: ServerHeap,
    weights: Vec<u32>,
    /// Servers passed over in the pick under way; kept for its room.
    passed: Vec<Entry>,
}

// === impl LeastConn ===

impl LeastConn {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            order: ServerHeap::new(servers),
            weights: vec![0; servers],
            passed: Vec::with_capacity(servers),
        }
    }

    /// Makes room for that many servers.
    pub(crate) fn resize(&mut self, servers: usize) {
        self.weights.resize(servers.max(self.weights.len()), 0);
        self.order.resize(servers);
    }

    /// Gives a server a weight in sixteenths; 0 takes it out.
    pub(crate) fn set_weight(&mut self, server: usize, units: u32, load: Load) {
        let Some(weight) = self.weights.get_mut(server) else { return };
        if *weight == units {
            return;
        }
        *weight = units;
        if units == 0 {
            self.order.remove(server);
        } else {
            self.order.put(server, score(load, units));
        }
    }

    /// Tells that a server's sessions or queue have changed.
    pub(crate) fn note_load(&mut self, server: usize, load: Load) {
        if self.order.contains(server) {
            let units = self.weights.get(server).copied().unwrap_or(0);
            self.order.put(server, score(load, units));
        }
    }

    /// The least loaded server with room, or with room in a queue of limited length; `avoid` only
    /// where nobody else has.
    pub(crate) fn pick<F: Farm + ?Sized>(&mut self, avoid: Option<usize>, farm: &F) -> Option<usize> {
        self.passed.clear();
        let mut avoided = None;
        let chosen = loop {
            let Some(entry) = self.order.first() else { break avoided };
            let load = farm.load(entry.server());
            if load.has_room() || (load.queue_limit > 0 && load.queue_has_room()) {
                if avoid != Some(entry.server()) {
                    break Some(entry.server());
                }
                avoided = avoid;
            }
            self.passed.extend(self.order.pop());
        };
        while let Some(entry) = self.passed.pop() {
            self.order.restore(entry);
        }
        chosen
    }
}

/// Load over weight. An idle server has none, whatever its weight.
fn score(load: Load, units: u32) -> u64 {
    let busy = u64::from(load.sessions) + u64::from(load.queued);
    if busy == 0 { 0 } else { (busy + 1) * FULL_UNITS / u64::from(units.max(1)) }
}

/// Units of the heaviest weight there is.
const FULL_UNITS: u64 = 4096;
