//! What the other end says, frame by frame (RFC 9113, 4 to 6).

use super::stream::Stream;
use super::{Connection, Event, Phase, Role, Step};
use crate::Head;
use crate::h2::Kind;
use crate::h2::assemble::Fault;
use crate::h2::error::ErrorCode;
use crate::h2::frame::{self, FrameHead, flag, kind, number};
use crate::h2::settings::{self, MAX_WINDOW};

// === impl Connection ===

impl Connection {
    /// Looks at what came: takes one frame, or a part of one with a body, off the start of `input`. The head of
    /// a message, or the lines after a body, are written to `head`.
    pub fn step(&mut self, input: &[u8], head: &mut Head) -> Step {
        if let Some(stream) = self.take_unfit() {
            let code = ErrorCode::InternalError;
            return Step { consumed: 0, event: Event::Reset { stream, code, by_peer: false } };
        }
        match self.phase {
            Phase::Preface => self.preface(input),
            Phase::Settings | Phase::Frame => self.frame(input, head),
            Phase::Body { stream, left, padding, end } => self.body(input, stream, left, padding, end),
            Phase::Skip(n) => {
                let consumed = n.min(input.len());
                self.phase = if n > consumed { Phase::Skip(n - consumed) } else { Phase::Frame };
                Step {
                    consumed,
                    event: if consumed < n && consumed == 0 { Event::More } else { Event::Nothing },
                }
            }
            Phase::Over(code) => Step { consumed: input.len(), event: Event::Over { code } },
        }
    }

    fn preface(&mut self, input: &[u8]) -> Step {
        let len = input.len().min(frame::PREFACE.len());
        if input.get(..len) != frame::PREFACE.get(..len) {
            self.out.clear();
            self.phase = Phase::Over(None);
            return Step { consumed: 0, event: Event::Over { code: None } };
        }
        if len < frame::PREFACE.len() {
            return Step { consumed: 0, event: Event::More };
        }
        self.phase = Phase::Settings;
        Step { consumed: len, event: Event::Nothing }
    }

    fn frame(&mut self, input: &[u8], head: &mut Head) -> Step {
        let Some(frame) = FrameHead::read(input) else { return Step { consumed: 0, event: Event::More } };
        let failed = |this: &mut Self, code| Step { consumed: 0, event: this.fail(code) };
        if let Err(code) = self.judge(&frame) {
            self.stray_head |= self.is_amid_block();
            return failed(self, code);
        }
        if frame.kind == kind::DATA {
            if frame::HEAD + usize::from(frame.has(flag::PADDED)) <= input.len() {
                self.tally.data += 1;
            }
            return self.data(frame, input).unwrap_or_else(|code| failed(self, code));
        }
        if frame.kind > kind::CONTINUATION {
            self.phase = Phase::Skip(frame.len);
            return Step { consumed: frame::HEAD, event: Event::Nothing };
        }
        let end = frame::HEAD + frame.len;
        let Some(payload) = input.get(frame::HEAD..end) else {
            return Step { consumed: 0, event: Event::More };
        };
        let first = self.phase == Phase::Settings;
        self.phase = Phase::Frame;
        match frame.kind {
            kind::HEADERS => self.tally.headers += 1,
            // The reference counts the first one as two.
            kind::SETTINGS => self.tally.settings += 1 + u32::from(first),
            kind::RST_STREAM => self.tally.resets += 1,
            kind::GOAWAY => self.tally.leaves += 1,
            _ => {}
        }
        match self.whole(frame, payload, head) {
            Ok(event) => Step { consumed: end, event },
            Err(code) => failed(self, code),
        }
    }

    /// What can be said of a frame by its head alone.
    fn judge(&self, frame: &FrameHead) -> Result<(), ErrorCode> {
        let first = self.phase == Phase::Settings;
        if first && (frame.kind != kind::SETTINGS || frame.has(flag::ACK)) {
            return Err(ErrorCode::ProtocolError); // RFC 9113, 3.4
        }
        if frame.len > self.config.settings.max_frame_size as usize {
            return Err(ErrorCode::FrameSizeError);
        }
        if self.block.stream != 0 && (frame.kind != kind::CONTINUATION || frame.stream != self.block.stream) {
            return Err(ErrorCode::ProtocolError); // RFC 9113, 6.10
        }
        let on_stream = frame.stream != 0;
        let (place, length) = match frame.kind {
            kind::DATA | kind::HEADERS => (on_stream, true),
            kind::CONTINUATION if self.block.stream != 0 => (true, true),
            kind::CONTINUATION if self.is_over(frame.stream) => return Err(ErrorCode::StreamClosed),
            kind::CONTINUATION => (false, true),
            kind::PRIORITY => (on_stream, frame.len == 5),
            kind::RST_STREAM => (on_stream, frame.len == 4),
            kind::SETTINGS if frame.has(flag::ACK) => (!on_stream, frame.len == 0),
            kind::SETTINGS => (!on_stream, frame.len.is_multiple_of(6)),
            kind::PUSH_PROMISE => (false, true), // RFC 9113, 8.4: nobody was allowed to push
            kind::PING => (!on_stream, frame.len == 8),
            kind::GOAWAY => (!on_stream, frame.len >= 8),
            kind::WINDOW_UPDATE => (true, frame.len == 4),
            _ => (true, true),
        };
        match (place, length) {
            (false, _) => Err(ErrorCode::ProtocolError),
            (_, false) => Err(ErrorCode::FrameSizeError),
            _ => Ok(()),
        }
    }

