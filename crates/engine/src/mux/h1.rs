//! HTTP/1 on a connection: bodies as frames, in and out.
//!
//! A [`Reader`] turns what came in into [`Frame`]s, a [`Writer`] turns frames into bytes again, a [`Pump`]
//! carries one message's body between the two, straight from the buffer where it came in whenever nothing
//! has to be put around it.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use weir_http::Head;
use weir_http::h1::{self, BodyLength, ChunkDecoder, ChunkStep, Limits, Parse, chunk_header};

use crate::buffer::Buffer;
use crate::filter::Gate;
use crate::io::{CountedStream, Stream};
use crate::mux::h2::Lane;
use crate::mux::rest::Rest;

/// A connection to a server.
pub(crate) struct Conn {
    pub(crate) stream: Stream,
    pub(crate) input: Buffer,
    /// Requests that it carried.
    pub(crate) requests: u32,
}

/// The client's side of one transaction.
#[derive(Default)]
pub(crate) struct Front {
    pub(crate) parser: weir_http::h1::Parser,
    /// The request's body.
    pub(crate) request: BodyLength,
    /// The client asked with HEAD, whatever rules made of it: it expects no body.
    pub(crate) head_only: bool,
    /// The client's connection goes on after this answer.
    pub(crate) keep_alive: bool,
    /// How much of the request's body was taken from the client.
    pub(crate) taken: Taken,
    /// What was not taken, where some of it was.
    pub(crate) rest: Option<Box<Rest>>,
    pub(crate) counted: Option<CountedStream>,
}

/// How much of a body was taken from its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing yet.
    #[default]
    Nothing,
    /// Some of it.
    Some,
    /// All of it.
    All,
}

/// What becomes of the trailers of a body in chunks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trailers {
    /// What they may be.
    pub(crate) limits: Limits,
    /// They are not passed on (`option http-drop-request-trailers`, `-response-trailers`).
    pub(crate) drop: bool,
}

/// A piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// So many bytes at the start of the input, after `skip` bytes of framing.
    Data {
        /// Bytes of framing before them.
        skip: usize,
        /// How many.
        len: usize,
    },
    /// More bytes have to come; `skip` bytes of framing may go.
    More {
        /// Bytes to be thrown away.
        skip: usize,
    },
    /// The body is complete.
    End,
    /// The last chunk is there: `skip` bytes of framing, then trailers.
    Trailers {
        /// Bytes to be thrown away.
        skip: usize,
    },
    /// This is no body.
    Invalid,
}

/// From bytes to frames.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reader {
    Length(u64),
    Chunked(ChunkDecoder),
    UntilClose,
}

/// From frames to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// As they are.
    Raw,
    /// In chunks.
    Chunked,
    /// Nowhere: the receiver expects no body.
    Nothing,
}

/// Bytes to be sent that were made here: heads, chunk framing.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    sent: usize,
}

/// One message's body on its way.
#[derive(Debug)]
pub(crate) struct Pump {
    reader: Reader,
    writer: Writer,
    /// All of the body was read.
    ended: bool,
    /// The source's end of stream was seen.
    closed: bool,
    /// What was passed last was known to be the end of the body.
    foretold: bool,
    /// The sink's connection ends right after the body.
    parting: bool,
    /// Of the chunk that the sink was told of, what it has still to get.
    open: u64,
    trailers: Trailers,
    /// What the log counts for the end of chunks and for trailers.
    closing: u64,
    /// The sink keeps track of the message's end: it gets data alone.
    framed: bool,
    /// What says how much may pass.
    gate: Option<Rc<Gate>>,
    /// Bytes of body taken from the source.
    pub(crate) read: u64,
    /// Bytes written to the sink, framing and heads included.
    pub(crate) written: u64,
}

/// Why a body cannot go on.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The source failed, or ended too early.
    Source,
    /// The source's framing is invalid.
    Malformed,
    /// The sink failed.
    Sink,
}

// === impl Conn ===

impl Conn {
    pub(crate) fn new(stream: Stream, input: Buffer) -> Self {
        Self { stream, input, requests: 0 }
    }
}

// === impl Reader ===

