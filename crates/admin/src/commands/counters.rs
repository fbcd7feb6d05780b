//! Commands about counters.

use std::sync::atomic::Ordering::Relaxed;

use weir_engine::clock;
use weir_engine::conf::CliLevel;
use weir_engine::runtime::{Counters, Level};

use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::{Counted, World};

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    use CliLevel::Operator;
    vec![command(
        "clear counters",
        "[all]",
        Operator,
        "clear max statistics counters (or all counters)",
        clear,
    )]
}

/// Highest values begin anew; with `all`, every counter does.
fn clear(call: &mut Call<'_, World>) -> Outcome {
    let all = call.arg(0) == "all";
    if all && !call.allowed(CliLevel::Admin) {
        return Outcome::Done;
    }
    let world = call.world;
    let clear = |of: Counted, counters: &[Counters], levels: &[&Level]| {
        counters.iter().for_each(Counters::forget_highest);
        levels.iter().for_each(|level| level.forget_highest());
        if all {
            world.clear(of, counters);
        }
    };
    let process = world.engine.runtime().process.per_worker.get();
    clear(Counted::Process, process.map_or(&[][..], |all| all), &[]);
    for proxy in world.engine.snapshot().proxies.iter() {
        let (name, state) = (&proxy.conf.name, &proxy.runtime);
        let front = &state.frontend;
        clear(Counted::Frontend(name.clone()), &front.counters, &[&front.sessions]);
        let back = &state.backend;
        clear(Counted::Backend(name.clone()), &back.counters, &[&back.sessions, &state.queued]);
        if all {
            let mut availability = state.availability.lock();
            availability.downs = 0;
            if !availability.is_down {
                availability.changed = clock::now();
            }
        }
        for server in &proxy.servers {
            let of = Counted::Server(name.clone(), server.conf.name.clone());
            let state = &server.runtime;
            clear(of, &state.counters, &[&state.serving, &state.queued]);
            if all {
                let mut health = state.health.lock();
                (health.failures, health.downs) = (0, 0);
                if state.up.load(Relaxed) {
                    state.changed.store(clock::now().0, Relaxed);
                }
            }
        }
    }
    Outcome::Done
}
