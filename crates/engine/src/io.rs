//! A connection's descriptor under the worker's reactor.
//!
//! One type for TCP and unix sockets. Reads and writes are tried only where readiness is known, and a read
//! that fills less than its buffer clears it, so that a message costs one system call, not a second one that
//! says "would block".

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll, Waker, ready};

use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::io::unix::AsyncFd;

/// A connected stream socket.
pub(crate) struct Stream {
    fd: AsyncFd<OwnedFd>,
}

impl Stream {
    /// Registers a non-blocking descriptor with the reactor of this worker.
    #[expect(deprecated, reason = "an OwnedFd stays open for as long as it is registered: sound")]
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { fd: AsyncFd::new(fd)? })
    }

    /// Takes the descriptor out of the reactor.
    pub(crate) fn into_fd(self) -> OwnedFd {
        self.fd.into_inner()
    }

    /// Reads into `buf`, which must not be empty; 0 is the end of the stream.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
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

    /// Writes what the socket takes of `buf`; `more` says that further bytes follow at once.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8], more: bool) -> Poll<io::Result<usize>> {
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

    /// Ready when there is something to read, the end of the stream included.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.fd.poll_read_ready(cx).map(|_| ())
    }

    /// Ready when bytes can be written, or the connection attempt is over.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.fd.poll_write_ready(cx).map(|_| ())
    }

    /// Whether something arrived that nobody read: on an idle connection, a reason not to use it.
    pub(crate) fn has_news(&self) -> bool {
        self.poll_readable(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Runs a read-like system call on the descriptor (`splice`) under the same rules as [`Self::poll_read`].
    pub(crate) fn poll_read_with<T>(
        &self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            let mut ready = ready!(self.fd.poll_read_ready(cx))?;
            match call(self.fd.as_fd()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Runs a write-like system call on the descriptor (`splice`) under the same rules as
    /// [`Self::poll_write`].
    pub(crate) fn poll_write_with<T>(
        &self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            let mut ready = ready!(self.fd.poll_write_ready(cx))?;
            match call(self.fd.as_fd()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Sends the end of the stream.
    pub(crate) fn shutdown_write(&self) {
        // An error here means that the peer is gone already, which the next read tells.
        let _ = rustix::net::shutdown(&self.fd, Shutdown::Write);
    }

    /// Throws away what already arrived, so that closing does not reset the connection under our last bytes.
    pub(crate) fn drain(&self) {
        let mut scratch = [0u8; 4096];
        for _ in 0..4 {
            if !matches!(rustix::net::recv(&self.fd, &mut scratch, RecvFlags::DONTWAIT), Ok((n, _)) if n > 0)
            {
                return;
            }
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