impl Reader {
    pub(crate) fn new(length: BodyLength) -> Self {
        match length {
            BodyLength::None => Self::Length(0),
            BodyLength::Known(n) => Self::Length(n),
            BodyLength::Chunked => Self::Chunked(ChunkDecoder::default()),
            BodyLength::UntilClose | BodyLength::Tunnel => Self::UntilClose,
        }
    }

    /// What the input begins with.
    pub(super) fn frame(&mut self, input: &[u8], closed: bool) -> Frame {
        match self {
            Self::Length(0) => Frame::End,
            Self::Length(left) => match usize::try_from(*left).unwrap_or(usize::MAX).min(input.len()) {
                0 => Frame::More { skip: 0 },
                len => Frame::Data { skip: 0, len },
            },
            Self::UntilClose if input.is_empty() && closed => Frame::End,
            Self::UntilClose if input.is_empty() => Frame::More { skip: 0 },
            Self::UntilClose => Frame::Data { skip: 0, len: input.len() },
            Self::Chunked(decoder) => match decoder.step(input) {
                ChunkStep::Data { skip, len: 0 } | ChunkStep::Partial { skip } => Frame::More { skip },
                ChunkStep::Data { skip, len } => Frame::Data { skip, len },
                ChunkStep::End { skip } => Frame::Trailers { skip },
                ChunkStep::Invalid => Frame::Invalid,
            },
        }
    }

    /// `n` bytes of data were taken.
    pub(super) fn passed(&mut self, n: usize) {
        match self {
            Self::Length(left) => *left = left.saturating_sub(n as u64),
            Self::Chunked(decoder) => decoder.passed(n),
            Self::UntilClose => {}
        }
    }

    /// The data that the source has announced, of which the first `len` bytes are there.
    fn announced(&self, input: &[u8], len: usize) -> u64 {
        match self {
            Self::Chunked(decoder) => decoder.announced(input),
            _ => len as u64,
        }
    }

    fn left(&self) -> Option<u64> {
        if let Self::Length(n) = self { Some(*n) } else { None }
    }
}

// === impl Writer ===

impl Writer {
    pub(crate) fn new(length: BodyLength) -> Self {
        match length {
            BodyLength::None => Self::Nothing,
            BodyLength::Chunked => Self::Chunked,
            _ => Self::Raw,
        }
    }
}

// === impl Output ===

impl Output {
    /// An empty output over storage that is used again.
    pub(crate) fn over(bytes: Vec<u8>) -> Self {
        let mut this = Self { bytes, sent: 0 };
        this.clear();
        this
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent >= self.bytes.len()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// Sends all of it; `more` says that further bytes, or the end, follow at once. Returns how many went in this call.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        to: &Stream,
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let mut total = 0;
        while !self.is_empty() {
            let n = ready!(to.poll_write(cx, self.rest(), more))?;
            self.sent += n;
            total += n;
        }
        self.clear();
        Poll::Ready(Ok(total))
    }
}

/// Whether what came with a head can be the start of its body: a message that is broken when it comes is
/// refused whole.
pub(crate) fn body_seems_valid(body: BodyLength, input: &[u8], limits: &Limits) -> bool {
    body != BodyLength::Chunked
        || ChunkDecoder::default().seems_valid(input, |rest| {
            let mut head = Head::default();
            !matches!(h1::parse_trailers(rest, &mut head, limits, 400), Parse::Invalid(_))
        })
}

// === impl Pump ===

impl Pump {
    pub(crate) fn new(from: BodyLength, to: BodyLength, trailers: Trailers) -> Self {
        let reader = Reader::new(from);
        let ended = matches!(from, BodyLength::None);
        Self {
            reader,
            writer: Writer::new(to),
            ended,
            closed: false,
            foretold: false,
            parting: false,
            open: 0,
            trailers,
            closing: 0,
            framed: false,
            gate: None,
            read: 0,
            written: 0,
        }
    }

    /// The same out of a stream of HTTP/2, if that is what the source is: the stream says where the body ends, as
    /// far as it announced another length it is known to keep to it.
    pub(crate) fn out_of(mut self, source: &Stream) -> Self {
        if source.lane().is_some() && !self.ended {
            self.reader = Reader::UntilClose;
        }
        self
    }

    /// The same where the end of the body is known to be there, or not.
    pub(crate) fn foretold(mut self, known: bool) -> Self {
        self.foretold = known;
        self
    }

