//! The descriptor of a word of the language.
//!
//! Each word stands in one table entry beside the code that implements it. From the tables come the parser,
//! "did you mean", `weir keywords`, the help of the runtime API and the reference pages.

use bitflags::bitflags;
use weir_diag::Form;

bitflags! {
    /// Where a keyword may stand.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Sections: u32 {
        /// The `global` section.
        const GLOBAL = 1;
        /// A `defaults` section.
        const DEFAULTS = 1 << 1;
        /// A `frontend` section.
        const FRONTEND = 1 << 2;
        /// A `listen` section.
        const LISTEN = 1 << 3;
        /// A `backend` section.
        const BACKEND = 1 << 4;
        /// A `userlist` section.
        const USERLIST = 1 << 5;
        /// An `http-errors` section.
        const HTTP_ERRORS = 1 << 6;
        /// A `log-profile` section.
        const LOG_PROFILE = 1 << 16;
        /// A `peers` section.
        const PEERS = 1 << 7;
        /// A `ring` section.
        const RING = 1 << 17;
        /// A `crt-store` section.
        const CRT_STORE = 1 << 18;
        /// A `log-forward` section.
        const LOG_FORWARD = 1 << 25;
        /// A `healthcheck` section.
        const HEALTHCHECK = 1 << 24;
        /// `traces`
        const TRACES = 1 << 26;
        /// `mailers`
        const MAILERS = 1 << 27;
        /// Every proxy section that takes connections in.
        const FRONTENDS = Self::FRONTEND.bits() | Self::LISTEN.bits();
        /// Every proxy section that has servers.
        const BACKENDS = Self::BACKEND.bits() | Self::LISTEN.bits();
        /// `defaults`, `frontend`, `listen`, `backend`.
        const PROXIES = Self::DEFAULTS.bits() | Self::FRONTENDS.bits() | Self::BACKENDS.bits();
    }
}

impl Sections {
    /// The sections by their keywords, a space between them.
    pub fn words(self) -> String {
        let all = self.iter_names().map(|(name, _)| name.to_ascii_lowercase().replace('_', "-"));
        all.collect::<Vec<_>>().join(" ")
    }
}

/// Which table a word belongs to; `weir keywords` prints it in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The first word of a section's header.
    Section,
    /// A line of the `global` section.
    Global,
    /// A line of a proxy section, first words included (`option httplog`, `timeout client`).
    Proxy,
    /// A parameter of a `bind` line.
    Bind,
    /// A parameter of a `server` line.
    Server,
    /// An action, its rule set first (`http-request deny`).
    Action,
    /// A sample fetch.
    Fetch,
    /// A converter.
    Converter,
    /// The name of an ACL criterion that is no plain fetch.
    Acl,
    /// A filter.
    Filter,
    /// A command of the runtime API.
    Cli,
    /// A line of a `userlist` section.
    Userlist,
    /// A line of a `peers` section.
    Peers,
    /// A parameter of a line in a `crt-list`.
    CrtList,
    /// A line of a `crt-store` section.
    CrtStore,
    /// A line of a `traces` section.
    Traces,
    /// A line of a `mailers` section.
    Mailers,
    /// A line of an `acme` section.
    Acme,
}

/// How many words follow the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arity {
    /// At least so many.
    pub min: u16,
    /// At most so many; `u16::MAX` for any number.
    pub max: u16,
}

/// Whether `no` and `default` may stand before the keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Negation {
    /// Neither.
    None,
    /// `no` only.
    No,
    /// Both.
    NoAndDefault,
}

