//! Connections that checks share with requests: taken from those at rest, and left there again (manual, 5.2
//! "check-reuse-pool").
//!
//! Only checks over HTTP do so, and only where nothing is asked of their connections that others may lack. Each is
//! like the first request of a client, so that `http-reuse` has its say. What pools are is `stage::reuse`'s.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Place;
use super::script::Run;
use crate::conf::{CheckConnect, Proto, ReuseMode, Talk};
use crate::io::Stream;
use crate::local::{Proxy, Server};
use crate::mux::h1::Conn;
use crate::mux::h2::Lane;
use crate::stage::reuse::{self, Wish};
use crate::worker::Worker;

/// Where the connection of a check may come from and go to.
pub(super) struct Shared {
    worker: Rc<Worker>,
    proxy: Rc<Proxy>,
    server: Rc<Server>,
    key: u64,
    /// How many requests it has carried.
    requests: u32,
    /// Nothing that was asked over it ends it.
    persists: bool,
}

/// The proxy as this worker sees it.
pub(super) fn proxy(worker: &Worker, place: &Place) -> Option<Rc<Proxy>> {
    worker.view().proxies.get(place.proxy.index).cloned()
}

// === impl Shared ===

impl Shared {
    /// The pool for connections of this step, where it has one. `name` is what a session of TLS is made for, where one is
    /// made.
    pub(super) fn of(
        worker: &Rc<Worker>,
        place: &Place,
        talk: Talk,
        step: &CheckConnect,
        name: Option<&[u8]>,
    ) -> Option<Self> {
        let conf = &place.server.conf;
        let check = conf.check.as_ref().filter(|check| check.reuse && talk == Talk::Http)?;
        // A bare `connect` asks for HTTP/1 in the clear.
        let alike = step.default || (conf.proto == Proto::Any && !conf.tls.ssl);
        if !step.takes_any() || !alike {
            return None;
        }
        let name = check.pool_name.as_ref().map(|name| name.as_bytes()).or(name);
        let key = reuse::key_of_check(&place.proxy.conf, conf, name)?;
        let proxy = proxy(worker, place)?;
        let server = proxy.server(place.server.index)?.clone();
        let kept = proxy.conf().reuse != ReuseMode::Never;
        let same = Arc::ptr_eq(&server.shared.runtime, &place.server.runtime);
        let shared = Self { worker: worker.clone(), proxy, server, key, requests: 0, persists: true };
        (kept && same).then_some(shared)
    }

    /// One that is at rest.
    pub(super) async fn find(&mut self) -> Option<Stream> {
        let conn = reuse::for_check(self.wish()).await?;
        self.requests = conn.requests;
        Some(conn.stream)
    }

    /// Speaks HTTP/2 over a connection that was just made: a stream of it, which leaves room for those of others.
    pub(super) fn share(&self, stream: Stream) -> Lane {
        self.wish().share(stream)
    }

    /// A request goes over the connection, and lets it go on or does not.
    pub(super) fn asks(&mut self, persists: bool) {
        self.requests += 1;
        self.persists = persists;
    }

    /// Leaves the connection to others, if all that was asked over it is answered; else the connection.
    pub(super) fn keep(self, stream: Stream, run: &mut Run<'_>, room: usize) -> Option<Stream> {
        if !self.persists || self.requests == 0 {
            return Some(stream);
        }
        drain(&stream, run, room);
        if !run.is_answered() {
            return Some(stream);
        }
        let mut conn = Conn::new(stream, self.worker.buffers.buffer());
        conn.requests = self.requests;
        let busy = self.server.shared.runtime.serving.now();
        self.wish().keep(conn, busy);
        None
    }

    fn wish(&self) -> Wish<'_> {
        Wish { worker: &self.worker, proxy: &self.proxy, server: &self.server, key: self.key }
    }
}

/// Reads what has come of an answer already.
fn drain(stream: &Stream, run: &mut Run<'_>, room: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut buffer = [0; PIECE];
    while !run.is_answered()
        && let Poll::Ready(Ok(read @ 1..)) = stream.poll_read(&mut cx, &mut buffer)
        && run.has_room(room)
    {
        run.received(buffer.get(..read).unwrap_or_default(), room);
    }
}

/// Bytes that are read at a time.
const PIECE: usize = 4096;
