//! Listening sockets from a plain description (manual, chapter 5.1 "Bind options").
//!
//! [`listen`] makes one socket from a [`ListenSpec`]; [`adopt`] takes one that was inherited (`fd@N`). A socket in the
//! file system replaces a running one atomically: it is bound under a temporary name and moved into place, so that
//! clients always find one of the two. Options that only tune are reported as complaints, never as failures.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt};

use crate::address::Address;
use crate::error::{SocketError, Step};
use crate::namespace::Namespace;
use crate::option;

/// What to listen on, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenSpec {
    /// Where. [`Address::Unnamed`] is refused.
    pub address: Address,
    /// Stream connections or datagrams (`udp@`, log forwarding).
    pub transport: Transport,
    /// Connections the kernel may hold before they are accepted.
    pub backlog: i32,
    /// Share the port with other sockets of the group: several workers, or the process that is being replaced.
    pub reuse_port: bool,
    /// For IPv6: `Some(true)` for `v6only`, `Some(false)` for `v4v6`, `None` for the system's default.
    pub v6_only: Option<bool>,
    /// Accept connections to addresses that are not local, and allow binding to one.
    pub transparent: bool,
    /// Only this network interface.
    pub interface: Option<String>,
    /// Maximum segment size to advertise.
    pub mss: Option<i32>,
    /// Wake up only when data has arrived.
    pub defer_accept: bool,
    /// TCP Fast Open.
    pub fast_open: bool,
    /// How long sent data may stay unacknowledged; inherited by accepted connections.
    pub user_timeout: Option<Duration>,
    /// Congestion control algorithm; inherited by accepted connections.
    pub congestion: Option<String>,
    /// Network namespace to create the socket in.
    pub namespace: Option<String>,
    /// Multipath TCP.
    pub mptcp: bool,
    /// `TCP_NODELAY`, inherited by accepted connections, which saves a call for each.
    pub no_delay: bool,
    /// Disables immediate acknowledgements on accepted connections (`option tcp-smart-accept`).
    pub no_quick_ack: bool,
    /// Who may use a socket in the file system.
    pub ownership: Ownership,
}

/// What flows over a listening socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Connections.
    #[default]
    Stream,
    /// Single messages.
    Datagram,
}

/// Mode and owner of a unix socket in the file system; what is `None` stays as the system makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// Permission bits.
    pub mode: Option<u32>,
    /// User id.
    pub uid: Option<u32>,
    /// Group id.
    pub gid: Option<u32>,
}

/// A socket that listens.
#[derive(Debug)]
pub struct Listening {
    /// The socket: non-blocking, close-on-exec.
    pub fd: OwnedFd,
    /// Options that could not be set; the socket works without them.
    pub complaints: Vec<SocketError>,
}

/// Creates, binds and starts a listening socket.
pub fn listen(spec: &ListenSpec) -> Result<Listening, SocketError> {
    let fd = match &spec.namespace {
        None => create(spec)?,
        Some(name) => Namespace::open(name)
            .and_then(|namespace| namespace.within(|| create(spec)))
            .map_err(Step::Namespace.failed())??,
    };
    let mut complaints = Vec::new();
    match &spec.address {
        Address::Inet(_) => {
            set_before_bind(fd.as_fd(), spec)?;
            rustix::net::bind(&fd, &spec.address.encode()?).map_err(Step::Bind.failed())?;
            if spec.transport == Transport::Stream {
                complaints = set_tcp(fd.as_fd(), spec);
            }
        }
        Address::Unix(path) => return listen_at_path(spec, path, fd),
        Address::Abstract { .. } | Address::Unnamed => {
            rustix::net::bind(&fd, &spec.address.encode()?).map_err(Step::Bind.failed())?;
        }
    }
    start(fd.as_fd(), spec)?;
    Ok(Listening { fd, complaints })
}

