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
    /// Called an alert, and the configuration loads all the same.
    Complaint,
    /// The configuration does not load.
    Alert,
}

/// How the first line names the place; HAProxy has these shapes, and tools grep for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// `config : parsing [file:line] : message`, what most words print.
    #[default]
    Parsing,
    /// `config : parsing [file:line]: message`, without the space.
    Tight,
    /// `config : [file:line] : message`, what `server` lines print.
    Here,
    /// `Parsing [file:line]: message`, what formats print that are compiled after the files were read.
    Late,
    /// `parsing [file:line] : message`.
    Spaced,
    /// `[file:line] : message`.
    Place,
    /// `parsing [file:line]: message`, what arguments print that name nothing.
    Unresolved,
    /// `config : Parsing [file:line]: message`, what `log-profile` sections print of their formats.
    LateConfig,
    /// `config : message`; the place is shown in the excerpt only.
    Config,
    /// `message` alone; the place is shown in the excerpt only.
    Bare,
}

/// A message about a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// How the first line names the place.
    pub form: Form,
    /// What is wrong, in HAProxy's words where it has some (final dot included where it prints one).
    pub message: String,
    /// The words that it is about.
    pub at: Option<Span>,
    /// What to write instead, or what is allowed here.
    pub hint: Option<String>,
    /// Other places that belong to it, each with a label ("first defined here").
    pub related: Vec<(Span, String)>,
    /// At which step of a load it is given: 0 while lines are read, more when they are judged as a whole.
    pub step: u8,
}

// === impl Severity ===

impl Severity {
    /// The tag and the spaces after it, as HAProxy begins its lines: `[ALERT]    `.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Diag => "[DIAG]     ",
            Self::Notice => "[NOTICE]   ",
            Self::Warning => "[WARNING]  ",
            Self::Complaint | Self::Alert => "[ALERT]    ",
        }
    }
}

// === impl Diagnostic ===

impl Diagnostic {
    /// A message that keeps the configuration from loading.
    pub fn alert(at: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Alert, Some(at), message)
    }

    /// A message that HAProxy calls an alert and that does not keep the configuration from loading.
    pub fn complaint(at: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Complaint, Some(at), message)
    }

    /// A message that does not keep it from loading.
    pub fn warning(at: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(at), message)
    }

    /// A message for information.
    pub fn notice(at: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Notice, Some(at), message)
    }

    /// A message of any severity, with or without a place. Its form is [`Form::Parsing`] with a place and
    /// [`Form::Config`] without.
    pub fn new(severity: Severity, at: Option<Span>, message: impl Into<String>) -> Self {
        let form = if at.is_some() { Form::Parsing } else { Form::Config };
        Self { severity, form, message: message.into(), at, hint: None, related: Vec::new(), step: 0 }
    }

    /// Names the place in another way.
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Short for [`Form::Tight`]: no space between the place and the colon.
    #[must_use]
    pub fn tight(self) -> Self {
        self.form(Form::Tight)
    }

    /// Gives it at this step of a load.
    #[must_use]
    pub fn step(mut self, step: u8) -> Self {
        self.step = step;
        self
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
