//! From header blocks to lines.

use super::table::{OVERHEAD, Table};
use super::{huffman, integer, static_table};

/// The decoder of one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// What we told the peer its table may hold (`SETTINGS_HEADER_TABLE_SIZE`), in octets.
    allowed: usize,
    /// Name and value of the line at hand.
    scratch: Vec<u8>,
}

/// A block that does not follow RFC 7541: the connection cannot go on (`COMPRESSION_ERROR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpackError;

// === impl Decoder ===

impl Decoder {
    /// A decoder whose peer may use a table of so many octets.
    pub fn new(allowed: usize) -> Self {
        Self { table: Table::new(allowed.min(DEFAULT_SIZE)), allowed, scratch: Vec::new() }
    }

    /// Reads a whole block and gives each line to `line`, until their octets (32 more for each, RFC 9113,
    /// 6.5.2) are above `max`; what follows is read for the table's sake. Returns whether all were given.
    ///
    /// # Errors
    /// The block is invalid.
    pub fn decode(
        &mut self,
        mut block: &[u8],
        max: usize,
        mut line: impl FnMut(&[u8], &[u8]),
    ) -> Result<bool, HpackError> {
        let mut left = Some(max);
        let mut at_start = true;
        while let Some(first) = block.first().copied() {
            if first & 0xe0 == 0x20 {
                let (size, used) = integer::read(block, 5).ok_or(HpackError)?;
                if !at_start || size > self.allowed {
                    return Err(HpackError); // RFC 7541, 4.2 and 6.3
                }
                self.table.resize(size);
                block = block.get(used..).unwrap_or_default();
                continue;
            }
            at_start = false;
            let (used, cost) = if first & 0x80 != 0 {
                self.indexed(block, left, &mut line)?
            } else {
                self.literal(block, first, left, &mut line)?
            };
            left = left.and_then(|l| l.checked_sub(cost));
            block = block.get(used..).unwrap_or_default();
        }
        Ok(left.is_some())
    }

    /// RFC 7541, 6.1. How many octets it took, and what the line costs.
    fn indexed(
        &self,
        block: &[u8],
        left: Option<usize>,
        line: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<(usize, usize), HpackError> {
        let (index, used) = integer::read(block, 7).ok_or(HpackError)?;
        let (name, value) = self.entry(index).ok_or(HpackError)?;
        let cost = name.len() + value.len() + OVERHEAD;
        if left.is_some_and(|l| cost <= l) {
            line(name, value);
        }
        Ok((used, cost))
    }

    /// RFC 7541, 6.2.
    fn literal(
        &mut self,
        block: &[u8],
        first: u8,
        left: Option<usize>,
        line: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<(usize, usize), HpackError> {
        let keep = first & 0x40 != 0;
        let (index, mut used) = integer::read(block, if keep { 6 } else { 4 }).ok_or(HpackError)?;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        if index == 0 {
            used += string(block.get(used..).unwrap_or_default(), &mut scratch)?;
        } else {
            scratch.extend_from_slice(self.entry(index).ok_or(HpackError)?.0);
        }
        let name_len = scratch.len();
        used += string(block.get(used..).unwrap_or_default(), &mut scratch)?;
        let (name, value) = scratch.split_at_checked(name_len).unwrap_or_default();
        let cost = scratch.len() + OVERHEAD;
        if left.is_some_and(|l| cost <= l) {
            line(name, value);
        }
        if keep {
            self.table.insert(name, value);
        }
        self.scratch = scratch;
        Ok((used, cost))
    }

    fn entry(&self, index: usize) -> Option<(&[u8], &[u8])> {
        match index.checked_sub(static_table::LEN + 1) {
            None => static_table::entry(index),
            Some(dynamic) => self.table.entry(dynamic),
        }
    }
}

/// Appends a string (RFC 7541, 5.2); returns how many octets it took.
fn string(input: &[u8], out: &mut Vec<u8>) -> Result<usize, HpackError> {
    let (len, used) = integer::read(input, 7).ok_or(HpackError)?;
    let bytes = input.get(used..).and_then(|i| i.get(..len)).ok_or(HpackError)?;
    if input.first().is_some_and(|b| b & 0x80 != 0) {
        if !huffman::decode(bytes, out) {
            return Err(HpackError);
        }
    } else {
        out.extend_from_slice(bytes);
    }
    Ok(used + len)
}

/// What a table holds before anything was agreed (RFC 9113, 6.5.2).
const DEFAULT_SIZE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, HpackError> {
        let mut found = Vec::new();
        decoder.decode(block, 1 << 16, |n, v| {
            found.push(format!("{}: {}", String::from_utf8_lossy(n), String::from_utf8_lossy(v)));
        })?;
        Ok(found)
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|d| u8::from_str_radix(str::from_utf8(d).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn requests_of_the_rfc_with_huffman_coding() {
        // RFC 7541, C.4
        let mut decoder = Decoder::new(4096);
        let first = lines(&mut decoder, &hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")).unwrap();
        assert_eq!(first, [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"]);
        let second = lines(&mut decoder, &hex("8286 84be 5886 a8eb 1064 9cbf")).unwrap();
        assert_eq!(second.last().unwrap(), "cache-control: no-cache");
        let third =
            lines(&mut decoder, &hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")).unwrap();
        assert_eq!(
            third[2..],
            [":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"]
        );
    }

    #[test]
    fn responses_of_the_rfc_evict_within_256_octets() {
        // RFC 7541, C.5
        let mut decoder = Decoder::new(256);
        let first =
            hex("4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a
             3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d");
        assert_eq!(lines(&mut decoder, &first).unwrap()[0], ":status: 302");
        let second = lines(&mut decoder, &hex("4803 3330 37c1 c0bf")).unwrap();
        assert_eq!(
            second,
            [
                ":status: 307",
                "cache-control: private",
                "date: Mon, 21 Oct 2013 20:13:21 GMT",
                "location: https://www.example.com"
            ]
        );
    }

    #[test]
    fn what_breaks_the_rules_is_an_error() {
        for (why, block) in [
            ("index 0", "80"),
            ("an index that is in no table", "be"),
            ("a name that is in no table", "7e00"),
            ("a string that is cut", "400a 6162"),
            ("a size update after a line", "8220"),
            ("a size update above what was agreed", "3fe2 1f"),
            ("an integer that is cut", "ff80"),
        ] {
            assert_eq!(lines(&mut Decoder::new(4096), &hex(block)), Err(HpackError), "{why}");
        }
        assert_eq!(lines(&mut Decoder::new(4096), &hex("3fe1 1f82")), Ok(vec![":method: GET".to_owned()]));
    }

    #[test]
    fn lines_above_the_limit_are_not_given_and_the_table_still_follows() {
        let mut decoder = Decoder::new(4096);
        let mut block = Vec::new();
        block.extend_from_slice(b"\x40\x01a\x01b"); // a: b, kept
        block.extend(std::iter::repeat_n(0xbe, 1000)); // the same a thousand times
        let mut given = 0;
        assert_eq!(decoder.decode(&block, 34 * 10, |_, _| given += 1), Ok(false));
        assert_eq!(given, 10);
        assert_eq!(lines(&mut decoder, &[0xbe]), Ok(vec!["a: b".to_owned()]));
    }
}
