//! The configurations of `examples/`: valid as they stand, and serving once their addresses are the test's.

use std::path::{Path, PathBuf};
use std::time::Duration;
use weir_compat::{Subject, compat};
use weir_testkit::{Origin, Peer, Running};

const GET: &str = "GET /page HTTP/1.1\r\nHost: www\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// Starts an example with the addresses that it names replaced.
#[track_caller]
fn start(t: &Subject, file: &str, addresses: &[(&str, &str)]) -> Running {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let errors = format!("{}/errors/", folder().display());
    let mut text = text.replace("errors/", &errors).replace("/run/weir-", "{dir}/");
    for (written, name) in addresses {
        assert!(text.contains(written), "{file} does not name {written}");
        text = text.replace(written, name);
    }
    t.start(&text)
}

/// One request on a connection of its own; what the server saw of it.
#[track_caller]
fn request(client: &mut Peer, server: &Origin) -> String {
    client.send(GET);
    let mut far = server.accept();
    let seen = far.recv_message().text();
    far.send(ANSWER);
    assert_eq!(client.recv_message().body, b"ok");
    seen
}

#[test]
fn every_example_is_valid_as_it_stands() {
    compat(|t| {
        let mut files: Vec<String> = std::fs::read_dir(folder())
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|name| name.ends_with(".cfg"))
            .collect();
        files.sort();
        assert!(files.len() >= 8, "{files:?}");
        let folder = folder().display().to_string();
        for file in files {
            let outcome = t.program().run(&["-C", &folder, "-dW", "-c", "-f", &file]);
            assert!(outcome.success(), "{file}: {}", outcome.text());
        }
    });
}

#[test]
fn the_site_hands_the_address_on_and_asks_for_the_servers_health() {
    compat(|t| {
        let (one, _log) = (t.origin("one"), t.sink("log"));
        let addresses = [
            ("127.0.0.1:8080", "{fe}"),
            ("127.0.0.1:9001", "{one}"),
            ("127.0.0.1:9002 weight 1", "{dead} disabled"),
            ("127.0.0.1:514", "{log}"),
            ("check inter 2s", "check inter 500ms"),
        ];
        let mut proxy = start(t, "http.cfg", &addresses);
        let mut check = one.accept();
        assert_eq!(check.recv_head().start_line(), "GET /health HTTP/1.0");
        check.send(ANSWER).close();
        let mut client = proxy.client("fe");
        client.send(GET);
        loop {
            let mut far = one.accept();
            let seen = far.recv_message().text();
            far.send(ANSWER);
            if seen.starts_with("GET /page") {
                assert!(seen.contains("x-forwarded-for: 127.0.0.1\r\n"), "{seen}");
                break;
            }
        }
        assert_eq!(client.recv_message().body, b"ok");
    });
}

#[test]
fn the_replica_serves_while_the_primary_is_down() {
    compat(|t| {
        let (replica, _log) = (t.origin("replica"), t.sink("log"));
        let addresses = [
            ("127.0.0.1:5432", "{fe}"),
            ("127.0.0.1:9001", "{dead}"),
            ("127.0.0.1:9002 check", "{replica}"),
            ("127.0.0.1:514", "{log}"),
            ("inter 1s fall 2 rise 3\n", "inter 20ms fall 1\n"),
            ("timeout connect 3s", "timeout connect 200ms"),
        ];
        let mut proxy = start(t, "tcp-backup.cfg", &addresses);
        for _ in 0..50 {
            let mut client = proxy.client("fe");
            if let Some(mut far) = replica.accept_within(Duration::from_millis(100)) {
                client.send("select 1");
                far.expect("select 1").send("1");
                client.expect("1");
                return;
            }
        }
        panic!("the replica was never asked");
    });
}

#[test]
fn clients_share_a_connection_to_the_server() {
    compat(|t| {
        let one = t.origin("one").answer_all(ANSWER);
        let addresses =
            [("127.0.0.1:8080", "{fe}"), ("127.0.0.1:8081", "{legacy}"), ("127.0.0.1:9001", "{one}")];
        let mut proxy = start(t, "keep-alive.cfg", &addresses);
        let (mut first, mut second) = (proxy.client("fe"), proxy.client("fe"));
        for client in [&mut first, &mut second] {
            assert_eq!(client.send(GET).recv_message().body, b"ok");
        }
        assert_eq!(first.send(GET).recv_message().body, b"ok");
        let mut legacy = proxy.client("legacy");
        assert_eq!(legacy.send(GET).recv_message().body, b"ok");
        legacy.expect_eof();
        // One for each thread at most, for four requests of three clients.
        assert!(one.accepted() <= 2, "{}", one.accepted());
    });
}

