//! What is no ClientHello, told apart as OpenSSL does: its words for logs, and its alerts (RFC 8446 section 6).

/// Why the first bytes of a client begin no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHello {
    /// A request of HTTP in clear.
    Http,
    /// A request for a tunnel in clear.
    Connect,
    /// Something else that is no record of TLS.
    NoRecord,
    /// A record of another kind, and the version on it.
    OtherRecord(u8),
    /// A record that is too long.
    LongRecord,
    /// Another message.
    OtherMessage,
    /// A message that is too long.
    LongMessage,
    /// A message without content.
    Empty,
    /// A message whose lengths do not hold together.
    Malformed,
    /// The first words of SSL 2.
    SslTwo,
}

/// Why `bytes` begin no session, once enough of them are there to tell.
pub fn judge(bytes: &[u8]) -> Option<NoHello> {
    let &[kind, major, minor, high, low] = bytes.first_chunk::<5>()?;
    if METHODS.iter().any(|method| bytes.starts_with(method)) {
        return Some(NoHello::Http);
    }
    if bytes.starts_with(b"CONNE") {
        return Some(NoHello::Connect);
    }
    if kind & 0x80 != 0 && minor == CLIENT_HELLO {
        return Some(NoHello::SslTwo);
    }
    if major != 3 {
        return Some(NoHello::NoRecord);
    }
    if kind != HANDSHAKE {
        return Some(NoHello::OtherRecord(minor));
    }
    if usize::from(u16::from_be_bytes([high, low])) > MOST_FRAGMENT {
        return Some(NoHello::LongRecord);
    }
    Some(match bytes.get(5..9) {
        Some([CLIENT_HELLO, 0, 0, 0 | 1]) => NoHello::Empty,
        Some([CLIENT_HELLO, 0 | 1, ..]) | None => NoHello::Malformed,
        Some([CLIENT_HELLO, ..]) => NoHello::LongMessage,
        Some(_) => NoHello::OtherMessage,
    })
}

/// A fatal alert before there is a session.
pub(crate) fn alert(description: u8) -> [u8; 7] {
    in_version(3, description)
}

fn in_version(minor: u8, description: u8) -> [u8; 7] {
    [21, 3, minor, 0, 2, 2, description]
}

// === impl NoHello ===

impl NoHello {
    /// OpenSSL's number and words.
    pub(crate) fn reason(self) -> (u16, &'static str) {
        match self {
            Self::Http => (156, "http request"),
            Self::Connect => (155, "https proxy request"),
            Self::NoRecord => (267, "wrong version number"),
            Self::OtherRecord(_) | Self::OtherMessage => (244, "unexpected message"),
            Self::LongRecord => (146, "data length too long"),
            Self::LongMessage => (152, "excessive message size"),
            Self::Empty => (160, "length too short"),
            Self::Malformed => (159, "length mismatch"),
            Self::SslTwo => (252, "unknown protocol"),
        }
    }

    /// What the client hears.
    pub(crate) fn alert(self) -> Option<[u8; 7]> {
        match self {
            // Who does not speak TLS would not understand.
            Self::Http | Self::Connect | Self::NoRecord => None,
            Self::OtherRecord(minor) => Some(in_version(minor, UNEXPECTED_MESSAGE)),
            Self::OtherMessage => Some(alert(UNEXPECTED_MESSAGE)),
            Self::LongRecord => Some(alert(RECORD_OVERFLOW)),
            Self::LongMessage => Some(alert(ILLEGAL_PARAMETER)),
            Self::Empty | Self::Malformed => Some(alert(DECODE_ERROR)),
            Self::SslTwo => Some(alert(PROTOCOL_VERSION)),
        }
    }
}

/// By these beginnings a client is known that means to speak HTTP; a header of a record has as many bytes.
const METHODS: &[&[u8]] = &[b"GET ", b"POST ", b"HEAD ", b"PUT ", b"PATCH", b"DELET", b"OPTIO", b"TRACE"];
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const MOST_FRAGMENT: usize = 1 << 14;

const UNEXPECTED_MESSAGE: u8 = 10;
const RECORD_OVERFLOW: u8 = 22;
const ILLEGAL_PARAMETER: u8 = 47;
const DECODE_ERROR: u8 = 50;
const PROTOCOL_VERSION: u8 = 70;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_told_apart_once_a_header_is_there() {
        let cases: [(&[u8], Option<NoHello>); 9] = [
            (b"GET", None),
            (b"GET / HTTP", Some(NoHello::Http)),
            (b"GETTT", Some(NoHello::NoRecord)),
            (b"CONNECT a:1", Some(NoHello::Connect)),
            (b"\x15\x03\x01\0\x02\x02\x28", Some(NoHello::OtherRecord(1))),
            (b"\x16\x03\x01\xff\xff", Some(NoHello::LongRecord)),
            (b"\x16\x03\x01\0\x04\x02\0\0\0", Some(NoHello::OtherMessage)),
            (b"\x16\x03\x01\0\x08\x01\0\0\x04abcd", Some(NoHello::Malformed)),
            (b"\x80\x2e\x01\0\x02", Some(NoHello::SslTwo)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(judge(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
