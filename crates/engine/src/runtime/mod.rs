//! What outlives a reload: states of servers, counters, and what was set at run time.
//!
//! Found by identity (the proxy's name and side, the server's name), never by position. Everything here is
//! shared by all threads: atomics, and short locks that no `.await` is held across.

mod counters;
mod errors;
mod latency;
mod recent;
mod server;
mod servers;
mod voice;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use weir_table::Table;

use crate::clock::{self, Tick};
use crate::conf::StickTable;
use crate::keywords::NewBackend;
use crate::service::Services;
use crate::tables::{self, Tables};

pub use counters::{Average, Counter, Counters, Rate, TlsCounters, WINDOW};
pub use errors::{BadMessage, Errors, Part};
pub(crate) use latency::Bucket;
pub use latency::{Distribution, Latency, Phase};
pub use recent::{Event, Recorder};
pub use server::{Admin, Health, ServerRuntime};
pub use servers::{Changes, Published, Revision};
pub use voice::{Saying, Voice};

/// All run-time state of the process.
#[derive(Debug)]
pub struct Runtime {
    /// How many workers there are; fixed for the life of the process.
    pub workers: usize,
    /// What the process as a whole counts.
    pub process: Process,
    /// How often numbers of servers were left to others.
    pub revision: Mutex<Revision>,
    /// The backends that operators added, which reloads keep.
    pub added: Mutex<AddedBackends>,
    proxies: Mutex<HashMap<String, Arc<ProxyRuntime>>>,
    tables: Mutex<HashMap<String, Arc<Table>>>,
}

/// Backends that came at run time, in the order of coming.
#[derive(Debug, Default)]
pub struct AddedBackends {
    /// What was asked for.
    pub list: Vec<NewBackend>,
    /// The number that one was given last.
    pub last_id: u32,
}

/// State of the whole process.
#[derive(Debug, Default)]
pub struct Process {
    /// Client connections open now.
    pub connections: AtomicU32,
    /// Listening sockets that workers accept from, each worker's counted.
    pub listeners: AtomicU32,
    /// How many there may be; 0 for no limit.
    pub maxconn: AtomicU32,
    /// How many the configuration lets there be, which operators may lower.
    pub hard_maxconn: AtomicU32,
    /// How many sockets there may be; 0 for any number.
    pub maxsock: AtomicU64,
    /// The most of them at once.
    pub highest_connections: AtomicU32,
    /// Connections taken in since the start, and requests served.
    pub per_worker: OnceLock<Box<[Counters]>>,
    /// Sessions of TLS since the start.
    pub tls: OnceLock<Box<[TlsCounters]>>,
    /// Variables of the process.
    pub vars: crate::variables::ProcessVariables,
    /// Log datagrams that could not be sent.
    pub dropped_logs: AtomicU64,
    /// Log messages that came in to be sent on.
    pub received_logs: AtomicU64,
    /// What is asked of the program's parts.
    pub traces: crate::trace::Traces,
    /// Where log lines go.
    pub log_destinations: crate::log::Destinations,
    /// Numbers the transactions (`%rt`).
    pub request_number: AtomicU32,
    /// Bytes a second that compression may make; 0 for any number.
    pub compression_limit: AtomicU32,
    /// `anonkey`; 0 for none.
    pub anonymous_key: AtomicU32,
    /// The last answers that were neither 2xx nor 3xx.
    pub recorder: Recorder,
    /// Messages that broke the protocol so far.
    pub bad_messages: AtomicU32,
    /// How many connections, how many sessions, and how many of TLS there may be in a second; 0 for any number.
    pub rate_limits: [AtomicU32; 3],
    /// Set when the process is on its way out: no connection is kept alive any more.
    pub stopping: AtomicBool,
    /// Transactions and tunnels that still run.
    pub jobs: AtomicU32,
    /// What answers requests in the place of servers.
    pub services: Services,
    /// Where messages to the operator go.
    pub voice: Voice,
    /// Who waits for a limit to have room again.
    pub room: Room,
    /// Connections of each worker.
    loads: OnceLock<Box<[Load]>>,
}

/// Listeners that wait because a limit is reached.
#[derive(Debug, Default)]
pub struct Room {
    /// How many wait.
    pub waiting: AtomicU32,
    /// Told when a connection has ended.
    pub freed: tokio::sync::Notify,
}

/// A worker's connections, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Load(AtomicU32);

