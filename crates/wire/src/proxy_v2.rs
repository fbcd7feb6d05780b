//! Version 2 of the PROXY protocol: a binary header with type-length-values (its specification, section 2.2).
//!
//! Read as HAProxy reads it on a stream: the `PROXY` command has to carry TCP over IPv4 or IPv6, and every value has to
//! end where the header ends. A `LOCAL` header is taken whatever family it claims, as the specification demands.
//! [`write`] puts the values in HAProxy's order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::parsed::Parsed;
use crate::proxy::{Endpoints, Header, Refusal};

/// The type of the ALPN value.
pub const ALPN: u8 = 0x01;
/// The type of the host name that the client asked for (SNI).
pub const AUTHORITY: u8 = 0x02;
/// The type of the checksum.
pub const CRC32C: u8 = 0x03;
/// The type of a value to be ignored.
pub const NOOP: u8 = 0x04;
/// The type of the connection's unique id.
pub const UNIQUE_ID: u8 = 0x05;
/// The type of what is known of the client's TLS: an [`Ssl`].
pub const SSL: u8 = 0x20;
/// Within [`SSL`]: the protocol version.
pub const SSL_VERSION: u8 = 0x21;
/// Within [`SSL`]: the client certificate's common name.
pub const SSL_COMMON_NAME: u8 = 0x22;
/// Within [`SSL`]: the cipher's name.
pub const SSL_CIPHER: u8 = 0x23;
/// Within [`SSL`]: how the certificate presented to the client was signed.
pub const SSL_SIGNATURE_ALGORITHM: u8 = 0x24;
/// Within [`SSL`]: the kind and size of that certificate's key.
pub const SSL_KEY_ALGORITHM: u8 = 0x25;
/// The type of the network namespace's name.
pub const NETNS: u8 = 0x30;

/// What every header starts with.
pub(crate) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Type-length-values, checked: each ends within the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tlvs<'a>(&'a [u8]);

/// The value of [`SSL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ssl<'a> {
    /// The client came over TLS.
    pub tls: bool,
    /// It showed a certificate on this connection.
    pub certificate_on_connection: bool,
    /// It showed a certificate at least once in this TLS session.
    pub certificate_in_session: bool,
    /// Zero where that certificate was verified, else the verifier's error.
    pub verify: u32,
    /// [`SSL_VERSION`].
    pub version: Option<&'a [u8]>,
    /// [`SSL_COMMON_NAME`].
    pub common_name: Option<&'a [u8]>,
    /// [`SSL_KEY_ALGORITHM`].
    pub key_algorithm: Option<&'a [u8]>,
    /// [`SSL_SIGNATURE_ALGORITHM`].
    pub signature_algorithm: Option<&'a [u8]>,
    /// [`SSL_CIPHER`].
    pub cipher: Option<&'a [u8]>,
}

/// What a header to be written says. The default is a bare `LOCAL`, as health checks send it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// `None` writes `LOCAL`: checks, unix clients.
    pub endpoints: Option<Endpoints>,
    /// Values of `set-proxy-v2-tlv-fmt`, with their types; they come first.
    pub custom: &'a [(u8, &'a [u8])],
    /// Add a checksum.
    pub crc32c: bool,
    /// The protocol negotiated with the client.
    pub alpn: Option<&'a [u8]>,
    /// The name that the client asked for.
    pub authority: Option<&'a [u8]>,
    /// The unique id.
    pub unique_id: Option<&'a [u8]>,
    /// What is known of the client's TLS: also present, with everything off, where the client came without.
    pub ssl: Option<Ssl<'a>>,
    /// The network namespace's name.
    pub netns: Option<&'a [u8]>,
}

