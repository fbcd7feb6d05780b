//! The wait for the head of an answer: interim answers go on to the client, and each side has its time.

use std::task::{Context, Poll, ready};

use weir_expr::scope::TimeoutOf;
use weir_http::HeaderId;
use weir_http::h1::{self, BodyLength, Limits, Outgoing, Parse, Parser};

use crate::clock::{self, Tick};
use crate::mux::h1::{Broken, Conn, Output, body_seems_valid};
use crate::mux::h2::Gone;
use crate::stage::exchange::Missing;
use crate::stage::{answer, capture, prepare, receive, websocket};
use crate::transaction::{Messages, Transaction};

/// The wait for a head.
pub(super) struct Wait {
    limits: Limits,
    parser: Parser,
    interim: Output,
    /// Heads among them, and what all heads weigh in the log, that are not counted yet.
    hints: u32,
    accounted: u64,
    /// The final head is there.
    complete: bool,
    server: Option<std::time::Duration>,
    client: Option<std::time::Duration>,
    server_due: Tick,
    client_due: Tick,
}

// === impl Wait ===

impl Wait {
    pub(super) fn new(t: &Transaction) -> Self {
        let (server, client) = (t.timeout(TimeoutOf::Server), t.timeout(TimeoutOf::Client));
        let now = clock::now();
        Self {
            limits: receive::response_limits(t),
            parser: Parser::default(),
            interim: Output::default(),
            hints: 0,
            accounted: 0,
            complete: false,
            server,
            client,
            server_due: now.after(server),
            client_due: now.after(client),
        }
    }

    pub(super) fn renew(&mut self) {
        let now = clock::now();
        (self.server_due, self.client_due) = (now.after(self.server), now.after(self.client));
    }

