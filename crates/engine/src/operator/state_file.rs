//! Taking over what an earlier process knew of its servers (manual, 4.2 "load-server-state-from-file").
//!
//! A file is what `show servers state` printed (management manual, 9.3): its version, the names of its columns, a line
//! for each server. Applied once, before any worker runs; a reload in place has the states at hand.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_balance::health::{CheckStatus, Health as Counter};

use crate::check::{self, Place, Turn};
use crate::clock;
use crate::conf::{self, Endpoint};
use crate::runtime::{Admin, Runtime};
use crate::snapshot::{Proxy, Server, Snapshot};

/// The lines of a file.
#[derive(Clone, Debug, Default)]
pub struct StateFile(Vec<Line>);

/// Why a file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is empty.
    Empty,
    /// It does not begin with the version `1`.
    Version,
    /// This line lacks columns; what comes before it counts.
    Corrupt(usize),
}

#[derive(Clone, Debug)]
struct Line {
    backend_id: u32,
    backend: String,
    server: String,
    address: String,
    operational: u8,
    admin: u8,
    weight: u32,
    initial_weight: u32,
    since: u64,
    status: u32,
    health: u32,
    port: u16,
}

// === impl StateFile ===

impl StateFile {
    /// Reads a file; what stands before a fault counts.
    pub fn parse(text: &str) -> (Self, Option<Fault>) {
        let mut lines = text.lines();
        match lines.next() {
            None => return (Self::default(), Some(Fault::Empty)),
            Some("1") => {}
            Some(_) => return (Self::default(), Some(Fault::Version)),
        }
        let mut all = Vec::new();
        for (at, line) in lines.enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match Line::parse(line) {
                Some(line) => all.push(line),
                None => return (Self(all), Some(Fault::Corrupt(at + 1))),
            }
        }
        (Self(all), None)
    }

    /// Moves the servers of a proxy to the ports where they were, and those that have names to their addresses.
    pub fn move_servers(&self, proxy: &mut conf::Proxy) {
        let lines = self.0.iter().filter(|line| line.backend == proxy.name);
        for line in lines {
            for server in proxy.servers.iter_mut().filter(|s| s.name == line.server) {
                let Some(Endpoint::Inet(mut address)) = server.endpoint.clone() else { continue };
                if line.port != 0 && address.port() != 0 {
                    address.set_port(line.port);
                }
                if let (Some(_), Ok(ip)) = (&server.hostname, line.address.parse()) {
                    address.set_ip(ip);
                }
                if server.endpoint != Some(Endpoint::Inet(address)) {
                    let endpoint = Some(Endpoint::Inet(address));
                    *server = Arc::new(conf::Server { endpoint, ..(**server).clone() });
                }
            }
        }
    }

    /// Puts the servers of a proxy into the states where they were. `say` is told of lines that fit nothing.
    pub fn apply(
        &self,
        runtime: &Arc<Runtime>,
        snapshot: &Arc<Snapshot>,
        proxy: &Arc<Proxy>,
        say: &mut dyn FnMut(String),
    ) {
        let name = &proxy.conf.name;
        let lines = || self.0.iter().filter(|line| line.backend == *name);
        for line in lines() {
            if line.backend_id != proxy.conf.id {
                let (file, own) = (line.backend_id, proxy.conf.id);
                say(format!(
                    "Proxy '{name}': backend ID mismatch: from server state file: '{file}', from running config '{own}'"
                ));
            }
        }
        let mut missing = Vec::new();
        for line in lines() {
            match proxy.server_named(&line.server) {
                Some(server) => line.apply(runtime, snapshot, proxy, server),
                None => missing.push(&line.server),
            }
        }
        for server in missing {
            say(format!("Proxy '{name}': can't find server '{server}' in backend '{name}'"));
        }
    }
}

