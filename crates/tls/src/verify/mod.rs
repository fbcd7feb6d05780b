//! Who is believed. `rustls`' own judge knows fewer certificates than OpenSSL; this one reads what OpenSSL reads, and
//! names what is wrong by OpenSSL's numbers.

mod chain;
mod clients;
mod constraints;
mod names;
mod revocation;
mod servers;
mod trust;

pub use chain::{Finding, Purpose, examine};
pub(crate) use clients::NotTrusted;
pub use clients::{ClientRules, Clients, Ignored, Report};
pub use names::{canonical, host_matches};
pub use revocation::RevocationList;
pub use servers::{Mismatch, Servers};
pub use trust::{Trust, TrustFault};

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::certificate::Certificate;

/// Believes every server (`verify none`); who it is shows in what samples tell.
#[derive(Debug)]
pub struct Anyone {
    algorithms: WebPkiSupportedAlgorithms,
}

// === impl Anyone ===

impl Anyone {
    /// A judge that knows the algorithms of `provider`.
    pub fn new(provider: &rustls::crypto::CryptoProvider) -> Arc<Self> {
        Arc::new(Self { algorithms: provider.signature_verification_algorithms })
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature(&self.algorithms, message, certificate, signed, false)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature(&self.algorithms, message, certificate, signed, true)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether the peer holds the key of the certificate that it showed. In TLS 1.3 a scheme names one curve, before it
/// any.
pub fn signature(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    exact: bool,
) -> Result<HandshakeSignatureValid, Error> {
    let bad = |e: CertificateError| Error::InvalidCertificate(e);
    let certificate = Certificate::parse(certificate).ok_or(bad(CertificateError::BadEncoding))?;
    let (kind, key) = certificate.public_key().ok_or(bad(CertificateError::BadEncoding))?;
    let candidates = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
    let candidates = candidates.map(|(_, list)| *list).unwrap_or_default();
    let most = if exact { 1 } else { candidates.len() };
    let fits = candidates.iter().take(most).find(|a| a.public_key_alg_id().as_ref() == kind);
    let good = fits.is_some_and(|a| a.verify_signature(key, message, signed.signature()).is_ok());
    if good { Ok(HandshakeSignatureValid::assertion()) } else { Err(bad(CertificateError::BadSignature)) }
}
