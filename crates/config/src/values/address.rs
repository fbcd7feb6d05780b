//! Addresses (manual 2.9): what `bind`, `server`, `log`, `source` and others take.
//!
//! [`endpoint`] reads what is written and judges its form; which ports and families a line accepts is the line's
//! affair, but for `bind`, whose rules [`bind_addresses`] knows. Messages come without the beginning that names the
//! line (`'bind' : `). Host names are not resolved; one that cannot be, is `invalid address: 'NAME' in 'TEXT'`.

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
    /// As written, one address of a list: what messages name.
    pub text: String,
    /// Where it stands in the source.
    pub span: Span,
}

/// The addresses of a `bind` line: several may stand in one word, commas between them. Each has a port or ports, or
/// needs none, and carries streams.
pub fn bind_addresses(word: &Word) -> Result<Vec<Endpoint>, Diagnostic> {
    let mut parts: Vec<&[u8]> = word.bytes.split(|&b| b == b',').collect();
    if parts.len() > 1 && parts.last().is_some_and(|p| p.is_empty()) {
        parts.pop();
    }
    let mut endpoints = Vec::new();
    for part in parts {
        if part.is_empty() {
            return Err(word.alert("'' resolves to an empty address (environment variable missing?)"));
        }
        let endpoint = parse(part, word).and_then(listening).map_err(|message| word.alert(message))?;
        endpoints.push(endpoint);
    }
    Ok(endpoints)
}

/// One address: of a server, a log target, a source. Nothing but its form is judged.
pub fn endpoint(word: &Word) -> Result<Endpoint, Diagnostic> {
    parse(&word.bytes, word).map_err(|message| word.alert(message))
}

/// Judges an address to listen on.
fn listening(endpoint: Endpoint) -> Result<Endpoint, String> {
    let text = &endpoint.text;
    if endpoint.transport == Some(Transport::Datagram) {
        return Err(format!("dgram-type address not acceptable in '{text}'"));
    }
    if !matches!(endpoint.address, Address::Ip(_) | Address::Host { .. }) {
        return Ok(endpoint);
    }
    match endpoint.ports {
        Ports::None => Err(format!("missing port specification in '{text}'")),
        Ports::One(0) | Ports::Range(0, _) => Err("invalid port '0'".to_owned()),
        Ports::Offset(_) => Err(format!("port offset not permitted here in '{text}'")),
        Ports::One(_) | Ports::Range(..) => Ok(endpoint),
    }
}

fn parse(bytes: &[u8], word: &Word) -> Result<Endpoint, String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let make = |address, ports, transport| Endpoint {
        address,
        ports,
        transport,
        text: text.clone(),
        span: word.span,
    };
    let prefixed = bytes.iter().position(|&b| b == b'@').and_then(|at| {
        let (prefix, rest) = bytes.split_at_checked(at)?;
        Some((Scheme::named(std::str::from_utf8(prefix).ok()?)?, rest.get(1..)?))
    });
    let (scheme, rest) = match prefixed {
        Some(found) => found,
        None if bytes.starts_with(b"/") => (Scheme { kind: Kind::Unix, transport: None }, bytes),
        None => (Scheme { kind: Kind::Internet(Family::Any), transport: None }, bytes),
    };
    let shown = String::from_utf8_lossy(rest);
    let number = || match crate::values::parse_integer(rest).and_then(|n| i32::try_from(n).ok()) {
        Some(n) if n >= 0 => Ok(n),
        _ => Err(format!("file descriptor '{shown}' is not a valid integer in '{text}'")),
    };
    let address = match scheme.kind {
        Kind::Unix => Address::Unix(rest.into()),
        Kind::Abstract { zero_terminated } => Address::Abstract { name: rest.into(), zero_terminated },
        Kind::Fd => Address::Fd(number()?),
        Kind::SocketPair => Address::SocketPair(number()?),
        Kind::Reverse => {
            return Err(format!(
                "Address '{text}' is experimental, must be allowed via a global 'expose-experimental-directives'"
            ));
        }
        Kind::Internet(family) => {
            let (host, port) = split_port(&shown);
            let ports = port.map_or(Ok(Ports::None), |port| parse_ports(port, &text))?;
            return Ok(make(host_address(host, family), ports, scheme.transport));
        }
    };
    Ok(make(address, Ports::None, scheme.transport))
}

/// What stands before `@`.
#[derive(Clone, Copy)]
struct Scheme {
    kind: Kind,
    transport: Option<Transport>,
}

#[derive(Clone, Copy)]
enum Kind {
    Internet(Family),
    Unix,
    Abstract { zero_terminated: bool },
    Fd,
    SocketPair,
    Reverse,
}

// === impl Scheme ===

