//! The compiled configuration: immutable, shared by all workers, replaced as a whole.
//!
//! Built from [`crate::conf`] and the run-time state that outlives it. What did not change between two
//! snapshots is shared by content.

use std::collections::HashMap;
use std::sync::Arc;

use weir_balance::{Member, Plan};
use weir_diag::Span;
use weir_sys::connect::ConnectSpec;

use weir_http::h1::CaseMap;

use crate::answers::Answers;
use crate::balance::{self, Key};
use crate::clock::{self, Tick};
use crate::conf::{self, Conf};
use crate::farm::{Farm, Limits, Seat};
use crate::log::{self, LogPlan};
use crate::numbered::Numbered;
use crate::persistence::ServerCookie;
use crate::runtime::{ProxyRuntime, Runtime, ServerRuntime};
use crate::tables::Tables;

/// All that workers need to know of a configuration.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The `global` section.
    pub global: Arc<conf::Global>,
    /// The proxies in the order of the files, behind them those that came at run time.
    pub proxies: Numbered<Arc<Proxy>>,
    /// Everything else of the configuration: there are no proxies in it.
    pub sections: Arc<Conf>,
    /// The stick tables, in the order of the files.
    pub tables: Tables,
    /// The lists of patterns of its ACLs and maps.
    pub patterns: weir_expr::PatternFiles,
    /// The rings, in the order of the files.
    pub rings: Vec<Arc<conf::Ring>>,
    /// Where lines about the process go.
    pub log: Arc<LogPlan>,
}

/// A proxy, ready to run.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// What the file says.
    pub conf: Arc<conf::Proxy>,
    /// Its number in the snapshot.
    pub index: usize,
    /// Its state.
    pub runtime: Arc<ProxyRuntime>,
    /// Its servers, in the order of the file.
    pub servers: Vec<Arc<Server>>,
    /// Who gets the next request.
    pub farm: Arc<Farm>,
    /// What of a request decides its server.
    pub key: Key,
    /// The cookie that keeps clients with their server.
    pub cookie: Option<ServerCookie>,
    /// The position of the backend where no rule chose another; its own where it is a `listen`.
    pub default_backend: Option<usize>,
    /// Sessions that the frontend takes at once.
    pub maxconn: u32,
    /// Sessions of the backend at which `maxconn` of its servers is reached in full.
    pub fullconn: u32,
    /// The userlists of the configuration.
    pub userlists: Arc<[Arc<conf::Userlist>]>,
    /// The stick tables of the configuration.
    pub tables: Tables,
    /// What it logs.
    pub log: Arc<LogPlan>,
    /// What it answers in the place of built-in answers.
    pub answers: Answers,
    /// How names are spelled for peers that insist, where anything is set.
    pub cases: Option<Arc<CaseMap>>,
}

/// A server, ready to run.
#[derive(Debug)]
pub struct Server {
    /// What the file says.
    pub conf: Arc<conf::Server>,
    /// Its number in its backend's farm: its position in the file, and what is free for those that come later.
    pub index: usize,
    /// Its state.
    pub runtime: Arc<ServerRuntime>,
    /// How connections to it are made.
    pub connect: ConnectSpec,
}

// === impl Snapshot ===

impl Snapshot {
    /// Compiles a configuration over the state that is there. `maxconn` is the process's limit.
    pub fn build(conf: &Conf, runtime: &Arc<Runtime>, maxconn: u32, now: Tick) -> Arc<Self> {
        let names: HashMap<&str, usize> = conf
            .proxies
            .iter()
            .enumerate()
            .filter(|(_, p)| p.is_backend())
            .map(|(i, p)| (p.name.as_str(), i))
            .collect();
        runtime.process.log_destinations.tune(&conf.global.tune);
        let mut logs = log::Builder::new(conf, &runtime.process.log_destinations);
        let userlists: Arc<[Arc<conf::Userlist>]> = conf.userlists.clone().into();
        let tables = runtime.tables(&conf.tables);
        let proxies: Numbered<Arc<Proxy>> = conf
            .proxies
            .iter()
            .enumerate()
            .map(|(index, proxy)| {
                let fullconn = default_fullconn(conf, proxy, maxconn);
                let route = Route {
                    names: &names,
                    userlists: &userlists,
                    tables: &tables,
                    fullconn,
                    maxconn,
                    global: &conf.global,
                };
                Arc::new(Proxy::build(proxy, index, runtime, &route, logs.plan(index), now))
            })
            .collect();
        runtime.process.log_destinations.balance(&proxies);
        let log = logs.of_process();
        let (patterns, rings) = (conf.patterns.clone(), conf.rings.clone());
        let sections = Arc::new(Conf { proxies: Vec::new(), ..conf.clone() });
        Arc::new(Self {
            global: Arc::new(conf.global.clone()),
            proxies,
            sections,
            tables,
            patterns,
            rings,
            log,
        })
    }

