//! Which responders are asked when, and what came of it (manual, 12.7.1 "ocsp-update"; management manual, 9.3 "show ssl
//! ocsp-updates").
//!
//! Times are seconds since 1970, and come in.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of the questions about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How responders know it.
    pub identity: Vec<u8>,
    /// The file of the certificate.
    pub path: String,
    /// When it is asked about next; `None` for as soon as may be.
    pub next: Option<i64>,
    /// When an answer was taken last.
    pub last: Option<i64>,
    /// How many answers were of use.
    pub successes: u32,
    /// How many were not.
    pub failures: u32,
    /// What came of the last question.
    pub outcome: Outcome,
    /// Somebody wishes that it is asked about.
    wished: bool,
    /// It is not asked about otherwise.
    once: bool,
}

/// What came of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// None was asked.
    #[default]
    Unknown,
    /// The response is used, until this time.
    Done(i64),
    /// There is no answer.
    NoAnswer,
    /// The answer does not say that it is one.
    NotDeclared,
    /// The response is no good.
    Unchecked(String),
    /// It is about something else.
    NotTaken(String),
}

/// A question that is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// About whom.
    pub identity: Vec<u8>,
    /// The file of the certificate.
    pub path: String,
}

/// The questions of a configuration.
#[derive(Debug, Default)]
pub struct Updates(Mutex<Vec<Row>>);

// === impl Outcome ===

impl Outcome {
    /// Its number.
    pub fn number(&self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Done(_) => 1,
            Self::NoAnswer => 2,
            Self::NotDeclared => 3,
            Self::Unchecked(_) => 4,
            Self::NotTaken(_) => 5,
        }
    }

    /// Its words.
    pub fn text(&self) -> String {
        match self {
            Self::Unknown => "Unknown".to_owned(),
            Self::Done(_) => "Update successful".to_owned(),
            Self::NoAnswer => "HTTP error".to_owned(),
            Self::NotDeclared => "Missing \"ocsp-response\" header".to_owned(),
            Self::Unchecked(why) => format!("OCSP response check failure ({why})"),
            Self::NotTaken(why) => format!("Error during insertion ({why})"),
        }
    }
}

// === impl Updates ===

impl Updates {
    /// A certificate is asked about from time to time; first at `next`, at once where there is none.
    pub fn add(&self, identity: &[u8], path: &str, next: Option<i64>) {
        let mut rows = self.lock();
        if !rows.iter().any(|row| row.identity == identity) {
            rows.push(Row::new(identity, path, next));
        }
    }

    /// A certificate is asked about now, whether it is otherwise or not.
    pub fn hurry(&self, identity: &[u8], path: &str) {
        let mut rows = self.lock();
        match rows.iter_mut().find(|row| row.identity == identity) {
            Some(row) => (row.next, row.outcome, row.wished) = (None, Outcome::Unknown, true),
            None => rows.push(Row { once: true, wished: true, ..Row::new(identity, path, None) }),
        }
    }

    /// Whether there is anything to ask, ever.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// What is to be asked at `now`, where something is; otherwise the seconds until then. `only_wishes` where nothing is
    /// asked by itself.
    pub fn due(&self, now: i64, only_wishes: bool) -> Result<Due, Option<i64>> {
        let rows = self.lock();
        let counted = rows.iter().filter(|row| row.wished || !only_wishes);
        let first = counted.min_by_key(|row| row.next).ok_or(None)?;
        match first.next {
            Some(next) if next > now => Err(Some(next - now)),
            _ => Ok(Due { identity: first.identity.clone(), path: first.path.clone() }),
        }
    }

    /// Keeps what came of a question; how often it failed and succeeded so far. It is asked again after `delays`, at
    /// least and at most.
    pub fn settle(&self, identity: &[u8], outcome: Outcome, now: i64, delays: (i64, i64)) -> (u32, u32) {
        let mut rows = self.lock();
        let Some(at) = rows.iter().position(|row| row.identity == identity) else { return (0, 0) };
        let Some(row) = rows.get_mut(at) else { return (0, 0) };
        let (least, most) = delays;
        (row.next, row.wished) = (Some(now + most), false);
        if let Outcome::Done(until) = outcome {
            row.next = Some(until.min(now + most).max(now + least));
            row.last = Some(now);
            row.successes += 1;
        } else {
            row.failures += 1;
        }
        row.outcome = outcome;
        let counts = (row.failures, row.successes);
        if row.once {
            rows.remove(at);
        }
        counts
    }

    /// What is known, the next first.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = self.lock().clone();
        rows.sort_by_key(|row| row.next);
        rows
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Row ===

impl Row {
    fn new(identity: &[u8], path: &str, next: Option<i64>) -> Self {
        Self {
            identity: identity.to_vec(),
            path: path.to_owned(),
            next,
            last: None,
            successes: 0,
            failures: 0,
            outcome: Outcome::Unknown,
            wished: false,
            once: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_asked_about_in_turn() {
        let updates = Updates::default();
        assert_eq!(updates.due(100, false), Err(None));
        updates.add(b"a", "a.pem", None);
        updates.add(b"b", "b.pem", Some(110));
        updates.add(b"b", "other.pem", None);
        assert_eq!(updates.due(100, false).map(|due| due.path), Ok("a.pem".to_owned()));
        assert_eq!(updates.settle(b"a", Outcome::NoAnswer, 100, (5, 60)), (1, 0));
        assert_eq!(updates.due(100, false), Err(Some(10)));
        assert_eq!(updates.due(110, true), Err(None), "nobody wishes anything");
        assert_eq!(updates.due(110, false).map(|due| due.path), Ok("b.pem".to_owned()));
        for (until, next) in [(111, 115), (130, 130), (999, 170)] {
            updates.settle(b"b", Outcome::Done(until), 110, (5, 60));
            assert_eq!(updates.rows().iter().find(|row| row.path == "b.pem").unwrap().next, Some(next));
        }
        updates.hurry(b"c", "c.pem");
        assert_eq!(updates.due(110, true).map(|due| due.path), Ok("c.pem".to_owned()));
        updates.settle(b"c", Outcome::NoAnswer, 110, (5, 60));
        assert_eq!(updates.rows().len(), 2, "what was asked once is not asked again");
    }
}
