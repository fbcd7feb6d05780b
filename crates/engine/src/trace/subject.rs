//! Whom an event is about, and what is said of that.

use std::fmt::Write as _;
use std::panic::Location;
use std::sync::Arc;

use weir_http::Head;
use weir_http::h2::Tally;
use weir_sys::Address;
use weir_tls::names;

use super::{
    Event, H2_CONNECTION_ERROR, H2_DATA, H2_GOAWAY, H2_HEADERS, H2_RESET, H2_SEND_GOAWAY, H2_SEND_RESET,
    H2_SETTINGS, H2_STREAM_ERROR, Message, Part, Verbosity, hears, tell,
};
use crate::check::Place;
use crate::connection::Client;
use crate::listener::Listener;
use crate::runtime::Process;
use crate::snapshot;
use crate::transaction::Transaction;
use crate::worker::Worker;

/// What a trace can be fixed on, as far as an event knows it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Subject {
    pub(super) worker: usize,
    pub(super) backend: Option<usize>,
    pub(super) check: Option<usize>,
    pub(super) frontend: Option<usize>,
    pub(super) listener: Option<usize>,
    pub(super) server: Option<usize>,
    /// A connection of a client, and with it the session.
    pub(super) session: Option<usize>,
    /// A transaction, or a stream of HTTP/2.
    pub(super) stream: Option<usize>,
}

/// Tells of something in a transaction.
#[inline]
#[track_caller]
pub(crate) fn transaction(t: &Transaction, event: &'static Event) {
    if hears(event.part) {
        let place = Location::caller();
        tell(process(&t.client), event, &Subject::of(t), place, |verbosity, out| {
            describe(t, event, verbosity, out)
        });
    }
}

/// Tells of something about a client's connection.
#[inline]
#[track_caller]
pub(crate) fn client(client: &Client, event: &'static Event) {
    if hears(event.part) {
        let subject = Subject::of_client(client);
        tell(process(client), event, &subject, Location::caller(), |verbosity, out| {
            if verbosity >= Verbosity::CLEAN {
                let _ =
                    write!(out, " : [F] - fe={} src={}", client.frontend.conf().name, Shown(&client.source));
            }
        });
    }
}

/// Tells of a session that begins or ends.
#[inline]
#[track_caller]
pub(crate) fn session(worker: &Worker, listener: &Listener, number: usize, event: &'static Event) {
    if hears(event.part) {
        let subject = Subject {
            frontend: Some(listener.proxy.shared.index),
            listener: Some(address(listener)),
            session: Some(number),
            worker: worker.id,
            ..Subject::default()
        };
        tell(&worker.runtime.process, event, &subject, Location::caller(), |verbosity, out| {
            if verbosity >= Verbosity::CLEAN {
                let _ = write!(out, " : fe={}", listener.proxy.conf().name);
            }
        });
    }
}

/// Tells of the frames that came and went on a client's connection.
pub(crate) fn frames(client: &Client, tally: &Tally) {
    if !hears(Part::H2) {
        return;
    }
    let told = [
        (&H2_HEADERS, tally.headers),
        (&H2_DATA, tally.data),
        (&H2_SETTINGS, tally.settings),
        (&H2_RESET, tally.resets),
        (&H2_GOAWAY, tally.leaves),
        (&H2_CONNECTION_ERROR, tally.connection_errors),
        (&H2_STREAM_ERROR, tally.stream_errors),
        (&H2_SEND_RESET, tally.resets_sent),
        (&H2_SEND_GOAWAY, tally.leaves_sent),
    ];
    for (event, count) in told {
        (0..count).for_each(|_| self::client(client, event));
    }
}

/// Tells of something in a check.
#[track_caller]
pub(crate) fn check(place: &Place, worker: usize, event: &'static Event) {
    if hears(event.part) {
        let server = Arc::as_ptr(&place.server.runtime) as usize;
        let subject = Subject { check: Some(server), worker, ..Subject::default() };
        tell(&place.runtime.process, event, &subject, Location::caller(), |verbosity, out| {
            describe_check(&place.server, verbosity, out);
        });
    }
}

// === impl Subject ===

impl Subject {
    /// The one of its kind, by the name of the kind.
    pub(super) fn which(&self, criterion: &str) -> Option<usize> {
        match criterion {
            "backend" => self.backend,
            "check" => self.check,
            "connection" | "session" => self.session,
            "frontend" => self.frontend,
            "listener" => self.listener,
            "server" => self.server,
            "h1s" | "h2s" | "stream" | "applet" => self.stream,
            "thread" => Some(self.worker),
            _ => None,
        }
    }

