//! `set rate-limit`: how much may happen in a second (management manual, 9.3).

use std::sync::atomic::Ordering::Relaxed;

use weir_config::values::leading_integer;
use weir_engine::conf::CliLevel::Admin;

use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![command("set rate-limit", "<setting> <value>", Admin, "change a rate limiting value", set)]
}

fn set(call: &mut Call<'_, World>) -> Outcome {
    let process = &call.world.engine.runtime().process;
    let [connections, sessions, tls] = &process.rate_limits;
    let what = call.arg(0).into_owned();
    let (limit, factor) = match (what.as_str(), call.arg(1).as_ref()) {
        ("connections", "global") => (connections, 1),
        ("sessions", "global") => (sessions, 1),
        ("ssl-sessions", "global") => (tls, 1),
        ("http-compression", "global") => (&process.compression_limit, 1024),
        _ => return call.usage(false, USAGE),
    };
    if !call.has(2) {
        return call.fail("Expects an integer value.");
    }
    match u32::try_from(leading_integer(call.arg(2).as_bytes())) {
        Ok(value) => {
            limit.store(value.saturating_mul(factor), Relaxed);
            // Who waits because of the old limit looks at the new one.
            call.world.engine.look();
            Outcome::Done
        }
        Err(_) => call.fail("Value out of range."),
    }
}

const USAGE: &[u8] = b"'set rate-limit' only supports :
   - 'connections global' to set the per-process maximum connection rate
   - 'sessions global' to set the per-process maximum session rate
   - 'ssl-sessions global' to set the per-process maximum SSL session rate
   - 'http-compression global' to set the per-process maximum compression speed in kB/s
";
