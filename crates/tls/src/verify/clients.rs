//! Whether a client is believed (manual, 5.1 "verify", "ca-ignore-err", "crt-ignore-err").

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use super::proofs::Proofs;
use super::{Finding, Purpose, Trust};
use crate::trusts::{TrustFile, merged};

/// Whom a `bind` line believes, and what it overlooks.
#[derive(Clone, Debug, Default)]
pub struct ClientRules {
    /// A certificate must be shown (`verify required`).
    pub required: bool,
    /// `ca-file` with `ca-verify-file` and `crl-file`.
    pub trust: Vec<Arc<TrustFile>>,
    /// The names of these authorities are told to clients, unless `no-ca-names`.
    pub told: Option<Arc<TrustFile>>,
    /// `ca-ignore-err`
    pub ignored_above: Ignored,
    /// `crt-ignore-err`
    pub ignored_leaf: Ignored,
    /// `client-sigalgs`; empty for all.
    pub schemes: Vec<SignatureScheme>,
}

/// Numbers of errors that are overlooked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ignored {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// These.
    These(Vec<u8>),
}

/// What the examination of a client's certificate came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `ssl_c_ca_err`: the first error above the client's own certificate.
    pub above: u8,
    /// `ssl_c_ca_err_depth`
    pub above_depth: usize,
    /// `ssl_c_err`: the first error of the client's own.
    pub leaf: u8,
    /// `ssl_c_verify`: the last error.
    pub verify: u8,
    /// The error that was not overlooked, and whether it is of an authority.
    pub fatal: Option<(u8, bool)>,
}

/// Judges the certificates of clients.
#[derive(Debug)]
pub struct Clients {
    rules: ClientRules,
    trust: Trust,
    told: Vec<DistinguishedName>,
    proofs: Proofs,
}

/// The error of an examination, on its way through `rustls`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotTrusted {
    pub(crate) report: Report,
}

// === impl Ignored ===

impl Ignored {
    fn has(&self, error: u8) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::These(list) => list.contains(&error),
        }
    }
}

// === impl Clients ===

impl Clients {
    /// A judge with the algorithms of `provider`.
    pub fn new(rules: ClientRules, provider: &CryptoProvider) -> Arc<Self> {
        let told = rules.told.as_ref().map(|file| file.now());
        let told = told.iter().flat_map(|trust| trust.certificates());
        let told = told.map(|c| DistinguishedName::from(c.subject.to_vec())).collect();
        let trust = merged(&rules.trust);
        Arc::new(Self { rules, trust, told, proofs: Proofs::new(provider) })
    }

    /// What there is to say of a chain, the client's own certificate first.
    pub fn report(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], now: i64) -> Report {
        let mut report = Report::default();
        let findings = self.proofs.examine(leaf, others, &self.trust, Purpose::Client, now);
        for Finding { error, depth } in findings {
            report.verify = error;
            let ignored = if depth > 0 { &self.rules.ignored_above } else { &self.rules.ignored_leaf };
            if depth > 0 && report.above == 0 {
                (report.above, report.above_depth) = (error, depth);
            } else if depth == 0 && report.leaf == 0 {
                report.leaf = error;
            }
            if !ignored.has(error) {
                report.fatal = Some((error, depth > 0));
                break;
            }
        }
        report
    }
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.told
    }

    fn client_auth_mandatory(&self) -> bool {
        self.rules.required
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let report = self.report(leaf, others, now.as_secs().try_into().unwrap_or(i64::MAX));
        match report.fatal {
            None => Ok(ClientCertVerified::assertion()),
            Some(_) => {
                let error = OtherError(Arc::new(NotTrusted { report }));
                Err(Error::InvalidCertificate(CertificateError::Other(error)))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proofs.of_tls12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proofs.of_tls13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.proofs.schemes();
        if !self.rules.schemes.is_empty() {
            schemes.retain(|scheme| self.rules.schemes.contains(scheme));
        }
        schemes
    }
}

impl std::fmt::Display for NotTrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "certificate not trusted ({})", self.report.verify)
    }
}

impl std::error::Error for NotTrusted {}
