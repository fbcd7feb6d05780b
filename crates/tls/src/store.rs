//! Certificates by the files that they come from (manual, 3.11 "crt-store", 5.1 "crt", 3.1 "ssl-load-extra-files").
//!
//! A file is read once, whoever names it. Files come through [`Files`]; messages are worded as HAProxy words them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;

use crate::certificate::Certificate;
use crate::pair::{self, Pair, Parts};
use crate::verify::{Trust, TrustFault, canonical};

/// Where files come from.
pub trait Files {
    /// The whole of a file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// The names of the files in a folder; `None` where it is a file.
    fn list(&self, path: &str) -> io::Result<Option<Vec<String>>>;
}

/// Which files beside a certificate are looked for (`ssl-load-extra-files`, `ssl-load-extra-del-ext`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    /// `.rsa`, `.ecdsa` and `.dsa` instead of the file itself.
    pub bundle: bool,
    /// `.sctl`
    pub sctl: bool,
    /// `.ocsp`
    pub ocsp: bool,
    /// `.issuer`
    pub issuer: bool,
    /// `.key`
    pub key: bool,
    /// A self-signed authority at the end of a chain is not sent (`ssl-skip-self-issued-ca`).
    pub skips_roots: bool,
    /// The name's own `.crt` goes before another ending comes.
    pub replaces_crt: bool,
}

/// The certificates that were read.
#[derive(Debug, Default)]
pub struct Store {
    pairs: Mutex<BTreeMap<String, Arc<Pair>>>,
    trusts: Mutex<BTreeMap<String, Arc<Trust>>>,
    /// Certificates that came at run time and that nothing uses; nothing inside while they are empty.
    spare: Mutex<BTreeMap<String, Option<Arc<Pair>>>>,
    /// What is to take the place of a certificate once it is committed.
    pending: Mutex<Option<Pending>>,
    /// Chains for certificates that have none (`issuers-chain-path`).
    issuers: Mutex<Vec<Vec<CertificateDer<'static>>>>,
}

/// A certificate that waits to be committed.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The file whose place it takes.
    pub path: String,
    /// Its certificate first, then those that vouch for it.
    pub chain: Vec<CertificateDer<'static>>,
    /// What both are, where there is a key.
    pub pair: Result<Arc<Pair>, String>,
}

/// Why a certificate is not there.
#[derive(Debug)]
pub enum Fault {
    /// There is no such file.
    Missing(String, io::Error),
    /// No certificate is in it.
    NoCertificate(String),
    /// No key is in it, nor in the other file that is named here.
    NoKey {
        /// The file that was looked into last.
        path: String,
        /// There is one, and it is encrypted.
        encrypted: bool,
    },
    /// The key belongs to another certificate.
    Mismatch(String),
    /// The key or the certificate is of a kind that is not supported.
    Unsupported(String),
}

// === impl Extra ===

impl Default for Extra {
    fn default() -> Self {
        Self {
            bundle: true,
            sctl: true,
            ocsp: true,
            issuer: true,
            key: true,
            skips_roots: false,
            replaces_crt: false,
        }
    }
}

impl Extra {
    /// None at all (`ssl-load-extra-files none`).
    pub fn none() -> Self {
        Self { bundle: false, sctl: false, ocsp: false, issuer: false, key: false, ..Self::default() }
    }

    /// The name of the file beside `path` with this ending.
    fn beside(self, path: &str, ending: &str) -> String {
        let plain = path.strip_suffix(".crt").filter(|_| self.replaces_crt).unwrap_or(path);
        format!("{plain}{ending}")
    }
}

// === impl Store ===

impl Store {
    /// The certificates behind the word of a `crt`: of a file, of all files of a folder in order, or of those that a
    /// bundle is made of.
    pub fn named(&self, path: &str, files: &dyn Files, extra: Extra) -> Result<Vec<Arc<Pair>>, Fault> {
        match files.list(path) {
            Ok(None) => Ok(vec![self.file(path, files, extra)?]),
            Ok(Some(names)) => self.folder(path, names, files, extra),
            Err(error) => {
                let mut found = Vec::new();
                for ending in BUNDLE.iter().filter(|_| extra.bundle) {
                    let part = format!("{path}{ending}");
                    if files.read(&part).is_ok() {
                        found.push(self.file(&part, files, extra)?);
                    }
                }
                if found.is_empty() { Err(Fault::Missing(path.to_owned(), error)) } else { Ok(found) }
            }
        }
    }

