//! ACLs and conditions: `acl NAME criterion ...`, `if`, `unless`, anonymous `{ }` (manual, 7.1 and 7.2).
//!
//! A condition is three-valued: true, false, or not yet, where a sample that it needs is still to come.

mod names;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;
use weir_config::Word;
use weir_diag::Diagnostic;

pub use names::{CRITERIA, Criterion};

use crate::observe::{self, AclSeen};
use crate::pattern::{Bounds, Comparing, Method, PatternList, PatternSet, User, View, parse_bounds};
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
    named: Arc<HashMap<Box<[u8]>, Lines>>,
}

/// The lines of one name; one of them is enough.
type Lines = Arc<Vec<AclExpr>>;

/// One `acl` line: an expression and the patterns its values are compared with.
#[derive(Clone, Debug)]
pub struct AclExpr {
    expr: Expr,
    /// What the criterion is called where it stands.
    name: Box<str>,
    method: Method,
    /// Its files, then what stands on the line itself.
    views: Vec<Arc<View>>,
}

/// A compiled condition.
#[derive(Clone, Debug)]
pub struct Condition {
    unless: bool,
    /// Alternatives; each holds where all of its terms do.
    terms: Vec<Vec<Term>>,
}

/// An ACL as a part of a condition.
#[derive(Clone, Debug)]
pub struct Term {
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
        load.acls = self.clone();
        let line = AclExpr::compile(rest, load).map_err(|e| e.shifted(1));
        load.acls = Self::default();
        let named = Arc::make_mut(&mut self.named).entry(name.bytes.clone()).or_default();
        Arc::make_mut(named).push(line?);
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
        let Some((criterion, rest)) = words.split_first() else {
            return Err(WordsError::new(0, "missing fetch method in ACL expression ''"));
        };
        let (text, implied) = names::underlying(&criterion.bytes);
        // Converters may follow as words of their own, which are patterns all the same.
        let compiled = match names::is_criterion(&criterion.bytes) {
            true => Expr::compile(&text, load).map_err(|error| WordsError { word: 0, error }),
            false => Expr::of_words(words, load).map(|(expr, _)| expr),
        };
        let expr = compiled.map_err(|mut e| {
            e.error.message = names::mistake(&criterion.text(), &e.error.message);
            e
        })?;
        // Only a method that the name shows (`path_beg`) can be missed; the others are those of the type.
        let text = criterion.text();
        let named = text.split(['(', ',']).next().unwrap_or_default();
        let shown = implied.filter(|m| !matches!(m, Method::Str | Method::Int | Method::Bin));
        let implied = implied.filter(|_| expr.is_plain());
        let mut flags = Flags::new(implied);
        let used = flags.read(rest, &criterion.text(), &expr, load).map_err(|e| e.shifted(1))?;
        let comparing = flags.comparing(&criterion.text(), &expr)?;
        let own = names::OWN_METHODS.contains(&named) && (flags.named || !expr.is_plain());
        if own || shown.is_some_and(|method| method != comparing.method) {
            load.warnings.push(format!(
                "original matching method '{named}' was overwritten and will not be applied as expected."
            ));
        }
        let values = rest.get(used..).unwrap_or_default();
        let patterns = patterns(values, comparing).map_err(|e| e.shifted(used + 1))?;
        let needs_none = matches!(comparing.method, Method::Found | Method::Bool);
        if rest.is_empty() && !needs_none {
            load.warnings.push(format!(
                "parsing acl keyword '{}' :\n  no pattern to match against were provided, so this ACL will never \
                 match.\n  If this is what you intended, please add '--' to get rid of this warning.\n  If you \
                 intended to match only for existence, please use '-m found'.\n  If you wanted to force an int to \
                 match as a bool, please use '-m bool'.\n",
                criterion.text()
            ));
        }
        let list = load.files.inline(named, load.user(), flags.id, &patterns);
        flags.files.push((0, list, comparing));
        let view = |(at, list, comparing): (usize, Arc<PatternList>, Comparing)| {
            list.view(comparing).map_err(|e| WordsError::new(at + 1, e))
        };
        let views = flags.files.into_iter().map(view).collect::<Result<_, _>>()?;
        Ok(Self { expr, name: named.into(), method: comparing.method, views })
    }

    /// Whether one of its values matches.
    pub fn test(&self, scope: &dyn Scope, scratch: &Scratch) -> Verdict {
        let matches = |value| {
            let matches = match self.method {
                Method::Found => true,
                _ => self.views.iter().any(|view| view.matches(value, scratch)),
            };
            observe::tell(|| AclSeen::Value(&self.name, value, matches));
            matches
        };
        let answer = self.expr.eval_each(scope, scratch, matches);
        let verdict = match answer {
            Lookup::Value(true) => Verdict::True,
            Lookup::Value(false) | Lookup::Absent => Verdict::False,
            Lookup::Partial(_) | Lookup::NotYet if !scope.is_final() => Verdict::NotYet,
            Lookup::Partial(_) | Lookup::NotYet => Verdict::False,
        };
        observe::tell(|| AclSeen::Verdict(&self.name, verdict));
        verdict
    }
}

