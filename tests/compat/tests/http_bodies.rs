//! HTTP/1: bodies of every size and pace, pipelines with them, and answers that come before they end.

use std::time::Duration;
use weir_compat::{Proxy, compat, relay, retort, table};
use weir_testkit::{Message, mask};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|n| b'a' + (n % 23) as u8).collect()
}

/// What a chunked body carries, its framing taken off.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(end) = body.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        data.extend(&body[end + 2..end + 2 + size]);
        if size == 0 {
            break;
        }
        body = &body[end + 4 + size..];
    }
    data
}

#[test]
fn bodies_of_all_sizes_reach_the_server_whole() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().global("tune.bufsize 16384").text());
        for size in [0, 1, 15_359, 15_360, 16_383, 16_384, 16_385, 70_000, 5_000_000] {
            let body = bytes(size);
            let mut client = proxy.client("fe");
            let seen: Message = std::thread::scope(|scope| {
                let far = scope.spawn(|| {
                    let mut far = server.accept();
                    let seen = far.recv_message();
                    far.send(OK);
                    seen
                });
                client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"));
                client.send(&body);
                assert_eq!(client.recv_message().body, b"hi");
                far.join().unwrap()
            });
            assert_eq!(seen.head.header("content-length"), Some(size.to_string()));
            assert!(seen.body == body, "{size}");
        }
    });
}

#[test]
fn bodies_of_all_sizes_reach_the_client_whole() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        for size in [0, 1, 16_383, 16_384, 100_000, 5_000_000] {
            for framing in ["length", "chunked", "close"] {
                let body = bytes(size);
                let mut client = proxy.client("fe");
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                let mut far = server.accept();
                far.recv_head();
                let got = std::thread::scope(|scope| {
                    scope.spawn(|| match framing {
                        "length" => {
                            far.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n"))
                                .send(&body);
                        }
                        "chunked" => {
                            far.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                            for piece in body.chunks(50_000) {
                                far.send(format!("{:x}\r\n", piece.len())).send(piece).send("\r\n");
                            }
                            far.send("0\r\n\r\n");
                        }
                        _ => {
                            far.send("HTTP/1.1 200 OK\r\n\r\n").send(&body).shutdown_write();
                        }
                    });
                    client.recv_message().body
                });
                let got = if framing == "chunked" { unchunked(&got) } else { got };
                assert!(got == body, "{size} {framing}");
            }
        }
    });
}

#[test]
fn pieces_of_a_chunked_upload_are_passed_on_as_they_come() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut far = server.accept();
        far.recv_head();
        for (sent, seen) in [
            ("3\r\nabc\r\n", "3\r\nabc\r\n"),
            ("1", ""),
            ("0\r\n0123456789abcdef", "10\r\n0123456789abcdef\r\n"),
        ] {
            client.send(sent);
            if seen.is_empty() {
                far.expect_silence(Duration::from_millis(50));
            }
            far.expect(seen);
        }
        client.send("\r\n0\r\n\r\n");
        far.expect("0\r\n\r\n").send(OK);
        assert_eq!(client.recv_message().body, b"hi");
    });
}

#[test]
fn requests_with_bodies_can_be_pipelined() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client.send(
            "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /4 HTTP/1.1\r\nHost: a\r\n\r\nGET /5 HTTP/1.0\r\n\r\n",
        );
        let mut far = server.accept();
        for (line, body) in [
            ("POST /1 HTTP/1.1", "abc"),
            ("POST /2 HTTP/1.1", "2\r\nde\r\n0\r\n\r\n"),
            ("GET /3 HTTP/1.1", ""),
            ("HEAD /4 HTTP/1.1", ""),
            ("GET /5 HTTP/1.0", ""),
        ] {
            let seen = far.recv_message();
            assert_eq!((seen.head.start_line().as_str(), seen.body.as_slice()), (line, body.as_bytes()));
            far.send(if line.starts_with("HEAD") { OK.trim_end_matches("hi") } else { OK });
        }
        for number in 1..=5 {
            let head = client.recv_head();
            assert_eq!(head.status(), 200, "{number}");
            if number != 4 {
                client.expect("hi");
            }
        }
        client.expect_eof();
    });
}

