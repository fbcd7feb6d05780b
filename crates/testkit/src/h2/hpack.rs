//! Header blocks (RFC 7541), plain: what is sent is never compressed, what comes may use both tables.

use std::collections::VecDeque;

/// Appends a line as a literal without a place in a table (RFC 7541, 6.2.2).
pub fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        integer(block, text.len());
        block.extend(text);
    }
}

/// Reads header blocks, one after the other.
#[derive(Debug, Default)]
pub struct HeaderDecoder {
    table: VecDeque<(String, String)>,
}

/// A length of seven bits or more, with the bit of Huffman's code off (RFC 7541, 5.1).
fn integer(block: &mut Vec<u8>, value: usize) {
    let Some(mut rest) = value.checked_sub(127) else { return block.push(value as u8) };
    block.push(127);
    while rest >= 128 {
        block.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    block.push(rest as u8);
}

// === impl HeaderDecoder ===

impl HeaderDecoder {
    /// The lines of a block.
    ///
    /// # Errors
    /// What is wrong with it. Huffman's code is one such thing: neither program that is tested sends it.
    pub fn decode(&mut self, block: &[u8]) -> Result<Vec<(String, String)>, String> {
        let mut input = block;
        let mut lines = Vec::new();
        while let Some(&first) = input.first() {
            if first & 0x80 != 0 {
                let index = number(&mut input, 7)?;
                lines.push(self.entry(index)?);
                continue;
            }
            if first & 0xe0 == 0x20 {
                number(&mut input, 5)?;
                self.table.clear();
                continue;
            }
            let indexed = first & 0x40 != 0;
            let index = number(&mut input, if indexed { 6 } else { 4 })?;
            let name = if index == 0 { text(&mut input)? } else { self.entry(index)?.0 };
            let line = (name, text(&mut input)?);
            if indexed {
                self.table.push_front(line.clone());
            }
            lines.push(line);
        }
        Ok(lines)
    }

    fn entry(&self, index: usize) -> Result<(String, String), String> {
        let own = index.checked_sub(STATIC.len() + 1);
        let found = match own {
            Some(i) => self.table.get(i).cloned(),
            None => STATIC.get(index.wrapping_sub(1)).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
        };
        found.ok_or_else(|| format!("no entry {index}"))
    }
}

fn number(input: &mut &[u8], bits: u32) -> Result<usize, String> {
    let most = (1 << bits) - 1;
    let mut value = usize::from(byte(input)?) & most;
    if value < most {
        return Ok(value);
    }
    for shift in (0..28).step_by(7) {
        let next = byte(input)?;
        value += usize::from(next & 127) << shift;
        if next < 128 {
            return Ok(value);
        }
    }
    Err("a number without an end".to_owned())
}

fn text(input: &mut &[u8]) -> Result<String, String> {
    if input.first().is_some_and(|b| b & 128 != 0) {
        return Err("a text in Huffman's code".to_owned());
    }
    let len = number(input, 7)?;
    let (now, later) = input.split_at_checked(len).ok_or("a text that is cut")?;
    *input = later;
    Ok(now.iter().map(|b| char::from(*b)).collect())
}

fn byte(input: &mut &[u8]) -> Result<u8, String> {
    let (first, rest) = input.split_first().ok_or("a block that is cut")?;
    *input = rest;
    Ok(*first)
}

/// RFC 7541, appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_come_back() {
        let long = "x".repeat(300);
        let mut block = Vec::new();
        literal(&mut block, b"name", long.as_bytes());
        assert_eq!(HeaderDecoder::default().decode(&block), Ok(vec![("name".to_owned(), long)]));
    }

    #[test]
    fn both_tables_are_read() {
        // RFC 7541, C.2.1 and C.2.4; then the entry that the first added.
        let block = b"\x40\x0acustom-key\x0dcustom-header\x82\xbe";
        let lines = HeaderDecoder::default().decode(block).unwrap();
        assert_eq!(lines[1], (":method".to_owned(), "GET".to_owned()));
        assert_eq!(lines[0], lines[2]);
    }
}
