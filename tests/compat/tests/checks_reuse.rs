//! Checks over connections at rest (manual, 5.2 "check-reuse-pool", "check-pool-conn-name"): how many connections a
//! server sees, and which are shared with requests.

use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::{Authority, PATIENCE, Wanted};

/// What `http-check send` says to keep a connection.
const KEPT: &str = "http-check send meth GET uri /c ver HTTP/1.1 hdr host h.test hdr connection keep-alive";

/// Checks that follow each other at once and have time all the same, as the server never comes up.
const OFTEN: &str = "check inter 10s fastinter 50ms downinter 50ms init-state fully-down rise 10000";

/// The lines of the backend beside `option httpchk` and, where `KEPT` does not stand, [`KEPT`]; the words of the server
/// beside `check`, those of the `bind` line where it listens, and what it sees of four checks: `one` connection, one for
/// `each`, or connections on which it is asked `nothing`.
#[rustfmt::skip]
const CHECKS: &[(&str, &str, &str, &str)] = &[
    ("http-reuse always", "check-reuse-pool", "", "one"),
    ("http-reuse always", "", "", "each"),
    ("http-reuse always", "check-reuse-pool no-check-reuse-pool", "", "each"),
    ("http-reuse always\ndefault-server check-reuse-pool", "", "", "one"),
    // Those that are new have proved nothing.
    ("http-reuse aggressive", "check-reuse-pool", "", "each"),
    ("http-reuse safe", "check-reuse-pool", "", "each"),
    ("http-reuse never", "check-reuse-pool", "", "each"),
    ("http-reuse always\nhttp-check expect status 404", "check-reuse-pool", "", "one"),
    // A request that says nothing of the connection ends it.
    ("http-reuse always\nhttp-check send meth GET uri /c ver HTTP/1.1 hdr host h.test", "check-reuse-pool", "", "each"),
    ("http-reuse always\nhttp-check send meth GET uri /c ver HTTP/1.1 hdr host h hdr connection close", "check-reuse-pool", "", "each"),
    ("http-reuse always\nhttp-check send meth GET uri /c", "check-reuse-pool", "", "each"),
    ("http-reuse always\nhttp-check send meth GET uri /c hdr connection keep-alive", "check-reuse-pool", "", "one"),
    ("http-reuse always\nhttp-check send meth GET uri /close ver HTTP/1.1 hdr host h hdr connection keep-alive", "check-reuse-pool", "", "each"),
    // What is asked of connections makes them the check's own.
    ("http-reuse always", "check-reuse-pool addr 127.0.0.1", "", "each"),
    ("http-reuse always", "check-reuse-pool check-proto h1", "", "each"),
    ("http-reuse always", "check-reuse-pool check-alpn http/1.1", "", "each"),
    ("http-reuse always", "check-reuse-pool check-via-socks4", "", "each"),
    ("http-reuse always", "check-reuse-pool no-check-ssl", "", "each"),
    ("http-reuse always", "check-reuse-pool send-proxy", "accept-proxy", "each"),
    ("http-reuse always", "check-reuse-pool check-sni a.test", "", "one"),
    ("http-reuse always\nhttp-check connect\nKEPT", "check-reuse-pool", "", "one"),
    ("http-reuse always\nhttp-check connect default comment there\nKEPT", "check-reuse-pool", "", "one"),
    ("http-reuse always\nhttp-check connect sni a.test\nKEPT", "check-reuse-pool", "", "one"),
    ("http-reuse always\nhttp-check connect linger\nKEPT", "check-reuse-pool", "", "each"),
    ("http-reuse always\nhttp-check connect addr 127.0.0.1\nKEPT", "check-reuse-pool", "", "each"),
    ("http-reuse always\nhttp-check connect proto h1\nKEPT", "check-reuse-pool", "", "each"),
    ("http-reuse always\nhttp-check connect\nKEPT\nhttp-check expect status 200\nhttp-check connect\nKEPT\nhttp-check expect status 200", "check-reuse-pool", "", "one"),
    // The pool's own limits hold.
    ("http-reuse always", "check-reuse-pool pool-max-conn 0", "", "each"),
    ("http-reuse always", "check-reuse-pool pool-purge-delay 0", "", "each"),
    // TLS, and HTTP/2, of which streams are shared from the start.
    ("http-reuse always", "check-reuse-pool ssl verify none", "ssl crt {dir}/s.pem", "one"),
    ("http-reuse always", "ssl verify none", "ssl crt {dir}/s.pem", "each"),
    ("http-reuse always", "check-reuse-pool ssl verify none check-ssl", "ssl crt {dir}/s.pem", "each"),
    ("http-reuse always", "ssl verify none no-check-ssl", "ssl crt {dir}/s.pem", "nothing"),
    ("http-reuse always", "ssl verify none no-check-ssl check-ssl", "ssl crt {dir}/s.pem", "each"),
    ("http-reuse always", "check-reuse-pool ssl verify none alpn h2", "ssl crt {dir}/s.pem alpn h2", "one"),
    ("http-reuse always", "check-reuse-pool proto h2", "proto h2", "one"),
    ("http-reuse aggressive", "check-reuse-pool proto h2", "proto h2", "one"),
    ("http-reuse safe", "check-reuse-pool proto h2", "proto h2", "each"),
    ("http-reuse always", "check-reuse-pool check-proto h2", "proto h2", "each"),
];