/// State of one proxy.
#[derive(Debug)]
pub struct ProxyRuntime {
    /// As a frontend.
    pub frontend: Side,
    /// As a backend.
    pub backend: Side,
    /// The `bind` lines that are counted for themselves, by number.
    listeners: Mutex<HashMap<u32, Arc<Side>>>,
    /// The servers, by name.
    servers: Mutex<HashMap<String, Arc<ServerRuntime>>>,
    /// Requests waiting in the backend's queue.
    pub queued: Level,
    /// Requests that hold a place at one of its servers.
    pub served: Level,
    /// Its servers that an operator added or moved, which reloads keep.
    pub changes: Mutex<Changes>,
    /// No rule of another proxy leads here (`be-unpublished`, `unpublish backend`); absent until an operator says
    /// so, while the file counts.
    pub published: Published,
    /// The last messages that broke the protocol.
    pub errors: Errors,
    /// Whether any server is left.
    pub availability: Mutex<Availability>,
    workers: usize,
}

/// Whether a backend has servers, and how long it had none (`lastchg`, `chkdown`, `downtime` of `show stat`).
#[derive(Clone, Copy, Debug)]
pub struct Availability {
    /// No server is left.
    pub is_down: bool,
    /// When that last changed.
    pub changed: Tick,
    /// How often the last server went.
    pub downs: u64,
    /// Milliseconds without a server before the last change.
    pub down_millis: u64,
}

/// What is known of one side of a proxy.
#[derive(Debug)]
pub struct Side {
    /// Counted by each worker.
    pub counters: Box<[Counters]>,
    /// Sessions now.
    pub sessions: Level,
    /// `set maxconn frontend`; 0 for the file's value.
    pub maxconn: AtomicU32,
    /// `disable frontend`: it takes no connection until it is enabled again.
    pub paused: AtomicBool,
    /// `shutdown frontend`: it takes no connection until the next load.
    pub shut: AtomicBool,
}

/// A number that goes up and down, and the highest it ever was.
#[derive(Debug, Default)]
pub struct Level {
    now: AtomicU32,
    highest: AtomicU32,
    /// The highest since somebody asked last.
    recent: AtomicU32,
}

// === impl Runtime ===

impl Runtime {
    /// Empty state for so many workers.
    pub fn new(workers: usize) -> Arc<Self> {
        let process = Process { recorder: Recorder::new(workers), ..Process::default() };
        let _ = process.per_worker.set(counters(workers));
        let _ = process.tls.set((0..workers).map(|_| TlsCounters::default()).collect());
        let _ = process.loads.set((0..workers).map(|_| Load::default()).collect());
        let (revision, added, proxies, tables) = Default::default();
        Arc::new(Self { workers, process, revision, added, proxies, tables })
    }

    /// The tables for these lines, with the entries that tables of their names had.
    pub fn tables(&self, lines: &[Arc<StickTable>]) -> Tables {
        let mut known = self.tables.lock();
        let seed = || RandomState::new().hash_one(0);
        let made: Tables =
            lines.iter().map(|line| tables::make(line, known.get(&line.spec.name), seed)).collect();
        *known = made.iter().map(|table| (table.spec().name.clone(), table.clone())).collect();
        made
    }

    /// Forgets the state of a proxy that was taken away.
    pub(crate) fn forget(&self, name: &str) {
        self.proxies.lock().remove(name);
    }

    /// The state of the proxy of this name; empty state where there was none.
    pub fn proxy(&self, name: &str) -> Arc<ProxyRuntime> {
        let mut proxies = self.proxies.lock();
        if let Some(p) = proxies.get(name) {
            return p.clone();
        }
        let p = Arc::new(ProxyRuntime {
            frontend: Side::new(self.workers),
            backend: Side::new(self.workers),
            listeners: Mutex::default(),
            servers: Mutex::default(),
            queued: Level::default(),
            served: Level::default(),
            changes: Mutex::default(),
            published: Published::default(),
            errors: Errors::default(),
            availability: Mutex::new(Availability::new(clock::now())),
            workers: self.workers,
        });
        proxies.insert(name.to_owned(), p.clone());
        p
    }
}

// === impl Process ===

impl Process {
    /// The counters of a worker.
    pub fn counters(&self, worker: usize) -> Option<&Counters> {
        self.per_worker.get()?.get(worker)
    }

    /// Sessions of TLS with clients in the last second.
    pub(crate) fn tls_rate(&self, now: crate::clock::Tick) -> u64 {
        self.tls.get().into_iter().flatten().map(|counters| counters.rate.per_second(now)).sum()
    }

    /// What a worker counts of sessions of TLS.
    pub(crate) fn tls(&self, worker: usize) -> Option<&TlsCounters> {
        self.tls.get()?.get(worker)
    }

    /// The number of a worker's connections.
    pub fn load(&self, worker: usize) -> Option<&AtomicU32> {
        self.loads.get()?.get(worker).map(|Load(n)| n)
    }

