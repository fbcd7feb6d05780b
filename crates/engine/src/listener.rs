//! Listening sockets of a worker: connections come in here, and no more than the limits allow.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::fence;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use weir_sys::connect::{self, KeepAlive};
use weir_sys::{Address, accepted};

use crate::admission::{Admission, Counted, Place, Vacancy};
use crate::clock;
use crate::conf::{self, Bind, Mode, Options};
use crate::connection::{self, Client};
use crate::local;
use crate::log::relay;
use crate::observe;
use crate::runtime::{Counters, Rate};
use crate::worker::Worker;

/// A listening socket for one worker.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The socket; `listen` was called on it.
    pub(crate) fd: Arc<OwnedFd>,
    /// The frontend, by its position in the snapshot.
    pub(crate) proxy: usize,
    /// Which of its `bind` lines.
    pub(crate) bind: usize,
}

/// A connection that was just accepted, on its way to a worker that has less to do.
pub(crate) struct Fresh {
    pub(crate) fd: OwnedFd,
    pub(crate) peer: Address,
    pub(crate) proxy: usize,
    pub(crate) bind: usize,
    pub(crate) place: Place,
}

/// A listening socket that is served.
pub(crate) struct Listener {
    pub(crate) proxy: Rc<local::Proxy>,
    bind: usize,
    closed: Cell<bool>,
    waker: Cell<Option<Waker>>,
    /// The socket refuses connections until the frontend goes on.
    resting: Cell<bool>,
    pub(crate) counted: Counted,
    /// Whether what happens is counted for it, too (manual, 4.2 "option socket-stats").
    for_itself: bool,
}

// === impl Listener ===

impl Listener {
    /// Starts to accept on a socket.
    #[expect(deprecated, reason = "an OwnedFd stays open for as long as it is registered: sound")]
    pub(crate) fn start(worker: &Rc<Worker>, opened: Opened) -> io::Result<Rc<Self>> {
        let view = worker.view();
        let proxy = view.proxies.get(opened.proxy).cloned();
        let proxy = proxy.ok_or_else(|| io::Error::other("socket of no frontend"))?;
        let (conf, state) = (proxy.conf(), &proxy.shared.runtime);
        let bind = conf.binds.get(opened.bind);
        let counted = Counted {
            runtime: worker.runtime.clone(),
            frontend: state.clone(),
            listener: state.listener(bind.and_then(|b| b.id).unwrap_or_default()),
            maxconn: proxy.shared.maxconn,
            listener_maxconn: bind.map_or(0, |b| b.maxconn),
        };
        let this = Rc::new(Self {
            for_itself: proxy.has(Options::SOCKET_STATS),
            counted,
            proxy,
            bind: opened.bind,
            closed: Cell::new(false),
            waker: Cell::new(None),
            resting: Cell::new(false),
        });
        let datagrams = this.conf().is_some_and(|b| b.datagrams);
        tune(&opened.fd, proxy_of(&this), &view.snapshot.global.tune, datagrams);
        let fd = AsyncFd::with_interest(opened.fd, tokio::io::Interest::READABLE)?;
        let runtime = worker.runtime.clone();
        runtime.process.listeners.fetch_add(1, Relaxed);
        let accepting = this.clone().accept(worker.clone(), fd);
        tokio::task::spawn_local(async move {
            accepting.await;
            runtime.process.listeners.fetch_sub(1, Relaxed);
        });
        Ok(this)
    }

    /// What this worker counts of it, where it is counted for itself.
    pub(crate) fn own(&self) -> Option<&Counters> {
        self.for_itself.then(|| self.proxy.of_listener(&self.counted.listener))
    }

    /// The `bind` line.
    pub(crate) fn conf(&self) -> Option<&Bind> {
        self.proxy.conf().binds.get(self.bind)
    }

    /// Its number among the `bind` lines of its frontend, from 1.
    pub(crate) fn number(&self) -> u32 {
        self.bind as u32 + 1
    }

