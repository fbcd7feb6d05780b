//! Who ended a request, and when: the termination state, the times and the counters of its log line.

use std::time::Duration;
use weir_compat::{Proxy, compat, table};
use weir_testkit::{LogSink, Origin, Running, mask};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// What a line says behind the date, times masked.
fn ending(log: &LogSink) -> String {
    let line = mask::log_line(&log.next());
    line.split_once("[DATE] ").map_or(line.clone(), |(_, rest)| rest.to_owned())
}

/// Sends a request that no server sees, waits for the end, and gives the line.
fn unserved(proxy: &mut Running, log: &LogSink, request: &str) -> String {
    let mut client = proxy.client("fe");
    client.send(request);
    let line = ending(log);
    client.close_after_peer();
    line
}

/// The same where a server answers in its way, given as bytes after which it closes; `hold` keeps it open.
fn served(proxy: &mut Running, server: &Origin, log: &LogSink, answer: &str, hold: bool) -> String {
    let mut client = proxy.client("fe");
    client.send(GET);
    let mut far = server.accept();
    far.recv_head();
    far.send(answer);
    if !hold {
        far.close();
    }
    let line = ending(log);
    client.close();
    line
}

#[test]
fn refused_requests_name_the_blame_and_no_server() {
    compat(|t| {
        let _server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().defaults("timeout http-request 300ms").logged().text());
        let bad = "fe fe/<NOSRV> -1/-1/-1/-1/T 400 0 - - PR-- 1/1/0/0/0 0/0 \"<BADREQ>\"";
        let late = "fe fe/<NOSRV> -1/-1/-1/-1/T 408 0 - - cR-- 1/1/0/0/0 0/0 \"<BADREQ>\"";
        let rows = [
            ("GARBAGE\r\n\r\n", bad),
            ("GET / HTTP/1.1\r\nHost h\r\n\r\n", bad),
            ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", bad),
            ("GET / HTTP/1.1\r\nHo", late),
            ("", late),
        ];
        table(&rows, |request| unserved(&mut proxy, &log, request));
    });
}

#[test]
fn servers_that_fail_are_blamed_for_it() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text = Proxy::http().defaults("timeout server 300ms\nretries 0").logged().text();
        let mut proxy = t.start(&text);
        let line =
            |status, tail| format!("fe be/s T/T/T/{status} - - {tail} 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"");
        let rows = [
            ("", line("-1/T 502 0", "SH--")),
            ("junk\r\n\r\n", line("-1/T 502 0", "PH--")),
            ("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", line("T/T 200 55", "SD--")),
            ("HTTP/1.1 200 OK\r\n\r\nhello", line("T/T 200 39", "----")),
        ];
        for (answer, wanted) in &rows {
            assert_eq!(&served(&mut proxy, &server, &log, answer, false), wanted, "for {answer:?}");
        }
        let held = [
            ("", line("-1/T 504 0", "sH--")),
            ("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", line("T/T 200 55", "sD--")),
        ];
        for (answer, wanted) in &held {
            assert_eq!(&served(&mut proxy, &server, &log, answer, true), wanted, "for {answer:?}");
        }
    });
}

#[test]
fn servers_that_are_not_there_leave_stages_unreached() {
    compat(|t| {
        let log = t.sink("log");
        let rows = [
            ("server s {dead}", "fe be/s T/T/-1/-1/T 503 0 - - SC-- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\""),
            (
                "server s {dead} disabled",
                "fe be/<NOSRV> T/-1/-1/-1/T 503 0 - - SC-- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"",
            ),
            ("", "fe be/<NOSRV> T/-1/-1/-1/T 503 0 - - SC-- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\""),
        ];
        table(&rows, |servers| {
            let text = Proxy::http().defaults("retries 0").servers(servers).logged().text();
            unserved(&mut t.start(&text), &log, GET)
        });
    });
}

#[test]
fn a_full_server_makes_others_wait_and_give_up() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text = Proxy::http()
            .defaults("timeout queue 200ms\ntimeout server 5s")
            .servers("server s {srv} maxconn 1")
            .logged()
            .text();
        let mut proxy = t.start(&text);
        let mut first = proxy.client("fe");
        first.send(GET);
        let mut far = server.accept();
        far.recv_head();
        let mut second = proxy.client("fe");
        second.send(GET).recv_message();
        assert_eq!(ending(&log), "fe be/<NOSRV> T/T/-1/-1/T 503 0 - - sQ-- 2/2/1/0/0 0/1 \"GET / HTTP/1.1\"");
        second.close();
        far.send(OK);
        first.recv_message();
        assert_eq!(ending(&log), "fe be/s T/T/T/T/T 200 51 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"");
    });
}

