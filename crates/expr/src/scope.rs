//! What an expression sees of the world: the trait [`Scope`].
//!
//! A scope is a transaction with its session, connections, proxies, tables and variables, seen at one
//! moment. The engine implements it for its transaction; checks, the runtime API and tests implement the part
//! that they have, since every method has a default that answers "absent". Methods are few and take enums,
//! so that a fetch more is an entry in `fetch` and, at most, a variant here.
//!
//! Methods take `&self` because values borrow from the scope; what changes (variables, tables) does so
//! through cells or locks of the implementor.

use std::net::SocketAddr;

use weir_http::Head;

use crate::vars::VarRef;
use crate::{Lookup, Scratch, Value};

/// Towards the client or towards the server: for messages, the request and the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client's side: the request, the front connection.
    Client,
    /// The server's side: the response, the back connection.
    Server,
}

/// A proxy as `Names` numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProxyId(pub u32);

/// A server as `Names` numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub u32);

/// A stick table as `Names` numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// A userlist as `Names` numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserlistId(pub u32);

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// A unix socket with its path; empty for an unnamed one.
    Unix(&'a [u8]),
}

/// Which end of which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// The client's address as rules left it (`src`).
    Source,
    /// The address the client asked for as rules left it (`dst`).
    Destination,
    /// The front connection's source (`fc_src`): PROXY protocol counted, `http-request set-src` not.
    FrontSource,
    /// The front connection's destination (`fc_dst`).
    FrontDestination,
    /// Our own end of the back connection (`bc_src`).
    BackSource,
    /// The server's end of the back connection (`bc_dst`).
    BackDestination,
}

/// Texts of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// Name of the frontend.
    Frontend,
    /// Name of the backend; absent while none was chosen.
    Backend,
    /// Name of the backend that `default_backend` names.
    DefaultBackend,
    /// Name of the server; absent where none was chosen.
    Server,
    /// What answered in place of a server (`<STATS>`, `<PROMETHEUS>`), for the log.
    Service,
    /// Name of the bind line, or its number where it has none (`so_name`).
    Listener,
    /// The unique id, made at the first question.
    UniqueId,
    /// The request line as it came from the client, for `%r`; with `<BADREQ>` where there was none.
    RequestLine,
    /// The request's method as captured for logs and `capture.req.method`.
    CapturedMethod,
    /// The request's target as captured for logs and `capture.req.uri`.
    CapturedUri,
    /// The request's version as captured (`HTTP/1.1`).
    CapturedRequestVersion,
    /// The response's version as captured.
    CapturedResponseVersion,
    /// The request cookie that `capture cookie` took, `name=value`.
    CapturedRequestCookie,
    /// The response cookie that `capture cookie` took.
    CapturedResponseCookie,
    /// The four characters of the termination state with cookie (`----`, `SC--`, `CDVN`).
    Termination,
    /// Where the log line comes from (`txn_close`), for `%OG`.
    LogOrigin,
    /// This machine's name (`hostname`).
    Hostname,
    /// The file of the last final rule.
    LastRuleFile,
    /// The entity that was running when an error occurred, or was last (`last_entity`).
    LastEntity,
    /// The entity that is waited for (`waiting_entity`).
    WaitingEntity,
    /// Bits and names of the termination events (`term_events`).
    TerminationEvents,
    /// Name of an error of the connection, `fc_err_name`/`bc_err_name`.
    ErrorName(Side),
    /// Text of an error of the connection, `fc_err_str`/`bc_err_str`.
    ErrorText(Side),
    /// The TLS protocol of the front connection, `%sslv`.
    TlsVersion,
    /// The TLS cipher of the front connection, `%sslc`.
    TlsCipher,
    /// The authority of the PROXY header (`fc_pp_authority`).
    PpAuthority,
    /// The unique id of the PROXY header (`fc_pp_unique_id`).
    PpUniqueId,
    /// A type-length-value of the PROXY header (`fc_pp_tlv`).
    PpTlv(u8),
    /// The SYN that was saved (`fc_saved_syn`).
    SavedSyn,
    /// The cache that answered (`res.cache_name`).
    CacheName,
    /// The compression in use (`res.comp_algo`).
    Compression,
    /// The id of the stream, as text.
    StreamDebug(Side),
    /// `docroot` of the FastCGI application.
    FcgiDocroot,
    /// `index` of the FastCGI application.
    FcgiIndex,
}

