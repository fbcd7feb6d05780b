//! The work that programs are measured on.

use super::rules;

/// What kind of configuration a scenario runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    /// HTTP whose server connections are shared from the first request on, so that idle clients leave none
    /// behind and only they are counted.
    Idle,
    /// The same over TLS.
    IdleTls,
    /// HTTP with the server at several addresses, so that connections that were closed lately do not make the
    /// kernel search long for a free port: that search would drown what is measured.
    Closing,
    /// HTTP through twenty rules: an ACL file, a map, variables and header edits (see `rules.rs`).
    Rules,
    /// HTTP with a thousand servers, which are addresses of one.
    Farm,
    /// No traffic, but ten thousand servers whose port is checked, which are addresses of one.
    TcpChecks,
    /// The same by `option httpchk`.
    HttpChecks,
    Tcp,
    /// HTTP over TLS in front, with a P-256 certificate and the X25519 group.
    Tls,
    /// The same with the server at several addresses; see [`Kind::Closing`].
    TlsClosing,
}

/// How the load comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    /// `wrk`, on connections that it keeps.
    Kept,
    /// `wrk`, a connection for each request. Over TLS it resumes the session of the connection before.
    Closing,
    /// A program of our own (`crates/tls/examples/handshakes.rs`), a connection and a session for each request.
    Fresh,
    /// `openssl s_time`, one connection after the other, each on the session of the first.
    Resuming,
    /// `h2load`, on kept connections of HTTP/2 with so many streams at once on each.
    Streams(u32),
}

/// One kind of work.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    pub(crate) clients: u32,
    pub(crate) path: &'static str,
    pub(crate) load: Clients,
    /// System calls per request are worth printing.
    pub(crate) count_syscalls: bool,
    /// Lines that clients send beside those of `wrk`.
    pub(crate) headers: &'static [&'static str],
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "keepalive-32",
        about: "small answers, 32 kept-alive clients",
        clients: 32,
        count_syscalls: true,
        ..SMALL
    },
    Scenario {
        name: "rules",
        about: "small answers through 20 rules, an ACL file of 1,000 networks, a map of 10,000 lines, 32 clients",
        kind: Kind::Rules,
        path: rules::PATH,
        headers: rules::HEADERS,
        ..SMALL
    },
    Scenario {
        name: "farm",
        about: "small answers of 1,000 servers by leastconn, 32 kept-alive clients",
        kind: Kind::Farm,
        ..SMALL
    },
    Scenario { name: "keepalive-128", about: "small answers, 128 kept-alive clients", clients: 128, ..SMALL },
    Scenario {
        name: "close",
        about: "small answers, a connection for each request, 32 clients",
        kind: Kind::Closing,
        load: Clients::Closing,
        ..SMALL
    },
    Scenario {
        name: "body-1m",
        about: "1 MB answers, 16 kept-alive clients",
        clients: 16,
        path: "/1m",
        ..SMALL
    },
    Scenario {
        name: "tcp",
        about: "TCP mode, small answers, 32 clients",
        kind: Kind::Tcp,
        count_syscalls: true,
        ..SMALL
    },
    Scenario {
        name: "tcp-1m",
        about: "TCP mode, 1 MB answers, 16 clients",
        kind: Kind::Tcp,
        clients: 16,
        path: "/1m",
        ..SMALL
    },
    Scenario {
        name: "h2-streams",
        about: "small answers over HTTP/2, 8 clients of 32 streams",
        clients: 8,
        load: Clients::Streams(32),
        ..SMALL
    },
    Scenario {
        name: "h2-1mb",
        about: "1 MB answers over HTTP/2, 4 clients of 4 streams",
        clients: 4,
        path: "/1m",
        load: Clients::Streams(4),
        ..SMALL
    },
    Scenario {
        name: "tls",
        about: "small answers over TLS 1.3, 32 kept-alive clients",
        kind: Kind::Tls,
        count_syscalls: true,
        ..SMALL
    },
    Scenario {
        name: "tls-1m",
        about: "1 MB answers over TLS 1.3, 16 kept-alive clients",
        kind: Kind::Tls,
        clients: 16,
        path: "/1m",
        ..SMALL
    },
    Scenario {
        name: "tls-handshakes",
        about: "a full handshake (P-256, X25519) for each request, 32 clients",
        kind: Kind::TlsClosing,
        load: Clients::Fresh,
        ..SMALL
    },
    Scenario {
        name: "tls-resumed",
        about: "a resumed handshake for each request, one client",
        kind: Kind::TlsClosing,
        load: Clients::Resuming,
        ..SMALL
    },
];

const SMALL: Scenario = Scenario {
    name: "",
    about: "",
    kind: Kind::Http,
    clients: 32,
    path: "/",
    load: Clients::Kept,
    count_syscalls: false,
    headers: &[],
};

// === impl Kind ===

impl Kind {
    /// True where clients speak TLS.
    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Kind::Tls | Kind::TlsClosing | Kind::IdleTls)
    }

    /// The configuration for HAProxy and Weir.
    pub(crate) fn haproxy(self) -> String {
        let (mode, option, line) = match self {
            Kind::Http | Kind::Closing | Kind::Rules | Kind::Farm | Kind::Tls | Kind::TlsClosing => {
                ("http", "httplog", "")
            }
            Kind::TcpChecks => ("http", "httplog", "default-server check inter 2s"),
            Kind::HttpChecks => ("http", "httplog", "default-server check inter 2s\n    option httpchk"),
            Kind::Idle | Kind::IdleTls => ("http", "httplog", "http-reuse always"),
            Kind::Tcp => ("tcp", "tcplog", ""),
        };
        let lines: String = match self {
            Kind::Closing | Kind::TlsClosing => "    balance roundrobin\n".to_owned() + &servers(8),
            Kind::Farm => "    balance leastconn\n".to_owned() + &servers(1000),
            Kind::TcpChecks | Kind::HttpChecks => "    balance roundrobin\n".to_owned() + &servers(10_000),
            _ => "    server s1 {origin}\n".to_owned(),
        };
        let rules = if self == Kind::Rules { rules::LINES } else { "" };
        // HAProxy wants descriptors for all checks at once beside those of the connections.
        let maxconn = if matches!(self, Kind::TcpChecks | Kind::HttpChecks) { 1000 } else { 9000 };
        let tls = if self.is_tls() { " ssl crt {certificate}" } else { "" };
        format!(
            "global
    nbthread 1
    maxconn {maxconn}
    log {{log}} local0
    ssl-default-bind-curves X25519

defaults
    log global
    mode {mode}
    option {option}
    option dontlognull
    timeout connect 5s
    timeout client 50s
    timeout server 50s

frontend fe
    bind {{fe}}{tls}
{rules}    default_backend be

backend be
    {line}
{lines}"
        )
    }
}

/// So many servers at the addresses of the origin.
fn servers(count: usize) -> String {
    let server = |n| format!("    server s{n} 127.0.0.{}:{{origin.port}}\n", n % 8 + 1);
    (1..=count).map(server).collect()
}

/// The HTTP configuration for nginx. Its TCP mode is a module that is packaged apart, so it stays out there.
pub(crate) const NGINX: &str = "worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log crit;
events { worker_connections 18000; }
http {
    access_log syslog:server={log} combined;
    keepalive_requests 1000000;
    keepalive_timeout 50s;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    upstream be { server {origin}; keepalive 256; keepalive_requests 1000000; }
    server {
        listen {fe} reuseport;
        location / { proxy_pass http://be; proxy_http_version 1.1; proxy_set_header Connection \"\"; }
    }
}
";
