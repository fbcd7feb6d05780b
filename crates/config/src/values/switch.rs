//! `on` and `off`.

use weir_diag::Diagnostic;

use crate::Line;

/// Whether the first argument of `line` is `on` (or `off`), with the usual message for anything else or nothing.
pub fn switch(line: &Line) -> Result<bool, Diagnostic> {
    let word = line.arg(0);
    match word.map(|w| &*w.bytes) {
        Some(b"on") => Ok(true),
        Some(b"off") => Ok(false),
        _ => {
            let got = word.map(|w| w.text()).unwrap_or_default();
            let at = word.map_or(line.name_span(), |w| w.span);
            Err(Diagnostic::alert(
                at,
                format!("'{}' expects either 'on' or 'off' but got '{got}'.", line.name()),
            ))
        }
    }
}
