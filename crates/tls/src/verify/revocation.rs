//! Lists of revoked certificates (RFC 5280 section 5).

use crate::der::{self, Der, Item};

/// A list, borrowed from its DER.
#[derive(Clone, Copy, Debug)]
pub struct RevocationList<'a> {
    /// All of it.
    pub der: &'a [u8],
    /// Its version, 1 or 2.
    pub version: u8,
    /// The part that is signed.
    pub signed: &'a [u8],
    /// Whose list it is.
    pub issuer: &'a [u8],
    /// When it was made.
    pub this_update: Item<'a>,
    /// When the next one comes.
    pub next_update: Option<Item<'a>>,
    /// The algorithm of its signature, the content of a sequence.
    pub signature_algorithm: &'a [u8],
    /// Its signature.
    pub signature: &'a [u8],
    revoked: Der<'a>,
}

// === impl RevocationList ===

impl<'a> RevocationList<'a> {
    /// Reads a list; `None` where it is none.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let whole = Der(der).tagged(der::SEQUENCE)?;
        let mut outer = whole.inside();
        let signed = outer.tagged(der::SEQUENCE)?;
        let signature_algorithm = outer.tagged(der::SEQUENCE)?.content;
        let signature = outer.item()?.bits()?;
        let mut body = signed.inside();
        let version = body.tagged(der::INTEGER).and_then(|v| v.content.last().copied()).unwrap_or(0);
        body.tagged(der::SEQUENCE)?;
        let issuer = body.tagged(der::SEQUENCE)?.whole;
        let this_update = body.item()?;
        let next_update = body.tagged(der::UTC_TIME).or_else(|| body.tagged(der::GENERALIZED_TIME));
        let revoked = body.enter(der::SEQUENCE).unwrap_or_default();
        Some(Self {
            der: whole.whole,
            version: version.saturating_add(1),
            signed: signed.whole,
            issuer,
            this_update,
            next_update,
            signature_algorithm,
            signature,
            revoked,
        })
    }

    /// Serial numbers and the times at which they were revoked.
    pub fn revoked(&self) -> impl Iterator<Item = (&'a [u8], Item<'a>)> {
        self.revoked.filter_map(|entry| {
            let mut entry = entry.inside();
            Some((entry.tagged(der::INTEGER)?.content, entry.item()?))
        })
    }
}
