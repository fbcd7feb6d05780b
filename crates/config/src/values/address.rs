//! Addresses (manual 2.9): what `bind`, `server`, `log`, `source` and others take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use weir_diag::{Diagnostic, Span};

use crate::Word;

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP or a unix stream socket.
    Stream,
    /// UDP or a unix datagram socket.
    Datagram,
    /// Streams over UDP.
    Quic,
    /// TCP over several paths.
    Mptcp,
}

/// Which family a host name is to be resolved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Whatever it has.
    Any,
    /// IPv4 only (`ipv4@`).
    V4,
    /// IPv6 only (`ipv6@`).
    V6,
}

/// Where, without the port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// An address; `*` and nothing at all are `0.0.0.0` (or `::` behind `ipv6@`).
    Ip(IpAddr),
    /// A host name, not resolved.
    Host {
        /// As written.
        name: String,
        /// What to resolve it to.
        family: Family,
    },
    /// A path in the file system.
    Unix(Box<[u8]>),
    /// A name in Linux' abstract namespace.
    Abstract {
        /// The name without its leading NUL.
        name: Box<[u8]>,
        /// Whether the name ends with a NUL instead of filling the address (`abnsz@`).
        zero_terminated: bool,
    },
    /// A descriptor that was inherited.
    Fd(i32),
    /// A descriptor over which connections are passed.
    SocketPair(i32),
}

/// The port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ports {
    /// None was given.
    None,
    /// `:80`
    One(u16),
    /// `:80-90`, both ends included.
    Range(u16, u16),
    /// `:+80`, `:-80`: an offset to the port that the client came in by.
    Offset(i32),
}

/// An address with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where.
    pub address: Address,
    /// Which port or ports.
    pub ports: Ports,
    /// How bytes travel, where the address says so (`udp@`); else what the line is used to.
    pub transport: Option<Transport>,
    /// Where it stands in the source.
    pub span: Span,
}

/// The addresses of a `bind` line: several may stand in one word, commas between them.
pub fn bind_addresses(word: &Word) -> Result<Vec<Endpoint>, Diagnostic> {
    word.bytes.split(|&b| b == b',').map(|part| parse(part, word)).collect()
}

/// One address: of a server, a log target, a source.
pub fn endpoint(word: &Word) -> Result<Endpoint, Diagnostic> {
    parse(&word.bytes, word)
}

fn parse(text: &[u8], word: &Word) -> Result<Endpoint, Diagnostic> {
    let shown = String::from_utf8_lossy(text).into_owned();
    let (prefix, rest) = match text.iter().position(|&b| b == b'@').and_then(|at| text.split_at_checked(at)) {
        Some((prefix, [_, rest @ ..])) => (prefix, rest),
        _ => (&b""[..], text),
    };
    let prefix = std::str::from_utf8(prefix).unwrap_or_default();
    let (transport, family) = match prefix.split_once('+') {
        Some(("stream", family)) => (Some(Transport::Stream), family),
        Some(("dgram", family)) => (Some(Transport::Datagram), family),
        Some(("quic", family)) => (Some(Transport::Quic), family),
        Some(("mptcp", family)) => (Some(Transport::Mptcp), family),
        _ => (None, prefix),
    };
    let aliased = match family {
        "tcp" | "tcp4" | "tcp6" | "uxst" => Some(Transport::Stream),
        "udp" | "udp4" | "udp6" | "uxdg" => Some(Transport::Datagram),
        "quic4" | "quic6" => Some(Transport::Quic),
        "mptcp" | "mptcp4" | "mptcp6" => Some(Transport::Mptcp),
        _ => None,
    };
    let transport = transport.or(aliased);
    let number = || {
        crate::values::parse_integer(rest).and_then(|n| i32::try_from(n).ok()).ok_or_else(|| {
            word.alert(format!(
                "file descriptor '{}' is not a valid integer in '{shown}'",
                String::from_utf8_lossy(rest)
            ))
        })
    };
    let address = match family {
        "unix" | "uxst" | "uxdg" => Address::Unix(rest.into()),
        "abns" => Address::Abstract { name: rest.into(), zero_terminated: false },
        "abnsz" => Address::Abstract { name: rest.into(), zero_terminated: true },
        "fd" => Address::Fd(number()?),
        "sockpair" => Address::SocketPair(number()?),
        "" if rest.starts_with(b"/") => Address::Unix(rest.into()),
        "ipv4" | "tcp4" | "udp4" | "quic4" | "mptcp4" => return internet(rest, Family::V4, transport, word),
        "ipv6" | "tcp6" | "udp6" | "quic6" | "mptcp6" => return internet(rest, Family::V6, transport, word),
        "" | "ip" | "tcp" | "udp" | "mptcp" => return internet(rest, Family::Any, transport, word),
        _ => return internet(text, Family::Any, None, word),
    };
    Ok(Endpoint { address, ports: Ports::None, transport, span: word.span })
}

fn internet(
    text: &[u8],
    family: Family,
    transport: Option<Transport>,
    word: &Word,
) -> Result<Endpoint, Diagnostic> {
    let text = String::from_utf8_lossy(text);
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (&*text, None),
    };
    let ports = match port {
        None | Some("") => Ports::None,
        Some(port) => {
            parse_ports(port).ok_or_else(|| word.alert(format!("invalid port '{port}' in '{text}'")))?
        }
    };
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let address = match (bare, family) {
        ("" | "*", Family::V6) => Address::Ip(Ipv6Addr::UNSPECIFIED.into()),
        ("" | "*", _) => Address::Ip(Ipv4Addr::UNSPECIFIED.into()),
        _ => match bare.parse::<IpAddr>() {
            Ok(ip) => Address::Ip(ip),
            Err(_) => Address::Host { name: bare.to_owned(), family },
        },
    };
    Ok(Endpoint { address, ports, transport, span: word.span })
}

fn parse_ports(text: &str) -> Option<Ports> {
    if let Some(offset) = text.strip_prefix('+') {
        return Some(Ports::Offset(i32::from(offset.parse::<u16>().ok()?)));
    }
    if let Some(offset) = text.strip_prefix('-') {
        return Some(Ports::Offset(-i32::from(offset.parse::<u16>().ok()?)));
    }
    match text.split_once('-') {
        Some((low, high)) => Some(Ports::Range(low.parse().ok()?, high.parse().ok()?)),
        None => Some(Ports::One(text.parse().ok()?)),
    }
}
