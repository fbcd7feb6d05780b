//! Filters: what looks at bodies, or holds them back, on their way (manual, chapter 9).
//!
//! A proxy declares them ([`Filter`], one table entry in the file of each); a transaction that has one at work
//! carries a [`Chain`]. A body asks its [`Gate`] how much of it may pass now, in `mux::h1` and in `tunnel`; without
//! a gate, which is the usual case, nothing is asked and bytes may be spliced.

mod gate;
mod limit;
mod trace;

use std::sync::{Arc, LazyLock};

use weir_config::{Arity, Class, Entry, Keyword, Registry, Sections};
use weir_expr::WordsError;

pub(crate) use gate::{Chain, Gate, Meter, Shared};
pub(crate) use limit::{Limit, Share};
pub(crate) use trace::Trace;

use crate::action::Parse;

/// A filter as a proxy declares it.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    /// `bwlim-in`, `bwlim-out`
    Limit(Arc<Limit>),
    /// `trace`
    Trace(Arc<Trace>),
}

/// Reads the words behind the name of a filter.
pub(crate) type FilterFn = fn(&mut Parse<'_, '_>) -> Result<Filter, WordsError>;

/// All filters.
pub(crate) static FILTERS: LazyLock<Registry<FilterFn>> = LazyLock::new(|| Registry::new(&[TABLE]));

/// A line `class<TAB>name<TAB>state` for each filter, as `weir keywords` prints them.
pub(crate) fn listing() -> Vec<String> {
    FILTERS.listing()
}

const TABLE: &[Keyword<FilterFn>] = &[
    works("bwlim-in", "limits how fast requests go to servers", limit::parse),
    works("bwlim-out", "limits how fast answers go to clients", limit::parse),
    later("cache", "comes with the cache"),
    later("comp-req", "comes with compression"),
    later("comp-res", "comes with compression"),
    later("compression", "comes with compression"),
    later("fcgi-app", "comes with FastCGI"),
    later("opentracing", "OpenTracing is not built in"),
    later("spoe", "comes with SPOE"),
    works("trace", "tells on standard error what passes", trace::parse),
];

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Filter, name, Sections::PROXIES, Arity::ANY, help)
}

const fn works(name: &'static str, help: &'static str, parse: FilterFn) -> Keyword<FilterFn> {
    Keyword::works(entry(name, help), parse)
}

const fn later(name: &'static str, reason: &'static str) -> Keyword<FilterFn> {
    Keyword::refused(entry(name, "see the configuration manual of HAProxy 3.4"), reason)
}

// === impl Filter ===

impl Filter {
    /// The bandwidth limit of this name.
    pub(crate) fn limit(&self, name: &[u8]) -> Option<&Arc<Limit>> {
        match self {
            Self::Limit(limit) if limit.name.as_bytes() == name => Some(limit),
            _ => None,
        }
    }
}
