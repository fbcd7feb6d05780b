//! Load from `wrk`, and what it reports.

use super::contender::LOAD_CORE;
use super::scenario::Scenario;
use crate::Result;
use crate::shell::output;
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

/// Loads an address for so many seconds.
///
/// # Errors
/// Where wrk does not run, or saw errors or bad answers: such a run measures something else.
pub(crate) fn run(scenario: &Scenario, address: SocketAddr, seconds: u64) -> Result<Load> {
    let mut command = Command::new("taskset");
    let clients = scenario.clients.to_string();
    command.args(["-c", LOAD_CORE, "wrk", "-t1", "-c", &clients, "-d", &format!("{seconds}s"), "--latency"]);
    if scenario.closes {
        command.args(["-H", "Connection: close"]);
    }
    for header in scenario.headers {
        command.args(["-H", header]);
    }
    let text = output(command.arg(format!("http://{address}{}", scenario.path)))?;
    let load = read(&text).ok_or_else(|| format!("wrk said: {text}"))?;
    match trouble(&text) {
        Some(line) => Err(format!("{}: the load saw trouble: {line}", scenario.name)),
        None => Ok(load),
    }
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

#[cfg(test)]
mod tests {
    use super::{Load, read};

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "  Latency Distribution\n     50%  385.00us\n     75%  401.00us\n     99%    1.20ms\n  165912 requests in 2.00s, 38.92MB read\n";
        assert_eq!(read(text), Some(Load { requests: 165_912.0, seconds: 2.0, p50: 385.0, p99: 1200.0 }));
    }
}
