//! What it costs to pick a server: every algorithm among 10, 1,000 and 10,000 servers, in nanoseconds of the clock.
//!
//! `cargo run --release -p weir-balance --example figures`. Each pick is that of another request: keys differ, and for
//! `leastconn` the load is told as the engine tells it, a session that begins and one that ends for each pick.

#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::hint::black_box;
use std::time::Instant;

use weir_balance::{Ask, Balancer, Farm, Load, Member, Plan, Scheme};

/// Servers whose sessions are added up elsewhere, as the engine does.
struct Idle(Vec<Load>);

fn main() {
    println!("{:<24}{:>10}{:>10}{:>10}", "ns per pick among", SIZES[0], SIZES[1], SIZES[2]);
    for (name, scheme, factor) in SCHEMES {
        let mut plan = Plan::of(scheme);
        plan.balance_factor = factor;
        let times = SIZES.map(|servers| format!("{:>10.0}", nanos(&plan, servers)));
        println!("{name:<24}{}", times.concat());
    }
}

/// The best of some rounds, as what else the machine does only adds.
fn nanos(plan: &Plan, servers: usize) -> f64 {
    let members = (0..servers).map(|s| Member::up(s as u32 + 1, 1 + (s % 5) as u16)).collect();
    let mut balancer = Balancer::new(plan, members);
    let mut load = Idle(vec![Load::default(); servers]);
    (0..ROUNDS).map(|_| round(&mut balancer, &mut load)).fold(f64::INFINITY, f64::min)
}

fn round(balancer: &mut Balancer, load: &mut Idle) -> f64 {
    let mut key = 1u32;
    let mut last = None;
    let begun = Instant::now();
    for _ in 0..PICKS {
        key = key.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let picked = balancer.pick(Ask { hash: Some(key), avoid: None }, black_box(&*load));
        let Some(server) = black_box(picked) else { continue };
        if balancer.wants_load() {
            note(balancer, load, server, 1);
            if let Some(before) = last.replace(server) {
                note(balancer, load, before, -1);
            }
        }
    }
    let taken = begun.elapsed();
    if let Some(server) = last {
        note(balancer, load, server, -1);
    }
    taken.as_nanos() as f64 / f64::from(PICKS)
}

// === impl Idle ===

impl Farm for Idle {
    fn load(&self, server: usize) -> Load {
        self.0.load(server)
    }

    fn sessions(&self) -> u32 {
        1
    }
}

/// A session begins or ends.
fn note(balancer: &mut Balancer, load: &mut Idle, server: usize, by: i32) {
    if let Some(load) = load.0.get_mut(server) {
        load.sessions = load.sessions.saturating_add_signed(by);
        balancer.note_load(server, *load);
    }
}

const SIZES: [usize; 3] = [10, 1000, 10_000];
const PICKS: u32 = 200_000;
const ROUNDS: usize = 5;

/// Name, scheme, `hash-balance-factor`.
const SCHEMES: [(&str, Scheme, u32); 9] = [
    ("roundrobin", Scheme::RoundRobin, 0),
    ("static-rr", Scheme::StaticRr, 0),
    ("leastconn", Scheme::LeastConn, 0),
    ("first", Scheme::First, 0),
    ("hash, map-based", Scheme::MapHash, 0),
    ("hash, consistent", Scheme::RingHash, 0),
    ("the same, factor 150", Scheme::RingHash, 150),
    ("random(2)", Scheme::Random { draws: 2 }, 0),
    ("sticky", Scheme::Sticky, 0),
];
