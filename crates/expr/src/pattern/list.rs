//! Lists of patterns that change at run time: a file of an ACL or of a map, or what stands on an `acl` line
//! (manual, 2.7 and 7.1; management manual, 9.3).
//!
//! A list knows its entries in order, and every compiled [`View`] of them. A change is made to the list under its
//! lock and to each view; readers of views never take the lock of the list. Changes carry versions: a new version
//! is filled beside the current one and takes its place at once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::numbers::Numbers;
use super::view::{Comparing, View};

/// A list of patterns, and of what they stand for where it is a map.
#[derive(Debug)]
pub struct PatternList {
    /// The name that it was given by; empty for the patterns of an `acl` line.
    pub name: String,
    /// Whether its entries have values.
    pub is_map: bool,
    /// The number that `-u` gave it.
    pub forced_id: Option<u32>,
    state: Mutex<State>,
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What tells it from all others of its list.
    pub id: u64,
    /// The pattern.
    pub key: Arc<[u8]>,
    /// What it stands for; empty in a plain list.
    pub value: Arc<[u8]>,
    /// Its line in the file, from 1; 0 where it has none.
    pub line: usize,
    version: u32,
}

/// Which entries a command means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'k> {
    /// Those with this pattern.
    Key(&'k [u8]),
    /// The one with this id.
    Id(u64),
}

/// What a list looks like from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Where it comes from and who uses it.
    pub description: String,
    /// The version that is in use.
    pub version: u32,
    /// The version that is being filled.
    pub next: u32,
    /// Entries, counted for each view.
    pub entries: usize,
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListError {
    /// A pattern or a value cannot be read; HAProxy's wording.
    Invalid(String),
    /// There is no such entry.
    NotFound,
    /// The version is above the one that is being filled.
    Future,
    /// The version is not one that can take over.
    OutOfRange,
}

#[derive(Debug, Default)]
struct State {
    /// What an `acl` line is; for files it is made of `uses`.
    origin: String,
    uses: Vec<String>,
    /// By number; what was taken out leaves a hole.
    entries: Vec<Option<Entry>>,
    keys: HashMap<Arc<[u8]>, Numbers>,
    views: Vec<Arc<View>>,
    version: u32,
    next: u32,
    /// The id that was given last.
    last_id: u64,
    /// A digest of what was loaded, to tell whether the file changed.
    digest: u64,
    /// Changes that were made at run time.
    changes: u64,
}

/// Ids are far from small numbers and from each other: nobody hits one by mistake.
const ID_STEP: u64 = 0x1060;

// === impl PatternList ===

