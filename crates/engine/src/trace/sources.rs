//! The sources of traces: what each can be asked to tell, and what it can be fixed on.
//!
//! `sources.txt` lists them under the names that operators know; parts that this program lacks are silent.

use std::sync::LazyLock;

/// A part of the program that tells of its events.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// Its events; an event's bit is its place.
    pub(super) events: Vec<Choice>,
    /// How much is said of an event, beside `quiet`.
    pub(super) verbosities: Vec<Choice>,
    /// What it can be fixed on.
    pub(super) criteria: Vec<Choice>,
}

/// A word that may be chosen, and what it means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
}

/// All sources.
pub(super) static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| read(include_str!("sources.txt")));

// === impl Source ===

impl Source {
    /// The bits of all its events.
    pub(super) fn all_events(&self) -> u64 {
        u64::MAX >> (u64::BITS - (self.events.len() as u32).clamp(1, u64::BITS))
    }

    /// The bits of these events.
    pub(super) fn bits(&self, names: &[&str]) -> u64 {
        let named = |(place, event): (usize, &Choice)| names.contains(&event.name).then_some(1 << place);
        self.events.iter().enumerate().filter_map(named).sum()
    }
}

/// Reads the list: a `source` line, then those of its choices.
fn read(text: &'static str) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for line in text.lines() {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (kind, name, help) = (word(), word(), word());
        let choice = Choice { name, help };
        match (kind, sources.last_mut()) {
            ("source", _) => sources.push(Source { name, help, ..Source::default() }),
            ("event", Some(source)) => source.events.push(choice),
            ("verbosity", Some(source)) => source.verbosities.push(choice),
            ("lock", Some(source)) => source.criteria.push(choice),
            _ => {}
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_understood() {
        let lines = include_str!("sources.txt").lines().count();
        let of = |s: &Source| 1 + s.events.len() + s.verbosities.len() + s.criteria.len();
        assert_eq!(SOURCES.iter().map(of).sum::<usize>(), lines);
        for source in SOURCES.iter() {
            assert!(source.events.len() <= 64 && !source.help.is_empty(), "{source:?}");
        }
    }

    #[test]
    fn events_are_found_by_their_names() {
        let h1 = SOURCES.iter().find(|s| s.name == "h1").unwrap();
        assert_eq!(h1.bits(&["h1c_new", "h1c_send"]), 0b101);
        assert_eq!(h1.all_events().count_ones() as usize, h1.events.len());
    }
}
