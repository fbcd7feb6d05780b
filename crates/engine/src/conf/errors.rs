//! Answers of our own that a user replaced: `errorfile`, `errorloc*`, `errorfiles`, `http-errors`.

use std::sync::Arc;

use weir_diag::Span;

/// What is answered in the place of a built-in error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorFile {
    /// The status whose answer this is.
    pub status: u16,
    /// The answer.
    pub source: ErrorSource,
    /// Where it stands in the configuration.
    pub at: Span,
}

/// Where an answer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorSource {
    /// `errorfile`: the bytes of the file, sent as they are; the path is kept for messages.
    File {
        /// The file's path.
        path: String,
        /// What was in it.
        bytes: Arc<[u8]>,
    },
    /// `errorloc`, `errorloc302`, `errorloc303`
    Redirect {
        /// Which answer it is.
        code: RedirectCode,
        /// The `Location`.
        location: String,
    },
}

/// The status of an `errorloc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the status of its name")]
pub enum RedirectCode {
    Found302,
    SeeOther303,
}

/// An `http-errors` section (manual, 12.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpErrors {
    /// Its name.
    pub name: String,
    /// Its answers.
    pub files: Vec<ErrorFile>,
}
