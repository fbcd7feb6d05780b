//! The metrics of frontends, listeners, backends and servers: names, types and the columns of `show stat` that they
//! show.

use Kind::{Counter, Gauge};
use Shape::{Checks, Classes, Millis, Plain, Servers, ServersByCheck, Status};

use super::query::Scope;
use crate::stat::columns::{Column as C, FIXED};

/// A family of metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metric {
    /// What it is told of: `L`isteners, `F`rontends, `B`ackends, `S`ervers.
    of: &'static str,
    /// The column that it shows.
    pub(super) column: C,
    /// Its name behind `haproxy_` and what it is told of.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) shape: Shape,
    /// What it is, where the column's description does not tell it.
    help: &'static str,
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

// === impl Metric ===

impl Metric {
    /// What it is, in a line.
    pub(super) fn help(&self) -> &'static str {
        match self.help {
            "" => FIXED.get(self.column as usize).map_or("", |about| about.description),
            help => help,
        }
    }

    const fn told(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

/// What is told in a scope, in order.
pub(super) fn of(scope: Scope) -> impl Iterator<Item = &'static Metric> {
    let letter = match scope {
        Scope::Listener => Some('L'),
        Scope::Frontend => Some('F'),
        Scope::Backend => Some('B'),
        Scope::Server => Some('S'),
        Scope::Global | Scope::StickTable | Scope::Resolver => None,
    };
    METRICS.iter().filter(move |metric| letter.is_some_and(|letter| metric.of.contains(letter)))
}

const fn metric(of: &'static str, column: C, name: &'static str, kind: Kind, shape: Shape) -> Metric {
    Metric { of, column, name, kind, shape, help: "" }
}

