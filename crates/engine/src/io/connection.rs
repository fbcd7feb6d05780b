//! A connection's descriptor under the worker's reactor.
//!
//! One type for TCP and unix sockets, with TLS over them or without. Reads and writes are tried only where readiness is known, and a read
//! that fills less than its buffer clears it, so that a message costs one system call, not a second one that
//! says "would block".

use std::cell::{Cell, Ref, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Waker, ready};

use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::io::unix::AsyncFd;
use weir_tls::acceptor::Acceptor;
use weir_tls::policy::ClientPolicy;
use weir_tls::session::{Failure, Session};

use super::{census, tls};

/// A connection: a stream socket, and the session of TLS over it, where there is one.
pub(crate) struct Connection {
    socket: Socket,
    tls: Option<Box<RefCell<tls::Layer>>>,
    counted: Option<census::Counted>,
    heard: Cell<Heard>,
}

/// How the other side ended a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It did not, or nobody has looked since.
    #[default]
    Nothing,
    /// It closed its side.
    End,
    /// It reset the connection.
    Reset,
}

/// A connection on its way to another worker.
pub(crate) struct Detached {
    fd: OwnedFd,
    tls: Option<Box<RefCell<tls::Layer>>>,
}

/// A connected stream socket.
pub(super) struct Socket {
    pub(super) fd: AsyncFd<OwnedFd>,
    _counted: Counted,
}

/// One of the sockets that are open.
struct Counted;

/// How many sockets the process has open, to either side.
pub(crate) fn open_sockets() -> u32 {
    OPEN.load(Relaxed)
}

// === impl Connection ===