    /// Whether no frame ever began a stream.
    fn is_idle(&self, stream: u32) -> bool {
        let theirs = stream.is_multiple_of(2) == (self.role == Role::Client);
        if theirs { stream > self.last_theirs } else { stream >= self.next_own }
    }

    /// Whether both ends are done with a stream that was begun.
    fn is_over(&self, stream: u32) -> bool {
        stream != 0 && !self.is_idle(stream) && self.streams.get(&stream).is_none_or(Stream::is_closed)
    }

    /// A frame with all of its payload.
    fn whole(&mut self, frame: FrameHead, payload: &[u8], head: &mut Head) -> Result<Event, ErrorCode> {
        match frame.kind {
            kind::HEADERS => self.headers(frame, payload, head),
            kind::CONTINUATION => self.continuation(frame, payload, head),
            kind::PRIORITY => match number(payload, 0).map(|n| n & MAX_WINDOW) {
                Some(parent) if parent == frame.stream => Err(ErrorCode::ProtocolError),
                _ => Ok(Event::Nothing), // RFC 9113, 5.3.2: priorities are ignored
            },
            kind::RST_STREAM => self.peer_reset(frame.stream, number(payload, 0).unwrap_or_default()),
            kind::SETTINGS => self.settings(frame, payload),
            kind::PING if frame.has(flag::ACK) => Ok(Event::Nothing),
            kind::PING => {
                if let Some(data) = payload.first_chunk() {
                    frame::write_ping(&mut self.out, true, data);
                }
                Ok(Event::Nothing)
            }
            kind::GOAWAY => {
                let last = number(payload, 0).unwrap_or_default() & MAX_WINDOW;
                self.their_last = Some(last);
                Ok(Event::GoAway { last, code: ErrorCode::of(number(payload, 4).unwrap_or_default()) })
            }
            _ => self.window(frame.stream, number(payload, 0).unwrap_or_default() & MAX_WINDOW),
        }
    }

    fn settings(&mut self, frame: FrameHead, payload: &[u8]) -> Result<Event, ErrorCode> {
        if frame.has(flag::ACK) {
            return Ok(Event::Nothing);
        }
        let before = self.theirs.initial_window_size;
        self.theirs.apply(payload)?;
        // RFC 9113, 6.9.2
        let change = i64::from(self.theirs.initial_window_size) - i64::from(before);
        for s in self.streams.values_mut() {
            s.send_window += change;
            if s.send_window > i64::from(MAX_WINDOW) {
                return Err(ErrorCode::FlowControlError);
            }
        }
        settings::write_ack(&mut self.out);
        self.acquainted = true;
        let freed = self.settle_held();
        Ok(if freed || change > 0 { Event::Window { stream: 0 } } else { Event::Nothing })
    }

    fn window(&mut self, stream: u32, increment: u32) -> Result<Event, ErrorCode> {
        if stream == 0 {
            self.send_window += i64::from(increment);
            return match increment {
                0 => Err(ErrorCode::ProtocolError),
                _ if self.send_window > i64::from(MAX_WINDOW) => Err(ErrorCode::FlowControlError),
                _ => Ok(Event::Window { stream: 0 }),
            };
        }
        if self.is_idle(stream) {
            return Err(ErrorCode::ProtocolError);
        }
        let Some(s) = self.streams.get_mut(&stream).filter(|s| !s.is_closed()) else {
            return Ok(Event::Nothing);
        };
        s.send_window += i64::from(increment);
        if increment == 0 {
            return self.broken(stream, ErrorCode::ProtocolError);
        }
        if s.send_window > i64::from(MAX_WINDOW) {
            return self.broken(stream, ErrorCode::FlowControlError);
        }
        Ok(Event::Window { stream })
    }

