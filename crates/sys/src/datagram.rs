//! Batches of datagrams in one system call: log lines to UDP and unix targets.
//!
//! The socket stays unconnected and the destination goes with every batch: a log server that restarts is found again
//! at the next line, and no refusal of an earlier datagram spoils a later one.

use std::ffi::c_void;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr;

use rustix::net::addr::SocketAddrArg;
use rustix::net::{SocketAddrAny, SocketFlags, SocketType};

use crate::address::Address;
use crate::error::{SocketError, Step};

/// Where datagrams go, in the kernel's form.
#[derive(Clone, Debug)]
pub struct Destination(SocketAddrAny);

/// Opens an unconnected datagram socket for destinations of `to`'s family, non-blocking and close-on-exec.
pub fn open(to: &Address) -> Result<OwnedFd, SocketError> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    rustix::net::socket_with(to.family(), SocketType::DGRAM, flags, None).map_err(Step::Create.failed())
}

/// Sends each message as a datagram, as many per system call as fit, and returns how many went.
///
/// `to` is `None` on a connected socket. Stops at the first that cannot go: the count is then short, and the error
/// is reported only where none went. A caller that drops lines it cannot send skips one and goes on.
pub fn send_batch<'a>(
    fd: impl AsFd,
    to: Option<&Destination>,
    messages: impl IntoIterator<Item = &'a [u8]>,
) -> io::Result<usize> {
    let mut messages = messages.into_iter().fuse();
    let mut sent = 0;
    loop {
        match send_some(fd.as_fd().as_raw_fd(), to, &mut messages) {
            Ok(Batch { went, tried }) => {
                sent += went;
                if went < tried || tried < BATCH {
                    return Ok(sent);
                }
            }
            Err(_) if sent > 0 => return Ok(sent),
            Err(error) => return Err(error),
        }
    }
}

/// How many messages there were for one call, and how many of them the kernel took.
struct Batch {
    went: usize,
    tried: usize,
}

// === impl Destination ===

impl Destination {
    /// Prepares an address for sending. Fails on names that are too long and on [`Address::Unnamed`].
    pub fn new(address: &Address) -> Result<Destination, SocketError> {
        address.encode().map(Destination)
    }
}

/// One `sendmmsg` of at most [`BATCH`] messages; none where there are none.
fn send_some<'a>(
    fd: i32,
    to: Option<&Destination>,
    messages: &mut impl Iterator<Item = &'a [u8]>,
) -> io::Result<Batch> {
    // Room for all, of which only what is used is written: most batches are short.
    let mut vectors = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
    let send = |name: *const c_void, name_length: u32| {
        let mut tried = 0;
        for ((vector, header), message) in vectors.iter_mut().zip(&mut headers).zip(messages) {
            let base = message.as_ptr().cast_mut().cast();
            let vector = vector.write(libc::iovec { iov_base: base, iov_len: message.len() });
            // SAFETY: `mmsghdr` is a plain C struct of integers and pointers; all-zero bytes are valid for it.
            let header = header.write(unsafe { mem::zeroed() });
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = name.cast_mut();
            header.msg_hdr.msg_namelen = name_length;
            tried += 1;
        }
        if tried == 0 {
            return Ok(Batch { went: 0, tried });
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: the first `tried` headers are written, and point at vectors, messages and a name that all live
        // until the call returns; the kernel reads them and writes only `msg_len` of the headers.
        let answer = unsafe { libc::sendmmsg(fd, headers.as_mut_ptr().cast(), tried as libc::c_uint, flags) };
        let went = usize::try_from(answer).map_err(|_| io::Error::last_os_error())?;
        Ok(Batch { went, tried })
    };
    match to {
        None => send(ptr::null(), 0),
        // SAFETY: pointer and length are handed to the kernel for reading only, within the call.
        Some(to) => unsafe { to.0.with_sockaddr(|address, length| send(address.cast(), length)) },
    }
}

/// Messages per system call.
const BATCH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_larger_than_one_call_arrives_in_order() {
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = Address::Inet(receiver.local_addr().unwrap());
        let fd = open(&to).unwrap();
        let lines: Vec<Vec<u8>> = (0..100).map(|n| format!("line {n}").into_bytes()).collect();
        let destination = Destination::new(&to).unwrap();
        let sent = send_batch(&fd, Some(&destination), lines.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(sent, 100);
        let mut buffer = [0; 64];
        for line in &lines {
            let size = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..size], line);
        }
    }

    #[test]
    fn a_missing_unix_target_is_an_error_and_nothing_was_sent() {
        let to = Address::Unix("/nonexistent/log".into());
        let fd = open(&to).unwrap();
        let destination = Destination::new(&to).unwrap();
        let error = send_batch(&fd, Some(&destination), [b"x".as_slice()]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    }
}
