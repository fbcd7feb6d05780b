//! The `global` section (manual, chapter 3).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use weir_config::values::Family;
use weir_diag::Span;
use weir_expr::TokenAlgorithms;

use super::{Bind, GlobalTls, LogTarget};
use crate::processors::Layout;

/// What the `global` section says. Absent values are decided when the process starts.
#[derive(Clone, Debug, Default)]
pub struct Global {
    /// `daemon`
    pub daemon: bool,
    /// `master-worker`
    pub master_worker: bool,
    /// `pidfile`
    pub pidfile: Option<PathBuf>,
    /// `chroot`; `auto` is kept as that word.
    pub chroot: Option<PathBuf>,
    /// `uid`, or the number of `user`.
    pub uid: Option<u32>,
    /// `gid`, or the number of `group`.
    pub gid: Option<u32>,
    /// `nbthread`
    pub nbthread: Option<u16>,
    /// `thread-hard-limit`
    pub thread_limit: Option<u16>,
    /// `tune.renice.runtime`
    pub niceness: Option<i32>,
    /// `maxconn`
    pub maxconn: Option<u32>,
    /// `maxconnrate`, `maxsessrate`, `maxsslrate`; 0 for no limit.
    pub max_conn_rate: u32,
    /// See `max_conn_rate`.
    pub max_sess_rate: u32,
    /// See `max_conn_rate`.
    pub max_tls_rate: u32,
    /// `maxsslconn`, on both sides together; 0 for no limit.
    pub max_tls_conn: u32,
    /// `maxpipes`
    pub max_pipes: Option<u32>,
    /// `ulimit-n`
    pub ulimit_n: Option<u64>,
    /// `fd-hard-limit`
    pub fd_hard_limit: Option<u64>,
    /// `hard-stop-after`
    pub hard_stop_after: Option<Duration>,
    /// `grace`
    pub grace: Option<Duration>,
    /// `close-spread-time`; `None` inside for `infinite`.
    pub close_spread_time: Option<Option<Duration>>,
    /// `node`
    pub node: Option<String>,
    /// `description`
    pub description: Option<String>,
    /// `localpeer`
    pub localpeer: Option<String>,
    /// `set-dumpable`
    pub set_dumpable: bool,
    /// `no strict-limits` clears it.
    pub strict_limits: bool,
    /// `setcap`, its words.
    pub setcap: Vec<String>,
    /// `cpu-map` lines, as written.
    pub cpu_map: Vec<Vec<String>>,
    /// `cpu-set`, `cpu-policy`, `cpu-affinity`
    pub cpus: Cpus,
    /// Where workers run by [`Self::cpus`]; `None` where nothing was asked for.
    pub layout: Option<Layout>,
    /// `prealloc-fd`
    pub prealloc_fd: bool,
    /// `log` lines.
    pub logs: Vec<LogTarget>,
    /// The words of TLS.
    pub tls: GlobalTls,
    /// `httpclient.*`
    pub http_client: HttpClient,
    /// `jwt.*`
    pub tokens: Tokens,
    /// `log-tag`
    pub log_tag: Option<String>,
    /// `log-send-hostname`; empty for the system's name.
    pub log_send_hostname: Option<String>,
    /// `stats socket` lines.
    pub stats_sockets: Vec<StatsSocket>,
    /// `stats timeout`
    pub stats_timeout: Option<Duration>,
    /// `stats maxconn`
    pub stats_maxconn: Option<u32>,
    /// `spread-checks`, percent.
    pub spread_checks: u32,
    /// `max-spread-checks`
    pub max_spread_checks: Option<Duration>,
    /// `quiet`
    pub quiet: bool,
    /// `zero-warning`
    pub zero_warning: bool,
    /// `nosplice`
    pub no_splice: bool,
    /// `noreuseport`
    pub no_reuse_port: bool,
    /// `expose-experimental-directives`
    pub experimental: bool,
    /// `expose-deprecated-directives`
    pub deprecated: bool,
    /// `insecure-fork-wanted`
    pub fork_wanted: bool,
    /// `insecure-setuid-wanted`
    pub setuid_wanted: bool,
    /// `external-check`
    pub external_check: bool,
    /// `preserve-env` behind it
    pub external_environment: bool,
    /// `harden.reject-privileged-ports.tcp`
    pub reject_privileged_ports: bool,
    /// `pp2-never-send-local`
    pub pp2_never_send_local: bool,
    /// `h1-case-adjust`: names in lower case, and as they are sent.
    pub h1_case_adjust: BTreeMap<Vec<u8>, Vec<u8>>,
    /// `h1-case-adjust-file`, until it is read: its path, and where it is named.
    pub h1_case_file: Option<(PathBuf, Span)>,
    /// `h1-accept-payload-with-any-method`
    pub h1_any_payload: bool,
    /// `h1-do-not-close-on-insecure-transfer-encoding`
    pub h1_keep_insecure_te: bool,
    /// `unix-bind prefix`
    pub unix_prefix: String,
    /// `unix-bind` mode and owner.
    pub unix_perms: super::UnixPerms,
    /// `anonkey`; 0 for none.
    pub anonymous_key: u32,
    /// `server-state-base`, `server-state-file`
    pub server_state: (Option<PathBuf>, Option<PathBuf>),
    /// `stats-file`
    pub stats_file: Option<PathBuf>,
    /// `set-var`, `set-var-fmt`
    pub vars: std::sync::Arc<crate::variables::ProcessVariables>,
    /// `http-err-codes`, `http-fail-codes`
    pub counted: super::CountedStatuses,
    /// `tune.*` that means something here.
    pub tune: Tune,
}

