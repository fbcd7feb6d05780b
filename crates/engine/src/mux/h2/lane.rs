//! One stream of an HTTP/2 connection, in the hands of a transaction.
//!
//! Bodies pass as bytes, as they do on a socket; heads and trailers beside them. Dropping a lane ends its stream,
//! with a reset where it was not complete.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use weir_http::Head;
use weir_http::h1::{self, BodyLength};
use weir_http::h2::{ErrorCode, Kind};

use super::{Link, Root};
use crate::buffer::{Buffer, BufferPool};
use crate::io::Connection;

/// A stream.
pub(crate) struct Lane {
    pub(super) link: Rc<Link>,
    pub(super) id: u32,
    pub(super) mailbox: Rc<Mailbox>,
}

/// What came on a stream and nobody took yet, and who waits for more.
#[derive(Default)]
pub(crate) struct Mailbox {
    incoming: RefCell<VecDeque<Buffer>>,
    heads: RefCell<VecDeque<Head>>,
    trailers: RefCell<Option<Box<Head>>>,
    /// The other end's message is complete.
    ended: Cell<bool>,
    /// It was complete with its head.
    bare: bool,
    gone: Cell<Option<Gone>>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
    /// What is missing of the length that was announced.
    left: Cell<Option<u64>>,
    /// Our message is complete.
    done: Cell<bool>,
    /// Bytes both ways, which end by themselves.
    tunnel: Cell<bool>,
    /// What should have begun it was no head.
    none: bool,
    /// A head of ours was sent.
    headed: Cell<bool>,
}

/// Why a stream ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The other end gave it up.
    Reset(ErrorCode),
    /// What came broke the protocol.
    Broken,
    /// What should have been a head was none.
    Malformed,
    /// The other end never looked at it: it may be begun anew elsewhere.
    Refused,
    /// The other end closed its side of the connection: it can still be told something.
    Left,
    /// The connection is over.
    Closed,
}

// === impl Mailbox ===

impl Mailbox {
    pub(super) fn of_request(end: bool, none: bool) -> Self {
        Self { ended: Cell::new(end), bare: end, none, ..Self::default() }
    }

    /// Whether what should have begun the stream was no head.
    pub(super) fn is_of_none(&self) -> bool {
        self.none
    }

    /// A part of a body came.
    pub(super) fn deliver(&self, mut data: &[u8], end: bool, buffers: &Rc<BufferPool>) {
        let mut incoming = self.incoming.borrow_mut();
        while !data.is_empty() {
            if incoming.back().is_none_or(Buffer::is_full) {
                incoming.push_back(buffers.buffer());
            }
            let Some(last) = incoming.back_mut() else { break };
            let space = last.space();
            let n = space.len().min(data.len());
            let (now, later) = data.split_at_checked(n).unwrap_or((data, &[]));
            if let Some(to) = space.get_mut(..n) {
                to.copy_from_slice(now);
            }
            last.filled(n);
            data = later;
        }
        self.ended.set(self.ended.get() || end);
        self.wake_reader();
    }

    /// A head came; false where so many wait that this is no way to answer.
    pub(super) fn deliver_head(&self, head: &mut Head, end: bool) -> bool {
        let mut heads = self.heads.borrow_mut();
        if heads.len() >= MAX_HEADS {
            return false;
        }
        heads.push_back(std::mem::take(head));
        self.ended.set(end);
        drop(heads);
        self.wake_reader();
        true
    }

    pub(super) fn deliver_trailers(&self, head: &mut Head) {
        *self.trailers.borrow_mut() = Some(Box::new(std::mem::take(head)));
        self.ended.set(true);
        self.wake_reader();
    }

    pub(super) fn lose(&self, gone: Gone) {
        if self.gone.get().is_none() {
            self.gone.set(Some(gone));
        }
        self.wake_reader();
        self.wake_writer();
    }

    /// Whether nothing that is said reaches the other end.
    fn is_deaf(&self) -> bool {
        self.gone.get().is_some_and(|gone| gone != Gone::Left)
    }

