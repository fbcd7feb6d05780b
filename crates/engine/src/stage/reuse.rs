//! Connections to servers between two requests: taken from rest, put to rest, and closed in time (manual,
//! 4.2 "http-reuse"; 5.2 "pool-max-conn", "pool-purge-delay", "max-reuse").

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;
use weir_sys::connect::PacketMarks;

use crate::balance;
use crate::clock::{self, Tick};
use crate::conf::{self, Proto, RetryOn, ReuseMode, Tune};
use crate::io::{self, Counted, Detached, Side, Stream};
use crate::local::{self, Server, View};
use crate::mux::h1::Conn;
use crate::mux::h2;
use crate::pool::{Idle, IdlePool};
use crate::runtime::{Admin, ServerRuntime};
use crate::stage::{own, prepare, websocket};
use crate::transaction::Transaction;
use crate::worker::Worker;

/// A connection to the assigned server that is at rest and may carry this request.
pub(crate) async fn take(t: &mut Transaction) -> Option<Conn> {
    let server = t.assigned.as_ref()?.server.clone();
    let own = if is_marked(t) { None } else { own::take(t, &server, key(t)) };
    let first = is_first(t);
    let conn = match (t.proxy().conf().reuse, first) {
        (ReuseMode::Never, _) | (ReuseMode::Safe, true) => own,
        (mode, _) => shared(t, &server, own, first && mode == ReuseMode::Aggressive).await,
    }?;
    server.counters().reuses.add(1);
    t.proxy().back().reuses.add(1);
    Some(conn)
}

/// Whether this request is the first of its client, which no failure of an old connection may meet: who speaks
/// HTTP/2 learns which of its requests may be sent again, and some failures are survived here.
fn is_first(t: &Transaction) -> bool {
    let client = &t.client;
    client.requests <= 1 && client.stream.lane().is_none() && !t.proxy().conf().retry_on.contains(SAVED)
}

/// A connection of the client's own, a stream of one that several share, one that rests here, or one that rests at
/// another worker's.
async fn shared(t: &Transaction, server: &Rc<Server>, own: Option<Conn>, proven: bool) -> Option<Conn> {
    let wish = Wish { worker: &t.client.worker, proxy: t.proxy(), server, key: key(t) };
    if let Some(conn) = wish.stream() {
        return Some(conn);
    }
    match own.or_else(|| wish.resting(proven)) {
        Some(conn) => Some(conn),
        None if wish.is_with_others() => Box::pin(wish.rob(Some(wish.key), proven)).await,
        None => None,
    }
}

/// A connection for a check, as the first request of a client would find one (manual, 5.2 "check-reuse-pool").
pub(crate) async fn for_check(wish: Wish<'_>) -> Option<Conn> {
    let proven = match wish.proxy.conf().reuse {
        ReuseMode::Never | ReuseMode::Safe => return None,
        mode => mode == ReuseMode::Aggressive,
    };
    match wish.stream().or_else(|| wish.resting(proven)) {
        None if wish.is_with_others() => wish.rob(Some(wish.key), proven).await,
        found => found,
    }
}

/// The first stream of a connection that was just made, where it carries HTTP/2; other requests may begin more.
pub(crate) fn multiplexed(t: &Transaction, mut stream: Stream) -> Stream {
    let Some(server) = t.assigned.as_ref().map(|a| a.server.clone()) else { return stream };
    if !speaks_h2(t, &server, &stream) {
        stream.count(Some(Counted::new(t.proxy(), Side::Back)));
        return stream;
    }
    let shared = t.proxy().conf().reuse != ReuseMode::Never;
    let kept = !shared && rests_with_client(t);
    let wish = Wish { worker: &t.client.worker, proxy: t.proxy(), server: &server, key: key(t) };
    if shared {
        return Stream::Lane(wish.share(stream));
    }
    // A connection that nobody else may use has nothing to rest for, unless its client holds it.
    let lane = wish.open(stream, (!kept).then_some(Duration::ZERO));
    if kept {
        own::share(t, server.clone(), wish.key, &lane);
    }
    Stream::Lane(lane)
}

