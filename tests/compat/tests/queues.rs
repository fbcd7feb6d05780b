//! Queues: who waits where, in which order they leave, and how waiting ends.

use std::time::Duration;
use weir_compat::{Proxy, compat};
use weir_testkit::{Origin, Peer, Running, mask};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
}

/// Sends a request and gives the proxy time to queue it.
#[track_caller]
fn queued(proxy: &mut Running, path: &str) -> Peer {
    let mut client = proxy.client("fe");
    client.send(get(path));
    std::thread::sleep(Duration::from_millis(40));
    client
}

/// Accepts the next request and gives its path.
#[track_caller]
fn arrival(server: &Origin) -> (Peer, String) {
    let mut far = server.accept();
    let line = far.recv_message().head.start_line();
    (far, line.split(' ').nth(1).unwrap_or_default().to_owned())
}

#[test]
fn requests_leave_the_queue_in_their_order() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().servers("server s {srv} maxconn 1").text());
        let mut clients: Vec<Peer> = (0..4).map(|n| queued(&mut proxy, &format!("/{n}"))).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            let (mut far, path) = arrival(&server);
            assert_eq!(path, format!("/{number}"));
            server.expect_nobody(Duration::from_millis(30));
            far.send(OK).close();
            assert_eq!(client.recv_message().head.status(), 200);
        }
    });
}

type Requests = [(&'static str, &'static str); 4];

/// The class and the offset of each request that waits, and the order in which they are served.
#[rustfmt::skip]
const PRIORITIES: &[(Requests, [usize; 4])] = &[
    ([("1", ""), ("0", ""), ("-1", ""), ("0", "")], [2, 1, 3, 0]),
    ([("", "0"), ("", "60000"), ("", "-60000"), ("", "100")], [2, 0, 3, 1]),
    // A class has bounds, and the low half of a number counts.
    ([("-2047", ""), ("-9999", ""), ("2147483647", ""), ("4294967296", "")], [0, 1, 3, 2]),
    ([("0", ""), ("2147483648", ""), ("-1", ""), ("x", "")], [1, 2, 0, 3]),
    // Who seems to have come long enough ago seems to come much later.
    ([("", "-524287"), ("", "0"), ("", "9223372036854775807"), ("", "2147483647")], [1, 2, 0, 3]),
    ([("", "-2147483648"), ("", "-500000"), ("", "524287"), ("", "")], [1, 3, 0, 2]),
];

#[test]
fn priorities_decide_who_leaves_the_queue_first() {
    compat(|t| {
        let server = t.origin("srv");
        let rules = "http-request set-priority-class url_param(class)\nhttp-request set-priority-offset url_param(offset)";
        let text = Proxy::http().backend(rules).servers("server s {srv} maxconn 1").text();
        let mut proxy = t.start(&text);
        for (requests, wanted) in PRIORITIES {
            let mut clients = vec![queued(&mut proxy, "/busy")];
            let (mut far, _) = arrival(&server);
            for (n, (class, offset)) in requests.iter().enumerate() {
                clients.push(queued(&mut proxy, &format!("/{n}?class={class}&offset={offset}")));
            }
            let order = wanted.map(|_| {
                far.send(OK).close();
                let path;
                (far, path) = arrival(&server);
                path[1..2].parse::<usize>().unwrap()
            });
            far.send(OK).close();
            assert_eq!(order, *wanted, "{requests:?}");
        }
    });
}

#[test]
fn a_client_that_leaves_the_queue_is_not_served() {
    for (option, served) in [("option abortonclose", false), ("no option abortonclose", true)] {
        compat(|t| {
            let server = t.origin("srv");
            let log = t.sink("log");
            let text = Proxy::http().defaults(option).servers("server s {srv} maxconn 1").logged();
            let mut proxy = t.start(&text.text());
            let mut first = queued(&mut proxy, "/first");
            let (mut far, _) = arrival(&server);
            let mut second = queued(&mut proxy, "/second");
            let mut third = queued(&mut proxy, "/third");
            second.close();
            std::thread::sleep(Duration::from_millis(80));
            far.send(OK).close();
            first.recv_message();
            if served {
                let (mut far, path) = arrival(&server);
                assert_eq!(path, "/second");
                far.send(OK).close();
            } else {
                let line = mask::log_line(&log.next_with("/second"));
                assert!(line.contains("be/<NOSRV> T/T/-1/-1/T -1 0 - - CQ-- 3/3/2/0/0 0/1 "), "{line}");
            }
            let (mut far, path) = arrival(&server);
            assert_eq!(path, "/third");
            far.send(OK).close();
            assert_eq!(third.recv_message().head.status(), 200);
        });
    }
}

#[test]
fn a_request_waits_in_the_queue_of_the_backend_for_whichever_server_is_free_first() {
    compat(|t| {
        let (a, b) = (t.origin("a"), t.origin("b"));
        let servers = "server a {a} maxconn 1\n server b {b} maxconn 1";
        let mut proxy = t.start(&Proxy::http().backend("balance roundrobin").servers(servers).text());
        let mut first = queued(&mut proxy, "/1");
        let (mut far_a, _) = arrival(&a);
        let mut second = queued(&mut proxy, "/2");
        let (mut far_b, _) = arrival(&b);
        let mut third = queued(&mut proxy, "/3");
        far_b.send(OK).close();
        second.recv_message();
        let (mut far, path) = arrival(&b);
        assert_eq!(path, "/3");
        far.send(OK).close();
        third.recv_message();
        far_a.send(OK).close();
        first.recv_message();
    });
}

