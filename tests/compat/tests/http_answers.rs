//! Answers of the proxy's own, byte for byte, with the log line that says who is to blame.

use std::time::Duration;
use weir_compat::{Proxy, compat, retort, table};
use weir_testkit::mask;

const GET: &str = "GET /path HTTP/1.1\r\nHost: h\r\n\r\n";

/// The part of a masked `httplog` line after the date.
fn after_date(line: &str) -> String {
    let masked = mask::log_line(line);
    masked.split(' ').skip(4).collect::<Vec<_>>().join(" ")
}

/// The whole answer and the log line after it.
fn said(answer: &str, line: &str) -> String {
    format!("{answer}{}", after_date(line))
}

#[test]
fn a_bad_request_is_answered_with_400() {
    compat(|t| {
        let _server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().logged().text());
        let rows = [
            (
                "GET / HTTP/1.1\r\nbad header\r\n\r\n",
                "HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\nfe fe/<NOSRV> -1/-1/-1/-1/T 400 0 - - PR-- 1/1/0/0/0 0/0 \"<BADREQ>\"",
            ),
            (
                "nonsense\r\n\r\n",
                "HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\nfe fe/<NOSRV> -1/-1/-1/-1/T 400 0 - - PR-- 1/1/0/0/0 0/0 \"<BADREQ>\"",
            ),
        ];
        table(&rows, |request| said(&retort(&mut proxy, request), &log.next()));
    });
}

#[test]
fn a_head_that_does_not_come_is_answered_with_408() {
    compat(|t| {
        let _server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().defaults("timeout http-request 300ms").logged().text());
        let rows = [
            (
                "GET / HTTP/1.1\r\nHost:",
                "HTTP/1.1 408 Request Time-out\r\nContent-length: 110\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html><body><h1>408 Request Time-out</h1>\nYour browser didn't send a complete request in time.\n</body></html>\nfe fe/<NOSRV> -1/-1/-1/-1/T 408 0 - - cR-- 1/1/0/0/0 0/0 \"<BADREQ>\"",
            ),
            (
                " ",
                "HTTP/1.1 408 Request Time-out\r\nContent-length: 110\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html><body><h1>408 Request Time-out</h1>\nYour browser didn't send a complete request in time.\n</body></html>\nfe fe/<NOSRV> -1/-1/-1/-1/T 408 0 - - cR-- 1/1/0/0/0 0/0 \"<BADREQ>\"",
            ),
        ];
        table(&rows, |request| said(&retort(&mut proxy, request.trim_start()), &log.next()));
    });
}

#[test]
fn silence_is_not_answered_with_http_ignore_probes() {
    compat(|t| {
        let _server = t.origin("srv");
        let log = t.sink("log");
        let options = "timeout http-request 200ms\noption http-ignore-probes\noption dontlognull";
        let mut proxy = t.start(&Proxy::http().defaults(options).logged().text());
        assert_eq!(retort(&mut proxy, ""), "");
        log.expect_silence(Duration::from_millis(100));
    });
}

#[test]
fn an_idle_kept_alive_client_is_closed_without_a_word() {
    compat(|t| {
        let server = t.origin("srv").answer_all("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().defaults("timeout http-keep-alive 200ms").logged().text());
        let mut client = proxy.client("fe");
        client.send(GET).recv_message();
        client.expect_eof();
        log.next();
        log.expect_silence(Duration::from_millis(100));
        drop(server);
    });
}

#[test]
fn servers_that_fail_are_answered_for() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(
            &Proxy::http()
                .defaults("timeout server 300ms\nretries 1\ntimeout http-keep-alive 100ms")
                .logged()
                .text(),
        );
        let rows = [
            (
                "refuses to speak HTTP",
                "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\nfe be/s T/T/T/-1/T 502 0 - - PH-- 1/1/0/0/0 0/0 \"GET /path HTTP/1.1\"",
            ),
            (
                "",
                "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\nfe be/s T/T/T/-1/T 502 0 - - SH-- 1/1/0/0/0 0/0 \"GET /path HTTP/1.1\"",
            ),
            (
                "RESET",
                "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\nfe be/s T/T/T/-1/T 502 0 - - SH-- 1/1/0/0/0 0/0 \"GET /path HTTP/1.1\"",
            ),
            (
                "SILENCE",
                "HTTP/1.1 504 Gateway Time-out\r\ncontent-length: 92\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\nfe be/s T/T/T/-1/T 504 0 - - sH-- 1/1/0/0/0 0/0 \"GET /path HTTP/1.1\"",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabcfe be/s T/T/T/T/T 200 53 - - SD-- 1/1/0/0/0 0/0 \"GET /path HTTP/1.1\"",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
                "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\nfe be/s T/T/T/-1/T 502 0 - - PH-- 1/1/0/0/0 0/0 \"GET /path HTTP/1.1\"",
            ),
        ];
        table(&rows, |answer| {
            let mut client = proxy.client("fe");
            client.send(GET);
            let mut far = server.accept();
            far.recv_head();
            match answer {
                "RESET" => far.reset(),
                "SILENCE" => far.expect_closed().close(),
                text => far.send(text).close(),
            }
            let got = String::from_utf8_lossy(&client.recv_to_close()).into_owned();
            said(&got, &log.next())
        });
    });
}

