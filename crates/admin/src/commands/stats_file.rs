//! `dump stats-file`, and what a process takes over from such a file at its start (management manual, 9.5).
//!
//! Objects are found by their `guid`; those without one are not in the file. Two blocks, each begun by a line that
//! names its columns: `#fe` for frontends and listeners, `#be` for backends and servers.

use std::collections::HashMap;
use std::sync::Arc;

use weir_engine::conf::CliLevel::User;
use weir_engine::runtime::{Counter, Counters};
use weir_engine::snapshot::Snapshot;

use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::field::Value;
use crate::stat::columns::FIXED;
use crate::stat::row::Row;
use crate::stat::rows;
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![command("dump stats-file", "", User, "dump stats for restore", dump)]
}

/// Lets the objects of a snapshot count on from what a file of an earlier process says; to be called before any
/// worker counts. Lines that cannot be understood, and objects that are gone, are passed over.
pub fn preload(snapshot: &Snapshot, text: &str) {
    let objects = by_guid(snapshot);
    for (guid, column, value) in counted(text) {
        if let Some(counter) = objects.get(guid).and_then(|object| counter(object, column)) {
            counter.add(value);
        }
    }
}

/// The numbers in a file, each with the `guid` of its object and the name of its column.
pub fn counted(text: &str) -> impl Iterator<Item = (&str, &str, u64)> {
    let mut columns: Vec<&str> = Vec::new();
    text.lines().flat_map(move |line| {
        if let Some(head) = line.strip_prefix('#') {
            columns = head.split_once(' ').map_or("", |(_, names)| names).split(',').collect();
            return Vec::new();
        }
        let (guid, values) = line.split_once(',').unwrap_or((line, ""));
        let values = columns.iter().skip(1).zip(values.split(','));
        values.filter_map(|(column, value)| Some((guid, *column, value.parse().ok()?))).collect()
    })
}

fn dump(call: &mut Call<'_, World>) -> Outcome {
    let world = call.world;
    let snapshot = world.engine.snapshot();
    head(call.out, "fe", FRONT);
    for proxy in snapshot.proxies.iter().filter(|p| p.conf.is_frontend() && !p.conf.disabled) {
        if let Some(guid) = &proxy.conf.guid {
            line(call.out, guid, FRONT, &rows::frontend(world, proxy));
        }
        for (at, bind) in proxy.conf.binds.iter().enumerate() {
            if let Some(prefix) = &bind.guid_prefix {
                line(call.out, &format!("{prefix}-{at}"), FRONT, &rows::listener(world, proxy, bind));
            }
        }
    }
    call.out.push(b'\n');
    head(call.out, "be", BACK);
    for proxy in snapshot.proxies.iter().filter(|p| p.conf.is_backend() && !p.conf.disabled) {
        for server in &proxy.servers {
            if let Some(guid) = &server.conf.guid {
                line(call.out, guid, BACK, &rows::server(world, proxy, server));
            }
        }
        if let Some(guid) = &proxy.conf.guid {
            line(call.out, guid, BACK, &rows::backend(world, proxy, false));
        }
    }
    Outcome::Done
}

fn head(out: &mut Vec<u8>, side: &str, columns: &[&str]) {
    out.extend_from_slice(format!("#{side} guid,{},\n", columns.join(",")).as_bytes());
}

fn line(out: &mut Vec<u8>, guid: &str, columns: &[&str], row: &Row) {
    out.extend_from_slice(guid.as_bytes());
    for name in columns {
        out.push(b',');
        match FIXED.iter().position(|about| about.name == *name).and_then(|at| row.at(at)) {
            // A number that is not there yet.
            Some(Value::Signed(..0)) | None => out.push(b'0'),
            Some(value) => value.write(out),
        }
    }
    out.extend_from_slice(b",\n");
}

/// The counters of the first worker, of each object that has a guid. A proxy that is both sides has one for each.
fn by_guid(snapshot: &Snapshot) -> HashMap<String, Counted> {
    let mut all = HashMap::new();
    for proxy in snapshot.proxies.iter() {
        if let Some(guid) = &proxy.conf.guid {
            all.insert(guid.clone(), Counted::Proxy(proxy.runtime.clone(), proxy.conf.is_frontend()));
        }
        for server in &proxy.servers {
            if let Some(guid) = &server.conf.guid {
                all.insert(guid.clone(), Counted::Server(server.runtime.clone()));
            }
        }
    }
    all
}

enum Counted {
    Proxy(Arc<weir_engine::runtime::ProxyRuntime>, bool),
    Server(Arc<weir_engine::runtime::ServerRuntime>),
}

fn counter<'a>(of: &'a Counted, name: &str) -> Option<&'a Counter> {
    let counters: &Counters = match of {
        Counted::Proxy(proxy, true) => proxy.frontend.counters.first()?,
        Counted::Proxy(proxy, false) => proxy.backend.counters.first()?,
        Counted::Server(server) => server.counters.first()?,
    };
    let class = |at: usize| counters.responses.get(at);
    Some(match name {
        "stot" => &counters.sessions,
        "bin" => &counters.bytes_in,
        "bout" => &counters.bytes_out,
        "dreq" => &counters.denied_requests,
        "dresp" => &counters.denied_responses,
        "ereq" => &counters.failed_requests,
        "econ" => &counters.failed_connections,
        "eresp" => &counters.failed_responses,
        "wretr" => &counters.retries,
        "wredis" => &counters.redispatches,
        "lbtot" => &counters.selected,
        "req_tot" => &counters.requests,
        "conn_tot" => &counters.connections,
        "intercepted" => &counters.intercepted,
        "dcon" => &counters.denied_connections,
        "dses" => &counters.denied_sessions,
        "wrew" => &counters.failed_rewrites,
        "eint" => &counters.internal_errors,
        "cli_abrt" => &counters.client_aborts,
        "srv_abrt" => &counters.server_aborts,
        "connect" => &counters.connects,
        "reuse" => &counters.reuses,
        "hrsp_1xx" => class(0)?,
        "hrsp_2xx" => class(1)?,
        "hrsp_3xx" => class(2)?,
        "hrsp_4xx" => class(3)?,
        "hrsp_5xx" => class(4)?,
        "hrsp_other" => class(5)?,
        _ => return None,
    })
}

const FRONT: &[&str] = &[
    "stot",
    "bin",
    "bout",
    "dreq",
    "dresp",
    "ereq",
    "rate",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
    "req_rate",
    "req_tot",
    "comp_in",
    "comp_out",
    "comp_byp",
    "comp_rsp",
    "conn_rate",
    "conn_tot",
    "intercepted",
    "dcon",
    "dses",
    "wrew",
    "cache_lookups",
    "cache_hits",
    "eint",
    "h1sess",
    "h2sess",
    "h3sess",
    "req_other",
    "h1req",
    "h2req",
    "h3req",
    "reqbin",
    "reqbout",
    "resbin",
    "resbout",
];

const BACK: &[&str] = &[
    "stot",
    "bin",
    "bout",
    "dreq",
    "dresp",
    "econ",
    "eresp",
    "wretr",
    "wredis",
    "chkfail",
    "chkdown",
    "lastchg",
    "lbtot",
    "rate",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
    "hanafail",
    "req_tot",
    "cli_abrt",
    "srv_abrt",
    "comp_in",
    "comp_out",
    "comp_byp",
    "comp_rsp",
    "lastsess",
    "wrew",
    "connect",
    "reuse",
    "cache_lookups",
    "cache_hits",
    "eint",
    "reqbin",
    "reqbout",
    "resbin",
    "resbout",
];
