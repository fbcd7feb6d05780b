//! Converters that need keys of their own, in files and in variables.

use weir_compat::compat;

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
