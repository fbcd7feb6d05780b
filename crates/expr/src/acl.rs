//! ACLs and conditions: `acl NAME criterion ...`, `if`, `unless`, anonymous `{ }` (manual, 7.1 and 7.2).
//!
//! A condition is three-valued: true, false, or not yet, where a sample that it needs is still to come.

use std::sync::Arc;

use hashbrown::HashMap;
use weir_config::Word;
use weir_diag::Diagnostic;

use crate::pattern::{Method, PatternSet};
use crate::{Error, Expr, Load, Lookup, Scope, Scratch};

/// What a condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Bytes that it needs are still to come.
    NotYet,
}

/// The named ACLs of a proxy.
#[derive(Clone, Debug, Default)]
pub struct Acls {
    named: HashMap<Box<[u8]>, Arc<Vec<AclExpr>>>,
}

/// One `acl` line: an expression and the patterns its values are compared with.
#[derive(Clone, Debug)]
pub struct AclExpr {
    expr: Expr,
    patterns: PatternSet,
}

/// A compiled condition.
#[derive(Clone, Debug)]
pub struct Condition {
    unless: bool,
    /// Alternatives; each holds where all of its terms do.
    terms: Vec<Vec<Term>>,
}

#[derive(Clone, Debug)]
struct Term {
    negated: bool,
    /// The lines of the ACL; one of them is enough.
    lines: Arc<Vec<AclExpr>>,
}

/// What is wrong with the words of a condition or an ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordsError {
    /// Which word.
    pub word: usize,
    /// What is wrong there.
    pub error: Error,
}

// === impl Acls ===

impl Acls {
    /// Adds an `acl` line: its words after `acl`, the name first.
    pub fn define(&mut self, words: &[Word], load: &mut Load<'_>) -> Result<(), WordsError> {
        let Some((name, rest)) = words.split_first() else {
            return Err(WordsError::new(0, "missing ACL name"));
        };
        let permitted = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.' | b':');
        if let Some(bad) = name.bytes.iter().find(|c| !permitted(c)) {
            let message =
                format!("character '{}' is not permitted in acl name '{}'", char::from(*bad), name.text());
            return Err(WordsError::new(0, message));
        }
        let line = AclExpr::compile(rest, load).map_err(|e| e.shifted(1))?;
        Arc::make_mut(self.named.entry(name.bytes.clone()).or_default()).push(line);
        Ok(())
    }

    /// The lines of an ACL.
    fn lines(&self, name: &[u8]) -> Option<Arc<Vec<AclExpr>>> {
        self.named.get(name).cloned()
    }
}

// === impl AclExpr ===

impl AclExpr {
    /// Compiles `criterion [flags] [operator] values`.
    pub fn compile(words: &[Word], load: &mut Load<'_>) -> Result<Self, WordsError> {
        let Some((criterion, values)) = words.split_first() else {
            return Err(WordsError::new(0, "missing fetch method in ACL expression ''"));
        };
        let expr = Expr::compile(&criterion.bytes, load).map_err(|mut e| {
            e.message = format!("{} in ACL expression '{}'", e.message, criterion.text());
            WordsError { word: 0, error: e }
        })?;
        let method = Method::of(expr.output()).unwrap_or(Method::Str);
        let mut patterns = PatternSet::new(method);
        for (i, value) in values.iter().enumerate() {
            patterns.add(&value.bytes, false).map_err(|e| WordsError::new(i + 1, e))?;
        }
        Ok(Self { expr, patterns })
    }

    /// Whether one of its values matches.
    pub fn test(&self, scope: &dyn Scope, scratch: &Scratch) -> Verdict {
        let answer = self.expr.eval_each(scope, scratch, |v| self.patterns.matches(v, scratch));
        match answer {
            Lookup::Value(true) => Verdict::True,
            Lookup::Value(false) | Lookup::Absent => Verdict::False,
            Lookup::Partial(_) | Lookup::NotYet if !scope.is_final() => Verdict::NotYet,
            Lookup::Partial(_) | Lookup::NotYet => Verdict::False,
        }
    }
}

