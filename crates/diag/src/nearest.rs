//! "Did you mean": the candidate that a mistyped word was most likely meant to be.

/// The candidate nearest to `word`, if one is near enough to be worth naming. The first wins among equals.
///
/// Near is few edits (insert, delete, replace, swap of neighbours), fewer than half of the longer word's letters;
/// a candidate that ends or begins with the whole word (`bufsize`, `tune.bufsize`) counts as near, too.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let Some(score) = score(word, candidate) else { continue };
        if best.is_none_or(|(old, _)| score < old) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Lower is nearer; `None` where the two have too little in common.
fn score(word: &str, candidate: &str) -> Option<usize> {
    if word.is_empty() || word == candidate || word.len() > MAX_LEN || candidate.len() > MAX_LEN {
        return None;
    }
    let edits = edits(word.as_bytes(), candidate.as_bytes());
    let longer = word.len().max(candidate.len());
    if edits * 5 <= longer * 2 {
        return Some(edits);
    }
    let contained = word.len() >= 4 && (candidate.ends_with(word) || candidate.starts_with(word));
    contained.then_some(longer)
}

/// Edit distance with swaps of neighbours (optimal string alignment).
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (i, &ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        let mut last_b = None;
        for (j, &cb) in b.iter().enumerate() {
            let at = |v: &[usize], n: usize| v.get(n).copied().unwrap_or(usize::MAX / 2);
            let mut cost = at(&previous, j) + usize::from(ca != cb);
            cost = cost.min(at(&previous, j + 1) + 1).min(at(&row, j) + 1);
            if last_a == Some(cb) && last_b == Some(ca) && j > 0 {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            row.push(cost);
            last_b = Some(cb);
        }
        before = std::mem::replace(&mut previous, row);
        last_a = Some(ca);
    }
    previous.last().copied().unwrap_or(usize::MAX)
}

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
            ("timeot", Some("timeout")),
            ("moed", Some("mode")),
            ("bufsize", Some("tune.bufsize")),
            ("httplo", Some("httplog")),
            ("optoin", Some("option")),
            ("frobnicate", None),
            ("", None),
            ("mode", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
    }
}
