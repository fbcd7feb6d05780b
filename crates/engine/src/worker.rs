//! A worker: one thread, one single-threaded runtime, and all that its connections share without locks.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::affinity;
use crate::buffer::BufferPool;
use crate::check::Checks;
use crate::clock;
use crate::conf::Tune;
use crate::engine::Activity;
use crate::listener::{self, Fresh, Opened};
use crate::local::View;
use crate::log::Ring;
use crate::runtime::{Counters, Runtime};
use crate::sessions::Sessions;
use crate::shelf::Shelf;
use crate::snapshot::Snapshot;
use crate::stage::reuse::{self, Robbery};
use crate::tables;
use crate::timer::Wheel;
use crate::transaction::{Messages, Storage};

/// What a worker's connections share.
pub(crate) struct Worker {
    pub(crate) id: usize,
    pub(crate) runtime: Arc<Runtime>,
    colleagues: Colleagues,
    pub(crate) wheel: Rc<Wheel>,
    pub(crate) buffers: Rc<BufferPool>,
    pub(crate) log: Rc<Ring>,
    view: RefCell<Rc<View>>,
    /// Storage of transactions that are over.
    pub(crate) storage: Shelf<Storage>,
    /// Messages of transactions that are over.
    pub(crate) messages: Shelf<Box<Messages>>,
    /// The transactions that run, as operators see them.
    pub(crate) sessions: Sessions,
    /// Wakes the task that closes connections at rest.
    pub(crate) janitor: RefCell<Option<Waker>>,
    pub(crate) listeners: RefCell<Vec<Rc<listener::Listener>>>,
    pub(crate) paused: Cell<bool>,
    checks: RefCell<Checks>,
}

/// What the control thread tells a worker.
pub(crate) enum Command {
    /// Run on this from now on, with these listening sockets in the place of the old ones.
    Publish(Arc<Snapshot>, Vec<Opened>),
    /// Run on this from now on: backends differ in their servers, and nothing else does.
    Amend(Arc<Snapshot>),
    /// Serve this connection: another worker accepted it and has more to do.
    Adopt(Fresh),
    /// Hand over a connection to a server that rests here.
    Rob(Robbery),
    /// Take no connection until `Resume`.
    Pause,
    /// Take connections again.
    Resume,
    /// The limits of a frontend have changed: see who may be accepted now.
    Look,
    /// Make every session look whether it goes on.
    Wake,
    /// Answer somebody who looks at the process from outside.
    Ask(Question),
    /// Close the listening sockets; end idle connections, let the others finish.
    Drain,
    /// End now.
    Stop,
}

/// What is done on a worker's thread for somebody else, who waits for the answer.
pub(crate) type Question = Box<dyn FnOnce(&Rc<Worker>) + Send>;

/// The way to a worker's ear.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox(UnboundedSender<Command>);

/// The mailboxes of all workers, in their order, once all are there.
pub(crate) type Colleagues = Arc<OnceLock<Vec<Mailbox>>>;

/// The control thread's hold on a worker.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) commands: Mailbox,
    thread: Option<std::thread::JoinHandle<()>>,
}

// === impl Handle ===

impl Handle {
    /// Starts a worker on a thread of its own.
    pub(crate) fn start(
        id: usize,
        runtime: Arc<Runtime>,
        snapshot: Arc<Snapshot>,
        sockets: Vec<Opened>,
        colleagues: Colleagues,
    ) -> io::Result<Self> {
        let (commands, received) = unbounded_channel();
        let thread = std::thread::Builder::new().name(format!("weir/{id}")).spawn(move || {
            let global = &snapshot.global;
            let laid_out = || global.layout.as_ref()?.of_worker(id).map(<[usize]>::to_vec);
            let cpus = affinity::processors(&global.cpu_map, id + 1).or_else(laid_out);
            if let Some(cpus) = cpus
                && let Err(e) = weir_sys::limits::bind_thread_to(&cpus)
            {
                eprintln!("worker {id}: cannot run on processors {cpus:?} only: {e}");
            }
            let pace = Pace::of(&global.tune);
            let worker = || Worker::new(id, runtime, snapshot, colleagues);
            if let Err(e) = run(pace, worker, sockets, received) {
                eprintln!("worker {id}: {e}");
            }
        })?;
        Ok(Self { commands: Mailbox(commands), thread: Some(thread) })
    }

