//! The key schedule of TLS 1.3 (RFC 8446 section 7.1): HMAC and HKDF for the suites of `rustls`.
//!
//! A handshake derives two dozen secrets from a dozen keys. The library hashes a key again for each of them and extracts
//! some keys several times; here what is common to all of a key's uses is hashed once. Everything else of a suite stays
//! the library's.

use std::sync::{LazyLock, OnceLock};

use rustls::crypto::hmac::Tag;
use rustls::crypto::tls13::{Hkdf, HkdfExpander, OkmBlock, OutputLengthError};
use rustls::crypto::{CipherSuiteCommon, aws_lc_rs};
use rustls::{SupportedCipherSuite, Tls13CipherSuite};
use sha2::digest::block_api::BlockSizeUser;
use sha2::digest::{Digest, Output};
use sha2::{Sha256, Sha384};
use zeroize::Zeroize as _;

/// All suites that are known, the best first.
pub(crate) fn suites() -> Vec<SupportedCipherSuite> {
    let ours = |suite: SupportedCipherSuite| {
        let known = SUITES.iter().find(|known| known.common.suite == suite.suite());
        known.map_or(suite, SupportedCipherSuite::Tls13)
    };
    aws_lc_rs::ALL_CIPHER_SUITES.iter().copied().map(ours).collect()
}

static SUITES: LazyLock<Vec<Tls13CipherSuite>> = LazyLock::new(|| {
    let suites = aws_lc_rs::ALL_CIPHER_SUITES.iter().filter_map(SupportedCipherSuite::tls13);
    suites.filter_map(scheduled).collect()
});

static SHA256: Schedule<Sha256> = Schedule { early: OnceLock::new() };
static SHA384: Schedule<Sha384> = Schedule { early: OnceLock::new() };

/// The suite with the schedule of this place, where its hash is known.
fn scheduled(suite: &Tls13CipherSuite) -> Option<Tls13CipherSuite> {
    let common = &suite.common;
    let hkdf_provider: &'static dyn Hkdf = match common.hash_provider.output_len() {
        32 => &SHA256,
        48 => &SHA384,
        _ => return None,
    };
    Some(Tls13CipherSuite {
        common: CipherSuiteCommon {
            suite: common.suite,
            hash_provider: common.hash_provider,
            confidentiality_limit: common.confidentiality_limit,
        },
        hkdf_provider,
        aead_alg: suite.aead_alg,
        quic: suite.quic,
    })
}

/// HKDF with a hash (RFC 5869).
struct Schedule<D> {
    /// The key that every session without a secret of an earlier one begins with.
    early: OnceLock<Keyed<D>>,
}

/// A key for HMAC (RFC 2104): both hashes, after the block that the key makes.
#[derive(Clone)]
struct Keyed<D> {
    inner: D,
    outer: D,
}

trait Hash: Digest + BlockSizeUser + Clone + Send + Sync + 'static {}

impl<D: Digest + BlockSizeUser + Clone + Send + Sync + 'static> Hash for D {}

// === impl Schedule ===

impl<D: Hash> Hkdf for Schedule<D> {
    fn extract_from_zero_ikm(&self, salt: Option<&[u8]>) -> Box<dyn HkdfExpander> {
        let zeros = Output::<D>::default();
        Box::new(match salt {
            Some(salt) => Keyed::<D>::extracted(salt, &zeros),
            None => self.early.get_or_init(|| Keyed::extracted(&[], &zeros)).clone(),
        })
    }

    fn extract_from_secret(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        Box::new(Keyed::<D>::extracted(salt.unwrap_or_default(), secret))
    }

    fn expander_for_okm(&self, okm: &OkmBlock) -> Box<dyn HkdfExpander> {
        Box::new(Keyed::<D>::new(okm.as_ref()))
    }

    fn hmac_sign(&self, key: &OkmBlock, message: &[u8]) -> Tag {
        Tag::new(&Keyed::<D>::new(key.as_ref()).sign(&[message]))
    }
}

// === impl Keyed ===

impl<D: Hash> Keyed<D> {
    /// A key of at most a block, as all of TLS are; zeros follow it, so that an empty one stands for a salt of zeros.
    fn new(key: &[u8]) -> Self {
        debug_assert!(key.len() <= D::block_size());
        let after = |pad: u8| {
            let mut block = sha2::digest::block_api::Block::<D>::default();
            block.fill(pad);
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let hash = D::new_with_prefix(&block);
            block.as_mut_slice().zeroize();
            hash
        };
        Self { inner: after(0x36), outer: after(0x5c) }
    }

