//! A certificate with its key: what one file, or several that belong together, hold.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

use crate::certificate::Certificate;
use crate::ocsp::{Staple, Updating, responder};
use crate::pem::{self, Block};

/// A certificate that can be shown, with its key.
#[derive(Debug)]
pub struct Pair {
    /// The file that names it.
    pub path: String,
    /// The certificate and those that vouch for it, as they are sent.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: Arc<dyn SigningKey>,
    /// The certificate of its authority, where that is known.
    pub issuer: Option<CertificateDer<'static>>,
    /// What its authority says of it today (`.ocsp`).
    pub staple: Staple,
    /// Whether that is fetched (`ocsp-update`).
    pub updating: Updating,
    /// Which words the configuration has for it.
    pub origin: Origin,
    /// The file of its signed timestamps, which are judged and not sent (`.sctl`).
    pub timestamps: Option<String>,
    /// The key as it was read.
    pub secret: PrivateKeyDer<'static>,
    /// Where all of it comes from.
    pub sources: Sources,
}

/// The files that a certificate is made of, as far as the configuration tells them apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// `crt`
    pub crt: Option<String>,
    /// `key`
    pub key: Option<String>,
    /// `ocsp`
    pub ocsp: Option<String>,
    /// `sctl`
    pub sctl: Option<String>,
    /// `issuer`
    pub issuer: Option<String>,
}

/// Where a certificate was named first, and whether with words of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// On a line, without any.
    #[default]
    Plain,
    /// On a line of a list, with words.
    List,
    /// In a `crt-store`.
    Store,
}

/// What the text of a file holds, before it is known to be whole.
#[derive(Debug, Default)]
pub struct Parts {
    /// The certificate first, then its chain.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: Option<PrivateKeyDer<'static>>,
    /// There is a key, and it is encrypted.
    pub encrypted: bool,
}

/// Why a certificate and a key are of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The key is of a kind or size that is not supported.
    UnsupportedKey,
    /// The key belongs to another certificate.
    Mismatch,
    /// The certificate cannot be read.
    BadCertificate,
}

/// The kind of a key, by which one of several certificates of a name is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// On an elliptic curve.
    Ecdsa,
    /// RSA.
    Rsa,
    /// Anything else.
    Other,
}

// === impl Parts ===

impl Parts {
    /// What a text holds.
    pub fn read(text: &[u8]) -> Self {
        let mut parts = Self::default();
        for block in pem::blocks(text) {
            if block.is_certificate() {
                parts.chain.push(block.content.into());
            } else if block.is_key() && parts.key.is_none() {
                parts.encrypted |= block.encrypted;
                parts.key = key(block);
            }
        }
        parts
    }
}

fn key(block: Block) -> Option<PrivateKeyDer<'static>> {
    if block.encrypted {
        return None;
    }
    Some(match block.label.as_str() {
        "PRIVATE KEY" => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(block.content)),
        "RSA PRIVATE KEY" => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(block.content)),
        "EC PRIVATE KEY" => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(block.content)),
        _ => return None,
    })
}

// === impl Pair ===

impl Pair {
    /// Joins a key with its certificate.
    pub fn new(
        path: impl Into<String>,
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, Fault> {
        let secret = key.clone_key();
        let key = any_supported_type(key).map_err(|_| Fault::UnsupportedKey)?;
        let first = chain.first().ok_or(Fault::BadCertificate)?;
        let certificate = Certificate::parse(first).ok_or(Fault::BadCertificate)?;
        if key.public_key().is_some_and(|own| own.as_ref() != certificate.key) {
            return Err(Fault::Mismatch);
        }
        Ok(Self {
            path: path.into(),
            chain,
            key,
            issuer: None,
            staple: Staple::default(),
            updating: Updating::Default,
            origin: Origin::Plain,
            timestamps: None,
            secret,
            sources: Sources::default(),
        })
    }

    /// A certificate alone, which nobody can show and which verifies tokens.
    pub fn keyless(path: impl Into<String>, chain: Vec<CertificateDer<'static>>) -> Result<Self, Fault> {
        let first = chain.first().ok_or(Fault::BadCertificate)?;
        Certificate::parse(first).ok_or(Fault::BadCertificate)?;
        Ok(Self {
            path: path.into(),
            chain,
            key: Arc::new(NoKey),
            issuer: None,
            staple: Staple::default(),
            updating: Updating::Default,
            origin: Origin::Plain,
            timestamps: None,
            secret: PrivatePkcs8KeyDer::from(Vec::new()).into(),
            sources: Sources::default(),
        })
    }

    /// Whether it has its key.
    pub fn has_key(&self) -> bool {
        !self.secret.secret_der().is_empty()
    }

    /// The certificate itself.
    pub fn certificate(&self) -> Option<Certificate<'_>> {
        Certificate::parse(self.chain.first()?)
    }

