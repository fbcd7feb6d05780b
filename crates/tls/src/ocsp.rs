//! Responses of OCSP, as much of them as is needed to know whom they are about (RFC 6960 section 4.2).

use crate::der::{self, Der};
use crate::text;

/// Which certificate a response is about: whose it is, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// A digest of the authority's name.
    pub issuer_name: &'a [u8],
    /// A digest of its key.
    pub issuer_key: &'a [u8],
    /// The number that it gave the certificate.
    pub serial: &'a [u8],
}

/// The identity of the certificate that a response is about first, in DER; `None` where it is no good response.
pub fn certificate_id(response: &[u8]) -> Option<&[u8]> {
    let mut outer = Der(response).enter(der::SEQUENCE)?;
    if outer.tagged(ENUMERATED)?.content != [0] {
        return None;
    }
    let mut bytes = outer.enter(EXPLICIT_0)?.enter(der::SEQUENCE)?;
    if bytes.tagged(der::OID)?.content != BASIC {
        return None;
    }
    let mut basic = bytes.enter(der::OCTET_STRING)?.enter(der::SEQUENCE)?.enter(der::SEQUENCE)?;
    let single = basic.find(|item| item.tag == der::SEQUENCE)?;
    let mut first = single.inside().enter(der::SEQUENCE)?;
    Some(first.tagged(der::SEQUENCE)?.whole)
}

/// What an identity is made of.
pub fn parts(id: &[u8]) -> Option<Parts<'_>> {
    let mut inside = Der(id).enter(der::SEQUENCE)?;
    inside.tagged(der::SEQUENCE)?;
    Some(Parts {
        issuer_name: inside.tagged(der::OCTET_STRING)?.content,
        issuer_key: inside.tagged(der::OCTET_STRING)?.content,
        serial: text::serial(inside.tagged(der::INTEGER)?.content),
    })
}

const ENUMERATED: u8 = 0x0a;
const EXPLICIT_0: u8 = 0xa0;
/// id-pkix-ocsp-basic
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
