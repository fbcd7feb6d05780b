//! One request and its answer, or one TCP session: the whole life on one screen.
//!
//! The stages live in files of their own names; each takes the transaction, does its part, and says whether
//! the next one follows. Only this file knows their order.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::rc::Rc;
use std::time::Duration;

use weir_expr::Side;
use weir_expr::scope::TimeoutOf;
use weir_http::Head;
use weir_http::answers::{self, Answer};
use weir_sys::Address;

use crate::action::{Bench, Kept};
use crate::clock::{self, Tick};
use crate::conf::Mode;
use crate::connection::Client;
use crate::coroutine::{Coroutine, Desk};
use crate::facts::Facts;
use crate::farm::Slot;
use crate::filter::Chain;
use crate::local;
use crate::log;
use crate::mux::h1;
use crate::passwords::Passwords;
use crate::scope::Captured;
use crate::service::{self, Order, page};
use crate::sessions::{Place, Sessions};
use crate::stage::stick::Stores;
use crate::stage::{
    body, exchange, finish, handshake, persist, prepare, proxy_header, reach, receive, respond, route, rules,
    stick, stream,
};
use crate::tables::Tracking;
use crate::trace;
use crate::variables::Variables;
use crate::watch::Watch;
use crate::worker::Worker;

/// A request in the making, its answer, and all that is known about both.
pub(crate) struct Transaction {
    pub(crate) client: Box<Client>,
    /// The client's side of the protocol, in `mode http`.
    pub(crate) front: h1::Front,
    pub(crate) messages: Box<Messages>,
    pub(crate) backend: Option<Rc<local::Proxy>>,
    pub(crate) assigned: Option<Assigned>,
    /// The connection to the server, while rules may look at what came over it.
    pub(crate) far: Option<h1::Conn>,
    pub(crate) facts: Facts,
    /// Where operators see it.
    pub(crate) place: Place,
}

/// The heads of a transaction; their storage serves one after the other.
#[derive(Default)]
pub(crate) struct Messages {
    pub(crate) request: Head,
    pub(crate) response: Head,
    /// What is kept of the request as it came.
    pub(crate) captured: Captured,
    /// The service that the request is for.
    pub(crate) service: Option<Order>,
    /// The body of an answer of our own.
    pub(crate) body: Vec<u8>,
    pub(crate) vars: Variables,
    /// What rules keep for the log, of the request and of the response.
    pub(crate) kept: [Kept; 2],
    /// When rules began to wait for bytes, whether they do so no longer, and whether none will come.
    pub(crate) inspecting: Option<Tick>,
    pub(crate) inspected: bool,
    pub(crate) at_end: bool,
    /// Timeouts that rules set.
    pub(crate) timeouts: OwnTimeouts,
    /// What rules of this transaction track, and the entries that its server is to be written to.
    pub(crate) tracking: Tracking,
    pub(crate) stores: Stores,
    /// What holds its bodies back.
    pub(crate) filters: Chain,
    /// The ends of the client's connection before a rule set them.
    pub(crate) ends: Option<Box<(Address, Address)>>,
    /// Passwords that rules ask about.
    pub(crate) passwords: Passwords,
    /// Room for what rules compute.
    pub(crate) bench: Bench,
    /// Storage for what goes to the server, and to the client.
    pub(crate) output: Vec<u8>,
    pub(crate) spare: Vec<u8>,
    /// The server's connection may carry another request.
    pub(crate) reusable: bool,
    /// The key that was made up for a WebSocket.
    pub(crate) websocket_key: Option<Box<str>>,
}

/// The timeouts that rules set, by what they are of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwnTimeouts([Option<Duration>; 6]);

/// The server that serves it, and the place it holds there.
pub(crate) struct Assigned {
    pub(crate) server: Rc<local::Server>,
    pub(crate) slot: Option<Slot>,
    /// The number under which its sessions began, to hear when they are to end.
    pub(crate) generation: u32,
    /// Where sessions end with the server.
    pub(crate) watch: Option<Box<Watch>>,
}

/// Why the next stage does not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Answer with this status, then close unless the request was read whole.
    Answer(u16),
    /// Log this status, answer nothing, and close: a body is on its way that nobody will read, or nobody is there.
    Silent(u16),
    /// Answer with what lies ready as the response.
    Reply,
    /// Have the service answer that was chosen.
    Serve,
    /// Forget the client without telling it.
    Drop,
    /// All that was to be said was said.
    Done,
    /// There is nobody to say anything to.
    Close,
    /// What follows is HTTP.
    Upgrade,
    /// What follows is HTTP/2: many requests on one connection.
    Multiplex,
}

