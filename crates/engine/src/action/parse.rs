//! The words of one rule, read from left to right by its action.

use std::sync::Arc;
use std::time::Duration;

use weir_config::{Word, values};
use weir_expr::{Condition, Expr, Format, Load, Place, Purpose, Side, WordsError};

use super::judge::Late;
use super::reply::Sections;
use super::{Action, RuleSet, Slot};
use crate::conf::{Caps, StickTable};
use crate::filter::Filter;
use crate::keywords::Outside;

/// What the function of an action reads from.
pub(crate) struct Parse<'p, 'l> {
    /// All words of the line.
    pub(crate) words: &'p [Word],
    /// The next word to be read.
    pub(crate) at: usize,
    /// The word that names the action.
    pub(crate) name: usize,
    pub(crate) set: RuleSet,
    pub(crate) caps: Caps,
    pub(crate) load: &'p mut Load<'l>,
    /// Files.
    pub(crate) outside: &'p dyn Outside,
    /// The sections that answers are taken from.
    pub(crate) http_errors: Sections<'p>,
    /// The names of the `log-profile` sections.
    pub(crate) log_profiles: &'p [String],
    /// The stick tables, by number.
    pub(crate) tables: &'p [Arc<StickTable>],
    /// `tune.stick-counters`
    pub(crate) counters: u32,
    /// What is judged when all lines of the proxy are read.
    pub(crate) late: &'p mut Late,
    /// The filters of the proxy.
    pub(crate) filters: &'p [Filter],
    /// What the proxy keeps for the log, of requests and of responses.
    pub(crate) kept: &'p mut [Vec<Slot>; 2],
}

/// What reading an action gives.
pub(crate) type Parsed = Result<Box<dyn Action>, WordsError>;

// === impl Parse ===