/// Numbers of a transaction and of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// Connections of the process (`act_conn`).
    ActiveConnections,
    /// Process id.
    Pid,
    /// The worker's number (`thread`).
    Thread,
    /// The worker's group (`tgroup`).
    ThreadGroup,
    /// Seconds since the start.
    Uptime,
    /// 1 while the process stops.
    Stopping,
    /// Numeric id of the frontend.
    FrontendId,
    /// Numeric id of the backend.
    BackendId,
    /// Numeric id of the server.
    ServerId,
    /// Numeric id of the bind line (`so_id`).
    ListenerId,
    /// Connections of the bind line (`dst_conn`).
    ListenerConnections,
    /// Connections of the frontend, for `%fc`.
    FrontendConnections,
    /// Connections of the backend, for `%bc`.
    BackendConnections,
    /// Connections of the server, for `%sc`.
    ServerConnections,
    /// Requests that were before this one in the server's queue, `%sq`.
    ServerQueue,
    /// Requests that were before this one in the backend's queue, `%bq`.
    BackendQueue,
    /// Connection attempts after the first, `%rc`.
    Retries,
    /// 1 where another server was tried in the end.
    Redispatched,
    /// Lines that the frontend logged so far, this one counted, `%lc`.
    LogCounter,
    /// Requests or sessions so far, `%rt`.
    RequestCounter,
    /// Status that the client was answered; absent before there is one.
    Status,
    /// Status that the server answered (`server_status`).
    ServerStatus,
    /// Bytes that came from a side (`req.bytes_in`, `res.bytes_in`).
    BytesIn(Side),
    /// Bytes that went on from a side (`req.bytes_out`, `res.bytes_out`).
    BytesOut(Side),
    /// Bytes that the log counts towards the client, `%B`.
    LogBytesRead,
    /// Bytes that the log counts towards the server, `%U`.
    LogBytesUploaded,
    /// 1 on the first request of a connection.
    FirstRequest,
    /// 1 where the proxy's mode is HTTP.
    ModeHttp,
    /// 1 where the connection runs over TLS (`ssl_fc`, `ssl_bc`).
    Tls(Side),
    /// 1 where the stream uses HTTP's internal form.
    StreamIsHttp,
    /// Major version of HTTP of a connection.
    HttpMajor(Side),
    /// Error number of a connection (`fc_err`, `bc_err`).
    Error(Side),
    /// Protocol oddities counted on a connection (`fc_glitches`, `bc_glitches`).
    Glitches(Side),
    /// Streams on a connection (`fc_nb_streams`).
    Streams(Side),
    /// How many streams a connection may have.
    StreamLimit(Side),
    /// 1 where a PROXY header came.
    PpReceived,
    /// 1 where the back connection served before.
    BackReused,
    /// Number of a stream in its connection (`fs.id`, `bs.id`).
    StreamId(Side),
    /// 1 where a side gave up its stream (`fs.aborted`).
    StreamAborted(Side),
    /// Code of the reset that a side sent.
    ResetCode(Side),
    /// A timeout in force now in ms (`cur_*_timeout`); absent where none is.
    CurrentTimeout(TimeoutOf),
    /// A timeout of the frontend in ms (`fe_*_timeout`).
    FrontendTimeout(TimeoutOf),
    /// A timeout of the backend in ms (`be_*_timeout`).
    BackendTimeout(TimeoutOf),
    /// Line of the last final rule.
    LastRuleLine,
    /// Class of priority of the queue.
    PriorityClass,
    /// Offset of priority of the queue.
    PriorityOffset,
    /// 1 where the cache answered.
    CacheHit,
    /// 1 where the answer is compressed.
    Compressed,
    /// A field of the task's scheduling (`cpu_calls`, ...).
    Scheduling(Scheduling),
}

/// Which timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeoutOf {
    /// `timeout client`
    Client,
    /// `timeout connect`
    Connect,
    /// `timeout queue`
    Queue,
    /// `timeout server`
    Server,
    /// `timeout tarpit`
    Tarpit,
    /// `timeout tunnel`
    Tunnel,
}

/// What `cpu_*` and `lat_*` ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheduling {
    /// How often the task ran.
    Calls,
    /// Nanoseconds it ran, a call.
    CpuAverage,
    /// Nanoseconds it ran in all.
    CpuTotal,
    /// Nanoseconds it waited, a call.
    LatencyAverage,
    /// Nanoseconds it waited in all.
    LatencyTotal,
    /// Percent of a processor that the group used.
    UsageGroup,
    /// Percent that the process used.
    UsageProcess,
    /// Percent that the worker used.
    UsageThread,
}

