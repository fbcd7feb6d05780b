//! Frames (RFC 9113, 4 and 6): their heads, the layout of their payloads, and how they are written.

use super::error::ErrorCode;

/// The nine octets before every payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Octets of payload.
    pub len: usize,
    /// What it is.
    pub kind: u8,
    /// What the kind says of them.
    pub flags: u8,
    /// 0 for the connection.
    pub stream: u32,
}

/// Where the content of a padded payload lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Padded {
    /// Octets before the content.
    pub(super) before: usize,
    /// Octets after it.
    pub(super) after: usize,
}

/// How many octets a frame's head takes.
pub const HEAD: usize = 9;
/// What a client begins with (RFC 9113, 3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The kinds of frames (RFC 9113, 6).
pub mod kind {
    #![expect(missing_docs, reason = "each is the frame of its name")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// The flags of frames.
pub mod flag {
    #![expect(missing_docs, reason = "each is the flag of its name")]
    pub const END_STREAM: u8 = 0x1;
    pub const ACK: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

// === impl FrameHead ===

impl FrameHead {
    /// The head at the start of `input`, where all of it is there.
    pub fn read(input: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, s @ ..] = input.first_chunk::<HEAD>()?;
        Some(Self {
            len: usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c),
            kind: *kind,
            flags: *flags,
            stream: u32::from_be_bytes(*s) & 0x7fff_ffff,
        })
    }

    /// Whether it has all the bits of a flag.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag == flag
    }

    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let [_, a, b, c] = (self.len as u32).to_be_bytes();
        out.extend_from_slice(&[a, b, c, self.kind, self.flags]);
        out.extend_from_slice(&self.stream.to_be_bytes());
    }

    /// How it pads its content, given the first octet of the payload (RFC 9113, 6.1 and 6.2). Padding that is
    /// as long as what remains is a fault of the connection.
    pub(super) fn padding(&self, first: Option<u8>) -> Result<Padded, ErrorCode> {
        let priority = if self.kind == kind::HEADERS && self.has(flag::PRIORITY) { 5 } else { 0 };
        let (length, after) = if self.has(flag::PADDED) {
            (1, usize::from(first.ok_or(ErrorCode::FrameSizeError)?))
        } else {
            (0, 0)
        };
        let before = length + priority;
        if before > self.len {
            return Err(ErrorCode::FrameSizeError);
        }
        if before + after > self.len {
            return Err(ErrorCode::ProtocolError);
        }
        Ok(Padded { before, after })
    }
}

/// Appends a `RST_STREAM`.
pub(super) fn write_reset(out: &mut Vec<u8>, stream: u32, code: ErrorCode) {
    FrameHead { len: 4, kind: kind::RST_STREAM, flags: 0, stream }.write(out);
    out.extend_from_slice(&code.number().to_be_bytes());
}

/// Appends a `WINDOW_UPDATE`.
pub(super) fn write_window(out: &mut Vec<u8>, stream: u32, increment: u32) {
    FrameHead { len: 4, kind: kind::WINDOW_UPDATE, flags: 0, stream }.write(out);
    out.extend_from_slice(&increment.to_be_bytes());
}

/// Appends a `GOAWAY` without debug data.
pub(super) fn write_go_away(out: &mut Vec<u8>, last: u32, code: ErrorCode) {
    FrameHead { len: 8, kind: kind::GOAWAY, flags: 0, stream: 0 }.write(out);
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&code.number().to_be_bytes());
}

/// Appends a `PING`.
pub(super) fn write_ping(out: &mut Vec<u8>, ack: bool, data: &[u8; 8]) {
    let flags = if ack { flag::ACK } else { 0 };
    FrameHead { len: 8, kind: kind::PING, flags, stream: 0 }.write(out);
    out.extend_from_slice(data);
}

/// A number of four octets at `at`.
pub(super) fn number(payload: &[u8], at: usize) -> Option<u32> {
    payload.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_without_the_reserved_bit() {
        let head = FrameHead { len: 0x01_02_03, kind: kind::HEADERS, flags: 0x25, stream: 7 };
        let mut out = Vec::new();
        head.write(&mut out);
        assert_eq!(out, [1, 2, 3, 1, 0x25, 0, 0, 0, 7]);
        out[5] |= 0x80;
        assert_eq!(FrameHead::read(&out), Some(head));
        assert_eq!(FrameHead::read(&out[..8]), None);
    }

    #[test]
    fn padding_leaves_room_for_nothing_less_than_nothing() {
        let head = |len, flags| FrameHead { len, kind: kind::HEADERS, flags, stream: 1 };
        let padded = |before, after| Ok(Padded { before, after });
        assert_eq!(head(9, 0).padding(Some(3)), padded(0, 0));
        assert_eq!(head(9, flag::PADDED).padding(Some(8)), padded(1, 8));
        assert_eq!(head(9, flag::PADDED).padding(Some(9)), Err(ErrorCode::ProtocolError));
        assert_eq!(head(0, flag::PADDED).padding(None), Err(ErrorCode::FrameSizeError));
        assert_eq!(head(9, flag::PADDED | flag::PRIORITY).padding(Some(3)), padded(6, 3));
        assert_eq!(head(4, flag::PRIORITY).padding(Some(3)), Err(ErrorCode::FrameSizeError));
    }
}
