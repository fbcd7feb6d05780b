//! `trace` and `show trace` (management manual, 9.3).

use weir_engine::conf::CliLevel::{Operator, User};
use weir_engine::trace::Said;

use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command("show trace", "[<module>]", User, "show live tracing state", show),
        command(
            "trace",
            "[<module>|0] [cmd [args...]]",
            Operator,
            "manage live tracing (empty to list, 0 to stop all)",
            trace,
        ),
    ]
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    if call.has(0) && !call.allowed(Operator) {
        return Outcome::Done;
    }
    let process = &call.world.engine.runtime().process;
    let (traces, sinks) = (&process.traces, &process.log_destinations.sinks);
    let (severity, text) = match call.has(0) {
        true => (Severity::Warning, traces.describe(&call.arg(0), sinks)),
        false => (Severity::Info, Some(traces.list(sinks))),
    };
    match text {
        Some(text) => call.tell(severity, text.trim_end_matches('\n')),
        None => call.fail("No such trace source"),
    }
}

fn trace(call: &mut Call<'_, World>) -> Outcome {
    let process = &call.world.engine.runtime().process;
    let words: Vec<String> = call.args.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    match process.traces.order(&words, &process.log_destinations.sinks) {
        Said::Nothing => Outcome::Done,
        Said::Note(text) => call.tell(Severity::Notice, text),
        Said::Choices(text) => call.tell(Severity::Warning, text.trim_end_matches('\n')),
        Said::Wrong(text) => call.fail(text.trim_end_matches('\n')),
    }
}