/// Fields of the kernel's `tcp_info` (`fc_rtt`, `bc_rtt`, ...), times in µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpInfo {
    /// Smoothed round trip time.
    Rtt,
    /// Its variance.
    RttVar,
    /// Segments in flight.
    Unacked,
    /// Segments selectively acknowledged.
    Sacked,
    /// Segments lost.
    Lost,
    /// Segments sent again.
    Retrans,
    /// Forward acknowledgments.
    Fackets,
    /// Reordering metric.
    Reordering,
}

/// The timing events of a transaction (manual, 8.4), in ms; -1 for a stage that was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the connection was accepted, in µs since 1970.
    pub accepted_us: i64,
    /// When the first byte of the request came, in µs since 1970.
    pub request_us: i64,
    /// Handshakes, `%Th`.
    pub handshake: i64,
    /// Idle before the request, `%Ti`; -1 in TCP mode.
    pub idle: i64,
    /// From the first byte to the whole request, `%TR`.
    pub request: i64,
    /// In queues, `%Tw`.
    pub queue: i64,
    /// Until the server took the connection, `%Tc`.
    pub connect: i64,
    /// Until the server's whole head came, `%Tr`.
    pub response: i64,
    /// From the end of the handshakes and idle time to now or the end, as `%Ta`.
    pub active: i64,
    /// From the accept (or the end of the last transaction) to now or the end, `%Tt`.
    pub total: i64,
    /// Whether the line is written before the end (`logasap`): totals get a `+`.
    pub unfinished: bool,
}

/// The clocks as the caller read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// µs since 1970.
    pub wall_us: i64,
    /// ns on a clock that only goes forward.
    pub steady_ns: u64,
}

/// Bytes that lie in a buffer, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes<'a> {
    /// The bytes, in at most two pieces.
    pub pieces: [&'a [u8]; 2],
    /// Whether no more will come.
    pub complete: bool,
    /// Whether the buffer can take no more.
    pub full: bool,
    /// The size that the message promises, where it does (`Content-Length`); else what came so far.
    pub promised: Option<u64>,
}

/// What the first TLS record of a side says (`req.ssl_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hello {
    /// Type of the handshake message: 1 a ClientHello, 2 a ServerHello.
    Type,
    /// The version asked for, as major << 16 | minor.
    Version,
    /// The server's name.
    Sni,
    /// The protocols, joined with commas.
    Alpn,
    /// Whether it has the elliptic curves extension.
    HasCurves,
    /// What session tickets it offers: 0 none, 1 supported, 2 given.
    Ticket,
    /// The bytes of the cipher list.
    Ciphers,
    /// The bytes of the groups of key shares.
    KeyShares,
    /// The bytes of the signature algorithms.
    SignatureAlgorithms,
    /// The bytes of the supported groups.
    Groups,
}

/// Counters of a proxy that fetches ask for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyNumber {
    /// Servers that are up (`nbsrv`).
    UsableServers,
    /// Mean queue per usable server (`avg_queue`).
    AverageQueue,
    /// Requests queued (`queue`).
    Queue,
    /// Slots for connections and queue left (`connslots`).
    ConnectionSlots,
    /// Connections of a frontend (`fe_conn`).
    FrontendConnections,
    /// Connections of a backend (`be_conn`).
    BackendConnections,
    /// Connections left on a backend's servers (`be_conn_free`).
    FreeConnections,
    /// Requests a second of a frontend (`fe_req_rate`).
    FrontendRequestRate,
    /// Sessions a second of a frontend (`fe_sess_rate`).
    FrontendSessionRate,
    /// Sessions a second of a backend (`be_sess_rate`).
    BackendSessionRate,
}

/// Counters of a server that fetches ask for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerNumber {
    /// Connections (`srv_conn`).
    Connections,
    /// Connections left; -1 for no limit (`srv_conn_free`).
    FreeConnections,
    /// 1 where it is up.
    Up,
    /// Requests queued.
    Queue,
    /// Sessions a second.
    SessionRate,
    /// The configured weight.
    InitialWeight,
    /// The weight set by users.
    UserWeight,
    /// The weight in force, slow start counted.
    EffectiveWeight,
}

