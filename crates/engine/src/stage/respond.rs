//! Answers of our own, and the end of what goes to the client.

use std::future::poll_fn;
use std::task::Poll;

use weir_http::Head;
use weir_http::h1::{self, BodyLength, Limits, Outgoing, Parse, Parser, Settled};
use weir_http::h2::Kind;

use crate::action::{RuleSet, Run, reply};
use crate::ending::{Cause, Ending, Stage};
use crate::mux::h1::{Output, Taken};
use crate::mux::h2::Lane;
use crate::mux::rest::{Rest, Skipped};
use crate::stage::{answer, body, prepare, receive, rules};
use crate::transaction::{Messages, Stop, Transaction};

/// Says what is left to be said.
pub(crate) async fn end(t: &mut Transaction, stop: Stop) {
    // What came of a body that nobody took came all the same.
    if stop != Stop::Done && t.facts.requested.is_some() && t.front.taken == Taken::Nothing {
        t.facts.log_bytes.0 += body::unread(t);
    }
    match stop {
        Stop::Done | Stop::Serve => {}
        Stop::Close | Stop::Upgrade | Stop::Multiplex => t.front.keep_alive = false,
        Stop::Drop => {
            t.front.keep_alive = false;
            t.facts.dropped = true;
        }
        Stop::Silent(status) => {
            t.facts.status = status;
            t.front.keep_alive = false;
        }
        Stop::Answer(status) => Box::pin(answer(t, status)).await,
        Stop::Reply => Box::pin(respond(t)).await,
    }
}

/// Sends the answer for a status.
async fn answer(t: &mut Transaction, status: u16) {
    if t.facts.requested.is_none() {
        // There is no request to answer: it was not understood.
        t.facts.status = status;
        answer::count_status(t, status);
        t.front.keep_alive = false;
        if t.client.stream.lane().is_some() {
            make(t, status);
            let mut out = Output::default();
            write(t, &mut out.bytes);
            return send_last(t, out).await;
        }
        let mut out = Output::default();
        if let Some(answer) = t.own_answer(status) {
            answer.write_raw(&mut out.bytes);
        }
        return send_last(t, out).await;
    }
    make(t, status);
    respond(t).await;
}

/// Makes the answer for a status the response.
pub(crate) fn make(t: &mut Transaction, status: u16) {
    let mut bench = std::mem::take(&mut t.messages.bench);
    bench.scratch.reset();
    let set = RuleSet::HttpAfterResponse;
    reply::answer(&mut Run { t, bench: &mut bench, set, since: None }, status);
    t.messages.bench = bench;
}

/// Sends what lies ready as the response.
async fn respond(t: &mut Transaction) {
    t.facts.replied = true;
    t.messages.vars.end_request();
    if t.facts.ending == Ending::new(Cause::Local, Stage::Request) {
        count_intercepted(t);
    }
    match rules::after_response(t).await {
        Ok(()) => {}
        // Rules that fail for one answer would fail for the next.
        Err(Stop::Answer(status)) => make(t, status),
        Err(_) => {
            t.front.keep_alive = false;
            return;
        }
    }
    let status = t.messages.response.status();
    // A file may say something else than what is meant by it.
    t.facts.status = t.facts.meant.filter(|(said, _)| *said == status).map_or(status, |(_, meant)| meant);
    // What is said of the statistics page counts as the log has it.
    let counted = if t.messages.service.is_some() { t.facts.status } else { status };
    answer::count_status(t, counted);
    // The reference counts its own answers when they are made and when they are sent.
    let weight = (h1::accounted(&t.messages.response) + t.messages.body.len()) as u64;
    t.facts.response_growth = (2 * weight).wrapping_sub(t.facts.log_bytes.1).cast_signed();
    let mut out = Output::over(std::mem::take(&mut t.messages.spare));
    write(t, &mut out.bytes);
    answer::tell_sent(t);
    send_last(t, out).await;
}

/// Counts a request that we answered where a frontend is all that saw it.
pub(crate) fn count_intercepted(t: &Transaction) {
    let front = &t.client.frontend;
    if t.backend.as_ref().is_none_or(|b| b.shared.index == front.shared.index) {
        front.front().intercepted.add(1);
    }
}

