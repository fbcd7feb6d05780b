//! Lists of certificates as they are at run time (management manual, 9.3 "show ssl crt-list", "add ssl crt-list").

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A line of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListLine {
    /// Its number in the file; those that came at run time go on counting.
    pub number: usize,
    /// The certificate's file.
    pub path: String,
    /// Its options as they are shown; empty for none.
    pub options: String,
    /// The brackets are shown though there are none: a store describes the certificate, and the configuration shows it.
    pub bracketed: bool,
    /// The names, as written.
    pub filters: Vec<String>,
}

/// The lists by their names, folders of certificates among them.
#[derive(Debug, Default)]
pub struct Lists(Mutex<BTreeMap<String, List>>);

/// A list, and what became of it.
#[derive(Clone, Debug, Default)]
struct List {
    lines: Vec<ListLine>,
    /// Its lines when it was read.
    read: Vec<ListLine>,
    /// Lines that came since, with their texts.
    added: Vec<(ListLine, Vec<u8>)>,
}

/// What an operator did to a list that its file does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListChanges {
    /// The list.
    pub name: String,
    /// The texts of lines that came.
    pub added: Vec<Vec<u8>>,
    /// Lines of the file that are gone.
    pub removed: Vec<ListLine>,
}

/// Why a line is not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// There is no such list.
    List,
    /// No line has this certificate.
    Certificate,
    /// These lines have it.
    Several(Vec<usize>),
    /// It is on these lines, not on the one that was named.
    Elsewhere(Vec<usize>),
}

// === impl ListLine ===

impl ListLine {
    /// As `show ssl crt-list` shows it, with its number where that is wanted.
    pub fn text(&self, numbered: bool) -> String {
        let mut text = self.path.clone();
        if numbered {
            text.push_str(&format!(":{}", self.number));
        }
        if !self.options.is_empty() || self.bracketed {
            text.push_str(&format!(" [{}]", self.options));
        }
        for filter in &self.filters {
            text.push(' ');
            text.push_str(filter);
        }
        text
    }
}

// === impl Lists ===

impl Lists {
    /// Keeps a list that was read.
    pub fn put(&self, name: &str, lines: Vec<ListLine>) {
        let list = List { read: lines.clone(), lines, added: Vec::new() };
        self.lock().insert(name.to_owned(), list);
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The lines of a list.
    pub fn lines(&self, name: &str) -> Option<Vec<ListLine>> {
        self.lock().get(name).map(|list| list.lines.clone())
    }

    /// Whether a line of any list has this certificate.
    pub fn has(&self, path: &str) -> bool {
        self.lock().values().flat_map(|list| &list.lines).any(|line| line.path == path)
    }

    /// Adds a line at the end, which was written as `text`; its number.
    pub fn push(&self, name: &str, mut line: ListLine, text: &[u8]) -> Option<usize> {
        let mut lists = self.lock();
        let list = lists.get_mut(name)?;
        line.number = list.lines.last().map_or(1, |last| last.number + 1);
        let number = line.number;
        list.lines.push(line.clone());
        list.added.push((line, text.to_vec()));
        Some(number)
    }

    /// What was done to `old` while the program ran, to be done here again; the names of lists whose files had changed
    /// themselves.
    pub(crate) fn carry(&self, old: &Self) -> (Vec<ListChanges>, Vec<String>) {
        let (mut again, mut lost) = (Vec::new(), Vec::new());
        for (name, old) in old.lock().iter() {
            let removed: Vec<_> = old.read.iter().filter(|line| !old.lines.contains(line)).cloned().collect();
            if old.added.is_empty() && removed.is_empty() {
                continue;
            }
            match self.lock().get(name) {
                Some(here) if here.read == old.read => {
                    let added = old.added.iter().map(|(_, text)| text.clone()).collect();
                    again.push(ListChanges { name: name.clone(), added, removed });
                }
                Some(_) => lost.push(name.clone()),
                None => {}
            }
        }
        (again, lost)
    }

    /// The line that has this certificate, the one with this number where one is named.
    pub fn find(&self, name: &str, path: &str, number: Option<usize>) -> Result<ListLine, NotFound> {
        let lists = self.lock();
        let lines = &lists.get(name).ok_or(NotFound::List)?.lines;
        let with: Vec<&ListLine> = lines.iter().filter(|line| line.path == path).collect();
        let numbers = || with.iter().map(|line| line.number).collect();
        match (with.as_slice(), number) {
            ([], _) => Err(NotFound::Certificate),
            ([only], None) => Ok((*only).clone()),
            (_, None) => Err(NotFound::Several(numbers())),
            (lines, Some(number)) => {
                let found = lines.iter().find(|line| line.number == number);
                found.map(|line| (*line).clone()).ok_or_else(|| NotFound::Elsewhere(numbers()))
            }
        }
    }

    /// Takes a line away.
    pub fn remove(&self, name: &str, line: &ListLine) {
        if let Some(list) = self.lock().get_mut(name) {
            list.lines.retain(|known| known != line);
            list.added.retain(|(known, _)| known != line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, List>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_certificate_and_number() {
        let line = |number, path: &str| ListLine { number, path: path.into(), ..ListLine::default() };
        let lists = Lists::default();
        lists.put("l", vec![line(1, "a"), line(3, "b")]);
        assert_eq!(lists.push("l", line(0, "b"), b"b"), Some(4));
        assert_eq!(lists.find("l", "a", None), Ok(line(1, "a")));
        assert_eq!(lists.find("l", "b", None), Err(NotFound::Several(vec![3, 4])));
        assert_eq!(lists.find("l", "b", Some(9)), Err(NotFound::Elsewhere(vec![3, 4])));
        assert_eq!(lists.find("l", "c", None), Err(NotFound::Certificate));
        lists.remove("l", &line(3, "b"));
        assert_eq!(lists.find("l", "b", None), Ok(line(4, "b")));
        let shown = ListLine { options: "alpn h2".into(), filters: vec!["x".into()], ..line(2, "p") };
        assert_eq!(shown.text(true), "p:2 [alpn h2] x");
    }
}
