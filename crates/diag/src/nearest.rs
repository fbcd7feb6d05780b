//! "Did you mean": the candidate that a mistyped word was most likely meant to be.
//!
//! Words are compared by their fingerprints: how often each symbol follows each other one, and which symbols occur.
//! That finds swapped, doubled and forgotten letters alike, and was fitted to what HAProxy proposes.

/// The candidate nearest to `word`, if it is near enough to be worth naming. The first wins among equals.
///
/// Near is a distance of at most twice the length of the shorter of both words.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_LEN {
        return None;
    }
    let print = Fingerprint::of(word);
    let mut best: Option<(u32, &str)> = None;
    for candidate in candidates {
        if candidate == word || candidate.len() > MAX_LEN {
            continue;
        }
        let distance = print.distance(&Fingerprint::of(candidate));
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    let (distance, candidate) = best?;
    (distance as usize <= 2 * word.len().min(candidate.len())).then_some(candidate)
}

/// What of a word is compared: a sorted list of pairs of neighbours, the edges of the word included, and the set of
/// its symbols as bits.
struct Fingerprint {
    pairs: Vec<(u8, u8)>,
    symbols: u32,
}

// === impl Fingerprint ===

impl Fingerprint {
    fn of(word: &str) -> Self {
        let mut pairs = Vec::with_capacity(word.len() + 1);
        let (mut symbols, mut before) = (0, EDGE);
        for symbol in word.bytes().map(symbol) {
            pairs.push((before, symbol));
            symbols |= 1 << symbol;
            before = symbol;
        }
        pairs.push((before, EDGE));
        pairs.sort_unstable();
        Self { pairs, symbols }
    }

    /// The squares of the differences, added up.
    fn distance(&self, other: &Self) -> u32 {
        let mut sum = (self.symbols ^ other.symbols).count_ones();
        let (mut mine, mut theirs) = (self.pairs.as_slice(), other.pairs.as_slice());
        while let Some(&least) = mine.first().into_iter().chain(theirs.first()).min() {
            let difference = count(&mut mine, least).abs_diff(count(&mut theirs, least));
            sum += difference * difference;
        }
        sum
    }
}

/// How often a sorted list begins with `pair`; it goes on behind them.
fn count(list: &mut &[(u8, u8)], pair: (u8, u8)) -> u32 {
    let mut n = 0;
    while let Some((first, rest)) = list.split_first()
        && *first == pair
    {
        *list = rest;
        n += 1;
    }
    n
}

/// A letter whatever its case, any digit, or what separates words, which is like the word's edge.
fn symbol(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => letter - b'a' + 1,
        b'0'..=b'9' => DIGIT,
        _ => EDGE,
    }
}

const EDGE: u8 = 0;
const DIGIT: u8 = 27;

/// Longer words are no keywords; comparing them would cost time for nothing.
const MAX_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_words_find_what_was_meant_and_strangers_find_nothing() {
        let words = ["maxconn", "mode", "timeout", "tune.bufsize", "tfo", "httplog", "option"];
        for (typed, meant) in [
            ("maxcon", Some("maxconn")),
            ("TIMEOT", Some("timeout")),
            ("moed", Some("mode")),
            ("bufsize", Some("tune.bufsize")),
            ("httplo", Some("httplog")),
            ("optoin", Some("option")),
            ("foo", Some("tfo")),
            ("frobnicate", None),
            ("", None),
            ("mode", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
    }

    /// What HAProxy proposes for parameters of `bind` and `server` lines.
    #[test]
    fn of_several_near_words_the_one_that_the_reference_names_is_named() {
        for (typed, meant, others) in [
            ("o-agent-check", "agent-check", ["no-agent-check", "check"]),
            ("n-backup", "backup", ["no-backup", "addr"]),
            ("ss-t", "tcp-ss", ["ssl", "mss"]),
            ("ehalhcheck", "check", ["healthcheck", "cc"]),
            ("idep-ing", "idle-ping", ["id", "uid"]),
            ("ctr", "crt", ["cc", "curves"]),
        ] {
            let words = [meant].into_iter().chain(others);
            assert_eq!(nearest(typed, words), Some(meant), "{typed}");
        }
    }
}
