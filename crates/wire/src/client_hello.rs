//! The TLS ClientHello, for routing by name without deciphering and for fingerprints (RFC 8446 section 4.1.2).
//!
//! [`parse`] works on the first bytes of a connection, also where the message is spread over several records. Lists are
//! kept as the client sent them, in its order and with its GREASE values (RFC 8701): JA3, JA4 and the `req.ssl_*` and
//! `ssl_fc_*list*` fetches are made of them by the caller. An extension whose inside is malformed reads as absent.

use crate::parsed::Parsed;

/// A ClientHello, borrowed from the bytes it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The version on the record, which says little: 0x0301 for most clients.
    pub record_version: u16,
    /// The version in the message: 0x0303 for TLS 1.2 and for 1.3, which says more in `supported_versions`.
    pub version: u16,
    /// The client's random.
    pub random: &'a [u8; 32],
    /// The session to resume, up to 32 bytes; in TLS 1.3 without meaning.
    pub session_id: &'a [u8],
    /// Cipher suites, two bytes each.
    pub cipher_suites: &'a [u8],
    /// Compression methods, one byte each.
    pub compression_methods: &'a [u8],
    /// The block of extensions, without its length.
    extensions: &'a [u8],
}

/// Why bytes are not a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Not a TLS handshake record, or a handshake that begins with another message.
    NotClientHello,
    /// A ClientHello whose lengths do not hold together.
    Malformed,
}

/// Reads the ClientHello at the start of `bytes`, all that has arrived on the connection.
///
/// `joined` receives the message where it came in several records, so that it can be borrowed in one piece; it stays
/// untouched otherwise. `consumed` counts whole records.
pub fn parse<'a>(bytes: &'a [u8], joined: &'a mut Vec<u8>) -> Parsed<ClientHello<'a>, Refusal> {
    let mut input = Reader(bytes);
    let (record_version, first) = match record(&mut input) {
        Parsed::Complete { value, .. } => value,
        Parsed::Partial => return Parsed::Partial,
        Parsed::Invalid(refusal) => return Parsed::Invalid(refusal),
    };
    let size = match message_size(first) {
        Ok(size) => size,
        Err(refusal) => return Parsed::Invalid(refusal),
    };
    if let Some(message) = first.get(MESSAGE_HEADER..MESSAGE_HEADER + size) {
        return finish(message, record_version, bytes.len() - input.0.len());
    }
    joined.clear();
    joined.extend_from_slice(first);
    while joined.len() < MESSAGE_HEADER + size {
        match record(&mut input) {
            Parsed::Complete { value: (_, fragment), .. } => joined.extend_from_slice(fragment),
            Parsed::Partial => return Parsed::Partial,
            Parsed::Invalid(_) => return Parsed::Invalid(Refusal::Malformed),
        }
    }
    let message = joined.get(MESSAGE_HEADER..MESSAGE_HEADER + size).unwrap_or_default();
    finish(message, record_version, bytes.len() - input.0.len())
}

/// Whether a cipher suite, extension, group or version is one of the values that only keep servers tolerant (RFC 8701).
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// Splits a list of two-byte values.
pub fn pairs(list: &[u8]) -> impl Iterator<Item = u16> {
    list.chunks_exact(2).filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
}

// === impl ClientHello ===

impl<'a> ClientHello<'a> {
    /// Extensions with their type and content, in the client's order.
    pub fn extensions(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut rest = Reader(self.extensions);
        std::iter::from_fn(move || Some((rest.u16()?, rest.sized16()?)))
    }

    /// The content of the first extension of this type.
    pub fn extension(&self, kind: u16) -> Option<&'a [u8]> {
        self.extensions().find(|(found, _)| *found == kind).map(|(_, content)| content)
    }

    /// The host name that the client asks for (SNI), as sent (RFC 6066 section 3).
    pub fn server_name(&self) -> Option<&'a [u8]> {
        let mut names = Reader(Reader(self.extension(SERVER_NAME)?).sized16()?);
        while let (Some(kind), Some(name)) = (names.u8(), names.sized16()) {
            if kind == HOST_NAME {
                return Some(name);
            }
        }
        None
    }

    /// The protocols that the client would speak, its favourite first (RFC 7301).
    pub fn alpn(&self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let list = self.extension(ALPN).and_then(|content| Reader(content).sized16());
        let mut rest = Reader(list.unwrap_or_default());
        std::iter::from_fn(move || rest.sized8())
    }

    /// Versions of TLS, two bytes each, where the client knows TLS 1.3 (RFC 8446 section 4.2.1).
    pub fn supported_versions(&self) -> Option<&'a [u8]> {
        Reader(self.extension(SUPPORTED_VERSIONS)?).sized8()
    }

    /// The highest version that the client speaks, GREASE aside.
    pub fn highest_version(&self) -> u16 {
        let listed = self.supported_versions().map(pairs);
        listed.and_then(|list| list.filter(|version| !is_grease(*version)).max()).unwrap_or(self.version)
    }

    /// Groups for the key exchange, two bytes each (RFC 8422 section 5.1.1).
    pub fn supported_groups(&self) -> Option<&'a [u8]> {
        Reader(self.extension(SUPPORTED_GROUPS)?).sized16()
    }

    /// Forms of elliptic curve points, one byte each (RFC 8422 section 5.1.2).
    pub fn ec_point_formats(&self) -> Option<&'a [u8]> {
        Reader(self.extension(EC_POINT_FORMATS)?).sized8()
    }

    /// Signature algorithms, two bytes each (RFC 8446 section 4.2.3).
    pub fn signature_algorithms(&self) -> Option<&'a [u8]> {
        Reader(self.extension(SIGNATURE_ALGORITHMS)?).sized16()
    }

    /// The groups that the client sent a key for (RFC 8446 section 4.2.8).
    pub fn key_share_groups(&self) -> impl Iterator<Item = u16> {
        let list = self.extension(KEY_SHARE).and_then(|content| Reader(content).sized16());
        let mut rest = Reader(list.unwrap_or_default());
        std::iter::from_fn(move || {
            let group = rest.u16()?;
            rest.sized16()?;
            Some(group)
        })
    }
}

