//! The language of haproxy.cfg: text to words, sections and checked lines.
//!
//! This room owns the grammar (manual, chapter 2) and the descriptor type [`Keyword`]; it knows no entry of
//! any keyword table. The tables live with the code they configure and come in from outside.
//! It opens no certificate, map or socket, and asks no resolver; files come through the trait [`Files`].
//!
//! For the author of keywords: write one `Keyword` for each word ([`Entry::new`], then `.no()`, `.missing(..)`),
//! export the slice, and have it gathered in a [`Registry`]. For each [`Line`] of a [`Section`],
//! [`Registry::line`] judges prefix, section and arity; the function then reads [`Line::args`] with the parsers
//! of [`values`], which return `Result<_, Diagnostic>` with HAProxy's words and the word's place:
//! `let n = out.take(values::integer(&line.name(), word, 1..=65535))`.

mod blocks;
mod condition;
mod document;
mod environment;
mod keyword;
mod legacy;
mod lexer;
mod line;
mod loader;
mod registry;
pub mod values;

pub use condition::{ConditionFault, Features, evaluate, evaluate_alone};
pub use document::{Document, Section};
pub use environment::Environment;
pub use keyword::{Arity, Class, Entry, Keyword, Negation, Sections, State};
pub use line::{Line, Prefix, Word, quote};
pub use loader::{Files, Loaded, Loader, Rewrite};
pub use registry::{Found, Place, Registry, arity, negation_alert, no_effect, run_of};
