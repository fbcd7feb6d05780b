//! Services: what answers requests inside the program, in the place of a server (design: the far side is a server or
//! a service).
//!
//! A [`Service`] gets the request and gives an answer whose body is made piece by piece while there is room for it, so
//! that a page of any size takes no more memory than a piece. Rooms above the engine register theirs ([`Services`]);
//! the transaction knows none of them. Whether a request is for one is decided by a rule (`use-service`) or by the
//! statistics page of its proxy ([`page`]); [`serve`] has it answered.

mod drive;
pub(crate) mod page;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::snapshot::Proxy;

pub(crate) use drive::serve;

/// Something that answers requests.
pub trait Service: Debug + Send + Sync {
    /// What the log shows in the place of a server: `<STATS>`.
    fn label(&self) -> &'static str;

    /// Whether it reads the body of requests with this method.
    fn reads_body(&self, method: &[u8]) -> bool;

    /// Whether it wants to know if who asks may change things, as `stats admin` rules say.
    fn asks_for_admin(&self) -> bool {
        false
    }

    /// The answer to a request. It is called on a worker: it computes, and waits for nothing.
    fn answer(&self, request: &Request<'_>) -> Answer;
}

/// A request as a service sees it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a [u8],
    /// Path and query.
    pub target: &'a [u8],
    /// The body, where [`Service::reads_body`].
    pub body: RequestBody<'a>,
    /// The proxy whose rule or page led here.
    pub proxy: &'a Arc<Proxy>,
    /// Who asks may change things (manual, 4.2 "stats admin").
    pub admin: bool,
}

/// The body of a request for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// More than a buffer holds.
    TooLong,
}

/// The answer of a service.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header lines, names in lower case; the engine adds those that delimit the body.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
}

/// The body of a service's answer.
#[derive(Debug)]
pub enum Body {
    /// Its pieces. In HTTP/1.1 they go out as chunks.
    Pieces(Box<dyn Pieces>),
    /// None, and the headers say so.
    Empty,
    /// None, and nothing says how long it would be: the connection ends.
    Unsaid,
    /// The proxy's own answer for the status, whatever the headers.
    Standard,
}

/// A body that is made while it is sent.
pub trait Pieces: Debug {
    /// Appends the next piece, of a few KiB at most; false where none follows.
    fn write(&mut self, out: &mut Vec<u8>) -> bool;
}

/// The services of a process, by name.
#[derive(Debug, Default)]
pub struct Services(RwLock<HashMap<&'static str, Arc<dyn Service>>>);

/// A request that is for a service.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) admin: bool,
    /// The rules of `http-response` see the answer.
    pub(crate) ruled: bool,
}

/// The name of the service that shows the statistics page.
pub const STATS: &str = "stats";
/// The services that rules may name.
pub const NAMED: [&str; 2] = [PROMETHEUS, DASHBOARD];
/// The name of the service that shows the dashboard.
pub const DASHBOARD: &str = "dashboard";
/// The name of the service that tells Prometheus the statistics.
pub const PROMETHEUS: &str = "prometheus-exporter";

// === impl Services ===

impl Services {
    /// Registers a service; one of the same name is replaced.
    pub fn register(&self, name: &'static str, service: Arc<dyn Service>) {
        self.0.write().insert(name, service);
    }

    /// The service of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<dyn Service>> {
        self.0.read().get(name).cloned()
    }
}
