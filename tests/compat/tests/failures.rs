//! Peers that misbehave: what the client gets, what the log says of it, and what the counters of `show stat` make of it,
//! for every way to fail, with and without retries, in HTTP and in TCP.
//!
//! All rows of a table run at once, each through a listener of its own; what is wanted lies in `failures.txt`, one
//! line for each, as the reference gave it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use weir_compat::{Subject, compat};
use weir_testkit::{FullBacklog, LogSink, Peer, Running, Serving};

/// One way in which two peers meet.
#[derive(Clone)]
struct Row {
    name: String,
    mode: &'static str,
    /// Lines of the listener.
    setup: &'static str,
    /// What the first server does with every connection; see [`play`].
    server: &'static str,
    /// What the client does.
    client: &'static str,
    /// Whether there is a second server, which answers well.
    second: bool,
}

// === impl Row ===

impl Row {
    /// Whether the end may be seen while the request is written as well as while the answer is read, which counters
    /// tell apart.
    fn is_race(&self) -> bool {
        self.mode == "http" && matches!(self.server, "close" | "request reset" | "head reset")
    }
}

/// How servers fail before or in their answer.
const FAULTS: [(&str, &str); 35] = [
    ("dead", "dead"),
    ("full queue", "full"),
    ("close at once", "close"),
    ("close after the request", "request close"),
    ("reset after the request", "request reset"),
    ("half a line", "request HT close"),
    ("half a head", "request HALF-HEAD close"),
    ("half a head, reset", "request HALF-HEAD pause:50 reset"),
    ("half a body", "request HALF-BODY close"),
    ("half a body, reset", "request HALF-BODY pause:100 reset"),
    ("half a body, silence", "request HALF-BODY hold"),
    ("half of the chunks", "request CHUNK close"),
    ("no chunk", "request NO-CHUNK hold"),
    ("no chunk later", "request CHUNK pause:300 ZZ hold"),
    ("junk", "request JUNK hold"),
    ("junk, close", "request JUNK close"),
    ("speaks first", "BANNER request hold"),
    ("silence", "request hold"),
    ("does not read", "hold"),
    ("hints, then junk", "request HINTS+JUNK hold"),
    ("HTTP/0.9", "request HTML close"),
    ("bad header", "request BAD-HEADER hold"),
    ("two lengths", "request TWO-LENGTHS hold"),
    ("no upgrade wanted", "request UPGRADE hold"),
    ("head too long", "request LONG hold"),
    ("until close, reset", "request UNTIL-CLOSE pause:100 reset"),
    ("until close", "request UNTIL-CLOSE close"),
    ("401", "request 401 request hold"),
    ("404", "request 404 request hold"),
    ("425", "request 425 request hold"),
    ("429", "request 429 request hold"),
    ("500", "request 500 request hold"),
    ("503", "request 503 request hold"),
    ("504", "request 504 request hold"),
    ("418", "request 418 request hold"),
];

/// Clients that leave, or keep something back: name, server, client, setup.
const CLIENTS: [(&str, &str, &str, &str); 23] = [
    ("closes while the server thinks", "request hold", "GET pause:100 close", ABORT),
    ("closes, which counts for nothing", "request pause:250 OK hold", "GET pause:100 fin answer", STAY),
    ("resets while the server thinks", "request hold", "GET pause:100 reset", ABORT),
    ("closes while we connect", "full", "GET pause:100 close", "retries 0\n option abortonclose"),
    (
        "closes while we connect, and stays",
        "full",
        "GET pause:100 close",
        "retries 0\n no option abortonclose",
    ),
    ("closes in the pause before a retry", "dead", "GET pause:100 close", "retries 1\n option abortonclose"),
    ("closes in its body", "head eof", "HALF-POST pause:100 close", ABORT),
    ("closes in its body, and stays", "head eof", "HALF-POST pause:100 fin answer", STAY),
    ("resets in its body", "head eof", "HALF-POST pause:100 reset", ABORT),
    ("closes in a chunk", "head eof", "HALF-CHUNKS pause:100 close", ABORT),
    ("sends no chunk", "head eof", "HALF-CHUNKS pause:100 ZZ answer", ABORT),
    ("keeps its body", "head eof", "HALF-POST answer", "timeout client 300ms\n timeout server 2s"),
    ("keeps its body from a fast server", "head eof", "HALF-POST answer", "timeout client 900ms"),
    ("keeps its chunks", "head eof", "HALF-CHUNKS answer", "timeout client 300ms\n timeout server 2s"),
    ("is answered early", "head SHORT hold", "HALF-POST answer REST pause:50 GET answer", ABORT),
    ("meets a reset in its body", "head reset", "HALF-POST pause:100 answer", ABORT),
    ("meets a close in its body", "head close", "HALF-POST pause:100 answer", ABORT),
    ("is refused in its body", "dead", "HALF-POST pause:100 answer", "retries 0"),
    ("is denied in its body", "hold", "HALF-POST pause:100 answer", "http-request deny"),
    ("closes in the answer", "request HALF-BODY hold", "GET head close", ABORT),
    ("resets in the answer", "request HALF-BODY hold", "GET head reset", ABORT),
    ("leaves a tunnel", "request TUNNEL hold", "UPGRADED head pause:100 reset", ABORT),
    ("is left in a tunnel", "request TUNNEL pause:100 reset", "UPGRADED answer", ABORT),
];

