//! One shard: rows in a slab, an index by hash, the order of the last touch, the log of updates.

use crate::entry::Entry;
use crate::index::Index;
use slab::Slab;
use std::collections::BTreeMap;

/// Rows whose keys hash to one shard.
#[derive(Debug)]
pub(crate) struct Shard {
    index: Index,
    rows: Slab<Entry>,
    /// The values of all rows, `width` for each, by the places of the rows.
    values: Vec<u32>,
    width: usize,
    oldest: u32,
    newest: u32,
    /// Rows by the number of their last update, for peers.
    log: BTreeMap<u64, u32>,
    updates: u64,
}

// === impl Shard ===

impl Shard {
    /// An empty shard whose rows hold so many values.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            values: Vec::new(),
            width,
            index: Index::default(),
            rows: Slab::new(),
            oldest: NONE,
            newest: NONE,
            log: BTreeMap::new(),
            updates: 0,
        }
    }

    /// The row of a key, be it expired or not.
    pub(crate) fn find(&self, hash: u32, key: &[u8]) -> Option<u32> {
        let rows = &self.rows;
        self.index.find(hash, |at| rows.get(at as usize).is_some_and(|row| row.key.bytes() == key))
    }

    pub(crate) fn row(&mut self, at: u32) -> Option<&mut Entry> {
        self.rows.get_mut(at as usize)
    }

    /// A row and its values.
    pub(crate) fn parts(&mut self, at: u32) -> Option<(&mut Entry, &mut [u32])> {
        let from = at as usize * self.width;
        Some((self.rows.get_mut(at as usize)?, self.values.get_mut(from..from + self.width)?))
    }

    /// Puts in a row that is not there yet, as the last touched; `begin` fills its values in.
    pub(crate) fn insert(&mut self, entry: Entry, begin: impl FnOnce(&mut [u32])) -> u32 {
        let hash = entry.hash;
        let at = u32::try_from(self.rows.insert(entry)).unwrap_or(NONE);
        self.index.insert(hash, at);
        let end = (at as usize + 1) * self.width;
        if self.values.len() < end {
            self.values.resize(end, 0);
        }
        if let Some((_, values)) = self.parts(at) {
            begin(values);
        }
        self.link(at);
        at
    }

    /// Takes a row out, whoever uses it.
    pub(crate) fn remove(&mut self, at: u32) -> Option<Entry> {
        self.unlink(at);
        let entry = self.rows.try_remove(at as usize)?;
        self.index.remove(entry.hash, at);
        self.log.remove(&entry.update);
        Some(entry)
    }

    /// Makes a row expire then, and the last touched, unless it became that no longer than `slack` ago.
    pub(crate) fn touch(&mut self, at: u32, expires: u64, slack: u32) {
        let Some(row) = self.rows.get_mut(at as usize) else { return };
        row.expires = expires;
        let late = expires == u64::MAX || (expires as u32).wrapping_sub(row.linked) > slack;
        if late && self.newest != at {
            self.unlink(at);
            self.link(at);
        }
    }

    /// Writes down that a row's data changed.
    pub(crate) fn log_update(&mut self, at: u32) {
        self.updates += 1;
        let Some(row) = self.rows.get_mut(at as usize) else { return };
        self.log.remove(&row.update);
        row.update = self.updates;
        self.log.insert(self.updates, at);
    }

    /// Rows updated after `after`, in order.
    pub(crate) fn updated(&self, after: u64) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.log.range(after.saturating_add(1)..).map(|(&number, &at)| (number, at))
    }

    /// The rows from the least to the most recently touched.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(self.oldest), |&at| self.rows.get(at as usize).map(|row| row.newer))
            .take_while(|&at| at != NONE)
    }

    /// The least recently touched row that nobody uses.
    pub(crate) fn oldest_unused(&self) -> Option<u32> {
        self.in_order().find(|&at| self.rows.get(at as usize).is_some_and(|row| row.users == 0))
    }

    /// Takes out at most `budget` rows that have expired; says how many went.
    pub(crate) fn expire(&mut self, now: u64, budget: usize) -> usize {
        let mut gone = 0;
        let mut at = self.oldest;
        while gone < budget {
            let Some(row) = self.rows.get(at as usize) else { break };
            if row.expires == u64::MAX || is_later(row.linked, now) {
                break;
            }
            let (next, due) = (row.newer, row.users == 0 && row.expires <= now);
            if due {
                self.remove(at);
                gone += 1;
            }
            at = next;
        }
        gone
    }

    /// When the next row expires.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        self.rows.get(self.oldest as usize).map(|row| row.expires)
    }

    fn link(&mut self, at: u32) {
        let before = self.newest;
        let Some(row) = self.rows.get_mut(at as usize) else { return };
        (row.older, row.newer) = (before, NONE);
        row.linked = row.expires as u32;
        self.newest = at;
        match self.rows.get_mut(before as usize) {
            Some(row) => row.newer = at,
            None => self.oldest = at,
        }
    }

    fn unlink(&mut self, at: u32) {
        let Some(row) = self.rows.get(at as usize) else { return };
        let (older, newer) = (row.older, row.newer);
        match self.rows.get_mut(older as usize) {
            Some(row) => row.newer = newer,
            None => self.oldest = newer,
        }
        match self.rows.get_mut(newer as usize) {
            Some(row) => row.older = older,
            None => self.newest = older,
        }
    }
}

/// Whether the low half of a time stands for one after `now`.
fn is_later(time: u32, now: u64) -> bool {
    time.wrapping_sub(now as u32).wrapping_sub(1) < u32::MAX / 2
}

/// No row.
const NONE: u32 = u32::MAX;
