//! What expressions ask a [`Scope`](super::Scope): its texts, numbers, counters and tables by name.

use super::{Side, TableId};
use crate::Value;

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
    /// The file of the rule that waited when it was interrupted.
    WaitingRuleFile,
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
    /// Line of the rule that waited when it was interrupted.
    WaitingRuleLine,
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
    /// Whether nothing went wrong so far.
    Normal,
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

/// What the first TLS record of a side says (`req.ssl_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hello {
    /// Type of the handshake message: 1 a ClientHello, 2 a ServerHello.
    Type,
    /// The version asked for, as major << 16 | minor.
    Version,
    /// The server's name.
    Sni,
    /// The protocols, each behind its length of a byte.
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
