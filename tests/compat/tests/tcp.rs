//! TCP mode: bytes, half-closes, resets, timeouts, and the log line that names who ended it.

use std::time::Duration;
use weir_compat::{Proxy, compat};
use weir_testkit::{Origin, mask};

/// The termination letters and the counters of a masked `tcplog` line.
fn ending(line: &str) -> String {
    let masked = mask::log_line(line);
    masked.split(' ').skip(4).collect::<Vec<_>>().join(" ")
}

#[test]
fn half_close_of_the_client_reaches_the_server() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().text());
        let mut client = proxy.client("fe");
        client.send("question").shutdown_write();
        let mut far = server.accept();
        far.expect("question").expect_eof().send("answer").shutdown_write();
        client.expect("answer").expect_eof();
    });
}

#[test]
fn half_close_of_the_server_reaches_the_client() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().text());
        let mut client = proxy.client("fe");
        let mut far = server.accept();
        far.send("greeting").shutdown_write();
        client.expect("greeting").expect_eof().send("late words").shutdown_write();
        far.expect("late words").expect_eof();
    });
}

#[test]
fn a_megabyte_passes_unchanged_in_both_directions() {
    compat(|t| {
        let body: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().text());
        let mut client = proxy.client("fe");
        let mut far = server.accept();
        std::thread::scope(|scope| {
            scope.spawn(|| client.send(&body).expect(&body).shutdown_write());
            far.expect(&body).send(&body).expect_eof();
        });
    });
}

#[test]
fn endings_of_a_tcp_session_are_named_in_the_log() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy =
            t.start(&Proxy::tcp().defaults("timeout client 300ms\ntimeout server 600ms").logged().text());

        let (mut client, mut far) = (proxy.client("fe"), server.accept());
        client.send("question");
        far.expect("question").send("answer").close();
        client.expect("answer").expect_eof().close();
        assert_eq!(
            mask::log_line(&log.next()),
            "<134>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s T/T/T 6 -- 1/1/0/0/0 0/0"
        );

        let (mut client, mut far) = (proxy.client("fe"), server.accept());
        client.send("x");
        far.expect("x");
        client.reset();
        far.expect_closed();
        assert_eq!(ending(&log.next()), "fe be/s T/T/T 0 CD 1/1/0/0/0 0/0");

        let (mut client, mut far) = (proxy.client("fe"), server.accept());
        client.send("x");
        far.expect("x").reset();
        client.expect_closed();
        assert_eq!(ending(&log.next()), "fe be/s T/T/T 0 SD 1/1/0/0/0 0/0");

        let (mut client, mut far) = (proxy.client("fe"), server.accept());
        client.expect_closed();
        far.expect_closed();
        assert_eq!(ending(&log.next()), "fe be/s T/T/T 0 cD 1/1/0/0/0 0/0");
    });
}

#[test]
fn a_silent_server_is_named_when_its_timeout_is_the_shorter() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy =
            t.start(&Proxy::tcp().defaults("timeout server 300ms\ntimeout client 900ms").logged().text());
        let (mut client, mut far) = (proxy.client("fe"), server.accept());
        client.send("x").expect_closed();
        far.expect("x").expect_closed();
        assert_eq!(ending(&log.next()), "fe be/s T/T/T 0 sD 1/1/0/0/0 0/0");
    });
}

#[test]
fn timeout_tunnel_replaces_both_sides() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let defaults = "timeout client 200ms\ntimeout server 200ms\ntimeout tunnel 700ms";
        let mut proxy = t.start(&Proxy::tcp().defaults(defaults).logged().text());
        let (mut client, mut far) = (proxy.client("fe"), server.accept());
        client.send("x");
        far.expect("x").send("y");
        client.expect("y").expect_silence(Duration::from_millis(400));
        client.expect_closed();
        assert!(ending(&log.next()).starts_with("fe be/s T/T/T 1 cD "));
    });
}

#[test]
fn half_closed_connections_have_their_own_timeouts() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::tcp().defaults("timeout client-fin 300ms").logged().text());
        let (mut client, mut far) = (proxy.client("fe"), server.accept());
        far.send("y").shutdown_write();
        client.expect("y").expect_eof();
        far.expect_closed();
        assert_eq!(ending(&log.next()), "fe be/s T/T/T 1 cD 1/1/0/0/0 0/0");
        drop(proxy);

        let mut proxy = t.start(&Proxy::tcp().defaults("timeout server-fin 300ms").logged().text());
        let (mut client, mut far) = (proxy.client("fe"), server.accept());
        client.send("x").shutdown_write();
        far.expect("x").expect_eof();
        client.expect_closed();
        assert_eq!(ending(&log.next()), "fe be/s T/T/T 0 sD 1/1/0/0/0 0/0");
    });
}

#[test]
fn a_refusing_server_is_tried_again_and_logged_as_sc() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = t.start(
            &Proxy::tcp()
                .defaults("retries 2\ntimeout connect 300ms")
                .servers("server s {dead}")
                .logged()
                .text(),
        );
        proxy.client("fe").expect_closed();
        assert_eq!(ending(&log.next()), "fe be/s T/-1/T 0 SC 1/1/0/0/2 0/0");
    });
}

