//! What a message is read from and written to: a socket, or one of many streams that share a connection.

mod census;
mod connection;
mod tls;

use std::cell::Ref;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::task::{Context, Poll};

use weir_tls::acceptor::Acceptor;
use weir_tls::policy::ClientPolicy;
use weir_tls::session::{Failure, Session};

pub(crate) use census::{Counted, CountedStream, Side};
pub(crate) use connection::{Connection, Detached, Heard, open_sockets};

use crate::mux::h2::Lane;

/// A connection, or one stream of it. Reads, writes and readiness mean the same for both.
pub(crate) enum Stream {
    /// A connection of its own.
    Own(Connection),
    /// A stream of an HTTP/2 connection: it carries the bodies' octets alone, heads go beside them.
    Lane(Lane),
}

// === impl Stream ===

impl Stream {
    /// Registers a non-blocking descriptor with the reactor of this worker.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self::Own(Connection::new(fd)?))
    }

    /// Counts it among those of HTTP/1, or among them no longer.
    pub(crate) fn count(&mut self, counted: Option<Counted>) {
        if let Self::Own(own) = self {
            own.count(counted);
        }
    }

    /// The stream of HTTP/2 that it is, where it is one.
    pub(crate) fn lane(&self) -> Option<&Lane> {
        match self {
            Self::Lane(lane) => Some(lane),
            Self::Own(_) => None,
        }
    }

    /// Takes the connection out of the reactor; a stream among others has none of its own.
    pub(crate) fn detach(self) -> Option<Detached> {
        match self {
            Self::Own(own) => Some(own.detach()),
            Self::Lane(_) => None,
        }
    }

    /// Registers a connection that comes from another worker.
    pub(crate) fn attach(detached: Detached) -> io::Result<Self> {
        Ok(Self::Own(Connection::attach(detached)?))
    }

    /// Begins a session of TLS as the server; `first` is what was read of the connection already.
    pub(crate) fn accept_tls(&mut self, acceptor: Arc<Acceptor>, first: &[u8]) {
        if let Self::Own(own) = self {
            own.accept_tls(acceptor, first);
        }
    }

    /// Begins a session of TLS as the client; the server gets to see `name`, where there is one.
    pub(crate) fn connect_tls(
        &mut self,
        policy: &ClientPolicy,
        name: Option<&[u8]>,
        alpn: Option<&[Vec<u8>]>,
    ) -> Result<(), Failure> {
        match self {
            Self::Own(own) => own.connect_tls(policy, name, alpn),
            Self::Lane(_) => Ok(()),
        }
    }

    /// Ready when the session that was begun is established, or cannot be.
    pub(crate) fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match self {
            Self::Own(own) => own.poll_handshake(cx),
            Self::Lane(_) => Poll::Ready(Ok(())),
        }
    }

    /// The connection of its own, or the one that it is a stream of.
    pub(crate) fn connection(&self) -> &Connection {
        match self {
            Self::Own(own) => own,
            Self::Lane(lane) => lane.connection(),
        }
    }

    /// Whether there is a session of TLS: no byte may pass around it.
    pub(crate) fn is_tls(&self) -> bool {
        self.connection().is_tls()
    }

    /// The session of TLS.
    #[allow(dead_code, reason = "for samples of sessions")]
    pub(crate) fn session(&self) -> Option<Ref<'_, Session>> {
        self.connection().session()
    }

    /// Whether both sides agreed on HTTP/2 (ALPN).
    pub(crate) fn agreed_on_h2(&self) -> bool {
        self.connection().session().is_some_and(|s| s.alpn() == Some(b"h2"))
    }

    /// Reads into `buf`, which must not be empty; 0 is the end of the stream.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Own(own) => own.poll_read(cx, buf),
            Self::Lane(lane) => lane.poll_read(cx, buf),
        }
    }

    /// Writes what is taken of `buf`; `more` says that further bytes, or the end, follow at once.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8], more: bool) -> Poll<io::Result<usize>> {
        match self {
            Self::Own(own) => own.poll_write(cx, buf, more),
            Self::Lane(lane) => lane.poll_write(cx, buf),
        }
    }

    /// How the other side ended a connection of its own.
    pub(crate) fn heard(&self) -> Heard {
        match self {
            Self::Own(own) => own.heard(),
            Self::Lane(_) => Heard::Nothing,
        }
    }

    /// Ready when there is something to read, the end of the stream included.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Own(own) => own.poll_readable(cx),
            Self::Lane(lane) => lane.poll_readable(cx),
        }
    }

    /// Ready when the connection attempt is over, with its outcome.
    pub(crate) fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Own(own) => own.poll_connected(cx),
            Self::Lane(_) => Poll::Ready(Ok(())),
        }
    }

    /// Whether something arrived that nobody read: on an idle connection, a reason not to use it.
    pub(crate) fn has_news(&self) -> bool {
        match self {
            Self::Own(own) => own.has_news(),
            Self::Lane(_) => true,
        }
    }

    /// The connection, where bytes may pass from one to another within the kernel (`splice`).
    pub(crate) fn spliceable(&self) -> Option<&Connection> {
        match self {
            Self::Own(own) => Some(own).filter(|own| !own.is_tls()),
            Self::Lane(_) => None,
        }
    }

    /// Sends the end of the stream.
    pub(crate) fn shutdown_write(&self) {
        match self {
            Self::Own(own) => own.shutdown_write(),
            Self::Lane(lane) => lane.shutdown_write(),
        }
    }

    /// Throws away what already arrived, so that closing does not reset the connection under our last bytes.
    pub(crate) fn drain(&self) {
        if let Self::Own(own) = self {
            own.drain();
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection().as_fd()
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