#[test]
fn waiting_ends_with_timeout_queue_or_timeout_connect() {
    for (defaults, what) in [
        ("timeout queue 300ms", "queue"),
        ("timeout connect 300ms", "connect"),
        ("timeout queue 300ms\ntimeout connect 10s", "queue before connect"),
    ] {
        compat(|t| {
            let server = t.origin("srv");
            let log = t.sink("log");
            let text = Proxy::http().defaults(defaults).servers("server s {srv} maxconn 1").logged();
            let mut proxy = t.start(&text.text());
            let _first = queued(&mut proxy, "/first");
            let _far = arrival(&server);
            let mut second = queued(&mut proxy, "/second");
            assert_eq!(second.recv_message().head.status(), 503, "{what}");
            let line = mask::log_line(&log.next());
            assert!(line.contains("be/<NOSRV> T/T/-1/-1/T 503 0 - - sQ-- 2/2/1/0/0 0/1"), "{line}");
        });
    }
}

#[test]
fn a_hash_keeps_its_server_while_that_has_a_queue() {
    compat(|t| {
        let (a, b) = (t.origin("a"), t.origin("b"));
        let servers = "server a {a} maxconn 1 maxqueue 1\n server b {b} maxconn 1 maxqueue 1";
        let mut proxy = t.start(&Proxy::http().backend("balance source").servers(servers).text());
        let _clients: Vec<Peer> = (0..3).map(|n| queued(&mut proxy, &format!("/{n}"))).collect();
        let reached =
            [a.accept_within(Duration::from_millis(100)), b.accept_within(Duration::from_millis(100))];
        assert_eq!(reached.iter().flatten().count(), 1, "a hash keeps its server while that has a queue");
    });
}

#[test]
fn minconn_grows_with_the_load_of_the_backend() {
    compat(|t| {
        let server = t.origin("srv");
        let text = Proxy::http().backend("fullconn 4").servers("server s {srv} minconn 1 maxconn 4");
        let mut proxy = t.start(&text.text());
        let _clients: Vec<Peer> = (0..6).map(|n| queued(&mut proxy, &format!("/{n}"))).collect();
        let mut reached = 0;
        let mut open = Vec::new();
        while let Some(far) = server.accept_within(Duration::from_millis(100)) {
            reached += 1;
            open.push(far);
        }
        assert_eq!(reached, 4);
    });
}

#[test]
fn minconn_holds_a_lightly_loaded_server_back() {
    compat(|t| {
        let server = t.origin("srv");
        let text = Proxy::http().backend("fullconn 100").servers("server s {srv} minconn 1 maxconn 50");
        let mut proxy = t.start(&text.text());
        let _clients: Vec<Peer> = (0..4).map(|n| queued(&mut proxy, &format!("/{n}"))).collect();
        let mut open = Vec::new();
        while let Some(far) = server.accept_within(Duration::from_millis(100)) {
            open.push(far);
        }
        assert_eq!(open.len(), 2);
    });
}

#[test]
fn a_kept_alive_client_gives_its_place_back_between_requests() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().servers("server s {srv} maxconn 1").text());
        let mut first = proxy.client("fe");
        first.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        far.recv_message();
        far.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        first.recv_message();
        let mut second = proxy.client("fe");
        second.send("GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let (mut far, path) = arrival(&server);
        assert_eq!(path, "/2");
        far.send(OK).close();
        assert_eq!(second.recv_message().head.status(), 200);
    });
}

#[test]
fn who_waits_for_a_backend_that_lost_its_last_server_is_refused_at_once() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text = Proxy::http().global(ADMIN).servers("server s {srv} maxconn 1").logged();
        let mut proxy = t.start(&text.text());
        let _first = queued(&mut proxy, "/first");
        let (mut far, _) = arrival(&server);
        let mut second = queued(&mut proxy, "/second");
        proxy.admin("disable server be/s");
        assert_eq!(second.recv_message().head.status(), 503);
        let line = mask::log_line(&log.next_with("/second"));
        assert!(line.contains(" 503 0 - - SC-- 2/2/1/0/0 0/1 "), "{line}");
        far.send(OK).close();
    });
}

#[test]
fn only_what_the_algorithm_chose_counts_as_chosen() {
    for (backend, wanted) in [("", "1"), ("use-server s if TRUE", "0"), ("balance source", "2")] {
        compat(|t| {
            let server = t.origin("srv");
            let text = Proxy::http().global(ADMIN).backend(backend).servers("server s {srv} maxconn 1");
            let mut proxy = t.start(&text.text());
            let mut clients = [queued(&mut proxy, "/1"), queued(&mut proxy, "/2")];
            for client in &mut clients {
                arrival(&server).0.send(OK).close();
                client.recv_message();
            }
            let stat = proxy.admin("show stat");
            let column = stat.lines().next().unwrap().split(',').position(|name| name == "lbtot").unwrap();
            let row = stat.lines().find(|line| line.starts_with("be,s,")).unwrap();
            assert_eq!(row.split(',').nth(column), Some(wanted), "{backend}");
        });
    }
}

const ADMIN: &str = "stats socket {dir}/admin.sock level admin";
