//! The parts of a request target (RFC 9112, 3.2; RFC 3986, 3).

use memchr::memmem;

/// The path with what follows it: of an absolute target without scheme and authority, empty for `*` and for an
/// authority alone.
pub fn path_and_query(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let Some(after) = after_scheme(target) else { return b"" };
    let at = after.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(after.len());
    after.get(at..).unwrap_or_default()
}

/// The path without query and fragment.
pub fn path(target: &[u8]) -> &[u8] {
    let all = path_and_query(target);
    let end = memchr::memchr2(b'?', b'#', all).unwrap_or(all.len());
    all.get(..end).unwrap_or_default()
}

/// The query without its `?`.
pub fn query(target: &[u8]) -> Option<&[u8]> {
    let all = path_and_query(target);
    let at = memchr::memchr(b'?', all)?;
    all.get(at + 1..)
}

/// The authority of an absolute target, or the target itself in authority form.
pub fn authority(target: &[u8]) -> Option<&[u8]> {
    if target.first() == Some(&b'/') || target == b"*" {
        return None;
    }
    let after = after_scheme(target).unwrap_or(target);
    let end = after.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(after.len());
    after.get(..end)
}

/// The scheme of an absolute target.
pub fn scheme(target: &[u8]) -> Option<&[u8]> {
    if target.first() == Some(&b'/') {
        return None;
    }
    let rest = after_scheme(target)?;
    target.get(..target.len() - rest.len() - SEPARATOR.len())
}

/// Whether these bytes may be a scheme (RFC 3986, 3.1).
pub fn is_scheme(bytes: &[u8]) -> bool {
    let rest = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.iter().all(rest)
}

/// Host and port of an authority, without the user in front of them.
pub fn host_and_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let at = memchr::memrchr(b'@', authority).map_or(0, |n| n + 1);
    split_port(authority.get(at..).unwrap_or_default())
}

/// The port is what follows the last colon, where that is not within brackets.
pub(crate) fn split_port(host: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memrchr(b':', host) {
        Some(n) if memchr::memrchr(b']', host).is_none_or(|bracket| bracket < n) => {
            (host.get(..n).unwrap_or_default(), host.get(n + 1..))
        }
        _ => (host, None),
    }
}

fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let at = memmem::find(target, SEPARATOR)?;
    target.get(at + SEPARATOR.len()..)
}

const SEPARATOR: &[u8] = b"://";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_in_their_forms_fall_into_parts() {
        let none: Option<&[u8]> = None;
        for (target, whole, only, asked, name) in [
            ("/a/b?x=y", "/a/b?x=y", "/a/b", Some("x=y"), None),
            ("http://u@a:80/b?c", "/b?c", "/b", Some("c"), Some("u@a:80")),
            ("http://a?c", "?c", "", Some("c"), Some("a")),
            ("a:443", "", "", None, Some("a:443")),
            ("*", "", "", None, None),
        ] {
            let target = target.as_bytes();
            assert_eq!(path_and_query(target), whole.as_bytes());
            assert_eq!(path(target), only.as_bytes());
            assert_eq!(query(target), asked.map(str::as_bytes));
            assert_eq!(authority(target), name.map(str::as_bytes));
        }
        assert_eq!(host_and_port(b"u:p@a:80"), (&b"a"[..], Some(&b"80"[..])));
        assert_eq!(host_and_port(b"[::1]"), (&b"[::1]"[..], none));
    }
}