impl Scheme {
    /// `None` for a word that is no prefix: the whole text is a host name then.
    fn named(name: &str) -> Option<Self> {
        let (forced, name) = match name.split_once('+') {
            Some(("stream", family)) => (Some(Transport::Stream), family),
            Some(("dgram", family)) => (Some(Transport::Datagram), family),
            Some(("quic", family)) => (Some(Transport::Quic), family),
            Some(_) => return None,
            None => (None, name),
        };
        let (kind, transport) = match name {
            "ip" => (Kind::Internet(Family::Any), None),
            "ipv4" => (Kind::Internet(Family::V4), None),
            "ipv6" => (Kind::Internet(Family::V6), None),
            "unix" => (Kind::Unix, None),
            "abns" => (Kind::Abstract { zero_terminated: false }, None),
            "abnsz" => (Kind::Abstract { zero_terminated: true }, None),
            "fd" => (Kind::Fd, None),
            "sockpair" => (Kind::SocketPair, None),
            _ if forced.is_some() => return None,
            "tcp" => (Kind::Internet(Family::Any), Some(Transport::Stream)),
            "tcp4" => (Kind::Internet(Family::V4), Some(Transport::Stream)),
            "tcp6" => (Kind::Internet(Family::V6), Some(Transport::Stream)),
            "udp" => (Kind::Internet(Family::Any), Some(Transport::Datagram)),
            "udp4" => (Kind::Internet(Family::V4), Some(Transport::Datagram)),
            "udp6" => (Kind::Internet(Family::V6), Some(Transport::Datagram)),
            "quic4" => (Kind::Internet(Family::V4), Some(Transport::Quic)),
            "quic6" => (Kind::Internet(Family::V6), Some(Transport::Quic)),
            "mptcp" => (Kind::Internet(Family::Any), Some(Transport::Mptcp)),
            "mptcp4" => (Kind::Internet(Family::V4), Some(Transport::Mptcp)),
            "mptcp6" => (Kind::Internet(Family::V6), Some(Transport::Mptcp)),
            "uxst" => (Kind::Unix, Some(Transport::Stream)),
            "uxdg" => (Kind::Unix, Some(Transport::Datagram)),
            "rhttp" => (Kind::Reverse, None),
            _ => return None,
        };
        Some(Self { kind, transport: forced.or(transport) })
    }
}

/// The host and what follows the last colon. A text that ends in a bracket has no port.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn host_address(host: &str, family: Family) -> Address {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    match (bare, family) {
        ("" | "*", Family::V6) => return Address::Ip(Ipv6Addr::UNSPECIFIED.into()),
        ("" | "*", _) => return Address::Ip(Ipv4Addr::UNSPECIFIED.into()),
        _ => {}
    }
    match bare.parse() {
        Ok(ip @ IpAddr::V4(_)) if family != Family::V6 => Address::Ip(ip),
        Ok(ip @ IpAddr::V6(_)) if family != Family::V4 => Address::Ip(ip),
        _ => Address::Host { name: bare.to_owned(), family },
    }
}

