//! The server of a key: the same under every `hash-type` as under the reference, for 10,000 keys each.
//!
//! Most servers are chosen and never asked: the program itself sends clients to a URL that is the server's name.

use std::time::Duration;

use weir_compat::{Subject, compat};
use weir_testkit::Peer;

/// Digests of the servers' order, as the reference gave it.
const BY_URI: [(&str, u32); 22] = [
    ("hash-type map-based", 0x76f0_dad8),
    ("hash-type map-based sdbm", 0x76f0_dad8),
    ("hash-type map-based sdbm avalanche", 0x0f5f_4329),
    ("hash-type map-based djb2", 0x9527_cdb8),
    ("hash-type map-based djb2 avalanche", 0x34ac_ef56),
    ("hash-type map-based wt6", 0x5ae6_8d6d),
    ("hash-type map-based wt6 avalanche", 0xe10b_9152),
    ("hash-type map-based crc32", 0x2637_63f3),
    ("hash-type map-based crc32 avalanche", 0xb3ed_91a8),
    ("hash-type map-based none", 0xa890_d885),
    ("hash-type map-based none avalanche", 0x9ae7_bec5),
    ("hash-type consistent", 0xb987_49a8),
    ("hash-type consistent sdbm", 0xa8ab_5080),
    ("hash-type consistent sdbm avalanche", 0xb987_49a8),
    ("hash-type consistent djb2", 0xcb56_f0cd),
    ("hash-type consistent djb2 avalanche", 0x8576_0565),
    ("hash-type consistent wt6", 0x65bb_b40f),
    ("hash-type consistent wt6 avalanche", 0xdd93_fe6b),
    ("hash-type consistent crc32", 0xf494_e4d0),
    ("hash-type consistent crc32 avalanche", 0x3364_ac48),
    ("hash-type consistent none", 0xacd1_8545),
    ("hash-type consistent none avalanche", 0x0ae8_4be5),
];

const BY_OTHER_KEYS: [(&str, u32); 20] = [
    ("balance source\n http-request set-src req.hdr(x-a)", 0xe0fe_8c20),
    ("balance source\n http-request set-src req.hdr(x-a)\n hash-type consistent", 0xe08b_9a33),
    ("balance source\n http-request set-src req.hdr(x-b)\n hash-type map-based crc32 avalanche", 0x3cb5_a09e),
    ("balance uri len 4", 0xebb2_ea5c),
    ("balance uri whole", 0xaf2e_4696),
    ("balance hash src\n http-request set-src req.hdr(x-b)", 0x8721_54b4),
    ("balance hash req.cook(c)\n hash-type consistent djb2", 0xad13_391b),
    ("balance uri depth 1", 0xda5b_b195),
    ("balance url_param p\n hash-type map-based none", 0xbfe2_3ffb),
    ("balance url_param p\n hash-type consistent none avalanche", 0xf678_2931),
    ("balance hdr(x-k)", 0xf0b8_7d30),
    ("balance hdr(x-k)\n hash-type consistent crc32", 0x397f_5fce),
    ("balance hdr(host) use_domain_only", 0xb7d7_a9ff),
    ("balance hash path", 0x76f0_dad8),
    ("balance hash path,lower\n hash-type consistent", 0xb987_49a8),
    ("balance hash url_param(p),add(1)", 0x2d5f_d005),
    ("balance hash url_param(p),add(1)\n hash-type map-based none", 0xc5a0_3414),
    ("balance hash url_param(p),mod(2),bool", 0x5c62_5ea5),
    ("balance hash req.hdr(x-k),crc32\n hash-type consistent wt6", 0x0a2f_769b),
    ("balance hash url_param(p),mod(250),add(1)", 0x540a_dba5),
];

/// A factor that is never reached changes nothing; who is full is seen by who is asked.
const BY_LOAD: [(&str, u32); 1] = [(
    "balance uri\n hash-type consistent\n hash-balance-factor 400\n http-reuse always\n http-send-name-header x-s",
    0xb987_49a8,
)];

const BY_PLACES: [(&str, u32); 4] =
    [("id", 0x7026_81e5), ("id32", 0x493c_8ed2), ("guid", 0x4e81_6284), ("addr", 0x297d_83c9)];

#[test]
fn every_function_leads_keys_to_the_servers_of_the_reference() {
    compat(|t| {
        let rows = BY_URI.map(|(hash, digest)| (format!("balance uri\n {hash}"), digest));
        expect_digests(t, &rows, |i, _| format!("server s{i} 127.0.0.1:9 weight {} redir //s{i}", i % 3 + 1));
    });
}

