//! Network namespaces (`namespace NAME` on bind and server lines, `/run/netns`).
//!
//! A namespace is opened while the program still has its privileges and its file system; sockets are then created
//! in it by moving the calling thread there and back.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// An open network namespace, and the one that the program was started in.
#[derive(Debug)]
pub struct Namespace {
    there: File,
    home: File,
}

// === impl Namespace ===

impl Namespace {
    /// Opens the namespace that `ip netns add NAME` made.
    pub fn open(name: &str) -> io::Result<Namespace> {
        let there = File::open(Path::new("/run/netns").join(name))?;
        let home = File::open("/proc/self/ns/net")?;
        Ok(Namespace { there, home })
    }

    /// Runs `work` with the calling thread inside the namespace. What it creates there stays there.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        move_into_link_name_space(self.there.as_fd(), Some(LinkNameSpaceType::Network))?;
        let answer = work();
        if move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network)).is_err() {
            // A thread that stays in a foreign network would send its later connections the wrong way. The way
            // back asks for no more than the way there, so this does not happen short of a kernel out of memory.
            std::process::abort();
        }
        Ok(answer)
    }
}
