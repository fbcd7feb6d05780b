//! A farm of 1,000 servers under up to a million requests, on a virtual clock and from a seed: servers fail and come back,
//! requests wait where all is full, and everything repeats to the byte.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that looks wrong places up fails")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use weir_balance::queue::{Place, Priority, Queues};
use weir_balance::weight::Effective;
use weir_balance::{Ask, Balancer, Load, Member, Plan, Scheme};

const SERVERS: usize = 1000;
const REQUESTS: u64 = 1_000_000;

/// What a run leaves behind.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// Requests that each server served.
    served: Vec<u64>,
    /// Of every choice, in order.
    digest: u64,
    /// Requests that waited.
    waited: u64,
}

/// What may happen besides requests.
#[derive(Clone, Copy)]
struct Weather {
    /// One request in so many brings a failure or a recovery; 0 for none.
    storms: u64,
    /// `maxconn` of each server; 0 for none.
    maxconn: u32,
    /// How long requests take, in ticks; one request comes per tick.
    time: u64,
    requests: u64,
}

struct Sim {
    balancer: Balancer,
    queues: Queues<u64>,
    load: Vec<Load>,
    /// Who leaves when: tick, server.
    leaving: BinaryHeap<Reverse<(u64, usize)>>,
    random: u64,
    outcome: Outcome,
    weather: Weather,
    /// The arrival of the last request called from the backend's queue.
    called: u64,
}

fn weight(server: usize) -> u16 {
    1 + (server % 5) as u16
}

impl Sim {
    fn new(scheme: Scheme, weather: Weather) -> Self {
        let members = (0..SERVERS).map(|s| Member::up(s as u32 + 1, weight(s))).collect();
        Self {
            balancer: Balancer::new(&Plan::of(scheme), members),
            queues: Queues::new(SERVERS),
            load: vec![Load { limit: weather.maxconn, ..Load::default() }; SERVERS],
            leaving: BinaryHeap::new(),
            random: 42,
            outcome: Outcome { served: vec![0; SERVERS], digest: 0, waited: 0 },
            weather,
            called: 0,
        }
    }

    fn random(&mut self) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random >> 33
    }

    fn serve(&mut self, server: usize, now: u64) {
        assert!(self.balancer.members()[server].in_farm(), "a server that is down got a request");
        let load = &mut self.load[server];
        load.sessions += 1;
        assert!(load.limit == 0 || load.sessions <= load.limit, "more than maxconn");
        self.balancer.note_load(server, *load);
        self.outcome.served[server] += 1;
        self.outcome.digest = self.outcome.digest.wrapping_mul(31).wrapping_add(server as u64 + 1);
        self.leaving.push(Reverse((now + self.weather.time, server)));
    }

    fn leave(&mut self, server: usize, now: u64) {
        self.load[server].sessions -= 1;
        self.balancer.note_load(server, self.load[server]);
        if !self.balancer.serves(server) {
            return;
        }
        if let Some(called) = self.queues.call(server, true, now) {
            assert!(called.token > self.called, "the queue was overtaken");
            self.called = called.token;
            self.serve(server, now);
        }
    }

    fn storm(&mut self, now: u64) {
        let server = self.random() as usize % SERVERS;
        let usable = !self.balancer.members()[server].usable;
        self.balancer.update(server, usable, Effective::full(weight(server)), self.load[server]);
        while usable && self.load[server].limit > self.load[server].sessions {
            let Some(called) = self.queues.call(server, true, now) else { break };
            self.called = called.token;
            self.serve(server, now);
        }
    }

    fn run(mut self) -> Outcome {
        for now in 1..=self.weather.requests {
            while let Some(Reverse((_, server))) =
                self.leaving.peek().copied().filter(|Reverse((at, _))| *at <= now)
            {
                self.leaving.pop();
                self.leave(server, now);
            }
            if self.weather.storms > 0 && self.random().is_multiple_of(self.weather.storms) {
                self.storm(now);
            }
            let hash = Some(self.random() as u32);
            // Those who wait go first.
            let free = self.queues.len(Place::Backend) == 0;
            let ask = Ask { hash, avoid: None };
            match free.then(|| self.balancer.pick(ask, &self.load)).flatten() {
                Some(server) => self.serve(server, now),
                None => {
                    self.outcome.waited += 1;
                    self.queues.push(Place::Backend, Priority::default(), now, None, now);
                }
            }
        }
        self.outcome
    }
}

fn run(scheme: Scheme, weather: Weather) -> Outcome {
    Sim::new(scheme, weather).run()
}

#[test]
fn requests_are_shared_out_by_weight_within_one_percent() {
    let calm = Weather { storms: 0, maxconn: 0, time: 500, requests: REQUESTS };
    for scheme in [Scheme::RoundRobin, Scheme::StaticRr] {
        let outcome = run(scheme, calm);
        let total: u64 = (0..SERVERS).map(|s| u64::from(weight(s))).sum();
        for (server, served) in outcome.served.iter().enumerate() {
            let fair = (REQUESTS * u64::from(weight(server))) as f64 / total as f64;
            assert!(
                (*served as f64 / fair - 1.0).abs() < 0.01,
                "{scheme:?}: server {server} served {served} of {fair}"
            );
        }
    }
}

#[test]
fn failures_and_full_servers_break_no_promise_and_repeat_to_the_byte() {
    let rough = Weather { storms: 500, maxconn: 2, time: 1990, requests: REQUESTS / 5 };
    for scheme in [Scheme::RoundRobin, Scheme::LeastConn] {
        let first = run(scheme, rough);
        assert!(first.waited > 1000, "{scheme:?} was never full: {}", first.waited);
        assert_eq!(first, run(scheme, rough), "{scheme:?}");
    }
}
