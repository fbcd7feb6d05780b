//! The `timeout` lines of a proxy (manual, 4.2).

use std::time::Duration;

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
