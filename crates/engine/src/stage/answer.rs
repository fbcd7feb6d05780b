//! The server's answer on its way to the client: head, body, and what both mean for the two connections.

use std::future::poll_fn;
use std::task::{Context, Poll};

use weir_expr::Side;
use weir_expr::scope::TimeoutOf;
use weir_http::HeaderId;
use weir_http::h1::{self, BodyLength, Outgoing, Settled};

use crate::clock::{self, Tick};
use crate::conf::Options;
use crate::ending::{Cause, Stage};
use crate::log;
use crate::mux::h1::{Broken, Conn, Output, Pump, Trailers};
use crate::mux::h2::Lane;
use crate::runtime::{Counter, Counters};
use crate::stage::client_news::{News, client_news};
use crate::stage::exchange::{self, Missing};
use crate::stage::{finish, persist, prepare, reach, receive, rules, stick, stream, upload, websocket};
use crate::tables::{self, Event};
use crate::trace;
use crate::transaction::{Messages, Stop, Transaction};

/// Passes the answer on, head and body; gives the connection back that it came over.
pub(crate) async fn pass(
    t: &mut Transaction,
    back: Conn,
    request: &mut Pump,
    up: Output,
) -> Result<Option<Conn>, Stop> {
    t.facts.answered = Some(t.now());
    if !websocket::is_agreed(t) {
        return Err(exchange::blame(t, &Missing::Junk));
    }
    let body = match h1::response_body(&t.messages.response, &t.messages.request) {
        Ok(body) => body,
        Err(_) => return Err(exchange::blame(t, &Missing::Junk)),
    };
    tables::count_status(t, t.messages.response.status());
    stick::response(t);
    t.far = Some(back);
    let allowed = rules_of(t).await;
    let Some(mut back) = t.far.take() else { return Err(Stop::Close) };
    if let Err(stop) = allowed {
        took(t, request);
        t.facts.log_bytes.0 += request.accounted();
        t.facts.log_bytes.1 += back.input.data().len() as u64;
        if stop != Stop::Reply {
            t.facts.status = t.messages.response.status();
        }
        return Err(stop);
    }
    carry_on(t, &mut back, request, up, body).await?;
    Ok(Some(back))
}

/// Remembers how much of the request's body was taken.
pub(crate) fn took(t: &mut Transaction, request: &Pump) {
    t.front.taken = request.taken();
    t.front.rest = request.rest();
}

/// Sends the head as the rules left it, and the body.
async fn carry_on(
    t: &mut Transaction,
    back: &mut Conn,
    request: &mut Pump,
    mut up: Output,
    body: BodyLength,
) -> Result<(), Stop> {
    let mut down = Output::over(std::mem::take(&mut t.messages.spare));
    let mut settled = Settled { body, close: false, unsaid: false };
    let multiplexed = back.stream.lane().is_some();
    let bare = body == BodyLength::Chunked
        && t.client.stream.lane().is_some()
        && t.messages.filters.down.is_none()
        && back.stream.lane().is_some_and(Lane::is_spent);
    if bare {
        // The head was all: a client in HTTP/2 is told so with it.
        settled.body = BodyLength::None;
    }
    if rules::change_responses(t) && !multiplexed {
        let Messages { response, request, .. } = &mut *t.messages;
        settled = h1::settle_response(response, request, body);
    }
    let from = if bare { BodyLength::None } else { read_as(back, body) };
    send_head(t, settled, multiplexed && from == BodyLength::UntilClose, &mut down);
    log::answered(t, body, back.input.data());
    if body == BodyLength::Tunnel {
        return Box::pin(upgrade(t, back, down)).await;
    }
    let drop = t.proxy().has(Options::HTTP_DROP_RESPONSE_TRAILERS);
    let trailers = Trailers { limits: receive::response_limits(t), drop };
    // A client in HTTP/1 would take a body that it did not ask for as its next answer.
    let unwanted = t.front.head_only && t.client.stream.lane().is_none();
    let to = if unwanted { BodyLength::None } else { settled.body };
    let mut response = Pump::new(from, to, trailers)
        .foretold(back.stream.lane().is_some_and(Lane::is_spent))
        .into(&t.client.stream)
        .through(t.messages.filters.down.as_ref());
    request.pass_through(t.messages.filters.up.as_ref());
    let there = back.input.len() as u64;
    let mut end = carry(t, back, request, &mut response, (&mut up, &mut down)).await;
    let mut taken = true;
    if end.is_ok() && !request.is_read() {
        match Box::pin(upload::finish(t, back, request, &mut up)).await {
            Ok(all) => taken = all,
            Err(stop) => end = Err(stop),
        }
    }
    t.facts.part(&back.stream);
    t.facts.came_at_once = end.is_ok() && response.read <= there;
    tell_received(t, end.is_ok());
    took(t, request);
    t.facts.bytes_in += request.read;
    t.facts.bytes_up += request.written;
    t.facts.bytes_out += response.written;
    t.facts.bytes_down += response.read;
    t.facts.log_bytes.0 += request.accounted();
    t.facts.log_bytes.1 += response.accounted();
    t.messages.reusable = end.is_ok()
        && taken
        && up.is_empty()
        && body != BodyLength::UntilClose
        && h1::persists(&t.messages.response);
    t.front.keep_alive &= request.is_read();
    up.clear();
    down.clear();
    t.messages.output = up.bytes;
    t.messages.spare = down.bytes;
    end
}

