//! Target and `Host` held against each other (RFC 9112, 3.2 and 3.3; RFC 3986, 6.2.3).

use memchr::{memchr, memmem, memrchr};

use super::chars;
use crate::uri::split_port;
use crate::{Head, HeaderId};

/// Whether a host, with or without a port, is one that may be sent on.
pub(crate) fn is_valid_host(host: &[u8]) -> bool {
    let rest = match host {
        [b'[', rest @ ..] => {
            let Some((inside, after)) = memchr(b']', rest).and_then(|n| rest.split_at_checked(n)) else {
                return false;
            };
            let after = after.get(1..).unwrap_or_default();
            if !inside.iter().all(|b| chars::is_host(*b)) || !(after.is_empty() || after.starts_with(b":")) {
                return false;
            }
            after
        }
        _ => host,
    };
    rest.iter().all(|b| chars::is_host(*b))
}

/// Judges the form of the target, brings absolute ones into their normal form, and compares with `Host`, the
/// line of this index.
pub(super) fn reconcile(head: &mut Head, host: Option<usize>, lenient: bool) -> Result<(), u16> {
    let target = head.target();
    if target.first() == Some(&b'/') {
        return if head.method() == b"CONNECT" { Err(400) } else { Ok(()) };
    }
    if head.method() == b"CONNECT" {
        return connect(head, host, lenient);
    }
    if target == b"*" {
        // Methods that are not known may mean anything by it.
        let other: [&[u8]; 6] = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"TRACE"];
        return if other.contains(&head.method()) { Err(400) } else { Ok(()) };
    }
    absolute(head, host, lenient)
}

/// RFC 9112, 3.2.3: a host and a port.
fn connect(head: &mut Head, host: Option<usize>, lenient: bool) -> Result<(), u16> {
    let target = head.target();
    let Parts { host: authority, port, .. } = split(target);
    let numbered = port.is_some_and(|p| !p.is_empty() && p.iter().all(u8::is_ascii_digit));
    if target.contains(&b'/') || (!numbered && !lenient) {
        return Err(400);
    }
    let default = matches!(port, Some(b"80" | b"443"));
    let Some(line) = host.and_then(|i| head.lines().get(i)) else { return Ok(()) };
    let named = split(head.value(line));
    let same_port = named.port == port || (default && named.port.is_none());
    if !lenient && (!named.host.eq_ignore_ascii_case(authority) || !same_port) {
        return Err(400);
    }
    if default && named.port.is_some() {
        let stripped = authority.to_vec();
        set_host(head, host, &stripped);
    }
    Ok(())
}

/// RFC 9112, 3.2.2. A default port is left out, an empty path becomes `/`.
fn absolute(head: &mut Head, host: Option<usize>, lenient: bool) -> Result<(), u16> {
    let target = head.target();
    let at = memmem::find(target, b"://").ok_or(400u16)?;
    let (scheme, rest) = target.split_at_checked(at).ok_or(400u16)?;
    if !is_scheme(scheme) {
        return Err(400);
    }
    let rest = rest.get(3..).unwrap_or_default();
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(400u16)?;
    let parts = split(authority);
    let is_default = |port: Option<&[u8]>| match port {
        None | Some(b"") => true,
        Some(b"80") => scheme.eq_ignore_ascii_case(b"http"),
        Some(b"443") => scheme.eq_ignore_ascii_case(b"https"),
        Some(_) => false,
    };
    let strips = parts.port.is_some() && is_default(parts.port);
    let line = host.and_then(|i| head.lines().get(i));
    let mut rename = false;
    if let Some(line) = line {
        let value = head.value(line);
        let named = split_port(value);
        let same_port = named.1 == parts.port || (is_default(named.1) && is_default(parts.port));
        let differs = !named.0.eq_ignore_ascii_case(parts.host) || !same_port;
        if differs && !lenient {
            return Err(400);
        }
        // A target that is rewritten takes the host with it.
        rename = differs || strips && named.1.is_some() || named.0 != parts.host;
    }
    let slash = path.is_empty() && head.method() != b"OPTIONS";
    if !strips && !slash {
        return Ok(());
    }
    let name = if strips { parts.host } else { parts.host_and_port }.to_vec();
    let mut normal = Vec::with_capacity(target.len() + 1);
    normal.extend_from_slice(scheme);
    normal.extend_from_slice(b"://");
    normal.extend_from_slice(parts.user);
    normal.extend_from_slice(&name);
    normal.extend_from_slice(if slash { b"/" } else { path });
    head.set_target(&normal);
    if rename {
        set_host(head, host, &name);
    }
    Ok(())
}

fn set_host(head: &mut Head, host: Option<usize>, value: &[u8]) {
    if let Some(index) = host.filter(|i| head.lines().get(*i).is_some_and(|l| l.id == HeaderId::Host)) {
        head.set_value(index, value);
    }
}

/// An authority taken apart.
struct Parts<'a> {
    /// Up to and with the `@`.
    user: &'a [u8],
    host_and_port: &'a [u8],
    host: &'a [u8],
    port: Option<&'a [u8]>,
}

fn split(authority: &[u8]) -> Parts<'_> {
    let at = memrchr(b'@', authority).map_or(0, |n| n + 1);
    let (user, rest) = authority.split_at_checked(at).unwrap_or((b"", authority));
    let (host, port) = split_port(rest);
    Parts { user, host_and_port: rest, host, port }
}

/// RFC 3986, 3.1.
fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}
