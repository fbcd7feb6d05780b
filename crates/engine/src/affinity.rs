//! Which processors a worker runs on (manual, 3.1 "cpu-map").
//!
//! There is one group of threads; what is said of others concerns nobody here.

use std::collections::BTreeSet;

/// The processors of worker `thread`, counted from 1; `None` where no line names it. The last line that names
/// it counts. Lines are as `conf` keeps them: the set of threads, then the sets of processors.
pub(crate) fn processors(lines: &[Vec<String>], thread: usize) -> Option<Vec<usize>> {
    lines.iter().rev().find_map(|line| of_line(line, thread))
}

/// How many processors `threads` workers have between them, where each that no line names has the first `cpus`.
pub(crate) fn shared(lines: &[Vec<String>], threads: usize, cpus: usize) -> usize {
    let own = (1..=threads).map(|thread| processors(lines, thread).unwrap_or_else(|| (0..cpus).collect()));
    own.flatten().collect::<BTreeSet<usize>>().len()
}

fn of_line(line: &[String], thread: usize) -> Option<Vec<usize>> {
    let (set, cpus) = line.split_first()?;
    let (auto, set) = match set.strip_prefix("auto:") {
        Some(set) => (true, set),
        None => (false, set.as_str()),
    };
    let (group, threads) = set.split_once('/').unwrap_or((set, "all"));
    if !members(group, GROUPS).any(|g| g == 1) {
        return None;
    }
    let place = members(threads, THREADS).position(|t| t == thread)?;
    let mut cpus: Vec<usize> = cpus.iter().flat_map(|word| word.split(',')).flat_map(range).collect();
    cpus.sort_unstable();
    cpus.dedup();
    if auto { cpus.get(place).map(|cpu| vec![*cpu]) } else { Some(cpus) }
}

/// The numbers of `all`, `odd`, `even`, `3`, `1-4` or `2-`.
fn members(set: &str, most: usize) -> Box<dyn Iterator<Item = usize> + '_> {
    match set {
        "all" => Box::new(1..=most),
        "odd" => Box::new((1..=most).step_by(2)),
        "even" => Box::new((2..=most).step_by(2)),
        _ => Box::new(range(set).take_while(move |n| *n <= most)),
    }
}

fn range(text: &str) -> std::ops::RangeInclusive<usize> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let number = |s: &str, none| s.parse().unwrap_or(none);
    number(low, 1)..=number(high, THREADS).min(MOST_CPUS)
}

const GROUPS: usize = 32;
const THREADS: usize = 64;
const MOST_CPUS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_find_their_processors() {
        let cases: [(&str, usize, Option<&[usize]>); 10] = [
            ("1/all 0-3", 7, Some(&[0, 1, 2, 3])),
            ("1 0-1 4", 1, Some(&[0, 1, 4])),
            ("auto:1/1-4 0-3", 3, Some(&[2])),
            ("auto:1/1-4 3,2,1,0", 1, Some(&[0])),
            ("auto:1/odd 32-63", 3, Some(&[33])),
            ("1/2 5", 1, None),
            ("2/all 0", 1, None),
            ("auto:1/1-4 0", 2, None),
            ("1/1-", 1, Some(&[])),
            ("odd 3", 1, Some(&[3])),
        ];
        for (line, thread, wanted) in cases {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(processors(&[words], thread).as_deref(), wanted, "{line}");
        }
    }
}
