//! Filters: bandwidth limits on bodies, and bodies that are handed on in pieces (manual, chapter 9).

use std::thread;
use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::{Message, Peer};

/// A body of five thousand bytes takes two periods where two thousand pass in one, and no byte is lost.
#[test]
fn bodies_take_as_long_as_limits_say() {
    compat(|t| {
        let server = t.origin("srv").serve(|far, _| echo(far));
        let mut proxy = t.start(LIMITS);
        thread::scope(|scope| {
            for (name, upload) in
                [("own", false), ("computed", false), ("shared", false), ("up", true), ("up_shared", true)]
            {
                let mut client = proxy.client(name);
                scope.spawn(move || {
                    let begun = Instant::now();
                    let size = if upload { 5000 } else { 0 };
                    client.send(format!(
                        "POST /{} HTTP/1.1\r\nhost: a\r\ncontent-length: {size}\r\n\r\n",
                        5000 - size
                    ));
                    client.send(vec![b'x'; size]);
                    let answer = client.recv_message();
                    let wanted = if upload { b"5000".to_vec() } else { vec![b'y'; 5000] };
                    assert_eq!(answer.body, wanted, "{name}");
                    assert!(begun.elapsed() >= Duration::from_millis(700), "{name}: {:?}", begun.elapsed());
                });
            }
        });
        server.finish();
    });
}

/// The same of a session of TCP, whose end waits for its bytes.
#[test]
fn sessions_of_tcp_take_as_long_as_limits_say() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(
            "
            defaults
                mode tcp
                timeout connect 10s
                timeout client 30s
                timeout server 30s
            listen fe
                bind {fe}
                filter bwlim-out own default-limit 2000 default-period 500ms
                tcp-request content set-bandwidth-limit own
                server s {srv}
            ",
        );
        let mut client = proxy.client("fe");
        let begun = Instant::now();
        let mut far = server.accept();
        far.send(vec![b'y'; 5000]).shutdown_write();
        client.expect(vec![b'y'; 5000]).expect_eof();
        assert!(begun.elapsed() >= Duration::from_millis(700), "{:?}", begun.elapsed());
    });
}

/// However bodies are cut on their way, they arrive whole, in chunks and of known length.
#[test]
fn bodies_arrive_whole_in_random_pieces() {
    compat(|t| {
        let server = t.origin("srv").serve(|far, _| echo(far));
        let mut proxy = t.start(LIMITS);
        thread::scope(|scope| {
            for name in ["pieces", "small", "both"] {
                let mut client = proxy.client(name);
                scope.spawn(move || {
                    let body = "5\r\nhello\r\n400\r\n".to_owned() + &"z".repeat(1024) + "\r\n0\r\n\r\n";
                    client
                        .send("POST /0 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
                        .send(&body);
                    assert_eq!(client.recv_message().body, b"1029", "{name}");
                    client.send("POST /40000 HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
                    assert_eq!(client.recv_message().body, vec![b'y'; 40000], "{name}");
                });
            }
        });
        server.finish();
    });
}

/// Answers with as many bytes as the path says, or with the number of those that came.
fn echo(far: &mut Peer) {
    while far.wait_for_bytes() {
        let request = far.recv_message();
        let line = request.head.start_line();
        let wanted: usize = line.split([' ', '/']).nth(2).and_then(|n| n.parse().ok()).unwrap_or(0);
        let body = match wanted {
            0 => data_of(&request).len().to_string().into_bytes(),
            n => vec![b'y'; n],
        };
        far.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len())).send(body);
    }
}

/// A body without the framing of its chunks, which may be cut anywhere.
fn data_of(request: &Message) -> Vec<u8> {
    if request.head.header("transfer-encoding").is_none() {
        return request.body.clone();
    }
    let mut rest = request.body.as_slice();
    let mut data = Vec::new();
    while let Some(end) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        data.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    data
}

const LIMITS: &str = "
    defaults
        mode http
        timeout connect 10s
        timeout client 30s
        timeout server 30s
        default_backend b
    frontend own
        bind {own}
        filter bwlim-out own default-limit 2000 default-period 500ms
        http-request set-bandwidth-limit own
    frontend computed
        bind {computed}
        filter bwlim-out own default-limit 1m default-period 1s
        http-response set-bandwidth-limit own limit int(2000) period 500ms
    frontend shared
        bind {shared}
        filter bwlim-out all limit 2000 key src table t min-size 500
        http-request set-bandwidth-limit all if TRUE
    frontend up
        bind {up}
        filter bwlim-in own default-limit 2000 default-period 500ms
        http-request set-bandwidth-limit own
    frontend up_shared
        bind {up_shared}
        filter bwlim-in all limit 2000 key src table t
        http-request set-bandwidth-limit all
    frontend pieces
        bind {pieces}
        filter trace quiet random-forwarding
    frontend small
        bind {small}
        filter trace quiet max-fwd 100
    frontend both
        bind {both}
        filter trace quiet random-forwarding
        filter bwlim-out own default-limit 10m default-period 1s
        http-request set-bandwidth-limit own
    backend t
        stick-table type ip size 100 store bytes_out_rate(500ms),bytes_in_rate(500ms)
    backend b
        server s {srv}
";
