//! Getting to a server: choose one, wait in the queue, connect, and try again where that may help (manual,
//! 4.2 "retries", "option redispatch", "timeout queue", "timeout connect").

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use weir_balance::retry::{Attempt, Next, Redispatch};
use weir_expr::scope::TimeoutOf;
use weir_http::{status, uri};
use weir_sys::accepted;

use crate::balance;
use crate::check::{self, Sign};
use crate::clock::{self, Tick};
use crate::conf::{Mode, Options, RetryOn};
use crate::ending::{Cause, Stage};
use crate::farm::{Choice, Slot, Wish};
use crate::io::Stream;
use crate::local;
use crate::log;
use crate::mux::h2::Gone;
use crate::observe;
use crate::outbound::{self, Connecting, Failure};
use crate::refusal::Unreached;
use crate::stage::{answer, exchange, handshake, own, proxy_header, rules};
use crate::trace;
use crate::transaction::{Assigned, Stop, Transaction};
use crate::watch::Watch;

/// A connection to the server of the transaction, made anew.
pub(crate) async fn server(t: &mut Transaction) -> Result<Stream, Stop> {
    loop {
        assign(t).await?;
        match connect(t).await {
            Ok(stream) => return Ok(stream),
            Err(end) => again(t, end).await?,
        }
    }
}

/// Tells who watches which server it is.
fn tell_chosen(t: &Transaction, server: &local::Server, wanted: bool) {
    observe::tell(|| observe::Event::Server {
        name: server.conf().name.clone(),
        why: match wanted {
            true => "persistence, or 'use-server'".to_owned(),
            false => format!("balance: {}", t.proxy().conf().balance.word()),
        },
    });
    observe::tell_variables(t);
}

/// How a connection attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The server refused or reset it.
    Refused,
    /// `timeout connect` struck.
    TimedOut,
    /// We could not even try.
    Exhausted,
    /// There are as many sessions of TLS as there may be.
    Crowded,
    /// It is another server than was wanted: trying again does not help.
    Mismatch,
    /// The client went away meanwhile.
    ClientLeft,
    /// The client of a TCP session reset its connection.
    ClientReset,
}

/// Chooses a server and takes a place there, waiting for one where all are taken.
pub(crate) async fn assign(t: &mut Transaction) -> Result<(), Stop> {
    if t.assigned.as_ref().is_some_and(|a| a.slot.is_some()) {
        return Ok(()); // The same server once more.
    }
    let backend = t.proxy().clone();
    let farm = &backend.shared.farm;
    let left = t.assigned.take().map(|a| a.server);
    let avoid = left.as_ref().map(|server| server.shared.index);
    let priority = t.facts.priority;
    let wish = Wish { hash: balance::hash(t), avoid, priority };
    if let Some(server) = rules::server(t).filter(|_| avoid.is_none()) {
        t.facts.persisted.overrule(server);
    }
    let wanted = t.facts.persisted.server.or_else(|| last(t)).filter(|_| avoid.is_none());
    let server = wanted.and_then(|index| backend.server(index)).cloned();
    // It is the request's while it waits for it, too.
    t.assigned = server.map(Assigned::to);
    let mut choice = match wanted {
        Some(server) => farm.want(server, priority, t.now()),
        None => choose(&backend, wish, t.now()),
    };
    loop {
        match choice {
            Choice::Serve(slot) => {
                let Some(server) = local_server(t, &backend, &slot).await else {
                    t.facts.blame(Cause::Internal, Stage::Connect);
                    return Err(Stop::Answer(500));
                };
                note_left(t, left.as_deref(), Some(&server));
                tell_chosen(t, &server, wanted.is_some());
                take_place(t, &backend, server, slot);
                return Ok(());
            }
            Choice::NoServer => {
                note_left(t, left.as_deref(), None);
                t.facts.blame(Cause::Server, Stage::Connect);
                backend.back().failed_connections.add(1);
                return Err(Stop::Answer(503));
            }
            Choice::QueueFull(_)
                if t.facts.persisted.server.is_some() && backend.conf().redispatch.is_some() =>
            {
                let full = t.assigned.take().map(|a| a.server);
                note_left(t, full.as_deref(), None);
                let avoid = full.map(|server| server.shared.index);
                choice = choose(&backend, Wish { avoid, ..wish }, clock::now());
            }
            Choice::QueueFull(full) => {
                // It is the server that refuses.
                t.assigned = backend.server(full).cloned().map(Assigned::to);
                t.facts.blame(Cause::Server, Stage::Queue);
                count_failure(t);
                return Err(Stop::Answer(503));
            }
            Choice::Wait(waiting) => {
                if let Some(server) = waiting.server().and_then(|index| backend.server(index)) {
                    t.assigned = Some(Assigned::to(server.clone()));
                }
                match Box::pin(queue(t, waiting)).await? {
                    Some(slot) => choice = Choice::Serve(slot),
                    None => {
                        t.facts.persisted.leave();
                        t.assigned = None;
                        choice = choose(&backend, wish, clock::now());
                    }
                }
            }
        }
    }
}

