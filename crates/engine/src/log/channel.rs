//! The way out: a socket or a descriptor that takes whole lines or none, and never makes anybody wait.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use weir_sys::{Address, datagram, listen};

use super::balanced::{Balanced, Ways};
use super::sink::Sink;
use crate::conf::LogTransport;

/// An open destination.
#[derive(Debug)]
pub(crate) enum Channel {
    /// A datagram for each line. The socket is not connected: a log server that restarts is found again.
    Datagrams(datagram::Sender),
    /// A pipe, terminal or file; lines are joined as long as a pipe takes them in one piece.
    Stream(OwnedFd),
    /// A descriptor that takes each line in one write, as a socket's does.
    Packets(OwnedFd),
    /// A ring of this process.
    Kept(Arc<Sink>),
    /// The servers of a backend.
    Balanced(Ways),
    /// It could not be opened.
    Closed,
}

// === impl Channel ===

impl Channel {
    /// Opens the way to a target. The kernel buffers so many bytes of datagrams; 0 for its own choice.
    pub(crate) fn open(transport: &LogTransport, send_buffer: usize) -> Self {
        match transport {
            LogTransport::Udp(address) => Self::datagrams(&Address::Inet(*address), send_buffer),
            LogTransport::Unix(path) => Self::datagrams(&Address::Unix(path.clone()), send_buffer),
            LogTransport::Fd(number) => match listen::duplicate(*number) {
                Ok(fd) if rustix::net::sockopt::socket_type(&fd).is_ok() => Self::Packets(fd),
                Ok(fd) => Self::Stream(fd),
                Err(_) => Self::Closed,
            },
            LogTransport::Ring(_) | LogTransport::Stream(_) | LogTransport::Backend(_) => Self::Closed,
        }
    }

    fn datagrams(address: &Address, send_buffer: usize) -> Self {
        datagram::Sender::open(address, send_buffer).map_or(Self::Closed, Self::Datagrams)
    }

    /// Sends lines, to servers of `backend` where it is one; how many had to be dropped.
    pub(super) fn send_by(
        &mut self,
        backend: Option<&Balanced>,
        lines: &[&[u8]],
        hashes: &[Option<u32>],
    ) -> u64 {
        match (self, backend) {
            (Self::Balanced(ways), Some(backend)) => backend.send(ways, lines, hashes),
            (own, _) => own.send(lines),
        }
    }

    /// Sends lines; how many had to be dropped.
    pub(crate) fn send(&mut self, lines: &[&[u8]]) -> u64 {
        match self {
            Self::Datagrams(sender) => send_datagrams(sender, lines),
            Self::Stream(fd) => write_joined(fd, lines),
            Self::Packets(fd) => lines.iter().filter(|l| rustix::io::write(&*fd, l).is_err()).count() as u64,
            Self::Kept(sink) => {
                lines.iter().for_each(|line| sink.push(line));
                0
            }
            Self::Balanced(_) | Self::Closed => lines.len() as u64,
        }
    }
}

fn send_datagrams(sender: &mut datagram::Sender, lines: &[&[u8]]) -> u64 {
    let mut rest = lines;
    let mut dropped = 0;
    while !rest.is_empty() {
        match sender.send(rest) {
            Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
            // One that is too long says nothing about the next; a full or missing receiver does.
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) => {
                dropped += 1;
                rest = rest.get(1..).unwrap_or_default();
            }
            Err(_) => return dropped + rest.len() as u64,
        }
    }
    dropped
}

/// Writes lines in pieces that a pipe takes whole or not at all.
fn write_joined(fd: &OwnedFd, lines: &[&[u8]]) -> u64 {
    let mut joined = [0u8; PIPE_BUF];
    let mut dropped = 0;
    let mut rest = lines.iter().peekable();
    while let Some(first) = rest.next() {
        if first.len() > PIPE_BUF {
            dropped += u64::from(!is_writable(fd) || rustix::io::write(fd, first).is_err());
            continue;
        }
        let (mut len, mut count) = (0, 0);
        let mut next = Some(first);
        while let Some(line) = next {
            if let Some(to) = joined.get_mut(len..len + line.len()) {
                to.copy_from_slice(line);
            }
            len += line.len();
            count += 1;
            next = rest.next_if(|l| len + l.len() <= PIPE_BUF);
        }
        let piece = joined.get(..len).unwrap_or_default();
        if !is_writable(fd) || rustix::io::write(fd, piece).is_err() {
            dropped += count;
        }
    }
    dropped
}

/// Whether a write would not block. The descriptor may be shared with other programs, so that it is asked
/// rather than made non-blocking.
fn is_writable(fd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::OUT)];
    matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(n) if n > 0)
}

/// What a pipe takes in one piece (`PIPE_BUF` of Linux).
const PIPE_BUF: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_to_a_full_pipe_are_dropped_and_counted_not_waited_for() {
        let (_reader, writer) = rustix::pipe::pipe().unwrap();
        let mut channel = Channel::Stream(writer);
        let line = [b'x'; 1000];
        let lines: Vec<&[u8]> = vec![&line; 100];
        let dropped = channel.send(&lines);
        assert!((30..50).contains(&dropped), "{dropped}");
    }

    #[test]
    fn datagrams_to_a_missing_socket_are_dropped_and_counted() {
        let mut channel = Channel::open(&LogTransport::Unix("/nonexistent/log".into()), 0);
        assert_eq!(channel.send(&[b"a\n", b"b\n"]), 2);
    }
}
