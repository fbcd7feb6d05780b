//! Whose times are told, and where they are measured: the frontends, backends and servers of a configuration.

use weir_engine::runtime::{Counters, Distribution, Phase};
use weir_engine::snapshot::{Proxy, Snapshot};

/// What was measured of one object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'a> {
    /// The name of its proxy.
    pub(crate) proxy: &'a str,
    /// `FRONTEND`, `BACKEND`, or the name of a server.
    pub(crate) name: &'a str,
    /// What it is.
    pub(crate) kind: Kind,
    counters: &'a [Counters],
    sessions: u32,
}

/// The kinds of objects that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Frontend,
    Backend,
    Server,
}

/// All objects of a configuration, each frontend and backend before its servers.
pub(crate) fn objects(snapshot: &Snapshot) -> Vec<Object<'_>> {
    let mut all = Vec::new();
    for proxy in snapshot.proxies.iter().filter(|p| !p.conf.disabled) {
        of_proxy(proxy, &mut all);
    }
    all
}

fn of_proxy<'a>(proxy: &'a Proxy, all: &mut Vec<Object<'a>>) {
    let (conf, name) = (&proxy.conf, proxy.conf.name.as_str());
    if conf.is_frontend() {
        let counters = &proxy.runtime.frontend.counters;
        all.push(Object {
            proxy: name,
            name: "FRONTEND",
            kind: Kind::Frontend,
            counters,
            sessions: proxy.runtime.frontend.sessions.now(),
        });
    }
    if conf.is_backend() {
        let counters = &proxy.runtime.backend.counters;
        all.push(Object {
            proxy: name,
            name: "BACKEND",
            kind: Kind::Backend,
            counters,
            sessions: proxy.runtime.backend.sessions.now(),
        });
    }
    all.extend(proxy.servers.iter().map(|server| {
        let counters = &server.runtime.counters;
        Object {
            proxy: name,
            name: &server.conf.name,
            kind: Kind::Server,
            counters,
            sessions: server.runtime.serving.now(),
        }
    }));
}

// === impl Object ===

impl Object<'_> {
    /// What its workers counted.
    pub(crate) fn counters(&self) -> &[Counters] {
        self.counters
    }

    /// Its sessions now.
    pub(crate) fn sessions(&self) -> u32 {
        self.sessions
    }

    /// What was measured of a phase.
    pub(crate) fn told(&self, phase: Phase) -> Distribution {
        Distribution::of(self.counters.iter().map(|counters| &counters.latency), phase)
    }
}
