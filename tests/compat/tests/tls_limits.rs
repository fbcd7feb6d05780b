//! Words of `global` that bound sessions of TLS: how many there are, how long they are remembered, how large their records
//! are (manual, 3.2 and 3.3).

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use weir_compat::{Subject, compat};
use weir_testkit::Running;

const REST: &str = "
    defaults
        mode http
        timeout client 10s
        timeout server 10s
        timeout connect 10s
    frontend f
        bind {fe} ssl crt {dir}/cert
        bind {cached} ssl crt {dir}/cert no-tls-tickets ssl-max-ver TLSv1.2
        http-request return status 200 content-type text/plain file {dir}/body if { path /body }
        http-request return status 200
    frontend plain
        bind {plain}
        default_backend b
    backend b
        server s {fe} ssl verify none
    ";

fn started(t: &mut Subject, global: &str) -> Running {
    t.file("cert", include_str!("../fixtures/tls/server.pem"));
    t.file("body", "x".repeat(5000));
    t.start(&format!("global\n    stats socket {{dir}}/admin.sock level admin\n    {global}\n{REST}"))
}

#[test]
fn sessions_beyond_the_limit_wait_or_are_refused() {
    compat(|t| {
        let mut proxy = started(t, "maxsslconn 2");
        assert!(proxy.admin("show info").contains("\nMaxSslConns: 2\n"));
        let address = proxy.address("fe").to_string();
        let mut clients: Vec<_> = (0..2)
            .map(|_| {
                let mut client = Command::new("openssl");
                client.args(["s_client", "-quiet", "-connect", &address]);
                client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
                client.spawn().expect("openssl(1) is there")
            })
            .collect();
        until(&proxy, "\nCurrSslConns: 2\n");
        // A session with a server counts, too.
        let mut client = proxy.client("plain");
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(client.recv_message().head.status(), 500);
        // Who comes now is served once somebody has left.
        let mut late = Command::new("curl");
        late.args([
            "-sk",
            "-m",
            "10",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &format!("https://{address}/"),
        ]);
        let late = late.stdout(Stdio::piped()).spawn().expect("curl(1) is there");
        let before = proxy.admin("show info");
        assert!(before.contains("\nCurrSslConns: 2\n") && before.contains("\nCumSslConns: 2\n"), "{before}");
        for client in &mut clients {
            client.kill().expect("it runs");
            client.wait().expect("it ends");
        }
        let output = late.wait_with_output().expect("its output");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "200");
    });
}

fn until(proxy: &Running, shown: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !proxy.admin("show info").contains(shown) {
        assert!(Instant::now() < deadline, "no {shown:?}: {}", proxy.admin("show info"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Lines of `global`, more arguments of a client that asks for 5,000 bytes, and the plaintext of the records that it gets.
const RECORDS: &[(&str, &[usize])] = &[
    ("", &[5095]),
    ("tune.ssl.maxrecord 2000", &[2000, 2000, 1095]),
    ("tune.ssl.hard-maxrecord 3000", &[3000, 2095]),
    ("tune.ssl.maxrecord 4000\n    tune.ssl.hard-maxrecord 2500", &[2500, 2500, 95]),
];

#[test]
fn records_are_as_large_as_global_says() {
    compat(|t| {
        for (global, expected) in RECORDS {
            let mut proxy = started(t, global);
            let said = client(
                &mut proxy,
                "fe",
                "-tls1_2 -msg -ign_eof",
                "GET /body HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            );
            // Headers of records, of which those with data count; a nonce and a tag come with each.
            let headers = said.lines().collect::<Vec<_>>();
            let sizes: Vec<usize> = headers
                .windows(2)
                .filter(|pair| pair[0].contains("<<< ") && pair[0].contains("RecordHeader"))
                .filter_map(|pair| pair[1].trim().strip_prefix("17 03 03 "))
                .filter_map(|size| usize::from_str_radix(&size.replace(' ', ""), 16).ok())
                .map(|size| size - 24)
                .collect();
            let total: usize = expected.iter().sum();
            assert_eq!(sizes.iter().sum::<usize>() / 5000, total / 5000, "{global}: {sizes:?}");
            assert_eq!(sizes.len(), expected.len(), "{global}: {sizes:?}");
            assert_eq!(sizes[..sizes.len() - 1], expected[..expected.len() - 1], "{global}");
        }
    });
}

#[test]
fn sessions_are_remembered_as_long_and_as_many_as_global_says() {
    compat(|t| {
        for (global, lifetime, resumed) in [
            ("", "7200", true),
            ("tune.ssl.lifetime 100", "100", true),
            ("tune.ssl.lifetime 2m", "120", true),
            ("tune.ssl.cachesize 0", "7200", false),
        ] {
            let mut proxy = started(t, global);
            let said = client(&mut proxy, "fe", "-tls1_2", "");
            let hint = format!("TLS session ticket lifetime hint: {lifetime} (seconds)");
            assert!(said.contains(&hint), "{global}: {said}");
            let said = client(&mut proxy, "cached", "-reconnect", "");
            assert_eq!(said.contains("Reused, TLSv1.2"), resumed, "{global}: {said}");
        }
    });
}

/// What `openssl s_client` says with these arguments, and this to say.
fn client(proxy: &mut Running, bind: &str, arguments: &str, said: &str) -> String {
    let mut client = Command::new("openssl");
    client
        .args(["s_client", "-connect", &proxy.address(bind).to_string()])
        .args(arguments.split_whitespace());
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut client = client.spawn().expect("openssl(1) is there");
    let mut stdin = client.stdin.take().expect("its input");
    stdin.write_all(said.as_bytes()).expect("it listens");
    drop(stdin);
    String::from_utf8_lossy(&client.wait_with_output().expect("its output").stdout).into_owned()
}
