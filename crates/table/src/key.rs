//! Keys as tables store them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `type` of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// `ip` and `ipv4`.
    Ipv4,
    /// `ipv6`.
    Ipv6,
    /// `integer`: 32 bits.
    Integer,
    /// `string len <n>`: cut to that many bytes.
    String(usize),
    /// `binary len <n>`: cut to that many bytes, or filled up with zeros.
    Binary(usize),
}

/// A key as a row keeps it: bytes in the table's form, short ones without allocation.
#[derive(Clone, Debug)]
pub(crate) struct Key(Bytes);

#[derive(Clone, Debug)]
enum Bytes {
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

// === impl KeyType ===

impl KeyType {
    /// The name in `show table`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ip",
            Self::Ipv6 => "ipv6",
            Self::Integer => "integer",
            Self::String(_) => "string",
            Self::Binary(_) => "binary",
        }
    }

    /// Raw bytes in the table's form: network-order addresses and integers, text, or binary; `room` is where they
    /// are filled up. `None` where the length cannot be that of the type.
    pub fn form<'k>(self, bytes: &'k [u8], room: &'k mut Vec<u8>) -> Option<&'k [u8]> {
        match self {
            Self::Ipv4 | Self::Integer => Some(bytes).filter(|b| b.len() == 4),
            Self::Ipv6 => Some(bytes).filter(|b| b.len() == 16),
            Self::String(len) => Some(bytes.get(..len).unwrap_or(bytes)),
            Self::Binary(len) => Some(bytes.get(..len).unwrap_or_else(|| {
                room.clear();
                room.extend_from_slice(bytes);
                room.resize(len, 0);
                room
            })),
        }
    }

    /// The key that a text stands for, as in `show table ... key <key>`.
    pub fn parse(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Ipv4 => match text.parse().ok()? {
                IpAddr::V4(ip) => Some(ip.octets().to_vec()),
                IpAddr::V6(ip) => embedded(ip).map(|ip| ip.octets().to_vec()),
            },
            Self::Ipv6 => match text.parse().ok()? {
                IpAddr::V4(ip) => Some(ip.to_ipv6_mapped().octets().to_vec()),
                IpAddr::V6(ip) => Some(ip.octets().to_vec()),
            },
            Self::Integer => Some((leading(text) as u32).to_be_bytes().to_vec()),
            Self::String(_) => self.form(text.as_bytes(), &mut Vec::new()).map(<[u8]>::to_vec),
            Self::Binary(_) => self.form(&hex(text)?, &mut Vec::new()).map(<[u8]>::to_vec),
        }
    }

    /// The key as `show table` prints it.
    pub fn show(self, bytes: &[u8]) -> String {
        match self {
            Self::Ipv4 | Self::Integer => match <[u8; 4]>::try_from(bytes) {
                Ok(octets) if self == Self::Ipv4 => Ipv4Addr::from(octets).to_string(),
                Ok(octets) => u32::from_be_bytes(octets).to_string(),
                Err(_) => String::new(),
            },
            Self::Ipv6 => {
                <[u8; 16]>::try_from(bytes).map_or_else(|_| String::new(), |octets| show_ipv6(octets.into()))
            }
            Self::String(_) => escaped(bytes),
            Self::Binary(_) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        }
    }
}

// === impl Key ===

impl Key {
    /// The key's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Short(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Bytes::Long(bytes) => bytes,
        }
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match (short.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(room), Ok(len)) => {
                room.copy_from_slice(bytes);
                Self(Bytes::Short(len, short))
            }
            _ => Self(Bytes::Long(bytes.into())),
        }
    }
}

/// The number that a text begins with, 0 for none.
/// The IPv4 address inside a mapped, a compatible (`::/96`) or a 6to4 address.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = ip.to_bits();
    match (bits >> 32, bits >> 112) {
        (0xffff | 0, _) => Some(Ipv4Addr::from_bits(bits as u32)),
        (_, 0x2002) => Some(Ipv4Addr::from_bits((bits >> 80) as u32)),
        _ => None,
    }
}

fn leading(text: &str) -> i64 {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.trim_start_matches(['-', '+']).bytes().take_while(u8::is_ascii_digit);
    digits
        .fold(0i64, |number, digit| number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')))
        .wrapping_mul(sign)
}

/// As `inet_ntop` has it, which writes an IPv4 address at the end of addresses that may hold one.
fn show_ipv6(ip: Ipv6Addr) -> String {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            format!("::{}", Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => ip.to_string(),
    }
}

/// Text in which what would end a word is escaped.
fn escaped(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for byte in bytes {
        match byte {
            b'\t' => shown.push_str("\\t"),
            b'\n' => shown.push_str("\\n"),
            b'\r' => shown.push_str("\\r"),
            0x1b => shown.push_str("\\e"),
            b' ' | b'=' | b'\\' => shown.extend(['\\', char::from(*byte)]),
            0x21..=0x7e => shown.push(char::from(*byte)),
            other => shown.push_str(&format!("\\x{other:02X}")),
        }
    }
    shown
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    if digits.len() % 2 == 1 {
        return None;
    }
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0u8, |byte, digit| byte << 4 | digit)).collect())
}

/// Bytes of a key that need no allocation: an IPv6 address and most tokens' beginnings.
const SHORT: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_cut_filled_and_shown_as_their_type_says() {
        let cases = [
            (KeyType::String(5), "/abcdefgh", Some("/abcd")),
            (KeyType::String(64), "0123456789012345678901234567890", Some("0123456789012345678901234567890")),
            (KeyType::Binary(4), "0aFF", Some("0AFF0000")),
            (KeyType::Binary(2), "0a0b0c", Some("0A0B")),
            (KeyType::Binary(2), "0a0", None),
            (KeyType::Ipv4, "192.0.2.1", Some("192.0.2.1")),
            (KeyType::Ipv4, "2001:db8::1", None),
            (KeyType::Ipv4, "::ffff:192.0.2.1", Some("192.0.2.1")),
            (KeyType::Ipv6, "192.0.2.1", Some("::ffff:192.0.2.1")),
            (KeyType::Ipv6, "::102:304", Some("::1.2.3.4")),
            (KeyType::Integer, "-1", Some("4294967295")),
            (KeyType::Integer, "12abc", Some("12")),
            (KeyType::Integer, "abc", Some("0")),
            (KeyType::String(9), "a b=\\\u{1}", Some("a\\ b\\=\\\\\\x01")),
            (KeyType::Ipv6, "2001:DB8::1", Some("2001:db8::1")),
            (KeyType::Integer, "42", Some("42")),
        ];
        for (kind, text, expected) in cases {
            let shown = kind.parse(text).map(|key| kind.show(&key));
            assert_eq!(shown.as_deref(), expected, "{kind:?} {text}");
        }
    }
}
