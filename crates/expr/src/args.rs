//! Arguments of fetches and converters: their syntax and their types (manual, 7.3).
//!
//! `(a,'b,c',"d\"e")`: split at commas, with quotes and backslashes as in a configuration line, then read by
//! the type that the keyword declares. Names are resolved here, through [`Names`](crate::Names).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::acl::Term;
use crate::pattern::View;
use crate::regex::Regex;
use crate::scope::{ProxyId, ServerId, Side, TableId, UserlistId};
use crate::vars::VarRef;
use crate::{Condition, Error, Load};

/// The type of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgType {
    /// Any text.
    Str,
    /// An integer.
    Int,
    /// A delay; milliseconds where no unit is given.
    Time,
    /// A size in bytes, with `k`, `m`, `g`.
    Size,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An IPv4 mask: dotted or a bit count.
    Mask4,
    /// An IPv6 mask: an address or a bit count.
    Mask6,
    /// A proxy that takes connections.
    Frontend,
    /// A proxy that has servers.
    Backend,
    /// A server, `[backend/]name`.
    Server,
    /// A stick table.
    Table,
    /// A userlist.
    Userlist,
    /// A regular expression.
    Regex,
    /// A protocol buffers field number: `1.2.3`.
    PbufFields,
}

/// A compiled argument.
#[derive(Clone, Debug)]
pub enum Arg {
    /// Not given, or given empty where that is allowed.
    None,
    /// Text.
    Str(Box<[u8]>),
    /// A number; times in ms, sizes in bytes.
    Int(i64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A proxy.
    Proxy(ProxyId),
    /// A server.
    Server(ServerId),
    /// A stick table.
    Table(TableId),
    /// A userlist.
    Userlist(UserlistId),
    /// A regular expression.
    Regex(Arc<Regex>),
    /// A variable.
    Var(Box<VarRef>),
    /// A map.
    Map(Arc<View>),
    /// ACLs of which all must hold.
    Acls(Arc<[Term]>),
    /// Field numbers.
    Fields(Box<[u32]>),
    /// A condition.
    Condition(Box<Condition>),
}

/// The compiled arguments of one keyword.
#[derive(Clone, Debug, Default)]
pub struct Args {
    list: Vec<Arg>,
}

/// An argument as it was written, quotes taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawArg {
    /// What it means.
    pub bytes: Vec<u8>,
    /// Where it stands in the text.
    pub at: (usize, usize),
}

// === impl ArgType ===

impl ArgType {
    /// The name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Str => "string",
            Self::Int => "integer",
            Self::Time => "delay",
            Self::Size => "size",
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
            Self::Mask4 => "IPv4 mask",
            Self::Mask6 => "IPv6 mask",
            Self::Frontend => "frontend",
            Self::Backend => "backend",
            Self::Server => "server",
            Self::Table => "table",
            Self::Userlist => "user list",
            Self::Regex => "regex",
            Self::PbufFields => "Protocol buffers field number",
        }
    }
}

// === impl Args ===

impl Args {
    /// These arguments.
    pub const fn new(list: Vec<Arg>) -> Self {
        Self { list }
    }

    /// The `n`th; [`Arg::None`] where it was not given.
    pub fn arg(&self, n: usize) -> &Arg {
        self.list.get(n).unwrap_or(&crate::keyword::NO_ARG)
    }

