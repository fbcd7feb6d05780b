//! A client's connection: what it is known by, and its life from one request to the next.
//!
//! Between requests it holds no buffer and no transaction: it waits in a small future. At the first byte of
//! a request it borrows the storage of a transaction from its worker, and gives it back at the end.

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use weir_sys::{Address, accepted, listen};

use crate::admission::Admission;
use crate::buffer::Buffer;
use crate::clock::{self, Tick};
use crate::conf::{Options, Proto};
use crate::coroutine::Coroutine;
use crate::io::{Counted, Side, Stream};
use crate::listener::Listener;
use crate::local;
use crate::mux::h2;
use crate::mux::rest::{Rest, Skipped};
use crate::runtime::{Counter, Counters};
use crate::stage::own::Own;
use crate::stage::rules;
use crate::tables::Tracking;
use crate::timer::Timer;
use crate::transaction::{self, Messages, Served, Transaction};
use crate::variables::SessionVariables;
use crate::worker::Worker;

/// A client's connection. What it owns lives as long as it does.
pub(crate) struct Client {
    pub(crate) worker: Rc<Worker>,
    pub(crate) frontend: Rc<local::Proxy>,
    pub(crate) listener: Rc<Listener>,
    pub(crate) stream: Stream,
    /// What came in and nobody consumed yet.
    pub(crate) input: Buffer,
    pub(crate) timer: Timer,
    /// The client's address, as it or the PROXY header says.
    pub(crate) source: Address,
    destination: OnceCell<Box<Address>>,
    pub(crate) accepted: Tick,
    /// The same in microseconds since 1970.
    pub(crate) accepted_wall: u64,
    /// When the last request ended; when it was accepted before the first.
    pub(crate) free_since: Tick,
    /// Requests so far.
    pub(crate) requests: u32,
    /// What is still to come of the last request, which was answered.
    pub(crate) rest: Option<Box<Rest>>,
    /// Connections to servers that are not to be shared with other clients (`http-reuse never`).
    pub(crate) own: RefCell<Vec<Own>>,
    /// A rule asked for a PROXY header.
    pub(crate) expects_proxy: bool,
    /// What a PROXY header said beside addresses; empty where it said no more, absent where none came.
    pub(crate) introduced: Option<Box<[u8]>>,
    /// What rules for connections and sessions track.
    pub(crate) tracking: Tracking,
    /// What began as a session of `mode tcp` is HTTP.
    pub(crate) upgraded: bool,
    /// The protocol that it was switched to, where that was said.
    pub(crate) switched: Proto,
    /// A rule asked for a NetScaler header.
    pub(crate) expects_cip: bool,
    /// Variables of the session.
    pub(crate) vars: SessionVariables,
    /// The connection that its stream is one of, and with it the session.
    parent: Option<Rc<Client>>,
    admission: Option<Admission>,
}

/// Into how many parts the time is cut in which idle connections are closed.
const SHARES: u32 = 64;

/// How a connection's wait for its next request ended.
enum Idle {
    /// Bytes are there.
    Request,
    /// Nobody will send any more.
    Over,
}

// === impl Client ===

impl Client {
    pub(crate) fn new(
        worker: &Rc<Worker>,
        listener: &Rc<Listener>,
        admission: Admission,
        fd: OwnedFd,
        source: Address,
    ) -> io::Result<Box<Self>> {
        if listener.proxy.has(Options::NOLINGER) {
            let _ = accepted::set_no_linger(&fd);
        }
        Ok(Box::new(Self {
            worker: worker.clone(),
            frontend: listener.proxy.clone(),
            listener: listener.clone(),
            stream: Stream::new(fd)?,
            input: worker.buffers.buffer(),
            timer: worker.wheel.timer(),
            source,
            destination: OnceCell::new(),
            accepted: clock::now(),
            accepted_wall: clock::wall(),
            free_since: clock::now(),
            requests: 0,
            rest: None,
            own: RefCell::default(),
            introduced: None,
            expects_proxy: false,
            tracking: Tracking::default(),
            expects_cip: false,
            upgraded: false,
            switched: Proto::Any,
            vars: SessionVariables::default(),
            parent: None,
            admission: Some(admission),
        }))
    }

