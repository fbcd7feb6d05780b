//! Which backend serves it (manual, 4.2 "use_backend", "default_backend").

use crate::ending::{Cause, Stage};
use crate::transaction::{Stop, Transaction};

/// Chooses the backend and counts the transaction there.
pub(crate) fn backend(t: &mut Transaction) -> Result<(), Stop> {
    let view = t.client.worker.view();
    let front = &t.client.frontend.shared;
    let named = front.use_backend.or(front.default_backend);
    let Some(proxy) = named.and_then(|i| view.proxies.get(i)) else {
        t.facts.blame(Cause::Server, Stage::Connect);
        return Err(Stop::Answer(503));
    };
    let side = &proxy.shared.runtime.backend;
    side.sessions.up();
    let counters = proxy.back();
    counters.sessions.add(1);
    counters.session_rate.count(t.now());
    t.backend = Some(proxy.clone());
    Ok(())
}
