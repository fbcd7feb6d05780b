//! The metrics of frontends, listeners, backends and servers: names, types and the columns of `show stat` that they
//! show.

use crate::stat::columns::Column as C;

/// A family of metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metric {
    /// The column that it shows.
    pub(super) column: C,
    /// Its name behind `haproxy_` and what it is told of.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) shape: Shape,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// How a column becomes lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The number.
    Plain,
    /// Milliseconds as seconds.
    Millis,
    /// A line for each state.
    Status,
    /// A line for each outcome of a check.
    Checks,
    /// A line for each class of statuses.
    Classes,
    /// The servers of a backend, by their state.
    Servers,
    /// The servers of a backend, by the outcome of their last check.
    ServersByCheck,
}

// === impl Kind ===

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

const fn metric(column: C, name: &'static str, kind: Kind, shape: Shape) -> Metric {
    Metric { column, name, kind, shape }
}

/// What is told of each frontend.
pub(super) const FRONTEND: &[Metric] = &[
    metric(C::Scur, "current_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Smax, "max_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Slim, "limit_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Stot, "sessions_total", Kind::Counter, Shape::Plain),
    metric(C::Bin, "bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Bout, "bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::Dreq, "requests_denied_total", Kind::Counter, Shape::Plain),
    metric(C::Dresp, "responses_denied_total", Kind::Counter, Shape::Plain),
    metric(C::Ereq, "request_errors_total", Kind::Counter, Shape::Plain),
    metric(C::Status, "status", Kind::Gauge, Shape::Status),
    metric(C::Rate, "current_session_rate", Kind::Gauge, Shape::Plain),
    metric(C::RateLim, "limit_session_rate", Kind::Gauge, Shape::Plain),
    metric(C::RateMax, "max_session_rate", Kind::Gauge, Shape::Plain),
    metric(C::Hrsp1xx, "http_responses_total", Kind::Counter, Shape::Classes),
    metric(C::ReqRateMax, "http_requests_rate_max", Kind::Gauge, Shape::Plain),
    metric(C::ReqTot, "http_requests_total", Kind::Counter, Shape::Plain),
    metric(C::CompIn, "http_comp_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::CompOut, "http_comp_bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::CompByp, "http_comp_bytes_bypassed_total", Kind::Counter, Shape::Plain),
    metric(C::CompRsp, "http_comp_responses_total", Kind::Counter, Shape::Plain),
    metric(C::ConnRateMax, "connections_rate_max", Kind::Gauge, Shape::Plain),
    metric(C::ConnTot, "connections_total", Kind::Counter, Shape::Plain),
    metric(C::Intercepted, "intercepted_requests_total", Kind::Counter, Shape::Plain),
    metric(C::Dcon, "denied_connections_total", Kind::Counter, Shape::Plain),
    metric(C::Dses, "denied_sessions_total", Kind::Counter, Shape::Plain),
    metric(C::Wrew, "failed_header_rewriting_total", Kind::Counter, Shape::Plain),
    metric(C::CacheLookups, "http_cache_lookups_total", Kind::Counter, Shape::Plain),
    metric(C::CacheHits, "http_cache_hits_total", Kind::Counter, Shape::Plain),
    metric(C::Eint, "internal_errors_total", Kind::Counter, Shape::Plain),
    metric(C::Reqbin, "req_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Reqbout, "req_bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::Resbin, "res_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Resbout, "res_bytes_out_total", Kind::Counter, Shape::Plain),
];

/// What is told of each listener.
pub(super) const LISTENER: &[Metric] = &[
    metric(C::Scur, "current_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Smax, "max_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Slim, "limit_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Stot, "sessions_total", Kind::Counter, Shape::Plain),
    metric(C::Bin, "bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Bout, "bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::Dreq, "requests_denied_total", Kind::Counter, Shape::Plain),
    metric(C::Dresp, "responses_denied_total", Kind::Counter, Shape::Plain),
    metric(C::Ereq, "request_errors_total", Kind::Counter, Shape::Plain),
    metric(C::Status, "status", Kind::Gauge, Shape::Status),
    metric(C::ConnTot, "connections_total", Kind::Counter, Shape::Plain),
    metric(C::Dcon, "denied_connections_total", Kind::Counter, Shape::Plain),
    metric(C::Dses, "denied_sessions_total", Kind::Counter, Shape::Plain),
    metric(C::Wrew, "failed_header_rewriting_total", Kind::Counter, Shape::Plain),
    metric(C::Eint, "internal_errors_total", Kind::Counter, Shape::Plain),
    metric(C::Reqbin, "req_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Reqbout, "req_bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::Resbin, "res_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Resbout, "res_bytes_out_total", Kind::Counter, Shape::Plain),
];

/// What is told of each backend.
pub(super) const BACKEND: &[Metric] = &[
    metric(C::Qcur, "current_queue", Kind::Gauge, Shape::Plain),
    metric(C::Qmax, "max_queue", Kind::Gauge, Shape::Plain),
    metric(C::Scur, "current_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Smax, "max_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Slim, "limit_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Stot, "sessions_total", Kind::Counter, Shape::Plain),
    metric(C::Bin, "bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Bout, "bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::Dreq, "requests_denied_total", Kind::Counter, Shape::Plain),
    metric(C::Dresp, "responses_denied_total", Kind::Counter, Shape::Plain),
    metric(C::Econ, "connection_errors_total", Kind::Counter, Shape::Plain),
    metric(C::Eresp, "response_errors_total", Kind::Counter, Shape::Plain),
    metric(C::Wretr, "retry_warnings_total", Kind::Counter, Shape::Plain),
    metric(C::Wredis, "redispatch_warnings_total", Kind::Counter, Shape::Plain),
    metric(C::Status, "status", Kind::Gauge, Shape::Status),
    metric(C::Weight, "weight", Kind::Gauge, Shape::Plain),
    metric(C::Act, "active_servers", Kind::Gauge, Shape::Plain),
    metric(C::Bck, "backup_servers", Kind::Gauge, Shape::Plain),
    metric(C::Chkdown, "check_up_down_total", Kind::Counter, Shape::Plain),
    metric(C::Lastchg, "check_last_change_seconds", Kind::Gauge, Shape::Plain),
    metric(C::Downtime, "downtime_seconds_total", Kind::Counter, Shape::Plain),
    metric(C::Lbtot, "loadbalanced_total", Kind::Counter, Shape::Plain),
    metric(C::Rate, "current_session_rate", Kind::Gauge, Shape::Plain),
    metric(C::RateMax, "max_session_rate", Kind::Gauge, Shape::Plain),
    metric(C::Hrsp1xx, "http_responses_total", Kind::Counter, Shape::Classes),
    metric(C::ReqTot, "http_requests_total", Kind::Counter, Shape::Plain),
    metric(C::CliAbrt, "client_aborts_total", Kind::Counter, Shape::Plain),
    metric(C::SrvAbrt, "server_aborts_total", Kind::Counter, Shape::Plain),
    metric(C::CompIn, "http_comp_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::CompOut, "http_comp_bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::CompByp, "http_comp_bytes_bypassed_total", Kind::Counter, Shape::Plain),
    metric(C::CompRsp, "http_comp_responses_total", Kind::Counter, Shape::Plain),
    metric(C::Lastsess, "last_session_seconds", Kind::Gauge, Shape::Plain),
    metric(C::Qtime, "queue_time_average_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Ctime, "connect_time_average_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Rtime, "response_time_average_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Ttime, "total_time_average_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Wrew, "failed_header_rewriting_total", Kind::Counter, Shape::Plain),
    metric(C::Connect, "connection_attempts_total", Kind::Counter, Shape::Plain),
    metric(C::Reuse, "connection_reuses_total", Kind::Counter, Shape::Plain),
    metric(C::CacheLookups, "http_cache_lookups_total", Kind::Counter, Shape::Plain),
    metric(C::CacheHits, "http_cache_hits_total", Kind::Counter, Shape::Plain),
    metric(C::QtimeMax, "max_queue_time_seconds", Kind::Gauge, Shape::Millis),
    metric(C::CtimeMax, "max_connect_time_seconds", Kind::Gauge, Shape::Millis),
    metric(C::RtimeMax, "max_response_time_seconds", Kind::Gauge, Shape::Millis),
    metric(C::TtimeMax, "max_total_time_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Eint, "internal_errors_total", Kind::Counter, Shape::Plain),
    metric(C::Uweight, "uweight", Kind::Gauge, Shape::Plain),
    metric(C::AggServerStatus, "agg_server_status", Kind::Gauge, Shape::Servers),
    metric(C::AggServerCheckStatus, "agg_server_check_status", Kind::Gauge, Shape::Servers),
    metric(C::AggCheckStatus, "agg_check_status", Kind::Gauge, Shape::ServersByCheck),
    metric(C::Reqbin, "req_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Reqbout, "req_bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::Resbin, "res_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Resbout, "res_bytes_out_total", Kind::Counter, Shape::Plain),
];

/// What is told of each server.
pub(super) const SERVER: &[Metric] = &[
    metric(C::Qcur, "current_queue", Kind::Gauge, Shape::Plain),
    metric(C::Qmax, "max_queue", Kind::Gauge, Shape::Plain),
    metric(C::Scur, "current_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Smax, "max_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Slim, "limit_sessions", Kind::Gauge, Shape::Plain),
    metric(C::Stot, "sessions_total", Kind::Counter, Shape::Plain),
    metric(C::Bin, "bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Bout, "bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::Dresp, "responses_denied_total", Kind::Counter, Shape::Plain),
    metric(C::Econ, "connection_errors_total", Kind::Counter, Shape::Plain),
    metric(C::Eresp, "response_errors_total", Kind::Counter, Shape::Plain),
    metric(C::Wretr, "retry_warnings_total", Kind::Counter, Shape::Plain),
    metric(C::Wredis, "redispatch_warnings_total", Kind::Counter, Shape::Plain),
    metric(C::Status, "status", Kind::Gauge, Shape::Status),
    metric(C::Weight, "weight", Kind::Gauge, Shape::Plain),
    metric(C::Act, "active", Kind::Gauge, Shape::Plain),
    metric(C::Bck, "backup", Kind::Gauge, Shape::Plain),
    metric(C::Chkfail, "check_failures_total", Kind::Counter, Shape::Plain),
    metric(C::Chkdown, "check_up_down_total", Kind::Counter, Shape::Plain),
    metric(C::Lastchg, "check_last_change_seconds", Kind::Gauge, Shape::Plain),
    metric(C::Downtime, "downtime_seconds_total", Kind::Counter, Shape::Plain),
    metric(C::Qlimit, "queue_limit", Kind::Gauge, Shape::Plain),
    metric(C::Throttle, "current_throttle", Kind::Gauge, Shape::Plain),
    metric(C::Lbtot, "loadbalanced_total", Kind::Counter, Shape::Plain),
    metric(C::Rate, "current_session_rate", Kind::Gauge, Shape::Plain),
    metric(C::RateMax, "max_session_rate", Kind::Gauge, Shape::Plain),
    metric(C::CheckStatus, "check_status", Kind::Gauge, Shape::Checks),
    metric(C::CheckCode, "check_code", Kind::Gauge, Shape::Plain),
    metric(C::CheckDuration, "check_duration_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Hrsp1xx, "http_responses_total", Kind::Counter, Shape::Classes),
    metric(C::ReqTot, "http_requests_total", Kind::Counter, Shape::Plain),
    metric(C::CliAbrt, "client_aborts_total", Kind::Counter, Shape::Plain),
    metric(C::SrvAbrt, "server_aborts_total", Kind::Counter, Shape::Plain),
    metric(C::Lastsess, "last_session_seconds", Kind::Gauge, Shape::Plain),
    metric(C::Qtime, "queue_time_average_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Ctime, "connect_time_average_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Rtime, "response_time_average_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Ttime, "total_time_average_seconds", Kind::Gauge, Shape::Millis),
    metric(C::AgentStatus, "agent_status", Kind::Gauge, Shape::Checks),
    metric(C::AgentCode, "agent_code", Kind::Gauge, Shape::Plain),
    metric(C::AgentDuration, "agent_duration_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Wrew, "failed_header_rewriting_total", Kind::Counter, Shape::Plain),
    metric(C::Connect, "connection_attempts_total", Kind::Counter, Shape::Plain),
    metric(C::Reuse, "connection_reuses_total", Kind::Counter, Shape::Plain),
    metric(C::SrvIcur, "idle_connections_current", Kind::Gauge, Shape::Plain),
    metric(C::SrcIlim, "idle_connections_limit", Kind::Gauge, Shape::Plain),
    metric(C::QtimeMax, "max_queue_time_seconds", Kind::Gauge, Shape::Millis),
    metric(C::CtimeMax, "max_connect_time_seconds", Kind::Gauge, Shape::Millis),
    metric(C::RtimeMax, "max_response_time_seconds", Kind::Gauge, Shape::Millis),
    metric(C::TtimeMax, "max_total_time_seconds", Kind::Gauge, Shape::Millis),
    metric(C::Eint, "internal_errors_total", Kind::Counter, Shape::Plain),
    metric(C::IdleConnCur, "unsafe_idle_connections_current", Kind::Gauge, Shape::Plain),
    metric(C::SafeConnCur, "safe_idle_connections_current", Kind::Gauge, Shape::Plain),
    metric(C::UsedConnCur, "used_connections_current", Kind::Gauge, Shape::Plain),
    metric(C::NeedConnEst, "need_connections_current", Kind::Gauge, Shape::Plain),
    metric(C::Uweight, "uweight", Kind::Gauge, Shape::Plain),
    metric(C::PrivIdleCur, "private_idle_connections_current", Kind::Gauge, Shape::Plain),
    metric(C::Reqbin, "req_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Reqbout, "req_bytes_out_total", Kind::Counter, Shape::Plain),
    metric(C::Resbin, "res_bytes_in_total", Kind::Counter, Shape::Plain),
    metric(C::Resbout, "res_bytes_out_total", Kind::Counter, Shape::Plain),
];

/// What a column is, in a few words.
pub(super) fn help(column: C) -> &'static str {
    HELP.iter().find(|(of, _)| *of == column).map_or("", |(_, help)| help)
}

const HELP: &[(C, &str)] = &[
    (C::Qcur, "Requests that wait in the queue now"),
    (C::Qmax, "Most requests in the queue at once"),
    (C::Scur, "Sessions now"),
    (C::Smax, "Most sessions at once"),
    (C::Slim, "Sessions that are allowed at once"),
    (C::Stot, "Sessions so far"),
    (C::Bin, "Bytes of requests"),
    (C::Bout, "Bytes of responses"),
    (C::Dreq, "Requests that rules refused"),
    (C::Dresp, "Responses that rules refused"),
    (C::Ereq, "Requests that were not understood"),
    (C::Econ, "Connections to servers that failed"),
    (C::Eresp, "Responses that failed"),
    (C::Wretr, "Connections to servers that were tried again"),
    (C::Wredis, "Requests that went to another server after a failure"),
    (C::Status, "State, one line for each with 1 for the one that holds"),
    (C::Weight, "Weight in balancing"),
    (C::Act, "Servers that are up and no backups; 1 for a server that is no backup"),
    (C::Bck, "Backup servers that are up; 1 for a server that is one"),
    (C::Chkfail, "Checks that failed"),
    (C::Chkdown, "How often it went down"),
    (C::Lastchg, "Seconds since its state last changed"),
    (C::Downtime, "Seconds that it was down"),
    (C::Qlimit, "Requests that may wait in the queue"),
    (C::Throttle, "Percent of its weight that it has while it starts slowly"),
    (C::Lbtot, "Requests that balancing brought here"),
    (C::Rate, "Sessions in the last second"),
    (C::RateLim, "Sessions that are allowed in a second"),
    (C::RateMax, "Most sessions in a second"),
    (C::CheckStatus, "Outcome of the last check, one line for each with 1 for the one that holds"),
    (C::CheckCode, "Code that the last check found"),
    (C::CheckDuration, "Seconds that the last check took"),
    (C::Hrsp1xx, "Responses by the class of their status"),
    (C::ReqRateMax, "Most requests in a second"),
    (C::ReqTot, "Requests of HTTP"),
    (C::CompIn, "Bytes that were given to compression"),
    (C::CompOut, "Bytes that compression gave"),
    (C::CompByp, "Bytes that compression passed by"),
    (C::CompRsp, "Responses that were compressed"),
    (C::ConnRateMax, "Most connections in a second"),
    (C::ConnTot, "Connections so far"),
    (C::Intercepted, "Requests that were answered without a server"),
    (C::Dcon, "Connections that rules refused"),
    (C::Dses, "Sessions that rules refused"),
    (C::Wrew, "Headers that could not be rewritten"),
    (C::CacheLookups, "Requests that the cache was asked about"),
    (C::CacheHits, "Requests that the cache answered"),
    (C::Eint, "Faults of the program itself"),
    (C::Reqbin, "Bytes of requests as they came"),
    (C::Reqbout, "Bytes of requests as they went on"),
    (C::Resbin, "Bytes of responses as they came"),
    (C::Resbout, "Bytes of responses as they went on"),
    (C::CliAbrt, "Transfers that clients broke off"),
    (C::SrvAbrt, "Transfers that servers broke off"),
    (C::Lastsess, "Seconds since the last session, -1 where there was none"),
    (C::Qtime, "Mean time in the queue of the last 1024 requests"),
    (C::Ctime, "Mean time to connect of the last 1024 requests"),
    (C::Rtime, "Mean time to the response of the last 1024 requests"),
    (C::Ttime, "Mean time of the last 1024 requests"),
    (
        C::AgentStatus,
        "Outcome of the last report of the agent, one line for each with 1 for the one that holds",
    ),
    (C::AgentCode, "Code of the last report of the agent"),
    (C::AgentDuration, "Seconds that the last report of the agent took"),
    (C::Connect, "Connections to servers that were opened"),
    (C::Reuse, "Connections to servers that were used again"),
    (C::SrvIcur, "Idle connections now"),
    (C::SrcIlim, "Idle connections that are kept at most"),
    (C::QtimeMax, "Longest time in the queue"),
    (C::CtimeMax, "Longest time to connect"),
    (C::RtimeMax, "Longest time to the response"),
    (C::TtimeMax, "Longest time of a request"),
    (C::IdleConnCur, "Idle connections that may not be shared freely"),
    (C::SafeConnCur, "Idle connections that may be shared"),
    (C::UsedConnCur, "Connections in use"),
    (C::NeedConnEst, "Connections that are thought to be needed"),
    (C::Uweight, "Weight as it is set"),
    (C::AggServerStatus, "Servers by their state"),
    (C::AggServerCheckStatus, "Servers by their state, as an older name has it"),
    (C::AggCheckStatus, "Servers by the outcome of their last check"),
    (C::PrivIdleCur, "Idle connections that belong to one client"),
];
