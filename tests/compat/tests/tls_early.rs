//! Early data: what a client who comes back says before its handshake is over (manual, 5.1 "allow-0rtt").

use std::io::Write as _;
use std::process::{Command, Stdio};

use weir_compat::compat;

const CONFIG: &str = "
    defaults
        mode http
        timeout client 5s
        timeout server 5s
        timeout connect 5s
    frontend f
        bind {fe} ssl crt {dir}/cert allow-0rtt
        bind {none} ssl crt {dir}/cert
        http-response set-header x-seen %[ssl_fc_early_rcvd],%[ssl_fc_is_resumed]
        http-request return status 425 if { path /late } { ssl_fc_has_early }
        http-request return status 200 hdr x-early %[ssl_fc_has_early] hdr x-seen %[ssl_fc_early_rcvd],%[ssl_fc_is_resumed] if { path /own }
        default_backend b
    backend b
        http-request set-header x-back 1
        server s {inner}
    frontend inner
        bind {inner}
        http-request return status 200 hdr x-early %[req.hdr(early-data)]
    ";

/// A line, what is asked early, more arguments of the client, and what the answer has: the status, `x-early`, and whether
/// early data was seen and a session resumed.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("fe", "/", "-alpn http/1.1", "200 1 1,1"),
    ("fe", "/", "", "200  1,1"),
    ("fe", "/own", "-alpn http/1.1", "200 1 1,1"),
    ("fe", "/own", "", "200 0 1,1"),
    ("fe", "/late", "-alpn http/1.1", "425  "),
    ("fe", "/late", "", "200  1,1"),
    ("none", "/own", "-alpn http/1.1", "none"),
];

#[test]
fn early_data_is_told_from_what_comes_later() {
    compat(|t| {
        t.file("cert", include_str!("../fixtures/tls/server.pem"));
        let mut proxy = t.start(CONFIG);
        let mut wrong = Vec::new();
        for (bind, path, arguments, expected) in ROWS {
            let address = proxy.address(bind).to_string();
            let file = |name: &str| proxy.dir().join(name).display().to_string();
            let client = |more: &str, said: &str| {
                let mut client = Command::new("openssl");
                client.args(["s_client", "-connect", &address, "-tls1_3", "-ign_eof"]);
                client.args(more.split_whitespace()).args(arguments.split_whitespace());
                client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
                let mut client = client.spawn().expect("openssl(1) is there");
                let mut stdin = client.stdin.take().expect("its input");
                // Who had early data to say may be gone.
                let _ = stdin.write_all(said.as_bytes());
                String::from_utf8_lossy(&client.wait_with_output().expect("its output").stdout).into_owned()
            };
            let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            std::fs::write(file("request"), request(path)).expect("a file");
            // Without early data nothing is asked: a bare line ends the connection.
            let rest = if *bind == "none" { "\r\n\r\nX\r\n\r\n" } else { "" };
            let come_back = || {
                client(&format!("-sess_out {}", file("session")), &request("/first"));
                let early = format!("-sess_in {} -early_data {}", file("session"), file("request"));
                seen(&client(&early, rest))
            };
            // On a machine with other work, the end of the handshake may be there before the request is looked at.
            let mut got = come_back();
            for _ in 0..TRIES {
                if got == *expected {
                    break;
                }
                got = come_back();
            }
            if got != *expected {
                wrong.push(format!("{bind} {path} {arguments}: {got}, not {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// What an answer has; `none` where no early data was taken.
fn seen(said: &str) -> String {
    if !said.contains("Early data was accepted") {
        return "none".to_owned();
    }
    let said = said.replace('\r', "");
    let field =
        |begin: &str| said.lines().find_map(|l| l.strip_prefix(begin)).unwrap_or_default().trim().to_owned();
    let status = field("HTTP/1.1 ");
    format!("{} {} {}", status.get(..3).unwrap_or_default(), field("x-early:"), field("x-seen:"))
}

/// How often a client comes back until it is as quick as it is meant to be.
const TRIES: usize = 10;