    /// The backend of this name.
    pub fn backend(&self, name: &str) -> Option<&Arc<Proxy>> {
        self.proxies.iter().find(|p| p.conf.is_backend() && p.conf.name == name)
    }

    /// The same with another proxy in the place of one.
    pub(crate) fn with(&self, proxy: Proxy) -> Arc<Self> {
        let mut amended = self.clone();
        amended.proxies.put(proxy.index, Arc::new(proxy));
        Arc::new(amended)
    }

    /// The configuration as it runs, proxies and servers by number. Where nobody has a number stands a proxy without
    /// a side, or a server without a name.
    pub(crate) fn conf(&self) -> Conf {
        let of = |place: &Option<Arc<Proxy>>| match place {
            Some(proxy) => proxy.numbered(),
            None => Arc::new(conf::Proxy::new("", conf::Caps::empty(), Span::default())),
        };
        Conf { proxies: self.proxies.places().iter().map(of).collect(), ..(*self.sections).clone() }
    }

    /// The same with one more backend, the one at `index` of `conf`.
    pub(crate) fn with_backend(
        &self,
        conf: &Conf,
        index: usize,
        runtime: &Arc<Runtime>,
    ) -> Option<Arc<Self>> {
        let proxy = conf.proxies.get(index)?;
        let destinations = &runtime.process.log_destinations;
        let log = log::Builder::new(conf, destinations).plan(index);
        let route = Route {
            names: &HashMap::new(),
            userlists: &self.sections.userlists.clone().into(),
            tables: &self.tables,
            fullconn: 0,
            maxconn: 0,
            global: &self.global,
        };
        Some(self.with(Proxy::build(proxy, index, runtime, &route, log, clock::now())))
    }

    /// The same without a proxy.
    pub(crate) fn without(&self, index: usize) -> Arc<Self> {
        let mut amended = self.clone();
        amended.proxies.remove(index);
        Arc::new(amended)
    }

    /// The frontend of this name.
    pub fn frontend(&self, name: &str) -> Option<&Arc<Proxy>> {
        self.proxies.iter().find(|p| p.conf.is_frontend() && p.conf.name == name)
    }
}

/// What a proxy's build needs to know of the others.
struct Route<'a> {
    names: &'a HashMap<&'a str, usize>,
    userlists: &'a Arc<[Arc<conf::Userlist>]>,
    tables: &'a Tables,
    fullconn: u32,
    maxconn: u32,
    global: &'a conf::Global,
}

// === impl Proxy ===

impl Proxy {
    fn build(
        conf: &Arc<conf::Proxy>,
        index: usize,
        runtime: &Arc<Runtime>,
        route: &Route<'_>,
        log: Arc<LogPlan>,
        now: Tick,
    ) -> Self {
        let state = runtime.proxy(&conf.name);
        let conf = &state.changes.lock().apply(conf);
        let servers: Vec<Arc<Server>> = conf
            .servers
            .iter()
            .enumerate()
            .map(|(i, s)| Arc::new(Server::build(route.global, conf, s, i, &state, now)))
            .collect();
        let (plan, key) = balance::plan(conf);
        let fullconn = conf.fullconn.unwrap_or(route.fullconn);
        let farm = build_farm(&plan, &servers, &state, fullconn);
        let default_backend = match &conf.default_backend {
            Some((name, _)) => route.names.get(name.as_str()).copied(),
            None if conf.is_backend() => Some(index),
            None => None,
        };
        let maxconn = conf.maxconn.filter(|n| *n > 0).unwrap_or(route.maxconn);
        let maxconn = if maxconn == 0 { u32::MAX } else { maxconn };
        Self {
            key,
            cookie: cookie(conf, &servers),
            conf: conf.clone(),
            index,
            runtime: state,
            servers,
            farm,
            default_backend,
            maxconn,
            fullconn,
            log,
            userlists: route.userlists.clone(),
            tables: route.tables.clone(),
            answers: Answers::compile(&conf.error_files),
            cases: case_map(route.global).filter(|_| conf.options.intersects(ADJUSTED)),
        }
    }

    /// What the file says, the servers by number.
    fn numbered(&self) -> Arc<conf::Proxy> {
        if self.servers.iter().enumerate().all(|(position, server)| server.index == position) {
            return self.conf.clone();
        }
        let most = self.servers.iter().map(|s| s.index + 1).max().unwrap_or(0);
        let nobody = || Arc::new(conf::Server::new("", Span::default()));
        let of = |number| self.server(number).map_or_else(nobody, |s| s.conf.clone());
        Arc::new(conf::Proxy { servers: (0..most).map(of).collect(), ..(*self.conf).clone() })
    }

