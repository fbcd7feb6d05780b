//! A syslog target that keeps what it is sent.

use crate::peer::PATIENCE;
use crate::show::show;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

/// A UDP or unix datagram socket that log lines are sent to. One datagram is one line.
#[derive(Debug)]
pub struct LogSink {
    socket: Datagrams,
}

#[derive(Debug)]
enum Datagrams {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

// === impl LogSink ===

impl LogSink {
    /// Listens on a free UDP port of 127.0.0.1.
    pub fn udp() -> LogSink {
        LogSink { socket: Datagrams::Udp(UdpSocket::bind("127.0.0.1:0").expect("a free UDP port")) }
    }

    /// Listens on a unix datagram socket, as `/dev/log` is one.
    #[track_caller]
    pub fn unix(path: impl AsRef<Path>) -> LogSink {
        LogSink { socket: Datagrams::Unix(UnixDatagram::bind(path).expect("a free path")) }
    }

    /// Where the UDP socket is bound.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        match &self.socket {
            Datagrams::Udp(socket) => socket.local_addr().expect("a local address"),
            Datagrams::Unix(_) => panic!("a unix socket has no address"),
        }
    }

    /// The next datagram's bytes, if one comes within the time.
    pub fn try_next_bytes(&self, time: Duration) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 65536];
        let time = Some(time.max(Duration::from_millis(1)));
        let count = match &self.socket {
            Datagrams::Udp(socket) => {
                socket.set_read_timeout(time).expect("SO_RCVTIMEO");
                socket.recv(&mut bytes)
            }
            Datagrams::Unix(socket) => {
                socket.set_read_timeout(time).expect("SO_RCVTIMEO");
                socket.recv(&mut bytes)
            }
        };
        bytes.truncate(count.ok()?);
        Some(bytes)
    }

    /// The next line, if one comes within the time; its final newline stays.
    pub fn try_next(&self, time: Duration) -> Option<String> {
        self.try_next_bytes(time).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The next line.
    #[track_caller]
    pub fn next(&self) -> String {
        match self.try_next(PATIENCE) {
            Some(line) => line,
            None => panic!("no log line within {PATIENCE:?}"),
        }
    }

    /// The next line that contains `pattern`; others before it are thrown away.
    #[track_caller]
    pub fn next_with(&self, pattern: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = String::new();
        while let Some(line) = self.try_next(deadline.saturating_duration_since(Instant::now())) {
            if line.contains(pattern) {
                return line;
            }
            seen.push_str(&line);
        }
        panic!("no log line with {pattern:?}\n  received:\n    {}", show(seen.as_bytes()))
    }

    /// Expects that no line comes for so long.
    #[track_caller]
    pub fn expect_silence(&self, time: Duration) {
        if let Some(line) = self.try_next(time) {
            panic!("a log line where none was wanted: {}", show(line.as_bytes()));
        }
    }
}
