//! What a handshake costs the server, without sockets: full and resumed ones of TLS 1.3, with a key of P-256 and the
//! group X25519.
//!
//! `cargo run --release -p weir-tls --example figures`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench stops where something is wrong")]
#![allow(clippy::disallowed_methods, reason = "a bench looks at the clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use weir_tls::acceptor::{Acceptor, Addition};
use weir_tls::openssl::groups;
use weir_tls::pair::{Pair, Parts};
use weir_tls::policy::{ClientPolicy, ServerPolicy, Settings};
use weir_tls::session::Session;

const HANDSHAKES: u32 = 3000;

fn main() {
    let acceptor = acceptor();
    for (name, no_reuse) in [("full", true), ("resumed", false)] {
        let client = ClientPolicy::new(&Settings { no_reuse, ..settings() }).unwrap();
        shake(&client, &acceptor);
        let mut times: Vec<Duration> = (0..HANDSHAKES).map(|_| shake(&client, &acceptor)).collect();
        times.sort_unstable();
        let sum: Duration = times.iter().sum();
        println!("{name:8} {:?} each, median {:?}", sum / HANDSHAKES, times[times.len() / 2]);
    }
}

fn settings() -> Settings {
    Settings { groups: groups::groups("X25519").ok().map(|groups| groups.kept), ..Settings::default() }
}

fn acceptor() -> Arc<Acceptor> {
    let parts = Parts::read(include_bytes!("../tests/a.example.pem"));
    let pair = Pair::new("a", parts.chain, parts.key.as_ref().unwrap()).unwrap();
    let mut acceptor = Acceptor::new(false, None);
    acceptor.add(Addition {
        pair: Arc::new(pair),
        policy: Arc::new(ServerPolicy::new(&settings()).unwrap()),
        filters: Vec::new(),
        default: true,
        line: None,
    });
    Arc::new(acceptor)
}

/// One handshake; the time that the server spent on it.
fn shake(client: &ClientPolicy, acceptor: &Arc<Acceptor>) -> Duration {
    let mut client = client.connect(Some(b"a.example"), None).unwrap();
    let mut server = Session::accept(acceptor.clone(), &[]);
    let mut spent = Duration::ZERO;
    while !(client.is_established() && server.is_established()) {
        let mut hello = said(&mut client);
        let begun = Instant::now();
        server.take(&mut hello, &mut []).unwrap();
        spent += begun.elapsed();
        client.take(&mut said(&mut server), &mut []).unwrap();
    }
    spent
}

fn said(session: &mut Session) -> Vec<u8> {
    let said = session.outgoing().to_vec();
    session.sent(said.len());
    said
}
