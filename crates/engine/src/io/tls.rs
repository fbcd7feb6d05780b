//! The layer of TLS between a socket and what reads from it.
//!
//! Ciphertext passes through storage of the worker; a session keeps what is incomplete only, so that an idle one holds
//! no buffer. A write is over when its ciphertext has left, so that nobody has to flush: who is told to wait comes again
//! with the same bytes.

use std::cell::{Cell, RefCell};
use std::io;
use std::task::{Context, Poll, ready};

use weir_tls::session::{Failure, Session};

use super::connection::Socket;

/// A session over a socket.
pub(super) struct Layer {
    pub(super) session: Session,
    /// Plaintext of the write that is on its way.
    accepted: usize,
    ended: bool,
}

thread_local! {
    /// Ciphertext that just came.
    static INCOMING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Storage for what is to go.
    static OUTGOING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

// === impl Layer ===

impl Layer {
    /// A layer for a session.
    pub(super) fn new(session: Session) -> Self {
        Self { session, accepted: 0, ended: false }
    }

    /// Ready when there is something to do with the session. What is to be said before has been sent, or leaves with the
    /// first answer where the client has asked already.
    pub(super) fn poll_handshake(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
    ) -> Poll<Result<(), Failure>> {
        self.poll_until(cx, socket, Session::is_ready)
    }

    /// Ready when both sides may speak.
    pub(super) fn poll_established(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
    ) -> Poll<Result<(), Failure>> {
        self.poll_until(cx, socket, Session::is_established)
    }

    fn poll_until(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
        is_enough: fn(&Session) -> bool,
    ) -> Poll<Result<(), Failure>> {
        let mut fresh = !self.session.pending().is_empty();
        loop {
            // Only tickets are left to be said to a client who has spoken already: the answer to it takes them along.
            if self.session.is_established() && self.session.has_plain() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_flush(cx, socket, false)).map_err(|_| Failure::Closed)?;
            if is_enough(&self.session) {
                return Poll::Ready(Ok(()));
            }
            match ready!(self.poll_take(cx, socket, &mut [], fresh)) {
                Ok(_) if self.ended => return Poll::Ready(Err(Failure::Closed)),
                Ok(_) => fresh = false,
                Err(Broken::Socket(_)) => return Poll::Ready(Err(Failure::Closed)),
                Err(Broken::Session(failure)) => {
                    // The peer hears why, where it still listens.
                    let _ = self.poll_flush(cx, socket, false);
                    return Poll::Ready(Err(failure));
                }
            }
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut fresh = self.has_record();
        loop {
            if self.session.has_plain() {
                return Poll::Ready(Ok(self.session.take_plain(buf)));
            }
            if self.ended || self.session.is_ended() {
                return Poll::Ready(Ok(0));
            }
            // What the protocol itself has to say leaves before more is waited for; what does not go at once goes with
            // the next write.
            let _ = self.poll_flush(cx, socket, false);
            let took = ready!(self.poll_take(cx, socket, buf, fresh));
            let _ = self.poll_flush(cx, socket, false);
            match took {
                Ok(0) => fresh = false,
                Ok(n) => return Poll::Ready(Ok(n)),
                Err(Broken::Socket(error)) => return Poll::Ready(Err(error)),
                Err(Broken::Session(_)) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "SSL fatal error")));
                }
            }
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
        buf: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        if self.session.has_early() {
            ready!(self.poll_established(cx, socket)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        if self.accepted == 0 {
            let most = buf.len().min(MOST_AT_ONCE);
            self.session.lend(OUTGOING.take());
            let put = self.session.put(buf.get(..most).unwrap_or_default());
            put.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            self.accepted = most;
        }
        ready!(self.poll_flush(cx, socket, more))?;
        Poll::Ready(Ok(std::mem::take(&mut self.accepted)))
    }

    /// Whether a read would find something without the socket.
    pub(super) fn is_readable(&self) -> bool {
        self.session.has_plain() || self.ended || self.session.is_ended() || self.has_record()
    }

    /// Says that nothing follows, as far as the socket takes it; its own end is to follow at once.
    pub(super) fn end(&mut self, socket: &Socket) {
        self.session.end();
        let _ = self.poll_flush(&mut Context::from_waker(std::task::Waker::noop()), socket, true);
    }

    /// Reads ciphertext, unless what lies here is still `fresh`, and decrypts it; how much plaintext came out.
    fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
        buf: &mut [u8],
        fresh: bool,
    ) -> Poll<Result<usize, Broken>> {
        INCOMING.with_borrow_mut(|storage| {
            let held = self.session.pending().len();
            let wanted = held + buf.len().clamp(ONE_RECORD, MOST_AT_ONCE) + ONE_RECORD / 8;
            if storage.len() < wanted {
                storage.resize(wanted, 0);
            }
            if let Some(start) = storage.get_mut(..held) {
                start.copy_from_slice(self.session.pending());
            }
            let mut filled = held;
            if !fresh {
                let room = storage.get_mut(held..wanted).unwrap_or_default();
                match ready!(socket.poll_read(cx, room)) {
                    Ok(0) => {
                        self.ended = true;
                        return Poll::Ready(Ok(0));
                    }
                    Ok(n) => filled += n,
                    Err(error) => return Poll::Ready(Err(Broken::Socket(error))),
                }
            }
            let came = storage.get_mut(..filled).unwrap_or_default();
            Poll::Ready(self.session.take(came, buf).map_err(Broken::Session))
        })
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, socket: &Socket, more: bool) -> Poll<io::Result<()>> {
        while !self.session.outgoing().is_empty() {
            let n = ready!(socket.poll_write(cx, self.session.outgoing(), more))?;
            if let Some(storage) = self.session.sent(n) {
                OUTGOING.set(storage);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether a whole record lies here.
    fn has_record(&self) -> bool {
        let pending = self.session.pending();
        let Some(&[_, _, _, high, low]) = pending.first_chunk::<5>() else { return false };
        pending.len() >= 5 + usize::from(u16::from_be_bytes([high, low]))
    }
}

/// What went wrong with a read.
enum Broken {
    Socket(io::Error),
    Session(Failure),
}

/// A record of the largest size, with what it needs around its plaintext (RFC 8446 section 5.2).
const ONE_RECORD: usize = (1 << 14) + 512;
/// Bytes that are encrypted or decrypted before they pass on.
const MOST_AT_ONCE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    use weir_tls::acceptor::{Acceptor, Addition};
    use weir_tls::pair::{Pair, Parts};
    use weir_tls::policy::{ClientPolicy, ServerPolicy, Settings};

    use super::*;

    const PEM: &[u8] = include_bytes!("../../../tls/tests/a.example.pem");

    fn acceptor() -> Arc<Acceptor> {
        let parts = Parts::read(PEM);
        let pair = Pair::new("a", parts.chain, parts.key.as_ref().unwrap()).unwrap();
        let policy = Arc::new(ServerPolicy::new(&Settings::default()).unwrap());
        let mut acceptor = Acceptor::new(false, None);
        acceptor.add(Addition {
            pair: Arc::new(pair),
            policy,
            filters: Vec::new(),
            default: true,
            line: None,
        });
        Arc::new(acceptor)
    }

    /// A client's session over a socket that blocks.
    struct Peer(Session, TcpStream);

    impl Peer {
        fn send(&mut self) {
            let said = self.0.outgoing().to_vec();
            self.1.write_all(&said).unwrap();
            self.0.sent(said.len());
        }

        /// What one read finds, decrypted, and how many bytes it were.
        fn read(&mut self) -> (Vec<u8>, usize) {
            let mut cipher = vec![0; 1 << 16];
            let n = self.1.read(&mut cipher).unwrap();
            cipher.truncate(n);
            let mut plain = vec![0; 1 << 16];
            let got = self.0.take(&mut cipher, &mut plain).unwrap();
            plain.truncate(got);
            (plain, n)
        }
    }

    #[test]
    fn tickets_leave_with_the_answer_to_who_has_asked_already_and_alone_before_a_wait() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        for asks in [true, false] {
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let (far, _) = listener.accept().unwrap();
                far.set_nonblocking(true).unwrap();
                let socket = Socket::new(OwnedFd::from(far)).unwrap();
                let session = ClientPolicy::new(&Settings::default()).unwrap().connect(None, None).unwrap();
                let mut peer = Peer(session, near);
                let mut layer = Layer::new(Session::accept(acceptor(), &[]));
                peer.send();
                let flight = poll_fn(|cx| match layer.poll_handshake(cx, &socket) {
                    Poll::Pending if layer.session.is_begun() => Poll::Ready(()),
                    other => other.map(|_| ()),
                });
                flight.await;
                peer.read();
                assert!(peer.0.is_established());
                if asks {
                    peer.0.put(b"question").unwrap();
                }
                peer.send();
                poll_fn(|cx| layer.poll_handshake(cx, &socket)).await.unwrap();
                assert_eq!(layer.session.outgoing().is_empty(), !asks);
                let mut alone = 0;
                if !asks {
                    alone = peer.read().1;
                }
                poll_fn(|cx| layer.poll_write(cx, &socket, b"answer", false)).await.unwrap();
                let (plain, n) = peer.read();
                assert_eq!(plain, b"answer");
                // Two tickets are much longer than the record of the answer.
                assert!((alone > 200) != asks && (n > 200) == asks, "{asks}: {alone} {n}");
            });
        }
    }
}
