//! The head of the request: read, judged, and found to be one (manual, 4.2 "timeout http-request").

use std::future::poll_fn;
use std::task::Poll;

use weir_http::h1::{self, BodyLength, Fault, Limits, Parse};
use weir_http::h2::PREFACE;
use weir_http::uri;

use crate::clock::Tick;
use crate::conf::{Options, Proto};
use crate::ending::{Cause, Stage};
use crate::io::{CountedStream, Side};
use crate::log;
use crate::mux::h1::{Taken, body_seems_valid};
use crate::mux::h2::{Gone, Lane};
use crate::stage::capture;
use crate::tables::{self, Event};
use crate::trace;
use crate::transaction::{Stop, Transaction};

/// Reads the head.
pub(crate) async fn request(t: &mut Transaction) -> Result<(), Stop> {
    let limits = request_limits(t);
    if t.client.stream.lane().is_some() {
        return given(t);
    }
    let conf = t.client.frontend.conf();
    // The first request was waited for since the connection came.
    let since = if t.client.requests == 0 { t.client.accepted } else { t.facts.begun };
    let due = since.after(conf.timeouts.http_request);
    loop {
        let input = t.client.input.data();
        if !input.is_empty() {
            match multiplexes(t) {
                Some(true) => return Err(Stop::Multiplex),
                Some(false) => {
                    if t.client.requests == 0 && input.starts_with(PREFACE) {
                        // HTTP/2 is not spoken here.
                        return Err(refuse(t, Cause::Proxy, 405));
                    }
                    let begin = || CountedStream::new(&t.client.frontend, Side::Front);
                    t.front.counted.get_or_insert_with(begin);
                }
                None => {
                    fill(t, since, due).await?;
                    continue;
                }
            }
            let input = t.client.input.data();
            match h1::parse_request(&mut t.front.parser, input, &mut t.messages.request, &limits) {
                Parse::Complete { consumed } => {
                    t.client.input.consume(consumed);
                    t.facts.bytes_in += consumed as u64;
                    trace::transaction(t, &trace::H1_FRONT_STREAM);
                    break;
                }
                Parse::Partial => {}
                Parse::Invalid(fault) => return Err(misunderstood(t, fault)),
            }
        }
        fill(t, since, due).await?;
    }
    judge(t, &limits)
}

/// Takes the head that came on a stream of HTTP/2.
fn given(t: &mut Transaction) -> Result<(), Stop> {
    for _ in 0..t.client.stream.lane().map_or(0, Lane::take_glitches) {
        tables::count(t, Event::Glitch);
    }
    let head = &t.messages.request;
    if head.method().is_empty() {
        // Its stream was reset (RFC 9113, 8.1.1).
        refuse(t, Cause::Proxy, 0);
        return Err(Stop::Close);
    }
    let facts = head.facts();
    let tunnel = facts.upgrade || head.method() == b"CONNECT";
    let ended = t.client.stream.lane().is_some_and(Lane::is_ended);
    t.front.request = match facts.content_length {
        _ if tunnel => BodyLength::None,
        Some(0) if ended => BodyLength::None,
        Some(n) => BodyLength::Known(n),
        None if facts.chunked => BodyLength::UntilClose,
        None => BodyLength::None,
    };
    // An end that comes by itself counts, where no length says that nothing follows.
    let apart = facts.content_length == Some(0) && t.client.stream.lane().is_some_and(|lane| !lane.is_bare());
    t.facts.log_bytes.0 += u64::from(apart);
    t.facts.bytes_in += h1::accounted(head) as u64;
    let sound = head.method().iter().all(|b| h1::is_token(*b))
        && head.method() != b"PRI"
        && !head.target().contains(&0x7f)
        && uri::scheme(head.target()).is_none_or(uri::is_scheme);
    if !sound {
        let unread = t.client.stream.lane().map_or(0, Lane::unread);
        t.facts.log_bytes.0 += (h1::accounted(&t.messages.request) + unread) as u64;
        tables::count(t, Event::Glitch);
        return Err(refuse(t, Cause::Proxy, 400));
    }
    arrived(t);
    if t.client.stream.lane().and_then(Lane::gone) == Some(Gone::Malformed) {
        t.facts.blame(Cause::Proxy, Stage::Request);
        t.client.count(|c| &c.failed_requests);
        return Err(Stop::Silent(400));
    }
    Ok(())
}

