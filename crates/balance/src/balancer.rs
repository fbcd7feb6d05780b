//! One backend's balancing: an algorithm over the group of servers that takes traffic.
//!
//! The engine owns one [`Balancer`] per backend under a short lock, tells it of every change of a
//! server's weight or fitness (and, for `leastconn`, of its load), and asks it for a server where
//! neither persistence nor `use-server` has decided.

use crate::farm::{Farm, Load, Member};
use crate::first::First;
use crate::group::Group;
use crate::leastconn::LeastConn;
use crate::map::Map;
use crate::ring::{Affinity, Ring, Rules};
use crate::roundrobin::RoundRobin;
use crate::sticky::Sticky;
use crate::weight::Effective;

/// `balance` and `hash-type`, reduced to how a server is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `roundrobin`.
    RoundRobin,
    /// `static-rr`.
    StaticRr,
    /// `leastconn`.
    LeastConn,
    /// `first`.
    First,
    /// Any hash with `hash-type map-based`; without a key, turns over the map.
    MapHash,
    /// Any hash with `hash-type consistent`; without a key, turns over the ring.
    RingHash,
    /// `random(draws)`, and the default with 2 draws.
    Random {
        /// Draws before the least loaded is taken; 1 or more.
        draws: u32,
    },
    /// `sticky`.
    Sticky,
}

/// What a backend's configuration says about balancing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How a server is found.
    pub scheme: Scheme,
    /// `option allbackups`.
    pub all_backups: bool,
    /// `hash-balance-factor` in percent, 0 for none.
    pub balance_factor: u32,
    /// `hash-preserve-affinity`.
    pub affinity: Affinity,
    /// Seed of `random`.
    pub seed: u64,
}

/// What is known of the request that asks for a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Hash of the request's key, where the algorithm has one and the request too.
    pub hash: Option<u32>,
    /// The server that just failed this request: taken only where no other can be.
    pub avoid: Option<usize>,
}

/// The balancing state of one backend.
#[derive(Clone, Debug)]
pub struct Balancer {
    members: Vec<Member>,
    group: Group,
    all_backups: bool,
    rules: Rules,
    random: u64,
    method: Method,
}

#[derive(Clone, Debug)]
enum Method {
    /// Turns of the active servers, and of the backups.
    RoundRobin(Box<[RoundRobin; 2]>),
    StaticRr(Map),
    LeastConn(LeastConn),
    First(First),
    MapHash(Map),
    RingHash(Ring),
    Random {
        ring: Ring,
        draws: u32,
    },
    Sticky(Sticky),
}

// === impl Plan ===

impl Plan {
    /// A scheme with nothing else said.
    pub fn of(scheme: Scheme) -> Self {
        Self { scheme, all_backups: false, balance_factor: 0, affinity: Affinity::Always, seed: 1 }
    }
}

// === impl Balancer ===

impl Balancer {
    /// A balancer over `members`, in the order of the configuration.
    pub fn new(plan: &Plan, members: Vec<Member>) -> Self {
        let group = Group::of(&members, plan.all_backups);
        let count = members.len();
        let method = match plan.scheme {
            Scheme::RoundRobin => {
                Method::RoundRobin(Box::new([RoundRobin::new(count), RoundRobin::new(count)]))
            }
            Scheme::StaticRr => Method::StaticRr(Map::new(&members, group)),
            Scheme::LeastConn => Method::LeastConn(LeastConn::new(count)),
            Scheme::First => Method::First(First::new(&members)),
            Scheme::MapHash => Method::MapHash(Map::new(&members, group)),
            Scheme::RingHash => Method::RingHash(Ring::new(&members)),
            Scheme::Random { draws } => Method::Random { ring: Ring::new(&members), draws: draws.max(1) },
            Scheme::Sticky => Method::Sticky(Sticky::new(count)),
        };
        let rules = Rules { balance_factor: plan.balance_factor, affinity: plan.affinity };
        let random = plan.seed | 1;
        let mut this = Self { members, group, all_backups: plan.all_backups, rules, random, method };
        this.apply(None);
        this
    }

    /// The server for a request, or `None` when the request must wait or be refused: all servers
    /// are full, or none is in (see [`Balancer::is_empty`]). A hash may name a server that is full.
    pub fn pick<F: Farm + ?Sized>(&mut self, ask: Ask, farm: &F) -> Option<usize> {
        let rules = self.rules;
        match &mut self.method {
            Method::RoundRobin(turns) => {
                let [active, backups] = &mut **turns;
                match self.group {
                    Group::Active => active.pick(ask.avoid, farm),
                    Group::AllBackups => backups.pick(ask.avoid, farm),
                    Group::OneBackup(server) => farm.load(server).has_room().then_some(server),
                    Group::Nobody => None,
                }
            }
            Method::StaticRr(map) => map.next(ask.avoid, farm),
            Method::LeastConn(order) => order.pick(ask.avoid, farm),
            Method::First(first) => first.pick(ask.avoid, farm),
            Method::MapHash(map) => match ask.hash {
                Some(hash) => map.by_hash(hash),
                None => map.next(ask.avoid, farm),
            },
            Method::RingHash(ring) => match ask.hash {
                Some(hash) => ring.by_hash(hash, rules, ask.avoid, farm),
                None => ring.next(ask.avoid, farm),
            },
            // All draws would find the only one.
            Method::Random { .. } if self.members.len() == 1 => {
                (self.group != Group::Nobody && farm.load(0).has_room()).then_some(0)
            }
            Method::Random { ring, draws } => {
                let mut best: Option<(usize, Load, u32)> = None;
                for _ in 0..*draws {
                    let hash = next_random(&mut self.random);
                    let Some(server) = ring.by_hash(hash, rules, ask.avoid, farm) else { break };
                    let (load, units) = (farm.load(server), ring.weight(server));
                    if best.is_none_or(|(_, least, least_units)| is_lighter(load, units, least, least_units))
                    {
                        best = Some((server, load, units));
                    }
                }
                best.filter(|(_, load, _)| load.has_room()).map(|(server, ..)| server)
            }
            Method::Sticky(line) => line.pick(),
        }
    }

