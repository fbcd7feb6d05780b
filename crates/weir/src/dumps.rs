//! What `-dC`, `-dK`, `-dL`, `-dA` and `-dc` print (management manual, chapter 3).

use std::collections::BTreeSet;
use std::hash::Hasher as _;

use weir_config::{Line, Prefix};
use weir_sys::limits;

use crate::cli::Dump;
use crate::keywords;
use crate::load::Configuration;
use crate::say::print as say;

/// Prints one of them.
///
/// # Errors
/// An alert where it cannot be printed.
pub(crate) fn print(dump: &Dump, configuration: &Configuration) -> Result<(), String> {
    match dump {
        Dump::Configuration(key) => say(words(configuration, *key)),
        Dump::Keywords(classes) => say(list(classes)),
        Dump::Libraries => say(objects()),
        Dump::Processors => say(processors()),
        Dump::Archive(file) => {
            let file = file.display();
            return Err(format!(
                "-dA: {file} is not written: print the shared objects with -dL and pack those."
            ));
        }
    }
    Ok(())
}

/// The configuration's words, a section's lines indented. With a key, all behind a line's first word is hashed.
fn words(configuration: &Configuration, key: Option<u32>) -> String {
    let mut out = String::new();
    for section in &configuration.document.sections {
        out.push_str(&line(&section.header, key));
        for inner in &section.lines {
            out.push('\t');
            out.push_str(&line(inner, key));
        }
    }
    out
}

fn line(line: &Line, key: Option<u32>) -> String {
    let mut out = String::from(match line.prefix {
        Prefix::None => "",
        Prefix::No => "no ",
        Prefix::Default => "default ",
    });
    for (at, word) in line.words.iter().enumerate() {
        match key.filter(|_| at > 0) {
            Some(key) => out.push_str(&hashed(&word.bytes, key)),
            None => out.push_str(&quoted(&word.text())),
        }
        out.push(' ');
    }
    out.push('\n');
    out
}

/// The same word gives the same text under one key, and says nothing of itself.
fn hashed(word: &[u8], key: u32) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write_u32(key);
    hasher.write(word);
    format!("HASH({:06x})", hasher.finish() & 0xff_ffff)
}

fn quoted(word: &str) -> String {
    if word.is_empty() || word.contains([' ', '\t', '#', '"', '\'', '\\']) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    word.to_owned()
}

/// Keywords of these classes, as `weir keywords` lists them.
fn list(classes: &[String]) -> String {
    let listing = keywords::listing();
    let class_of = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    if classes.iter().any(|class| class == "help") {
        let known: BTreeSet<String> = listing.iter().map(|line| class_of(line)).collect();
        let mut out = String::from("# List of supported keyword classes:\nall: list all keywords\n");
        known.iter().for_each(|class| out.push_str(&format!("{class}\n")));
        return out;
    }
    let all = classes.iter().any(|class| class == "all");
    let wanted = |line: &&String| all || classes.contains(&class_of(line));
    listing.iter().filter(wanted).map(|line| format!("{line}\n")).collect()
}

/// The files that this process has mapped and may execute.
fn objects() -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut out = String::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.contains('x')))
    {
        if let Some(at) = line.find('/')
            && let Some((_, path)) = line.split_at_checked(at)
            && seen.insert(path.to_owned())
        {
            out.push_str(path);
            out.push('\n');
        }
    }
    out
}

fn processors() -> String {
    let cpus = limits::usable_cpus().unwrap_or_default();
    cpus.iter().map(|cpu| format!("[keep] cpu={cpu:3}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must_be() {
        let cases = [("plain", "plain"), ("two words", "'two words'"), ("", "''"), ("it's", "'it'\\''s'")];
        for (word, text) in cases {
            assert_eq!(quoted(word), text);
        }
    }

    #[test]
    fn a_key_hides_words_and_keeps_them_apart() {
        assert_eq!(hashed(b"a", 1), hashed(b"a", 1));
        assert_ne!(hashed(b"a", 1), hashed(b"b", 1));
        assert_ne!(hashed(b"a", 1), hashed(b"a", 2));
    }

    #[test]
    fn this_program_is_among_its_objects() {
        let own = std::env::current_exe().unwrap();
        assert!(objects().lines().any(|line| line == own.to_string_lossy()));
    }
}
