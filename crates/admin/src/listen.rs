//! The thread that serves the sockets of the runtime API.
//!
//! It has a small runtime of its own, so that a slow client or a long answer delays no worker. A client's answer is
//! written before its next command runs: what is held for it is one answer at most. Called by the program, which
//! opens the sockets.

use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;
use weir_engine::clock;
use weir_engine::conf::{CliLevel, SeverityOutput};
use weir_sys::accepted;

use crate::cli::{Modes, Next, Registry, Session};
use crate::hand_over;
use crate::world::World;

/// A socket of the runtime API.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The socket, non-blocking, listening.
    pub fd: Arc<OwnedFd>,
    /// What its clients may do.
    pub level: CliLevel,
    /// How messages show how grave they are.
    pub severities: SeverityOutput,
    /// Whether clients may take the listening sockets over.
    pub exposes_sockets: bool,
}

/// What holds for all clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `stats timeout`
    pub timeout: Duration,
    /// `stats maxconn`
    pub clients: u32,
    /// The longest line, in bytes (`tune.bufsize`).
    pub line: usize,
    /// The longest payload, in bytes (`tune.cli.max-payload-size`).
    pub payload: usize,
}

/// The program's hold on the thread. Dropping it closes the sockets and ends the sessions.
#[derive(Debug)]
pub struct Service {
    orders: UnboundedSender<Order>,
}

// === impl Service ===

impl Service {
    /// Starts the thread; it listens on nothing yet.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(world: Arc<World>, registry: Registry<World>) -> io::Result<Self> {
        let (sender, orders) = unbounded_channel();
        std::thread::Builder::new().name("weir/cli".to_owned()).spawn(move || {
            if let Err(error) = run(world, registry, orders) {
                eprintln!("runtime API: {error}");
            }
        })?;
        Ok(Self { orders: sender })
    }

    /// Listens on these sockets from now on, and on no others; sessions go on.
    pub fn listen(&self, sockets: Vec<Listening>, limits: Limits) {
        let _ = self.orders.send(Order::Listen(sockets, limits));
    }

    /// Serves a session that somebody else accepted.
    pub fn adopt(&self, adopted: Adopted) {
        let _ = self.orders.send(Order::Adopt(adopted));
    }
}

/// A session that somebody else accepted.
#[derive(Debug)]
pub struct Adopted {
    /// Its connection, non-blocking.
    pub fd: OwnedFd,
    /// What its client may do.
    pub level: CliLevel,
    /// The modes that it is in.
    pub modes: Modes,
}

#[derive(Debug)]
enum Order {
    Listen(Vec<Listening>, Limits),
    Adopt(Adopted),
}

/// What the tasks share.
struct Shared {
    world: Arc<World>,
    registry: Registry<World>,
}

fn run(world: Arc<World>, registry: Registry<World>, mut orders: UnboundedReceiver<Order>) -> io::Result<()> {
    let rt = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .on_thread_unpark(clock::refresh)
        .build_local(LocalOptions::default())?;
    rt.block_on(async move {
        let shared = Rc::new(Shared { world, registry });
        let mut accepting: Vec<AbortHandle> = Vec::new();
        let mut limits = None;
        while let Some(order) = orders.recv().await {
            let (sockets, fresh) = match order {
                Order::Listen(sockets, limits) => (sockets, limits),
                Order::Adopt(adopted) => {
                    if let Some(limits) = limits {
                        spawn_local(adopt(shared.clone(), adopted, limits));
                    }
                    continue;
                }
            };
            let limits = *limits.insert(fresh);
            accepting.drain(..).for_each(|task| task.abort());
            let room = Arc::new(Semaphore::new(limits.clients as usize));
            for socket in sockets {
                let task = spawn_local(accept(shared.clone(), socket, limits, room.clone()));
                accepting.push(task.abort_handle());
            }
        }
    });
    rt.shutdown_background();
    Ok(())
}

#[expect(deprecated, reason = "an OwnedFd stays open for as long as it is registered: sound")]
async fn accept(shared: Rc<Shared>, socket: Listening, limits: Limits, room: Arc<Semaphore>) {
    let listener = match AsyncFd::with_interest(socket.fd, tokio::io::Interest::READABLE) {
        Ok(listener) => listener,
        Err(error) => return eprintln!("runtime API: {error}"),
    };
    while let Ok(place) = room.clone().acquire_owned().await {
        let Ok(mut ready) = listener.readable().await else { return };
        match ready.try_io(|listener| accepted::accept(listener.get_ref())) {
            Ok(Ok((client, _))) => {
                let manner = (socket.level, socket.severities, socket.exposes_sockets);
                spawn_local(talk(shared.clone(), client, manner, limits, place));
            }
            // The system has no descriptor left: there may be one later.
            Ok(Err(_)) => tokio::time::sleep(PAUSE).await,
            Err(_) => {}
        }
    }
}