/// Whether the client still wants what it asked for: a stream of HTTP/2 may be over before anybody looks at it.
pub(crate) fn is_wanted(t: &mut Transaction) -> Result<(), Stop> {
    let Some(lane) = t.client.stream.lane() else { return Ok(()) };
    if lane.gone().is_none() {
        let mute = t.messages.request.facts().upgrade && lane.is_ended();
        if mute {
            // Who has said its last word can speak no other protocol (RFC 8441, 5).
            t.facts.blame(Cause::Client, Stage::Headers);
            return Err(Stop::Answer(400));
        }
        return Ok(());
    }
    let stop = if lane.is_complete() { Stop::Close } else { Stop::Silent(400) };
    t.facts.log_bytes.0 += lane.unread() as u64;
    t.facts.blame(Cause::Client, Stage::Request);
    t.client.count(|c| &c.failed_requests);
    tables::count(t, Event::Error);
    Err(stop)
}

/// Whether the first bytes of a connection begin HTTP/2 (RFC 9113, 3.4; manual, 4.2 "option disable-h2-upgrade");
/// nothing where more have to come.
fn multiplexes(t: &Transaction) -> Option<bool> {
    if t.client.requests > 0 {
        return Some(false);
    }
    let proto = match t.client.switched {
        Proto::Any => t.client.listener.conf().map_or(Proto::Any, |b| b.proto),
        switched => switched,
    };
    match proto {
        Proto::H1 => return Some(false),
        Proto::H2 => return Some(true),
        _ if t.client.stream.agreed_on_h2() => return Some(true),
        _ if t.client.frontend.has(Options::DISABLE_H2_UPGRADE) => return Some(false),
        Proto::Any | Proto::None => {}
    }
    let input = t.client.input.data();
    let known = input.len().min(PREFACE.len());
    match input.get(..known) == PREFACE.get(..known) {
        true if known < PREFACE.len() => None,
        starts => Some(starts),
    }
}

/// Reads more of the head, of which all has to be there when it is `due`. Who says nothing has less time, from `since`
/// for the first byte.
async fn fill(t: &mut Transaction, since: Tick, due: Tick) -> Result<(), Stop> {
    let heard = if t.client.input.is_empty() { since } else { t.now() };
    let client = &mut t.client;
    client.timer.set(due.min(heard.after(client.frontend.conf().timeouts.client)));
    let event = poll_fn(|cx| {
        if let Poll::Ready(r) = client.stream.poll_read(cx, client.input.space()) {
            return Poll::Ready(Some(r));
        }
        if client.timer.poll_expired(cx) { Poll::Ready(None) } else { Poll::Pending }
    })
    .await;
    match event {
        Some(Ok(n)) if n > 0 => {
            t.client.input.filled(n);
            Ok(())
        }
        // Nothing was asked: nothing is answered.
        Some(_) if t.client.input.is_empty() && t.client.requests > 0 => Err(Stop::Close),
        // A browser that connected ahead of its need (manual, 4.2 "option http-ignore-probes").
        Some(_) | None if is_probe(t) => {
            t.facts.logged = true;
            t.front.keep_alive = false;
            Err(Stop::Close)
        }
        Some(r) => {
            let stop = refuse(t, Cause::Client, 400);
            t.facts.status = 400; // For the log, even where nobody is there to read it.
            Err(if r.is_err() { Stop::Close } else { stop })
        }
        None => {
            trace::transaction(t, &trace::H1_REQUEST_LATE);
            Err(refuse(t, Cause::ClientTimeout, 408))
        }
    }
}

fn is_probe(t: &Transaction) -> bool {
    t.client.input.is_empty() && t.client.frontend.has(Options::HTTP_IGNORE_PROBES)
}

