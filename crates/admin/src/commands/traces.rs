//! `trace` and `show trace` (management manual, 9.3). Nothing here can be traced: the lists of sources are empty.

use weir_engine::conf::CliLevel::Operator;

use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command("show trace", "[<module>]", Operator, "show live tracing state", show),
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
    if call.has(0) {
        return call.fail("No such trace source");
    }
    call.say(SOURCES)
}

fn trace(call: &mut Call<'_, World>) -> Outcome {
    match call.arg(0).as_ref() {
        "" => {
            call.say(SOURCES);
            call.say(" [.] 0          : not a source, will immediately stop all traces");
            call.say(" [.] all        : all sources below, only for 'sink', 'level' and 'follow'")
        }
        "0" | "all" => Outcome::Done,
        other => {
            let text = format!("No such trace source '{other}'");
            call.fail(text)
        }
    }
}

const SOURCES: &str = "Supported trace sources and states (.=stopped, w=waiting, R=running) :";
