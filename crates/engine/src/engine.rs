//! The engine as the program holds it: started on a snapshot and sockets, told to publish, drain, stop.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::conf::Global;
use crate::listener::Opened;
use crate::log;
use crate::ocsp::Asker;
use crate::runtime::Runtime;
use crate::snapshot::Snapshot;
use crate::variables;
use crate::worker::{Colleagues, Command, Handle, Worker};

/// The workers, and what they run on.
#[derive(Debug)]
pub struct Engine {
    runtime: Arc<Runtime>,
    snapshot: Mutex<Arc<Snapshot>>,
    workers: Mutex<Vec<Handle>>,
    asker: Asker,
}

/// The sockets of one address of a `bind` line. With one for each worker the kernel spreads connections;
/// a single one is shared.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The frontend, by its position in the snapshot.
    pub proxy: usize,
    /// Which of its `bind` lines.
    pub bind: usize,
    /// The sockets, non-blocking, listening.
    pub sockets: Vec<Arc<OwnedFd>>,
}

/// What a worker did so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Activity {
    /// How often it waited for something to happen.
    pub waits: u64,
    /// How long it was at work.
    pub busy: Duration,
    /// The tasks that it has.
    pub tasks: usize,
    /// Tasks that are to run now.
    pub ready: usize,
    /// Transactions that run.
    pub sessions: usize,
    /// Storage that lies ready: of transactions, of their messages, of buffers.
    pub spare: [usize; 3],
}

/// The engine could not start.
#[derive(Debug)]
pub struct StartError(io::Error);

// === impl Engine ===

impl Engine {
    /// Starts as many workers as `runtime` is made for.
    pub fn start(
        runtime: Arc<Runtime>,
        snapshot: Arc<Snapshot>,
        bindings: &[Binding],
    ) -> Result<Self, StartError> {
        let global = &snapshot.global;
        variables::adopt(&runtime.process.vars, global.tune.vars.process, &global.vars, None);
        limit_rates(&runtime, None, global);
        runtime.process.traces.apply(&snapshot.sections.traces);
        let colleagues = Colleagues::default();
        let start = |id| {
            let sockets = opened(bindings, id);
            Handle::start(id, runtime.clone(), snapshot.clone(), sockets, colleagues.clone())
        };
        let workers = (0..runtime.workers).map(start).collect::<io::Result<Vec<_>>>().map_err(StartError)?;
        runtime.process.log_destinations.sinks.serve(&snapshot.rings);
        let _ = colleagues.set(workers.iter().map(|w| w.commands.clone()).collect());
        let asker = Asker::new(runtime.clone());
        asker.serve(&snapshot);
        Ok(Self { runtime, snapshot: Mutex::new(snapshot), workers: Mutex::new(workers), asker })
    }

