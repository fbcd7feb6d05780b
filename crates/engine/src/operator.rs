//! What an operator does to servers and backends while they run (management manual, 9.3 "set server").
//!
//! Each order changes the server's shared state, makes those that track it follow, tells the balancers, and says so
//! on standard error and to the logs. [`servers`] is about servers that come, go and move, [`words`] holds the lines.
//! Called by the runtime API, on its own thread.

pub mod amounts;
pub mod backends;
pub mod certificates;
pub mod servers;
pub mod state_file;
mod words;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_balance::health::agent::AgentAdmin;
use weir_balance::health::{Health as Counter, InitState, Shift};

use crate::check::{self, Place, Turn};
use crate::clock::{self, Tick};
use crate::conf::OnMarkedDown;
use crate::engine::Engine;
use crate::runtime::Admin;
use crate::snapshot::{Proxy, Server};

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
    /// Be checked, or not.
    Check(bool),
    /// As its agent would have it: up, or down (`agent up`).
    AgentSays(bool),
    /// Have its agent asked, or not.
    Ask(bool),
    /// Be spoken to over TLS, or in clear.
    Secure(bool),
    /// End all sessions.
    EndSessions,
}

/// Carries an order out.
pub fn order(engine: &Engine, proxy: &Arc<Proxy>, server: &Arc<Server>, order: Order) {
    clock::refresh();
    let place = place(engine, proxy, server);
    let state = &server.runtime;
    match order {
        Order::Ready => obey(&place, AgentAdmin::Ready),
        Order::Drain => obey(&place, AgentAdmin::Drain),
        Order::Maintain => obey(&place, AgentAdmin::Maint),
        Order::Up => judge(&place, Turn::Up),
        Order::Down => judge(&place, Turn::Down),
        Order::Stop => judge(&place, Turn::Stopping),
        Order::Weight(weight) => {
            state.weight.store(weight.min(256), Relaxed);
            proxy.farm.update(server.index);
            check::note_availability(&place);
        }
        Order::Maxconn(maxconn) => {
            state.maxconn.store(maxconn, Relaxed);
            proxy.farm.update(server.index);
        }
        Order::Check(checked) => {
            state.unchecked.store(!checked, Relaxed);
            state.nudge.notify_one();
        }
        Order::Secure(secured) => state.secured.store(secured, Relaxed),
        Order::AgentSays(up) => check::agent_says(&place, up),
        Order::Ask(asked) => {
            state.unasked.store(!asked, Relaxed);
            state.agent_nudge.notify_one();
        }
        Order::EndSessions => {
            state.generation.fetch_add(1, Relaxed);
            state.end_sessions();
            engine.wake();
        }
    }
}

fn place(engine: &Engine, proxy: &Arc<Proxy>, server: &Arc<Server>) -> Place {
    Place {
        runtime: engine.runtime().clone(),
        snapshot: engine.snapshot(),
        proxy: proxy.clone(),
        server: server.clone(),
    }
}

/// Puts a server into an administrative state, at the word of an operator or of its agent.
pub(crate) fn obey(place: &Place, asked: AgentAdmin) {
    match asked {
        AgentAdmin::Ready => {
            // One reason after the other, as each is told of by itself.
            administer(place, Admin::empty(), Admin::FORCED_MAINT | Admin::CONFIGURED_MAINT);
            administer(place, Admin::empty(), Admin::FORCED_DRAIN);
        }
        AgentAdmin::Drain => {
            let maintained =
                place.server.runtime.admin().intersects(Admin::FORCED_MAINT | Admin::CONFIGURED_MAINT);
            let clear = Admin::FORCED_MAINT | Admin::CONFIGURED_MAINT;
            administer(place, Admin::FORCED_DRAIN, if maintained { clear } else { Admin::empty() });
        }
        AgentAdmin::Maint => administer(place, Admin::FORCED_MAINT, Admin::FORCED_DRAIN),
    }
}

