//! A `server` line (manual, 5.2).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use weir_diag::Span;
use weir_expr::{Expr, Format};

use super::{Agent, Check, Endpoint, Proto, ServerTls};

/// A server of a backend, `default-server` already applied.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Where it stands in the configuration.
    pub at: Span,
    /// `id`, or the next free one.
    pub id: u32,
    /// `guid`
    pub guid: Option<String>,
    /// Where it listens; absent while its name is not resolved (`init-addr none`).
    pub endpoint: Option<Endpoint>,
    /// The name it was given by, where it was no address.
    pub hostname: Option<String>,
    /// The port that stands with the name, while the name has no address.
    pub named_port: u16,
    /// How the port of a connection is found.
    pub port: PortRule,
    /// `init-addr`, in order.
    pub init_addr: Vec<InitAddr>,
    /// `init-state`
    pub init_state: Option<InitState>,
    /// `weight`, 0 to 256.
    pub weight: u32,
    /// `backup`
    pub backup: bool,
    /// `disabled`
    pub disabled: bool,
    /// `maxconn`; 0 for no limit.
    pub maxconn: u32,
    /// `minconn`; 0 for none.
    pub minconn: u32,
    /// `maxqueue`; 0 for no limit.
    pub maxqueue: u32,
    /// `cookie`
    pub cookie: Option<Box<[u8]>>,
    /// `redir`
    pub redir: Option<String>,
    /// `slowstart`
    pub slowstart: Option<Duration>,
    /// `track`, as written.
    pub track: Option<String>,
    /// `non-stick`
    pub non_stick: bool,
    /// `check` and what belongs to it; absent where there is no check.
    pub check: Option<Check>,
    /// `agent-check` and what belongs to it; absent where no agent is asked.
    pub agent: Option<Agent>,
    /// `observe layer4|layer7`
    pub observe: Option<u8>,
    /// `error-limit`
    pub error_limit: u32,
    /// `on-error`
    pub on_error: OnError,
    /// `on-marked-down shutdown-sessions`
    pub on_marked_down: Option<OnMarkedDown>,
    /// `on-marked-up shutdown-backup-sessions`
    pub on_marked_up_shutdown_backup: bool,
    /// `source`
    pub source: Source,
    /// `send-proxy`, `send-proxy-v2` and their kin.
    pub proxy_header: Option<ProxyHeader>,
    /// `check-send-proxy`
    pub check_send_proxy: bool,
    /// `socks4`
    pub socks4: Option<SocketAddr>,
    /// `check-via-socks4`
    pub check_via_socks4: bool,
    /// `namespace`
    pub namespace: Option<String>,
    /// `log-proto octet-count`
    pub log_octets: bool,
    /// `log-bufsize`
    pub log_buffer: Option<usize>,
    /// It takes datagrams (`udp@`).
    pub datagrams: bool,
    /// `tfo`
    pub tfo: bool,
    /// `tcp-ut`
    pub tcp_user_timeout: Option<Duration>,
    /// `cc`
    pub congestion: Option<String>,
    /// `idle-ping`
    pub idle_ping: Option<Duration>,
    /// `pool-max-conn`, `pool-low-conn`, `pool-purge-delay`, `max-reuse`
    pub pool: PoolLimits,
    /// `pool-conn-name`
    pub pool_conn_name: Option<Arc<Expr>>,
    /// `set-proxy-v2-tlv-fmt(id) fmt`
    pub tlvs: Vec<(u8, Arc<Format>)>,
    /// The words of TLS.
    pub tls: ServerTls,
    /// `strict-maxconn`
    pub strict_maxconn: bool,
    /// `proto`
    pub proto: Proto,
    /// `ws`: the protocol in which it is asked for WebSockets.
    pub websockets: Proto,
    /// `shard`
    pub shard: u32,
    /// `hash-key`
    pub hash_key: HashKey,
    /// Multipath TCP was asked for by the address (`mptcp@`).
    pub mptcp: bool,
    /// Index of the `server-template` instance, where it is one.
    pub template: Option<u32>,
    /// It came at run time (`add server`).
    pub dynamic: bool,
    /// How often numbers of servers may have been given anew before it came (`srid` of `show stat`).
    pub revision: u32,
    /// An `id` was given.
    pub explicit_id: bool,
    /// `rise` and `fall`, whether it is checked or not.
    pub rise_and_fall: (u32, u32),
    /// It started from a `default-server` line, or from another server of a template.
    pub derived: bool,
    /// `addr` and `port` of checks, whether there are any or not.
    pub check_at: (Option<IpAddr>, Option<u16>),
}

