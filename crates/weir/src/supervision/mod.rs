//! The two processes of a supervised start, and what they say to each other.
//!
//! Where privileges are to be dropped, or with `-W`, the first process keeps its privileges and never touches network
//! data: it starts a worker process, opens files and sockets and resolves names for it (only what the configuration
//! names), keeps its listening sockets, and starts another where it dies. The worker serves.

pub(crate) mod client;
pub mod codec;
mod grants;
mod master_cli;
mod master_commands;
pub mod master_line;
mod notify;
pub mod protocol;
mod supervisor;

pub(crate) use grants::Grants;
pub(crate) use master_cli::MasterCli;
pub(crate) use master_commands::listing as commands;
pub(crate) use supervisor::{Control, Manner, Role, Supervisor};