#[test]
fn sizes_count_the_parts_of_heads_and_bodies_without_their_framing() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text = Proxy::http().frontend("log {log} format raw local0\nlog-format \"%ST %B %U\"").text();
        let mut proxy = t.start(&text);
        let rows = [
            (OK, "200 51 38\n"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "200 61 38\n"),
            ("HTTP/1.1 204 No Content\r\n\r\n", "204 42 38\n"),
            ("HTTP/1.1 304 Not Modified\r\n\r\n", "304 44 38\n"),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 91 38\n"),
        ];
        table(&rows, |answer| {
            let mut client = proxy.client("fe");
            client.send(GET);
            let mut far = server.accept();
            far.recv_head();
            far.send(answer).close();
            let line = log.next();
            client.close();
            line
        });
    });
}

#[test]
fn requests_of_one_connection_get_a_line_each_and_its_end_none() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().logged().text());
        let mut client = proxy.client("fe");
        client.send(GET);
        let mut far = server.accept();
        for _ in 0..3 {
            far.recv_head();
            far.send(OK);
            client.recv_message();
            client.send(GET);
        }
        far.recv_head();
        far.send(OK);
        client.recv_message();
        client.close();
        for _ in 0..4 {
            assert_eq!(ending(&log), "fe be/s T/T/T/T/T 200 51 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"");
        }
        log.expect_silence(Duration::from_millis(150));
    });
}

#[test]
fn connections_without_a_request_are_logged_unless_told_otherwise() {
    compat(|t| {
        let _server = t.origin("srv");
        let log = t.sink("log");
        let line = "fe fe/<NOSRV> -1/-1/-1/-1/T 400 0 - - CR-- 1/1/0/0/0 0/0 \"<BADREQ>\"";
        for (option, request, logged) in [
            ("", "", true),
            ("option dontlognull", "", false),
            ("option dontlognull", "GET /", true),
            ("option http-ignore-probes", "", false),
        ] {
            let mut proxy = t.start(&Proxy::http().defaults(option).logged().text());
            while log.try_next(Duration::from_millis(50)).is_some() {} // The harness looked whether it listens.
            let mut client = proxy.client("fe");
            client.send(request);
            client.close();
            if logged {
                assert_eq!(ending(&log), line, "{option} {request}");
            } else {
                log.expect_silence(Duration::from_millis(150));
            }
        }
    });
}

#[test]
fn what_came_to_nothing_is_told_by_the_format() {
    const BAD: &str = "BAD\r\n\r\n";
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = t.start(
            "
            global
                nbthread 1
            defaults
                log {log} format raw local0
                timeout client 5s
                option dontlognull
            listen tcp_plain
                mode tcp
                bind {tcp_plain}
                tcp-request content reject
            listen tcp_line
                mode tcp
                bind {tcp_line}
                option tcplog
                tcp-request inspect-delay 5s
                tcp-request content reject if { req.len gt 0 }
            listen http_plain
                mode http
                bind {http_plain}
            listen http_line
                mode http
                bind {http_line}
                option httplog
                capture request header Host len 5
                capture response header Server len 5
                cookie S insert
            frontend buffered
                mode http
                bind {buffered}
                option httplog
                option http-buffer-request
        ",
        );
        while log.try_next(Duration::from_millis(200)).is_some() {} // The harness looked whether it listens.
        for (to, request, expected) in [
            ("tcp_plain", "", "Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (tcp_plain/TCP)"),
            ("tcp_line", "x", "tcp_line tcp_line/<NOSRV> -1/-1/T 0 PR 1/1/0/0/0 0/0"),
            ("http_plain", BAD, ""),
            ("http_plain", GET, "Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (http_plain/HTTP)"),
            (
                "http_line",
                BAD,
                "http_line http_line/<NOSRV> -1/-1/-1/-1/T 400 0 - - PR-- 1/1/0/0/0 0/0 \"<BADREQ>\"",
            ),
            (
                "http_line",
                GET,
                "http_line http_line/<NOSRV> T/-1/-1/-1/T 503 0 - - SCNN 1/1/0/0/0 0/0 {h} {} \"GET / HTTP/1.1\"",
            ),
            (
                "buffered",
                GET,
                "buffered buffered/<NOSRV> T/-1/-1/-1/T 503 0 - - SC-- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"",
            ),
        ] {
            let mut client = proxy.client(to);
            client.send(request);
            if expected.is_empty() {
                client.recv_head();
                log.expect_silence(Duration::from_millis(150));
            } else {
                assert_eq!(ending(&log), expected, "{to} {request:?}");
            }
            client.close_after_peer(); // The next line counts the connections that are left.
        }
    });
}

#[test]
fn a_unique_id_is_made_once_for_header_and_line() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let lines = "log {log} format raw local0\nlog-format \"%ID %ST\"\n\
                     unique-id-format %{+X}ci-%rt-%Ts\nunique-id-header X-Id";
        let mut proxy = t.start(&Proxy::http().frontend(lines).text());
        let mut client = proxy.client("fe");
        client.send(GET);
        let mut far = server.accept();
        let head = far.recv_head();
        far.send(OK);
        client.recv_message();
        let line = log.next();
        let id = line.split(' ').next().unwrap_or_default();
        assert!(id.starts_with("7F000001-"), "{line}");
        assert_eq!(head.header("x-id").as_deref(), Some(id));
    });
}

