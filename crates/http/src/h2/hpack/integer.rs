//! Integers with a prefix (RFC 7541, 5.1).

/// Reads an integer of a `prefix` of so many bits (1 to 8): its value and how many bytes it took. Nothing
/// where the input ends within it, or where it is above 2^28: no length or index is.
pub(super) fn read(input: &[u8], prefix: u32) -> Option<(usize, usize)> {
    let mask = (1usize << prefix) - 1;
    let (first, rest) = input.split_first()?;
    let mut value = usize::from(*first) & mask;
    if value < mask {
        return Some((value, 1));
    }
    for (i, byte) in rest.iter().enumerate().take(MAX_BYTES) {
        value += usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, i + 2));
        }
    }
    None
}

/// Writes an integer after the bits of `pattern` that lie above its prefix.
pub(super) fn write(out: &mut Vec<u8>, pattern: u8, prefix: u32, value: usize) {
    let mask = (1usize << prefix) - 1;
    if value < mask {
        out.push(pattern | value as u8);
        return;
    }
    out.push(pattern | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        out.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Bytes after the first: four carry 28 bits.
const MAX_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_rfc() {
        // RFC 7541, C.1
        for (bytes, prefix, value) in
            [(&[0x0au8][..], 5, 10), (&[0x1f, 0x9a, 0x0a], 5, 1337), (&[0x2a], 8, 42)]
        {
            assert_eq!(read(bytes, prefix), Some((value, bytes.len())));
            let mut out = Vec::new();
            write(&mut out, 0, prefix, value);
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn what_is_cut_or_too_long_is_refused() {
        assert_eq!(read(&[], 5), None);
        assert_eq!(read(&[0x1f], 5), None);
        assert_eq!(read(&[0x1f, 0x80, 0x80], 5), None);
        assert_eq!(read(&[0x1f, 0x80, 0x80, 0x80, 0x80, 0x00], 5), None);
        assert_eq!(read(&[0x1f, 0xff, 0xff, 0xff, 0x7f], 5), Some((31 + 0x0fff_ffff, 5)));
    }
}