/// What a word does in this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<F: 'static> {
    /// What the manual says.
    Works(F),
    /// Nothing, and that is right here, for this reason. It loads with a notice.
    Inert(&'static str),
    /// Nothing as well, for this reason, but the function judges its words as the reference does. Who runs it gives
    /// the notice.
    Judged(F, &'static str),
    /// It is refused with an error that gives this reason.
    Refused(&'static str),
}

/// What is known of every word, whatever it configures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its table.
    pub class: Class,
    /// All its words, one space between them.
    pub name: &'static str,
    /// Where it may stand.
    pub sections: Sections,
    /// How many words may follow.
    pub arity: Arity,
    /// Which prefixes it takes.
    pub negation: Negation,
    /// One line of help.
    pub help: &'static str,
    /// The whole message where too few words follow, in HAProxy's words, and how it names the place.
    pub missing: Option<(Form, &'static str)>,
}

/// A word of the language: what is known of it, and what it does. `F` is the function type of its table.
#[derive(Clone, Copy, Debug)]
pub struct Keyword<F: 'static> {
    /// What is known of it.
    pub entry: Entry,
    /// What it does.
    pub state: State<F>,
}

// === impl Class ===

impl Class {
    /// The name that `weir keywords` prints: `crt-list`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Section => "section",
            Self::Global => "global",
            Self::Proxy => "proxy",
            Self::Bind => "bind",
            Self::Server => "server",
            Self::Action => "action",
            Self::Fetch => "fetch",
            Self::Converter => "converter",
            Self::Acl => "acl",
            Self::Filter => "filter",
            Self::Cli => "cli",
            Self::Userlist => "userlist",
            Self::Peers => "peers",
            Self::CrtList => "crt-list",
            Self::CrtStore => "crt-store",
            Self::Traces => "traces",
            Self::Mailers => "mailers",
            Self::Acme => "acme",
        }
    }
}

// === impl Arity ===

impl Arity {
    /// No further word.
    pub const NONE: Self = Self::exactly(0);
    /// Any number of words.
    pub const ANY: Self = Self::at_least(0);

    /// Exactly `n` words.
    pub const fn exactly(n: u16) -> Self {
        Self { min: n, max: n }
    }

    /// `n` words or more.
    pub const fn at_least(n: u16) -> Self {
        Self { min: n, max: u16::MAX }
    }

    /// From `min` to `max` words.
    pub const fn between(min: u16, max: u16) -> Self {
        Self { min, max }
    }
}

// === impl State ===

impl<F> State<F> {
    /// Why the word does nothing though its function runs.
    pub const fn without_effect(&self) -> Option<&'static str> {
        match self {
            Self::Judged(_, reason) => Some(reason),
            Self::Works(_) | Self::Inert(_) | Self::Refused(_) => None,
        }
    }
}

// === impl Keyword ===

impl<F: 'static> Keyword<F> {
    /// A word that works.
    pub const fn works(entry: Entry, run: F) -> Self {
        Self { entry, state: State::Works(run) }
    }

    /// A word that has no meaning here.
    pub const fn inert(entry: Entry, reason: &'static str) -> Self {
        Self { entry, state: State::Inert(reason) }
    }

    /// A word that has no meaning here, and whose values are judged all the same.
    pub const fn judged(entry: Entry, run: F, reason: &'static str) -> Self {
        Self { entry, state: State::Judged(run, reason) }
    }

    /// A word that is known and refused.
    pub const fn refused(entry: Entry, reason: &'static str) -> Self {
        Self { entry, state: State::Refused(reason) }
    }
}

// === impl Entry ===

impl Entry {
    /// An entry of a table; see the fields for what each argument means.
    pub const fn new(
        class: Class,
        name: &'static str,
        sections: Sections,
        arity: Arity,
        help: &'static str,
    ) -> Self {
        Self { class, name, sections, arity, negation: Negation::None, help, missing: None }
    }

    /// The same entry, taking `no`.
    #[must_use]
    pub const fn no(mut self) -> Self {
        self.negation = Negation::No;
        self
    }

    /// The same entry, taking `no` and `default`.
    #[must_use]
    pub const fn no_default(mut self) -> Self {
        self.negation = Negation::NoAndDefault;
        self
    }

    /// The same entry with the whole message for too few words: `'maxconn' expects an integer argument.`
    #[must_use]
    pub const fn missing(mut self, message: &'static str) -> Self {
        self.missing = Some((Form::Parsing, message));
        self
    }

    /// As [`missing`](Self::missing), where the message names the place in another way.
    #[must_use]
    pub const fn missing_as(mut self, form: Form, message: &'static str) -> Self {
        self.missing = Some((form, message));
        self
    }
}
