//! A worker's own view of the snapshot: what it shares with nobody, and so needs no lock for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::conf::{self, Options};
use crate::mux::{h1, h2};
use crate::numbered::Numbered;
use crate::pool::IdlePool;
use crate::runtime::{Counters, Side};
use crate::snapshot::{self, Snapshot};

/// The proxies as one worker sees them.
pub(crate) struct View {
    /// Which of the worker's views this is, counted from 0.
    pub(crate) generation: u32,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) proxies: Numbered<Rc<Proxy>>,
}

/// A proxy on one worker.
pub(crate) struct Proxy {
    pub(crate) shared: Arc<snapshot::Proxy>,
    /// The view it belongs to.
    pub(crate) generation: u32,
    worker: usize,
    pub(crate) servers: Vec<Rc<Server>>,
}

/// A server on one worker.
pub(crate) struct Server {
    pub(crate) shared: Arc<snapshot::Server>,
    worker: usize,
    /// Idle connections to it that this worker holds.
    pub(crate) idle: RefCell<IdlePool<h1::Conn>>,
    /// Connections in HTTP/2 to it that requests share.
    pub(crate) links: h2::Links,
    /// The newest view is without it: nothing comes to rest here any more.
    left: Cell<bool>,
}

// === impl View ===

impl View {
    /// The view of `worker`; idle connections of servers that stay are taken over from `old`.
    pub(crate) fn new(snapshot: Arc<Snapshot>, worker: usize, old: Option<&View>) -> Rc<Self> {
        let mut kept: HashMap<*const crate::runtime::ServerRuntime, IdlePool<h1::Conn>> = old
            .into_iter()
            .flat_map(|v| v.proxies.iter().flat_map(|p| p.servers.iter()))
            .map(|s| (Arc::as_ptr(&s.shared.runtime), s.leave()))
            .collect();
        let generation = old.map_or(0, |v| v.generation.wrapping_add(1));
        let proxies = snapshot.proxies.map(|p| {
            let servers = p.servers.iter().map(|s| {
                let idle = kept.remove(&Arc::as_ptr(&s.runtime)).unwrap_or_default();
                let idle = RefCell::new(idle);
                Rc::new(Server::new(s.clone(), worker, idle))
            });
            Rc::new(Proxy { shared: p.clone(), generation, worker, servers: servers.collect() })
        });
        Rc::new(Self { generation, snapshot, proxies })
    }

    /// The view of `worker` where some proxies differ from those of `old` only: all others stay as they are,
    /// and so do the servers that are the same.
    pub(crate) fn amended(snapshot: Arc<Snapshot>, worker: usize, old: &View) -> Rc<Self> {
        let generation = old.generation;
        let proxy = |shared: &Arc<snapshot::Proxy>| {
            let before = old.proxies.get(shared.index);
            if let Some(same) = before.filter(|p| Arc::ptr_eq(&p.shared, shared)) {
                return same.clone();
            }
            let server = |s: &Arc<snapshot::Server>| {
                let same = before.and_then(|p| p.server(s.index)).filter(|o| Arc::ptr_eq(&o.shared, s));
                same.cloned().unwrap_or_else(|| Rc::new(Server::new(s.clone(), worker, RefCell::default())))
            };
            let servers: Vec<_> = shared.servers.iter().map(server).collect();
            let stays = |old: &Rc<Server>| servers.iter().any(|new| Rc::ptr_eq(new, old));
            for gone in before.iter().flat_map(|p| &p.servers).filter(|old| !stays(old)) {
                gone.close_idle();
            }
            Rc::new(Proxy { shared: shared.clone(), generation, worker, servers })
        };
        let proxies = snapshot.proxies.map(proxy);
        Rc::new(Self { generation, snapshot, proxies })
    }

    /// The frontend of this name.
    pub(crate) fn frontend(&self, name: &str) -> Option<&Rc<Proxy>> {
        self.proxies.iter().find(|p| p.conf().is_frontend() && p.conf().name == name)
    }
}

// === impl Proxy ===

impl Proxy {
    pub(crate) fn conf(&self) -> &conf::Proxy {
        &self.shared.conf
    }

    /// The server with this number.
    pub(crate) fn server(&self, number: usize) -> Option<&Rc<Server>> {
        let there = self.servers.get(number).filter(|s| s.shared.index == number);
        there.or_else(|| self.servers.iter().find(|s| s.shared.index == number))
    }

    pub(crate) fn has(&self, option: Options) -> bool {
        self.shared.conf.options.contains(option)
    }

    /// What this worker counts of it as a frontend.
    pub(crate) fn front(&self) -> &Counters {
        of(&self.shared.runtime.frontend.counters, self.worker)
    }

    /// What this worker counts of one of its `bind` lines.
    pub(crate) fn of_listener<'a>(&self, side: &'a Side) -> &'a Counters {
        of(&side.counters, self.worker)
    }

    /// What this worker counts of it as a backend.
    pub(crate) fn back(&self) -> &Counters {
        of(&self.shared.runtime.backend.counters, self.worker)
    }
}

// === impl Server ===

impl Server {
    fn new(shared: Arc<snapshot::Server>, worker: usize, idle: RefCell<IdlePool<h1::Conn>>) -> Self {
        Self { shared, worker, idle, links: h2::Links::default(), left: Cell::new(false) }
    }

    /// What rests here, for another to take over or to close. Connections know their proxy, so that none may stay.
    fn leave(&self) -> IdlePool<h1::Conn> {
        self.left.set(true);
        self.idle.take()
    }

    /// Closes what rests here, for good.
    fn close_idle(&self) {
        let (runtime, idle) = (&self.shared.runtime, self.leave());
        runtime.idle.fetch_sub(idle.len() as u32, Relaxed);
        runtime.proven.fetch_sub(idle.proven() as u32, Relaxed);
    }

    /// Whether the newest view is without it.
    pub(crate) fn has_left(&self) -> bool {
        self.left.get()
    }

    pub(crate) fn conf(&self) -> &conf::Server {
        &self.shared.conf
    }

    /// What this worker counts of it.
    pub(crate) fn counters(&self) -> &Counters {
        of(&self.shared.runtime.counters, self.worker)
    }
}

impl Drop for Server {
    /// The connections that rest here go with it.
    fn drop(&mut self) {
        self.close_idle();
    }
}

/// A worker's own counters. There are as many as workers; a spare set stands in for none, so that counting
/// never fails.
fn of(counters: &[Counters], worker: usize) -> &Counters {
    static SPARE: std::sync::LazyLock<Counters> = std::sync::LazyLock::new(Counters::default);
    counters.get(worker).unwrap_or(&SPARE)
}
