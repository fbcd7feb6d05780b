//! Version 1 of the PROXY protocol: one line of text (its specification, section 2.1).
//!
//! Read as HAProxy reads it: exactly one space between fields, `CRLF` at the end, nothing after `UNKNOWN`, leading zeros
//! taken as decimal. HAProxy also wraps numbers that are too large and fills up addresses that are too short; these are
//! refused here, as the specification asks, because they would name a client that the sender did not mean.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::parsed::Parsed;
use crate::proxy::{Endpoints, Header, Refusal};
use crate::proxy_v2::Tlvs;

/// What every line starts with.
pub(crate) const PREFIX: &[u8] = b"PROXY ";

/// Adds the line for these ends to `out`; `None` says `UNKNOWN` (unix clients).
///
/// Where one end is IPv4 and the other IPv6, the line says `TCP6` and maps the former.
pub fn write(out: &mut Vec<u8>, endpoints: Option<Endpoints>) {
    let Some(Endpoints { source, destination }) = endpoints.map(Endpoints::in_one_family) else {
        return out.extend_from_slice(b"PROXY UNKNOWN\r\n");
    };
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    // Writing to a `Vec` does not fail.
    let _ = write!(out, "PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port());
}

/// Reads a line; `bytes` start with [`PREFIX`].
pub(crate) fn parse(bytes: &[u8]) -> Parsed<Header<'_>, Refusal> {
    let rest = bytes.get(PREFIX.len()..).unwrap_or_default();
    if let Some(after) = rest.strip_prefix(b"UNKNOWN") {
        return match after {
            [b'\r', b'\n', ..] => complete(None, PREFIX.len() + 9),
            _ => Parsed::Invalid(Refusal::Protocol),
        };
    }
    let (ends, v4) = match (rest.strip_prefix(b"TCP4 "), rest.strip_prefix(b"TCP6 ")) {
        (Some(ends), _) => (ends, true),
        (_, Some(ends)) => (ends, false),
        _ if [b"TCP4 ".as_slice(), b"TCP6 ", b"UNKNOWN"].iter().any(|name| name.starts_with(rest)) => {
            return Parsed::Partial;
        }
        _ => return Parsed::Invalid(Refusal::Protocol),
    };
    // The address part holds neither CR nor LF, so the first of either ends it, and has to be a CRLF.
    let line = ends.get(..MOST_OF_ENDS.min(ends.len())).unwrap_or_default();
    let Some(size) = line.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if ends.len() < MOST_OF_ENDS { Parsed::Partial } else { Parsed::Invalid(Refusal::Malformed) };
    };
    let (text, end) = ends.split_at_checked(size).unwrap_or((ends, b""));
    match end {
        // Whether it ends as it should is seen with the next byte.
        [_] => Parsed::Partial,
        [b'\r', b'\n', ..] => match endpoints(text, v4) {
            Some(endpoints) => complete(Some(endpoints), PREFIX.len() + 5 + size + 2),
            None => Parsed::Invalid(Refusal::Malformed),
        },
        _ => Parsed::Invalid(Refusal::Malformed),
    }
}

fn complete<'a>(endpoints: Option<Endpoints>, consumed: usize) -> Parsed<Header<'a>, Refusal> {
    Parsed::Complete { value: Header { endpoints, tlvs: Tlvs::default() }, consumed }
}

fn endpoints(text: &[u8], v4: bool) -> Option<Endpoints> {
    let mut fields = text.split(|byte| *byte == b' ');
    let mut field = || fields.next();
    let read = if v4 { ipv4 } else { ipv6 };
    let (from, to) = (read(field()?)?, read(field()?)?);
    let (source, destination) = (number(field()?)?, number(field()?)?);
    let ends =
        Endpoints { source: SocketAddr::new(from, source), destination: SocketAddr::new(to, destination) };
    field().is_none().then_some(ends)
}

/// Four decimal numbers; unlike the standard library's parser it takes leading zeros.
fn ipv4(text: &[u8]) -> Option<IpAddr> {
    let mut octets = [0; 4];
    let mut numbers = text.split(|byte| *byte == b'.');
    for octet in &mut octets {
        *octet = u8::try_from(number(numbers.next()?)?).ok()?;
    }
    numbers.next().is_none().then_some(Ipv4Addr::from(octets).into())
}

