//! The version-neutral HTTP message and the HTTP/1 codec, without sockets or clocks.
//!
//! A [`Head`] is what rules, balancing and logging see of a message, whatever protocol it came over. [`h1`]
//! makes one from bytes, judging them as the reference does, and bytes from it. [`answers`] are the messages
//! the program says by itself.

pub mod answers;
pub mod block;
pub mod cookie;
pub mod h1;
pub mod h2;
mod head;
mod header_id;
pub mod normalize;
pub mod status;
pub mod uri;

pub use head::{Facts, Head, HeaderLine};
pub use header_id::HeaderId;
