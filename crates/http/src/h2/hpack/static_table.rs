//! The static table (RFC 7541, appendix A).

/// Name and value of the entry of an index from 1 on.
pub(super) fn entry(index: usize) -> Option<(&'static [u8], &'static [u8])> {
    ENTRIES.get(index.checked_sub(1)?).copied()
}

/// How many entries there are; the dynamic table begins after them.
pub(super) const LEN: usize = ENTRIES.len();

/// The index of a name (lower case) whose value is written literally.
pub(super) fn index_of_name(name: &[u8]) -> Option<usize> {
    let (first, last) = BY_LENGTH.get(name.len()).copied()?;
    let candidates = SORTED.get(usize::from(first)..usize::from(last))?;
    candidates.iter().map(|i| usize::from(*i)).find(|i| entry(*i).is_some_and(|(n, _)| n == name))
}

/// The first index of each name, by the name's length.
const SORTED: &[u8] = &[
    21, 60, 33, 34, 37, 38, 45, 59, 4, 22, 50, 19, 32, 35, 54, 2, 6, 8, 36, 51, 52, 39, 42, 46, 1, 55, 58,
    53, 31, 47, 18, 23, 24, 30, 41, 44, 15, 28, 16, 17, 26, 27, 29, 61, 40, 57, 48, 25, 43, 49, 56, 20,
];

/// Where in [`SORTED`] the names of a length lie.
const BY_LENGTH: &[(u8, u8)] = &[
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 2),
    (2, 8),
    (8, 11),
    (11, 15),
    (15, 21),
    (21, 24),
    (24, 24),
    (24, 27),
    (27, 28),
    (28, 30),
    (30, 36),
    (36, 38),
    (38, 40),
    (40, 44),
    (44, 46),
    (46, 47),
    (47, 50),
    (50, 50),
    (50, 50),
    (50, 50),
    (50, 50),
    (50, 50),
    (50, 51),
    (51, 51),
    (51, 52),
];

#[rustfmt::skip]
const ENTRIES: &[(&[u8], &[u8])] = &[
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_at_its_first_index() {
        for (i, (name, _)) in ENTRIES.iter().enumerate() {
            let first = ENTRIES.iter().position(|(n, _)| n == name).map(|p| p + 1);
            assert_eq!(index_of_name(name), first, "{i}");
        }
        assert_eq!(index_of_name(b"x-other"), None);
        assert_eq!(LEN, 61);
    }
}
