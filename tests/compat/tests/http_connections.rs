//! HTTP/1: when connections are kept, closed and shared, and the exact heads that pass.

use std::time::Duration;
use weir_compat::{Proxy, compat, judge, relay, table};
use weir_testkit::{Origin, Running};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn header_lines_keep_order_and_duplicates_and_get_lower_case_names() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let request = "GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-B: 1\r\nx-a:2\r\nX-B:   3  \r\nEmpty:\r\n\r\n";
        let answer = "HTTP/1.1 299 Odd  Reason\r\nServer: x\r\nSet-Cookie: a\r\nContent-Length: 0\r\nset-cookie: b\r\n\r\n";
        let (seen, got) = relay(&mut proxy, &server, request, answer);
        assert_eq!(
            seen.text(),
            "GET /a?b=c HTTP/1.1\r\nhost: h\r\nx-b: 1\r\nx-a: 2\r\nx-b: 3\r\nempty: \r\n\r\n"
        );
        assert_eq!(
            got.text(),
            "HTTP/1.1 299 Odd  Reason\r\nserver: x\r\nset-cookie: a\r\ncontent-length: 0\r\nset-cookie: b\r\n\r\n"
        );
    });
}

#[test]
fn a_kept_alive_client_reuses_its_server_connection() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client.send(GET);
        let mut far = server.accept();
        for _ in 0..3 {
            far.recv_message();
            far.send(OK);
            client.expect("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").send(GET);
        }
        far.recv_message();
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        for number in 1..=3 {
            assert_eq!(far.recv_head().start_line(), format!("GET /{number} HTTP/1.1"));
            far.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}"));
        }
        for number in 1..=3 {
            assert_eq!(client.recv_message().body, number.to_string().as_bytes());
        }
    });
}

/// One exchange; the connection headers and versions both sides saw, and which side was closed afterwards.
fn hop(proxy: &mut Running, server: &Origin, request: &str, answer: &str) -> String {
    let mut client = proxy.client("fe");
    client.send(request);
    let mut far = server.accept();
    let seen = far.recv_message();
    far.send(answer);
    if !answer.to_ascii_lowercase().contains("content-length") {
        far.shutdown_write();
    }
    let got = client.recv_message();
    let connection = |head: &weir_testkit::Head| {
        let lines = head.lines();
        let hop = lines.iter().filter(|l| l.starts_with("connection") || l.starts_with("keep-alive"));
        hop.cloned().collect::<Vec<_>>().join(",")
    };
    std::thread::sleep(Duration::from_millis(60));
    let state = |open: bool| if open { "open" } else { "closed" };
    format!(
        "{} {} [{}] {} | {} [{}] {}",
        seen.head.start_line().split(' ').next_back().unwrap(),
        "server",
        connection(&seen.head),
        state(far.is_open()),
        got.head.start_line().split(' ').next().unwrap(),
        connection(&got.head),
        state(client.is_open()),
    )
}

const V10: &str = "GET / HTTP/1.0\r\n\r\n";
const V10_KEEP: &str = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const V11_CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const V11_KEEP: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nKeep-Alive: 300\r\n\r\n";

#[test]
fn keep_alive_mode_is_the_default_and_each_side_decides_for_itself() {
    compat(|t| {
        let server = t.origin("srv");
        for option in ["", "option http-keep-alive"] {
            let mut proxy = t.start(&Proxy::http().defaults(option).text());
            let rows = [
                (GET, "HTTP/1.1 server [] open | HTTP/1.1 [] open"),
                (V10, "HTTP/1.0 server [connection: keep-alive] open | HTTP/1.1 [connection: close] closed"),
                (
                    V10_KEEP,
                    "HTTP/1.0 server [connection: keep-alive] open | HTTP/1.1 [connection: keep-alive] open",
                ),
                (V11_CLOSE, "HTTP/1.1 server [] open | HTTP/1.1 [connection: close] closed"),
                (V11_KEEP, "HTTP/1.1 server [keep-alive: 300] open | HTTP/1.1 [] open"),
            ];
            table(&rows, |request| hop(&mut proxy, &server, request, OK));
        }
    });
}

