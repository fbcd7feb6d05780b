//! TCP mode: transfers in both directions at once, and who ended what in which phase.

use std::time::Duration;
use weir_compat::{Proxy, compat};
use weir_testkit::{FullBacklog, Origin, Peer, mask};

/// Server, timers' signs, bytes, termination letters and counters of a masked `tcplog` line.
fn ending(line: &str) -> String {
    let masked = mask::log_line(line);
    masked.split(' ').skip(4).collect::<Vec<_>>().join(" ")
}

fn bytes(count: usize, seed: usize) -> Vec<u8> {
    (0..count).map(|n| ((n * 31 + seed) % 251) as u8).collect()
}

/// Sends all of `out` and receives as many bytes, at once.
#[track_caller]
fn swap(peer: &mut Peer, out: &[u8], count: usize) -> Vec<u8> {
    use std::os::fd::AsFd;
    let copy = std::net::TcpStream::from(peer.as_fd().try_clone_to_owned().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            Peer::new(copy).send(out);
        });
        peer.recv_exactly(count)
    })
}

#[test]
fn ten_megabytes_pass_in_both_directions_at_once() {
    for options in
        ["", "option splice-auto", "option splice-request\noption splice-response", "option nolinger"]
    {
        compat(|t| {
            let server = t.origin("srv");
            let mut proxy = t.start(&Proxy::tcp().defaults(options).text());
            let (up, down) = (bytes(10_000_000, 1), bytes(10_000_000, 2));
            let mut client = proxy.client("fe");
            let mut far = server.accept();
            std::thread::scope(|scope| {
                let seen = scope.spawn(|| swap(&mut far, &down, up.len()) == up);
                assert!(swap(&mut client, &up, down.len()) == down, "{options}");
                assert!(seen.join().unwrap(), "{options}");
            });
        });
    }
}

#[test]
fn a_reader_that_stops_holds_the_sender_back_and_loses_nothing() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().text());
        let body = bytes(3_000_000, 3);
        let mut client = Peer::connect_with_small_window(proxy.address("fe"));
        let mut far = server.accept();
        std::thread::scope(|scope| {
            scope.spawn(|| far.send(&body).shutdown_write());
            std::thread::sleep(Duration::from_millis(200));
            assert!(client.recv_to_eof() == body);
        });
    });
}

#[test]
fn a_server_that_speaks_first_is_heard_at_once() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().text());
        let mut client = proxy.client("fe");
        let mut far = server.accept();
        far.send("220 ready\r\n");
        client.expect("220 ready\r\n").send("EHLO a\r\n");
        far.expect("EHLO a\r\n").send("250 ok\r\n");
        client.expect("250 ok\r\n");
    });
}

#[test]
fn bytes_before_a_close_are_delivered() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().text());
        let body = bytes(500_000, 4);
        let mut client = proxy.client("fe");
        let mut far = server.accept();
        std::thread::scope(|scope| {
            scope.spawn(|| client.send(&body).close());
            assert!(far.recv_to_eof() == body);
        });
        let mut client = proxy.client("fe");
        let mut far = server.accept();
        std::thread::scope(|scope| {
            scope.spawn(|| far.send(&body).close());
            assert!(client.recv_to_eof() == body);
        });
    });
}

#[test]
fn nolinger_of_a_backend_resets_the_server_where_a_close_is_due() {
    compat(|t| {
        let server = t.origin("srv");
        let text = Proxy::tcp().defaults("timeout client 250ms").backend("option nolinger").text();
        let mut proxy = t.start(&text);
        let mut client = proxy.client("fe");
        client.send("x");
        let mut far = server.accept();
        far.expect("x").expect_reset();
    });
}

#[test]
fn a_reset_of_one_side_ends_the_other() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::tcp().logged().text());
        for (who, letters) in [("client", "CD"), ("server", "SD")] {
            let (mut client, mut far) = (proxy.client("fe"), server.accept());
            client.send("up");
            far.expect("up").send("down");
            client.expect("down");
            if who == "client" {
                client.reset();
                far.expect_closed();
            } else {
                far.reset();
                client.expect_closed();
            }
            assert_eq!(ending(&log.next()), format!("fe be/s T/T/T 4 {letters} 1/1/0/0/0 0/0"));
        }
    });
}