#[test]
fn no_server_is_answered_with_503() {
    compat(|t| {
        let log = t.sink("log");
        let dead = "retries 1\ntimeout connect 200ms";
        let rows = [
            (
                "server s {dead}",
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\nfe be/s T/T/-1/-1/T 503 0 - - SC-- 1/1/0/0/1 0/0 \"GET / HTTP/1.0\"",
            ),
            (
                "server s {dead} disabled",
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\nfe be/<NOSRV> T/-1/-1/-1/T 503 0 - - SC-- 1/1/0/0/0 0/0 \"GET / HTTP/1.0\"",
            ),
            (
                "",
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\nfe be/<NOSRV> T/-1/-1/-1/T 503 0 - - SC-- 1/1/0/0/0 0/0 \"GET / HTTP/1.0\"",
            ),
        ];
        table(&rows, |servers| {
            let mut proxy = t.start(&Proxy::http().defaults(dead).servers(servers).logged().text());
            said(&retort(&mut proxy, "GET / HTTP/1.0\r\n\r\n"), &log.next())
        });
    });
}

#[test]
fn waiting_in_the_queue_ends_with_503() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text =
            Proxy::http().defaults("timeout queue 200ms").servers("server s {srv} maxconn 1").logged().text();
        let mut proxy = t.start(&text);
        let mut first = proxy.client("fe");
        first.send(GET);
        let _far = server.accept();
        table(
            &[(
                "GET / HTTP/1.0\r\n\r\n",
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\nfe be/<NOSRV> T/T/-1/-1/T 503 0 - - sQ-- 2/2/1/0/0 0/1 \"GET / HTTP/1.0\"",
            )],
            |request| said(&retort(&mut proxy, request), &log.next()),
        );
    });
}

#[test]
fn clients_that_leave_are_named_in_the_log() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy =
            t.start(&Proxy::http().defaults("option abortonclose\ntimeout client 300ms").logged().text());
        let rows = [
            ("before the head", "fe fe/<NOSRV> -1/-1/-1/-1/T 400 0 - - CR-- 1/1/0/0/0 0/0 \"<BADREQ>\""),
            (
                "while the server thinks",
                "fe be/s T/T/T/-1/T 400 0 - - CH-- 1/1/0/0/0 0/0 \"GET /path HTTP/1.1\"",
            ),
            ("in the answer", "fe be/s T/T/T/T/T 200 53 - - CD-- 1/1/0/0/0 0/0 \"GET /path HTTP/1.1\""),
            ("in the body", "fe be/s T/T/T/-1/T 400 0 - - cH-- 1/1/0/0/0 0/0 \"POST / HTTP/1.1\""),
        ];
        table(&rows, |case| {
            let mut client = proxy.client("fe");
            match case {
                "before the head" => client.send("GET / HT").close(),
                "while the server thinks" => {
                    client.send(GET);
                    let mut far = server.accept();
                    far.recv_head();
                    client.close();
                    far.expect_closed();
                }
                "in the answer" => {
                    client.send(GET);
                    let mut far = server.accept();
                    far.recv_head();
                    far.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
                    client.recv_head();
                    client.reset();
                    far.expect_closed();
                }
                _ => {
                    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
                    let mut far = server.accept();
                    far.recv_head();
                    client.recv_to_close();
                }
            }
            after_date(&log.next())
        });
    });
}

