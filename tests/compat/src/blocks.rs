//! Cases in a table of text: blocks between empty lines, each line of which begins with a word that says what it is.

/// A line of a case.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// All of it.
    pub whole: &'a str,
    /// What it says.
    pub word: &'a str,
    /// What follows the word.
    pub rest: &'a str,
}

/// The lines of each case. Lines that begin with `#` are no part of one, and blocks of nothing else no case.
pub fn blocks(table: &str) -> impl Iterator<Item = Vec<Line<'_>>> {
    let lines = table.split("\n\n").map(|block| block.lines().filter_map(Line::of).collect::<Vec<_>>());
    lines.filter(|lines| !lines.is_empty())
}

impl<'a> Line<'a> {
    fn of(whole: &'a str) -> Option<Self> {
        let (word, rest) = whole.split_once(' ').unwrap_or((whole, ""));
        (!whole.is_empty() && !whole.starts_with('#')).then_some(Self { whole, word, rest })
    }
}
