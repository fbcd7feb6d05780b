//! Batches of datagrams in one system call: log lines to UDP and unix targets.
//!
//! The socket stays unconnected and the destination goes with every batch: a log server that restarts is found again
//! at the next line, and no refusal of an earlier datagram spoils a later one.
//!
//! Neighbours of one length go to a UDP target as one piece, which the kernel cuts only behind the stack's way down
//! (`UDP_SEGMENT`, udp(7)): the way is most of what a datagram costs. What arrives are the same datagrams. Where the
//! kernel or the device cannot, each goes by itself.

use std::ffi::c_void;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::net::addr::SocketAddrArg;
use rustix::net::{SocketAddrAny, SocketFlags, SocketType};

use crate::address::Address;
use crate::error::{SocketError, Step};

/// A socket, and where its datagrams go.
#[derive(Debug)]
pub struct Sender {
    socket: OwnedFd,
    to: SocketAddrAny,
    /// Whether the kernel cuts pieces into datagrams.
    cuts: bool,
}

/// Messages that go in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    count: usize,
    /// The length of all but the last, which may be shorter.
    length: usize,
}

/// Room for the control message that says where to cut, aligned as the kernel wants it.
#[repr(C)]
struct Cut {
    header: libc::cmsghdr,
    length: u16,
}

// === impl Sender ===

impl Sender {
    /// Opens an unconnected datagram socket for `to`, non-blocking and close-on-exec, of which the kernel buffers
    /// `buffer` bytes, where that is not 0 and it has no limit against it. Fails on names that are too long and on
    /// [`Address::Unnamed`], too.
    pub fn open(to: &Address, buffer: usize) -> Result<Sender, SocketError> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(to.family(), SocketType::DGRAM, flags, None)
            .map_err(Step::Create.failed())?;
        if buffer > 0 {
            // The kernel's own size does as well.
            let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, buffer);
        }
        let cuts = matches!(to, Address::Inet(_)) && knows_cuts(&socket);
        Ok(Sender { socket, to: to.encode()?, cuts })
    }

    /// Sends each message as a datagram, as many per system call as fit, and returns how many went.
    ///
    /// Stops at the first that cannot go: the count is then short, and the error is reported only where none went.
    /// A caller that drops lines it cannot send skips one and goes on.
    pub fn send(&mut self, messages: &[&[u8]]) -> io::Result<usize> {
        let mut sent = 0;
        loop {
            let rest = messages.get(sent..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(sent);
            }
            match self.send_some(rest) {
                Ok(went) => sent += went,
                // The device cannot, or its packets are too short: each by itself, from now on.
                Err(error) if self.cuts && matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL)) => {
                    self.cuts = false;
                }
                Err(_) if sent > 0 => return Ok(sent),
                Err(error) => return Err(error),
            }
        }
    }

    /// One `sendmmsg` of the first of `messages`: how many of them went, at least one.
    fn send_some(&self, messages: &[&[u8]]) -> io::Result<usize> {
        // Room for all, of which only what is used is written: most batches are short.
        let mut vectors = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
        let mut cuts = [const { MaybeUninit::<Cut>::uninit() }; BATCH];
        let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
        let messages = messages.get(..BATCH).unwrap_or(messages);
        for (vector, message) in vectors.iter_mut().zip(messages) {
            let base = message.as_ptr().cast_mut().cast();
            vector.write(libc::iovec { iov_base: base, iov_len: message.len() });
        }
        let mut send = |name: *const c_void, name_length: u32| {
            let (mut rest, mut left) = (messages, vectors.as_mut_slice());
            let mut tried = 0;
            for (header, cut) in headers.iter_mut().zip(&mut cuts) {
                let Some(run) = Run::at_start(rest, self.cuts) else { break };
                let (own, others) = left.split_at_mut(run.count);
                (left, rest) = (others, rest.get(run.count..).unwrap_or_default());
                // SAFETY: `mmsghdr` is a plain C struct of integers and pointers; all-zero bytes are valid for it.
                let header = &mut header.write(unsafe { mem::zeroed() }).msg_hdr;
                header.msg_iov = own.as_mut_ptr().cast();
                header.msg_iovlen = own.len() as _;
                header.msg_name = name.cast_mut();
                header.msg_namelen = name_length;
                if run.count > 1 {
                    header.msg_control = ptr_of(cut.write(Cut::every(run.length)));
                    header.msg_controllen = mem::size_of::<Cut>() as _;
                }
                tried += 1;
            }
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            let fd = self.socket.as_raw_fd();
            // SAFETY: the first `tried` headers are written, and point at written vectors and control messages, at
            // messages and a name that all live until the call returns; the kernel reads them and writes only
            // `msg_len` of the headers.
            unsafe { libc::sendmmsg(fd, headers.as_mut_ptr().cast(), tried as libc::c_uint, flags) }
        };
        // SAFETY: pointer and length are handed to the kernel for reading only, within the call.
        let answer = unsafe { self.to.with_sockaddr(|address, length| send(address.cast(), length)) };
        let pieces = usize::try_from(answer).map_err(|_| io::Error::last_os_error())?;
        Ok((0..pieces).fold(0, |went, _| {
            let rest = messages.get(went..).unwrap_or_default();
            went + Run::at_start(rest, self.cuts).map_or(0, |run| run.count)
        }))
    }
}

// === impl Run ===