impl PatternList {
    /// A list of what was read: patterns, values and lines.
    pub(super) fn new<'t>(
        name: String,
        is_map: bool,
        forced_id: Option<u32>,
        origin: String,
        lines: impl Iterator<Item = (&'t [u8], &'t [u8], usize)>,
    ) -> Self {
        let mut state = State { origin, ..State::default() };
        let mut digest = DefaultHasher::new();
        for (key, value, line) in lines {
            (key, value).hash(&mut digest);
            state.push(key, value, line, 0);
        }
        state.digest = digest.finish();
        Self { name, is_map, forced_id, state: Mutex::new(state) }
    }

    /// Notes one more place that uses it: `acl at file 'x' line 3`.
    pub(super) fn used(&self, place: String) {
        let mut state = self.state.lock();
        if !state.uses.contains(&place) {
            state.uses.push(place);
        }
    }

    /// The list compiled for a comparing, once for all who share it.
    pub fn view(&self, comparing: Comparing) -> Result<Arc<View>, String> {
        let mut state = self.state.lock();
        if let Some(view) = state.views.iter().find(|v| v.comparing() == comparing) {
            return Ok(view.clone());
        }
        let view = Arc::new(View::build(comparing, &self.name, state.current())?);
        state.views.push(view.clone());
        Ok(view)
    }

    /// All its views.
    pub fn views(&self) -> Vec<Arc<View>> {
        self.state.lock().views.clone()
    }

    /// What it looks like from outside.
    pub fn summary(&self) -> Summary {
        let state = self.state.lock();
        let description = if self.name.is_empty() {
            state.origin.clone()
        } else {
            format!("pattern loaded from file '{}' used by {}", self.name, state.uses.join(", by "))
        };
        let live = state.entries.iter().flatten().count();
        let entries = live * state.views.len().max(1);
        Summary { description, version: state.version, next: state.next, entries }
    }

    /// The entries of a version, of the current one where none is named.
    pub fn entries(&self, version: Option<u32>) -> Vec<Entry> {
        let state = self.state.lock();
        let version = version.unwrap_or(state.version);
        state.entries.iter().flatten().filter(|e| e.version == version).cloned().collect()
    }

    /// The entry that a view found.
    pub fn entry(&self, number: u32) -> Option<Entry> {
        self.state.lock().entries.get(number as usize).cloned().flatten()
    }

    /// Adds an entry to a version, the current one where none is named.
    pub fn add(&self, key: &[u8], value: &[u8], version: Option<u32>) -> Result<(), ListError> {
        let mut state = self.state.lock();
        let version = version.unwrap_or(state.version);
        if version > state.next {
            return Err(ListError::Future);
        }
        for view in &state.views {
            view.check(key, value).map_err(ListError::Invalid)?;
        }
        state.add(key, value, version);
        Ok(())
    }

    /// Adds an entry, or gives those with its pattern another value.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<(), ListError> {
        let mut state = self.state.lock();
        match state.set(Which::Key(key), value) {
            Err(ListError::NotFound) => {
                for view in &state.views {
                    view.check(key, value).map_err(ListError::Invalid)?;
                }
                let version = state.version;
                state.add(key, value, version);
                Ok(())
            }
            done => done,
        }
    }

    /// Adds a pattern, unless it is there.
    pub fn put_pattern(&self, key: &[u8]) -> Result<(), ListError> {
        let mut state = self.state.lock();
        if state.numbers(Which::Key(key)).is_empty() {
            for view in &state.views {
                view.check(key, b"").map_err(ListError::Invalid)?;
            }
            let version = state.version;
            state.add(key, b"", version);
        }
        Ok(())
    }

    /// Gives entries another value.
    pub fn set(&self, which: Which<'_>, value: &[u8]) -> Result<(), ListError> {
        self.state.lock().set(which, value)
    }

    /// Takes out an entry: the first with the pattern, or the one with the id.
    pub fn delete(&self, which: Which<'_>) -> Result<(), ListError> {
        let mut state = self.state.lock();
        let n = state.numbers(which).first().copied().ok_or(ListError::NotFound)?;
        state.remove(n);
        state.tidy();
        Ok(())
    }

    /// Takes out all entries of a version, of the current one where none is named.
    pub fn clear(&self, version: Option<u32>) {
        let mut state = self.state.lock();
        let version = version.unwrap_or(state.version);
        state.keep(|e| e.version != version);
    }

    /// Begins another version.
    pub fn prepare(&self) -> u32 {
        let mut state = self.state.lock();
        state.next += 1;
        state.next
    }

    /// Lets a version take over.
    pub fn commit(&self, version: u32) -> Result<(), ListError> {
        let mut state = self.state.lock();
        if version <= state.version || version > state.next {
            return Err(ListError::OutOfRange);
        }
        state.version = version;
        state.keep(|e| e.version >= version);
        Ok(())
    }

    /// Takes over what was changed at run time in the list of this name that ran before, unless the file says
    /// something else now. How many changes were dropped.
    pub(super) fn adopt(&self, old: &Self) -> u64 {
        let old = old.state.lock();
        if old.changes == 0 {
            return 0;
        }
        let mut state = self.state.lock();
        if state.digest != old.digest {
            return old.changes;
        }
        (state.entries, state.keys) = (old.entries.clone(), old.keys.clone());
        (state.version, state.next) = (old.version, old.next);
        (state.last_id, state.changes) = (old.last_id, old.changes);
        for view in &state.views {
            view.replace(state.current());
        }
        0
    }
}

