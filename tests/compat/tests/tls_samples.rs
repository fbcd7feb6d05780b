//! What samples tell of sessions of TLS and their certificates. The program is both ends: a proxy in clear that reaches
//! one with TLS. Each line of the tables is an expression, which both programs have to answer alike.

use std::sync::Mutex;

use weir_compat::{Subject, compat};

const FRONT: &str = include_str!("tls_samples.front.txt");
const BACK: &str = include_str!("tls_samples.back.txt");

fn config(versions: &str) -> String {
    let rule = |rule: &str, table: &str| -> String {
        let header = |(n, e)| format!("            {rule} x-{n} \"[%[{e}]]\"\n");
        table.lines().enumerate().map(header).collect()
    };
    format!(
        "
        global
            tune.ssl.capture-buffer-size 400
            tune.ssl.keylog on
        defaults
            mode http
            timeout client 5s
            timeout server 5s
            timeout connect 5s
        frontend inner
            bind {{tls}} ssl crt {{dir}}/cert alpn http/1.1
            http-request return status 200 hdr x-crt %[ssl_fc_crtname] if {{ path /crt }}
            http-request return status 200
{front}
        frontend outer
            bind {{fe}}
{back}
            default_backend b
        backend b
            server s {{tls}} ssl verify none sni str(a.wild.example) alpn http/1.1 {versions}
        ",
        front = rule("http-after-response set-header", FRONT),
        back = rule("http-response set-header y", BACK).replace("y x-", "y-"),
    )
}

/// What both tables gave, in their order.
fn values(t: &mut Subject, versions: &str) -> Vec<String> {
    t.file("cert", include_str!("../fixtures/tls/server.pem"));
    let mut proxy = t.start(&config(versions));
    let mut client = proxy.client("fe");
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let head = client.recv_message().head;
    let of = |letter: &str, table: &str| -> Vec<String> {
        let names = (0..table.lines().count()).map(|n| format!("{letter}-{n}"));
        names.map(|name| head.header(&name).unwrap_or_default().to_owned()).collect()
    };
    [of("x", FRONT), of("y", BACK)].concat()
}

fn compared(versions: &str) {
    let all: Mutex<Vec<Vec<String>>> = Mutex::default();
    compat(|t| {
        let values = values(t, versions);
        assert!(values.iter().filter(|v| v.len() > 2).count() > 60, "most of them have a value: {values:?}");
        all.lock().unwrap().push(values);
    });
    if let [reference, weir] = all.into_inner().unwrap().as_slice() {
        let expressions = FRONT.lines().chain(BACK.lines());
        let differ: Vec<String> = expressions
            .zip(reference.iter().zip(weir))
            .filter(|(_, (reference, weir))| reference != weir)
            .map(|(e, (reference, weir))| format!("{e}: {weir}, on the reference {reference}"))
            .collect();
        assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ.join("\n"));
    }
}

#[test]
fn sessions_of_tls_1_3_are_seen_alike() {
    compared("");
}

#[test]
fn sessions_of_tls_1_2_are_seen_alike() {
    compared("ssl-max-ver TLSv1.2");
}
