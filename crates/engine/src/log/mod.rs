//! Log lines: where they go, what they look like, when they are written (manual, chapter 8).
//!
//! A [`LogPlan`] is compiled with the snapshot and immutable. A finished transaction is written as datagrams
//! into its worker's [`Ring`], which sends them in batches once a turn of the loop and never waits: what cannot
//! go is counted as dropped. Events of servers and proxies take [`event`], from any thread.

mod balanced;
mod channel;
mod destination;
mod forward;
mod line;
mod origin;
mod plan;
mod profile;
pub(crate) mod relay;
mod ring;
mod sink;

pub(crate) use channel::Channel;
pub use destination::Destinations;
pub use plan::{LogPlan, system_name};
pub use sink::{Sink, Sinks};
pub use weir_wire::syslog::Level;

pub(crate) use balanced::ring_name;
pub(crate) use line::{
    accepted, answered, asked, connected, finished, reached, refused, requested, unique_id,
};
pub(crate) use origin::Origin;
pub(crate) use plan::{Builder, check};
pub(crate) use ring::Ring;

use crate::clock;
use crate::runtime::Runtime;
use crate::snapshot::Proxy;

/// Sends a line about the process to the targets of `global` at once. Callable from any thread.
pub(crate) fn line(plan: &LogPlan, runtime: &Runtime, level: Level, text: &str) {
    clock::refresh(); // A thread that seldom asks has an old reading.
    let dropped = plan.send_now(clock::wall(), level, text.as_bytes());
    runtime.process.dropped_logs.fetch_add(dropped, std::sync::atomic::Ordering::Relaxed);
}

/// Sends a line about a proxy or one of its servers to the proxy's targets at once: for changes of state, never
/// for traffic. Callable from any thread.
pub fn event(proxy: &Proxy, runtime: &Runtime, level: Level, text: &str) {
    line(&proxy.log, runtime, level, text);
}
