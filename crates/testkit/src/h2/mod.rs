//! One end of an HTTP/2 connection that says exactly the frames it is told to, right or wrong.
//!
//! Nothing is judged, acknowledged or windowed here: a test sees every frame that comes and decides what it says.
//! The codec is independent of the one under test.

mod hpack;

pub use hpack::{HeaderDecoder, literal};

use crate::Peer;
use std::time::Duration;

/// A frame (RFC 9113, 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
    /// What it holds.
    pub payload: Vec<u8>,
}

/// What came next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// A frame.
    Frame(Frame),
    /// The connection is over; bytes that are no whole frame came before its end.
    Close(Vec<u8>),
    /// Nothing, within the time.
    Silence,
}

/// One end of a connection.
#[derive(Debug)]
pub struct H2Peer {
    peer: Peer,
    decoder: HeaderDecoder,
    /// A header block whose end is still to come.
    block: Vec<u8>,
}

/// The client's first words (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The names of the kinds of frames, by number (RFC 9113, 6).
pub const KINDS: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];
/// The names of the codes of errors, by number (RFC 9113, 7).
pub const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];
/// The flag of DATA and HEADERS that ends a stream's side.
pub const END_STREAM: u8 = 1;
/// The flag of HEADERS and CONTINUATION that ends a header block.
pub const END_HEADERS: u8 = 4;

// === impl Frame ===

impl Frame {
    /// A frame of a kind by its name.
    ///
    /// # Panics
    /// Where no kind has this name.
    #[track_caller]
    pub fn new(kind: &str, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Frame {
        let kind = KINDS.iter().position(|k| *k == kind).unwrap_or_else(|| panic!("no frame is a {kind}"));
        Frame { kind: kind as u8, flags, stream, payload: payload.into() }
    }

    /// HEADERS with these lines, none of them compressed.
    pub fn headers(stream: u32, lines: &[(&str, &str)], end: bool) -> Frame {
        let mut block = Vec::new();
        lines.iter().for_each(|(name, value)| literal(&mut block, name.as_bytes(), value.as_bytes()));
        Frame::new("HEADERS", END_HEADERS | u8::from(end), stream, block)
    }

    /// DATA.
    pub fn data(stream: u32, bytes: impl Into<Vec<u8>>, end: bool) -> Frame {
        Frame::new("DATA", u8::from(end), stream, bytes)
    }

    /// SETTINGS of these numbers and values.
    pub fn settings(values: &[(u16, u32)]) -> Frame {
        let bytes = values.iter().flat_map(|(id, v)| [&id.to_be_bytes()[..], &v.to_be_bytes()[..]].concat());
        Frame::new("SETTINGS", 0, 0, bytes.collect::<Vec<u8>>())
    }

    /// The acknowledgement of SETTINGS.
    pub fn settings_ack() -> Frame {
        Frame::new("SETTINGS", 1, 0, [])
    }

    /// WINDOW_UPDATE.
    pub fn window(stream: u32, octets: u32) -> Frame {
        Frame::new("WINDOW_UPDATE", 0, stream, octets.to_be_bytes())
    }

    /// Its name; nothing for a kind that RFC 9113 does not know.
    pub fn name(&self) -> &'static str {
        KINDS.get(usize::from(self.kind)).copied().unwrap_or_default()
    }

    /// Whether it ends its stream's side.
    pub fn ends(&self) -> bool {
        self.kind <= 1 && self.flags & END_STREAM != 0
    }

    /// The number of four octets that lies at `at` in the payload.
    pub fn number(&self, at: usize) -> u32 {
        let bytes = self.payload.get(at..at + 4).unwrap_or_default();
        bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b))
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = (self.payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

// === impl H2Peer ===

impl H2Peer {
    /// Over a connection; nothing is said yet.
    pub fn new(peer: Peer) -> H2Peer {
        H2Peer { peer, decoder: HeaderDecoder::default(), block: Vec::new() }
    }

    /// A client that says its preface and these settings.
    #[track_caller]
    pub fn client(peer: Peer, settings: &[(u16, u32)]) -> H2Peer {
        let mut this = H2Peer::new(peer);
        this.peer.send(PREFACE);
        this.send(&Frame::settings(settings));
        this
    }

    /// A server that takes the preface and says these settings.
    #[track_caller]
    pub fn server(peer: Peer, settings: &[(u16, u32)]) -> H2Peer {
        let mut this = H2Peer::new(peer);
        this.peer.expect(PREFACE);
        this.send(&Frame::settings(settings));
        this
    }

    /// The bytes below.
    pub fn peer(&mut self) -> &mut Peer {
        &mut self.peer
    }

    /// Sends a frame.
    #[track_caller]
    pub fn send(&mut self, frame: &Frame) -> &mut H2Peer {
        self.peer.send(frame.bytes());
        self
    }

    /// The next frame, if it comes within the time.
    pub fn next_within(&mut self, time: Duration) -> Came {
        let Some(head) = self.peer.try_exactly(9, time) else { return self.ended() };
        let &[a, b, c, kind, flags, s, t, u, v] = head.as_slice() else { return self.ended() };
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        let Some(payload) = self.peer.try_exactly(len, time) else { return self.ended() };
        Came::Frame(Frame { kind, flags, stream: u32::from_be_bytes([s & 0x7f, t, u, v]), payload })
    }

    /// The next frame.
    #[track_caller]
    pub fn recv(&mut self) -> Frame {
        match self.next_within(crate::PATIENCE) {
            Came::Frame(frame) => frame,
            other => panic!("no frame: {other:?}"),
        }
    }

    /// The next frame of a kind; what comes before it is dropped.
    #[track_caller]
    pub fn recv_of(&mut self, kind: &str) -> Frame {
        loop {
            let frame = self.recv();
            if frame.name() == kind && frame.flags & 1 == 0 || frame.name() == kind && kind != "SETTINGS" {
                return frame;
            }
        }
    }

    /// The lines of the header block that a frame completes; each block has to be read, in order.
    pub fn lines(&mut self, frame: &Frame) -> Option<Result<Vec<(String, String)>, String>> {
        let (padded, priority) = (frame.flags & 8 != 0, frame.flags & 0x20 != 0);
        let content = match frame.name() {
            "HEADERS" => {
                let (skip, tail) = match frame.payload.first() {
                    Some(n) if padded => (1, usize::from(*n)),
                    _ => (0, 0),
                };
                let end = frame.payload.len().saturating_sub(tail);
                frame.payload.get(skip + if priority { 5 } else { 0 }..end).unwrap_or_default()
            }
            "CONTINUATION" => &frame.payload,
            _ => return None,
        };
        self.block.extend(content);
        (frame.flags & END_HEADERS != 0).then(|| self.decoder.decode(&std::mem::take(&mut self.block)))
    }

    fn ended(&mut self) -> Came {
        if self.peer.has_ended() { Came::Close(self.peer.recv_to_close()) } else { Came::Silence }
    }
}
