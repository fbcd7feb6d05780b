//! Listening: addresses of every family and form, limits, PROXY headers between proxies, and socket options.

use std::time::Duration;
use weir_compat::{Proxy, compat, retort, table};
use weir_testkit::{HeldPort, Message, Origin, Peer};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// One request over this connection, answered by the origin.
#[track_caller]
fn exchange(client: &mut Peer, server: &Origin) -> Message {
    client.send(GET);
    let mut far = server.accept();
    far.recv_message();
    far.send(OK);
    client.recv_message()
}

/// Ports next to each other that nobody has.
fn neighbours(count: u16) -> Vec<HeldPort> {
    for _ in 0..200 {
        let first = HeldPort::new();
        let start = first.address().port();
        let Some(end) = start.checked_add(count) else { continue };
        let rest = (start + 1..end).map(|port| {
            std::panic::catch_unwind(|| HeldPort::on(format!("127.0.0.1:{port}").parse().unwrap())).ok()
        });
        if let Some(rest) = rest.collect::<Option<Vec<HeldPort>>>() {
            return std::iter::once(first).chain(rest).collect();
        }
    }
    panic!("no {count} free ports in a row")
}

#[test]
fn a_range_of_ports_is_listened_on() {
    compat(|t| {
        let server = t.origin("srv");
        let held = neighbours(3);
        let first = held[0].address().port();
        t.set("range", format!("127.0.0.1:{first}-{}", first + 2));
        let mut proxy = t.start(&Proxy::http().frontend("bind {range}").text());
        let _ = proxy.client("fe");
        for port in &held {
            assert_eq!(exchange(&mut Peer::connect(port.address()), &server).body, b"hi");
        }
    });
}

#[test]
fn a_line_can_name_several_addresses() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().frontend("bind {one},{two},unix@{dir}/three").text());
        for name in ["fe", "one", "two"] {
            assert_eq!(exchange(&mut proxy.client(name), &server).body, b"hi", "{name}");
        }
        assert_eq!(exchange(&mut proxy.unix_client("three"), &server).body, b"hi");
    });
}

#[test]
fn families_are_chosen_by_prefix_and_option() {
    compat(|t| {
        let server = t.origin("srv");
        let wildcards = ["*:{a.port}", "ipv4@0.0.0.0:{a.port}", "ipv4@:{a.port}", ":{a.port}"];
        for address in wildcards {
            let mut proxy = t.start(&Proxy::http().frontend(&format!("bind {address}")).text());
            assert_eq!(exchange(&mut proxy.client("a"), &server).body, b"hi", "{address}");
        }
        for (address, v4, v6) in [
            (":::{a.port} v4v6", true, true),
            (":::{a.port} v6only", false, true),
            ("ipv6@:{a.port} v4v6", true, true),
            ("[::]:{a.port} v6only", false, true),
        ] {
            let mut proxy = t.start(&Proxy::http().frontend(&format!("bind {address}")).text());
            let four = proxy.address("a");
            let six = format!("[::1]:{}", four.port()).parse().unwrap();
            assert_eq!(Peer::try_connect(four, None).is_ok(), v4, "{address} over IPv4");
            assert_eq!(Peer::try_connect(six, None).is_ok(), v6, "{address} over IPv6");
        }
    });
}

#[test]
fn descriptors_that_are_no_sockets_are_refused_when_the_file_is_read() {
    compat(|t| {
        for (address, reason) in [
            ("fd@250", "cannot use file descriptor '250' : Bad file descriptor."),
            ("sockpair@250", "cannot use file descriptor '250' : Bad file descriptor."),
            ("fd@1", "cannot use file descriptor '1' : Socket operation on non-socket."),
        ] {
            let outcome = t.check(&Proxy::http().frontend(&format!("bind {address}")).text());
            assert!(
                outcome.stderr.contains(&format!("'bind' : {reason}\n")),
                "{address}: {}",
                outcome.stderr
            );
        }
    });
}

#[test]
fn abstract_sockets_serve_on_both_sides() {
    compat(|t| {
        let server = t.origin("srv");
        let name = format!("weir-test-{}-{}", std::process::id(), server.address().port());
        let text = format!(
            "
            defaults
                mode tcp
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            listen outer
                bind {{fe}}
                server s abns@{name}
            listen inner
                bind abns@{name}
                server s {{srv}}
        "
        );
        let mut proxy = t.start(&text);
        let mut client = proxy.client("fe");
        client.send("through a name");
        server.accept().expect("through a name").send("back");
        client.expect("back");
    });
}

