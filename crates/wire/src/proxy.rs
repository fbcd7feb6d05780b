//! The PROXY protocol's receiving side, both versions (its specification, section 2).
//!
//! [`parse`] looks at the first bytes of a connection from `accept-proxy`. HAProxy insists that the whole header comes
//! with the first bytes it reads: where it sees an incomplete one it hangs up at once, as the specification allows;
//! here that is the caller's decision, on [`Parsed::Partial`]. Writers are in [`crate::proxy_v1`] and
//! [`crate::proxy_v2`].

use std::net::{IpAddr, SocketAddr};

use crate::parsed::Parsed;
use crate::proxy_v2::Tlvs;
use crate::{proxy_v1, proxy_v2};

/// Who speaks to whom behind the proxy that sent the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// The client.
    pub source: SocketAddr,
    /// The address that the client connected to.
    pub destination: SocketAddr,
}

/// What a header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// `None` where the connection's own addresses count: `UNKNOWN` in version 1, `LOCAL` in version 2.
    pub endpoints: Option<Endpoints>,
    /// What version 2 says beside the addresses; empty in version 1.
    pub tlvs: Tlvs<'a>,
}

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The bytes are something else.
    NotProxy,
    /// The header is malformed, or says something that is not served.
    Malformed,
    /// Version 1 names another protocol than TCP over IPv4 or IPv6.
    Protocol,
}

/// Reads the header at the start of `bytes`, all that has arrived on the connection.
pub fn parse(bytes: &[u8]) -> Parsed<Header<'_>, Refusal> {
    if bytes.starts_with(proxy_v1::PREFIX) {
        return proxy_v1::parse(bytes);
    }
    if bytes.starts_with(&proxy_v2::SIGNATURE) {
        return proxy_v2::parse(bytes);
    }
    // What is shorter than any header in version 2 may become one, as far as the reference looks at it.
    if bytes.len() < proxy_v2::FIXED {
        return Parsed::Partial;
    }
    Parsed::Invalid(Refusal::NotProxy)
}

// === impl Endpoints ===

impl Endpoints {
    /// Both addresses in one family: if only one is IPv6, the other is mapped into it (RFC 4291 section 2.5.5.2).
    pub(crate) fn in_one_family(self) -> Endpoints {
        if self.source.is_ipv4() == self.destination.is_ipv4() {
            return self;
        }
        Endpoints { source: mapped(self.source), destination: mapped(self.destination) }
    }
}

fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(v4) => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_protocols_are_told_from_short_headers() {
        let cases: [(&[u8], Parsed<Header<'_>, Refusal>); 7] = [
            (b"", Parsed::Partial),
            (b"PRO", Parsed::Partial),
            (b"\r\n\r\n\0", Parsed::Partial),
            (b"GET / HTTP/1.1\r\n", Parsed::Invalid(Refusal::NotProxy)),
            (b"GET / HTTP/1.1\n", Parsed::Partial),
            (b"proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n", Parsed::Invalid(Refusal::NotProxy)),
            (b"PROXY\tTCP4 1.2.3.4 5.6.7.8 1 2\r\n", Parsed::Invalid(Refusal::NotProxy)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(parse(bytes), expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            source: SocketAddr, destination: SocketAddr, id in proptest::collection::vec(any::<u8>(), 1..128),
        ) {
            let plain = |a: SocketAddr| SocketAddr::new(a.ip(), a.port());
            let endpoints = Endpoints { source: plain(source), destination: plain(destination) };
            let mut text = Vec::new();
            proxy_v1::write(&mut text, Some(endpoints));
            let header = Header { endpoints: Some(endpoints.in_one_family()), tlvs: Tlvs::default() };
            prop_assert_eq!(parse(&text), Parsed::Complete { value: header, consumed: text.len() });

            let mut binary = Vec::new();
            let facts = proxy_v2::Facts {
                endpoints: Some(endpoints), unique_id: Some(&id), crc32c: true, ..Default::default()
            };
            proxy_v2::write(&mut binary, &facts).unwrap();
            for cut in 0..binary.len() {
                prop_assert_eq!(parse(&binary[..cut]), Parsed::Partial);
            }
            let Parsed::Complete { value, consumed } = parse(&binary) else { panic!("refused") };
            prop_assert_eq!((consumed, value.endpoints), (binary.len(), header.endpoints));
            prop_assert_eq!(value.tlvs.first(proxy_v2::UNIQUE_ID), Some(id.as_slice()));
            *binary.last_mut().unwrap() ^= 1;
            prop_assert_eq!(parse(&binary), Parsed::Invalid(Refusal::Malformed));
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), start in 0..3_usize) {
            let start: &[u8] = [b"".as_slice(), b"PROXY TCP4 ", &proxy_v2::SIGNATURE][start];
            let bytes = [start, &bytes].concat();
            if let Parsed::Complete { consumed, .. } = parse(&bytes) {
                prop_assert!(consumed <= bytes.len());
            }
        }
    }
}