/// Streams of TCP: name, server, client, setup.
const STREAMS: [(&str, &str, &str, &str); 26] = [
    ("dead", "dead", "answer", "retries 0"),
    ("dead, retried", "dead", "answer", "retries 1"),
    ("full", "full", "answer", "retries 0"),
    ("full, the client closes", "full", "pause:100 close", "retries 0"),
    ("full, the client resets", "full", "pause:100 reset", "retries 0"),
    ("full, the client spoke and closes", "full", "X pause:100 close", "retries 0"),
    ("pause, the client closes", "dead", "pause:100 close", "retries 1"),
    ("the client closes", "hold", "X pause:100 close", ABORT),
    ("the client resets", "hold", "X pause:100 reset", ABORT),
    ("the client closes its side", "eof X close", "X pause:100 fin answer", ABORT),
    ("the client closes while the server speaks", "X pause:300 X eof", "pause:150 close", ABORT),
    ("the server closes", "X close", "answer", "timeout client 300ms"),
    ("the server closes at once", "close", "answer", "timeout client 300ms"),
    ("the server closes its side", "X fin eof", "pause:100 X pause:100 close", ABORT),
    ("the server resets", "X pause:50 reset", "answer", ABORT),
    ("the server resets silently", "pause:50 reset", "answer", ABORT),
    ("the server resets what it heard", "pause:100 reset", "X answer", ABORT),
    ("both are silent", "hold", "answer", "timeout client 300ms"),
    ("the server is silent", "hold", "X answer", "timeout client 2s"),
    ("the client is silent", "hold", "X answer", "timeout client 300ms\n timeout server 2s"),
    ("the client listens", "X hold", "answer", "timeout client 300ms\n timeout server 2s"),
    ("half closed and silent", "hold", "X fin answer", "timeout client 300ms\n timeout server 900ms"),
    ("timeout client-fin", "hold", "X fin answer", "timeout server 2s\n timeout client-fin 300ms"),
    ("timeout server-fin", "X fin hold", "answer", "timeout server-fin 300ms"),
    ("timeout tunnel", "X hold", "X answer", "timeout tunnel 300ms"),
    ("another server", "full", "X pause:50 fin answer", "retries 2\n option redispatch 1"),
];

const ABORT: &str = "option abortonclose";
const STAY: &str = "no option abortonclose";

#[test]
fn servers_that_fail_without_retries() {
    matrix("plain", "retries 0", false);
}

#[test]
fn servers_that_fail_beside_another() {
    matrix("redispatch", "retries 2\n option redispatch 1", true);
}

#[test]
fn servers_that_fail_twice() {
    matrix("retried", "retries 1\n retry-on all-retryable-errors 401 404 425 429", false);
}

#[test]
fn servers_that_fail_beside_another_that_gets_the_request() {
    let setup =
        "retries 2\n option redispatch 1\n retry-on all-retryable-errors conn-failure 401 404 425 429";
    matrix("retried elsewhere", setup, true);
}

#[test]
fn servers_that_fail_with_a_request_that_is_not_replayed() {
    let setup = "retries 1\n retry-on all-retryable-errors\n http-request disable-l7-retry";
    matrix("not replayed", setup, false);
}

#[test]
fn clients_that_leave() {
    let row = |(name, server, client, setup): (&str, _, _, _)| {
        let second = false;
        Row { name: format!("client: {name}"), mode: "http", setup, server, client, second }
    };
    run_all(&CLIENTS.map(row));
}

#[test]
fn streams_that_break() {
    let row = |(name, server, client, setup): (&str, _, _, _)| {
        let second = name == "another server";
        Row { name: format!("stream: {name}"), mode: "tcp", setup, server, client, second }
    };
    run_all(&STREAMS.map(row));
}

