//! Old spellings.
use crate::{Line, Sections};
use weir_diag::Diagnostics;

/// The modern lines for a line.
pub(crate) fn modernise(line: Line, _section: Sections, _out: &mut Diagnostics) -> Vec<Line> {
    vec![line]
}

/// Takes what no longer stands in a header out of it and returns the lines that it became.
pub(crate) fn header(_header: &mut Line, _section: Sections, _out: &mut Diagnostics) -> Vec<Line> {
    Vec::new()
}