/// All of them, in the order of the columns.
const METRICS: &[Metric] = &[
    metric("BS", C::Qcur, "current_queue", Gauge, Plain),
    metric("BS", C::Qmax, "max_queue", Gauge, Plain),
    metric("LFBS", C::Scur, "current_sessions", Gauge, Plain),
    metric("LFBS", C::Smax, "max_sessions", Gauge, Plain),
    metric("LFBS", C::Slim, "limit_sessions", Gauge, Plain),
    metric("LFBS", C::Stot, "sessions_total", Counter, Plain),
    metric("LFBS", C::Bin, "bytes_in_total", Counter, Plain),
    metric("LFBS", C::Bout, "bytes_out_total", Counter, Plain),
    metric("LFB", C::Dreq, "requests_denied_total", Counter, Plain),
    metric("LFBS", C::Dresp, "responses_denied_total", Counter, Plain),
    metric("LF", C::Ereq, "request_errors_total", Counter, Plain),
    metric("BS", C::Econ, "connection_errors_total", Counter, Plain),
    metric("BS", C::Eresp, "response_errors_total", Counter, Plain),
    metric("BS", C::Wretr, "retry_warnings_total", Counter, Plain),
    metric("BS", C::Wredis, "redispatch_warnings_total", Counter, Plain),
    metric("LFBS", C::Status, "status", Gauge, Status)
        .told("Current status of the service, per state label value."),
    metric("BS", C::Weight, "weight", Gauge, Plain),
    metric("B", C::Act, "active_servers", Gauge, Plain),
    metric("S", C::Act, "active", Gauge, Plain),
    metric("B", C::Bck, "backup_servers", Gauge, Plain),
    metric("S", C::Bck, "backup", Gauge, Plain),
    metric("S", C::Chkfail, "check_failures_total", Counter, Plain),
    metric("BS", C::Chkdown, "check_up_down_total", Counter, Plain),
    metric("BS", C::Lastchg, "check_last_change_seconds", Gauge, Plain),
    metric("BS", C::Downtime, "downtime_seconds_total", Counter, Plain),
    metric("S", C::Qlimit, "queue_limit", Gauge, Plain),
    metric("S", C::Throttle, "current_throttle", Gauge, Plain),
    metric("BS", C::Lbtot, "loadbalanced_total", Counter, Plain),
    metric("FBS", C::Rate, "current_session_rate", Gauge, Plain),
    metric("F", C::RateLim, "limit_session_rate", Gauge, Plain),
    metric("FBS", C::RateMax, "max_session_rate", Gauge, Plain),
    metric("S", C::CheckStatus, "check_status", Gauge, Checks)
        .told("Status of last health check, per state label value."),
    metric("S", C::CheckCode, "check_code", Gauge, Plain)
        .told("layer5-7 code, if available of the last health check."),
    metric("S", C::CheckDuration, "check_duration_seconds", Gauge, Millis)
        .told("Total duration of the latest server health check, in seconds."),
    metric("FBS", C::Hrsp1xx, "http_responses_total", Counter, Classes),
    metric("F", C::ReqRateMax, "http_requests_rate_max", Gauge, Plain),
    metric("FBS", C::ReqTot, "http_requests_total", Counter, Plain),
    metric("BS", C::CliAbrt, "client_aborts_total", Counter, Plain),
    metric("BS", C::SrvAbrt, "server_aborts_total", Counter, Plain),
    metric("FB", C::CompIn, "http_comp_bytes_in_total", Counter, Plain),
    metric("FB", C::CompOut, "http_comp_bytes_out_total", Counter, Plain),
    metric("FB", C::CompByp, "http_comp_bytes_bypassed_total", Counter, Plain),
    metric("FB", C::CompRsp, "http_comp_responses_total", Counter, Plain),
    metric("BS", C::Lastsess, "last_session_seconds", Gauge, Plain),
    metric("BS", C::Qtime, "queue_time_average_seconds", Gauge, Millis)
        .told("Avg. queue time for last 1024 successful connections."),
    metric("BS", C::Ctime, "connect_time_average_seconds", Gauge, Millis)
        .told("Avg. connect time for last 1024 successful connections."),
    metric("BS", C::Rtime, "response_time_average_seconds", Gauge, Millis)
        .told("Avg. response time for last 1024 successful connections."),
    metric("BS", C::Ttime, "total_time_average_seconds", Gauge, Millis)
        .told("Avg. total time for last 1024 successful connections."),
    metric("S", C::AgentStatus, "agent_status", Gauge, Checks)
        .told("Status of last agent check, per state label value."),
    metric("S", C::AgentCode, "agent_code", Gauge, Plain),
    metric("S", C::AgentDuration, "agent_duration_seconds", Gauge, Millis)
        .told("Total duration of the latest server agent check, in seconds."),
    metric("F", C::ConnRateMax, "connections_rate_max", Gauge, Plain),
    metric("LF", C::ConnTot, "connections_total", Counter, Plain),
    metric("F", C::Intercepted, "intercepted_requests_total", Counter, Plain),
    metric("LF", C::Dcon, "denied_connections_total", Counter, Plain),
    metric("LF", C::Dses, "denied_sessions_total", Counter, Plain),
    metric("LFBS", C::Wrew, "failed_header_rewriting_total", Counter, Plain),
    metric("BS", C::Connect, "connection_attempts_total", Counter, Plain),
    metric("BS", C::Reuse, "connection_reuses_total", Counter, Plain),
    metric("FB", C::CacheLookups, "http_cache_lookups_total", Counter, Plain),
    metric("FB", C::CacheHits, "http_cache_hits_total", Counter, Plain),
    metric("S", C::SrvIcur, "idle_connections_current", Gauge, Plain),
    metric("S", C::SrcIlim, "idle_connections_limit", Gauge, Plain),
    metric("BS", C::QtimeMax, "max_queue_time_seconds", Gauge, Millis)
        .told("Maximum observed time spent in the queue"),
    metric("BS", C::CtimeMax, "max_connect_time_seconds", Gauge, Millis)
        .told("Maximum observed time spent waiting for a connection to complete"),
    metric("BS", C::RtimeMax, "max_response_time_seconds", Gauge, Millis)
        .told("Maximum observed time spent waiting for a server response"),
    metric("BS", C::TtimeMax, "max_total_time_seconds", Gauge, Millis)
        .told("Maximum observed total request+response time (request+queue+connect+response+processing)"),
    metric("LFBS", C::Eint, "internal_errors_total", Counter, Plain),
    metric("S", C::IdleConnCur, "unsafe_idle_connections_current", Gauge, Plain),
    metric("S", C::SafeConnCur, "safe_idle_connections_current", Gauge, Plain),
    metric("S", C::UsedConnCur, "used_connections_current", Gauge, Plain),
    metric("S", C::NeedConnEst, "need_connections_current", Gauge, Plain),
    metric("BS", C::Uweight, "uweight", Gauge, Plain),
    metric("B", C::AggServerStatus, "agg_server_status", Gauge, Servers),
    metric("B", C::AggServerCheckStatus, "agg_server_check_status", Gauge, Servers),
    metric("B", C::AggCheckStatus, "agg_check_status", Gauge, ServersByCheck),
    metric("S", C::PrivIdleCur, "private_idle_connections_current", Gauge, Plain),
    metric("LFBS", C::Reqbin, "req_bytes_in_total", Counter, Plain),
    metric("LFBS", C::Reqbout, "req_bytes_out_total", Counter, Plain),
    metric("LFBS", C::Resbin, "res_bytes_in_total", Counter, Plain),
    metric("LFBS", C::Resbout, "res_bytes_out_total", Counter, Plain),
];
