//! Reloads in place under load: nothing fails, nothing is forgotten, nothing grows.
//!
//! A few seconds here; `cargo xtask reloads` asks for more by `WEIR_RELOADS`, and for the pace of the load and of the
//! reloads by `WEIR_STRICT`, as a busy machine does not keep it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use weir_testkit::{Program, Running, Signal};

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    maxconn 1000
    {global}
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend fe
    bind {fe}
    default_backend be
backend be
    http-request track-sc0 path table entries
    server s {srv}
backend entries
    stick-table type string len 16 size 20k expire 1h store http_req_cnt
";

/// What varies from test to test.
struct Trial {
    global: &'static str,
    /// Every second file that is loaded has a fault.
    broken: bool,
}

fn is_strict() -> bool {
    std::env::var_os("WEIR_STRICT").is_some()
}

fn reloads() -> usize {
    std::env::var("WEIR_RELOADS").ok().and_then(|count| count.parse().ok()).unwrap_or(30)
}

/// The sum of the memory that processes hold, in kilobytes.
fn resident(pids: &[u32]) -> u64 {
    let of = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default().to_owned();
        line.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0)
    };
    pids.iter().map(of).sum()
}

/// How a client of the load asks.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// On a connection that is kept; one that ends after an answer is made anew.
    Kept,
    /// On a connection for each request.
    Fresh,
}