    fn peer_reset(&mut self, stream: u32, code: u32) -> Result<Event, ErrorCode> {
        if self.is_idle(stream) {
            return Err(ErrorCode::ProtocolError);
        }
        let Some(s) = self.streams.get_mut(&stream).filter(|s| !s.is_closed()) else {
            return Ok(Event::Nothing);
        };
        (s.reset, s.abandoned) = (true, true);
        if self.glitch() {
            return Err(ErrorCode::EnhanceYourCalm);
        }
        Ok(Event::Reset { stream, code: ErrorCode::of(code), by_peer: true })
    }

    /// Ends a stream because of what came on it.
    fn broken(&mut self, stream: u32, code: ErrorCode) -> Result<Event, ErrorCode> {
        if self.glitch() {
            return Err(ErrorCode::EnhanceYourCalm);
        }
        self.tally.stream_errors += 1;
        self.tally.resets_sent += 1;
        let known = self.streams.get(&stream).is_some_and(|s| !s.is_closed());
        if !known {
            frame::write_reset(&mut self.out, stream, code);
            return Ok(Event::Nothing);
        }
        self.reset(stream, code);
        Ok(Event::Reset { stream, code, by_peer: false })
    }
}

/// Heads and the lines after bodies.
impl Connection {
    fn headers(&mut self, frame: FrameHead, payload: &[u8], head: &mut Head) -> Result<Event, ErrorCode> {
        let padded = frame.padding(payload.first().copied()).inspect_err(|code| {
            if *code == ErrorCode::FrameSizeError {
                self.last_theirs = self.last_theirs.max(frame.stream);
            }
        })?;
        let content =
            payload.get(padded.before..payload.len() - padded.after).ok_or(ErrorCode::ProtocolError)?;
        let stream = frame.stream;
        if frame.has(flag::PRIORITY) {
            let at = padded.before - 5;
            if number(payload, at).is_some_and(|n| n & MAX_WINDOW == stream) {
                self.last_theirs = self.last_theirs.max(stream);
                return Err(ErrorCode::ProtocolError);
            }
        }
        let end = frame.has(flag::END_STREAM);
        let late = self.begin(stream, end, payload.is_empty())?;
        if frame.has(flag::END_HEADERS) {
            return self.block((stream, end, late), content, head);
        }
        self.block.stream = stream;
        (self.block.end, self.block.frames, self.block.late) = (end, 0, late);
        self.block.bytes.clear();
        self.block.bytes.extend_from_slice(content);
        Ok(Event::Nothing)
    }

    /// Whether a head may come on this stream now (RFC 9113, 5.1 and 5.1.1); true where it is too late for it, as
    /// this end has reset the stream.
    fn begin(&mut self, stream: u32, end: bool, empty: bool) -> Result<bool, ErrorCode> {
        if empty {
            self.stray_head = true;
            return Err(ErrorCode::FrameSizeError);
        }
        if self.is_idle(stream) {
            if self.role == Role::Client || stream.is_multiple_of(2) {
                self.stray_head = true;
                return Err(ErrorCode::ProtocolError);
            }
            self.last_theirs = stream;
            return Ok(false);
        }
        match self.streams.get(&stream) {
            Some(s) if s.abandoned => Err(ErrorCode::StreamClosed),
            Some(s) if s.reset => Ok(true),
            Some(s) if s.is_closed() => Err(ErrorCode::StreamClosed),
            Some(s) if !s.receiving => Err(ErrorCode::ProtocolError),
            Some(s) if s.headed && !end && self.role == Role::Server => {
                self.stray_head = true;
                Err(ErrorCode::ProtocolError)
            }
            Some(_) => Ok(false),
            None if self.cast_off.contains(&stream) => Ok(true),
            None => Err(ErrorCode::StreamClosed),
        }
    }

    fn continuation(
        &mut self,
        frame: FrameHead,
        payload: &[u8],
        head: &mut Head,
    ) -> Result<Event, ErrorCode> {
        self.block.frames += 1;
        if is_glitch(self.block.frames) && self.glitch() {
            return Err(ErrorCode::EnhanceYourCalm);
        }
        let total = self.block.bytes.len() + payload.len();
        if total > self.config.max_head || self.block.frames > MAX_CONTINUATIONS {
            return Err(ErrorCode::InternalError);
        }
        self.block.bytes.extend_from_slice(payload);
        if !frame.has(flag::END_HEADERS) {
            return Ok(Event::Nothing);
        }
        let bytes = std::mem::take(&mut self.block.bytes);
        let stream = std::mem::take(&mut self.block.stream);
        let event = self.block((stream, self.block.end, self.block.late), &bytes, head);
        self.block.bytes = bytes;
        event
    }

