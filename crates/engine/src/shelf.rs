//! Things that are used again instead of being made anew.
//!
//! A shelf keeps what is put back. Whatever was not needed between two calls of [`Shelf::trim`] is dropped, so
//! that a burst does not hold memory for ever.

use std::cell::{Cell, RefCell};

/// A stack of spare things.
pub(crate) struct Shelf<T> {
    spare: RefCell<Vec<T>>,
    /// The fewest that lay here since the last trim.
    least: Cell<usize>,
}

// === impl Shelf ===

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { spare: RefCell::default(), least: Cell::new(0) }
    }
}

impl<T> Shelf<T> {
    /// The one that was put here last.
    pub(crate) fn take(&self) -> Option<T> {
        let mut spare = self.spare.borrow_mut();
        let thing = spare.pop();
        self.least.set(self.least.get().min(spare.len()));
        thing
    }

    /// Puts one back.
    pub(crate) fn put(&self, thing: T) {
        self.spare.borrow_mut().push(thing);
    }

    /// How many lie here.
    pub(crate) fn count(&self) -> usize {
        self.spare.borrow().len()
    }

    /// Drops those that nobody took since the last call.
    pub(crate) fn trim(&self) {
        let mut spare = self.spare.borrow_mut();
        let unused = self.least.get().min(spare.len());
        spare.drain(..unused);
        if spare.capacity() > 64 && spare.len() * 4 < spare.capacity() {
            spare.shrink_to_fit();
        }
        self.least.set(spare.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_needs_is_dropped_at_the_second_trim() {
        let shelf = Shelf::default();
        (0..10).for_each(|n| shelf.put(n));
        shelf.trim();
        for _ in 0..3 {
            let a = shelf.take();
            let b = shelf.take();
            a.into_iter().chain(b).for_each(|n| shelf.put(n));
        }
        shelf.trim();
        assert_eq!((shelf.take().is_some(), shelf.take().is_some(), shelf.take()), (true, true, None));
    }
}
