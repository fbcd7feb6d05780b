//! The metrics of the process: names, types, and the fields of `show info` that they show.

use super::metrics::Kind::{self, Counter, Gauge};
use crate::info;

/// A metric of the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessMetric {
    /// Its name behind `haproxy_process_`.
    pub(super) name: &'static str,
    /// The field.
    pub(super) field: &'static str,
    pub(super) kind: Kind,
    /// What it is, where the field's description does not tell it.
    help: &'static str,
}

// === impl ProcessMetric ===

impl ProcessMetric {
    /// What it is, in a line.
    pub(super) fn help(&self) -> &'static str {
        if self.help.is_empty() { info::description(self.field) } else { self.help }
    }

    const fn told(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

/// The metrics, in their order.
pub(super) const PROCESS: &[ProcessMetric] = &[
    metric("nbthread", "Nbthread", Gauge),
    metric("nbproc", "Nbproc", Gauge),
    metric("relative_process_id", "Process_num", Gauge),
    metric("uptime_seconds", "Uptime_sec", Gauge),
    metric("pool_failures_total", "PoolFailed", Counter),
    metric("max_fds", "Ulimit-n", Gauge),
    metric("max_sockets", "Maxsock", Gauge),
    metric("max_connections", "Maxconn", Gauge),
    metric("hard_max_connections", "Hard_maxconn", Gauge),
    metric("current_connections", "CurrConns", Gauge),
    metric("connections_total", "CumConns", Counter),
    metric("requests_total", "CumReq", Counter),
    metric("max_ssl_connections", "MaxSslConns", Gauge),
    metric("current_ssl_connections", "CurrSslConns", Gauge),
    metric("ssl_connections_total", "CumSslConns", Counter),
    metric("max_pipes", "Maxpipes", Gauge),
    metric("pipes_used_total", "PipesUsed", Counter),
    metric("pipes_free_total", "PipesFree", Counter),
    metric("current_connection_rate", "ConnRate", Gauge),
    metric("limit_connection_rate", "ConnRateLimit", Gauge),
    metric("max_connection_rate", "MaxConnRate", Gauge),
    metric("current_session_rate", "SessRate", Gauge),
    metric("limit_session_rate", "SessRateLimit", Gauge),
    metric("max_session_rate", "MaxSessRate", Gauge),
    metric("current_ssl_rate", "SslRate", Gauge),
    metric("limit_ssl_rate", "SslRateLimit", Gauge),
    metric("max_ssl_rate", "MaxSslRate", Gauge),
    metric("current_frontend_ssl_key_rate", "SslFrontendKeyRate", Gauge),
    metric("max_frontend_ssl_key_rate", "SslFrontendMaxKeyRate", Gauge),
    metric("frontend_ssl_reuse", "SslFrontendSessionReuse_pct", Gauge),
    metric("current_backend_ssl_key_rate", "SslBackendKeyRate", Gauge),
    metric("max_backend_ssl_key_rate", "SslBackendMaxKeyRate", Gauge),
    metric("ssl_cache_lookups_total", "SslCacheLookups", Counter),
    metric("ssl_cache_misses_total", "SslCacheMisses", Counter),
    metric("http_comp_bytes_in_total", "CompressBpsIn", Counter),
    metric("http_comp_bytes_out_total", "CompressBpsOut", Counter),
    metric("limit_http_comp", "CompressBpsRateLim", Gauge),
    metric("current_zlib_memory", "", Gauge).told("Amount of memory currently used by HTTP compression on the current worker process (in bytes)"),
    metric("max_zlib_memory", "", Gauge).told("Limit on the amount of memory used by HTTP compression above which it is automatically disabled (in bytes, see global.maxzlibmem)"),
    metric("current_tasks", "Tasks", Gauge),
    metric("current_run_queue", "Run_queue", Gauge),
    metric("idle_time_percent", "Idle_pct", Gauge),
    metric("node", "node", Gauge),
    metric("description", "description", Gauge),
    metric("stopping", "Stopping", Gauge),
    metric("jobs", "Jobs", Gauge),
    metric("unstoppable_jobs", "Unstoppable Jobs", Gauge),
    metric("listeners", "Listeners", Gauge),
    metric("active_peers", "ActivePeers", Gauge),
    metric("connected_peers", "ConnectedPeers", Gauge),
    metric("dropped_logs_total", "DroppedLogs", Counter),
    metric("busy_polling_enabled", "BusyPolling", Gauge),
    metric("failed_resolutions", "FailedResolutions", Counter),
    metric("bytes_out_total", "TotalBytesOut", Counter),
    metric("spliced_bytes_out_total", "TotalSplicedBytesOut", Counter),
    metric("bytes_out_rate", "BytesOutRate", Gauge),
    metric("recv_logs_total", "CumRecvLogs", Counter),
    metric("build_info", "Build info", Gauge),
    metric("max_memory_bytes", "Memmax_bytes", Gauge),
    metric("pool_allocated_bytes", "PoolAlloc_bytes", Gauge),
    metric("pool_used_bytes", "PoolUsed_bytes", Gauge),
    metric("start_time_seconds", "Start_time_sec", Gauge),
    metric("total_warnings", "TotalWarnings", Counter),
    metric("patterns_added_total", "PatternsAdded", Gauge),
    metric("patterns_freed_total", "PatternsFreed", Gauge),
    metric("nb_thread_groups", "NbThreadGroups", Gauge),
];

const fn metric(name: &'static str, field: &'static str, kind: Kind) -> ProcessMetric {
    ProcessMetric { name, field, kind, help: "" }
}