    /// Tells of a server's fitness and weight: usable means up, ready and not draining.
    /// Seldom called, and O(n) at most (the map of a static algorithm: O(n × weights)).
    pub fn update(&mut self, server: usize, usable: bool, effective: Effective, load: Load) {
        let Some(member) = self.members.get_mut(server) else { return };
        if (member.usable, member.effective) == (usable, effective) {
            return;
        }
        let was_in = member.in_farm();
        (member.usable, member.effective) = (usable, effective);
        let moved = was_in != member.in_farm();
        let group = Group::of(&self.members, self.all_backups);
        let regrouped = group != self.group;
        self.group = group;
        if !moved && !regrouped && matches!(self.method, Method::StaticRr(_) | Method::MapHash(_)) {
            return;
        }
        self.apply(Some((server, load)));
    }

    /// Gives a server the seat at `server`, which is new or was left.
    pub fn seat(&mut self, server: usize, member: Member) {
        while self.members.len() <= server {
            self.members.push(Member::gone());
        }
        if let Some(seat) = self.members.get_mut(server) {
            *seat = member;
        }
        self.rearrange();
    }

    /// Takes a server away; its number may be given to another.
    pub fn leave(&mut self, server: usize) {
        if let Some(seat) = self.members.get_mut(server) {
            *seat = Member::gone();
            self.rearrange();
        }
    }

    /// Tells that sessions or queue of a server have changed; only `leastconn` listens.
    pub fn note_load(&mut self, server: usize, load: Load) {
        if let Method::LeastConn(order) = &mut self.method {
            order.note_load(server, load);
        }
    }

    /// Whether [`Balancer::note_load`] is of any use, so that the engine may spare the lock.
    pub fn wants_load(&self) -> bool {
        matches!(self.method, Method::LeastConn(_))
    }

    /// Whether the algorithm is free to choose among several servers, as a redispatch at once asks
    /// (see [`crate::retry::Attempt::others`]).
    pub fn has_choice(&self) -> bool {
        let hashed = matches!(self.method, Method::MapHash(_) | Method::RingHash(_));
        !hashed && self.members.iter().filter(|member| !member.backup && member.in_farm()).nth(1).is_some()
    }

    /// Whether no server is in: `503` without waiting.
    pub fn is_empty(&self) -> bool {
        self.group == Group::Nobody
    }

    /// Whether a server takes new traffic now: for a backup, that its turn has come.
    pub fn serves(&self, server: usize) -> bool {
        is_chosen(self.group, server, &self.members)
    }

    /// The servers as last told.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Makes the algorithm know servers that have come or gone. Seldom called.
    fn rearrange(&mut self) {
        self.group = Group::of(&self.members, self.all_backups);
        let (members, count) = (&self.members, self.members.len());
        match &mut self.method {
            Method::RoundRobin(turns) => turns.iter_mut().for_each(|turns| turns.resize(count)),
            Method::StaticRr(map) | Method::MapHash(map) => map.reduce(members),
            Method::LeastConn(order) => order.resize(count),
            Method::First(first) => first.arrange(members),
            Method::RingHash(ring) | Method::Random { ring, .. } => ring.arrange(members),
            Method::Sticky(_) => {}
        }
        self.apply(None);
    }

    /// Hands the weights of the group to the algorithm.
    fn apply(&mut self, changed: Option<(usize, Load)>) {
        let (group, members) = (self.group, &self.members);
        let units = |server: usize, member: &Member| {
            if group.has(server, member) { member.effective.units() } else { 0 }
        };
        let each = members.iter().enumerate();
        match &mut self.method {
            Method::RoundRobin(turns) => {
                let [active, backups] = &mut **turns;
                each.for_each(|(server, member)| {
                    let units = if member.in_farm() { member.effective.units() } else { 0 };
                    let turns = if member.backup { &mut *backups } else { &mut *active };
                    turns.set_weight(server, units);
                });
            }
            Method::StaticRr(map) | Method::MapHash(map) => map.rebuild(members, group),
            Method::LeastConn(order) => each.for_each(|(server, member)| {
                let load = changed.filter(|(other, _)| *other == server).map(|(_, load)| load);
                order.set_weight(server, units(server, member), load.unwrap_or_default());
            }),
            Method::First(first) => {
                each.for_each(|(server, member)| first.set_chosen(server, units(server, member) > 0));
            }
            Method::RingHash(ring) | Method::Random { ring, .. } => {
                ring.set_weights(each.map(|(server, member)| units(server, member)));
            }
            Method::Sticky(line) => {
                each.for_each(|(server, member)| line.set_chosen(server, units(server, member) > 0));
            }
        }
    }
}

fn is_chosen(group: Group, server: usize, members: &[Member]) -> bool {
    members.get(server).is_some_and(|member| group.has(server, member))
}

/// Whether a draw beats the best so far: load over weight, then requests of the last second.
fn is_lighter(load: Load, units: u32, least: Load, least_units: u32) -> bool {
    let scaled = |load: u32, units: u32| u64::from(load) * u64::from(units);
    let busy = |load: Load| load.sessions.saturating_add(load.queued);
    let (this, that) = (scaled(busy(load), least_units), scaled(busy(least), units));
    this < that || (this == that && scaled(load.rate, least_units) < scaled(least.rate, units))
}

/// The next number of a xorshift generator.
fn next_random(state: &mut u64) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
}

#[cfg(test)]
mod tests;
