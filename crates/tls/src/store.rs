//! Certificates by the files that they come from (manual, 3.11 "crt-store", 5.1 "crt", 3.1 "ssl-load-extra-files").
//!
//! A file is read once, whoever names it. Files come through [`Files`]; messages are worded as HAProxy words them.

mod conflict;
mod fault;
mod pending;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, UnixTime};

pub use fault::Fault;
pub use pending::Pending;

use crate::certificate::Certificate;
use crate::forge::Serials;
use crate::lists::Lists;
use crate::ocsp::{Staple, Updates, Updating};
use crate::pair::{self, Origin, Pair, Parts, Sources};
use crate::tickets::TicketFiles;
use crate::trusts::Trusts;
use crate::verify::canonical;

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
    /// Responders are asked about certificates of which nothing else is said (`ocsp-update.mode`).
    pub asks: bool,
}

/// The certificates that were read.
#[derive(Debug, Default)]
pub struct Store {
    pairs: Mutex<BTreeMap<String, Arc<Pair>>>,
    /// Certificates that nothing uses, from `crt-store` sections and from run time; nothing inside while they are empty.
    spare: Mutex<BTreeMap<String, Option<Arc<Pair>>>>,
    /// The names of those that verify and decrypt tokens.
    tokens: Mutex<BTreeSet<String>>,
    /// What is to take the place of a certificate once it is committed.
    pending: Mutex<Option<Pending>>,
    /// What files said of certificates that were replaced since; nothing where no file did.
    replaced: Mutex<BTreeMap<String, Option<Arc<Pair>>>>,
    /// Chains for certificates that have none (`issuers-chain-path`).
    issuers: Mutex<Vec<Vec<CertificateDer<'static>>>>,
    /// Files of authorities and of revoked certificates.
    pub trusts: Trusts,
    /// Lists of certificates.
    pub lists: Lists,
    /// Files of keys of tickets.
    pub tickets: TicketFiles,
    /// Questions about the standing of certificates.
    pub updates: Updates,
    /// The numbers of certificates that are made for clients.
    pub serials: Arc<Serials>,
}

/// A part of a certificate that is set on its own, by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate, with its key or without.
    Whole,
    /// `.key`
    Key,
    /// `.issuer`
    Issuer,
    /// `.ocsp`, in base64.
    Ocsp,
    /// `.sctl`
    Sctl,
}

/// Where a certificate and what belongs to it lie (manual, 3.11 "load").
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// The name that it is known by.
    pub name: String,
    /// Its file.
    pub crt: String,
    /// Other files.
    pub others: Sources,
    /// All of them as written.
    pub written: Sources,
    /// Whether responders are asked about it.
    pub updating: Updating,
    /// Where it is named.
    pub origin: Origin,
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
            asks: false,
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

// === impl Part ===

impl Part {
    /// The certificate that a name with an ending is about, and the part of it.
    pub fn named(name: &str) -> (&str, Self) {
        let parts =
            [(".key", Self::Key), (".issuer", Self::Issuer), (".ocsp", Self::Ocsp), (".sctl", Self::Sctl)];
        let of = |(ending, part): (&str, Self)| Some((name.strip_suffix(ending)?, part));
        parts.into_iter().find_map(of).unwrap_or((name, Self::Whole))
    }
}

// === impl Store ===

impl Store {
    /// The certificates behind the word of a `crt`: of a file, of all files of a folder in order, or of those that a
    /// bundle is made of.
    pub fn named(
        &self,
        path: &str,
        files: &dyn Files,
        extra: Extra,
        sources: fn(&str) -> Sources,
    ) -> Result<Vec<Arc<Pair>>, Fault> {
        if let Some(known) = self.known(path) {
            return Ok(vec![known]);
        }
        match files.list(path) {
            Ok(None) => Ok(vec![self.file(path, files, extra, sources)?]),
            Ok(Some(names)) => self.folder(path, names, files, extra, sources),
            Err(error) => {
                let mut found = Vec::new();
                for ending in BUNDLE.iter().filter(|_| extra.bundle) {
                    let part = format!("{path}{ending}");
                    if files.read(&part).is_ok() {
                        found.push(self.file(&part, files, extra, sources)?);
                    }
                }
                if found.is_empty() { Err(Fault::Missing(path.to_owned(), error)) } else { Ok(found) }
            }
        }
    }

    /// The certificate of a file.
    pub fn file(
        &self,
        path: &str,
        files: &dyn Files,
        extra: Extra,
        sources: fn(&str) -> Sources,
    ) -> Result<Arc<Pair>, Fault> {
        if let Some(pair) = self.known(path) {
            return Ok(pair);
        }
        let mut pair = self.load(path, files, extra)?;
        let key = pair.sources.key.take();
        pair.sources = sources(path);
        if pair.sources.key.is_some() {
            pair.sources.key = key;
        }
        let pair = Arc::new(pair);
        self.lock().insert(path.to_owned(), pair.clone());
        Ok(pair)
    }

