//! What is known of a certificate's standing where it is loaded: how it is asked for, what a file says, what is wrong.

use rustls::pki_types::CertificateDer;

use super::{Response, identity, responder};
use crate::certificate::Certificate;

/// Whether responders are asked about a certificate by themselves (`ocsp-update`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Updating {
    /// As `ocsp-update.mode` says.
    #[default]
    Default,
    /// `on`
    On,
    /// `off`
    Off,
}

/// The standing of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staple {
    /// How responders know it, where its standing matters.
    pub identity: Option<Vec<u8>>,
    /// What the authority says of it, as clients are sent it.
    pub response: Option<Vec<u8>>,
    /// A response was there and is of no use.
    pub ignored: Option<String>,
    /// A response is there, or is to be fetched, and nobody knows how to ask for it.
    pub unknown: Option<Unknown>,
}

/// Why nobody knows the identity of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Of one with a response.
    Stapled,
    /// Of one whose responses are to be fetched.
    Updated,
}

// === impl Staple ===

impl Staple {
    /// The standing of a certificate with this issuer, if there is one, of which a file says `response`; `now` in
    /// seconds since 1970.
    pub fn new(
        certificate: &Certificate<'_>,
        issuer: Option<&CertificateDer<'_>>,
        response: Option<Vec<u8>>,
        updated: bool,
        now: i64,
    ) -> Self {
        let updated = updated && responder(certificate).is_some();
        if response.is_none() && !updated {
            return Self::default();
        }
        let issuer = issuer.and_then(|der| Certificate::parse(der));
        let Some(identity) = issuer.and_then(|issuer| identity(certificate, &issuer)) else {
            let why = if response.is_some() { Unknown::Stapled } else { Unknown::Updated };
            return Self { unknown: Some(why), ..Self::default() };
        };
        let mut staple = Self { identity: Some(identity), ..Self::default() };
        if let Some(response) = response {
            match Response::parse(&response).and_then(|r| r.judge(staple.identity.as_deref(), now)) {
                Ok(_) => staple.response = Some(response),
                Err(fault) => staple.ignored = Some(fault.to_string()),
            }
        }
        staple
    }
}