    /// Counts once for the frontend, and for the `bind` line where it is counted for itself.
    pub(crate) fn count(&self, which: impl Fn(&Counters) -> &Counter) {
        for counters in std::iter::once(self.frontend.front()).chain(self.listener.own()) {
            which(counters).add(1);
        }
    }

    /// One stream of a connection, after `requests` others: a client of its own, in the session of all.
    pub(crate) fn on_lane(parent: &Rc<Self>, lane: Stream, requests: u32) -> Box<Self> {
        let worker = &parent.worker;
        let mut client = Box::new(Self {
            worker: worker.clone(),
            frontend: parent.frontend.clone(),
            listener: parent.listener.clone(),
            stream: lane,
            input: worker.buffers.buffer(),
            timer: worker.wheel.timer(),
            source: parent.source.clone(),
            destination: parent.destination.clone(),
            accepted: parent.accepted,
            accepted_wall: parent.accepted_wall,
            free_since: clock::now(),
            requests,
            rest: None,
            own: RefCell::default(),
            introduced: None,
            expects_proxy: false,
            tracking: Tracking::default(),
            expects_cip: false,
            upgraded: parent.upgraded,
            switched: parent.switched,
            vars: SessionVariables::default(),
            parent: Some(parent.clone()),
            admission: None,
        });
        client.take_newest();
        client
    }

    /// The connection as a whole: what its session tracks and remembers is there.
    pub(crate) fn session(&self) -> &Self {
        self.parent.as_deref().unwrap_or(self)
    }

    /// Counts its session.
    pub(crate) fn count_session(&self) {
        self.admission.iter().for_each(Admission::count_session);
    }

    /// The number of its session; none where it is a stream and its connection was asked for.
    pub(crate) fn number(&self) -> Option<usize> {
        self.admission.as_ref().map(Admission::number)
    }

    /// The address that the client came to; asked from the kernel when first needed.
    pub(crate) fn destination(&self) -> &Address {
        self.destination
            .get_or_init(|| Box::new(listen::local_address(&self.stream).unwrap_or(Address::Unnamed)))
    }

    /// Takes the addresses of a PROXY header.
    pub(crate) fn set_addresses(&mut self, source: Address, destination: Address) {
        self.source = source;
        self.destination = OnceCell::from(Box::new(destination));
    }

    /// Microseconds since 1970 at this tick.
    pub(crate) fn wall_of(&self, tick: Tick) -> u64 {
        self.accepted_wall.saturating_add(tick.0.saturating_sub(self.accepted.0))
    }