/// How the body is read: a server's stream says where the message ends, whatever its head announced.
fn read_as(back: &Conn, body: BodyLength) -> BodyLength {
    match back.stream.lane() {
        Some(lane) if body == BodyLength::Chunked || body != BodyLength::Tunnel && !lane.is_spent() => {
            BodyLength::UntilClose
        }
        _ => body,
    }
}

/// Tells that the head of an answer leaves.
pub(crate) fn tell_sent(t: &Transaction) {
    let multiplexed = t.client.stream.lane().is_some();
    trace::transaction(t, if multiplexed { &trace::H2_RESPONSE } else { &trace::H1_SEND_RESPONSE });
}

fn tell_received(t: &Transaction, whole: bool) {
    if whole {
        trace::transaction(t, &trace::H1_RESPONSE_DONE);
    }
}

/// Runs the rules for responses, where there are any.
async fn rules_of(t: &mut Transaction) -> Result<(), Stop> {
    if rules::server_content_waits(t) {
        let allowed = rules::server_content(t).await;
        t.facts.answered = Some(t.now());
        allowed?;
    }
    if let Some(a) = &t.assigned {
        // Its own status, whatever rules make of the answer.
        count_class(a.server.counters(), t.messages.response.status());
    }
    rules::response(t).await?;
    rules::keep_cookie(t, Side::Server);
    persist::response(t);
    if t.proxy().has(Options::CHECK_CACHE) && persist::shares_a_cookie(t) {
        t.facts.blame(Cause::Proxy, Stage::Headers);
        return Err(Stop::Answer(502));
    }
    rules::after_response(t).await
}

/// Writes the head that the client gets; `open` says that the server's stream is to say where the message ends.
fn send_head(t: &mut Transaction, settled: Settled, open: bool, down: &mut Output) {
    let body = settled.body;
    let status = t.messages.response.status();
    t.facts.status = status;
    count_status(t, status);
    tell_sent(t);
    let stopping = t.client.worker.runtime.process.is_stopping();
    if body == BodyLength::UntilClose || settled.close || stopping {
        t.front.keep_alive = false;
    }
    let sent = h1::accounted(&t.messages.response) as u64;
    t.facts.response_growth = sent.wrapping_sub(t.facts.response_head).cast_signed();
    let (response, asked) = (&t.messages.response, &t.messages.request);
    if response.facts().chunked && response.version() < (1, 1) {
        t.front.keep_alive = false; // RFC 9112, 6.1
    }
    let extra = match body {
        BodyLength::Tunnel => b"",
        _ if settled.unsaid => b"",
        _ => h1::client_line(response, asked, t.front.keep_alive),
    };
    if let Some(lane) = t.client.stream.lane() {
        return websocket::send_head(t, lane, if open { BodyLength::UntilClose } else { body });
    }
    h1::settle_te(&mut t.messages.response);
    let response = &t.messages.response;
    // It came over HTTP/2 without a length.
    let unsaid = body == BodyLength::Chunked && response.values(HeaderId::TransferEncoding).next().is_none();
    let extra = if unsaid { h1::and_chunks(extra) } else { extra };
    let acceptance = websocket::acceptance(t);
    let extra = acceptance.as_deref().unwrap_or(extra);
    let how = Outgoing { extra, cases: prepare::client_cases(t), ..Outgoing::default() };
    h1::write_head(response, &how, &mut down.bytes);
}

