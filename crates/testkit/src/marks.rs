//! How the sockets of another process are set: a look at them from outside.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use std::{fmt, io};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{Domain, SockRef, Socket};

pub use socket2::Type as SocketType;

/// What the packets of a socket carry: the mark of the kernel (`SO_MARK`) and the type of service (`IP_TOS`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// `SO_MARK`
    pub mark: u32,
    /// `IP_TOS`
    pub tos: u32,
}

/// How the kernel watches over an idle connection: `SO_KEEPALIVE` with its times and probes, and `TCP_USER_TIMEOUT`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long a connection is idle before it is probed, the time between probes, and how many of them; absent
    /// where it is not watched.
    pub probes: Option<(Duration, Duration, u32)>,
    /// How long data may go unconfirmed.
    pub user_timeout: Option<Duration>,
}

/// What the kernel buffers for a socket at most, twice of what was asked for: bytes that came, and bytes to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Buffers {
    /// `SO_RCVBUF`
    pub receive: usize,
    /// `SO_SNDBUF`
    pub send: usize,
}

// === impl Marks ===

impl Marks {
    /// Whether this process, and one that it starts, may mark packets and look at the sockets of others.
    pub fn can_be_set() -> bool {
        Socket::new(Domain::IPV4, SocketType::STREAM, None).is_ok_and(|socket| socket.set_mark(1).is_ok())
    }

    /// Of the connection between these addresses that one of these processes holds; none where none does.
    /// Any peer will do where none is given.
    pub fn of(pids: &[u32], local: SocketAddr, remote: Option<SocketAddr>) -> Marks {
        let marks = |socket: SockRef<'_>| Marks {
            mark: socket.mark().unwrap_or_default(),
            tos: socket.tos_v4().unwrap_or_default(),
        };
        pids.iter().find_map(|pid| in_process(*pid, local, remote, marks)).unwrap_or_default()
    }
}

// === impl KeepAlive ===

impl KeepAlive {
    /// Of the connection between these addresses that one of these processes holds; none where none does.
    pub fn of(pids: &[u32], local: SocketAddr, remote: SocketAddr) -> KeepAlive {
        let look = |socket: SockRef<'_>| KeepAlive {
            probes: socket.keepalive().unwrap_or_default().then(|| {
                let time = |time: io::Result<Duration>| time.unwrap_or_default();
                let count = socket.tcp_keepalive_retries().unwrap_or_default();
                (time(socket.tcp_keepalive_time()), time(socket.tcp_keepalive_interval()), count)
            }),
            user_timeout: socket.tcp_user_timeout().unwrap_or_default(),
        };
        pids.iter().find_map(|pid| in_process(*pid, local, Some(remote), look)).unwrap_or_default()
    }
}

// === impl Buffers ===

impl Buffers {
    /// Of all sockets of this type in one of these processes, without repetition.
    pub fn of(pids: &[u32], kind: SocketType) -> BTreeSet<Buffers> {
        let look = |socket: SockRef<'_>| {
            let (receive, send) = (socket.recv_buffer_size().ok()?, socket.send_buffer_size().ok()?);
            (socket.r#type().ok()? == kind).then_some(Buffers { receive, send })
        };
        let of_process = |pid: &u32| {
            let sockets = sockets(*pid).unwrap_or_default();
            sockets.iter().filter_map(|socket| look(SockRef::from(socket))).collect::<Vec<_>>()
        };
        pids.iter().flat_map(of_process).collect()
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mark {} tos {}", self.mark, self.tos)
    }
}

/// What is to be seen of the socket of this process between these addresses.
fn in_process<T>(
    pid: u32,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    look: impl Fn(SockRef<'_>) -> T,
) -> Option<T> {
    sockets(pid)?.iter().map(SockRef::from).find_map(|socket| {
        let is_local = socket.local_addr().ok().and_then(|a| a.as_socket()) == Some(local);
        let peer = socket.peer_addr().ok().and_then(|a| a.as_socket());
        (is_local && peer.is_some() && (remote.is_none() || remote == peer)).then(|| look(socket))
    })
}

/// The descriptors of a process, the youngest first; ones that are no sockets answer no question about sockets.
fn sockets(pid: u32) -> Option<Vec<OwnedFd>> {
    let process = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
    let entries = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")).ok()?;
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let mut numbers: Vec<i32> = entries.flatten().filter_map(number).collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    let get = |number| pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok();
    Some(numbers.into_iter().filter_map(get).collect())
}
