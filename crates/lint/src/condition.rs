//! Conditions as sets of terms, to compare them.

use std::collections::BTreeSet;

/// A condition: groups of terms, one of which must hold whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    unless: bool,
    groups: Vec<BTreeSet<String>>,
}

impl Terms {
    /// The condition behind the last `if` or `unless` of a line's words, and where it starts.
    pub(crate) fn of(words: &[String]) -> Option<(usize, Self)> {
        let at = words.iter().rposition(|w| w == "if" || w == "unless").filter(|at| *at > 0)?;
        let mut groups = vec![BTreeSet::new()];
        let mut rest = words.get(at + 1..).unwrap_or_default();
        let mut negated = false;
        while let Some((word, tail)) = rest.split_first() {
            rest = tail;
            if word == "||" || word.eq_ignore_ascii_case("or") {
                groups.push(BTreeSet::new());
                continue;
            }
            let bare = word.trim_start_matches('!');
            negated ^= (word.len() - bare.len()) % 2 == 1;
            let term = match bare {
                "" => continue,
                "{" => {
                    let end = rest.iter().position(|w| w == "}").unwrap_or(rest.len());
                    let (inner, tail) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                    rest = tail.get(1..).unwrap_or_default();
                    format!("{{ {} }}", inner.join(" "))
                }
                name => name.to_owned(),
            };
            if let Some(group) = groups.last_mut() {
                group.insert(format!("{}{term}", if negated { "!" } else { "" }));
            }
            negated = false;
        }
        let unless = words.get(at).is_some_and(|w| w == "unless");
        Some((at, Self { unless, groups }))
    }

    /// Whether no request makes it true.
    pub(crate) fn is_never(&self) -> bool {
        self.outcome(|_| None) == Some(false)
    }

    /// Whether every request makes it true.
    pub(crate) fn is_always(&self) -> bool {
        self.outcome(|_| None) == Some(true)
    }

    /// What the condition comes to in every case, where what some of its terms come to is known. Nothing where it
    /// depends on the others.
    pub(crate) fn outcome(&self, known: impl Fn(&str) -> Option<bool>) -> Option<bool> {
        let bare = |term: &str| match term {
            "TRUE" => Some(true),
            "FALSE" => Some(false),
            other => known(other),
        };
        let term = |term: &str| term.strip_prefix('!').map_or_else(|| bare(term), |t| bare(t).map(|is| !is));
        let group = |terms: &BTreeSet<String>| {
            if terms.iter().any(|t| term(t) == Some(false) || terms.contains(&format!("!{t}"))) {
                Some(false)
            } else {
                (!terms.is_empty() && terms.iter().all(|t| term(t) == Some(true))).then_some(true)
            }
        };
        let groups: Vec<Option<bool>> = self.groups.iter().map(group).collect();
        let holds = if groups.contains(&Some(true)) {
            Some(true)
        } else {
            groups.iter().all(|g| *g == Some(false)).then_some(false)
        };
        holds.map(|holds| holds != self.unless)
    }

    /// Whether it holds wherever `other` holds, as far as its words tell.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        if self.unless || other.unless {
            return self == other;
        }
        other.groups.iter().all(|wide| self.groups.iter().any(|g| !g.is_empty() && g.is_subset(wide)))
    }
}
