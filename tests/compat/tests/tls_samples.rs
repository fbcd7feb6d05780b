//! What samples tell of sessions of TLS and their certificates. The program is both ends: a proxy in clear that reaches
//! one with TLS. Each line of the tables is an expression, which both programs have to answer alike.

use std::sync::Mutex;

use weir_compat::{Subject, compat};

const FRONT: &str = include_str!("tls_samples.front.txt");
const BACK: &str = include_str!("tls_samples.back.txt");

fn config(versions: &str) -> String {
    let rule = |rule: &str, table: &str| -> String {
        let header = |(n, e): (usize, &str)| {
            let expression = e.trim_start_matches("- ");
            format!("            {rule} x-{n} \"[%[{expression}]]\"\n")
        };
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
            bind {{tls}} ssl crt {{dir}}/cert alpn http/1.1 verify optional ca-file {{dir}}/ca ca-ignore-err all crt-ignore-err all
            http-request return status 200
{front}
        frontend outer
            bind {{fe}}
{back}
            default_backend b
        backend b
            server s {{tls}} ssl verify none crt {{dir}}/client sni str(a.wild.example) alpn http/1.1 {versions}
        ",
        front = rule("http-after-response set-header", FRONT),
        back = rule("http-response set-header y", BACK).replace("y x-", "y-"),
    )
}

/// What both tables gave, in their order.
fn values(t: &mut Subject, versions: &str) -> Vec<String> {
    t.file("cert", include_str!("../fixtures/tls/server.pem"));
    t.file("ca", include_str!("../fixtures/tls/ca.pem"))
        .file("client", include_str!("../fixtures/tls/soon.pem"));
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

#[test]
fn sessions_of_tls_are_seen_alike() {
    let all: Mutex<Vec<Vec<[String; 2]>>> = Mutex::default();
    let expressions = || FRONT.lines().chain(BACK.lines());
    compat(|t| {
        let versions = [values(t, ""), values(t, "ssl-max-ver TLSv1.2")];
        let [newer, older] = versions;
        let values: Vec<[String; 2]> = newer.into_iter().zip(older).map(|(n, o)| [n, o]).collect();
        let wrong: Vec<_> = expressions()
            .zip(&values)
            .filter(|(e, both)| e.starts_with("- ") == both.iter().any(|value| value.len() > 2))
            .collect();
        assert!(wrong.is_empty(), "these have a value against what is told of them, or none: {wrong:#?}");
        all.lock().unwrap().push(values);
    });
    if let [reference, weir] = all.into_inner().unwrap().as_slice() {
        let differ: Vec<String> = expressions()
            .zip(reference.iter().zip(weir))
            .filter(|(_, (reference, weir))| reference != weir)
            .map(|(e, (reference, weir))| format!("{e}: {weir:?}, on the reference {reference:?}"))
            .collect();
        assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ.join("\n"));
    }
}
