//! What the commands of a worker's socket speak about: the engine, the program, and the API itself.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use weir_engine::Engine;
use weir_engine::runtime::Counters;

use crate::cli::{self, Following};
use crate::commands;
use crate::commands::profiling::Profiling;
use crate::totals::Totals;

/// What a program says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// The version that `show version` names.
    pub version: String,
    /// The day of the release: `2026/10/14`.
    pub released: String,
    /// Descriptors that the process may open.
    pub descriptors: u64,
    /// Sockets that there may be.
    pub sockets: u64,
    /// `-m`, in megabytes; 0 for none.
    pub memory: u64,
    /// How long it took to start.
    pub boot: Duration,
    /// What was built in: `+HTTP +TLS`.
    pub features: String,
}

/// What commands ask of the program around the engine.
pub trait Program: std::fmt::Debug + Send + Sync {
    /// What it said while it started, and at every load since.
    fn startup_logs(&self) -> Vec<u8>;

    /// How many warnings it gave so far.
    fn warnings(&self) -> u64;

    /// The words of the configuration that runs, for `weir plan`.
    fn configuration(&self) -> String;

    /// Its listening sockets, for a process that takes over.
    fn sockets(&self) -> Vec<Handed>;

    /// Closes the listening sockets of a frontend for good.
    fn shut_frontend(&self, name: &str);
}

/// A listening socket that is handed over.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The socket.
    pub fd: Arc<OwnedFd>,
    /// The name space that it was made in; empty for the process' own.
    pub namespace: String,
    /// The interface that it is bound to; empty for any.
    pub interface: String,
}

/// All that commands read and change.
#[derive(Debug)]
pub struct World {
    /// The engine.
    pub engine: Arc<Engine>,
    /// What the program says of itself.
    pub about: About,
    /// The program.
    pub program: Arc<dyn Program>,
    /// When it began to serve.
    started: (Instant, SystemTime),
    /// Sessions of the runtime API since the start, and commands given in them.
    pub sessions: AtomicU64,
    /// See `sessions`.
    pub commands: AtomicU64,
    /// Bytes that were answered in them.
    pub answered: AtomicU64,
    /// `set profiling`
    pub profiling: Profiling,
    /// What counters showed when they were cleared.
    cleared: Mutex<HashMap<Counted, Totals>>,
}

/// An object that is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// The process.
    Process,
    /// A frontend, by its name.
    Frontend(String),
    /// A backend, by its name.
    Backend(String),
    /// A server, by the names of its backend and its own.
    Server(String, String),
}

// === impl World ===

impl World {
    /// The world of an engine that was just started.
    pub fn new(engine: Arc<Engine>, about: About, program: Arc<dyn Program>) -> Self {
        Self {
            engine,
            about,
            program,
            started: (Instant::now(), SystemTime::now()),
            sessions: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            profiling: Profiling::default(),
            cleared: Mutex::default(),
        }
    }

    /// How long it has served.
    pub fn age(&self) -> Duration {
        self.started.0.elapsed()
    }

    /// When it began to, by the wall clock, since 1970.
    pub fn start_time(&self) -> Duration {
        self.started.1.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    /// What was counted of an object since its counters were cleared.
    pub fn totals(&self, of: &Counted, counters: &[Counters]) -> Totals {
        let totals = Totals::of(counters);
        self.cleared.lock().get(of).map_or(totals, |before| totals.since(before))
    }

    /// Lets an object count from zero again.
    pub fn clear(&self, of: Counted, counters: &[Counters]) {
        self.cleared.lock().insert(of, Totals::of(counters));
    }
}

impl cli::World for World {
    fn follow(&self, follows: &mut Following, out: &mut Vec<u8>) {
        let sinks = &self.engine.runtime().process.log_destinations.sinks;
        let Some(sink) = sinks.find(&follows.ring) else { return };
        let (end, sanitized) = (follows.end, follows.sanitized);
        follows.next = sink.read(follows.next, |line| {
            let start = out.len();
            out.extend_from_slice(line);
            for byte in out.iter_mut().skip(start).filter(|_| sanitized) {
                match byte {
                    b'\t' | b'\n'..=b'\r' => *byte = b' ',
                    0..32 | 127.. => *byte = b'?',
                    _ => {}
                }
            }
            out.push(end);
        });
    }

    fn uptime(&self) -> Duration {
        self.age()
    }

    fn waited(&self, condition: &[Vec<u8>]) -> cli::Waited {
        let word = |at| condition.get(at).map(|w: &Vec<u8>| String::from_utf8_lossy(w));
        match (word(0).as_deref(), word(1)) {
            (Some("srv-removable"), None) => cli::Waited::Wrong("Missing server name (<backend>/<server>)."),
            (Some("srv-removable"), Some(name)) => commands::servers::removable(self, &name),
            (Some("be-removable"), None) => cli::Waited::Wrong("Missing backend name."),
            (Some("be-removable"), Some(name)) => commands::backends::removable(self, &name),
            _ => cli::Waited::Unknown,
        }
    }
}
