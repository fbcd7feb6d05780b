//! From lines to header blocks.

use super::{integer, static_table};

/// Writes header blocks that leave the peer's dynamic table empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Encoder;

// === impl Encoder ===

impl Encoder {
    /// Begins a block with the status of a response.
    pub fn status(self, out: &mut Vec<u8>, status: u16) {
        let known = match status {
            200 => 8,
            204 => 9,
            206 => 10,
            304 => 11,
            400 => 12,
            404 => 13,
            500 => 14,
            _ => {
                integer::write(out, 0, 4, STATUS);
                let digits = [status / 100 % 10, status / 10 % 10, status % 10].map(|d| b'0' + d as u8);
                return string(out, &digits);
            }
        };
        integer::write(out, INDEXED, 7, known);
    }

    /// Adds a line; the name is in lower case.
    pub fn line(self, out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        let index = static_table::index_of_name(name);
        if let Some(exact) = index.and_then(|i| exact(i, name, value)) {
            return integer::write(out, INDEXED, 7, exact);
        }
        // Literal without indexing, or never to be indexed where it is a secret (RFC 7541, 6.2 and 7.1.3).
        let pattern = if matches!(name, b"authorization" | b"proxy-authorization") { 0x10 } else { 0 };
        integer::write(out, pattern, 4, index.unwrap_or(0));
        if index.is_none() {
            string(out, name);
        }
        string(out, value);
    }
}

/// The index of name and value both; those of one name follow each other.
fn exact(first: usize, name: &[u8], value: &[u8]) -> Option<usize> {
    (first..)
        .map_while(|i| static_table::entry(i).filter(|(n, _)| *n == name).map(|(_, v)| (i, v)))
        .find(|(_, v)| *v == value && !v.is_empty())
        .map(|(i, _)| i)
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    integer::write(out, 0, 7, bytes.len());
    out.extend_from_slice(bytes);
}

/// An indexed line.
const INDEXED: u8 = 0x80;
/// The first index of `:status`.
const STATUS: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Decoder;
    use super::*;

    #[test]
    fn what_the_static_table_has_is_one_octet() {
        for (name, value, byte) in [
            (":method", "GET", 0x82u8),
            (":method", "POST", 0x83),
            (":path", "/", 0x84),
            (":scheme", "https", 0x87),
            ("accept-encoding", "gzip, deflate", 0x90),
        ] {
            let mut out = Vec::new();
            Encoder.line(&mut out, name.as_bytes(), value.as_bytes());
            assert_eq!(out, [byte], "{name}: {value}");
        }
        let mut out = Vec::new();
        Encoder.status(&mut out, 404);
        Encoder.status(&mut out, 503);
        assert_eq!(out, b"\x8d\x08\x03503");
    }

    proptest! {
        #[test]
        fn lines_come_back(lines in proptest::collection::vec(("[a-z:-]{1,20}", "[ -~]{0,200}"), 0..20)) {
            let mut block = Vec::new();
            for (name, value) in &lines {
                Encoder.line(&mut block, name.as_bytes(), value.as_bytes());
            }
            let mut back = Vec::new();
            let all = Decoder::new(4096).decode(&block, 1 << 20, |n, v| back.push((n.to_vec(), v.to_vec())));
            prop_assert_eq!(all, Ok(true));
            let lines: Vec<_> = lines.into_iter().map(|(n, v)| (n.into_bytes(), v.into_bytes())).collect();
            prop_assert_eq!(back, lines);
        }
    }
}
