//! Servers: which is chosen, when it is down, and when it is tried again.

use std::time::Duration;
use weir_compat::{Proxy, compat};
use weir_testkit::Origin;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const CLOSE: &str = "GET / HTTP/1.0\r\n\r\n";
const ADMIN: &str = "stats socket {dir}/admin.sock level admin";

fn named(name: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len())
}

#[test]
fn requests_of_one_client_alternate_between_servers() {
    compat(|t| {
        let (a, b) = (t.origin("a").answer_all(named("a")), t.origin("b").answer_all(named("b")));
        let servers = "server a {a}\n server b {b}";
        let mut proxy = t.start(&Proxy::http().backend("balance roundrobin").servers(servers).text());
        let mut client = proxy.client("fe");
        let mut order = String::new();
        for _ in 0..4 {
            order += &String::from_utf8(client.send(GET).recv_message().body).unwrap();
        }
        assert!(["abab", "baba", "aaaa"].contains(&order.as_str()), "{order}");
        drop((a, b));
    });
}

#[test]
fn weights_share_the_requests() {
    compat(|t| {
        let (a, b) = (t.origin("a").answer_all(named("a")), t.origin("b").answer_all(named("b")));
        let rows =
            [("weight 1", "weight 3", 4, 12), ("weight 100", "weight 0", 16, 0), ("", "weight 1", 8, 8)];
        for (first, second, wanted_a, wanted_b) in rows {
            let servers = format!("server a {{a}} {first}\n server b {{b}} {second}");
            let mut proxy = t.start(&Proxy::http().backend("balance roundrobin").servers(&servers).text());
            let (mut seen_a, mut seen_b) = (0, 0);
            for _ in 0..16 {
                match proxy.client("fe").send(CLOSE).recv_message().body.as_slice() {
                    b"a" => seen_a += 1,
                    _ => seen_b += 1,
                }
            }
            assert_eq!((seen_a, seen_b), (wanted_a, wanted_b), "{first:?} {second:?}");
        }
        drop((a, b));
    });
}

#[test]
fn tcp_checks_take_a_server_down_and_up_again() {
    compat(|t| {
        let text = Proxy::http()
            .global(ADMIN)
            .defaults("timeout connect 300ms")
            .servers("server s {late} check inter 50ms fall 2 rise 2")
            .text();
        let mut proxy = t.start(&text);
        proxy.admin_until("show stat", ",DOWN,");
        assert_eq!(proxy.client("fe").send(CLOSE).recv_message().head.status(), 503);
        let server = Origin::on(proxy.address("late")).answer_all(named("s"));
        proxy.admin_until("show stat", ",UP,1,1,0,");
        assert_eq!(proxy.client("fe").send(CLOSE).recv_message().body, b"s");
        drop(server);
    });
}

#[test]
fn http_checks_ask_as_the_options_say() {
    compat(|t| {
        let server = t.origin("srv");
        let rows = [
            ("option httpchk", "OPTIONS / HTTP/1.0\r\n"),
            ("option httpchk /up", "OPTIONS /up HTTP/1.0\r\n"),
            ("option httpchk HEAD /up", "HEAD /up HTTP/1.0\r\n"),
            (
                "option httpchk GET /up HTTP/1.1\nhttp-check send hdr Host h",
                "GET /up HTTP/1.1\r\nhost: h\r\n",
            ),
            (
                "option httpchk\nhttp-check send meth POST uri /u ver HTTP/1.1 hdr Host h body abc",
                "POST /u HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n",
            ),
        ];
        for (options, wanted) in rows {
            let proxy =
                t.start(&Proxy::http().backend(options).servers("server s {srv} check inter 100ms").text());
            let head = server.accept().recv_head().text();
            assert!(head.starts_with(wanted), "{options}: {head:?}");
            drop(proxy);
            while server.accept_within(Duration::from_millis(20)).is_some() {}
        }
    });
}

#[test]
fn a_check_that_is_answered_badly_takes_the_server_down() {
    compat(|t| {
        let rows = [("200 OK", true), ("301 Moved", true), ("404 Not Found", false), ("503 Busy", false)];
        for (status, up) in rows {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let server = t.origin("srv").answer_all(answer);
            let text = Proxy::http()
                .global(ADMIN)
                .backend("option httpchk")
                .servers("server s {srv} check inter 30ms fall 1")
                .text();
            let proxy = t.start(&text);
            let code = status.split(' ').next().unwrap();
            let verdict = if up { ",L7OK," } else { ",L7STS," };
            let stat = proxy.admin_until("show stat", verdict);
            assert!(stat.contains(&format!("{verdict}{code},")), "{status}: {stat}");
            drop((proxy, server));
        }
    });
}

#[test]
fn a_request_is_sent_again_when_the_server_refuses() {
    compat(|t| {
        let server = t.origin("srv").answer_all(named("s"));
        let servers = "server d {dead}\n server s {srv}";
        let text = Proxy::http()
            .defaults("retries 1\noption redispatch\ntimeout connect 200ms")
            .backend("balance roundrobin")
            .servers(servers)
            .text();
        let mut proxy = t.start(&text);
        for _ in 0..4 {
            assert_eq!(proxy.client("fe").send(CLOSE).recv_message().body, b"s");
        }
        drop(server);
    });
}

#[test]
fn a_full_server_serves_its_queue_in_order() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().servers("server s {srv} maxconn 1").text());
        let mut clients = Vec::new();
        for number in 0..3 {
            let mut client = proxy.client("fe");
            client.send(format!("GET /{number} HTTP/1.0\r\n\r\n")).pause(Duration::from_millis(30));
            clients.push(client);
        }
        let mut far = server.accept();
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(far.recv_head().start_line(), format!("GET /{number} HTTP/1.0"));
            far.send(named("x")).close();
            assert_eq!(client.recv_message().body, b"x");
            if number < 2 {
                far = server.accept();
            }
        }
    });
}

#[test]
fn backups_serve_one_at_a_time_unless_allbackups() {
    compat(|t| {
        let (a, b) = (t.origin("a").answer_all(named("a")), t.origin("b").answer_all(named("b")));
        for (option, wanted) in [("", "aaaa"), ("option allbackups", "aabb")] {
            let servers = "server d {dead} disabled\n server a {a} backup\n server b {b} backup";
            let mut proxy = t.start(
                &Proxy::http().backend(&format!("balance roundrobin\n{option}")).servers(servers).text(),
            );
            let mut served = Vec::new();
            for _ in 0..4 {
                served.extend(proxy.client("fe").send(CLOSE).recv_message().body);
            }
            served.sort_unstable();
            assert_eq!(served, wanted.as_bytes(), "{option}");
        }
        drop((a, b));
    });
}

#[test]
fn default_server_gives_parameters_to_the_servers_after_it() {
    compat(|t| {
        let (a, b) = (t.origin("a").answer_all(named("a")), t.origin("b").answer_all(named("b")));
        let servers = "default-server disabled\n server a {a}\n server b {b} enabled";
        let mut proxy = t.start(&Proxy::http().servers(servers).text());
        for _ in 0..3 {
            assert_eq!(proxy.client("fe").send(CLOSE).recv_message().body, b"b");
        }
        drop((a, b));
    });
}