    /// A whole header block, its stream, whether that ends with it, and whether it comes too late.
    fn block(
        &mut self,
        (stream, end, late): (u32, bool, bool),
        block: &[u8],
        head: &mut Head,
    ) -> Result<Event, ErrorCode> {
        let known = self.streams.get(&stream).copied();
        let kind = match known {
            Some(s) if s.headed => Kind::Trailers,
            Some(_) => Kind::Response,
            None => Kind::Request,
        };
        head.clear();
        self.assembler.start(kind, self.config.max_lines);
        let assembler = &mut self.assembler;
        let all = self
            .decoder
            .decode(block, self.config.max_head, |name, value| assembler.line(name, value, head))
            .map_err(|_| {
                self.stray_head = true;
                ErrorCode::CompressionError
            })?;
        if late {
            let server = self.role == Role::Server;
            let code = if server { ErrorCode::StreamClosed } else { ErrorCode::ProtocolError };
            return self.broken(stream, code);
        }
        let made = if all { self.assembler.finish(head, end) } else { Err(Fault::Stream) };
        match made {
            Err(Fault::Connection(code)) => {
                self.stray_head = true;
                return Err(code);
            }
            Err(Fault::Stream) => {
                self.stray_head |= known.is_some();
                return self.malformed(stream);
            }
            Ok(()) => {}
        }
        // RFC 9113, 8.6: HTTP/2 changes no protocol but where it was asked to.
        if known.is_some_and(|s| !s.headed && head.status() == 101 && !s.upgrades) {
            self.stray_head = true;
            return self.malformed(stream);
        }
        if known.is_none() {
            if end && self.assembler.content_length().is_some_and(|n| n > 0) && !head.facts().upgrade {
                return self.malformed(stream);
            }
            if self.leaving || self.is_full() {
                return self.broken(stream, ErrorCode::RefusedStream);
            }
            let new = self.new_stream();
            self.streams.insert(stream, new);
        }
        self.headed(stream, kind, end, head)
    }

    /// A head, or the lines after a body, is none (RFC 9113, 8.1.1).
    fn malformed(&mut self, stream: u32) -> Result<Event, ErrorCode> {
        self.broken(stream, ErrorCode::ProtocolError).map(|_| Event::Malformed { stream })
    }

    /// Whether no further stream may begin: as many live as were allowed (RFC 9113, 5.1.2), or as many again
    /// ended that nobody has let go of.
    fn is_full(&self) -> bool {
        let most = self.config.settings.max_concurrent_streams as usize;
        self.streams.len() >= most
            && (self.streams.len() >= most.saturating_mul(2)
                || self.streams.values().filter(|s| !s.is_closed()).count() >= most)
    }

    /// A valid head, or valid lines after a body.
    fn headed(&mut self, stream: u32, kind: Kind, end: bool, head: &Head) -> Result<Event, ErrorCode> {
        let length = self.assembler.content_length();
        let (wide, own) = (self.share(), self.config.settings.initial_window_size);
        let fits = length.is_some_and(|n| n <= u64::from(own));
        let Some(s) = self.streams.get_mut(&stream) else { return Ok(Event::Nothing) };
        let interim = kind == Kind::Response && (100..200).contains(&head.status()) && head.status() != 101;
        if interim && end {
            return self.broken(stream, ErrorCode::ProtocolError);
        }
        s.headed |= !interim;
        s.receiving = !end;
        if kind == Kind::Trailers {
            let short = s.missing.is_some_and(|n| n > 0);
            return if short || !end {
                self.broken(stream, ErrorCode::ProtocolError)
            } else {
                Ok(Event::Trailers { stream })
            };
        }
        let bare = s.asked_head || kind == Kind::Response && matches!(head.status(), 204 | 304);
        // The bytes of another protocol have no length.
        let tunnel = match kind {
            Kind::Request => head.facts().upgrade,
            _ => s.upgrades && matches!(head.status(), 101 | 200),
        };
        s.missing = length.filter(|_| !bare && !tunnel);
        if !end && !interim && !fits && wide > own {
            s.receive_window += i64::from(wide - own);
            frame::write_window(&mut self.out, stream, wide - own);
        }
        Ok(Event::Head { stream, end })
    }
}

