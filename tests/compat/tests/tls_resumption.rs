//! Sessions that are taken up again: by tickets and by numbers, on every worker, and by keys that programs share.

use std::process::{Command, Stdio};

use weir_compat::compat;
use weir_testkit::{Peer, Running};

const CONFIG: &str = "
    global
        nbthread 2
        stats socket {dir}/admin.sock level admin
    defaults
        mode http
        timeout client 5s
        timeout server 5s
        timeout connect 5s
    frontend f
        http-request return status 200
        bind {tickets} ssl crt {dir}/one
        bind {numbers} ssl crt {dir}/one no-tls-tickets ssl-max-ver TLSv1.2
        bind {shared1} ssl crt {dir}/one tls-ticket-keys {dir}/keys ssl-max-ver TLSv1.2
        bind {shared2} ssl crt {dir}/one tls-ticket-keys {dir}/keys ssl-max-ver TLSv1.2
    ";

const KEYS: &str = "\
8soFg6XXxMHeaCYXmgh1nCGEboR+caiQABiZelnLSlH2RXaQZrJpyH7I+8erRjmF
Xn32htctA+KqAVVKACf+6FkmKoCCtD5Pdxy9PLp/kaBPCetX8LNUCNkaRXU1UxG/
kS8f1orMMcQAIPYnJ7URIWWn6CuQn3gu+keF+RhONgfV0729rBLmQJc/CGeCRJJV
";

/// Whether the session was `New` or `Reused`; what the server gave is kept in `session`.
fn shake(proxy: &mut Running, bind: &str, version: &str, session: (&str, &str)) -> String {
    shake_for_tickets(proxy, bind, version, session).0
}

/// The same, and how many tickets of TLS 1.3 came.
fn shake_for_tickets(
    proxy: &mut Running,
    bind: &str,
    version: &str,
    session: (&str, &str),
) -> (String, usize) {
    let folder = proxy.dir().display().to_string();
    let address = proxy.address(bind).to_string();
    let (way, name) = session;
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &address, version, "-servername", "one.example", "-ign_eof"])
        .args([way, &format!("{folder}/{name}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl(1) is there");
    // A whole exchange, so that tickets of TLS 1.3 are read.
    let mut stdin = client.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"GET / HTTP/1.0\r\nConnection: close\r\n\r\n").unwrap();
    let output = client.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|l| l.starts_with("New, ") || l.starts_with("Reused, "));
    let kind = line.and_then(|l| l.split(',').next()).unwrap_or("none").to_owned();
    (kind, text.matches("New Session Ticket arrived").count())
}

#[test]
fn sessions_are_taken_up_again_on_any_worker() {
    compat(|t| {
        t.file("one", include_str!("../fixtures/tls/one.pem"));
        t.file("keys", KEYS);
        let mut proxy = t.start(CONFIG);
        for (bind, version) in [("tickets", "-tls1_3"), ("tickets", "-tls1_2"), ("numbers", "-tls1_2")] {
            let name = format!("{bind}{version}");
            assert_eq!(shake(&mut proxy, bind, version, ("-sess_out", &name)), "New", "{name}");
            for _ in 0..4 {
                assert_eq!(shake(&mut proxy, bind, version, ("-sess_in", &name)), "Reused", "{name}");
            }
        }
    });
}

#[test]
fn who_comes_back_gets_one_ticket_for_the_one_that_was_used() {
    compat(|t| {
        t.file("one", include_str!("../fixtures/tls/one.pem"));
        t.file("keys", KEYS);
        let mut proxy = t.start(CONFIG);
        let mut shake = |way| shake_for_tickets(&mut proxy, "tickets", "-tls1_3", (way, "s"));
        assert_eq!(shake("-sess_out"), ("New".to_owned(), 2));
        assert_eq!(shake("-sess_in"), ("Reused".to_owned(), 1));
    });
}

