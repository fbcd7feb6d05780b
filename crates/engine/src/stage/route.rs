//! Which backend serves it (manual, 4.2 "use_backend", "default_backend").

use std::rc::Rc;

use weir_expr::Verdict as Holds;

use crate::action::{RuleSet, Run, Target};
use crate::conf::{Mode, Options};
use crate::ending::{Cause, Stage};
use crate::local::{self, View};
use crate::observe;
use crate::trace;
use crate::transaction::{Stop, Transaction};

/// Chooses the backend and counts the transaction there.
pub(crate) fn backend(t: &mut Transaction) -> Result<(), Stop> {
    let view = t.client.worker.view();
    let front = t.client.frontend.clone();
    let chosen = match front.conf().rules.use_backend.is_empty() {
        true => None,
        false => switched(t, &front, &view),
    };
    let by_default =
        |i: usize| view.proxies.get(i).filter(|p| is_open(p) || i == front.shared.index).cloned();
    let default = || front.shared.default_backend.and_then(by_default);
    let Some(proxy) = chosen.or_else(default) else {
        t.facts.blame(Cause::Server, Stage::Connect);
        t.facts.turned_away = !front.has(Options::HTTP_BUFFER_REQUEST);
        return Err(Stop::Answer(503));
    };
    observe::tell(|| observe::Event::Backend(proxy.conf().name.clone()));
    let side = &proxy.shared.runtime.backend;
    side.sessions.up();
    let counters = proxy.back();
    counters.sessions.add(1);
    if proxy.conf().mode == Mode::Http {
        counters.requests.add(1);
    }
    counters.session_rate.count(t.now());
    t.place.note_backend(&proxy, &t.client.source);
    let upgraded_in_vain = t.client.upgraded && proxy.conf().mode != Mode::Http;
    t.backend = Some(proxy);
    trace::transaction(t, &trace::STREAM_BACKEND);
    if upgraded_in_vain {
        // HTTP does not become a plain session again.
        t.facts.blame(Cause::Internal, Stage::Request);
        return Err(Stop::Close);
    }
    Ok(())
}

/// The backend of the first `use_backend` that applies. One that names a backend which is not there applies,
/// and leaves the default.
fn switched(t: &mut Transaction, front: &local::Proxy, view: &View) -> Option<Rc<local::Proxy>> {
    let mut bench = std::mem::take(&mut t.messages.bench);
    bench.scratch.reset();
    let mut run = Run { t, bench: &mut bench, set: RuleSet::HttpRequest, since: None };
    let rules = &front.conf().rules.use_backend;
    // A disabled or unpublished backend is passed by, unless `force-be-switch` says otherwise.
    let forced = front.conf().rules.force_be_switch.iter().any(|c| run.test(c) == Holds::True);
    let mut found = None;
    for rule in rules {
        if rule.condition.as_ref().is_some_and(|c| run.test(c) != Holds::True) {
            continue;
        }
        found = match &rule.target {
            Target::Position(at) => view.proxies.get(*at).cloned(),
            Target::Named(format) => {
                run.render(format);
                let name = run.bench.text.as_slice();
                let named = |p: &&Rc<local::Proxy>| p.conf().is_backend() && p.conf().name.as_bytes() == name;
                view.proxies.iter().find(named).cloned()
            }
        };
        match &found {
            Some(proxy) if !forced && !is_open(proxy) => found = None,
            _ => break,
        }
    }
    t.messages.bench = bench;
    found
}

/// Whether rules of other proxies lead to the backend.
fn is_open(proxy: &local::Proxy) -> bool {
    let conf = proxy.conf();
    !conf.disabled && proxy.shared.runtime.published.now(!conf.unpublished)
}