/// What stands between a criterion and its values.
struct Flags {
    method: Option<Method>,
    named: bool,
    ignore_case: bool,
    ended: bool,
    map: bool,
    id: Option<u32>,
    /// The word that names each file, its list, and how samples are compared with it.
    files: Vec<(usize, Arc<PatternList>, Comparing)>,
}

// === impl Flags ===

impl Flags {
    const fn new(method: Option<Method>) -> Self {
        Self {
            method,
            named: false,
            ignore_case: false,
            ended: false,
            map: false,
            id: None,
            files: Vec::new(),
        }
    }

    /// Reads flags; returns how many words they took.
    fn read(
        &mut self,
        words: &[Word],
        criterion: &str,
        expr: &Expr,
        load: &mut Load<'_>,
    ) -> Result<usize, WordsError> {
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let text = word.text().into_owned();
            if !text.starts_with('-') {
                break;
            }
            let value = words.get(at + 1).map(|w| w.text().into_owned()).unwrap_or_default();
            at += 1;
            match text.as_str() {
                "--" => {
                    self.ended = true;
                    break;
                }
                "-i" => self.ignore_case = true,
                "-n" => {}
                "-M" => self.map = true,
                "-u" => {
                    let id = value.parse();
                    let error = |_| WordsError::new(at, "the argument of -u must be an integer");
                    self.id = Some(id.map_err(error)?);
                    at += 1;
                }
                "-m" => {
                    self.matching(&value, at)?;
                    at += 1;
                }
                "-f" => {
                    let comparing = self.comparing(criterion, expr)?;
                    let user = User { file: &load.at.0, line: load.at.1 };
                    let list = load.files.load(&value, self.map, user, load.names);
                    self.files.push((at, list.map_err(|e| WordsError::new(at, e))?, comparing));
                    at += 1;
                }
                _ => {
                    let message = format!(
                        "'{text}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'"
                    );
                    return Err(WordsError::new(at - 1, message));
                }
            }
        }
        Ok(at)
    }

    fn matching(&mut self, name: &str, at: usize) -> Result<(), WordsError> {
        if self.named {
            let message = "only one explicit matching method can be defined with '-m' parameter. \
                           if migrating from an old version, just keep the last one";
            return Err(WordsError::new(at, message));
        }
        let Some(method) = Method::named(name.as_bytes()) else {
            return Err(WordsError::new(
                at,
                format!("unknown matching method '{name}' when parsing ACL expression"),
            )
            .hint("found, bool, int, ip, bin, len, str, beg, sub, dir, dom, end, reg"));
        };
        self.method = Some(method);
        self.named = true;
        Ok(())
    }

    /// How samples are compared, as far as the flags were read.
    fn comparing(&self, criterion: &str, expr: &Expr) -> Result<Comparing, WordsError> {
        let output = expr.output();
        let Some(method) = self.method.or_else(|| Method::of(output)) else {
            let name = criterion.split(['(', ',']).next().unwrap_or_default();
            let message = format!(
                "matching method must be specified first (using '-m') when using a sample fetch of this type ('{name}')"
            );
            return Err(WordsError::new(0, message));
        };
        if !output.casts_to(method.compares()) {
            let name = method.name();
            let message = format!("matching method '{name}' cannot be used with fetch keyword '{criterion}'");
            return Err(WordsError::new(0, message));
        }
        Ok(Comparing { method, ignore_case: self.ignore_case, output: None })
    }
}

