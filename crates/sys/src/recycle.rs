//! A boxed future whose storage is used again for the next future of the same size.
//!
//! A future is as big as its largest state. A connection that is idle should not carry the storage of the
//! transaction it may run next, and a transaction should not allocate: it runs in a [`Recycled`] that the
//! worker lends out at the first byte and takes back at idle.

use std::alloc::Layout;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Storage for one future after another.
pub struct Recycled<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
}

impl<T: 'static> Recycled<T> {
    /// Storage that holds `future`.
    pub fn new<F: Future<Output = T> + 'static>(future: F) -> Self {
        Self { future: Box::pin(future) }
    }

    /// Drops the future that was held and holds `future`, in the same storage where the layouts agree.
    pub fn set<F: Future<Output = T> + 'static>(&mut self, future: F) {
        if Layout::for_value(&*self.future) != Layout::new::<F>() {
            self.future = Box::pin(future);
            return;
        }
        let idle: Pin<Box<dyn Future<Output = T>>> = Box::pin(Idle(std::marker::PhantomData));
        let old = std::mem::replace(&mut self.future, idle);
        // SAFETY: the box is taken apart for good: its future is dropped in place and never looked at again,
        // which keeps the promise of `Pin`.
        let raw: *mut dyn Future<Output = T> = Box::into_raw(unsafe { Pin::into_inner_unchecked(old) });
        let storage = Reclaim::<F>(raw.cast());
        // SAFETY: `raw` came from a box, so it is valid and owned here. Should the drop panic, `storage`
        // gives the memory back.
        unsafe { std::ptr::drop_in_place(raw) };
        let place = storage.0;
        std::mem::forget(storage);
        // SAFETY: `place` is a block of the global allocator with the layout of `F` (compared above) that
        // holds no value any more.
        let boxed = unsafe {
            place.write(future);
            Box::from_raw(place)
        };
        self.future = Box::into_pin(boxed);
    }

    /// Polls the future that is held. It must not be polled again once it is ready, until the next `set`.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        self.future.as_mut().poll(cx)
    }
}

/// Stands in for a moment; a future of no size is boxed without allocating.
struct Idle<T>(std::marker::PhantomData<T>);

impl<T> Future for Idle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        Poll::Pending
    }
}

/// Gives the block back when the future in it panics while it is dropped.
struct Reclaim<F>(*mut F);

impl<F> Drop for Reclaim<F> {
    fn drop(&mut self) {
        if std::mem::size_of::<F>() != 0 {
            // SAFETY: the block came from the global allocator with the layout of `F`, and nothing else
            // refers to it.
            unsafe { std::alloc::dealloc(self.0.cast(), Layout::new::<F>()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use std::task::Waker;

    fn run<T: 'static>(slot: &mut Recycled<T>) -> T {
        match slot.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(v) => v,
            Poll::Pending => panic!("not ready"),
        }
    }

    async fn double(v: Rc<u64>) -> u64 {
        *v * 2
    }

    #[test]
    fn storage_is_kept_for_the_same_layout_and_values_are_dropped_once() {
        let v = Rc::new(21);
        let mut slot = Recycled::new(double(v.clone()));
        let place = std::ptr::from_ref(&*slot.future).cast::<u8>();
        assert_eq!(run(&mut slot), 42);
        slot.set(double(v.clone()));
        assert_eq!(std::ptr::from_ref(&*slot.future).cast::<u8>(), place);
        assert_eq!(run(&mut slot), 42);
        slot.set(async { 1 });
        assert_eq!(run(&mut slot), 1);
        drop(slot);
        assert_eq!(Rc::strong_count(&v), 1);
    }
}
