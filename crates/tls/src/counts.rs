//! What a process counts of its sessions, whoever holds them: those that are open, and what was looked for in the cache
//! of sessions (management manual, 9.3 "show info").

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use rustls::server::StoresServerSessions;

use crate::tickets::{fresh, stamped};

/// The counts at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Sessions that are open, with clients and with servers.
    pub open: u64,
    /// Sessions of clients that were looked for by their numbers.
    pub lookups: u64,
    /// Those of them that were not known.
    pub misses: u64,
}

/// The counts of this process.
pub fn now() -> Counts {
    Counts { open: OPEN.load(Relaxed), lookups: LOOKUPS.load(Relaxed), misses: MISSES.load(Relaxed) }
}

/// Counts as an open session for as long as it lives: of a client from when it is let in, of a server from when the
/// session begins.
#[derive(Debug)]
pub struct Open(());

/// A cache of sessions, of which every question is counted, and which forgets what is too old.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) kept: Arc<dyn StoresServerSessions>,
    /// In seconds.
    pub(crate) lifetime: u32,
}

// === impl Open ===

impl Open {
    /// One more.
    #[must_use = "it counts while it lives"]
    pub fn one() -> Self {
        OPEN.fetch_add(1, Relaxed);
        Self(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Relaxed);
    }
}

// === impl Counted ===

impl StoresServerSessions for Counted {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.kept.put(key, stamped(&value))
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        counted(self.kept.get(key).and_then(|value| fresh(value, self.lifetime)))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        counted(self.kept.take(key).and_then(|value| fresh(value, self.lifetime)))
    }

    fn can_cache(&self) -> bool {
        self.kept.can_cache()
    }
}

fn counted(found: Option<Vec<u8>>) -> Option<Vec<u8>> {
    LOOKUPS.fetch_add(1, Relaxed);
    if found.is_none() {
        MISSES.fetch_add(1, Relaxed);
    }
    found
}

static OPEN: AtomicU64 = AtomicU64::new(0);
static LOOKUPS: AtomicU64 = AtomicU64::new(0);
static MISSES: AtomicU64 = AtomicU64::new(0);
