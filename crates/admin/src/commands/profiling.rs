//! `set profiling` and `show profiling` (management manual, 9.3): what the workers did while it was on.
//!
//! A worker counts its turns and the time that it was busy whether anybody asks or not; profiling remembers where the
//! counts stood. `auto` measures as `on` does: it costs nothing. Memory is not profiled.

use std::io::Write as _;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use weir_engine::conf::CliLevel::Admin;

use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command(
            "set profiling",
            "<what> {auto|on|off}",
            Admin,
            "enable/disable resource profiling (tasks,memory)",
            set,
        ),
        command(
            "show profiling",
            "[<what>|<#lines>|<opts>]*",
            Admin,
            "show profiling state (all,status,tasks,memory)",
            show,
        ),
    ]
}

/// Whether it is on, and what was measured.
#[derive(Debug, Default)]
pub struct Profiling(Mutex<State>);

#[derive(Clone, Debug)]
struct State {
    mode: Mode,
    /// When it was turned on, and what each worker had done by then.
    from: Option<(Instant, Vec<Done>)>,
    /// When it was turned off, and what they had done by then.
    until: Option<(Instant, Vec<Done>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Off,
    On,
    /// Where the system itself turns it on: never.
    AutoOff,
    AutoOn,
}

/// Turns of a worker, and how long they took in all.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    turns: u64,
    busy: Duration,
}

// === impl State ===

impl Default for State {
    fn default() -> Self {
        Self { mode: Mode::AutoOff, from: None, until: None }
    }
}

// === impl Mode ===

impl Mode {
    const fn is_on(self) -> bool {
        matches!(self, Self::On | Self::AutoOn)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::AutoOff => "auto-off",
            Self::AutoOn => "auto-on",
        }
    }
}

fn done(world: &World) -> Vec<Done> {
    let activity = world.engine.activity();
    activity.iter().map(|worker| Done { turns: worker.waits, busy: worker.busy }).collect()
}

fn set(call: &mut Call<'_, World>) -> Outcome {
    match call.arg(0).as_ref() {
        "memory" => return call.fail("Memory profiling not compiled in."),
        "tasks" if call.has(1) => {}
        "tasks" => return call.fail(TASKS_EXPECTS),
        _ => return call.fail("Expects either 'tasks' or 'memory'."),
    }
    for at in 1..call.args.len() {
        let before = call.world.profiling.0.lock().mode;
        let mode = match call.arg(at).as_ref() {
            "on" => Mode::On,
            "off" => Mode::Off,
            "auto" if before.is_on() => Mode::AutoOn,
            "auto" => Mode::AutoOff,
            // Locks and memory are not measured for themselves.
            "lock" | "no-lock" | "memory" | "no-memory" => continue,
            _ => return call.fail(TASKS_EXPECTS),
        };
        turn(call.world, before, mode);
    }
    Outcome::Done
}

fn turn(world: &World, before: Mode, mode: Mode) {
    let counts = (before.is_on() != mode.is_on()).then(|| (Instant::now(), done(world)));
    let mut state = world.profiling.0.lock();
    state.mode = mode;
    match counts {
        Some(counts) if mode.is_on() => (state.from, state.until) = (Some(counts), None),
        Some(counts) => state.until = Some(counts),
        None => {}
    }
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    let known = |word: &Vec<u8>| {
        let text = String::from_utf8_lossy(word);
        WORDS.contains(&text.as_ref()) || text.parse::<u32>().is_ok_and(|lines| lines > 0)
    };
    if !call.args.iter().all(known) {
        return call.fail(
            "Expects either 'all', 'status', 'tasks', 'memory', 'byaddr', 'bytime', 'byctx', 'aggr' or a max number of \
             output lines.",
        );
    }
    let has = |word: &[u8]| call.args.iter().any(|arg| arg == word);
    let (status, tasks, memory) = (has(b"status"), has(b"tasks"), has(b"memory"));
    let state = call.world.profiling.0.lock().clone();
    if !tasks && !memory {
        let word = state.mode.word();
        let _ = write!(
            call.out,
            "Per-task CPU profiling              : {word:<13} # set profiling tasks {{on|auto|off}}\n\
             Memory usage profiling              : off           # set profiling memory {{on|off}}\n"
        );
    }
    if !status && !memory {
        activity(call, &state);
    }
    Outcome::Done
}

/// What the workers did, in the reference's columns; there is one kind of work.
fn activity(call: &mut Call<'_, World>, state: &State) {
    let now = Instant::now();
    let ago = |at: Option<Instant>| at.map_or(0.0, |at| now.duration_since(at).as_secs_f64());
    let (from, until) = (state.from.as_ref().map(|(at, _)| *at), state.until.as_ref().map(|(at, _)| *at));
    call.say(format!(
        "Tasks activity over {:.3} sec till {:.3} sec ago:",
        ago(from) - ago(until),
        ago(until)
    ));
    call.say(
        "  function                      calls   cpu_tot   cpu_avg   lkw_avg   lkd_avg   mem_avg   lat_avg",
    );
    let Some((_, before)) = &state.from else { return };
    let after = state.until.as_ref().map_or_else(|| done(call.world), |(_, counts)| counts.clone());
    let turns: u64 = after.iter().zip(before).map(|(a, b)| a.turns.saturating_sub(b.turns)).sum();
    let busy: Duration = after.iter().zip(before).map(|(a, b)| a.busy.saturating_sub(b.busy)).sum();
    if turns > 0 {
        let total = busy.as_nanos() as f64;
        call.say(format!(
            "  {:<24} {turns:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "worker_turn",
            short(total),
            short(total / turns as f64),
            "-",
            "-",
            "-",
            "-"
        ));
    }
}

/// A time in four digits with its unit: `6.369us`, `253.8us`.
fn short(nanos: f64) -> String {
    let (mut value, mut unit) = (nanos, "ns");
    for larger in ["us", "ms", "s"] {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1000.0, larger);
    }
    let digits = match value {
        v if v < 10.0 => 3,
        v if v < 100.0 => 2,
        _ => 1,
    };
    format!("{value:.digits$}{unit}")
}

const TASKS_EXPECTS: &str =
    "Expects a combination of either 'on', 'auto', 'off', 'lock', 'no-lock', 'memory' or 'no-memory'.";
const WORDS: &[&str] = &["all", "status", "tasks", "memory", "byaddr", "bytime", "byctx", "aggr"];

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn times_are_shown_in_four_digits() {
        for (nanos, text) in
            [(0.0, "0.000ns"), (6369.0, "6.369us"), (253_800.0, "253.8us"), (2.5e9, "2.500s")]
        {
            assert_eq!(short(nanos), text);
        }
    }
}