/// Takes an inherited descriptor (`fd@N`): a duplicate, so that several lines and later configurations may name it.
///
/// A stream socket that does not listen yet is made to. Fails where the descriptor is not open or not a socket.
pub fn adopt(number: RawFd, backlog: i32) -> Result<OwnedFd, SocketError> {
    let fd = duplicate(number).map_err(Step::Inherited.failed())?;
    let kind = sockopt::socket_type(&fd).map_err(Step::Inherited.failed())?;
    if kind == SocketType::STREAM && !sockopt::socket_acceptconn(&fd).map_err(Step::Inherited.failed())? {
        rustix::net::listen(&fd, backlog).map_err(Step::Listen.failed())?;
    }
    Ok(fd)
}

/// Whether an inherited descriptor is a socket for connections. Fails where it is not open, or no socket.
pub fn is_for_connections(number: RawFd) -> io::Result<bool> {
    Ok(sockopt::socket_type(duplicate(number)?)? == SocketType::STREAM)
}

/// Takes an inherited descriptor that is not to be listened on (`sockpair@N`, a log target's `fd@N`).
///
/// The duplicate is non-blocking only where it is a socket: a terminal or a pipe is shared with other programs.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: the borrow ends with the next call, which fails with EBADF if the descriptor is not open; it does not
    // close it, so that whoever owns it keeps it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    let fd = rustix::io::fcntl_dupfd_cloexec(borrowed, 3)?;
    if sockopt::socket_type(&fd).is_ok() {
        rustix::io::ioctl_fionbio(&fd, true)?;
    }
    Ok(fd)
}

/// The address that a socket is bound to; tells the port where none was asked for.
pub fn local_address(fd: impl AsFd) -> io::Result<Address> {
    Ok(Address::decode(&rustix::net::getsockname(fd)?))
}

// === impl ListenSpec ===

impl ListenSpec {
    /// A stream socket on this address, with nothing special about it.
    pub fn new(address: Address) -> ListenSpec {
        ListenSpec {
            address,
            transport: Transport::Stream,
            backlog: 1024,
            reuse_port: false,
            v6_only: None,
            transparent: false,
            interface: None,
            mss: None,
            defer_accept: false,
            fast_open: false,
            user_timeout: None,
            congestion: None,
            namespace: None,
            mptcp: false,
            no_delay: false,
            no_quick_ack: false,
            ownership: Ownership::default(),
        }
    }
}

fn create(spec: &ListenSpec) -> Result<OwnedFd, SocketError> {
    let kind = match spec.transport {
        Transport::Stream => SocketType::STREAM,
        Transport::Datagram => SocketType::DGRAM,
    };
    let family = spec.address.family();
    let protocol = (spec.mptcp && family != AddressFamily::UNIX).then_some(ipproto::MPTCP);
    rustix::net::socket_with(family, kind, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, protocol)
        .map_err(Step::Create.failed())
}

/// The options that decide whether the address can be bound at all: a failure is final.
fn set_before_bind(fd: BorrowedFd<'_>, spec: &ListenSpec) -> Result<(), SocketError> {
    sockopt::set_socket_reuseaddr(fd, true).map_err(Step::Option("SO_REUSEADDR").failed())?;
    if spec.reuse_port {
        sockopt::set_socket_reuseport(fd, true).map_err(Step::Option("SO_REUSEPORT").failed())?;
    }
    let v6 = spec.address.family() == AddressFamily::INET6;
    if spec.transparent {
        set_transparent(fd, v6).map_err(Step::Option("transparent").failed())?;
    }
    if let (true, Some(only)) = (v6, spec.v6_only) {
        sockopt::set_ipv6_v6only(fd, only).map_err(Step::Option("IPV6_V6ONLY").failed())?;
    }
    if let Some(interface) = &spec.interface {
        option::set_text(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, interface)
            .map_err(Step::Option("interface").failed())?;
    }
    Ok(())
}

/// Lets a socket use addresses that are not local; where the right to see foreign traffic is missing, binding alone.
pub(crate) fn set_transparent(fd: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    let (level, transparent, freebind) = if v6 {
        (libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT, libc::IPV6_FREEBIND)
    } else {
        (libc::IPPROTO_IP, libc::IP_TRANSPARENT, libc::IP_FREEBIND)
    };
    option::set(fd, level, transparent, 1).or_else(|_| option::set(fd, level, freebind, 1))
}

