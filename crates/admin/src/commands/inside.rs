//! Commands about the inside of the process: workers, storage, descriptors, files it runs (management manual, 9.3).
//!
//! The lines begin as the reference's do. What has no counterpart here is shown as 0.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use weir_config::values::leading_integer;
use weir_engine::conf::CliLevel::{Operator, User};
use weir_engine::{Activity, clock};
use weir_sys::descriptors::{self, Kind, Seen};
use weir_sys::limits;

use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command(
            "show activity",
            "[-1|0|thread_num]",
            Operator,
            "show per-thread activity stats (for support/developers)",
            activity,
        ),
        command("show dev", "", User, "show debug info for developers", developers),
        command(
            "show fd",
            "[-!plcfbsd]* [num]",
            Operator,
            "dump list of file descriptors in use or a specific one",
            files,
        ),
        command("show libs", "", Operator, "show loaded object files and libraries", libraries),
        command(
            "show pools",
            "[by*] [match <pfx>] [nb]",
            User,
            "report information about the memory pools usage",
            pools,
        ),
        command("show startup-logs", "", Operator, "report logs emitted during HAProxy startup", |call| {
            call.out.extend_from_slice(&call.world.program.startup_logs());
            Outcome::Done
        }),
        command("show tasks", "", User, "show running tasks", tasks),
        command("show threads", "", User, "show some threads debugging information", threads),
    ]
}

fn activity(call: &mut Call<'_, World>) -> Outcome {
    let workers = call.world.engine.activity();
    let wanted = call.has(0).then(|| leading_integer(call.arg(0).as_bytes()));
    let count = i64::try_from(workers.len()).unwrap_or(i64::MAX);
    if wanted.is_some_and(|thread| !(-1..=count).contains(&thread)) {
        return call.fail("Thread ID number must be between -1 and nbthread");
    }
    let micros = clock::wall();
    call.say(format!("thread_id: 1 (1..{count})"));
    call.say(format!("date_now: {}.{:06}", micros / 1_000_000, micros % 1_000_000));
    let age = call.world.age();
    call.say(format!("uptime_now: {}.{:06}", age.as_secs(), age.subsec_micros()));
    let accepted = call.world.engine.runtime().process.per_worker.get();
    for (name, of) in ACTIVITY {
        let values: Vec<u64> = workers
            .iter()
            .enumerate()
            .map(|(at, worker)| match *name {
                "accepted" => accepted.and_then(|all| all.get(at)).map_or(0, |c| c.connections.value()),
                "stream_calls" => accepted.and_then(|all| all.get(at)).map_or(0, |c| c.requests.value()),
                "avg_cpu_pct" => (worker.busy.as_millis() * 100 / age.as_millis().max(1)) as u64,
                _ => of(worker),
            })
            .collect();
        let total: u64 = match *name {
            "avg_cpu_pct" | "avg_loop_us" => values.iter().sum::<u64>() / values.len().max(1) as u64,
            _ => values.iter().sum(),
        };
        let line = match wanted {
            Some(0) => format!("{name}: {total}"),
            Some(thread) if thread > 0 => {
                let one = usize::try_from(thread - 1).ok().and_then(|at| values.get(at)).copied();
                format!("{name}: {}", one.unwrap_or(0))
            }
            _ if values.len() < 2 => format!("{name}: {total}"),
            _ => {
                let each: Vec<String> = values.iter().map(u64::to_string).collect();
                format!("{name}: {total} [ {} ]", each.join(" "))
            }
        };
        call.say(line);
    }
    Outcome::Done
}

fn threads(call: &mut Call<'_, World>) -> Outcome {
    for (at, worker) in call.world.engine.activity().iter().enumerate() {
        let number = at + 1;
        let _ = writeln!(
            call.out,
            "  Thread {number} : id=0 act={} glob={} wq=1 rq={} tl=0 tlsz=0 rqsz={}\n      \
             1/{number}    loops={} ctxsw={} stuck=0 prof=0 harmless=1 isolated=0 locks=0\n             \
             cpu_ns: poll=0 now={} diff=0\n             curr_task=0",
            u32::from(worker.ready > 0),
            worker.ready,
            worker.ready,
            worker.tasks,
            worker.waits,
            worker.waits,
            worker.busy.as_nanos(),
        );
    }
    Outcome::Done
}

fn tasks(call: &mut Call<'_, World>) -> Outcome {
    let workers = call.world.engine.activity();
    let ready: usize = workers.iter().map(|worker| worker.ready).sum();
    call.say(format!("Running tasks: {ready} ({} threads)", workers.len()));
    call.say("  function                     places     %    lat_tot   lat_avg  calls_tot  calls_avg calls%")
}