// === impl Line ===

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let word = |at: usize| words.get(at).copied();
        let number = |at: usize| word(at).and_then(|w| w.parse().ok()).unwrap_or(0_u32);
        (words.len() >= FEWEST).then_some(())?;
        Some(Self {
            backend_id: number(0),
            backend: word(1)?.to_owned(),
            server: word(3)?.to_owned(),
            address: word(4)?.to_owned(),
            operational: u8::try_from(number(5)).ok()?,
            admin: u8::try_from(number(6)).unwrap_or(0),
            weight: number(7),
            initial_weight: number(8),
            since: number(9).into(),
            status: number(10),
            health: number(12),
            port: u16::try_from(number(18)).unwrap_or(0),
        })
    }

    fn apply(
        &self,
        runtime: &Arc<Runtime>,
        snapshot: &Arc<Snapshot>,
        proxy: &Arc<Proxy>,
        server: &Arc<Server>,
    ) {
        let state = &server.runtime;
        if self.initial_weight == state.initial_weight() && self.weight <= HEAVIEST {
            state.weight.store(self.weight, Relaxed);
        }
        let told = Admin::from_bits_truncate(self.admin);
        // Maintenance that the file of then asked for ends where the file of now does not.
        let ended = told.contains(Admin::CONFIGURED_MAINT) && !server.conf.disabled;
        let forced = told & (Admin::FORCED_MAINT | Admin::FORCED_DRAIN);
        state.set_admin(if ended { forced - Admin::FORCED_MAINT } else { forced }, Admin::empty());
        if server.conf.check.is_some() {
            let mut health = state.health.lock();
            let (rise, fall) = (health.counter.rise(), health.counter.fall());
            health.counter = Counter::restored(rise, fall, self.health);
            health.status = outcome(self.status);
        }
        let turn = match self.operational {
            DOWN => Some(Turn::Down),
            STOPPING => Some(Turn::Stopping),
            _ => None,
        };
        let maintained = state.admin().intersects(Admin::MAINT);
        if let Some(turn) = turn.filter(|_| !maintained) {
            let (runtime, snapshot) = (runtime.clone(), snapshot.clone());
            let place = Place { runtime, snapshot, proxy: proxy.clone(), server: server.clone() };
            check::turn(&place, turn, ", changed from server-state after a reload");
        }
        proxy.farm.update(server.index);
        let since = self.since.saturating_mul(1_000_000);
        state.changed.store(clock::now().0.saturating_sub(since), Relaxed);
    }
}

/// The outcome of a check with this number.
fn outcome(number: u32) -> Option<CheckStatus> {
    Some(match number {
        5 => CheckStatus::SocketError,
        6 => CheckStatus::L4Ok,
        7 => CheckStatus::L4Timeout,
        8 => CheckStatus::L4Connection,
        9 => CheckStatus::L6Ok,
        10 => CheckStatus::L6Timeout,
        11 => CheckStatus::L6Response,
        12 => CheckStatus::L7Timeout,
        13 => CheckStatus::L7Response,
        15 => CheckStatus::L7Ok,
        16 => CheckStatus::L7OkConditional,
        17 => CheckStatus::L7Status,
        18 => CheckStatus::ProcError,
        19 => CheckStatus::ProcTimeout,
        20 => CheckStatus::ProcOk,
        _ => return None,
    })
}

/// Columns that every version of the format has.
const FEWEST: usize = 14;
const HEAVIEST: u32 = 256;
const DOWN: u8 = 0;
const STOPPING: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "3 bk 1 s1 127.0.0.1 0 1 5 10 100 1 0 0 0 0 0 0 - 23051 - 0 0 - - 0";

    #[test]
    fn a_file_counts_up_to_its_first_fault() {
        for (text, count, fault) in [
            (String::new(), 0, Some(Fault::Empty)),
            ("2\n".to_owned(), 0, Some(Fault::Version)),
            ("1\n".to_owned(), 0, None),
            (format!("1\n# names\n{GOOD}\n"), 1, None),
            (format!("1\n# names\n3 bk 1 s1\n{GOOD}\n"), 0, Some(Fault::Corrupt(2))),
            (format!("1\n{GOOD}\nx\n"), 1, Some(Fault::Corrupt(2))),
        ] {
            let (file, found) = StateFile::parse(&text);
            assert_eq!((file.0.len(), found), (count, fault), "{text}");
        }
    }
}
