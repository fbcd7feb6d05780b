//! Bytes as a person reads them in a failure message.

/// Renders bytes with `\r`, `\n` and everything unprintable escaped, a line break after each `\n`.
///
/// Long texts are cut in the middle, because a megabyte of body helps nobody.
pub fn show(bytes: &[u8]) -> String {
    const KEEP: usize = 4000;
    if bytes.len() <= 2 * KEEP {
        return escape(bytes);
    }
    let (head, rest) = bytes.split_at(KEEP);
    let (middle, tail) = rest.split_at(rest.len() - KEEP);
    format!("{}\n... {} bytes ...\n{}", escape(head), middle.len(), escape(tail))
}

fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for &byte in bytes {
        match byte {
            b'\n' => text.push_str("\\n\n    "),
            _ => text.extend(std::ascii::escape_default(byte).map(char::from)),
        }
    }
    text.trim_end().replace("\\\"", "\"").replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn unprintable_bytes_are_escaped_and_lines_are_broken() {
        assert_eq!(show(b"a\r\n\"b\"\x00"), "a\\r\\n\n    \"b\"\\x00");
    }

    #[test]
    fn a_long_text_is_cut_in_the_middle() {
        assert!(show(&[b'x'; 100_000]).contains("... 92000 bytes ..."));
    }
}
