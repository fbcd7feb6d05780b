//! HPACK: header lists in HTTP/2 (RFC 7541).
//!
//! The [`Decoder`] follows the peer's dynamic table within the limit we announced; the [`Encoder`] keeps no
//! table: it refers to the static one and writes the rest literally, which costs a few bytes and saves the
//! copies. Both are sans-IO and never grow past their limits.

mod decode;
mod encode;
mod huffman;
mod integer;
mod static_table;
mod table;

pub use decode::{Decoder, HpackError};
pub use encode::Encoder;
