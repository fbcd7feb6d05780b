//! From an address as written to one that can be used: names resolved, ports judged.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use weir_config::Word;
use weir_config::values::{self, Address, Family, Ports, Transport};
use weir_diag::{Diagnostic, system_words};

use super::Outside;
use crate::conf::{Endpoint, PortRule};

/// What an address of a `bind` line gives: one endpoint for each port.
pub(super) fn listening(
    written: &values::Endpoint,
    text: &str,
    outside: &dyn Outside,
) -> Result<Vec<Endpoint>, String> {
    let ip = match &written.address {
        Address::Ip(ip) => *ip,
        Address::Host { name, family } => {
            outside.resolve(name, *family).ok_or_else(|| format!("invalid address: '{name}' in '{text}'"))?
        }
        other => return Ok(vec![local(other, outside)?]),
    };
    let (low, high) = match written.ports {
        Ports::None => return Err(format!("missing port specification in '{text}'")),
        Ports::One(0) | Ports::Range(0, _) => return Err("invalid port '0'".to_owned()),
        Ports::One(port) => (port, port),
        Ports::Range(low, high) => (low, high),
        Ports::Offset(_) => return Err(format!("port offset not permitted here in '{text}'")),
    };
    Ok((low..=high).map(|port| Endpoint::Inet(SocketAddr::new(ip, port))).collect())
}

/// What the address of a server gives, and the name that is still to be resolved.
pub(super) struct Target {
    /// Where; with port 0 where none is written.
    pub(super) endpoint: Endpoint,
    /// How the port is found.
    pub(super) port: PortRule,
    /// The host name, where the address is one.
    pub(super) host: Option<(String, Family)>,
    /// Whether a port is written.
    pub(super) has_port: bool,
}

/// The address of a server. A host name is not resolved here: `init-addr` may say otherwise.
pub(super) fn target(
    written: &values::Endpoint,
    text: &str,
    outside: &dyn Outside,
) -> Result<Target, String> {
    let (ip, host) = match &written.address {
        Address::Ip(ip) => (*ip, None),
        Address::Host { name, family } => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), Some((name.clone(), *family))),
        other => {
            let endpoint = local(other, outside)?;
            return Ok(Target { endpoint, port: PortRule::Fixed, host: None, has_port: true });
        }
    };
    let (port, rule, has_port) = match written.ports {
        Ports::None => (0, PortRule::Offset(0), false),
        Ports::One(port) => (port, PortRule::Fixed, true),
        Ports::Offset(by) => (0, PortRule::Offset(by), false),
        Ports::Range(..) => return Err(format!("port range not permitted here in '{text}'")),
    };
    Ok(Target { endpoint: Endpoint::Inet(SocketAddr::new(ip, port)), port: rule, host, has_port })
}

/// One address with one port, or none: `source`, `addr`, `socks4`, `usesrc`.
pub(super) fn socket(word: &Word, outside: &dyn Outside) -> Result<(SocketAddr, u16), String> {
    let written = endpoint(word, outside)?;
    let text = word.text();
    let ip = match &written.address {
        Address::Ip(ip) => *ip,
        Address::Host { name, family } => {
            outside.resolve(name, *family).ok_or_else(|| format!("invalid address: '{name}' in '{text}'"))?
        }
        _ => return Err(format!("unsupported address family in '{text}'")),
    };
    let (low, high) = match written.ports {
        Ports::None => (0, 0),
        Ports::One(port) => (port, port),
        Ports::Range(low, high) => (low, high),
        Ports::Offset(_) => return Err(format!("port offset not permitted here in '{text}'")),
    };
    Ok((SocketAddr::new(ip, low), high))
}

/// One address: of a server, a log target, a source.
pub(super) fn endpoint(word: &Word, outside: &dyn Outside) -> Result<values::Endpoint, String> {
    values::endpoint(&expanded(word, outside)?).map_err(|d| d.message)
}

/// The addresses of a `bind` line: several may stand in one word, commas between them.
pub(super) fn bind_endpoints(
    word: &Word,
    outside: &dyn Outside,
) -> Result<Vec<values::Endpoint>, Diagnostic> {
    let expanded = expanded(word, outside).map_err(|m| word.alert(m))?;
    values::bind_addresses(&expanded)
}

/// `$X` and `${X}` mean something in addresses even outside quotes (manual, 4.2 "bind").
fn expanded(word: &Word, outside: &dyn Outside) -> Result<Word, String> {
    if !word.bytes.contains(&b'$') {
        return Ok(word.clone());
    }
    let mut bytes = Vec::with_capacity(word.bytes.len());
    let mut rest: &[u8] = &word.bytes;
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'$' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let braced = tail.strip_prefix(b"{");
        let tail = braced.unwrap_or(tail);
        let length = tail.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let (name, after) = tail.split_at_checked(length).unwrap_or((tail, &[]));
        bytes.extend(outside.variable(name).unwrap_or_default());
        rest = if braced.is_some() { after.strip_prefix(b"}").unwrap_or(after) } else { after };
    }
    if bytes.is_empty() {
        let text = word.text();
        return Err(format!("'{text}' resolves to an empty address (environment variable missing?)"));
    }
    Ok(Word { bytes: bytes.into(), span: word.span })
}

/// Whether the address asks for multipath TCP.
pub(super) fn is_multipath(written: &values::Endpoint) -> bool {
    written.transport == Some(Transport::Mptcp)
}

/// Puts what comes before a message in front of it, the place kept.
pub(super) fn prefixed(prefix: &str, mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.message.insert_str(0, prefix);
    diagnostic
}

fn local(address: &Address, outside: &dyn Outside) -> Result<Endpoint, String> {
    if let Address::Fd(number) | Address::SocketPair(number) = address {
        match outside.inherited(*number) {
            Ok(true) => {}
            Ok(false) => return Err(format!("socket on file descriptor '{number}' is of the wrong type.")),
            Err(error) => {
                return Err(format!("cannot use file descriptor '{number}' : {}.", system_words(&error)));
            }
        }
    }
    Ok(match address {
        Address::Unix(path) => Endpoint::Unix(path_of(path)),
        Address::Abstract { name, zero_terminated } => {
            Endpoint::Abstract { name: name.to_vec(), padded: !zero_terminated }
        }
        Address::Fd(fd) => Endpoint::Fd(*fd),
        Address::SocketPair(fd) => Endpoint::SockPair(*fd),
        Address::Ip(ip) => Endpoint::Inet(SocketAddr::new(*ip, 0)),
        Address::Host { .. } => Endpoint::Inet(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)),
    })
}

pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}