/// Whether a connection that was just made carries HTTP/2 (manual, 5.2 "proto", "ws").
fn speaks_h2(t: &Transaction, server: &Server, stream: &Stream) -> bool {
    let said = if websocket::is_asked(&t.messages.request) { server.conf().websockets } else { Proto::Any };
    match said {
        Proto::Any => server.conf().proto == Proto::H2 || stream.agreed_on_h2(),
        // What was agreed on is what was offered.
        _ if server.conf().tls.websocket_policy.is_some() && stream.session().is_some() => {
            stream.agreed_on_h2()
        }
        said => said == Proto::H2,
    }
}

/// Whether a request goes over connections of its own kind: a WebSocket for which another protocol is spoken.
fn is_apart(t: &Transaction, server: &conf::Server) -> bool {
    let other = server.websockets != Proto::Any || server.tls.websocket_policy.is_some();
    other && websocket::is_asked(&t.messages.request)
}

/// A connection that rests here, for this key or for any, and that the server has not closed.
fn resting(server: &Server, key: Option<u64>, proven: bool) -> Option<Conn> {
    loop {
        let idle = at_rest(server, |idle| idle.take(key, proven))?;
        if !idle.conn.stream.has_news() {
            return Some(idle.conn);
        }
    }
}

/// Closes connections at rest for a new one: where descriptors run short (manual, 3.2 "tune.pool-high-fd-ratio"), and
/// where there may be no more connections than requests (`strict-maxconn`).
pub(crate) async fn make_room(t: &mut Transaction) {
    let Some(server) = t.assigned.as_ref().map(|a| a.server.clone()) else { return };
    let wish = Wish { worker: &t.client.worker, proxy: t.proxy(), server: &server, key: ANYONES };
    let crowded = is_crowded(wish.worker, |tune| tune.pool_high_fd_ratio);
    if crowded && !close_one(wish.worker, &server) && server.shared.runtime.idle.load(Relaxed) > 0 {
        // What another worker gives is closed here.
        Box::pin(wish.rob(None, false)).await;
    }
    if !server.conf().strict_maxconn {
        return;
    }
    let runtime = &server.shared.runtime;
    let limit = runtime.maxconn.load(Relaxed);
    while limit > 0 && runtime.idle.load(Relaxed) > 0 {
        if runtime.serving.now() + runtime.idle.load(Relaxed) <= limit {
            return;
        }
        if server.idle.borrow().len() > 0 {
            at_rest(&server, |idle| idle.drop_oldest(1));
        } else if Box::pin(wish.rob(None, false)).await.is_none() {
            return;
        }
    }
}

/// Whether more than a share of all descriptors, in percent, is in use.
fn is_crowded(worker: &Worker, share: impl FnOnce(&Tune) -> u32) -> bool {
    let most = worker.runtime.process.maxsock.load(Relaxed);
    most > 0
        && u64::from(io::open_sockets()) * 100 > most * u64::from(share(&worker.view().snapshot.global.tune))
}

/// Closes a connection that rests here, to this server if there is one; whether there was one.
fn close_one(worker: &Worker, server: &Server) -> bool {
    let close = |server: &Server| {
        let found = server.idle.borrow().len() > 0;
        if found {
            at_rest(server, |idle| idle.drop_oldest(1));
        }
        found
    };
    close(server) || worker.view().proxies.iter().flat_map(|p| &p.servers).any(|s| close(s))
}

/// A connection that is looked for, or that is to be found.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// Who looks.
    pub(crate) worker: &'a Rc<Worker>,
    /// The backend for which it counts.
    pub(crate) proxy: &'a Rc<local::Proxy>,
    /// Where it goes.
    pub(crate) server: &'a Rc<Server>,
    /// What must be the same.
    pub(crate) key: u64,
}

// === impl Wish ===

