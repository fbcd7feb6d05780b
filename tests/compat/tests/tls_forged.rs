//! Certificates made for the names that clients ask for (`generate-certificates`).

use std::process::{Command, Stdio};

use weir_compat::compat;
use weir_testkit::{Authority, Running, Wanted};

/// What a client of OpenSSL is shown, as text; times, numbers, keys and signatures are left out.
fn shown(proxy: &mut Running, bind: &str, arguments: &str) -> String {
    let address = proxy.address(bind).to_string();
    let command = format!("openssl s_client -connect {address} {arguments} | openssl x509 -noout -text");
    let output = Command::new("sh")
        .args(["-c", &command])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("a shell is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_dump = |line: &str| {
        let line = line.trim();
        line.split(':').count() > 10 || line.starts_with("Not ") || line.starts_with("Serial Number")
    };
    text.lines().filter(|line| !is_dump(line)).map(str::trim).collect::<Vec<_>>().join("\n")
}

const FORGED: &str = "\
Certificate:
Data:
Version: 3 (0x2)
Signature Algorithm: ecdsa-with-SHA256
Issuer: CN = Authority
Validity
Subject: CN = Authority, CN = new.example
Subject Public Key Info:
Public Key Algorithm: id-ecPublicKey
Public-Key: (256 bit)
pub:
73:72
ASN1 OID: prime256v1
NIST CURVE: P-256
X509v3 extensions:
X509v3 Basic Constraints:
CA:FALSE
Netscape Comment:
\"OpenSSL Generated Certificate\"
X509v3 Subject Key Identifier:
X509v3 Authority Key Identifier:
DirName:/CN=Authority
X509v3 Key Usage:
Digital Signature, Non Repudiation, Key Encipherment
X509v3 Subject Alternative Name:
DNS:new.example
Signature Algorithm: ecdsa-with-SHA256
Signature Value:";

#[test]
fn certificates_are_made_for_names_that_nobody_has() {
    compat(|t| {
        let authority = Authority::new(&t.scratch("authority"));
        t.file("own.pem", authority.issue(Wanted::good("own.example")));
        t.file("ca.pem", authority.text("ca.pem") + &authority.text("ca.key"));
        let mut proxy = t.start(
            "
            global
                tune.ssl.ssl-ctx-cache-size 2
            defaults
                mode http
                timeout client 5s
                timeout server 5s
                timeout connect 5s
            frontend f
                bind {any} ssl crt {dir}/own.pem generate-certificates ca-sign-file {dir}/ca.pem
                bind {strict} ssl strict-sni crt {dir}/own.pem generate-certificates ca-sign-file {dir}/ca.pem
                http-request return status 200 hdr serial %[ssl_f_serial,hex] hdr name %[ssl_f_s_dn(CN,2)]
            ",
        );
        let forged = shown(&mut proxy, "any", "-servername NEW.example");
        let parts = |text: &str| {
            // Short rests of dumped lines.
            let is_rest = |line: &&str| line.split(':').all(|part| part.len() == 2);
            text.lines().filter(|line| !is_rest(line)).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(parts(&forged), parts(FORGED), "{forged}");
        for (bind, arguments, subject) in [
            ("any", "-servername own.example", "CN = own.example"),
            ("any", "-noservername", "CN = own.example"),
            ("any", "-servername 1.2.3.4", "CN = Authority, CN = 1.2.3.4"),
            ("any", "-servername other.example -tls1_2", "CN = Authority, CN = other.example"),
            ("any", "-servername third.example", "CN = Authority, CN = third.example"),
            ("any", "-servername new.example", "CN = Authority, CN = new.example"),
            ("strict", "-servername new.example", "CN = Authority, CN = new.example"),
            ("strict", "-servername own.example", "CN = own.example"),
            ("strict", "-noservername", ""),
        ] {
            let text = shown(&mut proxy, bind, arguments);
            let found = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default();
            assert_eq!(found, subject, "{bind} {arguments}");
        }
        let verified = Command::new("sh")
            .args(["-c", &format!(
                "openssl s_client -connect {} -servername new.example -verify_return_error -CAfile {} </dev/null 2>&1",
                proxy.address("any"),
                authority.path("ca.pem").display()
            )])
            .output()
            .expect("a shell is there");
        assert!(String::from_utf8_lossy(&verified.stdout).contains("Verify return code: 0 (ok)"));
    });
}