    /// The certificate of a file.
    pub fn file(&self, path: &str, files: &dyn Files, extra: Extra) -> Result<Arc<Pair>, Fault> {
        if let Some(pair) = self.lock().get(path) {
            return Ok(pair.clone());
        }
        let pair = Arc::new(self.load(path, files, extra)?);
        self.lock().insert(path.to_owned(), pair.clone());
        Ok(pair)
    }

    /// The files of certificates, in order; whether each is in use, and what it holds.
    pub fn listed(&self) -> Vec<(String, bool, Option<Arc<Pair>>)> {
        let used = self.lock();
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: BTreeMap<String, (bool, Option<Arc<Pair>>)> =
            spare.iter().map(|(path, pair)| (path.clone(), (false, pair.clone()))).collect();
        all.extend(used.iter().map(|(path, pair)| (path.clone(), (true, Some(pair.clone())))));
        all.into_iter().map(|(path, (used, pair))| (path, used, pair)).collect()
    }

    /// The files of authorities and of lists of revoked certificates, in order.
    pub fn trusts(&self) -> Vec<(String, Arc<Trust>)> {
        let trusts = self.trusts.lock().unwrap_or_else(PoisonError::into_inner);
        trusts.iter().map(|(path, trust)| (path.clone(), trust.clone())).collect()
    }

