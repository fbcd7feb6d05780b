//! The promise that a request on a warm kept-alive connection takes no memory from the allocator.
//!
//! A real engine with one worker serves real sockets in this process. The threads of the client, of the
//! origin and of the log target are exempt from the count, so that what is counted is the worker's.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::alloc::System;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use weir_config::values::Family;
use weir_config::{Environment, Features, Files, Loader};
use weir_engine::conf::Conf;
use weir_engine::keywords::{Outside, SECTIONS, resolve};
use weir_engine::runtime::Runtime;
use weir_engine::snapshot::Snapshot;
use weir_engine::{Binding, Engine, clock};
use weir_sys::counting::{Counting, allocations, exempt_this_thread};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting(System);

#[test]
fn a_kept_alive_request_allocates_nothing() {
    exempt_this_thread();
    let origin = origin();
    let (log, lines) = log_target();
    let logged = format!("option httplog\nlog {log} local0");
    let rows = [
        ("a bare proxy", "", "", ""),
        ("with stick tables", "", TRACKING, "stick on req.hdr(user-agent),xxh64 table agents\n"),
        ("with rules", logged.as_str(), RULES, ""),
        ("with a log", &logged, "", ""),
    ];
    for (what, options, rules, backend) in rows {
        let (engine, address) = engine(options, rules, backend, origin);
        let mut client = TcpStream::connect(address).unwrap();
        exchange(&mut client, WARM_UP);
        // Histograms take memory for a range of times when they first see it. The ranges are few: a machine however
        // busy has brought them all after some rounds, and then a round takes nothing.
        let mut taken = Vec::new();
        while taken.last() != Some(&0) && taken.len() < ROUNDS {
            let before = allocations();
            exchange(&mut client, REQUESTS);
            taken.push(allocations() - before);
        }
        assert_eq!(taken.last(), Some(&0), "{what}: {taken:?} allocations in rounds of {REQUESTS} requests");
        engine.stop();
    }
    // Two configurations log: the count means nothing if no line was written. A busy system may drop some.
    assert!(lines.load(Relaxed) >= REQUESTS / 2, "{} lines", lines.load(Relaxed));
}

/// Sends so many requests, one after the other, and reads their answers.
fn exchange(client: &mut TcpStream, requests: usize) {
    let mut answer = [0u8; 4096];
    for _ in 0..requests {
        client.write_all(REQUEST).unwrap();
        let mut held = 0;
        while !answer[..held].ends_with(BODY) {
            let n = client.read(&mut answer[held..]).unwrap();
            assert_ne!(n, 0, "the connection ended after {:?}", String::from_utf8_lossy(&answer[..held]));
            held += n;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}

/// An engine with one worker, and where it listens.
fn engine(options: &str, rules: &str, backend: &str, origin: SocketAddr) -> (Engine, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let conf = conf(&format!(
        "defaults\nmode http\ntimeout connect 5s\ntimeout client 30s\ntimeout server 30s\n{options}\n\
         frontend web\nbind {address}\n{rules}default_backend app\n\
         backend app\n{backend}server one {origin}\n\
         backend agents\nstick-table type binary len 40 size 10\n"
    ));
    let runtime = Runtime::new(1);
    let snapshot = Snapshot::build(&conf, &runtime, 100, clock::now());
    let proxy = conf.proxies.iter().position(|p| p.name == "web").unwrap();
    let sockets = vec![Arc::new(OwnedFd::from(listener))];
    let engine = Engine::start(runtime, snapshot, &[Binding { proxy, bind: 0, sockets }]).unwrap();
    (engine, address)
}

/// The configuration that `text` means.
fn conf(text: &str) -> Conf {
    let text = Text(text.to_owned());
    let features = Features::default();
    let environment = Environment::default();
    let loaded = Loader { files: &text, sections: SECTIONS, features: &features, environment }.load(&["F"]);
    let (conf, messages) = resolve(&loaded.document, &loaded.sources, &text);
    assert!(!loaded.diagnostics.is_fatal() && !messages.is_fatal(), "{messages:#?}");
    conf
}

/// A server that answers every request with [`ANSWER`].
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        exempt_this_thread();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                exempt_this_thread();
                let mut request = [0u8; 4096];
                while stream.read(&mut request).is_ok_and(|n| n > 0) {
                    stream.write_all(ANSWER).unwrap();
                }
            });
        }
    });
    address
}

