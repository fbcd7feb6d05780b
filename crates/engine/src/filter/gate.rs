//! What stands in the way of a transaction's bodies: in each direction a gate, which says how much may pass now.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use weir_table::{Data, Rate, Table, Tracked};

use super::{Filter, Trace};
use crate::clock;
use crate::scope;
use crate::tables;
use crate::timer::Timer;
use crate::worker::Worker;

/// The gates of a transaction.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// Towards the server.
    pub(crate) up: Option<Rc<Gate>>,
    /// Towards the client.
    pub(crate) down: Option<Rc<Gate>>,
}

/// All filters in one direction.
pub(crate) struct Gate {
    timer: Timer,
    throttles: RefCell<Vec<Throttle>>,
    /// Something is held back now.
    closed: Cell<bool>,
}

/// One filter at work.
#[derive(Debug)]
struct Throttle {
    /// Which one, by where its declaration lies.
    of: *const (),
    min_size: usize,
    meter: Meter,
}

/// What a limit is measured by.
#[derive(Debug)]
pub(crate) enum Meter {
    /// The bytes of this transaction, so many per period of milliseconds.
    Own { bytes: u32, period: u32, rate: Rate },
    /// Those of all who share the entry of a table.
    Shared(Shared),
    /// Nothing: it is told what passes of which message, and how far that is.
    Told { trace: Arc<Trace>, channel: &'static str, offset: u64 },
}

/// An entry of a table that is shared by all who have its key.
#[derive(Debug)]
pub(crate) struct Shared {
    table: Arc<Table>,
    row: Option<Tracked>,
    data: Data,
    bytes: u64,
    period: u64,
}

/// How much may pass, or in how many milliseconds something may.
enum Allowance {
    Bytes(usize),
    Wait(u64),
}

// === impl Chain ===

impl Chain {
    /// Has the filters of a proxy take part that always do.
    pub(crate) fn attach(&mut self, worker: &Rc<Worker>, filters: &[Filter], kind: &str) {
        for filter in filters {
            let Filter::Trace(trace) = filter else { continue };
            trace.tell("trace_attach", format_args!("filter-type={kind}"));
            for (outgoing, channel) in [(false, "REQUEST"), (true, "RESPONSE")] {
                let meter = Meter::Told { trace: trace.clone(), channel, offset: 0 };
                self.put(worker, Arc::as_ptr(trace).cast(), outgoing, 0, meter);
            }
        }
    }

    /// Has a filter take part from now on, in the place of what it did before.
    pub(crate) fn put(
        &mut self,
        worker: &Rc<Worker>,
        of: *const (),
        outgoing: bool,
        min_size: usize,
        meter: Meter,
    ) {
        let gate = if outgoing { &mut self.down } else { &mut self.up };
        let gate = gate.get_or_insert_with(|| Rc::new(Gate::new(worker)));
        let mut throttles = gate.throttles.borrow_mut();
        throttles.retain(|t| t.of != of);
        throttles.push(Throttle { of, min_size, meter });
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        (self.up, self.down) = (None, None);
    }
}

// === impl Gate ===

impl Gate {
    fn new(worker: &Rc<Worker>) -> Self {
        Self { timer: worker.wheel.timer(), throttles: RefCell::default(), closed: Cell::new(false) }
    }

