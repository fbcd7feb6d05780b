//! The last hour of frontends and backends, a point every ten seconds.
//!
//! A thread takes the points. It sleeps in between and ends with the world. Memory is bounded by [`POINTS`] and
//! [`OBJECTS`].

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use weir_engine::clock;
use weir_engine::runtime::{Counters, Distribution, Phase};

use crate::latency::{self, Kind};
use crate::totals::Totals;
use crate::world::World;

/// What is kept, by `frontend NAME`, `backend NAME`, and [`ALL`] for all frontends together.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<HashMap<String, Track>>);

/// The points of an object, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    pub(super) points: VecDeque<Point>,
    /// What was counted so far, to tell what came since.
    before: Option<Sums>,
}

/// What happened in one step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    /// Its end, in seconds since 1970.
    pub(super) at: u64,
    /// Requests, or sessions of `mode tcp`, a second.
    pub(super) rate: f64,
    pub(super) sessions: u64,
    /// Answers that were 5xx, and connections and answers that failed, a second.
    pub(super) errors: f64,
    /// Median, 95 and 99 % of the total time, in milliseconds.
    pub(super) latency: [Option<f64>; 3],
}

#[derive(Clone, Debug, Default)]
struct Sums {
    requests: u64,
    errors: u64,
    sessions: u64,
    total: Distribution,
}

/// All frontends together.
pub(super) const ALL: &str = "all frontends";

/// Takes points for as long as the world is there.
pub(super) fn follow(world: Weak<World>, history: Arc<History>) {
    let thread = std::thread::Builder::new().name("history".into());
    // Without the thread there are no charts, and nothing else is missing.
    let _ = thread.spawn(move || {
        while let Some(world) = world.upgrade() {
            history.take(&world);
            drop(world);
            std::thread::sleep(STEP);
        }
    });
}

// === impl History ===

impl History {
    /// What is kept of an object.
    pub(super) fn of(&self, object: &str) -> Track {
        self.0.lock().get(object).cloned().unwrap_or_default()
    }

    /// Takes a point of every object; forgets those that went.
    fn take(&self, world: &World) {
        clock::refresh();
        let at = clock::wall() / 1_000_000;
        let snapshot = world.engine.snapshot();
        let mut sums: HashMap<String, Sums> = HashMap::from([(ALL.to_owned(), Sums::default())]);
        for object in latency::objects(&snapshot) {
            let one = Sums::of(&object);
            let name = match object.kind {
                Kind::Frontend => {
                    if let Some(all) = sums.get_mut(ALL) {
                        all.add(&one);
                    }
                    format!("frontend {}", object.proxy)
                }
                Kind::Backend => format!("backend {}", object.proxy),
                Kind::Server => continue,
            };
            if sums.len() < OBJECTS {
                sums.insert(name, one);
            }
        }
        let mut tracks = self.0.lock();
        tracks.retain(|name, _| sums.contains_key(name));
        for (name, sums) in sums {
            tracks.entry(name).or_default().add(at, sums);
        }
    }
}

// === impl Track ===

impl Track {
    fn add(&mut self, at: u64, sums: Sums) {
        if let Some(before) = self.before.replace(sums.clone()) {
            let seconds = STEP.as_secs_f64();
            let told = sums.total.since(&before.total);
            let millis = |share| told.quantile(share).map(|micros| micros as f64 / 1000.0);
            self.points.push_back(Point {
                at,
                rate: sums.requests.saturating_sub(before.requests) as f64 / seconds,
                sessions: sums.sessions,
                errors: sums.errors.saturating_sub(before.errors) as f64 / seconds,
                latency: [0.5, 0.95, 0.99].map(millis),
            });
        }
        if self.points.len() > POINTS {
            self.points.pop_front();
        }
    }
}

// === impl Sums ===

impl Sums {
    fn of(object: &latency::Object<'_>) -> Self {
        let counters: &[Counters] = object.counters();
        let totals = Totals::of(counters);
        let [.., broken, _] = totals.responses;
        Self {
            requests: totals.requests.max(totals.sessions),
            errors: broken + totals.failed_connections + totals.failed_responses,
            sessions: object.sessions().into(),
            total: object.told(Phase::Total),
        }
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.sessions += other.sessions;
        self.total.add(&other.total);
    }
}

const STEP: Duration = Duration::from_secs(10);
/// An hour.
const POINTS: usize = 360;
/// More than a person would look through.
const OBJECTS: usize = 200;
