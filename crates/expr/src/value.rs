//! Samples: typed values and the casts between them (manual, 7.3).
//!
//! A [`Value`] is `Copy` and borrows its bytes: from the message, from the configuration, or from the
//! [`Scratch`](crate::Scratch) of the transaction. Making and casting one allocates nothing on the heap.
//! Fetches make values, converters turn them into others, patterns and log formats read them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Scratch;

/// The type of a sample, or a set of types that a fetch or converter declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Any type: known only when it runs (`var()`), or taken as it comes.
    Any,
    /// Of a converter's output: the type that came in.
    Same,
    /// True or false.
    Bool,
    /// A signed 64-bit integer.
    Sint,
    /// An IPv4 or an IPv6 address.
    Addr,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Bytes without NUL.
    Str,
    /// Any bytes.
    Bin,
    /// An HTTP method.
    Meth,
}

/// A typed value that borrows its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// A signed 64-bit integer.
    Sint(i64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Text; no encoding is inferred.
    Str(&'a [u8]),
    /// Any bytes.
    Bin(&'a [u8]),
    /// An HTTP method, as it is spelled.
    Meth(&'a [u8]),
}

/// What a question about a transaction gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is there and final.
    Value(T),
    /// It is there, and more bytes may change it (`req.len`). A test that fails on it has not failed yet.
    Partial(T),
    /// It is not there and never will be.
    Absent,
    /// Too few bytes came in to say.
    NotYet,
}

// === impl Type ===

impl Type {
    /// The name in messages and in the manual's tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Same => "same",
            Self::Bool => "bool",
            Self::Sint => "sint",
            Self::Addr => "addr",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Str => "str",
            Self::Bin => "bin",
            Self::Meth => "meth",
        }
    }

    /// Whether a cast from this type to `to` exists; a particular value may still fail to convert.
    pub const fn casts_to(self, to: Self) -> bool {
        use Type::{Addr, Any, Bin, Bool, Ipv4, Ipv6, Meth, Same, Sint, Str};
        matches!(
            (self, to),
            (Any | Same | Str, _)
                | (_, Any | Same)
                | (Bool | Sint, Bool | Sint | Str | Bin)
                | (Sint, Addr | Ipv4 | Ipv6)
                | (Ipv4, Sint)
                | (Addr | Ipv4 | Ipv6, Addr | Ipv4 | Ipv6 | Str | Bin)
                | (Bin, Str | Bin)
                | (Meth, Meth | Str | Bin)
        )
    }
}

// === impl Value ===

