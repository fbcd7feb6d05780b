//! Lazy timers: a deadline is moved by a store and looked at when it fires.
//!
//! Each worker has one wheel, each connection one [`Timer`] for its whole life. Moving a deadline further
//! away, which every byte does, costs nothing but the store: the timer stays in the slot of its old
//! deadline and goes on to the next one when that slot comes. Only an earlier deadline moves it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use crate::clock::{self, Tick};

/// The timers of one worker.
pub(crate) struct Wheel {
    inner: RefCell<Inner>,
    /// The slot that comes next, in slot counts since the start; `u64::MAX` where all are empty.
    next: Cell<u64>,
    /// Wakes the driver when a timer is put before `next`.
    driver: RefCell<Option<Waker>>,
    /// The room for those that a turn wakes, kept from turn to turn.
    woken: Cell<Vec<Waker>>,
}

/// One deadline. It wakes the task that last asked whether it has passed.
pub(crate) struct Timer {
    wheel: Rc<Wheel>,
    key: usize,
    due: Rc<Due>,
}

/// What a timer and its entry in the wheel share.
struct Due {
    deadline: Cell<Tick>,
    /// Whether some slot looks at it; not so before the first deadline and after one was seen to pass.
    linked: Cell<bool>,
}

struct Inner {
    entries: Slab<Entry>,
    /// The first entry of each slot.
    heads: Box<[u32]>,
    /// One bit for each slot that is not empty.
    used: Box<[u64]>,
    /// All slots up to here are done.
    done: u64,
}

struct Entry {
    due: Rc<Due>,
    waker: Option<Waker>,
    /// The slot count it is linked in; `UNLINKED` where it is not.
    at: u64,
    next: u32,
    prev: u32,
}

// === impl Wheel ===

impl Wheel {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            inner: RefCell::new(Inner {
                entries: Slab::new(),
                heads: vec![NONE; SLOTS as usize].into_boxed_slice(),
                used: vec![0; SLOTS as usize / 64].into_boxed_slice(),
                done: slot_of(clock::now()),
            }),
            next: Cell::new(u64::MAX),
            driver: RefCell::new(None),
            woken: Cell::default(),
        })
    }

    /// A timer that never fires until it is set.
    pub(crate) fn timer(self: &Rc<Self>) -> Timer {
        let due = Rc::new(Due { deadline: Cell::new(Tick::NEVER), linked: Cell::new(false) });
        let entry = Entry { due: due.clone(), waker: None, at: UNLINKED, next: NONE, prev: NONE };
        let key = self.inner.borrow_mut().entries.insert(entry);
        Timer { wheel: self.clone(), key, due }
    }

    /// Wakes what has expired, for as long as the worker runs.
    pub(crate) async fn drive(self: Rc<Self>) {
        let mut sleep = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
        let mut armed = u64::MAX;
        std::future::poll_fn(|cx| {
            *self.driver.borrow_mut() = Some(cx.waker().clone());
            loop {
                // An earlier deadline may have come while it slept.
                let next = self.next.get();
                if next == u64::MAX {
                    return Poll::<()>::Pending;
                }
                let now = clock::now();
                let wait = ((next + 1) * SLOT_MICROS).saturating_sub(now.0);
                if wait == 0 {
                    self.turn(now);
                    continue;
                }
                if armed != next {
                    armed = next;
                    sleep.as_mut().reset(Instant::now() + Duration::from_micros(wait));
                }
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                armed = u64::MAX;
                clock::refresh();
            }
        })
        .await;
    }

    /// Wakes every task that waits for a deadline, so that it looks around.
    pub(crate) fn wake_all(&self) {
        let woken: Vec<Waker> =
            self.inner.borrow().entries.iter().filter_map(|(_, e)| e.waker.clone()).collect();
        for w in woken {
            w.wake();
        }
    }

    /// Goes through all slots up to `now`: wakes what has expired, links anew what was moved.
    fn turn(&self, now: Tick) {
        let mut woken = self.woken.take();
        let mut inner = self.inner.borrow_mut();
        let upto = slot_of(now);
        while let Some(slot) = inner.first_used().filter(|s| *s < upto) {
            inner.fire(slot, now, &mut woken);
        }
        inner.done = inner.done.max(upto);
        self.next.set(inner.first_used().unwrap_or(u64::MAX));
        drop(inner);
        for w in woken.drain(..) {
            w.wake();
        }
        woken.shrink_to(KEPT_WOKEN);
        self.woken.set(woken);
    }

    fn link(&self, key: usize, deadline: Tick) {
        let mut inner = self.inner.borrow_mut();
        let slot = inner.slot_for(deadline);
        let Some(entry) = inner.entries.get(key) else { return };
        if entry.at <= slot {
            return; // It is looked at in time: lazy.
        }
        inner.unlink(key);
        inner.link(key, slot);
        if slot < self.next.get() {
            self.next.set(slot);
            drop(inner);
            if let Some(w) = self.driver.borrow_mut().take() {
                w.wake();
            }
        }
    }
}

