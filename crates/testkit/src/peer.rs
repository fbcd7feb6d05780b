//! One end of a connection under the test's control: it sends and expects bytes, and knows how it was ended.

use crate::http::{Head, Message};
use crate::show::show;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{ErrorKind, Read};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long an expectation waits before it fails.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// One end of a TCP or unix stream connection.
///
/// What arrives is kept in a buffer until an expectation takes it. Every method that waits gives up after
/// the peer's patience ([`PATIENCE`] unless [`Peer::patience`] says otherwise) and panics at the caller's line.
#[derive(Debug)]
pub struct Peer {
    socket: Option<Socket>,
    buffer: Vec<u8>,
    end: Option<End>,
    patience: Duration,
    sent: usize,
}

/// How the other side ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Eof,
    Reset,
}

// === impl Peer ===

impl Peer {
    /// Takes over a connected socket.
    pub fn new(socket: impl Into<Socket>) -> Peer {
        let socket = socket.into();
        let _ = socket.set_nonblocking(false);
        let _ = socket.set_tcp_nodelay(true);
        Peer { socket: Some(socket), buffer: Vec::new(), end: None, patience: PATIENCE, sent: 0 }
    }

    /// Connects to a TCP address.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Peer {
        match Peer::try_connect(address, None) {
            Ok(peer) => peer,
            Err(error) => panic!("connecting to {address}: {error}"),
        }
    }

    /// Connects to a TCP address from a given source address (port 0 lets the kernel choose).
    ///
    /// # Errors
    /// Whatever the kernel says: refused, timed out, address in use.
    pub fn try_connect(address: SocketAddr, source: Option<SocketAddr>) -> std::io::Result<Peer> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if let Some(source) = source {
            socket.set_reuse_address(true)?;
            socket.bind(&source.into())?;
        }
        socket.connect_timeout(&address.into(), PATIENCE)?;
        Ok(Peer::new(socket))
    }

    /// Connects with a receive buffer so small that a sender soon has to wait.
    #[track_caller]
    pub fn connect_with_small_window(address: SocketAddr) -> Peer {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("socket");
        socket.set_recv_buffer_size(4096).expect("SO_RCVBUF");
        socket.connect_timeout(&address.into(), PATIENCE).expect("connect");
        Peer::new(socket)
    }

    /// Connects to a unix stream socket.
    ///
    /// # Errors
    /// Whatever the kernel says: refused, no such file.
    pub fn try_connect_unix(path: impl AsRef<Path>) -> std::io::Result<Peer> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.connect(&SockAddr::unix(path)?)?;
        Ok(Peer::new(socket))
    }

    /// Sets how long this peer waits for anything.
    pub fn patience(&mut self, patience: Duration) -> &mut Peer {
        self.patience = patience;
        self
    }

    /// This end's address.
    pub fn local(&self) -> SocketAddr {
        self.socket().local_addr().ok().and_then(|a| a.as_socket()).expect("a TCP connection")
    }

    /// The other end's address.
    pub fn remote(&self) -> SocketAddr {
        self.socket().peer_addr().ok().and_then(|a| a.as_socket()).expect("a TCP connection")
    }

    /// Sends all the bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Peer {
        if let Err(error) = self.try_send(bytes) {
            panic!("sending after {} bytes: {error}", self.sent);
        }
        self
    }

    /// Sends all the bytes, or says why it could not.
    ///
    /// # Errors
    /// The kernel's, a broken pipe or a reset most often; `WouldBlock` when the patience is over.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.socket().set_write_timeout(Some(self.patience))?;
        let mut bytes = bytes.as_ref();
        while !bytes.is_empty() {
            let count = self.socket().send(bytes)?;
            self.sent += count;
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends the pieces with a pause between each, so that they arrive in segments of their own.
    #[track_caller]
    pub fn send_slowly(&mut self, pieces: &[&str], pause: Duration) -> &mut Peer {
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                std::thread::sleep(pause);
            }
            self.send(piece);
        }
        self
    }

    /// Expects exactly these bytes next.
    #[track_caller]
    pub fn expect(&mut self, wanted: impl AsRef<[u8]>) -> &mut Peer {
        let wanted = wanted.as_ref();
        let deadline = Instant::now() + self.patience;
        loop {
            let common = wanted.iter().zip(&self.buffer).take_while(|(a, b)| a == b).count();
            if common == wanted.len() {
                self.buffer.drain(..common);
                return self;
            }
            let differs = common < self.buffer.len();
            if differs || !self.fill(deadline) {
                panic!(
                    "{} at byte {common}\n  wanted:\n    {}\n  received:\n    {}\n  {}",
                    if differs { "the bytes differ" } else { "bytes are missing" },
                    show(wanted),
                    show(&self.buffer),
                    self.state()
                );
            }
        }
    }

    /// Takes everything up to and with `pattern`.
    #[track_caller]
    pub fn recv_until(&mut self, pattern: impl AsRef<[u8]>) -> Vec<u8> {
        let pattern = pattern.as_ref();
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(at) = find(&self.buffer, pattern) {
                return self.buffer.drain(..at + pattern.len()).collect();
            }
            if !self.fill(deadline) {
                let (wanted, received) = (show(pattern), show(&self.buffer));
                panic!("never saw {wanted}\n  received:\n    {received}\n  {}", self.state());
            }
        }
    }

    /// Takes exactly `count` bytes.
    #[track_caller]
    pub fn recv_exactly(&mut self, count: usize) -> Vec<u8> {
        let deadline = Instant::now() + self.patience;
        while self.buffer.len() < count {
            if !self.fill(deadline) {
                panic!("{} of {count} bytes arrived\n  {}", self.buffer.len(), self.state());
            }
        }
        self.buffer.drain(..count).collect()
    }

    /// Takes exactly `count` bytes, if they come within the time; else what came stays.
    pub fn try_exactly(&mut self, count: usize, time: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + time;
        while self.buffer.len() < count && self.fill(deadline) {}
        (self.buffer.len() >= count).then(|| self.buffer.drain(..count).collect())
    }

    /// Takes what comes until nothing came for so long.
    pub fn recv_until_silence(&mut self, time: Duration) -> Vec<u8> {
        while self.fill(Instant::now() + time) {}
        std::mem::take(&mut self.buffer)
    }

    /// Whether the other side was seen to end the connection.
    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Takes everything until the other side ends the connection with FIN.
    #[track_caller]
    pub fn recv_to_eof(&mut self) -> Vec<u8> {
        let (bytes, end) = self.recv_to_end();
        if end != Some(End::Eof) {
            panic!("no end of stream ({})\n  received:\n    {}", self.state(), show(&bytes));
        }
        bytes
    }

    /// Takes everything until the connection is over, by FIN or by reset.
    #[track_caller]
    pub fn recv_to_close(&mut self) -> Vec<u8> {
        let (bytes, end) = self.recv_to_end();
        if end.is_none() {
            panic!("the connection is still open\n  received:\n    {}", show(&bytes));
        }
        bytes
    }

    /// Takes one head, up to and with its empty line, unchanged.
    #[track_caller]
    pub fn recv_head(&mut self) -> Head {
        Head::new(self.recv_until("\r\n\r\n"))
    }

    /// Takes one message: a head and the body that its framing headers announce.
    ///
    /// A request without framing has no body; an answer without any runs to the end of the connection, except
    /// for 1xx, 204 and 304. After `HEAD`, use [`Peer::recv_head`].
    #[track_caller]
    pub fn recv_message(&mut self) -> Message {
        let head = self.recv_head();
        let body = match head.framing() {
            crate::http::Framing::None => Vec::new(),
            crate::http::Framing::Length(count) => self.recv_exactly(count),
            crate::http::Framing::Chunked => self.recv_chunks(),
            crate::http::Framing::Close => self.recv_to_eof(),
        };
        Message { head, body }
    }

    /// Expects FIN, and nothing before it.
    #[track_caller]
    pub fn expect_eof(&mut self) -> &mut Peer {
        let bytes = self.recv_to_eof();
        assert!(bytes.is_empty(), "bytes before the end of the stream:\n    {}", show(&bytes));
        self
    }

    /// Expects a reset; bytes before it are allowed, since a reset throws them away at random.
    #[track_caller]
    pub fn expect_reset(&mut self) -> &mut Peer {
        let (bytes, end) = self.recv_to_end();
        assert!(end == Some(End::Reset), "no reset ({})\n  received:\n    {}", self.state(), show(&bytes));
        self
    }

    /// Expects the connection to be over, by FIN or by reset, without a byte.
    #[track_caller]
    pub fn expect_closed(&mut self) -> &mut Peer {
        let bytes = self.recv_to_close();
        assert!(bytes.is_empty(), "bytes before the close:\n    {}", show(&bytes));
        self
    }

    /// Expects that nothing arrives, and that the connection stays open, for so long.
    #[track_caller]
    pub fn expect_silence(&mut self, duration: Duration) -> &mut Peer {
        let deadline = Instant::now() + duration;
        while self.buffer.is_empty() && self.fill(deadline) {}
        assert!(
            self.buffer.is_empty() && self.end.is_none(),
            "silence was wanted ({})\n  received:\n    {}",
            self.state(),
            show(&self.buffer)
        );
        self
    }

    /// Says FIN: no byte follows from this side. Where the other side has reset the connection already, nothing
    /// is left to say, and the next expectation tells.
    #[track_caller]
    pub fn shutdown_write(&mut self) -> &mut Peer {
        let _ = self.socket().shutdown(Shutdown::Write);
        self
    }

    /// Ends the connection with a reset.
    pub fn reset(&mut self) {
        let _ = self.socket().set_linger(Some(Duration::ZERO));
        self.socket = None;
    }

    /// Closes the connection in the ordinary way.
    pub fn close(&mut self) {
        self.socket = None;
    }

    /// Closes only after the other side has ended the connection, so that no reset destroys what was sent.
    pub fn close_after_peer(&mut self) {
        let _ = self.socket().shutdown(Shutdown::Write);
        let _ = self.recv_to_end();
        self.socket = None;
    }

    /// Waits on this side of the script.
    pub fn pause(&mut self, duration: Duration) -> &mut Peer {
        std::thread::sleep(duration);
        self
    }

    /// Waits for a byte without taking it. False when the connection ended first or the patience is over.
    pub fn wait_for_bytes(&mut self) -> bool {
        let deadline = Instant::now() + self.patience;
        while self.buffer.is_empty() && self.fill(deadline) {}
        !self.buffer.is_empty()
    }

    #[track_caller]
    fn socket(&self) -> &Socket {
        self.socket.as_ref().expect("this end has been closed by the script")
    }

    fn recv_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.recv_until("\r\n");
            let text = String::from_utf8_lossy(&line);
            let digits = text.trim_end().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(digits.trim(), 16)
                .unwrap_or_else(|_| panic!("not a chunk size: {}", show(&line)));
            body.extend(&line);
            if size == 0 {
                break;
            }
            body.extend(self.recv_exactly(size + 2));
        }
        loop {
            let line = self.recv_until("\r\n");
            body.extend(&line);
            if line == b"\r\n" {
                return body;
            }
        }
    }

    fn recv_to_end(&mut self) -> (Vec<u8>, Option<End>) {
        let deadline = Instant::now() + self.patience;
        while self.fill(deadline) {}
        (std::mem::take(&mut self.buffer), self.end)
    }

    /// Reads once into the buffer. False at the end of the connection or of the patience.
    fn fill(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        if self.end.is_some() || left.is_zero() {
            return false;
        }
        self.socket().set_read_timeout(Some(left)).expect("SO_RCVTIMEO");
        let mut chunk = [0; 16384];
        let mut socket = self.socket();
        match socket.read(&mut chunk) {
            Ok(0) => self.end = Some(End::Eof),
            Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return false,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.end = Some(End::Reset),
        }
        self.end.is_none()
    }

    fn state(&self) -> &'static str {
        match self.end {
            None => "the connection is open",
            Some(End::Eof) => "the other side has closed",
            Some(End::Reset) => "the other side has reset the connection",
        }
    }

    /// True while the other side has neither closed nor reset the connection; takes no byte.
    pub fn is_open(&mut self) -> bool {
        if self.end.is_some() {
            return false;
        }
        let mut byte = [MaybeUninit::uninit(); 1];
        let _ = self.socket().set_nonblocking(true);
        let seen = self.socket().peek(&mut byte);
        let _ = self.socket().set_nonblocking(false);
        match seen {
            Ok(count) => count > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len().max(1)).position(|window| window == pattern)
}
