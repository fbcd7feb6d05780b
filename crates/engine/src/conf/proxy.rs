//! A proxy: `frontend`, `backend`, `listen`, and what `defaults` hands down (manual, chapter 4).

use std::sync::Arc;
use std::time::Duration;

use bitflags::bitflags;
use weir_balance::Affinity;
use weir_balance::hash::Hashing;
use weir_diag::Span;
use weir_expr::Expr;

use crate::action::Rules;

use super::{
    AddressHeader, Bind, CheckKind, ErrorFile, Forwarded, HeaderNames, LogForward, LogLine, LogTarget,
    Mentions, Options, Persistence, RetryOn, Server, Source, StatsPage, Timeouts,
};

bitflags! {
    /// Which side of a proxy a section has.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Caps: u8 {
        /// It takes connections in.
        const FRONTEND = 1;
        /// It has servers.
        const BACKEND = 2;
        /// `listen`
        const LISTEN = 3;
    }
}

/// `mode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum Mode {
    #[default]
    Tcp,
    Http,
    Log,
    Haterm,
}

/// `balance` (manual, 4.2). Algorithms with arguments keep them as written until they are built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// None was given.
    #[default]
    Default,
    /// `roundrobin`
    RoundRobin,
    /// Another word of the manual, with its arguments.
    Other(Vec<String>),
}

/// `hash-type` and what belongs to it (manual, 4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hash {
    /// `consistent`; else `map-based`.
    pub consistent: bool,
    /// The function, and whether `avalanche` follows it.
    pub hashing: Hashing,
    /// `hash-balance-factor`, in percent; 0 for none.
    pub balance_factor: u32,
    /// `hash-preserve-affinity`
    pub affinity: Affinity,
}

/// `http-reuse`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum ReuseMode {
    Never,
    #[default]
    Safe,
    Aggressive,
    Always,
}

/// The backend that a `use_backend` line names, to be found; the rule itself is among the [`Rules`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UseBackend {
    /// The backend's name.
    pub target: String,
    /// Where it stands in the configuration.
    pub at: Span,
}

/// A proxy, `defaults` applied.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its name.
    pub name: String,
    /// Where its section starts.
    pub at: Span,
    /// Which sides it has.
    pub caps: Caps,
    /// `id`, or the next free one.
    pub id: u32,
    /// `load-server-state-from-file`
    pub load_state: LoadState,
    /// `server-state-file-name`; empty for the proxy's name.
    pub state_file: Option<String>,
    /// `guid`
    pub guid: Option<String>,
    /// `description`
    pub description: Option<String>,
    /// `mode`
    pub mode: Mode,
    /// `disabled`
    pub disabled: bool,
    /// `be-unpublished`
    pub unpublished: bool,
    /// It came at run time.
    pub dynamic: bool,
    /// An `id` was given.
    pub explicit_id: bool,
    /// What its rules name.
    pub mentions: Mentions,
    /// `bind` lines.
    pub binds: Vec<Bind>,
    /// `backlog`
    pub backlog: Option<u32>,
    /// `maxconn` of the frontend; absent for the process's.
    pub maxconn: Option<u32>,
    /// `rate-limit sessions`; 0 for none.
    pub rate_limit: u32,
    /// `default_backend`, and where it stands.
    pub default_backend: Option<(String, Span)>,
    /// What `use_backend` names, in order.
    pub use_backend: Vec<UseBackend>,
    /// `server` lines.
    pub servers: Vec<Arc<Server>>,
    /// `balance`
    pub balance: Balance,
    /// The expression of `balance hash`.
    pub balance_key: Option<Arc<Expr>>,
    /// `hash-type` and its kin.
    pub hash: Hash,
    /// `fullconn`; absent for a tenth of the frontends' maxconn.
    pub fullconn: Option<u32>,
    /// `retries`
    pub retries: u32,
    /// `option redispatch`: after how many failures another server is tried; negative counts from the last.
    pub redispatch: Option<i32>,
    /// `retry-on`
    pub retry_on: RetryOn,
    /// `http-reuse`
    pub reuse: ReuseMode,
    /// `max-keep-alive-queue`; negative for no limit.
    pub max_keep_alive_queue: i64,
    /// `max-session-srv-conns`; negative for none.
    pub max_session_srv_conns: i64,
    /// `source`
    pub source: Source,
    /// `option ...` flags.
    pub options: Options,
    /// `option forwardfor`
    pub forward_for: Option<AddressHeader>,
    /// `option originalto`
    pub original_to: Option<AddressHeader>,
    /// `option forwarded`
    pub forwarded: Option<Forwarded>,
    /// `option http-restrict-req-hdr-names`
    pub header_names: HeaderNames,
    /// `http-send-name-header`, in lower case
    pub send_name_header: Option<Box<[u8]>>,
    /// `timeout ...`
    pub timeouts: Timeouts,
    /// `clitcpka-idle`, `-intvl`, `-cnt`
    pub client_keepalive: KeepAlive,
    /// `srvtcpka-idle`, `-intvl`, `-cnt`
    pub server_keepalive: KeepAlive,
    /// `monitor-uri`
    pub monitor_uri: Option<Box<[u8]>>,
    /// What it does with log messages, where it takes those in.
    pub log_forward: Option<LogForward>,
    /// `monitor-net` of older versions.
    pub monitor_net: Option<ipnet::IpNet>,
    /// `capture cookie`
    pub capture_cookie: Option<CaptureCookie>,
    /// `unique-id-format`, and where it stands.
    pub unique_id_format: Option<(String, Span)>,
    /// `unique-id-header`, in lower case.
    pub unique_id_header: Option<Box<[u8]>>,
    /// `errorfile`, `errorloc*`, `errorfiles`: the last for a status counts.
    pub error_files: Vec<ErrorFile>,
    /// `log` lines; `log global` is already replaced by the global ones.
    pub logs: Vec<LogTarget>,
    /// `log-tag`
    pub log_tag: Option<String>,
    /// Which line is logged.
    pub log_line: LogLine,
    /// `option httpchk` and its kin.
    pub check: CheckKind,
    /// Ways to stay with a server.
    pub persistence: Persistence,
    /// What is to be done with connections, requests and responses.
    pub rules: Arc<Rules>,
    /// Its statistics page.
    pub stats: Option<Arc<StatsPage>>,
}