/// Sets and clears reasons to be kept from traffic, and hands them on to the servers that track this one.
fn administer(place: &Place, set: Admin, clear: Admin) {
    let (proxy, server) = (&place.proxy, &place.server);
    let state = &server.runtime;
    let change = words::Before { admin: state.admin(), up: state.is_up(), usable: state.is_usable() };
    state.set_admin(set, clear);
    let after = state.admin();
    if change.admin == after {
        return;
    }
    let left = change.admin.intersects(Admin::MAINT) && !after.intersects(Admin::MAINT);
    if left {
        come_back(place);
    }
    let was_down = !change.up || change.admin.intersects(Admin::MAINT);
    let differs = |what: Admin| change.admin.intersects(what) != after.intersects(what);
    // What is down stays as it is.
    if left || !was_down && (differs(Admin::MAINT) || differs(Admin::DRAIN)) {
        let now = clock::now();
        let since = Tick(state.changed.swap(now.0, Relaxed));
        if was_down {
            state.health.lock().down_millis += now.millis_since(since).unsigned_abs();
        }
    }
    let moved = proxy.farm.update(server.index);
    let entered = !change.admin.intersects(Admin::MAINT) && after.intersects(Admin::MAINT);
    if entered && change.up {
        state.health.lock().downs += 1;
    }
    if entered && server.conf.on_marked_down == Some(OnMarkedDown::ShutdownSessions) {
        state.end_sessions();
    }
    words::administered(place, change, moved);
    check::note_availability(place);
    let inherit = |from: Admin, to: Admin| {
        if after.intersects(from) { (to, Admin::empty()) } else { (Admin::empty(), to) }
    };
    let maintenance = inherit(Admin::MAINT, Admin::INHERITED_MAINT);
    let drain = inherit(Admin::DRAIN, Admin::INHERITED_DRAIN);
    for follower in check::followers(place) {
        administer(&follower, maintenance.0 | drain.0, maintenance.1 | drain.1);
    }
}

/// Out of maintenance a server is up, or as its `init-state` says, and down at the first failed check; one that follows another is what that is.
fn come_back(place: &Place) {
    let state = &place.server.runtime;
    if let Some(name) = place.server.conf.track.as_deref() {
        let (proxy, server) = name.split_once('/').unwrap_or((&place.proxy.conf.name, name));
        let leader = place.snapshot.backend(proxy).and_then(|p| p.server_named(server));
        state.up.store(leader.is_none_or(|l| l.runtime.is_up()), Relaxed);
    }
    if place.server.conf.track.is_none() {
        let mut health = state.health.lock();
        let (rise, fall) = (health.counter.rise(), health.counter.fall());
        health.counter = match place.server.conf.init_state {
            // Nothing judges it.
            _ if state.unchecked.load(Relaxed) => Counter::new(rise, fall, InitState::None),
            Some(init) => Counter::new(rise, fall, init.into()),
            None => Counter::restored(rise, fall, rise),
        };
        let is_up = health.counter.is_up();
        drop(health);
        state.stopping.store(false, Relaxed);
        state.up.store(is_up && state.agent.lock().counter.is_up(), Relaxed);
    }
    if state.is_up() {
        state.warm_up(clock::now());
    }
}

/// Makes the server as checks would have found it.
fn judge(place: &Place, to: Turn) {
    let state = &place.server.runtime;
    let (was_up, was_stopping) = (state.is_up(), state.stopping.load(Relaxed));
    let checked = !state.unchecked.load(Relaxed);
    let mut health = state.health.lock();
    let _ = match to {
        Turn::Down if checked => health.counter.mark_down(),
        Turn::Down => Shift::None,
        Turn::Up | Turn::Stopping => health.counter.mark_up(),
    };
    drop(health);
    let news = match to {
        Turn::Down => was_up,
        Turn::Up => !was_up || was_stopping,
        Turn::Stopping => !was_stopping,
    };
    if news && !state.admin().intersects(Admin::MAINT) {
        check::turn(place, to, ", changed from CLI");
    }
}
