//! Weights and limits as operators and agents write them (management manual, 9.3 "set server", "set maxconn").

use weir_config::values::leading_integer;

use super::servers::is_dynamic;
use crate::snapshot::{Proxy, Server};

/// The weight that `text` gives a server, or what is wrong with it.
pub fn weight_of(proxy: &Proxy, server: &Server, text: &[u8]) -> Result<u32, &'static str> {
    if text.is_empty() {
        return Err("Require <weight> or <weight%>.");
    }
    let initial = server.runtime.initial_weight();
    let weight = weight(text, initial)?;
    if !is_dynamic(&proxy.conf) && weight != 0 && weight != initial {
        return Err("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.");
    }
    Ok(weight)
}

/// The limit of connections that `text` gives a server, or what is wrong with it.
pub fn maxconn(text: &[u8]) -> Result<u32, &'static str> {
    if text.is_empty() {
        return Err("Require <maxconn>.");
    }
    let (limit, tail) = number(text).ok_or("maxconn string empty or preceded by garbage")?;
    if !tail.is_empty() {
        return Err("Trailing garbage in maxconn string");
    }
    // As the reference: what is below 0 is no limit that anyone reaches.
    Ok(limit as u32)
}

/// A weight, or a share of the configuration's.
fn weight(text: &[u8], initial: u32) -> Result<u32, &'static str> {
    let (number, tail) = number(text).ok_or("Empty weight string empty or preceded by garbage")?;
    match tail {
        b"%" if number < 0 => Err("Relative weight must be positive."),
        b"%" => {
            let weight = i64::from(initial).saturating_mul(number) / 100;
            Ok(u32::try_from(weight).unwrap_or(u32::MAX).min(HEAVIEST))
        }
        b"" => match u32::try_from(number) {
            Ok(weight) if weight <= HEAVIEST => Ok(weight),
            _ => Err("Absolute weight can only be between 0 and 256 inclusive."),
        },
        _ => Err("Trailing garbage in weight string"),
    }
}

/// The number that a text begins with, and what follows it.
pub fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    let signed = text.first().is_some_and(|b| matches!(b, b'-' | b'+'));
    let digits = text.iter().skip(usize::from(signed)).take_while(|b| b.is_ascii_digit()).count();
    let (_, tail) = text.split_at_checked(usize::from(signed) + digits)?;
    (digits > 0).then(|| (leading_integer(text), tail))
}

const HEAVIEST: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_numbers_or_shares_of_the_initial_one() {
        for (text, wanted) in [
            ("0", Ok(0)),
            ("256", Ok(256)),
            ("50%", Ok(5)),
            ("5000%", Ok(256)),
            ("257", Err("Absolute weight can only be between 0 and 256 inclusive.")),
            ("-1", Err("Absolute weight can only be between 0 and 256 inclusive.")),
            ("-5%", Err("Relative weight must be positive.")),
            ("10x", Err("Trailing garbage in weight string")),
            ("x", Err("Empty weight string empty or preceded by garbage")),
        ] {
            assert_eq!(weight(text.as_bytes(), 10), wanted, "{text}");
        }
    }
}
