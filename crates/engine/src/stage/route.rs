//! Which backend serves it (manual, 4.2 "use_backend", "default_backend").

use std::rc::Rc;

use weir_expr::Verdict as Holds;

use crate::action::{RuleSet, Run, Target};
use crate::conf::Mode;
use crate::ending::{Cause, Stage};
use crate::local::{self, View};
use crate::transaction::{Stop, Transaction};

/// Chooses the backend and counts the transaction there.
pub(crate) fn backend(t: &mut Transaction) -> Result<(), Stop> {
    let view = t.client.worker.view();
    let front = t.client.frontend.clone();
    let chosen = match front.conf().rules.use_backend.is_empty() {
        true => None,
        false => switched(t, &front, &view),
    };
    let default = || front.shared.default_backend.and_then(|i| view.proxies.get(i).cloned());
    let Some(proxy) = chosen.or_else(default) else {
        t.facts.blame(Cause::Server, Stage::Connect);
        return Err(Stop::Answer(503));
    };
    let side = &proxy.shared.runtime.backend;
    side.sessions.up();
    let counters = proxy.back();
    counters.sessions.add(1);
    if proxy.conf().mode == Mode::Http {
        counters.requests.add(1);
    }
    counters.session_rate.count(t.now());
    t.backend = Some(proxy);
    Ok(())
}

/// The backend of the first `use_backend` that applies. One that names a backend which is not there applies,
/// and leaves the default.
fn switched(t: &mut Transaction, front: &local::Proxy, view: &View) -> Option<Rc<local::Proxy>> {
    let mut bench = std::mem::take(&mut t.messages.bench);
    bench.scratch.reset();
    let mut run = Run { t, bench: &mut bench, set: RuleSet::HttpRequest, since: None };
    let rules = &front.conf().rules.use_backend;
    let rule = rules.iter().find(|r| r.condition.as_ref().is_none_or(|c| run.test(c) == Holds::True));
    let found = match rule.map(|r| &r.target) {
        None => None,
        Some(Target::Position(at)) => view.proxies.get(*at).cloned(),
        Some(Target::Named(format)) => {
            run.render(format);
            let name = run.bench.text.as_slice();
            view.proxies.iter().find(|p| p.conf().is_backend() && p.conf().name.as_bytes() == name).cloned()
        }
    };
    t.messages.bench = bench;
    found
}