// === impl Timer ===

impl Timer {
    /// Moves the deadline.
    pub(crate) fn set(&self, deadline: Tick) {
        let old = self.due.deadline.replace(deadline);
        if deadline < old || (!self.due.linked.get() && deadline != Tick::NEVER) {
            self.wheel.link(self.key, deadline);
        }
    }

    /// Whether the deadline has passed. Where it has not, the task of `cx` is woken when it does.
    pub(crate) fn poll_expired(&self, cx: &mut Context<'_>) -> bool {
        if clock::now() >= self.due.deadline.get() {
            return true;
        }
        let mut inner = self.wheel.inner.borrow_mut();
        if let Some(entry) = inner.entries.get_mut(self.key) {
            match &entry.waker {
                Some(w) if w.will_wake(cx.waker()) => {}
                _ => entry.waker = Some(cx.waker().clone()),
            }
        }
        false
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut inner = self.wheel.inner.borrow_mut();
        inner.unlink(self.key);
        inner.entries.try_remove(self.key);
    }
}

// === impl Inner ===

impl Inner {
    /// The slot in which a deadline is looked at: its own, or the last one of the wheel's turn.
    fn slot_for(&self, deadline: Tick) -> u64 {
        slot_of(deadline).clamp(self.done, self.done + SLOTS - 1)
    }

    fn link(&mut self, key: usize, slot: u64) {
        let place = (slot % SLOTS) as usize;
        let Some(head) = self.heads.get_mut(place) else { return };
        let first = std::mem::replace(head, key as u32);
        if let Some(bits) = self.used.get_mut(place / 64) {
            *bits |= 1 << (place % 64);
        }
        if let Some(e) = self.entries.get_mut(first as usize) {
            e.prev = key as u32;
        }
        if let Some(e) = self.entries.get_mut(key) {
            (e.at, e.next, e.prev) = (slot, first, NONE);
            e.due.linked.set(true);
        }
    }

    fn unlink(&mut self, key: usize) {
        let Some(e) = self.entries.get_mut(key) else { return };
        if e.at == UNLINKED {
            return;
        }
        let (at, next, prev) = (e.at, e.next, e.prev);
        (e.at, e.next, e.prev) = (UNLINKED, NONE, NONE);
        e.due.linked.set(false);
        if let Some(e) = self.entries.get_mut(next as usize) {
            e.prev = prev;
        }
        if let Some(e) = self.entries.get_mut(prev as usize) {
            e.next = next;
            return;
        }
        let place = (at % SLOTS) as usize;
        if let Some(head) = self.heads.get_mut(place) {
            *head = next;
        }
        if next == NONE
            && let Some(bits) = self.used.get_mut(place / 64)
        {
            *bits &= !(1 << (place % 64));
        }
    }

    /// The first slot from `done` on that is not empty.
    fn first_used(&self) -> Option<u64> {
        let start = self.done % SLOTS;
        let words = self.used.len() as u64;
        for i in 0..=words {
            let word = (start / 64 + i) % words;
            let mut bits = self.used.get(word as usize).copied().unwrap_or(0);
            if i == 0 {
                bits &= u64::MAX << (start % 64);
            } else if i == words {
                bits &= !(u64::MAX << (start % 64));
            }
            if bits != 0 {
                let place = word * 64 + u64::from(bits.trailing_zeros());
                return Some(self.done + (place + SLOTS - start) % SLOTS);
            }
        }
        None
    }

