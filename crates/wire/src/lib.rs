//! Other byte formats, each its own file: PROXY protocol, TLS ClientHello, syslog.
//!
//! Everything here is sans-IO: bytes come in, values or bytes go out. Parsers are incremental: they are given all bytes
//! that have arrived and say whether those suffice, and they never panic on any of them.

pub mod checks;
pub mod client_hello;
pub mod first_bytes;
pub mod netscaler_cip;
mod parsed;
pub mod proxy;
pub mod proxy_v1;
pub mod proxy_v2;
pub mod socks4;
pub mod syslog;
pub mod syslog_relay;
pub mod websocket;

pub use parsed::Parsed;
