//! The columns of `show stat`: names, kinds and descriptions, in their order (management manual, 9.1 and 9.2).
//!
//! The first 118 are fixed; those of the protocol modules follow behind a column `-` in CSV.

/// What is known of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// Origin, nature, scope and persistence, a letter each (management manual, 9.2).
    pub tags: &'static str,
    /// The type of its values: `u32`, `u64`, `s32`, `str`.
    pub kind: &'static str,
    /// One line of description.
    pub description: &'static str,
}

macro_rules! columns {
    ($($variant:ident = $name:literal, $tags:literal, $kind:literal, $description:literal;)*) => {
        /// A fixed column.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is the column of its name")]
        pub enum Column {
            $($variant,)*
        }

        /// The fixed columns, in the order of [`Column`].
        pub const FIXED: &[About] = &[
            $(About { name: $name, tags: $tags, kind: $kind, description: $description },)*
        ];
    };
}

columns! {
    Pxname = "pxname", "KNSV", "str", "Proxy name";
    Svname = "svname", "KNSV", "str", "Server name";
    Qcur = "qcur", "MGPV", "u32", "Number of current queued connections";
    Qmax = "qmax", "MMPV", "u32", "Highest value of queued connections encountered since process started";
    Scur = "scur", "MGPV", "u32", "Number of current sessions on the frontend, backend or server";
    Smax = "smax", "MMPV", "u32", "Highest value of current sessions encountered since process started";
    Slim = "slim", "CLPV", "u32", "Frontend/listener/server's maxconn, backend's fullconn";
    Stot = "stot", "MCPP", "u64", "Total number of sessions since process started";
    Bin = "bin", "MCPP", "u64", "Total number of request bytes since process started";
    Bout = "bout", "MCPP", "u64", "Total number of response bytes since process started";
    Dreq = "dreq", "MCPP", "u64", "Total number of denied requests since process started";
    Dresp = "dresp", "MCPP", "u64", "Total number of denied responses since process started";
    Ereq = "ereq", "MCPP", "u64", "Total number of invalid requests since process started";
    Econ = "econ", "MCPP", "u64", "Total number of failed connections to server since the worker process started";
    Eresp = "eresp", "MCPP", "u64", "Total number of invalid responses since the worker process started";
    Wretr = "wretr", "MCPP", "u64", "Total number of server connection retries since the worker process started";
    Wredis = "wredis", "MCPP", "u64", "Total number of server redispatches due to connection failures since the worker process started";
    Status = "status", "SGPV", "str", "Frontend/listen status: OPEN/WAITING/FULL/STOP; backend: UP/DOWN; server: last check status";
    Weight = "weight", "MaPV", "u32", "Server's effective weight, or sum of active servers' effective weights for a backend";
    Act = "act", "SGPV", "u32", "Total number of active UP servers with a non-zero weight";
    Bck = "bck", "SGPV", "u32", "Total number of backup UP servers with a non-zero weight";
    Chkfail = "chkfail", "MCPP", "u64", "Total number of failed individual health checks per server/backend, since the worker process started";
    Chkdown = "chkdown", "MCPP", "u64", "Total number of failed checks causing UP to DOWN server transitions, per server/backend, since the worker process started";
    Lastchg = "lastchg", "MAPP", "u32", "How long ago the last server state changed, in seconds";
    Downtime = "downtime", "MCPV", "u32", "Total time spent in DOWN state, for server or backend";
    Qlimit = "qlimit", "CGSV", "u32", "Limit on the number of connections in queue, for servers only (maxqueue argument)";
    Pid = "pid", "KGPV", "u32", "Relative worker process number (1)";
    Iid = "iid", "KGSV", "u32", "Frontend or Backend numeric identifier ('id' setting)";
    Sid = "sid", "KGSV", "u32", "Server numeric identifier ('id' setting)";
    Throttle = "throttle", "MaPV", "u32", "Throttling ratio applied to a server's maxconn and weight during the slowstart period (0 to 100%)";
    Lbtot = "lbtot", "MCPP", "u64", "Total number of requests routed by load balancing since the worker process started (ignores queue pop and stickiness)";
    Tracked = "tracked", "CNSV", "str", "Name of the other server this server tracks for its state";
    Type = "type", "CGSV", "u32", "Type of the object (Listener, Frontend, Backend, Server)";
    Rate = "rate", "MRPP", "u32", "Total number of sessions processed by this object over the last second (sessions for listeners/frontends, requests for backends/servers)";
    RateLim = "rate_lim", "CLPV", "u32", "Limit on the number of sessions accepted in a second (frontend only, 'rate-limit sessions' setting)";
    RateMax = "rate_max", "MMPV", "u32", "Highest value of sessions per second observed since the worker process started";
    CheckStatus = "check_status", "MOPV", "str", "Status report of the server's latest health check, prefixed with '*' if a check is currently in progress";
    CheckCode = "check_code", "MOPV", "u32", "HTTP/SMTP/LDAP status code reported by the latest server health check";
    CheckDuration = "check_duration", "MDPV", "u64", "Total duration of the latest server health check, in milliseconds";
    Hrsp1xx = "hrsp_1xx", "MCPP", "u64", "Total number of HTTP responses with status 100-199 returned by this object since the worker process started";
    Hrsp2xx = "hrsp_2xx", "MCPP", "u64", "Total number of HTTP responses with status 200-299 returned by this object since the worker process started";
    Hrsp3xx = "hrsp_3xx", "MCPP", "u64", "Total number of HTTP responses with status 300-399 returned by this object since the worker process started";
    Hrsp4xx = "hrsp_4xx", "MCPP", "u64", "Total number of HTTP responses with status 400-499 returned by this object since the worker process started";
    Hrsp5xx = "hrsp_5xx", "MCPP", "u64", "Total number of HTTP responses with status 500-599 returned by this object since the worker process started";
    HrspOther = "hrsp_other", "MCPP", "u64", "Total number of HTTP responses with status <100, >599 returned by this object since the worker process started (error -1 included)";
    Hanafail = "hanafail", "MCPP", "u64", "Total number of failed checks caused by an 'on-error' directive after an 'observe' condition matched";
    ReqRate = "req_rate", "MRPP", "u32", "Number of HTTP requests processed over the last second on this object";
    ReqRateMax = "req_rate_max", "MMPV", "u32", "Highest value of http requests observed since the worker process started";
    ReqTot = "req_tot", "MCPP", "u64", "Total number of HTTP requests processed by this object since the worker process started";
    CliAbrt = "cli_abrt", "MCPP", "u64", "Total number of requests or connections aborted by the client since the worker process started";
    SrvAbrt = "srv_abrt", "MCPP", "u64", "Total number of requests or connections aborted by the server since the worker process started";
    CompIn = "comp_in", "MCPP", "u64", "Total number of bytes submitted to the HTTP compressor for this object since the worker process started";
    CompOut = "comp_out", "MCPP", "u64", "Total number of bytes emitted by the HTTP compressor for this object since the worker process started";
    CompByp = "comp_byp", "MCPP", "u64", "Total number of bytes that bypassed HTTP compression for this object since the worker process started (CPU/memory/bandwidth limitation)";
    CompRsp = "comp_rsp", "MCPP", "u64", "Total number of HTTP responses that were compressed for this object since the worker process started";
    Lastsess = "lastsess", "MAPP", "s32", "How long ago some traffic was seen on this object on this worker process, in seconds";
    LastChk = "last_chk", "MOPV", "str", "Short description of the latest health check report for this server (see also check_desc)";
    LastAgt = "last_agt", "MOPV", "str", "Short description of the latest agent check report for this server (see also agent_desc)";
    Qtime = "qtime", "MaPV", "u32", "Time spent in the queue, in milliseconds, averaged over the 1024 last requests (backend/server)";
    Ctime = "ctime", "MaPV", "u32", "Time spent waiting for a connection to complete, in milliseconds, averaged over the 1024 last requests (backend/server)";
    Rtime = "rtime", "MaPV", "u32", "Time spent waiting for a server response, in milliseconds, averaged over the 1024 last requests (backend/server)";
    Ttime = "ttime", "MaPV", "u32", "Total request+response time (request+queue+connect+response+processing), in milliseconds, averaged over the 1024 last requests (backend/server)";
    AgentStatus = "agent_status", "MOPV", "str", "Status report of the server's latest agent check, prefixed with '*' if a check is currently in progress";
    AgentCode = "agent_code", "MOPV", "u32", "Status code reported by the latest server agent check";
    AgentDuration = "agent_duration", "MDPV", "u64", "Total duration of the latest server agent check, in milliseconds";
    CheckDesc = "check_desc", "MOPV", "str", "Textual description of the latest health check report for this server";
    AgentDesc = "agent_desc", "MOPV", "str", "Textual description of the latest agent check report for this server";
    CheckRise = "check_rise", "CGSV", "u32", "Number of successful health checks before declaring a server UP (server 'rise' setting)";
    CheckFall = "check_fall", "CGSV", "u32", "Number of failed health checks before declaring a server DOWN (server 'fall' setting)";
    CheckHealth = "check_health", "CGSV", "u32", "Current server health check level (0..fall-1=DOWN, fall..rise-1=UP)";
    AgentRise = "agent_rise", "CGSV", "u32", "Number of successful agent checks before declaring a server UP (server 'rise' setting)";
    AgentFall = "agent_fall", "CGSV", "u32", "Number of failed agent checks before declaring a server DOWN (server 'fall' setting)";
    AgentHealth = "agent_health", "CGSV", "u32", "Current server agent check level (0..fall-1=DOWN, fall..rise-1=UP)";
    Addr = "addr", "CGSV", "str", "Server's address:port, shown only if show-legends is set, or at levels oper/admin for the CLI";
    Cookie = "cookie", "CNSV", "str", "Backend's cookie name or Server's cookie value, shown only if show-legends is set, or at levels oper/admin for the CLI";
    Mode = "mode", "CGSV", "str", "'mode' setting (tcp/http/health/cli/spop)";
    Algo = "algo", "CGSV", "str", "Backend's load balancing algorithm, shown only if show-legends is set, or at levels oper/admin for the CLI";
    ConnRate = "conn_rate", "MRPP", "u32", "Number of new connections accepted over the last second on the frontend for this worker process";
    ConnRateMax = "conn_rate_max", "MMPV", "u32", "Highest value of connections per second observed since the worker process started";
    ConnTot = "conn_tot", "MCPP", "u64", "Total number of new connections accepted on this frontend since the worker process started";
    Intercepted = "intercepted", "MCPP", "u64", "Total number of HTTP requests intercepted on the frontend (redirects/stats/services) since the worker process started";
    Dcon = "dcon", "MCPP", "u64", "Total number of incoming connections blocked on a listener/frontend by a tcp-request connection rule since the worker process started";
    Dses = "dses", "MCPP", "u64", "Total number of incoming sessions blocked on a listener/frontend by a tcp-request connection rule since the worker process started";
    Wrew = "wrew", "MCPP", "u64", "Total number of failed HTTP header rewrites since the worker process started";
    Connect = "connect", "MCPP", "u64", "Total number of outgoing connection attempts on this backend/server since the worker process started";
    Reuse = "reuse", "MCPP", "u64", "Total number of reused connection on this backend/server since the worker process started";
    CacheLookups = "cache_lookups", "MCPP", "u64", "Total number of HTTP requests looked up in the cache on this frontend/backend since the worker process started";
    CacheHits = "cache_hits", "MCPP", "u64", "Total number of HTTP requests not found in the cache on this frontend/backend since the worker process started";
    SrvIcur = "srv_icur", "MGPV", "u32", "Current number of idle connections available for reuse on this server";
    SrcIlim = "src_ilim", "CLPV", "u32", "Limit on the number of available idle connections on this server (server 'pool_max_conn' directive)";
    QtimeMax = "qtime_max", "MMPV", "u32", "Maximum observed time spent in the queue, in milliseconds (backend/server)";
    CtimeMax = "ctime_max", "MMPV", "u32", "Maximum observed time spent waiting for a connection to complete, in milliseconds (backend/server)";
    RtimeMax = "rtime_max", "MMPV", "u32", "Maximum observed time spent waiting for a server response, in milliseconds (backend/server)";
    TtimeMax = "ttime_max", "MMPV", "u32", "Maximum observed total request+response time (request+queue+connect+response+processing), in milliseconds (backend/server)";
    Eint = "eint", "MCPP", "u64", "Total number of internal errors since process started";
    IdleConnCur = "idle_conn_cur", "MGPV", "u32", "Current number of unsafe idle connections";
    SafeConnCur = "safe_conn_cur", "MGPV", "u32", "Current number of safe idle connections";
    UsedConnCur = "used_conn_cur", "MGPV", "u32", "Current number of connections in use";
    NeedConnEst = "need_conn_est", "MGPV", "u32", "Estimated needed number of connections";
    Uweight = "uweight", "MaPV", "u32", "Server's user weight, or sum of active servers' user weights for a backend";
    AggServerStatus = "agg_server_status", "MGPV", "u32", "Backend's aggregated gauge of servers' status";
    AggServerCheckStatus = "agg_server_check_status", "MGPV", "u32", "[DEPRECATED] Backend's aggregated gauge of servers' status";
    AggCheckStatus = "agg_check_status", "MGPV", "u32", "Backend's aggregated gauge of servers' state check status";
    Srid = "srid", "MCPV", "u32", "Server id revision, to prevent server id reuse mixups";
    SessOther = "sess_other", "MCPV", "u64", "Total number of sessions other than HTTP since process started";
    H1sess = "h1sess", "MCPP", "u64", "Total number of HTTP/1 sessions since process started";
    H2sess = "h2sess", "MCPP", "u64", "Total number of HTTP/2 sessions since process started";
    H3sess = "h3sess", "MCPP", "u64", "Total number of HTTP/3 sessions since process started";
    ReqOther = "req_other", "MCPP", "u64", "Total number of sessions other than HTTP processed by this object since the worker process started";
    H1req = "h1req", "MCPP", "u64", "Total number of HTTP/1 sessions processed by this object since the worker process started";
    H2req = "h2req", "MCPP", "u64", "Total number of hTTP/2 sessions processed by this object since the worker process started";
    H3req = "h3req", "MCPP", "u64", "Total number of HTTP/3 sessions processed by this object since the worker process started";
    Proto = "proto", "SGPV", "str", "Protocol";
    PrivIdleCur = "priv_idle_cur", "MGPV", "u32", "Current number of private idle connections";
    Reqbin = "reqbin", "MCPP", "u64", "Total number of request bytes received since process started";
    Reqbout = "reqbout", "MCPP", "u64", "Total number of request bytes sent since process started";
    Resbin = "resbin", "MCPP", "u64", "Total number of response bytes received since process started";
    Resbout = "resbout", "MCPP", "u64", "Total number of response bytes sent since process started";
}