#[test]
fn requests_reach_the_server_with_fewest_connections() {
    compat(|t| {
        let (one, two) = (t.origin("one"), t.origin("two"));
        let addresses =
            [("127.0.0.1:8080", "{fe}"), ("127.0.0.1:9001", "{one}"), ("127.0.0.1:9002", "{two}")];
        let mut proxy = start(t, "queue.cfg", &addresses);
        let (mut first, mut second) = (proxy.client("fe"), proxy.client("fe"));
        first.send(GET);
        let (mut far, other) = match one.accept_within(Duration::from_millis(200)) {
            Some(far) => (far, &two),
            None => (two.accept(), &one),
        };
        far.recv_message();
        request(&mut second, other);
        far.send(ANSWER);
        assert_eq!(first.recv_message().body, b"ok");
    });
}

#[test]
fn lines_go_where_the_example_says() {
    compat(|t| {
        let (server, all, grave) = (t.origin("one"), t.sink("all"), t.sink("grave"));
        let addresses = [
            ("127.0.0.1:8080", "{fe}"),
            ("127.0.0.1:8081", "{quiet}"),
            ("127.0.0.1:9001", "{one}"),
            ("127.0.0.1:514", "{all}"),
            ("127.0.0.1:515", "{grave}"),
        ];
        let mut proxy = start(t, "logging.cfg", &addresses);
        request(&mut proxy.client("fe"), &server);
        let line = loop {
            let line = all.next();
            if line.contains("www app/app1") {
                break line;
            }
        };
        assert!(line.starts_with("<134>1 ") && line.contains(" balancer edge "), "{line}");
        assert!(
            line.ends_with("\"GET /page HTTP/1.1\"") || line.contains("\"GET /page HTTP/1.1\""),
            "{line}"
        );
        request(&mut proxy.client("quiet"), &server);
        while let Some(line) = grave.try_next(Duration::from_millis(100)) {
            assert!(!line.contains("/page"), "{line}");
        }
    });
}

#[test]
fn the_clients_address_passes_two_balancers() {
    compat(|t| {
        let server = t.origin("one");
        let addresses =
            [("127.0.0.1:8080", "{fe}"), ("127.0.0.1:8081", "{inner}"), ("127.0.0.1:9001", "{one}")];
        let mut proxy = start(t, "proxy-protocol.cfg", &addresses);
        let seen = request(&mut proxy.client("fe"), &server);
        assert!(seen.contains("x-forwarded-for: 127.0.0.1\r\n"), "{seen}");
    });
}

#[test]
fn sockets_in_the_file_system_serve_on_both_sides() {
    compat(|t| {
        let server = t.origin("one");
        let mut proxy =
            start(t, "unix-sockets.cfg", &[("127.0.0.1:8080", "{fe}"), ("127.0.0.1:9001", "{one}")]);
        let seen = request(&mut proxy.client("fe"), &server);
        assert!(seen.contains("x-forwarded-for: 127.0.0.1\r\n"), "{seen}");
        request(&mut proxy.unix_client("www.sock"), &server);
    });
}

#[test]
fn error_pages_are_the_examples_own() {
    compat(|t| {
        let addresses = [("127.0.0.1:8080", "{fe}"), ("127.0.0.1:9001", "{dead}")];
        let mut proxy = start(t, "error-pages.cfg", &addresses);
        let alive = proxy.client("fe").send("GET /alive HTTP/1.0\r\n\r\n").recv_message();
        assert_eq!(alive.head.status(), 200);
        let page = std::fs::read(folder().join("errors/503.http")).unwrap();
        let mut client = proxy.client("fe");
        client.send("GET / HTTP/1.0\r\n\r\n");
        let answer = client.recv_message();
        assert_eq!(answer.head.status(), 503);
        assert!(page.ends_with(&answer.body) && !answer.body.is_empty(), "{}", answer.text());
    });
}

#[test]
fn a_session_stays_with_its_server_until_its_client_asks_too_much() {
    compat(|t| {
        let answer = |name| {
            format!("HTTP/1.1 200 OK\r\nSet-Cookie: session={name}\r\nContent-Length: 1\r\n\r\n{name}")
        };
        let _one = t.origin("one").answer_all(answer("1"));
        let _two = t.origin("two").answer_all(answer("2"));
        let addresses = [
            ("127.0.0.1:8080", "{fe}"),
            ("127.0.0.1:9001", "{one}"),
            ("127.0.0.1:9002", "{two}"),
            ("http_req_rate(10s)", "http_req_rate(100s)"),
        ];
        let mut proxy = start(t, "stick-tables.cfg", &addresses);
        let mut client = proxy.client("fe");
        let mine = client.send(GET).recv_message().body;
        let session = format!("Cookie: session={}", String::from_utf8_lossy(&mine));
        for _ in 1..20 {
            client.send(format!("GET / HTTP/1.1\r\nHost: www\r\n{session}\r\n\r\n"));
            assert_eq!(client.recv_message().body, mine);
        }
        client.send(GET);
        assert!(client.recv_message().text().starts_with("HTTP/1.1 429 "));
    });
}