/// The values do not fit into a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Adds a header to `out`; nothing where it is too long.
pub fn write(out: &mut Vec<u8>, facts: &Facts<'_>) -> Result<(), TooLong> {
    let start = out.len();
    out.extend_from_slice(&SIGNATURE);
    put_addresses(out, facts.endpoints);
    let mut checksum = None;
    for (kind, value) in facts.custom {
        put(out, *kind, value);
    }
    if facts.crc32c {
        put(out, CRC32C, &[0; 4]);
        checksum = Some(out.len() - 4);
    }
    put_some(out, ALPN, facts.alpn);
    put_some(out, AUTHORITY, facts.authority);
    put_some(out, UNIQUE_ID, facts.unique_id);
    if let Some(ssl) = &facts.ssl {
        put_ssl(out, ssl);
    }
    put_some(out, NETNS, facts.netns);

    let size = u16::try_from(out.len() - start - FIXED).ok().filter(|_| facts.values_fit());
    let Some(size) = size else {
        out.truncate(start);
        return Err(TooLong);
    };
    overwrite(out, start + FIXED - 2, &size.to_be_bytes());
    if let Some(place) = checksum {
        let sum = crc32c::crc32c(out.get(start..).unwrap_or_default());
        overwrite(out, place, &sum.to_be_bytes());
    }
    Ok(())
}

/// Reads a header; `bytes` start with [`SIGNATURE`].
pub(crate) fn parse(bytes: &[u8]) -> Parsed<Header<'_>, Refusal> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else { return Parsed::Partial };
    let [.., version_command, family, high, low] = *fixed;
    if version_command & 0xf0 != 0x20 {
        return Parsed::Invalid(Refusal::NotProxy);
    }
    let size = usize::from(u16::from_be_bytes([high, low]));
    let Some(block) = rest.get(..size) else { return Parsed::Partial };
    let whole = bytes.get(..FIXED + size).unwrap_or(bytes);
    let header = match version_command & 0x0f {
        // An unknown family does not tell where its addresses end: such a LOCAL header has no values.
        LOCAL => match address_size(family) {
            Some(skip) => block.get(skip..).map(|tlvs| (None, tlvs)),
            None => Some((None, b"".as_slice())),
        },
        PROXY => endpoints(family, block).map(|(endpoints, tlvs)| (Some(endpoints), tlvs)),
        _ => None,
    };
    match header {
        Some((endpoints, tlvs)) if values_hold(whole, tlvs) => {
            Parsed::Complete { value: Header { endpoints, tlvs: Tlvs(tlvs) }, consumed: whole.len() }
        }
        _ => Parsed::Invalid(Refusal::Malformed),
    }
}

// === impl Tlvs ===

impl<'a> Tlvs<'a> {
    /// Values as a header had them.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The same bytes.
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Takes bytes that [`Tlvs::as_bytes`] gave; what does not hold together at the end is left out.
    pub fn from_bytes(bytes: &'a [u8]) -> Tlvs<'a> {
        Tlvs(bytes)
    }

    /// The bytes as they came, to be kept with the connection.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Types and values in the order of the header.
    pub fn iter(self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (kind, value, after) = split(rest)?;
            rest = after;
            Some((kind, value))
        })
    }

    /// The first value of this type.
    pub fn first(self, kind: u8) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// What the header says of the client's TLS.
    pub fn ssl(self) -> Option<Ssl<'a>> {
        let (&[client, a, b, c, d], inner) = self.first(SSL)?.split_first_chunk::<5>()?;
        let inner = Tlvs(inner);
        Some(Ssl {
            tls: client & 1 != 0,
            certificate_on_connection: client & 2 != 0,
            certificate_in_session: client & 4 != 0,
            verify: u32::from_be_bytes([a, b, c, d]),
            version: inner.first(SSL_VERSION),
            common_name: inner.first(SSL_COMMON_NAME),
            key_algorithm: inner.first(SSL_KEY_ALGORITHM),
            signature_algorithm: inner.first(SSL_SIGNATURE_ALGORITHM),
            cipher: inner.first(SSL_CIPHER),
        })
    }
}

// === impl Facts ===

impl Facts<'_> {
    /// Each value has a length of two bytes of its own.
    fn values_fit(&self) -> bool {
        let fits = |value: &[u8]| u16::try_from(value.len()).is_ok();
        self.custom.iter().all(|(_, value)| fits(value))
            && [self.alpn, self.authority, self.unique_id, self.netns].into_iter().flatten().all(fits)
    }
}

