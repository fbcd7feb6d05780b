//! The request goes to a server and the head of an answer comes back; the whole is tried again where that is
//! allowed (manual, 4.2 "retries", "retry-on").

use std::future::poll_fn;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use weir_http::h1::{self, BodyLength, Outgoing};
use weir_http::h2::{ErrorCode, Kind};

use crate::check::Sign;
use crate::conf::Options;
use crate::ending::{Cause, Stage};
use crate::io::{CountedStream, Side};
use crate::log;
use crate::mux::h1::{Broken, Conn, Output, Pump, Trailers};
use crate::stage::client_news::{News, client_news};
use crate::stage::head::Wait;
use crate::stage::prepare::{self, ServerName};
use crate::stage::replay::Replay;
use crate::stage::{answer, body, own, reach, receive, reuse, rules, websocket};
use crate::tables::{self, Event};
use crate::trace;
use crate::transaction::{Stop, Transaction};

/// Why there is no head of an answer.
#[derive(Debug)]
pub(crate) enum Missing {
    /// The connection was closed or reset before the first byte.
    Empty,
    /// It ended in the middle, or is no HTTP.
    Junk,
    /// It is well-formed, and no answer to this request.
    Unwanted,
    /// `timeout server`
    Late,
    /// The client's side of the request broke.
    Client(Broken),
    /// The client kept its body back too long.
    ClientLate,
    /// The client closed while it waited.
    ClientLeft,
    /// The client reset its connection while it waited.
    ClientReset,
    /// All sessions on the server were told to end, for this reason.
    Ended(Cause),
}

/// Carries the request to a server and the answer to the client.
pub(crate) async fn run(t: &mut Transaction) -> Result<(), Stop> {
    let replay = Replay::new(t);
    let mut body = t.front.request;
    if t.client.stream.lane().is_some() {
        body = announced(t);
    } else if rules::change_requests(t) {
        let Some(settled) = h1::settle_request(&mut t.messages.request, body) else {
            t.facts.blame(Cause::Internal, Stage::Headers);
            return Err(Stop::Answer(500));
        };
        body = settled;
    }
    loop {
        let mut back = connection(t).await?;
        let single = back.stream.lane().is_none();
        let _counted = single.then(|| CountedStream::new(t.proxy(), Side::Back));
        if !rules::server_content_waits(t) {
            rules::server_content(t).await?;
        }
        let mut up = Output::over(std::mem::take(&mut t.messages.output));
        let mut request = send_head(t, body, &mut back, &mut up);
        let answered = head(t, &mut back, &mut request, &mut up).await;
        match &answered {
            Ok(()) => {
                if request.is_read() {
                    trace::transaction(t, &trace::H1_REQUEST_SENT);
                }
                trace::transaction(t, &trace::H1_RESPONSE_HEAD);
                reach::observe(t, Sign::Status(t.messages.response.status()));
            }
            Err(missing) => {
                trace::transaction(t, &trace::H1_RESPONSE_MISSING);
                if matches!(missing, Missing::Empty | Missing::Junk) {
                    count_failure(t);
                }
            }
        }
        match answered {
            Ok(()) if replay.wants_status(t) && replay.again(t) => drain(t, back),
            Ok(()) => {
                // What the log tells of the connection is asked before it goes to rest.
                t.far = answer::pass(t, back, &mut request, up).await?;
                return Ok(());
            }
            Err(missing) => {
                t.facts.bytes_in += request.read;
                t.facts.part(&back.stream);
                answer::took(t, &request);
                if missing.is_gone() {
                    reach::abandon(&back.stream);
                }
                if !(replay.allows(&missing) && replay.again(t) || is_stale(t, &missing, &request, &back)) {
                    t.facts.log_bytes.0 += request.accounted();
                    return Err(blame(t, &missing));
                }
                count_stale(t);
            }
        }
        replay.rewind(t);
        t.messages.output = up_storage(up);
    }
}

