//! Idle connections to a server, as one worker holds them.

use crate::clock::Tick;

/// A connection that waits for its next request, and what decides whether it may carry it.
pub(crate) struct Idle<C> {
    pub(crate) conn: C,
    /// What must be the same for a request to use it (source address, SNI, PROXY header ...).
    pub(crate) key: u64,
    /// It carried more than one request already, so that it may take one that cannot be repeated.
    pub(crate) proven: bool,
    pub(crate) since: Tick,
}

/// The idle connections, the one used last on top.
pub(crate) struct IdlePool<C> {
    list: Vec<Idle<C>>,
}

// === impl IdlePool ===

impl<C> Default for IdlePool<C> {
    fn default() -> Self {
        Self { list: Vec::new() }
    }
}

impl<C> IdlePool<C> {
    /// Puts a connection to rest.
    pub(crate) fn put(&mut self, idle: Idle<C>) {
        self.list.push(idle);
    }

    /// Takes a connection with this key: the newest that is proven, else, unless only such may be taken, the
    /// one that rested longest, so that few connections carry a light load and the others are purged.
    pub(crate) fn take(&mut self, key: u64, proven: bool) -> Option<Idle<C>> {
        let fits = |i: &Idle<C>| i.key == key;
        let best = self.list.iter().rposition(|i| i.proven && fits(i));
        let at = best.or_else(|| self.list.iter().position(|i| !proven && fits(i)))?;
        Some(self.list.remove(at))
    }

    /// How many rest.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// How many rest since a time for which `old` says so; those that rested longest come first.
    pub(crate) fn resting_since(&self, old: impl Fn(Tick) -> bool) -> usize {
        self.list.iter().filter(|i| old(i.since)).count()
    }

    /// Drops those for which `dead` says so; how many they were.
    pub(crate) fn sweep(&mut self, mut dead: impl FnMut(&Idle<C>) -> bool) -> usize {
        let before = self.list.len();
        self.list.retain(|i| !dead(i));
        before - self.list.len()
    }

    /// Drops the `n` that rested longest.
    pub(crate) fn drop_oldest(&mut self, n: usize) {
        self.list.drain(..n.min(self.list.len()));
    }
}
