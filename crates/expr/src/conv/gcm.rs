//! AES in Galois/counter mode under nonces of any length (NIST SP 800-38D), which the library has for 96 bits only.
//! The block cipher is the library's; counting and authentication are written out here.

use aws_lc_rs::cipher::{EncryptingKey, EncryptionContext, UnboundCipherKey};

/// A key, ready for one message under one nonce.
pub(super) struct Gcm {
    key: EncryptingKey,
    /// What blocks are multiplied with.
    factor: u128,
    /// The counter before the first block.
    start: u128,
}

// === impl Gcm ===

impl Gcm {
    /// `None` where the key has no length of AES, or the nonce has none at all.
    pub(super) fn new(key: UnboundCipherKey, nonce: &[u8]) -> Option<Self> {
        let mut this = Self { key: EncryptingKey::ctr(key).ok()?, factor: 0, start: 0 };
        this.factor = this.block(0)?;
        this.start = match <[u8; 12]>::try_from(nonce) {
            Ok(nonce) => nonce.iter().fold(0, |n: u128, b| n << 8 | u128::from(*b)) << 32 | 1,
            Err(_) if nonce.is_empty() => return None,
            Err(_) => this.hash(&[], nonce, nonce.len() as u128 * 8),
        };
        Some(this)
    }

    /// Encrypts in place and returns the tag.
    pub(super) fn seal(&self, additional: &[u8], data: &mut [u8]) -> Option<[u8; 16]> {
        self.pass(data)?;
        self.tag(additional, data)
    }

    /// Decrypts in place where the tag is right; it may be cut.
    pub(super) fn open(&self, additional: &[u8], data: &mut [u8], tag: &[u8]) -> Option<()> {
        let own = self.tag(additional, data)?;
        let own = own.get(..tag.len()).filter(|t| !t.is_empty())?;
        aws_lc_rs::constant_time::verify_slices_are_equal(own, tag).ok()?;
        self.pass(data)
    }

    /// The cipher over one block: what the counter mode makes of zeros.
    fn block(&self, block: u128) -> Option<u128> {
        let mut out = [0; 16];
        self.key.less_safe_encrypt(&mut out, EncryptionContext::Iv128(block.to_be_bytes().into())).ok()?;
        Some(u128::from_be_bytes(out))
    }

    /// Encrypts or decrypts; the counter is the last 32 bits alone.
    fn pass(&self, data: &mut [u8]) -> Option<()> {
        let mut counter = self.start;
        for piece in data.chunks_mut(16) {
            counter = counter >> 32 << 32 | u128::from((counter as u32).wrapping_add(1));
            let stream = self.block(counter)?.to_be_bytes();
            piece.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
        }
        Some(())
    }

    fn tag(&self, additional: &[u8], data: &[u8]) -> Option<[u8; 16]> {
        let lengths = (additional.len() as u128 * 8) << 64 | (data.len() as u128 * 8);
        Some((self.hash(additional, data, lengths) ^ self.block(self.start)?).to_be_bytes())
    }

    /// Both texts, each filled up with zeros to whole blocks, and the lengths.
    fn hash(&self, first: &[u8], second: &[u8], lengths: u128) -> u128 {
        let mut hash = 0;
        for piece in first.chunks(16).chain(second.chunks(16)) {
            let mut block = [0; 16];
            block.iter_mut().zip(piece).for_each(|(to, from)| *to = *from);
            hash = multiplied(hash ^ u128::from_be_bytes(block), self.factor);
        }
        multiplied(hash ^ lengths, self.factor)
    }
}

/// The product in the field of the mode, whose bits are counted from the left (6.3).
fn multiplied(a: u128, mut b: u128) -> u128 {
    let mut product = 0;
    for bit in (0..128).rev() {
        if a >> bit & 1 == 1 {
            product ^= b;
        }
        let odd = b & 1 == 1;
        b >>= 1;
        if odd {
            b ^= 0xe1 << 120;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use aws_lc_rs::cipher::AES_128;

    /// Where the library can do it, it agrees.
    #[test]
    fn nonces_of_96_bits_give_what_the_library_gives() {
        let (key, nonce) = ([7; 16], [9; 12]);
        for len in [0, 1, 15, 16, 17, 100] {
            let mut own = vec![3; len];
            let mut other = own.clone();
            let gcm = Gcm::new(UnboundCipherKey::new(&AES_128, &key).unwrap(), &nonce).unwrap();
            let tag = gcm.seal(b"more", &mut own).unwrap();
            let library = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let wanted = library.seal_in_place_separate_tag(nonce, Aad::from(b"more"), &mut other).unwrap();
            assert_eq!((own.as_slice(), &tag[..]), (other.as_slice(), wanted.as_ref()));
            assert_eq!(gcm.open(b"less", &mut own, &tag), None);
            gcm.open(b"more", &mut own, &tag).unwrap();
            assert_eq!(own, vec![3; len]);
        }
    }
}
