//! What an operator does to servers while they run (management manual, 9.3 "set server").
//!
//! Each order changes the server's shared state, makes those that track it follow, and tells the balancers.
//! Called by the runtime API, on its own thread.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_balance::health::Health as Counter;

use crate::clock;
use crate::runtime::Admin;
use crate::snapshot::{Proxy, Server, Snapshot};

/// An order about one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Take traffic again (`state ready`).
    Ready,
    /// Take no new clients (`state drain`).
    Drain,
    /// Take no traffic, and no checks either (`state maint`).
    Maintain,
    /// Be up, whatever checks found (`health up`).
    Up,
    /// Be down (`health down`).
    Down,
    /// Be up, and take no new clients (`health stopping`).
    Stop,
    /// This weight, 0 to 256.
    Weight(u32),
    /// So many requests at once; 0 for no limit.
    Maxconn(u32),
}

/// Carries an order out.
pub fn order(snapshot: &Snapshot, proxy: &Proxy, server: &Server, order: Order) {
    match order {
        Order::Ready => {
            administer(
                snapshot,
                proxy,
                server,
                (Admin::empty(), Admin::FORCED_MAINT | Admin::CONFIGURED_MAINT | Admin::FORCED_DRAIN),
            );
        }
        Order::Drain => {
            let clear = Admin::FORCED_MAINT | Admin::CONFIGURED_MAINT;
            administer(snapshot, proxy, server, (Admin::FORCED_DRAIN, clear));
        }
        Order::Maintain => {
            administer(snapshot, proxy, server, (Admin::FORCED_MAINT, Admin::FORCED_DRAIN));
        }
        Order::Up => judge(snapshot, proxy, server, true, false),
        Order::Down => judge(snapshot, proxy, server, false, false),
        Order::Stop => judge(snapshot, proxy, server, true, true),
        Order::Weight(weight) => {
            server.runtime.weight.store(weight.min(256), Relaxed);
            proxy.farm.update(server.index);
        }
        Order::Maxconn(maxconn) => {
            server.runtime.maxconn.store(maxconn, Relaxed);
            proxy.farm.update(server.index);
        }
    }
}

/// Sets and clears reasons to be kept from traffic, and hands them on to the servers that track this one.
fn administer(snapshot: &Snapshot, proxy: &Proxy, server: &Server, (set, clear): (Admin, Admin)) {
    let state = &server.runtime;
    let before = state.set_admin(set, clear);
    let after = state.admin();
    if before == after {
        return;
    }
    if before.intersects(Admin::MAINT) && !after.intersects(Admin::MAINT) && server.conf.check.is_some() {
        // Out of maintenance it is taken to be up, and goes down at the first failed check.
        let mut health = state.health.lock();
        let (rise, fall) = (health.counter.rise(), health.counter.fall());
        health.counter = Counter::restored(rise, fall, rise);
        state.up.store(true, Relaxed);
    }
    if before.intersects(Admin::MAINT) != after.intersects(Admin::MAINT)
        || before.intersects(Admin::DRAIN) != after.intersects(Admin::DRAIN)
    {
        state.changed.store(clock::now().0, Relaxed);
    }
    proxy.farm.update(server.index);
    note_availability(proxy);
    let inherit = |from: Admin, to: Admin| {
        if after.intersects(from) { (to, Admin::empty()) } else { (Admin::empty(), to) }
    };
    let maintenance = inherit(Admin::MAINT, Admin::INHERITED_MAINT);
    let drain = inherit(Admin::DRAIN, Admin::INHERITED_DRAIN);
    for (proxy, follower) in followers(snapshot, proxy, server) {
        administer(snapshot, &proxy, &follower, (maintenance.0 | drain.0, maintenance.1 | drain.1));
    }
}

/// Notes whether the backend has a server left.
fn note_availability(proxy: &Proxy) {
    let now = clock::now();
    let left = proxy.servers.iter().any(|s| s.runtime.is_usable());
    let mut availability = proxy.runtime.availability.lock();
    if left {
        availability.up(now);
    } else {
        availability.down(now);
    }
}

/// Makes the server as checks would have found it.
fn judge(snapshot: &Snapshot, proxy: &Proxy, server: &Server, up: bool, stopping: bool) {
    let state = &server.runtime;
    let was_up = state.up.swap(up, Relaxed);
    let was_stopping = state.stopping.swap(stopping, Relaxed);
    if was_up == up && was_stopping == stopping {
        return;
    }
    let now = clock::now();
    let since = state.changed.swap(now.0, Relaxed);
    let mut health = state.health.lock();
    match (was_up, up) {
        (true, false) => {
            health.counter.mark_down();
            health.downs += 1;
        }
        (false, true) => health.down_millis += now.0.saturating_sub(since) / 1000,
        _ => {}
    }
    if up {
        health.counter.mark_up();
    }
    drop(health);
    proxy.farm.update(server.index);
    note_availability(proxy);
    for (proxy, follower) in followers(snapshot, proxy, server) {
        judge(snapshot, &proxy, &follower, up, stopping);
    }
}

/// The servers that track this one.
fn followers(snapshot: &Snapshot, proxy: &Proxy, server: &Server) -> Vec<(Arc<Proxy>, Arc<Server>)> {
    let tracks = |p: &Proxy, s: &Server| {
        let Some(name) = s.conf.track.as_deref() else { return false };
        let (backend, name) = name.split_once('/').unwrap_or((&p.conf.name, name));
        backend == proxy.conf.name && name == server.conf.name
    };
    let backends = snapshot.proxies.iter().filter(|p| p.conf.is_backend());
    let of = |p: &Arc<Proxy>| {
        let found = p.servers.iter().filter(|s| tracks(p, s));
        found.map(|s| (p.clone(), s.clone())).collect::<Vec<_>>()
    };
    backends.flat_map(of).collect()
}
