//! The world as this process sees it: its own files, the system's resolver and accounts.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::Path;

use nix::unistd::{Group, User};
use weir_config::values::Family;

use super::Outside;

/// Answers from the system that the process runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Outside for System {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, path: &Path) -> std::io::Result<Option<Vec<String>>> {
        if !std::fs::metadata(path)?.is_dir() {
            return Ok(None);
        }
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if std::fs::metadata(entry.path()).is_ok_and(|data| data.is_file()) {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(Some(names))
    }

    fn resolve(&self, name: &str, family: Family) -> Option<IpAddr> {
        let fits = |ip: &IpAddr| match family {
            Family::Any => true,
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
        };
        (name, 0).to_socket_addrs().ok()?.map(|a| a.ip()).find(fits)
    }

    fn user(&self, name: &str) -> Option<u32> {
        User::from_name(name).ok().flatten().map(|u| u.uid.as_raw())
    }

    fn group(&self, name: &str) -> Option<u32> {
        Group::from_name(name).ok().flatten().map(|g| g.gid.as_raw())
    }
}
