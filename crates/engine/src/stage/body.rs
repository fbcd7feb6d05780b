//! Waiting for the body of a request before anything else is done with it (manual, 4.2
//! "option http-buffer-request").

use std::future::poll_fn;
use std::task::Poll;

use weir_expr::Lookup;
use weir_expr::scope::{Bytes, TimeoutOf};
use weir_http::Head;
use weir_http::h1::{self, BodyLength, ChunkDecoder, ChunkStep, Limits};

use crate::balance::Key;
use crate::clock;
use crate::conf::Options;
use crate::ending::{Cause, Stage};
use crate::io::Stream;
use crate::mux::h2::Lane;
use crate::stage::{receive, respond};
use crate::transaction::{Messages, Stop, Transaction};

/// Waits until the whole body is in the buffer, or the buffer is full, where the frontend wants that before its rules.
pub(crate) async fn buffered(t: &mut Transaction) -> Result<(), Stop> {
    if !t.client.frontend.has(Options::HTTP_BUFFER_REQUEST) {
        return Ok(());
    }
    gather(t).await
}

/// The same for the backend, which may balance by what is in the body.
pub(crate) async fn buffered_for_backend(t: &mut Transaction) -> Result<(), Stop> {
    let in_body = matches!(t.proxy().shared.key, Key::UrlParam { in_body: true, .. });
    let balanced = in_body && t.messages.request.method() == b"POST";
    if !balanced && !t.proxy().has(Options::HTTP_BUFFER_REQUEST) {
        return Ok(());
    }
    gather(t).await
}

async fn gather(t: &mut Transaction) -> Result<(), Stop> {
    if expects(t) {
        t.messages.bench.hints.extend_from_slice(CONTINUE);
        Box::pin(respond::hint(t)).await;
    }
    if t.messages.at_end || is_here(t) {
        return Ok(());
    }
    let waited = Box::pin(wait(t)).await;
    t.prolong_request();
    waited
}

/// Whether the client has to be told to go on before its body is waited for; it is expected to be told.
pub(crate) fn expects(t: &mut Transaction) -> bool {
    t.front.request != BodyLength::None && h1::take_expectation(&mut t.messages.request)
}

/// What such a client is told (RFC 9110, 15.2.1).
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What has come of the body of the answer, while rules may look at it.
pub(crate) fn of_answer(t: &Transaction) -> Lookup<Bytes<'_>> {
    let Some(far) = &t.far else { return Lookup::Absent };
    let length = length_of_answer(&t.messages, &far.stream);
    held(length, far.input.data(), &far.stream, t.messages.at_end)
}

/// How the body of the answer lies in the buffer: a stream of HTTP/2 knows no chunks.
pub(crate) fn length_of_answer(messages: &Messages, stream: &Stream) -> BodyLength {
    match h1::response_body(&messages.response, &messages.request) {
        Ok(BodyLength::Chunked) if stream.lane().is_some() => BodyLength::UntilClose,
        Ok(length) => length,
        Err(_) => BodyLength::None,
    }
}

/// What has come of the body, without its framing; of a body in chunks the first one.
pub(crate) fn so_far(t: &Transaction) -> &[u8] {
    let input = t.client.input.data();
    match t.front.request {
        BodyLength::None | BodyLength::Tunnel => &[],
        BodyLength::Known(n) => input.get(..usize::try_from(n).unwrap_or(usize::MAX)).unwrap_or(input),
        BodyLength::UntilClose => input,
        BodyLength::Chunked => match ChunkDecoder::default().step(input) {
            ChunkStep::Data { skip, len } => input.get(skip..skip + len).unwrap_or_default(),
            _ => &[],
        },
    }
}

