//! The request goes to a server, its answer comes back: connections taken from rest or made, heads and bodies
//! carried, and the whole tried again where that is allowed (manual, 4.2 "http-reuse", "retry-on").

use std::future::poll_fn;
use std::task::{Context, Poll};

use weir_http::h1::{self, BodyLength, Parse};

use crate::clock::{self, Tick};
use crate::conf::{Options, RetryOn, ReuseMode};
use crate::ending::{Cause, Stage};
use crate::mux::h1::{Broken, Conn, Output, Pump};
use crate::pool::Idle;
use crate::stage::{prepare, reach, receive, stream};
use crate::transaction::{Stop, Transaction};

/// What one attempt came to.
enum Outcome {
    /// The answer has been passed on, to its end.
    Answered,
    /// Nothing came of a connection that had been at rest: the server had closed it.
    Stale,
}

/// Carries the request to a server and the answer to the client.
pub(crate) async fn run(t: &mut Transaction) -> Result<(), Stop> {
    loop {
        let mut back = connection(t).await?;
        match attempt(t, &mut back).await? {
            Outcome::Answered => {
                keep(t, back);
                return Ok(());
            }
            Outcome::Stale => {
                reach::count_retry(t);
            }
        }
    }
}

/// A connection to the server that is chosen: one at rest, or a new one.
async fn connection(t: &mut Transaction) -> Result<Conn, Stop> {
    loop {
        reach::assign(t).await?;
        if let Some(idle) = rested(t) {
            t.facts.reused = true;
            t.facts.connected = Some(t.now());
            return Ok(idle);
        }
        t.facts.reused = false;
        match reach::connect(t).await {
            Ok(stream) => return Ok(Conn::new(stream, t.client.worker.buffers.buffer())),
            Err(end) => reach::again(t, end).await?,
        }
    }
}

/// A connection at rest that may carry this request.
fn rested(t: &Transaction) -> Option<Conn> {
    let server = &t.assigned.as_ref()?.server;
    let mode = t.proxy().conf().reuse;
    if mode == ReuseMode::Never {
        return None;
    }
    // The first request of a client is not repeated by it when the connection proves dead: it only goes over
    // one that is known to work (manual, 4.2 "http-reuse safe").
    let proven = t.client.requests <= 1 && mode != ReuseMode::Always;
    loop {
        let idle = server.idle.borrow_mut().take(0, proven && mode == ReuseMode::Aggressive)?;
        server.shared.runtime.idle.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        if !idle.conn.stream.has_news() {
            server.counters().reuses.add(1);
            t.proxy().back().reuses.add(1);
            return Some(idle.conn);
        }
    }
}

async fn attempt(t: &mut Transaction, back: &mut Conn) -> Result<Outcome, Stop> {
    back.requests += 1;
    let mut up = Output::over(std::mem::take(&mut t.messages.output));
    h1::write_head(&t.messages.request, server_lines(t), prepare::is_hop, &mut up.bytes);
    let mut request = Pump::new(t.front.request, t.front.request);
    let sent = t.now();
    let end = answer_head(t, back, &mut request, &mut up, sent).await;
    let result = match end {
        Ok(()) => pass_answer(t, back, &mut request, up).await,
        Err(Missing::Stale) if t.facts.reused && request.read == 0 => Ok(Outcome::Stale),
        Err(missing) => Err(blame_head(t, &missing)),
    };
    t.facts.bytes_in += request.read;
    result
}

/// The lines that the server's connection needs.
fn server_lines(t: &Transaction) -> &'static [u8] {
    let close = t.proxy().has(Options::HTTP_CLOSE) || t.client.frontend.has(Options::HTTP_CLOSE);
    let server_close =
        t.proxy().has(Options::HTTP_SERVER_CLOSE) || t.client.frontend.has(Options::HTTP_SERVER_CLOSE);
    if close || server_close { b"connection: close\r\n" } else { b"" }
}

/// Why there is no head of an answer.
#[derive(Debug)]
enum Missing {
    /// The connection was closed or reset before the first byte.
    Stale,
    /// It ended in the middle, or is no HTTP.
    Junk,
    /// `timeout server`
    Late,
    /// The client's side of the request broke.
    Client(Broken),
    /// The client kept its body back too long.
    ClientLate,
}