// === impl State ===

impl State {
    /// The entries in use, with their numbers.
    fn current(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let numbered = self.entries.iter().enumerate();
        numbered.filter_map(|(n, e)| Some((n as u32, e.as_ref().filter(|e| e.version == self.version)?)))
    }

    fn push(&mut self, key: &[u8], value: &[u8], line: usize, version: u32) -> u32 {
        self.last_id += ID_STEP;
        let n = self.entries.len() as u32;
        let key: Arc<[u8]> = key.into();
        self.keys.entry(key.clone()).and_modify(|all| all.push(n)).or_insert(Numbers::One(n));
        let value = if value.is_empty() { Arc::default() } else { value.into() };
        self.entries.push(Some(Entry { id: self.last_id, key, value, line, version }));
        n
    }

    fn add(&mut self, key: &[u8], value: &[u8], version: u32) {
        let n = self.push(key, value, 0, version);
        self.changes += 1;
        if version != self.version {
            return;
        }
        if let Some(entry) = self.entries.last().and_then(Option::as_ref) {
            self.views.iter().for_each(|v| v.add(n, entry));
        }
    }

    /// The numbers of entries in use.
    fn numbers(&self, which: Which<'_>) -> Vec<u32> {
        let is_current = |n: &u32| {
            let entry = self.entries.get(*n as usize).and_then(Option::as_ref);
            entry.is_some_and(|e| e.version == self.version)
        };
        match which {
            Which::Key(key) => {
                let all = self.keys.get(key).map(Numbers::all).unwrap_or_default();
                all.iter().copied().filter(is_current).collect()
            }
            Which::Id(id) => self.current().find(|(_, e)| e.id == id).map(|(n, _)| n).into_iter().collect(),
        }
    }

    fn set(&mut self, which: Which<'_>, value: &[u8]) -> Result<(), ListError> {
        let numbers = self.numbers(which);
        if numbers.is_empty() {
            return Err(ListError::NotFound);
        }
        for view in &self.views {
            view.check_value(b"", value).map_err(ListError::Invalid)?;
        }
        self.changes += 1;
        let value: Arc<[u8]> = value.into();
        for n in numbers {
            let Some(entry) = self.entries.get_mut(n as usize).and_then(Option::as_mut) else { continue };
            entry.value = value.clone();
            self.views.iter().for_each(|v| v.set_value(n, &entry.key, &entry.value));
        }
        Ok(())
    }

    fn remove(&mut self, n: u32) {
        let Some(entry) = self.entries.get_mut(n as usize).and_then(Option::take) else { return };
        self.changes += 1;
        if self.keys.get_mut(&entry.key).is_some_and(|all| all.remove(n)) {
            self.keys.remove(&entry.key);
        }
        self.views.iter().for_each(|v| v.remove(n, &entry.key));
    }

    /// Keeps some entries, and numbers them anew.
    fn keep(&mut self, wanted: impl Fn(&Entry) -> bool) {
        self.changes += 1;
        self.entries.retain(|e| e.as_ref().is_some_and(&wanted));
        self.keys.clear();
        for (n, entry) in self.entries.iter().flatten().enumerate() {
            let n = n as u32;
            self.keys.entry(entry.key.clone()).and_modify(|all| all.push(n)).or_insert(Numbers::One(n));
        }
        for view in &self.views {
            view.replace(self.current());
        }
    }

