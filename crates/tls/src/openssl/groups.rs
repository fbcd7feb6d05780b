//! Names of groups for the key exchange (`curves`, `ecdhe`; manual, 5.1).

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::kx_group;

use super::{Invalid, Reduced};

/// The groups of a list, in its order.
pub fn groups(text: &str) -> Result<Reduced<&'static dyn SupportedKxGroup>, Invalid> {
    let mut reduced: Reduced<&'static dyn SupportedKxGroup> =
        Reduced { kept: Vec::new(), dropped: Vec::new() };
    for written in text.split([':', '/']).filter(|n| !n.is_empty()) {
        // A key is to be sent for it; it may be unknown.
        let name = written.trim_start_matches(['*', '?']);
        let optional = written.starts_with('?') || written.starts_with("*?");
        if let Some(group) = here(name) {
            if !reduced.kept.iter().any(|g| g.name() == group.name()) {
                reduced.kept.push(group);
            }
        } else if MISSING.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            reduced.dropped.push(name.to_owned());
        } else if !optional {
            return Err(Invalid);
        }
    }
    Ok(reduced)
}

/// OpenSSL's name of a group.
pub fn name(group: rustls::NamedGroup) -> String {
    match group {
        rustls::NamedGroup::X25519 => "X25519".to_owned(),
        rustls::NamedGroup::secp256r1 => "prime256v1".to_owned(),
        rustls::NamedGroup::secp384r1 => "secp384r1".to_owned(),
        rustls::NamedGroup::X25519MLKEM768 => "X25519MLKEM768".to_owned(),
        other => format!("{other:?}"),
    }
}

fn here(name: &str) -> Option<&'static dyn SupportedKxGroup> {
    Some(match name.to_ascii_lowercase().as_str() {
        "x25519" => kx_group::X25519,
        "p-256" | "prime256v1" | "secp256r1" => kx_group::SECP256R1,
        "p-384" | "secp384r1" => kx_group::SECP384R1,
        "x25519mlkem768" => kx_group::X25519MLKEM768,
        "secp256r1mlkem768" => kx_group::SECP256R1MLKEM768,
        "mlkem768" => kx_group::MLKEM768,
        _ => return None,
    })
}

/// Those that OpenSSL has beyond them.
const MISSING: &[&str] = &[
    "P-521",
    "secp521r1",
    "X448",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
    "ffdhe6144",
    "ffdhe8192",
    "P-224",
    "secp224r1",
    "P-192",
    "prime192v1",
    "secp192r1",
    "secp256k1",
    "secp224k1",
    "secp192k1",
    "secp160r1",
    "secp160r2",
    "secp160k1",
    "brainpoolP256r1",
    "brainpoolP384r1",
    "brainpoolP512r1",
    "brainpoolP256r1tls13",
    "brainpoolP384r1tls13",
    "brainpoolP512r1tls13",
    "SecP384r1MLKEM1024",
    "MLKEM512",
    "MLKEM1024",
    "curveSM2",
    "sect163k1",
    "sect163r1",
    "sect163r2",
    "sect193r1",
    "sect193r2",
    "sect233k1",
    "sect233r1",
    "sect239k1",
    "sect283k1",
    "sect283r1",
    "sect409k1",
    "sect409r1",
    "sect571k1",
    "sect571r1",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_stay_or_go_and_unknown_ones_are_refused() {
        let reduced = groups("X25519:P-256:secp384r1:prime256v1:P-521:X448").unwrap();
        assert_eq!(reduced.kept.len(), 3);
        assert_eq!(reduced.dropped, ["P-521", "X448"]);
        assert!(groups("X25519:foo").is_err());
        assert_eq!(groups("?foo:X25519").unwrap().kept.len(), 1);
    }
}
