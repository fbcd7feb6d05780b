//! TLS on both sides: which certificate, version, suite and protocol a client gets, and who is believed.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use weir_compat::{Subject, compat};
use weir_testkit::Running;

/// Certificates that one authority made, and one that made itself.
const FILES: &[(&str, &str)] = &[
    ("authority", include_str!("../fixtures/tls/authority.pem")),
    ("badusage", include_str!("../fixtures/tls/badusage.pem")),
    ("client", include_str!("../fixtures/tls/client.pem")),
    ("one", include_str!("../fixtures/tls/one.pem")),
    ("revoked", include_str!("../fixtures/tls/revoked.pem")),
    ("revoked.crl", include_str!("../fixtures/tls/revoked.crl")),
    ("self", include_str!("../fixtures/tls/self.pem")),
    ("two.ecdsa", include_str!("../fixtures/tls/two.ecdsa.pem")),
    ("two.rsa", include_str!("../fixtures/tls/two.rsa.pem")),
    ("wild", include_str!("../fixtures/tls/wild.pem")),
];

const TIMES: &str = "
    global
        stats socket {dir}/admin.sock level admin
        crt-base {dir}
        ca-base {dir}
    defaults
        mode http
        timeout client 5s
        timeout server 5s
        timeout connect 5s
        retries 0
    ";

/// A list of certificates with names and options; files are looked for in `crt-base`.
const LIST: &str = "\
# file, options, names

one
wild [alpn http/1.0] *.wild.example !not.wild.example
self [ssl-min-ver TLSv1.3] Listed.Example other.example
two.rsa *
";

fn started(t: &mut Subject, config: &str) -> Running {
    for (name, content) in FILES {
        t.file(name, content);
    }
    t.file("list", LIST);
    t.start(&format!("{TIMES}{config}"))
}

