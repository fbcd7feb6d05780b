//! Balancing: which server each algorithm chooses, key by key and connection by connection.

use std::time::Duration;
use weir_compat::{Proxy, Subject, compat};
use weir_testkit::{Origin, Peer, Running, Serving};

/// Servers that answer with their letter, called `{a}`, `{b}`, ... in the configuration.
fn lettered(t: &mut Subject, count: u8) -> Vec<Serving> {
    let letters = (b'a'..b'a' + count).map(char::from);
    letters
        .map(|letter| {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{letter}");
            t.origin(&letter.to_string()).serve(move |peer, _| {
                peer.recv_message();
                let _ = peer.try_send(&answer);
            })
        })
        .collect()
}

/// Who answered this request.
#[track_caller]
fn answerer(proxy: &mut Running, request: &str) -> String {
    let mut client = proxy.client("fe");
    client.send(request);
    String::from_utf8(client.recv_message().body).unwrap()
}

fn get(path: &str, header: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{header}\r\n")
}

/// The servers that a balancing line and these server lines choose for the same keys.
fn choices(t: &mut Subject, backend: &str, servers: &str, request: &dyn Fn(usize) -> String) -> String {
    let _servers = lettered(t, 4);
    let mut proxy = t.start(&Proxy::http().backend(backend).servers(servers).text());
    (0..KEYS).map(|key| answerer(&mut proxy, &request(key))).collect()
}

const KEYS: usize = 60;
const FOUR: &str = "server a {a}\n server b {b}\n server c {c}\n server d {d}";
const WEIGHTED: &str =
    "server a {a} weight 1\n server b {b} weight 2\n server c {c} weight 50\n server d {d} weight 0";

/// Asserts that Weir chooses as the reference did for the same keys, which ran first.
fn same_on_both(backend: &str, servers: &str, request: &dyn Fn(usize) -> String) {
    let first = std::cell::RefCell::new(None);
    compat(|t| {
        let seen = choices(t, backend, servers, request);
        assert!(seen.chars().any(|c| !seen.starts_with(c)), "all went to one server: {seen}");
        let mut first = first.borrow_mut();
        let wanted = first.get_or_insert_with(|| seen.clone());
        assert_eq!(&seen, wanted, "{backend}");
    });
}

#[test]
fn hashes_of_uris_reach_the_same_server() {
    let long = |key: usize| get(&format!("/path{key}/x{}?q={key}", key * 7), "");
    let short = |key: usize| get(&format!("/{key}/x{}?q={key}", key * 7), "");
    same_on_both("balance uri", FOUR, &long);
    same_on_both("balance uri whole", FOUR, &long);
    same_on_both("balance uri path-only", FOUR, &long);
    same_on_both("balance uri len 4", FOUR, &short);
    same_on_both("balance uri depth 1", FOUR, &short);
    same_on_both("balance uri", WEIGHTED, &short);
}

#[test]
fn hashes_of_headers_reach_the_same_server() {
    same_on_both("balance hdr(x-key)", FOUR, &|key| get("/", &format!("X-Key: user{key}\r\n")));
    same_on_both("balance hdr(host) use_domain_only", FOUR, &|key| {
        format!("GET / HTTP/1.1\r\nHost: www{key}.example{key}.com\r\nConnection: close\r\n\r\n")
    });
}

#[test]
fn hashes_of_parameters_reach_the_same_server() {
    same_on_both("balance url_param user", FOUR, &|key| get(&format!("/?a=1&user={key}x&b=2"), ""));
    same_on_both("balance url_param user", FOUR, &|key| get(&format!("/{key}?user={key}"), ""));
}

#[test]
fn hash_types_choose_the_same_server() {
    let request = |key: usize| get(&format!("/path{key}"), "");
    for line in [
        "hash-type consistent",
        "hash-type map-based djb2",
        "hash-type map-based wt6 avalanche",
        "hash-type consistent crc32",
        "hash-type consistent sdbm avalanche",
    ] {
        same_on_both(&format!("balance uri\n{line}"), FOUR, &request);
    }
    same_on_both("balance uri\nhash-type consistent", WEIGHTED, &request);
}

#[test]
fn hashes_of_source_addresses_reach_the_same_server() {
    let first = std::cell::RefCell::new(None);
    compat(|t| {
        let _servers = lettered(t, 4);
        let mut proxy = t.start(&Proxy::http().backend("balance source").servers(FOUR).text());
        let address = proxy.address("fe");
        let seen: String = (1..=40)
            .map(|host| {
                let source = format!("127.0.{}.{host}:0", host % 3).parse().unwrap();
                let mut client = Peer::try_connect(address, Some(source)).unwrap();
                client.send(get("/", ""));
                String::from_utf8(client.recv_message().body).unwrap()
            })
            .collect();
        let mut first = first.borrow_mut();
        assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen);
    });
}

