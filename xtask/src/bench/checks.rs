//! What it costs to keep servers under watch: CPU time of a program that does nothing but check them.

use super::contender::{Contender, Origin};
use super::cpu;
use super::scenario::Kind;
use crate::Result;
use std::fs;
use std::time::{Duration, Instant};

/// What checking cost in one round, per second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Seconds of CPU.
    pub(crate) cpu: f64,
    /// Of it in user space.
    pub(crate) user: f64,
    /// Connections that anybody on this machine started: the checks, where nothing else runs.
    pub(crate) rate: f64,
}

/// Starts the contender alone, lets it find every server up, and measures it for so long.
pub(crate) fn measure(contender: &Contender, origin: &Origin, kind: Kind, seconds: u64) -> Result<Figures> {
    let program = contender.start(kind, origin)?;
    std::thread::sleep(SETTLE);
    let pids = program.pids();
    let (begun, opened, before) = (Instant::now(), connections()?, cpu::used(&pids)?);
    std::thread::sleep(Duration::from_secs(seconds));
    let spent = cpu::used(&pids)?.since(before);
    let passed = begun.elapsed().as_secs_f64();
    let rate = (connections()? - opened) / passed;
    let (user, system) = (spent.user / 1e6 / passed, spent.system / 1e6 / passed);
    Ok(Figures { cpu: user + system, user, rate })
}

/// TCP connections that were started in this network namespace so far.
fn connections() -> Result<f64> {
    let text = fs::read_to_string("/proc/net/snmp").map_err(|error| error.to_string())?;
    let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
    let names = lines.next().unwrap_or_default().split_ascii_whitespace();
    let values = lines.next().unwrap_or_default().split_ascii_whitespace();
    let opened = names.zip(values).find(|(name, _)| *name == "ActiveOpens");
    opened
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| "/proc/net/snmp has no ActiveOpens".to_owned())
}

/// The first checks of all servers are spread over their interval.
const SETTLE: Duration = Duration::from_secs(5);
