//! The TLS hello at the start of a stream as rules see it that route without speaking TLS (manual, 7.3.5).
//!
//! They look at the bytes that came, not at records: a hello in several records is read on past the first one's end,
//! and what is odd is judged as HAProxy judges it. Who speaks TLS reads a [`ClientHello`](crate::client_hello) instead.

/// What the bytes so far say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peek<T> {
    /// This.
    Found(T),
    /// What is asked for is not there.
    Absent,
    /// More bytes have to come.
    NotYet,
}

/// The parts of a hello of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Cipher suites, two bytes each.
    pub cipher_suites: &'a [u8],
    /// The block of extensions, where there is one.
    extensions: Option<&'a [u8]>,
}

/// The type of the handshake message at the start, once all of it is there.
pub fn hello_type(bytes: &[u8]) -> Peek<u8> {
    if bytes.first().is_some_and(|first| !is_record(*first)) {
        return Peek::Absent;
    }
    let Some(&[_, major, _, high, low, kind, a, b, c]) = bytes.first_chunk() else { return Peek::NotYet };
    if major < 3 || u16::from_be_bytes([high, low]) < 4 {
        return Peek::Absent;
    }
    let message = u32::from_be_bytes([0, a, b, c]) as usize;
    if bytes.len() < 9 + message { Peek::NotYet } else { Peek::Found(kind) }
}

/// The version that a hello asks for, major and minor: of SSL 2 too.
pub fn version(bytes: &[u8]) -> Peek<(u8, u8)> {
    match bytes.first() {
        None => Peek::NotYet,
        Some(first) if is_record(*first) => record_version(bytes),
        Some(first) => old_version(bytes, *first),
    }
}

/// The hello of a client, once the record that begins it and the message are there.
pub fn hello(bytes: &[u8]) -> Peek<Hello<'_>> {
    match bytes {
        [] => return Peek::NotYet,
        [first, ..] if *first != HANDSHAKE => return Peek::Absent,
        [_, major, _, ..] if *major < 3 => return Peek::Absent,
        _ => {}
    }
    let Some(&[_, _, _, high, low]) = bytes.first_chunk() else { return Peek::NotYet };
    let record = usize::from(u16::from_be_bytes([high, low]));
    if record < LEAST_HELLO {
        return Peek::Absent;
    }
    if bytes.len() < 5 + record {
        return Peek::NotYet;
    }
    let Some((&[kind, a, b, c], rest)) = bytes.get(5..).and_then(<[u8]>::split_first_chunk) else {
        return Peek::Absent;
    };
    if kind != CLIENT_HELLO {
        return Peek::Absent;
    }
    let Some(message) = rest.get(..u32::from_be_bytes([0, a, b, c]) as usize) else { return Peek::NotYet };
    Hello::read(message).map_or(Peek::Absent, Peek::Found)
}

// === impl Peek ===

impl<T> Peek<T> {
    /// What is found, as something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Peek<U> {
        match self {
            Self::Found(found) => Peek::Found(f(found)),
            Self::Absent => Peek::Absent,
            Self::NotYet => Peek::NotYet,
        }
    }
}

// === impl Hello ===

impl<'a> Hello<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let mut input = message;
        let version = take(&mut input, 2)?;
        if version < &[3, 1] {
            return None;
        }
        take(&mut input, 32)?;
        let session = sized(&mut input, 1)?;
        let cipher_suites = sized(&mut input, 2)?;
        if session.len() > 32 || cipher_suites.len() < 2 {
            return None;
        }
        let compression = sized(&mut input, 1).filter(|methods| !methods.is_empty());
        let extensions = compression.and_then(|_| sized(&mut input, 2));
        Some(Self { cipher_suites, extensions })
    }

    /// The content of the extension of this type; nothing inside where the list ends before, nothing at all where
    /// there is no list, or none that can be read that far.
    pub fn extension(&self, kind: u16) -> Option<Option<&'a [u8]>> {
        let mut rest = self.extensions?;
        while rest.len() >= 4 {
            let found = take(&mut rest, 2)?;
            let content = sized(&mut rest, 2)?;
            if found == kind.to_be_bytes() {
                return Some(Some(content));
            }
        }
        Some(None)
    }

    /// The first name that the client asks for, if it is a host's.
    pub fn server_name(&self) -> Option<&'a [u8]> {
        let mut names = sized(&mut self.extension(SERVER_NAME)??, 2)?;
        while let (Some(kind), Some(name)) = (take(&mut names, 1), sized(&mut names, 2)) {
            if kind == [HOST_NAME] {
                return Some(name).filter(|name| !name.is_empty());
            }
        }
        None
    }

    /// The protocols that the client would speak, each behind its length.
    pub fn protocols(&self) -> Option<&'a [u8]> {
        sized(&mut self.extension(ALPN)??, 2)
    }

    /// The groups for the key exchange, two bytes each.
    pub fn groups(&self) -> Option<&'a [u8]> {
        sized(&mut self.extension(GROUPS)??, 2)
    }

    /// The signature algorithms, two bytes each.
    pub fn signature_algorithms(&self) -> Option<&'a [u8]> {
        sized(&mut self.extension(SIGNATURE_ALGORITHMS)??, 2)
    }

    /// The groups that the client sent a key for.
    pub fn key_share_groups(&self) -> impl Iterator<Item = [u8; 2]> {
        let list = self.extension(KEY_SHARE).flatten().and_then(|mut content| sized(&mut content, 2));
        let mut rest = list.unwrap_or_default();
        std::iter::from_fn(move || {
            let group = take(&mut rest, 2)?.try_into().ok()?;
            sized(&mut rest, 2)?;
            Some(group)
        })
    }

    /// Whether the client names groups of elliptic curves; nothing where it says nothing.
    pub fn has_groups(&self) -> Option<bool> {
        Some(self.extension(GROUPS)?.is_some())
    }

    /// The ticket that the client offers.
    pub fn ticket(&self) -> Option<Option<&'a [u8]>> {
        self.extension(SESSION_TICKET)
    }
}