    /// The same into a stream of HTTP/2, if that is what the sink is.
    pub(crate) fn into(mut self, sink: &Stream) -> Self {
        if sink.lane().is_some() {
            self.framed = true;
            if self.writer == Writer::Chunked {
                self.writer = Writer::Raw;
            }
        }
        self
    }

    /// The same through the filters of its direction.
    pub(crate) fn through(mut self, gate: Option<&Rc<Gate>>) -> Self {
        self.pass_through(gate);
        self
    }

    /// Has filters take part from now on.
    pub(crate) fn pass_through(&mut self, gate: Option<&Rc<Gate>>) {
        self.gate = gate.cloned();
    }

    /// Whether filters hold something back.
    pub(crate) fn is_held_back(&self) -> bool {
        self.gate.as_ref().is_some_and(|g| g.is_closed())
    }

    /// What the log counts of the body.
    pub(crate) fn accounted(&self) -> u64 {
        self.read + self.closing
    }

    /// How much was taken from the source.
    pub(crate) fn taken(&self) -> Taken {
        match self.read {
            _ if self.ended => Taken::All,
            0 => Taken::Nothing,
            _ => Taken::Some,
        }
    }

    /// What was not taken, where some of it was.
    pub(crate) fn rest(&self) -> Option<Box<Rest>> {
        (self.taken() == Taken::Some).then(|| Box::new(Rest::of(self.reader, self.trailers.limits)))
    }

    /// Whether the whole body was read from its source.
    pub(crate) fn is_read(&self) -> bool {
        self.ended
    }

    /// Whether the sink's connection ends right after the body, so that the end of both leaves at once.
    pub(crate) fn part(&mut self, parting: bool) {
        self.parting = parting;
    }

    /// From now on the body goes nowhere: its receiver is gone.
    pub(crate) fn discard(&mut self) {
        self.writer = Writer::Nothing;
    }