impl Connection {
    /// Registers a non-blocking descriptor with the reactor of this worker.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { socket: Socket::new(fd)?, tls: None, counted: None, heard: Cell::default() })
    }

    /// Takes the connection out of the reactor.
    pub(crate) fn detach(self) -> Detached {
        if let Some(counted) = self.counted {
            counted.leave();
        }
        Detached { fd: self.socket.fd.into_inner(), tls: self.tls }
    }

    /// Registers a connection that comes from another worker.
    pub(crate) fn attach(detached: Detached) -> io::Result<Self> {
        Ok(Self {
            socket: Socket::new(detached.fd)?,
            tls: detached.tls,
            counted: None,
            heard: Cell::default(),
        })
    }

    /// Counts it among those of HTTP/1, or among them no longer.
    pub(crate) fn count(&mut self, counted: Option<census::Counted>) {
        self.counted = counted;
    }

    /// Begins a session as the server; `first` is what was read of the connection already.
    pub(crate) fn accept_tls(&mut self, acceptor: Arc<Acceptor>, first: &[u8]) {
        self.tls = Some(Box::new(RefCell::new(tls::Layer::new(Session::accept(acceptor, first)))));
    }

    /// Begins a session as the client; the server gets to see `name`, where there is one.
    pub(crate) fn connect_tls(
        &mut self,
        policy: &ClientPolicy,
        name: Option<&[u8]>,
        alpn: Option<&[Vec<u8>]>,
    ) -> Result<(), Failure> {
        let session = policy.connect(name, alpn)?;
        self.tls = Some(Box::new(RefCell::new(tls::Layer::new(session))));
        Ok(())
    }

    /// Ready when the session that was begun is established, or cannot be.
    pub(crate) fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match &self.tls {
            Some(tls) => tls.borrow_mut().poll_handshake(cx, &self.socket),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Ready when both sides of a session of TLS may speak: what came early was the client's.
    pub(crate) fn poll_established(&self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match &self.tls {
            Some(tls) => tls.borrow_mut().poll_established(cx, &self.socket),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Whether there is a session of TLS: no byte may pass around it.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The session of TLS.
    #[allow(dead_code, reason = "for samples of sessions")]
    pub(crate) fn session(&self) -> Option<Ref<'_, Session>> {
        self.tls.as_ref().map(|tls| Ref::map(tls.borrow(), |layer| &layer.session))
    }

    /// The protocol that both sides agreed on (ALPN).
    #[allow(dead_code, reason = "for the choice of the protocol")]
    pub(crate) fn alpn(&self) -> Option<Vec<u8>> {
        self.session()?.alpn().map(<[u8]>::to_vec)
    }

    /// Reads into `buf`, which must not be empty; 0 is the end of the stream.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = match &self.tls {
            None => self.socket.poll_read(cx, buf),
            Some(tls) => tls.borrow_mut().poll_read(cx, &self.socket, buf),
        };
        self.note_read(&read);
        if let (Poll::Ready(Ok(n)), Some(counted)) = (&read, &self.counted) {
            counted.add(|c| &c.h1_bytes_in, *n);
        }
        read
    }

    /// Writes what the socket takes of `buf`; `more` says that further bytes, or the end, follow at once. Who is told to
    /// wait comes again with the same bytes, to which others may have been added.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8], more: bool) -> Poll<io::Result<usize>> {
        let written = match &self.tls {
            None => self.socket.poll_write(cx, buf, more),
            Some(tls) => tls.borrow_mut().poll_write(cx, &self.socket, buf, more),
        };
        self.note_failure(&written);
        if let (Poll::Ready(Ok(n)), Some(counted)) = (&written, &self.counted) {
            counted.add(|c| &c.h1_bytes_out, *n);
        }
        written
    }

    /// How the other side ended it.
    pub(crate) fn heard(&self) -> Heard {
        self.heard.get()
    }

    fn note_read(&self, read: &Poll<io::Result<usize>>) {
        match read {
            Poll::Ready(Ok(0)) if self.heard.get() == Heard::Nothing => self.heard.set(Heard::End),
            _ => self.note_failure(read),
        }
    }

    fn note_failure(&self, moved: &Poll<io::Result<usize>>) {
        if matches!(moved, Poll::Ready(Err(_))) {
            self.heard.set(Heard::Reset);
        }
    }

    /// So many octets came by `splice`.
    pub(crate) fn spliced_in(&self, octets: usize) {
        if let Some(counted) = &self.counted {
            counted.add(|c| &c.h1_bytes_in, octets);
            counted.add(|c| &c.h1_spliced_bytes_in, octets);
        }
    }

    /// So many octets left by `splice`.
    pub(crate) fn spliced_out(&self, octets: usize) {
        if let Some(counted) = &self.counted {
            counted.add(|c| &c.h1_bytes_out, octets);
            counted.add(|c| &c.h1_spliced_bytes_out, octets);
        }
    }

    /// Ready when there is something to read, the end of the stream included.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.tls.as_ref().is_some_and(|tls| tls.borrow().is_readable()) {
            return Poll::Ready(());
        }
        self.socket.fd.poll_read_ready(cx).map(|_| ())
    }

    /// Ready when the connection attempt is over, with its outcome.
    pub(crate) fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ready = ready!(self.socket.fd.poll_write_ready(cx))?;
        // A socket that failed is closed as well: of all others the kernel need not be asked.
        let closed = ready.ready().is_write_closed();
        Poll::Ready(if closed { weir_sys::connect::outcome(&self.socket.fd) } else { Ok(()) })
    }

    /// Whether something arrived that nobody read: on an idle connection, a reason not to use it.
    pub(crate) fn has_news(&self) -> bool {
        self.poll_readable(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Runs a read-like system call on the descriptor (`splice`) under the same rules as [`Self::poll_read`]; never
    /// where there is TLS.
    pub(crate) fn poll_read_with(
        &self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        debug_assert!(!self.is_tls(), "bytes pass around the session");
        loop {
            let mut ready = ready!(self.socket.fd.poll_read_ready(cx))?;
            match call(self.socket.fd.as_fd()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => {
                    let moved = Poll::Ready(other);
                    self.note_read(&moved);
                    return moved;
                }
            }
        }
    }

    /// Runs a write-like system call on the descriptor (`splice`) under the same rules as
    /// [`Self::poll_write`]; never where there is TLS.
    pub(crate) fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        debug_assert!(!self.is_tls(), "bytes pass around the session");
        loop {
            let mut ready = ready!(self.socket.fd.poll_write_ready(cx))?;
            match call(self.socket.fd.as_fd()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => {
                    let moved = Poll::Ready(other);
                    self.note_failure(&moved);
                    return moved;
                }
            }
        }
    }

    /// Sends the end of the stream.
    pub(crate) fn shutdown_write(&self) {
        if let Some(tls) = &self.tls {
            tls.borrow_mut().end(&self.socket);
        }
        // An error here means that the peer is gone already, which the next read tells.
        let _ = rustix::net::shutdown(&self.socket.fd, Shutdown::Write);
    }

    /// Throws away what already arrived, so that closing does not reset the connection under our last bytes.
    pub(crate) fn drain(&self) {
        let mut scratch = [0u8; 4096];
        for _ in 0..4 {
            let got = rustix::net::recv(&self.socket.fd, &mut scratch, RecvFlags::DONTWAIT);
            if !matches!(got, Ok((n, _)) if n > 0) {
                return;
            }
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.fd.as_fd()
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.fd.as_raw_fd()
    }
}

// === impl Socket ===

impl Socket {
    #[expect(deprecated, reason = "an OwnedFd stays open for as long as it is registered: sound")]
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { fd: AsyncFd::new(fd)?, _counted: Counted::new() })
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.fd.poll_read_ready(cx))?;
            match rustix::net::recv(&self.fd, &mut *buf, RecvFlags::empty()) {
                Ok((n, _)) => {
                    if n > 0 && n < buf.len() {
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok(n));
                }
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Poll::Ready(Err(e.into())),
            }
        }
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8], more: bool) -> Poll<io::Result<usize>> {
        let flags = if more { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        loop {
            let mut ready = ready!(self.fd.poll_write_ready(cx))?;
            match rustix::net::send(&self.fd, buf, flags) {
                Ok(n) => {
                    if n < buf.len() {
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok(n));
                }
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Poll::Ready(Err(e.into())),
            }
        }
    }
}

// === impl Counted ===

impl Counted {
    fn new() -> Self {
        OPEN.fetch_add(1, Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Relaxed);
    }
}

static OPEN: AtomicU32 = AtomicU32::new(0);