#[test]
fn a_unix_socket_gets_the_mode_that_is_asked() {
    compat(|t| {
        let _server = t.origin("srv");
        let proxy = t.start(&Proxy::http().frontend("bind unix@{dir}/s mode 640").text());
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(proxy.dir().join("s")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    });
}

#[test]
fn limits_of_bind_frontend_and_process_leave_connections_in_the_backlog() {
    for (global, frontend, bind) in [
        ("maxconn 2", "", ""),
        ("", "maxconn 2", ""),
        ("", "", "maxconn 2"),
        ("maxconn 3", "maxconn 2", "maxconn 4"),
    ] {
        compat(|t| {
            let server = t.origin("srv");
            let text = Proxy::tcp().global(global).frontend(frontend).text();
            let mut proxy = t.start(&text.replace("bind {fe}", &format!("bind {{fe}} {bind}")));
            let mut first = proxy.client("fe");
            let mut far = server.accept();
            let _second = proxy.client("fe");
            let _far = server.accept();
            let mut third = proxy.client("fe");
            third.send("patience");
            server.expect_nobody(Duration::from_millis(150));
            first.close();
            far.expect_eof().close();
            server.accept().expect("patience");
        });
    }
}

#[test]
fn maxconn_of_one_bind_line_leaves_the_other_alone() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().frontend("bind {narrow} maxconn 1").text());
        let _first = proxy.client("narrow");
        let _far = server.accept();
        let _second = proxy.client("narrow");
        server.expect_nobody(Duration::from_millis(100));
        let _third = proxy.client("fe");
        server.accept();
    });
}

#[test]
fn a_rate_limit_slows_sessions_down_without_refusing_any() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().frontend("rate-limit sessions 2").text());
        let _clients: Vec<Peer> = (0..4).map(|_| proxy.client("fe")).collect();
        let _first = server.accept();
        let _second = server.accept();
        server.expect_nobody(Duration::from_millis(100));
        let _third = server.accept();
        let _fourth = server.accept();
    });
}

#[test]
fn proxy_headers_are_written_and_read_between_two_proxies() {
    for (send, accept) in [
        ("send-proxy", "accept-proxy"),
        ("send-proxy-v2", "accept-proxy"),
        ("send-proxy-v2 proxy-v2-options crc32c,unique-id", "accept-proxy"),
    ] {
        compat(|t| {
            let server = t.origin("srv");
            let text = format!(
                "
                defaults
                    mode http
                    timeout connect 5s
                    timeout client 5s
                    timeout server 5s
                listen outer
                    bind {{fe}}
                    unique-id-format fixed
                    server s {{inner}} {send}
                listen inner
                    bind {{inner}} {accept}
                    option forwardfor
                    option originalto
                    server s {{srv}} {send}
            "
            );
            let mut proxy = t.start(&text);
            let mut client =
                Peer::try_connect(proxy.address("fe"), Some("127.0.0.7:0".parse().unwrap())).unwrap();
            client.send(GET);
            let mut far = server.accept();
            far.recv_until(if send == "send-proxy" {
                "127.0.0.7"
            } else {
                "\x0d\x0a\x0d\x0a\x00\x0d\x0aQUIT\x0a"
            });
            let head = far.recv_until("\r\n\r\n");
            let head = String::from_utf8_lossy(&head).into_owned();
            assert!(head.contains("x-forwarded-for: 127.0.0.7\r\n"), "{send}: {head}");
            assert!(head.contains("x-original-to: 127.0.0.1\r\n"), "{send}: {head}");
        });
    }
}

#[test]
fn connections_without_the_awaited_proxy_header_are_closed() {
    compat(|t| {
        let server = t.origin("srv");
        let text = Proxy::http().defaults("timeout client 400ms").text();
        let mut proxy = t.start(&text.replace("bind {fe}", "bind {fe} accept-proxy"));
        let rows = [
            (GET, ""),
            ("PROXY TCP4 a.b 1.1.1.1 1 2\r\n", ""),
            ("PROXY TCP4 1.1.1.1\r\n", ""),
            ("PROX", ""),
            ("PROXY TCP4 1.1.1.1 1.1.1.1 1 2\r\nGE", "HTTP/1.1 408 Request Time-out"),
        ];
        table(&rows, |start| retort(&mut proxy, start).lines().next().unwrap_or_default().to_owned());
        server.expect_nobody(Duration::from_millis(20));
        let mut client = proxy.client("fe");
        client.send("PROXY UNKNOWN\r\n");
        assert_eq!(exchange(&mut client, &server).body, b"hi");
    });
}

