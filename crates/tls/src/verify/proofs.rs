//! What a peer of either side proves by signing: that it holds the key of the certificate that it showed.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::{Finding, Purpose, Trust, examine};
use crate::certificate::Certificate;

/// Checks signatures, with the algorithms that there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proofs(WebPkiSupportedAlgorithms);

// === impl Proofs ===

impl Proofs {
    /// By the algorithms of `provider`.
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }

    /// What is wrong with a chain, the peer's own certificate first.
    pub(super) fn examine(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        trust: &Trust,
        purpose: Purpose,
        now: i64,
    ) -> Vec<Finding> {
        let sent: Vec<&[u8]> = std::iter::once(leaf).chain(others).map(AsRef::as_ref).collect();
        examine(&sent, trust, &self.0, purpose, now)
    }

    /// How the peer may sign.
    pub(super) fn schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }

    /// In TLS 1.2, where a scheme leaves the curve open.
    pub(super) fn of_tls12(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(message, certificate, signed, usize::MAX)
    }

    /// In TLS 1.3, where a scheme names one curve.
    pub(super) fn of_tls13(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(message, certificate, signed, 1)
    }

    /// `most`: how many of the algorithms of a scheme count.
    fn check(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        most: usize,
    ) -> Result<HandshakeSignatureValid, Error> {
        let bad = |e: CertificateError| Error::InvalidCertificate(e);
        let certificate = Certificate::parse(certificate).ok_or(bad(CertificateError::BadEncoding))?;
        let (kind, key) = certificate.public_key().ok_or(bad(CertificateError::BadEncoding))?;
        let candidates = self.0.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
        let candidates = candidates.map(|(_, list)| *list).unwrap_or_default();
        let fits = candidates.iter().take(most).find(|a| a.public_key_alg_id().as_ref() == kind);
        let good = fits.is_some_and(|a| a.verify_signature(key, message, signed.signature()).is_ok());
        if good { Ok(HandshakeSignatureValid::assertion()) } else { Err(bad(CertificateError::BadSignature)) }
    }
}