#[test]
fn the_rest_of_a_pipeline_waits_for_the_answer_before() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        assert_eq!(far.recv_head().start_line(), "GET /1 HTTP/1.1");
        far.expect_silence(Duration::from_millis(60));
        server.expect_nobody(Duration::from_millis(20));
        far.send(OK);
        assert_eq!(far.recv_head().start_line(), "GET /2 HTTP/1.1");
    });
}

#[test]
fn an_answer_before_the_end_of_the_upload_reaches_the_client() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().logged().text());
        let mut client = proxy.client("fe");
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nstart");
        let mut far = server.accept();
        far.recv_head();
        far.expect("start");
        far.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
            .close_after_peer();
        let got = client.recv_message();
        assert_eq!((got.head.status(), got.body.as_slice()), (413, b"big".as_slice()));
        client.expect_closed();
        let line = mask::log_line(&log.next());
        assert!(line.contains(" 413 "), "{line}");
    });
}

#[test]
fn a_server_that_closes_during_the_upload_is_answered_for() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().logged().text());
        let mut client = proxy.client("fe");
        client.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nstart");
        let mut far = server.accept();
        far.recv_head();
        far.expect("start").close();
        assert_eq!(client.recv_head().status(), 502);
        let line = mask::log_line(&log.next());
        assert!(line.contains(" 502 ") && line.contains(" SH-- "), "{line}");
    });
}

#[test]
fn a_client_that_leaves_during_the_upload_is_named() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().logged().text());
        let mut client = proxy.client("fe");
        client.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nstart");
        let mut far = server.accept();
        far.recv_head();
        far.expect("start");
        // Its one thread has come round, so that it reads the reset where it waits for more of the body.
        proxy.client("fe").send("BAD\r\n\r\n").recv_head();
        log.next();
        client.reset();
        far.expect_closed();
        let line = mask::log_line(&log.next());
        assert!(line.contains(" 400 0 - - CH-- "), "{line}");
    });
}

#[test]
fn a_slow_upload_ends_with_the_timeout_of_the_client() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().defaults("timeout client 300ms").logged().text());
        let mut client = proxy.client("fe");
        client.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nstart");
        let mut far = server.accept();
        far.recv_head();
        far.expect("start");
        assert_eq!(client.recv_head().status(), 400);
        far.expect_closed();
        let line = mask::log_line(&log.next());
        assert!(line.contains(" 400 ") && line.contains(" cH-- "), "{line}");
    });
}

#[test]
fn a_buffered_request_waits_for_its_body_or_a_full_buffer() {
    compat(|t| {
        let server = t.origin("srv");
        let defaults = "option http-buffer-request\ntimeout http-request 400ms";
        let mut proxy = t.start(&Proxy::http().defaults(defaults).text());
        let mut client = proxy.client("fe");
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
        server.expect_nobody(Duration::from_millis(100));
        client.send("def");
        let mut far = server.accept();
        assert_eq!(far.recv_message().body, b"abcdef");
        far.send(OK);
        client.recv_message();

        let mut client = proxy.client("fe");
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").send(bytes(40_000));
        let mut far = server.accept();
        far.recv_head();
        far.close();
        client.close();

        let late = retort(&mut proxy, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
        assert!(late.starts_with("HTTP/1.1 408 Request Time-out\r\n"), "{late}");
    });
}

#[test]
fn a_partial_head_is_given_up_after_timeout_http_request() {
    compat(|t| {
        let _server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().defaults("timeout http-request 300ms").logged().text());
        let rows = [("GET / HTTP/1.1\r\nHost: a\r\n", "408"), ("G", "408"), ("GET / HTTP/1.1\r\nHo", "408")];
        table(&rows, |start| {
            let answer = retort(&mut proxy, start);
            let line = mask::log_line(&log.next());
            assert!(line.contains("fe fe/<NOSRV> -1/-1/-1/-1/T 408 ") && line.contains(" cR-- "), "{line}");
            answer.get(9..12).unwrap_or_default().to_owned()
        });
    });
}

