//! The dynamic table (RFC 7541, 2.3.2 and 4).

use std::collections::VecDeque;

/// Entries, the newest first, within a limit of octets.
#[derive(Debug)]
pub(super) struct Table {
    /// Names and values one after the other; what lies before the oldest entry is waste.
    arena: Vec<u8>,
    entries: VecDeque<Entry>,
    size: usize,
    limit: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    name: usize,
    value: usize,
}

/// What an entry counts beside its octets (RFC 7541, 4.1).
pub(super) const OVERHEAD: usize = 32;

// === impl Table ===

impl Table {
    pub(super) fn new(limit: usize) -> Self {
        Self { arena: Vec::new(), entries: VecDeque::new(), size: 0, limit }
    }

    /// Name and value of an entry; 0 is the newest.
    pub(super) fn entry(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let e = self.entries.get(index)?;
        let bytes = self.arena.get(e.start..e.start + e.name + e.value)?;
        bytes.split_at_checked(e.name)
    }

    /// Adds an entry; what no longer fits goes, and one that is larger than the limit empties the table.
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        let cost = name.len() + value.len() + OVERHEAD;
        self.shrink_to(self.limit.saturating_sub(cost));
        if cost > self.limit {
            return;
        }
        if self.arena.len() + cost > 2 * self.limit {
            self.compact();
        }
        let start = self.arena.len();
        self.arena.extend_from_slice(name);
        self.arena.extend_from_slice(value);
        self.entries.push_front(Entry { start, name: name.len(), value: value.len() });
        self.size += cost;
    }

    /// Sets another limit.
    pub(super) fn resize(&mut self, limit: usize) {
        self.limit = limit;
        self.shrink_to(limit);
    }

    fn shrink_to(&mut self, size: usize) {
        while self.size > size {
            let Some(e) = self.entries.pop_back() else { return };
            self.size -= e.name + e.value + OVERHEAD;
        }
        if self.entries.is_empty() {
            self.arena.clear();
        }
    }

    /// Moves what lives to the start of the arena.
    fn compact(&mut self) {
        let Some(oldest) = self.entries.back().map(|e| e.start) else { return };
        self.arena.drain(..oldest);
        for e in &mut self.entries {
            e.start -= oldest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let mut table = Table::new(100);
        table.insert(b"a", b"1");
        table.insert(b"b", b"2");
        table.insert(b"c", b"3");
        assert_eq!(table.entry(0), Some((&b"c"[..], &b"3"[..])));
        assert_eq!(table.entry(1), Some((&b"b"[..], &b"2"[..])));
        assert_eq!(table.entry(2), None);
        table.resize(40);
        assert_eq!(table.entry(1), None);
        table.insert(b"too-long", &[b'x'; 100]);
        assert_eq!(table.entry(0), None);
        assert_eq!(table.size, 0);
    }

    #[test]
    fn its_storage_stays_within_twice_the_limit() {
        let mut table = Table::new(4096);
        for i in 0..10_000u32 {
            table.insert(b"name", i.to_string().as_bytes());
            assert_eq!(table.entry(0), Some((&b"name"[..], i.to_string().as_bytes())));
            assert!(table.arena.len() <= 2 * 4096 && table.size <= 4096);
        }
        let live = table.entries.len();
        let oldest = (10_000 - live).to_string();
        assert_eq!(table.entry(live - 1), Some((&b"name"[..], oldest.as_bytes())));
    }
}