    /// Closes the holes where they are most of the list.
    fn tidy(&mut self) {
        if self.entries.len() > 1024 && self.keys.len() < self.entries.len() / 4 {
            self.keep(|_| true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MapOutput, Method};
    use super::*;
    use crate::{Scratch, Value};

    fn map(lines: &[(&str, &str)]) -> PatternList {
        let lines = lines.iter().zip(1..).map(|((k, v), n)| (k.as_bytes(), v.as_bytes(), n));
        PatternList::new("x.map".into(), true, None, String::new(), lines)
    }

    fn asked(list: &PatternList, method: Method, ignore_case: bool) -> impl Fn(&str) -> Option<String> {
        let view = list.view(Comparing { method, ignore_case, output: Some(MapOutput::Str) }).unwrap();
        move |key| {
            let scratch = Scratch::new();
            let value = view.value(Value::Str(key.as_bytes()), &scratch)?;
            Some(String::from_utf8_lossy(value.to_str(&scratch)).into_owned())
        }
    }

    #[test]
    fn every_view_follows_a_change() {
        let list = map(&[("ab", "1"), ("AB", "2"), ("b", "3"), ("ab", "4")]);
        let (exact, folded, within) = (
            asked(&list, Method::Str, false),
            asked(&list, Method::Str, true),
            asked(&list, Method::Sub, false),
        );
        let all =
            |key: &str| [exact(key), folded(key), within(key)].map(|v| v.unwrap_or("-".into())).join(" ");
        assert_eq!((all("ab").as_str(), all("AB").as_str()), ("1 1 1", "2 1 2"));
        list.delete(Which::Key(b"ab")).unwrap();
        assert_eq!((all("ab").as_str(), all("AB").as_str()), ("4 2 3", "2 2 2"));
        list.set(Which::Key(b"ab"), b"five").unwrap();
        list.add(b"c", b"6", None).unwrap();
        assert_eq!((all("ab").as_str(), all("c").as_str()), ("five 2 3", "6 6 6"));
        list.put(b"c", b"7").unwrap();
        assert_eq!(all("c"), "7 7 7");
        list.clear(None);
        assert_eq!(all("ab"), "- - -");
    }

    #[test]
    fn a_version_takes_over_at_once() {
        let list = map(&[("a", "old")]);
        let ask = asked(&list, Method::Beg, false);
        let version = list.prepare();
        list.add(b"a", b"new", Some(version)).unwrap();
        list.add(b"b", b"new", Some(version)).unwrap();
        assert_eq!((ask("a1").as_deref(), ask("b1")), (Some("old"), None));
        assert_eq!(list.add(b"c", b"x", Some(version + 1)), Err(ListError::Future));
        assert_eq!(list.commit(version + 1), Err(ListError::OutOfRange));
        list.commit(version).unwrap();
        assert_eq!((ask("a1").as_deref(), ask("b1").as_deref()), (Some("new"), Some("new")));
        assert_eq!(list.entries(None).len(), 2);
    }

    #[test]
    fn a_reload_keeps_changes_unless_the_file_changed() {
        let old = map(&[("a", "1")]);
        old.put(b"b", b"2").unwrap();
        let same = map(&[("a", "1")]);
        let ask = asked(&same, Method::Str, false);
        assert_eq!(same.adopt(&old), 0);
        assert_eq!(ask("b").as_deref(), Some("2"));
        let other = map(&[("a", "other")]);
        let ask = asked(&other, Method::Str, false);
        assert_eq!(other.adopt(&old), 1);
        assert_eq!((ask("a").as_deref(), ask("b")), (Some("other"), None));
    }

    #[test]
    fn many_changes_leave_no_holes_behind() {
        let list = map(&[]);
        let ask = asked(&list, Method::Str, false);
        for i in 0..10_000 {
            list.put(format!("k{i}").as_bytes(), b"v").unwrap();
            if i >= 10 {
                list.delete(Which::Key(format!("k{}", i - 10).as_bytes())).unwrap();
            }
        }
        assert_eq!(list.entries(None).len(), 10);
        assert!(list.state.lock().entries.len() < 3000);
        assert_eq!((ask("k9999").as_deref(), ask("k5")), (Some("v"), None));
    }
}
