//! Backends of `mode log`: which of their servers gets which line, and in which form (manual, 4.2 "mode log").

use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::LogSink;

/// Frontends, the lines of their log backends, and the servers that get the lines of twelve requests; `?` for any.
const CASES: [(&str, &str, &str); 7] = [
    ("turns", "balance roundrobin", "101210121012"),
    ("stuck", "balance sticky", "000000000000"),
    ("any", "balance random", "????????????"),
    ("unsaid", "", "????????????"),
    ("whole", "balance log-hash lower", "202010112120"),
    ("part", "balance log-hash field(2,/)", "020101111202"),
    ("function", "balance log-hash field(2,/)\n hash-type map-based crc32", "121111010212"),
];

#[test]
fn lines_are_spread_over_log_servers_as_balance_says() {
    compat(|t| {
        let sinks: Vec<LogSink> = ["s0", "s1", "s2"].iter().map(|name| t.sink(name)).collect();
        let mut config = String::from(
            "defaults\n mode http\n timeout client 10s\n timeout server 10s\n timeout connect 10s\n",
        );
        for (name, lines, _) in CASES {
            config += &format!(
                "frontend {name}\n bind {{{name}}}\n log-format \"{name} req %HU x\"\n \
                 log backend@l_{name} local0\n http-request return status 200\n\
                 backend l_{name}\n mode log\n {lines}\n server s0 udp@{{s0}}\n \
                 server s1 udp@{{s1}} weight 2\n server s2 udp@{{s2}}\n"
            );
        }
        let mut proxy = t.start(&config);
        for (name, _, wanted) in CASES {
            let mut client = proxy.client(name);
            for n in 0..wanted.len() {
                let path = n * 7 % 10;
                client.send(format!("GET /{path} HTTP/1.1\r\nhost: a\r\n\r\n"));
                assert_eq!(client.recv_message().head.status(), 200);
                let (server, line) = whose(&sinks);
                assert!(
                    line.starts_with("<134>") && line.ends_with(&format!(": {name} req /{path} x\n")),
                    "{line}"
                );
                let expected = wanted.as_bytes()[n];
                // What is hashed names the frontend here, where the whole line is.
                if expected != b'?' && name != "whole" {
                    assert_eq!(server, usize::from(expected - b'0'), "{name} {n}");
                }
            }
        }
    });
}

/// Servers that are reached over a stream get lines one after the other, in either framing.
#[test]
fn log_servers_may_be_reached_over_a_stream() {
    compat(|t| {
        let (plain, counted) = (t.origin("plain"), t.origin("counted"));
        let mut proxy = t.start(
            "
            defaults
                mode http
                timeout client 10s
                timeout server 10s
                timeout connect 10s
            frontend fe
                bind {fe}
                log-format \"req %HU\"
                log backend@a format raw local0
                log backend@b len 100 format priority local3
                http-request return status 200
            backend a
                mode log
                server s {plain}
            backend b
                mode log
                server s {counted} log-proto octet-count log-bufsize 20000
            ",
        );
        let mut client = proxy.client("fe");
        for _ in 0..2 {
            client.send("GET /x HTTP/1.1\r\nhost: a\r\n\r\n");
            assert_eq!(client.recv_message().head.status(), 200);
        }
        plain.accept().expect("req /x\nreq /x\n");
        counted.accept().expect("11 <158>req /x11 <158>req /x");
    });
}

/// A server that is taken out gets nothing more.
#[test]
fn lines_go_past_servers_that_are_down() {
    compat(|t| {
        let sinks: Vec<LogSink> = ["s0", "s1"].iter().map(|name| t.sink(name)).collect();
        let mut proxy = t.start(
            "
            global
                stats socket {dir}/admin.sock level admin
            defaults
                mode http
                timeout client 10s
                timeout server 10s
                timeout connect 10s
            frontend fe
                bind {fe}
                log backend@l local0
                http-request return status 200
            backend l
                mode log
                balance sticky
                server s0 udp@{s0}
                server s1 udp@{s1}
            ",
        );
        let mut client = proxy.client("fe");
        for (command, wanted) in [("", 0), ("disable server l/s0", 1), ("enable server l/s0", 1)] {
            if !command.is_empty() {
                proxy.admin(command);
            }
            client.send("GET /x HTTP/1.1\r\nhost: a\r\n\r\n");
            assert_eq!(client.recv_message().head.status(), 200);
            assert_eq!(whose(&sinks).0, wanted, "{command}");
        }
    });
}

/// The sink that gets the next line, and the line.
fn whose(sinks: &[LogSink]) -> (usize, String) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        for (at, sink) in sinks.iter().enumerate() {
            if let Some(line) = sink.try_next(Duration::from_millis(10)) {
                return (at, line);
            }
        }
    }
    panic!("no line came");
}
