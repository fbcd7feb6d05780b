//! The rule sets, run by an executor that can wait.
//!
//! An action says what follows ([`Verdict`]). Only the executor awaits; it holds nothing but the rule set and
//! its place in it, so that it can go on where it stopped. A set without rules costs one look at its length.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use weir_expr::{Side, Verdict as Holds};

use crate::action::{Bench, Reason, RuleSet, Run, Verdict};
use crate::clock::Tick;
use crate::local;
use crate::transaction::{Messages, Stop, Transaction};

/// The rules of `http-request` of the frontend.
pub(crate) async fn request(t: &mut Transaction) -> Result<(), Stop> {
    let frontend = t.client.frontend.clone();
    run(t, &frontend, RuleSet::HttpRequest).await
}

/// The rules of `http-request` of the backend, where it is another proxy.
pub(crate) async fn backend(t: &mut Transaction) -> Result<(), Stop> {
    let Some(backend) = other_backend(t) else { return Ok(()) };
    run(t, &backend, RuleSet::HttpRequest).await
}

/// Keeps for the log what the frontend declares of the request.
pub(crate) fn keep_request(t: &mut Transaction) {
    let slots = t.client.frontend.conf().rules.slots(Side::Client);
    if !slots.is_empty() {
        let Messages { request, kept: [kept, _], .. } = &mut *t.messages;
        kept.take(slots, request);
    }
}

/// Whether the monitor's URI tells of a failure.
pub(crate) fn monitor_fails(t: &mut Transaction) -> bool {
    let frontend = t.client.frontend.clone();
    let mut bench = std::mem::take(&mut t.messages.bench);
    bench.scratch.reset();
    let run = Run { t, bench: &mut bench, set: RuleSet::HttpRequest, since: None };
    let fails = frontend.conf().rules.monitor_fail.iter().any(|c| run.test(c) == Holds::True);
    t.messages.bench = bench;
    fails
}

/// The rules of `http-response`: the backend's, then the frontend's.
pub(crate) async fn response(t: &mut Transaction) -> Result<(), Stop> {
    t.messages.vars.end_request();
    let frontend = t.client.frontend.clone();
    let slots = frontend.conf().rules.slots(Side::Server);
    if !slots.is_empty() {
        let Messages { response, kept: [_, kept], .. } = &mut *t.messages;
        kept.take(slots, response);
    }
    if let Some(backend) = other_backend(t) {
        run(t, &backend, RuleSet::HttpResponse).await?;
    }
    run(t, &frontend, RuleSet::HttpResponse).await
}

/// The rules of `http-after-response`, for every answer: the backend's, then the frontend's.
pub(crate) async fn after_response(t: &mut Transaction) -> Result<(), Stop> {
    if let Some(backend) = other_backend(t) {
        run(t, &backend, RuleSet::HttpAfterResponse).await?;
    }
    let frontend = t.client.frontend.clone();
    run(t, &frontend, RuleSet::HttpAfterResponse).await
}

/// The backend, where it is not the frontend's own side.
fn other_backend(t: &Transaction) -> Option<Rc<local::Proxy>> {
    t.backend.clone().filter(|b| b.shared.index != t.client.frontend.shared.index)
}

/// Runs the rules of a set, waiting where one asks for it.
async fn run(t: &mut Transaction, of: &Rc<local::Proxy>, set: RuleSet) -> Result<(), Stop> {
    if of.conf().rules.is_empty(set) {
        return Ok(());
    }
    let mut bench = std::mem::take(&mut t.messages.bench);
    let mut place = Place { at: 0, since: None };
    let end = loop {
        match step(t, &mut bench, of, set, &mut place) {
            Step::Over(end) => break end,
            Step::Wait(reason, since) => Box::pin(wait(t, reason, since)).await,
        }
    };
    t.messages.bench = bench;
    end
}

/// How far a set has come.
struct Place {
    at: usize,
    /// When the rule there began to wait.
    since: Option<Tick>,
}

enum Step {
    Over(Result<(), Stop>),
    Wait(Reason, Tick),
}

/// Runs rules until one waits or all is said.
fn step(
    t: &mut Transaction,
    bench: &mut Bench,
    of: &Rc<local::Proxy>,
    set: RuleSet,
    place: &mut Place,
) -> Step {
    let rules = of.conf().rules.set(set);
    while let Some(rule) = rules.get(place.at) {
        bench.scratch.reset();
        let mut run = Run { t, bench, set, since: place.since };
        let holds =
            place.since.is_some() || rule.condition.as_ref().is_none_or(|c| run.test(c) == Holds::True);
        let verdict = if holds { rule.action.run(&mut run) } else { Verdict::Next };
        match verdict {
            Verdict::Next => *place = Place { at: place.at + 1, since: None },
            Verdict::Stop => return Step::Over(Ok(())),
            Verdict::Answer(status) => return Step::Over(Err(Stop::Answer(status))),
            Verdict::Close => return Step::Over(Err(Stop::Close)),
            Verdict::Drop => return Step::Over(Err(Stop::Drop)),
            Verdict::Reply => return Step::Over(Err(Stop::Reply)),
            Verdict::Wait(reason) => {
                let since = *place.since.get_or_insert(t.now());
                return Step::Wait(reason, since);
            }
        }
    }
    Step::Over(Ok(()))
}

async fn wait(t: &mut Transaction, reason: Reason, since: Tick) {
    let (delay, bytes) = match reason {
        Reason::Bytes { delay } => (delay, true),
        Reason::Time(d) => (Some(d), false),
    };
    t.client.timer.set(since.after(delay));
    poll_fn(|cx| {
        let client = &mut t.client;
        if bytes
            && client
                .stream
                .poll_read(cx, client.input.space())
                .map(|r| r.map(|n| client.input.filled(n)))
                .is_ready()
        {
            return Poll::Ready(());
        }
        if client.timer.poll_expired(cx) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
