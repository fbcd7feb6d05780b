//! The answers of a proxy in the place of built-in ones, read when the configuration is compiled (manual, 4.2
//! "errorfile", "errorloc", "errorfiles").

use weir_http::answers::Answer;

use crate::conf::{ErrorFile, ErrorSource, RedirectCode};

/// A proxy's own answers.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    by_status: Vec<(u16, Answer)>,
}

// === impl Answers ===

impl Answers {
    /// Reads them; of several for a status the last one counts. A file that is no answer is left out, as its
    /// keyword has refused it.
    pub fn compile(files: &[ErrorFile]) -> Self {
        let read = |file: &ErrorFile| {
            let answer = match &file.source {
                ErrorSource::File { bytes, .. } => Answer::parse(bytes).ok()?,
                ErrorSource::Redirect { code, location } => {
                    let status = match code {
                        RedirectCode::Found302 => 302,
                        RedirectCode::SeeOther303 => 303,
                    };
                    Answer::redirect(status, location.as_bytes())
                }
            };
            Some((file.status, answer))
        };
        Self { by_status: files.iter().rev().filter_map(read).collect() }
    }

    /// The answer for a status.
    pub fn find(&self, status: u16) -> Option<&Answer> {
        self.by_status.iter().find(|(s, _)| *s == status).map(|(_, a)| a)
    }
}
