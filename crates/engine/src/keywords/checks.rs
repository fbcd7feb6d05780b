//! What servers are checked by: `option httpchk`, `http-check` and their kin (manual, 4.2 and 12.9).
//!
//! Lines become steps of one kind ([`crate::conf::Ruleset`]). [`draft`] keeps them until a section is read,
//! [`words`] reads those of `connect` and `expect`, [`http`] and [`tcp`] are the lines of the two rulesets,
//! [`protocols`] the options that are steps of their own, [`program`] those of `option external-check`,
//! [`section`] is `healthcheck`, and [`compile`] gives texts and expressions their meaning when names are known.

mod compile;
mod draft;
mod http;
mod program;
mod protocols;
mod section;
mod tcp;
mod words;

use weir_config::{Arity, Class, Entry, Sections};

pub(super) use compile::{compile, compile_sections};
pub(super) use draft::CheckDraft;
pub(super) use http::HTTP;
pub(super) use program::{PROGRAM, judge as judge_program};
pub(super) use protocols::PROTOCOLS;
pub(super) use section::{SECTION, healthcheck, judge_server};
pub(super) use tcp::TCP;
pub(crate) use words::binary;

/// A line of a ruleset, which `healthcheck` sections have, too.
const fn rule(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, OWNERS.union(Sections::HEALTHCHECK), Arity::ANY, help)
}

/// A line of a proxy.
const fn line(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, OWNERS, Arity::ANY, help)
}

const OWNERS: Sections = Sections::DEFAULTS.union(Sections::BACKENDS);