    /// The server with this number.
    pub fn server(&self, number: usize) -> Option<&Arc<Server>> {
        // A number is a position until one before it is taken away.
        let there = self.servers.get(number).filter(|s| s.index == number);
        there.or_else(|| self.servers.iter().find(|s| s.index == number))
    }

    /// The server of this name.
    pub fn server_named(&self, name: &str) -> Option<&Arc<Server>> {
        self.servers.iter().find(|s| s.conf.name == name)
    }

    /// The value of the cookie that leads to a server.
    pub fn cookie_of<'a>(&'a self, server: &'a Server) -> Option<&'a [u8]> {
        let own = || server.conf.cookie.as_deref();
        own().or_else(|| self.cookie.as_ref()?.value(server.index))
    }

    /// The same proxy with other servers.
    pub(crate) fn with_servers(&self, servers: Vec<Arc<Server>>) -> Self {
        let list = servers.iter().map(|s| s.conf.clone()).collect();
        let conf = Arc::new(conf::Proxy { servers: list, ..(*self.conf).clone() });
        Self { cookie: cookie(&conf, &servers), conf, servers, ..self.clone() }
    }

    /// The same proxy with other ways to stay with a server.
    pub(crate) fn with_persistence(&self, persistence: conf::Persistence) -> Self {
        let conf = Arc::new(conf::Proxy { persistence, ..(*self.conf).clone() });
        Self { cookie: cookie(&conf, &self.servers), conf, ..self.clone() }
    }
}

/// The cookie of a backend with these servers.
fn cookie(conf: &conf::Proxy, servers: &[Arc<Server>]) -> Option<ServerCookie> {
    ServerCookie::compile(conf, servers.iter().map(|s| (s.index, &*s.conf)))
}

// === impl Server ===

impl Server {
    pub(crate) fn build(
        global: &conf::Global,
        backend: &conf::Proxy,
        conf: &Arc<conf::Server>,
        index: usize,
        proxy: &ProxyRuntime,
        now: Tick,
    ) -> Self {
        let runtime = proxy.server(&conf.name, |counters| ServerRuntime::new(conf, counters, now));
        runtime.rewrite(conf);
        let connect = crate::outbound::spec(global, backend, conf);
        Self { conf: conf.clone(), index, runtime, connect }
    }

    /// The server as algorithms see it.
    pub(crate) fn member(&self) -> Member {
        Member {
            effective: self.runtime.effective(),
            usable: self.runtime.is_usable(),
            backup: self.conf.backup,
            ring_key: balance::ring_key(&self.conf),
            ..Member::up(self.conf.id, self.conf.weight.min(256) as u16)
        }
    }

    /// Its place in the farm of its backend.
    pub(crate) fn seat(&self, fullconn: u32) -> Seat {
        let limits = Limits { minconn: self.conf.minconn, maxqueue: self.conf.maxqueue, fullconn };
        Seat { runtime: self.runtime.clone(), limits }
    }
}

fn build_farm(plan: &Plan, servers: &[Arc<Server>], state: &Arc<ProxyRuntime>, fullconn: u32) -> Arc<Farm> {
    let members = servers.iter().map(|s| s.member()).collect();
    let seats = servers.iter().map(|s| s.seat(fullconn)).collect();
    Farm::new(plan, members, seats, state.clone())
}

/// A tenth of what the frontends take in together that lead to this backend by name (manual, 4.2 "fullconn"); 0
/// where it came at run time, and nothing does.
fn default_fullconn(conf: &Conf, backend: &conf::Proxy, maxconn: u32) -> u32 {
    let leads = |p: &&Arc<conf::Proxy>| {
        let by_default = p.default_backend.as_ref().map_or(p.name == backend.name, |d| d.0 == backend.name);
        p.is_frontend() && (by_default || p.use_backend.iter().any(|u| u.target == backend.name))
    };
    let limits = conf.proxies.iter().filter(leads).map(|p| p.maxconn.unwrap_or(maxconn));
    weir_balance::maxconn::default_fullconn(limits).max(u32::from(!backend.dynamic))
}

/// How header names are spelled for peers that insist (manual, 3.1 "h1-case-adjust").
fn case_map(global: &conf::Global) -> Option<Arc<CaseMap>> {
    let mut map = CaseMap::default();
    global.h1_case_adjust.values().for_each(|spelling| map.insert(spelling));
    Some(Arc::new(map)).filter(|m| !m.is_empty())
}

/// The options that make use of another spelling.
const ADJUSTED: conf::Options =
    conf::Options::H1_CASE_ADJUST_BOGUS_CLIENT.union(conf::Options::H1_CASE_ADJUST_BOGUS_SERVER);
