//! What this end says.

use super::{Connection, Role, Stream};
use crate::Head;
use crate::h2::error::ErrorCode;
use crate::h2::frame::{self, FrameHead, flag, kind};
use crate::h2::settings::MAX_WINDOW;
use crate::h2::{Kind, write};

// === impl Connection ===

impl Connection {
    /// Begins a stream for a request, where the other end takes one now.
    pub fn open(&mut self) -> Option<u32> {
        let room = self.streams.len() < self.theirs.max_concurrent_streams as usize;
        if self.role == Role::Server || self.is_leaving() || !room || self.next_own > MAX_WINDOW {
            return None;
        }
        let id = self.next_own;
        self.next_own += 2;
        self.streams.insert(id, self.new_stream());
        Some(id)
    }

    /// Sends a head, or the lines after a body; `end` says that nothing follows. `scheme` is that of a request
    /// whose target has none. Nothing where the stream has ended.
    pub fn send_head(&mut self, stream: u32, kind: Kind, head: &Head, scheme: &[u8], end: bool) {
        let Some(s) = self.streams.get_mut(&stream).filter(|s| s.sending && !s.reset && !s.held) else {
            return;
        };
        s.sending = !end;
        let mut block = std::mem::take(&mut self.scratch);
        block.clear();
        match kind {
            Kind::Request => {
                s.asked_head = head.method() == b"HEAD";
                s.upgrades = head.facts().upgrade;
                // RFC 8441, 3: only who announced it may be sent `:protocol`.
                s.held = s.upgrades && !(self.acquainted && self.theirs.enable_connect_protocol);
                let held = s.held;
                write::request(head, scheme, &mut block);
                if held {
                    self.hold(stream, block);
                    return;
                }
            }
            Kind::Response => write::response(head, &mut block),
            Kind::Trailers => write::trailers(head, &mut block),
        }
        if block.is_empty() && end {
            // An empty block is no block to some: nothing more of the body says the same.
            FrameHead { len: 0, kind: kind::DATA, flags: flag::END_STREAM, stream }.write(&mut self.out);
            self.scratch = block;
            return;
        }
        self.write_block(stream, &block, end);
        self.scratch = block;
    }

    /// Keeps a head until it is known whether the other end takes it.
    fn hold(&mut self, stream: u32, block: Vec<u8>) {
        if self.acquainted { self.unfit.push(stream) } else { self.held.push((stream, block)) }
    }

    /// Sends the heads that waited for the other end's word, or gives up their streams; whether there were any.
    pub(super) fn settle_held(&mut self) -> bool {
        let takes = self.theirs.enable_connect_protocol;
        let any = !self.held.is_empty();
        for (stream, block) in std::mem::take(&mut self.held) {
            match self.streams.get_mut(&stream).filter(|s| !s.reset) {
                Some(s) if takes => {
                    s.held = false;
                    self.write_block(stream, &block, false);
                }
                Some(_) => self.unfit.push(stream),
                None => {}
            }
        }
        any
    }

    /// A stream that the other end does not take. Nothing was said on it, so that there is nothing to reset (RFC 9113,
    /// 6.4).
    pub(super) fn take_unfit(&mut self) -> Option<u32> {
        let stream = self.unfit.pop()?;
        if let Some(s) = self.streams.get_mut(&stream) {
            s.reset = true;
        }
        Some(stream)
    }

    fn write_block(&mut self, stream: u32, block: &[u8], end: bool) {
        let mut rest = block;
        let mut next = kind::HEADERS;
        loop {
            let (part, after) = rest.split_at(rest.len().min(self.theirs.max_frame_size as usize));
            let mut flags = if after.is_empty() { flag::END_HEADERS } else { 0 };
            if end && next == kind::HEADERS {
                flags |= flag::END_STREAM;
            }
            FrameHead { len: part.len(), kind: next, flags, stream }.write(&mut self.out);
            self.out.extend_from_slice(part);
            if after.is_empty() {
                break;
            }
            (rest, next) = (after, kind::CONTINUATION);
        }
    }

