//! Converters that need keys of their own, in files and in variables.

use weir_compat::{Subject, compat};
use weir_testkit::{Peer, Running};

/// Tokens of this key pair's other half, and of the curve's.
const RSA: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuvuKhQEIN6dRnGKqZ5Tb\n\
TudIPNZcRp4LnYHT8wBpRxsYw6HlcIF9R9FPIvs7kcaXvEvTDp3R4plLXBsCi427\n\
JKe3ury2j+hoanlHdnOfFeT76yEbAfPOW6T2l6E2lpg0M0IcoZAT//oS4L3nyAcS\n\
e/kh9idDnsxHEqD4Ue1mPXEBbSLJMpqZjDk0j3Qx9a1XLgWrt42VN7AMro4PNuGw\n\
mjDHweo+tSCZ60LDFVqiSHLt6JwlunpD0SQdzJTlDEKlsSlrESSstkPRN0I2DiSl\n\
KsMM5VS8ReVSlJUigobbV824WqzRk6EnDHYdiR7d2U1C0GPI+d1f/b0VJNR0bd6l\n\
AQIDAQAB\n\
-----END PUBLIC KEY-----\n\
";
const RSA_PKCS1: &str = "-----BEGIN RSA PUBLIC KEY-----\n\
MIIBCgKCAQEAuvuKhQEIN6dRnGKqZ5TbTudIPNZcRp4LnYHT8wBpRxsYw6HlcIF9\n\
R9FPIvs7kcaXvEvTDp3R4plLXBsCi427JKe3ury2j+hoanlHdnOfFeT76yEbAfPO\n\
W6T2l6E2lpg0M0IcoZAT//oS4L3nyAcSe/kh9idDnsxHEqD4Ue1mPXEBbSLJMpqZ\n\
jDk0j3Qx9a1XLgWrt42VN7AMro4PNuGwmjDHweo+tSCZ60LDFVqiSHLt6JwlunpD\n\
0SQdzJTlDEKlsSlrESSstkPRN0I2DiSlKsMM5VS8ReVSlJUigobbV824WqzRk6En\n\
DHYdiR7d2U1C0GPI+d1f/b0VJNR0bd6lAQIDAQAB\n\
-----END RSA PUBLIC KEY-----\n\
";
const EC: &str = "-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/BUD4CCW8Jj24RdsI3yBvvFnI6Y3\n\
pySzH4Ucjgx2veCZgnmGyGrhRmlU3ljFGSr7GyHrh5pjRTXnjN53q/2UNA==\n\
-----END PUBLIC KEY-----\n\
";
const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjMiLCJuIjo1LCJhIjp7ImIiOlsxLDJdfSwieCI6dHJ1ZX0.XD-K-gVB3TXDC09UzwxEKZiNG7vw_Xa_FmecSpzpNIVnjwiGpsK0j0VAmInX_jM2O2M-NkNyf0ekkOSh1gzxV-9xfVyWYf2gyLDJo5WkngmkXHJeZD6LIp1tWTrVyHSjKaNYqPFO10hR7H4vbuVc0S4qAkdJuKfkMUq5FGFc20afnCVPNoZWF7q2T6jt7oa4KF9Lid2JvEXUSpNT8K2b1rJ6Up23e6Os_LkAXYYbpf7M39yrtBhMDcHUY0VMHfu1ZDq4plP-OZxV2l3fEm-iPQzKUq9n9gy1Vmsa7cEBppOwdADum1b3bJldPbXYZFZrXFnsZ34xvQbNRo4lu2PaMQ";
const PS384: &str = "eyJhbGciOiJQUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjMiLCJuIjo1LCJhIjp7ImIiOlsxLDJdfSwieCI6dHJ1ZX0.TnRASnveLSI5cIzjN38bro98Cj4fRBGKHyagtk8fM-kh66bTLFZPMddfjnL5RLahADwqRMGqGS_1-c1Onu-_Z85QbIxJDfLTgjAswxPfl2PepOMYSDw1wJakbGgl98Uw2bSSv0kYf20A8RhzCxCLO4XCObYU3QxnjEKTR9NjBDoWsEO65aRFVEfwHOWbkWE98XmIQnUoPDAx7m8PZYuXX3w6Kh9KFFc4S2K8w1es-ZND1JD5v4dA8C8h38k9Ffbc35_oJkFBW2ZpSJEV2NvKfgHJFqM6B6jjMsl9ibAlYnyQFB6bS-_6U5nVAmXbKWao6PqDRWpa7BXu2BiySDT7Mg";
const ES256: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjMiLCJuIjo1LCJhIjp7ImIiOlsxLDJdfSwieCI6dHJ1ZX0.mgWmd-4IotII1B-I8Svochgm3tWqJzrNUDcU93T83MsQRgpF-5nohm3dpC3IeGW1U2aLN59yTC3YmVZVVOQK5g";
const HS256: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjMiLCJuIjo1LCJhIjp7ImIiOlsxLDJdfSwieCI6dHJ1ZX0.hESbGMSUCMaD6gbw1aMpxzxY7nLdMatBtiUeVJAk8L0";

