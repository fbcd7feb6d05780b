//! What is recorded of transactions: `show latency`, `show recent`. Both are ours: `help show latency` tells of it, the
//! list of all commands is the one that tools know.

use std::io::Write as _;

use weir_engine::conf::CliLevel;
use weir_engine::runtime::{Event, Phase};

use super::local_time;
use crate::cli::{Call, CommandKeyword, Outcome, Shown, command};
use crate::latency;
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        Shown::ByName.of(command(
            "show latency",
            "[<proxy>[/<server>]]",
            CliLevel::User,
            "tell how long queue, connect, response and all of it took",
            show_latency,
        )),
        Shown::ByName.of(command(
            "show recent",
            "[<id>]",
            CliLevel::Operator,
            "tell of the last answers that were neither 2xx nor 3xx, and what decided them",
            show_recent,
        )),
    ]
}

fn show_latency(call: &mut Call<'_, World>) -> Outcome {
    let wanted = call.arg(0).into_owned();
    let (proxy, server) = match wanted.split_once('/') {
        Some((proxy, server)) => (proxy, Some(server)),
        None => (wanted.as_str(), None),
    };
    let snapshot = call.world.engine.snapshot();
    if !proxy.is_empty() && !snapshot.proxies.iter().any(|p| p.conf.name == proxy) {
        return call.fail("No such proxy.");
    }
    let mut out = b"# pxname,svname,phase,count,mean,p50,p75,p90,p95,p99,p999,max\n".to_vec();
    for object in latency::objects(&snapshot) {
        let is_meant = (proxy.is_empty() || object.proxy == proxy)
            && server.is_none_or(|server| object.name.eq_ignore_ascii_case(server));
        for phase in Phase::ALL.into_iter().filter(|_| is_meant) {
            let told = object.told(phase);
            let count = told.count();
            let _ = write!(out, "{},{},{},{count},", object.proxy, object.name, phase.word());
            let mean = told.sum().checked_div(count);
            let shares = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0];
            let all = std::iter::once(mean).chain(shares.map(|share| told.quantile(share)));
            let cells = all.map(|value| value.map_or_else(String::new, |micros| micros.to_string()));
            let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join(","));
        }
    }
    call.out.append(&mut out);
    Outcome::Done
}

fn show_recent(call: &mut Call<'_, World>) -> Outcome {
    let id = call.arg(0).into_owned();
    let events = call.world.engine.runtime().process.recorder.events();
    let is_meant = |event: &&Event| id.is_empty() || event.id == id || format!("{:#x}", event.number) == id;
    for event in events.iter().filter(is_meant) {
        write_event(event, call.out);
    }
    Outcome::Done
}

/// A line: time, id, client, proxies, status, ending, time in all, what decided, the request.
fn write_event(event: &Event, out: &mut Vec<u8>) {
    let decided = match &event.rule {
        Some((file, line)) => format!("{file}:{line}"),
        None => format!("({})", event.reason),
    };
    let id = if event.id.is_empty() { format!("{:#x}", event.number) } else { event.id.clone() };
    let server = if event.server.is_empty() { "<NOSRV>" } else { &event.server };
    let backend = if event.backend.is_empty() { &event.frontend } else { &event.backend };
    let ending = String::from_utf8_lossy(&event.ending);
    let _ = writeln!(
        out,
        "[{}] {id} {} {} {backend}/{server} {} {ending} {}us {decided} \"{}\"",
        local_time(event.at, 6),
        event.client,
        event.frontend,
        event.status,
        event.total,
        event.request.escape_debug(),
    );
}