/// Requests one after the other, at times that do not depend on the answers; gives what failed.
fn load(address: SocketAddr, habit: Habit, stop: &AtomicBool, answered: &AtomicUsize) -> Vec<String> {
    let mut failures = Vec::new();
    let mut connection: Option<TcpStream> = None;
    let mut buffer = [0; 4096];
    let mut next = Instant::now();
    let request: &[u8] = match habit {
        Habit::Kept => b"GET /0 HTTP/1.1\r\nHost: a\r\n\r\n",
        Habit::Fresh => b"GET /0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    };
    while !stop.load(Ordering::Acquire) {
        let outcome = (|| -> std::io::Result<bool> {
            let mut stream = match connection.take() {
                Some(stream) => stream,
                None => TcpStream::connect(address)?,
            };
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(request)?;
            let count = stream.read(&mut buffer)?;
            let answer = &buffer[..count];
            if !answer.starts_with(b"HTTP/1.1 200") {
                return Ok(false);
            }
            if !String::from_utf8_lossy(answer).to_ascii_lowercase().contains("connection: close") {
                connection = Some(stream);
            }
            Ok(true)
        })();
        match outcome {
            Ok(true) => drop(answered.fetch_add(1, Ordering::AcqRel)),
            other => failures.push(format!("{other:?}")),
        }
        // Who fell behind by much does not make up for it in a burst.
        next = (next + PACE).max(Instant::now() - 20 * PACE);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    failures
}

/// A connection that became a tunnel, and still is one.
fn tunnel(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("a connection");
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    client
        .write_all(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        .expect("a request");
    let mut answer = [0; 1024];
    let count = client.read(&mut answer).expect("an answer");
    assert!(answer[..count].starts_with(b"HTTP/1.1 101"), "{}", answer[..count].escape_ascii());
    client
}

/// A server that answers requests, and echoes where a client asks for another protocol.
fn server() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn serve(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    let mut upgraded = false;
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        let came = &buffer[..count];
        let answer: &[u8] = if upgraded {
            came
        } else if came.starts_with(b"GET /ws") {
            upgraded = true;
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        } else {
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        };
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

/// Everything that `show stat` counts, by proxy, server and column.
fn counters(proxy: &Running) -> BTreeMap<String, u64> {
    let shown = proxy.admin("show stat");
    let mut lines = shown.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let mut counters = BTreeMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split(',').collect();
        for (name, cell) in names.iter().zip(&cells).filter(|(name, _)| COUNTED.contains(name)) {
            if let Ok(count) = cell.parse() {
                counters.insert(format!("{}/{} {name}", cells[0], cells[1]), count);
            }
        }
    }
    assert!(counters.contains_key("fe/FRONTEND req_tot"), "{shown}");
    counters
}

/// Says something through a tunnel and hears it again.
fn echo(tunnel: &mut TcpStream) {
    tunnel.write_all(b"still there?").expect("a tunnel");
    let mut answer = [0; 12];
    tunnel.read_exact(&mut answer).expect("an echo");
    assert_eq!(&answer, b"still there?");
}

fn entries(proxy: &Running) -> String {
    let head = proxy.admin("show table");
    head.lines().find(|line| line.contains("table: entries")).unwrap_or_default().to_owned()
}

/// The entries of the table but for the one that the load uses: keys and what is stored, without addresses and timers.
fn contents(proxy: &Running) -> BTreeSet<String> {
    let shown = proxy.admin("show table entries");
    let words = |line: &str| -> String {
        let told = line.split(' ').filter(|word| word.starts_with("key=") || word.starts_with("http_"));
        told.collect::<Vec<_>>().join(" ")
    };
    shown.lines().map(words).filter(|entry| !entry.is_empty() && !entry.starts_with("key=/0 ")).collect()
}

/// Waits until as many reloads are over as were asked for.
fn reload(proxy: &Running, done: &mut usize) {
    *done += 1;
    proxy.signal(Signal::USR2);
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let said = proxy.stderr();
        let over = said.matches("Reload done").count() + said.matches("Reload failed").count();
        if over >= *done {
            return;
        }
        assert!(Instant::now() < until, "reload {done} does not end:\n{said}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn trial(trial: &Trial) {
    let Some(weir) = Program::weir() else { return eprintln!("Weir is not built") };
    let mut launch = weir.launch();
    launch.set("srv", server().to_string());
    let config = CONFIG.replace("{global}", trial.global);
    let mut proxy = launch.start(&config);
    let address = proxy.address("fe");
    for at in 0..10_000 / FILL {
        let commands: Vec<String> = (0..FILL)
            .map(|n| format!("set table entries key /{} data.http_req_cnt 1", at * FILL + n))
            .collect();
        proxy.admin(&commands.join(";"));
    }
    let stored = contents(&proxy);
    let mut tunnels: Vec<TcpStream> = (0..TUNNELS).map(|_| tunnel(address)).collect();
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let file = proxy.dir().join("test.cfg");
    let good = std::fs::read_to_string(&file).expect("the configuration");
    let since = Instant::now();
    let (failures, memory) = std::thread::scope(|scope| {
        let (stop, answered) = (&stop, &answered);
        let loads: Vec<_> = [Habit::Kept, Habit::Kept, Habit::Kept, Habit::Fresh]
            .map(|habit| scope.spawn(move || load(address, habit, stop, answered)))
            .into();
        let (mut done, mut last, mut settled) = (0, counters(&proxy), 0);
        let processes = proxy.pids().len();
        for at in 0..reloads() {
            if trial.broken {
                let text = if at % 2 == 0 {
                    format!("{good}\nfrontend broken\n    nonsense\n")
                } else {
                    good.clone()
                };
                std::fs::write(&file, text).expect("a file");
            }
            reload(&proxy, &mut done);
            let now = counters(&proxy);
            for (name, was) in &last {
                assert!(now.get(name) >= Some(was), "{name} went from {was} to {:?}", now.get(name));
            }
            last = now;
            echo(&mut tunnels[at % TUNNELS]);
            if is_strict() {
                let due = since + INTERVAL * u32::try_from(at + 1).unwrap_or(u32::MAX);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            if at == reloads() / 3 {
                settled = resident(&proxy.pids());
            }
        }
        assert_eq!(proxy.pids().len(), processes, "processes came or went");
        let grown = resident(&proxy.pids());
        // What few reloads leave behind is noise of the allocator.
        let room = if reloads() >= 300 { settled / 20 } else { settled / 5 };
        assert!(grown <= settled + room + 2048, "from {settled} to {grown} kilobytes");
        stop.store(true, Ordering::Release);
        let failures = loads.into_iter().flat_map(|load| load.join().expect("the load")).collect::<Vec<_>>();
        (failures, (settled, grown))
    });
    let (time, count) = (since.elapsed().as_secs_f64(), answered.load(Ordering::Acquire));
    eprintln!(
        "{} reloads in {time:.1} s, {count} requests ({:.0} in a second), {} failed, from {} to {} kilobytes",
        reloads(),
        count as f64 / time,
        failures.len(),
        memory.0,
        memory.1,
    );
    assert!(failures.is_empty(), "{} failed, the first: {:?}", failures.len(), failures.first());
    assert!(count > reloads());
    if is_strict() {
        let most = (INTERVAL * u32::try_from(reloads()).unwrap_or(u32::MAX)).as_secs_f64();
        assert!(time <= most * 1.01 + 0.2, "{} reloads took {time:.1} s", reloads());
        assert!(count as f64 / time >= 2000.0, "only {:.0} requests in a second", count as f64 / time);
    }
    // Those that were set, and the one of the tunnels.
    assert!(entries(&proxy).contains("used:10001"), "{}", entries(&proxy));
    assert!(stored.is_subset(&contents(&proxy)), "entries changed");
    tunnels.iter_mut().for_each(echo);
}

#[test]
fn reloads_under_load_lose_nothing() {
    trial(&Trial { global: "", broken: false });
}

/// What an operator changes while a configuration is being loaded is neither lost nor done twice.
#[test]
fn servers_that_come_during_reloads_stay() {
    let Some(weir) = Program::weir() else { return eprintln!("Weir is not built") };
    let mut launch = weir.launch();
    launch.set("srv", server().to_string());
    let proxy = launch.start(&CONFIG.replace("{global}", ""));
    let stop = AtomicBool::new(false);
    let wanted = std::thread::scope(|scope| {
        let adding = scope.spawn(|| {
            let mut names = Vec::new();
            while !stop.load(Ordering::Acquire) {
                let name = format!("n{}", names.len());
                let said = proxy.admin(&format!("add server be/{name} 127.0.0.1:9 weight 7"));
                assert!(said.contains("New server registered."), "{said}");
                assert_eq!(proxy.admin(&format!("set server be/{name} weight 3")), "\n");
                // Every third goes again.
                if names.len() % 3 == 2 {
                    let said = proxy.admin(&format!("del server be/{name}"));
                    assert!(said.contains("Server deleted."), "{said}");
                }
                names.push(name);
            }
            names
        });
        let mut done = 0;
        (0..reloads()).for_each(|_| reload(&proxy, &mut done));
        stop.store(true, Ordering::Release);
        adding.join().expect("the servers")
    });
    let mut done = reloads();
    reload(&proxy, &mut done);
    let shown = proxy.admin("show servers state be");
    for (at, name) in wanted.iter().enumerate() {
        let rows = shown.matches(&format!(" {name} 127.0.0.1 ")).count();
        assert_eq!(rows, usize::from(at % 3 != 2), "{name}: {shown}");
        if at % 3 != 2 {
            assert_eq!(proxy.admin(&format!("get weight be/{name}")), "3 (initial 7)\n\n");
        }
    }
    assert!(wanted.len() >= 3, "{} servers in {} reloads", wanted.len(), reloads());
}

#[test]
fn files_with_faults_change_nothing_under_load() {
    trial(&Trial { global: "", broken: true });
}

#[test]
fn reloads_behind_chroot_and_user_lose_nothing() {
    if !is_root() {
        return eprintln!("needs root");
    }
    trial(&Trial { global: "chroot {dir}\n    user nobody", broken: false });
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// Connections that became tunnels.
const TUNNELS: usize = 100;
/// From one request of a client to its next: four of them ask a little more than 2,000 times in a second.
const PACE: Duration = Duration::from_micros(1900);
/// From one reload to the next where the pace is kept: a thousand in a minute.
const INTERVAL: Duration = Duration::from_millis(60);
/// Columns of `show stat` that only grow.
const COUNTED: &[&str] = &[
    "stot",
    "bin",
    "bout",
    "dreq",
    "dresp",
    "ereq",
    "econ",
    "eresp",
    "wretr",
    "wredis",
    "chkfail",
    "chkdown",
    "lbtot",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
    "req_tot",
    "cli_abrt",
    "srv_abrt",
    "comp_in",
    "comp_out",
    "comp_byp",
    "comp_rsp",
    "intercepted",
    "dcon",
    "dses",
    "wrew",
    "connect",
    "reuse",
    "cache_lookups",
    "cache_hits",
    "conn_tot",
    "eint",
    "smax",
    "conn_rate_max",
    "rate_max",
    "req_rate_max",
];
/// Commands on a line; a line has its limit.
const FILL: usize = 100;