impl<'p> Parse<'p, '_> {
    /// The next word, unless the condition begins there.
    pub(crate) fn peek(&self) -> Option<&'p Word> {
        self.words.get(self.at).filter(|w| !is_condition(w))
    }

    /// Takes the next word, unless the condition begins there.
    pub(crate) fn next(&mut self) -> Option<&'p Word> {
        let word = self.peek()?;
        self.at += 1;
        Some(word)
    }

    /// Takes the next word, whatever it is: where one has to stand, `if` is a word as any other.
    pub(crate) fn take(&mut self) -> Option<&'p Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// Whether no word follows, of a condition neither.
    pub(crate) fn is_over(&self) -> bool {
        self.at >= self.words.len()
    }

    /// Takes the next word where it is this one.
    pub(crate) fn eat(&mut self, text: &str) -> bool {
        let found = self.peek().is_some_and(|w| w.is(text));
        self.at += usize::from(found);
        found
    }

    /// An error about the word that was read last.
    pub(crate) fn error(&self, message: impl Into<String>) -> WordsError {
        WordsError::new(self.at.saturating_sub(1), message)
    }

    /// The next word, or this error.
    pub(crate) fn expect(&mut self, message: &str) -> Result<&'p Word, WordsError> {
        match self.take() {
            Some(word) => Ok(word),
            None => Err(self.error(message)),
        }
    }

    /// What the proxy keeps of one side.
    pub(crate) fn slots(&mut self, side: Side) -> &mut Vec<Slot> {
        let [request, response] = &mut *self.kept;
        match side {
            Side::Client => request,
            Side::Server => response,
        }
    }

    /// What stands in the parentheses of the action's name.
    pub(crate) fn inner(&self) -> Option<&'p [u8]> {
        let name = &self.words.get(self.name)?.bytes;
        let open = name.iter().position(|c| *c == b'(')?;
        name.get(open + 1..)?.strip_suffix(b")")
    }

    /// The next word as a format.
    pub(crate) fn format(&mut self, purpose: Purpose, missing: &str) -> Result<Format, WordsError> {
        let word = self.expect(missing)?;
        let at = self.at - 1;
        Format::compile(&word.bytes, purpose, self.load).map_err(|error| WordsError { word: at, error })
    }

    /// The next word as a time in milliseconds where a digit begins it; `rule` is what messages call the rule.
    /// Nothing where it may be an expression.
    pub(crate) fn written_time(&mut self, rule: &str) -> Result<Option<Duration>, WordsError> {
        let Some(word) = self.words.get(self.at) else { return Ok(None) };
        if !word.bytes.first().is_some_and(u8::is_ascii_digit) && self.is_expr() {
            return Ok(None);
        }
        self.at += 1;
        match values::parse_time(&word.bytes, values::Unit::Milliseconds) {
            Ok(time) => Ok(Some(time.duration)),
            Err(values::TimeFault::Unexpected(c)) => {
                Err(self.error(format!("unexpected character '{c}' in rule '{rule}'")))
            }
            Err(values::TimeFault::Overflow) => Err(self.error(format!(
                "timer overflow in argument '{}' to rule '{rule}' (maximum value is 2147483647 ms or ~24.8 days)",
                word.text()
            ))),
        }
    }

    /// Whether the next word is an expression.
    fn is_expr(&mut self) -> bool {
        let at = self.at;
        let found = self.lax_expr();
        self.at = at;
        // One whose names are not there is one all the same.
        found.is_ok() || found.is_err_and(|e| e.error.message.contains(" referenced in arg "))
    }

    /// The next words as an expression: a word of its own, and converters behind it.
    pub(crate) fn expr(&mut self) -> Result<Expr, WordsError> {
        let (at, word) = (self.at, self.words.get(self.at));
        let expr = self.lax_expr()?;
        let Some(word) = word else { return Ok(expr) };
        expr.check_place(self.load).map_err(|m| WordsError::new(at, self.misplaced(word, &m)))?;
        Ok(expr)
    }

    /// The next words as an expression that is not asked where it stands.
    pub(crate) fn lax_expr(&mut self) -> Result<Expr, WordsError> {
        let (at, words) = (self.at, self.words.get(self.at..).unwrap_or_default());
        if words.is_empty() {
            return Err(self.error("missing fetch method"));
        }
        let (expr, taken) = Expr::of_words(words, self.load).map_err(|e| e.shifted(at))?;
        self.at += taken;
        Ok(expr)
    }

    /// Reads something of the next word alone.
    pub(crate) fn alone<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let words = self.words;
        self.words = words.get(..=self.at).unwrap_or(words);
        let found = read(self);
        self.words = words;
        found
    }

    /// The next words as an expression that is judged as those of requests are, whatever the set of rules.
    pub(crate) fn request_expr(&mut self) -> Result<Expr, WordsError> {
        let place = Place::request(self.caps.contains(Caps::FRONTEND), true);
        let other = place.counterpart().filter(|_| self.caps == Caps::LISTEN);
        self.at_place(place, other, Self::expr)
    }

    /// Reads something that may know of a request what a frontend does, in a backend too.
    pub(crate) fn as_frontend<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        if !matches!(self.set, RuleSet::TcpContent | RuleSet::HttpRequest | RuleSet::Stats) {
            return read(self);
        }
        self.at_place(Place::request(true, self.set.is_http()), None, read)
    }

    fn at_place<T>(&mut self, place: Place, other: Option<Place>, read: impl FnOnce(&mut Self) -> T) -> T {
        let own = (self.load.place, self.load.other);
        (self.load.place, self.load.other) = (place, other);
        let found = read(self);
        (self.load.place, self.load.other) = own;
        found
    }

    /// The error for the expression of this word, which has nothing to read in this set of rules.
    pub(crate) fn misplaced_word(&self, at: usize, word: &Word, reason: &str) -> WordsError {
        let needs = reason.split_once("needs '").and_then(|(_, rest)| rest.split_once('\''));
        let needs = needs.map_or("", |(needs, _)| needs);
        let shown = word.text();
        let message = format!(
            "fetch method '{shown}' extracts information from '{needs}', none of which is available here"
        );
        WordsError::new(at, message)
    }

    /// The message for an expression whose fetch has nothing to read in this set of rules.
    fn misplaced(&self, word: &Word, message: &str) -> String {
        let needs = message.split_once("needs '").and_then(|(_, rest)| rest.split_once('\''));
        let Some((needs, _)) = needs else { return message.to_owned() };
        let action = self.words.get(self.name).map(Word::text).unwrap_or_default();
        let called = CALLED_BY_ACTION.iter().any(|prefix| action.starts_with(prefix));
        let name = if called { action } else { word.text() };
        format!("fetch method '{name}' extracts information from '{needs}', none of which is available here")
    }

    /// The condition that ends the line.
    pub(crate) fn condition(&mut self, acls: &weir_expr::Acls) -> Result<Option<Condition>, WordsError> {
        let words = self.words.get(self.at..).unwrap_or_default();
        if words.is_empty() {
            return Ok(None);
        }
        Condition::compile(words, acls, self.load).map(Some).map_err(|e| e.shifted(self.at))
    }
}

/// Actions whose name stands in messages for the expression.
const CALLED_BY_ACTION: [&str; 8] = [
    "set-var",
    "set-mark",
    "set-tos",
    "set-fc-mark",
    "set-fc-tos",
    "set-bc-mark",
    "set-bc-tos",
    "set-priority-",
];

/// Whether a condition begins with this word.
pub(crate) fn is_condition(word: &Word) -> bool {
    word.is("if") || word.is("unless")
}

/// A number that takes the whole word, in C's notation: decimal, octal or hexadecimal.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let n = match hex {
        Some(hex) => i64::from_str_radix(hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8),
        None => digits.parse(),
    };
    n.ok().filter(|_| digits.as_bytes().first().is_some_and(u8::is_ascii_digit)).map(|n| sign * n)
}

/// A number as C's `atoi` reads it.
pub(crate) fn number(word: &Word) -> i64 {
    values::leading_integer(&word.bytes)
}