/// The options that only tune TCP.
fn set_tcp(fd: BorrowedFd<'_>, spec: &ListenSpec) -> Vec<SocketError> {
    let mut complaints = Vec::new();
    let mut tune = |name: &'static str, outcome: io::Result<()>| {
        complaints.extend(outcome.map_err(Step::Option(name).failed()).err());
    };
    if let Some(mss) = spec.mss {
        tune("mss", option::set(fd, libc::IPPROTO_TCP, libc::TCP_MAXSEG, mss));
    }
    if let Some(timeout) = spec.user_timeout {
        tune("tcp-ut", set_user_timeout(fd, timeout));
    }
    if spec.defer_accept {
        tune("defer-accept", option::set(fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 1));
    }
    if spec.fast_open {
        let waiting = c_int::max(spec.backlog, 1);
        tune("tfo", option::set(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, waiting));
    }
    if let Some(algorithm) = &spec.congestion {
        let set = option::set_text(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, algorithm);
        tune("cc", set);
    }
    if spec.no_delay {
        tune("nodelay", sockopt::set_tcp_nodelay(fd, true).map_err(Into::into));
    }
    if spec.no_quick_ack {
        tune("quickack", sockopt::set_tcp_quickack(fd, false).map_err(Into::into));
    }
    complaints
}

