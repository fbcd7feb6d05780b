//! What a load yields: sections of lines, checked for nothing but the grammar of chapter 2.

use crate::{Environment, Line, Sections, Word};

/// All sections of all files, in the order they were read. Old spellings are already modern.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The sections.
    pub sections: Vec<Section>,
    /// The environment as the last line left it: variables in addresses are the business of those who read them.
    pub environment: Environment,
}

/// A section: its header and the lines that follow it.
#[derive(Clone, Debug)]
pub struct Section {
    /// Which section it is, as one flag; empty for one that this program refuses (its lines mean nothing then).
    pub kind: Sections,
    /// The header: the section's keyword (also `header.words[0]`), its name and what follows.
    pub header: Line,
    /// The lines, conditional blocks resolved.
    pub lines: Vec<Line>,
}

// === impl Section ===

impl Section {
    /// The section's keyword as written: `frontend`.
    pub fn keyword(&self) -> String {
        self.header.words.first().map(|w| w.text().into_owned()).unwrap_or_default()
    }

    /// The word behind the keyword: the name of a proxy.
    pub fn name(&self) -> Option<&Word> {
        self.header.words.get(1)
    }

    /// The `from` of a proxy's header, and the name that follows it.
    pub fn from(&self) -> Option<&Word> {
        let words = self.header.words.get(1..)?;
        let at = words.iter().position(|w| w.is("from"))?;
        words.get(at + 1)
    }
}
