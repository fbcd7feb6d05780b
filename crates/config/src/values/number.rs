//! Whole numbers.

use std::ops::RangeInclusive;

use weir_diag::Diagnostic;

use crate::Word;

/// The number that `word` is for keyword `name`; all of the word must be the number, and in `range`.
pub fn integer(name: &str, word: &Word, range: RangeInclusive<i64>) -> Result<i64, Diagnostic> {
    let text = word.text();
    let Some(value) = parse_integer(&word.bytes) else {
        return Err(word.alert(format!("'{name}' expects an integer argument, but got '{text}'.")));
    };
    if !range.contains(&value) {
        let (low, high) = (range.start(), range.end());
        return Err(word.alert(format!("'{name}' value must be between {low} and {high} (was {value})")));
    }
    Ok(value)
}

/// The number that all of `text` is, a sign allowed; `None` if it is none or does not fit.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The number that `text` begins with, as C's `atol` reads it: blanks and a sign first, 0 where there is none, the
/// rest ignored, what is too large held at the limit. Many old keywords read their arguments so (`maxconn 16k` in a
/// frontend means 16).
pub fn leading_integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    digits.iter().take_while(|b| b.is_ascii_digit()).fold(0i64, |n, b| {
        let digit = i64::from(b - b'0');
        let n = n.saturating_mul(10);
        if negative { n.saturating_sub(digit) } else { n.saturating_add(digit) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_numbers_are_read_as_c_reads_them() {
        for (text, expected) in [
            ("12", 12),
            ("16k", 16),
            ("x", 0),
            ("", 0),
            (" -3x", -3),
            ("+7", 7),
            ("99999999999999999999", i64::MAX),
        ] {
            assert_eq!(leading_integer(text.as_bytes()), expected, "{text}");
        }
    }
}
