//! The handshakes of TLS, with a client before its first request and with a server after the connection (manual,
//! 5.1 "ssl", 5.2 "ssl", 4.2 "timeout client-hs").

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use weir_tls::acceptor::Acceptor;
use weir_tls::session::Failure;
use weir_tls::verify::Mismatch;

use crate::balance;
use crate::clock::{self, Tick};
use crate::ending::{Cause, Stage};
use crate::io::Stream;
use crate::local;
use crate::log;
use crate::refusal::{Refusal, Unreached};
use crate::stage::reach::Ended;
use crate::stage::websocket;
use crate::trace;
use crate::transaction::{Stop, Transaction};

/// Makes the session that the `bind` line asks for, before the first request of a connection.
pub(crate) async fn with_client(t: &mut Transaction) -> Result<(), Stop> {
    let Some(acceptor) = t.client.listener.conf().and_then(|b| b.tls.acceptor.clone()) else { return Ok(()) };
    if t.client.requests > 0 || t.client.stream.is_tls() {
        return Ok(());
    }
    Box::pin(accept(t, acceptor)).await
}

async fn accept(t: &mut Transaction, acceptor: Arc<Acceptor>) -> Result<(), Stop> {
    let client = &mut t.client;
    // Behind a PROXY header lies the beginning of the session.
    trace::client(client, &trace::TLS_NEW);
    client.stream.accept_tls(acceptor, client.input.data());
    client.input.consume(client.input.len());
    let timeouts = &client.frontend.conf().timeouts;
    let wait = timeouts.client_hs.or(timeouts.client);
    client.timer.set(client.accepted.after(wait));
    let done = poll_fn(|cx| {
        if let Poll::Ready(done) = client.stream.poll_handshake(cx) {
            return Poll::Ready(Some(done));
        }
        if client.timer.poll_expired(cx) { Poll::Ready(None) } else { Poll::Pending }
    })
    .await;
    match done {
        Some(Ok(())) => {
            if !is_resumed(&client.stream)
                && let Some(tls) = client.worker.runtime.process.tls(client.worker.id)
            {
                tls.client_keys.count(clock::now());
            }
            if t.is_http() {
                t.client.count_connection();
            }
            trace::transaction(t, &trace::TLS_DONE);
            // The request begins where the handshake ends.
            t.facts.begun = t.now();
            Ok(())
        }
        Some(Err(failure)) => {
            trace::transaction(t, &trace::TLS_FAILED);
            let begun = t.client.stream.session().is_some_and(|session| session.is_begun());
            Err(refuse(t, of_failure(&failure, begun)))
        }
        None => {
            trace::transaction(t, &trace::TLS_LATE);
            Err(refuse(t, Refusal::HandshakeTimeout))
        }
    }
}

/// Waits until it is known who sent what came early, or nobody will be (`wait-for-handshake`).
pub(crate) async fn known(t: &mut Transaction, since: Tick) {
    let client = &mut t.client;
    let timeouts = &client.frontend.conf().timeouts;
    client.timer.set(since.after(timeouts.client_hs.or(timeouts.client)));
    poll_fn(|cx| {
        let connection = client.stream.connection();
        if connection.poll_established(cx).is_ready() || client.timer.poll_expired(cx) {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}

/// Makes the session that the `server` line asks for.
pub(crate) async fn with_server(
    t: &mut Transaction,
    server: &Rc<local::Server>,
    stream: &mut Stream,
) -> Result<(), Ended> {
    let tls = &server.conf().tls;
    let policy = tls.websocket_policy.as_ref().filter(|_| websocket::is_asked(&t.messages.request));
    let Some(policy) = policy.or(tls.policy.as_ref()) else { return Err(Ended::Exhausted) };
    let limit = t.client.worker.view().snapshot.global.max_tls_conn;
    if limit > 0 && weir_tls::counts::now().open >= u64::from(limit) {
        return Err(Ended::Crowded);
    }
    let name = tls.sni.as_ref().map(|sni| balance::text_of(t, sni)).filter(|name| !name.is_empty());
    stream.connect_tls(policy, name.as_deref(), None).map_err(|_| Ended::Refused)?;
    let worker = t.client.worker.clone();
    let counters = worker.runtime.process.tls(worker.id);
    counters.inspect(|tls| tls.sessions.add(1));
    let done = poll_fn(|cx| {
        if let Poll::Ready(done) = stream.poll_handshake(cx) {
            return Poll::Ready(done.map_err(Some));
        }
        if t.client.timer.poll_expired(cx) { Poll::Ready(Err(None)) } else { Poll::Pending }
    })
    .await;
    let (unreached, end) = match done {
        Ok(()) => {
            if !is_resumed(stream) {
                counters.inspect(|tls| tls.server_keys.count(clock::now()));
            }
            (None, Ok(()))
        }
        Err(None) => (None, Err(Ended::TimedOut)),
        Err(Some(failure)) => {
            let why = unreached(&failure, stream);
            t.facts.far_failure = Some(Box::new(failure));
            let is_other = matches!(why, Unreached::OtherHost | Unreached::OtherName);
            (Some(why), Err(if is_other { Ended::Mismatch } else { Ended::Refused }))
        }
    };
    t.facts.unreached = unreached;
    end
}

/// Why there is no session with a server.
pub(crate) fn unreached(failure: &Failure, stream: &Stream) -> Unreached {
    match failure.server() {
        Some(Mismatch::Host) => Unreached::OtherHost,
        Some(Mismatch::Name) => Unreached::OtherName,
        _ if stream.session().is_some_and(|session| session.is_ended()) => Unreached::Ended,
        _ => Unreached::Handshake,
    }
}

/// Whether both sides knew each other's keys.
fn is_resumed(stream: &Stream) -> bool {
    stream.session().is_some_and(|session| session.is_resumed())
}

fn refuse(t: &mut Transaction, refusal: Refusal) -> Stop {
    t.facts.blame(Cause::Proxy, Stage::Request);
    t.client.count(|c| &c.failed_requests);
    log::refused(t, refusal);
    Stop::Close
}

/// What is logged of a failure; `begun`: the client had said what it wants.
fn of_failure(failure: &Failure, begun: bool) -> Refusal {
    match failure.client().and_then(|report| report.fatal) {
        Some((_, true)) => return Refusal::HandshakeAuthority,
        Some((_, false)) => return Refusal::HandshakeCertificate,
        None => {}
    }
    match failure {
        Failure::Closed if !begun => Refusal::HandshakeClosed,
        _ => Refusal::HandshakeFailed,
    }
}