/// Takes a server's place for the request.
fn take_place(t: &mut Transaction, backend: &local::Proxy, server: Rc<local::Server>, slot: Slot) {
    note_assigned(t, &server);
    let watch = Watch::on(backend, &server);
    let generation = server.shared.runtime.generation.load(Relaxed);
    t.assigned = Some(Assigned { server, slot: Some(slot), generation, watch });
    trace::transaction(t, &trace::STREAM_SERVER);
}

/// Sends clients of a server with `redir` to the place that it names, unless they bring something (manual, 5.2).
pub(crate) fn sent_elsewhere(t: &mut Transaction) -> Result<(), Stop> {
    let Some(assigned) = &mut t.assigned else { return Ok(()) };
    let server = assigned.server.clone();
    let Some(prefix) = &server.conf().redir else { return Ok(()) };
    let request = &t.messages.request;
    if !matches!(request.method(), b"GET" | b"HEAD") {
        return Ok(());
    }
    assigned.slot = None;
    let place = [prefix.as_bytes(), uri::path_and_query(request.target())].concat();
    let response = &mut t.messages.response;
    response.clear();
    response.set_response(302, status::reason(302).as_bytes(), (1, 1));
    response.append(b"cache-control", b"no-cache");
    response.append(b"content-length", b"0");
    response.facts_mut().content_length = Some(0);
    response.append(b"location", &place);
    t.messages.body.clear();
    t.facts.blame(Cause::Local, Stage::Connect);
    Err(Stop::Reply)
}

/// Asks the balancer, and counts whom it named.
fn choose(backend: &local::Proxy, wish: Wish, now: Tick) -> Choice {
    let choice = backend.shared.farm.choose(wish, now);
    if let Some(server) = choice.server().filter(|server| wish.avoid != Some(*server)) {
        backend.back().selected.add(1);
        if let Some(server) = backend.server(server) {
            server.counters().selected.add(1);
        }
    }
    choice
}

/// The chosen server as this worker knows it. One that came at run time may be known to the newest view only,
/// or be on its way there.
async fn local_server(t: &Transaction, backend: &local::Proxy, slot: &Slot) -> Option<Rc<local::Server>> {
    let is_it = |s: &&Rc<local::Server>| Arc::ptr_eq(&s.shared.runtime, slot.runtime());
    if let Some(server) = backend.server(slot.server()).filter(is_it) {
        return Some(server.clone());
    }
    for _ in 0..PATIENCE {
        let view = t.client.worker.view();
        let newest =
            view.proxies.iter().find(|p| p.conf().is_backend() && p.conf().name == backend.conf().name);
        if let Some(server) = newest.and_then(|p| p.server(slot.server())).filter(is_it) {
            return Some(server.clone());
        }
        tokio::task::yield_now().await;
    }
    None
}

/// The server of the client's last request, where it should get this one too because the client still owns a
/// connection to it (manual, 4.2 "option prefer-last-server", "max-keep-alive-queue").
fn last(t: &Transaction) -> Option<usize> {
    let (backend, conf) = (t.proxy(), t.proxy().conf());
    if !conf.options.contains(Options::PREFER_LAST_SERVER) {
        return None;
    }
    let is_ours =
        |s: &Rc<local::Server>| backend.server(s.shared.index).is_some_and(|ours| Rc::ptr_eq(ours, s));
    let server = own::last_server(t, is_ours)?;
    let runtime = &server.shared.runtime;
    let short = conf.max_keep_alive_queue < 0 || i64::from(runtime.queued.now()) <= conf.max_keep_alive_queue;
    (short && runtime.is_usable()).then_some(server.shared.index)
}