/// Parameters of TCP keep-alive probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe.
    pub idle: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
    /// How many unanswered ones end the connection.
    pub count: Option<u32>,
}

/// A cookie that is kept for the log (manual, 4.2 "capture cookie").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureCookie {
    /// What its name and value, joined by `=`, begin with.
    pub name: Box<[u8]>,
    /// How many bytes of both are kept.
    pub length: usize,
}

// === impl Balance ===

impl Balance {
    /// The algorithm's word.
    pub fn word(&self) -> &str {
        match self {
            Self::Default | Self::RoundRobin => "roundrobin",
            Self::Other(words) => words.first().map_or("", String::as_str),
        }
    }

    /// Whether it goes by something that only HTTP has.
    pub fn reads_http(&self) -> bool {
        let Self::Other(words) = self else { return false };
        let first = words.first().map_or("", String::as_str);
        matches!(first, "uri" | "url_param") || first.starts_with("hdr(")
    }
}

// === impl Mode ===

impl Mode {
    /// The word of the language.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Log => "syslog",
            Self::Haterm => "haterm",
        }
    }
}

/// Where the states of servers come from at a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadState {
    /// They begin anew.
    #[default]
    None,
    /// `server-state-file` of the section `global`.
    Global,
    /// A file of the backend's own.
    Local,
}

// === impl Proxy ===

impl Proxy {
    /// A proxy with the program's own defaults.
    pub fn new(name: impl Into<String>, caps: Caps, at: Span) -> Self {
        Self {
            name: name.into(),
            at,
            caps,
            id: 0,
            load_state: LoadState::None,
            state_file: None,
            guid: None,
            description: None,
            mode: Mode::default(),
            disabled: false,
            unpublished: false,
            dynamic: false,
            explicit_id: false,
            mentions: Mentions::default(),
            binds: Vec::new(),
            backlog: None,
            maxconn: None,
            rate_limit: 0,
            default_backend: None,
            use_backend: Vec::new(),
            servers: Vec::new(),
            balance: Balance::default(),
            balance_key: None,
            hash: Hash::default(),
            fullconn: None,
            retries: 3,
            redispatch: None,
            retry_on: RetryOn::CONN_FAILURE,
            reuse: ReuseMode::default(),
            max_keep_alive_queue: -1,
            max_session_srv_conns: -1,
            source: Source::default(),
            options: Options::default(),
            forward_for: None,
            original_to: None,
            forwarded: None,
            header_names: HeaderNames::default(),
            send_name_header: None,
            timeouts: Timeouts::default(),
            client_keepalive: KeepAlive::default(),
            server_keepalive: KeepAlive::default(),
            monitor_uri: None,
            monitor_net: None,
            unique_id_format: None,
            capture_cookie: None,
            unique_id_header: None,
            error_files: Vec::new(),
            logs: Vec::new(),
            log_tag: None,
            log_line: LogLine::default(),
            log_forward: None,
            check: CheckKind::default(),
            persistence: Persistence::default(),
            rules: Arc::default(),
            stats: None,
        }
    }

    /// Whether the proxy takes connections in.
    pub fn is_frontend(&self) -> bool {
        self.caps.contains(Caps::FRONTEND)
    }

    /// Whether a client that closes its side takes along a request that is not answered yet.
    pub fn aborts_on_close(&self) -> bool {
        self.options.contains(Options::ABORT_ON_CLOSE)
            || (self.mode == Mode::Http && !self.options.contains(Options::NO_ABORT_ON_CLOSE))
    }

    /// Whether the proxy has servers.
    pub fn is_backend(&self) -> bool {
        self.caps.contains(Caps::BACKEND)
    }
}
