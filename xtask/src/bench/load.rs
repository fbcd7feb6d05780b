//! Load from `wrk`, `h2load`, `openssl s_time` and a program of our own for full handshakes, and what they report.

use super::contender::LOAD_CORE;
use super::scenario::{Clients, Scenario};
use crate::Result;
use crate::shell::{self, cargo, output, target};
use std::net::SocketAddr;
use std::process::Command;

/// What one run of the load saw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Load {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    /// Microseconds.
    pub(crate) p99: f64,
}

/// Builds what loads, where it is of our own.
pub(crate) fn prepare(scenario: &Scenario) -> Result {
    if scenario.load != Clients::Fresh {
        return Ok(());
    }
    let build = ["build", "--quiet", "--package", "weir-tls", "--example", HANDSHAKES, "--profile", "quick"];
    shell::run(&mut cargo(&build))
}

/// Loads an address for so many seconds.
///
/// # Errors
/// Where the load's program does not run, or saw errors or bad answers: such a run measures something else.
pub(crate) fn run(scenario: &Scenario, address: SocketAddr, seconds: u64) -> Result<Load> {
    match scenario.load {
        Clients::Kept => wrk(scenario, address, seconds, &[]),
        Clients::Closing => wrk(scenario, address, seconds, &["-H", "Connection: close"]),
        Clients::Fresh => handshakes(scenario, address, seconds),
        Clients::Resuming => s_time(scenario, address, seconds),
        Clients::Streams(streams) => h2load(scenario, streams, address, seconds),
    }
}

/// Streams of HTTP/2. Its latencies have no percentiles.
fn h2load(scenario: &Scenario, streams: u32, address: SocketAddr, seconds: u64) -> Result<Load> {
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE, "h2load", "-t1", "-D", &seconds.to_string()]);
    command.args(["-c", &scenario.clients.to_string(), "-m", &streams.to_string()]);
    let text = output(command.arg(format!("http://{address}{}", scenario.path)))?;
    read_h2load(&text, seconds).ok_or_else(|| format!("{}: the load saw trouble: {text}", scenario.name))
}

fn wrk(scenario: &Scenario, address: SocketAddr, seconds: u64, more: &[&str]) -> Result<Load> {
    let mut command = Command::new("taskset");
    let clients = scenario.clients.to_string();
    command.args(["-c", LOAD_CORE, "wrk", "-t1", "-c", &clients, "-d", &format!("{seconds}s"), "--latency"]);
    command.args(more);
    for header in scenario.headers {
        command.args(["-H", header]);
    }
    let scheme = if scenario.kind.is_tls() { "https" } else { "http" };
    let text = output(command.arg(format!("{scheme}://{address}{}", scenario.path)))?;
    let load = read(&text).ok_or_else(|| format!("wrk said: {text}"))?;
    match trouble(&text) {
        Some(line) => Err(format!("{}: the load saw trouble: {line}", scenario.name)),
        None => Ok(load),
    }
}

/// Full handshakes, each with a request, by the load of our own. It knows no latencies.
fn handshakes(scenario: &Scenario, address: SocketAddr, seconds: u64) -> Result<Load> {
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE]).arg(target().join("quick/examples").join(HANDSHAKES));
    let (clients, seconds) = (scenario.clients.to_string(), seconds.to_string());
    let text = output(command.args([&address.to_string(), scenario.path, &clients, &seconds]))?;
    read_s_time(&text).ok_or_else(|| format!("{HANDSHAKES} said: {text}"))
}

/// Resumed handshakes, each with a request. It knows no latencies.
fn s_time(scenario: &Scenario, address: SocketAddr, seconds: u64) -> Result<Load> {
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE, "openssl", "s_time", "-reuse", "-time", &seconds.to_string()]);
    command.args(["-www", scenario.path, "-connect", &address.to_string()]);
    let text = output(&mut command)?;
    read_s_time(&text).ok_or_else(|| format!("s_time said: {text}"))
}

fn read(text: &str) -> Option<Load> {
    let sum = text.lines().find(|line| line.contains(" requests in "))?;
    let mut words = sum.split_ascii_whitespace();
    let requests = words.next()?.parse().ok()?;
    let seconds = micros(words.nth(2)?.trim_end_matches(','))? / 1e6;
    let percentile = |name: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with(name))?;
        micros(line.split_ascii_whitespace().nth(1)?)
    };
    Some(Load { requests, seconds, p50: percentile("50%")?, p99: percentile("99%")? })
}

/// The last line that counts: `1234 connections in 3 real seconds, 250 bytes read per connection`.
fn read_s_time(text: &str) -> Option<Load> {
    let line = text.lines().rev().find(|line| line.contains(" real seconds"))?;
    let mut words = line.split_ascii_whitespace();
    let requests = words.next()?.parse().ok()?;
    let seconds = words.nth(2)?.parse().ok()?;
    Some(Load { requests, seconds, p50: f64::NAN, p99: f64::NAN })
}

/// `requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout`, where nothing failed.
fn read_h2load(text: &str, seconds: u64) -> Option<Load> {
    let line = text.lines().find_map(|line| line.strip_prefix("requests: "))?;
    let count = |what: &str| line.split(", ").find_map(|part| part.strip_suffix(what)?.parse::<f64>().ok());
    let (requests, failed) = (count(" succeeded")?, count(" failed")?);
    (failed == 0.0).then_some(Load { requests, seconds: seconds as f64, p50: f64::NAN, p99: f64::NAN })
}

/// Errors that wrk counted. Its read errors are left out where clients close: it counts each FIN as one.
fn trouble(text: &str) -> Option<&str> {
    let bad = |line: &&str| line.contains("Non-2xx") || line.contains("Socket errors");
    text.lines().map(str::trim).find(bad)
}

/// A time as wrk writes it (`87.00us`, `1.20ms`, `3.01s`, `1.00m`), in microseconds.
fn micros(text: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 6e7)];
    let (number, factor) =
        units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    number.parse::<f64>().ok().map(|number| number * factor)
}

/// The program that makes full handshakes.
const HANDSHAKES: &str = "handshakes";

#[cfg(test)]
mod tests {
    use super::{Load, read, read_h2load, read_s_time};

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "  Latency Distribution\n     50%  385.00us\n     75%  401.00us\n     99%    1.20ms\n  165912 requests in 2.00s, 38.92MB read\n";
        assert_eq!(read(text), Some(Load { requests: 165_912.0, seconds: 2.0, p50: 385.0, p99: 1200.0 }));
    }

    #[test]
    fn what_h2load_prints_is_read() {
        let line = "requests: 9 total, 9 started, 9 done, 8 succeeded, 0 failed, 1 errored, 0 timeout\n";
        assert_eq!(read_h2load(line, 3).map(|load| load.requests), Some(8.0));
        assert_eq!(read_h2load(&line.replace("0 failed", "1 failed"), 3), None);
    }

    #[test]
    fn what_s_time_prints_is_read() {
        let text = "7 connections in 0.01s; 700.00 connections/user sec, bytes read 1\n7 connections in 2 real seconds, 250 bytes read per connection\n";
        let load = read_s_time(text).map(|load| (load.requests, load.seconds));
        assert_eq!(load, Some((7.0, 2.0)));
    }
}
