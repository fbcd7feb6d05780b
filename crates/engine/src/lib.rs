//! Listeners, connections, muxes, the transaction, rules, servers, checks and logging.

pub mod conf;
