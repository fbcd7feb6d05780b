//! Files of authorities and of revoked certificates, and what takes their place while the program runs (manual, 5.1
//! "ca-file", "crl-file"; management manual, 9.3 "set ssl ca-file", "set ssl crl-file").
//!
//! A file is read once, whoever names it. What is set waits until it is committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use crate::store::Files;
use crate::verify::{SYSTEM, Trust, TrustFault};

/// A file by its name, with what it says today.
#[derive(Debug)]
pub struct TrustFile {
    /// Its path, or `@system-ca`.
    pub path: String,
    content: RwLock<Arc<Trust>>,
    /// What it said when it was read.
    read: Arc<Trust>,
}

/// What a file is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ca-file`
    Authorities,
    /// `crl-file`
    Revoked,
}

/// The files that are known.
#[derive(Debug, Default)]
pub struct Trusts {
    known: Mutex<BTreeMap<String, Known>>,
    authorities: Mutex<Option<Waiting>>,
    revoked: Mutex<Option<Waiting>>,
    system_offered: OnceLock<()>,
}

/// A file that is known.
#[derive(Clone, Debug)]
pub struct Known {
    /// The file.
    pub file: Arc<TrustFile>,
    /// What it is named for.
    pub kind: Kind,
    /// The configuration names it.
    pub used: bool,
}

/// What waits to be committed.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The file whose place it takes.
    pub path: String,
    /// What it will say.
    pub trust: Trust,
}

/// Why a file cannot be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There is none of this name.
    Unknown,
    /// It is of the other kind.
    Other,
    /// The configuration names it.
    Used,
}

// === impl TrustFile ===

impl TrustFile {
    /// A file that says this.
    pub fn new(path: &str, trust: Trust) -> Arc<Self> {
        let read = Arc::new(trust);
        Arc::new(Self { path: path.to_owned(), content: RwLock::new(read.clone()), read })
    }

    /// What it says today.
    pub fn now(&self) -> Arc<Trust> {
        self.content.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it says something else than it said when it was read.
    fn is_changed(&self) -> bool {
        !Arc::ptr_eq(&self.now(), &self.read)
    }

    fn put(&self, trust: Trust) {
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trust);
    }
}

/// All that these files say together.
pub fn merged(files: &[Arc<TrustFile>]) -> Trust {
    let mut trust = Trust::default();
    files.iter().for_each(|file| trust.merge(&file.now()));
    trust
}

// === impl Trusts ===

impl Trusts {
    /// The file that the configuration names.
    pub fn named(&self, path: &str, kind: Kind, files: &dyn Files) -> Result<Arc<TrustFile>, TrustFault> {
        let mut known = self.lock();
        if let Some(known) = known.get_mut(path) {
            known.used = true;
            return Ok(known.file.clone());
        }
        let file = TrustFile::new(path, Trust::load(path, files)?);
        known.insert(path.to_owned(), Known { file: file.clone(), kind, used: true });
        Ok(file)
    }

    /// Reads what the system trusts, once, though the configuration does not name it.
    pub fn offer_system(&self, files: &dyn Files) {
        self.system_offered.get_or_init(|| {
            let Ok(trust) = Trust::load(SYSTEM, files) else { return };
            if !trust.is_empty() {
                let file = TrustFile::new(SYSTEM, trust);
                let known = Known { file, kind: Kind::Authorities, used: false };
                self.lock().entry(SYSTEM.to_owned()).or_insert(known);
            }
        });
    }

    /// The files of a kind, in order.
    pub fn of(&self, kind: Kind) -> Vec<Known> {
        self.lock().values().filter(|known| known.kind == kind).cloned().collect()
    }

    /// The file of a kind with this name.
    pub fn find(&self, path: &str, kind: Kind) -> Option<Known> {
        self.lock().get(path).filter(|known| known.kind == kind).cloned()
    }

    /// The file with this name, whatever it is named for.
    pub fn known(&self, path: &str) -> Option<Known> {
        self.lock().get(path).cloned()
    }

    /// Makes room for a file that comes later; false where there is one of this name.
    pub fn create(&self, path: &str, kind: Kind) -> bool {
        let mut known = self.lock();
        let new = !known.contains_key(path);
        if new {
            let file = TrustFile::new(path, Trust::default());
            known.insert(path.to_owned(), Known { file, kind, used: false });
        }
        new
    }

    /// Forgets a file that the configuration does not name; for who asks for authorities, whatever it is named for.
    pub fn remove(&self, path: &str, kind: Kind) -> Result<(), Kept> {
        let mut known = self.lock();
        let found = known.get(path).ok_or(Kept::Unknown)?;
        if kind == Kind::Revoked && found.kind != kind {
            return Err(Kept::Other);
        }
        if found.used {
            return Err(Kept::Used);
        }
        known.remove(path);
        Ok(())
    }

    /// What waits of a kind.
    pub fn waiting(&self, kind: Kind) -> MutexGuard<'_, Option<Waiting>> {
        let place = match kind {
            Kind::Authorities => &self.authorities,
            Kind::Revoked => &self.revoked,
        };
        place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets what waited of a kind count. What was set as lists of revoked certificates is one from then on.
    pub fn commit(&self, waiting: Waiting, kind: Kind) {
        if let Some(known) = self.lock().get_mut(&waiting.path) {
            known.file.put(waiting.trust);
            if kind == Kind::Revoked {
                known.kind = kind;
            }
        }
    }

    /// Takes over what was changed in `old` while the program ran; the names of files that say something else now, and
    /// of those that had changed themselves.
    pub(crate) fn carry(&self, old: &Self) -> (Vec<String>, Vec<String>) {
        let (mut kept, mut lost) = (Vec::new(), Vec::new());
        for (path, known) in old.lock().iter().filter(|(_, known)| !known.used || known.file.is_changed()) {
            let here = self.lock().get(path).map(|here| here.file.clone());
            match here {
                None if !known.used => {
                    self.lock().insert(path.clone(), known.clone());
                }
                None => {}
                Some(here) if known.used && *here.read == *known.file.read => {
                    here.put(Trust::clone(&known.file.now()));
                    kept.push(path.clone());
                }
                Some(_) => lost.push(path.clone()),
            }
        }
        (kept, lost)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