/// Waits in the queue; `None` where it has to choose again.
async fn queue(t: &mut Transaction, mut waiting: crate::farm::Waiting) -> Result<Option<Slot>, Stop> {
    let limit = t.timeout(TimeoutOf::Queue);
    t.client.timer.set(t.now().after(limit));
    let for_server = waiting.server().is_some();
    let mut turn = Box::pin(waiting.turn());
    let end = poll_fn(|cx| {
        if let Poll::Ready(got) = turn.as_mut().poll(cx) {
            return Poll::Ready(Ok(got));
        }
        if t.place.is_told_to_end() {
            return Poll::Ready(Err(Cause::Killed));
        }
        if client_left(t, cx).is_some() {
            return Poll::Ready(Err(Cause::Client));
        }
        if t.client.timer.poll_expired(cx) {
            return Poll::Ready(Err(Cause::ServerTimeout));
        }
        Poll::Pending
    })
    .await;
    drop(turn);
    let mut note = |passed| {
        let queue = if for_server { &mut t.facts.queued.0 } else { &mut t.facts.queued.1 };
        *queue += passed;
    };
    match end {
        Ok(Some((slot, passed))) => {
            note(passed);
            Ok(Some(slot))
        }
        Ok(None) => {
            note(1); // As the first in the queue.
            Ok(None)
        }
        Err(cause) => {
            note(waiting.leave());
            t.facts.assigned = Some(t.now());
            if cause == Cause::Client {
                return Err(left(t, Stage::Queue));
            }
            t.facts.blame(cause, Stage::Queue);
            t.proxy().back().failed_connections.add(1);
            Err(Stop::Answer(503))
        }
    }
}

/// Whether and how the client has left: its connection is gone, or it closed its side where that counts, and nothing
/// is left to be read before it.
fn client_left(t: &mut Transaction, cx: &mut Context<'_>) -> Option<Ended> {
    let tcp = t.proxy().conf().mode == Mode::Tcp;
    let closing_counts = tcp || t.proxy().conf().aborts_on_close();
    // A TCP client that says nothing but its end wants no server any more; one that spoke may wait for no answer,
    // as those do that only deliver something.
    if tcp && !t.client.input.is_empty() {
        return None;
    }
    let client = &mut t.client;
    if let Some(lane) = client.stream.lane() {
        return match lane.poll_gone(cx) {
            Poll::Ready(Gone::Left) if !closing_counts => None,
            gone => gone.is_ready().then_some(Ended::ClientLeft),
        };
    }
    if client.input.is_full() {
        return None;
    }
    match client.stream.poll_read(cx, client.input.space()) {
        Poll::Ready(Ok(0)) => closing_counts.then_some(Ended::ClientLeft),
        Poll::Ready(Err(_)) if tcp => Some(Ended::ClientReset),
        Poll::Ready(Err(_)) => Some(Ended::ClientLeft),
        Poll::Ready(Ok(n)) => {
            client.input.filled(n);
            cx.waker().wake_by_ref();
            None
        }
        Poll::Pending => None,
    }
}

/// Connects to the server that was chosen.
pub(crate) async fn connect(t: &mut Transaction) -> Result<Stream, Ended> {
    let Some(server) = t.assigned.as_ref().map(|a| a.server.clone()) else { return Err(Ended::Exhausted) };
    let limit = t.timeout(TimeoutOf::Connect);
    let mut connecting = match start(t, &server) {
        Ok(c) => c,
        Err(Failure::Refused(_)) => return Err(Ended::Refused),
        Err(Failure::Exhausted(_) | Failure::NoAddress) => return Err(Ended::Exhausted),
    };
    t.client.timer.set(t.now().after(limit));
    count_connect(t, &server);
    // A server that is near has answered by the next turn of the loop: the client's end comes second.
    let mut turn = std::pin::pin!(tokio::task::yield_now());
    let mut turned = false;
    poll_fn(|cx| {
        if let Poll::Ready(done) = connecting.poll_done(cx) {
            return Poll::Ready(done.map_err(|_| Ended::Refused));
        }
        if t.client.stream.poll_readable(cx).is_ready() && (turned || turn.as_mut().poll(cx).is_ready()) {
            turned = true;
            if let Some(end) = client_left(t, cx) {
                return Poll::Ready(Err(end));
            }
        }
        if t.client.timer.poll_expired(cx) {
            return Poll::Ready(Err(Ended::TimedOut));
        }
        Poll::Pending
    })
    .await?;
    let mut stream = connecting.into_stream();
    if t.proxy().has(Options::NOLINGER) {
        // Where the system refuses, a close is merely as slow as any.
        let _ = accepted::set_no_linger(&stream);
    }
    log::reached(t, &stream);
    proxy_header::introduce(t, &server, &stream).await?;
    if server.shared.runtime.secured.load(Relaxed) {
        Box::pin(handshake::with_server(t, &server, &mut stream)).await?;
    }
    observe(t, Sign::Connected);
    t.facts.connected = Some(t.now());
    Ok(stream)
}