    /// The state that outlives configurations.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// The configuration that runs.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.lock().clone()
    }

    /// Runs on another configuration from now on. `bindings` are all its sockets; those that are not among
    /// them any more are closed once their queue is empty.
    pub fn publish(&self, snapshot: Arc<Snapshot>, bindings: &[Binding]) {
        self.replace(|_| snapshot, bindings);
    }

    /// The same with what `build` makes of the configuration that runs. What operators change meanwhile waits for
    /// it, so that none of it is lost.
    pub fn replace(&self, build: impl FnOnce(&Arc<Snapshot>) -> Arc<Snapshot>, bindings: &[Binding]) {
        let mut current = self.snapshot.lock();
        let snapshot = build(&current);
        let before = std::mem::replace(&mut *current, snapshot.clone());
        let global = &snapshot.global;
        let limit = global.tune.vars.process;
        variables::adopt(&self.runtime.process.vars, limit, &global.vars, Some(&before.global.vars));
        limit_rates(&self.runtime, Some(&before.global), global);
        self.runtime.process.log_destinations.sinks.serve(&snapshot.rings);
        if snapshot.sections.traces != before.sections.traces {
            self.runtime.process.traces.apply(&snapshot.sections.traces);
        }
        self.asker.serve(&snapshot);
        for (id, w) in self.workers.lock().iter().enumerate() {
            w.tell(Command::Publish(snapshot.clone(), opened(bindings, id)));
        }
    }

    /// Runs on what `change` makes of the configuration that runs: backends with other servers, and nothing else.
    pub(crate) fn amend<T, E>(
        &self,
        change: impl FnOnce(&Arc<Snapshot>) -> Result<(Arc<Snapshot>, T), E>,
    ) -> Result<T, E> {
        let mut current = self.snapshot.lock();
        let (snapshot, outcome) = change(&current)?;
        *current = snapshot.clone();
        self.asker.serve(&snapshot);
        for w in self.workers.lock().iter() {
            w.tell(Command::Amend(snapshot.clone()));
        }
        Ok(outcome)
    }

    /// Asks a responder about the certificate that is known by this identity, soon.
    pub fn ask_about(&self, identity: &[u8], path: &str) {
        self.snapshot().global.tls.store.updates.hurry(identity, path);
        self.asker.wake();
    }

    /// Takes no connection for a while (SIGTTOU), or takes them again (SIGTTIN).
    pub fn pause(&self, paused: bool) {
        for w in self.workers.lock().iter() {
            w.tell(if paused { Command::Pause } else { Command::Resume });
        }
    }

    /// Makes every listener look whether its frontend is paused, and how many connections it takes.
    pub fn look(&self) {
        self.runtime.process.room.freed.notify_waiters();
        for w in self.workers.lock().iter() {
            w.tell(Command::Look);
        }
    }

    /// What each worker did so far, in their order; workers that do not answer are left out.
    pub fn activity(&self) -> Vec<Activity> {
        self.ask(|worker| worker.activity())
    }

    /// Has every worker answer a question; one that is stuck is waited for a little and left out.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&Rc<Worker>) -> T + Clone + Send + 'static,
    ) -> Vec<T> {
        let (answer, answers) = mpsc::channel();
        for w in self.workers.lock().iter() {
            let (answer, question) = (answer.clone(), question.clone());
            // Who asked may have given up meanwhile.
            w.tell(Command::Ask(Box::new(move |worker| drop(answer.send((worker.id, question(worker)))))));
        }
        drop(answer);
        let until = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        while let Ok(one) = answers.recv_timeout(until.saturating_duration_since(Instant::now())) {
            all.push(one);
        }
        all.sort_by_key(|(id, _)| *id);
        all.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Makes every session look whether it goes on.
    pub(crate) fn wake(&self) {
        for w in self.workers.lock().iter() {
            w.tell(Command::Wake);
        }
    }

    /// Closes the listening sockets and idle connections; what runs is left to finish (SIGUSR1).
    pub fn drain(&self) {
        self.runtime.process.stopping.store(true, Relaxed);
        log_stopped(&self.runtime, &self.snapshot());
        for w in self.workers.lock().iter() {
            w.tell(Command::Drain);
        }
    }

    /// Client connections that are still open.
    pub fn connections(&self) -> u32 {
        self.runtime.process.connections.load(Relaxed)
    }

    /// Whether a worker has a listening socket.
    pub fn is_listening(&self) -> bool {
        self.runtime.process.listeners.load(Relaxed) > 0
    }

    /// Whether nothing is left to finish after [`Engine::drain`]: no connection, and no socket whose queue may
    /// hold one.
    pub fn is_drained(&self) -> bool {
        !self.is_listening() && self.connections() == 0
    }

    /// Ends now, whatever runs, and waits until the workers are gone.
    pub fn stop(&self) {
        let mut workers = self.workers.lock();
        for w in workers.iter() {
            w.tell(Command::Stop);
        }
        for w in workers.iter_mut() {
            w.join();
        }
    }
}

/// Limits rates as `global` says; what an operator set since stays where the file says the same as `before`.
fn limit_rates(runtime: &Runtime, before: Option<&Global>, global: &Global) {
    let rates = |g: &Global| [g.max_conn_rate, g.max_sess_rate, g.max_tls_rate];
    let old = before.map(rates);
    for (at, (limit, new)) in runtime.process.rate_limits.iter().zip(rates(global)).enumerate() {
        if old.is_none_or(|old| old.get(at) != Some(&new)) {
            limit.store(new, Relaxed);
        }
    }
}

/// How long answers of workers are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells the logs of all proxies that they take nothing any more; those that listened come first.
fn log_stopped(runtime: &Runtime, snapshot: &Snapshot) {
    let (listening, others): (Vec<_>, Vec<_>) =
        snapshot.proxies.iter().partition(|p| !p.conf.binds.is_empty());
    for p in listening.into_iter().chain(others) {
        let front = p.runtime.frontend.sum(|c| &c.connections);
        let back = p.runtime.backend.sum(|c| &c.sessions);
        let name = &p.conf.name;
        let text = format!("Proxy {name} stopped (cumulated conns: FE: {front}, BE: {back}).");
        log::event(p, runtime, log::Level::Warning, &text);
    }
}

/// The sockets of one worker: its own of each binding, or the one that all share.
fn opened(bindings: &[Binding], worker: usize) -> Vec<Opened> {
    let of = |b: &Binding| {
        let fd = b.sockets.get(worker % b.sockets.len().max(1))?.clone();
        Some(Opened { fd, proxy: b.proxy, bind: b.bind })
    };
    bindings.iter().filter_map(of).collect()
}

// === impl StartError ===

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot start a worker: {}", self.0)
    }
}

impl std::error::Error for StartError {}
