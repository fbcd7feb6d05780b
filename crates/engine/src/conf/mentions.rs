//! What the rules of a proxy name, and so keep from being taken away at run time.

use std::collections::BTreeSet;

/// Proxies by number, and servers by the numbers of their proxy and their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// The backends that rules lead to or ask about.
    pub backends: BTreeSet<usize>,
    /// The servers that rules ask about.
    pub servers: BTreeSet<(usize, usize)>,
}
