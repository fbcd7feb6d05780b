//! Header lines in one block of bytes, as samples carry them: names and values, each behind its length (manual,
//! 7.3.6 "req.hdrs_bin").
//!
//! A length is a variable-length integer of SPOP: up to 239 in one byte, then 4 bits and 7 bits a byte. An empty
//! name with an empty value ends the lines, an empty name ends a list of names.

/// Why a block cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A length is not whole, or reaches beyond the block.
    Broken,
    /// The block ends where its end is not marked.
    Endless,
}

/// A name and its value.
pub type Line<'a> = (&'a [u8], &'a [u8]);

/// The lines of a block; after a fault there are none.
pub fn lines(block: &[u8]) -> impl Iterator<Item = Result<Line<'_>, Fault>> {
    let mut rest = Some(block);
    std::iter::from_fn(move || {
        let line = line(rest.take()?);
        match line {
            Ok(((b"", b""), _)) => None,
            Ok((line, after)) => {
                rest = Some(after);
                Some(Ok(line))
            }
            Err(fault) => Some(Err(fault)),
        }
    })
}

/// The names of a block that lists names alone; after a fault there are none.
pub fn names(block: &[u8]) -> impl Iterator<Item = Result<&[u8], Fault>> {
    let mut rest = Some(block);
    std::iter::from_fn(move || {
        let block = rest.take()?;
        if block.is_empty() {
            return Some(Err(Fault::Endless));
        }
        match text(block) {
            Some((b"", _)) => None,
            Some((name, after)) => {
                rest = Some(after);
                Some(Ok(name))
            }
            None => Some(Err(Fault::Broken)),
        }
    })
}

fn line(block: &[u8]) -> Result<(Line<'_>, &[u8]), Fault> {
    if block.is_empty() {
        return Err(Fault::Endless);
    }
    let (name, rest) = text(block).ok_or(Fault::Broken)?;
    let (value, rest) = text(rest).ok_or(Fault::Broken)?;
    Ok(((name, value), rest))
}

/// A text behind its length, and what follows it.
fn text(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = length(block)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

fn length(block: &[u8]) -> Option<(u64, &[u8])> {
    let (first, mut rest) = block.split_first()?;
    let mut value = u64::from(*first);
    if *first < 240 {
        return Some((value, rest));
    }
    let mut shift = 4;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        value = value.checked_add(u64::from(*byte).checked_shl(shift)?)?;
        if *byte < 128 {
            return Some((value, rest));
        }
        shift += 7;
        if shift > 56 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_to_their_mark() {
        let read =
            |block: &[u8]| lines(block).map(|l| l.map(|(n, v)| (n.to_vec(), v.to_vec()))).collect::<Vec<_>>();
        let line = |name: &[u8], value: &[u8]| Ok((name.to_vec(), value.to_vec()));
        assert_eq!(read(b"\x01a\x01b\0\0"), [line(b"a", b"b")]);
        assert_eq!(read(b"\x01a\x01b"), [line(b"a", b"b"), Err(Fault::Endless)]);
        assert_eq!(read(b"\x01a\0\0\0\x01x"), [line(b"a", b"")]);
        assert_eq!(read(b"\x02a"), [Err(Fault::Broken)]);
        assert_eq!(names(b"\x01a\x02bc\0").collect::<Vec<_>>(), [Ok(&b"a"[..]), Ok(b"bc")]);
        assert_eq!(names(b"\x01a").last(), Some(Err(Fault::Endless)));
    }

    #[test]
    fn long_lengths_take_more_bytes() {
        assert_eq!(length(&[239]), Some((239, &b""[..])));
        assert_eq!(length(&[240, 0]), Some((240, &b""[..])));
        assert_eq!(length(&[241, 1, 9]), Some((257, &[9][..])));
        assert_eq!(length(&[240, 128, 0]), Some((2288, &b""[..])));
        assert_eq!(length(&[255; 12]), None);
    }
}
