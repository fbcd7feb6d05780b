//! log-format: texts with `%` items, compiled at load and rendered for log lines, headers, payloads and
//! unique ids (manual, 8.2.6).
//!
//! A [`Format`] is a flat list of items. Rendering appends to the caller's buffer, computes strings in the
//! caller's [`Scratch`] and allocates nothing itself.

mod alias;
mod encode;
mod parse;
mod render;
mod steps;
#[cfg(test)]
mod tests;

use crate::scope::Address;
use crate::{Error, Expr, Load, Scope, Scratch, Type};
pub use alias::{ALIASES, Alias, AliasEntry, Due};

/// What a format is made for; it decides how separators and unsafe characters are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// `log-format`, `error-log-format`: blanks are merged, unsafe characters become `#XX`, an empty item `-`.
    Log,
    /// `log-format-sd`: as a log, with RFC 5424's escapes where asked for.
    LogStructured,
    /// `unique-id-format`: as a log, never encoded; nothing stands for samples that are not there.
    UniqueId,
    /// Header fields and parts of start lines: in samples, characters that HTTP forbids become `%XX`, and neither
    /// quotes nor `-` stand for what is empty.
    Http,
    /// Payloads and variables: samples as they are.
    Text,
}

/// A compiled format.
#[derive(Clone, Debug)]
pub struct Format {
    items: Box<[Item]>,
    /// How they are written, unless the whole line is encoded.
    steps: Box<[steps::Step]>,
    purpose: Purpose,
    /// Encoding of the whole line, from `%{...}o`.
    global: Options,
}

/// The flags of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Options(u16);

/// One item of a format.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    kind: ItemKind,
    options: Options,
    name: Box<[u8]>,
    cast: Option<Type>,
}

#[derive(Clone, Debug)]
pub(crate) enum ItemKind {
    /// Text as it is.
    Text(Box<[u8]>),
    /// One or more blanks.
    Separator,
    /// A `%alias`.
    Alias(Alias),
    /// A `%[expression]`.
    Expr(Box<Expr>),
}

/// `option tcplog`
pub const TCP_LOG: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
/// `option tcplog clf`
pub const TCP_LOG_CLF: &str = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U %ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" %hrl %hsl";
/// `option httplog`
pub const HTTP_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
/// `option httplog clf`
pub const HTTP_LOG_CLF: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
/// `option httpslog`
pub const HTTPS_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc";
/// The same where no client can speak TLS: what its last items say of a clear connection.
pub const HTTPS_LOG_CLEAR: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r %[fc_err]/-/-/-/0 -/%sslv/%sslc";

/// Fetches whose values are only whole when the transaction is over.
const FINAL_FETCHES: &[&str] = &[
    "txn.timer.user",
    "txn.timer.total",
    "fc.timer.total",
    "res.timer.data",
    "bytes_in",
    "bytes_out",
    "req.bytes_in",
    "req.bytes_out",
    "res.bytes_in",
    "res.bytes_out",
];

// === impl Format ===

impl Format {
    /// Compiles `text`. The caller puts what it is for before the message (`failed to parse log-format : `).
    pub fn compile(text: &[u8], purpose: Purpose, load: &mut Load<'_>) -> Result<Self, Error> {
        parse::compile(text, purpose, load)
    }

    /// Appends the text for a transaction to `out`, at most `max` bytes of it. Returns how many.
    pub fn render(&self, scope: &dyn Scope, scratch: &Scratch, out: &mut Vec<u8>, max: usize) -> usize {
        render::render(self, scope, scratch, out, max)
    }

    /// The text where it holds no item, so that a caller can store it and never render.
    pub fn constant(&self) -> Option<&[u8]> {
        match &*self.items {
            [] => Some(b""),
            [Item { kind: ItemKind::Text(text), .. }] => Some(text),
            _ => None,
        }
    }

    /// Whether it renders to nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What a line of it waits for: the latest of its items.
    pub fn due(&self) -> Due {
        let due = |item: &Item| match &item.kind {
            ItemKind::Alias(alias) => alias.due(),
            ItemKind::Expr(expr) if FINAL_FETCHES.contains(&expr.fetch_name()) => Due::End,
            ItemKind::Expr(_) => Due::Response,
            ItemKind::Text(_) | ItemKind::Separator => Due::Always,
        };
        self.items.iter().map(due).max().unwrap_or(Due::Always)
    }

    /// Whether it shows our own end of the connection to the server, which is asked from the kernel.
    pub fn shows_back_source(&self) -> bool {
        self.items.iter().any(|item| match &item.kind {
            ItemKind::Alias(Alias::Ip(which) | Alias::Port(which)) => *which == Address::BackSource,
            ItemKind::Expr(expr) => expr.fetch_name().starts_with("bc_src"),
            _ => false,
        })
    }
}

// === impl Options ===

impl Options {
    /// None.
    pub const NONE: Self = Self(0);
    /// `+Q`: quotes around it.
    pub const QUOTE: Self = Self(1);
    /// `+X`: hexadecimal.
    pub const HEX: Self = Self(1 << 1);
    /// `+E`: RFC 5424's escapes.
    pub const ESCAPE: Self = Self(1 << 2);
    /// `+M`: `-` for what is empty.
    pub const MANDATORY: Self = Self(1 << 3);
    /// `+bin`: binary data as it is.
    pub const BIN: Self = Self(1 << 4);
    /// `+json`
    pub const JSON: Self = Self(1 << 5);
    /// `+cbor`
    pub const CBOR: Self = Self(1 << 6);
    /// `+utf8`
    pub const UTF8: Self = Self(1 << 7);

    /// Whether all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those of them that are in `other`.
    #[must_use]
    const fn only(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether values are encoded, as JSON or CBOR.
    pub const fn encodes(self) -> bool {
        self.0 & (Self::JSON.0 | Self::CBOR.0) != 0
    }
}
