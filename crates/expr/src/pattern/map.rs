//! What maps give (manual, 7.3.1, `map`).

/// What a map gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapOutput {
    /// The value as text.
    Str,
    /// The value as an integer.
    Int,
    /// The value as an address.
    Ip,
    /// The pattern that matched.
    Key,
    /// The value with the groups of the regex filled in.
    Groups,
}
