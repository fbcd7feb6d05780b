//! Listeners, connections, muxes, the transaction, rules, servers, checks and logging.
//!
//! The way of a request by file: `listener` → `connection` → `transaction` and its `stage`s → `mux` → log.
//! Nothing here parses a configuration's text or prints a page.

mod action;
mod admission;
mod affinity;
mod answers;
mod balance;
mod buffer;
mod check;
pub mod clock;
pub mod conf;
mod connection;
mod coroutine;
mod ending;
mod engine;
mod facts;
mod farm;
mod filter;
mod hello;
mod io;
pub mod keywords;
mod listener;
mod local;
pub mod log;
mod mux;
mod names;
pub mod numbered;
pub mod observe;
mod ocsp;
pub mod operator;
mod outbound;
mod passwords;
mod persistence;
mod pool;
pub mod processors;
mod refusal;
pub mod runtime;
mod scope;
mod seen_request;
pub mod service;
mod sessions;
mod shelf;
pub mod snapshot;
mod stage;
pub mod tables;
mod timer;
mod tokens;
pub mod trace;
mod transaction;
mod tunnel;
pub mod variables;
mod watch;
mod worker;

pub use balance::Key;
pub use engine::{Activity, Binding, Engine, StartError};
pub use farm::{Farm, Limits};
pub use sessions::Running;