impl Wish<'_> {
    /// A stream of a connection that several share.
    fn stream(&self) -> Option<Conn> {
        let lane = self.server.links.open(self.key, self.worker)?;
        Some(Conn::new(Stream::Lane(lane), self.worker.buffers.buffer()))
    }

    /// A connection that rests here.
    fn resting(&self, proven: bool) -> Option<Conn> {
        resting(self.server, Some(self.key), proven)
    }

    /// Whether another worker may be asked for a connection (manual, 3.2 "tune.idle-pool.shared"; 5.2
    /// "pool-low-conn").
    fn is_with_others(&self) -> bool {
        let idle = self.server.shared.runtime.idle.load(Relaxed);
        self.worker.runtime.workers > 1
            && idle > 0
            && idle >= self.server.conf().pool.low
            && self.worker.view().snapshot.global.tune.idle_pool_shared
    }

    /// Asks the other workers, one after the other.
    async fn rob(&self, key: Option<u64>, proven: bool) -> Option<Conn> {
        for other in self.worker.others() {
            let (answer, parcel) = oneshot::channel();
            let robbery = Robbery { server: self.server.shared.runtime.clone(), key, proven, answer };
            if !other.rob(robbery) {
                continue;
            }
            let Ok(Some((detached, requests))) = parcel.await else { continue };
            if let Ok(mut stream) = Stream::attach(detached) {
                stream.count(Some(Counted::again(self.proxy, Side::Back)));
                let mut conn = Conn::new(stream, self.worker.buffers.buffer());
                conn.requests = requests;
                return Some(conn);
            }
        }
        None
    }

    /// Speaks HTTP/2 over a connection that was just made, of which others may have streams, too: its first one.
    pub(crate) fn share(&self, stream: Stream) -> h2::Lane {
        let lane = self.open(stream, Some(self.server.conf().pool.purge_delay));
        self.server.links.share(self.key, &lane);
        lane
    }

    fn open(&self, stream: Stream, time: Option<Duration>) -> h2::Lane {
        h2::open(stream, self.proxy, self.worker, h2::Rest { time, ping: self.server.conf().idle_ping })
    }

    /// Puts a connection to rest, where it may be of use to others; `busy` ones carry requests.
    pub(crate) fn keep(&self, mut conn: Conn, busy: u32) {
        let (server, limits) = (self.server, self.server.conf().pool);
        conn.input.release();
        let resting = i64::from(server.shared.runtime.idle.load(Relaxed));
        let full = limits.max >= 0 && resting >= limits.max;
        if limits.purge_delay.is_zero() || full || is_worn(server, &conn) || !is_needed(server, busy) {
            return;
        }
        if server.has_left() || is_maintained(server) {
            return;
        }
        if is_crowded(self.worker, |tune| tune.pool_low_fd_ratio) {
            return;
        }
        // The janitor hears of it when the server closes the connection.
        let waker = self.worker.janitor.borrow();
        let mut cx = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
        if conn.stream.poll_readable(&mut cx) == Poll::Ready(()) {
            return;
        }
        let proven = conn.requests > 1;
        let idle = Idle { conn, key: self.key, proven };
        let first = at_rest(server, |resting| {
            let first = resting.purge_at.is_none();
            resting.purge_at =
                resting.purge_at.or_else(|| Some(clock::now().after(Some(limits.purge_delay))));
            resting.put(idle);
            first
        });
        if first
            && limits.purge_delay < JANITOR_TICK
            && let Some(janitor) = waker.as_ref()
        {
            janitor.wake_by_ref();
        }
    }
}

/// One worker's wish for a connection that rests at another's: the descriptor travels, with how many requests
/// it has carried.
pub(crate) struct Robbery {
    server: Arc<ServerRuntime>,
    /// What it must be for; absent where any will do.
    key: Option<u64>,
    proven: bool,
    answer: oneshot::Sender<Option<(Detached, u32)>>,
}

// === impl Robbery ===

impl Robbery {
    /// Looks for such a connection among this worker's.
    pub(crate) fn answer(self, view: &View) {
        let mut servers = view.proxies.iter().flat_map(|p| &p.servers);
        let found = servers
            .find(|s| Arc::ptr_eq(&s.shared.runtime, &self.server))
            .and_then(|s| resting(s, self.key, self.proven))
            .and_then(|conn| Some((conn.stream.detach()?, conn.requests)));
        // Who asked may have gone; then the connection is closed.
        let _ = self.answer.send(found);
    }
}

