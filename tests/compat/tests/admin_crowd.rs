//! Many at the runtime API at once: they hear what they asked for, and those who do not listen disturb nobody.

use std::time::{Duration, Instant};

use weir_compat::compat;

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    stats maxconn 250
    maxconn 500
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    http-request return status 200
backend entries
    stick-table type integer size 50k expire 1h store http_req_cnt
";

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn two_hundred_sessions_are_served_while_traffic_runs() {
    compat(|t| {
        let mut proxy = t.start(CONFIG);
        let mut sessions: Vec<_> = (0..200).map(|_| proxy.unix_client("admin.sock")).collect();
        for session in &mut sessions {
            session.send("prompt\n");
        }
        let mut client = proxy.client("fe");
        for round in 0..3 {
            for session in &mut sessions {
                session.send(format!("echo {round}\n"));
            }
            assert_eq!(client.send(GET).recv_message().head.status(), 200);
        }
        for session in &mut sessions {
            session.expect("\n> 0\n\n> 1\n\n> 2\n\n> ");
        }
    });
}

#[test]
fn who_does_not_read_a_large_answer_blocks_nobody() {
    compat(|t| {
        let mut proxy = t.start(CONFIG);
        for at in 0..200 {
            let commands: Vec<String> = (0..100)
                .map(|n| format!("set table entries key {} data.http_req_cnt 1", at * 100 + n))
                .collect();
            proxy.admin(&commands.join(";"));
        }
        // Answers of more than a megabyte each, which nobody reads for now.
        let mut silent: Vec<_> = (0..20).map(|_| proxy.unix_client("admin.sock")).collect();
        for session in &mut silent {
            session.send("show table entries\n");
        }
        let mut client = proxy.client("fe");
        let since = Instant::now();
        for _ in 0..50 {
            assert_eq!(client.send(GET).recv_message().head.status(), 200);
            assert_eq!(proxy.admin("echo a"), "a\n\n");
        }
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
        let answer = silent.pop().map(|mut session| session.recv_to_close()).unwrap_or_default();
        assert_eq!(answer.iter().filter(|byte| **byte == b'\n').count(), 20_002);
    });
}

/// What a hundredth of the requests took at least, of so many on a kept-alive connection.
fn slowest(client: &mut weir_testkit::Peer, count: usize) -> Duration {
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let since = Instant::now();
            assert_eq!(client.send(GET).recv_message().head.status(), 200);
            std::thread::sleep(Duration::from_micros(500));
            since.elapsed()
        })
        .collect();
    times.sort();
    times[count * 99 / 100]
}

/// `cargo xtask reloads` (`WEIR_STRICT`) asks for ten percent; a busy machine cannot tell so little.
#[test]
fn traffic_hardly_feels_two_hundred_sessions() {
    let strict = std::env::var_os("WEIR_STRICT").is_some();
    let (rounds, count) = if strict { (20, 1000) } else { (3, 100) };
    compat(|t| {
        let mut proxy = t.start(CONFIG);
        let mut sessions: Vec<_> = (0..200).map(|_| proxy.unix_client("admin.sock")).collect();
        for session in &mut sessions {
            session.send("prompt\n").expect("\n> ");
        }
        let mut client = proxy.client("fe");
        slowest(&mut client, count);
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            alone.push(slowest(&mut client, count));
            // Each of them asks, ten in a second.
            let stop = std::sync::atomic::AtomicBool::new(false);
            let time = std::thread::scope(|scope| {
                for part in sessions.chunks_mut(100) {
                    let stop = &stop;
                    scope.spawn(move || {
                        while !stop.load(std::sync::atomic::Ordering::Acquire) {
                            for session in part.iter_mut() {
                                session.send("get weight be/s1\n").expect("No such backend.\n\n> ");
                                std::thread::sleep(Duration::from_micros(900));
                            }
                        }
                    });
                }
                let time = slowest(&mut client, count);
                stop.store(true, std::sync::atomic::Ordering::Release);
                time
            });
            beside.push(time);
        }
        alone.sort();
        beside.sort();
        let (alone, beside) = (alone[rounds / 2], beside[rounds / 2]);
        eprintln!("{}: p99 of a request {alone:?} alone, {beside:?} beside 200 sessions", t.program().name());
        let most = if strict { alone * 11 / 10 } else { alone * 3 + Duration::from_millis(20) };
        assert!(
            beside <= most || t.program().name() != "weir",
            "{alone:?} alone, {beside:?} beside 200 sessions"
        );
    });
}
