//! The columns of `show stat` that tell of HTTP/1 and HTTP/2: what each kind of traffic adds to them, on both sides.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::h2::{Frame, H2Peer, PREFACE};
use weir_testkit::{Origin, PATIENCE, Running};

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend fe
    bind {fe}
    use_backend one if { path_beg /one }
    default_backend two
backend one
    server s {one}
backend two
    server s {two} proto h2
";

type Columns = BTreeMap<String, i64>;
type Traffic = fn(&mut Running, &Origin, &Origin);

#[test]
fn what_passes_is_counted_by_protocol() {
    compat(|t| {
        let (one, two) = (t.origin("one"), t.origin("two"));
        let mut proxy = t.start(CONFIG);
        let mut wrong = Vec::new();
        let mut before = columns(&mut proxy);
        let cases: [(&str, Traffic, &str); 7] = [
            (
                "HTTP/1 to HTTP/1",
                one_to_one,
                "fe.h1_bytes_in=61 fe.h1_bytes_out=41 fe.h1_total_connections=1 fe.h1_total_streams=1 \
                 one.h1_bytes_in=41 one.h1_bytes_out=61 one.h1_total_connections=1 one.h1_total_streams=1",
            ),
            (
                "HTTP/1 twice on a connection",
                one_twice,
                "fe.h1_bytes_in=110 fe.h1_bytes_out=120 fe.h1_total_connections=1 fe.h1_total_streams=2 \
                 one.h1_bytes_in=120 one.h1_bytes_out=110 one.h1_total_connections=1 \
                 one.h1_total_streams=2",
            ),
            (
                "HTTP/1 to HTTP/2",
                one_to_two,
                "fe.h1_bytes_in=61 fe.h1_bytes_out=41 fe.h1_total_connections=1 fe.h1_total_streams=1 \
                 two.h2_backend_total_streams=1 two.h2_data_rcvd=1 two.h2_headers_rcvd=1 \
                 two.h2_settings_rcvd=2 two.h2_total_connections=1",
            ),
            (
                "HTTP/2 to HTTP/1",
                two_to_one,
                "fe.h1_bytes_in=95 fe.h1_total_connections=1 fe.h2_backend_total_streams=1 \
                 fe.h2_headers_rcvd=1 fe.h2_settings_rcvd=2 fe.h2_total_connections=1 one.h1_bytes_in=41 \
                 one.h1_bytes_out=30 one.h1_total_connections=1 one.h1_total_streams=1",
            ),
            (
                "HTTP/2 to HTTP/2",
                two_to_two,
                "fe.h1_bytes_in=95 fe.h1_total_connections=1 fe.h2_backend_total_streams=1 \
                 fe.h2_headers_rcvd=1 fe.h2_settings_rcvd=2 fe.h2_total_connections=1 \
                 two.h2_backend_total_streams=1 two.h2_data_rcvd=1 two.h2_headers_rcvd=1 \
                 two.h2_settings_rcvd=2 two.h2_total_connections=1",
            ),
            (
                "no request of HTTP/1",
                no_one,
                "fe.h1_bytes_in=12 fe.h1_bytes_out=207 fe.h1_total_connections=1 fe.h1_total_streams=1",
            ),
            (
                "no request of HTTP/2",
                no_two,
                "fe.h1_bytes_in=93 fe.h1_total_connections=1 fe.h2_detected_conn_protocol_errors=1 \
                 fe.h2_detected_strm_protocol_errors=1 fe.h2_goaway_resp=1 fe.h2_headers_rcvd=1 \
                 fe.h2_rst_stream_resp=1 fe.h2_settings_rcvd=2 fe.h2_total_connections=1",
            ),
        ];
        for (name, traffic, wanted) in cases {
            traffic(&mut proxy, &one, &two);
            let text = |now: &Columns| {
                let grown = now.iter().map(|(k, v)| (k, v - before.get(k).copied().unwrap_or(0)));
                grown.filter(|(_, n)| *n != 0).map(|(k, n)| format!("{k}={n}")).collect::<Vec<_>>().join(" ")
            };
            let mut now = columns(&mut proxy);
            // Connections that close are counted as soon as that is seen.
            let deadline = Instant::now() + PATIENCE;
            while text(&now) != wanted && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
                now = columns(&mut proxy);
            }
            if text(&now) != wanted {
                wrong.push(format!("{name}: {}", text(&now)));
            }
            before = now;
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

fn one_to_one(proxy: &mut Running, one: &Origin, _: &Origin) {
    let mut client = proxy.client("fe");
    client.send("POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    let mut server = one.accept();
    server.recv_message();
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    client.recv_message();
}

fn one_twice(proxy: &mut Running, one: &Origin, _: &Origin) {
    let mut client = proxy.client("fe");
    let mut server = None;
    for _ in 0..2 {
        client.send("GET /one HTTP/1.1\r\nHost: a\r\nCache-Control: no-cache\r\n\r\n");
        let server = server.get_or_insert_with(|| one.accept());
        server.recv_message();
        server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        client.recv_message();
    }
}

fn one_to_two(proxy: &mut Running, _: &Origin, two: &Origin) {
    let mut client = proxy.client("fe");
    client.send("POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    answer(two);
    client.recv_message();
}

fn two_to_one(proxy: &mut Running, one: &Origin, _: &Origin) {
    let mut client = asks(proxy, "/one");
    let mut server = one.accept();
    server.recv_message();
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    client.recv_of("DATA");
}

fn two_to_two(proxy: &mut Running, _: &Origin, two: &Origin) {
    let mut client = asks(proxy, "/two");
    answer(two);
    client.recv_of("DATA");
}

fn no_one(proxy: &mut Running, _: &Origin, _: &Origin) {
    let mut client = proxy.client("fe");
    client.send("GET /one\r\n\r\n");
    client.recv_to_close();
}

fn no_two(proxy: &mut Running, _: &Origin, _: &Origin) {
    let mut client = proxy.client("fe");
    let no_path = [(":method", "GET"), (":scheme", "http"), (":authority", "a")];
    let request = Frame::headers(1, &no_path, true).bytes();
    client.send(
        [PREFACE, &Frame::settings(&[]).bytes(), &request, &Frame::new("PING", 0, 0, *b"1").bytes()].concat(),
    );
    client.recv_to_close();
}

/// A client that says all it has to say in one go.
fn asks(proxy: &mut Running, path: &str) -> H2Peer {
    let mut client = proxy.client("fe");
    let lines = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a")];
    let request = Frame::headers(1, &lines, true).bytes();
    client.send([PREFACE, &Frame::settings(&[]).bytes(), &request].concat());
    H2Peer::new(client)
}

/// Answers a request in HTTP/2.
fn answer(two: &Origin) {
    let mut server = H2Peer::server(two.accept(), &[]);
    let head = server.recv_of("HEADERS");
    if !head.ends() {
        while !server.recv_of("DATA").ends() {}
    }
    server.send(&Frame::headers(1, &[(":status", "200"), ("content-length", "3")], false));
    server.send(&Frame::data(1, *b"abc", true));
    server.send(&Frame::new("PING", 0, 0, *b"the end."));
    server.recv_of("PING");
}

/// `h1_*` and `h2_*`, with the side before each.
fn columns(proxy: &mut Running) -> Columns {
    let text = proxy.admin("show stat");
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = rows.next().unwrap_or_default();
    let sides = rows.filter(|row| row.get(1).is_some_and(|name| matches!(*name, "FRONTEND" | "BACKEND")));
    let cells = sides.flat_map(|row| {
        let side = row.first().copied().unwrap_or_default().to_owned();
        let cells: Vec<_> = names.iter().zip(&row).map(|(n, v)| (n.to_string(), v.to_string())).collect();
        cells.into_iter().map(move |(name, value)| (format!("{side}.{name}"), value))
    });
    let told = cells.filter(|(name, _)| name.contains(".h1_") || name.contains(".h2_"));
    told.map(|(name, value)| (name, value.parse().unwrap_or(0))).collect()
}