/// Sends the request and waits for the head of the answer; interim answers are passed on.
async fn answer_head(
    t: &mut Transaction,
    back: &mut Conn,
    request: &mut Pump,
    up: &mut Output,
    sent: Tick,
) -> Result<(), Missing> {
    let limits = receive::limits(t);
    let mut parser = h1::Parser::default();
    let timeouts = &t.proxy().conf().timeouts;
    let server_wait = timeouts.server;
    let client_wait = t.client.frontend.conf().timeouts.client;
    let mut server_due = sent.after(server_wait);
    let mut client_due = sent.after(client_wait);
    poll_fn(|cx| {
        let moved = (request.read, request.written);
        let sending = request.poll(cx, &t.client.stream, &mut t.client.input, &back.stream, up);
        if (request.read, request.written) != moved {
            server_due = clock::now().after(server_wait);
            client_due = clock::now().after(client_wait);
        }
        let sent_all = match sending {
            Poll::Ready(Ok(())) => true,
            // The server may have answered before it closed: look at that first.
            Poll::Ready(Err(Broken::Sink(_))) => true,
            Poll::Ready(Err(e)) => return Poll::Ready(Err(Missing::Client(e))),
            Poll::Pending => false,
        };
        loop {
            let input = back.input.data();
            if !input.is_empty() {
                match h1::parse_response(&mut parser, input, &mut t.messages.response, &limits) {
                    Parse::Complete { consumed } => {
                        back.input.consume(consumed);
                        t.facts.bytes_down += consumed as u64;
                        return Poll::Ready(Ok(()));
                    }
                    Parse::Partial => {}
                    Parse::Invalid(_) => return Poll::Ready(Err(Missing::Junk)),
                }
            }
            let empty = back.input.is_empty();
            match back.stream.poll_read(cx, back.input.space()) {
                Poll::Ready(Ok(0) | Err(_)) if empty => return Poll::Ready(Err(Missing::Stale)),
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Missing::Junk)),
                Poll::Ready(Ok(n)) => back.input.filled(n),
                Poll::Pending => break,
            }
        }
        let due = if sent_all { server_due } else { server_due.min(client_due) };
        t.client.timer.set(due);
        if t.client.timer.poll_expired(cx) {
            return Poll::Ready(Err(if due == server_due { Missing::Late } else { Missing::ClientLate }));
        }
        Poll::Pending
    })
    .await
}

fn blame_head(t: &mut Transaction, missing: &Missing) -> Stop {
    let (cause, status) = match missing {
        Missing::Stale | Missing::Junk => (Cause::Server, 502),
        Missing::Late => (Cause::ServerTimeout, 504),
        Missing::Client(Broken::Malformed) => (Cause::Proxy, 400),
        Missing::Client(_) => (Cause::Client, 400),
        Missing::ClientLate => (Cause::ClientTimeout, 408),
    };
    t.facts.blame(cause, if matches!(missing, Missing::Client(_)) { Stage::Data } else { Stage::Headers });
    if matches!(missing, Missing::Stale | Missing::Junk | Missing::Late) {
        t.proxy().back().failed_responses.add(1);
        if let Some(a) = &t.assigned {
            a.server.counters().failed_responses.add(1);
        }
    }
    t.front.keep_alive = false;
    Stop::Answer(status)
}

/// Passes the answer on to the client, head and body.
async fn pass_answer(
    t: &mut Transaction,
    back: &mut Conn,
    request: &mut Pump,
    mut up: Output,
) -> Result<Outcome, Stop> {
    t.facts.answered = Some(t.now());
    let mut down = Output::over(std::mem::take(&mut t.messages.spare));
    let body = match h1::response_body(&t.messages.response, t.messages.request.method()) {
        Ok(body) => body,
        Err(_) => return Err(blame_head(t, &Missing::Junk)),
    };
    let framed = frame_for_client(t, body);
    let status = t.messages.response.status();
    t.facts.status = status;
    count_status(t, status);
    let lines: &[u8] = if t.front.keep_alive { b"" } else { b"connection: close\r\n" };
    h1::write_head(&t.messages.response, lines, prepare::is_hop, &mut down.bytes);
    if body == BodyLength::Tunnel {
        return upgrade(t, back, down).await;
    }
    let mut response = Pump::new(body, framed);
    let end = carry(t, back, request, &mut response, &mut up, &mut down).await;
    t.facts.bytes_out += response.written;
    t.facts.bytes_down += response.read;
    count_bytes(t, request, &response);
    let reusable = end.is_ok()
        && request.is_read()
        && up.is_empty()
        && !matches!(body, BodyLength::UntilClose)
        && h1::persists(&t.messages.response);
    if !request.is_read() {
        t.front.keep_alive = false;
    }
    up.clear();
    down.clear();
    t.messages.output = up.bytes;
    t.messages.spare = down.bytes;
    t.messages.reusable = reusable;
    end.map(|()| Outcome::Answered)
}

