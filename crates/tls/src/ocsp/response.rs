//! What a responder said: whether it is of use for a certificate, and whether somebody said it who may (RFC 6960, 4.2).
//!
//! What is wrong is said in the words of HAProxy and OpenSSL, and looked for in their order.

use std::fmt;

use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};

use super::is_same;
use crate::certificate::Certificate;
use crate::der::{self, Der, Item};
use crate::names::sha1;
use crate::time;
use crate::verify::{OCSP_SIGNING, is_signed, serves};

/// A response that says something of at least one certificate.
#[derive(Debug)]
pub struct Response<'a> {
    /// The part that is signed.
    pub signed: &'a [u8],
    /// Its version, 1 where nothing is said.
    pub version: u8,
    /// Who answered: a name or the digest of a key, with its tag.
    pub responder: Item<'a>,
    /// When.
    pub produced: Item<'a>,
    /// What was said of each certificate.
    pub singles: Vec<Single<'a>>,
    /// Its extensions.
    pub extensions: Der<'a>,
    /// The algorithm of the signature, the content of a sequence.
    pub algorithm: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// Certificates that came along.
    pub certificates: Vec<&'a [u8]>,
}

/// What was said of one certificate.
#[derive(Clone, Copy, Debug)]
pub struct Single<'a> {
    /// Which.
    pub id: &'a [u8],
    /// Good, revoked or unknown, by the tag.
    pub status: Item<'a>,
    /// Since when that is so.
    pub this_update: Item<'a>,
    /// By when there is something newer.
    pub next_update: Option<Item<'a>>,
}

/// What is wrong with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is none.
    Unreadable,
    /// The responder refused to answer, for this reason.
    Refused(u8),
    /// Nobody signed it who may.
    Unsigned,
    /// It is about so many certificates.
    Several(usize),
    /// The responder does not know the certificate.
    Unknown,
    /// Nobody knows until when it holds.
    NoNextUpdate,
    /// It holds no longer.
    Expired,
    /// It does not hold long enough.
    Expiring,
    /// It is about another certificate than this.
    OtherCertificate,
    /// It is about a certificate that is not here.
    NoCertificate,
}

// === impl Response ===

impl<'a> Response<'a> {
    /// Reads a response.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut outer = Der(bytes).enter(der::SEQUENCE).ok_or(Fault::Unreadable)?;
        match outer.tagged(ENUMERATED).map(|status| status.content) {
            Some([0]) => {}
            Some([status]) => return Err(Fault::Refused(*status)),
            _ => return Err(Fault::Unreadable),
        }
        Self::basic(outer).ok_or(Fault::Unreadable)
    }

    fn basic(mut outer: Der<'a>) -> Option<Self> {
        let mut bytes = outer.enter(EXPLICIT_0)?.enter(der::SEQUENCE)?;
        if bytes.tagged(der::OID)?.content != BASIC {
            return None;
        }
        let mut basic = bytes.enter(der::OCTET_STRING)?.enter(der::SEQUENCE)?;
        let signed = basic.tagged(der::SEQUENCE)?;
        let algorithm = basic.tagged(der::SEQUENCE)?.content;
        let signature = basic.item()?.bits()?;
        let certificates = basic.enter(EXPLICIT_0).and_then(|mut list| list.enter(der::SEQUENCE));
        let mut data = signed.inside();
        let version = match data.enter(EXPLICIT_0) {
            Some(mut explicit) => *explicit.tagged(der::INTEGER)?.content.last()?,
            None => 0,
        };
        let (responder, produced) = (data.item()?, data.item()?);
        let singles = data.enter(der::SEQUENCE)?.map(|item| Single::read(item.inside()));
        let singles = singles.collect::<Option<Vec<_>>>()?;
        let extensions = data.enter(EXPLICIT_1).and_then(|mut list| list.enter(der::SEQUENCE));
        Some(Self {
            signed: signed.whole,
            version: version.saturating_add(1),
            responder,
            produced,
            singles,
            extensions: extensions.unwrap_or_default(),
            algorithm,
            signature,
            certificates: certificates.unwrap_or_default().map(|item| item.whole).collect(),
        })
    }

    /// Whether it says something of the certificate with this identity, of any where there is none, that holds for a
    /// while from `now`, in seconds since 1970. Until when it holds.
    pub fn judge(&self, identity: Option<&[u8]>, now: i64) -> Result<i64, Fault> {
        let [single] = self.singles.as_slice() else { return Err(Fault::Several(self.singles.len())) };
        if single.status.tag & TAG == UNKNOWN {
            return Err(Fault::Unknown);
        }
        let until = single.next_update.as_ref().ok_or(Fault::NoNextUpdate)?;
        let until = time::seconds(until).filter(|until| *until >= now).ok_or(Fault::Expired)?;
        if until < now + LEAST_VALIDITY {
            return Err(Fault::Expiring);
        }
        match identity {
            Some(identity) if !is_same(identity, single.id) => Err(Fault::OtherCertificate),
            _ => Ok(until),
        }
    }

    /// Whether the authority signed it, or somebody whom the authority lets answer at this time, in seconds since 1970
    /// (RFC 6960, 4.2.2.2).
    pub fn is_signed_for(&self, issuer: &Certificate<'_>, now: i64) -> bool {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        if self.is_by(issuer) {
            return self.is_signed_by(issuer, &algorithms);
        }
        let mut others = self.certificates.iter().filter_map(|der| Certificate::parse(der));
        others.find(|other| self.is_by(other)).is_some_and(|other| {
            self.is_signed_by(&other, &algorithms)
                && other.is_valid_at(now)
                && serves(&other, OCSP_SIGNING)
                && is_signed(&algorithms, issuer, (other.signed, other.signature_algorithm, other.signature))
        })
    }

    fn is_signed_by(&self, signer: &Certificate<'_>, algorithms: &WebPkiSupportedAlgorithms) -> bool {
        is_signed(algorithms, signer, (self.signed, self.algorithm, self.signature))
    }

    /// Whether this is who answered.
    fn is_by(&self, certificate: &Certificate<'_>) -> bool {
        let content = self.responder.content;
        match self.responder.tag {
            EXPLICIT_1 => content == certificate.subject,
            _ => certificate.public_key().is_some_and(|(_, key)| {
                Der(content).tagged(der::OCTET_STRING).is_some_and(|digest| digest.content == sha1(key))
            }),
        }
    }
}

