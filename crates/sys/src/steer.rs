//! Which of the sockets that listen on one address together (`SO_REUSEPORT`) new connections come to.
//!
//! The kernel spreads them. A process that closes some of these sockets while another process keeps the first has them
//! all sent to that one before, so that none waits in a queue that is going away.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};

/// Sends all to the socket of the group that listened first. `socket` is any of the group.
pub fn to_first(socket: impl AsFd) -> io::Result<()> {
    // A program of one instruction, which returns the number of a socket: nought.
    let mut first =
        libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as libc::__u16, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &raw mut first };
    // SAFETY: the descriptor is borrowed for the call, pointer and length describe the local `program`, and the
    // instruction that it points to outlives the call, which copies it.
    let answer = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            mem::size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has the kernel spread them again.
pub fn to_all(socket: impl AsFd) -> io::Result<()> {
    crate::option::set(socket, libc::SOL_SOCKET, libc::SO_DETACH_REUSEPORT_BPF, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::{ListenSpec, listen, local_address};
    use std::net::{TcpListener, TcpStream};

    /// How many of `count` connections each of the sockets gets.
    fn spread(sockets: &[TcpListener], count: usize) -> Vec<usize> {
        let address = sockets[0].local_addr().unwrap();
        let clients: Vec<_> = (0..count).map(|_| TcpStream::connect(address).unwrap()).collect();
        let taken =
            sockets.iter().map(|socket| std::iter::from_fn(|| socket.accept().ok()).count()).collect();
        drop(clients);
        taken
    }

    #[test]
    fn connections_come_to_the_first_socket_until_they_are_spread_again() {
        let spec = |address| ListenSpec { reuse_port: true, ..ListenSpec::new(address) };
        let first = listen(&spec("127.0.0.1:0".parse().map(crate::Address::Inet).unwrap())).unwrap().fd;
        let address = local_address(&first).unwrap();
        let more = (0..3).map(|_| listen(&spec(address.clone())).unwrap().fd);
        let mut sockets: Vec<TcpListener> =
            std::iter::once(first).chain(more).map(TcpListener::from).collect();
        sockets.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
        to_first(&sockets[2]).unwrap();
        assert_eq!(spread(&sockets, 40), [40, 0, 0, 0]);
        // It stays the first when others go.
        sockets.remove(1);
        assert_eq!(spread(&sockets, 40), [40, 0, 0]);
        to_all(&sockets[0]).unwrap();
        assert!(spread(&sockets, 100).iter().all(|count| *count > 0));
    }
}
