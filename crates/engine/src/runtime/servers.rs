//! What operators changed about a backend, so that a reload keeps it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::conf::{self, Endpoint, PortRule};

/// Servers of a backend that were added or moved at run time. A file that says something else wins.
#[derive(Debug, Default)]
pub struct Changes {
    added: Vec<Arc<conf::Server>>,
    moved: Vec<Moved>,
}

/// A server that an operator gave another address.
#[derive(Debug)]
struct Moved {
    name: String,
    /// What the file said then.
    from: Place,
    to: Place,
}

type Place = (Option<Endpoint>, PortRule);

/// Counts how often numbers of servers may mean another than before.
#[derive(Debug, Default)]
pub struct Revision {
    number: u32,
    /// A server went since the last one came.
    stale: bool,
}

/// Whether a backend is published, as an operator said.
#[derive(Debug, Default)]
pub struct Published(AtomicU8);

// === impl Changes ===

impl Changes {
    /// Notes a server that came.
    pub(crate) fn add(&mut self, server: &Arc<conf::Server>) {
        self.added.push(server.clone());
    }

    /// Notes that a server went.
    pub(crate) fn remove(&mut self, name: &str) {
        self.added.retain(|s| s.name != name);
        self.moved.retain(|m| m.name != name);
    }

    /// Notes that a server moved.
    pub(crate) fn move_to(&mut self, before: &conf::Server, after: &Arc<conf::Server>) {
        if let Some(added) = self.added.iter_mut().find(|s| s.name == after.name) {
            *added = after.clone();
            return;
        }
        let to = (after.endpoint.clone(), after.port);
        match self.moved.iter_mut().find(|m| m.name == after.name) {
            Some(moved) => moved.to = to,
            None => {
                let from = (before.endpoint.clone(), before.port);
                self.moved.push(Moved { name: after.name.clone(), from, to });
            }
        }
    }

    /// The proxy of a file with these changes.
    pub(crate) fn apply(&mut self, file: &Arc<conf::Proxy>) -> Arc<conf::Proxy> {
        self.added.retain(|added| file.servers.iter().all(|s| s.name != added.name));
        let stands = |m: &Moved| {
            file.servers
                .iter()
                .any(|s| s.name == m.name && (s.endpoint.as_ref(), s.port) == (m.from.0.as_ref(), m.from.1))
        };
        self.moved.retain(stands);
        if self.added.is_empty() && self.moved.is_empty() {
            return file.clone();
        }
        let mut proxy = (**file).clone();
        for moved in &self.moved {
            for server in proxy.servers.iter_mut().filter(|s| s.name == moved.name) {
                let (endpoint, port) = moved.to.clone();
                *server = Arc::new(conf::Server { endpoint, port, ..(**server).clone() });
            }
        }
        for added in &self.added {
            let rank = if proxy.dynamic { 0 } else { proxy.servers.len() };
            proxy.servers.insert(rank, added.clone());
        }
        Arc::new(proxy)
    }
}

// === impl Revision ===

impl Revision {
    /// A server comes: the revision that its number belongs to.
    pub(crate) fn come(&mut self) -> u32 {
        self.number += u32::from(std::mem::take(&mut self.stale));
        self.number
    }

    /// A server goes, and leaves its number to others.
    pub(crate) fn go(&mut self) {
        self.stale = true;
    }
}

// === impl Published ===

impl Published {
    /// What holds from now on.
    pub fn set(&self, published: bool) {
        self.0.store(if published { YES } else { NO }, Relaxed);
    }

    /// Whether rules lead to the backend, where the file says `in_file`.
    pub fn now(&self, in_file: bool) -> bool {
        match self.0.load(Relaxed) {
            YES => true,
            NO => false,
            _ => in_file,
        }
    }
}

const YES: u8 = 1;
const NO: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{Caps, Proxy, Server};
    use weir_diag::Span;

    fn server(name: &str, port: u16) -> Arc<Server> {
        let endpoint = Some(Endpoint::Inet(([127, 0, 0, 1], port).into()));
        Arc::new(Server { endpoint, ..Server::new(name, Span::default()) })
    }

    fn shown(proxy: &Proxy) -> Vec<String> {
        let port = |s: &Server| match &s.endpoint {
            Some(Endpoint::Inet(at)) => at.port(),
            _ => 0,
        };
        proxy.servers.iter().map(|s| format!("{}:{}", s.name, port(s))).collect()
    }

    #[test]
    fn a_reload_keeps_what_came_and_moved_until_the_file_says_otherwise() {
        let mut file = Proxy::new("b", Caps::BACKEND, Span::default());
        file.servers = vec![server("a", 1), server("b", 2)];
        let mut changes = Changes::default();
        assert_eq!(shown(&changes.apply(&Arc::new(file.clone()))), ["a:1", "b:2"]);
        changes.add(&server("new", 9));
        changes.move_to(&server("a", 1), &server("a", 5));
        changes.move_to(&server("new", 9), &server("new", 10));
        assert_eq!(shown(&changes.apply(&Arc::new(file.clone()))), ["a:5", "b:2", "new:10"]);
        file.servers = vec![server("a", 7), server("new", 3)];
        assert_eq!(shown(&changes.apply(&Arc::new(file.clone()))), ["a:7", "new:3"]);
        changes.remove("new");
        assert_eq!(shown(&changes.apply(&Arc::new(file.clone()))), ["a:7", "new:3"]);
    }
}
