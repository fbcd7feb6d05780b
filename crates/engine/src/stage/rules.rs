//! The rule sets, run by an executor that can wait.
//!
//! An action says what follows: [`Verdict::Next`], `Stop`, `Answer`, or `Wait`. Only the executor awaits; it
//! holds nothing but the rule set and its place in it, so that it can go on where it stopped.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use crate::clock::Tick;
use crate::transaction::{Stop, Transaction};

/// What follows an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The next rule.
    Next,
    /// No further rule of this set.
    Stop,
    /// This answer, and the end.
    Answer(u16),
    /// The same rule again, once this has happened.
    Wait(Reason),
}

/// What a rule waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// More bytes from the client, or the end of this delay (`inspect-delay`, `wait-for-body`).
    Bytes {
        /// From the first time it waited.
        delay: Option<Duration>,
    },
    /// This long (`pause`).
    Time(Duration),
}

/// Something that a rule does.
pub(crate) trait Action {
    /// Does it. `again` says that it waited before.
    fn run(&self, t: &mut Transaction, again: bool) -> Verdict;
}

/// Runs a set of actions, waiting where one asks for it.
pub(crate) async fn run(t: &mut Transaction, set: &[Box<dyn Action>]) -> Result<(), Stop> {
    let mut at = 0;
    let mut waited = None;
    while let Some(action) = set.get(at) {
        match action.run(t, waited.is_some()) {
            Verdict::Next => {
                at += 1;
                waited = None;
            }
            Verdict::Stop => return Ok(()),
            Verdict::Answer(status) => return Err(Stop::Answer(status)),
            Verdict::Wait(reason) => {
                let since = *waited.get_or_insert(t.now());
                wait(t, reason, since).await;
            }
        }
    }
    Ok(())
}

/// The rules of `http-request`.
pub(crate) async fn request(t: &mut Transaction) -> Result<(), Stop> {
    run(t, &[]).await
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