impl<'a> Value<'a> {
    /// The type of this value; never `Any`, `Same` or `Addr`.
    pub const fn kind(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Sint(_) => Type::Sint,
            Self::Ipv4(_) => Type::Ipv4,
            Self::Ipv6(_) => Type::Ipv6,
            Self::Str(_) => Type::Str,
            Self::Bin(_) => Type::Bin,
            Self::Meth(_) => Type::Meth,
        }
    }

    /// The value as type `to`, or `None` where this value has no such form.
    pub fn cast(self, to: Type, scratch: &'a Scratch) -> Option<Self> {
        Some(match to {
            Type::Any | Type::Same => self,
            // An address is a truth for patterns alone.
            Type::Bool if matches!(self, Self::Ipv4(_) | Self::Ipv6(_)) => return None,
            Type::Bool => Self::Bool(self.to_bool()?),
            Type::Sint => Self::Sint(self.to_sint()?),
            Type::Addr => match self.to_ip()? {
                IpAddr::V4(ip) => Self::Ipv4(ip),
                IpAddr::V6(ip) => Self::Ipv6(ip),
            },
            // A text is an address of one family only.
            Type::Ipv4 => Self::Ipv4(match (self, self.to_ip()?) {
                (_, IpAddr::V4(ip)) => ip,
                (Self::Str(_), IpAddr::V6(_)) => return None,
                (_, IpAddr::V6(ip)) => v6_to_v4(ip)?,
            }),
            Type::Ipv6 => Self::Ipv6(match (self, self.to_ip()?) {
                (_, IpAddr::V6(ip)) => ip,
                (Self::Str(_), IpAddr::V4(_)) => return None,
                (_, IpAddr::V4(ip)) => ip.to_ipv6_mapped(),
            }),
            Type::Str => Self::Str(self.to_str(scratch)),
            Type::Bin => Self::Bin(self.to_bin(scratch)),
            Type::Meth => match self {
                Self::Meth(m) | Self::Str(m) => Self::Meth(m),
                _ => return None,
            },
        })
    }

    /// True for an integer other than zero; text is read as an integer first.
    pub fn to_bool(self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(b),
            Self::Ipv4(ip) => Some(ip.to_bits() != 0),
            Self::Ipv6(ip) => Some(ip.to_bits() != 0),
            other => Some(other.to_sint()? != 0),
        }
    }

    /// The integer form: of a boolean 0 or 1, of an IPv4 address its 32 bits, of text its leading digits.
    pub fn to_sint(self) -> Option<i64> {
        match self {
            Self::Bool(b) => Some(i64::from(b)),
            Self::Sint(i) => Some(i),
            Self::Ipv4(ip) => Some(i64::from(ip.to_bits())),
            Self::Str(s) => leading_integer(s),
            Self::Ipv6(_) | Self::Bin(_) | Self::Meth(_) => None,
        }
    }

    /// The address form; an integer is an IPv4 address by its low 32 bits.
    pub fn to_ip(self) -> Option<IpAddr> {
        match self {
            Self::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Self::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Self::Sint(i) => Some(IpAddr::V4(Ipv4Addr::from_bits(i as u32))),
            Self::Str(s) => leading_ipv4(s)
                .map(IpAddr::V4)
                .or_else(|| std::str::from_utf8(s).ok()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6)),
            Self::Bool(_) | Self::Bin(_) | Self::Meth(_) => None,
        }
    }

    /// The text form. Of binary data only what stands before the first NUL.
    pub fn to_str(self, scratch: &'a Scratch) -> &'a [u8] {
        match self {
            Self::Bool(b) => bool_digit(b),
            Self::Str(s) | Self::Meth(s) => s,
            Self::Bin(b) => until_nul(b),
            other => scratch.build(|out| other.write(out)),
        }
    }

    /// The bytes: of addresses in network order, of integers 8 bytes in network order.
    pub fn to_bin(self, scratch: &'a Scratch) -> &'a [u8] {
        match self {
            Self::Str(s) | Self::Meth(s) | Self::Bin(s) => s,
            Self::Ipv4(ip) => scratch.bytes(&ip.octets()),
            Self::Ipv6(ip) => scratch.bytes(&ip.octets()),
            Self::Sint(i) => scratch.bytes(&i.to_be_bytes()),
            Self::Bool(b) => scratch.bytes(&i64::from(b).to_be_bytes()),
        }
    }

    /// Appends the text form to `out`; binary data as it is.
    pub fn write(&self, out: &mut impl Extend<u8>) {
        match self {
            Self::Bool(b) => out.extend(bool_digit(*b).iter().copied()),
            Self::Sint(i) => out.extend(itoa::Buffer::new().format(*i).bytes()),
            Self::Ipv4(ip) => write_ipv4(*ip, out),
            Self::Ipv6(ip) => write_ipv6(*ip, out),
            Self::Str(s) | Self::Bin(s) | Self::Meth(s) => out.extend(s.iter().copied()),
        }
    }

    /// Its bytes where it holds some as they are.
    pub const fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Str(s) | Self::Bin(s) | Self::Meth(s) => Some(s),
            _ => None,
        }
    }

    /// An address as a value of its own type.
    pub const fn from_ip(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::Ipv4(ip),
            IpAddr::V6(ip) => Self::Ipv6(ip),
        }
    }
}

// === impl Lookup ===

impl<T> Lookup<T> {
    /// What is there, final or not.
    pub fn some(self) -> Option<T> {
        match self {
            Self::Value(v) | Self::Partial(v) => Some(v),
            Self::Absent | Self::NotYet => None,
        }
    }

    /// The same question about a part of what was found.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Value(v) => Lookup::Value(f(v)),
            Self::Partial(v) => Lookup::Partial(f(v)),
            Self::Absent => Lookup::Absent,
            Self::NotYet => Lookup::NotYet,
        }
    }

    /// The answer to a further question; it stays partial where this one was.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Lookup<U>) -> Lookup<U> {
        match self {
            Self::Value(v) => f(v),
            Self::Partial(v) => match f(v) {
                Lookup::Value(u) => Lookup::Partial(u),
                other => other,
            },
            Self::Absent => Lookup::Absent,
            Self::NotYet => Lookup::NotYet,
        }
    }

    /// Drops what is not wanted.
    pub fn filter_map<U>(self, f: impl FnOnce(T) -> Option<U>) -> Lookup<U> {
        self.and_then(|v| Lookup::from(f(v)))
    }
}

