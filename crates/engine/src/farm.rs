//! A backend's servers as a whole: who gets the next request, who waits, who is called.
//!
//! The decisions are `balance`'s; here they meet the servers' atomics under one short lock that no `.await`
//! is held across. A request that is served holds a [`Slot`]; dropping it calls the next one that waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst, fence};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use weir_balance::queue::{Place, Priority, Queues, Ticket};
use weir_balance::{Ask, Balancer, Farm as Loads, Load, Member, Plan};

use crate::clock::{self, Tick};
use crate::runtime::{Level, ProxyRuntime, ServerRuntime};

/// The servers of a backend.
#[derive(Debug)]
pub struct Farm {
    runtime: Arc<ProxyRuntime>,
    state: Mutex<State>,
    /// How many requests wait, to be looked at without the lock.
    waiting: AtomicUsize,
    /// Whether the algorithm goes by load, and must be told of it.
    wants_load: bool,
}

/// A server that may be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// Its state.
    pub(crate) runtime: Arc<ServerRuntime>,
    /// Its limits.
    pub(crate) limits: Limits,
}

/// What a `server` line limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// `minconn`; 0 for none.
    pub minconn: u32,
    /// `maxqueue`; 0 for none.
    pub maxqueue: u32,
    /// `fullconn` of the backend.
    pub fullconn: u32,
}

/// What is known of a request that asks for a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    /// The hash of its key, where the algorithm goes by one.
    pub(crate) hash: Option<u32>,
    /// The server that just failed it.
    pub(crate) avoid: Option<usize>,
    /// Its turn where it has to wait.
    pub(crate) priority: Priority,
}

/// The outcome of asking for a server.
#[derive(Debug)]
pub(crate) enum Choice {
    /// This one, now.
    Serve(Slot),
    /// All are full: wait here for the index of the one whose turn it is.
    Wait(Waiting),
    /// There is none that could ever serve it.
    NoServer,
    /// The queue of this server is full.
    QueueFull(usize),
}

/// One of a server's places, held while it serves a request.
#[derive(Debug)]
pub(crate) struct Slot {
    farm: Arc<Farm>,
    server: usize,
    runtime: Arc<ServerRuntime>,
}

/// A request in the queue. Dropping it leaves the queue.
#[derive(Debug)]
pub(crate) struct Waiting {
    farm: Arc<Farm>,
    ticket: Option<Ticket>,
    called: oneshot::Receiver<Call>,
    place: Place,
}

/// A request's turn.
#[derive(Clone, Debug)]
struct Call {
    server: usize,
    runtime: Arc<ServerRuntime>,
    passed: u32,
}

#[derive(Debug)]
struct State {
    balancer: Balancer,
    queues: Queues<oneshot::Sender<Call>>,
    /// The servers by their numbers; a number that nobody has is given to the next who comes.
    seats: Vec<Option<Seat>>,
}

/// The servers' atomics as `balance` wants to see them.
struct View<'a> {
    seats: &'a [Option<Seat>],
    runtime: &'a ProxyRuntime,
}

// === impl Farm ===

impl Farm {
    /// A farm over servers in the order of the configuration.
    pub(crate) fn new(
        plan: &Plan,
        members: Vec<Member>,
        seats: Vec<Seat>,
        runtime: Arc<ProxyRuntime>,
    ) -> Arc<Self> {
        let queues = Queues::new(seats.len());
        let balancer = Balancer::new(plan, members);
        let wants_load = balancer.wants_load();
        let seats = seats.into_iter().map(Some).collect();
        let state = Mutex::new(State { balancer, queues, seats });
        Arc::new(Self { runtime, state, waiting: AtomicUsize::new(0), wants_load })
    }

    /// Takes in a server that was not there before; its number.
    pub(crate) fn seat(&self, member: Member, seat: Seat) -> usize {
        let mut state = self.state.lock();
        let free = state.seats.iter().position(Option::is_none);
        let server = free.unwrap_or(state.seats.len());
        match state.seats.get_mut(server) {
            Some(place) => *place = Some(seat),
            None => state.seats.push(Some(seat)),
        }
        state.queues.resize(server + 1);
        state.balancer.seat(server, member);
        server
    }

    /// Takes over what a server's line says now.
    pub(crate) fn reseat(&self, server: usize, member: Member) {
        self.state.lock().balancer.seat(server, member);
    }

    /// Lets a server go, where nobody is on it or waits for it; whether it went.
    pub(crate) fn unseat(&self, server: usize) -> bool {
        let mut state = self.state.lock();
        let busy = |seat: &Seat| seat.runtime.serving.now() > 0 || seat.runtime.queued.now() > 0;
        match state.seats.get_mut(server) {
            Some(seat) if !seat.as_ref().is_some_and(busy) => *seat = None,
            _ => return false,
        }
        state.balancer.leave(server);
        true
    }

