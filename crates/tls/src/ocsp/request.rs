//! The question about a certificate: who answers it, and what it looks like (RFC 6960, 4.1, and appendix A.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SHA1;
use crate::certificate::Certificate;
use crate::der::{self, Der, tagged};
use crate::names::sha1;

/// How responders know a certificate: a `CertID` in DER, of digests of its authority and its number.
pub fn identity(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> Option<Vec<u8>> {
    let (_, key) = issuer.public_key()?;
    let kind = [tagged(der::OID, SHA1), tagged(der::NULL, b"")].concat();
    let parts = [
        tagged(der::SEQUENCE, &kind),
        tagged(der::OCTET_STRING, &sha1(certificate.issuer)),
        tagged(der::OCTET_STRING, &sha1(key)),
        tagged(der::INTEGER, certificate.serial),
    ];
    Some(tagged(der::SEQUENCE, &parts.concat()))
}

/// The first address that a certificate names for questions about it (RFC 5280, 4.2.2.1).
pub fn responder<'a>(certificate: &Certificate<'a>) -> Option<&'a str> {
    let access = certificate.extension(AUTHORITY_ACCESS)?;
    Der(access.value).enter(der::SEQUENCE)?.find_map(|item| {
        let mut description = item.inside();
        let is_ocsp = description.tagged(der::OID)?.content == OCSP;
        let place = description.tagged(URI)?.content;
        std::str::from_utf8(place).ok().filter(|_| is_ocsp)
    })
}

/// What stands behind a responder's address in the line of the request.
pub fn path(identity: &[u8]) -> String {
    let wrapped = (0..4).fold(identity.to_vec(), |inner, _| tagged(der::SEQUENCE, &inner));
    let text = STANDARD.encode(wrapped);
    text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// id-pe-authorityInfoAccess
const AUTHORITY_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
/// id-ad-ocsp
const OCSP: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1];
/// A name that is an address.
const URI: u8 = 0x86;