fn put_addresses(out: &mut Vec<u8>, endpoints: Option<Endpoints>) {
    let Some(Endpoints { source, destination }) = endpoints.map(Endpoints::in_one_family) else {
        return out.extend_from_slice(&[0x20 | LOCAL, UNSPEC, 0, 0]);
    };
    let family = if source.is_ipv4() { TCP4 } else { TCP6 };
    out.extend_from_slice(&[0x20 | PROXY, family, 0, 0]);
    for ip in [source.ip(), destination.ip()] {
        match ip {
            IpAddr::V4(v4) => out.extend_from_slice(&v4.octets()),
            IpAddr::V6(v6) => out.extend_from_slice(&v6.octets()),
        }
    }
    out.extend_from_slice(&source.port().to_be_bytes());
    out.extend_from_slice(&destination.port().to_be_bytes());
}

fn put_ssl(out: &mut Vec<u8>, ssl: &Ssl<'_>) {
    put(out, SSL, &[]);
    let start = out.len();
    let bits = [ssl.tls, ssl.certificate_on_connection, ssl.certificate_in_session];
    out.push(bits.iter().rev().fold(0, |sum, bit| sum << 1 | u8::from(*bit)));
    out.extend_from_slice(&ssl.verify.to_be_bytes());
    put_some(out, SSL_VERSION, ssl.version);
    put_some(out, SSL_COMMON_NAME, ssl.common_name);
    put_some(out, SSL_KEY_ALGORITHM, ssl.key_algorithm);
    put_some(out, SSL_SIGNATURE_ALGORITHM, ssl.signature_algorithm);
    put_some(out, SSL_CIPHER, ssl.cipher);
    // A length that does not fit makes the whole header too long, which the caller finds out.
    let size = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    overwrite(out, start - 2, &size.to_be_bytes());
}

fn put_some(out: &mut Vec<u8>, kind: u8, value: Option<&[u8]>) {
    if let Some(value) = value {
        put(out, kind, value);
    }
}

fn put(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let [high, low] = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
    out.extend_from_slice(&[kind, high, low]);
    out.extend_from_slice(value);
}

fn overwrite(out: &mut [u8], start: usize, bytes: &[u8]) {
    for (place, byte) in out.iter_mut().skip(start).zip(bytes) {
        *place = *byte;
    }
}

/// Bytes that the addresses of a family take; `None` for a family that the specification does not know.
fn address_size(family: u8) -> Option<usize> {
    match family >> 4 {
        0 => Some(0),
        1 => Some(12),
        2 => Some(36),
        3 => Some(216),
        _ => None,
    }
}

fn endpoints(family: u8, block: &[u8]) -> Option<(Endpoints, &[u8])> {
    let (from, to, rest): (IpAddr, IpAddr, &[u8]) = match family {
        TCP4 => {
            let (from, rest) = block.split_first_chunk::<4>()?;
            let (to, rest) = rest.split_first_chunk::<4>()?;
            (Ipv4Addr::from(*from).into(), Ipv4Addr::from(*to).into(), rest)
        }
        TCP6 => {
            let (from, rest) = block.split_first_chunk::<16>()?;
            let (to, rest) = rest.split_first_chunk::<16>()?;
            (Ipv6Addr::from(*from).into(), Ipv6Addr::from(*to).into(), rest)
        }
        _ => return None,
    };
    let (&[a, b, c, d], tlvs) = rest.split_first_chunk::<4>()?;
    let source = SocketAddr::new(from, u16::from_be_bytes([a, b]));
    let destination = SocketAddr::new(to, u16::from_be_bytes([c, d]));
    Some((Endpoints { source, destination }, tlvs))
}

