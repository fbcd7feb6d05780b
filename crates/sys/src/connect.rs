//! Outgoing stream connections: servers, checks, log targets (manual, chapter 5.2 and `source`).
//!
//! [`connect`] creates a socket from a [`ConnectSpec`], binds its source and starts the connection without waiting.
//! The caller waits until the socket is writable and asks [`outcome`].

use std::ffi::c_int;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt};

use crate::address::Address;
use crate::error::{SocketError, Step};
use crate::listen::{set_transparent, set_user_timeout};
use crate::namespace::Namespace;
use crate::option;

/// How to reach a server, apart from its address. Made once for each server and shared.
#[derive(Debug, Default)]
pub struct ConnectSpec {
    /// Addresses and interface to come from.
    pub source: Option<Source>,
    /// `TCP_NODELAY`.
    pub no_delay: bool,
    /// TCP keep-alive.
    pub keep_alive: Option<KeepAlive>,
    /// Maximum segment size.
    pub mss: Option<i32>,
    /// TCP Fast Open: the connection reports success at once, and the first write carries the SYN.
    pub fast_open: bool,
    /// How long sent data may stay unacknowledged.
    pub user_timeout: Option<Duration>,
    /// Let the ACK of the handshake travel with the first data (`option tcp-smart-connect`).
    pub no_quick_ack: bool,
    /// Congestion control algorithm.
    pub congestion: Option<String>,
    /// Multipath TCP.
    pub mptcp: bool,
    /// Network namespace to create the socket in.
    pub namespace: Option<Namespace>,
    /// Kernel's send buffer in bytes.
    pub send_buffer: Option<u32>,
    /// Kernel's receive buffer in bytes.
    pub receive_buffer: Option<u32>,
    /// Bytes that may wait in the kernel unsent.
    pub unsent_low_water: Option<u32>,
}

/// What marks the packets of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PacketMarks {
    /// Netfilter mark.
    pub mark: Option<u32>,
    /// Type of service (IPv4) or traffic class (IPv6).
    pub tos: Option<u8>,
}

/// Where connections come from.
#[derive(Debug, Default)]
pub struct Source {
    /// The address to bind; port 0 lets the kernel choose. The caller's [`connect`] argument overrides it.
    pub address: Option<SocketAddr>,
    /// Ports to try in turn; the address's own port is then ignored.
    pub ports: Option<PortRange>,
    /// The address need not be local (`usesrc`).
    pub transparent: bool,
    /// Only this network interface.
    pub interface: Option<String>,
}

/// Source ports that the connections of a server take in turn.
#[derive(Debug)]
pub struct PortRange {
    first: u16,
    count: u32,
    next: AtomicU32,
}

/// Times of TCP keep-alive; what is `None` is the system's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe.
    pub idle: Option<Duration>,
    /// Between probes.
    pub interval: Option<Duration>,
    /// Probes without an answer before the connection is dead.
    pub count: Option<u32>,
}

/// A connection that was started.
#[derive(Debug)]
pub struct Connecting {
    /// The socket: non-blocking, close-on-exec.
    pub fd: OwnedFd,
    /// Whether it is established already (unix sockets, Fast Open); else wait until it is writable.
    pub established: bool,
}

/// Starts a connection to `to`.
///
/// `source` overrides the address of [`ConnectSpec::source`]: a transparent proxy passes the client's.
/// [`Step::SourcePorts`] says that every port of the range was in use.
pub fn connect(
    to: &Address,
    spec: &ConnectSpec,
    source: Option<SocketAddr>,
    marks: PacketMarks,
) -> Result<Connecting, SocketError> {
    let address = source.or_else(|| spec.source.as_ref().and_then(|source| source.address));
    let ports = spec.source.as_ref().and_then(|source| source.ports.as_ref());
    let (Some(address), Some(ports)) = (address, ports) else {
        return attempt(to, spec, address, marks);
    };
    for _ in 0..ports.count {
        let from = SocketAddr::new(address.ip(), ports.next());
        match attempt(to, spec, Some(from), marks) {
            // The port is taken by a listener (on bind), or this pair of ends by a connection (on connect).
            Err(error) if error.errno() == libc::EADDRINUSE || error.errno() == libc::EADDRNOTAVAIL => {}
            decided => return decided,
        }
    }
    Err(Step::SourcePorts.failed()(Errno::ADDRINUSE))
}

/// Tells how a connection ended up once its socket became writable: `SO_ERROR`, which is cleared by asking.
pub fn outcome(fd: impl AsFd) -> io::Result<()> {
    Ok(sockopt::socket_error(fd)??)
}

/// Turns TCP keep-alive on with these times.
pub fn set_keep_alive(fd: impl AsFd, times: KeepAlive) -> io::Result<()> {
    let fd = fd.as_fd();
    sockopt::set_socket_keepalive(fd, true)?;
    if let Some(count) = times.count {
        sockopt::set_tcp_keepcnt(fd, count)?;
    }
    if let Some(idle) = times.idle {
        sockopt::set_tcp_keepidle(fd, idle)?;
    }
    if let Some(interval) = times.interval {
        sockopt::set_tcp_keepintvl(fd, interval)?;
    }
    Ok(())
}

