//! Stick tables: counters, rates and expiry, without sockets or clocks (manual chapter 11).
//!
//! A [`Table`] maps keys to rows of counters, tags and rates. It is shared by all workers: rows
//! live in shards, each behind a short lock that no caller holds across an await. `now` comes in
//! as milliseconds. Extracting keys, printing tables and talking to peers are left to others;
//! the ordered log of updates that peers need is kept here.

mod data;
mod entry;
mod filter;
mod index;
mod key;
mod rate;
mod shard;
mod table;

pub use data::{Column, Data, Schema, SchemaError, Shape};
pub use entry::Row;
pub use filter::{Compare, Filter};
pub use key::KeyType;
pub use rate::Rate;
pub use table::{Removal, Spec, Table, TableFull, Tracked, Update};