/// The patterns of an ACL line in their text form, without the operators where numbers are compared.
fn patterns(words: &[Word], comparing: Comparing) -> Result<Vec<Vec<u8>>, WordsError> {
    let mut set = PatternSet::new(comparing.method);
    let mut patterns = Vec::with_capacity(words.len());
    let numbers = matches!(comparing.method, Method::Int | Method::Len);
    let mut operator = Operator::Eq;
    let mut given = false;
    for (i, word) in words.iter().enumerate() {
        if numbers {
            if let Some(found) = Operator::named(&word.bytes) {
                (operator, given) = (found, true);
                continue;
            }
            let bounds = parse_bounds(&word.bytes).ok_or_else(|| {
                let text = word.text();
                let message = match (text.contains([':', '-']), given) {
                    (true, _) => format!("'{text}' is not a valid number range"),
                    (false, true) => format!("'{text}' is neither a number nor a supported operator"),
                    (false, false) => format!("'{text}' is not a number"),
                };
                WordsError::new(i, message)
            })?;
            patterns.push(match operator {
                Operator::Eq => word.bytes.to_vec(),
                _ => operator.apply(bounds).text().into_bytes(),
            });
            continue;
        }
        set.add(&word.bytes, comparing.ignore_case).map_err(|e| WordsError::new(i, e))?;
        patterns.push(word.bytes.to_vec());
    }
    Ok(patterns)
}

#[derive(Clone, Copy)]
enum Operator {
    Eq,
    Gt,
    Ge,
    Lt,
    Le,
}

// === impl Operator ===

impl Operator {
    const fn named(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"eq" => Self::Eq,
            b"gt" => Self::Gt,
            b"ge" => Self::Ge,
            b"lt" => Self::Lt,
            b"le" => Self::Le,
            _ => return None,
        })
    }

    fn apply(self, bounds: Bounds) -> Bounds {
        let (min, max) = (bounds.min, bounds.max);
        match self {
            Self::Eq => bounds,
            Self::Gt => Bounds { min: max.or(min).map(|n| n.saturating_add(1)), max: None },
            Self::Ge => Bounds { min: min.or(max), max: None },
            Self::Lt => Bounds { min: None, max: min.or(max).map(|n| n.saturating_sub(1)) },
            Self::Le => Bounds { min: None, max: max.or(min) },
        }
    }
}

// === impl Condition ===

impl Condition {
    /// Whether all that it reads is available at a place.
    pub fn fits(&self, place: crate::Place) -> bool {
        let mut lines = self.terms.iter().flatten().flat_map(|term| term.lines.iter());
        lines.all(|line| line.expr.validity().at(place))
    }

    /// Whether it reads bytes as such, which are not seen where they are HTTP.
    pub fn reads_bytes(&self) -> bool {
        let mut lines = self.terms.iter().flatten().flat_map(|term| term.lines.iter());
        lines.any(|line| line.expr.reads_bytes())
    }

    /// Compiles `if ...` or `unless ...`.
    pub fn compile(words: &[Word], acls: &Acls, load: &mut Load<'_>) -> Result<Self, WordsError> {
        let unless = words.first().is_some_and(|w| w.is("unless"));
        load.acls = acls.clone();
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
                if !load.gives(line.expr.validity()) {
                    load.warnings.push(format!(
                        "'anonymous acl will never match because it uses keyword '{}' which is incompatible with '{}''",
                        line.name,
                        load.place.name()
                    ));
                }
                Arc::new(vec![line])
            } else {
                named(text, acls, load).ok_or_else(|| {
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

/// The lines of a named ACL, predefined ones among them, with a warning where they can never match.
fn named(name: &[u8], acls: &Acls, load: &mut Load<'_>) -> Option<Arc<Vec<AclExpr>>> {
    let Some(lines) = acls.lines(name) else {
        let words = names::predefined(name)?;
        return AclExpr::compile(&words, load).ok().map(|line| Arc::new(vec![line]));
    };
    let shown = String::from_utf8_lossy(name);
    let place = load.place.name();
    let odd: Vec<&AclExpr> = lines.iter().filter(|line| !load.gives(line.expr.validity())).collect();
    match odd.first() {
        None => {}
        Some(_) if odd.len() == lines.len() => load.warnings.push(format!(
            "'acl '{shown}' will never match because it only involves keywords that are incompatible with '{place}''"
        )),
        Some(first) => load.warnings.push(format!(
            "'acl '{shown}' involves keywords '{}' which is incompatible with '{place}''",
            first.name
        )),
    }
    Some(lines)
}

/// Whether all of them hold.
pub(crate) fn all_of(terms: &[Term], scope: &dyn Scope, scratch: &Scratch) -> Verdict {
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

// === impl Term ===

impl Term {
    /// The ACL of that name, predefined ones among them; `!` before it negates it.
    pub(crate) fn named(text: &[u8], load: &mut Load<'_>) -> Option<Self> {
        let name = text.strip_prefix(b"!");
        let acls = load.acls.clone();
        let lines = named(name.unwrap_or(text), &acls, load)?;
        Some(Self { negated: name.is_some(), lines })
    }
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

    /// The same error with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
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