/// What follows from the head for the connection and the body.
fn judge(t: &mut Transaction, limits: &Limits) -> Result<(), Stop> {
    let head = &t.messages.request;
    t.front.request = h1::request_body(head);
    if !body_seems_valid(t.front.request, t.client.input.data(), limits) {
        capture::body(t);
        tables::count(t, Event::Glitch);
        return Err(refuse(t, Cause::Proxy, 400));
    }
    let closing = t.client.worker.runtime.process.is_stopping();
    let keeps_odd_codings = t.client.worker.view().snapshot.global.h1_keep_insecure_te;
    t.front.keep_alive = (h1::persists(head) || keeps_odd_codings && h1::wants_to_persist(head))
        && !closing
        && !t.client.frontend.has(Options::HTTP_CLOSE);
    arrived(t);
    if t.messages.request.method() == b"PRI" {
        // It begins HTTP/2 and means nothing else (RFC 9113, 11.6).
        t.facts.blame(Cause::Proxy, Stage::Request);
        t.client.count(|c| &c.failed_requests);
        tables::count(t, Event::Error);
        t.front.keep_alive = false;
        return Err(Stop::Answer(400));
    }
    Ok(())
}

/// A request is there.
fn arrived(t: &mut Transaction) {
    t.count();
    let multiplexed = t.client.stream.lane().is_some();
    trace::transaction(t, if multiplexed { &trace::H2_REQUEST } else { &trace::H1_REQUEST_HEAD });
    if t.front.request == BodyLength::None {
        t.front.taken = Taken::All;
        if !multiplexed {
            trace::transaction(t, &trace::H1_REQUEST_DONE);
        }
    }
    t.facts.requested = Some(t.now());
    t.front.head_only = t.messages.request.method() == b"HEAD";
    t.client.requests += 1;
    t.facts.head_bytes = h1::accounted(&t.messages.request) as u64;
    t.facts.log_bytes.0 += t.facts.head_bytes;
    t.client.frontend.front().streams.add(1);
    log::accepted(t);
}

/// Counts the request, which rules for the first bytes let pass.
pub(crate) fn count(t: &Transaction) {
    let counters = t.client.frontend.front();
    counters.requests.add(1);
    counters.request_rate.count(t.now());
    if let Some(all) = t.client.worker.process() {
        all.requests.add(1);
    }
    tables::count(t, Event::Request);
}

fn misunderstood(t: &mut Transaction, fault: Fault) -> Stop {
    capture::request(t, fault.at);
    trace::transaction(t, &trace::H1_REQUEST_BAD);
    let stop = refuse(t, Cause::Proxy, fault.status);
    tables::count(t, Event::Glitch);
    if fault.silent { Stop::Silent(fault.status) } else { stop }
}

fn refuse(t: &mut Transaction, cause: Cause, status: u16) -> Stop {
    t.count();
    count(t);
    t.facts.blame(cause, Stage::Request);
    t.client.count(|c| &c.failed_requests);
    // A client that is late is none that does wrong.
    if cause != Cause::ClientTimeout {
        tables::count(t, Event::Error);
    }
    t.front.keep_alive = false;
    Stop::Answer(status)
}

/// What the head of a request may be.
pub(crate) fn request_limits(t: &Transaction) -> Limits {
    limits(t, t.client.frontend.has(Options::ACCEPT_UNSAFE_REQUEST))
}

/// What the head of a response may be.
pub(crate) fn response_limits(t: &Transaction) -> Limits {
    limits(t, t.proxy().has(Options::ACCEPT_UNSAFE_RESPONSE))
}

/// A head leaves a buffer the room for rewriting (manual, 3.2 "tune.maxrewrite").
fn limits(t: &Transaction, lenient: bool) -> Limits {
    let global = &t.client.worker.view().snapshot.global;
    let tune = &global.tune;
    let reserve = tune.maxrewrite.unwrap_or_else(|| (tune.bufsize / 2).min(1024));
    Limits {
        max_headers: tune.max_headers,
        max_bytes: tune.bufsize,
        max_weight: tune.bufsize.saturating_sub(reserve + BUFFER_HEAD),
        lenient,
        payload_with_any_method: global.h1_any_payload,
    }
}

/// What a head may weigh when rules have changed it.
pub(crate) fn room(t: &Transaction) -> usize {
    t.client.worker.view().snapshot.global.tune.bufsize.saturating_sub(BUFFER_HEAD)
}

/// What the reference needs at the start of a buffer that holds a message.
const BUFFER_HEAD: usize = 40;
