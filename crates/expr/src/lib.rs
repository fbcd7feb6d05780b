//! Samples, fetches, converters, patterns, ACLs, maps, variables and log formats: chapters 7 and 8.2.6 of the
//! configuration manual.
//!
//! Texts of a configuration are compiled once, with a [`Load`] that knows the words and the names, into
//! [`Expr`], [`Condition`] and [`Format`]. These are evaluated against a [`Scope`], which the engine
//! implements for its transaction, with a [`Scratch`] for computed strings. The room is sans-IO: it opens no
//! socket and reads no clock, and evaluating allocates nothing in the steady state.

mod acl;
pub mod args;
#[cfg(test)]
mod cases;
mod conv;
pub mod date;
mod expr;
mod fetch;
pub mod hash;
pub mod keyword;
mod load;
pub mod logformat;
pub mod observe;
pub mod pattern;
mod place;
pub mod regex;
pub mod scope;
mod scratch;
#[cfg(test)]
mod testing;
mod value;
mod vars;

pub use acl::{AclExpr, Acls, CRITERIA, Condition, Criterion, Verdict, WordsError};
pub use conv::CONVERTERS;
pub use expr::Expr;
pub use fetch::FETCHES;
pub use keyword::{Eval, Words};
pub use load::{Error, Load, Names, NoNames, TokenAlgorithms};
pub use logformat::{Format, Purpose};
pub use pattern::PatternFiles;
pub use place::{Needs, Place, Validity};
pub use scope::{NoScope, Scope, Side};
pub use scratch::{Buffer, Scratch};
pub use value::{Lookup, Type, Value};
pub use vars::{VarRef, VarScope, Vars, When};
