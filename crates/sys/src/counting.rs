//! An allocator that counts, for the tests that promise that a path allocates nothing.
//!
//! A test makes it its global allocator, exempts the threads that only drive the test, and reads
//! [`allocations`] before and after. Every other thread is counted, whoever started it.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Passes everything on to `A` and counts what asks for memory.
#[derive(Debug)]
pub struct Counting<A>(pub A);

/// Allocations and growths so far, of all threads that are not exempt.
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Relaxed)
}

/// Leaves this thread out of the count from now on.
pub fn exempt_this_thread() {
    EXEMPT.with(|exempt| exempt.set(true));
}

fn count() {
    // A thread that is being torn down has no cell any more; it is counted.
    if !EXEMPT.try_with(Cell::get).unwrap_or(false) {
        ALLOCATIONS.fetch_add(1, Relaxed);
    }
}

// SAFETY: every call goes to `A` with the same arguments, and counting neither allocates nor panics.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `GlobalAlloc::dealloc`.
        unsafe { self.0.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc_zeroed`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises of `GlobalAlloc::realloc`.
        unsafe { self.0.realloc(memory, layout, size) }
    }
}

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static EXEMPT: Cell<bool> = const { Cell::new(false) };
}