    /// Ready with the head of the final answer.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        t: &mut Transaction,
        back: &mut Conn,
    ) -> Poll<Result<(), Missing>> {
        if self.complete {
            return self.send_interim(cx, t).map(|sent| sent.and_then(|()| answers(t)));
        }
        loop {
            if back.stream.lane().is_some() {
                return self.poll_stream_head(cx, t, back);
            }
            match h1::parse_response(
                &mut self.parser,
                back.input.data(),
                &mut t.messages.response,
                &self.limits,
            ) {
                Parse::Complete { consumed } => {
                    back.input.consume(consumed);
                    t.facts.bytes_down += consumed as u64;
                    h1::strip_length(&mut t.messages.response, &t.messages.request);
                    let interim = is_interim(t.messages.response.status());
                    let sound = interim || self.body_seems_valid(t, back) && websocket::is_answered(t);
                    if !sound {
                        return Poll::Ready(Err(Missing::Junk));
                    }
                    t.facts.response_head = h1::accounted(&t.messages.response) as u64;
                    self.accounted += t.facts.response_head;
                    if !interim {
                        self.complete = true;
                        return self.send_interim(cx, t).map(|sent| sent.and_then(|()| answers(t)));
                    }
                    self.pass_interim(t);
                    continue;
                }
                Parse::Partial => {}
                // What came before it in the same piece stays here, too.
                Parse::Invalid(fault) => {
                    capture::response(t, back.input.data(), fault.at);
                    return Poll::Ready(Err(Missing::Junk));
                }
            }
            let _ = self.send_interim(cx, t)?;
            ready!(self.poll_room(cx, t));
            let empty = back.input.is_empty();
            match back.stream.poll_read(cx, back.input.space()) {
                Poll::Ready(Ok(0) | Err(_)) if empty => return Poll::Ready(Err(Missing::Empty)),
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Missing::Junk)),
                Poll::Ready(Ok(n)) => back.input.filled(n),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The same on a stream of HTTP/2.
    fn poll_stream_head(
        &mut self,
        cx: &mut Context<'_>,
        t: &mut Transaction,
        back: &Conn,
    ) -> Poll<Result<(), Missing>> {
        let Some(lane) = back.stream.lane() else { return Poll::Pending };
        loop {
            let _ = self.send_interim(cx, t)?;
            ready!(self.poll_room(cx, t));
            match lane.poll_head(cx, &mut t.messages.response) {
                Poll::Ready(Ok(())) if is_interim(t.messages.response.status()) => {
                    t.facts.response_head = h1::accounted(&t.messages.response) as u64;
                    t.facts.log_bytes.1 += t.facts.response_head;
                    self.pass_interim(t);
                }
                Poll::Ready(Ok(())) => {
                    multiplexed(t);
                    self.complete = true;
                    return self.send_interim(cx, t);
                }
                Poll::Ready(Err(gone)) => {
                    // Interim answers that came before go on.
                    let missing = if gone == Gone::Malformed { Missing::Junk } else { Missing::Empty };
                    return self.send_interim(cx, t).map(|sent| sent.and(Err(missing)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Ready when the client took so many of the interim answers that another one may be read.
    fn poll_room(&self, cx: &mut Context<'_>, t: &Transaction) -> Poll<()> {
        match t.client.stream.lane() {
            Some(lane) => lane.poll_room(cx),
            None if self.interim.bytes.len() > MAX_INTERIM => Poll::Pending,
            None => Poll::Ready(()),
        }
    }

    /// Ready when interim answers have left.
    fn send_interim(&mut self, cx: &mut Context<'_>, t: &mut Transaction) -> Poll<Result<(), Missing>> {
        t.facts.log_bytes.1 += std::mem::take(&mut self.accounted);
        if self.interim.is_empty() {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..std::mem::take(&mut self.hints) {
            count_interim(t);
        }
        self.interim.poll_send(cx, &t.client.stream, false).map(|sent| match sent {
            Ok(n) => {
                t.facts.bytes_out += n as u64;
                Ok(())
            }
            Err(_) => Err(Missing::Client(Broken::Sink)),
        })
    }

    fn body_seems_valid(&self, t: &Transaction, back: &Conn) -> bool {
        let response = &t.messages.response;
        let bare = t.messages.request.method() == b"HEAD" || matches!(response.status(), 204 | 304);
        let chunked = response.facts().chunked && !bare;
        let body = if chunked { BodyLength::Chunked } else { BodyLength::None };
        body_seems_valid(body, back.input.data(), &self.limits)
    }

    /// Hands an interim answer on, to clients of HTTP/1.0 too: those that ask for one understand it.
    fn pass_interim(&mut self, t: &Transaction) {
        if let Some(lane) = t.client.stream.lane() {
            count_interim(t);
            return lane.send_interim(&t.messages.response);
        }
        self.hints += 1;
        let how = Outgoing { cases: prepare::client_cases(t), ..Outgoing::default() };
        h1::write_head(&t.messages.response, &how, &mut self.interim.bytes);
    }

    /// Ready when the time of the one who is waited for is over.
    pub(super) fn poll_due(
        &self,
        cx: &mut Context<'_>,
        t: &Transaction,
        late: Missing,
    ) -> Poll<Result<(), Missing>> {
        t.client.timer.set(if matches!(late, Missing::ClientLate) {
            self.client_due
        } else {
            self.server_due
        });
        if t.client.timer.poll_expired(cx) { Poll::Ready(Err(late)) } else { Poll::Pending }
    }
}

/// An answer came on a stream of HTTP/2: what it is in the terms of HTTP/1.
fn multiplexed(t: &mut Transaction) {
    let Messages { request, response, .. } = &mut *t.messages;
    h1::strip_length(response, request);
    let facts = response.facts_mut();
    facts.chunked = facts.content_length.is_none();
    let agreed = request.facts().upgrade && matches!(response.status(), 101 | 200);
    if agreed {
        // RFC 8441, 5: what is a 101 in HTTP/1
        response.set_response(101, b"", (2, 0));
        response.facts_mut().upgrade = true;
        response.append(b"connection", b"upgrade");
        let protocol = request.values(HeaderId::Upgrade).next();
        let first = protocol.and_then(|all| all.split(|b| *b == b',').next()).map(h1::trim);
        response.append(b"upgrade", first.unwrap_or_default());
    }
    t.facts.response_head = h1::accounted(response) as u64;
    t.facts.log_bytes.1 += t.facts.response_head;
    t.facts.bytes_down += t.facts.response_head;
}

/// Whether the head answers the request. A change of protocols that nobody asked for is but an interim answer.
fn answers(t: &Transaction) -> Result<(), Missing> {
    if h1::response_body(&t.messages.response, &t.messages.request).is_ok() {
        return Ok(());
    }
    count_interim(t);
    Err(Missing::Unwanted)
}

/// Counts an interim answer, which is the server's alone.
fn count_interim(t: &Transaction) {
    if let Some(a) = &t.assigned {
        answer::count_class(a.server.counters(), 100);
    }
}

fn is_interim(status: u16) -> bool {
    (100..200).contains(&status) && status != 101
}

/// Interim answers that may wait for a client, in octets.
const MAX_INTERIM: usize = 16 << 10;