#[test]
fn an_answer_decides_on_the_server_side() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let rows = [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
                "HTTP/1.1 server [] closed | HTTP/1.1 [] open",
            ),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
                "HTTP/1.1 server [] closed | HTTP/1.0 [connection: keep-alive] open",
            ),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi",
                "HTTP/1.1 server [] open | HTTP/1.0 [connection: keep-alive] open",
            ),
            (
                "HTTP/1.1 200 OK\r\n\r\nuntil the end",
                "HTTP/1.1 server [] closed | HTTP/1.1 [connection: close] closed",
            ),
            ("HTTP/1.0 200 OK\r\n\r\nuntil the end", "HTTP/1.1 server [] closed | HTTP/1.0 [] closed"),
        ];
        table(&rows, |answer| hop(&mut proxy, &server, GET, answer));
    });
}

#[test]
fn http_server_close_closes_the_server_side_only() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().defaults("option http-server-close").text());
        let rows = [
            (GET, "HTTP/1.1 server [connection: close] closed | HTTP/1.1 [] open"),
            (V10_KEEP, "HTTP/1.0 server [] closed | HTTP/1.1 [connection: keep-alive] open"),
            (V11_CLOSE, "HTTP/1.1 server [connection: close] closed | HTTP/1.1 [connection: close] closed"),
        ];
        table(&rows, |request| hop(&mut proxy, &server, request, OK));
    });
}

#[test]
fn http_pretend_keepalive_hides_the_close_from_the_server() {
    compat(|t| {
        let server = t.origin("srv");
        let options = "option http-server-close\noption http-pretend-keepalive";
        let mut proxy = t.start(&Proxy::http().defaults(options).text());
        table(&[(GET, "HTTP/1.1 server [] closed | HTTP/1.1 [] open")], |request| {
            hop(&mut proxy, &server, request, OK)
        });
    });
}

#[test]
fn httpclose_closes_both_sides() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().defaults("option httpclose").text());
        let rows = [
            (GET, "HTTP/1.1 server [connection: close] closed | HTTP/1.1 [connection: close] closed"),
            (V10_KEEP, "HTTP/1.0 server [] closed | HTTP/1.1 [connection: close] closed"),
            (V10, "HTTP/1.0 server [] closed | HTTP/1.1 [connection: close] closed"),
        ];
        table(&rows, |request| hop(&mut proxy, &server, request, OK));
    });
}

#[test]
fn bodies_are_framed_towards_the_server_as_the_client_framed_them() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let rows = [
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
                "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n003;ext=1\r\nabc\r\n2 ; x\r\nde\r\n0\r\nTrailer-A: 1\r\nb: 2\r\n\r\n",
                "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\ntrailer-a: 1\r\nb: 2\r\n\r\n",
            ),
            (
                "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
                "PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
                "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
                "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
            ),
        ];
        table(&rows, |request| relay(&mut proxy, &server, request, OK).0.text());
    });
}

#[test]
fn bodies_are_framed_towards_the_client_as_its_version_allows() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n";
        let rows = [
            (GET, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\ntrailer: t\r\n\r\n"),
            (
                V10,
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\nabc\r\n0\r\ntrailer: t\r\n\r\n",
            ),
            (
                V10_KEEP,
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n3\r\nabc\r\n0\r\ntrailer: t\r\n\r\n",
            ),
        ];
        table(&rows, |request| relay(&mut proxy, &server, request, chunked).1.text());
        let until_close = "HTTP/1.0 200 OK\r\nX: y\r\n\r\nto the end";
        let rows = [
            (GET, "HTTP/1.0 200 OK\r\nx: y\r\n\r\nto the end"),
            (V10, "HTTP/1.0 200 OK\r\nx: y\r\n\r\nto the end"),
        ];
        table(&rows, |request| relay(&mut proxy, &server, request, until_close).1.text());
    });
}

