//! What of a request is hashed: `source`, `uri`, `url_param`, `hdr` (manual "4.2" `balance`).
//!
//! Pure functions on bytes; the engine looks up the address, target or header and hashes what
//! comes out with the backend's `hash-type`. `None` means that the request has no key, which
//! leaves it to turns.

use crate::hash::{Hashing, avalanche};
use std::net::IpAddr;

/// Options of `balance uri`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UriOptions {
    /// `whole`: the query too.
    pub whole: bool,
    /// `path-only`: from the path on, without scheme and authority.
    pub path_only: bool,
    /// `len`: at most that many bytes, 0 for all.
    pub len: usize,
    /// `depth`: at most that many directories, 0 for all.
    pub depth: usize,
}

/// The key of `balance uri` in a request target.
pub fn uri(target: &[u8], options: UriOptions) -> Option<&[u8]> {
    let from = if options.path_only { path(target)? } else { target };
    let mut slashes = 0;
    let mut end = if options.len > 0 { from.len().min(options.len) } else { from.len() };
    for (at, &byte) in from.iter().enumerate().take(end) {
        slashes += usize::from(byte == b'/');
        let too_deep = options.depth > 0 && byte == b'/' && slashes > options.depth;
        if too_deep || (byte == b'?' && !options.whole) {
            end = at;
            break;
        }
    }
    from.get(..end)
}

/// The value of a parameter in a query, or in a form body with `check_post`: the part between its
/// `=` and the next `&`. Names are compared exactly.
pub fn url_param<'a>(query: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    query.split(|&byte| byte == b'&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

/// The query of a request target: what follows the first `?`.
pub fn query(target: &[u8]) -> Option<&[u8]> {
    let mut parts = target.splitn(2, |&byte| byte == b'?');
    parts.next();
    parts.next()
}

/// The key of `balance hdr(name) use_domain_only`: the label before the last dot, or the whole
/// value where there is none. An empty label takes the one before it too.
pub fn domain(host: &[u8]) -> &[u8] {
    let last_dot = host.iter().rposition(|&byte| byte == b'.');
    let Some((before, _)) = last_dot.and_then(|at| host.split_at_checked(at)) else { return host };
    let Some((_, rest)) = before.split_last() else { return host };
    let start = rest.iter().rposition(|&byte| byte == b'.').map_or(0, |at| at + 1);
    before.get(start..).unwrap_or(host)
}

/// The hash of `balance source`: an address is a number already, so that only the modifier of
/// `hash-type` applies. The words of an IPv6 address are folded into one.
pub fn source_hash(source: IpAddr, hashing: Hashing) -> u32 {
    let number = match source {
        IpAddr::V4(ip) => ip.to_bits(),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            [96, 64, 32, 0].iter().fold(0, |folded, shift| folded ^ (bits >> shift) as u32)
        }
    };
    if hashing.avalanche { avalanche(number) } else { number }
}