fn start(t: &Transaction, server: &Rc<local::Server>) -> Result<Connecting, Failure> {
    let destination = || t.client.destination().inet();
    let spec = &server.shared.connect;
    outbound::start(server, spec, destination, source(t, server), t.facts.marks)
}

/// The client's address, where the connection shall seem to come from it (`usesrc`).
fn source(t: &Transaction, server: &Rc<local::Server>) -> Option<SocketAddr> {
    use crate::conf::SourceAddress;
    let source = if server.conf().source == crate::conf::Source::default() {
        &t.proxy().conf().source
    } else {
        &server.conf().source
    };
    match source.usesrc.as_ref()? {
        SourceAddress::Client => t.client.source.inet(),
        SourceAddress::ClientIp => t.client.source.inet().map(|a| SocketAddr::new(a.ip(), 0)),
        SourceAddress::Addr(a) => Some(*a),
        SourceAddress::Header { name, occurrence } => {
            in_header(t, name, *occurrence).map(|ip| SocketAddr::new(ip, 0))
        }
    }
}

/// The address in a header, at this occurrence among its values (`usesrc hdr_ip(name,occ)`).
fn in_header(t: &Transaction, name: &str, occurrence: i32) -> Option<IpAddr> {
    let head = &t.messages.request;
    let of_name = |line: &&weir_http::HeaderLine| head.name(line).eq_ignore_ascii_case(name.as_bytes());
    let lines = || head.lines().iter().filter(of_name);
    let values = || lines().flat_map(|l| head.value(l).split(|b| *b == b',')).map(<[u8]>::trim_ascii);
    let at = match occurrence {
        1.. => occurrence as usize - 1,
        0 => 0,
        _ => values().count().checked_sub(occurrence.unsigned_abs() as usize)?,
    };
    std::str::from_utf8(values().nth(at)?).ok()?.parse().ok()
}

/// Tells the checks of the server what its traffic shows (`observe`).
pub(crate) fn observe(t: &Transaction, sign: Sign) {
    if let Some(a) = &t.assigned {
        check::note(&t.client.worker, t.proxy(), &a.server, sign);
    }
}

/// Decides what follows a failed attempt, and waits where a pause is due.
pub(crate) async fn again(t: &mut Transaction, end: Ended) -> Result<(), Stop> {
    let cause = match end {
        Ended::Refused | Ended::Mismatch => Cause::Server,
        Ended::TimedOut => Cause::ServerTimeout,
        Ended::Exhausted => Cause::Resource,
        Ended::Crowded => Cause::Internal,
        Ended::ClientLeft | Ended::ClientReset => Cause::Client,
    };
    if end == Ended::Refused {
        t.facts.unreached.get_or_insert(Unreached::Refused);
    }
    if matches!(end, Ended::Refused | Ended::Mismatch | Ended::TimedOut) {
        observe(t, Sign::Unreachable);
    }
    let next = match end {
        Ended::ClientLeft | Ended::ClientReset | Ended::Crowded => Next::GiveUp,
        Ended::Mismatch => {
            // The reference counts the attempts that it spares.
            t.facts.retries = t.facts.own_retries.unwrap_or(t.proxy().conf().retries);
            Next::GiveUp
        }
        _ => after_failure(t, end),
    };
    match next {
        Next::GiveUp if end == Ended::ClientLeft => Err(left(t, Stage::Connect)),
        Next::GiveUp if end == Ended::ClientReset => {
            exchange::count_client_abort(t);
            Err(left(t, Stage::Data))
        }
        Next::GiveUp => {
            t.facts.blame(cause, Stage::Connect);
            count_failure(t);
            Err(Stop::Answer(if end == Ended::Crowded { 500 } else { 503 }))
        }
        Next::SameServer { pause } => {
            t.facts.retries += 1;
            count_retry(t);
            if rest(t, Duration::from_millis(pause)).await {
                return Err(left(t, Stage::Connect));
            }
            count_session(t);
            Ok(())
        }
        Next::OtherServer => {
            t.facts.retries += 1;
            redispatch(t);
            Ok(())
        }
    }
}