#[test]
fn tickets_open_wherever_their_keys_are_known() {
    compat(|t| {
        t.file("one", include_str!("../fixtures/tls/one.pem"));
        t.file("keys", KEYS);
        let mut proxy = t.start(CONFIG);
        assert_eq!(shake(&mut proxy, "shared1", "-tls1_2", ("-sess_out", "s")), "New");
        assert_eq!(shake(&mut proxy, "shared2", "-tls1_2", ("-sess_in", "s")), "Reused");
        assert_eq!(shake(&mut proxy, "tickets", "-tls1_2", ("-sess_in", "s")), "New");
        let folder = proxy.dir().display().to_string();
        for key in ["A", "B"] {
            let key = key.repeat(64);
            let said = proxy.admin(&format!("set ssl tls-key {folder}/keys {key}"));
            assert_eq!(said.trim_end(), "TLS ticket key updated!");
        }
        assert_eq!(shake(&mut proxy, "shared1", "-tls1_2", ("-sess_in", "s")), "New", "its key is gone");
        let info = proxy.admin("show info");
        assert!(info.contains("CumSslConns: 4\n"), "{info}");
    });
}

#[test]
fn sessions_and_questions_to_the_cache_are_counted() {
    compat(|t| {
        t.file("one", include_str!("../fixtures/tls/one.pem"));
        t.file("keys", KEYS);
        let mut proxy = t.start(CONFIG);
        let is = |proxy: &Running, what: &str| {
            let mut info = String::new();
            let found = (0..200).any(|_| {
                info = proxy.admin("show info");
                let found = info.contains(what);
                if !found {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                found
            });
            assert!(found, "{what}: {info}");
        };
        is(&proxy, "\nCurrSslConns: 0\n");
        let address = proxy.address("tickets").to_string();
        let mut open = Command::new("openssl")
            .args(["s_client", "-connect", &address])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl(1) is there");
        is(&proxy, "\nCurrSslConns: 1\n");
        drop(open.stdin.take());
        open.wait().unwrap();
        is(&proxy, "\nCurrSslConns: 0\n");
        is(&proxy, "\nSslCacheLookups: 0\nSslCacheMisses: 0\n");
        assert_eq!(shake(&mut proxy, "numbers", "-tls1_2", ("-sess_out", "n")), "New");
        assert_eq!(shake(&mut proxy, "numbers", "-tls1_2", ("-sess_in", "n")), "Reused");
        is(&proxy, "\nSslCacheLookups: 1\nSslCacheMisses: 0\n");
    });
}

/// The words of a server, and whether it is asked for a ticket (RFC 5077, 3.2).
const ASKED: &[(&str, &str, bool)] = &[
    ("", "", true),
    ("", "no-tls-tickets", false),
    ("", "no-tls-tickets tls-tickets", true),
    ("", "no-tls-tickets ssl-max-ver TLSv1.2", false),
    ("default-server no-tls-tickets", "", false),
    ("default-server no-tls-tickets", "tls-tickets", true),
];

#[test]
fn servers_are_asked_for_tickets_unless_the_line_says_otherwise() {
    compat(|t| {
        let server = t.origin("srv");
        let mut text =
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n".to_owned();
        for (n, (line, words, _)) in ASKED.iter().enumerate() {
            text +=
                &format!("listen l{n}\n bind {{l{n}}}\n {line}\n server s {{srv}} ssl verify none {words}\n");
        }
        let mut proxy = t.start(&text);
        for (n, case) in ASKED.iter().enumerate() {
            let _client = proxy.client(&format!("l{n}"));
            assert_eq!(extensions(&mut server.accept()).contains(&SESSION_TICKET), case.2, "{case:?}");
        }
    });
}

/// The extensions of the ClientHello that comes (RFC 8446, 4.1.2).
fn extensions(peer: &mut Peer) -> Vec<u16> {
    let mut take = |count: usize| peer.recv_exactly(count);
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
    // The record, the handshake, the version and 32 random octets; then session, suites and compressions.
    take(5 + 4 + 2 + 32);
    for size in [1, 2, 1] {
        let length = number(&take(size));
        take(length);
    }
    let (mut left, mut found) = (number(&take(2)), Vec::new());
    while left > 0 {
        found.push(number(&take(2)) as u16);
        let length = number(&take(2));
        take(length);
        left -= 4 + length;
    }
    found
}

const SESSION_TICKET: u16 = 35;
