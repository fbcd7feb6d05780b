//! Patterns: what ACLs and maps compare samples with (manual, 7.1).

mod file;
mod filter;
mod list;
mod map;
mod network;
mod numbers;
mod parse;
mod text;
mod view;

pub use network::Network;
use network::NetworkTable;
use text::TextTable;

use crate::regex::{Captures, Regex};
use crate::{Scratch, Type, Value};
pub use file::{PatternFiles, User, split};
pub use list::{Entry, ListError, PatternList, Summary, Which};
pub use map::MapOutput;
pub(crate) use parse::parse_hex;
pub use parse::{Bounds, parse_bounds, parse_network};
pub use view::{Comparing, Found, View};

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

/// A compiled set of patterns of one method. Patterns are numbered in the order they were added.
#[derive(Clone, Debug)]
pub struct PatternSet {
    method: Method,
    count: u32,
    ranges: Vec<(Bounds, u32)>,
    networks: NetworkTable,
    /// Texts whose case matters.
    exact: TextTable,
    /// Texts in lower case, for samples whose case does not matter.
    folded: Option<TextTable>,
    regexes: Vec<(Regex, u32)>,
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
    pub fn new(method: Method) -> Self {
        Self {
            method,
            count: 0,
            ranges: Vec::new(),
            networks: NetworkTable::default(),
            exact: TextTable::default(),
            folded: None,
            regexes: Vec::new(),
        }
    }

    /// How it compares.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Adds a pattern in its text form; the error is HAProxy's wording.
    pub fn add(&mut self, text: &[u8], ignore_case: bool) -> Result<(), String> {
        self.add_numbered(self.count, text, ignore_case)
    }

    /// Adds a pattern under a number above all others.
    pub(super) fn add_numbered(&mut self, n: u32, text: &[u8], ignore_case: bool) -> Result<(), String> {
        match self.method {
            Method::Int | Method::Len => {
                let bounds = parse::parse_written(text).ok_or_else(|| parse::not_a_number(text))?;
                self.ranges.push((bounds, n));
            }
            Method::Ip => {
                let shown = String::from_utf8_lossy(text);
                let network = parse_network(&shown)
                    .ok_or_else(|| format!("'{shown}' is not a valid IPv4 or IPv6 address"))?;
                self.networks.add(network, n);
            }
            Method::Reg => self.regexes.push((Regex::compile(text, !ignore_case)?, n)),
            Method::Bin => self.exact.add(self.method, &parse_hex(text)?, n),
            Method::Found | Method::Bool => {}
            _ if ignore_case => {
                let table = self.folded.get_or_insert_default();
                table.add(self.method, &text.to_ascii_lowercase(), n);
            }
            _ => self.exact.add(self.method, text, n),
        }
        self.count = n + 1;
        Ok(())
    }

    /// Takes out the pattern of a number, given in its text form.
    pub(super) fn remove(&mut self, n: u32, text: &[u8], ignore_case: bool) {
        match self.method {
            Method::Int | Method::Len => self.ranges.retain(|(_, other)| *other != n),
            Method::Reg => self.regexes.retain(|(_, other)| *other != n),
            Method::Ip => {
                if let Some(network) = parse_network(&String::from_utf8_lossy(text)) {
                    self.networks.remove(network, n);
                }
            }
            Method::Bin => {
                if let Ok(bytes) = parse_hex(text) {
                    self.exact.remove(self.method, &bytes, n);
                }
            }
            Method::Found | Method::Bool => {}
            _ if ignore_case => {
                if let Some(table) = &mut self.folded {
                    table.remove(self.method, &text.to_ascii_lowercase(), n);
                }
            }
            _ => self.exact.remove(self.method, text, n),
        }
    }

    /// Whether no pattern is in it.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether a sample matches.
    pub fn matches(&self, value: Value<'_>, scratch: &Scratch) -> bool {
        match self.method {
            Method::Found => true,
            Method::Bool => value.to_bool().unwrap_or(false),
            _ => self.find(value, scratch).is_some(),
        }
    }

    /// The number of the pattern that a sample matches: the longest network or prefix, else the first.
    pub fn find(&self, value: Value<'_>, scratch: &Scratch) -> Option<u32> {
        match self.method {
            Method::Found | Method::Bool => None,
            Method::Int => self.in_range(value.to_sint()?),
            Method::Len => {
                let text = value.to_str(scratch);
                self.in_range(i64::try_from(text.len()).ok()?)
            }
            Method::Ip => self.networks.find(value.to_ip()?),
            Method::Reg => {
                let text = value.to_str(scratch);
                self.regexes.iter().find(|(regex, _)| regex.is_match(text)).map(|(_, n)| *n)
            }
            method => {
                let text = match method {
                    Method::Bin => value.to_bin(scratch),
                    _ => value.to_str(scratch),
                };
                let exact = self.exact.find(method, text);
                let folded = self.folded.as_ref().and_then(|table| {
                    let lower = scratch.build(|out| out.extend(text.iter().map(u8::to_ascii_lowercase)));
                    table.find(method, lower)
                });
                exact.into_iter().chain(folded).min()
            }
        }
    }

    /// The groups of the regular expression that is pattern `n`, matched on `text`.
    pub fn captures(&self, n: u32, text: &[u8]) -> Option<Captures> {
        let (regex, _) = self.regexes.iter().find(|(_, number)| *number == n)?;
        regex.captures(text, 0)
    }

    fn in_range(&self, n: i64) -> Option<u32> {
        self.ranges.iter().find(|(bounds, _)| bounds.has(n)).map(|(_, n)| *n)
    }
}
