//! `show info`: the process as a whole (management manual, 9.3 "show info").

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_engine::clock;
use weir_engine::conf::CliLevel;
use weir_engine::runtime::{Counters, Process, Rate, TlsCounters};
use weir_engine::snapshot::Proxy;
use weir_expr::PatternFiles;

use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::commands;
use crate::field::{Label, Value};
use crate::totals;
use crate::world::{Counted, World};

/// The commands of this file.
pub(crate) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command(
            "show info",
            "[desc|json|typed|float]*",
            CliLevel::User,
            "report information about the running process",
            show,
        ),
        command("show version", "", CliLevel::User, "show version of the current process", |call| {
            let version = call.world.about.version.clone();
            call.tell(Severity::Info, version)
        }),
    ]
}

/// A field: its position, name, tags, type and description.
type About = (usize, &'static str, &'static str, &'static str, &'static str);

/// What the field of this name is, in a line.
pub(crate) fn description(name: &str) -> &'static str {
    FIELDS.iter().find(|(_, field, ..)| *field == name).map_or("", |(.., description)| description)
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    let has = |word: &[u8]| call.args.iter().any(|arg| arg == word);
    let (typed, json, described, float) = (has(b"typed"), has(b"json"), has(b"desc"), has(b"float"));
    let out = &mut *call.out;
    if json {
        out.push(b'[');
    }
    let mut first = true;
    for &(position, name, tags, kind, description) in FIELDS {
        let Some(value) = value(call.world, name, float) else { continue };
        let fraction = float && FRACTIONS.contains(&name);
        let kind = if fraction { "flt" } else { kind };
        let tags = if fraction { tags.replace("MG", "MR") } else { tags.to_owned() };
        let label = Label { position, name, tags: &tags, kind };
        if json {
            out.extend_from_slice(if first { b"{" } else { b",{" });
            label.write_json(&value, out);
            out.push(b'}');
        } else {
            if typed {
                label.write_typed(&value, out);
            } else {
                let _ = write!(out, "{name}: ");
                value.write_csv(out);
            }
            if described {
                let _ = write!(out, ":\"{description}\"");
            }
            out.push(b'\n');
        }
        first = false;
    }
    if json {
        out.extend_from_slice(b"]\n");
    }
    Outcome::Done
}

/// The name of this node: what `global` says, else the host's.
pub(crate) fn node(world: &World) -> Option<String> {
    world.engine.snapshot().global.node.clone().or_else(|| Some(weir_engine::log::system_name()))
}