/// The tuple of a line. Whether the end of a stream comes with its last bytes or after them is a race.
fn events(log: &LogSink) -> String {
    let line = log.next();
    line.rsplit(' ').next().unwrap_or_default().trim_end().replace('B', "2")
}

#[test]
fn events_tell_what_ended_a_request_layer_by_layer() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text = Proxy::http()
            .defaults("timeout server 300ms\nretries 0\nlog global\nlog-format \"%B %[term_events]\"")
            .global("log {log} local0")
            .frontend(
                "http-request deny if { path /deny }\nuse_backend none if { path /none }\n\
                 use_backend dead if { path /dead }",
            )
            .backend("http-response deny if { status 201 }")
            .sections("backend none\nbackend dead\n    server s {dead}\n")
            .text();
        let mut proxy = t.start(&text);
        let request = |path: &str, lines: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        let rows = [
            (request("/deny", ""), "{,,e1,s8S1s1,,-,-}"),
            (request("/deny", "Connection: close\r\n"), "{f1,m1,e1,s8S1s1,,-,-}"),
            (request("/none", ""), "{,,e1,S1s1,,-,-}"),
            (request("/dead", ""), "{,,e1,S1s1,,,F7}"),
            ("GARBAGE\r\n\r\n".to_owned(), "{,m9,-,-,-,-,-}"),
        ];
        for (request, wanted) in &rows {
            let mut client = proxy.client("fe");
            client.send(request);
            assert_eq!(&events(&log), wanted, "{request:?}");
        }
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello";
        let rows = [
            (OK, "", false, "{,,e1,s1S1,E1,,}"),
            (OK, "Connection: close\r\n", false, "{f1,m1,e1,s1S1,E1,,}"),
            ("", "", true, "{,,e1,S5s1,E5E1,M5M1,F2F1}"),
            ("", "", false, "{,,e1,S7S1s1,E1,M1,F1}"),
            ("junk\r\n\r\n", "", false, "{,,e1,S6S1S9s1,E9E1,M1,F1}"),
            (half, "", true, "{f1,m1,e1,S5s1,E5E1,M5M1,F2F1}"),
            (half, "", false, "{f1,m1,e1,S7S1s1,E1,M1,F1}"),
            ("HTTP/1.1 200 OK\r\n\r\nhello", "", true, "{f1,m1,e1,S2s1,E2E1,M2M1,F2F1}"),
            (
                "HTTP/1.1 201 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                "",
                false,
                "{,,e1,S8S1s1,E1,M1,F1}",
            ),
        ];
        for (answer, lines, closes, wanted) in rows {
            let mut client = proxy.client("fe");
            client.send(request("/", lines));
            let mut far = server.accept();
            far.recv_head();
            far.send(answer);
            if closes {
                far.close();
            }
            assert_eq!(events(&log), wanted, "{answer:?} {lines:?} {closes}");
        }
    });
}

#[test]
fn events_tell_of_clients_that_leave() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let logged = "log global\nlog-format \"%B %[term_events]\"";
        let text = Proxy::http().defaults(logged).global("log {log} local0").text();
        let mut proxy = t.start(&text);
        let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
        let rows = [(GET, "{f2f1,m2m1,e2e1,s2S1s1,E1,M1,F1}"), (post, "{f2f1,m5m1,e5e1,s5s1S1,E1,M1,F1}")];
        for (request, wanted) in rows {
            let mut client = proxy.client("fe");
            client.send(request);
            let mut far = server.accept();
            far.recv_head();
            client.close();
            assert_eq!(events(&log), wanted, "{request:?}");
        }
        let mut client = proxy.client("fe");
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
        let mut far = server.accept();
        far.recv_head();
        far.expect("2\r\nab\r\n");
        client.send("zz\r\n");
        assert_eq!(events(&log), "{f1,m1,e9e1,s6s1s9S1,E1,M1,F1}");
        drop(proxy);
        let mut proxy = t.start(&Proxy::tcp().defaults(logged).global("log {log} local0").text());
        let rows = [
            (true, "{f2f1,m2m1,e1,s2S1S2s1,E1,M1M2M1,F1F2}"),
            (false, "{f1f2,m1m2m1,e1,S2s1s2S1,E1,M2M1,F2F1}"),
        ];
        for (client_first, wanted) in rows {
            let mut client = proxy.client("fe");
            let mut far = server.accept();
            client.send("question");
            far.expect("question").send("answer");
            client.expect("answer");
            let (first, last) = if client_first { (&mut client, &mut far) } else { (&mut far, &mut client) };
            first.shutdown_write();
            last.expect_eof().shutdown_write();
            assert_eq!(events(&log), wanted, "{client_first}");
        }
    });
}
