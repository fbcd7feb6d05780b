//! The arena that computed strings of a transaction live in.
//!
//! Fetches and converters build new bytes here and hand out slices of them; [`Scratch::reset`] between
//! transactions makes the room free again and keeps the memory, so that nothing is allocated in the steady state.

use bumpalo::Bump;

/// Bytes that live until the next [`reset`](Scratch::reset).
#[derive(Debug, Default)]
pub struct Scratch {
    arena: Bump,
}

/// A growing string in a [`Scratch`].
pub type Buffer<'a> = bumpalo::collections::Vec<'a, u8>;

// === impl Scratch ===

impl Scratch {
    /// An arena that holds no memory until it is used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes all room free again.
    pub fn reset(&mut self) {
        self.arena.reset();
    }

    /// A copy of `bytes`.
    pub fn bytes(&self, bytes: &[u8]) -> &[u8] {
        self.arena.alloc_slice_copy(bytes)
    }

    /// An empty string to fill.
    pub fn buffer(&self) -> Buffer<'_> {
        Buffer::new_in(&self.arena)
    }

    /// What `fill` appends to an empty string.
    pub fn build<'a>(&'a self, fill: impl FnOnce(&mut Buffer<'a>)) -> &'a [u8] {
        let mut buffer = Buffer::with_capacity_in(64, &self.arena);
        fill(&mut buffer);
        buffer.into_bump_slice()
    }

    /// How much memory it holds, in bytes.
    pub fn allocated(&self) -> usize {
        self.arena.allocated_bytes()
    }
}