#[test]
fn error_pages_and_redirects_replace_the_answers() {
    compat(|t| {
        t.file(
            "e503.http",
            "HTTP/1.0 503 Sorry\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy",
        );
        t.file("raw.http", "HTTP/1.1 503 Later\r\nX-Y: z\r\nContent-Type: text/plain\r\n\r\nno length\n");
        let rows = [
            (
                "errorfile 503 {dir}/e503.http",
                "HTTP/1.0 503 Sorry\r\ncontent-type: text/plain\r\ncontent-length: 4\r\nconnection: keep-alive\r\n\r\nbusy",
            ),
            (
                "errorfile 503 {dir}/raw.http",
                "HTTP/1.1 503 Later\r\nx-y: z\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nno length\n",
            ),
            (
                "errorloc 503 http://sorry/",
                "HTTP/1.1 302 Found\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: http://sorry/\r\n\r\n",
            ),
            (
                "errorloc302 503 /sorry",
                "HTTP/1.1 302 Found\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: /sorry\r\n\r\n",
            ),
            (
                "errorloc303 503 http://sorry/a?b",
                "HTTP/1.1 303 See Other\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: http://sorry/a?b\r\n\r\n",
            ),
            (
                "errorfiles pages",
                "HTTP/1.0 503 Sorry\r\ncontent-type: text/plain\r\ncontent-length: 4\r\nconnection: keep-alive\r\n\r\nbusy",
            ),
            (
                "errorfiles pages 503",
                "HTTP/1.0 503 Sorry\r\ncontent-type: text/plain\r\ncontent-length: 4\r\nconnection: keep-alive\r\n\r\nbusy",
            ),
            (
                "errorfiles pages 404",
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
            ),
        ];
        table(&rows, |line| {
            let pages = "http-errors pages\n errorfile 503 {dir}/e503.http\n errorfile 404 {dir}/raw.http\n";
            let text = Proxy::http()
                .defaults("timeout http-keep-alive 100ms")
                .servers("")
                .frontend(line)
                .sections(pages)
                .text();
            retort(&mut t.start(&text), GET)
        });
    });
}

#[test]
fn monitor_uri_answers_for_the_frontend() {
    compat(|t| {
        let _server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().frontend("monitor-uri /alive").logged().text());
        let rows = [
            (
                "GET /alive HTTP/1.0\r\n\r\n",
                "HTTP/1.1 200 OK\r\ncontent-length: 58\r\ncache-control: no-cache\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n",
            ),
            (
                "HEAD /alive HTTP/1.0\r\n\r\n",
                "HTTP/1.1 200 OK\r\ncontent-length: 58\r\ncache-control: no-cache\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n",
            ),
        ];
        table(&rows, |request| retort(&mut proxy, request));
        log.expect_silence(Duration::from_millis(50));
    });
}

#[test]
fn a_head_larger_than_the_buffer_is_refused() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let long = "x".repeat(20_000);
        let mut proxy = t.start(&Proxy::http().logged().text());
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\nLong: {long}\r\n\r\n");
        table(
            &[(
                "",
                "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-length: 105\r\nCache-Control: no-cache\r\nContent-Type: text/html\r\n\r\n<html><body><h1>431 Request Header Fields Too Large</h1>\nRequest Header Fields Too Large.\n</body></html>\nfe fe/<NOSRV> -1/-1/-1/-1/T 431 0 - - PR-- 1/1/0/0/0 0/0 \"<BADREQ>\".",
            )],
            |_| said(&retort(&mut proxy, &request), &log.next()) + ".",
        );
        let mut client = proxy.client("fe");
        client.send(GET);
        let mut far = server.accept();
        far.recv_head();
        far.send(format!("HTTP/1.1 200 OK\r\nLong: {long}\r\nContent-Length: 0\r\n\r\n"))
            .patience(Duration::from_secs(1));
        table(
            &[(
                "a",
                "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\nfe be/s T/T/T/-1/T 502 0 - - PH-- 1/1/0/0/0 0/0 \"GET /path HTTP/1.1\"",
            )],
            |_| {
                let answer = client.recv_message().text();
                said(&answer, &log.next())
            },
        );
    });
}

#[test]
fn too_many_header_lines_are_refused() {
    compat(|t| {
        let _server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().global("tune.http.maxhdr 8").text());
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(20));
        assert!(retort(&mut proxy, &request).starts_with("HTTP/1.1 400 Bad request\r\n"));
    });
}
