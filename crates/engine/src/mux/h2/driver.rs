//! The task that reads and writes a link's socket.

use std::rc::Rc;
use std::task::{Context, Poll};

use weir_http::Head;
use weir_http::h2::{ErrorCode, Event};

use super::{Gone, Link, Mailbox, Root};
use crate::buffer::Buffer;

/// Drives a link: takes in what comes, and sends what its lanes say.
pub(super) struct Driver {
    pub(super) link: Rc<Link>,
    input: Buffer,
    /// The head that came last.
    pub(super) head: Head,
    /// The codec has said its last word.
    ending: bool,
    /// The client closed its side.
    left: bool,
    /// How often something came.
    pub(super) reads: u64,
    /// The other end knows that the process stops.
    pub(super) warned: bool,
}

/// What a link has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// A request came; its head lies in the driver, empty where it was none.
    Request {
        /// Its stream; 0 where it has none.
        stream: u32,
        /// No body follows.
        end: bool,
    },
    /// The connection is over.
    Over,
}

// === impl Driver ===

impl Driver {
    /// Over what came already.
    pub(super) fn new(link: &Rc<Link>, input: Buffer) -> Self {
        Self {
            link: link.clone(),
            input,
            head: Head::default(),
            ending: false,
            left: false,
            reads: 0,
            warned: false,
        }
    }

    /// Ready when there is something to tell.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<News> {
        self.listen(cx);
        let news = self.turn(cx);
        self.link.tell();
        news
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<News> {
        loop {
            if let Some(news) = self.take_in() {
                return Poll::Ready(news);
            }
            if self.send(cx).is_err() {
                return Poll::Ready(News::Over);
            }
            let (unsent, choked) = {
                let codec = self.link.codec.borrow();
                (!codec.output().is_empty(), codec.is_choked())
            };
            let over = self.ending || self.left && self.link.lanes() == 0;
            if over && !unsent {
                return Poll::Ready(News::Over);
            }
            if self.ending || self.left || choked {
                return Poll::Pending;
            }
            if self.input.is_full() {
                self.input.grow();
            }
            match self.link.socket().poll_read(cx, self.input.space()) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.reads += 1;
                    self.input.filled(n);
                }
                // What it still has to be told can reach it.
                Poll::Ready(Ok(_)) if self.serves() && self.link.lanes() > 0 => {
                    self.left = true;
                    self.link.mailboxes.borrow().values().for_each(|m| m.lose(Gone::Left));
                }
                Poll::Ready(_) => return Poll::Ready(News::Over),
                Poll::Pending => {
                    self.input.release();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Ends all that is left on the link.
    pub(super) fn close(&mut self) {
        self.link.over.set(true);
        for mailbox in self.link.mailboxes.borrow().values() {
            mailbox.lose(Gone::Closed);
        }
    }

    fn listen(&self, cx: &Context<'_>) {
        let mut driver = self.link.driver.borrow_mut();
        if driver.as_ref().is_none_or(|d| !d.will_wake(cx.waker())) {
            *driver = Some(cx.waker().clone());
        }
    }

    /// Takes in what came, up to the next request.
    fn take_in(&mut self) -> Option<News> {
        while !self.ending && !self.link.codec.borrow().is_choked() {
            let step = self.link.codec.borrow_mut().step(self.input.data(), &mut self.head);
            match step.event {
                Event::Data { stream, skip, len, end } => {
                    let data = self.input.data().get(skip..skip + len).unwrap_or_default();
                    match self.link.mailbox(stream) {
                        Some(mailbox) => mailbox.deliver(data, end, &self.link.buffers),
                        None => self.link.codec.borrow_mut().credit(0, len),
                    }
                }
                Event::Head { stream, end } => match self.link.mailbox(stream) {
                    Some(mailbox) => {
                        if !mailbox.deliver_head(&mut self.head, end) {
                            self.link.codec.borrow_mut().reset(stream, ErrorCode::EnhanceYourCalm);
                            mailbox.lose(Gone::Broken);
                        }
                    }
                    None => {
                        self.input.consume(step.consumed);
                        return Some(News::Request { stream, end });
                    }
                },
                Event::Malformed { stream } if self.link.mailbox(stream).is_some() => {
                    self.with(stream, |m, _| m.lose(Gone::Malformed));
                }
                Event::Malformed { stream } => {
                    self.head.clear();
                    self.input.consume(step.consumed);
                    return Some(News::Request { stream, end: true });
                }
                Event::Trailers { stream } => self.with(stream, |m, head| m.deliver_trailers(head)),
                Event::Reset { stream, code, by_peer } => {
                    let gone = match (by_peer, code) {
                        (true, ErrorCode::RefusedStream) => Gone::Refused,
                        (true, code) => Gone::Reset(code),
                        _ => Gone::Broken,
                    };
                    self.with(stream, |m, _| m.lose(gone));
                }
                Event::Window { stream: 0 } => self.wake_writers(),
                Event::Window { stream } => self.with(stream, |m, _| m.wake_writer()),
                Event::GoAway { last, .. } => self.refuse_above(last),
                Event::Over { .. } => self.ending = true,
                Event::Nothing => {}
                Event::More => {
                    self.input.consume(step.consumed);
                    return None;
                }
            }
            self.input.consume(step.consumed);
            if self.serves() && self.link.codec.borrow_mut().take_stray_head() {
                self.head.clear();
                return Some(News::Request { stream: NO_STREAM, end: true });
            }
        }
        None
    }

    fn with(&mut self, stream: u32, what: impl FnOnce(&Mailbox, &mut Head)) {
        if let Some(mailbox) = self.link.mailbox(stream) {
            what(&mailbox, &mut self.head);
        }
    }

    /// The other end will not look at what we began after `last` (RFC 9113, 6.8).
    fn refuse_above(&self, last: u32) {
        if !self.serves() {
            let mailboxes = self.link.mailboxes.borrow();
            mailboxes.iter().filter(|(id, _)| **id > last).for_each(|(_, m)| m.lose(Gone::Refused));
        }
    }

    /// Whether the other end is a client.
    fn serves(&self) -> bool {
        matches!(self.link.root, Root::Client(_))
    }

    fn wake_writers(&self) {
        if self.link.crowded.replace(false) {
            self.link.mailboxes.borrow().values().for_each(|m| m.wake_writer());
        }
    }

    /// Sends what there is; an error where the socket failed.
    fn send(&self, cx: &mut Context<'_>) -> Result<(), ()> {
        let mut codec = self.link.codec.borrow_mut();
        let mut moved = false;
        while !codec.output().is_empty() {
            match self.link.socket().poll_write(cx, codec.output(), false) {
                Poll::Ready(Ok(n)) => {
                    codec.sent(n);
                    moved = true;
                }
                Poll::Ready(Err(_)) => return Err(()),
                Poll::Pending => break,
            }
        }
        let room = moved && !codec.is_choked();
        drop(codec);
        if room {
            self.wake_writers();
        }
        Ok(())
    }
}

/// The stream of what should have been a head and came where no stream begins.
const NO_STREAM: u32 = 0;