/// Puts the connection to rest where it may carry another request.
pub(crate) fn keep(t: &mut Transaction, back: Conn) {
    if back.stream.lane().is_some() {
        return;
    }
    let Some(server) = t.assigned.as_ref().map(|a| a.server.clone()) else { return };
    if !t.messages.reusable || !back.input.is_empty() || prepare::server_closes(t) || is_worn(&server, &back)
    {
        return;
    }
    if t.proxy().conf().reuse == ReuseMode::Never {
        // Not to be shared: it stays with the client.
        if rests_with_client(t) {
            let mut back = back;
            back.input.release();
            own::keep(t, server, key(t), back);
        }
        return;
    }
    // The place of this request is still held.
    let busy = server.shared.runtime.serving.now().saturating_sub(1);
    Wish { worker: &t.client.worker, proxy: t.proxy(), server: &server, key: key(t) }.keep(back, busy);
}

/// Whether it carried as many requests as it may (manual, 5.2 "max-reuse").
fn is_worn(server: &Server, conn: &Conn) -> bool {
    let most = server.conf().pool.max_reuse;
    most >= 0 && i64::from(conn.requests) > most
}

/// Does something with the connections that rest here, and tells everybody how many there are then.
fn at_rest<R>(server: &Server, work: impl FnOnce(&mut IdlePool<Conn>) -> R) -> R {
    let mut idle = server.idle.borrow_mut();
    let before = [idle.len(), idle.proven()];
    let done = work(&mut idle);
    let after = [idle.len(), idle.proven()];
    let runtime = &server.shared.runtime;
    for (level, (before, after)) in
        [&runtime.idle, &runtime.proven].into_iter().zip(before.into_iter().zip(after))
    {
        // Wraps around for fewer.
        level.fetch_add((after as u32).wrapping_sub(before as u32), Relaxed);
    }
    done
}

/// Whether one more connection at rest may be of use: together with the `busy` ones, which carry requests, they should
/// be no more than were needed at once lately, or clients that each bring a connection of their own would fill
/// the process with idle ones.
fn is_needed(server: &Server, busy: u32) -> bool {
    let runtime = &server.shared.runtime;
    runtime.idle.load(Relaxed) + busy < runtime.needed_now() + server.conf().pool.low
}