/// A `stats socket` line: where the runtime API listens.
#[derive(Clone, Debug)]
pub struct StatsSocket {
    /// The socket with its parameters.
    pub bind: Bind,
}

/// The `tune.*` lines that have an effect (manual, 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tune {
    /// `tune.bufsize`, bytes.
    pub bufsize: usize,
    /// `tune.maxrewrite`, bytes; absent for the smaller of half a buffer and 1 KiB.
    pub maxrewrite: Option<usize>,
    /// `tune.http.maxhdr`
    pub max_headers: usize,
    /// `tune.http.cookielen`, `tune.http.logurilen`
    pub cookie_len: usize,
    /// See `cookie_len`.
    pub log_uri_len: usize,
    /// `tune.maxaccept`
    pub max_accept: Option<i32>,
    /// `tune.pipesize`
    pub pipe_size: Option<usize>,
    /// `tune.idle-pool.shared`
    pub idle_pool_shared: bool,
    /// `tune.pool-low-fd-ratio`: the share of descriptors in use, in percent, from which none is put to rest.
    pub pool_low_fd_ratio: u32,
    /// `tune.pool-high-fd-ratio`: the share from which one at rest is closed for each new one.
    pub pool_high_fd_ratio: u32,
    /// `tune.rcvbuf.client`
    pub rcvbuf_client: Option<usize>,
    /// `tune.rcvbuf.server`
    pub rcvbuf_server: Option<usize>,
    /// `tune.rcvbuf.frontend`
    pub rcvbuf_frontend: Option<usize>,
    /// `tune.rcvbuf.backend`
    pub rcvbuf_backend: Option<usize>,
    /// `tune.sndbuf.client`
    pub sndbuf_client: Option<usize>,
    /// `tune.sndbuf.server`
    pub sndbuf_server: Option<usize>,
    /// `tune.sndbuf.frontend`
    pub sndbuf_frontend: Option<usize>,
    /// `tune.sndbuf.backend`
    pub sndbuf_backend: Option<usize>,
    /// `tune.notsent-lowat.client`
    pub unsent_client: Option<usize>,
    /// `tune.notsent-lowat.server`
    pub unsent_server: Option<usize>,
    /// `tune.maxpollevents`
    pub max_poll_events: Option<usize>,
    /// `tune.runqueue-depth`
    pub run_queue: Option<u32>,
    /// `tune.stick-counters`
    pub stick_counters: u32,
    /// `tune.max-checks-per-thread`; 0 for no limit.
    pub max_checks: u32,
    /// `tune.cli.max-payload-size`, bytes.
    pub cli_max_payload: Option<usize>,
    /// `tune.vars.*-max-size`
    pub vars: VarLimits,
    /// `tune.h2.*`
    pub h2: H2,
}

/// Which processors are used, and how workers are spread over them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpus {
    /// `cpu-set`: all of them must leave a processor in.
    pub rules: Vec<CpuRule>,
    /// `cpu-set reset`: what the process was started on does not matter.
    pub reset: bool,
    /// `cpu-policy`
    pub policy: CpuPolicy,
    /// `cpu-policy ... threads-per-core 1`
    pub one_per_core: bool,
    /// `cpu-affinity`
    pub affinity: CpuAffinity,
}

