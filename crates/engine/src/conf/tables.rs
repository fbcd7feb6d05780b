//! Stick tables and the sections of peers that declare some (manual, chapter 11), and the statuses that tables
//! count (3.1 "http-err-codes", "http-fail-codes").

use weir_diag::Span;
use weir_table::Spec;

/// A `stick-table` line of a proxy, or a `table` line of a `peers` section.
#[derive(Clone, Debug)]
pub struct StickTable {
    /// What it says. The name is that of the proxy, or `SECTION/NAME`.
    pub spec: Spec,
    /// `peers`: the section whose peers share it.
    pub peers: Option<String>,
    /// The `peers` section that declares it; a proxy does where there is none.
    pub section: Option<String>,
    /// Where it stands.
    pub at: Span,
}

/// A `peers` section.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub at: Span,
    /// `disabled`
    pub disabled: bool,
    /// Names of its peers.
    pub peers: Vec<String>,
    /// Those that are not this process: where they stand, and how they are named there.
    pub elsewhere: Vec<(Span, String)>,
    /// It says more than its name.
    pub has_lines: bool,
}

/// The statuses that tables count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedStatuses {
    /// `http-err-codes`
    pub errors: StatusSet,
    /// `http-fail-codes`
    pub failures: StatusSet,
}

/// A set of statuses of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSet([u64; WORDS]);

// === impl CountedStatuses ===

impl Default for CountedStatuses {
    fn default() -> Self {
        let mut failures = StatusSet::range(500, 599);
        for of_client in [501, 505] {
            failures.put(of_client, of_client, false);
        }
        Self { errors: StatusSet::range(400, 499), failures }
    }
}

// === impl StatusSet ===

impl StatusSet {
    /// The statuses from `low` to `high`.
    pub fn range(low: u16, high: u16) -> Self {
        let mut set = Self([0; WORDS]);
        set.put(low, high, true);
        set
    }

    /// Puts in, or takes out, the statuses from `low` to `high`.
    pub fn put(&mut self, low: u16, high: u16, inside: bool) {
        for status in low.max(FIRST)..=high.min(LAST) {
            let (word, bit) = place(status);
            if let Some(word) = self.0.get_mut(word) {
                *word = if inside { *word | bit } else { *word & !bit };
            }
        }
    }

    /// Whether a status is in it.
    pub fn has(&self, status: u16) -> bool {
        let (word, bit) = place(status);
        (FIRST..=LAST).contains(&status) && self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

fn place(status: u16) -> (usize, u64) {
    let at = status.saturating_sub(FIRST);
    (usize::from(at / 64), 1 << (at % 64))
}

/// Statuses that may be in a set.
const FIRST: u16 = 100;
const LAST: u16 = 599;
const WORDS: usize = 8;
