//! Descriptors of fetches and converters, and what their functions are given.
//!
//! A fetch or a converter is one entry of a table beside its code. [`Words`] gathers the tables for the
//! compiler of expressions.

use std::sync::Arc;

use hashbrown::HashMap;
use weir_config::{Arity, Class, Entry, Keyword, Sections};

use crate::args::{Arg, ArgType, Args};
use crate::place::Needs;
use crate::{Load, Lookup, Scope, Scratch, Type, Value};

/// The entry of a fetch.
pub type Fetch = Keyword<FetchDef>;

/// The entry of a converter.
pub type Converter = Keyword<ConverterDef>;

/// Reads a sample from a transaction.
pub type FetchFn = for<'a> fn(&mut Eval<'a>, &'a Args) -> Lookup<Value<'a>>;

/// Makes a sample of another; `None` where it has no result.
pub type ConvertFn = for<'a> fn(&mut Eval<'a>, &'a Args, Value<'a>) -> Option<Value<'a>>;

/// Checks arguments at load and may replace them by what they stand for.
pub type PrepareFn = fn(&mut Args, &mut Load<'_>) -> Result<(), String>;

/// What a fetch takes, gives and does.
#[derive(Clone, Copy, Debug)]
pub struct FetchDef {
    /// How many of `args` must be given.
    pub min: u8,
    /// Types of its arguments.
    pub args: &'static [ArgType],
    /// Type of its sample.
    pub output: Type,
    /// What it needs of the moment.
    pub needs: Needs,
    /// Further checks of the arguments.
    pub prepare: Option<PrepareFn>,
    /// The function.
    pub run: FetchFn,
}

/// What a converter takes, gives and does.
#[derive(Clone, Copy, Debug)]
pub struct ConverterDef {
    /// How many of `args` must be given.
    pub min: u8,
    /// Types of its arguments.
    pub args: &'static [ArgType],
    /// Type that comes in: the sample is cast to it first.
    pub input: Type,
    /// Type that goes out.
    pub output: Type,
    /// Further checks of the arguments.
    pub prepare: Option<PrepareFn>,
    /// The function.
    pub run: ConvertFn,
}

/// What functions of fetches and converters work with.
#[expect(missing_debug_implementations, reason = "a scope has no printable form")]
pub struct Eval<'a> {
    /// The transaction.
    pub scope: &'a dyn Scope,
    /// Room for computed strings.
    pub scratch: &'a Scratch,
    /// Whether the caller wants each value of a list in turn (an ACL), not the one that stands for it.
    pub each: bool,
    /// Where the next value of the list begins; [`Cursor::START`] for the first.
    pub cursor: Cursor,
    /// Set by a fetch that stopped before the end of its list.
    pub more: bool,
}

/// A place in a list of values, in the fetch's own units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The element, a header line for instance.
    pub item: usize,
    /// The byte in it.
    pub offset: usize,
}

/// All fetches and converters by name.
#[derive(Clone, Debug, Default)]
pub struct Words {
    fetches: HashMap<&'static str, &'static Fetch>,
    converters: HashMap<&'static str, &'static Converter>,
}

/// An entry of a fetch that works.
pub const fn fetch(
    name: &'static str,
    args: (u8, &'static [ArgType]),
    output: Type,
    needs: Needs,
    run: FetchFn,
    help: &'static str,
) -> Fetch {
    let def = FetchDef { min: args.0, args: args.1, output, needs, prepare: None, run };
    Keyword::works(entry(Class::Fetch, name, args, help), def)
}

/// An entry of a converter that works.
pub const fn converter(
    name: &'static str,
    args: (u8, &'static [ArgType]),
    input: Type,
    output: Type,
    run: ConvertFn,
    help: &'static str,
) -> Converter {
    let def = ConverterDef { min: args.0, args: args.1, input, output, prepare: None, run };
    Keyword::works(entry(Class::Converter, name, args, help), def)
}

/// A fetch that is known and still to come.
pub const fn fetch_to_come(name: &'static str, reason: &'static str) -> Fetch {
    Keyword::refused(entry(Class::Fetch, name, (0, &[]), ""), reason)
}

/// A converter that is known and still to come.
pub const fn converter_to_come(name: &'static str, reason: &'static str) -> Converter {
    Keyword::refused(entry(Class::Converter, name, (0, &[]), ""), reason)
}

/// The same fetch with a check of its arguments.
pub const fn prepared_fetch(mut fetch: Fetch, prepare: PrepareFn) -> Fetch {
    if let weir_config::State::Works(ref mut def) = fetch.state {
        def.prepare = Some(prepare);
    }
    fetch
}

/// The same converter with a check of its arguments.
pub const fn prepared(mut converter: Converter, prepare: PrepareFn) -> Converter {
    if let weir_config::State::Works(ref mut def) = converter.state {
        def.prepare = Some(prepare);
    }
    converter
}

const fn entry(
    class: Class,
    name: &'static str,
    args: (u8, &'static [ArgType]),
    help: &'static str,
) -> Entry {
    let arity = Arity::between(args.0 as u16, args.1.len() as u16);
    Entry::new(class, name, Sections::PROXIES, arity, help)
}

// === impl Eval ===

impl<'a> Eval<'a> {
    /// A fresh evaluation that wants one value.
    pub const fn new(scope: &'a dyn Scope, scratch: &'a Scratch) -> Self {
        Self { scope, scratch, each: false, cursor: Cursor::START, more: false }
    }
}

// === impl Cursor ===

impl Cursor {
    /// Before the first value.
    pub const START: Self = Self { item: 0, offset: 0 };
}

// === impl Words ===

impl Words {
    /// The words of these tables; a later entry of a name replaces an earlier one.
    pub fn new(fetches: &[&'static [Fetch]], converters: &[&'static [Converter]]) -> Self {
        let fetches = fetches.iter().flat_map(|t| t.iter()).map(|k| (k.entry.name, k)).collect();
        let converters = converters.iter().flat_map(|t| t.iter()).map(|k| (k.entry.name, k)).collect();
        Self { fetches, converters }
    }

    /// The words of this room.
    pub fn builtin() -> Arc<Self> {
        Arc::new(Self::new(crate::FETCHES, crate::CONVERTERS))
    }

    /// The fetch of that name.
    pub fn fetch(&self, name: &str) -> Option<&'static Fetch> {
        self.fetches.get(name).copied()
    }

    /// The converter of that name.
    pub fn converter(&self, name: &str) -> Option<&'static Converter> {
        self.converters.get(name).copied()
    }

    /// Names of all fetches, for suggestions.
    pub fn fetch_names(&self) -> impl Iterator<Item = &'static str> {
        self.fetches.keys().copied()
    }

    /// Names of all converters, for suggestions.
    pub fn converter_names(&self) -> impl Iterator<Item = &'static str> {
        self.converters.keys().copied()
    }
}

/// No arguments.
pub const NO_ARGS: (u8, &[ArgType]) = (0, &[]);

/// An argument that is not there.
pub const NO_ARG: Arg = Arg::None;
