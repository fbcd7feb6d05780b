//! Listening sockets taken over from a process that is to leave (`-x`, management manual, chapter 3).
//!
//! They are fetched once, before anything is bound. Each address that is listened on takes those that are bound to it;
//! what nobody takes is closed.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use weir_sys::Address;
use weir_sys::listen::{self, ListenSpec};

/// Sockets that nobody took yet.
#[derive(Debug, Default)]
pub(crate) struct Inheritance(Mutex<Vec<(Address, OwnedFd)>>);

// === impl Inheritance ===

impl Inheritance {
    /// Those of the process that listens on the admin socket at `path`.
    pub(crate) fn fetch(path: &Path) -> io::Result<Self> {
        let mut sockets = Vec::new();
        for fd in weir_admin::hand_over::fetch(path)? {
            let address = listen::local_address(&fd)?;
            let socket = TcpListener::from(fd);
            socket.set_nonblocking(true)?;
            sockets.push((address, socket.into()));
        }
        Ok(Self(Mutex::new(sockets)))
    }

    /// A socket that listens where `spec` says: of several the one that came last, which is the first of its address.
    pub(crate) fn take(&self, spec: &ListenSpec) -> Option<OwnedFd> {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = sockets.iter().rposition(|(address, _)| is_same(address, &spec.address))?;
        Some(sockets.remove(at).1)
    }

    /// Closes what nobody took.
    pub(crate) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A socket in the file system is known by the temporary name that it was bound to: the path, a process' number, `.tmp`.
fn is_same(bound: &Address, wanted: &Address) -> bool {
    let (Address::Unix(bound), Address::Unix(wanted)) = (bound, wanted) else { return bound == wanted };
    let (bound, wanted) = (bound.to_string_lossy(), wanted.to_string_lossy());
    let temporary = |rest: &str| {
        rest.strip_prefix('.')
            .and_then(|rest| rest.strip_suffix(".tmp"))
            .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()))
    };
    bound.strip_prefix(&*wanted).is_some_and(|rest| rest.is_empty() || temporary(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_is_known_by_its_path_or_its_temporary_name() {
        let unix = |path: &str| Address::Unix(path.into());
        for (bound, wanted, same) in [
            ("/run/a.sock", "/run/a.sock", true),
            ("/run/a.sock.123.tmp", "/run/a.sock", true),
            ("/run/a.sock.x.tmp", "/run/a.sock", false),
            ("/run/a.sock2", "/run/a.sock", false),
            ("/run/b.sock", "/run/a.sock", false),
        ] {
            assert_eq!(is_same(&unix(bound), &unix(wanted)), same, "{bound} {wanted}");
        }
    }
}