    /// What speaks against naming a certificate of this name, if there is one, with these words, or with none.
    pub fn conflict(&self, name: &str, words: Option<(&Sources, Updating)>, extra: Extra) -> Option<String> {
        conflict::between(&*self.now(name)??, words, extra.asks)
    }

    /// The certificates in use that responders know by this identity.
    pub fn known_as(&self, identity: &[u8]) -> Vec<Arc<Pair>> {
        let used = self.lock();
        used.values().filter(|pair| pair.staple.identity.as_deref() == Some(identity)).cloned().collect()
    }

    /// The certificate of this name, which is in use from now on.
    pub fn known(&self, name: &str) -> Option<Arc<Pair>> {
        let mut used = self.lock();
        if let Some(pair) = used.get(name) {
            return Some(pair.clone());
        }
        let mut spare = self.spare();
        let pair = spare.get(name)?.clone()?;
        spare.remove(name);
        used.insert(name.to_owned(), pair.clone());
        Some(pair)
    }

    /// The certificate of this name is in use no longer.
    pub fn retire(&self, name: &str) {
        if let Some(pair) = self.lock().remove(name) {
            self.spare().insert(name.to_owned(), Some(pair));
        }
    }

    /// Reads a certificate whose files are named one by one; false where its name is taken.
    pub fn declare(&self, load: Load, files: &dyn Files, extra: Extra) -> Result<bool, Fault> {
        if self.now(&load.name).is_some() {
            return Ok(false);
        }
        let unread = |path: &str| Fault::Unread(path.to_owned());
        let text = files.read(&load.crt).map_err(|_| Fault::NotOpened(load.crt.clone()))?;
        let mut parts = Parts::read(&text);
        if parts.chain.is_empty() {
            return Err(Fault::NoCertificate(load.crt));
        }
        if let Some(path) = &load.others.key {
            let other = Parts::read(&files.read(path).map_err(|_| unread(path))?);
            parts.key = Some(other.key.ok_or_else(|| match other.encrypted {
                true => Fault::Locked { path: path.clone(), beside: false },
                false => Fault::NotAKey(path.clone()),
            })?);
        }
        let mut issuer = None;
        if let Some(path) = &load.others.issuer {
            let chain = Parts::read(&files.read(path).map_err(|_| unread(path))?).chain;
            issuer = Some(chain.into_iter().next().ok_or_else(|| unread(path))?);
        }
        if let Some(path) = &load.others.sctl {
            files.read(path).ok().filter(|text| is_timestamps(text)).ok_or_else(|| unread(path))?;
        }
        let ocsp = match &load.others.ocsp {
            Some(path) => Some(files.read(path).map_err(|_| Fault::NoOcsp(path.clone()))?),
            None => None,
        };
        let is_keyless = parts.key.is_none() && load.others.key.is_none();
        // A store describes certificates that nobody may ever show.
        let is_spare = is_keyless && (load.origin == Origin::Store || !parts.encrypted);
        let (mut pair, beside) = match self.joined(&load.crt, parts, files, extra) {
            Err(Fault::NoKey { .. } | Fault::Locked { .. }) if is_spare => {
                let pair = Pair::keyless(&load.crt, Parts::read(&text).chain);
                (pair.map_err(|_| Fault::NoCertificate(load.crt.clone()))?, None)
            }
            joined => joined?,
        };
        pair.path.clone_from(&load.name);
        pair.sources = load.written;
        (pair.updating, pair.origin) = (load.updating, load.origin);
        pair.issuer = pair.issuer.or(issuer);
        pair.timestamps = load.others.sctl.or(pair.timestamps);
        staple(&mut pair, ocsp.or(beside), extra);
        self.spare().insert(load.name, Some(Arc::new(pair)));
        Ok(true)
    }

