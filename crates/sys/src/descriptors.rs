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
