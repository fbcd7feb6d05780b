//! DER, as much of it as certificates need: values one after the other, each with its tag (X.690).
//!
//! Lengths of up to four bytes, tags of one: certificates have no others. Nothing is copied.

/// What remains to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Der<'a>(pub &'a [u8]);

/// A value with its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its tag, class and form included.
    pub tag: u8,
    /// What it holds.
    pub content: &'a [u8],
    /// All of it, tag and length included.
    pub whole: &'a [u8],
}

/// A boolean.
pub const BOOLEAN: u8 = 0x01;
/// A number.
pub const INTEGER: u8 = 0x02;
/// Bits, behind a byte that says how many of the last byte are none.
pub const BIT_STRING: u8 = 0x03;
/// Bytes.
pub const OCTET_STRING: u8 = 0x04;
/// Nothing.
pub const NULL: u8 = 0x05;
/// The name of a kind of thing.
pub const OID: u8 = 0x06;
/// A time with a year of two digits.
pub const UTC_TIME: u8 = 0x17;
/// A time with a year of four digits.
pub const GENERALIZED_TIME: u8 = 0x18;
/// Values in order.
pub const SEQUENCE: u8 = 0x30;
/// Values in any order.
pub const SET: u8 = 0x31;

// === impl Der ===

impl<'a> Der<'a> {
    /// Whether all is read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next value.
    pub fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Takes the next value.
    pub fn item(&mut self) -> Option<Item<'a>> {
        let all = self.0;
        let (&[tag, first], mut rest) = all.split_first_chunk::<2>()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x84 => {
                let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b))
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        let whole = all.get(..all.len() - rest.len())?;
        Some(Item { tag, content, whole })
    }

    /// Takes the next value where it has this tag.
    pub fn tagged(&mut self, tag: u8) -> Option<Item<'a>> {
        if self.peek() == Some(tag) { self.item() } else { None }
    }

    /// Takes the next value, of this tag, and reads inside.
    pub fn enter(&mut self, tag: u8) -> Option<Der<'a>> {
        self.tagged(tag).map(|item| item.inside())
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        self.item()
    }
}

// === impl Item ===

impl<'a> Item<'a> {
    /// What it holds, to be read.
    pub fn inside(&self) -> Der<'a> {
        Der(self.content)
    }

    /// The bits of a bit string whose number is a multiple of eight.
    pub fn bits(&self) -> Option<&'a [u8]> {
        match self.content.split_first() {
            Some((0, bits)) if self.tag == BIT_STRING => Some(bits),
            _ => None,
        }
    }
}

/// A value with its tag and length.
pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let short = length.iter().copied().skip_while(|b| *b == 0).collect::<Vec<u8>>();
    let mut out = vec![tag];
    match short.as_slice() {
        [] => out.push(0),
        [one @ 0..0x80] => out.push(*one),
        more => {
            out.push(0x80 | u8::try_from(more.len()).unwrap_or(0));
            out.extend_from_slice(more);
        }
    }
    out.extend_from_slice(content);
    out
}

/// The number of an OID's dotted form, `1.2.840.113549.1.1.11`.
pub fn dotted(oid: &[u8]) -> String {
    let mut out = String::new();
    let mut value: u64 = 0;
    for byte in oid {
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if out.is_empty() {
            let first = (value / 40).min(2);
            out = format!("{first}.{}", value - first * 40);
        } else {
            out.push_str(&format!(".{value}"));
        }
        value = 0;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_one_by_one() {
        let mut der = Der(&[0x30, 3, 2, 1, 5, 4, 0x81, 1, 9]);
        assert_eq!(
            der.enter(SEQUENCE).and_then(|mut d| d.tagged(INTEGER)).map(|i| i.content),
            Some(&[5][..])
        );
        assert_eq!(der.item().map(|i| (i.tag, i.content, i.whole.len())), Some((OCTET_STRING, &[9][..], 4)));
        assert!(der.is_empty());
    }

    #[test]
    fn broken_lengths_are_no_values() {
        for bytes in
            [&[0x30][..], &[0x30, 5, 1], &[0x30, 0x80], &[0x30, 0x85, 0, 0, 0, 0, 1], &[0x30, 0x82, 1]]
        {
            assert_eq!(Der(bytes).item(), None, "{bytes:?}");
        }
    }

    #[test]
    fn object_identifiers_have_a_dotted_form() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b]), "1.2.840.113549.1.1.11");
        assert_eq!(dotted(&[0x55, 4, 3]), "2.5.4.3");
    }
}