    /// Empties a slot: an entry that has expired wakes its task, another goes to the slot of its deadline.
    fn fire(&mut self, slot: u64, now: Tick, woken: &mut Vec<Waker>) {
        self.done = self.done.max(slot + 1);
        let mut key = self.heads.get((slot % SLOTS) as usize).copied().unwrap_or(NONE);
        while key != NONE {
            let Some(e) = self.entries.get_mut(key as usize) else { break };
            let (next, deadline) = (e.next, e.due.deadline.get());
            let due = if deadline <= now { e.waker.take() } else { None };
            self.unlink(key as usize);
            if deadline > now && deadline != Tick::NEVER {
                let slot = self.slot_for(deadline);
                self.link(key as usize, slot);
            }
            woken.extend(due);
            key = next;
        }
    }
}

fn slot_of(t: Tick) -> u64 {
    t.0 / SLOT_MICROS
}

/// A deadline is seen at most this much late.
const SLOT_MICROS: u64 = 4000;
/// One turn of the wheel is half a minute; what is further away is looked at once a turn.
const SLOTS: u64 = 8192;
/// The room for woken tasks that a turn leaves to the next.
const KEPT_WOKEN: usize = 64;
const NONE: u32 = u32::MAX;
const UNLINKED: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    struct Count(AtomicU32);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    proptest! {
        #[test]
        fn a_timer_wakes_its_task_once_its_last_deadline_has_passed(
            moves in prop::collection::vec((0u64..200_000_000, 0u64..50_000_000), 1..20)
        ) {
            let wheel = Wheel::new();
            let start = clock::now().0;
            let timer = wheel.timer();
            let count = Arc::new(Count(AtomicU32::new(0)));
            let waker = Waker::from(count.clone());
            let mut at = start;
            for (deadline, step) in moves {
                let deadline = Tick(at + deadline);
                timer.set(deadline);
                wheel.inner.borrow_mut().entries.get_mut(timer.key).unwrap().waker = Some(waker.clone());
                let before = count.0.load(Ordering::Relaxed);
                at += step;
                let mut t = at - step;
                while t < at {
                    t = (t + 7_000_000).min(at);
                    wheel.turn(Tick(t));
                }
                let fired = count.0.load(Ordering::Relaxed) > before;
                if deadline.0 + SLOT_MICROS <= at {
                    prop_assert!(fired, "deadline {} not seen at {}", deadline.0, at);
                }
                if deadline.0 > at {
                    prop_assert!(!fired);
                }
            }
        }
    }

    #[test]
    fn an_earlier_deadline_cuts_the_sleep_for_a_later_one_short() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build_local(Default::default());
        runtime.unwrap().block_on(async {
            let wheel = Wheel::new();
            tokio::task::spawn_local(wheel.clone().drive());
            let (late, early) = (wheel.timer(), wheel.timer());
            clock::refresh();
            late.set(clock::now().after(Some(Duration::from_secs(60))));
            tokio::time::sleep(Duration::from_millis(5)).await;
            clock::refresh();
            early.set(clock::now().after(Some(Duration::from_millis(20))));
            let fired = std::future::poll_fn(|cx| {
                clock::refresh();
                if early.poll_expired(cx) { Poll::Ready(()) } else { Poll::Pending }
            });
            tokio::time::timeout(Duration::from_secs(10), fired).await.unwrap();
        });
    }

    #[test]
    fn dropped_timers_leave_the_wheel_empty() {
        let wheel = Wheel::new();
        let timers: Vec<_> = (0..100).map(|_| wheel.timer()).collect();
        for (i, t) in timers.iter().enumerate() {
            t.set(Tick(clock::now().0 + i as u64 * 10_000));
        }
        assert!(wheel.inner.borrow().first_used().is_some());
        drop(timers);
        assert_eq!(wheel.inner.borrow().first_used(), None);
    }
}