/// Whether a record of SSL 3 or TLS begins so.
const fn is_record(first: u8) -> bool {
    matches!(first, 0x14..=0x17 | 0xff)
}

fn record_version(bytes: &[u8]) -> Peek<(u8, u8)> {
    let Some(&[_, outer, _, high, low, _, _, _, _, major, minor]) = bytes.first_chunk() else {
        return Peek::NotYet;
    };
    let record = usize::from(u16::from_be_bytes([high, low]));
    if outer < 3 || record < 6 {
        return Peek::Absent;
    }
    if bytes.len() < 5 + record { Peek::NotYet } else { Peek::Found((major, minor)) }
}

/// Of a hello of SSL 2, whose header has two bytes, or three with padding behind the message.
fn old_version(bytes: &[u8], first: u8) -> Peek<(u8, u8)> {
    let header = if first & 0x80 == 0 { 3 } else { 2 };
    let mask = if header == 2 { 0x7f } else { 0x3f };
    match bytes.get(header) {
        None => return Peek::NotYet,
        Some(kind) if *kind != CLIENT_HELLO => return Peek::Absent,
        Some(_) => {}
    }
    let Some(&[_, major, minor, c1, c2, s1, s2, h1, h2]) = bytes.get(header..).and_then(<[u8]>::first_chunk)
    else {
        return Peek::NotYet;
    };
    let number = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
    let length = number(first & mask, bytes.get(1).copied().unwrap_or(0));
    if length != 9 + number(c1, c2) + number(s1, s2) + number(h1, h2) {
        return Peek::Absent;
    }
    let padding = if header == 3 { bytes.get(2).copied().unwrap_or(0) } else { 0 };
    if bytes.len() < header + length + usize::from(padding) {
        return Peek::NotYet;
    }
    Peek::Found((major, minor))
}

fn take<'a>(input: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(size)?;
    *input = rest;
    Some(taken)
}

/// Bytes behind their length of `width` bytes.
fn sized<'a>(input: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let size = take(input, width)?.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
    take(input, size)
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// The shortest record that can hold a hello with extensions.
const LEAST_HELLO: usize = 49;

const HOST_NAME: u8 = 0;

const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SESSION_TICKET: u16 = 35;
const KEY_SHARE: u16 = 51;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_length(width: usize, content: &[u8]) -> Vec<u8> {
        [&u32::try_from(content.len()).unwrap().to_be_bytes()[4 - width..], content].concat()
    }

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &with_length(2, content)].concat()
    }

    fn client(extensions: &[u8]) -> Vec<u8> {
        let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &with_length(2, extensions)].concat();
        let message = [&[1][..], &with_length(3, &body)].concat();
        [&[22, 3, 1][..], &with_length(2, &message)].concat()
    }

    #[test]
    fn parts_are_found_or_said_to_be_missing() {
        let name = extension(0, &with_length(2, &[&[0][..], &with_length(2, b"a.b")].concat()));
        let bytes = client(&[name, extension(35, b"t"), extension(10, &[0, 9])].concat());
        assert_eq!((hello_type(&bytes), version(&bytes)), (Peek::Found(1), Peek::Found((3, 3))));
        let Peek::Found(found) = hello(&bytes) else { panic!("not read") };
        assert_eq!(found.server_name(), Some(b"a.b".as_slice()));
        assert_eq!((found.ticket(), found.has_groups()), (Some(Some(b"t".as_slice())), Some(true)));
        assert_eq!((found.groups(), found.protocols()), (None, None));
        for cut in 3..bytes.len() {
            assert_eq!(hello(&bytes[..cut]), Peek::NotYet, "cut at {cut}");
        }
    }

    #[test]
    fn small_hellos_and_other_bytes_are_told_at_once() {
        assert_eq!(hello(&client(b"")), Peek::Absent);
        assert_eq!(hello(b"\x16\x03\x01\0\x09"), Peek::Absent);
        assert_eq!(
            (hello_type(b"G"), hello(b"G"), version(b"GET ")),
            (Peek::Absent, Peek::Absent, Peek::Absent)
        );
        assert_eq!((hello_type(b""), hello(b""), version(b"")), (Peek::NotYet, Peek::NotYet, Peek::NotYet));
    }

    #[test]
    fn ssl_2_says_its_version_in_both_headers() {
        let rest = [&[1, 3, 1, 0, 3, 0, 0, 0, 1][..], &[5; 4]].concat();
        for (header, expected) in [(&[0x80, 13][..], (3, 1)), (&[0, 13, 0], (3, 1))] {
            let bytes = [header, &rest].concat();
            assert_eq!(version(&bytes), Peek::Found(expected));
            assert_eq!(version(&bytes[..bytes.len() - 1]), Peek::NotYet);
        }
        assert_eq!(version(&[&[0x80, 14][..], &rest].concat()), Peek::Absent);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = (hello_type(&bytes), version(&bytes));
            let framed = client(&bytes);
            for input in [&bytes, &framed] {
                if let Peek::Found(found) = hello(input) {
                    let _ = (found.server_name(), found.protocols(), found.groups(), found.ticket());
                    prop_assert!(found.key_share_groups().count() <= input.len());
                }
            }
        }
    }
}
