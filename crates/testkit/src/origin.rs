//! Servers under the test's control.

use crate::peer::{PATIENCE, Peer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A listening server whose connections the test accepts and scripts itself.
#[derive(Debug)]
pub struct Origin {
    listener: TcpListener,
    address: SocketAddr,
}

/// A server whose connections a closure answers, each on a thread of its own, until this value is dropped.
///
/// A panic in the closure fails the test: when the value is dropped, or earlier by [`Serving::finish`].
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The listening socket, shut down to wake the acceptor.
    listener: Option<TcpListener>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    accepted: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

// === impl Origin ===

impl Origin {
    /// Listens on a free port of 127.0.0.1.
    pub fn new() -> Origin {
        Origin::on("127.0.0.1:0".parse().expect("an address"))
    }

    /// Listens on an address; port 0 is a free one.
    #[track_caller]
    pub fn on(address: SocketAddr) -> Origin {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("socket");
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        socket.set_reuse_port(true).expect("SO_REUSEPORT");
        if let Err(error) = socket.bind(&address.into()) {
            panic!("binding {address}: {error}");
        }
        socket.listen(256).expect("listen");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("a local address");
        Origin { listener, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts the next connection.
    #[track_caller]
    pub fn accept(&self) -> Peer {
        match self.accept_within(PATIENCE) {
            Some(peer) => peer,
            None => panic!("nobody connected to {} within {PATIENCE:?}", self.address),
        }
    }

    /// Accepts a connection that arrives within the time.
    pub fn accept_within(&self, time: Duration) -> Option<Peer> {
        self.listener.set_nonblocking(true).expect("O_NONBLOCK");
        let deadline = Instant::now() + time;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => return Some(Peer::new(stream)),
                // Shut down: nobody comes any more.
                Err(error) if error.kind() == ErrorKind::InvalidInput => return None,
                Err(_) => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let mut wanted = [PollFd::new(&self.listener, PollFlags::IN)];
            let _ = poll(&mut wanted, Timespec::try_from(left).ok().as_ref());
        }
    }

    /// Expects that nobody connects for so long.
    #[track_caller]
    pub fn expect_nobody(&self, time: Duration) {
        assert!(self.accept_within(time).is_none(), "somebody connected to {}", self.address);
    }

    /// Hands every connection to `script` with its number (from 0), each on a thread of its own.
    pub fn serve(self, script: impl Fn(&mut Peer, usize) + Send + Sync + 'static) -> Serving {
        let shared = Arc::new(Shared::default());
        let address = self.address;
        let listener = Some(self.listener.try_clone().expect("dup"));
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept_until_stopped(&self, &shared, &Arc::new(script))
        });
        Serving { address, shared, listener, acceptor: Some(acceptor) }
    }

    /// Answers every request of every connection with the same bytes, and keeps connections open.
    pub fn answer_all(self, answer: impl Into<Vec<u8>>) -> Serving {
        let answer = answer.into();
        self.serve(move |peer, _| {
            while peer.wait_for_bytes() {
                peer.recv_message();
                if peer.try_send(&answer).is_err() {
                    return;
                }
            }
        })
    }
}

impl Default for Origin {
    fn default() -> Origin {
        Origin::new()
    }
}

// === impl Serving ===

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has accepted so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Acquire)
    }

    /// Stops listening and fails if a script failed.
    #[track_caller]
    pub fn finish(mut self) {
        self.stop();
        let failures = std::mem::take(&mut *self.shared.failures.lock().expect("lock"));
        assert!(failures.is_empty(), "the server's script failed: {}", failures.join("; "));
    }

    /// Stops listening: the port refuses from now on. Open connections live on.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(listener) = self.listener.take() {
            let _ = SockRef::from(&listener).shutdown(Shutdown::Both);
        }
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop();
        let failures = self.shared.failures.lock().map(|f| f.join("; ")).unwrap_or_default();
        if !failures.is_empty() && !std::thread::panicking() {
            panic!("the server's script failed: {failures}");
        }
    }
}

fn accept_until_stopped<F>(origin: &Origin, shared: &Arc<Shared>, script: &Arc<F>)
where
    F: Fn(&mut Peer, usize) + Send + Sync + 'static,
{
    while !shared.stop.load(Ordering::Acquire) {
        let Some(mut peer) = origin.accept_within(Duration::from_secs(60)) else { continue };
        let number = shared.accepted.fetch_add(1, Ordering::AcqRel);
        let (shared, script) = (Arc::clone(shared), Arc::clone(script));
        std::thread::spawn(move || {
            let run = std::panic::AssertUnwindSafe(|| script(&mut peer, number));
            if let Err(panic) = std::panic::catch_unwind(run) {
                let text = panic_text(panic.as_ref());
                shared.failures.lock().expect("lock").push(format!("connection {number}: {text}"));
            }
        });
    }
}

/// The text of a caught panic.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without text").to_owned()
}
