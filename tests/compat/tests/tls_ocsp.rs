//! What authorities say of certificates: responses from files and from responders, and what is wrong with them.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use weir_compat::{Subject, compat};
use weir_testkit::{Authority, Origin, Running, Serving, Wanted};

const HEAD: &str = "
    global
        stats socket {dir}/admin.sock level admin
        crt-base {dir}
        log {log} local0
        ocsp-update.mindelay 300
        ocsp-update.maxdelay 400
        httpclient.retries 0
    defaults
        mode http
        timeout client 5s
        timeout server 5s
        timeout connect 5s
    ";

/// An authority, with certificates that name the responder at `port`, each a path of its own there.
fn authority(t: &Subject, port: u16, names: &[&str]) -> Authority {
    let authority = Authority::new(&t.scratch("authority"));
    for name in names {
        let access = format!("authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/{name}");
        let extensions = if *name == "silent" { "" } else { access.as_str() };
        authority.issue(Wanted { extensions, ..Wanted::good(name) });
    }
    authority
}

/// A certificate's file, with its authority.
fn whole(authority: &Authority, name: &str) -> String {
    authority.text(&format!("{name}.pem")) + &authority.text("ca.pem")
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    [format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n").as_bytes(), body]
        .concat()
}

const OCSP: &str = "200 OK\r\ncontent-type: application/ocsp-response";

/// A responder that has one answer for each path.
fn responder(origin: Origin, answers: HashMap<String, Vec<u8>>) -> Serving {
    origin.serve(move |peer, _| {
        let head = peer.recv_head();
        let target = head.start_line().split(' ').nth(1).unwrap_or_default().to_owned();
        let name = target.split('/').nth(1).unwrap_or_default();
        assert!(target.starts_with(&format!("/{name}/MEMwQTA")) || target.contains("MF"), "{target}");
        peer.send(answers.get(name).expect("a known path")).close_after_peer();
    })
}

/// What comes of asking: the certificate, its responder's answer, and what is said of it.
const CASES: &[(&str, &str, &str)] = &[
    ("good", "its own", "1 | 0 | 1 | Update successful"),
    (
        "broken",
        "its own, with a bad signature",
        "0 | 1 | 4 | OCSP response check failure (OCSP_basic_verify() failed)",
    ),
    ("junk", "no response", "0 | 1 | 4 | OCSP response check failure (d2i_OCSP_RESPONSE() failed)"),
    (
        "later",
        "a refusal",
        "0 | 1 | 4 | OCSP response check failure (OCSP response not successful (3: trylater))",
    ),
    (
        "other",
        "another's",
        "0 | 1 | 5 | Error during insertion (OCSP single response: Certificate ID does not match any certificate or \
         issuer)",
    ),
    ("delegated", "said by somebody who may", "1 | 0 | 1 | Update successful"),
    (
        "outdated",
        "said by somebody who might no longer",
        "0 | 1 | 4 | OCSP response check failure (OCSP_basic_verify() failed)",
    ),
    (
        "usurped",
        "said by somebody who may not",
        "0 | 1 | 4 | OCSP response check failure (OCSP_basic_verify() failed)",
    ),
    ("undeclared", "without its type", "0 | 1 | 3 | Missing \"ocsp-response\" header"),
    ("missing", "404", "0 | 1 | 2 | HTTP error"),
    ("chunked", "its own in chunks", "1 | 0 | 1 | Update successful"),
];

fn answers(authority: &Authority) -> HashMap<String, Vec<u8>> {
    let mut broken = authority.ocsp_response("broken");
    // A byte of the signature, which stands before the certificates.
    let at = broken.windows(2).rposition(|two| two == [0xa0, 0x82]).expect("its certificates");
    broken[at - 10] ^= 1;
    let chunked = authority.ocsp_response("chunked");
    let head = format!(
        "HTTP/1.1 {OCSP}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
        chunked.len()
    );
    [
        ("good", answer(OCSP, &authority.ocsp_response("good"))),
        ("broken", answer(OCSP, &broken)),
        ("junk", answer(OCSP, b"junk")),
        ("later", answer(OCSP, &[0x30, 3, 0x0a, 1, 3])),
        ("other", answer(OCSP, &authority.ocsp_response("silent"))),
        ("delegated", answer(OCSP, &authority.ocsp_response_by("speaker", "delegated"))),
        ("outdated", answer(OCSP, &authority.ocsp_response_by("former", "outdated"))),
        ("usurped", answer(OCSP, &authority.ocsp_response_by("other", "usurped"))),
        ("undeclared", answer("200 OK", &authority.ocsp_response("undeclared"))),
        ("missing", answer("404 Not Found", b"")),
        ("chunked", [head.as_bytes(), &chunked, b"\r\n0\r\n\r\n"].concat()),
    ]
    .into_iter()
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .collect()
}

#[test]
fn responders_are_asked_and_their_answers_judged() {
    compat(|t| {
        let log = t.sink("log");
        let origin = t.origin("responder");
        let names: Vec<&str> = CASES.iter().map(|(name, ..)| *name).chain(["silent"]).collect();
        let authority = authority(t, origin.address().port(), &names);
        let speaker = Wanted { extensions: "extendedKeyUsage=OCSPSigning", ..Wanted::good("speaker") };
        authority.issue(speaker);
        let former = Some(("20200101000000Z", "20210101000000Z"));
        authority.issue(Wanted { name: "former", times: former, ..speaker });
        let serving = responder(origin, answers(&authority));
        let mut list = String::new();
        for name in &names {
            t.file(&format!("{name}.pem"), whole(&authority, name));
            list.push_str(&format!("{name}.pem [ocsp-update on]\n"));
        }
        t.file("list", list);
        let mut proxy = t.start(&format!(
            "{HEAD}
            frontend f
                bind {{fe}} ssl crt-list {{dir}}/list
            "
        ));
        let rows = updates(&proxy, CASES.len());
        let expected: Vec<String> = CASES.iter().map(|(name, _, said)| format!("{name} | {said}")).collect();
        assert_eq!(sorted(rows), sorted(expected));
        let lines: Vec<String> = CASES.iter().map(|_| log.next_with("<OCSP-UPDATE> /")).collect();
        for (name, _, said) in CASES {
            let line = lines.iter().find(|line| line.contains(&format!("/{name}.pem "))).expect("a line");
            let parts: Vec<&str> = said.splitn(4, " | ").collect();
            let (_, told) = line.split_once(&format!("/{name}.pem ")).expect("the path");
            assert_eq!(told.trim_end(), format!("{} \"{}\" {} {}", parts[2], parts[3], parts[1], parts[0]));
            assert!(line.starts_with("<133>") && line.contains(": <OCSP-UPDATE> /"), "{line}");
        }
        assert!(status(&mut proxy, "good").contains("OCSP Response Status: successful (0x0)"));
        assert!(status(&mut proxy, "junk").contains("OCSP response: no response sent"));
        drop(serving);
    });
}

#[test]
fn a_responder_that_is_not_there_is_logged_as_a_request() {
    compat(|t| {
        let log = t.sink("log");
        let authority = authority(t, 1, &["gone"]);
        t.file("gone.pem", whole(&authority, "gone"));
        let config = format!(
            "{HEAD}
            frontend f
                bind {{fe}} ssl crt {{dir}}/gone.pem
            "
        )
        .replace("httpclient.retries 0", "httpclient.retries 0\n        ocsp-update.mode on");
        let proxy = t.start(&config);
        assert_eq!(updates(&proxy, 1), ["gone | 0 | 1 | 2 | HTTP error"]);
        let first = log.next_with("<OCSP-UPDATE>");
        assert!(first.trim_end().ends_with("/gone.pem 2 \"HTTP error\" 1 0"), "{first}");
        let second = log.next_with("-:- [");
        let (_, rest) = second.split_once(" <OCSP-UPDATE> -/- 2/0/-1/-1/").expect("no times");
        let rest = rest.split_once(' ').expect("a total").1;
        let (told, target) = rest.split_once("MEMwQTA").or(rest.split_once("MF")).expect("a question");
        assert_eq!(told, "503 0 - - SC-- 0/0/0/0/0 0/0 {} \"GET http://127.0.0.1:1/gone/");
        assert!(target.trim_end().ends_with(" HTTP/1.1\"") && second.starts_with("<134>"), "{second:?}");
    });
}

#[test]
fn responses_are_shown_set_and_fetched_by_hand() {
    compat(|t| {
        let _log = t.sink("log");
        let origin = t.origin("responder");
        let authority = authority(t, origin.address().port(), &["good", "silent"]);
        let response = authority.ocsp_response("good");
        let fresh = authority.ocsp_response("good");
        let answers = [("good".to_owned(), answer(OCSP, &fresh))];
        let _serving = responder(origin, answers.into_iter().collect());
        for name in ["good", "silent"] {
            t.file(&format!("{name}.pem"), whole(&authority, name));
        }
        t.file("good.pem.ocsp", &response);
        let mut proxy = t.start(&format!(
            "{HEAD}
            frontend f
                bind {{fe}} ssl crt {{dir}}/good.pem crt {{dir}}/silent.pem
            "
        ));
        let dir = proxy.dir().display().to_string();
        let shown = proxy.admin(&format!("show ssl ocsp-response {dir}/good.pem"));
        std::fs::write(authority.path("shown.der"), &response).expect("a file");
        let wanted = [
            "OCSP Response Data:\n    OCSP Response Status: successful (0x0)\n",
            "    Responder Id: CN = Authority\n",
            "      Hash Algorithm: sha1\n",
            "    Cert Status: good\n",
            " \n    Signature Algorithm: ecdsa-with-SHA256\n    Signature Value:\n        30:",
            "        X509v3 extensions:\n            X509v3 Subject Key Identifier: \n",
            "            X509v3 Basic Constraints: critical\n                CA:TRUE\n",
            "-----BEGIN CERTIFICATE-----\nMII",
        ];
        for part in wanted {
            assert!(shown.contains(part), "{part}\nis not in\n{shown}");
        }
        let of_cert = proxy.admin(&format!("show ssl cert {dir}/good.pem.ocsp"));
        assert_eq!(of_cert, shown);
        let base64 = proxy.admin(&format!("show ssl ocsp-response base64 {dir}/good.pem"));
        assert_eq!(base64.trim_end(), STANDARD.encode(&response));
        let listed = proxy.admin("show ssl ocsp-response");
        let id =
            listed.lines().nth(1).and_then(|line| line.strip_prefix("Certificate ID key : ")).expect("an id");
        assert!(id.starts_with("303b300906052b0e03021a05000414") || id.starts_with("30"), "{listed}");
        assert!(
            listed
                .contains(&format!("\nCertificate path : {dir}/good.pem\n Certificate ID:\n   Issuer Name"))
        );
        let of_key = format!("OCSP Response Key: {id}\n");
        assert!(proxy.admin(&format!("show ssl cert {dir}/good.pem")).contains(&of_key));
        assert!(proxy.admin(&format!("show ssl cert {dir}/silent.pem")).contains("OCSP Response Key: \n"));
        assert_eq!(proxy.admin(&format!("show ssl ocsp-response {id}")), shown);

        let other = STANDARD.encode(authority.ocsp_response("silent"));
        let table: &[(String, &str)] = &[
            (format!("set ssl ocsp-response {}", STANDARD.encode(&response)), "OCSP Response updated!"),
            (
                format!("set ssl ocsp-response {other}"),
                "OCSP single response: Certificate ID does not match any certificate or issuer.",
            ),
            ("set ssl ocsp-response abcd".into(), "Unable to parse OCSP response."),
            ("set ssl ocsp-response MAMKAQM=".into(), "OCSP response status not successful."),
            (
                "set ssl ocsp-response abc".into(),
                "'set ssl ocsp-response' received invalid base64 encoded response.",
            ),
            (
                "show ssl ocsp-response x".into(),
                "'show ssl ocsp-response' expects a valid certid or certificate path.",
            ),
            (
                format!("show ssl ocsp-response {dir}/silent.pem"),
                "'show ssl ocsp-response' expects a valid certid or certificate path.",
            ),
            (
                format!("update ssl ocsp-response {dir}/silent.pem"),
                "'update ssl ocsp-response' only works on certificates that already have a known OCSP response.",
            ),
            (format!("update ssl ocsp-response {dir}/good.pem"), ""),
        ];
        for (command, said) in table {
            let got = proxy.admin(command);
            assert_eq!(got.lines().next().unwrap_or_default(), *said, "{command}");
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        let wanted = STANDARD.encode(&fresh);
        while proxy.admin(&format!("show ssl ocsp-response base64 {dir}/good.pem")).trim_end() != wanted {
            assert!(Instant::now() < deadline, "nothing was fetched");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(status(&mut proxy, "good").contains("OCSP Response Status: successful (0x0)"));
    });
}

/// A file and what it holds.
type File = (&'static str, &'static str);

/// What is wrong with files: certificates, what lies beside them, words, and what is said.
const WRONG: &[(&[File], &str, &str)] = &[
    (&[("a.pem", "whole"), ("a.pem.ocsp", "response")], "crt {dir}/a.pem", ""),
    (
        &[("a.pem", "alone"), ("a.pem.ocsp", "response")],
        "crt {dir}/a.pem",
        " '{dir}/a.pem.ocsp' is present and activates OCSP but it is impossible to compute the OCSP certificate ID (maybe \
         the issuer could not be found)'.",
    ),
    (&[("a.pem", "alone"), ("a.pem.ocsp", "response"), ("a.pem.issuer", "authority")], "crt {dir}/a.pem", ""),
    (
        &[("a.pem", "alone"), ("a.pem.ocsp", "response"), ("a.pem.issuer", "alone")],
        "crt {dir}/a.pem",
        " '{dir}/a.pem.issuer' is not an issuer'.",
    ),
    (
        &[("a.pem", "whole"), ("a.pem.ocsp", "response"), ("a.pem.issuer", "junk")],
        "crt {dir}/a.pem",
        "'{dir}/a.pem.issuer' cannot be read or parsed'.",
    ),
    (&[("a.pem", "whole"), ("a.pem.issuer", "junk")], "crt {dir}/a.pem", ""),
    (
        &[("a.pem", "whole"), ("a.pem.ocsp", "junk")],
        "crt {dir}/a.pem",
        "Loading: Unable to parse OCSP response. Content will be ignored.",
    ),
    (
        &[("a.pem", "whole"), ("a.pem.ocsp", "other")],
        "crt {dir}/a.pem",
        "Loading: OCSP single response: Certificate ID does not match certificate and issuer. Content will be ignored.",
    ),
    (
        &[("a.pem", "alone"), ("l", "a.pem [ocsp-update on]\n")],
        "crt-list {dir}/l",
        "'crt-list' : error processing line 1 in file '{dir}/l' :  '{dir}/a.pem' has an OCSP auto-update set to 'on' but an \
         error occurred (maybe the OCSP URI or the issuer could not be found)'.",
    ),
    (
        &[("a.pem", "whole"), ("l", "a.pem [ocsp-update on]\na.pem [ocsp-update off]\n")],
        "crt-list {dir}/l",
        "
  'crt-list' : '{dir}/a.pem' in crt-list '{dir}/l' line 2, is already defined with incompatible parameters:
   - different parameter 'ocsp-update' : previously 'on' vs 'off'",
    ),
    (
        &[("a.pem", "whole"), ("l", "a.pem [ocsp-update on]\n")],
        "crt {dir}/a.pem crt-list {dir}/l",
        "
  'crt-list' : '{dir}/a.pem' in crt-list '{dir}/l' line 1, is already defined with incompatible parameters:
   Can't use the certificate previously defined without any keyword with these keywords:
  - different parameter 'key' : previously '{dir}/a.pem' vs '(null)'
  - different parameter 'ocsp' : previously '{dir}/a.pem.ocsp' vs '(null)'
  - different parameter 'sctl' : previously '{dir}/a.pem.sctl' vs '(null)'
  - different parameter 'ocsp-update' : previously 'default' (ocsp-update.mode off) vs 'on'",
    ),
];

#[test]
fn responses_and_issuers_that_are_wrong_are_told_at_load() {
    compat(|t| {
        let authority = authority(t, 1, &["a", "other"]);
        let contents: HashMap<&str, Vec<u8>> = [
            ("whole", whole(&authority, "a").into_bytes()),
            ("alone", authority.text("a.pem").into_bytes()),
            ("authority", authority.text("ca.pem").into_bytes()),
            ("response", authority.ocsp_response("a")),
            ("other", authority.ocsp_response("other")),
            ("junk", b"junk".to_vec()),
        ]
        .into();
        for (at, (files, words, expected)) in WRONG.iter().enumerate() {
            let mut launch = t.launch();
            for (name, content) in *files {
                let content = contents.get(content).cloned().unwrap_or_else(|| content.as_bytes().to_vec());
                launch.file(name, content);
            }
            let dir = launch.dir().display().to_string();
            let outcome = launch.check(&format!(
                "global\n crt-base {{dir}}\nfrontend f\n mode http\n timeout client 5s\n bind 127.0.0.1:1 ssl {words}\n"
            ));
            let text = outcome.text().replace(&dir, "{dir}");
            if expected.is_empty() {
                assert!(!text.contains("ALERT") && !text.contains("WARNING"), "{at}: {text}");
            } else {
                assert!(text.contains(expected), "{at}: {text}\nis not\n{expected}");
            }
            assert_eq!(
                outcome.success(),
                expected.is_empty() || expected.starts_with("Loading"),
                "{at}: {text}"
            );
        }
    });
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// What came of all questions, once each of so many was asked: `name | successes | failures | status | text`.
fn updates(proxy: &Running, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text = proxy.admin("show ssl ocsp-updates");
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.splitn(8, " | ").collect()).collect();
        let rows: Vec<_> = rows.into_iter().filter(|row| row.len() == 8).collect();
        let is_asked = |row: &&Vec<&str>| row[6] != "0";
        if rows.iter().filter(is_asked).count() == count {
            let name = |path: &str| path.rsplit('/').next().unwrap_or_default().replace(".pem", "");
            return rows.iter().map(|row| format!("{} | {}", name(row[1]), row[4..].join(" | "))).collect();
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a client of OpenSSL is told of the standing of a certificate.
fn status(proxy: &mut Running, name: &str) -> String {
    let address = proxy.address("fe").to_string();
    let output = Command::new("openssl")
        .args(["s_client", "-status", "-connect", &address, "-servername", name])
        .stdin(Stdio::null())
        .output()
        .expect("openssl(1) is there");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
