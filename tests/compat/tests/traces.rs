//! Traces: what the program tells of itself, where it goes, and when (manual, 12.1; management manual, "trace").

use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::Running;

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
ring start
    format raw
    size 65536
ring own
    format short
    size 65536
traces
    trace h1 sink start verbosity quiet start now
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    http-request return status 200 if { path /own }
    default_backend be
backend be
    server s {s}
";

/// What the lines of a ring say, their places in the program left out, once there are `count`.
fn told(proxy: &Running, ring: &str, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = proxy.admin(&format!("show events {ring}"));
        let text = |line: &str| Some(line.split_once("] ")?.1.split(" : ").next()?.trim().to_owned());
        let lines: Vec<String> = answer.lines().filter_map(text).collect();
        if lines.len() >= count || Instant::now() > deadline {
            return lines;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ask(proxy: &mut Running, request: &str) {
    let mut client = proxy.client("fe");
    client.send(request);
    client.recv_to_close();
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn requests_and_answers_are_told_from_the_start() {
    compat(|t| {
        let _server = t.origin("s").answer_all("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        let mut proxy = t.start(CONFIG);
        ask(&mut proxy, REQUEST);
        let mut lines = told(&proxy, "start", 8);
        lines.sort();
        let mut wanted = [
            "rcvd H1 request headers",
            "H1 request fully rcvd",
            "sending request headers",
            "H1 request fully xferred",
            "rcvd H1 response headers",
            "H1 response fully rcvd",
            "sending response headers",
            "H1 response fully xferred",
        ];
        wanted.sort();
        assert_eq!(lines, wanted);
        let heads = proxy.admin("show events start");
        assert!(
            heads.lines().all(|l| l.is_empty() || l.starts_with("[0") && l.contains("|h1|1|")),
            "{heads}"
        );

        // Another ring, another format, and only what went wrong.
        assert_eq!(proxy.admin("trace h1 sink own level error"), "\n");
        ask(&mut proxy, REQUEST);
        ask(&mut proxy, "GE(T / HTTP/1.1\r\n\r\n");
        let lines = told(&proxy, "own", 1);
        assert_eq!(lines.first().map(String::as_str), Some("parsing error, reject H1 message"));
        assert!(proxy.admin("show events own").starts_with("<0>[0"), "the ring's format");
        assert_eq!(told(&proxy, "start", 8).len(), 8);
    });
}

#[test]
fn a_trace_waits_for_an_event_pauses_after_another_and_stops() {
    compat(|t| {
        let _server = t.origin("s");
        let mut proxy = t.start(CONFIG);
        proxy.admin("trace 0; trace h1 sink own level user start rx_headers pause h1s_end");
        assert!(proxy.admin("show trace").contains("[w] h1 "));
        let own = REQUEST.replace("GET /", "GET /own");
        ask(&mut proxy, &own);
        let once = [
            "rcvd H1 request headers",
            "H1 request fully rcvd",
            "sending response headers",
            "H1 response fully xferred",
        ];
        assert_eq!(told(&proxy, "own", 4), once);
        assert!(proxy.admin("show trace").contains("[w] h1 "));
        ask(&mut proxy, &own);
        assert_eq!(told(&proxy, "own", 8).len(), 8);
        proxy.admin("trace h1 stop now");
        ask(&mut proxy, &own);
        assert_eq!(told(&proxy, "own", 8).len(), 8);
        assert!(proxy.admin("show trace").contains("[.] h1 "));
    });
}