/// What `retries` and `redispatch` say about a connection that could not be made.
fn after_failure(t: &Transaction, end: Ended) -> Next {
    if !t.proxy().conf().retry_on.contains(RetryOn::CONN_FAILURE) {
        return Next::GiveUp;
    }
    attempt(t, end == Ended::Refused).after_connect_failure()
}

/// How the request stands when an attempt fails.
pub(crate) fn attempt(t: &Transaction, quick: bool) -> Attempt {
    let conf = t.proxy().conf();
    Attempt {
        retries: t.facts.own_retries.unwrap_or(conf.retries),
        made: t.facts.retries,
        redispatch: conf.redispatch.map_or(Redispatch::Never, Redispatch::interval),
        pinned: false,
        quick,
        others: t.facts.persisted.server.is_none() && t.proxy().shared.farm.has_choice(),
    }
}

/// Leaves the server for whichever is chosen next.
pub(crate) fn redispatch(t: &mut Transaction) {
    if let Some(a) = &mut t.assigned {
        a.slot = None;
    }
}

/// Counts a server that was left. Where the balancer named it once more, that is a retry like any other.
fn note_left(t: &mut Transaction, left: Option<&local::Server>, chosen: Option<&local::Server>) {
    let Some(left) = left else { return };
    if chosen.is_some_and(|server| server.shared.index == left.shared.index) {
        t.proxy().back().retries.add(1);
        left.counters().retries.add(1);
        return;
    }
    t.facts.redispatched = true;
    t.facts.persisted.leave();
    left.counters().redispatches.add(1);
    t.proxy().back().redispatches.add(1);
}

fn note_assigned(t: &mut Transaction, server: &Rc<local::Server>) {
    let now = t.now();
    t.facts.assigned = Some(now);
    t.place.note_server(server);
    let counters = server.counters();
    counters.sessions.add(1);
    counters.session_rate.count(now);
}

/// Counts a connection; one in the place of another that came from rest counts as that.
fn count_connect(t: &Transaction, server: &local::Server) {
    for counters in [server.counters(), t.proxy().back()] {
        let counter = if t.facts.reused { &counters.reuses } else { &counters.connects };
        counter.add(1);
    }
}

/// The same server once more: a session of its own, and a retry (manual, 9.1 of the management guide, `wretr`).
pub(crate) fn stay(t: &Transaction) {
    count_session(t);
    count_retry(t);
}

fn count_session(t: &Transaction) {
    if let Some(a) = &t.assigned {
        a.server.counters().sessions.add(1);
    }
}

pub(crate) fn count_retry(t: &Transaction) {
    t.proxy().back().retries.add(1);
    if let Some(a) = &t.assigned {
        a.server.counters().retries.add(1);
    }
}

fn count_failure(t: &Transaction) {
    t.proxy().back().failed_connections.add(1);
    if let Some(a) = &t.assigned {
        a.server.counters().failed_connections.add(1);
    }
}

/// Waits before the same server is tried again; whether the client left meanwhile.
async fn rest(t: &mut Transaction, time: Duration) -> bool {
    if time.is_zero() {
        return false;
    }
    // Where connections are given up sooner, the pause is no longer either.
    let time = t.proxy().conf().timeouts.connect.map_or(time, |limit| limit.min(time));
    let until: Tick = clock::now().after(Some(time));
    t.client.timer.set(until);
    poll_fn(|cx| {
        if client_left(t, cx).is_some() {
            return Poll::Ready(true);
        }
        if t.client.timer.poll_expired(cx) { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

/// The client left before a server was reached.
fn left(t: &mut Transaction, stage: Stage) -> Stop {
    t.facts.blame(Cause::Client, stage);
    if t.proxy().conf().mode == Mode::Http {
        answer::count_status(t, 0);
    }
    Stop::Close
}

/// Closes a connection to a server at once, whatever is still under way: nobody waits for its answer.
pub(crate) fn abandon(stream: &Stream) {
    // Where the system refuses, a close is merely as slow as any.
    let _ = accepted::set_no_linger(stream);
}

/// Turns of the loop after which a server that was chosen ought to be known to the worker.
const PATIENCE: usize = 1000;
