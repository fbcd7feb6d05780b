//! Where a socket is bound, connected or accepted from: an IP address with port, or a unix name.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

use crate::error::{SocketError, Step};

/// An address of any family that the program listens on or connects to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// IPv4 or IPv6 with its port in host order.
    Inet(SocketAddr),
    /// A unix socket in the file system (`unix@`, or a path).
    Unix(PathBuf),
    /// A unix socket in Linux' abstract name space.
    Abstract {
        /// The name without the leading zero byte.
        name: Vec<u8>,
        /// Whether the name is filled up with zero bytes to the full length (`abns@`) or ends where it ends (`abnsz@`).
        padded: bool,
    },
    /// A unix socket without a name: the client side of most unix connections.
    Unnamed,
}

// === impl Address ===

impl Address {
    /// The IP address, where there is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.inet().map(|inet| inet.ip())
    }

    /// The IP address with its port, where there is one.
    pub fn inet(&self) -> Option<SocketAddr> {
        match self {
            Address::Inet(inet) => Some(*inet),
            _ => None,
        }
    }

    /// The socket family this address belongs to.
    pub(crate) fn family(&self) -> AddressFamily {
        match self {
            Address::Inet(SocketAddr::V4(_)) => AddressFamily::INET,
            Address::Inet(SocketAddr::V6(_)) => AddressFamily::INET6,
            _ => AddressFamily::UNIX,
        }
    }

    /// The form that the kernel takes. Fails on names longer than it takes, and on [`Address::Unnamed`].
    pub(crate) fn encode(&self) -> Result<SocketAddrAny, SocketError> {
        let unix = match self {
            Address::Inet(inet) => return Ok((*inet).into()),
            Address::Unix(path) => SocketAddrUnix::new(path.as_os_str().as_bytes()),
            Address::Abstract { name, padded: false } => SocketAddrUnix::new_abstract_name(name),
            Address::Abstract { name, padded: true } => {
                let mut full = [0; ABSTRACT_NAME_SIZE];
                match full.get_mut(..name.len()) {
                    Some(start) => start.copy_from_slice(name),
                    None => return Err(Step::Address.failed()(rustix::io::Errno::NAMETOOLONG)),
                }
                SocketAddrUnix::new_abstract_name(&full)
            }
            Address::Unnamed => return Err(Step::Address.failed()(rustix::io::Errno::INVAL)),
        };
        unix.map(Into::into).map_err(Step::Address.failed())
    }

    /// Reads the kernel's form; a family that the program does not use counts as unnamed.
    pub(crate) fn decode(raw: &SocketAddrAny) -> Address {
        if let Ok(inet) = SocketAddr::try_from(raw.clone()) {
            return Address::Inet(inet);
        }
        let Ok(unix) = SocketAddrUnix::try_from(raw.clone()) else { return Address::Unnamed };
        if let Some(name) = unix.abstract_name() {
            return Address::abstract_of(name);
        }
        match unix.path() {
            Some(path) if !path.is_empty() => {
                Address::Unix(PathBuf::from(std::ffi::OsStr::from_bytes(path.to_bytes())))
            }
            _ => Address::Unnamed,
        }
    }

    /// A name of full length that ends in zero bytes was padded.
    fn abstract_of(name: &[u8]) -> Address {
        let padded = name.len() == ABSTRACT_NAME_SIZE;
        let filling = name.iter().rev().take_while(|byte| padded && **byte == 0).count();
        let name = name.get(..name.len().saturating_sub(filling)).unwrap_or(name);
        Address::Abstract { name: name.to_vec(), padded }
    }
}

impl From<SocketAddr> for Address {
    fn from(inet: SocketAddr) -> Address {
        Address::Inet(inet)
    }
}

/// Inet addresses as `host:port` (IPv6 in brackets), paths as they are, abstract names behind their prefix.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(inet) => inet.fmt(f),
            Address::Unix(path) => path.display().fmt(f),
            Address::Abstract { name, padded } => {
                let prefix = if *padded { "abns" } else { "abnsz" };
                write!(f, "{prefix}@{}", String::from_utf8_lossy(name))
            }
            Address::Unnamed => f.write_str("unix"),
        }
    }
}

/// Bytes of an abstract name that fills `sun_path` beside its leading zero.
const ABSTRACT_NAME_SIZE: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_kernels_form() {
        let cases = [
            Address::Inet("127.0.0.1:80".parse().unwrap()),
            Address::Inet("[2001:db8::1]:443".parse().unwrap()),
            Address::Unix("/run/weir.sock".into()),
            Address::Abstract { name: b"name".to_vec(), padded: true },
            Address::Abstract { name: b"name".to_vec(), padded: false },
        ];
        for case in cases {
            assert_eq!(Address::decode(&case.encode().unwrap()), case);
        }
    }

    #[test]
    fn names_longer_than_the_kernel_takes_are_refused() {
        let path = Address::Unix("/x".repeat(60).into());
        let name = Address::Abstract { name: vec![b'x'; 108], padded: true };
        for case in [path, name, Address::Unnamed] {
            assert_eq!(case.encode().unwrap_err().step, Step::Address);
        }
    }
}