/// What a connection does after a transaction.
pub(crate) enum Served {
    /// It waits for the next request.
    Next(Box<Client>),
    /// It goes on as HTTP/2.
    Multiplexed(Box<Client>),
    /// It is over.
    Close,
}

/// Where the transactions of requests run.
pub(crate) type Storage = Coroutine<Request, Served>;

/// Who sends a request, and the storage of its messages.
pub(crate) type Request = (Box<Client>, Box<Messages>);

/// Serves HTTP requests, one after the other.
pub(crate) async fn http(desk: Rc<Desk<Request, Served>>) -> Infallible {
    loop {
        let (client, messages) = desk.next().await;
        let mut t = Transaction::with(client, messages);
        let served = match http_stages(&mut t).await {
            Err(Stop::Multiplex) => finish::handed_over(t),
            end => {
                say_end(&mut t, end).await;
                finish::http(t)
            }
        };
        desk.leave(served);
    }
}

/// Says what is left to be said.
async fn say_end(t: &mut Transaction, end: Result<(), Stop>) {
    let stop = match end {
        Ok(()) => Stop::Done,
        Err(Stop::Serve) => Box::pin(service::serve(t)).await,
        Err(stop) => stop,
    };
    respond::end(t, stop).await;
}

async fn http_stages(t: &mut Transaction) -> Result<(), Stop> {
    proxy_header::accept(t).await?;
    handshake::with_client(t).await?;
    rules::session(t).await?;
    receive::request(t).await?;
    rules::content(t).await?;
    request_stages(t).await
}

/// What follows when a request is there.
async fn request_stages(t: &mut Transaction) -> Result<(), Stop> {
    receive::count(t);
    trace::transaction(t, &trace::STREAM_NEW);
    log::requested(t);
    rules::attach_filters(t);
    rules::keep_request(t);
    receive::is_wanted(t)?;
    prepare::frontend(t)?;
    body::buffered(t).await?;
    rules::request(t).await?;
    page::of(t, &t.client.frontend.clone()).await?;
    rules::redirect(t).await?;
    if t.backend.is_none() {
        route::backend(t)?;
    }
    prepare::tell_early(t);
    rules::attach_backend_filters(t);
    body::buffered_for_backend(t).await?;
    rules::backend_content(t).await?;
    rules::backend(t).await?;
    page::of_backend(t).await?;
    rules::redirect(t).await?;
    trace::transaction(t, &trace::STREAM_REQUEST);
    rules::keep_cookie(t, Side::Client);
    persist::request(t);
    stick::request(t);
    body::is_wanted(t)?;
    prepare::request(t)?;
    exchange::run(t).await
}

/// Serves one TCP session.
pub(crate) async fn tcp(mut t: Transaction) -> Served {
    // The ending is in the facts; there is no one to answer to.
    match tcp_stages(&mut t).await {
        Err(Stop::Upgrade) => return Box::pin(upgraded(t)).await,
        end => t.facts.dropped = end == Err(Stop::Drop),
    }
    finish::tcp(t);
    Served::Close
}

/// Serves the first request of a session that became HTTP (manual, 4).
async fn upgraded(mut t: Transaction) -> Served {
    t.client.upgraded = true;
    let end = match receive::request(&mut t).await {
        Ok(()) => request_stages(&mut t).await,
        Err(Stop::Multiplex) => return finish::handed_over(t),
        Err(stop) => Err(stop),
    };
    say_end(&mut t, end).await;
    finish::http(t)
}

async fn tcp_stages(t: &mut Transaction) -> Result<(), Stop> {
    t.count();
    trace::transaction(t, &trace::PLAIN_NEW);
    proxy_header::accept(t).await?;
    handshake::with_client(t).await?;
    rules::session(t).await?;
    log::accepted(t);
    rules::attach_filters(t);
    rules::content(t).await?;
    route::backend(t)?;
    if t.proxy().conf().mode == Mode::Http {
        return Err(Stop::Upgrade);
    }
    rules::attach_backend_filters(t);
    rules::backend_content(t).await?;
    stick::request(t);
    persist::rdp(t);
    match reach::server(t).await {
        Ok(server) => stream::run(t, server).await,
        Err(stop) => {
            // What came of the client came in vain.
            t.facts.log_bytes.0 += t.client.input.data().len() as u64;
            Err(stop)
        }
    }
}

// === impl Assigned ===

impl Assigned {
    /// A server that has given no place yet.
    pub(crate) fn to(server: Rc<local::Server>) -> Self {
        Self { server, slot: None, generation: 0, watch: None }
    }
}

// === impl OwnTimeouts ===

