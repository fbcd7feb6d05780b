//! Servers ordered by a key: a binary heap that knows where each server stands.
//!
//! Keys may be given again and servers taken out in O(log n); equal keys come out in the order of
//! arrival. All room is taken when the heap is made: nothing allocates after.

/// One place in the heap, ordered by key, then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    key: u64,
    arrival: u64,
    server: usize,
}

/// A min-heap of servers by key, at most one place per server.
#[derive(Clone, Debug)]
pub(crate) struct ServerHeap {
    entries: Vec<Entry>,
    /// Where a server stands in `entries`, or [`NOWHERE`].
    places: Vec<usize>,
    arrivals: u64,
}

// === impl Entry ===

impl Entry {
    pub(crate) fn server(&self) -> usize {
        self.server
    }
}

// === impl ServerHeap ===

impl ServerHeap {
    pub(crate) fn new(servers: usize) -> Self {
        Self { entries: Vec::with_capacity(servers), places: vec![NOWHERE; servers], arrivals: 0 }
    }

    /// Makes room for that many servers.
    pub(crate) fn resize(&mut self, servers: usize) {
        self.places.resize(servers.max(self.places.len()), NOWHERE);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The server of the lowest key.
    pub(crate) fn first(&self) -> Option<Entry> {
        self.entries.first().copied()
    }

    pub(crate) fn contains(&self, server: usize) -> bool {
        self.place(server).is_some()
    }

    /// Puts a server behind all others of its key, wherever it stood before.
    pub(crate) fn put(&mut self, server: usize, key: u64) {
        self.arrivals += 1;
        self.restore(Entry { key, arrival: self.arrivals, server });
    }

    /// Puts a server back to exactly the place it was popped from.
    pub(crate) fn restore(&mut self, entry: Entry) {
        if entry.server >= self.places.len() {
            return;
        }
        match self.place(entry.server) {
            Some(at) => {
                if let Some(slot) = self.entries.get_mut(at) {
                    *slot = entry;
                }
                let at = self.rise(at);
                self.sink(at);
            }
            None => {
                let at = self.entries.len();
                self.entries.push(entry);
                self.note(at);
                self.rise(at);
            }
        }
    }

    /// Takes out the server of the lowest key.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let first = self.first()?;
        self.remove(first.server);
        Some(first)
    }

    /// Takes a server out, if it is in.
    pub(crate) fn remove(&mut self, server: usize) -> Option<Entry> {
        let at = self.place(server)?;
        let entry = self.entries.swap_remove(at);
        if let Some(place) = self.places.get_mut(server) {
            *place = NOWHERE;
        }
        if at < self.entries.len() {
            self.note(at);
            let at = self.rise(at);
            self.sink(at);
        }
        Some(entry)
    }

    fn place(&self, server: usize) -> Option<usize> {
        self.places.get(server).copied().filter(|&at| at != NOWHERE)
    }

    /// Writes down where the entry at `at` stands.
    fn note(&mut self, at: usize) {
        let Some(entry) = self.entries.get(at) else { return };
        if let Some(place) = self.places.get_mut(entry.server) {
            *place = at;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.entries.swap(a, b);
        self.note(a);
        self.note(b);
    }

    fn rise(&mut self, mut at: usize) -> usize {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.entries.get(parent) <= self.entries.get(at) {
                break;
            }
            self.swap(parent, at);
            at = parent;
        }
        at
    }

    fn sink(&mut self, mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let least = match (self.entries.get(left), self.entries.get(right)) {
                (Some(l), Some(r)) if r < l => right,
                (Some(_), _) => left,
                (None, _) => return,
            };
            if self.entries.get(at) <= self.entries.get(least) {
                return;
            }
            self.swap(at, least);
            at = least;
        }
    }
}

const NOWHERE: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Whatever is put, moved and removed: the heap pops what an ordered map would.
        #[test]
        fn pops_in_the_order_of_keys_and_arrival(steps in prop::collection::vec((0..4u8, 0..20usize, 0..6u64), 0..200)) {
            let mut heap = ServerHeap::new(20);
            let mut model: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
            let mut arrivals = 0;
            for (what, server, key) in steps {
                match what {
                    0 | 1 => {
                        arrivals += 1;
                        heap.put(server, key);
                        model.insert(server, (key, arrivals));
                    }
                    2 => prop_assert_eq!(heap.remove(server).is_some(), model.remove(&server).is_some()),
                    _ => {
                        let first = model.iter().min_by_key(|(_, order)| **order).map(|(server, _)| *server);
                        prop_assert_eq!(heap.pop().map(|entry| entry.server()), first);
                        first.map(|server| model.remove(&server));
                    }
                }
                prop_assert_eq!(heap.contains(server), model.contains_key(&server));
            }
        }
    }
}
