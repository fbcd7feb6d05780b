//! What servers are told and how they are found beside HTTP: values in PROXY headers, cookies of RDP, a limit of
//! connections that counts those at rest.

use weir_compat::compat;
use weir_testkit::{Origin, Peer};

/// The first packet of an RDP client with this cookie line.
fn rdp_hello(cookie: &str) -> Vec<u8> {
    let line = format!("Cookie: {cookie}\r\n");
    let mut packet = vec![3, 0, 0, (11 + line.len()) as u8, (6 + line.len()) as u8, 0xe0, 0, 0, 0, 0, 0];
    packet.extend_from_slice(line.as_bytes());
    packet
}

/// Which of the servers gets a connection; it is closed then.
fn taken(servers: &[Origin]) -> usize {
    let tries = (0..1000).flat_map(|_| servers.iter().enumerate());
    for (i, server) in tries {
        if let Some(mut far) = server.accept_within(std::time::Duration::from_millis(2)) {
            far.recv_until("\r\n");
            return i;
        }
    }
    panic!("nobody got the connection");
}

const RDP: &str = "
defaults
    mode tcp
    timeout connect 2s
    timeout client 5s
    timeout server 5s
listen fe
    bind {fe}
    tcp-request inspect-delay 2s
    tcp-request content accept if RDP_COOKIE
";

#[test]
fn clients_of_rdp_stay_with_the_server_of_their_cookie() {
    compat(|t| {
        let servers = [t.origin("a"), t.origin("b"), t.origin("c")];
        let mut proxy = t.start(&format!(
            "{RDP} persist rdp-cookie\n balance roundrobin\n server a {{a}}\n server b {{b}}\n server c {{c}}\n"
        ));
        let mut ask = |cookie: &str| -> usize {
            let mut client = proxy.client("fe");
            client.send(rdp_hello(cookie));
            taken(&servers)
        };
        for wanted in [2, 0, 1, 1, 2] {
            let at = servers[wanted].address();
            let port = u32::from(at.port().swap_bytes());
            let ip = u32::from_le_bytes([127, 0, 0, 1]);
            assert_eq!(ask(&format!("msts={ip}.{port}.0000")), wanted);
        }
        // No server, no address, another name: it is somebody's turn.
        let turns: Vec<usize> =
            ["msts=16777343.1.0000", "msts=x", "mstshash=me"].iter().map(|c| ask(c)).collect();
        assert_eq!(turns.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{turns:?}");
    });
}

#[test]
fn rdp_cookies_are_hashed_as_by_the_reference() {
    compat(|t| {
        let servers = [t.origin("a"), t.origin("b"), t.origin("c")];
        let mut proxy = t
            .start(&format!("{RDP} balance rdp-cookie\n server a {{a}}\n server b {{b}}\n server c {{c}}\n"));
        let got: Vec<usize> = (0..12)
            .map(|i| {
                let mut client = proxy.client("fe");
                client.send(rdp_hello(&format!("mstshash=user{i}")));
                taken(&servers)
            })
            .collect();
        assert_eq!(got, RDP_HASHED);
    });
}

const RDP_HASHED: [usize; 12] = [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 0];

#[test]
fn proxy_headers_carry_values_of_their_own() {
    compat(|t| {
        let rows: [(&str, &[u8]); 6] = [
            ("send-proxy-v2 set-proxy-v2-tlv-fmt(0x20) %[src]", b"\x20\x00\x09127.0.0.1"),
            (
                "send-proxy-v2 set-proxy-v2-tlv-fmt(0xE0) hello set-proxy-v2-tlv-fmt(2) a%%b",
                b"\xe0\x00\x05hello\x02\x00\x03a%b",
            ),
            ("send-proxy-v2 set-proxy-v2-tlv-fmt(0xE1) %[var(txn.none)]", b"\xe1\x00\x00"),
            ("send-proxy-v2 proxy-v2-options unique-id", b"\x05\x00\x02id"),
            ("send-proxy-v2-ssl", b"\x20\x00\x05\x00\x00\x00\x00\x00"),
            ("send-proxy send-proxy-v2 no-send-proxy", b""),
        ];
        let server = t.origin("a");
        let mut config = "
            defaults
                mode http
                timeout connect 2s
                timeout client 5s
                timeout server 5s
        "
        .to_owned();
        for (i, (words, _)) in rows.iter().enumerate() {
            config.push_str(&format!(
                "\nfrontend f{i}\n bind {{f{i}}}\n unique-id-format id\n default_backend b{i}\nbackend b{i}\n server s {{a}} {words}\n"
            ));
        }
        let mut proxy = t.start(&config);
        for (i, (words, wanted)) in rows.iter().enumerate() {
            let mut client = proxy.client(&format!("f{i}"));
            client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            let mut far: Peer = server.accept();
            let seen = far.recv_until("GET /");
            let end = seen.len() - "GET /".len();
            assert_eq!(&seen[28..end], *wanted, "{words}");
        }
    });
}

#[test]
fn a_strict_limit_counts_connections_at_rest() {
    compat(|t| {
        let server = t.origin("a");
        let mut proxy = t.start(
            "
            defaults
                mode http
                timeout connect 2s
                timeout client 5s
                timeout server 5s
            frontend fe
                bind {fe}
                default_backend be
            backend be
                http-reuse always
                server s {a} maxconn 1 strict-maxconn send-proxy
        ",
        );
        // Each client needs a connection of its own here: the one at rest has to go first.
        let mut clients = Vec::new();
        for n in 0..3 {
            let mut client = proxy.client("fe");
            client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            let mut far = server.accept();
            far.recv_until("\r\n\r\n");
            far.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            client.recv_message();
            if n > 0 {
                let (_, before): &mut (Peer, Peer) = clients.last_mut().unwrap();
                before.expect_closed();
            }
            clients.push((client, far));
        }
    });
}
