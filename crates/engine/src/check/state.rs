//! What follows from checks and from live traffic: servers go down, come up or stop taking new clients, those
//! that track them follow, and everybody is told (manual, 5.2 "rise", "fall", "track", "observe", "on-error").

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_balance::health::{CheckStatus, Consequence, ObservedEvent, Shift, Verdict};

use super::report::{self, Turn};
use super::script::Outcome;
use super::{Kind, Place};
use crate::clock::{self, Tick};
use crate::conf::{OnMarkedDown, Options};
use crate::local;
use crate::runtime::{Admin, Health};
use crate::snapshot::{Proxy, Server};
use crate::worker::Worker;

/// Takes the outcome of a check in.
pub(super) fn settle(place: &Place, outcome: Outcome, millis: u64) {
    let rt = &place.server.runtime;
    let verdict = outcome.status.verdict();
    let mut health = rt.health.lock();
    let before = (health.status, health.counter.count());
    let shift = match verdict {
        Verdict::Failed => fail(&mut health),
        Verdict::Unknown => Shift::None,
        Verdict::Passed | Verdict::ConditionallyPassed => health.counter.passed(),
    };
    health.under_way = false;
    health.status = Some(outcome.status);
    health.code = outcome.code;
    health.message = outcome.message;
    health.duration = millis;
    let news = before != (health.status, health.counter.count());
    if place.proxy.conf.options.contains(Options::LOG_HEALTH_CHECKS) && news {
        report::checked(place, Kind::Health, &health);
    }
    let reason = reason(place, &health);
    let risen = health.counter.count() >= health.counter.rise();
    drop(health);
    if rt.admin().intersects(Admin::MAINT) {
        return;
    }
    let stopping = rt.stopping.load(Relaxed);
    match (shift, verdict) {
        (Shift::Down, _) if rt.is_up() => turn(place, Turn::Down, &reason),
        // An agent may hold it down.
        (Shift::Up, _) if rt.is_held_up() => turn(place, Turn::Up, &reason),
        _ if !rt.up.load(Relaxed) => {}
        (_, Verdict::ConditionallyPassed) if !stopping && risen => turn(place, Turn::Stopping, &reason),
        (_, Verdict::Passed) if stopping => turn(place, Turn::Up, &reason),
        _ => {}
    }
}

/// Counts a failure.
fn fail(health: &mut Health) -> Shift {
    if health.counter.count() >= health.counter.rise() {
        health.failures += 1;
    }
    health.counter.failed()
}

/// What a change of state gives as its reason; with every check logged, the log tells it already.
pub(super) fn reason(place: &Place, health: &Health) -> String {
    let logged = place.proxy.conf.options.contains(Options::LOG_HEALTH_CHECKS);
    if logged { String::new() } else { report::reason(health) }
}

/// What live traffic shows of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It took a connection.
    Connected,
    /// It took none.
    Unreachable,
    /// It answered with this status.
    Status(u16),
    /// It closed instead of an answer.
    Broken,
    /// Its answer made no sense.
    Junk,
    /// Its answer did not come in time.
    Late,
}

/// What live traffic says about a server, where `observe` asks for it. Cheap where it does not.
pub(crate) fn note(worker: &Worker, proxy: &local::Proxy, server: &local::Server, sign: Sign) {
    let Some(layer) = server.conf().observe else { return };
    let event = match sign {
        Sign::Connected if layer == 4 => ObservedEvent::Connected,
        Sign::Unreachable => ObservedEvent::ConnectFailed,
        Sign::Status(code) if layer == 7 => ObservedEvent::Status(code),
        Sign::Broken | Sign::Junk | Sign::Late if layer == 7 => ObservedEvent::NoResponse,
        _ => return,
    };
    let rt = &server.shared.runtime;
    let mut health = rt.health.lock();
    let health_now = &mut *health;
    let consequence = health_now.observer.note(event, &mut health_now.counter);
    if consequence == Consequence::None {
        return;
    }
    health.observed += 1;
    if consequence != Consequence::FastChecks {
        health.failures += 1;
        health.status = Some(CheckStatus::Observed);
        health.code = None;
        health.duration = 0;
        let limit = server.conf().error_limit;
        let last = report::observed(sign);
        health.message = format!("Detected {limit} consecutive errors, last one was: {last}");
    }
    rt.hurry.store(true, Relaxed);
    rt.nudge.notify_one();
    let place = Place {
        runtime: worker.runtime.clone(),
        snapshot: worker.view().snapshot.clone(),
        proxy: proxy.shared.clone(),
        server: server.shared.clone(),
    };
    let text = reason(&place, &health);
    // A session that was answered is as good as over.
    let ended = u32::from(sign != Sign::Unreachable);
    drop(health);
    if consequence == Consequence::Counted(Shift::Down) && !rt.admin().intersects(Admin::MAINT) {
        turn_for(&place, Turn::Down, &Reason { text: &text, ended });
    }
}

/// Why a server changes its state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reason<'a> {
    /// What is said of it.
    pub(super) text: &'a str,
    /// Sessions on it that are as good as over.
    pub(super) ended: u32,
}