    /// Whether something is held back: nobody is to blame for the silence.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// How many of `len` bytes may pass; ready when at least one may.
    pub(crate) fn poll_allowed(&self, cx: &mut Context<'_>, len: usize) -> Poll<usize> {
        let mut allowed = len;
        let mut throttles = self.throttles.borrow_mut();
        for throttle in throttles.iter_mut() {
            match throttle.meter.allowance(allowed, throttle.min_size) {
                Allowance::Bytes(n) => allowed = n,
                Allowance::Wait(millis) => {
                    self.closed.set(true);
                    self.timer.set(clock::now().after(Some(Duration::from_millis(millis.max(1)))));
                    if self.timer.poll_expired(cx) {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
            }
        }
        self.closed.set(false);
        Poll::Ready(allowed)
    }

    /// These bytes have passed.
    pub(crate) fn passed(&self, data: &[u8]) {
        self.throttles.borrow_mut().iter_mut().for_each(|t| t.meter.passed(data));
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("throttles", &self.throttles).finish_non_exhaustive()
    }
}

// === impl Meter ===

impl Meter {
    fn allowance(&mut self, len: usize, min_size: usize) -> Allowance {
        match self {
            Self::Own { bytes, period, rate } => {
                let now = tables::now() as u32;
                rate.add(0, *period, now); // Begins a new period where one is over.
                let left = bytes.saturating_sub(rate.read(*period, now));
                let least = least(*bytes, *period, min_size).min(len);
                if left as usize >= least && left > 0 {
                    return Allowance::Bytes(len.min(left as usize));
                }
                // What was sent in the period before fades evenly; of what was sent in this one, nothing yet.
                let over = rate.start.wrapping_add(*period).wrapping_sub(now).min(*period);
                let missing = (least as u64).saturating_sub(left.into()).max(1);
                Allowance::Wait(match rate.previous {
                    0 => over.into(),
                    previous => (missing * u64::from(*period)).div_ceil(previous.into()).min(over.into()),
                })
            }
            Self::Shared(shared) => shared.allowance(len, min_size),
            Self::Told { trace, .. } => {
                let most = if trace.largest > 0 { trace.largest.min(len) } else { len };
                let some = 1 + scope::random() as usize % most.max(1);
                Allowance::Bytes(if trace.random { some } else { most })
            }
        }
    }

    fn passed(&mut self, data: &[u8]) {
        let n = data.len();
        match self {
            Self::Own { period, rate, .. } => {
                rate.add(u32::try_from(n).unwrap_or(u32::MAX), *period, tables::now() as u32);
            }
            Self::Shared(shared) => shared.passed(n),
            Self::Told { trace, channel, offset } => {
                let what = format_args!("channel={channel:<10} - offset={offset} - len={n} - forward={n}");
                trace.tell("trace_payload", what);
                trace.dump(data);
                *offset += n as u64;
            }
        }
    }
}

/// The smallest piece that is worth a turn.
fn least(bytes: u32, period: u32, min_size: usize) -> usize {
    let turn = u64::from(bytes) * TURN / u64::from(period.max(1));
    (turn as usize).max(min_size).max(1).min(bytes as usize)
}

// === impl Shared ===

impl Shared {
    /// Holds the entry of this key. `None` where the table is full or does not count such bytes.
    pub(crate) fn hold(table: &Arc<Table>, key: &[u8], data: Data, bytes: u32) -> Option<Self> {
        let (column, _) = table.spec().schema.find(data, 0)?;
        let period = u64::from(column.period);
        let row = table.track(key, tables::now(), |_| {}).ok()?;
        Some(Self { table: table.clone(), row: Some(row), data, bytes: bytes.into(), period })
    }

    fn allowance(&self, len: usize, min_size: usize) -> Allowance {
        let factor = u64::from(self.table.spec().byte_rate_factor);
        let seen = self.row.as_ref().and_then(|row| {
            self.table.peek(row, tables::now(), |row| {
                (row.value(self.data, 0).unwrap_or(0).saturating_mul(factor), u64::from(row.users()))
            })
        });
        let Some((rate, users)) = seen else { return Allowance::Bytes(len) };
        // All who share the entry get as much.
        let left = self.bytes.saturating_sub(rate).div_ceil(users.max(1));
        let share = u32::try_from(self.bytes / users.max(1)).unwrap_or(u32::MAX).max(1);
        let least = least(share, self.period as u32, min_size).min(len);
        if left >= least as u64 && left > 0 {
            return Allowance::Bytes(len.min(usize::try_from(left).unwrap_or(usize::MAX)));
        }
        let wait = (least as u64) * self.period / u64::from(share);
        Allowance::Wait(wait.clamp(TURN, LONGEST_REST))
    }

    fn passed(&self, n: usize) {
        let factor = u64::from(self.table.spec().byte_rate_factor);
        if let Some(row) = &self.row {
            self.table.tracked(row, tables::now(), |row| row.add(self.data, 0, (n as u64).div_ceil(factor)));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(row) = self.row.take() {
            self.table.release(row, tables::now(), |_| {});
        }
    }
}

/// Milliseconds between two pieces, at least; and the longest rest before a shared limit is looked at again.
const TURN: u64 = 5;
const LONGEST_REST: u64 = 100;