/// The value of a field; none where the field is left out.
pub(crate) fn value(world: &World, name: &str, float: bool) -> Option<Value> {
    let runtime = world.engine.runtime();
    let process = &runtime.process;
    let snapshot = world.engine.snapshot();
    let global = &snapshot.global;
    let counters = process.per_worker.get().map_or(&[][..], |all| all);
    let totals = || world.totals(&Counted::Process, counters);
    let bytes = || {
        let of = |p: &Arc<Proxy>| {
            p.runtime.frontend.sum(|c| &c.bytes_out) + p.runtime.backend.sum(|c| &c.bytes_in)
        };
        snapshot.proxies.iter().map(of).sum::<u64>() + world.answered.load(Relaxed)
    };
    let sessions = world.sessions.load(Relaxed);
    let commands = world.commands.load(Relaxed);
    Some(match name {
        "Name" => "HAProxy".into(),
        "Version" | "Build info" => world.about.version.clone().into(),
        "Release_date" => world.about.released.clone().into(),
        "Nbthread" => (runtime.workers as u64).into(),
        "Nbproc" | "Process_num" | "NbThreadGroups" => 1_u64.into(),
        "Pid" => std::process::id().into(),
        "Uptime" => days(world.age().as_secs()).into(),
        "Uptime_sec" if float => Value::Fraction(world.age().as_secs_f64()),
        "Uptime_sec" => world.age().as_secs().into(),
        "Start_time_sec" if float => Value::Fraction(world.start_time().as_secs_f64()),
        "Start_time_sec" => world.start_time().as_secs().into(),
        "Memmax_MB" => world.about.memory.into(),
        "Memmax_bytes" => (world.about.memory << 20).into(),
        "Ulimit-n" => world.about.descriptors.into(),
        "Maxsock" => world.about.sockets.into(),
        "Maxconn" => process.maxconn.load(Relaxed).into(),
        "Hard_maxconn" => process.hard_maxconn.load(Relaxed).into(),
        "CurrConns" => process.connections.load(Relaxed).into(),
        "CumConns" => (totals().connections + sessions).into(),
        "CumReq" => (requests(world) + commands).into(),
        "ConnRate" => rate(counters, |c| &c.connection_rate),
        "MaxConnRate" => totals::highest_rate(counters, |c| &c.connection_rate).into(),
        "ConnRateLimit" => process.rate_limits[0].load(Relaxed).into(),
        "SessRate" => rate(counters, |c| &c.session_rate),
        "MaxSessRate" => totals::highest_rate(counters, |c| &c.session_rate).into(),
        "SessRateLimit" => process.rate_limits[1].load(Relaxed).into(),
        "SslRateLimit" => process.rate_limits[2].load(Relaxed).into(),
        "MaxSslConns" => global.max_tls_conn.into(),
        "CompressBpsRateLim" => process.compression_limit.load(Relaxed).into(),
        "Maxpipes" => global.max_pipes.unwrap_or(0).into(),
        "Tasks" => (u64::from(process.connections.load(Relaxed)) + runtime.workers as u64).into(),
        "Idle_pct" => 100_u64.into(),
        "node" => node(world)?.into(),
        "description" => global.description.clone()?.into(),
        "Stopping" => u64::from(process.is_stopping()).into(),
        "Jobs" => (u64::from(process.connections.load(Relaxed)) + listeners(world) + 2).into(),
        "Listeners" => listeners(world).into(),
        "DroppedLogs" => process.dropped_logs.load(Relaxed).into(),
        "CumRecvLogs" => process.received_logs.load(Relaxed).into(),
        "TotalBytesOut" => bytes().into(),
        "Tainted" => "0".into(),
        "TotalWarnings" => world.program.warnings().into(),
        "BootTime_ms" => u64::try_from(world.about.boot.as_millis()).unwrap_or(u64::MAX).into(),
        "PatternsAdded" => patterns(&snapshot.patterns).into(),
        "PoolAlloc_MB" | "PoolUsed_MB" => (commands::pool_bytes(world) >> 20).into(),
        "PoolAlloc_bytes" | "PoolUsed_bytes" => commands::pool_bytes(world).into(),
        "CurrStreams" => (u64::from(process.connections.load(Relaxed)) + 1).into(),
        "CumStreams" => (requests(world) + commands).into(),
        _ => of_tls_now(name).or_else(|| of_tls(process, name)).unwrap_or(0).into(),
    })
}

/// The patterns of all lists.
fn patterns(lists: &PatternFiles) -> u64 {
    lists.numbered().iter().map(|(_, list)| list.summary().entries as u64).sum()
}

/// The value of a field about sessions of TLS that no worker counts.
fn of_tls_now(name: &str) -> Option<u64> {
    let counts = weir_tls::counts::now();
    Some(match name {
        "CurrSslConns" => counts.open,
        "SslCacheLookups" => counts.lookups,
        "SslCacheMisses" => counts.misses,
        _ => return None,
    })
}

/// The value of a field about sessions of TLS.
fn of_tls(process: &Process, name: &str) -> Option<u64> {
    let counters = process.tls.get()?;
    let rate = |which: fn(&TlsCounters) -> &Rate| {
        counters.iter().map(|c| which(c).per_second(clock::now())).sum::<u64>()
    };
    let highest = |which: fn(&TlsCounters) -> &Rate| counters.iter().map(|c| which(c).highest()).sum::<u64>();
    Some(match name {
        "CumSslConns" => counters.iter().map(|c| c.sessions.value()).sum(),
        "SslRate" => rate(|c| &c.rate),
        "MaxSslRate" => highest(|c| &c.rate),
        "SslFrontendKeyRate" => rate(|c| &c.client_keys),
        "SslFrontendMaxKeyRate" => highest(|c| &c.client_keys),
        "SslFrontendSessionReuse_pct" => match rate(|c| &c.rate) {
            0 => 0,
            all => 100 * all.saturating_sub(rate(|c| &c.client_keys)) / all,
        },
        "SslBackendKeyRate" => rate(|c| &c.server_keys),
        "SslBackendMaxKeyRate" => highest(|c| &c.server_keys),
        _ => return None,
    })
}

