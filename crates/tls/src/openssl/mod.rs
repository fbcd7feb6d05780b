//! What OpenSSL calls things: cipher strings, suites, groups, signature algorithms, and the numbers of its errors.
//!
//! Each list is parsed in full, as OpenSSL would, and reduced to what there is here; what went is named, so that the
//! reader of a configuration can be told.

pub mod ciphers;
pub mod errors;
pub mod groups;
pub mod numbers;
pub mod sigalgs;
mod suites;

/// What is left of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduced<T> {
    /// What there is here, in the list's order.
    pub kept: Vec<T>,
    /// The names of what there is not.
    pub dropped: Vec<String>,
}

/// OpenSSL itself would not take the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;
