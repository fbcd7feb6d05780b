//! Tables of text patterns, found by hash.
//!
//! Exact texts, prefixes and suffixes are looked up once for each length that occurs; parts between delimiters
//! once for each run of parts as long as the longest pattern. So a million patterns cost what ten do.

use std::hash::BuildHasher as _;

use hashbrown::HashMap;

use super::Method;
use super::filter::Filter;
use super::numbers::Numbers;

/// Text patterns of one method and one way to see case.
#[derive(Clone, Debug, Default)]
pub(super) struct TextTable {
    entries: HashMap<Box<[u8]>, Numbers>,
    /// Knows all entries.
    filter: Filter,
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
        let hasher = self.entries.hasher();
        if !self.filter.is_full() {
            return self.filter.add(hasher.hash_one(pattern));
        }
        self.filter = Filter::with_room(self.entries.len());
        self.entries.keys().for_each(|key| self.filter.add(hasher.hash_one(&**key)));
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

    /// The first pattern that is this text, which is rare.
    fn entry(&self, text: &[u8]) -> Option<u32> {
        self.filter.may_hold(self.entries.hasher().hash_one(text)).then(|| self.entries.get(text)?.first())?
    }

    /// The patterns that are parts of the text, the longest first.
    fn by_length<'t>(
        &self,
        text: &'t [u8],
        part: impl Fn(usize) -> Option<&'t [u8]>,
    ) -> impl Iterator<Item = u32> {
        let shorter = self.lengths.iter().filter(|len| **len <= text.len());
        shorter.filter_map(move |len| self.entry(part(*len)?))
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
                let found = rest.get(..end).and_then(|part| self.entry(part));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest prefix, else the first pattern that matches.
    fn slowly(method: Method, all: &[(Vec<u8>, u32)], text: &[u8]) -> Option<u32> {
        let matching = all.iter().filter(|(pattern, _)| match method {
            Method::Beg => text.starts_with(pattern),
            Method::End => text.ends_with(pattern),
            Method::Sub => text.windows(pattern.len()).any(|w| w == pattern),
            Method::Dom => text.split(|c| *c == b'.').any(|part| part == pattern),
            _ => text == pattern,
        });
        let longest = |p: &[u8]| if method == Method::Beg { usize::MAX - p.len() } else { 0 };
        matching.map(|(pattern, n)| (longest(pattern), *n)).min().map(|(_, n)| n)
    }

    #[test]
    fn tables_find_what_a_list_finds() {
        let random = |n: u32| (n.wrapping_mul(0x9e37_79b9) ^ n >> 7).wrapping_mul(0x85eb_ca6b) >> 7;
        let word = |n: u32, least: u32| -> Vec<u8> {
            (0..least + random(n) % 4).map(|i| b'a' + (random(n ^ i << 20) % 3) as u8).collect()
        };
        for method in [Method::Str, Method::Beg, Method::End, Method::Sub, Method::Dom] {
            let mut all = Vec::new();
            let mut table = TextTable::default();
            for n in 0..2000 {
                table.add(method, &word(n, 1), n);
                all.push((word(n, 1), n));
                if n % 3 == 0 {
                    let (pattern, n) = all.swap_remove(random(n + 20_000) as usize % all.len());
                    table.remove(method, &pattern, n);
                }
                let text = [&*word(n + 30_000, 2), b".", &word(n + 40_000, 1)].concat();
                assert_eq!(table.find(method, &text), slowly(method, &all, &text), "{method:?} {text:?} {n}");
            }
        }
    }
}