/// How a body that came on a stream of HTTP/2, where its length need not be said, is announced.
fn announced(t: &Transaction) -> BodyLength {
    match t.front.request {
        BodyLength::Known(n) if t.messages.request.has(b"content-length") => BodyLength::Known(n),
        BodyLength::Known(_) | BodyLength::UntilClose => BodyLength::Chunked,
        other => other,
    }
}

/// A connection to the server that is chosen: one at rest, or a new one.
async fn connection(t: &mut Transaction) -> Result<Conn, Stop> {
    loop {
        reach::assign(t).await?;
        reach::sent_elsewhere(t)?;
        if let Some(conn) = reuse::take(t).await {
            t.facts.reused = true;
            t.facts.connected = Some(t.now());
            log::reached(t, &conn.stream);
            log::connected(t);
            trace::transaction(t, &trace::STREAM_CONNECTED);
            return Ok(conn);
        }
        reuse::make_room(t).await;
        match Box::pin(reach::connect(t)).await {
            Ok(stream) => {
                t.facts.reused = false;
                log::connected(t);
                trace::transaction(t, &trace::STREAM_CONNECTED);
                trace::transaction(t, &trace::H1_BACK_STREAM);
                let stream = reuse::multiplexed(t, stream);
                return Ok(Conn::new(stream, t.client.worker.buffers.buffer()));
            }
            Err(end) => Box::pin(reach::again(t, end)).await?,
        }
    }
}

/// Writes the head that the server gets.
fn send_head(t: &mut Transaction, body: BodyLength, back: &mut Conn, up: &mut Output) -> Pump {
    back.requests += 1;
    let drop = t.proxy().has(Options::HTTP_DROP_REQUEST_TRAILERS);
    let trailers = Trailers { limits: receive::request_limits(t), drop };
    trace::transaction(t, &trace::H1_SEND_REQUEST);
    t.facts.sent_request = Some(h1::accounted(&t.messages.request) as u64);
    let named = ServerName::of(t);
    if let Some(lane) = back.stream.lane() {
        if let Some((name, value)) = named.as_ref().and_then(ServerName::line) {
            t.messages.request.append(name, value);
        }
        let tunnel = t.messages.request.facts().upgrade || t.messages.request.method() == b"CONNECT";
        lane.send_head(
            Kind::Request,
            &t.messages.request,
            // What came with a target of HTTP/1 names none, and the server is told the one that needs no excuse.
            if t.messages.request.facts().plain { b"http" } else { b"https" },
            match body {
                _ if tunnel => BodyLength::Tunnel,
                // The client's stream says where the body ends.
                BodyLength::Known(_) if t.client.stream.lane().is_some() => BodyLength::UntilClose,
                body => body,
            },
        );
        return Pump::new(t.front.request, body, trailers)
            .out_of(&t.client.stream)
            .into(&back.stream)
            .through(t.messages.filters.up.as_ref());
    }
    h1::settle_te(&mut t.messages.request);
    let extra = h1::server_line(&t.messages.request, !prepare::tells_close(t));
    let unsaid = body == BodyLength::Chunked && t.client.stream.lane().is_some();
    let extra = if unsaid { h1::and_chunks(extra) } else { extra };
    let upgrade = websocket::offer(t);
    let extra = upgrade.as_deref().unwrap_or(extra);
    let last = named.as_ref().and_then(ServerName::line);
    let how = Outgoing { extra, last, cases: prepare::server_cases(t) };
    h1::write_head(&t.messages.request, &how, &mut up.bytes);
    Pump::new(t.front.request, body, trailers)
        .out_of(&t.client.stream)
        .through(t.messages.filters.up.as_ref())
}

