//! Handshakes that fail: what the log says on the client's side, and what samples say on the server's.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use weir_compat::{Subject, compat, table};
use weir_testkit::{Authority, LogSink, Running, Wanted};

const CONFIG: &str = "
    global
        log {log} local0
    defaults
        mode http
        timeout client 5s
        timeout client-hs 400ms
        timeout server 400ms
        timeout connect 400ms
        retries 0
    frontend tls
        bind {tls} ssl crt {dir}/cert ssl-min-ver TLSv1.3 name main
        http-request return status 200
    frontend formatted
        bind {formatted} ssl crt {dir}/cert
        log global
        error-log-format \"E %[fc_err]/%[fc_err_name]/%[fc_err_str]/%[ssl_fc_err,hex]/%[ssl_fc_err_str] %ts\"
        http-request return status 200
    frontend other
        bind {other}
    frontend plain
        log global
        bind {fe}
        log-format \"L %[bc_err] %[bc_err_name] %[bc_err_str] %ST %ts\"
        use_backend %[path,field(2,/)]
    backend fine
        server s {formatted} ssl verify none
    backend old
        server s {tls} ssl verify none ssl-max-ver TLSv1.2
    backend clear
        server s {other} ssl verify none
    backend dead
        server s {dead} ssl verify none
    ";

fn started(t: &mut Subject) -> Running {
    t.file("cert", include_str!("../fixtures/tls/server.pem"));
    t.start(CONFIG)
}

#[test]
fn a_session_begins_where_the_handshake_ends() {
    compat(|t| {
        let log = t.sink("log");
        t.file("cert", include_str!("../fixtures/tls/server.pem"));
        let mut proxy = t.start(
            "
            global
                stats socket {dir}/admin.sock level admin
                log {log} format rfc5424 local0
            defaults
                mode http
                log global
                timeout client 5s
                timeout server 5s
                timeout connect 5s
                log-format-sd \"[x@1 st=\\\"%ST\\\" sni=\\\"%[ssl_fc_sni]\\\"]\"
                log-format line
            frontend fe
                bind {fe} ssl crt {dir}/cert
                stick-table type ip size 1k expire 1h store sess_cnt,gpc(1)
                tcp-request connection track-sc1 src table conns
                tcp-request session track-sc0 src
                tcp-request session sc-inc-gpc(0,0) if { ssl_fc_sni refused.example }
                tcp-request session reject if { ssl_fc_sni refused.example }
                http-request return status 200
            backend conns
                stick-table type ip size 1k expire 1h store conn_cnt,sess_cnt
        ",
        );
        let rows = [
            ("", "[x@1 st=\"0\" sni=\"-\"] fe: none, conns: conn_cnt=1 sess_cnt=0"),
            ("GET / HTTP/1.1", "[x@1 st=\"0\" sni=\"-\"] fe: none, conns: conn_cnt=2 sess_cnt=0"),
            (
                "-servername refused.example",
                "[x@1 st=\"0\" sni=\"refused.example\"] fe: sess_cnt=0 gpc0=1, conns: conn_cnt=3 sess_cnt=0",
            ),
            (
                "-servername taken.example",
                "[x@1 st=\"400\" sni=\"taken.example\"] fe: sess_cnt=1 gpc0=1, conns: conn_cnt=4 sess_cnt=1",
            ),
        ];
        table(&rows, |case| {
            match case.strip_prefix("-") {
                Some(_) => shake(&mut proxy, "fe", case),
                None => {
                    let mut client = proxy.client("fe");
                    if !case.is_empty() {
                        client.send(case);
                        client.recv_to_close();
                    }
                }
            }
            let counts = |name: &str| {
                let shown = proxy.admin(&format!("show table {name}"));
                let line = shown.lines().find(|line| line.contains("key="));
                let kept =
                    line.map(|line| line.split(' ').filter(|w| w.contains("_cnt=") || w.contains("gpc")));
                kept.map_or("none".to_owned(), |words| words.collect::<Vec<_>>().join(" "))
            };
            let data = structured(&log.next());
            format!("{data} fe: {}, conns: {}", counts("fe"), counts("conns"))
        });
    });
}