#[test]
fn a_client_that_spoke_and_left_does_not_end_the_wait_for_the_server() {
    compat(|t| {
        let full = FullBacklog::new();
        t.set("srv", full.address().to_string());
        let log = t.sink("log");
        let mut proxy = t.start(
            &Proxy::tcp().defaults("timeout connect 300ms\nretries 0\noption abortonclose").logged().text(),
        );
        let mut client = proxy.client("fe");
        client.send("x").pause(Duration::from_millis(100)).close();
        let line = ending(&log.next());
        assert_eq!(line, "fe be/s T/-1/T 0 sC 1/1/0/0/0 0/0");
    });
}

#[test]
fn a_server_that_does_not_answer_the_handshake_ends_with_timeout_connect() {
    compat(|t| {
        let full = FullBacklog::new();
        t.set("srv", full.address().to_string());
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::tcp().defaults("timeout connect 250ms\nretries 1").logged().text());
        proxy.client("fe").expect_closed();
        assert_eq!(ending(&log.next()), "fe be/s T/-1/T 0 sC 1/1/0/0/1 0/0");
    });
}

#[test]
fn a_silent_server_is_left_for_another_by_redispatch() {
    for (option, retries, wanted) in [
        ("option redispatch", 1, "fe be/s T/T/T 2 -- 1/1/0/0/+1 0/0"),
        ("option redispatch 1", 2, "fe be/s T/T/T 2 -- 1/1/0/0/+1 0/0"),
        ("option redispatch 2", 3, "fe be/s T/T/T 2 -- 1/1/0/0/+1 0/0"),
        ("option redispatch -1", 2, "fe be/s T/T/T 2 -- 1/1/0/0/+1 0/0"),
        ("no option redispatch", 1, "fe be/full T/-1/T 0 sC 1/1/0/0/1 0/0"),
    ] {
        compat(|t| {
            let full = FullBacklog::new();
            t.set("full", full.address().to_string());
            let server = t.origin("srv");
            let log = t.sink("log");
            let defaults = format!("timeout connect 200ms\nretries {retries}\n{option}\nbalance roundrobin");
            let text =
                Proxy::tcp().defaults(&defaults).servers("server full {full}\n server s {srv}").logged();
            let mut proxy = t.start(&text.text());
            let mut client = proxy.client("fe");
            if wanted.contains("be/s") {
                server.accept().send("hi").close();
                client.expect("hi").expect_eof().close();
            } else {
                client.expect_closed();
            }
            assert_eq!(ending(&log.next()), wanted, "{option}");
        });
    }
}

#[test]
fn writing_does_not_keep_a_silent_side_alive_with_independent_streams() {
    compat(|t| {
        let server = t.origin("srv");
        for (option, kept) in [("", true), ("option independent-streams", false)] {
            let defaults = format!("timeout client 400ms\ntimeout server 5s\n{option}");
            let mut proxy = t.start(&Proxy::tcp().defaults(&defaults).text());
            let mut client = proxy.client("fe");
            client.send("x");
            let mut far = server.accept();
            far.expect("x");
            let mut open = true;
            for _ in 0..8 {
                std::thread::sleep(Duration::from_millis(100));
                open = open && far.try_send("tick").is_ok() && far.is_open();
            }
            assert_eq!(open, kept, "{option}");
        }
    });
}

#[test]
fn a_server_that_closes_before_a_byte_is_no_failure() {
    compat(|t| {
        let server: Origin = t.origin("srv");
        let log = t.sink("log");
        let mut proxy = t.start(&Proxy::tcp().logged().text());
        let mut client = proxy.client("fe");
        server.accept().shutdown_write();
        client.expect_eof().close();
        assert_eq!(ending(&log.next()), "fe be/s T/T/T 0 -- 1/1/0/0/0 0/0");
    });
}
