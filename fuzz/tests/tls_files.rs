//! Files of TLS: certificates and keys, what authorities say, keys of tickets, and OpenSSL's lists.

use std::sync::Arc;

use weir_tls::acceptor::Acceptor;
use weir_tls::certificate::Certificate;
use weir_tls::openssl::{ciphers, groups, sigalgs};
use weir_tls::pair::{Pair, Parts};
use weir_tls::session::Session;
use weir_tls::tickets::TicketKeys;
use weir_tls::verify::Trust;
use weir_tls::{ocsp, pem, print, text, time};

/// As a file, and with the bytes as what its blocks hold.
#[test]
fn tls_files() {
    bolero::check!().for_each(|bytes: &[u8]| {
        read(bytes);
        for label in ["CERTIFICATE", "X509 CRL", "EC PRIVATE KEY", "RSA PRIVATE KEY"] {
            let mut file = String::new();
            pem::write(label, bytes, &mut file);
            assert_eq!(pem::blocks(file.as_bytes()).len(), 1, "what is written is read");
            read(file.as_bytes());
        }
        look(bytes);
        if let Some(id) = ocsp::certificate_id(bytes) {
            assert!(id.len() <= bytes.len());
            ocsp::parts(id);
        }
        if let Ok(keys) = TicketKeys::read("keys", bytes) {
            assert_eq!(keys.texts().len(), 3);
        }
    });
}

/// The lists of suites, groups and schemes: nothing is kept twice.
#[test]
fn tls_lists() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        for list in [ciphers::ciphers(&text), ciphers::ciphersuites(&text)].into_iter().flatten() {
            let mut kept = list.kept.clone();
            kept.dedup();
            assert_eq!(kept.len(), list.kept.len());
        }
        let _ = (groups::groups(&text), sigalgs::sigalgs(&text));
    });
}

/// The first words of a client, in any pieces: refused or waited for, and never kept beyond what came.
#[test]
fn tls_first_words() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut session = Session::accept(Arc::new(Acceptor::new(true, None)), &[]);
        for piece in bytes.chunks(7) {
            let mut came = [session.pending(), piece].concat();
            if session.take(&mut came, &mut []).is_err() {
                break;
            }
            assert!(session.pending().len() <= bytes.len());
        }
        assert!(!session.is_established());
    });
}

/// What responders answer: as it comes, as what is signed, and as what is said of one certificate.
#[test]
fn tls_responses() {
    const BASIC: [u8; 9] = [0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
    bolero::check!().for_each(|bytes: &[u8]| {
        answer(bytes);
        let single = der(0x30, &[bytes]);
        let said = [&der(0xa2, &[])[..], &der(0x18, &[b"20260101000000Z"]), &der(0x30, &[&single])].concat();
        for signed in [bytes, &said] {
            let basic = [&der(0x30, &[signed])[..], &der(0x30, &[]), &der(3, &[&[0]])].concat();
            let whole = der(4, &[&der(0x30, &[&basic])]);
            let typed = der(0x30, &[&der(6, &[&BASIC]), &whole]);
            answer(&der(0x30, &[&der(10, &[&[0]]), &der(0xa0, &[&typed])]));
        }
    });
}

fn answer(bytes: &[u8]) {
    print::response(bytes);
    let Ok(response) = ocsp::Response::parse(bytes) else { return };
    assert!(response.singles.len() <= bytes.len());
    if let Ok(until) = response.judge(None, 0) {
        assert!(until > 0, "what holds no longer is no answer");
    }
}

/// One item with this tag.
fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let [.., high, low] = content.len().to_be_bytes();
    [&[tag, 0x82, high, low][..], &content].concat()
}

fn read(file: &[u8]) {
    let parts = Parts::read(file);
    for certificate in &parts.chain {
        look(certificate);
    }
    if let Some(key) = &parts.key {
        pem::pkcs8(key);
        let _ = Pair::new("pair", parts.chain.clone(), key);
    }
    let mut trust = Trust::default();
    trust.add(file);
    let count = trust.certificates().count() + trust.lists().count();
    assert!(count <= file.len());
    for list in trust.lists() {
        assert!(list.revoked().count() <= file.len());
    }
}

fn look(der: &[u8]) {
    let Some(certificate) = Certificate::parse(der) else { return };
    let mut out = Vec::new();
    text::one_line(certificate.subject, &mut out);
    text::ldap(certificate.issuer, &mut out);
    text::alternative_names(&certificate, &mut out);
    text::key_in_words(&certificate);
    text::time_in_words(certificate.not_after);
    time::seconds(&certificate.not_before);
    assert!(certificate.extensions().count() <= der.len());
}
