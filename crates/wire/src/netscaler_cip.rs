//! The NetScaler Client IP insertion protocol (`accept-netscaler-cip`): the client's own IP and TCP headers in front of
//! its data, in the legacy and in the standard form.
//!
//! As HAProxy does, the form is told by the byte where the legacy one has its IP header, and the standard form's type and
//! total length are not looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::parsed::Parsed;
use crate::proxy::Endpoints;

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The magic number is another.
    Magic,
    /// What it carries is not a TCP packet over IPv4 or IPv6.
    Protocol,
}

/// Reads the header at the start of `bytes`, all that has arrived on the connection.
pub fn parse(bytes: &[u8], magic: u32) -> Parsed<Endpoints, Refusal> {
    let expected = magic.to_be_bytes();
    let Some((start, _)) = bytes.split_first_chunk::<12>() else {
        let fits = bytes.iter().zip(expected).all(|(byte, magic)| *byte == magic);
        return if fits { Parsed::Partial } else { Parsed::Invalid(Refusal::Magic) };
    };
    let [m0, m1, m2, m3, l0, l1, l2, l3, first, _, high, low] = *start;
    if [m0, m1, m2, m3] != expected {
        return Parsed::Invalid(Refusal::Magic);
    }
    let legacy = matches!(first >> 4, 4 | 6);
    let (offset, size) = if legacy {
        (8, u32::from_be_bytes([l0, l1, l2, l3]))
    } else {
        (12, u32::from(u16::from_be_bytes([high, low])))
    };
    // No pair of IP and TCP headers comes near this; a larger number would make the caller wait for ever.
    if size > u32::from(u16::MAX) {
        return Parsed::Invalid(Refusal::Protocol);
    }
    let consumed = offset + size as usize;
    let Some(packet) = bytes.get(offset..consumed) else { return Parsed::Partial };
    match endpoints(packet) {
        Some(value) => Parsed::Complete { value, consumed },
        None => Parsed::Invalid(Refusal::Protocol),
    }
}

fn endpoints(packet: &[u8]) -> Option<Endpoints> {
    let first = *packet.first()?;
    let (from, to, tcp): (IpAddr, IpAddr, &[u8]) = match first >> 4 {
        4 if packet.get(9) == Some(&TCP) => {
            let from: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            let to: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            let size = usize::from(first & 0x0f) * 4;
            (Ipv4Addr::from(from).into(), Ipv4Addr::from(to).into(), packet.get(size.max(20)..)?)
        }
        6 if packet.get(6) == Some(&TCP) => {
            let from: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            let to: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            (Ipv6Addr::from(from).into(), Ipv6Addr::from(to).into(), packet.get(40..)?)
        }
        _ => return None,
    };
    let (&[a, b, c, d], _) = tcp.split_first_chunk::<4>()?;
    let source = SocketAddr::new(from, u16::from_be_bytes([a, b]));
    Some(Endpoints { source, destination: SocketAddr::new(to, u16::from_be_bytes([c, d])) })
}

/// The number of TCP among the protocols over IP.
const TCP: u8 = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAGIC: u32 = 0xdead_beef;

    fn packet(v4: bool, protocol: u8, options: usize) -> Vec<u8> {
        let mut ip = if v4 { vec![0; 20 + options] } else { vec![0; 40] };
        if v4 {
            ip[0] = 0x45 + u8::try_from(options / 4).unwrap();
            ip[9] = protocol;
            ip[12..20].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        } else {
            (ip[0], ip[6], ip[23], ip[39]) = (0x60, protocol, 1, 2);
        }
        ip.extend_from_slice(&[0x03, 0xe8, 0x07, 0xd0]);
        ip.extend_from_slice(&[0; 16]);
        ip
    }

    fn legacy(packet: &[u8]) -> Vec<u8> {
        let size = u32::try_from(packet.len()).unwrap();
        [&MAGIC.to_be_bytes(), &size.to_be_bytes(), packet].concat()
    }

    fn standard(packet: &[u8]) -> Vec<u8> {
        let size = u16::try_from(packet.len()).unwrap().to_be_bytes();
        [&MAGIC.to_be_bytes(), [0, 0, 0, 52].as_slice(), &[0, 1], &size, packet].concat()
    }

    #[test]
    fn both_forms_name_both_ends() {
        let v4 = ("1.2.3.4:1000", "5.6.7.8:2000");
        let v6 = ("[::1]:1000", "[::2]:2000");
        let cases = [
            (legacy(&packet(true, 6, 0)), v4),
            (legacy(&packet(true, 6, 4)), v4),
            (legacy(&packet(false, 6, 0)), v6),
            (standard(&packet(true, 6, 0)), v4),
            (standard(&packet(false, 6, 0)), v6),
        ];
        for (bytes, (source, destination)) in cases {
            let value =
                Endpoints { source: source.parse().unwrap(), destination: destination.parse().unwrap() };
            let with_data = [&bytes[..], b"GET"].concat();
            assert_eq!(parse(&with_data, MAGIC), Parsed::Complete { value, consumed: bytes.len() });
            for cut in 0..bytes.len() {
                assert_eq!(parse(&bytes[..cut], MAGIC), Parsed::Partial, "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_not_such_a_header_is_refused() {
        let cases = [
            (b"abc".to_vec(), Refusal::Magic),
            (b"GET / HTTP/1.1\r\n".to_vec(), Refusal::Magic),
            (legacy(&packet(true, 17, 0)), Refusal::Protocol),
            (standard(&packet(false, 17, 0)), Refusal::Protocol),
            (legacy(&packet(true, 6, 0)[..20]), Refusal::Protocol),
        ];
        for (bytes, refusal) in cases {
            assert_eq!(parse(&bytes, MAGIC), Parsed::Invalid(refusal), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let bytes = [&MAGIC.to_be_bytes()[..], &bytes].concat();
            if let Parsed::Complete { consumed, .. } = parse(&bytes, MAGIC) {
                prop_assert!(consumed <= bytes.len());
            }
        }
    }
}
