//! One message and what belongs to it.

use crate::Span;

/// How much a message matters, in HAProxy's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Shown with `-dD` only: a hint about style.
    Diag,
    /// For information; never fatal.
    Notice,
    /// The configuration loads; fatal under `-dW` and `zero-warning`.
    Warning,
    /// The configuration does not load.
    Alert,
}

/// A message about a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in HAProxy's words where it has some, without place and without final dot.
    pub message: String,
    /// The words that it is about.
    pub at: Option<Span>,
    /// What to write instead, or what is allowed here.
    pub hint: Option<String>,
    /// Other places that belong to it, each with a label ("first defined here").
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    /// A message that keeps the configuration from loading.
    pub fn alert(at: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Alert, Some(at), message)
    }

    /// A message that does not keep it from loading.
    pub fn warning(at: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(at), message)
    }

    /// A message for information.
    pub fn notice(at: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Notice, Some(at), message)
    }

    /// A message of any severity, with or without a place.
    pub fn new(severity: Severity, at: Option<Span>, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), at, hint: None, related: Vec::new() }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds another place that belongs to it.
    #[must_use]
    pub fn related(mut self, at: Span, label: impl Into<String>) -> Self {
        self.related.push((at, label.into()));
        self
    }
}
