//! HTTP/1: which server connection a request takes, and what happens when that one is gone.

use std::time::{Duration, Instant};
use weir_compat::{Proxy, compat};
use weir_testkit::h2::{Frame, H2Peer};
use weir_testkit::{Origin, Peer, Running, Serving};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server that answers every request with the number of its connection.
fn numbering(origin: Origin) -> Serving {
    origin.serve(|peer, number| {
        while peer.wait_for_bytes() {
            peer.recv_message();
            let body = number.to_string();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if peer.try_send(answer).is_err() {
                return;
            }
        }
    })
}

/// One request on this connection: the number of the server's connection that answered.
#[track_caller]
fn ask(client: &mut Peer) -> String {
    client.send(GET);
    String::from_utf8(client.recv_message().body).unwrap()
}

/// The connections that answered two requests each of three clients, who stay connected.
#[track_caller]
fn three_clients(proxy: &mut Running) -> String {
    let mut clients: Vec<Peer> = (0..3).map(|_| proxy.client("fe")).collect();
    let mut seen = Vec::new();
    for _ in 0..2 {
        for client in &mut clients {
            seen.push(ask(client));
        }
    }
    seen.join(" ")
}

#[test]
fn idle_connections_are_shared_as_far_as_the_mode_allows() {
    for (mode, wanted) in [
        ("never", "0 1 2 0 1 2"),
        ("safe", "0 1 2 0 0 0"),
        ("aggressive", "0 1 2 0 0 0"),
        ("always", "0 0 0 0 0 0"),
    ] {
        compat(|t| {
            let server = t.origin("srv");
            let mut proxy = t.start(&Proxy::http().backend(&format!("http-reuse {mode}")).text());
            let _server = numbering(server);
            assert_eq!(three_clients(&mut proxy), wanted, "{mode}");
        });
    }
}

#[test]
fn limits_of_the_pool_decide_what_is_kept() {
    for (parameters, wanted) in [
        ("pool-max-conn 0", "0 1 2 3 4 5"),
        ("pool-max-conn 1", "0 0 0 0 0 0"),
        ("pool-max-conn -1", "0 0 0 0 0 0"),
    ] {
        compat(|t| {
            let server = t.origin("srv");
            let text =
                Proxy::http().backend("http-reuse always").servers(&format!("server s {{srv}} {parameters}"));
            let mut proxy = t.start(&text.text());
            let _server = numbering(server);
            assert_eq!(three_clients(&mut proxy), wanted, "{parameters}");
        });
    }
}

#[test]
fn descriptors_in_use_decide_what_is_kept() {
    for (ratios, wanted) in [
        ("tune.pool-low-fd-ratio 0\ntune.pool-high-fd-ratio 0\nfd-hard-limit 200\nmaxconn 50", "0 1 2 3 4 5"),
        ("tune.pool-low-fd-ratio 100\ntune.pool-high-fd-ratio 100", "0 0 0 0 0 0"),
    ] {
        compat(|t| {
            let server = t.origin("srv");
            let text = Proxy::http().global(ratios).backend("http-reuse always").text();
            let mut proxy = t.start(&text);
            let _server = numbering(server);
            assert_eq!(three_clients(&mut proxy), wanted, "{ratios}");
        });
    }
}

#[test]
fn max_reuse_limits_the_requests_of_a_connection() {
    compat(|t| {
        let reason = "the manual's limit is kept for HTTP/1 too, where the reference does not look at it";
        let limited = t.differs(reason);
        for (limit, wanted) in
            [(0, "0 1 2 3 4 5"), (1, "0 0 1 1 2 2"), (2, "0 0 0 1 1 1"), (-1, "0 0 0 0 0 0")]
        {
            let server = t.origin("srv");
            let servers = format!("server s {{srv}} max-reuse {limit}");
            let mut proxy = t.start(&Proxy::http().backend("http-reuse always").servers(&servers).text());
            let _server = numbering(server);
            assert_eq!(three_clients(&mut proxy), if limited { wanted } else { "0 0 0 0 0 0" }, "{limit}");
        }
    });
}

#[test]
fn an_idle_connection_is_closed_when_its_delay_is_over() {
    compat(|t| {
        let server = t.origin("srv");
        let servers = "server s {srv} pool-purge-delay 200ms";
        let mut proxy = t.start(&Proxy::http().backend("http-reuse always").servers(servers).text());
        let mut client = proxy.client("fe");
        client.send(GET);
        let mut far = server.accept();
        far.recv_head();
        far.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        client.recv_message();
        client.close();
        far.expect_closed();
    });
}

#[test]
fn maintenance_and_another_address_end_the_connections_at_rest() {
    compat(|t| {
        for command in
            ["set server be/s state maint", "disable server be/s", "set server be/s addr 127.0.0.2"]
        {
            let server = t.origin("srv");
            let text = Proxy::http()
                .global("stats socket {dir}/admin.sock level admin")
                .servers("server s {srv} pool-purge-delay 1h")
                .text();
            let mut proxy = t.start(&text);
            let mut client = proxy.client("fe");
            client.send(GET);
            let mut far = server.accept();
            far.recv_head();
            far.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            client.recv_message();
            client.close();
            proxy.admin(command);
            far.expect_closed();
        }
    });
}

