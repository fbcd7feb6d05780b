//! The line of one transaction: whether it is due, at which level, and its text.

use weir_expr::{Format, Scratch};
use weir_http::h1::{BodyLength, ChunkDecoder, ChunkStep};
use weir_sys::listen;
use weir_tls::errors;

use super::plan::Moment;
use super::profile::{Override, Profile};
use super::ring::Draft;
use super::{Level, LogPlan, Origin};
use crate::action::RuleSet;
use crate::clock;
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
    let http = t.is_http();
    let origin = if http && t.facts.requested.is_none() { Origin::SessionError } else { Origin::Close };
    if plan.is_due(origin) && !(is_null(t) && (plan.rules.no_null || is_idle_end(t))) {
        automatic(t, &plan, origin);
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
    let level = if plan.rules.separate_errors { Level::Err } else { Level::Info };
    write(t, &plan, Origin::SessionKilled, level, None);
}

/// Writes the line of a step that begins a transaction, where it is asked for.
pub(crate) fn accepted(t: &mut Transaction) {
    at_step(t, Origin::Accept);
    let plan = &t.client.frontend.shared.log;
    if plan.rules.plain && plan.rules.steps.is_none() && !plan.is_silent() && !t.is_http() {
        let plan = plan.clone();
        automatic(t, &plan, Origin::Accept);
        t.facts.logged = true;
    }
}

/// Keeps the request line for lines, and writes one where it needs no more than the request, or where the step
/// is asked for.
pub(crate) fn requested(t: &mut Transaction) {
    let plan = &t.client.frontend.shared.log;
    if !plan.keeps_request() {
        return;
    }
    let limit = t.client.worker.view().snapshot.global.tune.log_uri_len;
    t.messages.captured.take(&t.messages.request, limit);
    if plan.rules.steps.is_some() {
        at_step(t, Origin::Request);
    } else if plan.rules.due == Moment::Request && !plan.is_silent() {
        let plan = plan.clone();
        automatic(t, &plan, Origin::Request);
        t.facts.logged = true;
    }
}

/// Writes the line of the connection to the server, where that step is asked for.
pub(crate) fn connected(t: &mut Transaction) {
    at_step(t, Origin::Connect);
}

/// Writes the line of a transaction whose answer has begun, where it need not wait for the end or where the step
/// is asked for. `body` of the answer has come as far as `input`; in TCP mode the server is merely reached.
pub(crate) fn answered(t: &mut Transaction, body: BodyLength, input: &[u8]) {
    let plan = &t.client.frontend.shared.log;
    if plan.is_silent() || (plan.rules.steps.is_none() && plan.rules.due == Moment::End) {
        return;
    }
    let http = t.is_http();
    let origin = if http { Origin::Response } else { Origin::Connect };
    if !plan.is_due(origin) {
        return;
    }
    let plan = plan.clone();
    let before = t.facts.log_bytes;
    t.facts.log_bytes.1 += data_in(body, input);
    automatic(t, &plan, origin);
    t.facts.log_bytes = before;
    t.facts.logged |= plan.rules.steps.is_none();
}

/// Writes a line because a rule asks for it (`do-log`); the profile is the one at this place of the
/// configuration, or that of each target.
pub(crate) fn asked(t: &mut Transaction, set: RuleSet, profile: Option<usize>) {
    let plan = t.client.frontend.shared.log.clone();
    let Some(level) = t.facts.log_level.unwrap_or(Some(Level::Info)) else { return };
    if plan.is_silent() {
        return;
    }
    let origin = Origin::Action(set);
    let number = t.facts.number;
    if origin.is_session() {
        t.facts.number = Some(t.client.worker.runtime.process.next_number());
    }
    let profile = profile.and_then(|at| plan.profiles.get(at));
    write(t, &plan, origin, level, profile.map(|p| &**p));
    t.facts.number = number;
}

/// Writes the line of a step, where steps are asked for and this is one of them.
fn at_step(t: &mut Transaction, origin: Origin) {
    let plan = &t.client.frontend.shared.log;
    if plan.rules.steps.is_none() || plan.is_silent() || !plan.is_due(origin) {
        return;
    }
    let plan = plan.clone();
    automatic(t, &plan, origin);
}

