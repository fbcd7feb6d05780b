//! HTTP/2 below a check (manual, 5.2 "check-proto"; RFC 9113): one stream for its request, without I/O.
//!
//! What came of the answer is told to the [`Run`], which judges it like any other. A stream that ends before its time,
//! and a connection that does, are the end of the answer; how far it got decides what that means.

use std::mem;

use weir_http::Head;
use weir_http::h2::{Config, Connection, Event, Kind, Role};

use super::http::Request;
use super::script::Run;

/// A connection of a check.
pub(super) struct Session {
    codec: Connection,
    /// The stream whose answer is waited for.
    stream: u32,
    /// What came and was not looked at yet.
    input: Vec<u8>,
    /// What is to be sent still of the request's body.
    body: Vec<u8>,
    /// Where the answer is read to.
    head: Head,
    answered: bool,
}

// === impl Session ===

impl Session {
    /// A connection at its start.
    pub(super) fn new(config: Config) -> Self {
        Self {
            codec: Connection::new(Role::Client, config),
            stream: NO_STREAM,
            input: Vec::new(),
            body: Vec::new(),
            head: Head::default(),
            answered: false,
        }
    }

    /// Asks on a stream of its own.
    pub(super) fn ask(&mut self, request: Request) {
        let Some(stream) = self.codec.open() else { return };
        self.stream = stream;
        self.answered = false;
        let end = request.body.is_empty();
        self.codec.send_head(stream, Kind::Request, &request.head, SCHEME, end);
        self.body = request.body;
    }

    /// What is to be sent now.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        while !self.body.is_empty() {
            let sent = self.codec.send_data(self.stream, &self.body, true);
            if sent == 0 {
                break;
            }
            self.body.drain(..sent);
        }
        let out = self.codec.output().to_vec();
        self.codec.sent(out.len());
        out
    }

    /// The server said this; nothing is the end. No more than `room` octets of the answer's body are looked at.
    pub(super) fn received(&mut self, bytes: &[u8], run: &mut Run<'_>, room: usize) {
        if bytes.is_empty() {
            run.finished();
        }
        self.input.extend_from_slice(bytes);
        let input = mem::take(&mut self.input);
        let mut rest = input.as_slice();
        loop {
            let step = self.codec.step(rest, &mut self.head);
            match step.event {
                Event::Head { stream, end } if stream == self.stream && !self.answered => {
                    self.answered = true;
                    answered(run, Some(mem::take(&mut self.head)), end);
                }
                Event::Data { stream, skip, len, end } => {
                    let data = rest.get(skip..skip + len).unwrap_or_default();
                    self.codec.credit(stream, len);
                    if stream == self.stream && !data.is_empty() {
                        run.received(data, room);
                    }
                    if end {
                        run.finished();
                    }
                }
                Event::Malformed { .. } | Event::Reset { .. } | Event::Trailers { .. } => run.finished(),
                // The first head is that of the answer, though it be an interim one.
                Event::Head { end: true, .. } => run.finished(),
                Event::Head { .. } | Event::Nothing | Event::Window { .. } | Event::GoAway { .. } => {}
                Event::Over { .. } => {
                    run.finished();
                    return;
                }
                Event::More => break,
            }
            rest = rest.get(step.consumed..).unwrap_or_default();
        }
        self.input = rest.to_vec();
    }
}

/// The head of an answer on a stream among others, or that there will be none.
pub(super) fn answered(run: &mut Run<'_>, head: Option<Head>, end: bool) {
    let end = end || head.is_none();
    if let Some(head) = head {
        run.answered(head);
    }
    if end {
        run.finished();
    }
}

/// The scheme of requests whose target has none, whatever they go over.
pub(super) const SCHEME: &[u8] = b"https";
/// The stream of no request.
const NO_STREAM: u32 = 0;
