//! Health checks: each server is checked by one worker, which tells everybody else through the server's atomics.
//!
//! [`script`] runs the steps of a check without I/O, [`http`] is what it says and hears of HTTP, [`expect`] what it
//! makes of an answer, [`scope`] what expressions see of it; [`attempt`] gives it a connection and a deadline,
//! [`shared`] lends it one of the requests', [`program`] runs a program instead, [`task`] decides when the next one is due, [`state`] draws the
//! consequences (rise and fall are counted by `weir_balance::health`), [`agent`] those of what an agent said, and
//! [`report`] words them. Servers are dealt to workers by a hash of their names; a reload keeps the tasks whose checks stay the same.
//! Resting checks cost one timer each.

mod agent;
mod attempt;
mod errno;
mod expect;
mod h2;
mod http;
mod plan;
mod program;
mod report;
mod scope;
mod script;
mod shared;
mod state;
mod task;

pub(crate) use http::Response;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;

use crate::operator::servers;
use crate::runtime::{Health, Runtime, ServerRuntime};
use crate::snapshot::{self, Snapshot};
use crate::worker::Worker;
use plan::Plan;

pub(crate) use agent::agent_says;
pub(crate) use report::{Turn, say};
pub(crate) use state::{Serving, Sign, followers, note, note_availability, turn};

/// The checks that a worker runs.
#[derive(Default)]
pub(crate) struct Checks {
    running: HashMap<(*const ServerRuntime, Kind), Running>,
}

struct Running {
    site: Rc<Site>,
    task: AbortHandle,
}

/// Who is asked about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The server itself (`check`).
    Health,
    /// Its agent (`agent-check`).
    Agent,
}

/// A server that is kept under watch, as the newest snapshot has it.
pub(crate) struct Site {
    kind: Kind,
    at: RefCell<Place>,
    /// What is checked, and how; absent where the server only needs its slow start looked after.
    plan: RefCell<Option<Rc<Plan>>>,
    /// The plan was replaced: what is under way and what is scheduled counts no more.
    replanned: Cell<bool>,
}

/// Where a server stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) proxy: Arc<snapshot::Proxy>,
    pub(crate) server: Arc<snapshot::Server>,
}

// === impl Checks ===

impl Checks {
    /// Takes over a snapshot: starts, replaces and ends checks where it says something new.
    pub(crate) fn publish(&mut self, worker: &Rc<Worker>, snapshot: &Arc<Snapshot>) {
        let starts = Starts::of(snapshot);
        let room = snapshot.global.tune.max_checks;
        let room = Rc::new(Semaphore::new(if room == 0 { Semaphore::MAX_PERMITS } else { room as usize }));
        let mut old = std::mem::take(&mut self.running);
        let mut index = 0;
        for place in places(&worker.runtime, snapshot) {
            place.server.runtime.adopt(&place.server.conf, servers::is_dynamic(&place.proxy.conf));
            state::inherit(&place);
            for kind in [Kind::Health, Kind::Agent] {
                let checked = kind.is_asked(&place);
                let nth = index;
                index += u64::from(checked);
                let wanted = checked || kind == Kind::Health && place.server.conf.slowstart.is_some();
                if !wanted || worker_of(&place, worker.runtime.workers) != worker.id {
                    continue;
                }
                let key = (Arc::as_ptr(&place.server.runtime), kind);
                let running = match old.remove(&key) {
                    Some(running) => {
                        running.site.move_to(place.clone());
                        running
                    }
                    None => {
                        Running::start(worker, place.clone(), kind, &room, |inter| starts.delay(nth, inter))
                    }
                };
                self.running.insert(key, running);
            }
        }
        old.into_values().for_each(|gone| gone.task.abort());
    }
}

/// Every server of every backend that is not disabled, in the order of the file.
fn places(runtime: &Arc<Runtime>, snapshot: &Arc<Snapshot>) -> impl Iterator<Item = Place> {
    snapshot.proxies.iter().filter(|p| !p.conf.disabled).flat_map(move |proxy| {
        proxy.servers.iter().map(move |server| Place {
            runtime: runtime.clone(),
            snapshot: snapshot.clone(),
            proxy: proxy.clone(),
            server: server.clone(),
        })
    })
}