/// What remains to be read.
#[derive(Clone)]
struct Reader<'a>(&'a [u8]);

// === impl Reader ===

impl<'a> Reader<'a> {
    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|&[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().copied().map(u16::from_be_bytes)
    }

    fn sized8(&mut self) -> Option<&'a [u8]> {
        let size = self.u8()?;
        self.take(size.into())
    }

    fn sized16(&mut self) -> Option<&'a [u8]> {
        let size = self.u16()?;
        self.take(size.into())
    }
}

/// Takes one whole handshake record: its version and content.
fn record<'a>(input: &mut Reader<'a>) -> Parsed<(u16, &'a [u8]), Refusal> {
    match *input.0 {
        [] | [HANDSHAKE] | [HANDSHAKE, 3] => return Parsed::Partial,
        [HANDSHAKE, 3, ..] => {}
        _ => return Parsed::Invalid(Refusal::NotClientHello),
    }
    let Some(&[_, major, minor, high, low]) = input.0.first_chunk::<5>() else { return Parsed::Partial };
    let size = usize::from(u16::from_be_bytes([high, low]));
    // RFC 8446 section 5.1: no empty handshake fragments, and none of more than 2^14 bytes.
    if size == 0 || size > MOST_FRAGMENT {
        return Parsed::Invalid(Refusal::Malformed);
    }
    let Some(content) = input.0.get(5..5 + size) else { return Parsed::Partial };
    input.take(5 + size);
    Parsed::Complete { value: (u16::from_be_bytes([major, minor]), content), consumed: 5 + size }
}

/// The length of the message that starts here. A first record too short to tell is legal, sent by nobody and refused.
fn message_size(start: &[u8]) -> Result<usize, Refusal> {
    let Some(&[kind, a, b, c]) = start.first_chunk::<MESSAGE_HEADER>() else {
        return Err(Refusal::Malformed);
    };
    let size = u32::from_be_bytes([0, a, b, c]) as usize;
    if kind == CLIENT_HELLO && size <= MOST_MESSAGE { Ok(size) } else { Err(Refusal::NotClientHello) }
}

fn finish(message: &[u8], record_version: u16, consumed: usize) -> Parsed<ClientHello<'_>, Refusal> {
    match read(message, record_version) {
        Some(value) => Parsed::Complete { value, consumed },
        None => Parsed::Invalid(Refusal::Malformed),
    }
}

fn read(message: &[u8], record_version: u16) -> Option<ClientHello<'_>> {
    let mut input = Reader(message);
    let hello = ClientHello {
        record_version,
        version: input.u16()?,
        random: input.array()?,
        session_id: input.sized8()?,
        cipher_suites: input.sized16()?,
        compression_methods: input.sized8()?,
        // Before TLS 1.3 a client may leave the whole block out.
        extensions: if input.0.is_empty() { &[] } else { input.sized16()? },
    };
    (hello.cipher_suites.len().is_multiple_of(2) && hello.session_id.len() <= 32).then_some(hello)
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const MESSAGE_HEADER: usize = 4;
const MOST_FRAGMENT: usize = 1 << 14;

/// A client with post-quantum keys and a ticket sends about 2 KiB; more than this nobody waits for.
const MOST_MESSAGE: usize = 1 << 16;

const HOST_NAME: u8 = 0;