/// A directive of `cpu-set`: processors in these ranges stay, or all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuRule {
    /// `only-...`; else `drop-...`
    pub keeps: bool,
    /// What the numbers are of.
    pub by: CpuTrait,
    /// The numbers.
    pub ranges: Vec<RangeInclusive<usize>>,
}

/// What a processor is, or belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuTrait {
    /// Itself.
    Cpu,
    /// A memory.
    Node,
    /// Those that are alike and share a cache.
    Cluster,
    /// Its core.
    Core,
    /// Its place on the core.
    Thread,
}

/// Which processors are left out. How the others are grouped does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpuPolicy {
    /// None.
    All,
    /// Those that are much slower.
    #[default]
    Performance,
    /// Those that are much faster.
    Efficiency,
    /// All but the smallest cluster.
    Smallest,
    /// All but those of the first memory.
    FirstNode,
}

/// What a worker may run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpuAffinity {
    /// All that are used; a core where there is one worker for each.
    #[default]
    Auto,
    /// All that are used.
    Group,
    /// A core.
    Core,
    /// A thread of a core.
    Thread,
    /// Those that share a cache.
    Cache,
}

/// What HTTP/2 connections may cost (manual, 3.2 "tune.h2"). What is absent is left to the usual values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct H2 {
    /// `h2-workaround-bogus-websocket-clients`: clients are not told of WebSockets in HTTP/2.
    pub no_websockets: bool,
    /// Octets of a dynamic table.
    pub header_table_size: Option<u32>,
    /// Octets of a frame's payload.
    pub max_frame_size: Option<u32>,
    /// Both sides' window of a stream at its start, in octets.
    pub initial_window_size: Option<u32>,
    /// Both sides' streams at once; 0 for no limit.
    pub max_concurrent_streams: Option<u32>,
    /// Streams of a client's connection in all; 0 for no limit.
    pub max_total_streams: u32,
    /// Connections of clients.
    pub fe: H2Side,
    /// Connections to servers.
    pub be: H2Side,
}

/// What one side's connections may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct H2Side {
    /// A stream's window at its start, in octets.
    pub initial_window_size: Option<u32>,
    /// Streams at once; 0 for none.
    pub max_concurrent_streams: Option<u32>,
    /// Octets of bodies that all streams of a connection may have waiting.
    pub rxbuf: Option<u32>,
    /// Faults after which a connection ends; 0 for any number.
    pub glitches_threshold: u32,
}

/// What JSON web tokens may use (manual, 3.1 `jwt.*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// `jwt.decrypt_alg_list`, `jwt.decrypt_enc_list`
    pub algorithms: TokenAlgorithms,
    /// `jwt.allow_none_alg`
    pub unsigned: bool,
}

/// The most bytes that variables may hold (manual, 3.2 "tune.vars"). Each counts those that live shorter, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VarLimits {
    /// All of them, `global` or `proc`, whichever is less.
    pub process: Option<usize>,
    /// Those of a session.
    pub session: Option<usize>,
    /// Those of a transaction.
    pub transaction: Option<usize>,
    /// Those of a request or a response.
    pub message: Option<usize>,
    /// Those of a health check.
    pub check: Option<usize>,
}

// === impl Tune ===

impl Default for Tune {
    fn default() -> Self {
        Self {
            bufsize: 16384,
            maxrewrite: None,
            max_headers: 101,
            cookie_len: 63,
            log_uri_len: 1024,
            max_accept: None,
            pipe_size: None,
            idle_pool_shared: true,
            pool_low_fd_ratio: 20,
            pool_high_fd_ratio: 25,
            stick_counters: 3,
            rcvbuf_client: None,
            rcvbuf_server: None,
            rcvbuf_frontend: None,
            rcvbuf_backend: None,
            sndbuf_client: None,
            sndbuf_server: None,
            sndbuf_frontend: None,
            sndbuf_backend: None,
            unsent_client: None,
            unsent_server: None,
            max_poll_events: None,
            run_queue: None,
            max_checks: 0,
            cli_max_payload: None,
            vars: VarLimits::default(),
            h2: H2::default(),
        }
    }
}

/// How the program asks others in HTTP (`httpclient.*`; manual, 3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpClient {
    /// `httpclient.retries`
    pub retries: u32,
    /// `httpclient.timeout.connect`
    pub connect: Duration,
    /// `httpclient.resolvers.prefer`
    pub prefers: Option<Family>,
    /// `httpclient.resolvers.disabled`
    pub asks_no_names: bool,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self { retries: 3, connect: Duration::from_secs(5), prefers: None, asks_no_names: false }
    }
}