#[test]
fn who_falls_silent_is_not_waited_for_longer_than_timeout_client() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = t.start(SILENT);
        // The proxy and what its client says before it falls silent; the answer and what the log says.
        let rows = [
            ("head ", "408 head/<NOSRV> cR <BADREQ>"),
            ("head GET / HTTP/1.1\r\n", "408 head/<NOSRV> cR <BADREQ>"),
            ("body POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "408 body/<NOSRV> cR /"),
            ("buffer POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "408 buffer/<NOSRV> cR /"),
            ("front POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "408 back/<NOSRV> cR /"),
            ("look GET / HTTP/1.1\r\n", "408 look/<NOSRV> cR <BADREQ>"),
            ("tcp abc", " tcp/<NOSRV> cR "),
            ("tcp ", " tcp/<NOSRV> cR "),
        ];
        table(&rows, |row| {
            let (name, said) = row.split_once(' ').unwrap_or_default();
            let mut client = proxy.client(name);
            client.send(said);
            let answer = String::from_utf8_lossy(&client.recv_to_close()).into_owned();
            let line = log.next();
            let line = line.split_once("fe: ").map_or("", |(_, line)| line.trim_end_matches('\n'));
            format!("{} {line}", answer.get(9..12).unwrap_or_default())
        });
    });
}

/// A server, of which nobody hears, and rules that have much time to wait.
const SILENT: &str = "
    defaults
        mode http
        log {log} local0
        log-format \"fe: %b/%s %ts %HPO\"
        timeout client 300ms
        timeout http-request 8s
        timeout server 8s
        timeout connect 8s
    listen head
        bind {head}
        server s {dead}
    listen body
        bind {body}
        http-request wait-for-body time 8s
        server s {dead}
    listen buffer
        bind {buffer}
        option http-buffer-request
        server s {dead}
    frontend front
        bind {front}
        default_backend back
    backend back
        http-request wait-for-body time 8s
        server s {dead}
    listen look
        bind {look}
        tcp-request inspect-delay 8s
        tcp-request content accept if { req.len gt 100 }
        server s {dead}
    listen tcp
        mode tcp
        bind {tcp}
        log-format \"fe: %b/%s %ts \"
        tcp-request inspect-delay 8s
        tcp-request content accept if { req.len gt 100 }
        server s {dead}
    ";

#[test]
fn an_idle_client_is_given_timeout_http_keep_alive() {
    compat(|t| {
        let server = t.origin("srv");
        let defaults = "timeout http-keep-alive 300ms\ntimeout http-request 5s";
        let mut proxy = t.start(&Proxy::http().defaults(defaults).text());
        let mut client = proxy.client("fe");
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        far.recv_head();
        far.send(OK);
        client.recv_message();
        client.expect_silence(Duration::from_millis(100));
        client.patience(Duration::from_secs(2)).expect_eof();
    });
}

#[test]
fn continue_is_the_servers_word() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let request = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        let mut client = proxy.client("fe");
        client.send(request);
        let mut far = server.accept();
        far.recv_head();
        far.send("HTTP/1.1 417 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").close_after_peer();
        assert_eq!(client.recv_message().head.start_line(), "HTTP/1.1 417 No");

        let mut client = proxy.client("fe");
        client.send(request);
        let mut far = server.accept();
        far.recv_head();
        client.send("abc");
        far.expect("abc").send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        client.expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
}

