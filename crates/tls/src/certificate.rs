//! What a certificate says (RFC 5280): its names, its time, its key and its extensions, as slices of its bytes.
//!
//! Reads what OpenSSL reads: certificates of any version, with extensions that nobody knows. Judges nothing; that
//! is [`crate::verify`]'s.

use crate::der::{self, Der, Item};
use crate::time;

/// A certificate, borrowed from its DER.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// All of it.
    pub der: &'a [u8],
    /// The part that is signed.
    pub signed: &'a [u8],
    /// Its version, 1 to 3.
    pub version: u8,
    /// Its serial number, as in the file.
    pub serial: &'a [u8],
    /// Who signed it, a sequence with its tag.
    pub issuer: &'a [u8],
    /// Whom it is for, a sequence with its tag.
    pub subject: &'a [u8],
    /// From when on it is valid.
    pub not_before: Item<'a>,
    /// Until when.
    pub not_after: Item<'a>,
    /// Its public key with the algorithm, a sequence with its tag.
    pub key: &'a [u8],
    /// The algorithm of its signature, the content of a sequence.
    pub signature_algorithm: &'a [u8],
    /// Its signature.
    pub signature: &'a [u8],
    extensions: &'a [u8],
}

/// An extension.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'a> {
    /// What it is, as an OID's content.
    pub oid: &'a [u8],
    /// Who does not know it must refuse the certificate.
    pub critical: bool,
    /// Its value.
    pub value: &'a [u8],
}

/// Subject alternative names (RFC 5280 section 4.2.1.6).
pub const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// The attribute `CN`.
pub const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

// === impl Certificate ===

impl<'a> Certificate<'a> {
    /// Whether it is valid at this time, in seconds since 1970.
    pub(crate) fn is_valid_at(&self, now: i64) -> bool {
        let valid = time::seconds(&self.not_before).zip(time::seconds(&self.not_after));
        valid.is_some_and(|(from, to)| (from..=to).contains(&now))
    }

    /// Reads a certificate; `None` where it is none.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let whole = Der(der).tagged(der::SEQUENCE)?;
        let mut outer = whole.inside();
        let signed = outer.tagged(der::SEQUENCE)?;
        let signature_algorithm = outer.tagged(der::SEQUENCE)?.content;
        let signature = outer.item()?.bits()?;
        let mut body = signed.inside();
        let version = match body.enter(0xa0) {
            Some(mut explicit) => *explicit.tagged(der::INTEGER)?.content.last()?,
            None => 0,
        };
        let serial = body.tagged(der::INTEGER)?.content;
        body.tagged(der::SEQUENCE)?;
        let issuer = body.tagged(der::SEQUENCE)?.whole;
        let mut validity = body.enter(der::SEQUENCE)?;
        let (not_before, not_after) = (validity.item()?, validity.item()?);
        let subject = body.tagged(der::SEQUENCE)?.whole;
        let key = body.tagged(der::SEQUENCE)?.whole;
        let extensions =
            body.find(|item| item.tag == 0xa3).and_then(|item| item.inside().enter(der::SEQUENCE));
        Some(Self {
            der: whole.whole,
            signed: signed.whole,
            version: version.saturating_add(1),
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            signature_algorithm,
            signature,
            extensions: extensions.unwrap_or_default().0,
        })
    }

    /// Its extensions as they stand there, in order.
    pub fn raw_extensions(&self) -> Der<'a> {
        Der(self.extensions)
    }

    /// Its extensions, in order.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> {
        Der(self.extensions).filter_map(|item| {
            let mut inside = item.inside();
            let oid = inside.tagged(der::OID)?.content;
            let critical = inside.tagged(der::BOOLEAN).is_some_and(|b| b.content != [0]);
            Some(Extension { oid, critical, value: inside.tagged(der::OCTET_STRING)?.content })
        })
    }

    /// The extension of this kind.
    pub fn extension(&self, oid: &[u8]) -> Option<Extension<'a>> {
        self.extensions().find(|e| e.oid == oid)
    }

    /// Its alternative names: tag and content of each `GeneralName`.
    pub fn alternative_names(&self) -> impl Iterator<Item = Item<'a>> {
        let list = self.extension(SUBJECT_ALT_NAME).and_then(|e| Der(e.value).enter(der::SEQUENCE));
        list.unwrap_or_default()
    }

    /// The host names it is for: alternative names, then common names.
    pub fn host_names(&self) -> Vec<String> {
        let alternative = self.alternative_names().filter(|n| n.tag == DNS_NAME).map(|n| n.content);
        let common = attributes(self.subject).filter(|(oid, _)| *oid == COMMON_NAME).map(|(_, v)| v.content);
        alternative.chain(common).map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    /// The algorithm of its key (content of the sequence) and the key's bits.
    pub fn public_key(&self) -> Option<(&'a [u8], &'a [u8])> {
        let mut spki = Der(self.key).enter(der::SEQUENCE)?;
        Some((spki.tagged(der::SEQUENCE)?.content, spki.item()?.bits()?))
    }
}

/// The attributes of a distinguished name, in order: type and value.
pub fn attributes(name: &[u8]) -> impl Iterator<Item = (&[u8], Item<'_>)> {
    let sets = Der(name).enter(der::SEQUENCE).unwrap_or_default();
    sets.flat_map(|set| set.inside()).filter_map(|pair| {
        let mut pair = pair.inside();
        Some((pair.tagged(der::OID)?.content, pair.item()?))
    })
}

/// The tag of a DNS name among alternative names.
pub const DNS_NAME: u8 = 0x82;
