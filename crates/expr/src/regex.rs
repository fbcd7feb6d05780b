//! Regular expressions: PCRE2 with its just-in-time compiler, as users' configurations were written for it.
//!
//! Compiled at load and never on the path of a request. A match that runs into PCRE2's limits is no match.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use pcre2::bytes::{CaptureLocations, Regex as Pcre, RegexBuilder};

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub struct Regex {
    /// Its number in the process.
    id: u64,
    pcre: Pcre,
    source: Box<[u8]>,
}

// === impl Regex ===

impl Regex {
    /// Compiles; the error is HAProxy's wording, without the part that says where.
    pub fn compile(pattern: &[u8], case_sensitive: bool) -> Result<Self, String> {
        let text = String::from_utf8_lossy(pattern).into_owned();
        RegexBuilder::new()
            .caseless(!case_sensitive)
            .jit_if_available(true)
            .build(&text)
            .map(|pcre| Self { id: NEXT.fetch_add(1, Relaxed), pcre, source: pattern.into() })
            .map_err(|e| {
                let at = e.offset().unwrap_or(0);
                let full = e.to_string();
                let reason = full.rsplit(": ").next().unwrap_or(&full);
                format!("regex '{text}' is invalid (error={reason}, erroffset={at})")
            })
    }

    /// The text it was compiled from.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// Whether it matches somewhere in `subject`.
    pub fn is_match(&self, subject: &[u8]) -> bool {
        self.pcre.is_match(subject).unwrap_or(false)
    }

    /// The groups of the first match from `start` on, the whole match first.
    pub fn captures(&self, subject: &[u8], start: usize) -> Option<Captures> {
        let mut places = Captures::recycled(self.id)
            .unwrap_or_else(|| Captures { regex: self.id, places: Some(self.pcre.capture_locations()) });
        self.pcre.captures_read_at(places.places.as_mut()?, subject, start).ok()??;
        Some(places)
    }
}

/// Where the groups of a match lie. The storage is kept for the next match of the same expression on this thread.
#[derive(Debug)]
pub struct Captures {
    regex: u64,
    places: Option<CaptureLocations>,
}

// === impl Captures ===

impl Captures {
    /// Storage that a match of this expression left behind.
    fn recycled(regex: u64) -> Option<Self> {
        let places = STORAGE.with(|kept| {
            let mut kept = kept.borrow_mut();
            let at = kept.iter().position(|(id, _)| *id == regex)?;
            Some(kept.swap_remove(at).1)
        })?;
        Some(Self { regex, places: Some(places) })
    }

    /// First and one past the last byte of group `n`.
    pub fn group(&self, n: usize) -> Option<(usize, usize)> {
        self.places.as_ref()?.get(n)
    }
}

impl Drop for Captures {
    fn drop(&mut self) {
        let Some(places) = self.places.take() else { return };
        // At the end of a thread there may be nothing to keep it in.
        let _ = STORAGE.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.push((self.regex, places));
        });
    }
}

thread_local! {
    /// What matches have left behind, by the number of their expression.
    static STORAGE: RefCell<Vec<(u64, CaptureLocations)>> = const { RefCell::new(Vec::new()) };
}

/// Of how many expressions storage is kept.
const KEPT: usize = 64;

/// Numbers the expressions of the process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Replaces the first match, or all of them, by `replacement`, in which `\1` to `\9` and `\0` stand for the
/// groups and `\x` for `x`. Appends the result to `out`; `false` where nothing matched.
pub fn replace(
    regex: &Regex,
    subject: &[u8],
    replacement: &[u8],
    all: bool,
    out: &mut impl Extend<u8>,
) -> bool {
    let (mut from, mut matched) = (0, false);
    while from <= subject.len() {
        let Some(found) = regex.captures(subject, from) else { break };
        let Some((start, end)) = found.group(0) else { break };
        matched = true;
        out.extend(subject.get(from..start).unwrap_or_default().iter().copied());
        expand(replacement, subject, &found, out);
        from = end;
        if start == end {
            out.extend(subject.get(end).copied());
            from += 1;
        }
        if !all {
            break;
        }
    }
    out.extend(subject.get(from..).unwrap_or_default().iter().copied());
    matched
}

/// Appends `replacement` with its `\N` filled in.
pub fn expand(replacement: &[u8], subject: &[u8], found: &Captures, out: &mut impl Extend<u8>) {
    let mut bytes = replacement.iter().copied();
    while let Some(c) = bytes.next() {
        if c != b'\\' {
            out.extend([c]);
            continue;
        }
        match bytes.next() {
            Some(d) if d.is_ascii_digit() => {
                let group = found.group(usize::from(d - b'0'));
                let text = group.and_then(|(s, e)| subject.get(s..e)).unwrap_or_default();
                out.extend(text.iter().copied());
            }
            Some(other) => out.extend([other]),
            None => out.extend([b'\\']),
        }
    }
}