    /// The connections of each worker.
    pub fn loads(&self) -> impl Iterator<Item = u32> {
        self.loads.get().into_iter().flatten().map(|Load(n)| n.load(Relaxed))
    }

    /// The number of the next transaction.
    pub fn next_number(&self) -> u32 {
        self.request_number.fetch_add(1, Relaxed)
    }

    /// Whether the process is on its way out.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }
}

// === impl ProxyRuntime ===

impl ProxyRuntime {
    /// What is counted of the `bind` line with this number (manual, 4.2 "option socket-stats").
    pub fn listener(&self, id: u32) -> Arc<Side> {
        self.listeners.lock().entry(id).or_insert_with(|| Arc::new(Side::new(self.workers))).clone()
    }

    /// The state of the server of this name; `fresh` makes it where there was none.
    pub fn server(
        &self,
        name: &str,
        fresh: impl FnOnce(Box<[Counters]>) -> ServerRuntime,
    ) -> Arc<ServerRuntime> {
        let mut servers = self.servers.lock();
        if let Some(s) = servers.get(name) {
            return s.clone();
        }
        let s = Arc::new(fresh(counters(self.workers)));
        servers.insert(name.to_owned(), s.clone());
        s
    }
}

impl ProxyRuntime {
    /// Forgets the state of a server that was taken away.
    pub(crate) fn forget(&self, name: &str) {
        self.servers.lock().remove(name);
    }
}

// === impl Availability ===

impl Availability {
    fn new(now: Tick) -> Self {
        Self { is_down: false, changed: now, downs: 0, down_millis: 0 }
    }

    /// The last server went; whether that is news.
    pub fn down(&mut self, now: Tick) -> bool {
        if std::mem::replace(&mut self.is_down, true) {
            return false;
        }
        self.changed = now;
        self.downs += 1;
        true
    }

    /// There is a server.
    pub fn up(&mut self, now: Tick) {
        if std::mem::take(&mut self.is_down) {
            self.down_millis += now.millis_since(self.changed).unsigned_abs();
            self.changed = now;
        }
    }
}

// === impl Side ===

impl Side {
    fn new(workers: usize) -> Self {
        Self {
            counters: counters(workers),
            sessions: Level::default(),
            maxconn: AtomicU32::new(0),
            paused: AtomicBool::new(false),
            shut: AtomicBool::new(false),
        }
    }

    /// A counter, added up over the workers.
    pub fn sum(&self, counter: impl Fn(&Counters) -> &Counter) -> u64 {
        self.counters.iter().map(|c| counter(c).value()).sum()
    }
}

// === impl Level ===

impl Level {
    /// One more; the number with it.
    pub fn up(&self) -> u32 {
        let n = self.now.fetch_add(1, Relaxed) + 1;
        self.note(n);
        n
    }

    /// One more was there for a moment, as far as [`Self::recent`] goes.
    pub(crate) fn glimpse(&self) {
        self.recent.fetch_max(self.now() + 1, Relaxed);
    }

    fn note(&self, n: u32) {
        if n > self.highest.load(Relaxed) {
            self.highest.fetch_max(n, Relaxed);
        }
        if n > self.recent.load(Relaxed) {
            self.recent.store(n, Relaxed);
        }
    }

    /// The highest since the last [`Self::take_recent`].
    pub fn recent(&self) -> u32 {
        self.recent.load(Relaxed)
    }

    /// The highest since the last call.
    pub fn take_recent(&self) -> u32 {
        self.recent.swap(self.now(), Relaxed)
    }

    /// Takes one of `limit` places, 0 for any number; it counts among the highest once it is [`Self::settled`].
    pub fn reserve(&self, limit: u32) -> bool {
        if self.now.fetch_add(1, Relaxed) < limit || limit == 0 {
            return true;
        }
        self.down();
        false
    }

    /// What was reserved is taken.
    pub fn settled(&self) {
        self.note(self.now());
    }

    /// One less.
    pub fn down(&self) {
        self.now.fetch_sub(1, Relaxed);
    }

    /// One more, unless there are `limit` already; a limit of 0 is none.
    pub fn up_to(&self, limit: u32) -> bool {
        if self.up() <= limit || limit == 0 {
            return true;
        }
        self.down();
        false
    }

    /// The number now.
    pub fn now(&self) -> u32 {
        self.now.load(Relaxed)
    }

    /// The highest it was.
    pub fn highest(&self) -> u32 {
        self.highest.load(Relaxed)
    }

    /// Takes the number now for the highest.
    pub fn forget_highest(&self) {
        self.highest.store(self.now(), Relaxed);
    }
}

fn counters(workers: usize) -> Box<[Counters]> {
    (0..workers).map(|_| Counters::default()).collect()
}
