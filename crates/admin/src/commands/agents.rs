//! Commands about the agents of servers (management manual, 9.3 "set server agent", "enable agent").

use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;

use weir_engine::conf::{self, CliLevel};
use weir_engine::operator::amounts::number;
use weir_engine::operator::{Order, servers};
use weir_engine::snapshot::Server;

use super::servers::{give, named, names};
use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    use CliLevel::Admin;
    vec![
        command("disable agent", "", Admin, "disable agent checks", |call| give(call, Order::Ask(false))),
        command("enable agent", "", Admin, "enable agent checks", |call| match named(call) {
            Ok((_, server)) if server.conf.agent.is_none() => {
                call.fail("Agent was not configured on this server, cannot enable.")
            }
            _ => give(call, Order::Ask(true)),
        }),
    ]
}

/// `set server <bk>/<srv> agent|agent-addr|agent-port|agent-send VALUE`
pub(super) fn set(call: &mut Call<'_, World>) -> Outcome {
    let Ok((_, server)) = named(call) else { return Outcome::Done };
    let (what, value) = (call.arg(1).into_owned(), call.arg(2).into_owned());
    match what.as_str() {
        "agent-addr" if value.is_empty() => {
            return call.fail("set server <b>/<s> agent-addr requires an address and optionally a port.");
        }
        "agent-port" if value.is_empty() => {
            return call.fail("set server <b>/<s> agent-port requires a port.");
        }
        _ => {}
    }
    if server.conf.agent.is_none() {
        let dot = if matches!(what.as_str(), "agent" | "agent-send") { "." } else { "" };
        return call.fail(format!("agent checks are not enabled on this server{dot}"));
    }
    match what.as_str() {
        "agent" => match value.as_str() {
            "up" => give(call, Order::AgentSays(true)),
            "down" => give(call, Order::AgentSays(false)),
            _ => call.fail("'set server <srv> agent' expects 'up' or 'down'."),
        },
        "agent-addr" => set_address(call, &value),
        "agent-port" => match port(&value) {
            Ok(port) => change(call, |agent| agent.port = port),
            Err(message) => call.fail(message),
        },
        _ => change(call, |agent| agent.send = Some(value.as_bytes().to_vec())),
    }
}

fn set_address(call: &mut Call<'_, World>, value: &str) -> Outcome {
    let Ok(address) = value.parse::<IpAddr>() else {
        return call.fail(format!("invalid addr '{value}'"));
    };
    let own = if call.arg(3) == "port" { Some(call.arg(4).into_owned()) } else { None };
    match own.as_deref().map(port).transpose() {
        Ok(port) => change(call, |agent| {
            agent.addr = Some(address);
            agent.port = port.unwrap_or(agent.port);
        }),
        Err(message) => call.fail(message),
    }
}

fn port(text: &str) -> Result<u16, &'static str> {
    let Some((port, b"")) = number(text.as_bytes()) else { return Err("provided port is not an integer") };
    u16::try_from(port).map_err(|_| "provided port is invalid")
}

fn change(call: &mut Call<'_, World>, change: impl Fn(&mut conf::Agent)) -> Outcome {
    let Some((backend, name)) = names(call) else { return Outcome::Done };
    match servers::change_agent(&call.world.engine, &backend, &name, change) {
        Ok(()) => Outcome::Done,
        Err(message) => call.fail(message),
    }
}

/// The column `srv_agent_state`: under way, configured, enabled, and that it is an agent.
pub(super) fn state_flags(server: &Server) -> u32 {
    if server.conf.agent.is_none() {
        return 0;
    }
    let asked = !server.runtime.unasked.load(Relaxed);
    let under_way = server.runtime.agent.lock().under_way;
    0x12 + u32::from(under_way) + if asked { 4 } else { 0 }
}

/// The columns `srv_agent_addr` and `srv_agent_port`.
pub(super) fn address(server: &conf::Server) -> (String, u16) {
    let agent = server.agent.as_ref();
    let (check_address, check_port) = server.check_at;
    let address = agent.and_then(|agent| agent.addr).or(check_address);
    let address = address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    (address, agent.map_or(check_port.unwrap_or(0), |agent| agent.port))
}