    /// How many were given.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The `n`th as text.
    pub fn str(&self, n: usize) -> Option<&[u8]> {
        match self.arg(n) {
            Arg::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The `n`th as a number.
    pub fn int(&self, n: usize) -> Option<i64> {
        match self.arg(n) {
            Arg::Int(i) => Some(*i),
            _ => None,
        }
    }

    /// The `n`th as a variable.
    pub fn var(&self, n: usize) -> Option<&VarRef> {
        match self.arg(n) {
            Arg::Var(v) => Some(v),
            _ => None,
        }
    }

    /// The `n`th as a table.
    pub fn table(&self, n: usize) -> Option<TableId> {
        match self.arg(n) {
            Arg::Table(t) => Some(*t),
            _ => None,
        }
    }

    /// Puts something else in the place of the `n`th.
    pub fn set(&mut self, n: usize, arg: Arg) {
        if n >= self.list.len() {
            self.list.resize(n + 1, Arg::None);
        }
        if let Some(slot) = self.list.get_mut(n) {
            *slot = arg;
        }
    }
}

/// Reads `(...)` at `at` for a keyword that takes `types`, the first `min` of them always. `who` says whose
/// arguments they are. Returns them and the offset after the parenthesis.
pub fn parse(
    text: &[u8],
    at: usize,
    (min, types): (u8, &'static [ArgType]),
    who: Who<'_>,
    load: &mut Load<'_>,
) -> Result<(Args, usize), Error> {
    let min = usize::from(min);
    let mut list = Vec::new();
    let mut pos = at;
    if text.get(at) == Some(&b'(') {
        pos = at + 1;
        loop {
            let Some(kind) = types.get(list.len()).copied() else {
                return close(text, pos, who, list.len() + 1).map(|end| (Args::new(list), end));
            };
            let (raw, next) = raw_arg(text, pos);
            let n = list.len() + 1;
            if raw.bytes.is_empty() && raw.at.0 == raw.at.1 && n > min.max(1) {
                list.push(Arg::None);
            } else if raw.bytes.is_empty() && raw.at.0 == raw.at.1 && kind != ArgType::Str {
                let last = text.get(next) == Some(&b')');
                if n == 1 && last && min == 0 {
                    pos = next;
                    break;
                }
                let message = format!("expected type '{}' at position {n}, but got nothing", kind.name());
                return Err(who.error(n, &message, at, next));
            } else {
                list.push(typed(kind, &raw, n, who, load)?);
            }
            pos = next;
            match text.get(pos) {
                Some(b',') if list.len() < types.len() => pos += 1,
                _ => break,
            }
        }
        pos = close(text, pos, who, list.len() + usize::from(text.get(pos) == Some(&b',')))?;
    }
    while list.len() < min {
        let n = list.len();
        let kind = types.get(n).copied().unwrap_or(ArgType::Str);
        if n == 0
            && let Some(implied) = implied(kind, n, who, load)?
        {
            list.push(implied);
            continue;
        }
        // HAProxy takes a lone empty string for a missing one.
        if kind == ArgType::Str && n == 0 && min == 1 {
            list.push(Arg::Str(Box::default()));
            continue;
        }
        if n == 0 && pos == at {
            let message = format!("expected type '{}' at position 1, but got nothing", kind.name());
            return Err(who.error(1, &message, at, pos));
        }
        let message = format!("missing arguments (got {n}/{min}), type '{}' expected", kind.name());
        return Err(who.error(n + 1, &message, at, pos));
    }
    Ok((Args::new(list), pos))
}

/// Whose arguments are read, for messages.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// A fetch.
    Fetch(&'a str),
    /// A converter, and the fetch it follows.
    Converter(&'a str, &'a str),
}

// === impl Who ===

impl Who<'_> {
    fn error(&self, n: usize, message: &str, start: usize, end: usize) -> Error {
        let text = match self {
            Self::Fetch(name) => format!("fetch method '{name}' : {message}"),
            Self::Converter(name, _) => format!("invalid arg {n} in converter '{name}' : {message}"),
        };
        Error::new(text, start, end)
    }

    fn reference(&self, n: usize, load: &Load<'_>) -> String {
        let keyword = match self {
            Self::Fetch(name) => format!("sample fetch keyword '{name}'"),
            Self::Converter(name, fetch) => {
                format!("conversion keyword '{name}' for sample fetch keyword '{fetch}'")
            }
        };
        format!("in arg {n} of {keyword} in {} in proxy '{}'", load.context, load.proxy)
    }
}

/// The next argument from `start`: its meaning, and the offset of what ended it.
pub fn raw_arg(text: &[u8], start: usize) -> (RawArg, usize) {
    let mut bytes = Vec::new();
    let (mut pos, mut quote) = (start, None);
    while let Some(&c) = text.get(pos) {
        match (quote, c) {
            (None, b',' | b')') => break,
            (None, b'\'' | b'"') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            (None | Some(b'"'), b'\\') => {
                pos += 1;
                match text.get(pos) {
                    Some(b'r') => bytes.push(b'\r'),
                    Some(b'n') => bytes.push(b'\n'),
                    Some(b't') => bytes.push(b'\t'),
                    Some(c @ (b'\\' | b'"' | b'\'' | b' ')) => bytes.push(*c),
                    // Before anything else a backslash stands for itself.
                    _ => {
                        bytes.push(b'\\');
                        continue;
                    }
                }
            }
            _ => bytes.push(c),
        }
        pos += 1;
    }
    (RawArg { bytes, at: (start, pos) }, pos)
}

fn close(text: &[u8], pos: usize, who: Who<'_>, n: usize) -> Result<usize, Error> {
    if text.get(pos) == Some(&b')') {
        return Ok(pos + 1);
    }
    let rest = text.get(pos..).unwrap_or_default();
    let message = if rest.is_empty() {
        "expected ')'".to_owned()
    } else {
        format!("expected ')' before '{}'", String::from_utf8_lossy(rest))
    };
    Err(who.error(n, &message, pos, pos + 1))
}

fn typed(kind: ArgType, raw: &RawArg, n: usize, who: Who<'_>, load: &mut Load<'_>) -> Result<Arg, Error> {
    let bytes = &raw.bytes[..];
    let shown = String::from_utf8_lossy(bytes).into_owned();
    let text = std::str::from_utf8(bytes).unwrap_or("\u{fffd}");
    let (start, end) = raw.at;
    let arg = match kind {
        ArgType::Str => Some(Arg::Str(bytes.into())),
        ArgType::Int => integer(bytes).map(Arg::Int),
        ArgType::Time => delay_ms(text).map(Arg::Int),
        ArgType::Size => size(text).map(Arg::Int),
        ArgType::Ipv4 => text.parse().ok().map(Arg::Ipv4),
        ArgType::Ipv6 => text.parse().ok().map(Arg::Ipv6),
        ArgType::Mask4 => mask4(text).map(Arg::Ipv4),
        ArgType::Mask6 => mask6(text).map(Arg::Ipv6),
        ArgType::PbufFields => fields(text).map(Arg::Fields),
        ArgType::Regex => {
            let regex = Regex::compile(bytes, true).map_err(|e| {
                let place = who.reference(n, load);
                Error::new(format!("error in regex '{shown}' {place} : {e}"), start, end)
            })?;
            Some(Arg::Regex(Arc::new(regex)))
        }
        _ => return named(kind, raw, n, who, load),
    };
    arg.ok_or_else(|| {
        let message = format!("failed to parse '{shown}' as type '{}' at position {n}", kind.name());
        who.error(n, &message, start, end)
    })
}

/// What stands for an argument that was not given: the current proxy, its table.
fn implied(kind: ArgType, n: usize, who: Who<'_>, load: &mut Load<'_>) -> Result<Option<Arg>, Error> {
    Ok(match kind {
        ArgType::Frontend | ArgType::Backend | ArgType::Table => {
            let raw = RawArg { bytes: Vec::new(), at: (0, 0) };
            Some(named(kind, &raw, n + 1, who, load)?)
        }
        _ => None,
    })
}

fn named(kind: ArgType, raw: &RawArg, n: usize, who: Who<'_>, load: &mut Load<'_>) -> Result<Arg, Error> {
    let name = Some(&raw.bytes[..]).filter(|b| !b.is_empty());
    let shown = String::from_utf8_lossy(&raw.bytes).into_owned();
    let (found, what) = match kind {
        ArgType::Frontend => (load.names.proxy(name, Side::Client).map(Arg::Proxy), "frontend"),
        ArgType::Backend => (load.names.proxy(name, Side::Server).map(Arg::Proxy), "backend"),
        ArgType::Table => (load.names.table(name).map(Arg::Table), "table"),
        ArgType::Userlist => (load.names.userlist(&raw.bytes).map(Arg::Userlist), "userlist"),
        _ => return server(raw, n, who, load),
    };
    found.ok_or_else(|| {
        let place = who.reference(n, load);
        let shown = if name.is_none() && kind == ArgType::Table { load.proxy.clone() } else { shown };
        let message = match (name, kind) {
            (None, ArgType::Frontend | ArgType::Backend) => {
                format!("proxy '{}', referenced {place}, has not {what} capability", load.proxy)
            }
            _ => format!("unable to find {what} '{shown}' referenced {place}"),
        };
        Error::new(message, raw.at.0, raw.at.1)
    })
}

fn server(raw: &RawArg, n: usize, who: Who<'_>, load: &mut Load<'_>) -> Result<Arg, Error> {
    let mut parts = raw.bytes.rsplitn(2, |c| *c == b'/');
    let name = parts.next().unwrap_or_default();
    let backend = parts.next();
    if let Some(id) = load.names.server(backend, name) {
        return Ok(Arg::Server(id));
    }
    let place = who.reference(n, load);
    let message = match backend {
        Some(b) if load.names.proxy(Some(b), Side::Server).is_none() => {
            format!("unable to find proxy '{}' referenced {place}", String::from_utf8_lossy(b))
        }
        _ => format!(
            "unable to find server '{}' in proxy '{}', referenced {place}",
            String::from_utf8_lossy(name),
            backend.map_or(load.proxy.clone(), |b| String::from_utf8_lossy(b).into_owned())
        ),
    };
    Err(Error::new(message, raw.at.0, raw.at.1))
}

/// A whole text as an integer, bound to the range of the type.
pub fn integer(s: &[u8]) -> Option<i64> {
    let digits = s.strip_prefix(b"-").or_else(|| s.strip_prefix(b"+")).unwrap_or(s);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    crate::value::leading_integer(s)
}

/// A delay in ms: digits and a unit of `us ms s m h d`, ms by default.
pub fn delay_ms(s: &str) -> Option<i64> {
    let split = s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    let (digits, unit) = s.split_at_checked(split)?;
    let n: i64 = digits.parse().ok()?;
    match unit {
        "us" => Some((n + 999) / 1000),
        "" | "ms" => Some(n),
        "s" => n.checked_mul(1000),
        "m" => n.checked_mul(60_000),
        "h" => n.checked_mul(3_600_000),
        "d" => n.checked_mul(86_400_000),
        _ => None,
    }
}

fn size(s: &str) -> Option<i64> {
    let split = s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    let (digits, unit) = s.split_at_checked(split)?;
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(1 << shift)
}

/// An IPv4 mask from dotted form or a bit count.
pub fn mask4(s: &str) -> Option<Ipv4Addr> {
    if s.contains('.') {
        return s.parse().ok();
    }
    let bits: u32 = s.parse().ok().filter(|b| *b <= 32)?;
    Some(Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - bits).unwrap_or(0)))
}

/// An IPv6 mask from address form or a bit count.
pub fn mask6(s: &str) -> Option<Ipv6Addr> {
    if s.contains(':') {
        return s.parse().ok();
    }
    let bits: u32 = s.parse().ok().filter(|b| *b <= 128)?;
    Some(Ipv6Addr::from_bits(u128::MAX.checked_shl(128 - bits).unwrap_or(0)))
}

fn fields(s: &str) -> Option<Box<[u32]>> {
    s.split('.').map(|n| n.parse().ok()).collect()
}
