//! Ports that stay the test's own until the program under test takes them.

use socket2::{Domain, Socket, Type};
use std::collections::HashSet;
use std::net::SocketAddr;

/// A port that the kernel gives to nobody else while this value lives.
///
/// The socket is bound and does not listen: connecting to it is refused, and a program of the same user that
/// binds with `SO_REUSEPORT` can listen on it. That leaves no gap between choosing a port and using it.
#[derive(Debug)]
pub struct HeldPort {
    socket: Socket,
    address: SocketAddr,
}

/// A listening socket whose queue is full: connecting to it neither succeeds nor fails.
#[derive(Debug)]
pub struct FullBacklog {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<Socket>,
}

// === impl HeldPort ===

impl HeldPort {
    /// Takes a free port of 127.0.0.1.
    pub fn new() -> HeldPort {
        HeldPort::on("127.0.0.1:0".parse().expect("an address"))
    }

    /// Takes an address; port 0 is a free one.
    #[track_caller]
    pub fn on(address: SocketAddr) -> HeldPort {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("socket");
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        socket.set_reuse_port(true).expect("SO_REUSEPORT");
        if let Err(error) = socket.bind(&address.into()) {
            panic!("binding {address}: {error}");
        }
        let address = socket.local_addr().ok().and_then(|a| a.as_socket()).expect("an address");
        HeldPort { socket, address }
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives the port up, for a program that binds without `SO_REUSEPORT`.
    pub fn release(self) -> SocketAddr {
        drop(self.socket);
        self.address
    }
}

impl Default for HeldPort {
    fn default() -> HeldPort {
        HeldPort::new()
    }
}

// === impl FullBacklog ===

impl FullBacklog {
    /// Listens on a free port of 127.0.0.1 and fills its queue.
    pub fn new() -> FullBacklog {
        let port = HeldPort::new();
        let (listener, address) = (port.socket, port.address);
        listener.listen(0).expect("listen");
        let fill = |_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
            socket.set_nonblocking(true).expect("O_NONBLOCK");
            // It is on its way, or waits for ever: either fills the queue.
            let _ = socket.connect(&address.into());
            socket
        };
        let waiting = (0..3).map(fill).collect();
        std::thread::sleep(std::time::Duration::from_millis(20));
        FullBacklog { address, _listener: listener, _waiting: waiting }
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Default for FullBacklog {
    fn default() -> FullBacklog {
        FullBacklog::new()
    }
}

/// True where some process listens on this TCP port, found without connecting to it.
pub fn is_listening(port: u16) -> bool {
    are_listening(&[port])
}

/// The same of several ports, all of which somebody has to listen on.
pub(crate) fn are_listening(ports: &[u16]) -> bool {
    const LISTEN: &str = "0A";
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|t| std::fs::read_to_string(t).unwrap_or_default());
    let listening = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (_, port) = words.next()?.rsplit_once(':')?;
        (words.nth(1) == Some(LISTEN)).then(|| u16::from_str_radix(port, 16).ok())?
    };
    let found: HashSet<u16> = tables.iter().flat_map(|table| table.lines()).filter_map(listening).collect();
    ports.iter().all(|port| found.contains(port))
}

#[cfg(test)]
mod tests {
    use super::{HeldPort, is_listening};
    use crate::Origin;
    use std::net::TcpStream;

    #[test]
    fn a_held_port_refuses_until_somebody_listens_on_it() {
        let port = HeldPort::new();
        assert!(!is_listening(port.address().port()));
        assert!(TcpStream::connect(port.address()).is_err());
        let origin = Origin::on(port.address());
        assert!(is_listening(port.address().port()));
        assert!(TcpStream::connect(port.address()).is_ok());
        drop(origin);
    }
}
