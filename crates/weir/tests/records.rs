//! What is recorded of transactions: latencies, and the last answers that were not what clients had hoped for.

use std::time::{Duration, Instant};

use weir_testkit::{Origin, Program, Running, Signal};

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    nbthread 2
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    retries 0
frontend in
    bind {in}
    unique-id-format id-%[path,regsub(/,,)]
    http-request use-service prometheus-exporter if { path /metrics }
    http-request deny if { path /deny }
    use_backend dead if { path /dead }
    use_backend none if { path /none }
    default_backend be
backend be
    server s {origin}
backend dead
    server d {dead}
backend none
";

fn start(origin: &str) -> Running {
    let mut launch = Program::at("weir", env!("CARGO_BIN_EXE_weir")).launch();
    launch.set("origin", origin);
    launch.start(CONFIG)
}

/// The answer to a request of a connection of its own.
fn ask(running: &mut Running, uri: &str) -> String {
    let mut client = running.client("in");
    client.send(format!("GET {uri} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    String::from_utf8_lossy(&client.recv_to_eof()).into_owned()
}

#[test]
fn answers_that_were_refused_are_told_with_what_decided_them_through_reloads() {
    let origin =
        Origin::new().answer_all("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let mut running = start(&origin.address().to_string());
    let cases = [
        ("deny", " in in/<NOSRV> 403 PR ", "weir.cfg:15 \"GET /deny HTTP/1.1\""),
        ("dead", " in dead/d 503 SC ", "(ECONNREFUSED returned by OS) \"GET /dead HTTP/1.1\""),
        ("none", " in none/<NOSRV> 503 SC ", "(no server is available) \"GET /none HTTP/1.1\""),
        ("there", " in be/s 404 -- ", "(answer of the server) \"GET /there HTTP/1.1\""),
    ];
    for (id, _, _) in cases {
        ask(&mut running, &format!("/{id}"));
    }
    running.signal(Signal::HUP);
    running.stderr_until("eload");
    for (id, way, decided) in cases {
        let told = running.admin_until(&format!("show recent id-{id}"), way);
        assert_eq!(told.trim_end().lines().count(), 1, "{told}");
        let file_apart = decided.strip_prefix("weir.cfg").unwrap_or(decided);
        assert!(told.trim_end().ends_with(file_apart), "{told}");
    }
    assert_eq!(running.admin("show recent id-nobody").trim(), "");
}

#[test]
fn latencies_are_those_that_the_client_sees() {
    // One answer in twenty takes four times as long.
    let origin = Origin::new().serve(|peer, number| {
        peer.recv_head();
        let wait = if number % 20 == 7 { 80 } else { 20 };
        peer.pause(Duration::from_millis(wait));
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").close();
    });
    let mut running = start(&origin.address().to_string());
    let mut seen: Vec<u128> = (0..100)
        .map(|_| {
            let mut client = running.client("in");
            let begun = Instant::now();
            client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            client.recv_to_eof();
            begun.elapsed().as_micros()
        })
        .collect();
    seen.sort_unstable();
    let table = running.admin_until("show latency be/s", "total,100,");
    let total = table.lines().find(|line| line.starts_with("be,s,total,")).unwrap();
    let cells: Vec<u128> = total.split(',').skip(3).map(|cell| cell.parse().unwrap()).collect();
    // What lies between the client and the program is not measured, so the program never tells more.
    for (told, at) in [(cells[2], 49), (cells[6], 98)] {
        assert!(told <= seen[at] * 102 / 100, "{told} of {}", seen[at]);
    }
    assert!(cells[2] >= 19_600 && cells[6] >= 78_400, "{total}");
    assert_eq!(cells[0], 100);
}

#[test]
fn prometheus_is_told_of_latencies_where_it_asks_for_them() {
    let origin =
        Origin::new().answer_all("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let mut running = start(&origin.address().to_string());
    ask(&mut running, "/");
    assert!(!ask(&mut running, "/metrics").contains("weir_"));
    let mut client = running.client("in");
    client.send("GET /metrics?scope=&latency HTTP/1.0\r\n\r\n");
    let all = String::from_utf8_lossy(&client.recv_to_eof()).into_owned();
    for kind in ["frontend", "backend", "server"] {
        for phase in ["queue", "connect", "response", "total"] {
            assert!(all.contains(&format!("# TYPE weir_{kind}_{phase}_seconds histogram\n")), "{all}");
        }
    }
    assert!(
        all.contains("weir_server_total_seconds_bucket{proxy=\"be\",server=\"s\",le=\"+Inf\"} 1\n"),
        "{all}"
    );
    assert!(all.contains("weir_server_total_seconds_count{proxy=\"be\",server=\"s\"} 1\n"), "{all}");
}