#[test]
fn continue_is_our_word_where_the_body_is_waited_for() {
    compat(|t| {
        let server = t.origin("srv");
        let rules = "http-request wait-for-body time 10s if { path /rule }\n\
            http-request wait-for-body time 10s if { path /early }";
        let buffers = "option http-buffer-request";
        for (options, path, expect, left) in [
            (buffers, "/", "100-continue", ""),
            (buffers, "/", "100-Continue, foo", "expect:  foo\r\n"),
            (rules, "/rule", "100-continue", ""),
            (rules, "/early", "100-continue,100-continue", "expect: 100-continue\r\n"),
        ] {
            let mut proxy = t.start(&Proxy::http().frontend(options).text());
            let head =
                format!("PUT {path} HTTP/1.1\r\nHost: a\r\nExpect: {expect}\r\nContent-Length: 3\r\n\r\n");
            for early in [true, false] {
                let mut client = proxy.client("fe");
                client.send(&head);
                if early {
                    client.send("abc");
                }
                client.expect("HTTP/1.1 100 Continue\r\n\r\n");
                if !early {
                    client.send("abc");
                }
                let mut far = server.accept();
                far.expect(format!("PUT {path} HTTP/1.1\r\nhost: a\r\n{left}content-length: 3\r\n\r\nabc"));
                far.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                client.expect("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            }
        }
        // Only the first expectation counts, and it is none of HTTP/1.0.
        let mut proxy = t.start(&Proxy::http().frontend(buffers).text());
        for request in [
            "PUT / HTTP/1.1\r\nHost: a\r\nExpect: foo, 100-continue\r\nContent-Length: 3\r\n\r\nabc",
            "PUT / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        ] {
            let mut client = proxy.client("fe");
            client.send(request);
            let mut far = server.accept();
            assert_eq!(far.recv_message().body, b"abc");
            far.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            client.expect("HTTP/1.1 200 OK\r\n");
        }
    });
}

#[test]
fn what_came_before_the_trailers_is_passed_on() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n");
        let mut far = server.accept();
        far.expect("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n");
        client.send("\r\n");
        far.expect("0\r\nx: y\r\n\r\n").send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        client.expect("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
}

#[test]
fn what_follows_an_answer_without_a_body_is_the_next_answer() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        let mut far = None;
        for (method, answer) in [
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
            ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
            ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ] {
            client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
            let far = far.get_or_insert_with(|| server.accept());
            far.recv_head();
            far.send(answer);
            assert_eq!(client.recv_head().text().to_lowercase(), answer.to_lowercase());
        }
        server.expect_nobody(Duration::from_millis(20));
    });
}

#[test]
fn a_server_that_says_more_than_it_announced_is_cut_off() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let answers =
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        let mut client = proxy.client("fe");
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        far.recv_head();
        far.send(answers);
        assert_eq!(client.recv_message().body, b"hi");
        client.expect_silence(Duration::from_millis(30)).send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        assert_eq!(far.recv_head().start_line(), "GET /2 HTTP/1.1");
        far.send(OK);
        assert_eq!(client.recv_message().body, b"hi");
    });
}

#[test]
fn a_server_that_says_less_than_it_announced_is_seen_through() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().logged().text());
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ] {
            let mut client = proxy.client("fe");
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let mut far = server.accept();
            far.recv_head();
            far.send(answer).close();
            assert_eq!(client.recv_head().status(), 200);
            let rest = client.recv_to_close();
            assert!(String::from_utf8_lossy(&rest).contains("half"));
            let line = mask::log_line(&log.next());
            assert!(line.contains(" SD-- "), "{line}");
        }
    });
}

#[test]
fn a_request_in_two_versions_of_framing_is_passed_on_in_one() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let (seen, _) = relay(
            &mut proxy,
            &server,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
        assert_eq!(seen.head.header("content-length"), None);
        assert_eq!(seen.head.header("transfer-encoding").as_deref(), Some("chunked"));
        assert_eq!(seen.body, b"0\r\n\r\n");
    });
}

