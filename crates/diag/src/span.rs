//! Where a piece of text stands.

use std::borrow::Cow;

/// Index of a [`Source`] in its [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A range of bytes in one source, with the line that HAProxy would name for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Which source the bytes are in.
    pub source: SourceId,
    /// The line to name in messages, from 1; 0 where a message belongs to no line.
    pub line: u32,
    /// First byte, as an offset in the source's text.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A text that words came from: a file, standard input, or a command of the runtime API.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// As messages name it: the path as the user gave it.
    pub name: String,
    /// The bytes; no encoding is promised.
    pub text: Vec<u8>,
}

/// All texts of one load, in the order they were read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a text and returns its index.
    pub fn add(&mut self, name: impl Into<String>, text: Vec<u8>) -> SourceId {
        self.list.push(Source { name: name.into(), text });
        SourceId(self.list.len() as u32 - 1)
    }

    /// The text of `id`, unless it came from other `Sources`.
    pub fn of(&self, id: SourceId) -> Option<&Source> {
        self.list.get(id.0 as usize)
    }

    /// What stands there, as it is written.
    pub fn text(&self, at: Span) -> Cow<'_, str> {
        let text = self.of(at.source).and_then(|s| s.text.get(at.start as usize..at.end as usize));
        String::from_utf8_lossy(text.unwrap_or_default())
    }

    /// All texts, in the order they were read.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.list.iter().enumerate().map(|(i, s)| (SourceId(i as u32), s))
    }
}
