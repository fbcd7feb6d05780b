//! Requests that wait for a server: one queue per server and one for the backend.
//!
//! A request waits in the backend's queue where every server is full, or in a server's where
//! persistence or a hash ties it to one. A server with a free slot takes the request of the lowest
//! class, then of the earliest time, from its own queue and the backend's together. The engine
//! keeps one [`Queues`] per backend under a short lock and wakes the tasks whose tokens come out.

use std::collections::BTreeMap;

/// All queues of one backend; `T` is what wakes the one who waits.
#[derive(Clone, Debug)]
pub struct Queues<T> {
    backend: Queue<T>,
    servers: Vec<Queue<T>>,
    /// By deadline, where a ticket stands.
    deadlines: BTreeMap<(u64, u64), Ticket>,
    arrivals: u64,
}

/// Where a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// For any server.
    Backend,
    /// For this one.
    Server(usize),
}

/// `set-priority-class` and `set-priority-offset` (manual "4.2").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priority {
    /// -2047 to 2047; lower goes first, whatever the time.
    pub class: i16,
    /// Milliseconds that a request seems to have come later (or, below 0, earlier).
    pub offset: i32,
}

/// A place in a queue; give it back to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    place: Place,
    order: Order,
    deadline: Option<u64>,
}

/// A request that has left the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called<T> {
    /// What wakes it.
    pub token: T,
    /// Where it waited.
    pub place: Place,
    /// Requests that left the same queue for a server while it waited, itself included: the queue
    /// fields of the log (`sq`, `bq`).
    pub passed: u32,
}

#[derive(Clone, Debug)]
struct Queue<T> {
    waiting: BTreeMap<Order, Waiter<T>>,
    /// Requests that have left for a server so far.
    called: u32,
}

#[derive(Clone, Debug)]
struct Waiter<T> {
    token: T,
    called_before: u32,
    deadline: Option<u64>,
}

/// The order of service: class, time with offset, arrival. Times go round ([`WINDOW`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    class: i16,
    time: u64,
    arrival: u64,
}

// === impl Queues ===

impl<T> Queues<T> {
    /// Empty queues for that many servers.
    pub fn new(servers: usize) -> Self {
        Self {
            backend: Queue::new(),
            servers: (0..servers).map(|_| Queue::new()).collect(),
            deadlines: BTreeMap::new(),
            arrivals: 0,
        }
    }

    /// Makes room for servers added at run time.
    pub fn resize(&mut self, servers: usize) {
        while self.servers.len() < servers {
            self.servers.push(Queue::new());
        }
    }

