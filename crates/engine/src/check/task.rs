//! When a server is checked: one task for each, asleep on one timer (manual, 5.2 "inter", "fastinter",
//! "downinter"; 3.2 "spread-checks", "tune.max-checks-per-thread").

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use weir_balance::health::Verdict;

use super::plan::{Plan, Work};
use super::{Kind, Site, agent, attempt, program, state};
use crate::clock::{self, Tick};
use crate::runtime::Admin;
use crate::timer::Timer;
use crate::trace;
use crate::worker::Worker;

/// Checks the server for as long as it stands in the configuration, and takes its weight up after it came back.
pub(super) async fn keep(worker: Rc<Worker>, site: Rc<Site>, room: Rc<Semaphore>, first: Duration) {
    let timer = worker.wheel.timer();
    let mut due = clock::now().after(Some(first));
    let mut step = Tick::NEVER;
    loop {
        let plan = site.plan.borrow().clone();
        if site.kind == Kind::Health {
            step = step.min(next_step(&site));
        }
        rest(
            &timer,
            plan.as_ref().map_or(Tick::NEVER, |_| due).min(step),
            site.kind.nudge(&site.server().runtime),
        )
        .await;
        if site.replanned.replace(false) {
            due = clock::now();
            continue;
        }
        if clock::now() >= step {
            step = Tick::NEVER;
            let place = site.place();
            place.proxy.farm.update(place.server.index);
        }
        let Some(plan) = plan else { continue };
        if site.kind == Kind::Health && site.at.borrow().server.runtime.hurry.swap(false, Relaxed) {
            due = due.min(clock::now().after(Some(interval(&site, &plan, true))));
        }
        if clock::now() < due {
            continue;
        }
        if is_due(&site) {
            let Ok(_permit) = room.acquire().await else { return };
            check(&worker, &site, &plan, &timer).await;
        }
        due = clock::now().after(Some(interval(&site, &plan, false)));
    }
}

fn is_due(site: &Site) -> bool {
    let server = &site.at.borrow().server;
    match site.kind {
        Kind::Health => {
            !server.runtime.admin().intersects(Admin::MAINT) && !server.runtime.unchecked.load(Relaxed)
        }
        // Whoever sent a server into maintenance through its agent takes it out again the same way.
        Kind::Agent => !server.runtime.unasked.load(Relaxed),
    }
}

async fn check(worker: &Rc<Worker>, site: &Site, plan: &Plan, timer: &Timer) {
    let id = worker.id;
    let place = site.place();
    let begun = clock::now();
    site.kind.health(&place.server.runtime).lock().under_way = true;
    trace::check(&place, id, &trace::CHECK_START);
    trace::check(&place, id, &trace::CHECK_RULES);
    let outcome = match &plan.work {
        Work::Rules(rules) => attempt::check(worker, &place, plan, rules, timer).await,
        Work::Program(program) => program::check(&place, program, plan.inter(), timer).await,
    };
    let millis = clock::now().millis_since(begun).unsigned_abs();
    // A reload may have come meanwhile: the newest snapshot hears of it.
    let place = site.place();
    let failed = outcome.status.verdict() == Verdict::Failed;
    let was_up = place.server.runtime.up.load(Relaxed);
    match plan.kind {
        Kind::Health => state::settle(&place, outcome, millis),
        Kind::Agent => agent::settle(&place, outcome, millis),
    }
    trace::check(&place, id, if failed { &trace::CHECK_FAILED } else { &trace::CHECK_PASSED });
    trace::check(&place, id, &trace::CHECK_END);
    match (was_up, place.server.runtime.up.load(Relaxed)) {
        (true, false) => trace::check(&place, id, &trace::CHECK_DOWN),
        (false, true) => trace::check(&place, id, &trace::CHECK_UP),
        _ => {}
    }
}

/// Waits for the time or the nudge, whichever is first.
async fn rest(timer: &Timer, until: Tick, nudge: &Notify) {
    timer.set(until);
    let mut nudged = pin!(nudge.notified());
    poll_fn(|cx| if timer.poll_expired(cx) { Poll::Ready(()) } else { nudged.as_mut().poll(cx) }).await;
}

fn interval(site: &Site, plan: &Plan, fast: bool) -> Duration {
    let place = site.at.borrow();
    let health = site.kind.health(&place.server.runtime).lock();
    let millis = plan.intervals.next(&health.counter, health.status.is_some(), fast);
    let spread = place.snapshot.global.spread_checks;
    if spread == 0 {
        return Duration::from_millis(millis);
    }
    // The low bits of the clock are as random as it needs to be.
    let random = (clock::wall() ^ (health.duration << 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Duration::from_millis(weir_balance::health::spread(millis, spread, random as u32))
}

/// When the weight of a server that came back has to be looked at again.
fn next_step(site: &Site) -> Tick {
    let place = site.at.borrow();
    let next = place.server.runtime.ramp().and_then(|ramp| ramp.next_step(clock::now().millis()));
    next.map_or(Tick::NEVER, |millis| Tick(millis.saturating_mul(1000)))
}