    /// Lets a certificate verify and decrypt tokens (manual, 3.11 "jwt").
    pub fn allow_tokens(&self, name: &str) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// It is for tokens no longer.
    pub fn forbid_tokens(&self, name: &str) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Whether the certificate of this name is for tokens.
    pub fn is_for_tokens(&self, name: &str) -> bool {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// The certificate of this name and whether it is for tokens.
    pub fn for_tokens(&self, name: &str) -> Option<(Arc<Pair>, bool)> {
        let pair = self.lock().get(name).cloned().or_else(|| self.spare().get(name)?.clone())?;
        Some((pair, self.is_for_tokens(name)))
    }

    /// The files of certificates, in order; whether each is in use, and what it holds.
    pub fn listed(&self) -> Vec<(String, bool, Option<Arc<Pair>>)> {
        let used = self.lock();
        let spare = self.spare();
        let mut all: BTreeMap<String, (bool, Option<Arc<Pair>>)> =
            spare.iter().map(|(path, pair)| (path.clone(), (false, pair.clone()))).collect();
        all.extend(used.iter().map(|(path, pair)| (path.clone(), (true, Some(pair.clone())))));
        all.into_iter().map(|(path, (used, pair))| (path, used, pair)).collect()
    }

    /// Makes room for a certificate that comes later; false where there is one of this name.
    pub fn create(&self, path: &str) -> bool {
        let new = !self.listed().iter().any(|(known, ..)| known == path);
        if new {
            self.spare().insert(path.to_owned(), None);
            self.note_replaced(path, None);
        }
        new
    }

    /// Forgets a certificate that nothing uses; `None` where there is none, false where it is used.
    pub fn remove(&self, path: &str) -> Option<bool> {
        let (_, used, _) = self.listed().into_iter().find(|(known, ..)| known == path)?;
        if !used {
            self.spare().remove(path);
            self.replaced().remove(path);
        }
        Some(!used)
    }

    /// What waits to be committed.
    pub fn pending(&self) -> std::sync::MutexGuard<'_, Option<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The certificate that a name means, and the part of it.
    pub fn part(&self, name: &str) -> Option<(String, Part, Option<Arc<Pair>>)> {
        let listed = self.listed();
        let find = |name: &str, part: Part| {
            let (path, _, pair) = listed.iter().find(|(known, ..)| known == name)?;
            Some((path.clone(), part, pair.clone()))
        };
        let (whole, part) = Part::named(name);
        find(name, Part::Whole).or_else(|| find(whole, part))
    }

    /// Keeps a certificate that was committed.
    pub fn settle(&self, pair: Arc<Pair>) {
        self.note_replaced(&pair.path, self.now(&pair.path).flatten());
        let mut spare = self.spare();
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

    fn folder(
        &self,
        path: &str,
        mut names: Vec<String>,
        files: &dyn Files,
        extra: Extra,
        sources: fn(&str) -> Sources,
    ) -> Result<Vec<Arc<Pair>>, Fault> {
        names.retain(|name| !name.starts_with('.') && !BESIDE.iter().any(|end| name.ends_with(end)));
        names.sort_unstable();
        let folder = path.trim_end_matches('/');
        names.iter().map(|name| self.file(&format!("{folder}/{name}"), files, extra, sources)).collect()
    }

    /// Reads a certificate for a use of its own; no name leads to it.
    pub fn load(&self, path: &str, files: &dyn Files, extra: Extra) -> Result<Pair, Fault> {
        let text = files.read(path).map_err(|error| Fault::Missing(path.to_owned(), error))?;
        let (mut pair, response) = self.joined(path, Parts::read(&text), files, extra)?;
        staple(&mut pair, response, extra);
        Ok(pair)
    }

    /// A certificate of these parts, with what lies beside its file, and what is said there of its standing.
    fn joined(
        &self,
        path: &str,
        mut parts: Parts,
        files: &dyn Files,
        extra: Extra,
    ) -> Result<(Pair, Option<Vec<u8>>), Fault> {
        if parts.chain.is_empty() {
            return Err(Fault::NoCertificate(path.to_owned()));
        }
        let mut asked = path.to_owned();
        if parts.key.is_none() && extra.key {
            asked = extra.beside(path, ".key");
            if let Ok(text) = files.read(&asked) {
                let other = Parts::read(&text);
                if other.key.is_none() && other.encrypted {
                    return Err(Fault::Locked { path: asked, beside: true });
                }
                parts.key = other.key;
            }
        }
        let Some(key) = parts.key else {
            return Err(Fault::NoKey { path: asked, encrypted: parts.encrypted });
        };
        let (chain, issuer) = self.completed(parts.chain, extra);
        let mut pair = Pair::new(path, chain, &key).map_err(|fault| match fault {
            pair::Fault::Mismatch => Fault::Mismatch(path.to_owned()),
            pair::Fault::BadCertificate => Fault::NoCertificate(path.to_owned()),
            pair::Fault::UnsupportedKey => Fault::Unsupported(path.to_owned()),
        })?;
        pair.issuer = issuer;
        let response = files.read(&extra.beside(path, ".ocsp")).ok().filter(|_| extra.ocsp);
        if response.is_some() && extra.issuer {
            read_issuer(&mut pair, &extra.beside(path, ".issuer"), files)?;
        }
        if extra.sctl {
            let beside = extra.beside(path, ".sctl");
            pair.timestamps = match files.read(&beside).map(|text| is_timestamps(&text)) {
                Ok(true) => Some(beside),
                Ok(false) => return Err(Fault::BadTimestamps(beside)),
                Err(_) => None,
            };
        }
        pair.sources.key = Some(asked);
        Ok((pair, response))
    }

    /// A chain, with those who vouch for its end where they are known, and without a root that is not to be sent; the
    /// certificate of who made the first of it.
    fn completed(
        &self,
        mut chain: Vec<CertificateDer<'static>>,
        extra: Extra,
    ) -> (Vec<CertificateDer<'static>>, Option<CertificateDer<'static>>) {
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
        let issuer =
            chain.first().and_then(|leaf| chain.iter().skip(1).find(|c| has_issued(c, leaf))).cloned();
        if extra.skips_roots && chain.len() > 1 && chain.last().is_some_and(is_root) {
            chain.pop();
        }
        (chain, issuer)
    }

    /// What was replaced while the program ran: the name, and what its file said.
    pub(crate) fn replacements(&self) -> BTreeMap<String, Option<Arc<Pair>>> {
        self.replaced().clone()
    }

    /// What a name stands for now, where it is known; nothing inside while it is empty.
    pub(crate) fn now(&self, name: &str) -> Option<Option<Arc<Pair>>> {
        let used = self.lock().get(name).cloned();
        used.map(Some).or_else(|| self.spare().get(name).cloned())
    }

    /// Makes room for a certificate that no file holds, as it is now.
    pub(crate) fn keep(&self, name: &str, pair: Option<Arc<Pair>>) {
        self.spare().insert(name.to_owned(), pair);
        self.note_replaced(name, None);
    }

    fn note_replaced(&self, name: &str, file: Option<Arc<Pair>>) {
        self.replaced().entry(name.to_owned()).or_insert(file);
    }

    fn replaced(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Option<Arc<Pair>>>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Option<Arc<Pair>>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Pair>>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the certificate of an authority from its own file, where there is one.
fn read_issuer(pair: &mut Pair, path: &str, files: &dyn Files) -> Result<(), Fault> {
    let Ok(text) = files.read(path) else { return Ok(()) };
    let read = Parts::read(&text).chain.into_iter().next();
    let read = read.ok_or_else(|| Fault::BadIssuer(path.to_owned()))?;
    if !pair.chain.first().is_some_and(|leaf| has_issued(&read, leaf)) {
        return Err(Fault::OtherIssuer(path.to_owned()));
    }
    pair.issuer.get_or_insert(read);
    Ok(())
}

/// Whether one certificate is of whom another names as its authority.
fn has_issued(above: &CertificateDer<'_>, certificate: &CertificateDer<'_>) -> bool {
    let names = |der| Certificate::parse(der).map(|c| (canonical(c.subject), canonical(c.issuer)));
    match (names(above), names(certificate)) {
        (Some((subject, _)), Some((_, issuer))) => subject == issuer,
        _ => false,
    }
}

/// Settles what is known of the standing of a certificate.
fn staple(pair: &mut Pair, response: Option<Vec<u8>>, extra: Extra) {
    let updated = pair.updating == Updating::On || (pair.updating == Updating::Default && extra.asks);
    let Some(certificate) = pair.certificate() else { return };
    let now = UnixTime::now().as_secs().cast_signed();
    pair.staple = Staple::new(&certificate, pair.issuer.as_ref(), response, updated, now);
}

/// Whether these are the bytes of a `SignedCertificateTimestampList` (RFC 6962 section 3.3).
fn is_timestamps(text: &[u8]) -> bool {
    fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (len, rest) = bytes.split_first_chunk::<2>()?;
        rest.split_at_checked(u16::from_be_bytes(*len).into())
    }
    let Some((mut list, [])) = prefixed(text) else { return false };
    while !list.is_empty() {
        let Some((_, rest)) = prefixed(list) else { return false };
        list = rest;
    }
    true
}

/// The kinds of keys that a bundle may have, in the order they are looked for.
const BUNDLE: &[&str] = &[".rsa", ".dsa", ".ecdsa"];
/// Endings of files that only stand beside certificates.
const BESIDE: &[&str] = &[".issuer", ".ocsp", ".sctl", ".key"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_timestamps_are_told_from_other_bytes() {
        let good: &[&[u8]] = &[b"\0\0", b"\0\x02\0\0", b"\0\x03\0\x01a", b"\0\x06\0\x01a\0\x01b"];
        let bad: &[&[u8]] = &[b"", b"\0", b"\0\x03\0\x01ab", b"\0\x04\0\x01ab", b"\0\x01\0"];
        assert!(good.iter().all(|text| is_timestamps(text)));
        assert!(!bad.iter().any(|text| is_timestamps(text)));
    }
}