    /// Ends accepting; the socket is closed once what is in its queue was taken.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.look();
    }

    /// Makes the accepting task look at what has changed.
    pub(crate) fn look(&self) {
        if let Some(w) = self.waker.take() {
            w.wake();
        }
    }

    async fn accept(self: Rc<Self>, worker: Rc<Worker>, fd: AsyncFd<Arc<OwnedFd>>) {
        let batch = batch_size(&worker);
        loop {
            let open = poll_fn(|cx| {
                self.waker.set(Some(cx.waker().clone()));
                if self.closed.get() {
                    return Poll::Ready(false);
                }
                let paused = worker.paused.get() || self.proxy.shared.runtime.frontend.paused.load(Relaxed);
                if paused != self.resting.get() {
                    self.rest(&worker, &fd, paused);
                }
                if paused {
                    return Poll::Pending;
                }
                fd.poll_read_ready(cx).map(|r| r.is_ok())
            })
            .await;
            if !open {
                self.drain(&worker, &fd);
                return;
            }
            for _ in 0..batch {
                if self.is_too_fast(&worker) || self.is_crowded(&worker) {
                    tokio::time::sleep(RATE_WAIT).await;
                    break;
                }
                let Some(room) = self.counted.room() else {
                    self.wait_for_room().await;
                    break;
                };
                match self.accept_one(&worker, &fd, room) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(_) => {
                        // No descriptor or memory left: wait for some to come back.
                        tokio::time::sleep(STARVED_WAIT).await;
                        break;
                    }
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Makes a TCP socket refuse connections while its frontend pauses, or take them again. The address stays
    /// bound, and who is in the kernel's queue already is served. Sockets of other families keep their queue.
    fn rest(self: &Rc<Self>, worker: &Rc<Worker>, fd: &AsyncFd<Arc<OwnedFd>>, resting: bool) {
        self.resting.set(resting);
        let local = weir_sys::listen::local_address(fd.get_ref());
        if local.is_ok_and(|address| address.inet().is_none()) {
            return;
        }
        // A socket that cannot be told so keeps its queue, which the pause leaves alone.
        if resting {
            self.drain(worker, fd);
            let _ = rustix::net::shutdown(fd.get_ref(), rustix::net::Shutdown::Read);
        } else {
            let conf = self.proxy.conf();
            let backlog =
                self.conf().and_then(|b| b.backlog).or(conf.backlog).unwrap_or(self.proxy.shared.maxconn);
            let _ = rustix::net::listen(fd.get_ref(), i32::try_from(backlog).unwrap_or(i32::MAX));
        }
    }

    /// Takes all who are in the kernel's queue: they were promised a connection.
    fn drain(self: &Rc<Self>, worker: &Rc<Worker>, fd: &AsyncFd<Arc<OwnedFd>>) {
        while let Ok(true) = self.accept_one(worker, fd, self.counted.room_beyond_limits()) {}
    }

    /// Takes one connection; `false` where there was none.
    fn accept_one(
        self: &Rc<Self>,
        worker: &Rc<Worker>,
        fd: &AsyncFd<Arc<OwnedFd>>,
        room: Vacancy<'_>,
    ) -> io::Result<bool> {
        if self.conf().is_some_and(|b| b.datagrams) {
            let there = relay::datagrams(worker, &self.proxy, fd)?;
            return Ok(there || is_drained(fd));
        }
        let (stream, peer) = match accepted::accept(fd.get_ref()) {
            Ok(got) => got,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(is_drained(fd)),
            Err(e) if is_transient(&e) => return Ok(true),
            Err(e) => return Err(e),
        };
        if self.turns_away(worker, &stream, &peer) {
            return Ok(true);
        }
        let (proxy, bind) = (self.proxy.shared.index, self.bind);
        match worker.less_busy() {
            Some((id, other)) => other.adopt(Fresh { fd: stream, peer, proxy, bind, place: room.fill(id) }),
            None => self.admit(worker, stream, peer, room.fill(worker.id)),
        }
        Ok(true)
    }

    /// Whether a connection ends before it begins: from a port that only the system's own programs use
    /// (manual, 3.1 "harden.reject-privileged-ports.tcp"), or from who only looks whether we are there
    /// ("monitor-net" of older versions).
    fn turns_away(&self, worker: &Worker, fd: &OwnedFd, peer: &Address) -> bool {
        let Some(from) = peer.inet() else { return false };
        if worker.view().snapshot.global.reject_privileged_ports && from.port() < 1024 {
            return true;
        }
        let conf = self.proxy.conf();
        if !conf.monitor_net.is_some_and(|net| net.contains(&from.ip())) {
            return false;
        }
        if conf.mode == Mode::Http {
            // A fresh connection takes these few bytes, or nobody waits for them.
            let _ = rustix::net::send(fd, b"HTTP/1.0 200 OK\r\n\r\n", rustix::net::SendFlags::NOSIGNAL);
        }
        true
    }

    /// Whether connections of this frontend and `bind` line belong here.
    pub(crate) fn is_for(&self, fresh: &Fresh) -> bool {
        self.proxy.shared.index == fresh.proxy && self.bind == fresh.bind
    }

    /// Starts a connection's task.
    pub(crate) fn admit(self: &Rc<Self>, worker: &Rc<Worker>, fd: OwnedFd, peer: Address, place: Place) {
        let admission = Admission::new(worker, self, place);
        let Ok(mut client) = Client::new(worker, self, admission, fd, peer) else { return };
        if let Some((source, destination)) = observe::ends() {
            client.set_addresses(Address::Inet(source), Address::Inet(destination));
        }
        match self.proxy.conf().mode {
            Mode::Http => tokio::task::spawn_local(connection::serve_http(client)),
            Mode::Log => tokio::task::spawn_local(relay::stream(client)),
            _ => tokio::task::spawn_local(connection::serve_tcp(client)),
        };
    }

    /// Waits until a connection ends that made a limit full, or the listener is told something.
    async fn wait_for_room(&self) {
        let room = &self.counted.runtime.process.room;
        let mut freed = std::pin::pin!(room.freed.notified());
        freed.as_mut().enable();
        room.waiting.fetch_add(1, Relaxed);
        // Either we see the place that was freed, or who freed it sees that we wait.
        fence(SeqCst);
        if !self.counted.has_room() {
            poll_fn(|cx| {
                self.waker.set(Some(cx.waker().clone()));
                if self.closed.get() { Poll::Ready(()) } else { freed.as_mut().poll(cx) }
            })
            .await;
        }
        room.waiting.fetch_sub(1, Relaxed);
    }

    /// Whether its clients speak TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.conf().is_some_and(|bind| bind.tls.acceptor.is_some())
    }

    /// Whether there are as many sessions of TLS as there may be (`maxsslconn`). Those with servers count, too, which
    /// end without a word to who waits here.
    fn is_crowded(&self, worker: &Worker) -> bool {
        let limit = worker.view().snapshot.global.max_tls_conn;
        limit > 0 && self.is_tls() && weir_tls::counts::now().open >= u64::from(limit)
    }

    /// Whether connections come faster than they may (`rate-limit sessions`, `maxconnrate`, `maxsessrate`,
    /// `maxsslrate`).
    fn is_too_fast(&self, worker: &Worker) -> bool {
        let now = clock::now();
        let [connections, sessions, tls] = &worker.runtime.process.rate_limits;
        let over = |limit: u32, rate: &dyn Fn() -> u64| limit > 0 && rate() >= u64::from(limit);
        let front = &self.proxy.shared.runtime.frontend.counters;
        let process = &worker.runtime.process.per_worker;
        let all = |rate: fn(&Counters) -> &Rate| -> u64 {
            process.get().into_iter().flatten().map(|c| rate(c).per_second(now)).sum()
        };
        over(self.proxy.conf().rate_limit, &|| front.iter().map(|c| c.session_rate.per_second(now)).sum())
            || over(connections.load(Relaxed), &|| all(|c| &c.connection_rate))
            || over(sessions.load(Relaxed), &|| all(|c| &c.session_rate))
            || (self.is_tls() && over(tls.load(Relaxed), &|| worker.runtime.process.tls_rate(now)))
    }
}

/// Notes that nothing more is there; there was none, in any case.
fn is_drained(fd: &AsyncFd<Arc<OwnedFd>>) -> bool {
    let mut cx = std::task::Context::from_waker(Waker::noop());
    if let Poll::Ready(Ok(mut ready)) = fd.poll_read_ready(&mut cx) {
        ready.clear_ready();
    }
    false
}

fn proxy_of(listener: &Listener) -> &conf::Proxy {
    listener.proxy.conf()
}

/// Sets on the listening socket what accepted connections inherit from it, which saves a call for each, and what one
/// that takes datagrams needs itself. Where the system refuses, its own values stay.
fn tune(fd: &OwnedFd, proxy: &conf::Proxy, tune: &conf::Tune, datagrams: bool) {
    if datagrams {
        if let Some(bytes) = tune.rcvbuf_frontend {
            let _ = accepted::set_receive_buffer(fd, bytes);
        }
        if let Some(bytes) = tune.sndbuf_frontend {
            let _ = accepted::set_send_buffer(fd, bytes);
        }
        return;
    }
    if proxy.options.contains(Options::CLITCPKA) {
        let keep = &proxy.client_keepalive;
        let times = KeepAlive { idle: keep.idle, interval: keep.interval, count: keep.count };
        let _ = connect::set_keep_alive(fd, times);
    }
    if proxy.options.contains(Options::TCP_SMART_ACCEPT) {
        let _ = accepted::set_quick_ack(fd, false);
    }
    if let Some(bytes) = tune.rcvbuf_client {
        let _ = accepted::set_receive_buffer(fd, bytes);
    }
    if let Some(bytes) = tune.sndbuf_client {
        let _ = accepted::set_send_buffer(fd, bytes);
    }
    if let Some(bytes) = tune.unsent_client {
        let _ = accepted::set_unsent_low_water(fd, bytes);
    }
}

/// How many connections are taken before others get their turn (`tune.maxaccept`).
fn batch_size(worker: &Worker) -> i32 {
    match worker.view().snapshot.global.tune.max_accept {
        Some(n) if n > 0 => n,
        Some(_) => i32::MAX,
        None => MAX_ACCEPT,
    }
}

/// The connection was lost before it was taken; the socket is fine.
fn is_transient(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted)
}

const MAX_ACCEPT: i32 = 64;
/// How long it rests when connections come faster than they may, or there are too many.
const RATE_WAIT: Duration = Duration::from_millis(10);
/// How long it rests when the system is out of descriptors or memory.
const STARVED_WAIT: Duration = Duration::from_millis(100);