impl Run {
    /// The messages at the start that may go in one piece where the kernel cuts, else the first; none where there
    /// are none.
    fn at_start(messages: &[&[u8]], cuts: bool) -> Option<Run> {
        let length = messages.first()?.len();
        let alone = Run { count: 1, length };
        if !cuts || length == 0 || length > LONGEST_CUT {
            return Some(alone);
        }
        let most = (LONGEST_PIECE / length).min(MOST_CUTS).min(messages.len());
        let same = messages.iter().take(most).take_while(|m| m.len() == length).count();
        let shorter = messages.get(same).is_some_and(|m| same < most && (1..length).contains(&m.len()));
        Some(Run { count: same + usize::from(shorter), length })
    }
}

// === impl Cut ===

impl Cut {
    fn every(length: usize) -> Cut {
        // SAFETY: `Cut` is a plain C struct of integers; all-zero bytes are valid for it.
        let mut cut: Cut = unsafe { mem::zeroed() };
        cut.header.cmsg_level = libc::SOL_UDP;
        cut.header.cmsg_type = libc::UDP_SEGMENT;
        cut.header.cmsg_len = (mem::size_of::<libc::cmsghdr>() + mem::size_of::<u16>()) as _;
        cut.length = length as u16;
        cut
    }
}

/// Whether the kernel has `UDP_SEGMENT` (Linux 4.18); one that has not would send a piece as it is.
fn knows_cuts(socket: impl AsFd) -> bool {
    let mut value: libc::c_int = 0;
    let mut length = mem::size_of::<libc::c_int>() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel writes at most `length` bytes, which `value` has, and `length` itself.
    let answer = unsafe {
        libc::getsockopt(fd, libc::SOL_UDP, libc::UDP_SEGMENT, ptr_of(&mut value), &raw mut length)
    };
    answer == 0
}

fn ptr_of<T>(value: &mut T) -> *mut c_void {
    (&raw mut *value).cast()
}

/// Messages per system call.
const BATCH: usize = 64;
/// Datagrams that the kernel cuts one piece into (`UDP_MAX_SEGMENTS` of older kernels).
const MOST_CUTS: usize = 64;
/// The longest datagram that is cut: what every network carries in one packet (RFC 8200, 5, less the headers).
const LONGEST_CUT: usize = 1232;
/// The longest piece: what one datagram could be.
const LONGEST_PIECE: usize = 65_507;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_arrive_as_they_were_given_whatever_went_in_one_piece() {
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sender = Sender::open(&Address::Inet(receiver.local_addr().unwrap()), 0).unwrap();
        let lengths = [10, 10, 10, 7, 10, 10, 11, 1, 1, 1232, 1232, 9, 1300, 1300, 30_000, 30_000, 5, 0, 5];
        let all = lengths.into_iter().chain((0..150).map(|n| 300 + n / 40));
        let lines: Vec<Vec<u8>> = all.enumerate().map(|(n, length)| vec![n as u8; length]).collect();
        let mut buffer = [0; 65_536];
        // Parts that fit into the receiver's buffer.
        for part in lines.chunks(70) {
            let part: Vec<&[u8]> = part.iter().map(Vec::as_slice).collect();
            assert_eq!(sender.send(&part).unwrap(), part.len());
            for line in part {
                let size = receiver.recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..size], line);
            }
        }
    }

    #[test]
    fn a_piece_is_of_one_length_but_for_a_shorter_end() {
        let run = |lengths: &[usize], cuts| {
            let lines: Vec<Vec<u8>> = lengths.iter().map(|l| vec![0; *l]).collect();
            let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            Run::at_start(&lines, cuts).map(|run| run.count)
        };
        assert_eq!(run(&[], true), None);
        assert_eq!(run(&[5, 5, 5], true), Some(3));
        assert_eq!(run(&[5, 5, 5], false), Some(1));
        assert_eq!(run(&[5, 5, 4, 4], true), Some(3));
        assert_eq!(run(&[5, 6], true), Some(1));
        assert_eq!(run(&[5, 0], true), Some(1));
        assert_eq!(run(&[0, 0], true), Some(1));
        assert_eq!(run(&[1233, 1233], true), Some(1));
        assert_eq!(run(&[1232; 64], true), Some(53));
        assert_eq!(run(&[9; 70], true), Some(64));
    }

    #[test]
    fn one_that_is_too_long_stops_those_behind_it_and_is_reported_when_it_is_the_first() {
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sender = Sender::open(&Address::Inet(receiver.local_addr().unwrap()), 0).unwrap();
        let long = [0; 70_000];
        let lines: [&[u8]; 4] = [b"aa", b"bb", &long, b"cc"];
        assert_eq!(sender.send(&lines).unwrap(), 2);
        assert_eq!(sender.send(&lines[2..]).unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
        assert_eq!(sender.send(&lines[3..]).unwrap(), 1);
        assert!(sender.cuts);
    }

    #[test]
    fn what_cannot_go_in_one_piece_goes_one_by_one() {
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sender = Sender::open(&Address::Inet(receiver.local_addr().unwrap()), 0).unwrap();
        assert!(sender.cuts, "UDP_SEGMENT");
        // Without checksums of its own the kernel refuses to cut.
        let on: libc::c_int = 1;
        let length = mem::size_of_val(&on) as libc::socklen_t;
        let (fd, value) = (sender.socket.as_raw_fd(), (&raw const on).cast());
        // SAFETY: the kernel reads `length` bytes, which `on` has.
        assert_eq!(unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_NO_CHECK, value, length) }, 0);
        assert_eq!(sender.send(&[b"one", b"two", b"end"]).unwrap(), 3);
        assert!(!sender.cuts);
        let mut buffer = [0; 64];
        for line in [b"one", b"two", b"end"] {
            let size = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..size], line);
        }
    }

    #[test]
    fn a_missing_unix_target_is_an_error_and_nothing_was_sent() {
        let mut sender = Sender::open(&Address::Unix("/nonexistent/log".into()), 0).unwrap();
        let error = sender.send(&[b"x"]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    }
}