const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sized16(content: &[u8]) -> Vec<u8> {
        [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
    }

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &sized16(content)].concat()
    }

    fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
        let block = sized16(&extensions.concat());
        let suites = [0, 4, 0x13, 0x02, 0xc0, 0x2f];
        let body = [&[3, 3][..], &[7; 32], &[2, 9, 9], &suites, &[1, 0], &block].concat();
        let size = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[CLIENT_HELLO], &size[1..], &body].concat()
    }

    fn records(message: &[u8], most: usize) -> Vec<u8> {
        message.chunks(most).flat_map(|part| [&[22, 3, 1][..], &sized16(part)].concat()).collect()
    }

    fn usual() -> Vec<u8> {
        message(&[
            extension(0x2a2a, b""),
            extension(SERVER_NAME, &sized16(&[&[0][..], &sized16(b"www.example.com")].concat())),
            extension(SUPPORTED_GROUPS, &sized16(&[0, 29, 0, 23])),
            extension(EC_POINT_FORMATS, &[1, 0]),
            extension(SIGNATURE_ALGORITHMS, &sized16(&[4, 3, 8, 4])),
            extension(ALPN, &sized16(b"\x02h2\x08http/1.1")),
            extension(SUPPORTED_VERSIONS, &[6, 0x8a, 0x8a, 3, 4, 3, 3]),
            extension(KEY_SHARE, &sized16(&[0, 29, 0, 2, 1, 1, 0, 23, 0, 1, 1])),
        ])
    }

    #[test]
    fn every_part_is_found_in_one_record_and_in_many() {
        for most in [16_384, 100, 4] {
            let bytes = records(&usual(), most);
            let (mut joined, with_more) = (Vec::new(), [&bytes[..], b"more"].concat());
            let Parsed::Complete { value: hello, consumed } = parse(&with_more, &mut joined) else {
                panic!("records of {most}");
            };
            assert_eq!(consumed, bytes.len());
            assert_eq!((hello.record_version, hello.version, hello.highest_version()), (0x301, 0x303, 0x304));
            assert_eq!((hello.session_id, hello.compression_methods), (&[9, 9][..], &[0][..]));
            assert!(pairs(hello.cipher_suites).eq([0x1302, 0xc02f]));
            assert_eq!(hello.server_name(), Some(b"www.example.com".as_slice()));
            assert!(hello.alpn().eq([b"h2".as_slice(), b"http/1.1"]));
            assert_eq!(hello.supported_groups(), Some([0, 29, 0, 23].as_slice()));
            assert_eq!(hello.ec_point_formats(), Some([0].as_slice()));
            assert_eq!(hello.signature_algorithms(), Some([4, 3, 8, 4].as_slice()));
            assert!(hello.key_share_groups().eq([29, 23]));
            let kinds: Vec<u16> = hello.extensions().map(|(kind, _)| kind).collect();
            assert_eq!(kinds, [0x2a2a, 0, 10, 11, 13, 16, 43, 51]);
        }
    }

    #[test]
    fn every_prefix_asks_for_more() {
        for most in [16_384, 100] {
            let bytes = records(&usual(), most);
            for cut in 0..bytes.len() {
                assert_eq!(parse(&bytes[..cut], &mut Vec::new()), Parsed::Partial, "cut at {cut}");
            }
        }
    }

    #[test]
    fn other_bytes_are_told_at_once() {
        let mut cut_short = message(&[]);
        cut_short.truncate(20);
        cut_short[3] = 16;
        let cases: [(Vec<u8>, Refusal); 6] = [
            (b"GET / HTTP/1.1\r\n".to_vec(), Refusal::NotClientHello),
            (b"SSH-2.0".to_vec(), Refusal::NotClientHello),
            (vec![23, 3, 3, 0, 1, 0], Refusal::NotClientHello),
            (records(&[2, 0, 0, 1, 0], 100), Refusal::NotClientHello),
            (vec![22, 3, 1, 0, 0], Refusal::Malformed),
            (records(&cut_short, 100), Refusal::Malformed),
        ];
        for (bytes, refusal) in cases {
            assert_eq!(parse(&bytes, &mut Vec::new()), Parsed::Invalid(refusal), "{bytes:?}");
        }
    }

    #[test]
    fn a_hello_without_extensions_is_read() {
        let bare = [&[CLIENT_HELLO, 0, 0, 41][..], &[3, 1], &[7; 32], &[0], &[0, 2, 0, 47], &[1, 0]].concat();
        let bytes = records(&bare, 100);
        let mut joined = Vec::new();
        let Parsed::Complete { value: hello, .. } = parse(&bytes, &mut joined) else { panic!("refused") };
        assert_eq!((hello.server_name(), hello.highest_version()), (None, 0x301));
        assert_eq!(hello.alpn().count() + hello.key_share_groups().count(), 0);
    }

    #[test]
    fn grease_values_are_known() {
        assert!([0x0a0a, 0x8a8a, 0xfafa].into_iter().all(is_grease));
        assert!(![0x0a1a, 0x1301, 0x0a0b].into_iter().any(is_grease));
    }

    proptest! {
        #[test]
        fn nothing_panics(flips in proptest::collection::vec((0..300_usize, any::<u8>()), 0..8), most in 4..200_usize) {
            let mut bytes = records(&usual(), most);
            for (place, byte) in flips {
                if let Some(target) = bytes.get_mut(place) {
                    *target = byte;
                }
            }
            let mut joined = Vec::new();
            if let Parsed::Complete { value: hello, consumed } = parse(&bytes, &mut joined) {
                prop_assert!(consumed <= bytes.len());
                hello.server_name();
                prop_assert!(hello.alpn().count() <= bytes.len());
                hello.key_share_groups().count();
                hello.highest_version();
            }
        }
    }
}
