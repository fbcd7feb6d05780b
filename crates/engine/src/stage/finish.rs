//! The end of a transaction: counters, and the line in the log.

use crate::clock::Tick;
use crate::ending::Cause;
use crate::log;
use crate::observe;
use crate::runtime::Counters;
use crate::stage::{record, reuse};
use crate::tables;
use crate::trace;
use crate::transaction::{Served, Transaction};

/// Ends an HTTP transaction; whether the connection goes on.
pub(crate) fn http(mut t: Transaction) -> Served {
    end(&mut t);
    let Transaction { mut client, mut messages, front, facts, .. } = t;
    if let Some((source, destination)) = messages.ends.take().map(|ends| *ends) {
        client.set_addresses(source, destination);
    }
    client.worker.messages.put(messages);
    client.free_since = facts.finished.unwrap_or(client.free_since);
    let multiplexed = client.stream.lane().is_some();
    if front.keep_alive || client.rest.is_some() && !facts.dropped {
        if !multiplexed {
            trace::client(&client, &trace::H1_IDLE);
        }
        return Served::Next(client);
    }
    if !multiplexed {
        trace::client(&client, &trace::H1_CLOSE);
    }
    if !facts.dropped {
        client.stream.shutdown_write();
        client.stream.drain();
    }
    Served::Close
}

/// Gives the connection on to HTTP/2: there was no request yet.
pub(crate) fn handed_over(t: Transaction) -> Served {
    let Transaction { client, messages, .. } = t;
    client.worker.messages.put(messages);
    Served::Multiplexed(client)
}

/// Ends a TCP session.
pub(crate) fn tcp(mut t: Transaction) {
    end(&mut t);
    let Transaction { client, messages, facts, .. } = t;
    client.worker.messages.put(messages);
    let unserved = facts.connected.is_none() && facts.ending.cause == Cause::Server;
    if (facts.ending.cause == Cause::Proxy || unserved) && !facts.dropped {
        // Who is turned away sees the end, whatever it said meanwhile.
        client.stream.shutdown_write();
        client.stream.drain();
    }
}

fn end(t: &mut Transaction) {
    let now = t.now();
    t.facts.finished = Some(now);
    observe::tell_variables(t);
    observe::tell(|| observe::Event::End(t.facts.status));
    tell_end(t);
    log::finished(t);
    take_times(t, now);
    record::end(t, now);
    count_bytes(t, t.facts.log_bytes);
    if t.is_http() {
        count_sent(t);
    }
    t.messages.tracking.clear();
    if let Some(back) = t.far.take() {
        reuse::keep(t, back);
    }
    // Only now may another take its place: the line shows the levels without it.
    t.assigned = None;
    if let Some(b) = &t.backend {
        b.shared.runtime.backend.sessions.down();
    }
}

fn tell_end(t: &Transaction) {
    let answered = matches!(t.facts.ending.cause, Cause::None | Cause::Local);
    if answered && t.facts.requested.is_some() && t.client.stream.lane().is_none() {
        trace::transaction(t, &trace::H1_RESPONSE_SENT);
    }
    if !t.is_http() {
        trace::transaction(t, &trace::PLAIN_END);
    }
    trace::transaction(t, if answered { &trace::STREAM_END } else { &trace::STREAM_FAILED });
}

/// Counts what of both messages was passed on, `bytes` in all so far, and is not counted yet.
pub(crate) fn count_bytes(t: &mut Transaction, bytes: (u64, u64)) {
    let counted = std::mem::replace(&mut t.facts.counted, bytes);
    let (up, down) = (bytes.0.saturating_sub(counted.0), bytes.1.saturating_sub(counted.1));
    // Of messages other bytes are sent than came.
    let (sent_up, sent_down) = if t.is_http() { (0, 0) } else { (up, down) };
    each_counted(t, |c| {
        c.bytes_in.add(up);
        c.bytes_out.add(down);
        c.request_bytes_out.add(sent_up);
        c.response_bytes_out.add(sent_down);
    });
    tables::count_bytes(t, up, down);
}

/// Counts both messages as they were sent on, after what rules and we made of them.
fn count_sent(t: &Transaction) {
    let facts = &t.facts;
    let (came_up, came_down) = facts.log_bytes;
    let (came_up, came_down) =
        (came_up.saturating_sub(facts.streamed.0), came_down.saturating_sub(facts.streamed.1));
    let body = came_up.saturating_sub(facts.head_bytes);
    // What a service answered passed through all of us.
    let up = match t.messages.service {
        Some(_) if facts.sent_request.is_none() => came_up,
        _ => facts.sent_request.map_or(0, |head| head + body),
    };
    let down = came_down.saturating_add_signed(facts.response_growth);
    each_counted(t, |c| {
        c.request_bytes_out.add(up);
        c.response_bytes_out.add(down);
    });
}

/// Counts at every place that took part: the frontend, its listener where that counts on its own, the backend, the
/// server.
fn each_counted(t: &Transaction, add: impl Fn(&Counters)) {
    add(t.client.frontend.front());
    t.client.listener.own().into_iter().for_each(&add);
    if let Some(b) = &t.backend {
        add(b.back());
    }
    if let Some(a) = &t.assigned {
        add(a.server.counters());
    }
}

/// Takes the times of the transaction into the averages of its server and its backend (`qtime` and so on of
/// `show stat`).
fn take_times(t: &Transaction, now: Tick) {
    let (Some(backend), Some(assigned)) = (&t.backend, &t.assigned) else { return };
    let facts = &t.facts;
    // A server that did not answer says nothing about its speed.
    if facts.answered.is_none() {
        return;
    }
    let between = |from: Option<Tick>, to: Option<Tick>| match (from, to) {
        (Some(from), Some(to)) => to.millis_since(from).unsigned_abs(),
        _ => 0,
    };
    let begun = Some(facts.requested.unwrap_or(facts.begun));
    let queue = between(begun, facts.assigned);
    let connect = between(facts.assigned, facts.connected);
    let response = between(facts.connected, facts.answered);
    let total = between(begun, Some(now));
    let take = |c: &Counters| {
        let seen = c.sessions.value();
        c.queue_millis.take(queue, seen);
        c.connect_millis.take(connect, seen);
        c.response_millis.take(response, seen);
        c.total_millis.take(total, seen);
    };
    take(backend.back());
    take(assigned.server.counters());
}