    /// Chooses a server for a new request.
    pub(crate) fn choose(self: &Arc<Self>, wish: Wish, now: Tick) -> Choice {
        let mut state = self.state.lock();
        let ask = Ask { hash: wish.hash, avoid: wish.avoid };
        if let Some(server) = state.pick(ask, &self.runtime) {
            return self.claim(&mut state, server, wish.priority, now);
        }
        if state.balancer.is_empty() {
            return Choice::NoServer;
        }
        self.wait(&mut state, Place::Backend, wish.priority, now)
    }

    /// Asks for one server, as persistence does: its own queue where it is full.
    pub(crate) fn want(self: &Arc<Self>, server: usize, priority: Priority, now: Tick) -> Choice {
        self.claim(&mut self.state.lock(), server, priority, now)
    }

    /// A server's fitness or weight has changed. How many requests left its queue for another, or were called
    /// to it.
    pub fn update(&self, server: usize) -> usize {
        let mut moved = 0;
        let mut state = self.state.lock();
        let Some(rt) = state.seat(server).map(|seat| seat.runtime.clone()) else { return 0 };
        let load = state.load(server, &self.runtime);
        state.balancer.update(server, rt.is_usable(), rt.effective(), load);
        if !rt.is_running() {
            // Those who wait for it alone are sent to choose again: their sender is dropped.
            moved += self.evict(&mut state, Place::Server(server));
        }
        if state.balancer.is_empty() {
            // So are those whom nobody could serve.
            moved += self.evict(&mut state, Place::Backend);
        }
        drop(state);
        moved + self.call_next(server)
    }

    /// How many servers take traffic now, and the sum of their weights.
    pub fn active(&self) -> (usize, u64) {
        let state = self.state.lock();
        let serving = state.balancer.members().iter().enumerate().filter(|(i, _)| state.balancer.serves(*i));
        serving.fold((0, 0), |(n, w), (_, m)| (n + 1, w + u64::from(m.effective.units())))
    }

    /// Whether a request that failed may as well go to another server: more than one is in, and no key binds
    /// it to one.
    pub(crate) fn has_choice(&self) -> bool {
        self.state.lock().balancer.has_choice()
    }

    /// Whether the balancer would give new requests to this server.
    pub fn serves(&self, server: usize) -> bool {
        self.state.lock().balancer.serves(server)
    }

    /// Whether no server is in.
    pub fn is_empty(&self) -> bool {
        self.state.lock().balancer.is_empty()
    }

    fn claim(self: &Arc<Self>, state: &mut State, server: usize, priority: Priority, now: Tick) -> Choice {
        let Some(runtime) = state.seat(server).map(|seat| seat.runtime.clone()) else {
            return Choice::NoServer;
        };
        let load = state.load(server, &self.runtime);
        if load.has_room() {
            self.occupy(&runtime);
            if self.wants_load {
                let load = state.load(server, &self.runtime);
                state.balancer.note_load(server, load);
            }
            return Choice::Serve(Slot { farm: self.clone(), server, runtime });
        }
        if !load.queue_has_room() {
            return Choice::QueueFull(server);
        }
        self.wait(state, Place::Server(server), priority, now)
    }

    fn wait(self: &Arc<Self>, state: &mut State, place: Place, priority: Priority, now: Tick) -> Choice {
        let (sender, called) = oneshot::channel();
        let ticket = state.queues.push(place, priority, now.millis(), None, sender);
        self.level(state, place).up();
        self.waiting.fetch_add(1, Relaxed);
        fence(SeqCst);
        let freed = match place {
            Place::Backend => state.pick(Ask::default(), &self.runtime),
            Place::Server(server) => {
                let load = state.load(server, &self.runtime);
                (load.limit > load.sessions).then_some(server)
            }
        };
        if let Some(server) = freed
            && let Some(runtime) = state.seat(server).map(|seat| seat.runtime.clone())
            && state.queues.len(place) == 1
            && state.queues.cancel(ticket).is_some()
        {
            self.level(state, place).down();
            self.waiting.fetch_sub(1, Relaxed);
            self.occupy(&runtime);
            return Choice::Serve(Slot { farm: self.clone(), server, runtime });
        }
        Choice::Wait(Waiting { farm: self.clone(), ticket: Some(ticket), called, place })
    }

    /// Sends away all who wait in a queue; how many they were.
    fn evict(&self, state: &mut State, place: Place) -> usize {
        let mut evicted = 0;
        while state.queues.evict(place).is_some() {
            self.level(state, place).down();
            self.waiting.fetch_sub(1, Relaxed);
            evicted += 1;
        }
        evicted
    }

    fn level<'a>(&'a self, state: &'a State, place: Place) -> &'a Level {
        match place {
            Place::Backend => &self.runtime.queued,
            Place::Server(server) => {
                state.seat(server).map_or(&self.runtime.queued, |seat| &seat.runtime.queued)
            }
        }
    }

