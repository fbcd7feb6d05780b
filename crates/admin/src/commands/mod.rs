//! The commands of a worker's socket, by what they speak about.

mod absent;
mod agents;
mod anonymous;
pub(crate) mod backends;
mod counters;
mod debug;
mod errors;
mod events;
mod frontends;
mod inside;
mod limits;
mod lists;
mod process;
pub(crate) mod profiling;
mod records;
pub(crate) mod servers;
mod sessions;
mod ssl;
mod stats_file;
mod tables;
mod traces;
mod variables;

use weir_expr::date::Civil;

pub(crate) use inside::pool_bytes;
pub(crate) use process::SCHEMA;
pub use stats_file::{counted, preload};
pub use tables::{Entry, entries};

use crate::cli::{self, Registry};
use crate::world::World;
use crate::{info, stat};

/// All commands of a worker's socket.
pub fn registry() -> Registry<World> {
    let (among, last) = cli::standard();
    Registry::new(
        vec![
            among,
            absent::table(),
            agents::table(),
            info::table(),
            stat::table(),
            anonymous::table(),
            backends::table(),
            counters::table(),
            debug::table(),
            errors::table(),
            events::table(),
            frontends::table(),
            inside::table(),
            limits::table(),
            lists::table(),
            process::table(),
            profiling::table(),
            records::table(),
            servers::table(),
            sessions::table(),
            ssl::table(),
            stats_file::table(),
            tables::table(),
            traces::table(),
            variables::table(),
        ],
        last,
    )
}

/// `21/Nov/2026:03:19:48.328`, with 3 or 6 digits of a second, of a time in microseconds since 1970.
fn local_time(micros: u64, digits: usize) -> String {
    let second = i64::try_from(micros / 1_000_000).unwrap_or_default();
    let date = Civil::new(second, weir_sys::time::local_offset(second)).log();
    let fraction = format!("{:06}", micros % 1_000_000);
    format!("{}.{}", String::from_utf8_lossy(&date), fraction.get(..digits).unwrap_or(&fraction))
}
