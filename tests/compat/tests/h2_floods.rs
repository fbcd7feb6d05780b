//! Peers in HTTP/2 that cost more than they give: what they send without end neither fills the memory nor keeps others
//! from being served. The bounds are wide enough for any machine; what grows without end passes them in the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use weir_compat::{Subject, compat};
use weir_testkit::h2::{END_HEADERS, Frame, PREFACE, literal};
use weir_testkit::{Origin, Peer, Running};

const CONFIG: &str = "
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend fe
    bind {fe}
    http-request return status 200 if { path /r }
    default_backend be
backend be
    server s {srv}
frontend fe2
    bind {fe2}
    default_backend be2
backend be2
    server s {srv2} proto h2
";

/// How long each flood lasts.
const TIME: Duration = Duration::from_millis(300);
/// What the process may grow by in one flood, in KiB. A flood sends many times as much.
const GROWTH: u64 = 48 << 10;
/// What is sent at most in a flood over one connection, in octets: ten times what memory may take.
const MOST: usize = 400 << 20;

/// How a flood begins, and what it then repeats, by the turn.
struct Flood {
    name: &'static str,
    settings: &'static [(u16, u32)],
    begin: fn() -> Vec<u8>,
    again: fn(u32) -> Vec<u8>,
    /// Whether the peer reads what is answered.
    reads: bool,
}

fn request(stream: u32, end: bool) -> Vec<u8> {
    let method = if end { "GET" } else { "POST" };
    let lines = [(":method", method), (":scheme", "http"), (":path", "/x"), (":authority", "a.example")];
    Frame::headers(stream, &lines, end).bytes()
}

fn many(frame: &Frame) -> Vec<u8> {
    frame.bytes().repeat(500)
}

fn resets(turn: u32) -> Vec<u8> {
    let streams = (turn * 100..turn * 100 + 100).map(|n| 2 * n + 1);
    let each =
        |stream| [request(stream, true), Frame::new("RST_STREAM", 0, stream, 8u32.to_be_bytes()).bytes()];
    streams.flat_map(|stream| each(stream).concat()).collect()
}

fn open_block() -> Vec<u8> {
    let mut block = Vec::new();
    literal(&mut block, b":method", b"GET");
    Frame::new("HEADERS", 1, 1, block).bytes()
}

fn lines(_: u32) -> Vec<u8> {
    let mut block = Vec::new();
    (0..100).for_each(|_| literal(&mut block, b"x", &[b'y'; 100]));
    Frame::new("CONTINUATION", 0, 1, block).bytes()
}

fn hundred() -> Vec<u8> {
    (0..100).flat_map(|n| request(2 * n + 1, true)).collect()
}

const FLOODS: &[Flood] = &[
    Flood { name: "rapid reset", settings: &[], begin: Vec::new, again: resets, reads: false },
    Flood { name: "rapid reset, heard", settings: &[], begin: Vec::new, again: resets, reads: true },
    Flood { name: "CONTINUATION", settings: &[], begin: open_block, again: lines, reads: true },
    Flood {
        name: "empty CONTINUATION",
        settings: &[],
        begin: open_block,
        again: |_| many(&Frame::new("CONTINUATION", 0, 1, [])),
        reads: true,
    },
    Flood {
        name: "PING",
        settings: &[],
        begin: Vec::new,
        again: |_| many(&Frame::new("PING", 0, 0, *b"12345678")),
        reads: false,
    },
    Flood {
        name: "PING, heard",
        settings: &[],
        begin: Vec::new,
        again: |_| many(&Frame::new("PING", 0, 0, *b"12345678")),
        reads: true,
    },
    Flood {
        name: "SETTINGS",
        settings: &[],
        begin: Vec::new,
        again: |turn| many(&Frame::settings(&[(4, turn)])),
        reads: false,
    },
    Flood {
        name: "SETTINGS that change every window",
        settings: &[],
        begin: || (0..100).flat_map(|n| request(2 * n + 1, false)).collect(),
        again: |turn| many(&Frame::settings(&[(4, turn)])),
        reads: true,
    },
    Flood {
        name: "PRIORITY",
        settings: &[],
        begin: Vec::new,
        again: |turn| many(&Frame::new("PRIORITY", 0, 2 * turn + 1, [0, 0, 0, 0, 1])),
        reads: true,
    },
    Flood {
        name: "empty DATA",
        settings: &[],
        begin: || request(1, false),
        again: |_| many(&Frame::data(1, [], false)),
        reads: true,
    },
    Flood {
        name: "DATA of one octet in padding",
        settings: &[],
        begin: || request(1, false),
        again: |_| many(&Frame::new("DATA", 8, 1, [1, b'x', 0])),
        reads: true,
    },
    Flood {
        name: "a window of nothing",
        settings: &[(4, 0)],
        begin: hundred,
        again: |_| Vec::new(),
        reads: true,
    },
    Flood {
        name: "windows of one octet",
        settings: &[(4, 1)],
        begin: hundred,
        again: |_| (0..100).flat_map(|n| Frame::window(2 * n + 1, 1).bytes()).collect(),
        reads: true,
    },
    Flood {
        name: "nothing is read",
        settings: &[(4, 1 << 30)],
        begin: || [Frame::window(0, 1 << 30).bytes(), hundred()].concat(),
        again: |_| Vec::new(),
        reads: false,
    },
];