    /// Gives free places of a server to those who wait; how many they were.
    fn call_next(&self, server: usize) -> usize {
        if self.waiting.load(Relaxed) == 0 {
            return 0;
        }
        let mut state = self.state.lock();
        let Some(runtime) = state.seat(server).map(|seat| seat.runtime.clone()) else { return 0 };
        let mut called_up = 0;
        loop {
            let load = state.load(server, &self.runtime);
            if !runtime.is_running() || (load.limit != 0 && load.sessions >= load.limit) {
                return called_up;
            }
            let from_backend = state.balancer.serves(server);
            let now = clock::now().millis();
            let Some(called) = state.queues.call(server, from_backend, now) else { return called_up };
            self.level(&state, called.place).down();
            self.waiting.fetch_sub(1, Relaxed);
            self.occupy(&runtime);
            let call = Call { server, runtime: runtime.clone(), passed: called.passed };
            if called.token.send(call).is_err() {
                self.vacate(&runtime); // It left just now.
            }
            called_up += 1;
        }
    }

    /// Takes a place at a server.
    fn occupy(&self, server: &ServerRuntime) {
        server.serving.up();
        self.runtime.served.up();
    }

    /// Gives a place back.
    fn vacate(&self, server: &ServerRuntime) {
        server.serving.down();
        self.runtime.served.down();
    }

    fn release(&self, server: usize, runtime: &ServerRuntime) {
        self.vacate(runtime);
        if self.wants_load {
            let mut state = self.state.lock();
            let load = state.load(server, &self.runtime);
            state.balancer.note_load(server, load);
        }
        if runtime.maxconn.load(Relaxed) != 0 {
            // Either we see the one who waits, or it sees the place that we freed: see `wait`.
            fence(SeqCst);
            self.call_next(server);
        }
    }
}

// === impl State ===

impl State {
    fn seat(&self, server: usize) -> Option<&Seat> {
        self.seats.get(server)?.as_ref()
    }

    fn load(&self, server: usize, runtime: &ProxyRuntime) -> Load {
        View { seats: &self.seats, runtime }.load(server)
    }

    fn pick(&mut self, ask: Ask, runtime: &ProxyRuntime) -> Option<usize> {
        self.balancer.pick(ask, &View { seats: &self.seats, runtime })
    }
}

// === impl Choice ===

impl Choice {
    /// The server that was picked, whether it has a place or not.
    pub(crate) fn server(&self) -> Option<usize> {
        match self {
            Self::Serve(slot) => Some(slot.server),
            Self::Wait(Waiting { place: Place::Server(server), .. }) | Self::QueueFull(server) => {
                Some(*server)
            }
            Self::Wait(_) | Self::NoServer => None,
        }
    }
}

// === impl Slot ===

impl Slot {
    /// The server's number in its farm.
    pub(crate) fn server(&self) -> usize {
        self.server
    }

    /// The server's state.
    pub(crate) fn runtime(&self) -> &Arc<ServerRuntime> {
        &self.runtime
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.farm.release(self.server, &self.runtime);
    }
}

// === impl Waiting ===

impl Waiting {
    /// Waits for its turn: the place it got, and how many went before it since it came; `None` where the
    /// server it waits for went away, so that it has to choose again.
    pub(crate) async fn turn(&mut self) -> Option<(Slot, u32)> {
        let call = (&mut self.called).await;
        self.ticket = None;
        let call = call.ok()?;
        Some((Slot { farm: self.farm.clone(), server: call.server, runtime: call.runtime }, call.passed))
    }

    /// Leaves the queue: how many went before it since it came, itself counted, as the log tells it.
    pub(crate) fn leave(&mut self) -> u32 {
        let Some(ticket) = self.ticket.take() else { return 0 };
        let mut state = self.farm.state.lock();
        if let Some(called) = state.queues.cancel(ticket) {
            self.farm.level(&state, self.place).down();
            self.farm.waiting.fetch_sub(1, Relaxed);
            return called.passed + 1;
        }
        drop(state);
        if let Ok(call) = self.called.try_recv() {
            // Called in this very moment: the place goes to the next.
            drop(Slot { farm: self.farm.clone(), server: call.server, runtime: call.runtime });
            return call.passed;
        }
        0
    }

    /// The server that it waits for, where it is one alone.
    pub(crate) fn server(&self) -> Option<usize> {
        match self.place {
            Place::Server(server) => Some(server),
            Place::Backend => None,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}

// === impl View ===

impl Loads for View<'_> {
    fn load(&self, server: usize) -> Load {
        let Some(Some(Seat { runtime: rt, limits })) = self.seats.get(server) else { return Load::default() };
        let maxconn = rt.maxconn.load(Relaxed);
        let maxconn = match rt.ramp() {
            Some(ramp) => ramp.limit(maxconn, clock::now().millis()),
            None => maxconn,
        };
        let limit = if limits.minconn == 0 || limits.minconn == maxconn {
            maxconn
        } else {
            let sessions = self.runtime.backend.sessions.now();
            weir_balance::maxconn::dynamic(limits.minconn, maxconn, limits.fullconn, sessions)
        };
        Load {
            sessions: rt.serving.now(),
            queued: rt.queued.now(),
            limit,
            queue_limit: limits.maxqueue,
            rate: 0,
        }
    }

    fn sessions(&self) -> u32 {
        self.runtime.served.now()
    }
}
