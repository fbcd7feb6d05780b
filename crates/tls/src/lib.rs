//! TLS: certificates and who gets which, versions and suites, and the layer between a socket's bytes and a
//! protocol's.
//!
//! Built on `rustls`; the engine brings bytes and files. Nothing here opens a file, a socket or a clock of its own
//! but the one that `rustls` asks for the validity of tickets.

pub mod acceptor;
pub mod carried;
pub mod certificate;
pub mod counts;
pub mod der;
mod drive;
pub mod errors;
pub mod forge;
pub mod hello;
pub mod lists;
pub mod names;
pub mod ocsp;
pub mod openssl;
pub mod pair;
pub mod pem;
pub mod policy;
pub mod print;
pub mod records;
mod schedule;
pub mod seen;
pub mod session;
pub mod store;
pub mod text;
pub mod tickets;
pub mod time;
pub mod trusts;
pub mod verify;
pub mod version;
