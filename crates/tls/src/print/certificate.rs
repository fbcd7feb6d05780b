//! A certificate as text.

use super::{colons, dump, extensions, name, signature};
use crate::certificate::Certificate;
use crate::der::{self, Der, Item};
use crate::text;

/// The lines of a certificate.
pub(super) fn lines(certificate: &Certificate<'_>) -> String {
    let time = |item: Item<'_>| text::time_in_words(item).unwrap_or_default();
    let mut out = format!(
        "Certificate:\n    Data:\n        Version: {} (0x{:x})\n        Serial Number:{}\n        Signature Algorithm: {}\n        \
         Issuer: {}\n        Validity\n            Not Before: {}\n            Not After : {}\n        Subject: {}\n",
        certificate.version,
        certificate.version.saturating_sub(1),
        serial(certificate.serial),
        text::long_algorithm(certificate.signature_algorithm),
        name(certificate.issuer, true),
        time(certificate.not_before),
        time(certificate.not_after),
        name(certificate.subject, true),
    );
    out.push_str(&key(certificate));
    let extensions: Vec<_> = certificate.raw_extensions().collect();
    if !extensions.is_empty() {
        out.push_str("        X509v3 extensions:\n");
        out.push_str(&extensions::lines(&extensions, 12));
    }
    out.push_str(&signature(certificate.signature_algorithm, certificate.signature));
    out
}

/// ` 4122 (0x101a)`, or a line of its own for what is longer than a machine's number.
fn serial(bytes: &[u8]) -> String {
    let bytes = text::serial(bytes);
    match bytes.len() {
        0..=8 => {
            let number = bytes.iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
            format!(" {number} (0x{number:x})")
        }
        _ => format!("\n            {}", colons(bytes, false)),
    }
}

fn key(certificate: &Certificate<'_>) -> String {
    let head = "        Subject Public Key Info:\n            Public Key Algorithm: ";
    let Some((algorithm, key)) = certificate.public_key() else { return head.to_owned() };
    let kind = text::algorithm(algorithm).unwrap_or("unknown");
    let mut out = format!("{head}{kind}\n");
    match kind {
        "rsaEncryption" => out.push_str(&rsa(key).unwrap_or_default()),
        "id-ecPublicKey" => out.push_str(&on_curve(algorithm, key)),
        _ => {
            out.push_str(&format!("                {kind} Public-Key:\n                pub:\n"));
            out.push_str(&dump(key, 20, 15));
        }
    }
    out
}

fn rsa(key: &[u8]) -> Option<String> {
    let mut parts = Der(key).enter(der::SEQUENCE)?;
    let (modulus, exponent) = (parts.tagged(der::INTEGER)?.content, parts.tagged(der::INTEGER)?.content);
    let exponent = exponent.iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    let bits = text::serial(modulus).len() * 8;
    let modulus = dump(modulus, 20, 15);
    Some(format!(
        "                Public-Key: ({bits} bit)\n                Modulus:\n{modulus}                Exponent: {exponent} \
         (0x{exponent:x})\n"
    ))
}

fn on_curve(algorithm: &[u8], key: &[u8]) -> String {
    let curve = Der(algorithm).nth(1).map(|item| item.content).unwrap_or_default();
    let (bits, asn1, nist) = match curve {
        text::P256 => (256, "prime256v1", "P-256"),
        text::P384 => (384, "secp384r1", "P-384"),
        text::P521 => (521, "secp521r1", "P-521"),
        _ => (0, "unknown", "unknown"),
    };
    let dumped = dump(key, 20, 15);
    format!(
        "                Public-Key: ({bits} bit)\n                pub:\n{dumped}                ASN1 OID: {asn1}\n                \
         NIST CURVE: {nist}\n"
    )
}
