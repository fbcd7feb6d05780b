//! The server of a key: the same under every `hash-type` as under the reference, for 1,000 keys each.

use weir_compat::{Subject, compat};
use weir_testkit::{Origin, Peer, Running, Serving};

/// Digests of the servers' order, as the reference gave it.
const BY_URI: [(&str, u32); 22] = [
    ("hash-type map-based", 0xf69d_ef7c),
    ("hash-type map-based sdbm", 0xf69d_ef7c),
    ("hash-type map-based sdbm avalanche", 0x27b9_6790),
    ("hash-type map-based djb2", 0xe5d7_1415),
    ("hash-type map-based djb2 avalanche", 0x4621_8d76),
    ("hash-type map-based wt6", 0x9f90_4c48),
    ("hash-type map-based wt6 avalanche", 0xb9ad_1e76),
    ("hash-type map-based crc32", 0xe0b6_a943),
    ("hash-type map-based crc32 avalanche", 0xd0c7_333b),
    ("hash-type map-based none", 0x50ae_d365),
    ("hash-type map-based none avalanche", 0x6408_c445),
    ("hash-type consistent", 0x21ac_6efd),
    ("hash-type consistent sdbm", 0x695f_cda7),
    ("hash-type consistent sdbm avalanche", 0x21ac_6efd),
    ("hash-type consistent djb2", 0x4d3f_3328),
    ("hash-type consistent djb2 avalanche", 0x8a87_71ea),
    ("hash-type consistent wt6", 0x6e76_ca33),
    ("hash-type consistent wt6 avalanche", 0xac50_c1e5),
    ("hash-type consistent crc32", 0xa0fd_5598),
    ("hash-type consistent crc32 avalanche", 0x0535_3c23),
    ("hash-type consistent none", 0x771d_c285),
    ("hash-type consistent none avalanche", 0x1412_0a55),
];

const BY_OTHER_KEYS: [(&str, u32); 14] = [
    ("balance uri depth 1", 0xad24_2cf7),
    ("balance url_param p\n hash-type map-based none", 0x2cad_a959),
    ("balance url_param p\n hash-type consistent none avalanche", 0x68f5_ea11),
    ("balance hdr(x-k)", 0x0b4e_d50a),
    ("balance hdr(x-k)\n hash-type consistent crc32", 0x29a1_fb25),
    ("balance hdr(host) use_domain_only", 0x978e_a14d),
    ("balance uri\n hash-type consistent\n hash-balance-factor 400", 0x21ac_6efd),
    ("balance hash path", 0xf69d_ef7c),
    ("balance hash path,lower\n hash-type consistent", 0x21ac_6efd),
    ("balance hash url_param(p),add(1)", 0x79a1_dd78),
    ("balance hash url_param(p),add(1)\n hash-type map-based none", 0x92bc_4af6),
    ("balance hash url_param(p),mod(2),bool", 0xfc41_f035),
    ("balance hash req.hdr(x-k),crc32\n hash-type consistent wt6", 0x798e_f9e3),
    ("balance hash url_param(p),mod(250),add(1)", 0x091d_c2b5),
];

const BY_PLACES: [(&str, u32); 4] =
    [("id", 0x89a8_4cbd), ("id32", 0xf732_9ee8), ("guid", 0xe743_730b), ("addr", 0xf1dc_af73)];

#[test]
fn every_function_leads_keys_to_the_servers_of_the_reference() {
    compat(|t| {
        let _server = echo(t);
        let rows = BY_URI.map(|(hash, digest)| (format!("balance uri\n {hash}"), digest));
        expect_digests(t, &rows, |i, _| format!("server s{i} {{srv}} weight {}", i % 3 + 1));
    });
}

#[test]
fn every_key_leads_to_the_servers_of_the_reference() {
    compat(|t| {
        let _server = echo(t);
        let rows = BY_OTHER_KEYS.map(|(lines, digest)| (lines.to_owned(), digest));
        expect_digests(t, &rows, |i, _| format!("server s{i} {{srv}} weight {}", i % 3 + 1));
    });
}

#[test]
fn hash_key_spreads_servers_over_the_ring_as_the_reference_does() {
    compat(|t| {
        let server = Origin::on("0.0.0.0:0".parse().unwrap());
        t.set("port", server.address().port().to_string());
        let _server = echoing(server);
        let rows = BY_PLACES.map(|(key, digest)| {
            (
                format!("balance uri\n hash-type consistent djb2 avalanche\n default-server hash-key {key}"),
                digest,
            )
        });
        expect_digests(t, &rows, |i, row| {
            format!("server s{i} 127.0.0.{i}:{{port}} weight {} guid g{row}.{i} id {}", i % 3 + 1, i * 7)
        });
    });
}

/// Runs all rows in one start and compares the digests.
#[track_caller]
fn expect_digests(t: &Subject, rows: &[(String, u32)], server: impl Fn(usize, usize) -> String) {
    let mut text = String::from(
        "global\n nbthread 1\ndefaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n \
         http-reuse always\n http-send-name-header x-s\n",
    );
    for (row, (lines, _)) in rows.iter().enumerate() {
        text += &format!("listen l{row}\n bind {{l{row}}}\n {lines}\n");
        for number in 1..=SERVERS {
            text += &format!(" {}\n", server(number, row));
        }
    }
    let mut proxy = t.start(&text);
    let mut wrong = String::new();
    for (row, (lines, wanted)) in rows.iter().enumerate() {
        let got = digest_of(&mut proxy, &format!("l{row}"));
        if got != *wanted {
            wrong += &format!("\n{lines:?}: {got:#010x}, not {wanted:#010x}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A digest of the servers that serve the keys, in order.
fn digest_of(proxy: &mut Running, listener: &str) -> u32 {
    let mut client = proxy.client(listener);
    let mut digest = 0x811c_9dc5u32;
    for batch in 0..KEYS / BATCH {
        let requests: String = (0..BATCH).map(|n| request(batch * BATCH + n)).collect();
        client.send(requests);
        for _ in 0..BATCH {
            for byte in client.recv_message().body {
                digest = (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            }
        }
    }
    digest
}

fn request(number: u32) -> String {
    let key = number * 7919;
    format!("GET /k{key}/{number}?p={key} HTTP/1.1\r\nHost: www.d{key}.example\r\nX-K: value {key}\r\n\r\n")
}

fn echo(t: &mut Subject) -> Serving {
    echoing(t.origin("srv"))
}

/// Answers with the server's name, which each request brings along.
fn echoing(origin: Origin) -> Serving {
    origin.serve(|peer: &mut Peer, _| {
        while peer.wait_for_bytes() {
            let name = peer.recv_head().header("x-s").unwrap_or_default();
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()));
        }
    })
}

const SERVERS: usize = 7;
const KEYS: u32 = 1000;
const BATCH: u32 = 20;
