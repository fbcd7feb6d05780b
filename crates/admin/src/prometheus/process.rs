//! The metrics of the process: names, types, and the fields of `show info` that they show.

use super::metrics::Kind::{self, Counter, Gauge};

/// A metric of the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessMetric {
    /// Its name behind `haproxy_process_`.
    pub(super) name: &'static str,
    /// The field.
    pub(super) field: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

/// The metrics, in their order.
pub(super) const PROCESS: &[ProcessMetric] = &[
    metric("nbthread", "Nbthread", Gauge, "Threads that serve"),
    metric("nbproc", "Nbproc", Gauge, "Processes that serve"),
    metric("relative_process_id", "Process_num", Gauge, "Number of the process"),
    metric("uptime_seconds", "Uptime_sec", Gauge, "Seconds since the start"),
    metric("pool_failures_total", "PoolFailed", Counter, "Allocations that failed"),
    metric("max_fds", "Ulimit-n", Gauge, "Descriptors that may be open"),
    metric("max_sockets", "Maxsock", Gauge, "Sockets that may be open"),
    metric("max_connections", "Maxconn", Gauge, "Connections of clients that may be open"),
    metric("hard_max_connections", "Hard_maxconn", Gauge, "Connections that maxconn may be set to"),
    metric("current_connections", "CurrConns", Gauge, "Connections of clients now"),
    metric("connections_total", "CumConns", Counter, "Connections of clients so far"),
    metric("requests_total", "CumReq", Counter, "Requests so far"),
    metric("max_ssl_connections", "MaxSslConns", Gauge, "TLS connections that may be open"),
    metric("current_ssl_connections", "CurrSslConns", Gauge, "TLS connections now"),
    metric("ssl_connections_total", "CumSslConns", Counter, "TLS connections so far"),
    metric("max_pipes", "Maxpipes", Gauge, "Pipes that may be open"),
    metric("pipes_used_total", "PipesUsed", Counter, "Pipes in use"),
    metric("pipes_free_total", "PipesFree", Counter, "Pipes that are kept for later"),
    metric("current_connection_rate", "ConnRate", Gauge, "Connections in the last second"),
    metric("limit_connection_rate", "ConnRateLimit", Gauge, "Connections that are allowed in a second"),
    metric("max_connection_rate", "MaxConnRate", Gauge, "Most connections in a second"),
    metric("current_session_rate", "SessRate", Gauge, "Sessions in the last second"),
    metric("limit_session_rate", "SessRateLimit", Gauge, "Sessions that are allowed in a second"),
    metric("max_session_rate", "MaxSessRate", Gauge, "Most sessions in a second"),
    metric("current_ssl_rate", "SslRate", Gauge, "TLS handshakes in the last second"),
    metric("limit_ssl_rate", "SslRateLimit", Gauge, "TLS handshakes that are allowed in a second"),
    metric("max_ssl_rate", "MaxSslRate", Gauge, "Most TLS handshakes in a second"),
    metric(
        "current_frontend_ssl_key_rate",
        "SslFrontendKeyRate",
        Gauge,
        "Full handshakes with clients in the last second",
    ),
    metric(
        "max_frontend_ssl_key_rate",
        "SslFrontendMaxKeyRate",
        Gauge,
        "Most full handshakes with clients in a second",
    ),
    metric(
        "frontend_ssl_reuse",
        "SslFrontendSessionReuse_pct",
        Gauge,
        "Percent of handshakes with clients that resumed",
    ),
    metric(
        "current_backend_ssl_key_rate",
        "SslBackendKeyRate",
        Gauge,
        "Full handshakes with servers in the last second",
    ),
    metric(
        "max_backend_ssl_key_rate",
        "SslBackendMaxKeyRate",
        Gauge,
        "Most full handshakes with servers in a second",
    ),
    metric("ssl_cache_lookups_total", "SslCacheLookups", Counter, "Sessions that were looked for"),
    metric("ssl_cache_misses_total", "SslCacheMisses", Counter, "Sessions that were not found"),
    metric("http_comp_bytes_in_total", "CompressBpsIn", Counter, "Bytes that were given to compression"),
    metric("http_comp_bytes_out_total", "CompressBpsOut", Counter, "Bytes that compression gave"),
    metric("limit_http_comp", "CompressBpsRateLim", Gauge, "Bytes that may be compressed in a second"),
    metric("current_zlib_memory", "", Gauge, "Bytes that zlib uses"),
    metric("max_zlib_memory", "", Gauge, "Bytes that zlib may use"),
    metric("current_tasks", "Tasks", Gauge, "Tasks now"),
    metric("current_run_queue", "Run_queue", Gauge, "Tasks that are ready"),
    metric("idle_time_percent", "Idle_pct", Gauge, "Percent of the time without work"),
    metric("node", "node", Gauge, "Name of the node"),
    metric("description", "description", Gauge, "Description of the node"),
    metric("stopping", "Stopping", Gauge, "1 while the process ends"),
    metric("jobs", "Jobs", Gauge, "Connections and listeners"),
    metric("unstoppable_jobs", "Unstoppable Jobs", Gauge, "What does not keep the process from ending"),
    metric("listeners", "Listeners", Gauge, "Listeners"),
    metric("active_peers", "ActivePeers", Gauge, "Peers that are known"),
    metric("connected_peers", "ConnectedPeers", Gauge, "Peers that are connected"),
    metric("dropped_logs_total", "DroppedLogs", Counter, "Log lines that could not be sent"),
    metric("busy_polling_enabled", "BusyPolling", Gauge, "1 where threads never sleep"),
    metric("failed_resolutions", "FailedResolutions", Counter, "Names that were not resolved"),
    metric("bytes_out_total", "TotalBytesOut", Counter, "Bytes that were sent"),
    metric("spliced_bytes_out_total", "TotalSplicedBytesOut", Counter, "Bytes that the kernel moved"),
    metric("bytes_out_rate", "BytesOutRate", Gauge, "Bytes sent in the last second"),
    metric("recv_logs_total", "CumRecvLogs", Counter, "Log lines that came in"),
    metric("build_info", "Build info", Gauge, "The version"),
    metric("max_memory_bytes", "Memmax_bytes", Gauge, "Memory that may be used"),
    metric("pool_allocated_bytes", "PoolAlloc_bytes", Gauge, "Memory of pools"),
    metric("pool_used_bytes", "PoolUsed_bytes", Gauge, "Memory of pools that is in use"),
    metric("start_time_seconds", "Start_time_sec", Gauge, "When it started, in seconds since 1970"),
    metric("total_warnings", "TotalWarnings", Counter, "Warnings so far"),
    metric("patterns_added_total", "PatternsAdded", Gauge, "Patterns that were loaded or added"),
    metric("patterns_freed_total", "PatternsFreed", Gauge, "Patterns that were taken away"),
    metric("nb_thread_groups", "NbThreadGroups", Gauge, "Groups of threads"),
];

const fn metric(name: &'static str, field: &'static str, kind: Kind, help: &'static str) -> ProcessMetric {
    ProcessMetric { name, field, kind, help }
}