#[test]
fn options_of_sockets_are_accepted_and_served() {
    compat(|t| {
        let server = t.origin("srv");
        for options in [
            "interface lo",
            "mss 1200",
            "tcp-ut 5s",
            "tfo",
            "shards 2",
            "shards by-thread",
            "backlog 10",
            "nice 10",
            "id 77",
            "name here",
        ] {
            let text = Proxy::http().text().replace("bind {fe}", &format!("bind {{fe}} {options}"));
            let mut proxy = t.start(&text);
            assert_eq!(exchange(&mut proxy.client("fe"), &server).body, b"hi", "{options}");
        }
    });
}

#[test]
fn defer_accept_waits_for_the_first_bytes() {
    compat(|t| {
        let server = t.origin("srv");
        let text = Proxy::tcp().text().replace("bind {fe}", "bind {fe} defer-accept");
        let mut proxy = t.start(&text);
        let mut client = proxy.client("fe");
        server.expect_nobody(Duration::from_millis(150));
        client.send("x");
        server.accept().expect("x");
    });
}

#[test]
fn several_threads_serve_one_frontend() {
    for threads in ["nbthread 2", "nbthread 4", "nbthread 2\nthread-groups 1"] {
        compat(|t| {
            let server = t.origin("srv");
            let text = Proxy::http().text().replace("nbthread 1", threads);
            let mut proxy = t.start(&text);
            let mut open = Vec::new();
            for _ in 0..30 {
                let mut client = proxy.client("fe");
                client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
                let mut far = server.accept();
                far.recv_message();
                far.send(OK);
                assert_eq!(client.recv_message().body, b"hi");
                open.push((client, far));
            }
        });
    }
}

#[test]
fn limits_of_connections_hold_for_all_threads_together() {
    for (global, frontend, bind) in [
        ("maxconn 3", "", ""),
        ("", "maxconn 3", ""),
        ("", "", "maxconn 3"),
        ("maxconn 3", "maxconn 5", "maxconn 4"),
    ] {
        compat(|t| {
            let server = t.origin("srv");
            let text = Proxy::http().global(global).frontend(&format!("backlog 100\n{frontend}")).text();
            let text =
                text.replace("nbthread 1", "nbthread 4").replace("bind {fe}", &format!("bind {{fe}} {bind}"));
            let mut proxy = t.start(&text);
            let mut clients: Vec<Peer> = (0..12).map(|_| proxy.client("fe")).collect();
            for client in &mut clients {
                client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            }
            // Each that ends lets one more in, until all were served.
            let mut served: Vec<Peer> = (0..3).map(|_| server.accept()).collect();
            for left in (0..12).rev() {
                server.expect_nobody(Duration::from_millis(30));
                let mut far = served.remove(0);
                far.recv_message();
                far.send(OK);
                if left > 2 {
                    served.push(server.accept());
                }
            }
        });
    }
}

#[test]
fn the_source_and_interface_towards_the_server_can_be_chosen() {
    compat(|t| {
        let server = t.origin("srv");
        for (backend, parameters, wanted) in [
            ("source 127.0.0.5", "", "127.0.0.5"),
            ("source 127.0.0.5", "source 127.0.0.6", "127.0.0.6"),
            ("source 127.0.0.5 interface lo", "", "127.0.0.5"),
            ("", "source 0.0.0.0", "127.0.0.1"),
            ("", "source 127.0.0.8:21000-21999", "127.0.0.8"),
        ] {
            let servers = format!("server s {{srv}} {parameters}");
            let mut proxy = t.start(&Proxy::tcp().backend(backend).servers(&servers).text());
            let _client = proxy.client("fe");
            let remote = server.accept().remote();
            assert_eq!(remote.ip().to_string(), wanted, "{backend} {parameters}");
            assert!(!parameters.ends_with("999") || (21000..22000).contains(&remote.port()));
        }
    });
}

#[test]
fn a_port_offset_follows_the_port_of_the_client() {
    compat(|t| {
        let held = neighbours(2);
        let (front, back) = (held[0].address(), held[1].address());
        let server = Origin::on(back);
        t.set("front", front.to_string());
        let mut proxy =
            t.start(&Proxy::tcp().frontend("bind {front}").servers("server s 127.0.0.1:+1").text());
        let _ = proxy.client("fe");
        let mut client = Peer::connect(front);
        client.send("x");
        server.accept().expect("x");
    });
}
