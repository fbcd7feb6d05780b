//! A worker's lines on their way out: written into storage that is kept, sent in batches at the end of a turn.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Poll, Waker};

use weir_expr::Scratch;
use weir_wire::syslog::{Line, Stamp};

use super::channel::Channel;
use super::destination::Destination;
use super::plan::Target;
use crate::runtime::Runtime;

/// The lines of one worker that have not left yet.
pub(crate) struct Ring {
    queues: RefCell<Vec<Queue>>,
    waker: RefCell<Option<Waker>>,
    /// The sending task was woken and has not run yet.
    woken: Cell<bool>,
    stamp: Cell<Stamp>,
    offset: Cell<(i64, i32)>,
    /// Storage for one line while it is made.
    pub(super) draft: RefCell<Draft>,
    runtime: Arc<Runtime>,
}

/// Storage for a line.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) text: Vec<u8>,
    pub(super) structured: Vec<u8>,
    pub(super) scratch: Scratch,
}

/// What the lines of a second begin with that one target is sent at one level.
#[derive(Default)]
struct Opening {
    /// The target's number, the level and the second.
    of: Option<(u64, super::Level, i64)>,
    bytes: Vec<u8>,
    /// They are the same for all lines.
    holds: bool,
}

/// What waits for one destination.
#[derive(Default)]
struct Queue {
    opening: Opening,
    destination: Option<Arc<Destination>>,
    channel: Option<Channel>,
    bytes: Vec<u8>,
    /// Where each line ends in `bytes`.
    ends: Vec<usize>,
    /// The hashes of the lines, where they go by them.
    hashes: Vec<Option<u32>>,
}

// === impl Ring ===

impl Ring {
    pub(crate) fn new(runtime: Arc<Runtime>) -> Rc<Self> {
        Rc::new(Self {
            queues: RefCell::default(),
            waker: RefCell::default(),
            woken: Cell::new(false),
            stamp: Cell::new(Stamp::new(0, 0)),
            offset: Cell::new((i64::MIN, 0)),
            draft: RefCell::default(),
            runtime,
        })
    }

    /// Sends what was written, once a turn, for as long as the worker lives.
    pub(crate) async fn drive(self: Rc<Self>) {
        poll_fn(|cx| {
            let mut waker = self.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
            self.woken.set(false);
            self.flush();
            Poll::<()>::Pending
        })
        .await;
    }

    /// Sends all that waits.
    pub(crate) fn flush(&self) {
        let mut dropped = 0;
        for queue in self.queues.borrow_mut().iter_mut() {
            dropped += queue.send();
        }
        if dropped > 0 {
            self.runtime.process.dropped_logs.fetch_add(dropped, Relaxed);
        }
    }

    /// Adds a line for a target that `write` makes, given the time.
    pub(super) fn push_made(&self, target: &Target, wall: u64, write: impl FnOnce(&Stamp, &mut Vec<u8>)) {
        let stamp = self.stamp_of((wall / 1_000_000) as i64);
        self.queued(target, |queue| write(&stamp, &mut queue.bytes), b"");
    }

    /// The second of a line.
    fn stamp_of(&self, second: i64) -> Stamp {
        let mut stamp = self.stamp.get();
        if stamp.second() != second {
            stamp = Stamp::new(second, self.utc_offset(second));
            self.stamp.set(stamp);
        }
        stamp
    }

    /// Adds a line for a target; `wall` in µs since 1970, `tag` in the place of the target's.
    pub(super) fn push(
        &self,
        target: &Target,
        wall: u64,
        level: super::Level,
        text: &[u8],
        structured: &[u8],
        tag: Option<&[u8]>,
    ) {
        let stamp = self.stamp_of((wall / 1_000_000) as i64);
        let write = |queue: &mut Queue| {
            queue.opening.make(target, level, &stamp);
            match queue.opening.bytes() {
                Some(opening) if tag.is_none() => {
                    target.header.write_behind(opening, text, &mut queue.bytes);
                }
                _ => {
                    let micros = (wall % 1_000_000) as u32;
                    let line = Line { level, stamp: &stamp, micros, structured, message: text, tag };
                    target.header.write(&mut queue.bytes, line);
                }
            }
        };
        self.queued(target, write, text);
    }

    /// Adds what `write` makes to the queue of a target, and has it sent.
    fn queued(&self, target: &Target, write: impl FnOnce(&mut Queue), text: &[u8]) {
        let mut queues = self.queues.borrow_mut();
        let index = target.destination.index;
        if queues.len() <= index {
            queues.resize_with(index + 1, Queue::default);
        }
        let Some(queue) = queues.get_mut(index) else { return };
        if queue.destination.is_none() {
            queue.destination = Some(target.destination.clone());
            queue.bytes.reserve(ROOM);
            queue.ends.reserve(BATCH);
        }
        write(queue);
        queue.ends.push(queue.bytes.len());
        if let Some(balanced) = target.destination.balanced() {
            queue.hashes.push(balanced.hash(text, &Scratch::new()));
        }
        let full = queue.ends.len() >= BATCH || queue.bytes.len() >= BYTES;
        drop(queues);
        if full {
            self.flush();
        } else if !self.woken.replace(true)
            && let Some(waker) = self.waker.borrow().as_ref()
        {
            waker.wake_by_ref();
        }
    }

    /// Seconds that local time is ahead of UTC. Zones change on quarters of an hour, so that the C library is
    /// asked as seldom.
    pub(crate) fn utc_offset(&self, second: i64) -> i32 {
        let quarter = second.div_euclid(900);
        let (known, offset) = self.offset.get();
        if known == quarter {
            return offset;
        }
        let offset = weir_sys::time::local_offset(second);
        self.offset.set((quarter, offset));
        offset
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.flush();
    }
}

// === impl Opening ===

impl Opening {
    /// Makes it that of this target, unless it is already.
    fn make(&mut self, target: &Target, level: super::Level, stamp: &Stamp) {
        let of = Some((target.id, level, stamp.second()));
        if self.of != of {
            self.of = of;
            self.bytes.clear();
            self.holds = target.header.opening(level, stamp, &mut self.bytes);
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.holds.then_some(&self.bytes)
    }
}

// === impl Queue ===

impl Queue {
    /// Sends all lines; how many were dropped.
    fn send(&mut self) -> u64 {
        let Some(destination) = self.destination.as_ref().filter(|_| !self.ends.is_empty()) else { return 0 };
        let channel = self.channel.get_or_insert_with(|| destination.open());
        let balanced = destination.balanced();
        let mut hashes = self.hashes.chunks(BATCH);
        let mut lines = [EMPTY; BATCH];
        let (mut start, mut dropped) = (0, 0);
        for ends in self.ends.chunks(BATCH) {
            for (line, &end) in lines.iter_mut().zip(ends) {
                *line = self.bytes.get(start..end).unwrap_or_default();
                start = end;
            }
            let lines = lines.get(..ends.len()).unwrap_or_default();
            dropped += channel.send_by(balanced.as_deref(), lines, hashes.next().unwrap_or_default());
        }
        self.bytes.clear();
        self.ends.clear();
        self.hashes.clear();
        dropped
    }
}

const EMPTY: &[u8] = &[];
/// Room for lines, so that the usual turn asks for none.
const ROOM: usize = 16 * 1024;
/// Lines that leave before the turn is over.
const BATCH: usize = 256;
/// The same in bytes.
const BYTES: usize = 256 * 1024;
