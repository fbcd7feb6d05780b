//! Handshakes that fail: what the log says on the client's side, and what samples say on the server's.

use weir_compat::{Subject, compat};

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

fn started(t: &mut Subject) -> weir_testkit::Running {
    t.file("cert", include_str!("../fixtures/tls/server.pem"));
    t.start(CONFIG)
}

#[test]
fn what_is_no_handshake_is_logged_with_the_reason() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = started(t);
        let rows: [(&str, &[u8], &str); 5] = [
            (
                "http",
                b"GET / HTTP/1.0\r\n\r\n",
                "34/SSL_HANDSHAKE/SSL handshake failure/000000000A00009C/error:0A00009C:SSL routines::http request PR",
            ),
            (
                "put",
                b"PUT / HTTP/1.0\r\n\r\n",
                "34/SSL_HANDSHAKE/SSL handshake failure/000000000A00009C/error:0A00009C:SSL routines::http request PR",
            ),
            (
                "junk",
                b"abcdefghijklmnop\r\n",
                "34/SSL_HANDSHAKE/SSL handshake failure/000000000A00010B/error:0A00010B:SSL routines::wrong version number PR",
            ),
            ("nothing", b"", "24/SSL_EMPTY/Connection closed during SSL handshake/0000000000000000/- PR"),
            ("silence", b"\x16", "26/SSL_TIMEOUT/Timeout during SSL handshake/0000000000000000/- PR"),
        ];
        for (what, bytes, line) in rows {
            let mut client = proxy.client("formatted");
            if bytes.is_empty() {
                drop(client);
            } else {
                client.send(bytes);
                client.recv_to_close();
            }
            let said = log.next_with("E ");
            assert!(said.trim_end().ends_with(&format!("E {line}")), "{what}: {said}");
        }
    });
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
