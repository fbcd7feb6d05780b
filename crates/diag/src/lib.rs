//! Diagnostics: source spans, messages with a caret and a hint, rendering for terminals and logs.
//!
//! Every message about a configuration is a [`Diagnostic`]. It keeps HAProxy's first line, so that tools
//! that grep go on working, and adds what a person needs: the place, what is allowed there, what was meant.
//! Parsers collect them in [`Diagnostics`] and go on, so that one run shows all errors of a file.
//! This room knows nothing of the configuration language.

mod collector;
mod diagnostic;
mod excerpt;
mod nearest;
mod render;
mod span;
mod system;

pub use collector::Diagnostics;
pub use diagnostic::{Diagnostic, Form, Severity};
pub use nearest::nearest;
pub use render::{Renderer, Report, first_line};
pub use span::{Source, SourceId, Sources, Span};
pub use system::system_words;