/// Which entry of which stick table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TableKey<'a> {
    /// What counter `n` (`sc0`, ...) tracks; another table's entry of the same key where one is given.
    Tracked(u32, Option<TableId>),
    /// The entry for a key, cast to the table's type by the implementor. `None`: the current proxy's table.
    Key(Value<'a>, Option<TableId>),
    /// The table itself.
    Whole(Option<TableId>),
}

/// What to read or do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableOp {
    /// Read a counter; absent entries read as 0.
    Read(TableData),
    /// Read the rate of a counter over its period.
    Rate(TableData),
    /// Add 1 and give the new value.
    Increment(TableData),
    /// Give the value and set it to 0.
    Clear(TableData),
    /// Entries in use (`table_cnt`).
    Used,
    /// Entries left (`table_avl`).
    Available,
    /// Whether the entry is there (`in_table`), or the counter tracks (`sc_tracked`).
    Exists,
    /// How many track the entry (`sc_trackers`).
    Trackers,
    /// ms until it expires.
    Expire,
    /// ms since it was last used.
    Idle,
    /// Count a connection (`src_updt_conn_cnt`).
    CountConnection,
}

/// Data of a table's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs)]
pub enum TableData {
    ServerId,
    Gpc(u32),
    Gpt(u32),
    /// `gpc0`: the old single counter, or `gpc(1)`'s first.
    Gpc0,
    Gpc1,
    Gpt0,
    ConnCnt,
    ConnCur,
    ConnRate,
    SessCnt,
    SessRate,
    HttpReqCnt,
    HttpReqRate,
    HttpErrCnt,
    HttpErrRate,
    HttpFailCnt,
    HttpFailRate,
    BytesIn,
    BytesInRate,
    BytesOut,
    BytesOutRate,
    GlitchCnt,
    GlitchRate,
}

/// What expressions see of a transaction. See the module's head.
pub trait Scope {
    /// The head of the request or of the response. `NotYet` while it is coming; absent where the stream
    /// speaks no HTTP or has left that stage.
    fn head(&self, side: Side) -> Lookup<&Head> {
        let _ = side;
        Lookup::Absent
    }

    /// What is buffered of a message's body, `Partial` while more may come.
    fn body(&self, side: Side) -> Lookup<Bytes<'_>> {
        let _ = side;
        Lookup::Absent
    }

    /// The raw bytes that wait on a side, for the fetches of layers 4 and 6.
    fn raw(&self, side: Side) -> Lookup<Bytes<'_>> {
        let _ = side;
        Lookup::Absent
    }

    /// What the TLS record that waits on a side says; absent where it is no TLS.
    fn hello(&self, side: Side, what: Hello) -> Lookup<Value<'_>> {
        let _ = (side, what);
        Lookup::Absent
    }

    /// Whether no more bytes are waited for: `wait_end`, and absent in place of `NotYet`.
    fn is_final(&self) -> bool {
        true
    }

    /// One end of a connection.
    fn address(&self, which: Address) -> Option<Endpoint<'_>> {
        let _ = which;
        None
    }

    /// Whether an address of a connection is one of this machine's.
    fn is_local(&self, which: Address) -> Option<bool> {
        let _ = which;
        None
    }

    /// A text of the transaction.
    fn text(&self, what: Text) -> Option<&[u8]> {
        let _ = what;
        None
    }

    /// A number of the transaction.
    fn number(&self, what: Number) -> Option<i64> {
        let _ = what;
        None
    }

    /// A field of the kernel's view of a connection.
    fn tcp_info(&self, side: Side, what: TcpInfo) -> Option<i64> {
        let _ = (side, what);
        None
    }

    /// The timing events so far.
    fn times(&self) -> Times {
        Times::NONE
    }

    /// The time now.
    fn clock(&self) -> Clock {
        Clock::default()
    }

    /// Seconds that local time is ahead of UTC at that second since 1970.
    fn utc_offset(&self, unix_seconds: i64) -> i32 {
        let _ = unix_seconds;
        0
    }

    /// Random bits, fresh at every call.
    fn random(&self) -> u64 {
        0
    }

    /// What `capture` rule number `slot` took of a side.
    fn capture(&self, side: Side, slot: usize) -> Option<&[u8]> {
        let _ = (side, slot);
        None
    }

    /// How many captures the frontend declares on a side.
    fn captures(&self, side: Side) -> usize {
        let _ = side;
        0
    }

    /// A counter of a proxy; `None` for the one the rule stands in.
    fn proxy(&self, proxy: Option<ProxyId>, what: ProxyNumber) -> Option<i64> {
        let _ = (proxy, what);
        None
    }

    /// A counter of a server.
    fn server(&self, server: ServerId, what: ServerNumber) -> Option<i64> {
        let _ = (server, what);
        None
    }

    /// The server of that name, `backend/server` or a server of the current backend, at run time.
    fn find_server(&self, name: &[u8]) -> Option<ServerId> {
        let _ = name;
        None
    }

    /// The proxy of that name that takes connections (`Side::Client`) or has servers, at run time.
    fn find_proxy(&self, name: &[u8], side: Side) -> Option<ProxyId> {
        let _ = (name, side);
        None
    }

    /// Reads or changes a stick table's entry.
    fn table(&self, key: TableKey<'_>, op: TableOp) -> Lookup<i64> {
        let _ = (key, op);
        Lookup::Absent
    }

    /// The key that counter `n` tracks.
    fn tracked_key<'a>(&'a self, n: u32, scratch: &'a Scratch) -> Option<Value<'a>> {
        let _ = (n, scratch);
        None
    }

    /// A variable; a text is copied to `scratch`, since the variable may change under it.
    fn var<'a>(&'a self, var: &VarRef, scratch: &'a Scratch) -> Option<Value<'a>> {
        let _ = (var, scratch);
        None
    }

    /// Sets a variable, or forgets it; `false` where its store is out of room or out of reach.
    fn set_var(&self, var: &VarRef, value: Option<Value<'_>>) -> bool {
        let _ = (var, value);
        false
    }

    /// Whether a user of the list has that password; `NotYet` while it is computed.
    fn password(&self, list: UserlistId, user: &[u8], password: &[u8]) -> Lookup<bool> {
        let _ = (list, user, password);
        Lookup::Absent
    }

    /// The `n`th group of a user of the list.
    fn user_group(&self, list: UserlistId, user: &[u8], n: usize) -> Option<&[u8]> {
        let _ = (list, user, n);
        None
    }
}