fn pools(call: &mut Call<'_, World>) -> Outcome {
    let (mut prefix, mut most) = (None, None);
    let mut words = (0..call.args.len()).map(|at| call.arg(at).into_owned());
    while let Some(word) = words.next() {
        match word.as_str() {
            "byname" | "bysize" | "byusage" | "detailed" => {}
            "match" => prefix = words.next(),
            number => match number.parse::<usize>() {
                Ok(number) if number > 0 => most = Some(number),
                _ => {
                    drop(words);
                    return call.fail(POOLS_USAGE);
                }
            },
        }
    }
    drop(words);
    let limited = most.map_or(String::new(), |most| format!(" (limited to the first {most} entries)"));
    call.say(format!("Dumping pools usage{limited}. Use SIGQUIT to flush them."));
    let (mut count, mut bytes, mut spare) = (0, 0, 0);
    for (name, size, used, idle) in stores(call.world) {
        if prefix.as_ref().is_some_and(|prefix| !name.starts_with(prefix.as_str())) {
            continue;
        }
        let all = used + idle;
        (count, bytes, spare) = (count + 1, bytes + all * size, spare + idle * size);
        if most.is_none_or(|most| count <= most) {
            call.say(format!(
                "  - Pool {name} ({size} bytes/8) : {all} allocated ({} bytes), {all} used (~{idle} by thread caches), \
                 needed_avg {used}, 0 failures, 1 users, @0",
                all * size
            ));
        }
    }
    call.say(format!(
        "Total: {count} pools, {bytes} bytes allocated, {bytes} used (~{spare} by thread caches)."
    ))
}

/// Bytes of buffers and transactions in use. It asks no worker: the exporter tells it on one, which would wait for
/// itself.
pub(crate) fn pool_bytes(world: &World) -> u64 {
    let sessions = world.engine.runtime().process.jobs.load(Relaxed) as usize;
    let size = world.engine.snapshot().global.tune.bufsize;
    (sessions * (size + TRANSACTION)) as u64
}

/// What is kept to be used again: name, size of a piece in bytes, pieces in use, pieces that lie ready.
fn stores(world: &World) -> [(&'static str, usize, usize, usize); 2] {
    let workers = world.engine.activity();
    let sessions: usize = workers.iter().map(|worker| worker.sessions).sum();
    let spare = |at: usize| workers.iter().filter_map(|worker| worker.spare.get(at)).sum::<usize>();
    let size = world.engine.snapshot().global.tune.bufsize;
    [("buffer", size, sessions, spare(2)), ("stream", TRANSACTION, sessions, spare(0))]
}

/// The files whose code the process runs, each with its place in memory.
fn libraries(call: &mut Call<'_, World>) -> Outcome {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut files: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for line in maps.lines() {
        let Some((at, (from, to))) = line.find('/').zip(range(line)) else { continue };
        let Some(path) = line.get(at..) else { continue };
        let place = files.entry(path).or_insert((from, to));
        *place = (place.0.min(from), place.1.max(to));
    }
    for (path, (from, to)) in files {
        let _ = writeln!(call.out, "{from:#018x}-{:#018x} ({:#09x}) {path}", to - 1, to - from);
    }
    Outcome::Done
}

fn range(line: &str) -> Option<(u64, u64)> {
    let (from, to) = line.split_once(' ')?.0.split_once('-')?;
    Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
}

fn developers(call: &mut Call<'_, World>) -> Outcome {
    if call.has(0) {
        return call.fail("This command takes no argument.");
    }
    let about = &call.world.about;
    // Not the files of `/proc`: behind `chroot` there are none.
    let system = rustix::system::uname();
    let [kind, release, version, node] =
        [system.sysname(), system.release(), system.version(), system.nodename()]
            .map(|s| s.to_string_lossy());
    let out = &mut *call.out;
    let _ = writeln!(out, "HAProxy version {}\nFeatures:\n  {}", about.version, about.features);
    let _ = writeln!(out, "Build options:\n  Built with multi-threading support.");
    let _ = writeln!(out, "Platform info:\n  OS name: {kind}\n  OS release: {release}");
    let _ = writeln!(out, "  OS version: {version}\n  OS architecture: {}", std::env::consts::ARCH);
    let _ = writeln!(out, "  node name: {node}");
    let words: Vec<String> = std::env::args().collect();
    let _ = writeln!(out, "Process info:\n  pid: {}\n  cmdline: {} ", std::process::id(), words.join(" "));
    let identity = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let _ = writeln!(out, "  identity:               -boot-       -runtime-   ");
    let _ = writeln!(out, "      uid:                {:<12} {:<12}", identity.0, identity.0);
    let _ = writeln!(out, "      gid:                {:<12} {:<12}", identity.1, identity.1);
    let limit = limits::descriptors();
    let shown = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
    let (soft, hard) = (shown(limit.soft), shown(limit.hard));
    let _ = writeln!(out, "  limits:                 -boot-       -runtime-   ");
    let _ = writeln!(out, "      fd limit (soft):    {soft:<12} {soft:<12}");
    let _ = writeln!(out, "      fd limit (hard):    {hard:<12} {hard:<12}");
    Outcome::Done
}

