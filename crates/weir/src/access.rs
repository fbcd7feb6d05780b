//! Files, folders, names and sockets, by this process' own right or through the supervisor.
//!
//! A worker that gave up its privileges asks the supervisor for what it may not have itself; every other process asks
//! the system. Callers do not know which it is.

use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use weir_config::Files;
use weir_config::values::Family;
use weir_engine::keywords::{Outside, System};
use weir_sys::listen::{self, ListenSpec};

use crate::supervision::client::Client;
use crate::supervision::protocol::Failure;

/// Whose rights are used.
#[derive(Debug)]
pub(crate) enum Access {
    /// This process' own.
    Own,
    /// The supervisor's.
    Asked(Client),
}

/// A listening socket, and options of it that could not be set.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The socket.
    pub(crate) fd: OwnedFd,
    /// What could not be set, worded.
    pub(crate) complaints: Vec<String>,
}

// === impl Access ===

impl Access {
    /// The `copy`th socket that listens as `spec` says.
    pub(crate) fn bind(&self, spec: &ListenSpec, copy: u16) -> Result<Bound, Failure> {
        match self {
            Self::Own => bind(spec),
            Self::Asked(client) => client.bind(spec, copy),
        }
    }

    /// The addresses of a host name.
    fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match self {
            Self::Own => resolve(name),
            Self::Asked(client) => Ok(client.resolve(name)?),
        }
    }
}

impl Files for Access {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match self {
            Self::Own => std::fs::read(path),
            Self::Asked(client) => client.read(path),
        }
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<String>>> {
        match self {
            Self::Own => list(path),
            Self::Asked(client) => Ok(client.list(path)?),
        }
    }
}

impl Outside for Access {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Files::read(self, &path.to_string_lossy())
    }

    fn list(&self, path: &Path) -> io::Result<Option<Vec<String>>> {
        Files::list(self, &path.to_string_lossy())
    }

    fn resolve(&self, name: &str, family: Family) -> Option<IpAddr> {
        let fits = |ip: &IpAddr| match family {
            Family::Any => true,
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
        };
        self.addresses(name).ok()?.into_iter().find(fits)
    }

    fn user(&self, name: &str) -> Option<u32> {
        match self {
            Self::Own => System.user(name),
            Self::Asked(client) => client.account(name, false),
        }
    }

    fn inherited(&self, number: i32) -> io::Result<bool> {
        listen::is_for_connections(number)
    }

    fn group(&self, name: &str) -> Option<u32> {
        match self {
            Self::Own => System.group(name),
            Self::Asked(client) => client.account(name, true),
        }
    }
}

/// The number of a user or group, from this process' files.
pub(crate) fn account(name: &str, group: bool) -> Option<u32> {
    if group { System.group(name) } else { System.user(name) }
}

/// Opens a listening socket by this process' right.
pub(crate) fn bind(spec: &ListenSpec) -> Result<Bound, Failure> {
    let listening = listen::listen(spec).map_err(|error| Failure::of_socket(&error))?;
    let complaints = listening.complaints.iter().map(ToString::to_string).collect();
    Ok(Bound { fd: listening.fd, complaints })
}

/// Asks the system's resolver.
pub(crate) fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// The regular files in a folder; `None` where `path` is none.
pub(crate) fn list(path: &str) -> io::Result<Option<Vec<String>>> {
    System.list(Path::new(path))
}
