//! Patterns: what ACLs and maps compare samples with (manual, 7.1).

mod file;
mod parse;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::regex::Regex;
use crate::{Scratch, Type, Value};
pub use file::{FileEntry, PatternFile, PatternFiles};
pub(crate) use parse::parse_hex;
pub use parse::{Bounds, parse_bounds, parse_network};

/// How a sample is compared with patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// There is a sample at all.
    Found,
    /// The sample is true.
    Bool,
    /// An integer lies in a range.
    Int,
    /// An address lies in a network.
    Ip,
    /// The bytes are these, given in hexadecimal.
    Bin,
    /// The length lies in a range.
    Len,
    /// The text is this.
    Str,
    /// The text begins so.
    Beg,
    /// The text contains this.
    Sub,
    /// A part between slashes is this.
    Dir,
    /// A part between dots is this.
    Dom,
    /// The text ends so.
    End,
    /// A regular expression matches.
    Reg,
}

/// A compiled set of patterns of one method.
#[derive(Clone, Debug)]
pub struct PatternSet {
    method: Method,
    patterns: Vec<Pattern>,
}

/// One pattern.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// A range of integers.
    Range(Bounds),
    /// An IPv4 network: address and mask.
    V4(Ipv4Addr, Ipv4Addr),
    /// An IPv6 network: address and mask.
    V6(Ipv6Addr, Ipv6Addr),
    /// Text, and whether upper and lower case are the same.
    Text(Box<[u8]>, bool),
    /// A regular expression.
    Regex(Arc<Regex>),
}

// === impl Method ===

impl Method {
    /// The method of that name after `-m`.
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"found" => Self::Found,
            b"bool" => Self::Bool,
            b"int" => Self::Int,
            b"ip" => Self::Ip,
            b"bin" => Self::Bin,
            b"len" => Self::Len,
            b"str" => Self::Str,
            b"beg" => Self::Beg,
            b"sub" => Self::Sub,
            b"dir" => Self::Dir,
            b"dom" => Self::Dom,
            b"end" => Self::End,
            b"reg" => Self::Reg,
            _ => return None,
        })
    }

    /// The name after `-m`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Ip => "ip",
            Self::Bin => "bin",
            Self::Len => "len",
            Self::Str => "str",
            Self::Beg => "beg",
            Self::Sub => "sub",
            Self::Dir => "dir",
            Self::Dom => "dom",
            Self::End => "end",
            Self::Reg => "reg",
        }
    }

    /// The type that samples are compared as.
    pub const fn compares(self) -> Type {
        match self {
            Self::Found => Type::Any,
            Self::Bool => Type::Bool,
            Self::Int => Type::Sint,
            Self::Ip => Type::Addr,
            Self::Bin | Self::Len => Type::Bin,
            _ => Type::Str,
        }
    }

    /// The method that a sample of that type is compared by where none is named.
    pub const fn of(output: Type) -> Option<Self> {
        match output {
            Type::Bool => Some(Self::Bool),
            Type::Sint => Some(Self::Int),
            Type::Addr | Type::Ipv4 | Type::Ipv6 => Some(Self::Ip),
            Type::Str | Type::Meth => Some(Self::Str),
            Type::Any | Type::Same | Type::Bin => None,
        }
    }
}

// === impl PatternSet ===

impl PatternSet {
    /// An empty set.
    pub const fn new(method: Method) -> Self {
        Self { method, patterns: Vec::new() }
    }

    /// How it compares.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Adds a pattern in its text form.
    pub fn add(&mut self, text: &[u8], ignore_case: bool) -> Result<(), String> {
        self.patterns.push(parse::pattern(self.method, text, ignore_case)?);
        Ok(())
    }

    /// Adds a range of numbers.
    pub fn add_bounds(&mut self, bounds: Bounds) {
        self.patterns.push(Pattern::Range(bounds));
    }