fn files(call: &mut Call<'_, World>) -> Outcome {
    let mut wanted: Option<i32> = None;
    let mut shown: fn(&Seen) -> bool = |_| true;
    for word in call.args {
        let text = String::from_utf8_lossy(word);
        match text.strip_prefix('-') {
            Some(flags) => match selection(flags) {
                Some(selection) => shown = selection,
                None => return call.fail("Invalid FD type"),
            },
            None => match text.parse() {
                Ok(number) => wanted = Some(number),
                Err(_) => return call.fail("Invalid FD type"),
            },
        }
    }
    let ports = frontends(call.world);
    for seen in descriptors::survey() {
        if wanted.is_some_and(|wanted| wanted != seen.fd) || !shown(&seen) || seen.fd < 3 {
            continue;
        }
        let _ = write!(
            call.out,
            "  {:5} : st=0x000121(cl heopI W:sRa R:srA) ref=0 gid=1 tmask=0x1 umask=0x0 prmsk=0x1 pwmsk=0x0 owner=0 gen=0 \
             tkov=0 iocb=0",
            seen.fd
        );
        let family = seen.kind.word();
        let _ = match (seen.listening, seen.port) {
            (true, Some(port)) => {
                let owner = ports.get(&port).map_or("GLOBAL", String::as_str);
                writeln!(call.out, " l.st=RDY fe={owner} fam={family} lport={port}")
            }
            (true, None) => writeln!(call.out, " l.st=RDY fe=GLOBAL fam={family}"),
            (false, Some(port)) => writeln!(call.out, " fam={family} lport={port}"),
            (false, None) => writeln!(call.out, " fam={family}"),
        };
    }
    Outcome::Done
}

/// Which descriptors the letters behind a dash select.
fn selection(letters: &str) -> Option<fn(&Seen) -> bool> {
    let negated = letters.starts_with('!');
    Some(match (letters.trim_start_matches('!'), negated) {
        ("l", false) => |seen| seen.listening,
        ("l", true) => |seen| !seen.listening,
        ("p", false) => |seen| seen.kind == Kind::Pipe,
        ("p", true) => |seen| seen.kind != Kind::Pipe,
        ("c" | "f" | "b" | "s" | "d", false) => |seen| !seen.listening && seen.port.is_some(),
        ("c" | "f" | "b" | "s" | "d", true) => |seen| seen.listening || seen.port.is_none(),
        _ => return None,
    })
}

/// The frontend that listens on each port.
fn frontends(world: &World) -> BTreeMap<u16, String> {
    use weir_engine::conf::Endpoint;
    let snapshot = world.engine.snapshot();
    let mut ports = BTreeMap::new();
    for proxy in snapshot.proxies.iter() {
        for bind in &proxy.conf.binds {
            if let Endpoint::Inet(address) = &bind.endpoint {
                ports.insert(address.port(), proxy.conf.name.clone());
            }
        }
    }
    ports
}

type Figure = fn(&Activity) -> u64;

/// The figures of `show activity`, in the reference's order.
const ACTIVITY: &[(&str, Figure)] = &[
    ("ctxsw", |a| a.waits),
    ("tasksw", |a| a.waits),
    ("empty_rq", |_| 0),
    ("long_rq", |_| 0),
    ("curr_rq", |a| a.ready as u64),
    ("loops", |a| a.waits),
    ("wake_tasks", |_| 0),
    ("wake_signal", |_| 0),
    ("poll_io", |a| a.waits),
    ("poll_exp", |_| 0),
    ("poll_drop_fd", |_| 0),
    ("poll_skip_fd", |_| 0),
    ("conn_dead", |_| 0),
    ("stream_calls", |_| 0),
    ("pool_fail", |_| 0),
    ("buf_wait", |_| 0),
    ("cpust_ms_tot", |_| 0),
    ("cpust_ms_1s", |_| 0),
    ("cpust_ms_15s", |_| 0),
    ("avg_cpu_pct", |_| 0),
    ("avg_loop_us", |a| (a.busy.as_micros() / u128::from(a.waits.max(1))) as u64),
    ("accepted", |_| 0),
    ("accq_pushed", |_| 0),
    ("accq_full", |_| 0),
    ("accq_ring", |_| 0),
    ("fd_takeover", |_| 0),
    ("check_adopted", |_| 0),
    ("check_started", |_| 0),
    ("check_active", |_| 0),
    ("check_running", |_| 0),
];

const POOLS_USAGE: &str = "Expects either 'byname', 'bysize', 'byusage', 'match <pfx>', 'detailed', or a max number of output lines.";
/// About what a transaction takes, in bytes.
const TRANSACTION: usize = 4096;