// === impl Single ===

impl<'a> Single<'a> {
    fn read(mut parts: Der<'a>) -> Option<Self> {
        Some(Self {
            id: parts.tagged(der::SEQUENCE)?.whole,
            status: parts.item()?,
            this_update: parts.tagged(der::GENERALIZED_TIME)?,
            next_update: parts.enter(EXPLICIT_0).and_then(|mut time| time.tagged(der::GENERALIZED_TIME)),
        })
    }
}

// === impl Fault ===

impl Fault {
    /// What OpenSSL calls it where a responder was asked.
    pub fn of_check(self) -> String {
        match self {
            Self::Unreadable => "d2i_OCSP_RESPONSE() failed".to_owned(),
            Self::Refused(why) => {
                let name = REFUSALS.iter().find(|(number, _)| *number == why).map_or("(UNKNOWN)", |r| r.1);
                format!("OCSP response not successful ({why}: {name})")
            }
            Self::Unsigned => "OCSP_basic_verify() failed".to_owned(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("Unable to parse OCSP response"),
            Self::Refused(_) => f.write_str("OCSP response status not successful"),
            Self::Unsigned => f.write_str("OCSP_basic_verify() failed"),
            Self::Several(count) => {
                write!(f, "OCSP response ignored because contains multiple single responses ({count})")
            }
            Self::Unknown => f.write_str("OCSP single response: certificate status is unknown"),
            Self::NoNextUpdate => f.write_str("OCSP single response: missing nextupdate"),
            Self::Expired => f.write_str("OCSP single response: no longer valid."),
            Self::Expiring => write!(
                f,
                "OCSP single response: no longer valid. Must be valid during at least {LEAST_VALIDITY}s."
            ),
            Self::OtherCertificate => {
                f.write_str("OCSP single response: Certificate ID does not match certificate and issuer")
            }
            Self::NoCertificate => {
                f.write_str("OCSP single response: Certificate ID does not match any certificate or issuer")
            }
        }
    }
}

/// The identity of the certificate that a response is about first, in DER; `None` where it is no good response.
pub fn certificate_id(response: &[u8]) -> Option<&[u8]> {
    Response::parse(response).ok()?.singles.first().map(|single| single.id)
}

const ENUMERATED: u8 = 0x0a;
const EXPLICIT_0: u8 = 0xa0;
const EXPLICIT_1: u8 = 0xa1;
/// The part of a tag that tells alternatives apart, and the one of certificates that nobody knows.
const TAG: u8 = 0x1f;
const UNKNOWN: u8 = 2;
/// id-pkix-ocsp-basic
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
/// Seconds for which a response must hold to be of use.
const LEAST_VALIDITY: i64 = 300;
/// Reasons for no answer (RFC 6960, 4.2.1).
const REFUSALS: &[(u8, &str)] = &[
    (1, "malformedrequest"),
    (2, "internalerror"),
    (3, "trylater"),
    (5, "sigrequired"),
    (6, "unauthorized"),
];
