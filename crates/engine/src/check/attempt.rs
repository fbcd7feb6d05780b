//! One check, from connecting to its outcome: the I/O around [`super::script`].

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use weir_balance::health::CheckStatus;
use weir_http::h2::Role;
use weir_sys::Address;
use weir_sys::accepted::{peer_address, set_no_linger};
use weir_sys::connect::PacketMarks;
use weir_wire::proxy::Endpoints;
use weir_wire::{proxy_v1, proxy_v2};

use super::Place;
use super::h2::Session;
use super::http::{self, Request};
use super::plan::{Plan, SelfHeader};
use super::script::{Next, Outcome, Run};
use crate::clock;
use crate::conf::{CheckConnect, Proto, Ruleset, Talk};
use crate::io::Stream;
use crate::mux;
use crate::outbound::{self, Failure};
use crate::refusal::Unreached;
use crate::stage::handshake;
use crate::timer::Timer;

/// Checks the server once.
pub(super) async fn check(place: &Place, plan: &Plan, rules: &Ruleset, timer: &Timer) -> Outcome {
    timer.set(clock::now().after(Some(plan.connect)));
    let mut run = Run::new(rules, Some(place));
    let mut attempt = Attempt { place, plan, timer, stream: None, session: None, linger: false };
    loop {
        let done = match run.next() {
            Next::Done(outcome) => Err(outcome),
            Next::Connect(step, port) => {
                // Between two requests of HTTP/1 a connection is left the usual way.
                attempt.linger |= rules.talk == Talk::Http && attempt.session.is_none();
                let connected = attempt.connect(&mut run, step, port).await;
                connected.map(|()| attempt.begin(rules, step))
            }
            Next::Send(bytes) => attempt.write(&mut run, &bytes).await.map(|()| run.sent()),
            Next::Ask(request) => attempt.ask(&mut run, request).await.map(|()| run.sent()),
            Next::Read => attempt.read(&mut run).await,
        };
        if let Err(outcome) = done {
            return outcome;
        }
    }
}

struct Attempt<'a> {
    place: &'a Place,
    plan: &'a Plan,
    timer: &'a Timer,
    stream: Option<Stream>,
    /// What the connection carries, where that is HTTP/2.
    session: Option<Session>,
    /// Close without a reset.
    linger: bool,
}

// === impl Attempt ===

impl Attempt<'_> {
    async fn connect(
        &mut self,
        run: &mut Run<'_>,
        step: &CheckConnect,
        port: Option<u16>,
    ) -> Result<(), Outcome> {
        self.close();
        self.linger = step.linger;
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
        self.stream = Some(stream);
        if let Some(header) = header {
            self.write(run, &header).await?;
        }
        if self.plan.is_secure(step) {
            self.secure(run, step).await?;
        }
        run.connected();
        if self.plan.answer.is_some() {
            self.timer.set(clock::now().after(self.plan.answer));
        }
        Ok(())
    }

    /// Begins to speak HTTP/2, where that is what the check speaks on this connection.
    fn begin(&mut self, rules: &Ruleset, step: &CheckConnect) {
        let tls = &self.place.server.conf.tls;
        let own = tls.check_alpn.as_ref().filter(|_| step.default).or(tls.words.alpn.as_ref());
        let negotiate = self.plan.is_secure(step)
            && step.alpn.as_ref().or(own).is_some_and(|offered| !offered.is_empty());
        let speaks = match self.plan.protocol(step, negotiate) {
            Proto::Any => self.stream.as_ref().is_some_and(Stream::agreed_on_h2),
            said => said == Proto::H2,
        };
        let tune = &self.place.snapshot.global.tune;
        self.session = (speaks && rules.talk == Talk::Http)
            .then(|| Session::new(mux::h2::config(tune, &tune.h2.be, Role::Client)));
    }

    /// Makes the session of TLS.
    async fn secure(&mut self, run: &mut Run<'_>, step: &CheckConnect) -> Result<(), Outcome> {
        run.securing();
        let tls = &self.place.server.conf.tls;
        let Some(mut stream) = self.stream.take() else { return Err(run.broken(&gone())) };
        let failed = Unreached::Handshake;
        let policy = if step.default { &tls.check_policy } else { &tls.policy };
        let policy = policy.as_ref().ok_or_else(|| run.not_secured(failed))?;
        let name = step.sni.as_deref().or(tls.check_sni.as_deref()).map(|name| name.as_bytes().to_vec());
        let is_automatic = step.implied && !tls.no_check_sni_auto;
        let name = name.or_else(|| if is_automatic { run.host() } else { None });
        stream
            .connect_tls(policy, name.as_deref(), step.alpn.as_deref())
            .map_err(|_| run.not_secured(failed))?;
        let done = self.in_time(|cx| stream.poll_handshake(cx)).await;
        let done = done.map(|done| done.map_err(|failure| handshake::unreached(&failure, &stream)));
        self.stream = Some(stream);
        done.ok_or_else(|| run.timed_out())?.map_err(|why| run.not_secured(why))
    }

    async fn ask(&mut self, run: &mut Run<'_>, request: Request) -> Result<(), Outcome> {
        let Some(session) = &mut self.session else { return self.write(run, &http::bytes(&request)).await };
        session.ask(request);
        let bytes = session.take_output();
        self.write(run, &bytes).await
    }

    async fn write(&self, run: &mut Run<'_>, mut bytes: &[u8]) -> Result<(), Outcome> {
        let Some(stream) = &self.stream else { return Err(run.broken(&gone())) };
        while !bytes.is_empty() {
            let sent = self.in_time(|cx| stream.poll_write(cx, bytes, false)).await;
            let sent = sent.ok_or_else(|| run.timed_out())?.map_err(|error| run.broken(&error))?;
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    async fn read(&mut self, run: &mut Run<'_>) -> Result<(), Outcome> {
        if let Some(session) = &mut self.session {
            let bytes = session.take_output();
            self.write(run, &bytes).await?;
        }
        let Some(stream) = &self.stream else { return Err(run.broken(&gone())) };
        let room = self.place.snapshot.global.tune.bufsize;
        let mut buffer = vec![0; room.min(READ)];
        let read = self.in_time(|cx| stream.poll_read(cx, &mut buffer)).await;
        let read = read.ok_or_else(|| run.timed_out())?.map_err(|error| run.broken(&error))?;
        let bytes = buffer.get(..read).unwrap_or_default();
        match &mut self.session {
            Some(session) => session.received(bytes, run, room),
            None => run.received(bytes, room),
        }
        Ok(())
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

    /// Ends the connection with a reset, so that checks leave no sockets in TIME_WAIT on either side.
    fn close(&mut self) {
        if let Some(stream) = self.stream.take()
            && !self.linger
        {
            // Where it fails the connection is closed the usual way.
            let _ = set_no_linger(&stream);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.close();
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
