//! Keys as tables store them.

use std::net::{Ipv4Addr, Ipv6Addr};

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

/// A key in a table's form: bytes, short ones without allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Bytes);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

    /// The key of raw bytes: network-order addresses and integers, text, or binary.
    /// `None` where the length cannot be that of the type.
    pub fn key(self, bytes: &[u8]) -> Option<Key> {
        match self {
            Self::Ipv4 | Self::Integer => (bytes.len() == 4).then(|| Key::of(bytes)),
            Self::Ipv6 => (bytes.len() == 16).then(|| Key::of(bytes)),
            Self::String(len) => Some(Key::of(bytes.get(..len).unwrap_or(bytes))),
            Self::Binary(len) => match bytes.get(..len) {
                Some(cut) => Some(Key::of(cut)),
                None => {
                    let mut filled = bytes.to_vec();
                    filled.resize(len, 0);
                    Some(Key::of(&filled))
                }
            },
        }
    }

    /// The key written as text, as in `show table ... key <key>`.
    pub fn parse(self, text: &str) -> Option<Key> {
        match self {
            Self::Ipv4 => Some(Key::of(&text.parse::<Ipv4Addr>().ok()?.octets())),
            Self::Ipv6 => Some(Key::of(&text.parse::<Ipv6Addr>().ok()?.octets())),
            Self::Integer => {
                let number = text.parse::<i64>().ok()?;
                Some(Key::of(&(number as u32).to_be_bytes()))
            }
            Self::String(_) => self.key(text.as_bytes()),
            Self::Binary(_) => self.key(&hex(text)?),
        }
    }

    /// The key as `show table` prints it.
    pub fn show(self, key: &Key) -> String {
        let bytes = key.bytes();
        match self {
            Self::Ipv4 | Self::Integer => match <[u8; 4]>::try_from(bytes) {
                Ok(octets) if self == Self::Ipv4 => Ipv4Addr::from(octets).to_string(),
                Ok(octets) => u32::from_be_bytes(octets).to_string(),
                Err(_) => String::new(),
            },
            Self::Ipv6 => <[u8; 16]>::try_from(bytes)
                .map_or_else(|_| String::new(), |octets| Ipv6Addr::from(octets).to_string()),
            Self::String(_) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Binary(_) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        }
    }
}

// === impl Key ===

impl Key {
    /// The key's bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Short(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Bytes::Long(bytes) => bytes,
        }
    }

    fn of(bytes: &[u8]) -> Self {
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
            (KeyType::Ipv6, "2001:DB8::1", Some("2001:db8::1")),
            (KeyType::Integer, "42", Some("42")),
        ];
        for (kind, text, expected) in cases {
            let shown = kind.parse(text).map(|key| kind.show(&key));
            assert_eq!(shown.as_deref(), expected, "{kind:?} {text}");
        }
    }
}