    /// Tells the worker; whether it is still there.
    pub(crate) fn tell(&self, command: Command) -> bool {
        self.commands.0.send(command).is_ok()
    }

    /// Waits until the worker has ended.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

// === impl Mailbox ===

impl Mailbox {
    /// Hands a connection over.
    pub(crate) fn adopt(&self, fresh: Fresh) {
        let _ = self.0.send(Command::Adopt(fresh));
    }

    /// Asks for a connection at rest; whether the worker is there to hear it.
    pub(crate) fn rob(&self, robbery: Robbery) -> bool {
        self.0.send(Command::Rob(robbery)).is_ok()
    }
}

// === impl Worker ===

impl Worker {
    fn new(id: usize, runtime: Arc<Runtime>, snapshot: Arc<Snapshot>, colleagues: Colleagues) -> Rc<Self> {
        let buffers = BufferPool::new(snapshot.global.tune.bufsize);
        let view = RefCell::new(View::new(snapshot, id, None));
        Rc::new(Self {
            id,
            log: Ring::new(runtime.clone()),
            runtime,
            colleagues,
            wheel: Wheel::new(),
            buffers,
            view,
            storage: Shelf::default(),
            messages: Shelf::default(),
            sessions: Sessions::default(),
            janitor: RefCell::default(),
            listeners: RefCell::default(),
            paused: Cell::new(false),
            checks: RefCell::default(),
        })
    }

    /// The proxies as they are now.
    pub(crate) fn view(&self) -> Rc<View> {
        self.view.borrow().clone()
    }

    /// What this worker counts of the process as a whole.
    pub(crate) fn process(&self) -> Option<&Counters> {
        self.runtime.process.counters(self.id)
    }

    /// What it did so far; to be asked on its own thread.
    pub(crate) fn activity(&self) -> Activity {
        let metrics = tokio::runtime::Handle::current().metrics();
        Activity {
            waits: metrics.worker_park_count(0),
            busy: metrics.worker_total_busy_duration(0),
            tasks: metrics.num_alive_tasks(),
            ready: metrics.global_queue_depth(),
            sessions: self.sessions.count(),
            spare: [self.storage.count(), self.messages.count(), self.buffers.spare()],
        }
    }

    /// Drops what nobody needed since the last call.
    pub(crate) fn trim(&self) {
        self.storage.trim();
        self.messages.trim();
        self.buffers.trim();
    }

    /// A worker that has notably fewer connections than this one.
    pub(crate) fn less_busy(&self) -> Option<(usize, &Mailbox)> {
        let mailboxes = self.colleagues.get().filter(|m| m.len() > 1)?;
        let mine = self.runtime.process.loads().nth(self.id)?;
        let (least, id) = self.runtime.process.loads().zip(0..).min()?;
        let mailbox = mailboxes.get(id).filter(|_| mine > least + least / 8 + SLACK)?;
        Some((id, mailbox))
    }

    /// The mailboxes of the other workers, beginning with the next one.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Mailbox> {
        let all = self.colleagues.get().map(Vec::as_slice).unwrap_or_default();
        let (before, after) = all.split_at_checked(self.id).unwrap_or((all, &[]));
        after.iter().skip(1).chain(before)
    }

    fn adopt(self: &Rc<Self>, fresh: Fresh) {
        let listeners = self.listeners.borrow();
        // A listener that is gone meanwhile takes its connections with it.
        if let Some(l) = listeners.iter().find(|l| l.is_for(&fresh)).cloned() {
            drop(listeners);
            l.admit(self, fresh.fd, fresh.peer, fresh.place);
        }
    }

