//! One check, from connecting to its outcome: the I/O around [`super::script`].

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use weir_balance::health::CheckStatus;
use weir_http::Head;
use weir_http::h1::BodyLength;
use weir_http::h2::{Kind, Role};
use weir_sys::Address;
use weir_sys::accepted::{peer_address, set_no_linger};
use weir_sys::connect::PacketMarks;
use weir_wire::proxy::Endpoints;
use weir_wire::{proxy_v1, proxy_v2};

use super::Place;
use super::h2::{self, Session};
use super::http::{self, Request};
use super::plan::{Plan, SelfHeader};
use super::script::{Next, Outcome, Run};
use super::shared::{self, Shared};
use crate::clock;
use crate::conf::{CheckConnect, Proto, Ruleset, Talk};
use crate::io::{Counted, CountedStream, Side, Stream};
use crate::mux;
use crate::outbound::{self, Failure};
use crate::refusal::Unreached;
use crate::stage::handshake;
use crate::timer::Timer;
use crate::worker::Worker;

/// Checks the server once.
pub(super) async fn check(
    worker: &Rc<Worker>,
    place: &Place,
    plan: &Plan,
    rules: &Ruleset,
    timer: &Timer,
) -> Outcome {
    timer.set(clock::now().after(Some(plan.connect)));
    let mut run = Run::new(rules, Some(place));
    let carrier = Carrier::default();
    let mut attempt = Attempt { worker, place, plan, talk: rules.talk, timer, carrier, linger: false };
    loop {
        let done = match run.next() {
            Next::Done(outcome) => Err(outcome),
            Next::Connect(step, port) => {
                // Between two requests of HTTP/1 a connection is left the usual way.
                attempt.linger |= attempt.talk == Talk::Http && attempt.carrier.session.is_none();
                attempt.connect(&mut run, step, port).await
            }
            Next::Send(bytes) => attempt.write(&mut run, &bytes).await.map(|()| run.sent()),
            Next::Ask(request) => attempt.ask(&mut run, request).await.map(|()| run.sent()),
            Next::Read => attempt.read(&mut run).await,
        };
        if let Err(outcome) = done {
            attempt.leave(&mut run);
            return outcome;
        }
    }
}

struct Attempt<'a> {
    worker: &'a Rc<Worker>,
    place: &'a Place,
    plan: &'a Plan,
    talk: Talk,
    timer: &'a Timer,
    carrier: Carrier,
    /// Close without a reset.
    linger: bool,
}

/// What the check goes over.
#[derive(Default)]
struct Carrier {
    stream: Option<Stream>,
    /// What the connection carries, where that is HTTP/2 for the check alone.
    session: Option<Session>,
    /// The head of the answer came, on a stream of HTTP/2 among others.
    answered: bool,
    /// Where the connection is left at the end, if it may be.
    shared: Option<Shared>,
    /// The request that is under way, where it is one of HTTP/1.
    counted: Option<CountedStream>,
}

// === impl Attempt ===