/// The columns of the protocol modules: name, tags and description; all are of type `u64`.
pub const MODULES: &[(&str, &str, &str)] = &[
    ("ssl_sess", "MCPV", "Total number of ssl sessions established"),
    ("ssl_reused_sess", "MCPV", "Total number of ssl sessions reused"),
    ("ssl_failed_handshake", "MCPV", "Total number of failed handshake"),
    ("ssl_ocsp_staple", "MCPV", "Total number of stapled OCSP responses"),
    ("ssl_failed_ocsp_staple", "MCPV", "Total number of failed OCSP stapling (expired or error)"),
    ("h3_data", "MCPV", "Total number of DATA frames received"),
    ("h3_headers", "MCPV", "Total number of HEADERS frames received"),
    ("h3_cancel_push", "MCPV", "Total number of CANCEL_PUSH frames received"),
    ("h3_push_promise", "MCPV", "Total number of PUSH_PROMISE frames received"),
    ("h3_max_push_id", "MCPV", "Total number of MAX_PUSH_ID frames received"),
    ("h3_goaway", "MCPV", "Total number of GOAWAY frames received"),
    ("h3_settings", "MCPV", "Total number of SETTINGS frames received"),
    ("h3_no_error", "MCPV", "Total number of H3_NO_ERROR errors received"),
    ("h3_general_protocol_error", "MCPV", "Total number of H3_GENERAL_PROTOCOL_ERROR errors received"),
    ("h3_internal_error", "MCPV", "Total number of H3_INTERNAL_ERROR errors received"),
    ("h3_stream_creation_error", "MCPV", "Total number of H3_STREAM_CREATION_ERROR errors received"),
    ("h3_closed_critical_stream", "MCPV", "Total number of H3_CLOSED_CRITICAL_STREAM errors received"),
    ("h3_frame_unexpected", "MCPV", "Total number of H3_FRAME_UNEXPECTED errors received"),
    ("h3_frame_error", "MCPV", "Total number of H3_FRAME_ERROR errors received"),
    ("h3_excessive_load", "MCPV", "Total number of H3_EXCESSIVE_LOAD errors received"),
    ("h3_id_error", "MCPV", "Total number of H3_ID_ERROR errors received"),
    ("h3_settings_error", "MCPV", "Total number of H3_SETTINGS_ERROR errors received"),
    ("h3_missing_settings", "MCPV", "Total number of H3_MISSING_SETTINGS errors received"),
    ("h3_request_rejected", "MCPV", "Total number of H3_REQUEST_REJECTED errors received"),
    ("h3_request_cancelled", "MCPV", "Total number of H3_REQUEST_CANCELLED errors received"),
    ("h3_request_incomplete", "MCPV", "Total number of H3_REQUEST_INCOMPLETE errors received"),
    ("h3_message_error", "MCPV", "Total number of H3_MESSAGE_ERROR errors received"),
    ("h3_connect_error", "MCPV", "Total number of H3_CONNECT_ERROR errors received"),
    ("h3_version_fallback", "MCPV", "Total number of H3_VERSION_FALLBACK errors received"),
    ("pack_decompression_failed", "MCPV", "Total number of QPACK_DECOMPRESSION_FAILED errors received"),
    ("qpack_encoder_stream_error", "MCPV", "Total number of QPACK_ENCODER_STREAM_ERROR errors received"),
    ("qpack_decoder_stream_error", "MCPV", "Total number of QPACK_DECODER_STREAM_ERROR errors received"),
    ("quic_rxbuf_full", "MCPV", "Total number of cancelled reception due to full receiver buffer"),
    ("quic_dropped_pkt", "MCPV", "Total number of dropped packets"),
    ("quic_dropped_pkt_bufoverrun", "MCPV", "Total number of dropped packets because of buffer overrun"),
    ("quic_dropped_parsing_pkt", "MCPV", "Total number of dropped packets upon parsing error"),
    ("quic_socket_full", "MCPV", "Total number of EAGAIN error on sendto() calls"),
    ("quic_sendto_err", "MCPV", "Total number of error on sendto() calls, EAGAIN excepted"),
    ("quic_sendto_err_unknwn", "MCPV", "Total number of error on sendto() calls not explicitly listed"),
    ("quic_sent_pkt", "MCPV", "Total number of sent packets"),
    ("quic_lost_pkt", "MCPV", "Total number of lost sent packets"),
    ("quic_too_short_dgram", "MCPV", "Total number of too short dgrams with Initial packets"),
    ("quic_retry_sent", "MCPV", "Total number of Retry sent"),
    ("quic_retry_validated", "MCPV", "Total number of validated Retry tokens"),
    ("quic_retry_error", "MCPV", "Total number of Retry tokens errors"),
    ("quic_half_open_conn", "MGPV", "Total number of half open connections"),
    ("quic_hdshk_fail", "MCPV", "Total number of handshake failures"),
    ("quic_stless_rst_sent", "MCPV", "Total number of stateless reset packet sent"),
    ("quic_conn_migration_done", "MCPV", "Total number of connection migration proceeded"),
    ("quic_transp_err_no_error", "MCPV", "Total number of NO_ERROR errors received"),
    ("quic_transp_err_internal_error", "MCPV", "Total number of INTERNAL_ERROR errors received"),
    ("quic_transp_err_connection_refused", "MCPV", "Total number of CONNECTION_REFUSED errors received"),
    ("quic_transp_err_flow_control_error", "MCPV", "Total number of FLOW_CONTROL_ERROR errors received"),
    ("quic_transp_err_stream_limit_error", "MCPV", "Total number of STREAM_LIMIT_ERROR errors received"),
    ("quic_transp_err_stream_state_error", "MCPV", "Total number of STREAM_STATE_ERROR errors received"),
    ("quic_transp_err_final_size_error", "MCPV", "Total number of FINAL_SIZE_ERROR errors received"),
    ("quic_transp_err_frame_encoding_error", "MCPV", "Total number of FRAME_ENCODING_ERROR errors received"),
    (
        "quic_transp_err_transport_parameter_error",
        "MCPV",
        "Total number of TRANSPORT_PARAMETER_ERROR errors received",
    ),
    (
        "quic_transp_err_connection_id_limit",
        "MCPV",
        "Total number of CONNECTION_ID_LIMIT_ERROR errors received",
    ),
    (
        "quic_transp_err_protocol_violation_error",
        "MCPV",
        "Total number of PROTOCOL_VIOLATION errors received",
    ),
    ("quic_transp_err_invalid_token", "MCPV", "Total number of INVALID_TOKEN errors received"),
    ("quic_transp_err_application_error", "MCPV", "Total number of APPLICATION_ERROR errors received"),
    (
        "quic_transp_err_crypto_buffer_exceeded",
        "MCPV",
        "Total number of CRYPTO_BUFFER_EXCEEDED errors received",
    ),
    ("quic_transp_err_key_update_error", "MCPV", "Total number of KEY_UPDATE_ERROR errors received"),
    ("quic_transp_err_aead_limit_reached", "MCPV", "Total number of AEAD_LIMIT_REACHED errors received"),
    ("quic_transp_err_no_viable_path", "MCPV", "Total number of NO_VIABLE_PATH errors received"),
    ("quic_transp_err_crypto_error", "MCPV", "Total number of CRYPTO_ERROR errors received"),
    ("quic_transp_err_unknown_error", "MCPV", "Total number of UNKNOWN_ERROR errors received"),
    ("quic_data_blocked", "MCPV", "Total number of received DATA_BLOCKED frames"),
    ("quic_stream_data_blocked", "MCPV", "Total number of received STREAM_DATA_BLOCKED frames"),
    ("quic_streams_blocked_bidi", "MCPV", "Total number of received STREAMS_BLOCKED_BIDI frames"),
    ("quic_streams_blocked_uni", "MCPV", "Total number of received STREAMS_BLOCKED_UNI frames"),
    ("quic_ncbuf_gap_limit", "MCPV", "Total number of failures to add to ncbuf because of gap size limit"),
    ("h2_headers_rcvd", "MCPV", "Total number of received HEADERS frames"),
    ("h2_data_rcvd", "MCPV", "Total number of received DATA frames"),
    ("h2_settings_rcvd", "MCPV", "Total number of received SETTINGS frames"),
    ("h2_rst_stream_rcvd", "MCPV", "Total number of received RST_STREAM frames"),
    ("h2_goaway_rcvd", "MCPV", "Total number of received GOAWAY frames"),
    ("h2_detected_conn_protocol_errors", "MCPV", "Total number of connection protocol errors"),
    ("h2_detected_strm_protocol_errors", "MCPV", "Total number of stream protocol errors"),
    ("h2_rst_stream_resp", "MCPV", "Total number of RST_STREAM sent on detected error"),
    ("h2_goaway_resp", "MCPV", "Total number of GOAWAY sent on detected error"),
    ("h2_open_connections", "MGPV", "Count of currently open connections"),
    ("h2_backend_open_streams", "MGPV", "Count of currently open streams"),
    ("h2_total_connections", "MCPV", "Total number of connections"),
    ("h2_backend_total_streams", "MCPV", "Total number of streams"),
    ("h1_open_connections", "MGPV", "Count of currently open connections"),
    ("h1_open_streams", "MGPV", "Count of currently open streams"),
    ("h1_total_connections", "MCPV", "Total number of connections"),
    ("h1_total_streams", "MCPV", "Total number of streams"),
    ("h1_bytes_in", "MCPV", "Total number of bytes received"),
    ("h1_bytes_out", "MCPV", "Total number of bytes send"),
    ("h1_spliced_bytes_in", "MCPV", "Total number of bytes received using kernel splicing"),
    ("h1_spliced_bytes_out", "MCPV", "Total number of bytes sendusing kernel splicing"),
];

/// How many of [`MODULES`] servers and listeners have: those of TLS.
pub const TLS_MODULE: usize = 5;
