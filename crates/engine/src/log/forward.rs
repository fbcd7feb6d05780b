//! A server of a ring: it is sent every line over one connection, made again when it breaks (manual, 12.5
//! "server").
//!
//! Each has a thread of its own that blocks and is no part of the traffic; it ends when nobody holds its
//! [`Forwarder`] any more.

use std::io::{self, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

use weir_sys::Address;

use super::sink::Sink;
use crate::conf::{Ring, RingServer};

/// The hold on the thread of a server.
#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) server: RingServer,
    stopped: Arc<AtomicBool>,
}

// === impl Forwarder ===

impl Forwarder {
    /// Starts the thread; nothing where the system gives none.
    pub(super) fn start(sink: &Arc<Sink>, ring: &Ring, server: &RingServer) -> Option<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let link = Link {
            server: server.clone(),
            connect: ring.connect.unwrap_or(PATIENCE),
            write: ring.write,
            stream: None,
        };
        let (sink, stop) = (Arc::downgrade(sink), stopped.clone());
        let thread = std::thread::Builder::new().name(format!("ring/{}", ring.name));
        thread.spawn(move || run(&sink, link, &stop)).ok()?;
        Some(Self { server: server.clone(), stopped })
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stopped.store(true, Relaxed);
    }
}

/// The connection to a server.
struct Link {
    server: RingServer,
    connect: Duration,
    write: Option<Duration>,
    stream: Option<Box<dyn Write + Send>>,
}

fn run(sink: &Weak<Sink>, mut link: Link, stopped: &AtomicBool) {
    let (mut at, mut batch) = (0, Vec::new());
    while !stopped.load(Relaxed) {
        if batch.is_empty() {
            let Some(sink) = sink.upgrade() else { return };
            let octets = link.server.octet_count;
            at = sink.wait(at, TURN, |line| frame(line, octets, &mut batch));
            continue;
        }
        match link.send(&batch) {
            Ok(()) => batch.clear(),
            Err(_) => {
                link.stream = None;
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// A line as it travels (RFC 6587, 3.4.1 and 3.4.2).
fn frame(line: &[u8], octets: bool, out: &mut Vec<u8>) {
    if octets {
        out.extend_from_slice(itoa::Buffer::new().format(line.len()).as_bytes());
        out.push(b' ');
    }
    out.extend_from_slice(line);
    if !octets {
        out.push(b'\n');
    }
}

// === impl Link ===

impl Link {
    fn send(&mut self, batch: &[u8]) -> io::Result<()> {
        if self.stream.is_none() {
            self.stream = Some(self.open()?);
        }
        self.stream.as_mut().map_or(Ok(()), |stream| stream.write_all(batch))
    }

    fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        match &self.server.address {
            Address::Inet(address) => {
                let stream = TcpStream::connect_timeout(address, self.connect)?;
                stream.set_write_timeout(self.write)?;
                Ok(Box::new(stream))
            }
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(self.write)?;
                Ok(Box::new(stream))
            }
            Address::Abstract { .. } | Address::Unnamed => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// How long a connection may take where nothing is said.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon a server is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// How often a thread looks whether it is still wanted.
const TURN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_travel_behind_their_length_or_before_a_line_feed() {
        let mut out = Vec::new();
        frame(b"a line", true, &mut out);
        frame(b"another", false, &mut out);
        assert_eq!(out, b"6 a lineanother\n");
    }
}
