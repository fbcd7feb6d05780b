//! The HTTP/2 codec (RFC 9113), without sockets or clocks.
//!
//! A [`Connection`] is one end of a connection: bytes go in and events come out, messages go in and bytes come
//! out. It judges everything the other end says, keeps both windows and the streams' states, and never holds
//! more than its limits allow. Timeouts, fairness between streams and what a message means are left to others.

mod assemble;
mod connection;
mod error;
pub mod frame;
pub mod hpack;
mod settings;
mod write;

pub use assemble::Kind;
pub use connection::{Config, Connection, Event, Role, Step, Tally};
pub use error::ErrorCode;
pub use frame::PREFACE;
pub use settings::Settings;