impl OwnTimeouts {
    pub(crate) fn set(&mut self, which: TimeoutOf, time: Duration) {
        if let Some(slot) = self.0.get_mut(which as usize) {
            *slot = Some(time);
        }
    }

    fn of(&self, which: TimeoutOf) -> Option<Duration> {
        self.0.get(which as usize).copied().flatten()
    }
}

// === impl Messages ===

impl Messages {
    /// Recycled ones of a worker, in which nothing is kept of the request before.
    pub(crate) fn of(worker: &Worker) -> Box<Self> {
        let mut messages = worker.messages.take().unwrap_or_default();
        messages.clear();
        messages
    }

    /// Forgets what rules kept; the storage stays.
    fn clear(&mut self) {
        (self.inspecting, self.inspected, self.at_end) = Default::default();
        self.timeouts = OwnTimeouts::default();
        (self.ends, self.websocket_key, self.service) = (None, None, None);
        self.captured.clear();
        self.passwords.clear();
        self.tracking.clear();
        self.stores.clear();
        self.filters.clear();
        self.vars.clear();
        self.kept.iter_mut().for_each(Kept::clear);
    }

    /// What rules keep of one side for the log.
    pub(crate) fn kept(&mut self, side: Side) -> &mut Kept {
        let [request, response] = &mut self.kept;
        match side {
            Side::Client => request,
            Side::Server => response,
        }
    }
}

// === impl Transaction ===

impl Transaction {
    pub(crate) fn new(client: Box<Client>) -> Self {
        let messages = Messages::of(&client.worker);
        Self::with(client, messages)
    }

    fn with(client: Box<Client>, messages: Box<Messages>) -> Self {
        let place =
            Sessions::enter(&client.worker, &client.frontend, &client.source, client.stream.as_raw_fd());
        let facts = Facts { begun: clock::now(), ..Facts::default() };
        Self {
            front: h1::Front::default(),
            client,
            messages,
            backend: None,
            assigned: None,
            far: None,
            facts,
            place,
        }
    }

    /// The backend, once it is chosen; the frontend before.
    pub(crate) fn proxy(&self) -> &Rc<local::Proxy> {
        self.backend.as_ref().unwrap_or(&self.client.frontend)
    }

    /// Whether it is a request, rather than a session of `mode tcp`.
    pub(crate) fn is_http(&self) -> bool {
        self.client.upgraded || self.client.frontend.conf().mode == Mode::Http
    }

    /// What was waited for before a server is chosen is time that the request took.
    pub(crate) fn prolong_request(&mut self) {
        let now = self.now();
        self.facts.requested = self.facts.requested.map(|_| now);
    }

    /// Gives it its number, unless it has one: what a connection at rest ends with is no transaction.
    pub(crate) fn count(&mut self) {
        if self.facts.number.is_none() {
            let number = self.client.worker.runtime.process.next_number();
            self.facts.number = Some(number);
            self.place.note_number(number);
        }
    }

    /// Whether a byte of a request came.
    pub(crate) fn has_begun(&self) -> bool {
        self.facts.requested.is_some() || self.facts.bytes_in > 0 || !self.client.input.is_empty()
    }

    /// Sets the ends of the client's connection, as long as it lasts or for this transaction.
    pub(crate) fn set_ends(&mut self, source: SocketAddr, destination: SocketAddr, lasting: bool) {
        let own = (self.client.source.clone(), self.client.destination().clone());
        if !lasting {
            self.messages.ends.get_or_insert_with(|| Box::new(own));
        }
        self.client.set_addresses(Address::Inet(source), Address::Inet(destination));
    }

    /// A timeout that is in force: a rule's, or the one of the proxy that it belongs to.
    pub(crate) fn timeout(&self, which: TimeoutOf) -> Option<Duration> {
        let proxy = if which == TimeoutOf::Client { &self.client.frontend } else { self.proxy() };
        self.own_timeout(which).or(proxy.conf().timeout(which))
    }

    /// The timeout that a rule set for this transaction.
    pub(crate) fn own_timeout(&self, which: TimeoutOf) -> Option<Duration> {
        self.messages.timeouts.of(which)
    }

    /// The answer for a status: the backend's own, the frontend's, or the built-in one.
    pub(crate) fn own_answer(&self, status: u16) -> Option<&Answer> {
        let backend = self.backend.as_ref().and_then(|b| b.shared.answers.find(status));
        let own = backend.or_else(|| self.client.frontend.shared.answers.find(status));
        own.or_else(|| answers::answer(status)).or_else(|| answers::answer(500))
    }

    /// This turn's tick.
    pub(crate) fn now(&self) -> Tick {
        clock::now()
    }
}