    /// The key that is extracted from a secret (RFC 5869 section 2.2).
    fn extracted(salt: &[u8], secret: &[u8]) -> Self {
        let mut extract = Self::new(salt).sign(&[secret]);
        let key = Self::new(&extract);
        extract.as_mut_slice().zeroize();
        key
    }

    fn sign(&self, parts: &[&[u8]]) -> Output<D> {
        self.sign_all(parts.iter().copied())
    }

    fn sign_all<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Output<D> {
        let mut inner = self.inner.clone();
        parts.for_each(|part| inner.update(part));
        let mut digest = inner.finalize();
        let tag = self.outer.clone().chain_update(&digest).finalize();
        digest.as_mut_slice().zeroize();
        tag
    }
}

impl<D: Hash> HkdfExpander for Keyed<D> {
    fn expand_slice(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        let mut term = Output::<D>::default();
        let mut before: &[u8] = &[];
        // Each block is numbered by an octet (RFC 5869 section 2.3).
        let mut numbers = 1..=u8::MAX;
        for chunk in output.chunks_mut(<D as Digest>::output_size()) {
            let number = [numbers.next().ok_or(OutputLengthError)?];
            let parts = std::iter::once(before).chain(info.iter().copied()).chain([number.as_slice()]);
            term = self.sign_all(parts);
            chunk.iter_mut().zip(&term).for_each(|(to, from)| *to = *from);
            before = &term;
        }
        term.as_mut_slice().zeroize();
        Ok(())
    }

    fn expand_block(&self, info: &[&[u8]]) -> OkmBlock {
        let mut term = self.sign_all(info.iter().copied().chain([[1].as_slice()]));
        let block = OkmBlock::new(&term);
        term.as_mut_slice().zeroize();
        block
    }

    fn hash_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_library() {
        let theirs = |suite: &Tls13CipherSuite| {
            let mut all = aws_lc_rs::ALL_CIPHER_SUITES.iter().filter_map(SupportedCipherSuite::tls13);
            all.find(|known| known.common.suite == suite.common.suite).unwrap().hkdf_provider
        };
        let okm = OkmBlock::new(&[7; 48]);
        for (ours, theirs) in SUITES.iter().map(|suite| (suite.hkdf_provider, theirs(suite))) {
            let both = [ours, theirs];
            let salts: [Option<&[u8]>; 4] = [None, Some(b""), Some(&[3; 32]), Some(&[4; 48])];
            let mut expanders: Vec<_> = salts.map(|salt| both.map(|h| h.extract_from_zero_ikm(salt))).into();
            expanders.extend(salts.map(|salt| both.map(|h| h.extract_from_secret(salt, &[5; 300]))));
            expanders.push(both.map(|h| h.expander_for_okm(&okm)));
            for (at, [ours, theirs]) in expanders.iter().enumerate() {
                let info: &[&[u8]] = &[b"some", b"", &[6; 200]];
                assert_eq!(ours.expand_block(info).as_ref(), theirs.expand_block(info).as_ref(), "{at}");
                for len in [0, 1, 12, 32, 48, 49, 200, 255 * ours.hash_len(), 255 * ours.hash_len() + 1] {
                    let [(our_end, our_keys), (their_end, their_keys)] = [ours, theirs].map(|expander| {
                        let mut keys = vec![0; len];
                        (expander.expand_slice(info, &mut keys), keys)
                    });
                    assert_eq!((our_end.is_ok(), our_keys.len()), (their_end.is_ok(), their_keys.len()));
                    assert!(our_end.is_err() || our_keys == their_keys, "{at} {len}");
                }
            }
            let [ours, theirs] = both.map(|h| h.hmac_sign(&okm, b"some words"));
            assert_eq!(ours.as_ref(), theirs.as_ref());
        }
    }

    #[test]
    fn no_suite_is_lost_or_moved() {
        let names = |suites: &[SupportedCipherSuite]| suites.iter().map(|s| s.suite()).collect::<Vec<_>>();
        assert_eq!(names(&suites()), names(aws_lc_rs::ALL_CIPHER_SUITES));
        assert_eq!(SUITES.len(), 3);
    }
}