/// What a client of OpenSSL gets: `subject version suite protocol`, or `none` where the handshake fails.
fn shake(proxy: &mut Running, bind: &str, arguments: &str) -> String {
    let folder = proxy.dir().display().to_string();
    let address = proxy.address(bind).to_string();
    let arguments = arguments.replace("{dir}", &folder);
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .expect("openssl(1) is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |begin: &str| text.lines().find_map(|l| l.strip_prefix(begin)).unwrap_or_default().to_owned();
    let (version, suite) = match field("New, ").split_once(", Cipher is ") {
        Some((version, suite)) if version != "(NONE)" => (version.to_owned(), suite.to_owned()),
        _ => return "none".to_owned(),
    };
    let protocol = field("ALPN protocol: ");
    let protocol = if protocol.is_empty() { "-" } else { &protocol };
    format!("{} {version} {suite} {protocol}", field("subject=").replace(' ', ""))
}

fn check(proxy: &mut Running, rows: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (bind, arguments, expected) in rows {
        let got = shake(proxy, bind, arguments);
        if !got.starts_with(expected) {
            wrong.push(format!("{bind} {arguments}: {got}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn certificates_are_chosen_by_name_and_kind_of_key() {
    compat(|t| {
        let mut proxy = started(
            t,
            "
            frontend f
                http-request return status 200
                bind {files} ssl crt one crt wild crt self
                bind {bundle} ssl crt one crt two
                bind {strict} ssl strict-sni crt one crt wild
                bind {default} ssl crt one default-crt wild
                bind {list} ssl crt-list list
            ",
        );
        let rsa = "-sigalgs RSA-PSS+SHA256:RSA+SHA256";
        check(
            &mut proxy,
            &[
                ("files", "-servername one.example", "CN=one.example "),
                ("files", "-servername ONE.example", "CN=one.example "),
                ("files", "-servername self.example", "CN=self.example "),
                ("files", "-servername a.wild.example", "CN=wild "),
                ("files", "-servername A.Wild.example", "CN=wild "),
                ("files", "-servername a.b.wild.example", "CN=one.example "),
                ("files", "-servername wild.example", "CN=one.example "),
                ("files", "-servername wild", "CN=wild "),
                ("files", "-servername unknown", "CN=one.example "),
                ("files", "-noservername", "CN=one.example "),
                ("bundle", "-servername two.example", "CN=two.example,O=ecdsa "),
                ("bundle", &format!("-servername two.example -tls1_2 {rsa}"), "CN=two.example,O=rsa "),
                ("bundle", &format!("-servername two.example -tls1_3 {rsa}"), "CN=two.example,O=rsa "),
                ("strict", "-servername one.example", "CN=one.example "),
                ("strict", "-servername a.wild.example", "CN=wild "),
                ("strict", "-servername unknown", "none"),
                ("strict", "-noservername", "none"),
                ("default", "-servername one.example", "CN=one.example "),
                ("default", "-servername a.wild.example", "CN=wild "),
                ("default", "-noservername", "CN=one.example "),
                ("list", "-servername one.example", "CN=one.example "),
                ("list", "-servername a.wild.example", "CN=wild "),
                ("list", "-servername not.wild.example", "CN=one.example "),
                ("list", "-servername listed.example", "CN=self.example TLSv1.3"),
                ("list", "-servername other.example -tls1_3", "CN=self.example TLSv1.3"),
                ("list", "-servername listed.example -tls1_2", "none"),
                ("list", "-servername self.example -tls1_2", "CN=one.example TLSv1.2"),
                (
                    "list",
                    "-servername a.wild.example -alpn http/1.0",
                    "CN=wild TLSv1.3 TLS_AES_256_GCM_SHA384 http/1.0",
                ),
                (
                    "list",
                    "-servername one.example -alpn http/1.0",
                    "CN=one.example TLSv1.3 TLS_AES_256_GCM_SHA384 -",
                ),
            ],
        );
    });
}

#[test]
fn versions_suites_and_protocols_are_agreed_on() {
    compat(|t| {
        let mut proxy = started(
            t,
            "
            frontend f
                http-request return status 200
                bind {any} ssl crt one
                bind {none} ssl crt one no-alpn
                bind {own} ssl crt one alpn spoken,http/1.1
                bind {new} ssl crt one ssl-min-ver TLSv1.3
                bind {old} ssl crt one ssl-max-ver TLSv1.2 ssl-min-ver TLSv1.2
                bind {without} ssl crt one no-tlsv13
                bind {forced} ssl crt one force-tlsv13
                bind {suites} ssl crt one ciphers ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256 ciphersuites TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256
                bind {client} ssl crt one prefer-client-ciphers
                bind {curve} ssl crt one curves P-384
            frontend t
                mode tcp
                bind {tcp} ssl crt one
            ",
        );
        let aes256 = "CN=one.example TLSv1.3 TLS_AES_256_GCM_SHA384";
        let rows = [
            ("any", "-alpn http/1.1", format!("{aes256} http/1.1")),
            ("any", "-alpn h2,http/1.1", format!("{aes256} h2")),
            ("any", "-alpn http/1.1,h2", format!("{aes256} h2")),
            ("any", "-alpn unknown", format!("{aes256} -")),
            ("any", "", format!("{aes256} -")),
            ("none", "-alpn h2,http/1.1", format!("{aes256} -")),
            ("own", "-alpn h2,http/1.1,spoken", format!("{aes256} spoken")),
            ("own", "-alpn h2", format!("{aes256} -")),
            ("tcp", "-alpn h2,http/1.1", format!("{aes256} -")),
            ("any", "-tls1_2", "CN=one.example TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 -".to_owned()),
            ("any", "-tls1_1 -cipher DEFAULT@SECLEVEL=0", "none".to_owned()),
            ("new", "-tls1_2", "none".to_owned()),
            ("new", "", aes256.to_owned()),
            ("old", "-tls1_3", "none".to_owned()),
            ("old", "", "CN=one.example TLSv1.2".to_owned()),
            ("without", "", "CN=one.example TLSv1.2".to_owned()),
            ("forced", "-tls1_2", "none".to_owned()),
            ("suites", "-tls1_2", "CN=one.example TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305".to_owned()),
            ("suites", "", "CN=one.example TLSv1.3 TLS_AES_128_GCM_SHA256".to_owned()),
            ("suites", "-ciphersuites TLS_AES_256_GCM_SHA384 -tls1_3", "none".to_owned()),
            ("suites", "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", "none".to_owned()),
            ("any", "-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384 -tls1_3", aes256.to_owned()),
            (
                "client",
                "-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384 -tls1_3",
                "CN=one.example TLSv1.3 TLS_AES_128_GCM_SHA256".to_owned(),
            ),
            ("curve", "-groups P-384", aes256.to_owned()),
            ("curve", "-groups X25519:P-384", aes256.to_owned()),
            ("curve", "-groups X25519", "none".to_owned()),
        ];
        let rows: Vec<_> = rows.iter().map(|(bind, arguments, e)| (*bind, *arguments, e.as_str())).collect();
        check(&mut proxy, &rows);
    });
}

#[test]
fn clients_are_believed_or_not() {
    compat(|t| {
        let mut proxy = started(
            t,
            "
            frontend f
                http-request return status 200 hdr x %[ssl_c_used]/%[ssl_c_verify]/%[ssl_c_err]/%[ssl_c_ca_err]
                bind {required} ssl crt one verify required ca-file authority
                bind {optional} ssl crt one verify optional ca-file authority
                bind {lists} ssl crt one verify optional ca-file authority crl-file revoked.crl
                bind {itself} ssl crt one verify required ca-file self
                bind {lax} ssl crt one verify optional ca-file authority crt-ignore-err all ca-ignore-err all
                bind {some} ssl crt one verify optional ca-file authority crt-ignore-err X509_V_ERR_INVALID_PURPOSE
            ",
        );
        let rows = [
            ("required", "", "none"),
            ("required", "client", "1/0/0/0"),
            ("required", "badusage", "none"),
            ("required", "self", "none"),
            ("required", "revoked", "1/0/0/0"),
            ("optional", "", "0/0/0/0"),
            ("optional", "client", "1/0/0/0"),
            ("optional", "badusage", "none"),
            ("optional", "self", "none"),
            ("lists", "client", "1/0/0/0"),
            ("lists", "revoked", "none"),
            ("itself", "self", "1/0/0/0"),
            ("itself", "client", "none"),
            ("lax", "", "0/0/0/0"),
            ("lax", "badusage", "1/26/26/0"),
            ("lax", "self", "1/18/18/0"),
            ("some", "badusage", "1/26/26/0"),
            ("some", "self", "none"),
        ];
        let mut wrong = Vec::new();
        for (bind, certificate, expected) in rows {
            for version in ["1.2", "1.3"] {
                let got = ask(&mut proxy, bind, certificate, version);
                if got != expected {
                    wrong.push(format!("{bind} {certificate} {version}: {got}, not {expected}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// The header `x` of the answer to curl with a client certificate; `none` where there is no answer.
fn ask(proxy: &mut Running, bind: &str, certificate: &str, version: &str) -> String {
    let address = proxy.address(bind);
    let mut curl = Command::new("curl");
    curl.args(["-sk", "-m", "5", "--http1.1", "-o", "/dev/null", "-D", "-", &format!("--tlsv{version}")]);
    curl.args(["--tls-max", version, &format!("https://{address}/")]);
    if !certificate.is_empty() {
        curl.arg("--cert").arg(proxy.dir().join(certificate));
    }
    let output = curl.output().expect("curl(1) is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = text.lines().find_map(|l| l.strip_prefix("x: "));
    value.map_or_else(|| "none".to_owned(), |v| v.trim().to_owned())
}

#[test]
fn servers_are_believed_or_not() {
    compat(|t| {
        let mut proxy = started(
            t,
            "
            frontend servers
                http-request return status 200 hdr x %[ssl_fc_sni]
                bind {one} ssl crt one crt wild
                bind {itself} ssl crt self
                bind {asks} ssl crt one verify required ca-file authority ssl-max-ver TLSv1.2
            frontend fe
                bind {fe}
                use_backend %[path,field(2,/)]
            backend nobody
                server s {one} ssl verify none
            backend named
                server s {one} ssl verify required ca-file authority sni str(one.example)
            backend starred
                server s {one} ssl verify required ca-file authority sni str(a.wild.example)
            backend misnamed
                server s {one} ssl verify required ca-file authority sni str(two.example)
            backend by_host
                server s {one} ssl verify required ca-file authority
            backend hosted
                server s {one} ssl verify required ca-file authority no-sni-auto verifyhost one.example
            backend otherwise
                server s {one} ssl verify required ca-file authority no-sni-auto verifyhost two.example
            backend unchecked
                server s {one} ssl verify required ca-file authority no-sni-auto
            backend stranger
                server s {one} ssl verify required ca-file self sni str(one.example)
            backend itself
                server s {itself} ssl verify required ca-file self sni str(self.example)
            backend shown
                server s {asks} ssl verify none crt client
            backend hidden
                server s {asks} ssl verify none
            backend old
                server s {one} ssl verify none force-tlsv12 sni str(old.example)
            backend narrow
                server s {one} ssl verify none ciphersuites TLS_AES_128_GCM_SHA256 sni str(narrow.example)
            ",
        );
        let rows = [
            ("nobody", "a.example:80", "200 a.example"),
            ("named", "a.example", "200 one.example"),
            ("starred", "a.example", "200 a.wild.example"),
            ("misnamed", "a.example", "503 "),
            ("by_host", "one.example", "200 one.example"),
            ("by_host", "two.example", "503 "),
            ("hosted", "a.example", "200 "),
            ("otherwise", "a.example", "503 "),
            ("unchecked", "a.example", "200 "),
            ("stranger", "a.example", "503 "),
            ("itself", "a.example", "200 self.example"),
            ("shown", "a.example", "200 a.example"),
            ("hidden", "a.example", "503 "),
            ("old", "a.example", "200 old.example"),
            ("narrow", "a.example", "200 narrow.example"),
        ];
        let mut wrong = Vec::new();
        for (backend, host, expected) in rows {
            let mut client = proxy.client("fe");
            client.send(format!("GET /{backend} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
            let answer = client.recv_message();
            let status = answer.head.status();
            let name = answer.head.header("x").unwrap_or_default();
            if format!("{status} {name}") != expected {
                wrong.push(format!("{backend} {host}: {status} {name}, not {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn checks_go_over_tls() {
    compat(|t| {
        let proxy = started(
            t,
            "
            frontend servers
                http-request return status 200
                bind {one} ssl crt one
            backend b
                default-server inter 100ms fall 1 rise 1
                server tls {one} ssl verify none check
                server connect {one} check
                server check {one} check check-ssl verify none
                server wrong {one} check check-ssl verify required ca-file self
                server moved {one} ssl verify none check port {dead.port}
                server named {one} ssl verify required ca-file authority check check-sni one.example
            backend h
                option httpchk GET /
                default-server inter 100ms fall 1 rise 1
                server tls {one} ssl verify none check
            ",
        );
        for (server, status) in [
            ("b,tls", "L6OK"),
            ("b,connect", "L4OK"),
            ("b,check", "L6OK"),
            ("b,wrong", "L6RSP"),
            ("b,moved", "L4CON"),
            ("b,named", "L6OK"),
            ("h,tls", "L7OK"),
        ] {
            let deadline = Instant::now() + Duration::from_secs(10);
            loop {
                let stat = proxy.admin("show stat");
                let line = stat.lines().find(|l| l.starts_with(&format!("{server},"))).unwrap_or_default();
                let column = line.split(',').nth(36).unwrap_or_default().trim_start_matches("* ").to_owned();
                if column == status {
                    break;
                }
                assert!(Instant::now() < deadline, "{server}: {column}, not {status}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
}

/// Lines of a backend, parameters of its server, and the name that its checks send; `{path}` tells them apart.
const NAMES: &[(&str, &str, &str)] = &[
    ("option httpchk GET {path}", "", "-"),
    ("option httpchk GET {path} HTTP/1.1 a.example", "", "a.example"),
    ("option httpchk\nhttp-check send uri {path} hdr Host b.example:8080", "", "b.example"),
    ("option httpchk\nhttp-check send uri {path} hdr Host %[str(c.example)]", "", "c.example"),
    ("option httpchk\nhttp-check send uri {path} hdr Host d.example", "no-check-sni-auto", "-"),
    ("option httpchk\nhttp-check send uri {path} hdr Host e.example", "check-sni f.example", "f.example"),
    ("option httpchk\nhttp-check send uri {path} hdr Host g.example", "sni str(h.example)", "g.example"),
    ("option httpchk\nhttp-check send uri {path} hdr Host i.example", "no-sni-auto", "i.example"),
    ("option httpchk\nhttp-check connect ssl\nhttp-check send uri {path} hdr Host j.example", "", "-"),
    ("option httpchk\nhttp-check connect default\nhttp-check send uri {path} hdr Host k.example", "", "-"),
    ("option httpchk\nhttp-check connect ssl sni l.example\nhttp-check send uri {path}", "", "l.example"),
];

#[test]
fn checks_send_the_host_that_they_ask_for() {
    compat(|t| {
        let log = t.sink("log");
        let mut config = "
            frontend servers
                bind {one} ssl crt one
                log {log} local0
                log-format \"N %HP %[ssl_fc_sni]\"
                http-request return status 200
        "
        .to_owned();
        for (at, (lines, parameters, _)) in NAMES.iter().enumerate() {
            let lines = lines.replace("{path}", &format!("/b{at}")).replace('\n', "\n    ");
            config += &format!(
                "\nbackend b{at}\n    {lines}\n    server s {{one}} ssl verify none check inter 300ms {parameters}\n"
            );
        }
        let _proxy = started(t, &config);
        for (at, (lines, parameters, expected)) in NAMES.iter().enumerate() {
            let said = log.next_with(&format!("N /b{at} "));
            let expected = format!("N /b{at} {expected}");
            assert!(said.trim_end().ends_with(&expected), "{lines} {parameters}: {said}, not {expected}");
        }
    });
}

/// What the runtime API answers to commands about certificates, one after the other; `{one}` and its like stand for the
/// text of a file.
const COMMANDS: &[(&str, &str)] = &[
    ("show ssl cert", "# filename\n{dir}/one\n{dir}/wild\n"),
    ("show ssl cert nope", "Can't display the certificate: Not found or the certificate is a bundle!\n"),
    ("set ssl cert", "'set ssl cert' expects a filename and a certificate as a payload\n"),
    (
        "set ssl cert nope <<\n{self}\n",
        "Can't replace a certificate which is not referenced by the configuration!\nCan't update nope!\n",
    ),
    (
        "set ssl cert {dir}/one <<\nx\n",
        "unable to load certificate from file '{dir}/one': no start line.\nCan't load the payload\nCan't update {dir}/one!\n",
    ),
    ("commit ssl cert {dir}/one", "No ongoing transaction! !\nCan't commit {dir}/one!\n"),
    ("abort ssl cert {dir}/one", "No ongoing transaction!\n"),
    ("set ssl cert {dir}/one <<\n{self}\n", "Transaction created for certificate {dir}/one!\n"),
    ("set ssl cert {dir}/one <<\n{self}\n", "Transaction updated for certificate {dir}/one!\n"),
    ("show ssl cert", "# transaction\n*{dir}/one\n# filename\n{dir}/one\n{dir}/wild\n"),
    (
        "set ssl cert {dir}/wild <<\n{self}\n",
        "The ongoing transaction is about '{dir}/one' but you are trying to set '{dir}/wild'\nCan't update {dir}/wild!\n",
    ),
    (
        "commit ssl cert {dir}/wild",
        "The ongoing transaction is about '{dir}/one' but you are trying to set '{dir}/wild'\nCan't commit {dir}/wild!\n",
    ),
    (
        "abort ssl cert {dir}/wild",
        "The ongoing transaction is about '{dir}/one' but you are trying to abort a transaction for '{dir}/wild'\n",
    ),
    ("abort ssl cert {dir}/one", "Transaction aborted for certificate '{dir}/one'!\n"),
    ("set ssl cert {dir}/one <<\n{self}\n", "Transaction created for certificate {dir}/one!\n"),
    ("commit ssl cert {dir}/one", "Committing {dir}/one.\nSuccess!\n"),
    ("new ssl cert", "'new ssl cert' expects a filename\n"),
    ("new ssl cert fresh", "New empty certificate store 'fresh'!\n"),
    ("new ssl cert fresh", "Certificate 'fresh' already exists!\n"),
    (
        "show ssl cert fresh",
        "Filename: fresh\nOption: ocsp-update off\nOption: jwt off\nStatus: Empty\nOCSP Response Key: \n",
    ),
    ("set ssl cert fresh <<\n{self}\n", "Transaction created for certificate fresh!\n"),
    ("commit ssl cert fresh", "Committing fresh\nSuccess!\n"),
    ("del ssl cert fresh", "Certificate 'fresh' deleted!\n"),
    ("del ssl cert fresh", "Can't remove the certificate: certificate 'fresh' doesn't exist!\n"),
    (
        "del ssl cert {dir}/one",
        "Can't remove the certificate: certificate '{dir}/one' in use, can't be deleted!\n",
    ),
    ("del ssl cert", "'del ssl cert' expects a certificate name\n"),
    ("show ssl crl-file", "# filename\n"),
];

#[test]
fn certificates_are_replaced_while_their_line_listens() {
    compat(|t| {
        let mut proxy = started(
            t,
            "
            frontend f
                http-request return status 200
                bind {fe} ssl crt {dir}/one crt {dir}/wild
            ",
        );
        let folder = proxy.dir().display().to_string();
        let own = FILES.iter().find(|(name, _)| *name == "self").map(|(_, text)| text.trim_end()).unwrap();
        check(&mut proxy, &[("fe", "-servername one.example", "CN=one.example ")]);
        for (command, expected) in COMMANDS {
            let fill = |text: &str| text.replace("{dir}", &folder).replace("{self}", own);
            let answer = proxy.admin(&fill(command));
            assert_eq!(answer.trim_end(), fill(expected).trim_end(), "{command}");
        }
        let described = proxy.admin(&format!("show ssl cert {folder}/one"));
        assert!(described.contains("Status: Used\n"), "{described}");
        assert!(
            described.contains("Subject Alternative Name: DNS:self.example\nAlgorithm: EC256\n"),
            "{described}"
        );
        let rows = [
            ("fe", "-servername one.example", "CN=self.example "),
            ("fe", "-servername self.example", "CN=self.example "),
            ("fe", "-servername a.wild.example", "CN=wild "),
        ];
        check(&mut proxy, &rows);
    });
}
