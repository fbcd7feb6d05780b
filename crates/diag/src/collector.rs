//! All messages of one load, in the order they came up.

use crate::{Diagnostic, Severity};

/// An ordered list of messages, counted by severity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds a message.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds the message of an `Err` and returns the value of an `Ok`: for parsers that report and go on.
    pub fn take<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(diagnostic) => {
                self.push(diagnostic);
                None
            }
        }
    }

    /// Takes away and returns what came after the first `len` messages.
    pub fn split_off(&mut self, len: usize) -> Vec<Diagnostic> {
        self.list.split_off(len.min(self.list.len()))
    }

    /// Brings the messages into the order of a load: first those of lines, as the lines stand, then those of the whole
    /// as they came up. Where a line is wrong, warnings of the whole would only tell what follows from it: they go.
    pub fn arrange(&mut self) {
        let (mut read, whole): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.list).into_iter().partition(|d| d.step == 0);
        read.sort_by_key(|d| d.at.map(|at| (at.source, at.line)));
        let wrong = read.iter().any(|d| d.severity == Severity::Alert);
        self.list = read;
        self.list.extend(whole.into_iter().filter(|d| !wrong || d.severity == Severity::Alert));
    }

    /// How many messages have exactly this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|d| d.severity == severity).count()
    }

    /// The gravest severity there is.
    pub fn worst(&self) -> Option<Severity> {
        self.list.iter().map(|d| d.severity).max()
    }

    /// Whether one of them keeps the configuration from loading.
    pub fn is_fatal(&self) -> bool {
        self.worst() == Some(Severity::Alert)
    }

    /// All messages, in the order they came up.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, iter: I) {
        self.list.extend(iter);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