/// What the port of an address means on a `server` line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PortRule {
    /// As written.
    #[default]
    Fixed,
    /// The port that the client came to, with this added (`+80`, `-80`; 0 where no port is written).
    Offset(i32),
}

/// A way to find a server's address at start (`init-addr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitAddr {
    /// The one of the state file.
    Last,
    /// The system's resolver.
    Libc,
    /// None yet.
    None,
    /// This one.
    Ip(IpAddr),
}

/// The state of a checked server at start (`init-state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitState {
    /// Up, and down only after `fall` failed checks.
    FullyUp,
    /// Up, and down after one failed check.
    Up,
    /// Down, and up after one good check.
    Down,
    /// Down, and up only after `rise` good checks.
    FullyDown,
}

/// What a server's places on the ring of `hash-type consistent` are spread from (`hash-key`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum HashKey {
    #[default]
    Id,
    Id32,
    Guid,
    Addr,
    AddrPort,
}

/// `on-error`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum OnError {
    FastInter,
    #[default]
    FailCheck,
    SuddenDeath,
    MarkDown,
}

/// `on-marked-down`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMarkedDown {
    /// `shutdown-sessions`
    ShutdownSessions,
}

/// Where connections to a server come from (`source`, of a proxy or a server).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The address to bind to, and a range of ports (both ends included).
    pub bind: Option<(SocketAddr, u16)>,
    /// `usesrc`
    pub usesrc: Option<SourceAddress>,
    /// `interface`
    pub interface: Option<String>,
}

/// `usesrc`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceAddress {
    /// The client's address and port.
    Client,
    /// The client's address.
    ClientIp,
    /// The last address in this header, at this occurrence (`hdr_ip(name,occ)`).
    Header {
        /// The header's name.
        name: String,
        /// Which of its values; negative from the end.
        occurrence: i32,
    },
    /// This one.
    Addr(SocketAddr),
}

/// Which PROXY header is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyHeader {
    /// Version 1 was asked for; it counts where version 2 was not.
    pub v1: bool,
    /// Version 2.
    pub v2: bool,
    /// The words of `proxy-v2-options`, and those that `send-proxy-v2-ssl` and its kin stand for.
    pub options: Vec<String>,
}

/// How many idle connections to a server are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// `pool-max-conn`; negative for no limit.
    pub max: i64,
    /// `pool-low-conn`
    pub low: u32,
    /// `pool-purge-delay`
    pub purge_delay: Duration,
    /// `max-reuse`; negative for no limit.
    pub max_reuse: i64,
}

// === impl PoolLimits ===

impl Default for PoolLimits {
    fn default() -> Self {
        Self { max: -1, low: 0, purge_delay: Duration::from_secs(5), max_reuse: -1 }
    }
}

// === impl Server ===

impl Server {
    /// A server with no parameter.
    pub fn new(name: impl Into<String>, at: Span) -> Self {
        Self {
            name: name.into(),
            at,
            id: 0,
            guid: None,
            endpoint: None,
            hostname: None,
            named_port: 0,
            port: PortRule::Fixed,
            init_addr: Vec::new(),
            init_state: None,
            weight: 1,
            backup: false,
            disabled: false,
            maxconn: 0,
            minconn: 0,
            maxqueue: 0,
            cookie: None,
            redir: None,
            slowstart: None,
            track: None,
            non_stick: false,
            check: None,
            agent: None,
            observe: None,
            error_limit: 10,
            on_error: OnError::default(),
            on_marked_down: None,
            on_marked_up_shutdown_backup: false,
            source: Source::default(),
            proxy_header: None,
            check_send_proxy: false,
            socks4: None,
            check_via_socks4: false,
            namespace: None,
            log_octets: false,
            log_buffer: None,
            datagrams: false,
            tfo: false,
            tcp_user_timeout: None,
            congestion: None,
            idle_ping: None,
            pool: PoolLimits::default(),
            pool_conn_name: None,
            tlvs: Vec::new(),
            tls: ServerTls::default(),
            strict_maxconn: false,
            proto: Proto::Any,
            websockets: Proto::Any,
            shard: 0,
            hash_key: HashKey::default(),
            mptcp: false,
            template: None,
            dynamic: false,
            revision: 0,
            explicit_id: false,
            rise_and_fall: (2, 3),
            derived: false,
            check_at: (None, None),
        }
    }
}