/// How the body travels to the client: as it came, or in chunks where its length is not known and the client
/// can take them.
fn frame_for_client(t: &mut Transaction, body: BodyLength) -> BodyLength {
    match body {
        BodyLength::UntilClose => {
            t.front.keep_alive = false;
            BodyLength::UntilClose
        }
        other => other,
    }
}

/// Carries both bodies until the answer is complete.
async fn carry(
    t: &mut Transaction,
    back: &mut Conn,
    request: &mut Pump,
    response: &mut Pump,
    up: &mut Output,
    down: &mut Output,
) -> Result<(), Stop> {
    let server_wait = t.proxy().conf().timeouts.server;
    let client_wait = t.client.frontend.conf().timeouts.client;
    let now = clock::now();
    let (mut server_due, mut client_due) = (now.after(server_wait), now.after(client_wait));
    let mut seen = (0, 0);
    let end = poll_fn(|cx: &mut Context<'_>| {
        let _ = request.poll(cx, &t.client.stream, &mut t.client.input, &back.stream, up);
        if let Poll::Ready(r) = response.poll(cx, &back.stream, &mut back.input, &t.client.stream, down) {
            return Poll::Ready(r.map_err(|e| match e {
                Broken::Sink(_) => Cause::Client,
                Broken::Source(_) | Broken::Malformed => Cause::Server,
            }));
        }
        let moved = (request.read + response.read, response.written);
        if moved != seen {
            seen = moved;
            let now = clock::now();
            (server_due, client_due) = (now.after(server_wait), now.after(client_wait));
        }
        // Bytes that wait for the client make it the one to blame, else the server is.
        let (due, cause) = if down.is_empty() && back.input.is_empty() {
            (server_due, Cause::ServerTimeout)
        } else {
            (client_due, Cause::ClientTimeout)
        };
        t.client.timer.set(due);
        if t.client.timer.poll_expired(cx) {
            return Poll::Ready(Err(cause));
        }
        Poll::Pending
    })
    .await;
    end.map_err(|cause| {
        t.facts.blame(cause, Stage::Data);
        match cause {
            Cause::Client => t.proxy().back().client_aborts.add(1),
            Cause::Server => t.proxy().back().server_aborts.add(1),
            _ => {}
        }
        t.front.keep_alive = false;
        Stop::Close
    })
}

/// Both sides speak another protocol from now on.
async fn upgrade(t: &mut Transaction, back: &mut Conn, mut down: Output) -> Result<Outcome, Stop> {
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

/// Puts the server's connection to rest where it may carry another request.
fn keep(t: &mut Transaction, mut back: Conn) {
    let Some(assigned) = &mut t.assigned else { return };
    let backend = t.backend.as_ref().unwrap_or(&t.client.frontend);
    let closes = Options::HTTP_CLOSE | Options::HTTP_SERVER_CLOSE;
    let front = &t.client.frontend;
    let wanted = t.messages.reusable
        && back.input.is_empty()
        && !backend.conf().options.intersects(closes)
        && !front.conf().options.intersects(closes)
        && backend.conf().reuse != ReuseMode::Never;
    if wanted {
        back.input.release();
        let server = assigned.server.clone();
        server.shared.runtime.idle.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let proven = back.requests > 1;
        server.idle.borrow_mut().put(Idle { conn: back, key: 0, proven, since: clock::now() });
    }
    assigned.slot = None;
}

fn count_status(t: &Transaction, status: u16) {
    let class = match status / 100 {
        n @ 1..=5 => usize::from(n) - 1,
        _ => 5,
    };
    let count = |c: &crate::runtime::Counters| {
        if let Some(c) = c.responses.get(class) {
            c.add(1);
        }
    };
    count(t.client.frontend.front());
    count(t.proxy().back());
    if let Some(a) = &t.assigned {
        count(a.server.counters());
    }
}

fn count_bytes(t: &Transaction, request: &Pump, response: &Pump) {
    let (up, down) = (request.written, response.written);
    let add = |c: &crate::runtime::Counters| {
        c.bytes_in.add(up);
        c.bytes_out.add(down);
    };
    add(t.client.frontend.front());
    add(t.proxy().back());
    if let Some(a) = &t.assigned {
        add(a.server.counters());
    }
}

/// Whether `retry-on` names a failure.
pub(crate) fn retries_on(on: RetryOn, failure: RetryOn) -> bool {
    on.contains(failure)
}
