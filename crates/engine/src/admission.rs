//! What counts a client connection against the limits, from before it is accepted until it ends.
//!
//! Room is made sure of first and a connection is taken then: workers that accept at the same time never exceed a
//! limit together, and a connection that travels to another worker keeps its place.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::fence;

use weir_tls::counts::Open;

use crate::action::RuleSet;
use crate::clock;
use crate::listener::Listener;
use crate::runtime::{Process, ProxyRuntime, Runtime, Side};
use crate::trace;
use crate::worker::Worker;

/// Where the connections of a listener count, and how many there may be.
pub(crate) struct Counted {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) frontend: Arc<ProxyRuntime>,
    /// The `bind` line.
    pub(crate) listener: Arc<Side>,
    /// `maxconn` of the frontend, unless an operator set another.
    pub(crate) maxconn: u32,
    /// `maxconn` of the `bind` line; 0 for any number.
    pub(crate) listener_maxconn: u32,
}

/// Room for one connection that may come.
pub(crate) struct Vacancy<'a>(&'a Counted);

/// The place of a connection; who waits for room hears when it is given back.
pub(crate) struct Place {
    runtime: Arc<Runtime>,
    frontend: Arc<ProxyRuntime>,
    listener: Arc<Side>,
    worker: usize,
}

/// A connection that is served.
pub(crate) struct Admission {
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    /// What tells its session from all others.
    number: usize,
    _tls: Option<Open>,
    _place: Place,
}

// === impl Counted ===

impl Counted {
    /// Whether one more connection would be within the limits.
    pub(crate) fn has_room(&self) -> bool {
        let below = |n: u32, limit: u32| limit == 0 || n < limit;
        below(self.process().connections.load(Relaxed), self.process().maxconn.load(Relaxed))
            && below(self.frontend.frontend.sessions.now(), self.frontend_limit())
            && below(self.listener.sessions.now(), self.listener_maxconn)
    }

    /// Room for one more connection, where the limits leave any.
    pub(crate) fn room(&self) -> Option<Vacancy<'_>> {
        let process = self.process();
        let limit = process.maxconn.load(Relaxed);
        if process.connections.fetch_add(1, Relaxed) >= limit && limit > 0 {
            process.connections.fetch_sub(1, Relaxed);
            return None;
        }
        if !self.frontend.frontend.sessions.reserve(self.frontend_limit()) {
            process.connections.fetch_sub(1, Relaxed);
            return None;
        }
        if !self.listener.sessions.reserve(self.listener_maxconn) {
            process.connections.fetch_sub(1, Relaxed);
            self.frontend.frontend.sessions.down();
            return None;
        }
        Some(Vacancy(self))
    }

    /// Room for a connection that was promised one, whatever the limits say.
    pub(crate) fn room_beyond_limits(&self) -> Vacancy<'_> {
        self.process().connections.fetch_add(1, Relaxed);
        self.frontend.frontend.sessions.reserve(0);
        self.listener.sessions.reserve(0);
        Vacancy(self)
    }

    fn frontend_limit(&self) -> u32 {
        match self.frontend.frontend.maxconn.load(Relaxed) {
            0 => self.maxconn,
            set => set,
        }
    }

    fn process(&self) -> &Process {
        &self.runtime.process
    }
}

// === impl Vacancy ===

impl Vacancy<'_> {
    /// Fills it with a connection that `worker` is to serve.
    pub(crate) fn fill(self, worker: usize) -> Place {
        let of = self.0;
        std::mem::forget(self);
        let process = of.process();
        let now = process.connections.load(Relaxed);
        if now > process.highest_connections.load(Relaxed) {
            process.highest_connections.fetch_max(now, Relaxed);
        }
        process.jobs.fetch_add(1, Relaxed);
        if let Some(load) = process.load(worker) {
            load.fetch_add(1, Relaxed);
        }
        of.frontend.frontend.sessions.settled();
        of.listener.sessions.settled();
        Place {
            runtime: of.runtime.clone(),
            frontend: of.frontend.clone(),
            listener: of.listener.clone(),
            worker,
        }
    }
}

impl Drop for Vacancy<'_> {
    fn drop(&mut self) {
        leave(&self.0.runtime, &self.0.frontend, &self.0.listener);
    }
}

// === impl Place ===

impl Drop for Place {
    fn drop(&mut self) {
        let process = &self.runtime.process;
        process.jobs.fetch_sub(1, Relaxed);
        if let Some(load) = process.load(self.worker) {
            load.fetch_sub(1, Relaxed);
        }
        leave(&self.runtime, &self.frontend, &self.listener);
    }
}

// === impl Admission ===

impl Admission {
    /// Counts a connection that came over `listener`.
    pub(crate) fn new(worker: &Rc<Worker>, listener: &Rc<Listener>, place: Place) -> Self {
        let now = clock::now();
        for counters in std::iter::once(listener.proxy.front()).chain(listener.own()) {
            counters.connections.add(1);
            counters.connection_rate.count(now);
        }
        let rules = &listener.proxy.conf().rules;
        let ruled = !rules.is_empty(RuleSet::TcpConnection) || !rules.is_empty(RuleSet::TcpSession);
        let mut number = worker.id;
        if let Some(all) = worker.process() {
            all.connections.add(1);
            all.connection_rate.count(now);
            all.session_rate.count(now);
            number += all.connections.value() as usize * worker.runtime.workers;
        }
        let tls = worker.runtime.process.tls(worker.id).filter(|_| listener.is_tls()).map(|tls| {
            tls.sessions.add(1);
            tls.rate.count(now);
            Open::one()
        });
        trace::session(worker, listener, number, &trace::SESSION_NEW);
        let this =
            Self { worker: worker.clone(), listener: listener.clone(), number, _tls: tls, _place: place };
        if !ruled {
            this.count_session();
        }
        this
    }

    /// Counts its session. Where rules for connections or sessions may refuse it, that is theirs to ask for.
    pub(crate) fn count_session(&self) {
        let now = clock::now();
        for counters in std::iter::once(self.listener.proxy.front()).chain(self.listener.own()) {
            counters.sessions.add(1);
            counters.session_rate.count(now);
        }
    }

    /// What tells its session from all others.
    pub(crate) fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        trace::session(&self.worker, &self.listener, self.number, &trace::SESSION_END);
    }
}

fn leave(runtime: &Runtime, frontend: &ProxyRuntime, listener: &Side) {
    let process = &runtime.process;
    process.connections.fetch_sub(1, Relaxed);
    frontend.frontend.sessions.down();
    listener.sessions.down();
    // Either we see who waits, or who begins to wait sees the room.
    fence(SeqCst);
    if process.room.waiting.load(Relaxed) > 0 {
        process.room.freed.notify_waiters();
    }
}
