//! Passing open descriptors to another process over a unix socket (`SCM_RIGHTS`).
//!
//! Used between supervisor and worker, by a new binary that takes over, and by `sockpair@` addresses, where a
//! connection is one end of a fresh socket pair sent over the pair that was inherited.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{IoSlice, IoSliceMut};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

/// The most descriptors that one message carries.
pub const MOST_DESCRIPTORS: usize = 253;

/// Sends `payload` (at least one byte) with descriptors; returns how many bytes of the payload went.
///
/// The descriptors arrive with the first byte, so what is left of the payload follows by plain writes.
pub fn send(channel: impl AsFd, payload: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); ANCILLARY_SPACE];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let slices = [IoSlice::new(payload)];
    Ok(rustix::net::sendmsg(channel, &slices, &mut ancillary, SendFlags::NOSIGNAL)?)
}

/// Receives bytes into `payload` and the descriptors that came with them, close-on-exec; zero bytes are the end.
pub fn receive(channel: impl AsFd, payload: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); ANCILLARY_SPACE];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(payload)];
    let message = rustix::net::recvmsg(channel, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = Vec::new();
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            fds.extend(received);
        }
    }
    Ok((message.bytes, fds))
}

/// A connected pair of unix stream sockets, non-blocking and close-on-exec.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// Connects through a `sockpair@` address: makes a pair, sends one end over `channel`, returns the other.
pub fn connect_through(channel: impl AsFd) -> io::Result<OwnedFd> {
    let (near, far) = pair()?;
    send(channel, &[0], &[far.as_fd()])?;
    Ok(near)
}

/// Takes a connection that arrived on a `sockpair@` address; `None` where the other side is gone.
pub fn accept_through(channel: impl AsFd) -> io::Result<Option<OwnedFd>> {
    let mut payload = [0; 1];
    let (bytes, fds) = receive(channel, &mut payload)?;
    let Some(fd) = fds.into_iter().next() else {
        return if bytes == 0 { Ok(None) } else { Err(io::ErrorKind::InvalidData.into()) };
    };
    rustix::io::ioctl_fionbio(&fd, true)?;
    Ok(Some(fd))
}

/// An open descriptor of this process, as the system describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub fd: i32,
    /// What it is.
    pub kind: Kind,
    /// Its permissions.
    pub mode: u32,
    /// The port that a socket of IPv4 or IPv6 is bound to.
    pub port: Option<u16>,
    /// It is a listening socket.
    pub listening: bool,
}

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A device of characters.
    Device,
    /// A pipe.
    Pipe,
    /// A socket of IPv4.
    Ipv4,
    /// A socket of IPv6.
    Ipv6,
    /// A unix socket.
    Unix,
    /// Anything else: pollers, timers.
    Other,
}

// === impl Kind ===

impl Kind {
    /// Four letters.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Device => "chr.",
            Self::Pipe => "pipe",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Unix => "unix",
            Self::Other => "????",
        }
    }
}

/// The descriptors that are open, from the lowest on; gaps of more than [`GAP`] numbers end the search.
pub fn survey() -> Vec<Seen> {
    let mut all = Vec::new();
    let mut gap = 0;
    for fd in 0.. {
        // SAFETY: a number that is not open is answered with an error, and nothing is read or closed.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        match rustix::fs::fstat(borrowed) {
            Ok(stat) => {
                gap = 0;
                all.push(seen(fd, borrowed, stat.st_mode));
            }
            Err(_) if gap >= GAP => break,
            Err(_) => gap += 1,
        }
    }
    all
}

fn seen(fd: i32, borrowed: BorrowedFd<'_>, mode: u32) -> Seen {
    use rustix::fs::FileType;
    let mut found = Seen { fd, kind: Kind::Other, mode: mode & 0o7777, port: None, listening: false };
    found.kind = match FileType::from_raw_mode(mode) {
        FileType::RegularFile => Kind::File,
        FileType::CharacterDevice => Kind::Device,
        FileType::Fifo => Kind::Pipe,
        FileType::Socket => match crate::listen::local_address(borrowed) {
            Ok(crate::Address::Inet(address)) => {
                found.port = Some(address.port());
                if address.is_ipv4() { Kind::Ipv4 } else { Kind::Ipv6 }
            }
            _ => Kind::Unix,
        },
        _ => Kind::Other,
    };
    if matches!(found.kind, Kind::Ipv4 | Kind::Ipv6 | Kind::Unix) {
        found.listening = rustix::net::sockopt::socket_acceptconn(borrowed).unwrap_or(false);
    }
    found
}

/// How many numbers in a row may be closed before the rest is taken to be.
const GAP: i32 = 256;

/// Room for the largest message of descriptors that the kernel passes.
const ANCILLARY_SPACE: usize = rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_arrive_with_their_payload() {
        let (near, far) = pair().unwrap();
        let (a, b) = pair().unwrap();
        assert_eq!(send(&near, b"bind 1", &[a.as_fd(), b.as_fd()]).unwrap(), 6);
        let mut payload = [0; 16];
        let (size, fds) = receive(&far, &mut payload).unwrap();
        assert_eq!((&payload[..size], fds.len()), (b"bind 1".as_slice(), 2));
        rustix::io::write(&fds[0], b"x").unwrap();
        assert_eq!(rustix::io::read(&b, &mut payload).unwrap(), 1);
    }

    #[test]
    fn a_connection_goes_through_a_socket_pair() {
        let (near, far) = pair().unwrap();
        let client = connect_through(&near).unwrap();
        let server = accept_through(&far).unwrap().unwrap();
        rustix::io::write(&client, b"x").unwrap();
        assert_eq!(rustix::io::read(&server, &mut [0; 4]).unwrap(), 1);
        drop(near);
        assert!(accept_through(&far).unwrap().is_none());
    }
}