/// Whether the values fill the rest of the header exactly, within the limits that the specification and HAProxy set.
fn values_hold(whole: &[u8], mut tlvs: &[u8]) -> bool {
    while !tlvs.is_empty() {
        let Some((kind, value, rest)) = split(tlvs) else { return false };
        let holds = match kind {
            CRC32C => checksum_holds(whole, value, whole.len() - rest.len() - value.len()),
            NOOP => true,
            AUTHORITY => value.len() <= MOST_AUTHORITY,
            UNIQUE_ID => value.len() <= MOST_UNIQUE_ID,
            _ => value.len() <= MOST_VALUE,
        };
        if !holds {
            return false;
        }
        tlvs = rest;
    }
    true
}

/// The checksum covers the whole header with zeros in its own place.
fn checksum_holds(whole: &[u8], value: &[u8], place: usize) -> bool {
    let (Ok(expected), Some((before, _)), Some(after)) =
        (<[u8; 4]>::try_from(value), whole.split_at_checked(place), whole.get(place + 4..))
    else {
        return false;
    };
    let sum = crc32c::crc32c(before);
    let sum = crc32c::crc32c_append(sum, &[0; 4]);
    crc32c::crc32c_append(sum, after) == u32::from_be_bytes(expected)
}

fn split(tlvs: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, high, low], rest) = tlvs.split_first_chunk::<3>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((kind, value, rest))
}

/// Bytes before the addresses.
pub(crate) const FIXED: usize = 16;

const LOCAL: u8 = 0;
const PROXY: u8 = 1;

const UNSPEC: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

