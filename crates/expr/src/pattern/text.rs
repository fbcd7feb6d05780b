//! Tables of text patterns, found by hash.
//!
//! Exact texts, prefixes and suffixes are looked up once for each length that occurs; parts between delimiters
//! once for each run of parts as long as the longest pattern. So a million patterns cost what ten do.

use hashbrown::HashMap;

use super::Method;
use super::numbers::Numbers;

/// Text patterns of one method and one way to see case.
#[derive(Clone, Debug, Default)]
pub(super) struct TextTable {
    entries: HashMap<Box<[u8]>, Numbers>,
    /// Lengths that occur, longest first.
    lengths: Vec<usize>,
    /// Delimiters inside the pattern that has most of them.
    inner: usize,
    /// The patterns in order, for methods that must try each.
    list: Vec<(Box<[u8]>, u32)>,
    /// Empty patterns, which match everything.
    empty: Option<Numbers>,
}

// === impl TextTable ===

impl TextTable {
    /// Adds a pattern under a number above all others.
    pub(super) fn add(&mut self, method: Method, pattern: &[u8], n: u32) {
        let pattern = trimmed(pattern, delimiters(method));
        match method {
            Method::Dir | Method::Dom if pattern.is_empty() => return,
            Method::Beg | Method::End | Method::Sub if pattern.is_empty() => {
                return add_to(&mut self.empty, n);
            }
            Method::Sub => return self.list.push((pattern.into(), n)),
            _ => {}
        }
        let inner = pattern.iter().filter(|c| delimiters(method).contains(c)).count();
        self.inner = self.inner.max(inner);
        if let Err(at) = self.lengths.binary_search_by(|len| pattern.len().cmp(len)) {
            self.lengths.insert(at, pattern.len());
        }
        self.entries.entry(pattern.into()).and_modify(|all| all.push(n)).or_insert(Numbers::One(n));
    }

    /// Takes out the pattern of a number. Lengths that no longer occur are still looked for.
    pub(super) fn remove(&mut self, method: Method, pattern: &[u8], n: u32) {
        let pattern = trimmed(pattern, delimiters(method));
        match method {
            Method::Beg | Method::End | Method::Sub if pattern.is_empty() => {
                self.empty.take_if(|all| all.remove(n));
            }
            Method::Sub => self.list.retain(|(_, other)| *other != n),
            _ => {
                if self.entries.get_mut(pattern).is_some_and(|all| all.remove(n)) {
                    self.entries.remove(pattern);
                }
            }
        }
    }

    /// The number of the pattern that matches: the longest of prefixes, else the first.
    pub(super) fn find(&self, method: Method, text: &[u8]) -> Option<u32> {
        let found = match method {
            Method::Beg => self.by_length(text, |len| text.get(..len)).next(),
            Method::End => self.by_length(text, |len| text.get(text.len().checked_sub(len)?..)).min(),
            Method::Sub => {
                let hit = self.list.iter().find(|(p, _)| memchr::memmem::find(text, p).is_some());
                hit.map(|(_, n)| *n)
            }
            Method::Dir | Method::Dom => self.part(text, delimiters(method)),
            _ => self.entries.get(text).and_then(Numbers::first),
        };
        found.or_else(|| self.empty.as_ref()?.first())
    }

    /// The patterns that are parts of the text, the longest first.
    fn by_length<'t>(
        &self,
        text: &'t [u8],
        part: impl Fn(usize) -> Option<&'t [u8]>,
    ) -> impl Iterator<Item = u32> {
        let shorter = self.lengths.iter().filter(|len| **len <= text.len());
        shorter.filter_map(move |len| self.entries.get(part(*len)?)?.first())
    }

    /// The first pattern that stands between delimiters or the ends of the text.
    fn part(&self, text: &[u8], delimiters: &[u8]) -> Option<u32> {
        if self.entries.is_empty() {
            return None;
        }
        let mut best: Option<u32> = None;
        let mut start = 0;
        loop {
            let rest = text.get(start..)?;
            let ends = rest.iter().enumerate().filter(|(_, c)| delimiters.contains(c)).map(|(i, _)| i);
            for end in ends.chain([rest.len()]).take(self.inner + 1) {
                let found = rest.get(..end).and_then(|part| self.entries.get(part)?.first());
                best = best.into_iter().chain(found).min();
            }
            match rest.iter().position(|c| delimiters.contains(c)) {
                Some(next) => start += next + 1,
                None => return best,
            }
        }
    }
}

fn add_to(numbers: &mut Option<Numbers>, n: u32) {
    match numbers {
        Some(all) => all.push(n),
        None => *numbers = Some(Numbers::One(n)),
    }
}

const DIR: &[u8] = b"/?";
const DOM: &[u8] = b"/?.:";

const fn delimiters(method: Method) -> &'static [u8] {
    match method {
        Method::Dir => DIR,
        Method::Dom => DOM,
        _ => b"",
    }
}

/// Without delimiters around it.
fn trimmed<'p>(pattern: &'p [u8], delimiters: &[u8]) -> &'p [u8] {
    if delimiters.is_empty() {
        return pattern;
    }
    let is_inner = |c: &u8| !delimiters.contains(c);
    let start = pattern.iter().position(is_inner).unwrap_or(pattern.len());
    let end = pattern.iter().rposition(is_inner).map_or(start, |at| at + 1);
    pattern.get(start..end).unwrap_or_default()
}
