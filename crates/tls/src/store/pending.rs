//! A certificate that was set at run time, in its parts, until it is committed (management manual, 9.3 "set ssl cert").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Extra, Fault, Part, has_issued, staple};
use crate::ocsp::Updating;
use crate::pair::{self, Pair, Parts, Sources};

/// A certificate that waits to be committed, in its parts.
#[derive(Debug)]
pub struct Pending {
    /// The name of the certificate whose place it takes.
    pub path: String,
    /// Its certificate first, then those that vouch for it.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: Option<PrivateKeyDer<'static>>,
    /// What its authority says of it.
    pub ocsp: Option<Vec<u8>>,
    /// The certificate of its authority, where the chain has none.
    pub issuer: Option<CertificateDer<'static>>,
    /// Whether responders are asked about it.
    pub updating: Updating,
    /// Where the one before came from.
    pub sources: Sources,
}

// === impl Pending ===

impl Pending {
    /// What a certificate is made of; nothing where there is none yet.
    pub fn of(path: String, pair: Option<&Pair>) -> Self {
        Self {
            path,
            chain: pair.map(|p| p.chain.clone()).unwrap_or_default(),
            key: pair.filter(|p| p.has_key()).map(|p| p.secret.clone_key()),
            ocsp: pair.and_then(|p| p.staple.response.clone()),
            issuer: pair.and_then(|p| p.issuer.clone()),
            updating: pair.map(|p| p.updating).unwrap_or_default(),
            sources: pair.map(|p| p.sources.clone()).unwrap_or_default(),
        }
    }

    /// Takes a part that was set; what is wrong with it, where it is of no use.
    pub fn take(&mut self, part: Part, name: &str, text: &[u8]) -> Result<(), String> {
        let parts = Parts::read(text);
        match part {
            Part::Whole if parts.chain.is_empty() => {
                return Err(Fault::NoCertificate(name.to_owned()).to_string());
            }
            Part::Whole => (self.chain, self.key) = (parts.chain, parts.key),
            Part::Key => match parts.key {
                Some(key) => self.key = Some(key),
                None => return Err(Fault::NotAKey(Part::named(name).0.to_owned()).first_line()),
            },
            Part::Issuer if parts.chain.is_empty() => {
                return Err(Fault::BadIssuer(Part::named(name).0.to_owned()).to_string());
            }
            Part::Issuer => self.issuer = parts.chain.into_iter().next(),
            Part::Ocsp => match STANDARD.decode(text.trim_ascii()) {
                Ok(response) => self.ocsp = Some(response),
                Err(_) => return Err("Error reading OCSP response in base64 format".to_owned()),
            },
            Part::Sctl => return Err(String::new()),
        }
        Ok(())
    }

    /// Whether its key belongs to another certificate.
    pub fn is_mixed(&self) -> bool {
        let pair = self.key.as_ref().map(|key| Pair::new(self.path.clone(), self.chain.clone(), key));
        matches!(pair, Some(Err(pair::Fault::Mismatch)))
    }

    /// The certificate, or what the reference says where it cannot be one.
    pub fn pair(&self) -> Result<Pair, String> {
        let path = &self.path;
        let unusable =
            |why: &str| format!("unable to load SSL private key into SSL Context '{path}': {why}.");
        let key = self.key.as_ref().ok_or_else(|| unusable("passed a null parameter"))?;
        let mut pair = Pair::new(path.clone(), self.chain.clone(), key).map_err(|fault| match fault {
            pair::Fault::Mismatch => Fault::Mismatch(path.clone()).to_string(),
            _ => unusable("unsupported"),
        })?;
        let own = pair.chain.first();
        let beside = pair.chain.iter().skip(1).chain(&self.issuer);
        pair.issuer = own.and_then(|leaf| beside.clone().find(|c| has_issued(c, leaf))).cloned();
        pair.updating = self.updating;
        staple(&mut pair, self.ocsp.clone(), Extra::none());
        pair.sources.clone_from(&self.sources);
        Ok(pair)
    }
}