#[test]
fn answers_without_a_body_keep_their_length_and_nothing_follows() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let rows = [
            (
                "HEAD HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
                "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
            ),
            (
                "HEAD HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            ),
            ("GET HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", "HTTP/1.1 204 No Content\r\nx: y\r\n\r\n"),
            (
                "GET HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
                "HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n",
            ),
            ("GET HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"),
        ];
        table(&rows, |row| {
            let (method, answer) = row.split_once(' ').unwrap();
            let mut client = proxy.client("fe");
            client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
            let mut far = server.accept();
            far.recv_head();
            far.send(answer);
            let got = client.recv_head().text();
            client.expect_silence(Duration::from_millis(50));
            got
        });
    });
}

#[test]
fn expect_100_continue_goes_to_the_server_and_back() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
        let mut far = server.accept();
        far.expect("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
        far.send("HTTP/1.1 100 Continue\r\n\r\n");
        client.expect("HTTP/1.1 100 Continue\r\n\r\n").send("abc");
        far.expect("abc").send(OK);
        client.expect("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    });
}

#[test]
fn early_hints_pass_before_the_answer() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        for (request, wanted) in [
            (
                GET,
                "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
            ),
            (
                V10,
                "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi",
            ),
        ] {
            let mut client = proxy.client("fe");
            client.send(request);
            let mut far = server.accept();
            far.recv_head();
            far.send(hints).pause(Duration::from_millis(20)).send(OK);
            client.expect(wanted);
        }
    });
}

#[test]
fn a_websocket_upgrade_becomes_a_tunnel() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::http().defaults("timeout tunnel 5s").logged().text());
        let mut client = proxy.client("fe");
        client.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        let mut far = server.accept();
        assert_eq!(
            far.recv_head().text(),
            "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        far.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfirst");
        assert_eq!(
            client.recv_head().text(),
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n"
        );
        client.expect("first").send("up");
        far.expect("up").send("down");
        client.expect("down").shutdown_write();
        far.expect_eof().close();
        client.expect_eof();
        assert!(log.next().contains(" 101 "));
    });
}

#[test]
fn connect_becomes_a_tunnel_on_200() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client.send("CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n");
        let mut far = server.accept();
        assert_eq!(far.recv_head().text(), "CONNECT host:443 HTTP/1.1\r\nhost: host\r\n\r\n");
        far.send("HTTP/1.1 200 Connected\r\n\r\n");
        client.expect("HTTP/1.1 200 Connected\r\n\r\n").send("\x16\x03");
        far.expect("\x16\x03").send("raw").close();
        client.expect("raw").expect_eof();
    });
}

#[test]
fn reuse_modes_decide_whether_a_second_client_gets_the_idle_connection() {
    compat(|t| {
        let server = t.origin("srv");
        for (mode, shared) in [("never", false), ("safe", false), ("aggressive", false), ("always", true)] {
            let mut proxy = t.start(&Proxy::http().backend(&format!("http-reuse {mode}")).text());
            let mut first = proxy.client("fe");
            first.send(GET);
            let mut far = server.accept();
            far.recv_head();
            far.send(OK);
            first.recv_message();
            let mut second = proxy.client("fe");
            second.send(GET);
            let own = server.accept_within(Duration::from_millis(200));
            assert_eq!(own.is_none(), shared, "http-reuse {mode}");
        }
    });
}

#[test]
fn targets_and_hosts_reach_the_server_as_they_are_normalised() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let rows = [
            (
                "GET /a/../b?x#y HTTP/1.1\r\nHost: A.Example:80\r\n\r\n",
                "HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n",
            ),
            ("GET http://h/p HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/p HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET http://h:80/p HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/p HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET http://h/ HTTP/1.0\r\n\r\n", "GET http://h/ HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"),
            ("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/ HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("get / HTTP/1.1\r\nHost: h\r\n\r\n", "get / HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nhost: \r\n\r\n"),
            ("GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"),
            ("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
        ];
        table(&rows, |request| judge(&mut proxy, &server, request));
    });
}
