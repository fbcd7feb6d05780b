//! Scripted clients and servers that speak bytes, and a harness that starts a program on a configuration.
//!
//! A behaviour test drives both ends itself: a [`Peer`] is either end of a connection, an [`Origin`] is a
//! listening server whose connections the test accepts one by one (or hands to a closure), a [`LogSink`]
//! collects syslog lines, a [`Program`] starts Weir or the reference on a configuration text with
//! placeholders. Everything has a deadline, nothing normalises a byte, and what was started ends with the
//! value that stands for it. Failed expectations panic at the caller's line and show the bytes.
//! Used by the compat tests and by the chores; never by shipped code.

mod authority;
pub mod h2;
mod http;
mod log;
mod marks;
pub mod mask;
mod origin;
mod peer;
mod ports;
mod program;
mod show;
mod template;

pub use authority::{Authority, Background, Wanted};
pub use http::{Head, Message};
pub use log::LogSink;
pub use marks::{Buffers, KeepAlive, Marks, SocketType};
pub use origin::{Origin, Serving, panic_text};
pub use peer::{PATIENCE, Peer};
pub use ports::{FullBacklog, HeldPort, is_listening};
pub use program::{
    Launch, Outcome, Program, Running, TempDir, oracle_cache, oracle_path, signal_process, weir_path,
};
pub use rustix::process::Signal;
pub use show::show;
pub use template::Template;