    fn publish(self: &Rc<Self>, snapshot: Arc<Snapshot>, sockets: Vec<Opened>) {
        let view = View::new(snapshot, self.id, Some(&self.view()));
        *self.view.borrow_mut() = view;
        self.check();
        self.listen(sockets);
    }

    fn amend(self: &Rc<Self>, snapshot: Arc<Snapshot>) {
        let view = View::amended(snapshot, self.id, &self.view());
        *self.view.borrow_mut() = view;
        self.check();
    }

    /// Checks the servers of the view.
    fn check(self: &Rc<Self>) {
        let snapshot = self.view().snapshot.clone();
        self.checks.borrow_mut().publish(self, &snapshot);
    }

    fn listen(self: &Rc<Self>, sockets: Vec<Opened>) {
        for old in self.listeners.take() {
            old.close();
        }
        for socket in sockets {
            match listener::Listener::start(self, socket) {
                Ok(l) => self.listeners.borrow_mut().push(l),
                Err(e) => eprintln!("worker {}: cannot listen: {e}", self.id),
            }
        }
    }

    fn pause(&self, paused: bool) {
        self.paused.set(paused);
        for l in self.listeners.borrow().iter() {
            l.look();
        }
    }
}

/// How much a worker does before it looks elsewhere: events of sockets taken at once (`tune.maxpollevents`), and tasks
/// run before sockets are looked at again (`tune.runqueue-depth`).
#[derive(Clone, Copy)]
struct Pace {
    events: Option<usize>,
    tasks: Option<u32>,
}

impl Pace {
    fn of(tune: &Tune) -> Self {
        Self { events: tune.max_poll_events, tasks: tune.run_queue }
    }

    fn set(self, builder: &mut Builder) {
        if let Some(count) = self.events {
            builder.max_io_events_per_tick(count.max(1));
        }
        if let Some(count) = self.tasks {
            builder.event_interval(count.max(1));
        }
    }
}

fn run(
    pace: Pace,
    worker: impl FnOnce() -> Rc<Worker>,
    sockets: Vec<Opened>,
    mut commands: UnboundedReceiver<Command>,
) -> io::Result<()> {
    let mut builder = Builder::new_current_thread();
    pace.set(&mut builder);
    let rt = builder
        .enable_io()
        .enable_time()
        .max_blocking_threads(BLOCKING_THREADS)
        .on_thread_unpark(clock::refresh)
        .build_local(LocalOptions::default())?;
    rt.block_on(async move {
        clock::refresh();
        let worker = worker();
        tokio::task::spawn_local(worker.wheel.clone().drive());
        tokio::task::spawn_local(worker.log.clone().drive());
        tokio::task::spawn_local(reuse::janitor(worker.clone()));
        if worker.id == 0 {
            tokio::task::spawn_local(tables::sweep(worker.clone()));
        }
        worker.check();
        worker.listen(sockets);
        while let Some(command) = commands.recv().await {
            match command {
                Command::Publish(snapshot, sockets) => worker.publish(snapshot, sockets),
                Command::Amend(snapshot) => worker.amend(snapshot),
                Command::Adopt(fresh) => worker.adopt(fresh),
                Command::Rob(robbery) => robbery.answer(&worker.view()),
                Command::Pause => worker.pause(true),
                Command::Resume => worker.pause(false),
                Command::Look => worker.listeners.borrow().iter().for_each(|l| l.look()),
                Command::Wake => worker.wheel.wake_all(),
                Command::Ask(question) => question(&worker),
                Command::Drain => {
                    worker.listen(Vec::new());
                    worker.wheel.wake_all();
                }
                Command::Stop => return,
            }
        }
    });
    rt.shutdown_background();
    Ok(())
}

/// How many connections more than another a worker may have before it hands fresh ones over.
const SLACK: u32 = 4;

/// How many passwords a worker has hashed at a time.
const BLOCKING_THREADS: usize = 4;
