//! Commands about the process and the sockets of the runtime API.

use std::io::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use weir_engine::conf::{CliLevel, Endpoint};

use crate::cli::{Call, CommandKeyword, Outcome, Shown, command, word};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command(
            "show env",
            "[var]",
            CliLevel::Operator,
            "dump environment variables known to the process",
            environment,
        ),
        command("show cli sockets", "", CliLevel::User, "dump list of cli sockets", sockets),
        command(
            "set maxconn global",
            "<value>",
            CliLevel::Admin,
            "change the per-process maxconn setting",
            set_maxconn,
        ),
        Shown::Never.of(command(
            "_configuration",
            "",
            CliLevel::Admin,
            "tell the configuration that runs",
            |call| {
                let text = call.world.program.configuration();
                call.out.extend_from_slice(text.as_bytes());
                Outcome::Done
            },
        )),
        Shown::Never.of(command(
            "_getsocks",
            "",
            CliLevel::User,
            "hand over the listening sockets",
            |call| match call.settings.exposes_sockets {
                true => Outcome::HandOver,
                false => Outcome::Quit,
            },
        )),
        command("show schema json", "", CliLevel::User, "report schema used for stats", |call| {
            call.say(SCHEMA.trim_end())
        }),
    ]
}

fn environment(call: &mut Call<'_, World>) -> Outcome {
    if call.has(0) {
        let name = call.arg(0).into_owned();
        return match std::env::var_os(&name) {
            Some(value) => call.say(format!("{name}={}", value.to_string_lossy())),
            None => call.fail("Variable not found"),
        };
    }
    for (name, value) in std::env::vars_os() {
        let _ = writeln!(call.out, "{}={}", name.to_string_lossy(), value.to_string_lossy());
    }
    Outcome::Done
}

fn sockets(call: &mut Call<'_, World>) -> Outcome {
    call.say("# socket lvl processes");
    for socket in &call.world.engine.snapshot().global.stats_sockets {
        let address = match &socket.bind.endpoint {
            Endpoint::Inet(address) if address.is_ipv4() => format!("ipv4@{address}"),
            Endpoint::Inet(address) => format!("ipv6@{address}"),
            Endpoint::Unix(path) => format!("unix@{}", path.display()),
            Endpoint::Abstract { name, .. } => format!("abns@{}", String::from_utf8_lossy(name)),
            Endpoint::Fd(number) => format!("fd@{number}"),
            Endpoint::SockPair(number) => format!("sockpair@{number}"),
        };
        let _ = writeln!(call.out, "{address} {} all", word(socket.bind.level));
    }
    Outcome::Done
}

fn set_maxconn(call: &mut Call<'_, World>) -> Outcome {
    if !call.has(0) {
        return call.fail("Expects an integer value.");
    }
    let wanted = weir_config::values::leading_integer(call.arg(0).as_bytes());
    let process = &call.world.engine.runtime().process;
    let hard = process.hard_maxconn.load(Relaxed);
    match u32::try_from(wanted) {
        Ok(wanted) if wanted <= hard => {
            // None asked for is the one that the process started with.
            process.maxconn.store(if wanted == 0 { hard } else { wanted }, Relaxed);
            process.room.freed.notify_waiters();
            Outcome::Done
        }
        _ => call.fail("Value out of range."),
    }
}

/// The schema of the JSON of `show info` and `show stat`.
pub(crate) const SCHEMA: &str = include_str!("schema.json");
