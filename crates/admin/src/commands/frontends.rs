//! Commands about frontends: how many connections they take, and whether they take any.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_config::values::leading_integer;
use weir_engine::conf::CliLevel::Admin;
use weir_engine::log;
use weir_engine::runtime::Saying;
use weir_engine::snapshot::Proxy;

use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command("disable frontend", "<frontend>", Admin, "temporarily disable specific frontend", |call| {
            pause(call, true)
        }),
        command("enable frontend", "<frontend>", Admin, "re-enable specific frontend", |call| {
            pause(call, false)
        }),
        command(
            "set maxconn frontend",
            "<frontend> <value>",
            Admin,
            "change a frontend's maxconn setting",
            set_maxconn,
        ),
        command("shutdown frontend", "<frontend>", Admin, "stop a specific frontend", shutdown),
    ]
}

/// The frontend that the first word names, or a message.
fn named(call: &Call<'_, World>) -> Result<Arc<Proxy>, &'static str> {
    if !call.has(0) {
        return Err("A frontend name is expected.");
    }
    call.world.engine.snapshot().frontend(&call.arg(0)).cloned().ok_or("No such frontend.")
}

fn pause(call: &mut Call<'_, World>, pause: bool) -> Outcome {
    let proxy = match named(call) {
        Ok(proxy) => proxy,
        Err(message) => return call.fail(message),
    };
    if proxy.runtime.frontend.shut.load(Relaxed) {
        let what = if pause { "disable" } else { "enable" };
        return call.tell(Severity::Notice, format!("Frontend was previously shut down, cannot {what}."));
    }
    if proxy.runtime.frontend.paused.swap(pause, Relaxed) == pause {
        let already =
            if pause { "All sockets are already disabled." } else { "All sockets are already enabled." };
        return call.tell(Severity::Notice, already);
    }
    call.world.engine.look();
    let what = if pause { "Paused" } else { "Resumed" };
    let text = format!("{what} frontend {}.", proxy.conf.name);
    call.world.engine.runtime().process.voice.say(Saying::Warning, &text);
    Outcome::Done
}

fn shutdown(call: &mut Call<'_, World>) -> Outcome {
    let proxy = match named(call) {
        Ok(proxy) => proxy,
        Err(message) => return call.fail(message),
    };
    if proxy.runtime.frontend.shut.swap(true, Relaxed) {
        return call.tell(Severity::Notice, "Frontend was already shut down.");
    }
    call.world.program.shut_frontend(&proxy.conf.name);
    let connections = proxy.runtime.frontend.sum(|c| &c.connections);
    let sessions = proxy.runtime.backend.sum(|c| &c.sessions);
    let name = &proxy.conf.name;
    let text = format!("Proxy {name} stopped (cumulated conns: FE: {connections}, BE: {sessions}).");
    let runtime = call.world.engine.runtime();
    runtime.process.voice.say(Saying::Warning, &text);
    log::event(&proxy, runtime, log::Level::Warning, &text);
    Outcome::Done
}

fn set_maxconn(call: &mut Call<'_, World>) -> Outcome {
    let proxy = match named(call) {
        Ok(proxy) => proxy,
        Err(message) => return call.fail(message),
    };
    if !call.has(1) {
        return call.fail("Integer value expected.");
    }
    let Ok(limit) = u32::try_from(leading_integer(call.arg(1).as_bytes())) else {
        return call.fail("Value out of range.");
    };
    proxy.runtime.frontend.maxconn.store(limit, Relaxed);
    call.world.engine.look();
    Outcome::Done
}