const MOST_AUTHORITY: usize = 255;
const MOST_UNIQUE_ID: usize = 128;
const MOST_VALUE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS4: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 0x03, 0xe8, 0x07, 0xd0];

    fn header(version_command: u8, family: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        let size = u16::try_from(body.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[version_command, family], &size, &body].concat()
    }

    fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, kind, value);
        out
    }

    fn ends(source: &str, destination: &str) -> Option<Endpoints> {
        Some(Endpoints { source: source.parse().unwrap(), destination: destination.parse().unwrap() })
    }

    #[test]
    fn addresses_and_values_are_read() {
        let values = [tlv(AUTHORITY, b"a.example"), tlv(NOOP, b""), tlv(0xe1, b"x"), tlv(AUTHORITY, b"b")];
        let bytes = header(0x21, TCP4, &[ENDS4, &values.concat()]);
        let Parsed::Complete { value, consumed } = parse(&bytes) else { panic!("refused") };
        assert_eq!(consumed, bytes.len());
        assert_eq!(value.endpoints, ends("1.2.3.4:1000", "5.6.7.8:2000"));
        assert_eq!(value.tlvs.first(AUTHORITY), Some(b"a.example".as_slice()));
        assert_eq!(value.tlvs.first(0xe1), Some(b"x".as_slice()));
        assert_eq!(value.tlvs.iter().count(), 4);
    }

    #[test]
    fn local_headers_keep_the_connections_ends() {
        for bytes in [
            header(0x20, 0, &[]),
            header(0x20, 0, &[&tlv(AUTHORITY, b"x")]),
            header(0x20, TCP4, &[ENDS4]),
            header(0x20, 0x41, &[ENDS4]),
        ] {
            let Parsed::Complete { value, consumed } = parse(&bytes) else { panic!("{bytes:?}") };
            assert_eq!((value.endpoints, consumed), (None, bytes.len()));
        }
    }

    #[test]
    fn what_the_reference_refuses_is_refused() {
        let cases = [
            (header(0x22, TCP4, &[ENDS4]), "unknown command"),
            (header(0x21, 0x12, &[ENDS4]), "datagrams"),
            (header(0x21, 0x31, &[&[0; 216]]), "unix"),
            (header(0x21, 0x00, &[]), "unspecified family"),
            (header(0x21, TCP4, &[&ENDS4[..11]]), "short addresses"),
            (header(0x21, TCP4, &[ENDS4, &[NOOP]]), "a lone byte"),
            (header(0x21, TCP4, &[ENDS4, &[NOOP, 0, 10, 1]]), "a value past the end"),
            (header(0x21, TCP4, &[ENDS4, &tlv(CRC32C, b"abc")]), "a short checksum"),
            (header(0x21, TCP4, &[ENDS4, &tlv(CRC32C, b"abcd")]), "a wrong checksum"),
            (header(0x21, TCP4, &[ENDS4, &tlv(AUTHORITY, &[b'a'; 256])]), "a long name"),
            (header(0x21, TCP4, &[ENDS4, &tlv(UNIQUE_ID, &[b'a'; 129])]), "a long id"),
            (header(0x21, TCP4, &[ENDS4, &tlv(0xe1, &[b'a'; 1025])]), "a long value"),
        ];
        for (bytes, what) in cases {
            assert_eq!(parse(&bytes), Parsed::Invalid(Refusal::Malformed), "{what}");
        }
        assert_eq!(parse(&header(0x31, TCP4, &[ENDS4])), Parsed::Invalid(Refusal::NotProxy));
    }

    #[test]
    fn written_headers_equal_the_references() {
        let tls = Ssl {
            tls: true,
            certificate_on_connection: true,
            certificate_in_session: true,
            verify: 0,
            version: Some(b"TLSv1.3"),
            common_name: Some(b"client.example"),
            key_algorithm: Some(b"RSA2048"),
            signature_algorithm: Some(b"RSA-SHA256"),
            cipher: Some(b"TLS_AES_256_GCM_SHA384"),
        };
        let all = Facts {
            endpoints: ends("127.0.0.1:45616", "127.0.0.1:21837"),
            crc32c: true,
            alpn: Some(b"h2"),
            authority: Some(b"sni.example"),
            unique_id: Some(b"id-2074"),
            ssl: Some(tls),
            ..Facts::default()
        };
        let expected = b"\r\n\r\n\x00\r\nQUIT\n!\x11\x00\x83\x7f\x00\x00\x01\x7f\x00\x00\x01\xb20UM\
            \x03\x00\x04\xb4\x1b\xfcg\x01\x00\x02h2\x02\x00\x0bsni.example\x05\x00\x07id-2074 \x00P\
            \x07\x00\x00\x00\x00!\x00\x07TLSv1.3\"\x00\x0eclient.example%\x00\x07RSA2048\
            $\x00\nRSA-SHA256#\x00\x16TLS_AES_256_GCM_SHA384";
        let check = Facts { crc32c: true, ssl: Some(Ssl::default()), ..Facts::default() };
        let cases: [(Facts<'_>, &[u8]); 3] = [
            (all, expected),
            (Facts::default(), b"\r\n\r\n\0\r\nQUIT\n \0\0\0"),
            (check, b"\r\n\r\n\0\r\nQUIT\n \0\0\x0f\x03\0\x04\x88\x9d\xa1\xdf \0\x05\0\0\0\0\0"),
        ];
        for (facts, expected) in cases {
            let mut out = Vec::new();
            write(&mut out, &facts).unwrap();
            assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string());
        }
    }

    #[test]
    fn custom_values_come_first_and_ssl_is_read_back() {
        let ssl = Ssl { tls: true, verify: 20, cipher: Some(b"C"), ..Ssl::default() };
        let facts = Facts {
            endpoints: ends("[::1]:1", "1.2.3.4:2"),
            custom: &[(0xe1, b"a"), (AUTHORITY, b"forced")],
            authority: Some(b"sni"),
            ssl: Some(ssl),
            ..Facts::default()
        };
        let mut out = Vec::new();
        write(&mut out, &facts).unwrap();
        let Parsed::Complete { value, .. } = parse(&out) else { panic!("refused") };
        assert_eq!(value.endpoints, ends("[::1]:1", "[::ffff:1.2.3.4]:2"));
        let kinds: Vec<u8> = value.tlvs.iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [0xe1, AUTHORITY, AUTHORITY, SSL]);
        assert_eq!(value.tlvs.ssl(), Some(ssl));
    }

    #[test]
    fn values_that_do_not_fit_leave_nothing_behind() {
        let long = vec![0; 70_000];
        let mut out = b"before".to_vec();
        let facts = Facts { authority: Some(&long), ..Facts::default() };
        assert_eq!(write(&mut out, &facts), Err(TooLong));
        assert_eq!(out, b"before");
    }
}
