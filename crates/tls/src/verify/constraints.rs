//! Extensions that limit what a certificate may be used for (RFC 5280 section 4.2.1).

use crate::certificate::{Certificate, DNS_NAME};
use crate::der::{self, Der, Item};

/// What a certificate may be used for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits<'a> {
    /// `basicConstraints`: authority, and how many authorities may follow.
    pub(super) basic: Option<(bool, Option<usize>)>,
    /// `keyUsage`, its bits from the first on.
    pub(super) usage: Option<u16>,
    /// `extendedKeyUsage`, its purposes.
    pub(super) extended: Option<Der<'a>>,
    /// `nameConstraints`: permitted and excluded names.
    pub(super) names: Option<(Der<'a>, Der<'a>)>,
    /// There is an extension that must be known and is not.
    pub(super) unknown_critical: bool,
}

/// Bits of `keyUsage`.
pub(super) const DIGITAL_SIGNATURE: u16 = 1 << 15;
pub(super) const KEY_ENCIPHERMENT: u16 = 1 << 13;
pub(super) const KEY_AGREEMENT: u16 = 1 << 11;
pub(super) const KEY_CERT_SIGN: u16 = 1 << 10;

/// Purposes of `extendedKeyUsage`.
pub(super) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
pub(super) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
pub(crate) const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];

/// Whether a certificate says that it is for this purpose.
pub(crate) fn serves(certificate: &Certificate<'_>, purpose: &[u8]) -> bool {
    Limits::of(certificate).extended.is_some_and(|mut list| list.any(|oid| oid.content == purpose))
}

// === impl Limits ===

impl<'a> Limits<'a> {
    pub(super) fn of(certificate: &Certificate<'a>) -> Self {
        let mut limits = Self::default();
        for extension in certificate.extensions() {
            let mut value = Der(extension.value);
            match extension.oid {
                BASIC_CONSTRAINTS => {
                    let mut inside = value.enter(der::SEQUENCE).unwrap_or_default();
                    let authority = inside.tagged(der::BOOLEAN).is_some_and(|b| b.content != [0]);
                    let most = inside.tagged(der::INTEGER).map(|n| number(n.content));
                    limits.basic = Some((authority, most));
                }
                KEY_USAGE => {
                    let bits =
                        value.tagged(der::BIT_STRING).and_then(|b| b.content.get(1..)).unwrap_or_default();
                    let byte = |at| u16::from(bits.get(at).copied().unwrap_or(0));
                    limits.usage = Some(byte(0) << 8 | byte(1));
                }
                EXTENDED_KEY_USAGE => limits.extended = value.enter(der::SEQUENCE),
                NAME_CONSTRAINTS => {
                    let mut inside = value.enter(der::SEQUENCE).unwrap_or_default();
                    let permitted = inside.enter(0xa0).unwrap_or_default();
                    limits.names = Some((permitted, inside.enter(0xa1).unwrap_or_default()));
                }
                oid => limits.unknown_critical |= extension.critical && !KNOWN.contains(&oid),
            }
        }
        limits
    }

    /// Whether it may sign certificates, as OpenSSL sees it: old ones that do not say so may.
    pub(super) fn is_authority(&self, certificate: &Certificate<'_>, self_signed: bool) -> bool {
        if self.usage.is_some_and(|bits| bits & KEY_CERT_SIGN == 0) {
            return false;
        }
        match self.basic {
            Some((authority, _)) => authority,
            None => (certificate.version == 1 && self_signed) || self.usage.is_some(),
        }
    }

    /// Whether `extendedKeyUsage`, where there is one, has a purpose.
    pub(super) fn serves(&self, purpose: &[u8]) -> bool {
        self.extended.is_none_or(|list| list.into_iter().any(|oid| oid.content == purpose))
    }

    /// Whether names of `leaf` go against the constraints; the number of the error.
    pub(super) fn forbids(&self, leaf: &Certificate<'_>) -> Option<u8> {
        let (permitted, excluded) = self.names?;
        let mut names: Vec<Item<'_>> = leaf.alternative_names().collect();
        let directory = Item { tag: DIRECTORY_NAME, content: leaf.subject, whole: leaf.subject };
        names.push(directory);
        for name in names {
            let of_kind = |subtree: &Item<'_>| {
                subtree.inside().item().filter(|base| base.tag == name.tag).map(|base| base.content.to_vec())
            };
            let bases: Vec<Vec<u8>> = permitted.into_iter().filter_map(|s| of_kind(&s)).collect();
            if !bases.is_empty() && !bases.iter().any(|base| within(&name, base)) {
                return Some(PERMITTED_VIOLATION);
            }
            if excluded.into_iter().filter_map(|s| of_kind(&s)).any(|base| within(&name, &base)) {
                return Some(EXCLUDED_VIOLATION);
            }
        }
        None
    }
}

/// Whether a name lies below the base of a subtree.
fn within(name: &Item<'_>, base: &[u8]) -> bool {
    match name.tag {
        DNS_NAME | EMAIL => {
            let (name, base) = (name.content.to_ascii_lowercase(), base.to_ascii_lowercase());
            let base = base.strip_prefix(b".").map_or(base.clone(), <[u8]>::to_vec);
            name == base
                || base.is_empty()
                || name
                    .strip_suffix(base.as_slice())
                    .is_some_and(|rest| rest.ends_with(b".") || rest.ends_with(b"@"))
        }
        IP => {
            let (address, mask) = base.split_at_checked(base.len() / 2).unwrap_or_default();
            address.len() == name.content.len()
                && name.content.iter().zip(address).zip(mask).all(|((n, a), m)| n & m == a & m)
        }
        DIRECTORY_NAME => {
            let inside = |name: &[u8]| super::canonical(name);
            inside(name.content).starts_with(&inside(base))
        }
        _ => false,
    }
}

fn number(content: &[u8]) -> usize {
    content.iter().fold(0_usize, |n, b| n.saturating_mul(256).saturating_add(usize::from(*b)))
}

const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
/// Extensions whose meaning is known, or that mean nothing to a handshake: alternative names, policies and their
/// constraints, key identifiers, points of distribution, the old type of Netscape.
const KNOWN: &[&[u8]] = &[
    &[0x55, 0x1d, 0x11],
    &[0x55, 0x1d, 0x20],
    &[0x55, 0x1d, 0x21],
    &[0x55, 0x1d, 0x24],
    &[0x55, 0x1d, 0x36],
    &[0x55, 0x1d, 0x0e],
    &[0x55, 0x1d, 0x23],
    &[0x55, 0x1d, 0x1f],
    &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, 0x01],
];

const EMAIL: u8 = 0x81;
const DIRECTORY_NAME: u8 = 0xa4;
const IP: u8 = 0x87;
const PERMITTED_VIOLATION: u8 = 47;
const EXCLUDED_VIOLATION: u8 = 48;
