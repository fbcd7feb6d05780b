//! The language of haproxy.cfg: text to words, sections and checked lines.
//!
//! This room owns the grammar (manual, chapter 2) and the descriptor type [`Keyword`]; it knows no entry of
//! any keyword table. The tables live with the code they configure and come in from outside.
//! It opens no certificate, map or socket, and asks no resolver.

mod keyword;
mod line;

pub use keyword::{Arity, Class, Entry, Keyword, Negation, Sections, State};
pub use line::{Line, Prefix, Word};
