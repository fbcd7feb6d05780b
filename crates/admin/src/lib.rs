//! The runtime API, statistics, metrics and pages.
//!
//! [`cli`] is the command layer without I/O, [`stat`] and [`info`] are what it tells of the engine, [`listen`]
//! is the thread that serves its sockets. The engine knows nothing of this room; the program gives it the
//! sockets and the [`World`] it speaks about.

pub mod cli;
mod commands;
pub mod dashboard;
pub mod field;
pub mod hand_over;
mod info;
mod latency;
pub mod listen;
pub mod page;
pub mod prometheus;
pub mod stat;
pub mod totals;
mod world;

pub use commands::{Entry, counted, entries, preload, registry};
pub use world::{About, Counted, Handed, Program, World};