    /// Makes room for a certificate that comes later; false where there is one of this name.
    pub fn create(&self, path: &str) -> bool {
        let new = !self.listed().iter().any(|(known, ..)| known == path);
        if new {
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), None);
        }
        new
    }

    /// Forgets a certificate that nothing uses; `None` where there is none, false where it is used.
    pub fn remove(&self, path: &str) -> Option<bool> {
        let (_, used, _) = self.listed().into_iter().find(|(known, ..)| known == path)?;
        if !used {
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        }
        Some(!used)
    }

    /// What waits to be committed.
    pub fn pending(&self) -> std::sync::MutexGuard<'_, Option<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is to take the place of a certificate.
    pub fn prepare(&self, path: &str, text: &[u8]) -> Result<Pending, Fault> {
        let parts = Parts::read(text);
        if parts.chain.is_empty() {
            return Err(Fault::NoCertificate(path.to_owned()));
        }
        let unusable =
            |why: &str| format!("unable to load SSL private key into SSL Context '{path}': {why}.");
        let pair = match &parts.key {
            None => Err(unusable("passed a null parameter")),
            Some(key) => {
                Pair::new(path, parts.chain.clone(), key).map(Arc::new).map_err(|fault| match fault {
                    pair::Fault::Mismatch => {
                        format!("inconsistencies between private key and certificate loaded '{path}'.")
                    }
                    _ => unusable("unsupported"),
                })
            }
        };
        Ok(Pending { path: path.to_owned(), chain: parts.chain, pair })
    }

    /// Keeps a certificate that was committed.
    pub fn settle(&self, pair: Arc<Pair>) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        match spare.get_mut(&pair.path) {
            Some(place) => *place = Some(pair),
            None => {
                drop(spare);
                self.lock().insert(pair.path.clone(), pair);
            }
        }
    }

    /// Takes the chains of a folder.
    pub fn add_issuers(&self, folder: &str, mut names: Vec<String>, files: &dyn Files) {
        names.sort_unstable();
        let mut issuers = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            let text = files.read(&format!("{}/{name}", folder.trim_end_matches('/')));
            issuers.extend(text.map(|text| Parts::read(&text).chain).ok().filter(|chain| !chain.is_empty()));
        }
    }

    /// Whom a file of authorities, or of revoked certificates, names.
    pub fn trust(&self, path: &str, files: &dyn Files) -> Result<Arc<Trust>, TrustFault> {
        let mut trusts = self.trusts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trust) = trusts.get(path) {
            return Ok(trust.clone());
        }
        let trust = Arc::new(Trust::load(path, files)?);
        trusts.insert(path.to_owned(), trust.clone());
        Ok(trust)
    }

    fn folder(
        &self,
        path: &str,
        mut names: Vec<String>,
        files: &dyn Files,
        extra: Extra,
    ) -> Result<Vec<Arc<Pair>>, Fault> {
        names.retain(|name| !name.starts_with('.') && !BESIDE.iter().any(|end| name.ends_with(end)));
        names.sort_unstable();
        let folder = path.trim_end_matches('/');
        names.iter().map(|name| self.file(&format!("{folder}/{name}"), files, extra)).collect()
    }

    fn load(&self, path: &str, files: &dyn Files, extra: Extra) -> Result<Pair, Fault> {
        let text = files.read(path).map_err(|error| Fault::Missing(path.to_owned(), error))?;
        let mut parts = Parts::read(&text);
        if parts.chain.is_empty() {
            return Err(Fault::NoCertificate(path.to_owned()));
        }
        let mut asked = path.to_owned();
        if parts.key.is_none() && extra.key {
            asked = extra.beside(path, ".key");
            if let Ok(text) = files.read(&asked) {
                let other = Parts::read(&text);
                parts.encrypted |= other.encrypted;
                parts.key = other.key;
            }
        }
        let key = parts.key.ok_or(Fault::NoKey { path: asked, encrypted: parts.encrypted })?;
        let chain = self.completed(parts.chain, extra);
        let mut pair = Pair::new(path, chain, &key).map_err(|fault| match fault {
            pair::Fault::Mismatch => Fault::Mismatch(path.to_owned()),
            pair::Fault::BadCertificate => Fault::NoCertificate(path.to_owned()),
            pair::Fault::UnsupportedKey => Fault::Unsupported(path.to_owned()),
        })?;
        if extra.ocsp {
            pair.ocsp = files.read(&extra.beside(path, ".ocsp")).ok();
        }
        Ok(pair)
    }

    /// A chain, with those who vouch for its end where they are known, and without a root that is not to be sent.
    fn completed(
        &self,
        mut chain: Vec<CertificateDer<'static>>,
        extra: Extra,
    ) -> Vec<CertificateDer<'static>> {
        let names = |der: &CertificateDer<'_>| {
            Certificate::parse(der).map(|c| (canonical(c.subject), canonical(c.issuer)))
        };
        if let [only] = chain.as_slice()
            && let Some((_, issuer)) = names(only)
        {
            let issuers = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
            let is = |c: &&Vec<CertificateDer<'_>>| {
                c.first().and_then(names).is_some_and(|(subject, _)| subject == issuer)
            };
            let found = issuers.iter().find(is).cloned();
            chain.extend(found.unwrap_or_default());
        }
        let is_root =
            |der: &CertificateDer<'_>| names(der).is_some_and(|(subject, issuer)| subject == issuer);
        if extra.skips_roots && chain.len() > 1 && chain.last().is_some_and(is_root) {
            chain.pop();
        }
        chain
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Pair>>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path, error) => {
                write!(f, "unable to stat SSL certificate from file '{path}' : {}.", system_words(error))
            }
            Self::NoCertificate(path) => {
                write!(f, "unable to load certificate from file '{path}': no start line.")
            }
            Self::NoKey { path, .. } => write!(f, "No Private Key found in '{path}'."),
            Self::Mismatch(path) => {
                write!(f, "inconsistencies between private key and certificate loaded '{path}'.")
            }
            Self::Unsupported(path) => {
                write!(f, "unable to load SSL private key into SSL Context '{path}'.")
            }
        }
    }
}

/// An error of the system in its own words, without its number.
pub fn system_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or_default().to_owned(),
        None if error.kind() == io::ErrorKind::NotFound => "No such file or directory".to_owned(),
        None => text,
    }
}

/// The kinds of keys that a bundle may have, in the order they are looked for.
const BUNDLE: &[&str] = &[".rsa", ".dsa", ".ecdsa"];
/// Endings of files that only stand beside certificates.
const BESIDE: &[&str] = &[".issuer", ".ocsp", ".sctl", ".key"];