/// What stands behind the last colon of `text`.
fn parse_ports(port: &str, text: &str) -> Result<Ports, String> {
    if port.is_empty() {
        return Ok(Ports::None);
    }
    let digits = |part: &str| -> Result<i64, String> {
        match part.chars().find(|c| !c.is_ascii_digit()) {
            Some(c) => Err(format!("invalid character '{c}' in port number '{part}' in '{text}'")),
            None => Ok(crate::values::leading_integer(part.as_bytes())),
        }
    };
    if let Some(offset) = port.strip_prefix(['+', '-']) {
        let by = i32::try_from(digits(offset.strip_prefix('+').unwrap_or(offset))?).unwrap_or(i32::MAX);
        return Ok(Ports::Offset(if port.starts_with('-') { -by } else { by }));
    }
    let number = |part: &str| {
        let value = digits(part)?;
        u16::try_from(value).ok().filter(|_| !part.is_empty()).ok_or_else(|| format!("invalid port '{part}'"))
    };
    let Some((low, high)) = port.split_once('-') else { return Ok(Ports::One(number(port)?)) };
    let (low, high) = (number(low)?, number(high)?);
    if low > high {
        return Err(format!("invalid port range '{port}'"));
    }
    Ok(Ports::Range(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Word {
        Word { bytes: text.as_bytes().into(), span: Span::default() }
    }

    fn shown(endpoint: &Endpoint) -> String {
        let address = match &endpoint.address {
            Address::Ip(ip) => ip.to_string(),
            Address::Host { name, family } => format!("host {name} {family:?}"),
            Address::Unix(path) => format!("unix {}", String::from_utf8_lossy(path)),
            Address::Abstract { name, zero_terminated } => {
                format!("abstract {} {zero_terminated}", String::from_utf8_lossy(name))
            }
            Address::Fd(n) => format!("fd {n}"),
            Address::SocketPair(n) => format!("pair {n}"),
        };
        let ports = match endpoint.ports {
            Ports::None => String::new(),
            Ports::One(port) => format!(" {port}"),
            Ports::Range(low, high) => format!(" {low}..{high}"),
            Ports::Offset(by) => format!(" by {by}"),
        };
        let transport = endpoint.transport.map(|t| format!(" {t:?}")).unwrap_or_default();
        format!("{address}{ports}{transport}")
    }

    #[test]
    fn bind_addresses_are_judged_as_the_reference_judges_them() {
        for (text, expected) in [
            ("*:80", Ok("0.0.0.0 80")),
            (":80", Ok("0.0.0.0 80")),
            (":080", Ok("0.0.0.0 80")),
            (":::80", Ok(":: 80")),
            ("[::]:80", Ok(":: 80")),
            ("::1:80", Ok("::1 80")),
            ("[::1]:80", Ok("::1 80")),
            ("[127.0.0.1]:80", Ok("127.0.0.1 80")),
            ("ipv4@:80", Ok("0.0.0.0 80")),
            ("ipv6@:80", Ok(":: 80")),
            ("ipv6@[::1]:80", Ok("::1 80")),
            ("ipv4@::1:80", Ok("host ::1 V4 80")),
            ("localhost:80", Ok("host localhost Any 80")),
            ("foo@:80", Ok("host foo@ Any 80")),
            (":80-90", Ok("0.0.0.0 80..90")),
            (":80,[::1]:81,/tmp/x,", Ok("0.0.0.0 80, ::1 81, unix /tmp/x")),
            ("unix@x", Ok("unix x")),
            ("uxst@/x", Ok("unix /x Stream")),
            ("abns@foo", Ok("abstract foo false")),
            ("abnsz@foo", Ok("abstract foo true")),
            ("fd@3", Ok("fd 3")),
            ("stream+fd@3", Ok("fd 3 Stream")),
            ("sockpair@3", Ok("pair 3")),
            ("tcp4@:80", Ok("0.0.0.0 80 Stream")),
            ("mptcp6@:80", Ok(":: 80 Mptcp")),
            ("quic4@:80", Ok("0.0.0.0 80 Quic")),
            ("quic+ipv6@:80", Ok(":: 80 Quic")),
            ("80", Err("missing port specification in '80'")),
            ("127.0.0.1:", Err("missing port specification in '127.0.0.1:'")),
            ("[::1]", Err("missing port specification in '[::1]'")),
            ("::", Err("missing port specification in '::'")),
            ("rev@x", Err("missing port specification in 'rev@x'")),
            ("fd@x", Err("file descriptor 'x' is not a valid integer in 'fd@x'")),
            ("fd@-1", Err("file descriptor '-1' is not a valid integer in 'fd@-1'")),
            ("sockpair@", Err("file descriptor '' is not a valid integer in 'sockpair@'")),
            ("udp@:80", Err("dgram-type address not acceptable in 'udp@:80'")),
            ("uxdg@/x", Err("dgram-type address not acceptable in 'uxdg@/x'")),
            (":90-80", Err("invalid port range '90-80'")),
            (":0", Err("invalid port '0'")),
            (":0-10", Err("invalid port '0'")),
            (":80-", Err("invalid port ''")),
            (":65536", Err("invalid port '65536'")),
            ("*:80-65536", Err("invalid port '65536'")),
            (":+80", Err("port offset not permitted here in ':+80'")),
            (":-1", Err("port offset not permitted here in ':-1'")),
            (":8o", Err("invalid character 'o' in port number '8o' in ':8o'")),
            (":80-90-100", Err("invalid character '-' in port number '90-100' in ':80-90-100'")),
            (":80,,:81", Err("'' resolves to an empty address (environment variable missing?)")),
            (",", Err("'' resolves to an empty address (environment variable missing?)")),
            (
                "rhttp@b/s",
                Err(
                    "Address 'rhttp@b/s' is experimental, must be allowed via a global 'expose-experimental-directives'",
                ),
            ),
        ] {
            let got = bind_addresses(&word(text)).map(|l| l.iter().map(shown).collect::<Vec<_>>().join(", "));
            assert_eq!(got.as_deref().map_err(|d| d.message.as_str()), expected, "{text}");
        }
    }

    #[test]
    fn server_addresses_take_offsets_and_need_no_port() {
        for (text, expected) in [
            ("127.0.0.1", Ok("127.0.0.1")),
            ("127.0.0.1:", Ok("127.0.0.1")),
            ("127.0.0.1:0", Ok("127.0.0.1 0")),
            ("127.0.0.1:+80", Ok("127.0.0.1 by 80")),
            ("127.0.0.1:-80", Ok("127.0.0.1 by -80")),
            ("127.0.0.1:+70000", Ok("127.0.0.1 by 70000")),
            ("127.0.0.1:++80", Ok("127.0.0.1 by 80")),
            ("127.0.0.1:-", Ok("127.0.0.1 by 0")),
            ("[::1]", Ok("::1")),
            ("::1", Ok("host : Any 1")),
            ("ipv4@localhost:80", Ok("host localhost V4 80")),
            ("udp@127.0.0.1", Ok("127.0.0.1 Datagram")),
            ("127.0.0.1:x", Err("invalid character 'x' in port number 'x' in '127.0.0.1:x'")),
            ("127.0.0.1:-80-90", Err("invalid character '-' in port number '80-90' in '127.0.0.1:-80-90'")),
        ] {
            let got = endpoint(&word(text)).map(|e| shown(&e));
            assert_eq!(got.as_deref().map_err(|d| d.message.as_str()), expected, "{text}");
        }
    }
}