/// The structured data of a line of RFC 5424.
fn structured(line: &str) -> String {
    let (_, from) = line.split_once('[').expect("structured data");
    let (data, _) = from.split_once(']').expect("its end");
    format!("[{data}]")
}

#[test]
fn failures_of_clients_are_logged_in_openssls_words() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = certified(t, BINDS);
        let mut wrong = Vec::new();
        for row in rows(CLIENTS) {
            let [bind, arguments, expected] = row.as_slice() else { panic!("a row of three: {row:?}") };
            shake(&mut proxy, bind, arguments);
            note(&mut wrong, &format!("{bind} {arguments}"), &log, expected);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn what_is_no_handshake_is_logged_with_the_reason() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = certified(t, BINDS);
        let mut wrong = Vec::new();
        for (bytes, expected, alert) in NO_HELLOS {
            let mut client = proxy.client("any");
            let got = match bytes.is_empty() {
                true => Vec::new(),
                false => client.send(bytes).recv_to_close(),
            };
            drop(client);
            let what = bytes.escape_ascii().to_string();
            note(&mut wrong, &what, &log, expected);
            if got != *alert {
                wrong.push(format!("{what}: the client got {got:?}, not {alert:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn failures_of_servers_are_told_by_logs_and_checks() {
    compat(|t| {
        let log = t.sink("log");
        let served: Vec<_> = ANSWERS
            .iter()
            .map(|(name, answer)| {
                let answer = *answer;
                t.origin(name).serve(move |peer, _| {
                    peer.wait_for_bytes();
                    // Who went away meanwhile hears nothing.
                    let _ = peer.try_send(answer);
                    peer.close_after_peer();
                })
            })
            .collect();
        let mut config = BINDS.to_owned() + FAR;
        for (at, row) in rows(SERVERS).iter().enumerate() {
            let line = format!("server s {{{}}} ssl {}", row[0], row[1]);
            config += &format!("\n    backend b{at}\n        {line}\n");
            config += &format!("    backend c{at}\n        {line} check inter 300ms fall 1 rise 1\n");
        }
        let mut proxy = certified(t, &config);
        let mut wrong = Vec::new();
        for (at, row) in rows(SERVERS).iter().enumerate() {
            let [server, parameters, logged, status, text] = row.as_slice() else { panic!("five: {row:?}") };
            let mut client = proxy.client("far");
            client.send(format!("GET /b{at} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
            client.recv_message();
            let said = log.next_with(&format!("L b{at} "));
            let expected = format!("L b{at} {}", with_reason(logged));
            if !said.trim_end().ends_with(&expected) {
                wrong.push(format!("{server} {parameters}: {said}, not {expected}"));
            }
            let told = (status.clone(), text.clone());
            let seen = checked(&proxy, &format!("c{at},s,"), &told);
            if seen != told {
                wrong.push(format!("check of {server} {parameters}: {seen:?}, not {status} {text}"));
            }
        }
        drop(served);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// The status of a check and what it says, once they are what is expected, or the last ones.
fn checked(proxy: &Running, row: &str, expected: &(String, String)) -> (String, String) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let stat = proxy.admin("show stat");
        let line = stat.lines().find(|l| l.starts_with(row)).unwrap_or_default();
        let column = |n| line.split(',').nth(n).unwrap_or_default().trim_start_matches("* ").to_owned();
        let seen = (column(36), column(56));
        if seen == *expected || Instant::now() > deadline {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts on files of an authority of its own.
fn certified(t: &mut Subject, config: &str) -> Running {
    let authority = Authority::new(&t.scratch("authority"));
    let (past, future) = (("20200101000000Z", "20210101000000Z"), ("20400101000000Z", "20410101000000Z"));
    for (file, name, times, extensions) in [
        ("one", "one.example", None, ""),
        ("client", "client.example", None, ""),
        ("old", "old.example", Some(past), ""),
        ("early", "early.example", Some(future), ""),
        ("revoked", "revoked.example", None, ""),
        ("servers", "servers.example", None, "extendedKeyUsage=serverAuth"),
    ] {
        t.file(file, authority.issue(Wanted { times, extensions, ..Wanted::good(name) }));
    }
    t.file("list", authority.revoke("revoked.example"));
    t.file("authority", authority.text("ca.pem"));
    t.file("self", include_str!("../fixtures/tls/self.pem"));
    t.start(config)
}

/// Lets a client of OpenSSL try.
fn shake(proxy: &mut Running, bind: &str, arguments: &str) {
    let arguments = arguments.replace("{dir}", &proxy.dir().display().to_string());
    let address = proxy.address(bind).to_string();
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &address]).args(arguments.split_whitespace());
    client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    client.status().expect("openssl(1) is there");
}

/// Compares the next line of the log with the short form of one.
fn note(wrong: &mut Vec<String>, what: &str, log: &LogSink, short: &str) {
    let said = log.next_with("E ");
    let expected = spelled(short);
    if !said.trim_end().ends_with(&expected) {
        wrong.push(format!("{what}: {said}, not {expected}"));
    }
}

/// A line from its short form, `34/0A000102 unsupported protocol 0/0`.
fn spelled(short: &str) -> String {
    let (number, rest) = short.split_once('/').unwrap();
    let (error, certificates) = rest.rsplit_once(' ').unwrap();
    let (name, text) = match number {
        "24" => ("SSL_EMPTY", "Connection closed during SSL handshake"),
        "26" => ("SSL_TIMEOUT", "Timeout during SSL handshake"),
        "31" => ("SSL_CRT_FAIL", "SSL client certificate not trusted"),
        _ => ("SSL_HANDSHAKE", "SSL handshake failure"),
    };
    let (hex, error) = match error.split_once(' ') {
        Some((hex, words)) => (hex, format!("error:{hex}:SSL routines::{words}")),
        None => ("", error.to_owned()),
    };
    format!("E {number}/{name}/{text}/{hex:0>16}/{error} {certificates} PR")
}

/// The same for a line about a server.
fn with_reason(short: &str) -> String {
    match short.split_once("/0A") {
        Some((number, rest)) => {
            let (hex, words) = rest.split_once(' ').unwrap();
            format!("{number}/error:0A{hex}:SSL routines::{words}")
        }
        None => short.to_owned(),
    }
}

/// The rows of a table, their columns between bars.
fn rows(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split('|').map(|column| column.trim().to_owned()).collect()).collect()
}

#[test]
fn servers_that_cannot_be_reached_are_told_apart() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = started(t);
        for (backend, line) in [
            ("fine", "0 - Success 200 --"),
            ("old", "34 SSL_HANDSHAKE SSL handshake failure 503 SC"),
            ("clear", "34 SSL_HANDSHAKE SSL handshake failure 503 SC"),
            ("dead", "47 EREFUSED ECONNREFUSED returned by OS 503 SC"),
        ] {
            let mut client = proxy.client("fe");
            client.send(format!("GET /{backend} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
            client.recv_message();
            let said = log.next_with("L ");
            assert!(said.trim_end().ends_with(&format!("L {line}")), "{backend}: {said}");
        }
    });
}

#[test]
fn ciphers_of_a_client_are_told_by_their_names() {
    compat(|t| {
        let log = t.sink("log");
        t.file("cert", include_str!("../fixtures/tls/server.pem"));
        let mut proxy = t.start(
            "
            global
                tune.ssl.capture-buffer-size 400
                log {log} local0
            defaults
                mode http
                timeout client 5s
            frontend f
                log global
                error-log-format \"C %[ssl_fc_cipherlist_str] %[ssl_fc_cipherlist_str(1)] %[ssl_fc_cipherlist_hex(1)]\"
                bind {fe} ssl crt {dir}/cert
        ",
        );
        let rows: [(&[u8], &str); 3] = [
            (
                // GREASE, a suite of TLS 1.3, one of TLS 1.2, one that nobody knows, an old one.
                &[0x0a, 0x0a, 0x13, 0x01, 0xc0, 0x2b, 0x12, 0x34, 0x00, 0x2f],
                "C UNKNOWN(0a0a),TLS_AES_128_GCM_SHA256,ECDHE-ECDSA-AES128-GCM-SHA256,UNKNOWN(1234),AES128-SHA \
                 TLS_AES_128_GCM_SHA256,ECDHE-ECDSA-AES128-GCM-SHA256,UNKNOWN(1234),AES128-SHA 1301C02B1234002F",
            ),
            (
                &[0x00, 0xff, 0x56, 0x00],
                "C TLS_EMPTY_RENEGOTIATION_INFO_SCSV,TLS_FALLBACK_SCSV \
                 TLS_EMPTY_RENEGOTIATION_INFO_SCSV,TLS_FALLBACK_SCSV 00FF5600",
            ),
            (
                &[0x00, 0x05, 0xcc, 0xa8],
                "C UNKNOWN(0005),ECDHE-RSA-CHACHA20-POLY1305 UNKNOWN(0005),ECDHE-RSA-CHACHA20-POLY1305 0005CCA8",
            ),
        ];
        for (suites, expected) in rows {
            let mut client = proxy.client("fe");
            client.send(hello(suites));
            let line = log.next();
            let found = line.find("C ").map(|at| line[at..].trim_end().to_owned());
            assert_eq!(found.as_deref(), Some(expected), "{line}");
        }
    });
}

/// A client's first words in TLS 1.2, with these suites and nothing that would let a session begin.
fn hello(suites: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([0x11; 32]);
    body.extend([0, 0, u8::try_from(suites.len()).unwrap()]);
    body.extend(suites);
    body.extend([1, 0, 0, 0]);
    let len = u8::try_from(body.len()).unwrap();
    [&[22, 3, 1, 0, len + 4, 1, 0, 0, len][..], &body].concat()
}

const CLIENTS: &str = include_str!("tls_failures.clients.txt");
const SERVERS: &str = include_str!("tls_failures.servers.txt");

/// First bytes of clients, the short form of what is logged, and what they get to hear.
const NO_HELLOS: &[(&[u8], &str, &[u8])] = &[
    (b"GET / HTTP/1.0\r\n\r\n", "34/0A00009C http request 0/0", b""),
    (b"PUT / HTTP/1.0\r\n\r\n", "34/0A00009C http request 0/0", b""),
    (b"OPTIONS * HTTP/1.1\r\n\r\n", "34/0A00009C http request 0/0", b""),
    (b"DELETEX", "34/0A00009C http request 0/0", b""),
    (b"GETTT AB\r\n", "34/0A00010B wrong version number 0/0", b""),
    (b"CONNECT a:1 HTTP/1.0\r\n\r\n", "34/0A00009B https proxy request 0/0", b""),
    (b"PROPFIND / HTTP/1.0\r\n\r\n", "34/0A00010B wrong version number 0/0", b""),
    (b"abcdefghijklmnop\r\n", "34/0A00010B wrong version number 0/0", b""),
    (b"\x15\x03\x01\0\x02\x02\x28", "34/0A0000F4 unexpected message 0/0", b"\x15\x03\x01\0\x02\x02\x0a"),
    (b"\x17\x03\x03\0\x05hello", "34/0A0000F4 unexpected message 0/0", b"\x15\x03\x03\0\x02\x02\x0a"),
    (b"\x16\x09\x01\0\x04\x01\0\0\0", "34/0A00010B wrong version number 0/0", b""),
    (b"\x16\x03\x01\0\x04\x02\0\0\0", "34/0A0000F4 unexpected message 0/0", b"\x15\x03\x03\0\x02\x02\x0a"),
    (b"\x16\x03\x01\0\x04\x01\0\0\0", "34/0A0000A0 length too short 0/0", b"\x15\x03\x03\0\x02\x02\x32"),
    (b"\x16\x03\x01\0\x08\x01\0\0\x04abcd", "34/0A00009F length mismatch 0/0", b"\x15\x03\x03\0\x02\x02\x32"),
    (b"\x16\x03\x01\xff\xff", "34/0A000092 data length too long 0/0", b"\x15\x03\x03\0\x02\x02\x16"),
    (b"", "24/- 0/0", b""),
    (b"\x16\x03\x01\0\x50\x01\0\0", "26/- 0/0", b""),
];

/// Servers that speak no TLS, and what they say once somebody spoke.
const ANSWERS: &[(&str, &[u8])] = &[
    ("plain", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ("alert40", b"\x15\x03\x03\0\x02\x02\x28"),
    ("alert48", b"\x15\x03\x03\0\x02\x02\x30"),
    ("alert70", b"\x15\x03\x03\0\x02\x02\x46"),
    ("alert80", b"\x15\x03\x03\0\x02\x02\x50"),
    ("alert112", b"\x15\x03\x03\0\x02\x02\x70"),
    ("hello", b"\x16\x03\x03\0\x04\x02\0\0\0"),
];

/// `{dir}` holds what an authority of its own made: certificates that are good, old, early, revoked, for servers only.
const BINDS: &str = "
    global
        stats socket {dir}/admin.sock level admin
        log {log} local0
    defaults
        mode http
        timeout client 5s
        timeout client-hs 400ms
        timeout server 5s
        timeout connect 5s
        timeout check 5s
        retries 0
    frontend binds
        bind {any} ssl crt {dir}/one
        bind {new} ssl crt {dir}/one ssl-min-ver TLSv1.3
        bind {old} ssl crt {dir}/one ssl-max-ver TLSv1.2
        bind {suite} ssl crt {dir}/one ssl-max-ver TLSv1.2 ciphers ECDHE-ECDSA-AES128-GCM-SHA256
        bind {suite3} ssl crt {dir}/one ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256
        bind {curve} ssl crt {dir}/one curves P-384
        bind {strict} ssl crt {dir}/one strict-sni
        bind {scheme} ssl crt {dir}/one sigalgs ECDSA+SHA384
        bind {required} ssl crt {dir}/one verify required ca-file {dir}/authority
        bind {required12} ssl crt {dir}/one verify required ca-file {dir}/authority ssl-max-ver TLSv1.2
        bind {optional} ssl crt {dir}/one verify optional ca-file {dir}/authority
        bind {revoked} ssl crt {dir}/one verify optional ca-file {dir}/authority crl-file {dir}/list
        bind {narrow} ssl crt {dir}/one verify required ca-file {dir}/authority client-sigalgs RSA-PSS+SHA256
        bind {self} ssl crt {dir}/self
        bind {aged} ssl crt {dir}/old
        bind {unborn} ssl crt {dir}/early
        bind {gone} ssl crt {dir}/revoked
        log global
        error-log-format \"E %[fc_err]/%[fc_err_name]/%[fc_err_str]/%[ssl_fc_err,hex]/%[ssl_fc_err_str] %[ssl_c_err]/%[ssl_c_ca_err] %ts\"
        http-request return status 200
    ";

/// What leads to servers.
const FAR: &str = "
    frontend far
        bind {far}
        log global
        log-format \"L %b %[bc_err]/%[ssl_bc_err_str]\"
        use_backend %[path,field(2,/)]
    ";