/// Sends the request and waits for the head of the answer; interim answers are passed on.
async fn head(
    t: &mut Transaction,
    back: &mut Conn,
    request: &mut Pump,
    up: &mut Output,
) -> Result<(), Missing> {
    let mut wait = Wait::new(t);
    poll_fn(|cx| {
        let moved = (request.read, request.written);
        let sending = request.poll(cx, &t.client.stream, &mut t.client.input, &back.stream, up);
        if (request.read, request.written) != moved || request.is_held_back() {
            wait.renew();
        }
        let sent = match sending {
            // The server may have answered before it closed: look at that first.
            Poll::Ready(Ok(()) | Err(Broken::Sink)) => true,
            Poll::Ready(Err(e)) => return Poll::Ready(Err(Missing::Client(e))),
            Poll::Pending => false,
        };
        if let Poll::Ready(end) = wait.poll_head(cx, t, back) {
            return Poll::Ready(end);
        }
        if let Some(cause) = server_ended(t, cx) {
            return Poll::Ready(Err(Missing::Ended(cause)));
        }
        if sent && let Some(left) = client_left(t, cx) {
            return Poll::Ready(Err(left));
        }
        // A server cannot be late with an answer to what the client keeps back; it can with taking what came.
        let late = match sent {
            true => Missing::Late,
            false if up.is_empty() && t.client.input.is_empty() => Missing::ClientLate,
            false => Missing::Empty,
        };
        wait.poll_due(cx, t, late)
    })
    .await
}

/// Whether the client has left while it waits for the answer: reset its connection, or closed its side where
/// that counts as leaving (manual, 4.2 "option abortonclose").
fn client_left(t: &mut Transaction, cx: &mut Context<'_>) -> Option<Missing> {
    match client_news(t, cx) {
        News::Reset => Some(Missing::ClientReset),
        News::Closed => t.proxy().conf().aborts_on_close().then_some(Missing::ClientLeft),
        News::Left => Some(Missing::ClientLeft),
        News::None => None,
    }
}

/// Whether sessions on the server were told to end.
pub(crate) fn server_ended(t: &mut Transaction, cx: &mut Context<'_>) -> Option<Cause> {
    if t.place.is_told_to_end() {
        return Some(Cause::Killed);
    }
    let assigned = t.assigned.as_mut()?;
    if assigned.slot.is_some()
        && assigned.generation != assigned.server.shared.runtime.generation.load(Relaxed)
    {
        return Some(Cause::Killed);
    }
    assigned.watch.as_mut()?.poll(cx)
}

/// A connection that had been at rest was closed by the server just when the request went out. Nothing came
/// back, so that a request that may be repeated is sent again (RFC 9110, 9.2.2). Who merely reset a stream would do so
/// again.
fn is_stale(t: &Transaction, missing: &Missing, request: &Pump, back: &Conn) -> bool {
    if back.stream.lane().is_some_and(|lane| !lane.is_closing()) {
        return false;
    }
    t.facts.reused && matches!(missing, Missing::Empty) && request.read == 0 && is_idempotent(t)
}