/// Closes what servers have closed, and what nobody needs any more. Runs for as long as the worker.
pub(crate) async fn janitor(worker: Rc<Worker>) {
    let mut next = clock::now();
    let timer = worker.wheel.timer();
    loop {
        std::future::poll_fn(|cx| {
            let mut waker = worker.janitor.borrow_mut();
            if waker.as_ref().is_none_or(|w| !w.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
            drop(waker);
            sweep(&worker);
            timer.set(next_purge(&worker).unwrap_or(Tick::NEVER).min(next.after(Some(JANITOR_TICK))));
            if timer.poll_expired(cx) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        next = clock::now();
        purge(&worker, next);
        worker.trim();
    }
}

/// Whether the client may come back to a connection that is its own.
fn rests_with_client(t: &Transaction) -> bool {
    (t.front.keep_alive || t.client.stream.lane().is_some()) && !is_marked(t)
}

/// Whether a rule marks the packets of this request.
fn is_marked(t: &Transaction) -> bool {
    t.facts.marks != PacketMarks::default()
}

/// What must be the same for a request to go over a connection.
fn key(t: &Transaction) -> u64 {
    let Some(a) = &t.assigned else { return ANYONES };
    let server = a.server.conf();
    let private = server.proxy_header.is_some() || source_of(t.proxy().conf(), server).usesrc.is_some();
    // A session was made for one name; another would show another certificate.
    let name = server.pool_conn_name.as_ref().or(server.tls.sni.as_ref());
    let apart = is_apart(t, server);
    if !private && name.is_none() && !is_marked(t) && !apart {
        return ANYONES;
    }
    let name = name.map(|name| balance::text_of(t, name));
    let mut h = hasher(apart, t.facts.marks, name.as_deref());
    private.hash(&mut h);
    if private {
        t.client.source.hash(&mut h);
    }
    if server.proxy_header.is_some() {
        t.client.destination().hash(&mut h);
    }
    h.finish() | 1
}

/// What must be the same for a check to go over a connection that is for this name; none where each tells whose it is.
pub(crate) fn key_of_check(proxy: &conf::Proxy, server: &conf::Server, name: Option<&[u8]>) -> Option<u64> {
    if server.proxy_header.is_some() {
        return None;
    }
    let private = source_of(proxy, server).usesrc.is_some();
    if !private && name.is_none() {
        return Some(ANYONES);
    }
    let mut h = hasher(false, PacketMarks::default(), name);
    private.hash(&mut h);
    Some(h.finish() | 1)
}

fn hasher(apart: bool, marks: PacketMarks, name: Option<&[u8]>) -> DefaultHasher {
    let mut h = DefaultHasher::new();
    apart.hash(&mut h);
    marks.hash(&mut h);
    if let Some(name) = name {
        name.hash(&mut h);
    }
    h
}

/// Where connections to a server come from.
fn source_of<'c>(proxy: &'c conf::Proxy, server: &'c conf::Server) -> &'c conf::Source {
    if server.source == conf::Source::default() { &proxy.source } else { &server.source }
}

/// Whether the server is in maintenance, which ends its connections at rest.
fn is_maintained(server: &Server) -> bool {
    server.shared.runtime.admin().intersects(Admin::MAINT)
}

fn sweep(worker: &Worker) {
    for server in worker.view().proxies.iter().flat_map(|p| &p.servers) {
        if server.idle.borrow().len() > 0 {
            let all = is_maintained(server);
            at_rest(server, |idle| idle.sweep(|i| all || i.conn.stream.has_news()));
        }
    }
}

/// When the next server's connections at rest are looked through.
fn next_purge(worker: &Worker) -> Option<Tick> {
    let view = worker.view();
    view.proxies.iter().flat_map(|p| &p.servers).filter_map(|server| server.idle.borrow().purge_at).min()
}

/// Closes what nobody needed since the last look: half of it and one more (manual, 5.2 "pool-purge-delay").
fn purge(worker: &Worker, now: Tick) {
    for server in worker.view().proxies.iter().flat_map(|p| &p.servers) {
        if server.idle.borrow().purge_at.is_none_or(|at| at > now) {
            continue;
        }
        let (runtime, delay) = (&server.shared.runtime, server.conf().pool.purge_delay);
        let (resting, needed) = (runtime.idle.load(Relaxed), runtime.needed_now());
        let unneeded = (resting + runtime.serving.now()).saturating_sub(needed) as usize;
        at_rest(server, |idle| {
            if unneeded > 0 {
                let share = unneeded.div_ceil(2) * idle.len() / (resting.max(1) as usize);
                idle.drop_oldest(share + 1);
            }
            let goes_on = idle.len() > 0 || needed > 0;
            idle.purge_at = goes_on.then(|| now.after(Some(delay)));
        });
        guess(runtime, now, delay);
    }
}

/// Follows how many connections are needed at once: up at once, and down by half with each look, of whichever worker
/// comes first.
fn guess(runtime: &ServerRuntime, now: Tick, delay: Duration) {
    let last = Tick(runtime.guessed.load(Relaxed));
    if last.0 != 0 && now < last.after(Some(delay / 2)) {
        return;
    }
    runtime.guessed.store(now.0, Relaxed);
    let (recent, before) = (runtime.serving.take_recent(), runtime.needed.load(Relaxed));
    runtime.needed.store(recent.max((recent + before) / 2), Relaxed);
}

/// The key of connections that anybody may use.
const ANYONES: u64 = 0;

/// How often the janitor comes at least.
const JANITOR_TICK: Duration = Duration::from_secs(1);

/// The failures that a first request has to survive to be sent over a connection that had been at rest.
const SAVED: RetryOn = RetryOn::CONN_FAILURE.union(RetryOn::EMPTY_RESPONSE).union(RetryOn::RESPONSE_TIMEOUT);