#[test]
fn checks_open_as_many_connections_as_reuse_leaves_necessary() {
    compat(|t| {
        t.file("s.pem", Authority::new(&t.scratch("authority")).issue(Wanted::good("h.test")));
        let mut text = GLOBAL.to_owned();
        for (n, (lines, words, bind, _)) in CHECKS.iter().enumerate() {
            let send = if lines.contains("http-check send") || lines.contains("KEPT") { "" } else { KEPT };
            let lines = lines.replace("KEPT", KEPT);
            text += &format!(
                "frontend o{n}\n bind {{o{n}}} {bind}\n \
                 http-request return status 200 hdr connection close if {{ path /close }}\n \
                 http-request return status 200\n\
                 backend b{n}\n option httpchk\n {send}\n {lines}\n server s {{o{n}}} {OFTEN} {words}\n",
            );
        }
        let proxy = t.start(&text);
        let seen = |n: usize| {
            let table = proxy.admin(&format!("show stat o{n} 1 -1"));
            let of = |name| field(&table, "FRONTEND", name).parse::<u32>().unwrap_or_default();
            (of("conn_tot"), of("req_tot"))
        };
        for (n, case) in CHECKS.iter().enumerate() {
            let end = Instant::now() + PATIENCE;
            let (mut connections, mut requests) = seen(n);
            while connections.max(requests) < 4 && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(20));
                (connections, requests) = seen(n);
            }
            let saw = match (connections, requests) {
                (1, 4..) => "one",
                (4.., 0) => "nothing",
                (4.., _) => "each",
                _ => "something else",
            };
            assert_eq!(saw, case.3, "{connections} connections, {requests} requests: {case:?}");
        }
    });
}

/// The words of the server, and whether a request goes over the connection that a check left.
const NAMES: &[(&str, bool)] = &[
    ("", true),
    ("pool-conn-name str(a)", false),
    ("pool-conn-name str(a) check-pool-conn-name a", true),
    ("pool-conn-name str(a) check-pool-conn-name b", false),
    ("pool-conn-name str(a) check-sni a", false),
    ("check-pool-conn-name a", false),
    ("ssl verify none sni str(a.test) check-sni a.test", true),
    ("ssl verify none sni str(a.test) check-sni b.test", false),
    ("ssl verify none sni str(a.test) check-sni b.test check-pool-conn-name a.test", true),
    // The name is that of the host which is asked for.
    ("ssl verify none sni str(h.test)", true),
    ("ssl verify none sni str(h.test) no-check-sni-auto", false),
    ("ssl verify none no-sni-auto no-check-sni-auto", true),
];

#[test]
fn requests_take_the_connections_of_checks_that_have_their_name() {
    compat(|t| {
        t.file("s.pem", Authority::new(&t.scratch("authority")).issue(Wanted::good("h.test")));
        let mut text = GLOBAL.to_owned();
        for (n, (words, _)) in NAMES.iter().enumerate() {
            let tls = if words.contains("ssl") { "ssl crt {dir}/s.pem" } else { "" };
            text += &format!(
                "frontend o{n}\n bind {{o{n}}} {tls}\n http-request return status 200\n\
                 listen b{n}\n bind {{b{n}}}\n option httpchk\n {KEPT}\n http-reuse always\n \
                 server s {{o{n}}} check inter 60s check-reuse-pool {words}\n",
            );
        }
        let mut proxy = t.start(&text);
        for (n, case) in NAMES.iter().enumerate() {
            let end = Instant::now() + PATIENCE;
            let rests =
                || field(&proxy.admin(&format!("show stat b{n} 4 -1")), "s", "idle_conn_cur").to_owned();
            while rests() != "1" && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(20));
            }
            let mut client = proxy.client(&format!("b{n}"));
            client.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n").recv_message();
            let table = proxy.admin(&format!("show stat b{n} 4 -1"));
            assert_eq!(field(&table, "s", "reuse") == "1", case.1, "{case:?}");
        }
    });
}

/// A field of the line of this name in a table of statistics.
fn field<'t>(table: &'t str, line: &str, name: &str) -> &'t str {
    let mut lines = table.lines().map(|line| line.trim_start_matches("# ").split(','));
    let at = lines.next().and_then(|mut names| names.position(|n| n == name)).expect("a field");
    let mut row = lines.find(|row| row.clone().nth(1) == Some(line)).expect("a line");
    row.nth(at).expect("a value")
}

const GLOBAL: &str = "
global
    nbthread 1
    stats socket {dir}/admin.sock level admin
    max-spread-checks 100
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
";
