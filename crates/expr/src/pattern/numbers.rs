//! The numbers of the patterns that are written alike.

/// At least one number, ascending. One is held in place: patterns are rarely written twice.
#[derive(Clone, Debug)]
pub(super) enum Numbers {
    One(u32),
    Many(Vec<u32>),
}

// === impl Numbers ===

impl Numbers {
    /// The smallest: the pattern that was added first.
    pub(super) fn first(&self) -> Option<u32> {
        match self {
            Self::One(n) => Some(*n),
            Self::Many(all) => all.first().copied(),
        }
    }

    /// Adds one that is greater than all.
    pub(super) fn push(&mut self, n: u32) {
        match self {
            Self::One(first) => *self = Self::Many(vec![*first, n]),
            Self::Many(all) => all.push(n),
        }
    }

    /// Takes one out; whether none is left.
    pub(super) fn remove(&mut self, n: u32) -> bool {
        match self {
            Self::One(only) => *only == n,
            Self::Many(all) => {
                all.retain(|other| *other != n);
                all.is_empty()
            }
        }
    }

    pub(super) fn all(&self) -> &[u32] {
        match self {
            Self::One(n) => std::slice::from_ref(n),
            Self::Many(all) => all,
        }
    }
}