    /// Who is asked about it, where it is asked about by itself; `mode` as `ocsp-update.mode`.
    pub fn asked(&self, mode: bool) -> Option<(&[u8], &str)> {
        let is_asked = self.updating == Updating::On || (self.updating == Updating::Default && mode);
        is_asked.then(|| self.responder()).flatten()
    }

    /// How a responder knows it, and where that is.
    pub fn responder(&self) -> Option<(&[u8], &str)> {
        let address = responder(&Certificate::parse(self.chain.first()?)?)?;
        Some((self.staple.identity.as_deref()?, address))
    }

    /// The same, of which its authority says this.
    pub fn stapled(&self, response: &[u8]) -> Self {
        let staple = Staple { response: Some(response.to_vec()), ..self.staple.clone() };
        Self { staple, ..self.clone() }
    }

    /// Whether it is of the same content as another.
    pub(crate) fn says_same(&self, other: &Self) -> bool {
        self.chain == other.chain
            && self.secret == other.secret
            && self.staple.response == other.staple.response
    }

    /// The kind of its key.
    pub fn kind(&self) -> Kind {
        match self.key.algorithm() {
            SignatureAlgorithm::ECDSA => Kind::Ecdsa,
            SignatureAlgorithm::RSA => Kind::Rsa,
            _ => Kind::Other,
        }
    }

    /// As a session shows it.
    pub fn certified(&self) -> CertifiedKey {
        CertifiedKey { cert: self.chain.clone(), key: self.key.clone(), ocsp: self.staple.response.clone() }
    }
}

impl Clone for Pair {
    fn clone(&self) -> Self {
        Self {
            path: self.path.clone(),
            chain: self.chain.clone(),
            key: self.key.clone(),
            issuer: self.issuer.clone(),
            staple: self.staple.clone(),
            updating: self.updating,
            origin: self.origin,
            timestamps: self.timestamps.clone(),
            secret: self.secret.clone_key(),
            sources: self.sources.clone(),
        }
    }
}

/// Stands where the key of a certificate would be.
#[derive(Debug)]
struct NoKey;

impl SigningKey for NoKey {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        None
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Anonymous
    }
}

// === impl Sources ===

impl Sources {
    /// Those of a `crt` on a line, with the files beside it.
    pub fn of_line(path: &str) -> Self {
        let beside = |ending: &str| Some(format!("{path}{ending}"));
        Self {
            crt: Some(path.to_owned()),
            key: Some(path.to_owned()),
            ocsp: beside(".ocsp"),
            sctl: beside(".sctl"),
            issuer: None,
        }
    }

    /// Those of a line of a list.
    pub fn of_list(path: &str) -> Self {
        Self { crt: Some(path.to_owned()), ..Self::default() }
    }
}

// === impl Kind ===

impl Kind {
    /// Whether who offers a signature scheme can check keys of this kind with it.
    pub fn fits(self, scheme: u16) -> bool {
        use SignatureScheme as S;
        let scheme = SignatureScheme::from(scheme);
        match self {
            Self::Ecdsa => matches!(
                scheme,
                S::ECDSA_NISTP256_SHA256
                    | S::ECDSA_NISTP384_SHA384
                    | S::ECDSA_NISTP521_SHA512
                    | S::ECDSA_SHA1_Legacy
            ),
            Self::Rsa => matches!(
                scheme,
                S::RSA_PKCS1_SHA256
                    | S::RSA_PKCS1_SHA384
                    | S::RSA_PKCS1_SHA512
                    | S::RSA_PKCS1_SHA1
                    | S::RSA_PSS_SHA256
                    | S::RSA_PSS_SHA384
                    | S::RSA_PSS_SHA512
            ),
            Self::Other => true,
        }
    }
}