/// A syslog server, and how many datagrams it got.
fn log_target() -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let address = socket.local_addr().unwrap();
    let lines = Arc::new(AtomicUsize::new(0));
    let counted = lines.clone();
    thread::spawn(move || {
        exempt_this_thread();
        let mut line = [0u8; 4096];
        while socket.recv(&mut line).is_ok() {
            counted.fetch_add(1, Relaxed);
        }
    });
    (address, lines)
}

/// One file, and a world without names and users.
struct Text(String);

impl Files for Text {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }

    fn list(&self, _: &str) -> io::Result<Option<Vec<String>>> {
        Ok(None)
    }
}

impl Outside for Text {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/nets") => Ok((0..=250).map(|n| format!("10.0.{n}.0/24\n")).collect::<String>().into()),
            Some("/tenants") => {
                Ok((0..1000).map(|n| format!("t{n} tenant-{n}\n")).collect::<String>().into())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn resolve(&self, _: &str, _: Family) -> Option<IpAddr> {
        None
    }

    fn user(&self, _: &str) -> Option<u32> {
        None
    }

    fn group(&self, _: &str) -> Option<u32> {
        None
    }
}

/// Rules of the kinds that configurations are full of, as `cargo xtask bench rules` has them.
const RULES: &str = "\
    acl blocked src -f /nets
    acl bad_hop hdr_ip(x-forwarded-for) -f /nets
    acl api path_beg /api/ /v1/ /v2/
    acl static path_end .css .js .png
    acl admin path_reg ^/admin(/|$)
    acl session req.cook(session) -m found
    http-request deny if blocked
    http-request deny if bad_hop
    http-request deny if admin !{ src 10.0.0.0/8 192.168.0.0/16 }
    http-request set-var(txn.tenant) path,field(2,/),map_str(/tenants,none)
    http-request set-var(txn.host) req.hdr(host),lower
    http-request set-var(req.id) url_param(a)
    http-request deny deny_status 429 if { var(txn.tenant) -m str blocked }
    http-request set-header X-Tenant %[var(txn.tenant)]
    http-request set-header X-Request-Id %[var(txn.host)]-%[var(req.id)]
    http-request add-header Via \"1.1 edge\"
    http-request del-header X-Debug
    http-request replace-header Cookie (.*)theme=[^;]*(.*) \\1\\2 if session
    http-request set-header X-Kind api if api
    http-request set-header Cache-Control no-cache unless static
    http-response set-header X-Served-By %[be_name]
    http-response del-header Server
    http-response set-header X-Tenant %[var(txn.tenant)] if { status 200:299 }
";
const TRACKING: &str = "\
    stick-table type ip size 1k expire 60s store gpc(3),conn_rate(10s),http_req_rate(10s),bytes_in_cnt,bytes_out_rate(10s)
    tcp-request connection track-sc0 src
    http-request track-sc1 req.hdr(user-agent),xxh64 table agents
    http-request track-sc2 base32+src table agents
    http-request sc-inc-gpc(1,0)
    http-request deny if { sc0_http_req_rate lt 0 } or { src_get_gpc(0,web) gt 9 } or { src,table_gpc(2,web) gt 9 }
    http-response sc-add-gpc(2,0) int(0)
";
const REQUEST: &[u8] =
    b"GET /t500/index.html?a=b HTTP/1.1\r\nHost: www.example.org\r\nAccept: */*\r\nUser-Agent: test\r\nX-Forwarded-For: 192.0.2.7\r\nCookie: session=1; theme=dark\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
const BODY: &[u8] = b"\r\n\r\nhello\n";
/// Enough for every pool to have what it needs.
const WARM_UP: usize = 200;
const REQUESTS: usize = 1000;
const ROUNDS: usize = 20;