pub(crate) async fn wait(t: &mut Transaction) -> Result<(), Stop> {
    // The same timeouts as for the head, from the same start.
    let (begun, idle) = (t.facts.begun, t.timeout(TimeoutOf::Client));
    let due = begun.after(t.client.frontend.conf().timeouts.http_request);
    let (client, length) = (&mut t.client, t.front.request);
    let mut heard = clock::now();
    let cause = poll_fn(|cx| {
        loop {
            if client.input.is_full() || is_complete(length, client.input.data(), &client.stream) {
                return Poll::Ready(None);
            }
            client.timer.set(due.min(heard.after(idle)));
            match client.stream.poll_read(cx, client.input.space()) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    client.input.filled(n);
                    heard = clock::now();
                }
                Poll::Ready(_) => return Poll::Ready(Some((Cause::Client, 400))),
                Poll::Pending if client.timer.poll_expired(cx) => {
                    return Poll::Ready(Some((Cause::ClientTimeout, 408)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    let Some((cause, status)) = cause else { return Ok(()) };
    if cause == Cause::Client && t.client.stream.lane().is_none() {
        t.messages.at_end = true;
        return Ok(());
    }
    if cause == Cause::ClientTimeout {
        return Err(given_up(t));
    }
    t.facts.blame(cause, Stage::Request);
    t.front.keep_alive = false;
    Err(Stop::Answer(status))
}

/// Ends what a client began and did not go on with for too long (manual, 4.2 "timeout client").
pub(crate) fn given_up(t: &mut Transaction) -> Stop {
    t.facts.turned_away = true;
    t.facts.blame(Cause::ClientTimeout, Stage::Request);
    t.front.keep_alive = false;
    if t.is_http() { Stop::Answer(408) } else { Stop::Close }
}

/// Ends a request whose client left while its body was waited for: no server hears of it.
pub(crate) fn is_wanted(t: &mut Transaction) -> Result<(), Stop> {
    if !t.messages.at_end || is_here(t) {
        return Ok(());
    }
    t.facts.status = 400;
    t.facts.blame(Cause::Client, Stage::Request);
    Err(Stop::Close)
}

/// Whether the request's body lies in the buffer from its first byte to its last.
pub(crate) fn is_here(t: &Transaction) -> bool {
    is_complete(t.front.request, t.client.input.data(), &t.client.stream)
}

/// Whether all of a body was read; a stream of HTTP/2 says so itself.
fn is_complete(length: BodyLength, input: &[u8], stream: &Stream) -> bool {
    match stream.lane() {
        Some(lane) => length == BodyLength::None || lane.is_ended(),
        None => is_whole(length, input),
    }
}

/// Whether a body without a known length has come to its end.
pub(crate) fn is_over(length: BodyLength, stream: &Stream) -> bool {
    length == BodyLength::UntilClose && stream.lane().is_some_and(Lane::is_ended)
}

/// Whether a body lies in the buffer from its first byte to its last, as far as its bytes tell.
pub(crate) fn is_whole(length: BodyLength, input: &[u8]) -> bool {
    match length {
        BodyLength::None => true,
        BodyLength::Known(n) => input.len() as u64 >= n,
        BodyLength::Chunked => trailers_in(input).is_some(),
        BodyLength::UntilClose | BodyLength::Tunnel => false,
    }
}

/// What lies in the buffer of a request's body, its framing left out; of chunks the first two.
pub(crate) fn of_request(t: &Transaction) -> Lookup<Bytes<'_>> {
    let length = t.front.request;
    held(length, t.client.input.data(), &t.client.stream, false)
}

/// What lies in the buffer of a body, its framing left out; of chunks the first two. A body without a length ends where
/// nothing more comes, and promises nothing in HTTP/2.
fn held<'a>(length: BodyLength, input: &'a [u8], stream: &Stream, at_end: bool) -> Lookup<Bytes<'a>> {
    let complete = match length {
        BodyLength::UntilClose => at_end || is_over(length, stream),
        _ => is_whole(length, input),
    };
    let mut body = match length {
        BodyLength::UntilClose => {
            Bytes { promised: stream.lane().map(|_| 0), ..Bytes::whole(input, complete) }
        }
        BodyLength::Known(n) => {
            let here = usize::try_from(n).ok().and_then(|n| input.get(..n)).unwrap_or(input);
            Bytes { promised: Some(n), ..Bytes::whole(here, complete) }
        }
        BodyLength::Chunked => Bytes { pieces: first_chunks(input), ..Bytes::whole(b"", complete) },
        _ => Bytes::whole(b"", true),
    };
    body.complete = complete;
    if complete { Lookup::Value(body) } else { Lookup::Partial(body) }
}

fn first_chunks(mut input: &[u8]) -> [&[u8]; 2] {
    let mut decoder = ChunkDecoder::default();
    let mut pieces: [&[u8]; 2] = [b"", b""];
    for piece in &mut pieces {
        let ChunkStep::Data { skip, len } = decoder.step(input) else { break };
        decoder.passed(len);
        *piece = input.get(skip..skip + len).unwrap_or_default();
        input = input.get(skip + len..).unwrap_or_default();
    }
    pieces
}

/// What the log counts of what came of a body that nobody took.
pub(crate) fn unread(t: &Transaction) -> u64 {
    let input = t.client.input.data();
    let buffered = accounted(t.front.request, input, &receive::request_limits(t));
    match t.client.stream.lane() {
        Some(lane)
            if !matches!(t.front.request, BodyLength::None | BodyLength::Known(0)) && input.is_empty() =>
        {
            lane.accounted() as u64
        }
        Some(lane) => buffered + lane.unread() as u64,
        None => buffered,
    }
}

/// What the log counts of what lies in the buffer of a body.
fn accounted(length: BodyLength, mut input: &[u8], limits: &Limits) -> u64 {
    match length {
        BodyLength::Known(n) => n.min(input.len() as u64),
        BodyLength::UntilClose => input.len() as u64,
        BodyLength::Chunked => {
            let mut decoder = ChunkDecoder::default();
            let mut lines = Head::default();
            let mut seen = match trailers_in(input) {
                Some(rest) => {
                    let _ = h1::parse_trailers(rest, &mut lines, limits, 400);
                    1 + h1::accounted_lines(&lines) as u64
                }
                None => 0,
            };
            while let ChunkStep::Data { skip, len } = decoder.step(input)
                && len > 0
            {
                decoder.passed(len);
                seen += len as u64;
                input = input.get(skip + len..).unwrap_or_default();
            }
            seen
        }
        _ => 0,
    }
}

/// The lines behind the last chunk, where all of them are there.
fn trailers_in(mut input: &[u8]) -> Option<&[u8]> {
    let mut decoder = ChunkDecoder::default();
    loop {
        match decoder.step(input) {
            ChunkStep::Data { skip, len } if len > 0 => {
                decoder.passed(len);
                input = input.get(skip + len..).unwrap_or_default();
            }
            ChunkStep::End { skip } => return input.get(skip..).filter(|rest| ends_trailers(rest)),
            _ => return None,
        }
    }
}

/// Whether the empty line after the trailers is there.
fn ends_trailers(rest: &[u8]) -> bool {
    rest.split_inclusive(|b| *b == b'\n').any(|line| matches!(line, b"\n" | b"\r\n"))
}
