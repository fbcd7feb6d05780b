//! Buffers of a worker: taken when bytes arrive, given back when they have left.

use std::rc::Rc;

use crate::shelf::Shelf;

/// The buffers that a worker keeps for the next who needs one.
pub(crate) struct BufferPool {
    size: usize,
    free: Shelf<Box<[u8]>>,
    free_large: Shelf<Box<[u8]>>,
}

/// Bytes on their way: filled at the end, consumed at the start. It has storage only while it needs some.
#[derive(Default)]
pub(crate) struct Buffer {
    storage: Box<[u8]>,
    start: u32,
    end: u32,
    pool: Option<Rc<BufferPool>>,
}

// === impl BufferPool ===

impl BufferPool {
    /// Buffers of `size` bytes (`tune.bufsize`).
    pub(crate) fn new(size: usize) -> Rc<Self> {
        Rc::new(Self { size, free: Shelf::default(), free_large: Shelf::default() })
    }

    /// A buffer without storage.
    pub(crate) fn buffer(self: &Rc<Self>) -> Buffer {
        Buffer { storage: Box::default(), start: 0, end: 0, pool: Some(self.clone()) }
    }

    /// How many pieces of storage lie ready.
    pub(crate) fn spare(&self) -> usize {
        self.free.count() + self.free_large.count()
    }

    /// Drops the storage that nobody needed since the last call.
    pub(crate) fn trim(&self) {
        self.free.trim();
        self.free_large.trim();
    }

    fn take(&self, large: bool) -> Box<[u8]> {
        let (shelf, size) = if large { (&self.free_large, LARGE) } else { (&self.free, self.size) };
        shelf.take().unwrap_or_else(|| vec![0; size].into_boxed_slice())
    }

    fn give(&self, storage: Box<[u8]>) {
        if storage.len() == self.size {
            self.free.put(storage);
        } else if storage.len() == LARGE {
            self.free_large.put(storage);
        }
    }
}

// === impl Buffer ===

impl Buffer {
    /// The bytes that wait.
    pub(crate) fn data(&self) -> &[u8] {
        self.storage.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether no byte more fits, even after those that wait are moved to the front.
    pub(crate) fn is_full(&self) -> bool {
        !self.storage.is_empty() && self.len() == self.storage.len()
    }

    /// Takes `n` bytes from the front.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start += n.min(self.len()) as u32;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room for more bytes; storage is taken from the pool where there is none. Empty only when full.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.storage.is_empty()
            && let Some(pool) = &self.pool
        {
            self.storage = pool.take(false);
        }
        if self.end as usize == self.storage.len() && self.start > 0 {
            self.storage.copy_within(self.start as usize..self.end as usize, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.storage.get_mut(self.end as usize..).unwrap_or_default()
    }

    /// `n` bytes of [`Self::space`] were filled.
    pub(crate) fn filled(&mut self, n: usize) {
        self.end += n.min(self.storage.len() - self.end as usize) as u32;
    }

    /// Grows the storage for a large body; bytes that wait are kept.
    pub(crate) fn grow(&mut self) {
        let Some(pool) = self.pool.clone() else { return };
        if self.storage.len() >= LARGE {
            return;
        }
        let mut larger = pool.take(true);
        let n = self.len();
        if let Some(to) = larger.get_mut(..n) {
            to.copy_from_slice(self.data());
        }
        (self.start, self.end) = (0, n as u32);
        pool.give(std::mem::replace(&mut self.storage, larger));
    }

    /// Whether the storage has grown.
    pub(crate) fn is_large(&self) -> bool {
        self.storage.len() >= LARGE
    }

    /// Gives the storage back where no byte waits.
    pub(crate) fn release(&mut self) {
        if self.is_empty() && !self.storage.is_empty() {
            let storage = std::mem::take(&mut self.storage);
            if let Some(pool) = &self.pool {
                pool.give(storage);
            }
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        (self.start, self.end) = (0, 0);
        self.release();
    }
}

/// The size of a buffer that has grown for a large body.
const LARGE: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in_across_growth_and_moves() {
        let pool = BufferPool::new(8);
        let mut b = pool.buffer();
        b.space()[..5].copy_from_slice(b"hello");
        b.filled(5);
        b.consume(3);
        assert_eq!(b.space().len(), 3);
        b.space()[..3].copy_from_slice(b"abc");
        b.filled(3);
        assert_eq!(b.space().len(), 3);
        b.grow();
        assert_eq!(b.data(), b"loabc");
        b.consume(5);
        b.release();
        assert!(b.is_empty() && pool.free_large.take().is_some());
    }

    #[test]
    fn storage_goes_back_to_the_pool_when_a_buffer_is_dropped() {
        let pool = BufferPool::new(8);
        let mut b = pool.buffer();
        b.space();
        drop(b);
        assert!(pool.free.take().is_some());
    }
}
