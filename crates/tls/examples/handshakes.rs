//! Load of full handshakes: so many clients, each with one connection after the other, of a session of its own, for a
//! request each. For `cargo xtask bench`: `wrk` and `h2load` resume the session of the connection before, `openssl s_time`
//! needs more time for a handshake than who is measured.
//!
//! `handshakes ADDRESS PATH CLIENTS SECONDS`; says `N connections in S real seconds`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a load stops where something is wrong")]
#![allow(clippy::disallowed_methods, reason = "a load looks at the clock")]

use std::env::args;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::scope;
use std::time::{Duration, Instant};

use weir_tls::openssl::groups::groups;
use weir_tls::policy::{ClientPolicy, Settings};
use weir_tls::session::Session;

fn main() {
    let words: Vec<String> = args().skip(1).collect();
    let [address, path, clients, seconds] = words.as_slice() else {
        eprintln!("handshakes ADDRESS PATH CLIENTS SECONDS");
        return;
    };
    let groups = groups("X25519").ok().map(|groups| groups.kept);
    let policy = ClientPolicy::new(&Settings { groups, no_reuse: true, ..Settings::default() }).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let begun = Instant::now();
    let end = begun + Duration::from_secs(seconds.parse().expect("seconds"));
    let count: u32 = scope(|scope| {
        let run = || {
            let asked = std::iter::repeat_with(|| ask(&policy, address, &request));
            asked.take_while(|()| Instant::now() < end).count() as u32
        };
        let threads: Vec<_> = (0..clients.parse().expect("clients")).map(|_: u32| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("{count} connections in {:.2} real seconds", begun.elapsed().as_secs_f64());
}

/// One connection, from the handshake to the end of the answer.
fn ask(policy: &ClientPolicy, address: &str, request: &str) {
    let mut socket = TcpStream::connect(address).expect("a connection");
    let mut session = policy.connect(None, None).unwrap();
    let (mut asked, mut answer) = (false, Vec::new());
    let (mut cipher, mut plain) = (vec![0; 1 << 15], vec![0; 1 << 15]);
    while !session.is_ended() {
        let n = pass(&mut session, &mut socket, &mut cipher, &mut plain);
        answer.extend_from_slice(plain.get(..n).unwrap_or_default());
        if session.is_established() && !asked {
            // As most clients do, the end of the handshake leaves alone.
            say(&mut session, &mut socket);
            asked = true;
            session.put(request.as_bytes()).unwrap();
        }
    }
    assert!(!session.is_resumed(), "full handshakes are what is measured");
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "a good answer");
}

/// Sends what is to be said, and takes what comes next; how much plaintext that was.
fn pass(session: &mut Session, socket: &mut TcpStream, cipher: &mut [u8], plain: &mut [u8]) -> usize {
    say(session, socket);
    let held = session.pending().len();
    let (before, room) = cipher.split_at_mut(held);
    before.copy_from_slice(session.pending());
    let n = socket.read(room).expect("an answer");
    assert!(n > 0, "the session ends before the connection");
    session.take(cipher.get_mut(..held + n).unwrap_or_default(), plain).unwrap()
}

fn say(session: &mut Session, socket: &mut TcpStream) {
    let said = session.outgoing().to_vec();
    if !said.is_empty() {
        socket.write_all(&said).expect("a server that listens");
        session.sent(said.len());
    }
}