    fn of(t: &Transaction) -> Self {
        Self {
            backend: t.backend.as_ref().map(|b| b.shared.index),
            server: t.assigned.as_ref().map(|a| Arc::as_ptr(&a.server.shared.runtime) as usize),
            stream: Some(address(&*t.messages)),
            ..Self::of_client(&t.client)
        }
    }

    fn of_client(client: &Client) -> Self {
        Self {
            worker: client.worker.id,
            frontend: Some(client.frontend.shared.index),
            listener: Some(address(&*client.listener)),
            session: client.session().number(),
            ..Self::default()
        }
    }
}

/// What tells two things apart that are there at once.
fn address<T>(of: &T) -> usize {
    std::ptr::from_ref(of) as usize
}

fn process(client: &Client) -> &Process {
    &client.worker.runtime.process
}

/// Adds what is known of a transaction, as much of it as is asked for.
fn describe(t: &Transaction, event: &Event, verbosity: Verbosity, out: &mut String) {
    if verbosity < Verbosity::CLEAN {
        return;
    }
    let head = match event.message {
        Message::FrontRequest | Message::BackRequest => Some(&t.messages.request),
        Message::FrontResponse | Message::BackResponse => Some(&t.messages.response),
        _ => None,
    };
    match (event.part, t.client.stream.lane(), head) {
        (Part::H2, Some(lane), Some(head)) => {
            let kind = if head.is_response() { "RES" } else { "REQ" };
            let _ = write!(out, " : [{}] H2 {kind}: {}", lane.id(), first_line(head));
        }
        (Part::Ssl, ..) => tls(t, out),
        _ => {
            let is_back =
                matches!(event.message, Message::Back | Message::BackRequest | Message::BackResponse);
            out.push_str(if is_back { " : [B]" } else { " : [F]" });
        }
    }
    if event.part == Part::Stream {
        let [cause, stage] = t.facts.ending.letters();
        let (cause, stage) = (char::from(cause), char::from(stage));
        let _ = write!(out, " status={} end={cause}{stage}", t.facts.status);
        let _ = write!(out, " in={} out={}", t.facts.bytes_in, t.facts.bytes_out);
    }
    if let Some(head) = head.filter(|_| event.part == Part::H1 && verbosity >= Verbosity::SIMPLE) {
        let _ = write!(out, " - \"{}\"", first_line(head));
    }
    if verbosity >= Verbosity::MINIMAL {
        parties(t, out);
    }
    if let Some(head) = head.filter(|_| verbosity >= Verbosity::ADVANCED) {
        for line in head.lines() {
            let (name, value) = (head.name(line).escape_ascii(), head.value(line).escape_ascii());
            let _ = write!(out, "\n\t{name}: {value}");
        }
    }
}

/// Adds who takes part.
fn parties(t: &Transaction, out: &mut String) {
    let _ = write!(out, " - fe={}", t.client.frontend.conf().name);
    if let Some(backend) = &t.backend {
        let _ = write!(out, " be={}", backend.conf().name);
    }
    if let Some(assigned) = &t.assigned {
        let _ = write!(out, " srv={}", assigned.server.conf().name);
    }
    let _ = write!(out, " src={}", Shown(&t.client.source));
}

/// Adds what was agreed on with the client.
fn tls(t: &Transaction, out: &mut String) {
    let session = t.client.stream.session();
    let Some(state) = session.as_ref().and_then(|s| s.state()) else { return };
    let version = state.protocol_version().and_then(names::version).unwrap_or("-");
    let cipher = state.negotiated_cipher_suite().and_then(|s| names::cipher(s.suite())).unwrap_or("-");
    let _ = write!(out, " : [F] {version} {cipher}");
}

fn describe_check(server: &snapshot::Server, verbosity: Verbosity, out: &mut String) {
    if verbosity < Verbosity::CLEAN {
        return;
    }
    let health = server.runtime.health.lock();
    let (count, rise) = (health.counter.count(), health.counter.rise());
    let word = if health.counter.is_up() { "UP" } else { "DOWN" };
    let _ = write!(out, " : [H] SRV={} status={count}/{rise} {word}", server.conf.name);
    if verbosity >= Verbosity::MINIMAL
        && let Some(status) = health.status
    {
        let _ = write!(out, " - last={} \"{}\"", status.name(), health.message.escape_debug());
    }
}

/// The first line of a message, as HTTP/1 writes it.
fn first_line(head: &Head) -> String {
    let (major, minor) = head.version();
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    match head.is_response() {
        true => format!("HTTP/{major}.{minor} {} {}", head.status(), text(head.reason())),
        false => format!("{} {} HTTP/{major}.{minor}", text(head.method()), text(head.target())),
    }
}

/// An address as it is shown.
struct Shown<'a>(&'a Address);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Address::Inet(inet) => write!(f, "{inet}"),
            _ => f.write_str("unix"),
        }
    }
}
