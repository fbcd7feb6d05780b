//! A configuration as plain text: sections, and in each its lines in their modern spelling.
//!
//! Passwords are hashed: outlines go over sockets, and plans are printed.

use std::fmt::{Display, Formatter};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use weir_config::{Document, Line};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    /// In the order of the configuration.
    pub(crate) sections: Vec<Part>,
}

/// A section, or several of one kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// `backend`
    pub(crate) keyword: String,
    /// Its name; empty where it has none.
    pub(crate) name: String,
    /// What follows the name, and its lines.
    pub(crate) lines: Vec<String>,
}

// === impl Outline ===

impl Outline {
    /// The outline of a configuration.
    pub(crate) fn of(document: &Document) -> Self {
        let mut outline = Self::default();
        for section in &document.sections {
            let name = section.name().map(|name| name.text().into_owned()).unwrap_or_default();
            let rest = section.header.words.get(2..).unwrap_or_default();
            let rest = rest.iter().map(|word| word.text()).collect::<Vec<_>>().join(" ");
            let rest = (!rest.is_empty()).then_some(rest);
            outline.add(section.keyword(), name, rest.into_iter().chain(section.lines.iter().map(hidden)));
        }
        outline
    }

    /// Reads what [`Display`] wrote; none where it is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != FIRST {
            return None;
        }
        let mut outline = Self::default();
        for line in lines.filter(|line| !line.is_empty()) {
            match line.strip_prefix('\t') {
                Some(line) => outline.sections.last_mut()?.lines.push(line.to_owned()),
                None => {
                    let (keyword, name) = line.split_once(' ').unwrap_or((line, ""));
                    outline.add(keyword.to_owned(), name.to_owned(), std::iter::empty());
                }
            }
        }
        Some(outline)
    }

    /// Adds lines to the section of this kind and name, which is made where there is none.
    fn add(&mut self, keyword: String, name: String, lines: impl Iterator<Item = String>) {
        let is_meant = |part: &&mut Part| part.keyword == keyword && part.name == name;
        match self.sections.iter_mut().find(is_meant) {
            Some(part) => part.lines.extend(lines),
            None => self.sections.push(Part { keyword, name, lines: lines.collect() }),
        }
    }
}

impl Display for Outline {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{FIRST}")?;
        for part in &self.sections {
            writeln!(f, "{} {}", part.keyword, part.name)?;
            part.lines.iter().try_for_each(|line| writeln!(f, "\t{line}"))?;
        }
        Ok(())
    }
}

/// A line, the word behind `password` hashed.
fn hidden(line: &Line) -> String {
    let text = line.modern();
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let secret = words.last().is_some_and(|before| SECRETS.contains(&before.as_str()));
        words.push(if secret { hash(word) } else { word.to_owned() });
    }
    words.join(" ")
}

fn hash(word: &str) -> String {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    format!("<{:08x}>", hasher.finish() as u32)
}

/// What an outline begins with.
const FIRST: &str = "# configuration";
const SECRETS: &[&str] = &["password", "insecure-password", "dynamic-cookie-key", "cluster-secret"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_is_read_as_it_was_written() {
        let part = |keyword: &str, name: &str, lines: &[&str]| Part {
            keyword: keyword.to_owned(),
            name: name.to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let outline = Outline {
            sections: vec![
                part("global", "", &["maxconn 10"]),
                part("backend", "be", &["server a 127.0.0.1:1", "balance source"]),
            ],
        };
        assert_eq!(Outline::parse(&outline.to_string()), Some(outline));
        assert_eq!(Outline::parse("Unknown command: '_configuration'\n"), None);
    }
}