/// All faults, before a request without a body and one with it.
fn matrix(what: &str, setup: &'static str, second: bool) {
    let rows = |client: &'static str| {
        FAULTS.map(|(fault, server)| {
            let method = client.split(' ').next().unwrap();
            Row { name: format!("{method} {what}: {fault}"), mode: "http", setup, server, client, second }
        })
    };
    run_all(&rows("GET answer"));
    run_all(&rows("POST answer"));
}

/// Runs rows at the same time and compares each with its line in `failures.txt`.
fn run_all(rows: &[Row]) {
    let wanted: BTreeMap<&str, &str> =
        include_str!("failures.txt").lines().filter_map(|line| line.split_once(" = ")).collect();
    compat(|t| {
        let log = t.sink("log");
        let held: Vec<Held> = rows.iter().enumerate().map(|(n, row)| Held::of(t, n, row)).collect();
        let mut proxy = t.start(&config(rows));
        let mut wrong = String::new();
        for (row, got) in rows.iter().zip(outcomes(&mut proxy, &log, rows)) {
            if wanted.get(row.name.as_str()) != Some(&got.as_str()) {
                writeln!(wrong, "{} = {got}", row.name).unwrap();
            }
        }
        drop((proxy, held));
        assert!(wrong.is_empty(), "\n{wrong}");
    });
}

/// The servers of a row.
struct Held {
    _first: Option<Serving>,
    _second: Option<Serving>,
    _backlog: Option<FullBacklog>,
}

// === impl Held ===

impl Held {
    fn of(t: &mut Subject, number: usize, row: &Row) -> Held {
        let script = row.server;
        let mut first = None;
        let mut backlog = None;
        match script {
            "dead" => {}
            "full" => {
                let full = FullBacklog::new();
                t.set(&format!("a{number}"), full.address().to_string());
                backlog = Some(full);
            }
            _ => first = Some(t.origin(&format!("a{number}")).serve(move |peer, _| drop(play(peer, script)))),
        }
        let answer = if row.mode == "http" { "request OK hold" } else { "eof X close" };
        let second = row
            .second
            .then(|| t.origin(&format!("b{number}")).serve(move |peer, _| drop(play(peer, answer))));
        Held { _first: first, _second: second, _backlog: backlog }
    }
}

fn config(rows: &[Row]) -> String {
    let mut text = String::from(
        "global\n nbthread 1\n stats socket {dir}/admin.sock level admin\ndefaults\n timeout connect 400ms\n \
         timeout client 3s\n timeout server 400ms\n",
    );
    for (n, Row { mode, setup, server, second, .. }) in rows.iter().enumerate() {
        let format = match *mode {
            "http" => "%f %s %ST %B %U %tsc %bc/%sc/%rc %sq/%bq",
            _ => "%f %s %B %U %tsc %bc/%sc/%rc %sq/%bq",
        };
        let first = if *server == "dead" { format!("{{dead{n}}}") } else { format!("{{a{n}}}") };
        let other = if *second { format!(" server t {{b{n}}}\n") } else { String::new() };
        write!(
            text,
            "listen l{n}\n mode {mode}\n bind {{l{n}}}\n balance roundrobin\n log {{log}} local0\n \
             log-format \"{format}\"\n {setup}\n server s {first}\n{other}"
        )
        .unwrap();
    }
    text
}

