//! The text form of patterns.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Network;
use crate::args;

/// A range of integers, each end where it is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest.
    pub min: Option<i64>,
    /// The largest.
    pub max: Option<i64>,
}

// === impl Bounds ===

impl Bounds {
    /// Whether `n` lies in it.
    pub fn has(self, n: i64) -> bool {
        self.min.is_none_or(|min| n >= min) && self.max.is_none_or(|max| n <= max)
    }

    /// Its text form.
    pub fn text(self) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) if min == max => min.to_string(),
            (min, max) => {
                let shown = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
                format!("{}:{}", shown(min), shown(max))
            }
        }
    }
}

/// Reads `n`, `n:m`, `n:` or `:m`; `n` may be a version, `major.minor`.
pub fn parse_bounds(text: &[u8]) -> Option<Bounds> {
    let Some(colon) = memchr::memchr(b':', text) else {
        let n = written(text).or_else(|| version(text))?;
        return Some(Bounds { min: Some(n), max: Some(n) });
    };
    let (left, right) = text.split_at_checked(colon)?;
    let right = right.get(1..)?;
    let digits = |side: &[u8]| side.iter().all(u8::is_ascii_digit).then(|| args::integer(side)).flatten();
    let number = |side: &[u8]| digits(side).or_else(|| version(side));
    let end = |side: &[u8]| if side.is_empty() { Some(None) } else { number(side).map(Some) };
    let bounds = Bounds { min: end(left)?, max: end(right)? };
    match bounds {
        Bounds { min: Some(min), max: Some(max) } if min > max => None,
        Bounds { min: None, max: None } => None,
        _ => Some(bounds),
    }
}

/// Reads what [`Bounds::text`] writes: also what ends below zero, which nobody may write but operators make.
pub(super) fn parse_written(text: &[u8]) -> Option<Bounds> {
    let below_zero = || match text {
        [b':', max @ ..] => Some(Bounds { min: None, max: Some(args::integer(max)?) }),
        [min @ .., b':'] => Some(Bounds { min: Some(args::integer(min)?), max: None }),
        _ => None,
    };
    parse_bounds(text).or_else(below_zero)
}

/// A number without a plus, which does not leave the range of its type.
fn written(text: &[u8]) -> Option<i64> {
    args::integer(text)?;
    std::str::from_utf8(text).ok()?.parse().ok().filter(|_| text.first() != Some(&b'+'))
}

/// A version as the TLS hello has it.
fn version(text: &[u8]) -> Option<i64> {
    let (major, minor) = std::str::from_utf8(text).ok()?.split_once('.')?;
    Some(major.parse::<u16>().ok().map(i64::from)? << 16 | minor.parse::<u16>().ok().map(i64::from)?)
}

/// Reads an address with or without a mask.
pub fn parse_network(text: &str) -> Option<Network> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    if address.contains(':') {
        let mask = mask.map_or(Some(Ipv6Addr::from_bits(u128::MAX)), args::mask6)?;
        return address.parse::<Ipv6Addr>().ok().map(|ip| Network::V6(ip & mask, mask));
    }
    let mask = mask.map_or(Some(Ipv4Addr::BROADCAST), args::mask4)?;
    Some(Network::V4(short_ipv4(address)? & mask, mask))
}

/// A dotted address in which octets of zero before the last may be left out: `127.1`, `192.168.1`.
fn short_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let parts: Vec<u8> = text.split('.').map(|p| p.parse().ok()).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if parts.len() > 4 || first.is_empty() {
        return None;
    }
    octets.iter_mut().zip(first).for_each(|(o, p)| *o = *p);
    *octets.last_mut()? = *last;
    Some(Ipv4Addr::from(octets))
}

/// Reads pairs of hexadecimal digits; the error is HAProxy's wording.
pub(crate) fn parse_hex(text: &[u8]) -> Result<Vec<u8>, String> {
    if text.len() % 2 == 1 {
        return Err("an even number of hex digit is expected".into());
    }
    let digit = |c: u8| {
        char::from(c)
            .to_digit(16)
            .map(|d| d as u8)
            .ok_or_else(|| format!("an hex digit is expected (found '{}')", char::from(c)))
    };
    text.chunks(2)
        .map(|pair| match pair {
            [a, b] => Ok(digit(*a)? << 4 | digit(*b)?),
            _ => Ok(0),
        })
        .collect()
}

/// What is wrong with a text that is no number and no range.
pub(super) fn not_a_number(text: &[u8]) -> String {
    let shown = String::from_utf8_lossy(text);
    if text.contains(&b':') {
        format!("'{shown}' is not a valid number range")
    } else {
        format!("'{shown}' is not a number")
    }
}
