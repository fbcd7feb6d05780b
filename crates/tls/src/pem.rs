//! PEM as OpenSSL writes it (RFC 7468, and the headers of RFC 1421): blocks of base64 between lines of text.
//!
//! Lenient as the programs that write such files are not: text between blocks, carriage returns and blank lines
//! are passed over, and a block that does not decode is left out. Says of each whether it is encrypted.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::der::{self, Der, tagged};

/// One block of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// The words between `-----BEGIN ` and the dashes.
    pub label: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// A header says that the content is encrypted.
    pub encrypted: bool,
}

impl std::fmt::Debug for Block {
    /// Without the content, which may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} bytes", self.label, self.content.len())
    }
}

/// The blocks of a text, in order.
pub fn blocks(text: &[u8]) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        let Some(label) = between(line, b"-----BEGIN ") else { continue };
        let mut base64 = Vec::new();
        let mut encrypted = false;
        let ended = lines.by_ref().find_map(|line| {
            if let Some(end) = between(line, b"-----END ") {
                return Some(end == label);
            }
            if line.contains(&b':') {
                encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
            } else {
                base64.extend_from_slice(line);
            }
            None
        });
        if ended != Some(true) {
            continue;
        }
        if let Ok(content) = BASE64.decode(&base64) {
            let label = String::from_utf8_lossy(label).into_owned();
            encrypted |= label == "ENCRYPTED PRIVATE KEY";
            found.push(Block { label, content, encrypted });
        }
    }
    found
}

/// The text of a block.
pub fn write(label: &str, content: &[u8], out: &mut String) {
    let text = BASE64.encode(content);
    out.push_str(&format!("-----BEGIN {label}-----\n"));
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
}

/// A key and the certificates of its chain, one after the other.
pub fn bundle(key: Option<&PrivateKeyDer<'_>>, chain: &[CertificateDer<'_>]) -> String {
    let mut text = String::new();
    if let Some(key) = key {
        write("PRIVATE KEY", &pkcs8(key), &mut text);
    }
    chain.iter().for_each(|certificate| write("CERTIFICATE", certificate, &mut text));
    text
}

/// A key in the form that says by itself of which kind it is (RFC 5958).
pub fn pkcs8(key: &PrivateKeyDer<'_>) -> Vec<u8> {
    let wrapped = match key {
        PrivateKeyDer::Pkcs1(key) => Some(wrap(RSA, key.secret_pkcs1_der())),
        PrivateKeyDer::Sec1(key) => of_curve(key.secret_sec1_der()),
        _ => None,
    };
    wrapped.unwrap_or_else(|| key.secret_der().to_vec())
}

/// A key on a curve, whose kind says the curve (RFC 5915).
fn of_curve(sec1: &[u8]) -> Option<Vec<u8>> {
    let mut inside = Der(sec1).enter(der::SEQUENCE)?;
    let (version, secret) = (inside.item()?, inside.item()?);
    let curve = inside.enter(0xa0)?.tagged(der::OID)?.whole;
    let public = inside.item().map(|item| item.whole).unwrap_or_default();
    let plain = tagged(der::SEQUENCE, &[version.whole, secret.whole, public].concat());
    Some(wrap(&[EC, curve].concat(), &plain))
}

fn wrap(kind: &[u8], key: &[u8]) -> Vec<u8> {
    let (kind, key) = (tagged(der::SEQUENCE, kind), tagged(der::OCTET_STRING, key));
    tagged(der::SEQUENCE, &[[der::INTEGER, 1, 0].as_slice(), &kind, &key].concat())
}

// === impl Block ===

impl Block {
    /// Whether it is a certificate.
    pub fn is_certificate(&self) -> bool {
        ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"].contains(&self.label.as_str())
    }

    /// Whether it is a private key.
    pub fn is_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

fn between<'a>(line: &'a [u8], begin: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(begin)?.strip_suffix(b"-----")
}

/// rsaEncryption, without parameters.
const RSA: &[u8] = &[der::OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// id-ecPublicKey; the curve follows.
const EC: &[u8] = &[der::OID, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_other_text() {
        let text = b"subject=/CN=x\r\n-----BEGIN CERTIFICATE-----\r\nAQID\r\nBA==\r\n-----END CERTIFICATE-----\r\n\
                     junk\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,00\n\nBQ==\n\
                     -----END RSA PRIVATE KEY-----\n-----BEGIN X-----\nAQ==\n";
        let found = blocks(text);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].label.as_str(), found[0].content.as_slice()),
            ("CERTIFICATE", &[1, 2, 3, 4][..])
        );
        assert!(found[0].is_certificate() && !found[0].encrypted);
        assert!(found[1].is_key() && found[1].encrypted);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut text = String::new();
        let content: Vec<u8> = (0..100).collect();
        write("CERTIFICATE", &content, &mut text);
        assert_eq!(blocks(text.as_bytes())[0].content, content);
        assert!(text.lines().all(|line| line.len() <= 64));
    }
}