/// Bodies.
impl Connection {
    /// The window of one more stream: its own buffer, and a share of those that no stream needs: all beyond one for each
    /// stream that may be, and seven eighths of what is unused of the others.
    fn share(&self) -> u32 {
        let others = self.streams.values().filter(|s| s.headed && s.receiving && !s.reset);
        let receiving = others.count() + 1;
        let [receiving, used] = [receiving, self.streams.len()].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let all = self.config.buffers;
        let needed = all.min(self.config.settings.max_concurrent_streams);
        let unused = needed.saturating_sub(used);
        let parts = (all - needed + unused / 8 * 7 + unused % 8 * 7 / 8).div_ceil(receiving);
        parts.saturating_add(1).saturating_mul(self.config.buffer).min(MAX_WINDOW)
    }

    /// A frame of data begins: what it takes of the windows, and where its content lies.
    fn data(&mut self, frame: FrameHead, input: &[u8]) -> Result<Step, ErrorCode> {
        let first = input.get(frame::HEAD).copied();
        if frame.has(flag::PADDED) && frame.len > 0 && first.is_none() {
            return Ok(Step { consumed: 0, event: Event::More });
        }
        let padded = frame.padding(first)?;
        let stream = frame.stream;
        if self.is_idle(stream) {
            return Err(ErrorCode::ProtocolError);
        }
        self.receive_window -= frame.len as i64;
        if self.receive_window < 0 {
            return Err(ErrorCode::FlowControlError); // RFC 9113, 6.9
        }
        let wanted = self.streams.get_mut(&stream).filter(|s| s.receiving && !s.reset);
        let Some(s) = wanted else {
            // RFC 9113, 5.1: a server that goes on after its answer is not one to go on with.
            if self.role == Role::Client
                && self.streams.get(&stream).is_some_and(|s| !s.reset && s.is_closed())
            {
                return Err(ErrorCode::StreamClosed);
            }
            let gone = !self.streams.contains_key(&stream);
            self.phase = Phase::Skip(frame.len);
            self.credit(0, frame.len);
            let event = self.broken(stream, ErrorCode::StreamClosed)?;
            if gone {
                // What comes on a stream that nobody remembers counts as little as the stream.
                self.tally.data = self.tally.data.saturating_sub(1);
                self.tally.stream_errors = self.tally.stream_errors.saturating_sub(1);
            }
            return Ok(Step { consumed: frame::HEAD, event });
        };
        s.receive_window -= frame.len as i64;
        let content = frame.len - padded.before - padded.after;
        let end = frame.has(flag::END_STREAM);
        let fault = match s.missing.map(|m| m.checked_sub(content as u64)) {
            _ if s.receive_window < 0 => Some(ErrorCode::FlowControlError),
            _ if !s.headed => Some(ErrorCode::ProtocolError),
            Some(None) => Some(ErrorCode::ProtocolError), // RFC 9113, 8.1.1
            Some(Some(left)) if end && left > 0 => Some(ErrorCode::ProtocolError),
            Some(left) => {
                s.missing = left;
                None
            }
            None => None,
        };
        if let Some(code) = fault {
            self.phase = Phase::Skip(frame.len);
            self.credit(0, frame.len);
            let event = self.broken(stream, code)?;
            return Ok(Step { consumed: frame::HEAD, event });
        }
        self.credit(stream, padded.before + padded.after);
        self.phase = Phase::Body { stream, left: content, padding: padded.after, end };
        Ok(Step { consumed: frame::HEAD + padded.before, event: Event::Nothing })
    }

    /// What is there of a frame of data that began.
    fn body(&mut self, input: &[u8], stream: u32, left: usize, padding: usize, end: bool) -> Step {
        let len = left.min(input.len());
        if len < left {
            if len == 0 {
                return Step { consumed: 0, event: Event::More };
            }
            self.phase = Phase::Body { stream, left: left - len, padding, end };
            return Step { consumed: len, event: Event::Data { stream, skip: 0, len, end: false } };
        }
        self.phase = if padding > 0 { Phase::Skip(padding) } else { Phase::Frame };
        if end && let Some(s) = self.streams.get_mut(&stream) {
            s.receiving = false;
        }
        let event = if len == 0 && !end { Event::Nothing } else { Event::Data { stream, skip: 0, len, end } };
        Step { consumed: len, event }
    }
}

/// Whether the frame that continues a header block for the `n`th time is out of the ordinary: the fifth, and each
/// that begins another sixteen.
fn is_glitch(n: u32) -> bool {
    n == 5 || n > 16 && n % 16 == 1
}

/// Frames that may continue a header block: what is larger is an attack.
const MAX_CONTINUATIONS: u32 = 64;