/// Whether a request may be sent twice (RFC 9110, 9.2.2).
fn is_idempotent(t: &Transaction) -> bool {
    matches!(t.messages.request.method(), b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE")
}

/// An answer that nobody shall see lies there, the whole of it: the connection may carry the next attempt.
fn drain(t: &mut Transaction, mut back: Conn) {
    let response = &t.messages.response;
    let Ok(body) = h1::response_body(response, &t.messages.request) else { return };
    if body == BodyLength::UntilClose || !body::is_whole(body, back.input.data()) {
        return;
    }
    t.messages.reusable = h1::persists(response);
    back.input.consume(back.input.len());
    reuse::keep(t, back);
}

fn count_stale(t: &mut Transaction) {
    // The slot is kept: the same server is asked over a new connection.
    if let Some(server) = t.assigned.as_ref().map(|a| a.server.clone()) {
        own::forget(t, &server);
    }
}

/// Names who is to blame for the missing head, and what the client is told.
pub(crate) fn blame(t: &mut Transaction, missing: &Missing) -> Stop {
    if t.facts.reused && matches!(missing, Missing::Empty) {
        return forsake(t);
    }
    let (cause, stage, stop) = match missing {
        Missing::Empty => (Cause::Server, Stage::Headers, Stop::Answer(502)),
        Missing::Junk | Missing::Unwanted => (Cause::Proxy, Stage::Headers, Stop::Answer(502)),
        Missing::Late => (Cause::ServerTimeout, Stage::Headers, Stop::Answer(504)),
        Missing::Client(Broken::Malformed) => (Cause::Proxy, Stage::Headers, Stop::Silent(400)),
        Missing::Client(_) => (Cause::Client, Stage::Headers, Stop::Silent(400)),
        Missing::ClientLeft => (Cause::Client, Stage::Headers, Stop::Answer(400)),
        Missing::Ended(cause) => (*cause, Stage::Connect, Stop::Silent(500)),
        Missing::ClientReset => (Cause::Client, Stage::Data, Stop::Silent(400)),
        Missing::ClientLate => (Cause::ClientTimeout, Stage::Headers, Stop::Answer(400)),
    };
    t.facts.blame(cause, stage);
    match missing {
        Missing::Empty | Missing::Junk | Missing::Unwanted | Missing::Late => {
            count_failure(t);
            tables::count(t, Event::Failure);
            let sign = match missing {
                Missing::Late => Sign::Late,
                Missing::Empty => Sign::Broken,
                _ => Sign::Junk,
            };
            reach::observe(t, sign);
        }
        Missing::Client(Broken::Malformed) => {
            t.facts.malformed = true;
            t.client.count(|c| &c.failed_requests);
        }
        // Its going is noticed on its side and on the server's.
        Missing::ClientReset => (0..2).for_each(|_| count_client_abort(t)),
        Missing::Ended(_) => {}
        _ => count_client_abort(t),
    }
    if let Stop::Silent(status) = stop {
        answer::count_status(t, status);
    }
    if stop == Stop::Answer(400) {
        t.front.keep_alive = false;
    }
    leave(t);
    stop
}

/// Counts a client that left, or kept the rest of its request.
pub(crate) fn count_client_abort(t: &Transaction) {
    t.proxy().back().client_aborts.add(1);
    if let Some(a) = &t.assigned {
        a.server.counters().client_aborts.add(1);
    }
}

/// The server closed a connection that had been at rest just when the request went out, and it must not be sent
/// again: closing as silently lets the client decide, which knows it from its own connections.
fn forsake(t: &mut Transaction) -> Stop {
    // The server may have begun with it: it must not look as if nobody had (RFC 9113, 8.7).
    if let Some(lane) = t.client.stream.lane().filter(|_| !is_idempotent(t)) {
        lane.reset(ErrorCode::Cancel);
    }
    t.facts.log_level = Some(None);
    t.proxy().back().server_aborts.add(1);
    if let Some(a) = &t.assigned {
        a.server.counters().server_aborts.add(1);
    }
    leave(t);
    Stop::Close
}

/// Counts an answer that failed. One that broke counts twice, for the connection and for the request: `eresp`.
pub(crate) fn count_failure(t: &Transaction) {
    t.proxy().back().failed_responses.add(1);
    if let Some(a) = &t.assigned {
        a.server.counters().failed_responses.add(1);
    }
}

/// Gives the place at the server free.
fn leave(t: &mut Transaction) {
    if let Some(a) = &mut t.assigned {
        a.slot = None;
    }
}

fn up_storage(up: Output) -> Vec<u8> {
    let mut up = up;
    up.clear();
    up.bytes
}

// === impl Missing ===

impl Missing {
    /// Whether there is no client any more, or none that could go on.
    fn is_gone(&self) -> bool {
        matches!(self, Self::Client(_) | Self::ClientLeft | Self::ClientReset)
    }
}
