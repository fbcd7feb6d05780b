//! How many sessions a backend may still take (manual, 7.3.2 `connslots`, `be_conn_free`).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::snapshot::Server;

/// The free places of the servers that run, in their queues too where `queues` says so; -1 where one has no limit.
pub(super) fn free(servers: &[Arc<Server>], queues: bool) -> i64 {
    let of = |s: &Arc<Server>| {
        let rt = &s.runtime;
        let places = |limit: u32, taken: u32| (limit > 0).then(|| i64::from(limit.saturating_sub(taken)));
        let sessions = places(rt.maxconn.load(Relaxed), rt.serving.now())?;
        let waiting = if queues { places(s.conf.maxqueue, rt.queued.now())? } else { 0 };
        Some(sessions + waiting)
    };
    servers.iter().filter(|s| s.runtime.is_running()).map(of).sum::<Option<i64>>().unwrap_or(-1)
}