pub(crate) fn set_user_timeout(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<()> {
    let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    Ok(sockopt::set_tcp_user_timeout(fd, millis)?)
}

fn start(fd: BorrowedFd<'_>, spec: &ListenSpec) -> Result<(), SocketError> {
    match spec.transport {
        Transport::Stream => rustix::net::listen(fd, spec.backlog).map_err(Step::Listen.failed()),
        Transport::Datagram => Ok(()),
    }
}

/// Binds under a temporary name and moves it over the path, so that a running socket is replaced at one instant.
///
/// The temporary name is the path with the process id and `.tmp`, which scripts that clean up know. It listens
/// before it is moved: a client never finds a socket that refuses.
fn listen_at_path(spec: &ListenSpec, path: &Path, fd: OwnedFd) -> Result<Listening, SocketError> {
    let temporary = beside(path);
    match rustix::fs::unlink(&temporary) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(Step::Prepare.failed()(error)),
    }
    // The final name is checked too: a path that only fits without the suffix could not be replaced later.
    spec.address.encode()?;
    rustix::net::bind(&fd, &Address::Unix(temporary.clone()).encode()?).map_err(Step::Bind.failed())?;
    let moved = own(&temporary, spec.ownership)
        .map_err(Step::Ownership.failed())
        .and_then(|()| start(fd.as_fd(), spec))
        .and_then(|()| rustix::fs::rename(&temporary, path).map_err(Step::Rename.failed()));
    if moved.is_err() {
        // Best effort: the failure that is reported is the one above.
        let _ = rustix::fs::unlink(&temporary);
    }
    moved.map(|()| Listening { fd, complaints: Vec::new() })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

fn own(path: &Path, ownership: Ownership) -> io::Result<()> {
    if ownership.uid.is_some() || ownership.gid.is_some() {
        let uid = ownership.uid.map(Uid::from_raw);
        let gid = ownership.gid.map(Gid::from_raw);
        rustix::fs::chown(path.as_os_str().as_bytes(), uid, gid)?;
    }
    if let Some(mode) = ownership.mode {
        rustix::fs::chmod(path.as_os_str().as_bytes(), Mode::from_raw_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::accepted::{accept, tcp_info, unread};
    use crate::connect::{ConnectSpec, PacketMarks, PortRange, Source, connect, outcome};

    fn loopback() -> ListenSpec {
        ListenSpec::new("127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into())
    }

    fn wait_for<T>(mut ask: impl FnMut() -> io::Result<T>) -> T {
        loop {
            match ask() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                answer => return answer.unwrap(),
            }
        }
    }

    #[test]
    fn a_connection_is_made_accepted_and_described() {
        let spec = ListenSpec {
            reuse_port: true,
            user_timeout: Some(Duration::from_secs(5)),
            defer_accept: false,
            no_delay: true,
            ..loopback()
        };
        let listening = listen(&spec).unwrap();
        assert!(listening.complaints.is_empty(), "{:?}", listening.complaints);
        let address = local_address(&listening.fd).unwrap();
        let far = connect(&address, &ConnectSpec::default(), None, PacketMarks::default()).unwrap();
        let (near, peer) = wait_for(|| accept(&listening.fd));
        outcome(&far.fd).unwrap();
        assert_eq!(peer, local_address(&far.fd).unwrap());
        assert!(sockopt::tcp_nodelay(&near).unwrap(), "inherited from the listening socket");
        let mut far = std::net::TcpStream::from(far.fd);
        far.write_all(b"hello").unwrap();
        wait_for(|| match unread(&near)? {
            5 => Ok(()),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        });
        assert!(tcp_info(&near).unwrap().send_mss > 0);
    }

    #[test]
    fn an_address_in_use_blames_the_bind() {
        let first = listen(&loopback()).unwrap();
        let spec = ListenSpec { address: local_address(&first.fd).unwrap(), ..loopback() };
        let error = listen(&spec).unwrap_err();
        assert_eq!((error.step, error.errno()), (Step::Bind, libc::EADDRINUSE));
    }

    #[test]
    fn a_unix_socket_replaces_the_running_one_and_leaves_no_traces() {
        let folder = std::env::temp_dir().join(format!("weir-listen-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("s.sock");
        let mut spec = ListenSpec::new(Address::Unix(path.clone()));
        spec.ownership.mode = Some(0o600);
        let old = listen(&spec).unwrap();
        let new = listen(&spec).unwrap();
        let client = connect(&spec.address, &ConnectSpec::default(), None, PacketMarks::default()).unwrap();
        assert!(client.established);
        accept(&new.fd).unwrap();
        assert!(accept(&old.fd).is_err());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn source_ports_are_taken_in_turn_until_none_is_left() {
        let listening = listen(&loopback()).unwrap();
        let address = local_address(&listening.fd).unwrap();
        let spec = ConnectSpec {
            source: Some(Source {
                address: Some("127.0.0.1:0".parse().unwrap()),
                ports: PortRange::new(21_990, 21_991),
                ..Source::default()
            }),
            ..ConnectSpec::default()
        };
        let start = || connect(&address, &spec, None, PacketMarks::default());
        let held: Vec<_> = (0..2).map(|_| start().unwrap()).collect();
        let mut ports: Vec<_> =
            held.iter().map(|c| local_address(&c.fd).unwrap().inet().unwrap().port()).collect();
        ports.sort_unstable();
        assert_eq!(ports, [21_990, 21_991]);
        assert_eq!(start().unwrap_err().step, Step::SourcePorts);
    }

    #[test]
    fn an_inherited_descriptor_must_be_an_open_socket() {
        let listening = listen(&loopback()).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&listening.fd);
        let adopted = adopt(number, 10).unwrap();
        assert_eq!(local_address(&adopted).unwrap(), local_address(&listening.fd).unwrap());
        assert_eq!(adopt(-1, 10).unwrap_err().step, Step::Inherited);
        let file = std::fs::File::open("/dev/null").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        assert_eq!(adopt(number, 10).unwrap_err().errno(), libc::ENOTSOCK);
    }

    #[test]
    fn spliced_bytes_reach_the_other_side() {
        let (near, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
        let (out, mut end) = std::os::unix::net::UnixStream::pair().unwrap();
        far.write_all(b"through the pipe").unwrap();
        let mut pipe = crate::splice::Pipe::open(65_536).unwrap();
        assert_eq!(pipe.fill(&near, 65_536).unwrap(), 16);
        assert_eq!(pipe.held(), 16);
        assert_eq!(pipe.drain(&out, false).unwrap(), 16);
        assert_eq!(pipe.held(), 0);
        let mut buffer = [0; 16];
        end.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"through the pipe");
        drop(far);
        assert_eq!(pipe.fill(&near, 65_536).unwrap(), 0);
    }
}
