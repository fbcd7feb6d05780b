//! What an incremental parser says of the bytes that have arrived.

/// The answer of a parser that was given the first bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<T, E> {
    /// Nothing is wrong, but more bytes are needed.
    Partial,
    /// Read; the rest of the stream begins after `consumed` bytes.
    Complete {
        /// What was read.
        value: T,
        /// Its length in bytes.
        consumed: usize,
    },
    /// No further byte can make it right.
    Invalid(E),
}
