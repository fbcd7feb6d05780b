//! OCSP: what authorities say of certificates today (RFC 6960).
//!
//! Who is asked about a certificate and how, whether an answer is of use, and what became of the questions so far. The
//! questions themselves are asked by the engine.

mod request;
mod response;
mod staple;
mod updates;

pub use request::{identity, path, responder};
pub use response::{Fault, Response, Single, certificate_id};
pub use staple::{Staple, Unknown, Updating};
pub use updates::{Due, Outcome, Row, Updates};

use crate::der::{self, Der};
use crate::text;

/// Which certificate a response is about: whose it is, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The kind of the digests.
    pub digest: &'a [u8],
    /// A digest of the authority's name.
    pub issuer_name: &'a [u8],
    /// A digest of its key.
    pub issuer_key: &'a [u8],
    /// The number that it gave the certificate.
    pub serial: &'a [u8],
}

/// What an identity is made of.
pub fn parts(id: &[u8]) -> Option<Parts<'_>> {
    let mut inside = Der(id).enter(der::SEQUENCE)?;
    Some(Parts {
        digest: inside.enter(der::SEQUENCE)?.tagged(der::OID)?.content,
        issuer_name: inside.tagged(der::OCTET_STRING)?.content,
        issuer_key: inside.tagged(der::OCTET_STRING)?.content,
        serial: text::serial(inside.tagged(der::INTEGER)?.content),
    })
}

/// Whether two identities are about the same certificate.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    parts(one).is_some_and(|parts_of_one| Some(parts_of_one) == parts(other))
}

/// SHA-1
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
