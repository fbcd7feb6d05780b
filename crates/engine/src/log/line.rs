//! The line of one transaction: whether it is due, at which level, and its text.

use weir_http::h1::{BodyLength, ChunkDecoder, ChunkStep};
use weir_sys::listen;

use super::ring::Draft;
use super::{Level, LogPlan};
use crate::clock;
use crate::conf::Mode;
use crate::io::Stream;
use crate::refusal::Refusal;
use crate::scope::View;
use crate::transaction::Transaction;

/// Writes the line of a transaction that is over, unless it was written before.
pub(crate) fn finished(t: &mut Transaction) {
    let plan = t.client.frontend.shared.log.clone();
    if plan.is_silent() || t.facts.logged {
        return;
    }
    let normal = is_normal(t);
    if normal && plan.rules.no_normal || is_null(t) && (plan.rules.no_null || t.client.requests > 0) {
        return;
    }
    let usual = if plan.rules.separate_errors && !normal { Level::Err } else { Level::Info };
    if let Some(level) = t.facts.log_level.unwrap_or(Some(usual)) {
        write(t, &plan, level, false);
    }
}

/// Writes the line of a connection that was refused before its first byte (manual, 8.2.5).
pub(crate) fn refused(t: &mut Transaction, refusal: Refusal) {
    t.facts.refusal = Some(refusal);
    t.facts.logged = true;
    let plan = t.client.frontend.shared.log.clone();
    if plan.is_silent() || (plan.rules.no_null && refusal.is_empty()) {
        return;
    }
    let ring = &t.client.worker.log;
    let Draft { text, scratch, .. } = &mut *ring.draft.borrow_mut();
    text.clear();
    scratch.reset();
    let view = View::new(t, false);
    if let Some(format) = &plan.error {
        format.render(&view, scratch, text, plan.longest);
    }
    if !plan.has_error_format {
        let bind = t.client.listener.conf();
        match bind.and_then(|b| b.name.as_deref()) {
            Some(name) => text.extend_from_slice(name.as_bytes()),
            None => {
                let id = bind.and_then(|b| b.id).unwrap_or(t.client.listener.number());
                text.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
            }
        }
        text.extend_from_slice(b": ");
        text.extend_from_slice(refusal.text().as_bytes());
    }
    let level = if plan.rules.separate_errors { Level::Err } else { Level::Info };
    let wall = clock::wall();
    for target in &plan.targets {
        if let Some(level) = target.takes(level) {
            ring.push(target, wall, level, text, b"");
        }
    }
}

/// Writes the line of a transaction whose answer has begun, where it need not wait for the end
/// (`option logasap`). `body` of the answer has come as far as `input`.
pub(crate) fn answered(t: &mut Transaction, body: BodyLength, input: &[u8]) {
    let plan = &t.client.frontend.shared.log;
    if !plan.rules.early || plan.is_silent() || (plan.rules.no_normal && is_normal(t)) {
        return;
    }
    let plan = plan.clone();
    let before = t.facts.log_bytes;
    t.facts.log_bytes.1 += data_in(body, input);
    write(t, &plan, Level::Info, true);
    t.facts.log_bytes = before;
}

/// Notes our own end of the connection to the server, where a line shows it.
pub(crate) fn reached(t: &mut Transaction, stream: &Stream) {
    if t.client.frontend.shared.log.shows_back_source {
        t.facts.back_source = listen::local_address(stream).ok().and_then(|a| a.inet());
    }
}

/// Makes the transaction's unique id, where one is configured and not there yet.
pub(crate) fn make_unique_id(t: &mut Transaction) {
    let front = t.client.frontend.clone();
    let Some(format) = &front.shared.log.unique_id else { return };
    if !t.messages.captured.unique_id.is_empty() {
        return;
    }
    let worker = t.client.worker.clone();
    let mut id = std::mem::take(&mut t.messages.captured.unique_id);
    let draft = &mut *worker.log.draft.borrow_mut();
    draft.scratch.reset();
    format.render(&View::new(t, false), &draft.scratch, &mut id, UNIQUE_ID_LEN);
    t.messages.captured.unique_id = id;
}

fn write(t: &mut Transaction, plan: &LogPlan, level: Level, unfinished: bool) {
    let Some(format) = &plan.format else { return };
    make_unique_id(t);
    t.facts.logged = true;
    let ring = &t.client.worker.log;
    let Draft { text, structured, scratch } = &mut *ring.draft.borrow_mut();
    text.clear();
    structured.clear();
    scratch.reset();
    let view = View::new(t, unfinished);
    format.render(&view, scratch, text, plan.longest);
    if let Some(format) = &plan.structured {
        format.render(&view, scratch, structured, plan.longest);
    }
    plan.lines.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    if text.is_empty() {
        return;
    }
    let wall = clock::wall();
    for target in &plan.targets {
        if let Some(level) = target.takes(level) {
            ring.push(target, wall, level, text, structured);
        }
    }
}

/// How many bytes of a body lie in what has come.
fn data_in(body: BodyLength, input: &[u8]) -> u64 {
    match body {
        BodyLength::None => 0,
        BodyLength::Known(n) => n.min(input.len() as u64),
        BodyLength::UntilClose | BodyLength::Tunnel => input.len() as u64,
        BodyLength::Chunked => {
            let (mut decoder, mut rest, mut data) = (ChunkDecoder::default(), input, 0);
            loop {
                match decoder.step(rest) {
                    ChunkStep::Data { skip, len } if len > 0 => {
                        decoder.passed(len);
                        data += len as u64;
                        rest = rest.get(skip + len..).unwrap_or_default();
                    }
                    ChunkStep::End { .. } => return data + 1,
                    _ => return data,
                }
            }
        }
    }
}

/// Whether nothing went wrong that an operator might want to see (manual, 8.3.2).
fn is_normal(t: &Transaction) -> bool {
    let facts = &t.facts;
    facts.ending.is_normal() && facts.retries == 0 && !facts.redispatched && facts.status < 500
}

/// Whether nothing was asked, as probes do (manual, 8.3.1), and as every connection ends that was kept alive.
fn is_null(t: &Transaction) -> bool {
    match t.client.frontend.conf().mode {
        Mode::Http => !t.has_begun(),
        _ => t.facts.bytes_in == 0 && t.facts.bytes_out == 0,
    }
}

/// The longest unique id (manual, 4.2 "unique-id-format").
const UNIQUE_ID_LEN: usize = 128;
