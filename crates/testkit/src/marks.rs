//! How the sockets of another process are marked: a look at them from outside.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{Domain, SockRef, Socket, Type};

/// What the packets of a socket carry: the mark of the kernel (`SO_MARK`) and the type of service (`IP_TOS`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// `SO_MARK`
    pub mark: u32,
    /// `IP_TOS`
    pub tos: u32,
}

// === impl Marks ===

impl Marks {
    /// Whether this process, and one that it starts, may mark packets and look at the sockets of others.
    pub fn can_be_set() -> bool {
        Socket::new(Domain::IPV4, Type::STREAM, None).is_ok_and(|socket| socket.set_mark(1).is_ok())
    }

    /// Of the connection between these addresses that one of these processes holds; none where none does.
    /// Any peer will do where none is given.
    pub fn of(pids: &[u32], local: SocketAddr, remote: Option<SocketAddr>) -> Marks {
        pids.iter().find_map(|pid| in_process(*pid, local, remote)).unwrap_or_default()
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mark {} tos {}", self.mark, self.tos)
    }
}

fn in_process(pid: u32, local: SocketAddr, remote: Option<SocketAddr>) -> Option<Marks> {
    let process = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
    let entries = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")).ok()?;
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let mut numbers: Vec<i32> = entries.flatten().filter_map(number).collect();
    // The youngest first.
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    for number in numbers {
        let Ok(descriptor) = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) else { continue };
        let socket = SockRef::from(&descriptor);
        let is_local = socket.local_addr().ok().and_then(|a| a.as_socket()) == Some(local);
        let peer = socket.peer_addr().ok().and_then(|a| a.as_socket());
        if is_local && peer.is_some() && (remote.is_none() || remote == peer) {
            let (mark, tos) = (socket.mark().unwrap_or_default(), socket.tos_v4().unwrap_or_default());
            return Some(Marks { mark, tos });
        }
    }
    None
}
