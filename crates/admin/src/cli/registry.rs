//! All commands that a socket knows, how they are found, and the lists that tell a user of them.

use std::collections::HashMap;

use weir_config::State;

use super::{Command, CommandKeyword, Shown};

/// The commands of a socket.
#[derive(Debug)]
pub struct Registry<W: 'static> {
    /// In the order of lists: by name, and those of every session last.
    commands: Vec<CommandKeyword<W>>,
}

/// The modes of a session that show it more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// `experimental-mode`
    pub experimental: bool,
    /// `expert-mode`
    pub expert: bool,
}

// === impl Registry ===

impl<W: 'static> Registry<W> {
    /// The commands of these tables; those of `last` end every list.
    pub fn new(tables: Vec<Vec<CommandKeyword<W>>>, last: Vec<CommandKeyword<W>>) -> Self {
        let mut commands: Vec<_> = tables.into_iter().flatten().collect();
        commands.sort_by_key(|command| command.entry.name);
        commands.extend(last);
        Self { commands }
    }

    /// All commands.
    pub fn commands(&self) -> &[CommandKeyword<W>] {
        &self.commands
    }

    /// The command that `words` begin with, and how many of them are its name. The longest name wins.
    pub fn find(&self, words: &[Vec<u8>]) -> Option<(Command<W>, usize)> {
        let matching = |command: &CommandKeyword<W>| {
            let count = command.entry.name.split(' ').count();
            let same = words.len() >= count
                && command.entry.name.split(' ').zip(words).all(|(name, word)| name.as_bytes() == word);
            match command.state {
                State::Works(run) if same => Some((run, count)),
                _ => None,
            }
        };
        self.commands.iter().filter_map(matching).max_by_key(|(_, count)| *count)
    }

    /// Lists every command.
    pub fn list(&self, modes: Modes, out: &mut Vec<u8>) {
        self.print(modes, "", |_| true, out);
    }

    /// Lists the commands that `words` may have meant: all that begin with them, else those that are written most
    /// like them.
    pub fn suggest(&self, words: &[Vec<u8>], modes: Modes, out: &mut Vec<u8>) {
        let words: Vec<_> = words.iter().map(|w| String::from_utf8_lossy(w)).collect();
        let typed = words.join(" ");
        if words.first().is_some_and(|first| ALWAYS.contains(&&**first)) {
            return self.print(modes, &typed, |_| false, out);
        }
        let names = || self.ordinary().iter().filter(|c| is_listed(c, modes, &typed)).map(|c| c.entry.name);
        if names().any(|name| begins(name, &typed)) {
            return self.print(modes, &typed, |name| begins(name, &typed), out);
        }
        let head = (0..=words.len()).rev().filter_map(|count| words.get(..count)).map(|head| head.join(" "));
        let kin = head
            .map(|head| names().filter(|name| head.is_empty() || begins(name, &head)).collect::<Vec<_>>())
            .find(|kin| !kin.is_empty());
        let near = nearest(&typed, &kin.unwrap_or_default());
        self.print(modes, &typed, |name| near.contains(&name), out);
    }

    fn ordinary(&self) -> &[CommandKeyword<W>] {
        let last = self.commands.iter().rposition(|c| !ALWAYS.contains(&c.entry.name)).map_or(0, |at| at + 1);
        self.commands.get(..last).unwrap_or_default()
    }

    fn print(&self, modes: Modes, typed: &str, wanted: impl Fn(&str) -> bool, out: &mut Vec<u8>) {
        for command in self.commands.iter().filter(|c| is_listed(c, modes, typed)) {
            let State::Works(run) = command.state else { continue };
            let name = command.entry.name;
            if wanted(name) || ALWAYS.contains(&name) {
                let usage =
                    if run.usage.is_empty() { name.to_owned() } else { format!("{name} {}", run.usage) };
                let line = format!("  {usage:<40}: {}\n", command.entry.help);
                out.extend_from_slice(line.as_bytes());
            }
        }
    }
}

/// Whether a name begins with these words, or is them.
fn begins(name: &str, words: &str) -> bool {
    name.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Whether a session that typed this sees a command in lists.
fn is_listed<W>(command: &CommandKeyword<W>, modes: Modes, typed: &str) -> bool {
    match &command.state {
        State::Works(what) => match what.shown {
            Shown::Always => true,
            Shown::Experimental => modes.experimental,
            Shown::Expert => modes.expert,
            Shown::ByName => begins(typed, command.entry.name),
            Shown::Never => false,
        },
        _ => false,
    }
}

/// The names that are most alike to what was typed, and none that is twice as far as the first.
fn nearest(typed: &str, names: &[&'static str]) -> Vec<&'static str> {
    let mut rated: Vec<_> = names.iter().map(|name| (distance(typed, name), *name)).collect();
    rated.sort();
    let most = rated.first().map_or(0, |(best, _)| best * 2);
    rated.into_iter().take(MOST_SUGGESTED).filter(|(d, _)| *d <= most).map(|(_, name)| name).collect()
}

/// How unlike two texts are: letters that follow each other in one of them alone.
fn distance(one: &str, other: &str) -> usize {
    let mut counts = HashMap::new();
    let mut count = |text: &str, by: i32| {
        let mut before = b' ';
        for letter in text.bytes().chain([b' ']) {
            let letter = if letter.is_ascii_alphabetic() { letter.to_ascii_lowercase() } else { b' ' };
            *counts.entry((before, letter)).or_insert(0) += by;
            before = letter;
        }
    };
    count(one, 1);
    count(other, -1);
    counts.values().map(|n: &i32| n.unsigned_abs() as usize).sum()
}

/// They end every list.
const ALWAYS: &[&str] = &["help", "prompt", "quit"];

const MOST_SUGGESTED: usize = 5;
