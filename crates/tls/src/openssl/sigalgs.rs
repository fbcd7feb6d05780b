//! Names of signature algorithms (`sigalgs`, `client-sigalgs`; manual, 5.1).

use rustls::SignatureScheme;

use super::{Invalid, Reduced};

/// The schemes of a list, in its order.
pub fn sigalgs(text: &str) -> Result<Reduced<SignatureScheme>, Invalid> {
    let mut reduced = Reduced { kept: Vec::new(), dropped: Vec::new() };
    for written in text.split(':').filter(|n| !n.is_empty()) {
        let name = written.trim_start_matches('?');
        let schemes = named(name);
        if schemes.is_empty() {
            if MISSING.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                reduced.dropped.push(name.to_owned());
            } else if !written.starts_with('?') {
                return Err(Invalid);
            }
        }
        reduced.kept.extend_from_slice(schemes);
    }
    Ok(reduced)
}

fn named(name: &str) -> &'static [SignatureScheme] {
    use SignatureScheme as S;
    match name {
        "ECDSA+SHA256" | "ecdsa_secp256r1_sha256" => &[S::ECDSA_NISTP256_SHA256],
        "ECDSA+SHA384" | "ecdsa_secp384r1_sha384" => &[S::ECDSA_NISTP384_SHA384],
        "ECDSA+SHA512" | "ecdsa_secp521r1_sha512" => &[S::ECDSA_NISTP521_SHA512],
        "RSA+SHA256" | "rsa_pkcs1_sha256" => &[S::RSA_PKCS1_SHA256],
        "RSA+SHA384" | "rsa_pkcs1_sha384" => &[S::RSA_PKCS1_SHA384],
        "RSA+SHA512" | "rsa_pkcs1_sha512" => &[S::RSA_PKCS1_SHA512],
        "RSA-PSS+SHA256" | "PSS+SHA256" | "rsa_pss_rsae_sha256" => &[S::RSA_PSS_SHA256],
        "RSA-PSS+SHA384" | "PSS+SHA384" | "rsa_pss_rsae_sha384" => &[S::RSA_PSS_SHA384],
        "RSA-PSS+SHA512" | "PSS+SHA512" | "rsa_pss_rsae_sha512" => &[S::RSA_PSS_SHA512],
        "ed25519" => &[S::ED25519],
        _ => &[],
    }
}

/// Those that OpenSSL has beyond them.
const MISSING: &[&str] = &[
    "RSA+SHA1",
    "RSA+SHA224",
    "ECDSA+SHA1",
    "ECDSA+SHA224",
    "DSA+SHA1",
    "DSA+SHA224",
    "DSA+SHA256",
    "DSA+SHA384",
    "DSA+SHA512",
    "ed448",
    "rsa_pkcs1_sha1",
    "rsa_pkcs1_sha224",
    "ecdsa_sha1",
    "ecdsa_sha224",
    "rsa_pss_pss_sha256",
    "rsa_pss_pss_sha384",
    "rsa_pss_pss_sha512",
    "ecdsa_brainpoolP256r1_sha256",
    "ecdsa_brainpoolP384r1_sha384",
    "ecdsa_brainpoolP512r1_sha512",
    "ecdsa_brainpoolP256r1tls13_sha256",
    "ecdsa_brainpoolP384r1tls13_sha384",
    "ecdsa_brainpoolP512r1tls13_sha512",
    "mldsa44",
    "mldsa65",
    "mldsa87",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_are_known() {
        let reduced = sigalgs("ECDSA+SHA256:rsa_pss_rsae_sha256:RSA+SHA1").unwrap();
        assert_eq!(reduced.kept.len(), 2);
        assert_eq!(reduced.dropped, ["RSA+SHA1"]);
        assert!(sigalgs("rsa_pss_rsae_sha256:foo").is_err());
    }
}