/// What the processes take of memory, in KiB.
fn resident(proxy: &Running) -> u64 {
    let of = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default().to_owned();
        line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or_default()
    };
    proxy.pids().into_iter().map(of).sum()
}

/// Sends until the time is over or the other end has had enough.
fn send(flood: &Flood, mut peer: Peer) {
    peer.patience(TIME);
    let settings = Frame::settings(flood.settings).bytes();
    let mut bytes = [PREFACE.to_vec(), settings, (flood.begin)()].concat();
    let until = Instant::now() + TIME;
    let mut sent = 0;
    for turn in 0.. {
        if Instant::now() > until || sent > MOST || !bytes.is_empty() && peer.try_send(&bytes).is_err() {
            return;
        }
        sent += bytes.len();
        bytes = (flood.again)(turn);
        if flood.reads || bytes.is_empty() {
            let pause = Duration::from_millis(if bytes.is_empty() { 20 } else { 0 });
            if flood.reads {
                peer.recv_until_silence(pause);
            } else {
                std::thread::sleep(pause);
            }
            if flood.reads && peer.has_ended() {
                return;
            }
        }
    }
}

/// Others are served until `done`; the most memory that was seen meanwhile.
fn watch(proxy: &mut Running, name: &str, done: &AtomicBool) -> u64 {
    let mut most = 0;
    loop {
        let last = done.load(Ordering::Acquire);
        let mut client = proxy.client("fe");
        client.send("GET /r HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert_eq!(client.recv_message().head.status(), 200, "{name}");
        most = most.max(resident(proxy));
        if last {
            return most;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a flood over two connections to this listener.
fn run(proxy: &mut Running, name: &str, listener: &str, flood: impl Fn(Peer) + Sync) {
    let before = resident(proxy);
    let done = AtomicBool::new(false);
    let peers = [proxy.client(listener), proxy.client(listener)];
    let most = std::thread::scope(|scope| {
        let flood = &flood;
        let senders = peers.map(|peer| scope.spawn(move || flood(peer)));
        let done = &done;
        scope.spawn(move || {
            for sender in senders {
                let _ = sender.join();
            }
            done.store(true, Ordering::Release);
        });
        watch(proxy, name, done)
    });
    assert!(most < before + GROWTH, "{name}: from {before} to {most} KiB");
}

fn started(t: &mut Subject) -> (Running, impl Drop) {
    let answer = [&b"HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n"[..], &[b'z'; 1 << 20]].concat();
    // Requests that are given up end in resets, which are no failure here.
    let served = t.origin("srv").serve(move |peer, _| {
        while peer.wait_for_bytes() {
            peer.recv_until_silence(Duration::from_millis(1));
            if peer.has_ended() || peer.try_send(&answer).is_err() {
                return;
            }
        }
    });
    (t.start(CONFIG), served)
}

#[test]
fn clients_fill_no_memory_and_hinder_nobody() {
    compat(|t| {
        let _hints = t.origin("srv2");
        let (mut proxy, _served) = started(t);
        // What the first requests cost is no growth.
        run(&mut proxy, "warm-up", "fe", |peer| send(&FLOODS[0], peer));
        for flood in FLOODS {
            run(&mut proxy, flood.name, "fe", |peer| send(flood, peer));
        }
    });
}

/// Interim answers without end.
fn hint(origin: Origin) -> impl Drop {
    origin.serve(|peer, _| {
        let mut block = Vec::new();
        literal(&mut block, b":status", b"103");
        literal(&mut block, b"link", &[b'y'; 100]);
        let hints = Frame::new("HEADERS", END_HEADERS, 1, block).bytes().repeat(300);
        let begin = [Frame::settings(&[]).bytes(), Frame::settings_ack().bytes()].concat();
        if peer.try_send(begin).is_err() || !peer.wait_for_bytes() {
            return;
        }
        let until = Instant::now() + 2 * TIME;
        peer.patience(TIME);
        while Instant::now() < until && peer.try_send(&hints).is_ok() {}
    })
}

#[test]
fn interim_answers_wait_for_clients_that_do_not_read() {
    compat(|t| {
        let _hints = hint(t.origin("srv2"));
        let (mut proxy, _served) = started(t);
        run(&mut proxy, "warm-up", "fe", |peer| send(&FLOODS[0], peer));
        run(&mut proxy, "to HTTP/1", "fe2", |mut peer| {
            peer.send("GET /x HTTP/1.1\r\nhost: a\r\n\r\n").pause(2 * TIME);
        });
        run(&mut proxy, "to HTTP/2", "fe2", |mut peer| {
            peer.send([PREFACE.to_vec(), Frame::settings(&[]).bytes(), request(1, true)].concat());
            peer.pause(2 * TIME);
        });
    });
}
