//! The servers: processes that are killed, stopped, slowed and brought back.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::shell::target;

/// All servers, and what has happened to them.
pub(crate) struct Farm {
    servers: Vec<Server>,
    random: u64,
    killed: u32,
    stopped: u32,
    slowed: u32,
    revived: u32,
}

struct Server {
    child: Child,
    address: SocketAddr,
    state: State,
}

/// What is the matter with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Healthy,
    /// Its process is gone.
    Killed,
    /// Its process is stopped: connections are accepted by the system, and nobody answers.
    Stopped,
    /// Its process runs every other tick.
    Slow {
        resting: bool,
    },
}

// === impl Farm ===

impl Farm {
    /// So many healthy servers.
    pub(crate) fn start(servers: usize, seed: u64) -> Result<Farm> {
        let servers = (0..servers).map(|_| Server::start(0)).collect::<Result<_>>()?;
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Ok(Farm { servers, random, killed: 0, stopped: 0, slowed: 0, revived: 0 })
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.servers.iter().map(|server| server.address)
    }

    /// Lets a moment pass: now and then a server falls ill or recovers.
    pub(crate) fn tick(&mut self) {
        self.servers.iter_mut().for_each(Server::crawl);
        if !self.draw(EVERY).is_multiple_of(EVERY) {
            return;
        }
        let (chosen, way) = (self.draw(self.servers.len() as u64), self.draw(3));
        let healthy = self.servers.iter().filter(|server| server.state == State::Healthy).count();
        let Some(server) = usize::try_from(chosen).ok().and_then(|at| self.servers.get_mut(at)) else {
            return;
        };
        if server.state != State::Healthy {
            self.revived += 1;
            server.revive();
            return;
        }
        if healthy <= LEAST_HEALTHY {
            return;
        }
        match way {
            0 => {
                self.killed += 1;
                server.kill();
            }
            1 => {
                self.stopped += 1;
                server.signal(Signal::STOP);
                server.state = State::Stopped;
            }
            _ => {
                self.slowed += 1;
                server.state = State::Slow { resting: false };
            }
        }
    }

    /// Brings all back.
    pub(crate) fn heal(&mut self) {
        self.servers.iter_mut().for_each(Server::revive);
    }

    /// What has happened.
    pub(crate) fn history(&self) -> String {
        let mut text = String::new();
        let events = [("killed", self.killed), ("stopped", self.stopped), ("slowed", self.slowed)];
        for (what, times) in events.into_iter().chain([("revived", self.revived)]) {
            let _ = write!(text, "{what} {times}  ");
        }
        text
    }

    /// A number below `bound`.
    fn draw(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

// === impl Server ===

impl Server {
    /// Starts a server on a port; 0 for a free one.
    fn start(port: u16) -> Result<Server> {
        let mut command = Command::new(target().join("debug/bench-origin"));
        command.arg(port.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("bench-origin: {error}"))?;
        let pipe = child.stdout.take().ok_or("bench-origin has no output")?;
        let mut line = String::new();
        BufReader::new(pipe).read_line(&mut line).map_err(|error| error.to_string())?;
        let address = line.split(' ').next().and_then(|word| word.parse().ok());
        let address = address.ok_or_else(|| format!("bench-origin on port {port} said {line:?}"))?;
        Ok(Server { child, address, state: State::Healthy })
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.state = State::Killed;
    }

    fn revive(&mut self) {
        match self.state {
            State::Healthy => {}
            State::Killed => {
                // Where somebody else has the port just now, it comes back another time.
                if let Ok(server) = Server::start(self.address.port()) {
                    *self = server;
                }
            }
            State::Stopped | State::Slow { .. } => {
                self.signal(Signal::CONT);
                self.state = State::Healthy;
            }
        }
    }

    fn crawl(&mut self) {
        if let State::Slow { resting } = &mut self.state {
            *resting = !*resting;
            let signal = if *resting { Signal::STOP } else { Signal::CONT };
            self.signal(signal);
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // A process that is gone needs no signal.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Something happens in one of so many ticks.
const EVERY: u64 = 4;
const LEAST_HEALTHY: usize = 8;