fn rate(counters: &[Counters], which: fn(&Counters) -> &Rate) -> Value {
    totals::rate(counters, which, clock::now()).into()
}

/// Requests that HTTP frontends understood, and sessions of the others.
fn requests(world: &World) -> u64 {
    let snapshot = world.engine.snapshot();
    let of = |proxy: &Arc<Proxy>| {
        let frontend = &proxy.runtime.frontend;
        match proxy.conf.mode {
            weir_engine::conf::Mode::Http => frontend.sum(|c| &c.streams),
            _ => frontend.sum(|c| &c.sessions),
        }
    };
    snapshot.proxies.iter().map(of).sum()
}

/// Listening sockets, those of the runtime API included.
fn listeners(world: &World) -> u64 {
    let snapshot = world.engine.snapshot();
    let binds = snapshot.proxies.iter().filter(|p| !p.conf.disabled).map(|p| p.conf.binds.len());
    (binds.sum::<usize>() + snapshot.global.stats_sockets.len()) as u64
}

/// `0d 0h00m01s`
fn days(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    format!("{days}d {hours}h{minutes:02}m{:02}s", seconds % 60)
}

/// Fields that may have a fraction where it is asked for.
const FRACTIONS: &[&str] = &[
    "Uptime_sec",
    "ConnRate",
    "SessRate",
    "SslRate",
    "SslFrontendKeyRate",
    "SslFrontendSessionReuse_pct",
    "SslBackendKeyRate",
    "CompressBpsIn",
    "CompressBpsOut",
    "Start_time_sec",
];

