//! Rings: lines that are kept in memory, for the runtime API to show and for servers to be sent (manual, 12.5).
//!
//! They are known by name and outlive configurations. A line is numbered; who reads holds the number of the next
//! one it wants, and learns what it has missed from a number that jumps. The oldest lines make room for new ones.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use weir_wire::syslog::{Format, Stamp};

use super::forward::Forwarder;
use super::plan::form;
use crate::conf::{self, SyslogFormat};

/// All rings of the process: those that are always there, then the others in the order that they were first named.
#[derive(Debug)]
pub struct Sinks(Mutex<Vec<Arc<Sink>>>);

/// A ring.
#[derive(Debug)]
pub struct Sink {
    /// Its name.
    pub name: String,
    /// Lines that were lost because there was no room.
    pub dropped: AtomicU64,
    state: Mutex<State>,
    /// Told of each line.
    came: Condvar,
}

#[derive(Debug)]
struct State {
    description: String,
    /// How the lines begin that nobody formatted before.
    format: Format,
    lines: VecDeque<Vec<u8>>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    size: usize,
    /// Storage of a line that is gone.
    spare: Vec<u8>,
    servers: Vec<Forwarder>,
}

// === impl Sinks ===

impl Default for Sinks {
    fn default() -> Self {
        let this = Self(Mutex::default());
        for (name, description) in ALWAYS {
            let sink = this.add(name);
            let mut state = sink.state.lock();
            (state.description, state.size, state.format) = (description.to_owned(), LARGE, Format::Timed);
        }
        this
    }
}

impl Sinks {
    /// Makes the rings that a configuration names what it says; others stay as they are.
    pub(crate) fn declare(&self, rings: &[Arc<conf::Ring>]) {
        for ring in rings {
            let sink = self.find(&ring.name).unwrap_or_else(|| self.add(&ring.name));
            let mut state = sink.state.lock();
            state.description.clone_from(&ring.description);
            state.size = ring.size;
            state.format = form(ring.format.unwrap_or(SyslogFormat::Raw));
        }
    }

    /// Starts sending to the servers of the rings of a configuration, and stops sending to others.
    pub(crate) fn serve(&self, rings: &[Arc<conf::Ring>]) {
        for sink in self.all() {
            let ring = rings.iter().find(|r| r.name == sink.name);
            let wanted = ring.map(|r| r.servers.as_slice()).unwrap_or_default();
            let mut servers = std::mem::take(&mut sink.state.lock().servers);
            servers.retain(|known| wanted.contains(&known.server));
            for server in wanted {
                if !servers.iter().any(|known| known.server == *server)
                    && let Some(ring) = ring
                {
                    servers.extend(Forwarder::start(&sink, ring, server));
                }
            }
            sink.state.lock().servers = servers;
        }
    }

    /// The ring of this name.
    pub fn find(&self, name: &str) -> Option<Arc<Sink>> {
        self.0.lock().iter().find(|s| s.name == name).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Sink>> {
        self.0.lock().clone()
    }

    fn add(&self, name: &str) -> Arc<Sink> {
        let sink = Arc::new(Sink {
            name: name.to_owned(),
            dropped: AtomicU64::new(0),
            state: Mutex::new(State::new()),
            came: Condvar::new(),
        });
        self.0.lock().push(sink.clone());
        sink
    }
}

// === impl Sink ===

impl Sink {
    /// What lists call it.
    pub fn description(&self) -> String {
        self.state.lock().description.clone()
    }

    /// Keeps an event of this time, in microseconds since 1970, as the lines of the ring begin.
    pub(crate) fn push_event(&self, wall: u64, text: &[u8]) {
        let second = i64::try_from(wall / 1_000_000).unwrap_or_default();
        let stamp = Stamp::new(second, weir_sys::time::local_offset(second));
        let format = self.state.lock().format;
        let mut line = Vec::with_capacity(text.len() + 48);
        format.begin_event(&stamp, (wall % 1_000_000) as u32, &mut line);
        line.extend_from_slice(text);
        self.push(&line);
    }

    /// Keeps a line, without the line feed at its end.
    pub(super) fn push(&self, line: &[u8]) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut state = self.state.lock();
        let state = &mut *state;
        if line.len() + RECORD > state.size {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        while state.bytes + line.len() + RECORD > state.size {
            let Some(gone) = state.lines.pop_front() else { break };
            state.first += 1;
            state.bytes -= gone.len() + RECORD;
            state.spare = gone;
        }
        let mut kept = std::mem::take(&mut state.spare);
        kept.clear();
        kept.extend_from_slice(line);
        state.bytes += line.len() + RECORD;
        state.lines.push_back(kept);
        self.came.notify_all();
    }

    /// The number of the line that comes next.
    pub fn next(&self) -> u64 {
        let state = self.state.lock();
        state.first + state.lines.len() as u64
    }

    /// Hands out all lines from number `from` on; the number of the next.
    pub fn read(&self, from: u64, mut take: impl FnMut(&[u8])) -> u64 {
        let state = self.state.lock();
        let skip = from.saturating_sub(state.first) as usize;
        state.lines.iter().skip(skip).for_each(|line| take(line));
        state.first + state.lines.len() as u64
    }

    /// Waits until there are lines from number `from` on, at most this long; then as [`Sink::read`].
    pub(super) fn wait(&self, from: u64, time: Duration, take: impl FnMut(&[u8])) -> u64 {
        let mut state = self.state.lock();
        if state.first + state.lines.len() as u64 <= from {
            self.came.wait_for(&mut state, time);
        }
        drop(state);
        self.read(from, take)
    }
}

// === impl State ===

impl State {
    const fn new() -> Self {
        Self {
            description: String::new(),
            format: Format::Raw,
            lines: VecDeque::new(),
            first: 0,
            bytes: 0,
            size: 0,
            spare: Vec::new(),
            servers: Vec::new(),
        }
    }
}

/// The rings that are always there, and what lists call them.
const ALWAYS: [(&str, &str); 2] = [("buf0", "in-memory ring buffer"), ("dpapi", "DPAPI ring buffer")];
/// The bytes that they hold.
const LARGE: usize = 1 << 20;
/// What a line takes beside its bytes.
const RECORD: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_make_room_and_numbers_tell_what_was_missed() {
        let sinks = Sinks::default();
        let mut ring = conf::Ring::new("r".into());
        ring.size = 30;
        sinks.declare(&[Arc::new(ring)]);
        let sink = sinks.find("r").unwrap();
        for line in [b"one line\n".as_slice(), b"two lines", b"three lines"] {
            sink.push(line);
        }
        sink.push(&[b'x'; 40]);
        let mut seen = Vec::new();
        assert_eq!(sink.read(0, |line| seen.push(line.to_vec())), 3);
        assert_eq!(seen, [b"two lines".as_slice(), b"three lines"]);
        assert_eq!(sink.read(2, |line| assert_eq!(line, b"three lines")), 3);
        assert_eq!(sink.dropped.load(Relaxed), 1);
    }
}
