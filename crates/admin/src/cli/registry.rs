//! All commands that a socket knows, how they are found, and the lists that tell a user of them.

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
        self.print(modes, |_| true, out);
    }

    /// Lists the commands that `words` may have meant, best those that begin with them.
    pub fn suggest(&self, words: &[Vec<u8>], modes: Modes, out: &mut Vec<u8>) {
        let words: Vec<_> = words.iter().map(|w| String::from_utf8_lossy(w)).collect();
        let typed = words.join(" ");
        let fitting = (1..=words.len()).rev().find_map(|count| {
            let head = words.get(..count)?.join(" ");
            let fits = |name: &str| begins(name, &head);
            self.commands.iter().any(|c| fits(c.entry.name) && is_listed(c, modes)).then_some(head)
        });
        let near = self.nearest(&typed, modes);
        self.print(
            modes,
            |name| fitting.as_ref().map_or_else(|| near.contains(&name), |head| begins(name, head)),
            out,
        );
    }

    /// The names that share most letters with what was typed, in any order.
    fn nearest(&self, typed: &str, modes: Modes) -> Vec<&'static str> {
        let names = self.ordinary().iter().filter(|c| is_listed(c, modes)).map(|c| c.entry.name);
        let mut rated: Vec<_> = names.map(|name| (distance(typed, name), name)).collect();
        rated.sort();
        rated.into_iter().take(MOST_SUGGESTED).map(|(_, name)| name).collect()
    }

    fn ordinary(&self) -> &[CommandKeyword<W>] {
        let last = self.commands.iter().rposition(|c| !ALWAYS.contains(&c.entry.name)).map_or(0, |at| at + 1);
        self.commands.get(..last).unwrap_or_default()
    }

    fn print(&self, modes: Modes, wanted: impl Fn(&str) -> bool, out: &mut Vec<u8>) {
        for command in self.commands.iter().filter(|c| is_listed(c, modes)) {
            let State::Works(run) = command.state else { continue };
            let name = command.entry.name;
            if wanted(name) || ALWAYS.contains(&name) {
                let usage = format!("{name} {}", run.usage);
                let line = format!("  {:<40}: {}\n", usage.trim_end(), command.entry.help);
                out.extend_from_slice(line.as_bytes());
            }
        }
    }
}

/// Whether a name begins with these words, or is them.
fn begins(name: &str, words: &str) -> bool {
    name.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Whether a session sees a command in lists.
fn is_listed<W>(command: &CommandKeyword<W>, modes: Modes) -> bool {
    match &command.state {
        State::Works(what) => match what.shown {
            Shown::Always => true,
            Shown::Experimental => modes.experimental,
            Shown::Expert => modes.expert,
            Shown::Never => false,
        },
        _ => false,
    }
}

/// How unlike the letters of two texts are: letters that only one has, whole words counted before letters.
fn distance(typed: &str, name: &str) -> usize {
    let mut counts = [0_i32; 256];
    let mut count = |text: &str, by: i32| {
        for byte in text.bytes() {
            if let Some(n) = counts.get_mut(usize::from(byte)) {
                *n += by;
            }
        }
    };
    count(typed, 1);
    count(name, -1);
    let shared = name.split(' ').filter(|word| typed.split(' ').any(|t| t == *word)).count();
    let unlike: usize = counts.iter().map(|n| n.unsigned_abs() as usize).sum();
    unlike.saturating_sub(4 * shared)
}

/// They end every list.
const ALWAYS: &[&str] = &["help", "prompt", "quit"];

const MOST_SUGGESTED: usize = 5;