/// The fields in their order; positions that are left out belong to what is not built in.
const FIELDS: &[About] = &[
    (0, "Name", "POSV", "str", "Product name"),
    (1, "Version", "POSV", "str", "Product version"),
    (2, "Release_date", "POSV", "str", "Date of latest source code update"),
    (3, "Nbthread", "CGSV", "u32", "Number of started threads (global.nbthread)"),
    (4, "Nbproc", "CGSV", "u32", "Number of started worker processes (historical, always 1)"),
    (5, "Process_num", "KGPV", "u32", "Relative worker process number (1)"),
    (6, "Pid", "SGPV", "u32", "This worker process identifier for the system"),
    (7, "Uptime", "MDPV", "str", "How long ago this worker process was started (days+hours+minutes+seconds)"),
    (8, "Uptime_sec", "MDPV", "u32", "How long ago this worker process was started (seconds)"),
    (9, "Memmax_MB", "CLPV", "u32", "Worker process's hard limit on memory usage in MB (-m on command line)"),
    (10, "PoolAlloc_MB", "MGPV", "u32", "Amount of memory allocated in pools (in MB)"),
    (11, "PoolUsed_MB", "MGPV", "u32", "Amount of pool memory currently used (in MB)"),
    (12, "PoolFailed", "MCPV", "u32", "Number of failed pool allocations since this worker was started"),
    (13, "Ulimit-n", "CLPV", "u32", "Hard limit on the number of per-process file descriptors"),
    (14, "Maxsock", "CLPV", "u32", "Hard limit on the number of per-process sockets"),
    (
        15,
        "Maxconn",
        "CLPV",
        "u32",
        "Hard limit on the number of per-process connections (configured or imposed by Ulimit-n)",
    ),
    (
        16,
        "Hard_maxconn",
        "CLPV",
        "u32",
        "Hard limit on the number of per-process connections (imposed by Memmax_MB or Ulimit-n)",
    ),
    (17, "CurrConns", "MGPV", "u32", "Current number of connections on this worker process"),
    (18, "CumConns", "MCPV", "u32", "Total number of connections on this worker process since started"),
    (19, "CumReq", "MCPV", "u32", "Total number of requests on this worker process since started"),
    (
        20,
        "MaxSslConns",
        "MMPV",
        "u32",
        "Hard limit on the number of per-process SSL endpoints (front+back), 0=unlimited",
    ),
    (
        21,
        "CurrSslConns",
        "MGPV",
        "u32",
        "Current number of SSL endpoints on this worker process (front+back)",
    ),
    (
        22,
        "CumSslConns",
        "MCPV",
        "u32",
        "Total number of SSL endpoints on this worker process since started (front+back)",
    ),
    (23, "Maxpipes", "CLPV", "u32", "Hard limit on the number of pipes for splicing, 0=unlimited"),
    (24, "PipesUsed", "MGPV", "u32", "Current number of pipes in use in this worker process"),
    (
        25,
        "PipesFree",
        "MGPV",
        "u32",
        "Current number of allocated and available pipes in this worker process",
    ),
    (
        26,
        "ConnRate",
        "MRPV",
        "u32",
        "Number of front connections created on this worker process over the last second",
    ),
    (27, "ConnRateLimit", "CLPV", "u32", "Hard limit for ConnRate (global.maxconnrate)"),
    (
        28,
        "MaxConnRate",
        "MMPV",
        "u32",
        "Highest ConnRate reached on this worker process since started (in connections per second)",
    ),
    (29, "SessRate", "MRPV", "u32", "Number of sessions created on this worker process over the last second"),
    (30, "SessRateLimit", "CLPV", "u32", "Hard limit for SessRate (global.maxsessrate)"),
    (
        31,
        "MaxSessRate",
        "MRPV",
        "u32",
        "Highest SessRate reached on this worker process since started (in sessions per second)",
    ),
    (
        32,
        "SslRate",
        "MRPV",
        "u32",
        "Number of SSL connections created on this worker process over the last second",
    ),
    (33, "SslRateLimit", "CLPV", "u32", "Hard limit for SslRate (global.maxsslrate)"),
    (
        34,
        "MaxSslRate",
        "MMPV",
        "u32",
        "Highest SslRate reached on this worker process since started (in connections per second)",
    ),
    (
        35,
        "SslFrontendKeyRate",
        "MGPV",
        "u32",
        "Number of SSL keys created on frontends in this worker process over the last second",
    ),
    (
        36,
        "SslFrontendMaxKeyRate",
        "MMPV",
        "u32",
        "Highest SslFrontendKeyRate reached on this worker process since started (in SSL keys per second)",
    ),
    (
        37,
        "SslFrontendSessionReuse_pct",
        "MGPV",
        "u32",
        "Percent of frontend SSL connections which did not require a new key",
    ),
    (
        38,
        "SslBackendKeyRate",
        "MRPV",
        "u32",
        "Number of SSL keys created on backends in this worker process over the last second",
    ),
    (
        39,
        "SslBackendMaxKeyRate",
        "MMPV",
        "u32",
        "Highest SslBackendKeyRate reached on this worker process since started (in SSL keys per second)",
    ),
    (
        40,
        "SslCacheLookups",
        "MCPV",
        "u32",
        "Total number of SSL session ID lookups in the SSL session cache on this worker since started",
    ),
    (
        41,
        "SslCacheMisses",
        "MCPV",
        "u32",
        "Total number of SSL session ID lookups that didn't find a session in the SSL session cache on this worker since started",
    ),
    (
        42,
        "CompressBpsIn",
        "MRPV",
        "u32",
        "Number of bytes submitted to the HTTP compressor in this worker process over the last second",
    ),
    (
        43,
        "CompressBpsOut",
        "MRPV",
        "u32",
        "Number of bytes emitted by the HTTP compressor in this worker process over the last second",
    ),
    (
        44,
        "CompressBpsRateLim",
        "CLPV",
        "u32",
        "Limit of CompressBpsOut beyond which HTTP compression is automatically disabled",
    ),
    (47, "Tasks", "MGPV", "u32", "Total number of tasks in the current worker process (active + sleeping)"),
    (48, "Run_queue", "MGPV", "u32", "Total number of active tasks+tasklets in the current worker process"),
    (49, "Idle_pct", "MaPV", "u32", "Percentage of last second spent waiting in the current worker thread"),
    (50, "node", "COSV", "str", "Node name (global.node)"),
    (51, "description", "COSV", "str", "Node description (global.description)"),
    (52, "Stopping", "MGPV", "u32", "1 if the worker process is currently stopping, otherwise zero"),
    (
        53,
        "Jobs",
        "MGPV",
        "u32",
        "Current number of active jobs on the current worker process (frontend connections, master connections, listeners)",
    ),
    (
        54,
        "Unstoppable Jobs",
        "MGPV",
        "u32",
        "Current number of unstoppable jobs on the current worker process (master connections)",
    ),
    (55, "Listeners", "MGPV", "u32", "Current number of active listeners on the current worker process"),
    (
        56,
        "ActivePeers",
        "MGPV",
        "u32",
        "Current number of verified active peers connections on the current worker process",
    ),
    (
        57,
        "ConnectedPeers",
        "MGPV",
        "u32",
        "Current number of peers having passed the connection step on the current worker process",
    ),
    (
        58,
        "DroppedLogs",
        "MGPV",
        "u32",
        "Total number of dropped logs for current worker process since started",
    ),
    (
        59,
        "BusyPolling",
        "MGPV",
        "u32",
        "1 if busy-polling is currently in use on the worker process, otherwise zero (config.busy-polling)",
    ),
    (
        60,
        "FailedResolutions",
        "MGPV",
        "u32",
        "Total number of failed DNS resolutions in current worker process since started",
    ),
    (
        61,
        "TotalBytesOut",
        "MGPV",
        "u64",
        "Total number of bytes emitted by current worker process since started",
    ),
    (
        62,
        "TotalSplicedBytesOut",
        "MGPV",
        "u64",
        "Total number of bytes emitted by current worker process through a kernel pipe since started",
    ),
    (
        63,
        "BytesOutRate",
        "MRPV",
        "u64",
        "Number of bytes emitted by current worker process over the last second",
    ),
    (
        64,
        "DebugCommandsIssued",
        "MGPV",
        "u32",
        "Number of debug commands issued on this process (anything > 0 is unsafe)",
    ),
    (
        65,
        "CumRecvLogs",
        "MCPV",
        "u32",
        "Total number of log messages received by log-forwarding listeners on this worker process since started",
    ),
    (66, "Build info", "POSV", "str", "Build info"),
    (
        67,
        "Memmax_bytes",
        "CLPV",
        "u32",
        "Worker process's hard limit on memory usage in bytes (-m on command line)",
    ),
    (68, "PoolAlloc_bytes", "MGPV", "u64", "Amount of memory allocated in pools (in bytes)"),
    (69, "PoolUsed_bytes", "MGPV", "u64", "Amount of pool memory currently used (in bytes)"),
    (70, "Start_time_sec", "MDPV", "u32", "Start time in seconds"),
    (71, "Tainted", "SGPV", "str", "Experimental features used"),
    (72, "TotalWarnings", "MCPV", "u32", "Total warnings issued"),
    (
        73,
        "MaxconnReached",
        "MCPV",
        "u32",
        "Number of times an accepted connection resulted in Maxconn being reached",
    ),
    (
        74,
        "BootTime_ms",
        "MDPV",
        "u32",
        "How long ago it took to parse and process the config before being ready (milliseconds)",
    ),
    (
        75,
        "Niced_tasks",
        "MGPV",
        "u32",
        "Total number of active tasks+tasklets in the current worker process (Run_queue) that are niced",
    ),
    (76, "CurrStreams", "MGPV", "u64", "Current number of streams on this worker process"),
    (77, "CumStreams", "MGPV", "u64", "Total number of streams created on this worker process since started"),
    (
        78,
        "BlockedTrafficWarnings",
        "MGPV",
        "u32",
        "Total number of warnings issued about traffic being blocked by too slow a task",
    ),
    (79, "PatternsAdded", "MGPV", "u64", "Total number of patterns added (acl/map entries)"),
    (80, "PatternsFreed", "MGPV", "u64", "Total number of patterns freed (acl/map entries)"),
    (81, "NbThreadGroups", "CGSV", "u32", "Number of started thread groups (global.thread-groups)"),
];