/// The path of a target, be it in origin or in absolute form.
fn path(target: &[u8]) -> Option<&[u8]> {
    if target.starts_with(b"/") {
        return Some(target);
    }
    let scheme = target.windows(3).position(|window| window == b"://")?;
    let authority = target.get(scheme + 3..)?;
    let slash = authority.iter().position(|&byte| byte == b'/')?;
    authority.get(slash..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &str) -> UriOptions {
        let mut options = UriOptions::default();
        let mut words = words.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "whole" => options.whole = true,
                "path-only" => options.path_only = true,
                "len" => options.len = words.next().unwrap().parse().unwrap(),
                "depth" => options.depth = words.next().unwrap().parse().unwrap(),
                other => panic!("{other}"),
            }
        }
        options
    }

    /// With 31 servers of weight 1 and `hash-type map-based sdbm`, the server HAProxy 3.4 chose.
    #[test]
    fn uri_keys_lead_to_the_servers_of_the_reference() {
        let targets = [
            "/",
            "/a",
            "/a/b/c/d?x=1",
            "/a/b/c/d?x=2",
            "/abc/def/ghi/",
            "//x",
            "/a?b?c",
            "/a;p=1?z",
            "/%41/b",
            "/a/b",
            "/a//b",
            "/x/y/z/w/v",
        ];
        let seen = [
            ("", [16, 21, 1, 1, 24, 0, 21, 8, 20, 29, 0, 14]),
            ("whole", [16, 21, 28, 29, 24, 0, 18, 13, 20, 29, 0, 14]),
            ("len 5", [16, 21, 9, 9, 19, 0, 21, 1, 7, 29, 0, 6]),
            ("depth 2", [16, 21, 29, 29, 11, 0, 21, 8, 20, 29, 15, 12]),
            ("depth 1", [16, 21, 21, 21, 28, 16, 21, 8, 5, 21, 21, 13]),
            ("len 4 depth 2", [16, 21, 29, 29, 28, 0, 21, 17, 5, 29, 15, 12]),
            ("path-only", [16, 21, 1, 1, 24, 0, 21, 8, 20, 29, 0, 14]),
            ("path-only depth 2", [16, 21, 29, 29, 11, 0, 21, 8, 20, 29, 15, 12]),
            ("whole len 12", [16, 21, 28, 29, 14, 0, 18, 13, 20, 29, 0, 14]),
            ("whole path-only", [16, 21, 28, 29, 24, 0, 18, 13, 20, 29, 0, 14]),
            ("depth 1 whole", [16, 21, 21, 21, 28, 16, 18, 13, 5, 21, 21, 13]),
        ];
        for (words, servers) in seen {
            for (target, server) in targets.iter().zip(servers) {
                let key = uri(target.as_bytes(), options(words)).unwrap();
                assert_eq!(Hashing::default().of(key) % 31, server, "uri {words}: {target}");
            }
        }
    }

    #[test]
    fn path_only_makes_absolute_and_origin_form_equal() {
        let only = options("path-only");
        assert_eq!(uri(b"http://example.com/a/b?q", only), Some(&b"/a/b"[..]));
        assert_eq!(uri(b"http://example.com", only), None);
        assert_eq!(uri(b"*", only), None);
    }

    #[test]
    fn url_param_takes_the_first_parameter_of_that_very_name() {
        let seen = [
            ("/?id=1", Some(18)),
            ("/?id=2", Some(19)),
            ("/?a=b&id=1", Some(18)),
            ("/?id=1&c=d", Some(18)),
            ("/?aid=1", None),
            ("/?id=", Some(0)),
            ("/?id", None),
            ("/?ID=1", None),
            ("/?id=1;x", Some(15)),
            ("/x?id=%31", Some(15)),
            ("/?b&id=1", Some(18)),
            ("/?id=1?id=2", Some(6)),
            ("/?x=1;id=1", None),
        ];
        for (target, server) in seen {
            let key = query(target.as_bytes()).and_then(|query| url_param(query, b"id"));
            assert_eq!(key.map(|key| Hashing::default().of(key) % 31), server, "{target}");
        }
    }

    #[test]
    fn domain_only_leads_to_the_servers_of_the_reference() {
        let seen = [
            ("haproxy.1wt.eu", 5),
            ("1wt.eu", 5),
            ("www.example.co.uk", 5),
            ("localhost", 15),
            ("a.b.c.d.example.com:8080", 20),
            ("example.com:80", 20),
            ("10.1.2.3", 19),
            (".", 15),
            ("a.", 4),
            ("x.y", 27),
            ("a..b", 27),
            ("www.example.com", 20),
            ("EXAMPLE.com", 14),
            ("[::1]:80", 12),
            ("foo.", 24),
        ];
        for (host, server) in seen {
            assert_eq!(Hashing::default().of(domain(host.as_bytes())) % 31, server, "{host}");
        }
    }
}