async fn talk(
    shared: Rc<Shared>,
    client: OwnedFd,
    (level, severities, exposes): (CliLevel, SeverityOutput, bool),
    limits: Limits,
    _place: OwnedSemaphorePermit,
) {
    shared.world.sessions.fetch_add(1, Relaxed);
    let mut session = Session::new(level, severities, limits.timeout, (limits.line, limits.payload));
    if exposes {
        session.expose_sockets();
    }
    if let Ok(stream) = Stream::new(client) {
        // A client that has gone, or keeps silent, is owed nothing.
        let _ = stream.serve(&shared, session).await;
        stream.close();
    }
}

async fn adopt(shared: Rc<Shared>, adopted: Adopted, limits: Limits) {
    shared.world.sessions.fetch_add(1, Relaxed);
    let manner = (limits.timeout, (limits.line, limits.payload));
    let mut session = Session::new(adopted.level, SeverityOutput::None, manner.0, manner.1);
    session.enter(adopted.modes);
    if let Ok(stream) = Stream::new(adopted.fd) {
        let _ = stream.serve(&shared, session).await;
        stream.close();
    }
}

/// A client's connection.
#[derive(Debug)]
struct Stream(AsyncFd<std::fs::File>);

// === impl Stream ===

impl Stream {
    #[expect(deprecated, reason = "a File stays open for as long as it is registered: sound")]
    fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self(AsyncFd::new(fd.into())?))
    }

    async fn serve(&self, shared: &Shared, mut session: Session) -> io::Result<()> {
        let mut answer = Vec::new();
        let mut chunk = vec![0; CHUNK];
        let mut ended = false;
        loop {
            let next = session.next(&shared.registry, &*shared.world, &mut answer);
            let patience = session.settings().timeout;
            if !answer.is_empty() {
                shared.world.commands.fetch_add(1, Relaxed);
                shared.world.answered.fetch_add(answer.len() as u64, Relaxed);
                self.send(&answer, patience).await?;
                answer = Vec::new();
            }
            match next {
                Next::Send => tokio::task::yield_now().await,
                Next::Close => return Ok(()),
                Next::HandOver => {
                    return hand_over::send(&self.0, &shared.world.program.sockets(), patience).await;
                }
                Next::Wait(time) => {
                    let until = tokio::time::Instant::now() + time;
                    let interrupted = loop {
                        let left = until.saturating_duration_since(tokio::time::Instant::now());
                        let turn = session.pace().map_or(left, |pace| pace.min(left));
                        if ended || self.gone_within(turn, &mut session, &mut chunk).await? {
                            break true;
                        }
                        if turn == left || session.has_waited(&*shared.world) {
                            break false;
                        }
                    };
                    ended |= interrupted;
                    session.resume(interrupted, &*shared.world, &mut answer);
                }
                Next::Follow(time) => {
                    let said = match timeout(time, self.receive(&mut chunk)).await {
                        Ok(count) => Some(count?),
                        Err(_) => None,
                    };
                    if said == Some(0) {
                        ended = true;
                        session.end();
                    }
                    session.followed(said.is_some(), &*shared.world, &mut answer);
                }
                Next::Input => {
                    let count = timeout(patience, self.receive(&mut chunk)).await??;
                    session.feed(chunk.get(..count).unwrap_or_default());
                    if count == 0 {
                        ended = true;
                        session.end();
                    }
                }
            }
        }
    }

    /// Whether the client ends what it sends before `time` has passed.
    async fn gone_within(&self, time: Duration, session: &mut Session, chunk: &mut [u8]) -> io::Result<bool> {
        let gone = async {
            loop {
                let count = self.receive(chunk).await?;
                if count == 0 {
                    session.end();
                    return Ok(true);
                }
                session.feed(chunk.get(..count).unwrap_or_default());
            }
        };
        timeout(time, gone).await.unwrap_or(Ok(false))
    }

    async fn receive(&self, chunk: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Ok(result) = self.0.readable().await?.try_io(|file| file.get_ref().read(chunk)) {
                return result;
            }
        }
    }

    /// Writes all of it, in chunks; a client that takes nothing for `patience` is given up.
    async fn send(&self, mut answer: &[u8], patience: Duration) -> io::Result<()> {
        while !answer.is_empty() {
            let (chunk, _) = answer.split_at_checked(CHUNK).unwrap_or((answer, &[]));
            let mut ready = timeout(patience, self.0.writable()).await??;
            if let Ok(written) = ready.try_io(|file| file.get_ref().write(chunk)) {
                answer = answer.get(written?..).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// Ends the answer. What the client sent too much is read away, so that no reset overtakes the answer.
    fn close(self) {
        let file = self.0.into_inner();
        let _ = rustix::net::shutdown(&file, rustix::net::Shutdown::Write);
        let mut chunk = [0; 4096];
        for _ in 0..16 {
            if !matches!((&file).read(&mut chunk), Ok(1..)) {
                break;
            }
        }
    }
}

const CHUNK: usize = 16 * 1024;

/// How long nothing is accepted when the system is short of descriptors.
const PAUSE: Duration = Duration::from_millis(100);