    /// Puts a request to wait. `deadline` is the end of `timeout queue`; `None` waits for ever.
    pub fn push(
        &mut self,
        place: Place,
        priority: Priority,
        now: u64,
        deadline: Option<u64>,
        token: T,
    ) -> Ticket {
        self.arrivals += 1;
        let time = now.wrapping_add_signed(priority.offset.into()) % WINDOW;
        let order = Order { class: priority.class, time, arrival: self.arrivals };
        let ticket = Ticket { place, order, deadline };
        if let Place::Server(server) = place {
            self.resize(server + 1);
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, order.arrival), ticket);
        }
        if let Some(queue) = self.queue_mut(place) {
            let called_before = queue.called;
            queue.waiting.insert(order, Waiter { token, called_before, deadline });
        }
        ticket
    }

    /// Takes back a ticket: the client left, or waits no longer. `None` where it was called
    /// meanwhile.
    pub fn cancel(&mut self, ticket: Ticket) -> Option<Called<T>> {
        self.take(ticket, false)
    }

    /// The request that a free slot of `server` goes to. With `from_backend` false only its own
    /// queue is looked at, as when the server is draining, or a backup whose turn it is not.
    pub fn call(&mut self, server: usize, from_backend: bool, now: u64) -> Option<Called<T>> {
        let own = self.servers.get(server).and_then(|queue| queue.first(now));
        let common = if from_backend { self.backend.first(now) } else { None };
        let (place, order) = match (own, common) {
            (Some(own), Some(common)) if common.seen(now) < own.seen(now) => (Place::Backend, common),
            (Some(own), _) => (Place::Server(server), own),
            (None, Some(common)) => (Place::Backend, common),
            (None, None) => return None,
        };
        let deadline = self.queue(place)?.waiting.get(&order)?.deadline;
        self.take(Ticket { place, order, deadline }, true)
    }

    /// A request whose deadline has come (`sQ`); call until `None`.
    pub fn expire(&mut self, now: u64) -> Option<Called<T>> {
        let ((deadline, _), ticket) = self.deadlines.first_key_value()?;
        if *deadline > now {
            return None;
        }
        let ticket = *ticket;
        self.take(ticket, false)
    }

    /// The next deadline, for a timer.
    pub fn next_deadline(&self) -> Option<u64> {
        self.deadlines.first_key_value().map(|((deadline, _), _)| *deadline)
    }

    /// The first request of a queue that nobody serves any more, to choose again; call until `None`.
    pub fn evict(&mut self, place: Place) -> Option<Called<T>> {
        let order = *self.queue(place)?.waiting.first_key_value()?.0;
        let deadline = self.queue(place)?.waiting.get(&order)?.deadline;
        self.take(Ticket { place, order, deadline }, false)
    }

    /// Requests that wait in one queue.
    pub fn len(&self, place: Place) -> usize {
        self.queue(place).map_or(0, |queue| queue.waiting.len())
    }

    /// Requests that wait anywhere.
    pub fn total(&self) -> usize {
        self.backend.waiting.len() + self.servers.iter().map(|queue| queue.waiting.len()).sum::<usize>()
    }

    fn take(&mut self, ticket: Ticket, called: bool) -> Option<Called<T>> {
        let queue = self.queue_mut(ticket.place)?;
        let waiter = queue.waiting.remove(&ticket.order)?;
        queue.called = queue.called.wrapping_add(u32::from(called));
        let passed = queue.called.wrapping_sub(waiter.called_before);
        if let Some(deadline) = waiter.deadline {
            self.deadlines.remove(&(deadline, ticket.order.arrival));
        }
        Some(Called { token: waiter.token, place: ticket.place, passed })
    }

    fn queue(&self, place: Place) -> Option<&Queue<T>> {
        match place {
            Place::Backend => Some(&self.backend),
            Place::Server(server) => self.servers.get(server),
        }
    }

    fn queue_mut(&mut self, place: Place) -> Option<&mut Queue<T>> {
        match place {
            Place::Backend => Some(&mut self.backend),
            Place::Server(server) => self.servers.get_mut(server),
        }
    }
}

// === impl Queue ===

impl<T> Queue<T> {
    fn new() -> Self {
        Self { waiting: BTreeMap::new(), called: 0 }
    }

    /// Who is next: of the lowest class the earliest.
    fn first(&self, now: u64) -> Option<Order> {
        let (lowest, _) = self.waiting.first_key_value()?;
        let earliest = Order { class: lowest.class, time: earliest(now), arrival: 0 };
        let next = self.waiting.range(earliest..).map(|(order, _)| order).next();
        Some(*next.filter(|next| next.class == lowest.class).unwrap_or(lowest))
    }
}

// === impl Order ===

impl Order {
    /// The order with its time unrolled.
    fn seen(self, now: u64) -> Self {
        Self { time: self.time.wrapping_sub(earliest(now)) % WINDOW, ..self }
    }
}

/// The earliest time that counts as past.
fn earliest(now: u64) -> u64 {
    now.wrapping_sub(WINDOW / 2) % WINDOW
}

/// The milliseconds in which times go round: what seems to be past for more than half of it is in the future. So an
/// offset of nearly that much sends a request to the front for a moment, and to the back after it.
const WINDOW: u64 = 1 << 20;

#[cfg(test)]
mod tests;
