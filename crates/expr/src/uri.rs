//! The parts of a request target (RFC 9112 §3.2) as fetches see them.

/// The path with what follows it: of an absolute target without scheme and authority, empty for `*` and for an
/// authority alone.
pub(crate) fn path_and_query(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let Some(after) = after_scheme(target) else { return b"" };
    match after.iter().position(|c| matches!(c, b'/' | b'?' | b'#')) {
        Some(at) => after.get(at..).unwrap_or_default(),
        None => b"",
    }
}

/// The path without query and fragment.
pub(crate) fn path(target: &[u8]) -> &[u8] {
    let all = path_and_query(target);
    let end = memchr::memchr2(b'?', b'#', all).unwrap_or(all.len());
    all.get(..end).unwrap_or_default()
}

/// The authority of an absolute target, or the target itself in authority form.
pub(crate) fn authority(target: &[u8]) -> Option<&[u8]> {
    if target.first() == Some(&b'/') || target == b"*" {
        return None;
    }
    let after = after_scheme(target).unwrap_or(target);
    let end = after.iter().position(|c| matches!(c, b'/' | b'?' | b'#')).unwrap_or(after.len());
    after.get(..end)
}

fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(target, b"://")?;
    target.get(at + 3..)
}