/// Writes a line that no rule asked for, unless it would tell of nothing unusual where only that is wanted.
fn automatic(t: &mut Transaction, plan: &LogPlan, origin: Origin) {
    let normal = t.facts.is_normal();
    if normal && plan.rules.no_normal {
        return;
    }
    let usual = if plan.rules.separate_errors && !normal { Level::Err } else { Level::Info };
    if let Some(level) = t.facts.log_level.unwrap_or(Some(usual)) {
        write(t, plan, origin, level, None);
        plan.lines.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Notes our own end of the connection to the server, where a line shows it.
pub(crate) fn reached(t: &mut Transaction, stream: &Stream) {
    if t.client.frontend.shared.log.shows_back_source {
        t.facts.back_source = listen::local_address(stream).ok().and_then(|a| a.inet());
    }
}

/// The transaction's unique id, where one is configured. It is made at the first question, which comes before a line
/// is written.
pub(crate) fn unique_id(t: &Transaction) -> Option<&[u8]> {
    let format = t.client.frontend.shared.log.unique_id.as_ref()?;
    Some(t.messages.captured.unique_id(|id| {
        let Ok(mut draft) = t.client.worker.log.draft.try_borrow_mut() else { return };
        draft.scratch.reset();
        format.render(&View::new(t, Origin::Unspecified), &draft.scratch, id, UNIQUE_ID_LEN);
    }))
}

/// Writes a line to all targets; `profile` in the place of theirs.
fn write(t: &mut Transaction, plan: &LogPlan, origin: Origin, level: Level, profile: Option<&Profile>) {
    if !origin.is_session() && !origin.is_error() {
        unique_id(t);
    }
    let ring = &t.client.worker.log;
    let Draft { text, structured, scratch } = &mut *ring.draft.borrow_mut();
    scratch.reset();
    let view = View::new(t, origin);
    let wall = clock::wall();
    let mut made: Option<(Option<&Format>, Option<&Format>)> = None;
    for target in &plan.targets {
        let profile = profile.or(target.profile.as_deref());
        let says = profile.filter(|_| !plan.is_announced(origin)).and_then(|p| p.of(origin));
        if says.is_some_and(|says| says.drop) {
            continue;
        }
        let Some(level) = target.takes(level) else { continue };
        let own = |of: fn(&Override) -> &Option<Format>| says.and_then(|says| of(says).as_ref());
        let format = own(|says| &says.format).or_else(|| plan.format_at(origin));
        let sd = own(|says| &says.structured).or(plan.structured.as_ref());
        if !made.is_some_and(|(f, s)| is_same(f, format) && is_same(s, sd)) {
            text.clear();
            structured.clear();
            match format {
                Some(format) => {
                    format.render(&view, scratch, text, plan.longest);
                }
                None if origin == Origin::SessionKilled => fixed_error(t, plan, &view, scratch, text),
                None => {}
            }
            if let Some(format) = sd {
                format.render(&view, scratch, structured, plan.longest);
            }
            made = Some((format, sd));
        }
        if !text.is_empty() {
            let tag = profile.and_then(|p| p.tag.as_deref());
            ring.push(target, wall, level, text, structured, tag);
        }
    }
}

/// The line of a refused connection that nothing else is said of.
fn fixed_error(t: &Transaction, plan: &LogPlan, view: &View<'_>, scratch: &Scratch, text: &mut Vec<u8>) {
    if let Some(format) = &plan.error {
        format.render(view, scratch, text, plan.longest);
    }
    let bind = t.client.listener.conf();
    match bind.and_then(|b| b.name.as_deref()) {
        Some(name) => text.extend_from_slice(name.as_bytes()),
        None => {
            let id = bind.and_then(|b| b.id).unwrap_or(t.client.listener.number());
            text.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
        }
    }
    text.extend_from_slice(b": ");
    text.extend_from_slice(t.facts.refusal.map_or("", Refusal::text).as_bytes());
    let failure = t
        .client
        .stream
        .session()
        .and_then(|s| s.failure().filter(|f| f.client().is_none()).map(errors::text));
    if let Some(why) = failure.filter(|why| !why.is_empty()) {
        text.extend_from_slice(format!(" ({why})").as_bytes());
    }
}

fn is_same(a: Option<&Format>, b: Option<&Format>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => std::ptr::eq(a, b),
        (None, None) => true,
        _ => false,
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

/// Whether nothing came after a request: a connection at rest has ended, which is nobody's fault.
fn is_idle_end(t: &Transaction) -> bool {
    t.client.requests > 0 && t.client.stream.lane().is_none()
}

/// Whether nothing was asked, as probes do (manual, 8.3.1), and as every connection ends that was kept alive.
fn is_null(t: &Transaction) -> bool {
    match t.is_http() {
        true => !t.has_begun(),
        false => t.facts.bytes_in == 0 && t.client.input.is_empty(),
    }
}

/// The longest unique id (manual, 4.2 "unique-id-format").
const UNIQUE_ID_LEN: usize = 128;
