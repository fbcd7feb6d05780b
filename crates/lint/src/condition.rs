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
        if self.unless {
            return self
                .groups
                .iter()
                .any(|g| g.is_empty() || g.iter().all(|t| t == "TRUE" || t == "!FALSE"));
        }
        let contradicts = |g: &BTreeSet<String>| {
            g.iter().any(|t| t == "FALSE" || t == "!TRUE" || g.contains(&format!("!{t}")))
        };
        self.groups.iter().all(contradicts)
    }

    /// Whether every request makes it true.
    pub(crate) fn is_always(&self) -> bool {
        if self.unless {
            return self.groups.iter().all(|g| g.contains("FALSE") || g.contains("!TRUE"));
        }
        self.groups.iter().any(|g| !g.is_empty() && g.iter().all(|t| t == "TRUE" || t == "!FALSE"))
    }

    /// Whether it holds wherever `other` holds, as far as its words tell.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        if self.unless || other.unless {
            return self == other;
        }
        other.groups.iter().all(|wide| self.groups.iter().any(|g| !g.is_empty() && g.is_subset(wide)))
    }

    /// Whether a term of this text, negated or not, is asked.
    pub(crate) fn asks(&self, accept: impl Fn(&str) -> bool) -> bool {
        self.groups.iter().flatten().any(|t| accept(t))
    }
}