fn worker_of(place: &Place, workers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    (&place.proxy.conf.name, &place.server.conf.name).hash(&mut hasher);
    (hasher.finish() % workers.max(1) as u64) as usize
}

/// How first checks are spread, so that a start does not check everything in one moment.
struct Starts {
    count: u64,
    shortest: u64,
    most: Option<u64>,
}

// === impl Starts ===

impl Starts {
    fn of(snapshot: &Snapshot) -> Self {
        let servers = || snapshot.proxies.iter().flat_map(|p| &p.servers);
        let checks =
            || servers().filter_map(|s| s.conf.check.as_ref()).map(|c| c.fastinter.unwrap_or(c.inter));
        let agents = || servers().filter_map(|s| s.conf.agent.as_ref()).map(|a| a.inter);
        let intervals = checks().chain(agents()).map(|inter| inter.as_millis() as u64);
        Self {
            count: (checks().count() + agents().count()) as u64,
            shortest: intervals.filter(|i| *i >= SLOW).min().unwrap_or(0),
            most: snapshot.global.max_spread_checks.map(|d| d.as_millis() as u64),
        }
    }

    fn delay(&self, nth: u64, interval: u64) -> u64 {
        weir_balance::health::first_delay(nth, self.count, self.shortest.max(interval), self.most)
    }
}

// === impl Running ===

impl Running {
    fn start(
        worker: &Rc<Worker>,
        place: Place,
        kind: Kind,
        room: &Rc<Semaphore>,
        delay: impl Fn(u64) -> u64,
    ) -> Self {
        let plan = Plan::of(&place, kind).map(Rc::new);
        let first = plan.as_ref().map_or(0, |p| delay(p.intervals.fast.unwrap_or(p.intervals.inter)));
        let site = Rc::new(Site {
            kind,
            at: RefCell::new(place),
            plan: RefCell::new(plan),
            replanned: Cell::new(false),
        });
        let keep = task::keep(worker.clone(), site.clone(), room.clone(), Duration::from_millis(first));
        let task = tokio::task::spawn_local(keep).abort_handle();
        Self { site, task }
    }
}

// === impl Kind ===

impl Kind {
    fn is_asked(self, place: &Place) -> bool {
        match self {
            Self::Health => place.server.conf.check.is_some(),
            Self::Agent => place.server.conf.agent.is_some(),
        }
    }

    /// What wakes the task.
    fn nudge(self, server: &ServerRuntime) -> &Notify {
        match self {
            Self::Health => &server.nudge,
            Self::Agent => &server.agent_nudge,
        }
    }

    /// What was found.
    fn health(self, server: &ServerRuntime) -> &Mutex<Health> {
        match self {
            Self::Health => &server.health,
            Self::Agent => &server.agent,
        }
    }
}

// === impl Site ===

impl Site {
    /// The server as the newest snapshot has it.
    fn place(&self) -> Place {
        self.at.borrow().clone()
    }

    /// The server alone.
    fn server(&self) -> Arc<snapshot::Server> {
        self.at.borrow().server.clone()
    }

    fn move_to(&self, place: Place) {
        let plan = Plan::of(&place, self.kind);
        let same = match (&plan, self.plan.borrow().as_deref()) {
            (Some(new), Some(old)) => new.same_as(old),
            (None, None) => true,
            _ => false,
        };
        // What looks the same may count on numbers of the new configuration.
        *self.plan.borrow_mut() = plan.map(Rc::new);
        if !same {
            self.replanned.set(true);
            self.kind.nudge(&place.server.runtime).notify_one();
        }
        *self.at.borrow_mut() = place;
    }
}

/// Shorter intervals do not count where first checks are spread over the shortest one, in milliseconds.
const SLOW: u64 = 1000;
