//! Everything unsafe: socket options, splice, descriptor passing, privileges, capabilities.
//!
//! Thin synchronous functions over the system calls that the standard library lacks. They decide nothing and log
//! nothing: an error comes back as an [`std::io::Error`] or a [`SocketError`] that names the step, and the caller
//! words it. Descriptors go in borrowed and come out owned, non-blocking and close-on-exec.

pub mod accepted;
pub mod address;
pub mod capabilities;
pub mod connect;
pub mod counting;
pub mod crash;
pub mod daemon;
pub mod datagram;
pub mod descriptors;
mod error;
pub mod limits;
pub mod listen;
pub mod namespace;
mod option;
pub mod passwords;
pub mod privileges;
pub mod process;
pub mod splice;
pub mod steer;
pub mod time;

pub use address::Address;
pub use error::{SocketError, Step};
