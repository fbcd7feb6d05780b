//! A `bind` line (manual, 5.1).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use weir_diag::Span;

use super::{BindTls, Mode};

/// An address that can be listened on or connected to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// An address and port of IPv4 or IPv6.
    Inet(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
    /// A socket in the abstract name space; `padded` as `abns@` writes it, not as `abnsz@` does.
    Abstract {
        /// The name, without its leading NUL.
        name: Vec<u8>,
        /// Whether NULs fill the address up (`abns@`).
        padded: bool,
    },
    /// An inherited descriptor that listens already (`fd@`).
    Fd(i32),
    /// One end of a pair over which descriptors of connections come (`sockpair@`).
    SockPair(i32),
}

/// What an IPv6 socket takes (`v4v6`, `v6only`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum V6Mode {
    /// What the system does by itself.
    #[default]
    System,
    /// `v4v6`
    Both,
    /// `v6only`
    Only,
}

/// How many listening sockets an address gets (`shards`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shards {
    /// One for each worker, where the kernel allows it.
    #[default]
    ByThread,
    /// So many.
    Count(u16),
}

/// Owner and mode of a unix socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixPerms {
    /// Permission bits (`mode`).
    pub mode: Option<u32>,
    /// `uid`, or the number of `user`.
    pub uid: Option<u32>,
    /// `gid`, or the number of `group`.
    pub gid: Option<u32>,
}

/// What a peer of the runtime API may do (`level`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CliLevel {
    /// Read what is not sensitive.
    User,
    /// Read all, change nothing that matters.
    #[default]
    Operator,
    /// Everything.
    Admin,
}

/// One address of a `bind` line with its parameters. A line of several addresses gives several of these,
/// a range of ports too.
#[derive(Clone, Debug)]
pub struct Bind {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Where it stands in the configuration.
    pub at: Span,
    /// The address as the log and the statistics name it: `name`, where given.
    pub name: Option<String>,
    /// `id`
    pub id: Option<u32>,
    /// `guid-prefix`
    pub guid_prefix: Option<String>,
    /// `accept-proxy`
    pub accept_proxy: bool,
    /// `accept-netscaler-cip MAGIC`
    pub accept_netscaler_cip: Option<u32>,
    /// `backlog`; without it the proxy's, then its maxconn.
    pub backlog: Option<u32>,
    /// `defer-accept`
    pub defer_accept: bool,
    /// `interface`
    pub interface: Option<String>,
    /// `namespace`
    pub namespace: Option<String>,
    /// `maxconn`; 0 for no limit.
    pub maxconn: u32,
    /// `mss`; negative numbers count from the system's value.
    pub mss: Option<i32>,
    /// `tcp-ut`
    pub tcp_user_timeout: Option<Duration>,
    /// `tfo`
    pub tfo: bool,
    /// `transparent`
    pub transparent: bool,
    /// `v4v6`, `v6only`
    pub v6: V6Mode,
    /// Datagrams come in, rather than connections (`dgram-bind`).
    pub datagrams: bool,
    /// `shards`
    pub shards: Shards,
    /// `user`, `group`, `uid`, `gid`, `mode`
    pub perms: UnixPerms,
    /// `level`, for sockets of the runtime API.
    pub level: CliLevel,
    /// `expose-fd listeners`
    pub expose_fd: bool,
    /// `cc`: the congestion control algorithm of TCP.
    pub congestion: Option<String>,
    /// Multipath TCP was asked for by the address (`mptcp@`).
    pub mptcp: bool,
    /// `idle-ping`; for multiplexed protocols.
    pub idle_ping: Option<Duration>,
    /// The words of TLS.
    pub tls: BindTls,
    /// `severity-output` of a runtime API socket.
    pub severity_output: SeverityOutput,
    /// `proto`
    pub proto: Proto,
}

/// The protocol of messages on a connection (manual, 5.1 and 5.2 "proto").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proto {
    /// What the first bytes say, or what was agreed on.
    #[default]
    Any,
    /// HTTP/1
    H1,
    /// HTTP/2
    H2,
    /// None: bytes are passed on as they are.
    None,
}

impl Proto {
    /// Its name, where connections of proxies of this mode cannot speak it.
    pub(crate) fn unusable_in(self, mode: Mode) -> Option<&'static str> {
        match (self, mode) {
            (Proto::None, Mode::Http) => Some("none"),
            (Proto::H1, Mode::Tcp | Mode::Log) => Some("h1"),
            (Proto::H2, Mode::Tcp | Mode::Log) => Some("h2"),
            _ => None,
        }
    }
}

/// How the runtime API shows how grave a message is (manual, 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeverityOutput {
    /// Not at all.
    #[default]
    None,
    /// `[3]: `
    Number,
    /// `[err]: `
    Text,
}

// === impl Bind ===

impl Bind {
    /// A line with no parameter.
    pub fn new(endpoint: Endpoint, at: Span) -> Self {
        Self {
            endpoint,
            at,
            name: None,
            id: None,
            guid_prefix: None,
            accept_proxy: false,
            accept_netscaler_cip: None,
            backlog: None,
            defer_accept: false,
            interface: None,
            namespace: None,
            maxconn: 0,
            mss: None,
            tcp_user_timeout: None,
            tfo: false,
            transparent: false,
            v6: V6Mode::System,
            datagrams: false,
            shards: Shards::ByThread,
            perms: UnixPerms::default(),
            level: CliLevel::default(),
            expose_fd: false,
            congestion: None,
            mptcp: false,
            idle_ping: None,
            tls: BindTls::default(),
            severity_output: SeverityOutput::None,
            proto: Proto::Any,
        }
    }
}

// === impl SeverityOutput ===

impl SeverityOutput {
    /// The one that a word names.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "number" => Some(Self::Number),
            "string" => Some(Self::Text),
            _ => None,
        }
    }
}
