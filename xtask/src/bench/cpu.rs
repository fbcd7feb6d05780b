//! CPU time and memory of processes, as the kernel counts them.

use crate::Result;
use std::fs;

/// CPU time in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) user: f64,
    pub(crate) system: f64,
}

/// What these processes and their threads have used so far.
///
/// The sum is the scheduler's, exact to the nanosecond; the split between user and system is that of the
/// process statistics, which the kernel scales to the same sum.
pub(crate) fn used(pids: &[u32]) -> Result<Cpu> {
    let mut total = Cpu::default();
    for pid in pids {
        let (user, system) = ticks(*pid).ok_or_else(|| format!("process {pid} is gone"))?;
        let share = if user + system > 0.0 { user / (user + system) } else { 0.5 };
        let micros = scheduled(*pid).unwrap_or((user + system) * TICK_MICROS);
        total.user += micros * share;
        total.system += micros * (1.0 - share);
    }
    Ok(total)
}

/// Private memory of these processes, in KiB.
pub(crate) fn memory(pids: &[u32]) -> Result<f64> {
    let mut sum = 0.0;
    for pid in pids {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let private = text.lines().filter(|line| line.starts_with("Private_"));
        let numbers = private.filter_map(|line| line.split_ascii_whitespace().nth(1)?.parse::<f64>().ok());
        sum += numbers.sum::<f64>();
    }
    Ok(sum)
}

// === impl Cpu ===

impl Cpu {
    pub(crate) fn total(self) -> f64 {
        self.user + self.system
    }

    pub(crate) fn since(self, before: Cpu) -> Cpu {
        Cpu { user: self.user - before.user, system: self.system - before.system }
    }
}

/// User and system ticks of a process with all its threads.
fn ticks(pid: u32) -> Option<(f64, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    // Fields 14 and 15 of the line; the state, right after the name, is field 3.
    let mut numbers = fields.split_ascii_whitespace().skip(11).map_while(|word| word.parse::<f64>().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// Microseconds on a CPU, summed over the threads.
fn scheduled(pid: u32) -> Option<f64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let mut micros = 0.0;
    for task in tasks.flatten() {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        micros += text.split_ascii_whitespace().next()?.parse::<f64>().ok()? / 1000.0;
    }
    Some(micros)
}

/// `USER_HZ` is 100 on every Linux that matters here.
const TICK_MICROS: f64 = 10_000.0;