/// Sets the netfilter mark of outgoing packets; needs `CAP_NET_ADMIN`.
pub fn set_mark(fd: impl AsFd, mark: u32) -> io::Result<()> {
    option::set(fd, libc::SOL_SOCKET, libc::SO_MARK, mark.cast_signed())
}

/// Sets the type of service (IPv4) or the traffic class (IPv6) of outgoing packets.
pub fn set_tos(fd: impl AsFd, ip: IpAddr, tos: u8) -> io::Result<()> {
    match ip {
        // A connection over IPv4 on an IPv6 socket takes the IPv4 option.
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
            option::set(fd, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, c_int::from(tos))
        }
        _ => option::set(fd, libc::IPPROTO_IP, libc::IP_TOS, c_int::from(tos)),
    }
}

// === impl PortRange ===

impl PortRange {
    /// The ports from `first` to `last`, both included; `None` where that is no port at all.
    pub fn new(first: u16, last: u16) -> Option<PortRange> {
        let count = u32::from(last).checked_sub(u32::from(first))? + 1;
        (first > 0).then_some(PortRange { first, count, next: AtomicU32::new(0) })
    }

    fn next(&self) -> u16 {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.count;
        self.first.saturating_add(u16::try_from(turn).unwrap_or(0))
    }
}

fn attempt(
    to: &Address,
    spec: &ConnectSpec,
    from: Option<SocketAddr>,
    marks: PacketMarks,
) -> Result<Connecting, SocketError> {
    let fd = match &spec.namespace {
        None => create(to, spec)?,
        Some(namespace) => namespace.within(|| create(to, spec)).map_err(Step::Namespace.failed())??,
    };
    if let Some(ip) = to.ip() {
        set_inet(fd.as_fd(), ip, spec, marks);
        bind_source(fd.as_fd(), spec, from)?;
    }
    let established = match rustix::net::connect(&fd, &to.encode()?) {
        Ok(()) => true,
        Err(Errno::INPROGRESS) => false,
        Err(error) => return Err(Step::Connect.failed()(error)),
    };
    Ok(Connecting { fd, established })
}

fn create(to: &Address, spec: &ConnectSpec) -> Result<OwnedFd, SocketError> {
    let family = to.family();
    let protocol = (spec.mptcp && family != AddressFamily::UNIX).then_some(ipproto::MPTCP);
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    rustix::net::socket_with(family, SocketType::STREAM, flags, protocol).map_err(Step::Create.failed())
}

/// Options that only tune: a kernel that refuses one still connects, so their failures are not reported.
fn set_inet(fd: BorrowedFd<'_>, ip: IpAddr, spec: &ConnectSpec, marks: PacketMarks) {
    if spec.no_delay {
        let _ = sockopt::set_tcp_nodelay(fd, true);
    }
    if let Some(times) = spec.keep_alive {
        let _ = set_keep_alive(fd, times);
    }
    if let Some(mss) = spec.mss {
        let _ = option::set(fd, libc::IPPROTO_TCP, libc::TCP_MAXSEG, mss);
    }
    if spec.no_quick_ack {
        let _ = sockopt::set_tcp_quickack(fd, false);
    }
    if let Some(timeout) = spec.user_timeout {
        let _ = set_user_timeout(fd, timeout);
    }
    if let Some(algorithm) = &spec.congestion {
        let _ = option::set_text(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, algorithm);
    }
    if let Some(bytes) = spec.send_buffer {
        let _ = sockopt::set_socket_send_buffer_size(fd, bytes as usize);
    }
    if let Some(bytes) = spec.receive_buffer {
        let _ = sockopt::set_socket_recv_buffer_size(fd, bytes as usize);
    }
    if let Some(bytes) = spec.unsent_low_water {
        let _ = crate::accepted::set_unsent_low_water(fd, bytes as usize);
    }
    if spec.fast_open {
        let _ = option::set(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1);
    }
    if let Some(mark) = marks.mark {
        let _ = set_mark(fd, mark);
    }
    if let Some(tos) = marks.tos {
        let _ = set_tos(fd, ip, tos);
    }
}

/// Everything here decides which way the connection goes: a failure is final.
fn bind_source(fd: BorrowedFd<'_>, spec: &ConnectSpec, from: Option<SocketAddr>) -> Result<(), SocketError> {
    if let Some(interface) = spec.source.as_ref().and_then(|source| source.interface.as_deref()) {
        option::set_text(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, interface)
            .map_err(Step::Option("interface").failed())?;
    }
    let Some(from) = from else { return Ok(()) };
    if spec.source.as_ref().is_some_and(|source| source.transparent) {
        set_transparent(fd, from.is_ipv6()).map_err(Step::Option("transparent").failed())?;
    }
    if from.port() == 0 {
        // Without this the kernel would pick the port now, for all destinations at once.
        let _ = option::set(fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1);
    }
    sockopt::set_socket_reuseaddr(fd, true).map_err(Step::Option("SO_REUSEADDR").failed())?;
    rustix::net::bind(fd, &from).map_err(Step::Bind.failed())
}
