//! Who is trusted: certificates of authorities, and the lists of what they revoked (manual, 5.1 "ca-file", "crl-file").

use std::collections::HashMap;
use std::fmt;
use std::io;

use super::{RevocationList, canonical};
use crate::certificate::Certificate;
use crate::pem;
use crate::store::Files;
use weir_diag::system_words;

/// Certificates that are believed, and lists of revoked ones.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    certificates: Vec<Vec<u8>>,
    /// Positions by canonical subject.
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
    lists: Vec<Vec<u8>>,
}

/// Why a file gives nobody to trust.
#[derive(Debug)]
pub struct TrustFault {
    path: String,
    why: Option<io::Error>,
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.certificates == other.certificates && self.lists == other.lists
    }
}

// === impl Trust ===

impl Trust {
    /// The certificates of a file, or of the files of a folder whose names say that they hold some; `@system-ca` for
    /// those of the system.
    pub fn load(path: &str, files: &dyn Files) -> Result<Self, TrustFault> {
        let mut trust = Self::default();
        let system = path == SYSTEM;
        let elsewhere = std::env::var("SSL_CERT_DIR").ok().filter(|_| system);
        let folder = elsewhere.as_deref().unwrap_or(if system { SYSTEM_FOLDER } else { path });
        let listed = files.list(folder);
        let fault = |why| TrustFault { path: path.to_owned(), why };
        match listed {
            Ok(Some(mut names)) => {
                names.retain(|name| !name.starts_with('.') && ENDINGS.iter().any(|end| name.ends_with(end)));
                names.sort_unstable();
                for name in names {
                    if let Ok(text) = files.read(&format!("{}/{name}", folder.trim_end_matches('/'))) {
                        trust.add(&text);
                    }
                }
                return Ok(trust);
            }
            Ok(None) => {}
            Err(_) if system => return Ok(trust),
            Err(error) => return Err(fault(Some(error))),
        }
        let text = files.read(path).map_err(|error| fault(Some(error)))?;
        trust.add(&text);
        if trust.is_empty() { Err(fault(None)) } else { Ok(trust) }
    }

    /// Takes the certificates and lists of a text.
    pub fn add(&mut self, text: &[u8]) {
        for block in pem::blocks(text) {
            if block.is_certificate() {
                self.add_certificate(block.content);
            } else if block.label == "X509 CRL" {
                self.lists.push(block.content);
            }
        }
    }

    /// Takes over all that another trusts.
    pub fn merge(&mut self, other: &Self) {
        other.certificates.iter().for_each(|der| self.add_certificate(der.clone()));
        self.lists.extend(other.lists.iter().cloned());
    }

    /// Whether there is neither a certificate nor a list.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.lists.is_empty()
    }

    /// How many certificates there are.
    pub fn len(&self) -> usize {
        self.certificates.len()
    }

    /// The certificates.
    pub fn certificates(&self) -> impl Iterator<Item = Certificate<'_>> {
        self.certificates.iter().filter_map(|der| Certificate::parse(der))
    }

    /// The lists.
    pub fn lists(&self) -> impl Iterator<Item = RevocationList<'_>> {
        self.lists.iter().filter_map(|der| RevocationList::parse(der))
    }

    /// The certificates with this subject.
    pub(super) fn of_subject(&self, name: &[u8]) -> impl Iterator<Item = Certificate<'_>> {
        let places = self.by_subject.get(&canonical(name)).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|at| Certificate::parse(self.certificates.get(*at)?))
    }

    /// Whether this very certificate is believed.
    pub(super) fn has(&self, certificate: &Certificate<'_>) -> bool {
        self.of_subject(certificate.subject).any(|own| own.der == certificate.der)
    }

    fn add_certificate(&mut self, der: Vec<u8>) {
        let Some(certificate) = Certificate::parse(&der) else { return };
        if self.has(&certificate) {
            return;
        }
        let subject = canonical(certificate.subject);
        self.by_subject.entry(subject).or_default().push(self.certificates.len());
        self.certificates.push(der);
    }
}

impl fmt::Display for TrustFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.why.as_ref().map_or("no certificate or crl found".to_owned(), system_words);
        write!(f, "Couldn't open the ca-file '{}' ({why}).", self.path)
    }
}

/// The word for what the system trusts, and where that lies.
pub(crate) const SYSTEM: &str = "@system-ca";
const SYSTEM_FOLDER: &str = "/etc/ssl/certs";
/// How the names of files in a folder end (manual, 5.1 "ca-file").
const ENDINGS: [&str; 4] = [".pem", ".crt", ".cer", ".crl"];
