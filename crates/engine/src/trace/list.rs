//! What is said of the sources and of what may be asked of them, in the words that operators know.

use std::fmt::Write as _;

use super::LEVELS;
use super::order::Outlets;
use super::sources::{Choice, SOURCES, Source};
use super::state::{Mode, NONE, State};
use crate::log::Sinks;

/// `show trace`: the sources, where they tell of themselves, and what was lost.
pub(super) fn states(states: &[State], sinks: &Sinks) -> String {
    let mut out = String::from(SUPPORTED);
    for (state, source) in states.iter().zip(SOURCES.iter()) {
        let (sink, dropped) = outlet(state, sinks);
        let (mark, name, help) = (state.mode.mark(), source.name, source.help);
        let _ = writeln!(out, " [{mark}] {name:<10} -> {sink} [drp {dropped}]  [{help}]");
    }
    out
}

/// `show trace NAME`: what becomes of each event of a source.
pub(super) fn state(state: &State, sinks: &Sinks) -> String {
    let Some(source) = SOURCES.get(state.source) else { return String::new() };
    let (sink, dropped) = outlet(state, sinks);
    let mut out = format!(
        "Trace status for {}:\n  - sink: {sink} [{dropped} dropped]\n  - event name   :     report    start    stop    \
         pause\n",
        source.name
    );
    for (at, event) in source.events.iter().enumerate() {
        let mark = |bits: u64| sign(bits & 1 << at != 0);
        let (report, start) = (mark(state.report), mark(state.start));
        let (stop, pause) = (mark(state.stop), mark(state.pause));
        let _ = writeln!(out, "    {:<12} :{report:>9}{start:>9}{stop:>9}{pause:>8}", event.name);
    }
    out
}

/// The sources that there are, as a list to choose from.
pub(super) fn sources(states: &[State]) -> String {
    let mut out = String::from(SUPPORTED);
    out.push_str(" [.] 0          : not a source, will immediately stop all traces\n");
    out.push_str(" [.] all        : all sources below, only for 'sink', 'level' and 'follow'\n");
    out + &plain(states)
}

/// The sources that another one may follow; `state` is the one, or none where all are meant.
pub(super) fn followed(states: &[State], state: Option<&State>) -> String {
    let now = state.map(|s| s.follows.and_then(|at| SOURCES.get(at)));
    let mut out = match now {
        Some(Some(source)) => format!("Currently following source '{}'.\n", source.name),
        Some(None) => String::from("Not currently following any other source.\n"),
        None => String::new(),
    };
    out.push_str("Please specify another source to follow, among the following ones:\n");
    out.push_str(" [.] none       : follow no other source\n");
    out + &plain(states)
}

fn plain(states: &[State]) -> String {
    let line = |(state, source): (&State, &Source)| {
        format!(" [{}] {:<10} : {}\n", state.mode.mark(), source.name, source.help)
    };
    states.iter().zip(SOURCES.iter()).map(line).collect()
}

/// The events of a source, and which of them do what `bits` is for.
pub(super) fn events(source: &Source, bits: u64, has_now: bool) -> String {
    let mut out = format!("Supported events for source {} (+=enabled, -=disabled):\n", source.name);
    if has_now {
        out.push_str("  - now          : don't wait for events, immediately change the state\n");
    }
    out.push_str("  - none         : disable all event types\n");
    out.push_str("  - any          : enable all event types\n");
    for (at, event) in source.events.iter().enumerate() {
        let _ = writeln!(out, "  {} {:<12} : {}", sign(bits & 1 << at != 0), event.name, event.help);
    }
    out
}

/// The levels; those of all sources together have none that is current.
pub(super) fn levels(name: &str, state: Option<&State>) -> String {
    let now = state.and_then(|s| LEVELS.get(s.level as usize)).map(|(name, _)| *name);
    let choices = LEVELS.iter().map(|(name, help)| (*name, *help));
    format!("Supported trace levels for source {name}:\n{}", choices_of(choices, now))
}

/// The verbosities of a source.
pub(super) fn verbosities(source: &Source, state: &State) -> String {
    let quiet = Choice { name: QUIET, help: "only report basic information with no decoding" };
    let all: Vec<Choice> = std::iter::once(quiet).chain(source.verbosities.iter().copied()).collect();
    let now = all.get(state.verbosity).map(|choice| choice.name);
    let text = choices_of(all.iter().map(|c| (c.name, c.help)), now);
    format!("Supported trace verbosities for source {}:\n{text}", source.name)
}

/// What a source can be fixed on.
pub(super) fn criteria(source: &Source, state: &State) -> String {
    let text = choices_of(source.criteria.iter().map(|c| (c.name, c.help)), Some(state.criterion));
    format!("Supported lock-on criteria for source {}:\n{text}", source.name)
}

/// Where lines can go.
pub(super) fn sinks(name: &str, state: Option<&State>, outlets: &Outlets<'_>) -> String {
    let rings = match outlets {
        Outlets::Known(sinks) => sinks.all().iter().map(|s| (s.name.clone(), s.description())).collect(),
        Outlets::Any => Sinks::default().all().iter().map(|s| (s.name.clone(), s.description())).collect(),
    };
    let rings: Vec<(String, String)> = rings;
    let fixed =
        [(NONE, "no sink"), ("stdout", "standard output (fd#1)"), ("stderr", "standard output (fd#2)")];
    let choices = fixed.into_iter().chain(rings.iter().map(|(name, help)| (name.as_str(), help.as_str())));
    let now = state.map_or(NONE, |s| s.sink.as_str());
    let mut out =
        format!("Supported sinks for source {name} (*=current):\n{}", choices_of(choices, Some(now)));
    if matches!(outlets, Outlets::Any) {
        out.push_str("(forward-declared sinks are not displayed here!)\n");
    }
    out
}

fn choices_of<'a>(choices: impl Iterator<Item = (&'a str, &'a str)>, now: Option<&str>) -> String {
    let line = |(name, help): (&str, &str)| {
        let mark = if now == Some(name) { '*' } else { ' ' };
        format!("  {mark} {name:<10} : {help}\n")
    };
    choices.map(line).collect()
}

/// The ring of a source, and what it lost.
fn outlet<'a>(state: &'a State, sinks: &Sinks) -> (&'a str, u64) {
    let lost = |ring: &str| sinks.find(ring).map(|s| s.dropped.load(std::sync::atomic::Ordering::Relaxed));
    match state.sink.as_str() {
        "stdout" | "stderr" => (&state.sink, 0),
        ring => lost(ring).map_or((NONE, 0), |lost| (ring, lost)),
    }
}

const fn sign(on: bool) -> char {
    if on { '+' } else { '-' }
}

// === impl Mode ===

impl Mode {
    const fn mark(self) -> char {
        match self {
            Self::Stopped => '.',
            Self::Waiting => 'w',
            Self::Running => 'R',
        }
    }
}

const SUPPORTED: &str = "Supported trace sources and states (.=stopped, w=waiting, R=running) :\n";
/// The verbosity that all sources have.
pub(super) const QUIET: &str = "quiet";
/// What can be done with a source.
pub(super) const COMMANDS: &str = "Supported commands:
  event     : list/enable/disable source-specific event reporting
  level     : list/set trace reporting level
  lock      : automatic lock on thread/connection/stream/...
  follow    : passively follow another source's locked pointer (e.g. session)
  pause     : pause and automatically restart after a specific event
  sink      : list/set event sinks
  start     : start immediately or after a specific event
  stop      : stop immediately or after a specific event
  verbosity : list/set trace output verbosity
";