/// A scope without a transaction: what expressions see at load and in `global`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScope;

impl Scope for NoScope {}

// === impl Side ===

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

// === impl Times ===

impl Times {
    /// No stage reached.
    pub const NONE: Self = Self {
        accepted_us: 0,
        request_us: 0,
        handshake: 0,
        idle: -1,
        request: -1,
        queue: -1,
        connect: -1,
        response: -1,
        active: 0,
        total: 0,
        unfinished: false,
    };

    /// `%Tq`: handshakes, idle time and request; -1 before the request is whole.
    pub const fn until_request(&self) -> i64 {
        if self.request < 0 { -1 } else { self.handshake + self.idle_or_zero() + self.request }
    }

    /// `%Td`: the data phase, from the response's head to the end; -1 where it did not begin.
    pub const fn data(&self) -> i64 {
        if self.connect < 0 {
            return -1;
        }
        let before =
            self.until_request_or_zero() + positive(self.queue) + self.connect + positive(self.response);
        self.total - before
    }

    /// `%Tu`: what the user waited for, all but the idle time.
    pub const fn user(&self) -> i64 {
        self.total - self.idle_or_zero()
    }

    const fn idle_or_zero(&self) -> i64 {
        positive(self.idle)
    }

    const fn until_request_or_zero(&self) -> i64 {
        positive(self.handshake) + self.idle_or_zero() + positive(self.request)
    }
}

// === impl Bytes ===

impl<'a> Bytes<'a> {
    /// One piece of bytes.
    pub const fn whole(bytes: &'a [u8], complete: bool) -> Self {
        Self { pieces: [bytes, &[]], complete, full: false, promised: None }
    }

    /// How many bytes are there.
    pub const fn len(&self) -> usize {
        let [a, b] = self.pieces;
        a.len() + b.len()
    }

    /// Whether none are there.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes as one slice, copied only where they lie in two pieces.
    pub fn joined(&self, scratch: &'a Scratch) -> &'a [u8] {
        match self.pieces {
            [a, []] => a,
            [[], b] => b,
            [a, b] => scratch.build(|out| {
                out.extend_from_slice_copy(a);
                out.extend_from_slice_copy(b);
            }),
        }
    }
}

const fn positive(n: i64) -> i64 {
    if n < 0 { 0 } else { n }
}
