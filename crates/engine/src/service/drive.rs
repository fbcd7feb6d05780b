//! Has a service answer a request: its body in, the head and the pieces of the answer out.

use std::future::poll_fn;
use std::task::Poll;

use weir_http::h1::{self, BodyLength, ChunkDecoder, ChunkStep, Outgoing, chunk_header};
use weir_http::h2::Kind;
use weir_http::{Head, status, uri};

use super::{Answer, Body, Order, Pieces, Request, RequestBody};
use crate::ending::{Cause, Stage};
use crate::filter::Gate;
use crate::mux::h1::Output;
use crate::stage::{answer, body, exchange, prepare, respond, rules};
use crate::trace;
use crate::transaction::{Stop, Transaction};

/// Answers the request by the service that it is for; what is left to be said.
pub(crate) async fn serve(t: &mut Transaction) -> Stop {
    let Some(mut order) = t.messages.service.clone() else { return Stop::Answer(503) };
    if order.service.asks_for_admin() {
        let proxy = t.proxy().clone();
        order.admin = rules::stats_admin(t, &proxy);
    }
    let reads = order.service.reads_body(t.messages.request.method());
    if reads
        && !body::is_here(t)
        && let Err(stop) = body::wait(t).await
    {
        return stop;
    }
    let now = t.now();
    t.facts.assigned.get_or_insert(now);
    t.facts.connected.get_or_insert(now);
    t.facts.answered = Some(now);
    trace::transaction(t, &trace::APPLET_START);
    let answer = ask(t, &order, reads);
    if matches!(answer.body, Body::Standard) {
        return refuse(t, &order, answer.status).await;
    }
    respond::count_intercepted(t);
    let sent = send(t, &order, answer).await;
    trace::transaction(t, &trace::APPLET_END);
    match sent {
        Ok(()) => Stop::Done,
        Err(stop) => stop,
    }
}

/// The proxy's own answer for a status, as if the service had given it.
async fn refuse(t: &mut Transaction, order: &Order, status: u16) -> Stop {
    respond::make(t, status);
    t.front.keep_alive = false;
    // As in HAProxy: what the service could not read counts as a failed answer, and the line that says 400 has its own
    // `connection: close`.
    let close = if status == 400 { "connectionclose".len() } else { 0 };
    t.facts.log_bytes.1 += (h1::accounted(&t.messages.response) + close + t.messages.body.len()) as u64;
    exchange::count_failure(t);
    if order.ruled
        && let Err(stop) = rules::response(t).await
    {
        return stop;
    }
    t.facts.blame(Cause::Local, Stage::Request);
    Stop::Reply
}

/// Hands the request over.
fn ask(t: &Transaction, order: &Order, reads: bool) -> Answer {
    let request = &t.messages.request;
    let input = t.client.input.data();
    let gathered;
    let body = match reads {
        false => RequestBody::Whole(b""),
        true if !body::is_here(t) => RequestBody::TooLong,
        true if t.front.request == BodyLength::Chunked => {
            gathered = unframed(input);
            RequestBody::Whole(&gathered)
        }
        true => RequestBody::Whole(body::so_far(t)),
    };
    order.service.answer(&Request {
        method: request.method(),
        target: uri::path_and_query(request.target()),
        body,
        proxy: &order.proxy,
        admin: order.admin,
    })
}

/// The data of a body in chunks that lies in the input.
fn unframed(mut input: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut decoder = ChunkDecoder::default();
    while let ChunkStep::Data { skip, len } = decoder.step(input)
        && len > 0
    {
        decoder.passed(len);
        let (now, later) = input.get(skip..).and_then(|rest| rest.split_at_checked(len)).unwrap_or_default();
        data.extend_from_slice(now);
        input = later;
    }
    data
}

