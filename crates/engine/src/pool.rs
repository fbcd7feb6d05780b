//! Idle connections to a server, as one worker holds them.

use crate::clock::Tick;

/// A connection that waits for its next request, and what decides whether it may carry it.
pub(crate) struct Idle<C> {
    pub(crate) conn: C,
    /// What must be the same for a request to use it (source address, SNI, PROXY header ...).
    pub(crate) key: u64,
    /// It carried more than one request already, so that it may take one that cannot be repeated.
    pub(crate) proven: bool,
}

/// The idle connections, the one used last on top.
pub(crate) struct IdlePool<C> {
    list: Vec<Idle<C>>,
    /// How many of them are proven.
    proven: usize,
    /// When they are looked through for those that nobody needs; absent while there is nothing to look at.
    pub(crate) purge_at: Option<Tick>,
}

// === impl IdlePool ===

impl<C> Default for IdlePool<C> {
    fn default() -> Self {
        Self { list: Vec::new(), proven: 0, purge_at: None }
    }
}

impl<C> IdlePool<C> {
    /// Puts a connection to rest.
    pub(crate) fn put(&mut self, idle: Idle<C>) {
        self.proven += usize::from(idle.proven);
        self.list.push(idle);
    }

    /// Takes a connection with this key, or with any: the newest that is proven, else, unless only such may be taken, the
    /// one that rested longest, so that few connections carry a light load and the others are purged.
    pub(crate) fn take(&mut self, key: Option<u64>, proven: bool) -> Option<Idle<C>> {
        let fits = |i: &Idle<C>| key.is_none_or(|key| i.key == key);
        let best = self.list.iter().rposition(|i| i.proven && fits(i));
        let at = best.or_else(|| self.list.iter().position(|i| !proven && fits(i)))?;
        let taken = self.list.remove(at);
        self.proven -= usize::from(taken.proven);
        Some(taken)
    }

    /// How many rest.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// How many of them are proven.
    pub(crate) fn proven(&self) -> usize {
        self.proven
    }

    /// Drops those for which `dead` says so.
    pub(crate) fn sweep(&mut self, mut dead: impl FnMut(&Idle<C>) -> bool) {
        self.list.retain(|i| !dead(i));
        self.recount();
    }

    /// Drops the `n` that rested longest.
    pub(crate) fn drop_oldest(&mut self, n: usize) {
        self.list.drain(..n.min(self.list.len()));
        self.recount();
    }

    fn recount(&mut self) {
        self.proven = self.list.iter().filter(|i| i.proven).count();
    }
}