/// With each look at them half of what nobody needed goes, and one more, while the need falls by half.
#[test]
fn connections_that_nobody_needs_are_thinned_out_step_by_step() {
    compat(|t| {
        let server = t.origin("srv");
        let text = Proxy::http()
            .global("stats socket {dir}/admin.sock level admin")
            .servers("server s {srv} pool-purge-delay 400ms");
        let mut proxy = t.start(&text.text());
        let mut clients: Vec<Peer> = (0..8).map(|_| proxy.client("fe")).collect();
        for client in &mut clients {
            client.send(GET);
        }
        let mut far: Vec<Peer> = (0..8).map(|_| server.accept()).collect();
        for far in &mut far {
            far.recv_head();
            far.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
        for client in &mut clients {
            client.recv_message();
        }
        drop(clients);
        let steps = ["8", "5", "2", "0"];
        let end = Instant::now() + Duration::from_secs(20);
        let mut seen: Vec<String> = Vec::new();
        while seen.last().map(String::as_str) != steps.last().copied() && Instant::now() < end {
            let table = proxy.admin("show stat be 4 -1");
            let mut rows = table.lines().map(|line| line.split(','));
            let names: Vec<&str> = rows.next().unwrap().collect();
            let row: Vec<&str> = rows.next().unwrap().collect();
            let field = |name: &str| row[names.iter().position(|n| *n == name).unwrap()];
            let now = field("srv_icur").to_owned();
            if seen.last() != Some(&now) {
                seen.push(now);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // A step may pass unseen.
        let mut wanted = steps.iter();
        let settled = seen.iter().skip_while(|step| *step != steps[0]).all(|step| wanted.any(|s| s == step));
        assert!(settled && seen.last().is_some_and(|last| last == "0"), "{seen:?}");
    });
}

#[test]
fn a_connection_that_the_server_closed_while_idle_is_not_used() {
    compat(|t| {
        let server = t.origin("srv");
        for mode in ["never", "safe", "aggressive", "always"] {
            let mut proxy = t.start(&Proxy::http().backend(&format!("http-reuse {mode}")).text());
            let mut client = proxy.client("fe");
            for round in 0..3 {
                client.send(GET);
                let mut far = server.accept();
                far.recv_head();
                far.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{round}"));
                assert_eq!(client.recv_message().body, round.to_string().as_bytes(), "{mode}");
                far.close();
                std::thread::sleep(Duration::from_millis(30));
            }
        }
    });
}

#[test]
fn a_reused_connection_that_closes_on_the_request_is_replaced() {
    compat(|t| {
        let server = t.origin("srv");
        let text =
            Proxy::http().defaults("retries 1").backend("http-reuse always\nretry-on all-retryable-errors");
        let mut proxy = t.start(&text.text());
        let mut client = proxy.client("fe");
        client.send(GET);
        let mut far = server.accept();
        far.recv_head();
        far.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        client.recv_message();
        client.send(GET);
        far.recv_head();
        far.close();
        let mut far = server.accept();
        far.recv_head();
        far.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        assert_eq!(client.recv_message().body, b"hi");
    });
}

#[test]
fn a_first_request_does_not_take_an_idle_connection_in_safe_mode() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().backend("http-reuse safe").text());
        let server = numbering(server);
        let mut first = proxy.client("fe");
        assert_eq!((ask(&mut first), ask(&mut first)), ("0".to_owned(), "0".to_owned()));
        let mut second = proxy.client("fe");
        assert_eq!((ask(&mut second), ask(&mut second)), ("1".to_owned(), "0".to_owned()));
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn aggressive_mode_shares_a_connection_that_was_reused_before() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().backend("http-reuse aggressive").text());
        let _server = numbering(server);
        let mut first = proxy.client("fe");
        assert_eq!((ask(&mut first), ask(&mut first)), ("0".to_owned(), "0".to_owned()));
        let mut second = proxy.client("fe");
        assert_eq!(ask(&mut second), "0");
    });
}

#[test]
fn a_connection_for_one_client_address_serves_nobody_else() {
    compat(|t| {
        let server = t.origin("srv");
        let text = Proxy::http().backend("http-reuse always").servers("server s {srv} send-proxy");
        let mut proxy = t.start(&text.text());
        let _server = server.serve(|peer, number| {
            peer.recv_until("\r\n");
            while peer.wait_for_bytes() {
                peer.recv_message();
                if peer.try_send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}")).is_err() {
                    return;
                }
            }
        });
        // One request at a time needs one connection at a time, so that only one is kept at rest.
        assert_eq!(three_clients(&mut proxy), "0 1 2 0 3 4");
    });
}

#[test]
fn connections_that_close_after_each_answer_are_never_shared() {
    for option in ["option http-server-close", "option httpclose"] {
        compat(|t| {
            let server = t.origin("srv");
            let mut proxy = t.start(&Proxy::http().defaults(option).backend("http-reuse always").text());
            let _server = numbering(server);
            let mut seen = Vec::new();
            for _ in 0..3 {
                let mut client = proxy.client("fe");
                seen.push(ask(&mut client));
            }
            assert_eq!(seen.join(" "), "0 1 2", "{option}");
        });
    }
}