// === impl Condition ===

impl Condition {
    /// Compiles `if ...` or `unless ...`.
    pub fn compile(words: &[Word], acls: &Acls, load: &mut Load<'_>) -> Result<Self, WordsError> {
        let unless = words.first().is_some_and(|w| w.is("unless"));
        let mut condition = Self { unless, terms: vec![Vec::new()] };
        let mut at = 1;
        let mut negated = false;
        while let Some(word) = words.get(at) {
            let mut text = &*word.bytes;
            if word.is("or") || word.is("||") {
                condition.terms.push(Vec::new());
                at += 1;
                continue;
            }
            while let Some(rest) = text.strip_prefix(b"!") {
                negated = !negated;
                text = rest;
            }
            at += 1;
            if text.is_empty() {
                continue;
            }
            let lines = if text == b"{" {
                let close = words.iter().skip(at).position(|w| w.is("}")).map(|n| at + n);
                let Some(close) = close else {
                    return Err(WordsError::new(at - 1, "missing closing '}' in condition"));
                };
                let inner = words.get(at..close).unwrap_or_default();
                let line = AclExpr::compile(inner, load).map_err(|e| e.shifted(at))?;
                at = close + 1;
                Arc::new(vec![line])
            } else {
                let found = acls.lines(text);
                found.ok_or_else(|| {
                    WordsError::new(at - 1, format!("no such ACL : '{}'", String::from_utf8_lossy(text)))
                })?
            };
            if let Some(last) = condition.terms.last_mut() {
                last.push(Term { negated, lines });
            }
            negated = false;
        }
        Ok(condition)
    }

    /// Whether the action is to be done.
    pub fn test(&self, scope: &dyn Scope, scratch: &Scratch) -> Verdict {
        let mut verdict = Verdict::False;
        for all in &self.terms {
            verdict = verdict.or(all_of(all, scope, scratch));
            if verdict == Verdict::True {
                break;
            }
        }
        if self.unless { verdict.not() } else { verdict }
    }
}

fn all_of(terms: &[Term], scope: &dyn Scope, scratch: &Scratch) -> Verdict {
    let mut all = Verdict::True;
    for term in terms {
        let mut one = Verdict::False;
        for line in term.lines.iter() {
            one = one.or(line.test(scope, scratch));
            if one == Verdict::True {
                break;
            }
        }
        all = all.and(if term.negated { one.not() } else { one });
        if all == Verdict::False {
            break;
        }
    }
    all
}

// === impl Verdict ===

impl Verdict {
    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::NotYet, _) | (_, Self::NotYet) => Self::NotYet,
            _ => Self::True,
        }
    }

    /// One or the other.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::NotYet, _) | (_, Self::NotYet) => Self::NotYet,
            _ => Self::False,
        }
    }

    /// The opposite.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "three values are no boolean")]
    pub const fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::NotYet => Self::NotYet,
        }
    }
}

// === impl WordsError ===

impl WordsError {
    /// An error about a whole word.
    pub fn new(word: usize, message: impl Into<String>) -> Self {
        Self { word, error: Error::new(message, 0, usize::MAX) }
    }

    /// The same error of words that begin `n` later.
    #[must_use]
    pub const fn shifted(mut self, n: usize) -> Self {
        self.word += n;
        self
    }

    /// An alert at the word, `prefix` before the message. `words` are those that were given.
    pub fn alert(self, words: &[Word], prefix: &str) -> Diagnostic {
        match words.get(self.word).or(words.last()) {
            Some(word) => self.error.alert(word, prefix),
            None => {
                Diagnostic::new(weir_diag::Severity::Alert, None, format!("{prefix}{}", self.error.message))
            }
        }
    }
}
