//! What runs now, as operators see and end it (management manual, 9.3 "show sess", "shutdown session").
//!
//! Each worker lists its transactions for itself: an entry is a store into a slab, shared with nobody. Who asks has
//! every worker describe its own. Ending one sets a flag that the transaction finds when it is woken.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;
use weir_sys::Address;

use crate::clock::{self, Tick};
use crate::engine::Engine;
use crate::local;
use crate::snapshot;
use crate::worker::Worker;

/// A transaction or TCP session that runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// By what an operator names it; no two that run share it.
    pub id: u64,
    /// Its number in the process, counted from 0.
    pub number: u32,
    /// The worker that serves it.
    pub worker: usize,
    /// When it began, in microseconds since 1970.
    pub began: u64,
    /// How long ago that was.
    pub age: Duration,
    /// The client, where it has an IP address.
    pub source: Option<SocketAddr>,
    /// The client's descriptor.
    pub descriptor: i32,
    /// Its frontend.
    pub frontend: Arc<snapshot::Proxy>,
    /// Its backend, once that is chosen.
    pub backend: Option<Arc<snapshot::Proxy>>,
    /// Its server, once that is chosen.
    pub server: Option<Arc<snapshot::Server>>,
}

/// The transactions of a worker.
#[derive(Default)]
pub(crate) struct Sessions(RefCell<Slab<Entry>>);

struct Entry {
    /// Absent where the request that it is has not come.
    number: Option<u32>,
    begun: Tick,
    wall: u64,
    source: Option<SocketAddr>,
    descriptor: i32,
    frontend: Rc<local::Proxy>,
    backend: Option<Rc<local::Proxy>>,
    server: Option<Rc<local::Server>>,
    told_to_end: bool,
}

/// A transaction's place in the list; it leaves the list with it.
pub(crate) struct Place {
    worker: Rc<Worker>,
    key: usize,
}

// === impl Engine ===

impl Engine {
    /// All that runs, in the order of the workers. Each worker is asked for some at a time, so that traffic goes on
    /// however many there are.
    pub fn sessions(&self) -> Vec<Running> {
        let mut all = Vec::new();
        let mut from = 0;
        loop {
            let pieces = self.ask(move |worker| worker.sessions.describe(worker.id, from));
            let more = pieces.iter().any(|(_, more)| *more);
            all.extend(pieces.into_iter().flat_map(|(running, _)| running));
            if !more {
                break;
            }
            from += PIECE;
        }
        all.sort_by_key(|running| running.worker);
        all
    }

    /// Tells a session to end; whether there is such a one.
    pub fn end_session(&self, id: u64) -> bool {
        self.ask(move |worker| {
            let told = worker.sessions.end(id, worker.id);
            if told {
                worker.wheel.wake_all();
            }
            told
        })
        .contains(&true)
    }
}

// === impl Sessions ===

impl Sessions {
    /// Lists a transaction that begins.
    pub(crate) fn enter(
        worker: &Rc<Worker>,
        frontend: &Rc<local::Proxy>,
        source: &Address,
        descriptor: i32,
    ) -> Place {
        let entry = Entry {
            number: None,
            begun: clock::now(),
            wall: clock::wall(),
            source: inet(source),
            descriptor,
            frontend: frontend.clone(),
            backend: None,
            server: None,
            told_to_end: false,
        };
        let key = worker.sessions.0.borrow_mut().insert(entry);
        Place { worker: worker.clone(), key }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// The places from `from` on, as many as are looked at in one go, and whether more follow.
    fn describe(&self, worker: usize, from: usize) -> (Vec<Running>, bool) {
        let now = clock::now();
        let entries = self.0.borrow();
        let of = |key: usize, entry: &Entry, number: u32| Running {
            id: id(worker, key, entry),
            number,
            worker,
            began: entry.wall,
            age: Duration::from_micros(now.0.saturating_sub(entry.begun.0)),
            source: entry.source,
            descriptor: entry.descriptor,
            frontend: entry.frontend.shared.clone(),
            backend: entry.backend.as_ref().map(|b| b.shared.clone()),
            server: entry.server.as_ref().map(|s| s.shared.clone()),
        };
        let found = |key| {
            let entry: &Entry = entries.get(key)?;
            // A request that has not come yet is nobody's session.
            Some(of(key, entry, entry.number?))
        };
        let until = from + PIECE;
        ((from..until).filter_map(found).collect(), until < entries.capacity())
    }

    fn end(&self, wanted: u64, worker: usize) -> bool {
        let mut entries = self.0.borrow_mut();
        let entry = entries.iter_mut().find(|(key, entry)| id(worker, *key, entry) == wanted);
        entry.map(|(_, entry)| entry.told_to_end = true).is_some()
    }
}

// === impl Place ===

impl Place {
    /// An operator told it to end.
    pub(crate) fn is_told_to_end(&self) -> bool {
        self.worker.sessions.0.borrow().get(self.key).is_some_and(|entry| entry.told_to_end)
    }

    /// Notes its number: it has come.
    pub(crate) fn note_number(&self, number: u32) {
        self.note(|entry| entry.number = Some(number));
    }

    /// Notes its backend, and by what address its client is known by now.
    pub(crate) fn note_backend(&self, backend: &Rc<local::Proxy>, source: &Address) {
        self.note(|entry| {
            entry.backend = Some(backend.clone());
            entry.source = inet(source);
        });
    }

    /// Notes its server.
    pub(crate) fn note_server(&self, server: &Rc<local::Server>) {
        self.note(|entry| entry.server = Some(server.clone()));
    }

    fn note(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.worker.sessions.0.borrow_mut().get_mut(self.key) {
            change(entry);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let gone = self.worker.sessions.0.borrow_mut().try_remove(self.key);
        // What the entry held is let go when the list is free again.
        drop(gone);
    }
}

/// The places that a worker describes in one go.
const PIECE: usize = 1024;

/// Worker, place and beginning: a place that is used again makes another one.
fn id(worker: usize, key: usize, entry: &Entry) -> u64 {
    (worker as u64 + 1) << 44 | (key as u64 & 0xf_ffff) << 24 | (entry.begun.0 >> 4 & 0xff_ffff)
}

fn inet(address: &Address) -> Option<SocketAddr> {
    match address {
        Address::Inet(inet) => Some(*inet),
        _ => None,
    }
}
