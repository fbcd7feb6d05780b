//! What is recorded of a transaction that is over: how long its parts took, and, where its answer was neither 2xx nor
//! 3xx, what decided that.

use std::fmt::Write as _;

use crate::clock::{self, Tick};
use crate::ending::{Cause, Stage};
use crate::log;
use crate::runtime::{Bucket, Event, Phase};
use crate::transaction::Transaction;

/// Records the end of a transaction.
pub(crate) fn end(t: &mut Transaction, now: Tick) {
    if t.is_http() && t.facts.status == 0 && t.facts.requested.is_none() {
        // A connection that asked for nothing.
        return;
    }
    measure(t, now);
    if t.is_http() && !(100..400).contains(&t.facts.status) {
        let worker = &t.client.worker;
        worker.runtime.process.recorder.record(worker.id, |event| write(t, now, event));
    }
}

fn measure(t: &Transaction, now: Tick) {
    let facts = &t.facts;
    let front = &t.client.frontend.front().latency;
    let between = |from: Tick, to: Tick| Bucket::of(to.0.saturating_sub(from.0));
    let total = between(facts.begun, now);
    front.count(Phase::Total, total);
    // A server that did not answer says nothing about its speed.
    let (Some(backend), Some(server)) = (&t.backend, &t.assigned) else { return };
    let (Some(assigned), Some(connected), Some(answered)) = (facts.assigned, facts.connected, facts.answered)
    else {
        return;
    };
    let begun = facts.requested.unwrap_or(facts.begun);
    let parts = [
        (Phase::Queue, between(begun, assigned)),
        (Phase::Connect, between(assigned, connected)),
        (Phase::Response, between(connected, answered)),
    ];
    let (back, server) = (&backend.back().latency, &server.server.counters().latency);
    for (phase, at) in parts {
        front.count(phase, at);
        back.count(phase, at);
        server.count(phase, at);
    }
    back.count(Phase::Total, total);
    server.count(Phase::Total, total);
}

fn write(t: &Transaction, now: Tick, event: &mut Event) {
    let (facts, captured) = (&t.facts, &t.messages.captured);
    event.at = clock::wall();
    event.number = facts.number.unwrap_or_default();
    event.status = facts.status;
    event.ending = facts.ending.letters();
    event.total = now.0.saturating_sub(facts.begun.0);
    put(&mut event.id, log::unique_id(t).unwrap_or_default());
    match captured.line() {
        Some(line) => put(&mut event.request, line),
        None => {
            let request = &t.messages.request;
            put(&mut event.request, if facts.requested.is_some() { request.method() } else { b"" });
            event.request.push(' ');
            add(&mut event.request, if facts.requested.is_some() { request.target() } else { b"<BADREQ>" });
        }
    }
    event.client.clear();
    let _ = write!(event.client, "{}", t.client.source);
    put(&mut event.frontend, t.client.frontend.conf().name.as_bytes());
    put(&mut event.backend, t.backend.as_ref().map_or("", |b| &b.conf().name).as_bytes());
    put(&mut event.server, t.assigned.as_ref().map_or("", |a| &a.server.conf().name).as_bytes());
    event.rule.clone_from(&rule(t));
    event.reason = if event.rule.is_some() { "rule" } else { reason(t) };
}

/// The rule that decided, where one did.
fn rule(t: &Transaction) -> Option<(std::sync::Arc<str>, u32)> {
    let rule = t.facts.last_rule.as_ref().filter(|rule| rule.decided)?;
    Some((rule.file.clone(), rule.line))
}

/// The event that decided.
fn reason(t: &Transaction) -> &'static str {
    let facts = &t.facts;
    if let Some(refusal) = facts.refusal {
        return refusal.text();
    }
    if facts.ending.is_normal() {
        return if facts.replied { "own answer" } else { "answer of the server" };
    }
    match (facts.ending.cause, facts.ending.stage) {
        (Cause::Client, _) => "client left",
        (Cause::ClientTimeout, Stage::Request) => "client too slow with its request",
        (Cause::ClientTimeout, _) => "client too slow",
        (Cause::ServerTimeout, Stage::Queue) => "no server had room in time",
        (Cause::ServerTimeout, Stage::Connect) => "server took no connection in time",
        (Cause::ServerTimeout, Stage::Headers) => "server did not answer in time",
        (Cause::ServerTimeout, _) => "server too slow",
        (Cause::Server, Stage::Connect) => match facts.unreached {
            Some(unreached) => unreached.text(),
            None if t.assigned.is_none() => "no server is available",
            None => "no connection to the server",
        },
        (Cause::Server, Stage::Queue) => "no server is available",
        (Cause::Server, _) => "server broke off",
        (Cause::Proxy, Stage::Request) => "request is not valid",
        (Cause::Proxy, Stage::Headers) => "answer of the server is not valid",
        (Cause::Proxy, _) => "refused",
        (Cause::Local, _) => "own answer",
        (Cause::Resource, _) => "out of resources",
        (Cause::Internal, _) => "internal error",
        (Cause::Down, _) => "server went down",
        (Cause::Up, _) => "server came back, backup given up",
        (Cause::Killed, _) => "ended by an operator",
        (Cause::None, _) => "none",
    }
}

/// Writes text into storage that is there, cut at [`LONGEST`].
fn put(field: &mut String, text: &[u8]) {
    field.clear();
    add(field, text);
}

fn add(field: &mut String, text: &[u8]) {
    for chunk in text.get(..LONGEST.min(text.len())).unwrap_or_default().utf8_chunks() {
        field.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            field.push('?');
        }
    }
}

/// How much of a text is kept.
const LONGEST: usize = 256;
