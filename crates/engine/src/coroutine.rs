//! A future that serves one thing after another, in storage that is allocated once.
//!
//! A future is as big as its largest state. A connection that is idle should not carry the storage of the
//! transaction it may run next, and a transaction should neither allocate nor be moved about: it runs in a
//! [`Coroutine`] that the worker lends out at the first byte and takes back at idle.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// Takes an `I`, and gives an `O` for it.
pub(crate) struct Coroutine<I, O> {
    body: Pin<Box<dyn Future<Output = Infallible>>>,
    desk: Rc<Desk<I, O>>,
}

/// Where the body of a coroutine takes what it is given, and leaves what it made of it.
pub(crate) struct Desk<I, O> {
    given: Cell<Option<I>>,
    made: Cell<Option<O>>,
}

// === impl Coroutine ===

impl<I: 'static, O: 'static> Coroutine<I, O> {
    /// One whose body takes and leaves at the desk, for ever.
    pub(crate) fn new<F>(body: impl FnOnce(Rc<Desk<I, O>>) -> F) -> Self
    where
        F: Future<Output = Infallible> + 'static,
    {
        let desk = Rc::new(Desk { given: Cell::new(None), made: Cell::new(None) });
        Self { body: Box::pin(body(desk.clone())), desk }
    }

    /// What the body makes of this. It must not be given up half-way and run again.
    pub(crate) async fn run(&mut self, given: I) -> O {
        self.desk.given.set(Some(given));
        let (body, desk) = (&mut self.body, &self.desk);
        poll_fn(|cx| match body.as_mut().poll(cx) {
            Poll::Ready(never) => match never {},
            Poll::Pending => desk.made.take().map_or(Poll::Pending, Poll::Ready),
        })
        .await
    }
}

// === impl Desk ===

impl<I, O> Desk<I, O> {
    /// The next thing that is given.
    pub(crate) async fn next(&self) -> I {
        poll_fn(|_| self.given.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Leaves what was made of it.
    pub(crate) fn leave(&self, made: O) {
        self.made.set(Some(made));
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
        std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_body_serves_one_after_the_other_and_drops_each_once() {
        let thing = Rc::new(21);
        let mut double = Coroutine::new(|desk: Rc<Desk<Rc<u64>, u64>>| async move {
            loop {
                let given = desk.next().await;
                desk.leave(*given * 2);
            }
        });
        for _ in 0..3 {
            assert_eq!(poll(double.run(thing.clone())), Poll::Ready(42));
        }
        drop(double);
        assert_eq!(Rc::strong_count(&thing), 1);
    }

    #[test]
    fn a_body_that_waits_is_not_ready() {
        let gate = Rc::new(Cell::new(false));
        let seen = gate.clone();
        let mut waiting = Coroutine::new(|desk: Rc<Desk<u64, u64>>| async move {
            loop {
                let given = desk.next().await;
                poll_fn(|_| if seen.get() { Poll::Ready(()) } else { Poll::Pending }).await;
                desk.leave(given);
            }
        });
        let mut run = std::pin::pin!(waiting.run(7));
        assert_eq!(poll(run.as_mut()), Poll::Pending);
        gate.set(true);
        assert_eq!(poll(run), Poll::Ready(7));
    }
}
