//! Sizes (manual 2.6): a number of bytes with an optional `k`, `m` or `g`, at most 32 bits.

use weir_diag::Diagnostic;

use crate::Word;

/// The size that `word` means for keyword `name`, in bytes.
pub fn size(name: &str, word: &Word) -> Result<u32, Diagnostic> {
    parse_size(&word.bytes).map_err(|rest| {
        word.alert(format!("unexpected '{}' after size passed to '{name}'", String::from_utf8_lossy(rest)))
    })
}

/// The size that `text` means, or the part where it stops being one.
pub fn parse_size(text: &[u8]) -> Result<u32, &[u8]> {
    let mut value: u32 = 0;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        let next = value.checked_mul(10).and_then(|v| v.checked_add(u32::from(digit - b'0')));
        value = next.ok_or(rest)?;
        rest = tail;
    }
    let (shift, tail) = match rest {
        [] if text.is_empty() => return Err(rest),
        [] => return Ok(value),
        [b'k' | b'K', tail @ ..] => (10, tail),
        [b'm' | b'M', tail @ ..] => (20, tail),
        [b'g' | b'G', tail @ ..] => (30, tail),
        _ => return Err(rest),
    };
    if rest.len() == text.len() {
        return Err(rest);
    }
    let scaled = value.checked_mul(1 << shift).ok_or(rest)?;
    if tail.is_empty() { Ok(scaled) } else { Err(tail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_reference_reads_them() {
        for (text, expected) in [
            ("10", Ok(10)),
            ("16k", Ok(16_384)),
            ("16K", Ok(16_384)),
            ("1m", Ok(1_048_576)),
            ("1g", Ok(1_073_741_824)),
            ("4g", Err("g")),
            ("x", Err("x")),
            ("16x", Err("x")),
            ("16kb", Err("b")),
            ("1.5k", Err(".5k")),
            ("-1", Err("-1")),
            ("99999999999999", Err("99999")),
        ] {
            assert_eq!(parse_size(text.as_bytes()), expected.map_err(str::as_bytes), "{text}");
        }
    }
}
