//! The client's side of SOCKS4, for servers behind such a proxy (`socks4 <addr>` on a server line).
//!
//! [`request`] asks to be connected to an IPv4 address; [`answer`] reads what the proxy says to that.

use std::net::{IpAddr, SocketAddr};

use crate::parsed::Parsed;

/// Why no connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The bytes are no answer of SOCKS4.
    NotSocks,
    /// The proxy refuses or could not connect; its code.
    Denied(u8),
}

/// SOCKS4 knows IPv4 addresses only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotIpv4;

/// Adds the request to connect to `server` to `out`; an IPv4 address mapped into IPv6 counts as what it is.
pub fn request(out: &mut Vec<u8>, server: SocketAddr) -> Result<(), NotIpv4> {
    let ip = match server.ip() {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().ok_or(NotIpv4)?,
    };
    out.extend_from_slice(&[VERSION, CONNECT]);
    out.extend_from_slice(&server.port().to_be_bytes());
    out.extend_from_slice(&ip.octets());
    out.extend_from_slice(USER);
    Ok(())
}

/// Reads the proxy's answer at the start of `bytes`; data of the server may follow it.
pub fn answer(bytes: &[u8]) -> Parsed<(), Refusal> {
    match *bytes {
        [ANSWER, GRANTED, _, _, _, _, _, _, ..] => Parsed::Complete { value: (), consumed: ANSWER_SIZE },
        [ANSWER, GRANTED, ..] | [ANSWER] | [] => Parsed::Partial,
        [ANSWER, code, ..] => Parsed::Invalid(Refusal::Denied(code)),
        _ => Parsed::Invalid(Refusal::NotSocks),
    }
}

const VERSION: u8 = 4;
const CONNECT: u8 = 1;
const ANSWER: u8 = 0;
const GRANTED: u8 = 90;
const ANSWER_SIZE: usize = 8;

/// The user id that HAProxy sends, which proxies see in their logs, with its closing zero.
const USER: &[u8] = b"HAProxy\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_port_address_and_user() {
        for server in ["1.2.3.4:80", "[::ffff:1.2.3.4]:80"] {
            let mut out = Vec::new();
            request(&mut out, server.parse().unwrap()).unwrap();
            assert_eq!(out, b"\x04\x01\x00\x50\x01\x02\x03\x04HAProxy\0");
        }
        assert_eq!(request(&mut Vec::new(), "[::1]:80".parse().unwrap()), Err(NotIpv4));
    }

    #[test]
    fn answers_grant_deny_or_are_none() {
        let cases: [(&[u8], Parsed<(), Refusal>); 6] = [
            (b"\0\x5a\0\0\0\0\0\0", Parsed::Complete { value: (), consumed: 8 }),
            (b"\0\x5a\0\0\0\0\0\0data", Parsed::Complete { value: (), consumed: 8 }),
            (b"\0\x5a\0\0", Parsed::Partial),
            (b"", Parsed::Partial),
            (b"\0\x5b\0\0\0\0\0\0", Parsed::Invalid(Refusal::Denied(91))),
            (b"\x05\x00", Parsed::Invalid(Refusal::NotSocks)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(answer(bytes), expected, "{bytes:?}");
        }
    }
}