    /// How many octets of a body may be sent now.
    pub fn room(&self, stream: u32) -> usize {
        let open = |s: &&Stream| s.sending && !s.reset && !s.held;
        let Some(s) = self.streams.get(&stream).filter(open) else { return 0 };
        let window = self.send_window.min(s.send_window).max(0);
        usize::try_from(window).unwrap_or(usize::MAX).min(self.theirs.max_frame_size as usize)
    }

    /// Sends a part of a body, at most as much as [`Self::room`] allows; returns how many octets were taken.
    /// `end` says that nothing follows, and holds where all were taken.
    pub fn send_data(&mut self, stream: u32, data: &[u8], end: bool) -> usize {
        let n = data.len().min(self.room(stream));
        let end = end && n == data.len();
        if n == 0 && !end {
            return 0;
        }
        let open = |s: &&mut Stream| s.sending && !s.reset && !s.held;
        let Some(s) = self.streams.get_mut(&stream).filter(open) else { return 0 };
        s.sending = !end;
        s.send_window -= n as i64;
        self.send_window -= n as i64;
        let flags = if end { flag::END_STREAM } else { 0 };
        FrameHead { len: n, kind: kind::DATA, flags, stream }.write(&mut self.out);
        self.out.extend_from_slice(data.get(..n).unwrap_or_default());
        n
    }

    /// So many octets of a body were read: the other end may send as many again.
    pub fn credit(&mut self, stream: u32, octets: usize) {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        self.owed = self.owed.saturating_add(octets);
        if self.owed >= CONNECTION_STEP {
            self.receive_window += i64::from(self.owed);
            frame::write_window(&mut self.out, 0, std::mem::take(&mut self.owed));
        }
        let step = self.config.settings.initial_window_size / 4;
        let Some(s) = self.streams.get_mut(&stream).filter(|s| s.receiving && !s.reset) else { return };
        s.owed = s.owed.saturating_add(octets);
        if s.owed > 0 && s.owed >= step {
            s.receive_window += i64::from(s.owed);
            frame::write_window(&mut self.out, stream, std::mem::take(&mut s.owed));
        }
    }

    /// Ends a stream before its time.
    pub fn reset(&mut self, stream: u32, code: ErrorCode) {
        if let Some(s) = self.streams.get_mut(&stream).filter(|s| !s.is_closed()) {
            s.reset = true;
            if s.held {
                return;
            }
            frame::write_reset(&mut self.out, stream, code);
            self.remember_reset(stream);
        }
    }

    /// Says that no further stream is served; those that were begun go on.
    pub fn leave(&mut self, code: ErrorCode) {
        if !self.leaving {
            self.leaving = true;
            let last = self.last();
            frame::write_go_away(&mut self.out, last, code);
        }
    }

    /// Says that the end is near: streams that begin until then are served still (RFC 9113, 6.8).
    pub fn announce_leave(&mut self) {
        if !self.leaving {
            frame::write_go_away(&mut self.out, MAX_WINDOW, ErrorCode::NoError);
        }
    }

    /// Says once more that it is over.
    pub fn part(&mut self) {
        self.leaving = true;
        let last = self.last();
        frame::write_go_away(&mut self.out, last, ErrorCode::NoError);
    }

    /// Whether a header block has begun whose end is still to come.
    pub fn is_amid_block(&self) -> bool {
        self.block.stream != 0
    }

    /// Asks for a sign of life.
    pub fn ping(&mut self, data: &[u8; 8]) {
        frame::write_ping(&mut self.out, false, data);
    }

    pub(super) fn new_stream(&self) -> Stream {
        Stream::new(self.theirs.initial_window_size, self.config.settings.initial_window_size)
    }
}

/// The connection's window is given back in steps of so many octets.
const CONNECTION_STEP: u32 = 1 << 20;