#[test]
fn algorithms_without_a_key_follow_their_order() {
    for (line, servers, wanted) in [
        ("balance roundrobin", FOUR, "abcdabcd"),
        ("balance static-rr", FOUR, "abcdabcd"),
        ("balance first", FOUR, "aaaaaaaa"),
        ("balance roundrobin", "server a {a} weight 3\n server b {b} weight 1", "aaabaaab"),
        ("balance static-rr", "server a {a} weight 3\n server b {b} weight 1", "aaabaaab"),
        ("balance roundrobin", "server a {a} weight 0\n server b {b}", "bbbbbbbb"),
        ("balance roundrobin", "server a {a} weight 256\n server b {b} weight 256", "abababab"),
        ("balance roundrobin", "server a {a} disabled\n server b {b}\n server c {c}", "bcbcbcbc"),
        ("balance roundrobin", "server a {a} backup\n server b {b}\n server c {c} backup", "bbbbbbbb"),
        (
            "balance roundrobin",
            "server a {a} backup\n server b {b} disabled\n server c {c} backup",
            "aaaaaaaa",
        ),
        (
            "balance roundrobin\noption allbackups",
            "server a {a} backup\n server b {b} disabled\n server c {c} backup",
            "acacacac",
        ),
    ] {
        compat(|t| {
            let _servers = lettered(t, 4);
            let mut proxy = t.start(&Proxy::http().backend(line).servers(servers).text());
            let seen: String = (0..8).map(|_| answerer(&mut proxy, &get("/", ""))).collect();
            assert_eq!(seen, wanted, "{line} {servers}");
        });
    }
}

/// Which of the origins the next connection reaches.
#[track_caller]
fn next(origins: &[Origin]) -> (usize, Peer) {
    for _ in 0..400 {
        for (number, origin) in origins.iter().enumerate() {
            if let Some(peer) = origin.accept_within(Duration::from_millis(2)) {
                return (number, peer);
            }
        }
    }
    panic!("nobody was reached")
}

#[test]
fn leastconn_fills_the_server_that_lost_a_connection() {
    compat(|t| {
        let origins = [t.origin("a"), t.origin("b"), t.origin("c")];
        let servers = "server a {a}\n server b {b}\n server c {c}";
        let mut proxy = t.start(&Proxy::tcp().backend("balance leastconn").servers(servers).text());
        let mut open = Vec::new();
        for _ in 0..6 {
            let client = proxy.client("fe");
            let (number, far) = next(&origins);
            open.push((number, client, far));
        }
        for server in 0..3 {
            assert_eq!(open.iter().filter(|(number, ..)| *number == server).count(), 2);
        }
        let (freed, mut client, mut far) = open.remove(4);
        client.close();
        far.expect_eof().close();
        std::thread::sleep(Duration::from_millis(50));
        let _client = proxy.client("fe");
        assert_eq!(next(&origins).0, freed);
    });
}

#[test]
fn leastconn_follows_the_weights() {
    compat(|t| {
        let origins = [t.origin("a"), t.origin("b")];
        let servers = "server a {a} weight 3\n server b {b} weight 1";
        let mut proxy = t.start(&Proxy::tcp().backend("balance leastconn").servers(servers).text());
        let mut counts = [0; 2];
        let mut open = Vec::new();
        for _ in 0..8 {
            let client = proxy.client("fe");
            let (number, far) = next(&origins);
            counts[number] += 1;
            open.push((client, far));
        }
        assert_eq!(counts, [6, 2]);
    });
}

#[test]
fn first_fills_one_server_after_the_other() {
    compat(|t| {
        let origins = [t.origin("a"), t.origin("b"), t.origin("c")];
        let servers = "server a {a} maxconn 2\n server b {b} maxconn 1\n server c {c} maxconn 2";
        let mut proxy = t.start(&Proxy::tcp().backend("balance first").servers(servers).text());
        let mut open = Vec::new();
        for wanted in [0, 0, 1, 2, 2] {
            let client = proxy.client("fe");
            let (number, far) = next(&origins);
            assert_eq!(number, wanted);
            open.push((client, far));
        }
    });
}

#[test]
fn the_default_algorithm_prefers_the_server_with_less_to_do() {
    compat(|t| {
        let origins = [t.origin("a"), t.origin("b")];
        let servers = "server a {a}\n server b {b}";
        let mut proxy = t.start(&Proxy::tcp().servers(servers).text());
        let mut counts = [0; 2];
        let mut open = Vec::new();
        for _ in 0..20 {
            let client = proxy.client("fe");
            let (number, far) = next(&origins);
            counts[number] += 1;
            open.push((client, far));
        }
        assert!(counts.iter().all(|count| (3..=17).contains(count)), "{counts:?}");
    });
}