    pub(super) fn wake_writer(&self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    fn wake_reader(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

// === impl Lane ===

impl Lane {
    /// The connection that it is a stream of.
    pub(crate) fn connection(&self) -> &Connection {
        self.link.connection()
    }

    /// The stream's number.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Frames out of the ordinary that came on the connection.
    pub(crate) fn glitches(&self) -> u32 {
        self.link.codec.borrow().glitches()
    }

    /// Frames out of the ordinary since the last time that this was asked, of any stream.
    pub(crate) fn take_glitches(&self) -> u32 {
        let all = self.glitches();
        all - self.link.counted.replace(all)
    }

    /// Streams open on the connection, and how many may be.
    pub(crate) fn streams(&self) -> (usize, u32) {
        let codec = self.link.codec.borrow();
        (codec.open_streams(), codec.stream_limit())
    }

    /// Whether nobody begins further streams on the connection.
    pub(crate) fn is_closing(&self) -> bool {
        self.link.is_closing()
    }

    /// Why the stream is gone, if it is.
    pub(crate) fn gone(&self) -> Option<Gone> {
        self.mailbox.gone.get()
    }

    /// Reads what came of the body; 0 is its end.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let n = self.take(buf);
        if n > 0 {
            self.link.codec.borrow_mut().credit(self.id, n);
            if !self.link.codec.borrow().output().is_empty() {
                self.link.kick();
            }
            return Poll::Ready(Ok(n));
        }
        match (self.mailbox.gone.get(), self.mailbox.ended.get()) {
            (_, true) => Poll::Ready(Ok(0)),
            (Some(Gone::Left), _) => {
                self.reset(ErrorCode::RefusedStream);
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            (Some(Gone::Malformed), _) => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            (Some(_), _) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            _ => self.wait_to_read(cx),
        }
    }

    /// Writes what the windows let through of `buf`.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mailbox = &self.mailbox;
        if mailbox.is_deaf() || mailbox.done.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut codec = self.link.codec.borrow_mut();
        if codec.is_choked() || codec.room(self.id) == 0 {
            mailbox.writer.set(Some(cx.waker().clone()));
            self.link.crowded.set(true);
            return Poll::Pending;
        }
        let left = mailbox.left.get();
        let last = left.is_some_and(|left| left <= buf.len() as u64);
        let n = codec.send_data(self.id, buf, last);
        drop(codec);
        if let Some(left) = left {
            let left = left.saturating_sub(n as u64);
            mailbox.left.set(Some(left));
            mailbox.done.set(left == 0);
        }
        self.link.kick();
        Poll::Ready(Ok(n))
    }

    /// Ready when the connection takes more, or the stream is gone.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.mailbox.is_deaf() || !self.link.codec.borrow().is_choked() {
            return Poll::Ready(());
        }
        self.mailbox.writer.set(Some(cx.waker().clone()));
        self.link.crowded.set(true);
        Poll::Pending
    }

