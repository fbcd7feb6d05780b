//! The commands of a worker's socket, by what they speak about.

mod backends;
mod counters;
mod events;
mod frontends;
mod lists;
mod process;
pub(crate) mod servers;
mod tables;
mod variables;

use crate::cli::{self, Registry};
use crate::world::World;
use crate::{info, stat};

/// All commands of a worker's socket.
pub fn registry() -> Registry<World> {
    let (among, last) = cli::standard();
    Registry::new(
        vec![
            among,
            info::table(),
            stat::table(),
            backends::table(),
            counters::table(),
            events::table(),
            frontends::table(),
            lists::table(),
            process::table(),
            servers::table(),
            tables::table(),
            variables::table(),
        ],
        last,
    )
}