    /// Reads what is still to come of a request that was answered; whether the connection goes on.
    async fn read_rest(&mut self, mut rest: Box<Rest>) -> bool {
        let wait = self.frontend.conf().timeouts.client;
        self.timer.set(clock::now().after(wait));
        poll_fn(|cx| {
            loop {
                match rest.skip(&mut self.input) {
                    Skipped::All => return Poll::Ready(rest.goes_on),
                    Skipped::Invalid => return Poll::Ready(false),
                    Skipped::Some => {}
                }
                match self.stream.poll_read(cx, self.input.space()) {
                    Poll::Ready(Ok(n)) if n > 0 => self.input.filled(n),
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending if self.timer.poll_expired(cx) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
                self.timer.set(clock::now().after(wait));
            }
        })
        .await
    }

    /// Waits for the first byte of a request.
    async fn next_request(&mut self) -> Idle {
        let conf = self.frontend.conf();
        let first = self.requests == 0;
        let wait = if first {
            [conf.timeouts.http_request, conf.timeouts.client].into_iter().flatten().min()
        } else {
            conf.timeouts.http_keep_alive.or(conf.timeouts.http_request).or(conf.timeouts.client)
        };
        if !self.input.is_empty() {
            return Idle::Request;
        }
        self.input.release();
        self.timer.set(clock::now().after(wait));
        let mut spread = false;
        let event = poll_fn(|cx| {
            if self.stream.poll_readable(cx).is_ready() {
                return Poll::Ready(Idle::Request);
            }
            let closing = !first && self.closes_when_stopping(&mut spread);
            if closing || self.timer.poll_expired(cx) {
                return Poll::Ready(if first { Idle::Request } else { Idle::Over });
            }
            Poll::Pending
        })
        .await;
        self.take_newest();
        event
    }

    /// Whether the process is on its way out and this connection closes now; one that closes some time later
    /// (manual, 3.1 "close-spread-time") gets that time as its deadline, once.
    fn closes_when_stopping(&self, spread: &mut bool) -> bool {
        let stopping = self.worker.runtime.process.is_stopping();
        if !stopping || self.frontend.has(Options::IDLE_CLOSE_ON_RESPONSE) {
            return false;
        }
        match self.worker.view().snapshot.global.close_spread_time {
            None => true,
            Some(None) => false,
            Some(Some(_)) if *spread => false,
            Some(Some(time)) => {
                *spread = true;
                self.timer.set(clock::now().after(Some(self.share_of(time))));
                false
            }
        }
    }

    /// The part of a time over which connections are spread that is this one's.
    pub(crate) fn share_of(&self, time: Duration) -> Duration {
        time * (self.stream.as_raw_fd() as u32 % SHARES) / SHARES
    }

    /// Counts the connection as one of HTTP/1 once it is known to begin as such: what comes first may still turn out to
    /// be HTTP/2.
    pub(crate) fn count_connection(&mut self) {
        let bind = self.listener.conf();
        let secured = bind.is_some_and(|b| b.tls.acceptor.is_some());
        let other = bind.is_some_and(|b| b.proto == Proto::H2) || self.stream.agreed_on_h2();
        if !other && (!secured || self.stream.is_tls()) {
            self.stream.count(Some(Counted::new(&self.frontend, Side::Front)));
        }
    }

    /// The newest configuration serves the next request.
    fn take_newest(&mut self) {
        let view = self.worker.view();
        if self.frontend.generation == view.generation {
            return;
        }
        if let Some(p) = view.frontend(&self.frontend.conf().name) {
            self.frontend = p.clone();
        }
    }
}

/// Serves a connection of a frontend in `mode tcp`.
pub(crate) async fn serve_tcp(client: Box<Client>) {
    let Some(client) = rules::admit(client) else { return };
    // The storage of the session is not kept for what follows it.
    match Box::pin(transaction::tcp(Transaction::new(client))).await {
        Served::Next(client) => Box::pin(serve_requests(client)).await,
        Served::Multiplexed(client) => Box::pin(h2::serve(client)).await,
        Served::Close => {}
    }
}

/// Serves the requests of a connection of a frontend in `mode http`, one after the other.
pub(crate) async fn serve_http(client: Box<Client>) {
    let Some(client) = rules::admit(client) else { return };
    serve_requests(client).await;
}

async fn serve_requests(mut client: Box<Client>) {
    client.count_connection();
    loop {
        if let Some(rest) = client.rest.take()
            && !Box::pin(client.read_rest(rest)).await
        {
            client.stream.shutdown_write();
            return client.stream.drain();
        }
        if let Idle::Over = client.next_request().await {
            return;
        }
        let messages = Messages::of(&client.worker);
        match run(client, messages).await {
            Served::Next(c) => client = c,
            Served::Multiplexed(mut c) => {
                c.stream.count(None);
                return Box::pin(h2::serve(c)).await;
            }
            Served::Close => return,
        }
    }
}

/// Runs the transaction of a request, in storage that the worker lends.
pub(crate) async fn run(client: Box<Client>, messages: Box<Messages>) -> Served {
    let worker = client.worker.clone();
    let mut storage = worker.storage.take().unwrap_or_else(|| Coroutine::new(transaction::http));
    let served = storage.run((client, messages)).await;
    worker.storage.put(storage);
    served
}