    /// Ready when there is something to read, the end of the stream included.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mailbox = &self.mailbox;
        let ready = mailbox.ended.get()
            || mailbox.gone.get().is_some()
            || !mailbox.incoming.borrow().is_empty()
            || !mailbox.heads.borrow().is_empty();
        if ready { Poll::Ready(()) } else { self.wait_to_read(cx) }
    }

    /// Why the stream is gone; if it is not, the task is woken when it is.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<Gone> {
        match self.mailbox.gone.get() {
            Some(gone) => Poll::Ready(gone),
            None => self.wait_to_read(cx),
        }
    }

    /// Takes the next head that came, interim answers among them; nothing where the stream ended without.
    pub(crate) fn poll_head(&self, cx: &mut Context<'_>, head: &mut Head) -> Poll<Result<(), Gone>> {
        if let Some(next) = self.mailbox.heads.borrow_mut().pop_front() {
            *head = next;
            return Poll::Ready(Ok(()));
        }
        match self.mailbox.gone.get() {
            Some(gone) => Poll::Ready(Err(gone)),
            None => self.wait_to_read(cx),
        }
    }

    /// Whether all of the other end's message came.
    pub(crate) fn is_complete(&self) -> bool {
        self.mailbox.ended.get()
    }

    /// Whether all of the other end's message came and was read.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_complete() && self.mailbox.incoming.borrow().is_empty()
    }

    /// Octets of a body that came and that nobody read.
    pub(crate) fn unread(&self) -> usize {
        self.mailbox.incoming.borrow().iter().map(Buffer::len).sum()
    }

    /// Whether the request was complete with its head.
    pub(crate) fn is_bare(&self) -> bool {
        self.mailbox.bare
    }

    /// What the log counts of what came behind the head and that nobody read: an end that came by itself counts.
    pub(crate) fn accounted(&self) -> usize {
        let unread = self.unread();
        if unread > 0 || self.is_bare() || !self.is_complete() {
            return unread;
        }
        let trailers = self.mailbox.trailers.borrow();
        1 + trailers.as_deref().map_or(0, h1::accounted_lines)
    }

    /// Whether the message is over and there is nothing left of it to take.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_ended() && self.mailbox.trailers.borrow().is_none()
    }

    /// The lines that came after the body.
    pub(crate) fn take_trailers(&self) -> Option<Box<Head>> {
        self.mailbox.trailers.borrow_mut().take()
    }

    /// Sends the head of a message with this body.
    pub(crate) fn send_head(&self, kind: Kind, head: &Head, scheme: &[u8], body: BodyLength) {
        let mailbox = &self.mailbox;
        let end = matches!(body, BodyLength::None | BodyLength::Known(0));
        mailbox.headed.set(true);
        mailbox.done.set(end);
        mailbox.tunnel.set(body == BodyLength::Tunnel);
        mailbox.left.set(match body {
            BodyLength::Known(n) => Some(n),
            _ => None,
        });
        self.link.codec.borrow_mut().send_head(self.id, kind, head, scheme, end);
        self.link.kick();
    }

    /// Sends the head of an answer that another one follows.
    pub(crate) fn send_interim(&self, head: &Head) {
        self.mailbox.headed.set(true);
        self.link.codec.borrow_mut().send_head(self.id, Kind::Response, head, b"", false);
        self.link.kick();
    }

    /// So many octets of the body are still to come, and no lines after them.
    pub(crate) fn ends_after(&self, octets: usize) {
        self.mailbox.left.set(Some(octets as u64));
    }

    /// Ends our message, with the lines after its body.
    pub(crate) fn finish(&self, trailers: &Head) {
        if !self.mailbox.done.replace(true) {
            self.link.codec.borrow_mut().send_head(self.id, Kind::Trailers, trailers, b"", true);
            self.link.kick();
        }
    }

    /// Ends the stream before its time.
    pub(crate) fn reset(&self, code: ErrorCode) {
        self.mailbox.done.set(true);
        self.link.codec.borrow_mut().reset(self.id, code);
        self.link.kick();
    }

    /// Nothing more is written: the end of a tunnel, and the end of a message that will never be complete.
    pub(crate) fn shutdown_write(&self) {
        if self.mailbox.tunnel.get() {
            self.finish(&Head::default());
        } else if !self.mailbox.done.get() {
            // Who heard nothing may ask again (RFC 9113, 8.7).
            let unheard = matches!(self.link.root, Root::Client(_)) && !self.mailbox.headed.get();
            self.reset(if unheard { ErrorCode::RefusedStream } else { ErrorCode::Cancel });
        }
    }

    fn take(&self, buf: &mut [u8]) -> usize {
        let mut incoming = self.mailbox.incoming.borrow_mut();
        let mut total = 0;
        while let Some(first) = incoming.front_mut() {
            let room = buf.get_mut(total..).unwrap_or_default();
            let n = room.len().min(first.len());
            if n == 0 {
                break;
            }
            if let (Some(to), Some(from)) = (room.get_mut(..n), first.data().get(..n)) {
                to.copy_from_slice(from);
            }
            first.consume(n);
            total += n;
            if first.is_empty() {
                incoming.pop_front();
            }
        }
        total
    }

    fn wait_to_read<T>(&self, cx: &mut Context<'_>) -> Poll<T> {
        self.mailbox.reader.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let unread = self.unread();
        if self.mailbox.tunnel.get() && self.is_complete() {
            self.finish(&Head::default());
        }
        let mut codec = self.link.codec.borrow_mut();
        if unread > 0 {
            codec.credit(0, unread);
        }
        codec.release(self.id);
        drop(codec);
        self.link.mailboxes.borrow_mut().remove(&self.id);
        if !self.mailbox.is_of_none() {
            self.link.counters().h2_closed_streams.add(1);
        }
        self.link.kick();
    }
}

/// Heads of a stream that may wait: an answer's, and the interim ones before it.
const MAX_HEADS: usize = 64;
