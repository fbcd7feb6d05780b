//! The version-neutral HTTP message and the HTTP/1 codec, without sockets or clocks.

pub mod h1;
mod head;

pub use head::{Head, HeaderId, HeaderLine};