async fn send(t: &mut Transaction, order: &Order, made: Answer) -> Result<(), Stop> {
    let Answer { status, headers, body } = made;
    let modern = t.messages.request.version() >= (1, 1);
    let mut head = Head::default();
    head.set_response(status, status::reason(status).as_bytes(), (1, 1));
    for (name, value) in &headers {
        head.append(name.as_bytes(), value.as_bytes());
    }
    let (mut pieces, bounded) = match body {
        Body::Pieces(pieces) => (Some(pieces), modern),
        Body::Empty => (None, true),
        Body::Unsaid | Body::Standard => (None, false),
    };
    if pieces.is_some() && modern {
        head.append(b"transfer-encoding", b"chunked");
        head.facts_mut().chunked = true;
    } else if bounded {
        head.facts_mut().content_length = Some(0);
    }
    t.facts.log_bytes.1 += h1::accounted(&head) as u64;
    t.messages.response = head;
    if order.ruled {
        rules::response(t).await?;
    }
    rules::after_response(t).await?;
    t.facts.status = t.messages.response.status();
    t.facts.log_bytes.0 += body::unread(t);
    if t.front.head_only || t.messages.request.method() == b"HEAD" {
        pieces = None;
    }
    let mut out = Output::over(std::mem::take(&mut t.messages.spare));
    let goes_on = t.front.keep_alive && bounded && !t.client.worker.runtime.process.is_stopping();
    respond::leave_body(t, goes_on);
    write_head(t, pieces.is_some(), goes_on, &mut out);
    let sent = carry(t, pieces, bounded, &mut out).await;
    out.clear();
    t.messages.spare = out.bytes;
    // Only now: what it tells knows nothing of itself.
    answer::count_status(t, t.facts.status);
    match sent {
        Ok(()) => t.facts.blame(Cause::Local, Stage::Request),
        Err(cause) => {
            t.facts.blame(cause, Stage::Data);
            t.front.keep_alive = false;
        }
    }
    Ok(())
}

fn write_head(t: &Transaction, follows: bool, goes_on: bool, out: &mut Output) {
    let (response, request) = (&t.messages.response, &t.messages.request);
    if let Some(lane) = t.client.stream.lane() {
        let body = if follows { BodyLength::Chunked } else { BodyLength::None };
        return lane.send_head(Kind::Response, response, b"", body);
    }
    let extra = h1::client_line(response, request, goes_on);
    h1::write_head(
        response,
        &Outgoing { extra, cases: prepare::client_cases(t), ..Outgoing::default() },
        &mut out.bytes,
    );
}

/// Sends head and pieces, each when the one before is gone.
async fn carry(
    t: &mut Transaction,
    mut pieces: Option<Box<dyn Pieces>>,
    chunked: bool,
    out: &mut Output,
) -> Result<(), Cause> {
    let framed = t.client.stream.lane().is_none() && chunked;
    let had_any = pieces.is_some();
    let mut piece = Vec::new();
    loop {
        if let Some(source) = &mut pieces {
            piece.clear();
            let mut more = true;
            while more && piece.len() < PIECE {
                more = source.write(&mut piece);
            }
            t.facts.log_bytes.1 += piece.len() as u64;
            match t.messages.filters.down.clone() {
                None => put(&piece, framed, out),
                Some(gate) => Box::pin(slowly(t, &gate, &piece, framed, out)).await?,
            }
            if !more {
                pieces = None;
                if framed {
                    out.bytes.extend_from_slice(b"0\r\n\r\n");
                }
            }
        }
        send_out(t, out, pieces.is_some()).await?;
        if pieces.is_none() {
            break;
        }
    }
    if let (true, Some(lane)) = (had_any, t.client.stream.lane()) {
        lane.finish(&Head::default());
    }
    Ok(())
}

/// Sends a piece as filters let it pass.
async fn slowly(
    t: &mut Transaction,
    gate: &Gate,
    mut piece: &[u8],
    framed: bool,
    out: &mut Output,
) -> Result<(), Cause> {
    while !piece.is_empty() {
        let allowed = poll_fn(|cx| gate.poll_allowed(cx, piece.len())).await;
        let (now, later) = piece.split_at_checked(allowed).unwrap_or((piece, b""));
        gate.passed(now);
        put(now, framed, out);
        send_out(t, out, true).await?;
        piece = later;
    }
    Ok(())
}

fn put(piece: &[u8], framed: bool, out: &mut Output) {
    match framed {
        _ if piece.is_empty() => {}
        false => out.bytes.extend_from_slice(piece),
        true => {
            chunk_header(piece.len() as u64, &mut out.bytes);
            out.bytes.extend_from_slice(piece);
            out.bytes.extend_from_slice(b"\r\n");
        }
    }
}

/// Sends what was made, for as long as the client takes something.
async fn send_out(t: &mut Transaction, out: &mut Output, more: bool) -> Result<(), Cause> {
    let client = &t.client;
    client.timer.set(t.now().after(client.frontend.conf().timeouts.client));
    let sent = poll_fn(|cx| {
        if let Poll::Ready(sent) = out.poll_send(cx, &client.stream, more) {
            return Poll::Ready(sent.map_err(|_| Cause::Client));
        }
        if client.timer.poll_expired(cx) { Poll::Ready(Err(Cause::ClientTimeout)) } else { Poll::Pending }
    })
    .await?;
    t.facts.bytes_out += sent as u64;
    Ok(())
}

/// How much is gathered before it is sent.
const PIECE: usize = 16 * 1024;
