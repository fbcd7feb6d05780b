//! Digests by the names that OpenSSL has for them, and RFC 2104 on each. What the library that TLS stands on lacks
//! comes from crates of their own.

use aws_lc_rs::{digest, hmac};
use md5::Digest;

/// The digests there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512Of224,
    Sha512Of256,
    Sha3Of224,
    Sha3Of256,
    Sha3Of384,
    Sha3Of512,
    Blake2b,
    Blake2s,
    Ripemd,
    Sm3,
    /// MD5 and SHA-1, one behind the other.
    Md5Sha1,
    /// OpenSSL has a name for it, and gives no digest: it is no longer provided, or of no length of its own.
    Nameless,
}

// === impl Algorithm ===

impl Algorithm {
    /// The one that OpenSSL knows by this name.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        NAMES.iter().find(|(_, names)| names.iter().any(|n| n.as_bytes() == name)).map(|(a, _)| *a)
    }

    /// Its place in the order of all.
    pub(super) fn number(self) -> i64 {
        NAMES.iter().position(|(a, _)| *a == self).map_or(0, |at| at as i64)
    }

    /// The one at that place.
    pub(super) fn numbered(number: i64) -> Option<Self> {
        NAMES.get(usize::try_from(number).ok()?).map(|(a, _)| *a)
    }

    fn library(self) -> Option<&'static digest::Algorithm> {
        Some(match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha224 => &digest::SHA224,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
            Self::Sha512Of256 => &digest::SHA512_256,
            Self::Sha3Of256 => &digest::SHA3_256,
            Self::Sha3Of384 => &digest::SHA3_384,
            Self::Sha3Of512 => &digest::SHA3_512,
            _ => return None,
        })
    }

    /// What `take` makes of the digest of all parts in a row.
    pub(super) fn digest<T>(self, parts: &[&[u8]], take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if let Some(library) = self.library() {
            let mut context = digest::Context::new(library);
            parts.iter().for_each(|p| context.update(p));
            return Some(take(context.finish().as_ref()));
        }
        Some(match self {
            Self::Md5 => take(&of::<md5::Md5>(parts)),
            Self::Sha512Of224 => take(&of::<sha2::Sha512_224>(parts)),
            Self::Sha3Of224 => take(&of::<sha3::Sha3_224>(parts)),
            Self::Blake2b => take(&of::<blake2::Blake2b512>(parts)),
            Self::Blake2s => take(&of::<blake2::Blake2s256>(parts)),
            Self::Ripemd => take(&of::<ripemd::Ripemd160>(parts)),
            Self::Sm3 => take(&of::<sm3::Sm3>(parts)),
            Self::Md5Sha1 => {
                let both = [Self::Md5, Self::Sha1].map(|a| a.digest(parts, <[u8]>::to_vec));
                take(&both.into_iter().flatten().flatten().collect::<Vec<u8>>())
            }
            _ => return None,
        })
    }

    /// Octets that it takes in at a time; keys are padded to so many (RFC 2104, 2).
    const fn block(self) -> usize {
        match self {
            Self::Sha384 | Self::Sha512 | Self::Sha512Of224 | Self::Sha512Of256 | Self::Blake2b => 128,
            Self::Sha3Of224 => LONGEST_BLOCK,
            Self::Sha3Of256 => 136,
            Self::Sha3Of384 => 104,
            Self::Sha3Of512 => 72,
            _ => 64,
        }
    }

    fn hmac(self) -> Option<hmac::Algorithm> {
        Some(match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha224 => hmac::HMAC_SHA224,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
            _ => return None,
        })
    }

    /// What `take` makes of the authentication of `data` (RFC 2104).
    pub(super) fn authenticate<T>(self, key: &[u8], data: &[u8], take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if let Some(algorithm) = self.hmac() {
            return Some(take(hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref()));
        }
        let mut padded = [0u8; LONGEST_BLOCK];
        let mut put = |key: &[u8]| padded.iter_mut().zip(key).for_each(|(p, k)| *p = *k);
        if key.len() > self.block() {
            self.digest(&[key], put)?;
        } else {
            put(key);
        }
        let block = padded.get(..self.block()).unwrap_or_default();
        let mask = |with: u8| -> Vec<u8> { block.iter().map(|b| b ^ with).collect() };
        let inner = self.digest(&[&mask(0x36), data], <[u8]>::to_vec)?;
        self.digest(&[&mask(0x5c), &inner], take)
    }
}

fn of<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = D::new();
    parts.iter().for_each(|p| context.update(p));
    context.finalize().to_vec()
}

const LONGEST_BLOCK: usize = 144;

/// Names in small letters, which the case of does not matter.
const NAMES: &[(Algorithm, &[&str])] = &[
    (Algorithm::Md5, &["md5", "ssl3-md5", "rsa-md5", "md5withrsaencryption"]),
    (
        Algorithm::Sha1,
        &["sha1", "sha-1", "ssl3-sha1", "rsa-sha1", "rsa-sha1-2", "sha1withrsaencryption", "sha1withrsa"],
    ),
    (Algorithm::Sha224, &["sha224", "sha2-224", "sha-224", "rsa-sha224", "sha224withrsaencryption"]),
    (Algorithm::Sha256, &["sha256", "sha2-256", "sha-256", "rsa-sha256", "sha256withrsaencryption"]),
    (Algorithm::Sha384, &["sha384", "sha2-384", "sha-384", "rsa-sha384", "sha384withrsaencryption"]),
    (Algorithm::Sha512, &["sha512", "sha2-512", "sha-512", "rsa-sha512", "sha512withrsaencryption"]),
    (
        Algorithm::Sha512Of224,
        &["sha512-224", "sha2-512/224", "sha-512/224", "rsa-sha512/224", "sha512-224withrsaencryption"],
    ),
    (
        Algorithm::Sha512Of256,
        &["sha512-256", "sha2-512/256", "sha-512/256", "rsa-sha512/256", "sha512-256withrsaencryption"],
    ),
    (Algorithm::Sha3Of224, &["sha3-224", "rsa-sha3-224", "id-rsassa-pkcs1-v1_5-with-sha3-224"]),
    (Algorithm::Sha3Of256, &["sha3-256", "rsa-sha3-256", "id-rsassa-pkcs1-v1_5-with-sha3-256"]),
    (Algorithm::Sha3Of384, &["sha3-384", "rsa-sha3-384", "id-rsassa-pkcs1-v1_5-with-sha3-384"]),
    (Algorithm::Sha3Of512, &["sha3-512", "rsa-sha3-512", "id-rsassa-pkcs1-v1_5-with-sha3-512"]),
    (Algorithm::Blake2b, &["blake2b512", "blake2b-512"]),
    (Algorithm::Blake2s, &["blake2s256", "blake2s-256"]),
    (
        Algorithm::Ripemd,
        &["ripemd160", "ripemd-160", "ripemd", "rmd160", "rsa-ripemd160", "ripemd160withrsa"],
    ),
    (Algorithm::Sm3, &["sm3", "rsa-sm3", "sm3withrsaencryption"]),
    (Algorithm::Md5Sha1, &["md5-sha1"]),
    (
        Algorithm::Nameless,
        &[
            "md4",
            "rsa-md4",
            "md4withrsaencryption",
            "whirlpool",
            "shake128",
            "shake-128",
            "shake256",
            "shake-256",
        ],
    ),
];
