//! What a table surely does not hold, said from two bytes for each of its entries.
//!
//! Look-ups that try many lengths find nothing for most of them. In a large table each such try would wait for
//! memory; the filter (Bloom's, three bits of one word) stays in a cache.

/// A filter over hashes; it forgets none.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// None, or a power of two.
    words: Vec<u64>,
    held: usize,
}

// === impl Filter ===

impl Filter {
    /// An empty one with room for twice as many.
    pub(super) fn with_room(entries: usize) -> Self {
        let words = (entries * 2).div_ceil(PER_WORD).next_power_of_two().max(8);
        Self { words: vec![0; words], held: 0 }
    }

    /// Whether one more makes it say too often that it may hold what it does not.
    pub(super) const fn is_full(&self) -> bool {
        self.held >= self.words.len() * PER_WORD
    }

    /// Takes in the hash of an entry.
    pub(super) fn add(&mut self, hash: u64) {
        let at = self.place(hash);
        if let Some(word) = self.words.get_mut(at) {
            *word |= bits(hash);
        }
        self.held += 1;
    }

    /// Whether an entry of this hash may be there; `false` is certain.
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        self.words.get(self.place(hash)).is_some_and(|word| word & bits(hash) == bits(hash))
    }

    const fn place(&self, hash: u64) -> usize {
        (hash >> 32) as usize & self.words.len().wrapping_sub(1)
    }
}

const fn bits(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63)
}

const PER_WORD: usize = 4;