#[test]
fn a_kept_alive_client_prefers_the_server_it_had() {
    for (options, wanted) in [
        ("", "a b a b"),
        ("option prefer-last-server", "a b a b"),
        ("http-reuse never", "a b a b"),
        ("http-reuse never\noption prefer-last-server", "a a a a"),
        ("option http-server-close", "a b a b"),
    ] {
        compat(|t| {
            let (a, b) = (t.origin("a"), t.origin("b"));
            let text = Proxy::http().backend(&format!("balance roundrobin\n{options}"));
            let mut proxy = t.start(&text.servers("server a {a}\n server b {b}").text());
            let _a = a.answer_all("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
            let _b = b.answer_all("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
            let mut client = proxy.client("fe");
            let seen: Vec<String> = (0..4).map(|_| ask(&mut client)).collect();
            assert_eq!(seen.join(" "), wanted, "{options}");
        });
    }
}

/// A client in one version of HTTP or the other.
enum Asker {
    One(Peer),
    Two(H2Peer, u32),
}

impl Asker {
    fn new(proxy: &mut Running, name: &str) -> Asker {
        let peer = proxy.client(name);
        if name.ends_with('2') { Asker::Two(H2Peer::client(peer, &[]), 1) } else { Asker::One(peer) }
    }

    /// One request: the port that it reached its server from.
    #[track_caller]
    fn ask(&mut self) -> String {
        let body = match self {
            Asker::One(peer) => peer.send(GET).recv_message().body,
            Asker::Two(peer, stream) => {
                let head = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
                peer.send(&Frame::headers(*stream, &head, true));
                *stream += 2;
                let mut body = Vec::new();
                loop {
                    let frame = peer.recv_of("DATA");
                    body.extend(&frame.payload);
                    if frame.ends() {
                        break body;
                    }
                }
            }
        };
        String::from_utf8(body).unwrap()
    }
}

#[test]
fn who_speaks_http_2_may_share_at_once_and_keeps_what_is_its_own() {
    compat(|t| {
        // The mode, and for servers in HTTP/1 and HTTP/2 the connections of clients in HTTP/1 and HTTP/2 that ask in turn.
        let rows = [
            ("never", ["010101", "010101", "010101", "010101"]),
            ("safe", ["010000", "000000", "010000", "000000"]),
            ("aggressive", ["010000", "000000", "000000", "000000"]),
            ("always", ["000000", "000000", "000000", "000000"]),
        ];
        let pairs = [("", "1"), ("", "2"), ("two", "1"), ("two", "2")];
        let mut text = "
            global
                nbthread 1
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            listen servers
                bind {one}
                bind {two} proto h2
                http-request return status 200 content-type text/plain lf-string %[src_port]
        "
        .to_owned();
        for (mode, _) in rows {
            for (server, client) in pairs {
                let (name, front) =
                    (format!("{mode}{server}{client}"), if client == "2" { "proto h2" } else { "" });
                let far = if server.is_empty() { "{one}" } else { "{two} proto h2" };
                text += &format!(
                    "listen {name}\n bind {{{name}}} {front}\n http-reuse {mode}\n server s {far}\n"
                );
            }
        }
        let mut proxy = t.start(&text);
        for (mode, wanted) in rows {
            for ((server, client), wanted) in pairs.into_iter().zip(wanted) {
                let name = format!("{mode}{server}{client}");
                let mut clients = [Asker::new(&mut proxy, &name), Asker::new(&mut proxy, &name)];
                let mut ports = Vec::new();
                let mut seen = String::new();
                for turn in 0..wanted.len() {
                    let port = clients[turn % 2].ask();
                    let known = ports.iter().position(|p| *p == port).unwrap_or_else(|| {
                        ports.push(port);
                        ports.len() - 1
                    });
                    seen += &known.to_string();
                }
                assert_eq!(seen, wanted, "{name}");
            }
        }
    });
}

#[test]
fn a_client_keeps_as_many_connections_of_its_own_as_the_frontend_lets_it() {
    for (most, wanted) in
        [("", "0 1 0 1"), ("max-session-srv-conns 1", "0 1 0 2"), ("max-session-srv-conns 0", "0 1 2 3")]
    {
        compat(|t| {
            let server = t.origin("srv");
            let text = Proxy::http()
                .frontend(&format!("{most}\nuse_backend other if {{ path_beg /other }}"))
                .backend("http-reuse never")
                .sections("backend other\n http-reuse never\n server s {srv}");
            let mut proxy = t.start(&text.text());
            let _server = numbering(server);
            let mut client = proxy.client("fe");
            let seen: Vec<String> = ["/", "/other", "/", "/other"]
                .iter()
                .map(|path| {
                    client.send(GET.replace("/ ", &format!("{path} ")));
                    String::from_utf8(client.recv_message().body).unwrap()
                })
                .collect();
            assert_eq!(seen.join(" "), wanted, "{most}");
        });
    }
}