/// Makes a server go down, come up or stop, and those that track it with it.
pub(crate) fn turn(place: &Place, to: Turn, reason: &str) {
    turn_for(place, to, &Reason { text: reason, ended: 0 });
}

fn turn_for(place: &Place, to: Turn, reason: &Reason<'_>) {
    apply(place, to, reason);
    for follower in followers(place) {
        if !follower.server.runtime.admin().intersects(Admin::MAINT) {
            let via = format!(" via {}/{}", place.proxy.conf.name, place.server.conf.name);
            turn(&follower, to, &via);
        }
    }
}

fn apply(place: &Place, to: Turn, reason: &Reason<'_>) {
    let rt = &place.server.runtime;
    let now = clock::now();
    let before = Serving::of(&place.proxy);
    let was_up = rt.up.swap(to != Turn::Down, Relaxed);
    rt.stopping.store(to == Turn::Stopping, Relaxed);
    let since = Tick(rt.changed.swap(now.0, Relaxed));
    match to {
        Turn::Down => rt.health.lock().downs += 1,
        Turn::Up | Turn::Stopping if !was_up => {
            rt.health.lock().down_millis += now.millis_since(since).unsigned_abs();
        }
        Turn::Up | Turn::Stopping => {}
    }
    if to == Turn::Up && !was_up {
        rt.warm_up(now);
    }
    let moved = place.proxy.farm.update(place.server.index);
    let after = Serving::of(&place.proxy);
    if to == Turn::Down && place.server.conf.on_marked_down == Some(OnMarkedDown::ShutdownSessions) {
        rt.end_sessions();
    }
    if to == Turn::Up && place.server.conf.on_marked_up_shutdown_backup {
        for backup in place.proxy.servers.iter().filter(|s| s.conf.backup) {
            backup.runtime.end_sessions();
        }
    }
    report::turned(place, to, reason, after, moved);
    let availability = &place.proxy.runtime.availability;
    match (before.any(), after.any()) {
        (_, true) => availability.lock().up(now),
        (true, false) => {
            if availability.lock().down(now) {
                report::nobody(place);
            }
        }
        (false, false) => {}
    }
}

/// Notes whether the backend has a server left, and says so when the last one went.
pub(crate) fn note_availability(place: &Place) {
    let now = clock::now();
    let availability = &place.proxy.runtime.availability;
    if Serving::of(&place.proxy).any() {
        availability.lock().up(now);
    } else if availability.lock().down(now) {
        report::nobody(place);
    }
}

/// A server that tracks another is as that one is; one that nobody checks any more is up.
pub(super) fn inherit(place: &Place) {
    if place.server.conf.check.is_some() || place.server.conf.agent.is_some() {
        place.server.runtime.judged.store(true, Relaxed);
        return;
    }
    let tracked = place.server.conf.track.as_deref().and_then(|t| tracked(place, t));
    let judged = &place.server.runtime.judged;
    if tracked.is_none() && !judged.load(Relaxed) {
        return; // Only an operator, or a file of states, said anything.
    }
    judged.store(tracked.is_some(), Relaxed);
    let (up, stopping) =
        tracked.map_or((true, false), |s| (s.runtime.up.load(Relaxed), s.runtime.stopping.load(Relaxed)));
    let own = &place.server.runtime;
    if own.up.swap(up, Relaxed) != up || own.stopping.swap(stopping, Relaxed) != stopping {
        place.proxy.farm.update(place.server.index);
    }
}

/// The server of `[<proxy>/]<server>`.
fn tracked(place: &Place, name: &str) -> Option<Arc<Server>> {
    let (proxy, server) = name.split_once('/').unwrap_or((&place.proxy.conf.name, name));
    let proxy = place.snapshot.backend(proxy)?;
    proxy.servers.iter().find(|s| s.conf.name == server).cloned()
}

/// The servers that track this one.
pub(crate) fn followers(place: &Place) -> Vec<Place> {
    let tracks = |p: &Proxy, s: &Server| {
        let Some(name) = s.conf.track.as_deref() else { return false };
        let (proxy, server) = name.split_once('/').unwrap_or((&p.conf.name, name));
        proxy == place.proxy.conf.name && server == place.server.conf.name
    };
    let of = |p: &Arc<Proxy>| -> Vec<Place> {
        let found = p.servers.iter().filter(|s| tracks(p, s));
        found.map(|s| Place { proxy: p.clone(), server: s.clone(), ..place.clone() }).collect()
    };
    place.snapshot.proxies.iter().filter(|p| p.conf.is_backend()).flat_map(of).collect()
}

/// How many servers of a backend take new clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Serving {
    pub(crate) active: usize,
    pub(crate) backup: usize,
}

// === impl Serving ===

impl Serving {
    pub(crate) fn of(proxy: &Proxy) -> Self {
        let usable = || {
            let fit = |s: &&Arc<Server>| s.runtime.is_usable() && s.runtime.effective().units() > 0;
            proxy.servers.iter().filter(fit)
        };
        let backup = usable().filter(|s| s.conf.backup).count();
        Self { active: usable().count() - backup, backup }
    }

    fn any(self) -> bool {
        self.active + self.backup > 0
    }
}