    /// Adds all patterns of a file.
    pub fn add_file(&mut self, file: &PatternFile, ignore_case: bool) -> Result<(), String> {
        for entry in &file.entries {
            self.add(&entry.key, ignore_case)
                .map_err(|e| format!("{e} at line {} of file '{}'", entry.line, file.name))?;
        }
        Ok(())
    }

    /// Whether no pattern is in it.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a sample matches.
    pub fn matches(&self, value: Value<'_>, scratch: &Scratch) -> bool {
        match self.method {
            Method::Found => true,
            Method::Bool => value.to_bool().unwrap_or(false),
            Method::Int => value.to_sint().is_some_and(|n| self.any_range(n)),
            Method::Len => {
                let n = i64::try_from(value.to_str(scratch).len()).unwrap_or(i64::MAX);
                self.any_range(n)
            }
            Method::Ip => value.to_ip().is_some_and(|ip| self.patterns.iter().any(|p| p.has_ip(ip))),
            _ => {
                let text = value.bytes().unwrap_or_else(|| value.to_str(scratch));
                self.patterns.iter().any(|p| p.has_text(self.method, text))
            }
        }
    }

    fn any_range(&self, n: i64) -> bool {
        self.patterns.iter().any(|p| matches!(p, Pattern::Range(bounds) if bounds.has(n)))
    }
}

// === impl Pattern ===

impl Pattern {
    fn has_ip(&self, ip: std::net::IpAddr) -> bool {
        use std::net::IpAddr::{V4, V6};
        match (self, ip) {
            (Self::V4(net, mask), V4(ip)) => (ip & mask) == *net,
            (Self::V6(net, mask), V6(ip)) => (ip & mask) == *net,
            (Self::V4(net, mask), V6(ip)) => crate::value::v6_to_v4(ip).is_some_and(|ip| (ip & mask) == *net),
            (Self::V6(net, mask), V4(ip)) => (ip.to_ipv6_mapped() & mask) == *net,
            _ => false,
        }
    }

    fn has_text(&self, method: Method, text: &[u8]) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(text),
            Self::Text(pattern, fold) => text_matches(method, pattern, text, *fold),
            _ => false,
        }
    }
}

fn text_matches(method: Method, pattern: &[u8], text: &[u8], fold: bool) -> bool {
    let same = |a: &[u8], b: &[u8]| if fold { a.eq_ignore_ascii_case(b) } else { a == b };
    match method {
        Method::Str | Method::Bin => same(text, pattern),
        Method::Beg => text.get(..pattern.len()).is_some_and(|t| same(t, pattern)),
        Method::End => text
            .len()
            .checked_sub(pattern.len())
            .and_then(|at| text.get(at..))
            .is_some_and(|t| same(t, pattern)),
        Method::Sub if fold => pattern.is_empty() || text.windows(pattern.len()).any(|w| same(w, pattern)),
        Method::Sub => memchr::memmem::find(text, pattern).is_some(),
        Method::Dir => part_matches(pattern, text, fold, b"/?"),
        Method::Dom => part_matches(pattern, text, fold, b"/?.:"),
        _ => false,
    }
}

/// Whether `pattern`, delimiters around it aside, stands in `text` between delimiters or its ends.
fn part_matches(pattern: &[u8], text: &[u8], fold: bool, delimiters: &[u8]) -> bool {
    let is_delimiter = |c: &u8| delimiters.contains(c);
    let start = pattern.iter().position(|c| !is_delimiter(c)).unwrap_or(pattern.len());
    let end = pattern.iter().rposition(|c| !is_delimiter(c)).map_or(start, |at| at + 1);
    let wanted = pattern.get(start..end).unwrap_or_default();
    if wanted.is_empty() {
        return false;
    }
    let mut from = 0;
    while let Some(window) = text.get(from..from + wanted.len()) {
        let bounded_left = from == 0 || text.get(from - 1).is_some_and(is_delimiter);
        let bounded_right = text.get(from + wanted.len()).is_none_or(is_delimiter);
        let same = if fold { window.eq_ignore_ascii_case(wanted) } else { window == wanted };
        if bounded_left && bounded_right && same {
            return true;
        }
        from += 1;
    }
    false
}
