//! The `timeout` lines of a proxy (manual, 4.2).

use std::time::Duration;

use weir_expr::scope::TimeoutOf;

use super::Proxy;

/// Each is absent where the configuration gives none, or gives 0: then nothing expires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the keyword of its name")]
pub struct Timeouts {
    pub check: Option<Duration>,
    pub client: Option<Duration>,
    pub client_fin: Option<Duration>,
    pub client_hs: Option<Duration>,
    pub connect: Option<Duration>,
    pub http_keep_alive: Option<Duration>,
    pub http_request: Option<Duration>,
    pub queue: Option<Duration>,
    pub server: Option<Duration>,
    pub server_fin: Option<Duration>,
    pub tarpit: Option<Duration>,
    pub tunnel: Option<Duration>,
}

// === impl Proxy ===

impl Proxy {
    /// One of those that expressions ask for. Who has no servers connects to nobody; to wait in a queue or in the
    /// tarpit takes as long as to connect where nothing else is said.
    pub(crate) fn timeout(&self, which: TimeoutOf) -> Option<Duration> {
        let timeouts = &self.timeouts;
        let connect = timeouts.connect.filter(|_| self.is_backend());
        match which {
            TimeoutOf::Client => timeouts.client,
            TimeoutOf::Connect => connect,
            TimeoutOf::Queue => timeouts.queue.or(connect),
            TimeoutOf::Server => timeouts.server,
            TimeoutOf::Tarpit => timeouts.tarpit.or(connect),
            TimeoutOf::Tunnel => timeouts.tunnel,
        }
    }
}