    /// Carries what there is. Ready when the body has been sent to its end.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &Stream,
        input: &mut Buffer,
        to: &Stream,
        output: &mut Output,
    ) -> Poll<Result<(), Broken>> {
        loop {
            if self.ended {
                let n = ready!(self.send(cx, to, output, self.parting))?;
                self.written += n;
                return Poll::Ready(Ok(()));
            }
            match self.reader.frame(input.data(), self.closed) {
                Frame::Data { skip, len } => {
                    input.consume(skip);
                    let last = len == input.len() && from.lane().is_some_and(Lane::is_spent);
                    ready!(self.pass(cx, input, (len, last), to, output))?;
                }
                Frame::More { skip } => {
                    input.consume(skip);
                    if self.closed {
                        return Poll::Ready(Err(Broken::Source));
                    }
                    // What was made so far need not wait for what is to come.
                    if !output.is_empty() {
                        let n = ready!(self.send(cx, to, output, false))?;
                        self.written += n;
                    }
                    ready!(self.fill(cx, from, input))?;
                }
                Frame::End => {
                    let trailers = from.lane().and_then(Lane::take_trailers);
                    let none = Head::default();
                    let trailers = trailers.as_deref().unwrap_or(&none);
                    // An end that came by itself is counted.
                    if from.lane().is_some() && !self.foretold {
                        self.account(trailers);
                    }
                    self.end(trailers, to, output);
                }
                Frame::Trailers { skip } => {
                    input.consume(skip);
                    let mut head = Head::default();
                    match h1::parse_trailers(input.data(), &mut head, &self.trailers.limits, 400) {
                        Parse::Complete { consumed } => {
                            input.consume(consumed);
                            self.account(&head);
                            self.end(&head, to, output);
                        }
                        Parse::Partial if self.closed => return Poll::Ready(Err(Broken::Source)),
                        Parse::Partial => {
                            if !output.is_empty() {
                                let n = ready!(self.send(cx, to, output, false))?;
                                self.written += n;
                            }
                            ready!(self.fill(cx, from, input))?;
                        }
                        Parse::Invalid(_) => return Poll::Ready(Err(Broken::Malformed)),
                    }
                }
                Frame::Invalid => return Poll::Ready(Err(Broken::Malformed)),
            }
        }
    }

    /// Sends what was made, and `len` bytes of the input, which are known to be the last ones or not.
    fn pass(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Buffer,
        (len, last): (usize, bool),
        to: &Stream,
        output: &mut Output,
    ) -> Poll<Result<(), Broken>> {
        let allowed = match &self.gate {
            None => len,
            Some(gate) => match gate.poll_allowed(cx, len) {
                Poll::Ready(allowed) => allowed,
                Poll::Pending => {
                    // What was made so far is not held back.
                    let n = ready!(self.send(cx, to, output, false))?;
                    self.written += n;
                    return Poll::Pending;
                }
            },
        };
        self.foretold = last && allowed >= len;
        let len = allowed.min(len);
        let data = input.data().get(..len).unwrap_or_default();
        if self.writer == Writer::Chunked && self.open == 0 {
            // Chunks that came together leave as one, and one that came in parts is announced once.
            self.open = match &self.gate {
                None => self.reader.announced(input.data(), len),
                Some(_) => len as u64,
            };
            chunk_header(self.open, &mut output.bytes);
        }
        if let (true, true, Some(lane)) = (self.foretold && self.framed, output.is_empty(), to.lane()) {
            lane.ends_after(len);
        }
        // A small body goes out with its head, in one call.
        let joins = !output.is_empty() && len <= JOIN && output.bytes.len() <= 2 * JOIN;
        let taken = match self.writer {
            Writer::Nothing => len,
            _ if joins => {
                output.bytes.extend_from_slice(data);
                len
            }
            _ => {
                if !output.is_empty() {
                    let n = ready!(output.poll_send(cx, to, true)).map_err(|_| Broken::Sink)?;
                    self.written += n as u64;
                }
                let n = ready!(to.poll_write(cx, data, false)).map_err(|_| Broken::Sink)?;
                self.written += n as u64;
                n
            }
        };
        if let Some(gate) = &self.gate {
            gate.passed(data.get(..taken).unwrap_or_default());
        }
        self.read += taken as u64;
        self.reader.passed(taken);
        input.consume(taken);
        if self.writer == Writer::Chunked {
            self.open = self.open.saturating_sub(taken as u64);
            if self.open == 0 {
                output.bytes.extend_from_slice(b"\r\n");
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Counts the end of chunks, and the lines that follow.
    fn account(&mut self, trailers: &Head) {
        self.closing = 1 + h1::accounted_lines(trailers) as u64;
    }

    /// The source's body is complete.
    fn end(&mut self, trailers: &Head, to: &Stream, output: &mut Output) {
        self.ended = true;
        if let (true, Some(lane)) = (self.framed, to.lane()) {
            return match self.trailers.drop {
                true => lane.finish(&Head::default()),
                false => lane.finish(trailers),
            };
        }
        if self.writer != Writer::Chunked {
            return;
        }
        output.bytes.extend_from_slice(b"0\r\n");
        if self.trailers.drop {
            output.bytes.extend_from_slice(b"\r\n");
        } else {
            h1::write_trailers(trailers, &mut output.bytes);
        }
    }

    fn send(
        &self,
        cx: &mut Context<'_>,
        to: &Stream,
        output: &mut Output,
        more: bool,
    ) -> Poll<Result<u64, Broken>> {
        let n = ready!(output.poll_send(cx, to, more)).map_err(|_| Broken::Sink)?;
        Poll::Ready(Ok(n as u64))
    }

    fn fill(&mut self, cx: &mut Context<'_>, from: &Stream, input: &mut Buffer) -> Poll<Result<(), Broken>> {
        if input.is_full() {
            input.grow();
        }
        match ready!(from.poll_read(cx, input.space())) {
            Ok(0) => self.closed = true,
            Ok(n) => {
                let whole = input.space().len() == n;
                input.filled(n);
                if whole && self.reader.left().is_none_or(|left| left > input.len() as u64) {
                    input.grow(); // Much is coming.
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                return Poll::Ready(Err(Broken::Malformed));
            }
            Err(_) => return Poll::Ready(Err(Broken::Source)),
        }
        Poll::Ready(Ok(()))
    }
}

/// Data up to this size is copied behind the head or into chunks; more is written from where it lies.
const JOIN: usize = 16 * 1024;
/// Storage of an output that is kept for the next message.
const KEEP: usize = 64 * 1024;