impl<T> From<Option<T>> for Lookup<T> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Absent, Self::Value)
    }
}

/// The IPv4 address inside a mapped (`::ffff:0:0/96`), compatible (`::/96`) or 6to4 (`2002::/16`) address.
pub(crate) fn v6_to_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = ip.to_bits();
    match (bits >> 32, bits >> 112) {
        (0xffff | 0, _) => Some(Ipv4Addr::from_bits(bits as u32)),
        (_, 0x2002) => Some(Ipv4Addr::from_bits((bits >> 80) as u32)),
        _ => None,
    }
}

/// The IPv4 address that a text starts with: four numbers, and what follows them is no digit and no dot.
fn leading_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let end = text.iter().position(|c| !c.is_ascii_digit() && *c != b'.').unwrap_or(text.len());
    let mut octets = [0u8; 4];
    let mut parts = text.get(..end)?.split(|c| *c == b'.');
    for octet in &mut octets {
        let part = parts.next().filter(|p| !p.is_empty())?;
        let value = part.iter().try_fold(0u32, |n, c| n.checked_mul(10)?.checked_add(u32::from(c - b'0')));
        *octet = u8::try_from(value?).ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// The digits at the start, after a `-` where there is one, in 32 bits: what goes beyond is cut off.
pub(crate) fn leading_int32(text: &[u8]) -> i64 {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let number = digits.iter().take_while(|c| c.is_ascii_digit());
    let n = number.fold(0i32, |n, c| n.wrapping_mul(10).wrapping_add(i32::from(c - b'0')));
    i64::from(if digits.len() < text.len() { n.wrapping_neg() } else { n })
}

/// The integer that a text starts with: a sign, digits, then anything. Zero without digits, bound to the
/// range of the type, `None` for an empty text.
pub(crate) fn leading_integer(s: &[u8]) -> Option<i64> {
    let (negative, digits) = match s.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, s),
    };
    let mut n: i64 = 0;
    for d in digits.iter().take_while(|c| c.is_ascii_digit()).map(|c| i64::from(c - b'0')) {
        n = n.saturating_mul(10);
        n = if negative { n.saturating_sub(d) } else { n.saturating_add(d) };
    }
    Some(n)
}

/// Appends `a.b.c.d`.
pub(crate) fn write_ipv4(ip: Ipv4Addr, out: &mut impl Extend<u8>) {
    out.extend(IpText::new(ip.into()).bytes().iter().copied());
}

/// Appends the canonical form (RFC 5952), which `inet_ntop` gives too.
pub(crate) fn write_ipv6(ip: Ipv6Addr, out: &mut impl Extend<u8>) {
    out.extend(IpText::new(ip.into()).bytes().iter().copied());
}

/// The text of an address, on the stack.
pub(crate) struct IpText {
    buffer: [u8; 48],
    len: usize,
}

// === impl IpText ===

impl IpText {
    /// The dotted form, or the canonical form of RFC 5952.
    pub(crate) fn new(ip: IpAddr) -> Self {
        let mut text = Self { buffer: [0; 48], len: 0 };
        match ip {
            IpAddr::V4(ip) => {
                let mut digits = itoa::Buffer::new();
                for (i, octet) in ip.octets().into_iter().enumerate() {
                    if i > 0 {
                        text.push(b".");
                    }
                    text.push(digits.format(octet).as_bytes());
                }
            }
            IpAddr::V6(ip) => {
                // The longest form has 45 bytes: the write cannot fail.
                let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{ip}"));
            }
        }
        text
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if let Some(room) = self.buffer.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
            self.len = end;
        }
    }
}

impl std::fmt::Write for IpText {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.push(s.as_bytes());
        Ok(())
    }
}

const fn bool_digit(b: bool) -> &'static [u8] {
    if b { b"1" } else { b"0" }
}

fn until_nul(b: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, b).unwrap_or(b.len());
    b.get(..end).unwrap_or(b)
}