/// What comes on a connection within a moment: the status of an answer, and whether it has ended.
fn heard(client: &mut weir_testkit::Peer) -> String {
    let text = String::from_utf8_lossy(&client.recv_until_silence(Duration::from_millis(150))).into_owned();
    let statuses: Vec<&str> =
        text.match_indices("HTTP/1.1 ").filter_map(|(at, _)| text.get(at + 9..at + 12)).collect();
    format!("{}{}", statuses.join(" "), if client.has_ended() { " end" } else { "" })
}

#[test]
fn a_body_that_nobody_wants_is_read_before_the_next_request() {
    const LENGTH: &str = "Content-Length: 6\r\n\r\nab";
    const CHUNKS: &str = "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
    // The target and its head, what follows later, and what is heard before and behind.
    let rows = [
        ("/deny", LENGTH, "cdef", "403", "404"),
        ("/deny", CHUNKS, "4\r\ncdef\r\n0\r\n\r\n", "403", "404"),
        ("/deny", CHUNKS, "4\r\ncdef\r\n0\r\nX-T: v\r\n\r\n", "403", "404"),
        ("/deny", CHUNKS, "zz\r\n", "403", " end"),
        ("/deny", "Connection: close\r\nContent-Length: 6\r\n\r\nab", "cdef", "403", " end"),
        ("/deny", "Expect: 100-continue\r\nContent-Length: 6\r\n\r\n", "abcdef", "403", "404"),
        ("/return", LENGTH, "cdef", "404", "404"),
        ("/redirect", CHUNKS, "4\r\ncdef\r\n0\r\n\r\n", "302", "404"),
        ("/nobody", LENGTH, "cdef", "503", "404"),
        ("/refused", LENGTH, "cdef", "503", "404"),
        ("/leaves", LENGTH, "cdef", "502", "404"),
        ("/leaves", CHUNKS, "4\r\ncdef\r\n0\r\n\r\n", "502", "404"),
    ];
    compat(|t| {
        let server = t.origin("srv");
        let text = Proxy::http()
            .defaults("retries 0")
            .frontend(
                "http-request deny if { path /deny }\nhttp-request return status 404 if { path /return }\n\
                 http-request redirect location / if { path /redirect }\nuse_backend none if { path /nobody }\n\
                 use_backend dead if { path /refused }",
            )
            .sections("backend none\nbackend dead\n server s {dead}");
        let mut proxy = t.start(&text.text());
        let _server = server.serve(|peer, _| {
            peer.recv_head();
        });
        let address = proxy.address("fe");
        std::thread::scope(|scope| {
            for (path, head, rest, before, behind) in rows {
                scope.spawn(move || {
                    let mut client = weir_testkit::Peer::connect(address);
                    client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\n{head}"));
                    assert_eq!(heard_of(&mut client, before), before, "{path} {head:?}");
                    client.send(rest).send("GET /return HTTP/1.1\r\nHost: a\r\n\r\n");
                    assert_eq!(heard_of(&mut client, behind), behind, "{path} {head:?} {rest:?}");
                });
            }
        });
    });
}

/// What is heard, once it is at least what is wanted.
fn heard_of(client: &mut weir_testkit::Peer, wanted: &str) -> String {
    let mut all = heard(client);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while all.len() < wanted.len() && std::time::Instant::now() < deadline {
        all += &heard(client);
    }
    all
}

#[test]
fn a_body_that_nobody_wants_is_waited_for_as_long_as_the_client_may_be_silent() {
    compat(|t| {
        let _server = t.origin("srv");
        let text = Proxy::http()
            .defaults("timeout client 400ms\ntimeout http-keep-alive 5s")
            .frontend("http-request deny");
        let mut proxy = t.start(&text.text());
        let mut client = proxy.client("fe");
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
        client.recv_message();
        client.expect_silence(Duration::from_millis(100)).expect_eof();
    });
}