#[test]
fn redispatch_leaves_a_refusing_server() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text = Proxy::tcp()
            .defaults("retries 1\noption redispatch\ntimeout connect 300ms\nbalance roundrobin")
            .servers("server d {dead}\n server s {srv}")
            .logged()
            .text();
        let mut proxy = t.start(&text);
        for wanted in ["fe be/s T/T/T 5 -- 1/1/0/0/+1 0/0", "fe be/s T/T/T 5 -- 1/1/0/0/+1 0/0"] {
            let mut client = proxy.client("fe");
            server.accept().send("hello").close();
            client.expect("hello").expect_eof().close();
            assert_eq!(ending(&log.next()), wanted);
        }
    });
}

#[test]
fn no_server_is_logged_as_nosrv() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::tcp().servers("server s {dead} disabled").logged().text());
        proxy.client("fe").expect_closed();
        assert_eq!(ending(&log.next()), "fe be/<NOSRV> -1/-1/T 0 SC 1/1/0/0/0 0/0");
    });
}

#[test]
fn logasap_logs_at_the_connection_with_a_plus() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::tcp().frontend("option logasap").logged().text());
        let mut client = proxy.client("fe");
        let mut far = server.accept();
        assert_eq!(ending(&log.next()), "fe be/s T/T/+T +0 -- 1/1/1/1/0 0/0");
        far.close();
        client.expect_eof().close();
        log.expect_silence(Duration::from_millis(100));
    });
}

#[test]
fn a_connection_without_a_byte_is_logged_unless_dontlognull() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        for (option, wanted) in [("", Some("fe be/s T/T/T 0 -- 1/1/0/0/0 0/0")), ("option dontlognull", None)]
        {
            let mut proxy = t.start(&Proxy::tcp().frontend(option).logged().text());
            proxy.client("fe").shutdown_write().close();
            server.accept().expect_eof().close();
            let line = log.try_next(Duration::from_millis(300));
            assert_eq!(line.map(|line| ending(&line)).as_deref(), wanted, "{option}");
        }
    });
}

#[test]
fn the_source_address_towards_the_server_can_be_chosen() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().servers("server s {srv} source 127.0.0.9").text());
        let _client = proxy.client("fe");
        assert_eq!(server.accept().remote().ip().to_string(), "127.0.0.9");
    });
}

#[test]
fn unix_sockets_serve_on_both_sides() {
    compat(|t| {
        let server = t.origin("srv");
        let text = "
            defaults
                mode tcp
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            listen outer
                bind {fe}
                server s unix@{dir}/inner.sock
            listen inner
                bind unix@{dir}/inner.sock
                server s {srv}
        ";
        let mut proxy = t.start(text);
        let mut client = proxy.client("fe");
        client.send("through a path");
        server.accept().expect("through a path").send("back");
        client.expect("back");
        let mut direct = proxy.unix_client("inner.sock");
        direct.send("direct");
        server.accept().expect("direct");
    });
}

#[test]
fn a_full_frontend_leaves_connections_in_the_backlog() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().frontend("maxconn 1").text());
        let mut first = proxy.client("fe");
        let mut far = server.accept();
        let _second = proxy.client("fe");
        server.expect_nobody(Duration::from_millis(200));
        far.close();
        first.expect_eof().close();
        server.accept();
    });
}

#[test]
fn a_full_server_queues_and_timeout_queue_ends_the_wait() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text =
            Proxy::tcp().defaults("timeout queue 300ms").servers("server s {srv} maxconn 1").logged().text();
        let mut proxy = t.start(&text);
        let mut first = proxy.client("fe");
        let mut far = server.accept();
        proxy.client("fe").expect_closed();
        assert_eq!(ending(&log.next()), "fe be/<NOSRV> T/-1/T 0 sQ 2/2/1/0/0 0/1");
        let mut third = proxy.client("fe");
        server.expect_nobody(Duration::from_millis(50));
        far.send("bye").close();
        first.expect("bye").expect_eof().close();
        server.accept().send("your turn");
        third.expect("your turn");
    });
}

#[test]
fn round_robin_follows_the_weights() {
    compat(|t| {
        let heavy = t.origin("heavy");
        let light = t.origin("light");
        let servers = "server a {heavy} weight 2\n server b {light} weight 1";
        let mut proxy = t.start(&Proxy::tcp().backend("balance roundrobin").servers(servers).text());
        let mut order = String::new();
        for _ in 0..6 {
            let _client = proxy.client("fe");
            order.push(which(&heavy, &light));
        }
        assert_eq!(order, "aabaab");
    });
}

#[test]
fn a_backup_server_serves_only_when_no_other_can() {
    compat(|t| {
        let spare = t.origin("spare");
        let server = t.origin("srv");
        let servers = "server b {spare} backup\n server s {srv}";
        let text = Proxy::tcp().global("stats socket {dir}/admin.sock level admin").servers(servers).text();
        let mut proxy = t.start(&text);
        let _first = proxy.client("fe");
        assert_eq!(which(&server, &spare), 'a');
        drop(proxy);
        let mut proxy =
            t.start(&Proxy::tcp().servers("server b {spare} backup\n server s {srv} disabled").text());
        let _second = proxy.client("fe");
        assert_eq!(which(&server, &spare), 'b');
    });
}

/// Which of two servers the next connection reaches.
fn which(a: &Origin, b: &Origin) -> char {
    for _ in 0..200 {
        if a.accept_within(Duration::from_millis(5)).is_some() {
            return 'a';
        }
        if b.accept_within(Duration::from_millis(5)).is_some() {
            return 'b';
        }
    }
    panic!("nobody was reached")
}
