//! What `weir lint` finds in the corpus, against `findings.tsv`: each finding there was read beside its file and is
//! true, for the reason that its row gives.
//!
//! A file that the table does not know was not read yet; what is found in it is told and judged by nobody.

use crate::Result;
use std::collections::{BTreeMap, BTreeSet};

/// A finding: the line, and the code of the rule.
pub(super) type Finding = (usize, String);

/// What the table says of a file. A file with nothing to find has a row with `-` for line and code.
pub(super) struct Judged(BTreeMap<String, BTreeSet<Finding>>);

/// The findings in what `weir lint` prints: `FILE:LINE:COLUMN: LEVEL[CODE NAME]: MESSAGE`, other lines between.
pub(super) fn told(report: &str) -> BTreeSet<Finding> {
    let finding = |line: &str| {
        let (place, rest) = line.split_once(": ")?;
        let code = rest.split_once('[')?.1.split_once(' ')?.0;
        let line = place.rsplit(':').nth(1)?.parse().ok()?;
        (code.len() == 4 && code.starts_with('W')).then(|| (line, code.to_owned()))
    };
    report.lines().filter(|line| !line.starts_with(' ')).filter_map(finding).collect()
}

// === impl Judged ===

impl Judged {
    /// # Errors
    /// A row without a reason.
    pub(super) fn read() -> Result<Self> {
        let mut judged: BTreeMap<String, BTreeSet<Finding>> = BTreeMap::new();
        for row in include_str!("findings.tsv").lines().skip(1) {
            let cells: Vec<&str> = row.split('\t').collect();
            let &[file, line, code, reason] = cells.as_slice() else {
                return Err(format!("findings.tsv: '{row}' has not four cells"));
            };
            if reason.is_empty() {
                return Err(format!("findings.tsv: '{row}' has no reason"));
            }
            let findings = judged.entry(file.to_owned()).or_default();
            if let Ok(line) = line.parse() {
                findings.insert((line, code.to_owned()));
            }
        }
        Ok(Self(judged))
    }

    /// How what was found in a file differs from what is true of it; nothing where the file was not judged.
    pub(super) fn differences(&self, file: &str, found: &BTreeSet<Finding>) -> Option<Vec<String>> {
        let expected = self.0.get(file)?;
        let alarms = found.difference(expected).map(|(line, code)| format!("{file}:{line}: {code} is new"));
        let lost = expected.difference(found).map(|(line, code)| format!("{file}:{line}: {code} is missed"));
        Some(alarms.chain(lost).collect())
    }
}