fn ipv6(text: &[u8]) -> Option<IpAddr> {
    let address: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(address.into())
}

/// A decimal number without a sign.
fn number(text: &[u8]) -> Option<u16> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u16, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Longest text between `TCP6 ` and the end of the line, the line being at most 107 bytes.
const MOST_OF_ENDS: usize = 107 - 11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_lines_name_both_ends() {
        let cases = [
            ("PROXY TCP4 1.2.3.4 5.6.7.8 1000 2000\r\n", "1.2.3.4:1000", "5.6.7.8:2000"),
            ("PROXY TCP4 01.2.3.008 5.6.7.8 0100 0\r\n", "1.2.3.8:100", "5.6.7.8:0"),
            ("PROXY TCP6 ::1 2001:DB8::1 1 65535\r\n", "[::1]:1", "[2001:db8::1]:65535"),
            ("PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n", "[::ffff:1.2.3.4]:1", "[::1]:2"),
        ];
        for (line, source, destination) in cases {
            let ends =
                Endpoints { source: source.parse().unwrap(), destination: destination.parse().unwrap() };
            let bytes = [line.as_bytes(), b"GET /"].concat();
            let Parsed::Complete { value, consumed } = parse(&bytes) else { panic!("{line}") };
            assert_eq!((value.endpoints, consumed), (Some(ends), line.len()));
            for cut in PREFIX.len()..line.len() {
                assert_eq!(parse(&bytes[..cut]), Parsed::Partial, "{line} cut at {cut}");
            }
        }
    }

    #[test]
    fn unknown_leaves_the_connections_own_ends() {
        assert_eq!(parse(b"PROXY UNKNOWN\r\nGET"), complete(None, 15));
        for line in ["PROXY UNKNOWN", "PROXY UNKNOWN \r\n", "PROXY UNKNOWN a b\r\n", "PROXY UNKNOWNX\r\n"] {
            assert_eq!(parse(line.as_bytes()), Parsed::Invalid(Refusal::Protocol), "{line}");
        }
    }

    #[test]
    fn malformed_lines_are_refused() {
        let cases = [
            "TCP4 1.2.3.4 5.6.7.8 1 2\n\r\n",
            "TCP4 1.2.3.4 5.6.7.8 1 2\rG",
            "TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
            "TCP4 1.2.3.4 5.6.7.8 1  2\r\n",
            "TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
            "TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
            "TCP4 1.2.3.4\t5.6.7.8 1 2\r\n",
            "TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
            "TCP4 1.2.3.4 5.6.7.8 0x1 2\r\n",
            "TCP4 1.2.3.4 5.6.7.8 1 2a\r\n",
            "TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
            "TCP4 1.2.3.4 5.6.7.8 1 \r\n",
            "TCP4 1.2.3.4 5.6.7.8 1\r\n",
            "TCP4 1.2.3.4 5.6.7.8\r\n",
            "TCP4 256.2.3.4 5.6.7.8 1 2\r\n",
            "TCP4 1.2.3 5.6.7.8 1 2\r\n",
            "TCP4 ::1 ::1 1 2\r\n",
            "TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
            "TCP6 fe80::1%lo ::1 1 2\r\n",
            "TCP6 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:8:9 1 2\r\n",
        ];
        for case in cases {
            let line = format!("PROXY {case}");
            assert_eq!(parse(line.as_bytes()), Parsed::Invalid(Refusal::Malformed), "{line:?}");
        }
        let endless = format!("PROXY TCP4 {}", "1".repeat(100));
        assert_eq!(parse(endless.as_bytes()), Parsed::Invalid(Refusal::Malformed));
        assert_eq!(parse(b"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"), Parsed::Invalid(Refusal::Protocol));
    }

    #[test]
    fn written_lines_map_mixed_families() {
        let ends = |source: &str, destination: &str| Endpoints {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        };
        let cases = [
            (None, "PROXY UNKNOWN\r\n"),
            (Some(ends("1.2.3.4:5", "6.7.8.9:10")), "PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n"),
            (Some(ends("1.2.3.4:5", "[::1]:10")), "PROXY TCP6 ::ffff:1.2.3.4 ::1 5 10\r\n"),
        ];
        for (endpoints, expected) in cases {
            let mut out = Vec::new();
            write(&mut out, endpoints);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