/// Sends the interim answers that rules gave.
pub(crate) async fn hint(t: &mut Transaction) {
    let limits = receive::response_limits(t);
    if let Some(lane) = t.client.stream.lane() {
        return send_on_lane(&mut t.messages.bench.hints, lane, &limits);
    }
    let mut out = Output::default();
    out.bytes.append(&mut t.messages.bench.hints);
    send(t, out, false).await;
}

/// Writes the response, with the lines that the client's connection needs.
fn write(t: &mut Transaction, out: &mut Vec<u8>) {
    let rules = rules::change_responses(t);
    let limits = receive::response_limits(t);
    let Messages { response, request, body, bench, .. } = &mut *t.messages;
    let facts = *response.facts();
    let has_body =
        !t.front.head_only && !matches!(h1::response_body(response, request), Ok(BodyLength::None));
    let was = match body.len() {
        0 => BodyLength::None,
        n => BodyLength::Known(n as u64),
    };
    let bounded = facts.content_length.is_some() || facts.chunked;
    let settled = match rules && bounded {
        true => h1::settle_response(response, request, was),
        false => Settled { body: was, close: false, unsaid: false },
    };
    if let Some(lane) = t.client.stream.lane() {
        send_on_lane(&mut bench.hints, lane, &limits);
    }
    let said = t.front.keep_alive && bounded && !facts.close && !settled.close;
    if let Some(lane) = t.client.stream.lane() {
        let sent = if has_body { settled.body } else { BodyLength::None };
        lane.send_head(Kind::Response, response, b"", sent);
        if sent != BodyLength::None {
            out.extend_from_slice(body);
        }
        return;
    }
    out.extend_from_slice(&bench.hints);
    let extra = match settled.unsaid {
        true => b"",
        false => h1::client_line(response, request, said),
    };
    let how = Outgoing { extra, cases: prepare::client_cases(t), ..Outgoing::default() };
    let Messages { response, body, .. } = &*t.messages;
    h1::write_head(response, &how, out);
    if has_body && settled.body != BodyLength::None {
        out.extend_from_slice(body);
    }
    t.messages.bench.hints.clear();
    leave_body(t, said);
}

/// Interim answers as HTTP/1 writes them, on a stream of HTTP/2.
fn send_on_lane(hints: &mut Vec<u8>, lane: &Lane, limits: &Limits) {
    let mut rest = hints.as_slice();
    let mut head = Head::default();
    while let Parse::Complete { consumed } =
        h1::parse_response(&mut Parser::default(), rest, &mut head, limits)
    {
        lane.send_interim(&head);
        rest = rest.get(consumed..).unwrap_or_default();
    }
    hints.clear();
}

/// Sends the answer; where the connection ends with it, so that both leave at once.
async fn send_last(t: &mut Transaction, out: Output) {
    let parting = !t.front.keep_alive && t.client.rest.is_none();
    send(t, out, parting).await;
}

/// Sends what was made; `more` says that further bytes, or the end, follow at once.
async fn send(t: &mut Transaction, mut out: Output, more: bool) {
    let client = &t.client;
    client.timer.set(t.now().after(client.frontend.conf().timeouts.client));
    let sent = poll_fn(|cx| {
        if let Poll::Ready(r) = out.poll_send(cx, &client.stream, more) {
            return Poll::Ready(r.unwrap_or(0));
        }
        if client.timer.poll_expired(cx) { Poll::Ready(0) } else { Poll::Pending }
    })
    .await;
    t.facts.bytes_out += sent as u64;
    out.clear();
    t.messages.spare = out.bytes;
}

/// Throws away what nobody read of the request's body. Where more of it is to come, that is waited for before the
/// client's connection goes on, or ends: the answer does not foretell it.
pub(crate) fn leave_body(t: &mut Transaction, goes_on: bool) {
    t.front.keep_alive = goes_on;
    let rest = match t.front.taken {
        Taken::All => return,
        Taken::Some => t.front.rest.take(),
        Taken::Nothing => Some(Box::new(Rest::new(t.front.request, receive::request_limits(t)))),
    };
    let Some(mut rest) = rest.filter(|_| t.client.stream.lane().is_none()) else {
        t.front.keep_alive = false;
        return;
    };
    match rest.skip(&mut t.client.input) {
        Skipped::All => {}
        Skipped::Some => {
            rest.goes_on = goes_on;
            t.client.rest = Some(rest);
        }
        Skipped::Invalid => t.front.keep_alive = false,
    }
}