/// Carries both bodies until the answer is complete.
async fn carry(
    t: &mut Transaction,
    back: &mut Conn,
    request: &mut Pump,
    response: &mut Pump,
    (up, down): (&mut Output, &mut Output),
) -> Result<(), Stop> {
    let mut due = Due::new(t);
    let mut seen = (0, 0);
    let mut left = None;
    let end = poll_fn(|cx: &mut Context<'_>| {
        // What goes wrong with the request shows in the answer.
        let _ = request.poll(cx, &t.client.stream, &mut t.client.input, &back.stream, up);
        response.part(!t.front.keep_alive && request.is_read());
        if let Poll::Ready(r) = response.poll(cx, &back.stream, &mut back.input, &t.client.stream, down) {
            return Poll::Ready(r.map_err(|e| match e {
                Broken::Sink => Cause::Client,
                Broken::Source => Cause::Server,
                Broken::Malformed => Cause::Proxy,
            }));
        }
        if let Some(cause) = exchange::server_ended(t, cx) {
            return Poll::Ready(Err(cause));
        }
        let over = request.is_read() || t.client.stream.lane().is_some_and(|lane| lane.gone().is_some());
        if over && client_gone(t, cx, &mut left) {
            return Poll::Ready(Err(Cause::Client));
        }
        let moved = (request.read + response.read, response.written);
        if moved != seen || request.is_held_back() || response.is_held_back() {
            seen = moved;
            due.renew();
            if t.client.frontend.has(Options::CONTSTATS) {
                let passed = t.facts.log_bytes;
                finish::count_bytes(t, (passed.0 + request.accounted(), passed.1 + response.accounted()));
            }
        }
        // Bytes that wait for the client make it the one to blame, else the server is.
        let (due, cause) = match left {
            Some(limit) => (due.server.min(limit), Cause::Client),
            None if down.is_empty() && back.input.is_empty() => (due.server, Cause::ServerTimeout),
            None => (due.client, Cause::ClientTimeout),
        };
        t.client.timer.set(due);
        if t.client.timer.poll_expired(cx) { Poll::Ready(Err(cause)) } else { Poll::Pending }
    })
    .await;
    end.map_err(|cause| {
        let with_server = matches!(cause, Cause::Down | Cause::Up | Cause::Killed);
        t.facts.blame(cause, if with_server { Stage::Connect } else { Stage::Data });
        if with_server {
            t.facts.status = 500; // In the log alone: the client has the status of the answer.
        }
        count_end(t, cause);
        if cause == Cause::Server {
            tables::count(t, Event::Failure);
        }
        if cause == Cause::Client {
            reach::abandon(&back.stream);
        }
        t.front.keep_alive = false;
        Stop::Close
    })
}

/// Counts an answer or a stream that did not come to its end, for the one to blame.
pub(crate) fn count_end(t: &Transaction, cause: Cause) {
    let count = |counter: fn(&Counters) -> &Counter| {
        counter(t.proxy().back()).add(1);
        if let Some(a) = &t.assigned {
            counter(a.server.counters()).add(1);
        }
    };
    match cause {
        Cause::Client | Cause::ClientTimeout => count(|c| &c.client_aborts),
        Cause::ServerTimeout => count(|c| &c.server_aborts),
        Cause::Server => {
            count(|c| &c.server_aborts);
            exchange::count_failure(t);
        }
        Cause::Proxy => {
            exchange::count_failure(t);
            exchange::count_failure(t);
        }
        _ => {}
    }
}

/// Whether the client's connection is gone. One that only closed its side is still answered: for as long as the
/// server goes on, or for a moment where closing means leaving (manual, 4.2 "option abortonclose").
fn client_gone(t: &mut Transaction, cx: &mut Context<'_>, left: &mut Option<Tick>) -> bool {
    if left.is_some() {
        return false;
    }
    match client_news(t, cx) {
        News::None => false,
        News::Reset | News::Left => true,
        News::Closed => {
            let leaves = t.proxy().conf().aborts_on_close();
            *left = Some(if leaves { clock::now().after(Some(LAST_MOMENT)) } else { Tick::NEVER });
            t.front.keep_alive = false;
            false
        }
    }
}

/// When which side has been silent too long.
struct Due {
    server_wait: Option<std::time::Duration>,
    client_wait: Option<std::time::Duration>,
    server: Tick,
    client: Tick,
}

// === impl Due ===

impl Due {
    fn new(t: &Transaction) -> Self {
        let (server_wait, client_wait) = (t.timeout(TimeoutOf::Server), t.timeout(TimeoutOf::Client));
        let now = clock::now();
        Self { server_wait, client_wait, server: now.after(server_wait), client: now.after(client_wait) }
    }

    fn renew(&mut self) {
        let now = clock::now();
        (self.server, self.client) = (now.after(self.server_wait), now.after(self.client_wait));
    }
}

/// Both sides speak another protocol from now on.
async fn upgrade(t: &mut Transaction, back: &mut Conn, mut down: Output) -> Result<(), Stop> {
    let client = &t.client.stream;
    let sent = poll_fn(|cx| down.poll_send(cx, client, false)).await;
    t.front.keep_alive = false;
    match sent {
        Ok(n) => t.facts.bytes_out += n as u64,
        Err(_) => {
            t.facts.blame(Cause::Client, Stage::Data);
            return Err(Stop::Close);
        }
    }
    stream::between(t, &back.stream, &mut back.input).await;
    Err(Stop::Close)
}

/// Counts the status that the client gets, for the frontend and the backend.
pub(crate) fn count_status(t: &Transaction, status: u16) {
    let count = |c: &Counters| count_class(c, status);
    count(t.client.frontend.front());
    if let Some(b) = &t.backend {
        count(b.back());
    }
}

/// Counts an answer of this status.
pub(crate) fn count_class(counters: &Counters, status: u16) {
    let class = match status / 100 {
        n @ 1..=5 => usize::from(n) - 1,
        _ => 5,
    };
    if let Some(c) = counters.responses.get(class) {
        c.add(1);
    }
}

/// For how long a client that has left is still answered, as the reference has it.
const LAST_MOMENT: std::time::Duration = std::time::Duration::from_millis(200);
