//! Whether a server is believed (manual, 5.2 "verify", "verifyhost").

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::proofs::Proofs;
use super::{Purpose, Trust, host_matches};
use crate::certificate::Certificate;

/// Judges the certificates of a server.
#[derive(Debug)]
pub struct Servers {
    /// What a server must fulfil; nothing where every server is believed (`verify none`).
    demands: Option<Demands>,
    proofs: Proofs,
}

/// What a server must fulfil (`verify required`).
#[derive(Debug)]
pub struct Demands {
    /// Somebody among these vouches for it.
    pub trust: Trust,
    /// The name that it must have where it was asked for none (`verifyhost`).
    pub host: Option<String>,
}

/// Why a server is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Nobody who is trusted vouches for it; OpenSSL's number, and whether it is of an authority.
    Untrusted(u8, bool),
    /// It is another than `verifyhost` says.
    Host,
    /// It is another than the one that was asked for.
    Name,
}

// === impl Servers ===

impl Servers {
    /// A judge with the algorithms of `provider`.
    pub fn new(demands: Option<Demands>, provider: &CryptoProvider) -> Arc<Self> {
        Arc::new(Self { demands, proofs: Proofs::new(provider) })
    }

    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: i64,
    ) -> Result<(), Mismatch> {
        let Some(Demands { trust, host }) = &self.demands else { return Ok(()) };
        let findings = self.proofs.examine(leaf, others, trust, Purpose::Server, now);
        if let Some(finding) = findings.first() {
            return Err(Mismatch::Untrusted(finding.error, finding.depth > 0));
        }
        // The name that it was asked for comes before `verifyhost`.
        let (wanted, fault) = match name {
            ServerName::DnsName(name) => (name.as_ref().to_owned(), Mismatch::Name),
            ServerName::IpAddress(ip) if *ip != IpAddr::from(Ipv4Addr::UNSPECIFIED).into() => {
                (IpAddr::from(*ip).to_string(), Mismatch::Name)
            }
            _ => match host {
                Some(host) => (host.clone(), Mismatch::Host),
                None => return Ok(()),
            },
        };
        let certificate = Certificate::parse(leaf).ok_or(fault)?;
        if host_matches(&certificate, wanted.as_bytes()) { Ok(()) } else { Err(fault) }
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let now = now.as_secs().try_into().unwrap_or(i64::MAX);
        self.judge(leaf, others, name, now).map(|()| ServerCertVerified::assertion()).map_err(|mismatch| {
            // The alert that the server gets follows from it.
            Error::InvalidCertificate(match mismatch {
                Mismatch::Untrusted(2 | 18..=21, _) => CertificateError::UnknownIssuer,
                Mismatch::Untrusted(10, _) => CertificateError::Expired,
                Mismatch::Untrusted(23, _) => CertificateError::Revoked,
                other => CertificateError::Other(OtherError(Arc::new(other))),
            })
        })
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
        self.proofs.schemes()
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Untrusted(error, _) => write!(f, "certificate not trusted ({error})"),
            Self::Host | Self::Name => f.write_str("certificate of another server"),
        }
    }
}

impl std::error::Error for Mismatch {}