#[test]
fn keys_come_from_files_and_variables() {
    compat(|t| {
        t.file("rsa.pub", RSA).file("rsa1.pub", RSA_PKCS1).file("ec.pub", EC);
        let cases = [
            ("var(txn.rs),jwt_verify(RS256,{dir}/rsa.pub)", "1"),
            ("var(txn.rs),jwt_verify(RS256,{dir}/rsa1.pub)", "1"),
            ("var(txn.rs),jwt_verify(RS256,{dir}/ec.pub)", "0"),
            ("var(txn.rs),jwt_verify(RS384,{dir}/rsa.pub)", "0"),
            ("var(txn.rs),jwt_verify(none,{dir}/rsa.pub)", "-2"),
            ("var(txn.ps),jwt_verify(PS384,{dir}/rsa.pub)", "1"),
            ("var(txn.es),jwt_verify(ES256,{dir}/ec.pub)", "1"),
            ("var(txn.hs),jwt_verify(txn.alg,secret)", "1"),
            ("var(txn.hs),jwt_verify(HS256,txn.secret)", "1"),
            ("var(txn.hs),jwt_verify(HS256,txn.key)", "0"),
            ("var(txn.hs),jwt_verify(txn.other,secret)", "-1"),
            ("var(txn.hs),jwt_verify(txn.none,secret)", ""),
            ("str(abc),hmac(sha1,txn.key),hex", "694ABD10842D161DDBC54DF8A0D57CF64D0DBCC9"),
            ("str(abc),hmac(sha1,txn.none),hex", ""),
            ("str(hello),aes_gcm_enc(128,txn.nonce,Zm9vb2Zvb29mb29wZm9vbw==,txn.tag,YWFk),hex", "A98E356112"),
            (
                "str(hello),aes_gcm_enc(128,txn.nonce,txn.aes,txn.tag),aes_gcm_dec(128,txn.nonce,txn.aes,txn.tag)",
                "hello",
            ),
            (
                "str(hello),aes_gcm_enc(128,txn.nonce,txn.aes,txn.tag),aes_gcm_dec(128,txn.nonce,txn.aes,YWFhYWFhYWFhYWFhYWFhYQ==)",
                "",
            ),
            (
                "str(hello),aes_cbc_enc(128,MDEyMzQ1Njc4OWFiY2RlZg==,txn.aes),aes_cbc_dec(128,MDEyMzQ1Njc4OWFiY2RlZg==,txn.aes)",
                "hello",
            ),
        ];
        let mut text = format!(
            "
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            frontend fe
                bind {{fe}}
                http-request set-var(txn.rs) str({RS256})
                http-request set-var(txn.ps) str({PS384})
                http-request set-var(txn.es) str({ES256})
                http-request set-var(txn.hs) str({HS256})
                http-request set-var(txn.alg) str(HS256)
                http-request set-var(txn.other) str(XX)
                http-request set-var(txn.secret) str(secret)
                http-request set-var(txn.key) str(c2VjcmV0)
                http-request set-var(txn.nonce) str(MDEyMzQ1Njc4OWFi)
                http-request set-var(txn.aes) str(Zm9vb2Zvb29mb29wZm9vbw==)
            "
        );
        for (i, (expression, _)) in cases.iter().enumerate() {
            text += &format!(
                "    http-request return status 200 content-type text/plain lf-string \"%[{expression}]\" if {{ path /{i} }}\n"
            );
        }
        let mut proxy = t.start(&text);
        for (i, (expression, expected)) in cases.iter().enumerate() {
            let mut client = proxy.client("fe");
            client.send(format!("GET /{i} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
            let body = String::from_utf8(client.recv_message().body).unwrap();
            assert_eq!(body, *expected, "{expression}");
        }
    });
}

/// Certificates with keys, for tokens.
const CERTIFICATES: [(&str, &str); 4] = [
    ("rsa", include_str!("../fixtures/tokens/rsa.pem")),
    ("P-256", include_str!("../fixtures/tokens/P-256.pem")),
    ("P-384", include_str!("../fixtures/tokens/P-384.pem")),
    ("P-521", include_str!("../fixtures/tokens/P-521.pem")),
];

/// A configuration that knows these certificates and does what the rules say.
fn with_certificates(t: &mut Subject, global: &str, rules: &str) -> Running {
    let mut store = String::new();
    for (name, pem) in CERTIFICATES {
        t.file(name, pem).file(&format!("{name}-off"), pem).file(&format!("{name}-direct"), pem);
        store += &format!(" load crt {{dir}}/{name} jwt on\n load crt {{dir}}/{name}-off\n");
    }
    t.start(&format!(
        "global\n {global}\ncrt-store\n{store}\ndefaults\n mode http\n timeout connect 5s\n timeout client 5s\n \
         timeout server 5s\nfrontend fe\n bind {{fe}}\n http-request set-var(txn.key) req.fhdr(key)\n{rules}"
    ))
}

fn said(client: &mut Peer, path: &str, key: &str, token: &str) -> String {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\nKey: {key}\r\nToken: {token}\r\n\r\n"));
    String::from_utf8_lossy(&client.recv_message().body).into_owned()
}

/// Tokens of every algorithm, and such as nobody should decrypt, each line with what came of it.
#[test]
fn encrypted_tokens_are_read() {
    let rows = || include_str!("keys.tokens.tsv").lines().filter(|line| !line.starts_with('#'));
    compat(|t| {
        let rule = |path: &str, converter: &str| {
            format!(
                " http-request return status 200 content-type a lf-string \"[%[req.hdr(token),{converter}]]\" if {{ path {path} }}\n"
            )
        };
        let rules = rule("/jwk", "jwt_decrypt_jwk(txn.key)")
            + &rule("/secret", "jwt_decrypt_secret(txn.key)")
            + " http-request set-var(txn.name) str({dir}/)\n http-request set-var-fmt(txn.crt) \"%[var(txn.name)]%[var(txn.key)]\"\n"
            + &rule("/cert", "jwt_decrypt_cert(txn.crt)");
        let mut proxy = with_certificates(t, "", &rules);
        let mut client = proxy.client("fe");
        let mut wrong = Vec::new();
        for row in rows() {
            let columns: Vec<&str> = row.split('\t').collect();
            let [path, key, token, expected] = columns[..] else { panic!("{row}") };
            let got = said(&mut client, path, key, token);
            if got != expected {
                wrong.push(format!("{path} {key} {token}: {got}, not {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    });
}

/// What may be used can be chosen, and one that is not safe has to be.
#[test]
fn algorithms_of_tokens_can_be_chosen() {
    let token = |path: &str, start: &str| {
        let row = |line: &&str| line.starts_with(path) && line.split('\t').nth(2).unwrap().starts_with(start);
        include_str!("keys.tokens.tsv").lines().find(row).unwrap()
    };
    // Headers of tokens: `{"alg":"RSA1_5`, `{"alg":"dir","enc":"A128GCM"`, `{"alg":"A128KW","enc":"A128GCM"`.
    let rows = [
        token("/jwk", "eyJhbGciOiJSU0ExXzUi"),
        token("/jwk", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0"),
        token("/jwk", "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4R0NNIn0"),
    ];
    for (global, expected) in [
        ("jwt.allow_none_alg", [false, true, true]),
        ("jwt.decrypt_alg_list ALL", [true, true, true]),
        ("jwt.decrypt_alg_list ALL:!dir", [true, false, true]),
        ("jwt.decrypt_alg_list dir", [false, true, false]),
        ("jwt.decrypt_enc_list ALL:!A128GCM", [false, false, false]),
    ] {
        compat(|t| {
            let rules = " http-request return status 200 content-type a lf-string \"[%[req.hdr(token),jwt_decrypt_jwk(txn.key)]]\"\n";
            let mut proxy = with_certificates(t, global, rules);
            let mut client = proxy.client("fe");
            let got = rows.map(|row| {
                let columns: Vec<&str> = row.split('\t').collect();
                said(&mut client, "/", columns[1], columns[2]) == "[hello jwe]"
            });
            assert_eq!(got, expected, "{global}");
        });
    }
}

#[test]
fn tokens_are_verified_by_certificates() {
    let rows = || include_str!("keys.signed.tsv").lines().filter_map(|line| line.split_once('\t'));
    compat(|t| {
        let cases = [
            ("jwt_verify_cert(txn.alg,{dir}/rsa)", "RPE", ["1", "1", "0"]),
            ("jwt_verify_cert(txn.alg,{dir}/rsa-direct)", "RPE", ["1", "1", "0"]),
            ("jwt_verify_cert(txn.alg,{dir}/P-256-off)", "RPE", ["0", "0", "0"]),
            ("jwt_verify_cert(txn.alg,{dir}/none)", "RPE", ["-5", "-5", "-5"]),
            ("jwt_verify_cert(txn.alg,txn.none)", "RPE", ["", "", ""]),
            ("jwt_verify_cert(none,{dir}/rsa)", "RPE", ["-2", "-2", "-2"]),
            ("jwt_verify_cert(RS256,txn.off)", "RPE", ["-7", "-7", "-7"]),
        ];
        let mut rules = " http-request set-var(txn.alg) req.hdr(key)\n http-request set-var(txn.off) str({dir}/P-384-off)\n".to_owned();
        for (n, (converter, ..)) in cases.iter().enumerate() {
            rules += &format!(
                " http-request return status 200 content-type a lf-string \"%[req.hdr(token),{converter}]\" if {{ path /{n} }}\n"
            );
        }
        for (_, name) in KEYS_OF {
            rules += &format!(
                " http-request return status 200 content-type a lf-string \"%[req.hdr(token),jwt_verify_cert(txn.alg,{{dir}}/{name})]\" if {{ path /of/{name} }}\n"
            );
        }
        let mut proxy = with_certificates(t, "", &rules);
        let mut client = proxy.client("fe");
        for (algorithm, token) in rows() {
            let (_, name) = KEYS_OF.iter().find(|(a, _)| algorithm.starts_with(a)).unwrap();
            assert_eq!(said(&mut client, &format!("/of/{name}"), algorithm, token), "1", "{algorithm}");
        }
        for (n, (converter, letters, expected)) in cases.into_iter().enumerate() {
            for (letter, expected) in letters.chars().zip(expected) {
                // A signature of 512 bits for each kind: none is right for P-256.
                let (algorithm, token) = rows().find(|(a, _)| *a == format!("{letter}S512")).unwrap();
                let got = said(&mut client, &format!("/{n}"), algorithm, token);
                assert_eq!(got, expected, "{converter} {algorithm}");
            }
        }
    });
}

/// Which of the certificates signed with an algorithm.
const KEYS_OF: [(&str, &str); 5] =
    [("R", "rsa"), ("P", "rsa"), ("ES256", "P-256"), ("ES384", "P-384"), ("ES512", "P-521")];
