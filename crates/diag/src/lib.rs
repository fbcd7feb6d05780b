//! Diagnostics: source spans, messages with a caret and a hint, rendering for terminals and logs.
//!
//! Every message about a configuration is a [`Diagnostic`]. It keeps HAProxy's first line, so that tools
//! that grep go on working, and adds what a person needs: the place, what is allowed there, what was meant.
//! This room knows nothing of the configuration language.

mod diagnostic;
mod span;

pub use diagnostic::{Diagnostic, Severity};
pub use span::{Source, SourceId, Sources, Span};
