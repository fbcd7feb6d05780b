//! A worker that is killed under load: only what it was serving is lost, and another one serves soon.
//!
//! How soon is asserted strictly where `cargo xtask reloads` asks for it (`WEIR_STRICT`); a busy machine is slower.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use weir_testkit::{Program, Running};

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    nbthread 2
    {global}
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    http-request return status 200
";

/// A request on a connection of its own: when it ended, and whether it was answered.
struct Tried {
    ended: Instant,
    answered: bool,
}

fn request(address: SocketAddr) -> std::io::Result<bool> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

fn load(address: SocketAddr, stop: &AtomicBool, tried: &Mutex<Vec<Tried>>) {
    while !stop.load(Ordering::Acquire) {
        let answered = request(address).unwrap_or(false);
        tried.lock().expect("a list").push(Tried { ended: Instant::now(), answered });
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The worker below the master.
fn worker(proxy: &Running) -> String {
    let mut client = proxy.unix_client("master.sock");
    client.send("show proc\n").shutdown_write();
    let shown = String::from_utf8_lossy(&client.recv_to_close()).into_owned();
    shown.lines().nth(3).and_then(|line| line.split(' ').next()).unwrap_or_default().to_owned()
}

/// Kills the worker once, waits until another one is there, and lets that serve for a moment.
fn kill(proxy: &Running, signal: &str) -> Instant {
    let old = worker(proxy);
    assert!(!old.is_empty(), "no worker");
    let at = Instant::now();
    let killed = std::process::Command::new("kill").args(["-s", signal, &old]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let until = at + Duration::from_secs(20);
    loop {
        let next = worker(proxy);
        if !next.is_empty() && next != old {
            break;
        }
        assert!(Instant::now() < until, "nobody serves after {signal}");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(500));
    at
}

/// How long nobody was answered from about then on: the longest time between two answers.
fn silence(at: Instant, tried: &[Tried]) -> Duration {
    let near = |t: &&Tried| t.answered && t.ended + SHORTLY > at && t.ended < at + Duration::from_millis(500);
    let mut ends: Vec<Instant> = tried.iter().filter(near).map(|t| t.ended).collect();
    ends.extend(tried.iter().filter(|t| t.answered && t.ended >= at).map(|t| t.ended).min());
    ends.sort();
    ends.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(Duration::from_secs(60))
}

fn trial(global: &str) {
    let Some(weir) = Program::weir() else { return eprintln!("Weir is not built") };
    let strict = std::env::var_os("WEIR_STRICT").is_some();
    let mut launch = weir.launch();
    launch.args(&["-W", "-S", "{dir}/master.sock"]);
    let mut proxy = launch.start(&CONFIG.replace("{global}", global));
    let address = proxy.address("fe");
    let (stop, tried) = (AtomicBool::new(false), Mutex::default());
    let rounds = if strict { 10 } else { 2 };
    let mut times: Vec<Instant> = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| load(address, &stop, &tried));
        }
        for signal in ["KILL", "SEGV"].repeat(rounds) {
            times.push(kill(&proxy, signal));
        }
        stop.store(true, Ordering::Release);
    });
    let tried = tried.into_inner().expect("a list");
    let lost = tried.iter().filter(|t| !t.answered).count();
    let mut times: Vec<Duration> = times.into_iter().map(|at| silence(at, &tried)).collect();
    times.sort();
    eprintln!("served again after {times:?}; {lost} of {} requests were lost", tried.len());
    assert!(lost <= times.len() * CLIENTS, "{lost} requests were lost in {} deaths", times.len());
    let most = if strict { Duration::from_millis(200) } else { Duration::from_secs(10) };
    assert!(times.last().is_some_and(|time| *time <= most), "{times:?}");
}

#[test]
fn a_worker_that_is_killed_loses_only_what_it_was_serving() {
    trial("");
}

#[test]
fn a_worker_behind_chroot_is_replaced_as_soon() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !status.lines().any(|line| line.starts_with("Uid:\t0\t")) {
        return eprintln!("needs root");
    }
    trial("chroot {dir}\n    user nobody");
}

/// What still belongs to the moment of a death.
const SHORTLY: Duration = Duration::from_millis(20);
/// How many ask at the same time.
const CLIENTS: usize = 4;