impl Attempt<'_> {
    async fn connect(
        &mut self,
        run: &mut Run<'_>,
        step: &CheckConnect,
        port: Option<u16>,
    ) -> Result<(), Outcome> {
        self.leave(run);
        self.linger = step.linger;
        // For a moment it is one more connection, and the pools of the server's allow for it.
        self.place.server.runtime.serving.glimpse();
        let secure = self.plan.is_secure(step);
        let name = if secure { self.name(run, step) } else { None };
        let mut shared = Shared::of(self.worker, self.place, self.talk, step, name.as_deref());
        let found = match &mut shared {
            Some(shared) => shared.find().await,
            None => None,
        };
        let is_new = found.is_none();
        match found {
            Some(stream) => self.carrier.stream = Some(stream),
            None => self.open(run, step, port).await?,
        }
        if secure && is_new {
            self.secure(run, step, name.as_deref()).await?;
        } else if secure {
            run.securing();
        }
        run.connected();
        if self.plan.answer.is_some() {
            self.timer.set(clock::now().after(self.plan.answer));
        }
        self.carrier.shared = shared;
        if is_new {
            self.begin(step);
        }
        Ok(())
    }

    /// Makes a connection.
    async fn open(
        &mut self,
        run: &mut Run<'_>,
        step: &CheckConnect,
        port: Option<u16>,
    ) -> Result<(), Outcome> {
        let unstartable = |text: &str| Outcome::new(CheckStatus::SocketError, text);
        let address = self.plan.address(step, port).ok_or_else(|| unstartable("no address"))?;
        let failed = |failure: Failure, run: &Run<'_>| match failure {
            Failure::Refused(error) => run.connection_failed(&error),
            Failure::Exhausted(error) => Outcome::of_error(CheckStatus::SocketError, &error.source),
            Failure::NoAddress => unstartable("no address"),
        };
        let socks4 = self.plan.socks4(step);
        let mut connecting =
            outbound::start_via(socks4, &address, &self.plan.spec, None, PacketMarks::default())
                .map_err(|f| failed(f, run))?;
        let done = self.in_time(|cx| connecting.poll_done(cx)).await.ok_or_else(|| run.timed_out())?;
        done.map_err(|f| failed(f, run))?;
        let stream = connecting.into_stream();
        let header = self.plan.proxy_header(step).map(|said| proxy_header(said, &stream));
        self.carrier.stream = Some(stream);
        match header {
            Some(header) => self.write(run, &header).await,
            None => Ok(()),
        }
    }

    /// Begins to speak HTTP over a new connection, in the version that the check speaks on it.
    fn begin(&mut self, step: &CheckConnect) {
        if self.talk != Talk::Http {
            return;
        }
        let tls = &self.place.server.conf.tls;
        let own = tls.check_alpn.as_ref().filter(|_| step.default).or(tls.words.alpn.as_ref());
        let negotiate = self.plan.is_secure(step)
            && step.alpn.as_ref().or(own).is_some_and(|offered| !offered.is_empty());
        let Some(mut stream) = self.carrier.stream.take() else { return };
        let speaks = match self.plan.protocol(step, negotiate) {
            Proto::Any => stream.agreed_on_h2(),
            said => said == Proto::H2,
        };
        match &self.carrier.shared {
            Some(shared) if speaks => stream = Stream::Lane(shared.share(stream)),
            None if speaks => {
                let tune = &self.place.snapshot.global.tune;
                let config = mux::h2::config(tune, &tune.h2.be, Role::Client);
                self.carrier.session = Some(Session::new(config));
            }
            _ => stream.count(shared::proxy(self.worker, self.place).map(|p| Counted::new(&p, Side::Back))),
        }
        self.carrier.stream = Some(stream);
    }

    /// The name that the server's certificate is to show.
    fn name(&self, run: &Run<'_>, step: &CheckConnect) -> Option<Vec<u8>> {
        let tls = &self.place.server.conf.tls;
        let said = step.sni.as_deref().or(tls.check_sni.as_deref()).map(|name| name.as_bytes().to_vec());
        let is_automatic = step.implied && !tls.no_check_sni_auto;
        said.or_else(|| if is_automatic { run.host() } else { None })
    }

    /// Makes the session of TLS.
    async fn secure(
        &mut self,
        run: &mut Run<'_>,
        step: &CheckConnect,
        name: Option<&[u8]>,
    ) -> Result<(), Outcome> {
        run.securing();
        let tls = &self.place.server.conf.tls;
        let Some(mut stream) = self.carrier.stream.take() else { return Err(run.broken(&gone())) };
        let failed = Unreached::Handshake;
        let policy = if step.default { &tls.check_policy } else { &tls.policy };
        let policy = policy.as_ref().ok_or_else(|| run.not_secured(failed))?;
        stream.connect_tls(policy, name, step.alpn.as_deref()).map_err(|_| run.not_secured(failed))?;
        let done = self.in_time(|cx| stream.poll_handshake(cx)).await;
        let done = done.map(|done| done.map_err(|failure| handshake::unreached(&failure, &stream)));
        self.carrier.stream = Some(stream);
        done.ok_or_else(|| run.timed_out())?.map_err(|why| run.not_secured(why))
    }

    async fn ask(&mut self, run: &mut Run<'_>, request: Request) -> Result<(), Outcome> {
        let carrier = &mut self.carrier;
        if let Some(shared) = &mut carrier.shared {
            shared.asks(request.persists);
        }
        if let Some(lane) = carrier.stream.as_ref().and_then(Stream::lane) {
            carrier.answered = false;
            lane.send_head(
                Kind::Request,
                &request.head,
                h2::SCHEME,
                BodyLength::Known(request.body.len() as u64),
            );
            return self.write(run, &request.body).await;
        }
        let bytes = match &mut carrier.session {
            None => {
                let proxy = shared::proxy(self.worker, self.place);
                carrier.counted = proxy.map(|proxy| CountedStream::new(&proxy, Side::Back));
                http::bytes(&request)
            }
            Some(session) => {
                session.ask(request);
                session.take_output()
            }
        };
        self.write(run, &bytes).await
    }

    async fn write(&self, run: &mut Run<'_>, mut bytes: &[u8]) -> Result<(), Outcome> {
        let Some(stream) = &self.carrier.stream else { return Err(run.broken(&gone())) };
        while !bytes.is_empty() {
            let sent = self.in_time(|cx| stream.poll_write(cx, bytes, false)).await;
            let sent = sent.ok_or_else(|| run.timed_out())?.map_err(|error| run.broken(&error))?;
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    async fn read(&mut self, run: &mut Run<'_>) -> Result<(), Outcome> {
        if let Some(session) = &mut self.carrier.session {
            let bytes = session.take_output();
            self.write(run, &bytes).await?;
        }
        let Some(stream) = &self.carrier.stream else { return Err(run.broken(&gone())) };
        if let Some(lane) = stream.lane().filter(|_| !self.carrier.answered) {
            let mut head = Head::default();
            let came = self.in_time(|cx| lane.poll_head(cx, &mut head)).await;
            h2::answered(run, came.ok_or_else(|| run.timed_out())?.is_ok().then_some(head), lane.is_ended());
            self.carrier.answered = true;
            return Ok(());
        }
        let room = self.room();
        let mut buffer = vec![0; room.min(READ)];
        let read =
            self.in_time(|cx| stream.poll_read(cx, &mut buffer)).await.ok_or_else(|| run.timed_out())?;
        let read = match (read, &mut self.carrier.session) {
            // A stream that ends before its time is the end of the answer.
            (Err(_), None) if stream.lane().is_some() => 0,
            (read, _) => read.map_err(|error| run.broken(&error))?,
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        match &mut self.carrier.session {
            Some(session) => session.received(bytes, run, room),
            None => run.received(bytes, room),
        }
        Ok(())
    }

    /// Bytes of an answer that are looked at.
    fn room(&self) -> usize {
        self.place.snapshot.global.tune.bufsize
    }

    /// What is polled for, or none where the deadline came first.
    async fn in_time<T>(&self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        poll_fn(|cx| match poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if self.timer.poll_expired(cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Leaves the connection to others, or closes it.
    fn leave(&mut self, run: &mut Run<'_>) {
        let carrier = std::mem::take(&mut self.carrier);
        let closed = match (carrier.stream, carrier.shared) {
            // A stream of a connection that others use needs no more than to be let go.
            (Some(stream), _) if stream.lane().is_some() => None,
            (Some(stream), Some(shared)) => shared.keep(stream, run, self.room()),
            (stream, _) => stream,
        };
        self.close(closed);
    }

    /// Ends the connection with a reset, so that checks leave no sockets in TIME_WAIT on either side.
    fn close(&self, stream: Option<Stream>) {
        if let Some(stream) = stream
            && !self.linger
        {
            // Where it fails the connection is closed the usual way.
            let _ = set_no_linger(&stream);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let stream = self.carrier.stream.take();
        self.close(stream.filter(|stream| stream.lane().is_none()));
    }
}

/// The header that says that the proxy speaks for itself: `LOCAL`, or its own addresses.
fn proxy_header(said: SelfHeader, stream: &Stream) -> Vec<u8> {
    let mut out = Vec::new();
    let inet = |address: io::Result<Address>| address.ok().and_then(|a| a.inet());
    let ends = || inet(weir_sys::listen::local_address(stream)).zip(inet(peer_address(stream)));
    let endpoints = || ends().map(|(source, destination)| Endpoints { source, destination });
    match said {
        SelfHeader::V1 => proxy_v1::write(&mut out, endpoints()),
        SelfHeader::Local => {
            let _ = proxy_v2::write(&mut out, &proxy_v2::Facts::default());
        }
        SelfHeader::V2 => {
            let facts = proxy_v2::Facts { endpoints: endpoints(), ..proxy_v2::Facts::default() };
            let _ = proxy_v2::write(&mut out, &facts);
        }
    }
    out
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// Bytes read at a time.
const READ: usize = 4096;