#[test]
fn every_key_leads_to_the_servers_of_the_reference() {
    compat(|t| {
        let rows = BY_OTHER_KEYS.map(|(lines, digest)| (lines.to_owned(), digest));
        expect_digests(t, &rows, |i, _| format!("server s{i} 127.0.0.1:9 weight {} redir //s{i}", i % 3 + 1));
    });
}

#[test]
fn hash_key_spreads_servers_over_the_ring_as_the_reference_does() {
    compat(|t| {
        let rows = BY_PLACES.map(|(key, digest)| {
            (
                format!("balance uri\n hash-type consistent djb2 avalanche\n default-server hash-key {key}"),
                digest,
            )
        });
        expect_digests(t, &rows, |i, row| {
            format!(
                "server s{i} 127.0.0.{i}:9 weight {} guid g{row}.{i} id {} redir //s{i}",
                i % 3 + 1,
                i * 7
            )
        });
    });
}

#[test]
fn a_factor_that_is_not_reached_leads_keys_to_their_servers() {
    compat(|t| {
        let _server = t.origin("srv").serve(|peer: &mut Peer, _| {
            while peer.wait_for_bytes() {
                let name = peer.recv_head().header("x-s").unwrap_or_default();
                peer.send(format!("HTTP/1.1 302 Found\r\nlocation: //{name}\r\nContent-Length: 0\r\n\r\n"));
            }
        });
        let rows = BY_LOAD.map(|(lines, digest)| (lines.to_owned(), digest));
        expect_digests(t, &rows, |i, _| format!("server s{i} {{srv}} weight {}", i % 3 + 1));
    });
}

/// Runs all rows in one start and compares the digests.
#[track_caller]
fn expect_digests(t: &Subject, rows: &[(String, u32)], server: impl Fn(usize, usize) -> String) {
    let mut text = String::from(
        "global\n nbthread 2\ndefaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 5s\n",
    );
    for (row, (lines, _)) in rows.iter().enumerate() {
        text += &format!("listen l{row}\n bind {{l{row}}}\n {lines}\n");
        for number in 1..=SERVERS {
            text += &format!(" {}\n", server(number, row));
        }
    }
    let mut proxy = t.start(&text);
    let mut waiting: Vec<(&(String, u32), Peer)> =
        rows.iter().enumerate().map(|(row, wanted)| (wanted, proxy.client(&format!("l{row}")))).collect();
    let other = waiting.split_off(rows.len() / 2);
    let wrong: String = std::thread::scope(|scope| {
        let halves = [waiting, other].map(|half| scope.spawn(move || half.into_iter().map(judged).collect()));
        halves.map(|half| half.join().unwrap_or_else(|_| "a client failed".to_owned())).concat()
    });
    assert!(wrong.is_empty(), "{wrong}");
}

/// What is wrong with the servers of a row, where anything is.
fn judged(((lines, wanted), client): (&(String, u32), Peer)) -> String {
    let got = digest_of(client, lines);
    if got == *wanted { String::new() } else { format!("\n{lines:?}: {got:#010x}, not {wanted:#010x}") }
}

/// A digest of the servers that the keys lead to, in order.
fn digest_of(mut client: Peer, lines: &str) -> u32 {
    client.patience(Duration::from_secs(60));
    let mut digest = 0x811c_9dc5u32;
    for batch in 0..KEYS / BATCH {
        let requests: String = (0..BATCH).map(|n| request(batch * BATCH + n, lines)).collect();
        client.send(requests);
        for _ in 0..BATCH {
            let answer = client.recv_until("\r\n\r\n");
            let at =
                answer.windows(PREFIX.len()).position(|window| window == PREFIX).expect("a place to go to");
            for byte in &answer[at + PREFIX.len()..][..2] {
                digest = (digest ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
            }
        }
    }
    digest
}

/// The request for a key: as much of it as the lines of a row look at.
fn request(number: u32, lines: &str) -> String {
    let key = number * 7919;
    let mut text = format!("GET /k{key}/{number}?p={key} HTTP/1.1\r\n");
    let host = if lines.contains("hdr(host)") { format!("www.d{key}.example") } else { "a".to_owned() };
    text += &format!("Host: {host}\r\n");
    let mut add = |asked: &str, line: String| {
        if lines.contains(asked) {
            text += &line;
        }
    };
    add("hdr(x-k)", format!("X-K: value {key}\r\n"));
    add("hdr(x-a)", format!("X-A: 10.{}.{}.7\r\n", number / 250, number % 250));
    add("hdr(x-b)", format!("X-B: 2001:db8::{number:x}\r\n"));
    add("req.cook(c)", format!("Cookie: c={key}\r\n"));
    text += "\r\n";
    text
}

const SERVERS: usize = 7;
const KEYS: u32 = 10_000;
const BATCH: u32 = 50;
/// What stands before the server's name in an answer.
const PREFIX: &[u8] = b"location: //";
