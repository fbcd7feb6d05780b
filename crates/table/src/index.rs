//! Where the row of a hash is: open addressing with linear probing.
//!
//! A slot holds hash and row together, so that a look-up in a table that no cache holds waits for memory once here (a
//! hash table with its tags apart waits twice), and rows are looked at only where the whole hash fits. Hashes come from
//! a seeded function: a client cannot choose those that collide.

/// Rows by the hashes of their keys; several rows may share a hash.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// A power of two of them, or none.
    slots: Box<[Slot]>,
    used: usize,
}

/// A row and the hash of its key.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    row: u32,
}

// === impl Index ===

impl Index {
    /// The first row of this hash that `is_it` accepts.
    pub(crate) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(hash, is_it).map(|(_, row)| row)
    }

    /// Adds a row.
    pub(crate) fn insert(&mut self, hash: u32, row: u32) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.put(Slot { hash, row });
        self.used += 1;
    }

    /// Takes a row out; those behind it that it kept from their homes move up.
    pub(crate) fn remove(&mut self, hash: u32, row: u32) {
        let Some((mut hole, _)) = self.place(hash, |other| other == row) else { return };
        let mut at = self.next(hole);
        while let Some(&slot) = self.slots.get(at).filter(|slot| slot.row != NONE) {
            let (from_home, from_hole) = (self.between(self.home(slot.hash), at), self.between(hole, at));
            if from_home >= from_hole {
                self.set(hole, slot);
                hole = at;
            }
            at = self.next(at);
        }
        self.set(hole, EMPTY);
        self.used -= 1;
    }

    fn place(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<(usize, u32)> {
        let mut at = self.home(hash);
        loop {
            let slot = self.slots.get(at).filter(|slot| slot.row != NONE)?;
            if slot.hash == hash && is_it(slot.row) {
                return Some((at, slot.row));
            }
            at = self.next(at);
        }
    }

    fn put(&mut self, slot: Slot) {
        let mut at = self.home(slot.hash);
        while self.slots.get(at).is_some_and(|taken| taken.row != NONE) {
            at = self.next(at);
        }
        self.set(at, slot);
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(SMALLEST);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; size].into_boxed_slice());
        for slot in old.into_iter().filter(|slot| slot.row != NONE) {
            self.put(slot);
        }
    }

    fn set(&mut self, at: usize, slot: Slot) {
        if let Some(place) = self.slots.get_mut(at) {
            *place = slot;
        }
    }

    /// Where a hash belongs. The low bits of hashes chose the shard, so the product's high ones do here.
    fn home(&self, hash: u32) -> usize {
        let mixed = u64::from(hash.wrapping_mul(GOLDEN));
        ((mixed * self.slots.len() as u64) >> 32) as usize
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len().wrapping_sub(1))
    }

    /// Steps from one place to another.
    fn between(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.slots.len().wrapping_sub(1))
    }
}

const EMPTY: Slot = Slot { hash: 0, row: NONE };
/// No row.
const NONE: u32 = u32::MAX;
const SMALLEST: usize = 8;
/// 2^32 divided by the golden ratio: spreads hashes that differ in any of their bits.
const GOLDEN: u32 = 0x9E37_79B1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_put_in_and_not_taken_out() {
        let mut index = Index::default();
        let mut model = std::collections::BTreeMap::new();
        let mut state = 1_u64;
        for step in 0..200_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let row = (state >> 40) as u32 % 3000;
            // Few hashes, so that many rows share one or stand in the way of others.
            let hash = (row / 3).wrapping_mul(if row.is_multiple_of(2) { 1 } else { 0x0100_0000 });
            if model.remove(&row).is_some() {
                index.remove(hash, row);
            } else if step % 3 != 0 {
                index.insert(hash, row);
                model.insert(row, hash);
            }
            assert_eq!(index.find(hash, |other| other == row), model.contains_key(&row).then_some(row));
        }
        assert_eq!(index.used, model.len());
        assert!(model.iter().all(|(&row, &hash)| index.find(hash, |other| other == row) == Some(row)));
        for (row, hash) in model {
            index.remove(hash, row);
        }
        assert!(index.used == 0 && index.slots.iter().all(|slot| slot.row == NONE));
    }

    #[test]
    fn an_empty_one_finds_nothing() {
        assert_eq!(Index::default().find(7, |_| true), None);
        Index::default().remove(7, 1);
    }
}