/// What the client got, the line of the log, and the counters, of each row.
fn outcomes(proxy: &mut Running, log: &LogSink, rows: &[Row]) -> Vec<String> {
    let clients: Vec<_> =
        rows.iter().enumerate().map(|(n, row)| (proxy.client(&format!("l{n}")), row.client)).collect();
    let answers: Vec<Vec<String>> = std::thread::scope(|scope| {
        let run = |(mut client, script)| scope.spawn(move || play(&mut client, script));
        let running: Vec<_> = clients.into_iter().map(run).collect();
        running.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut lines = vec![String::new(); rows.len()];
    let count = rows
        .iter()
        .map(|row| if row.client.ends_with("GET answer") && row.client.len() > 10 { 2 } else { 1 });
    for _ in 0..count.sum() {
        let line = log.next();
        let (name, rest) = line.split_once(": l").unwrap().1.split_once(' ').unwrap();
        let place = &mut lines[name.parse::<usize>().unwrap()];
        *place += &format!("[{}]", rest.trim());
    }
    let stat = proxy.admin("show stat");
    let outcome = |(n, row): (usize, &Row)| {
        let seen = format!("{} {}", answers[n].join(" "), lines[n]);
        if row.is_race() { seen } else { format!("{seen} {}", counters(&stat, n)) }
    };
    rows.iter().enumerate().map(outcome).collect()
}

/// The counters of a row that are not 0, of the listener's server and of its backend.
fn counters(stat: &str, number: usize) -> String {
    let names: Vec<&str> = stat.lines().next().unwrap().trim_start_matches("# ").split(',').collect();
    let of = |svname: &str| {
        let prefix = format!("l{number},{svname},");
        let row = stat.lines().find(|line| line.starts_with(&prefix)).unwrap();
        let values = names.iter().zip(row.split(',')).filter(|(name, _)| COLUMNS.contains(name));
        let said = values
            .filter(|(_, value)| !matches!(*value, "" | "0"))
            .map(|(name, value)| format!("{name}={value}"));
        said.collect::<Vec<_>>().join(" ")
    };
    let (server, backend, frontend) = (of("s"), of("BACKEND"), of("FRONTEND"));
    format!("s({server}) b({backend}) f({frontend})")
}

const COLUMNS: [&str; 15] = [
    "stot",
    "lbtot",
    "econ",
    "eresp",
    "ereq",
    "wretr",
    "wredis",
    "cli_abrt",
    "srv_abrt",
    "connect",
    "reuse",
    "hrsp_1xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
];

/// Plays a peer's part, word by word, and gives what it heard.
fn play(peer: &mut Peer, script: &str) -> Vec<String> {
    let mut heard = Vec::new();
    for word in script.split(' ') {
        match word {
            "request" if !peer.wait_for_bytes() => return heard,
            "request" => drop(peer.recv_message()),
            "head" => drop(peer.recv_head()),
            "close" => peer.close(),
            "reset" => peer.reset(),
            "fin" => drop(peer.shutdown_write()),
            "eof" => drop(peer.recv_to_close()),
            "answer" => heard.push(answer(peer)),
            "hold" => {
                peer.patience(Duration::from_secs(4)).recv_to_close();
            }
            _ => match word.strip_prefix("pause:") {
                Some(millis) => drop(peer.pause(Duration::from_millis(millis.parse().unwrap()))),
                None => {
                    if peer.try_send(message(word)).is_err() {
                        return heard;
                    }
                }
            },
        }
    }
    heard
}

/// What the client hears: a whole answer by its status, what ends too early by its length.
fn answer(peer: &mut Peer) -> String {
    if !peer.wait_for_bytes() {
        return "nothing".to_owned();
    }
    let mut head = Vec::new();
    while peer.wait_for_bytes() && !head.ends_with(b"\r\n\r\n") && head.len() < 4 {
        head.extend(peer.recv_exactly(1));
    }
    if !head.starts_with(b"HTTP") {
        return format!("{} bytes", head.len() + peer.recv_to_close().len());
    }
    let rest = peer.recv_until("\r\n\r\n");
    let text = String::from_utf8_lossy(&rest).to_lowercase();
    let status = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let close = if text.contains("connection: close") { " closing" } else { "" };
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let mut body = 0;
    while length.is_none_or(|length| body < length) && peer.wait_for_bytes() {
        peer.recv_exactly(1);
        body += 1;
    }
    let cut = if length.is_some_and(|length| body < length) { " cut" } else { "" };
    format!("{status}{close}{cut}")
}

/// The bytes that a word stands for.
fn message(word: &str) -> Vec<u8> {
    let text = match word {
        "GET" => "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST" => "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "HALF-POST" => "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello",
        "REST" => "forty-five bytes, which are the body's rest..",
        "HALF-CHUNKS" => "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "UPGRADED" => "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "OK" => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "SHORT" => "HTTP/1.1 413 No\r\nContent-Length: 1\r\n\r\nx",
        "TUNNEL" => "HTTP/1.1 101 Sw\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "HALF-HEAD" => "HTTP/1.1 200 OK\r\nContent-Le",
        "HALF-BODY" => "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        "CHUNK" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "NO-CHUNK" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "ZZ" => "zz\r\n",
        "JUNK" => "junk\r\n\r\n",
        "BANNER" => "SSH-2.0-x\r\n",
        "HINTS+JUNK" => "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\njunk\r\n\r\n",
        "HTML" => "<html>hello</html>",
        "BAD-HEADER" => "HTTP/1.1 200 OK\r\nBad Header: x\r\nContent-Length: 0\r\n\r\n",
        "TWO-LENGTHS" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
        "UPGRADE" => "HTTP/1.1 101 Sw\r\n\r\n",
        "LONG" => return format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(20_000)).into(),
        "UNTIL-CLOSE" => "HTTP/1.0 200 OK\r\n\r\nabc",
        status if status.parse::<u16>().is_ok() => {
            return format!("HTTP/1.1 {status} X\r\nContent-Length: 1\r\n\r\nx").into();
        }
        as_it_is => as_it_is,
    };
    text.into()
}
