//! All lists of a configuration by name: each file is read once for all that name it (manual, 2.7 and 7.1).

use std::sync::Arc;

use parking_lot::Mutex;

use super::list::PatternList;
use crate::Names;

/// The lists of a configuration; a handle that is cheap to copy.
#[derive(Clone, Debug, Default)]
pub struct PatternFiles(Arc<Mutex<Vec<Arc<PatternList>>>>);

/// Who uses a list.
#[derive(Clone, Copy, Debug)]
pub struct User<'a> {
    /// The file of the configuration.
    pub file: &'a str,
    /// The line in it.
    pub line: usize,
}

// === impl PatternFiles ===

impl PatternFiles {
    /// The list of that name, read on first use. `opt@` files may be missing, `virt@` files have no lines.
    pub fn load(
        &self,
        name: &str,
        map: bool,
        user: User<'_>,
        names: &mut dyn Names,
    ) -> Result<Arc<PatternList>, String> {
        let list = match self.find(name, map) {
            Some(list) => list,
            None => {
                let text = read(name, names)?;
                let lines = lines(&text, map);
                let list = Arc::new(PatternList::new(name.to_owned(), map, None, String::new(), lines));
                self.0.lock().push(list.clone());
                list
            }
        };
        let what = if map { "map" } else { "acl" };
        list.used(format!("{what} at file '{}' line {}", user.file, user.line));
        Ok(list)
    }

    /// A list of the patterns that stand on a line itself.
    pub fn inline(
        &self,
        criterion: &str,
        user: User<'_>,
        id: Option<u32>,
        patterns: &[Vec<u8>],
    ) -> Arc<PatternList> {
        let origin = format!("acl '{criterion}' file '{}' line {}", user.file, user.line);
        let lines = patterns.iter().map(|p| (p.as_slice(), &b""[..], 0));
        let list = Arc::new(PatternList::new(String::new(), false, id, origin, lines));
        self.0.lock().push(list.clone());
        list
    }

    /// The list of that name.
    pub fn find(&self, name: &str, map: bool) -> Option<Arc<PatternList>> {
        let plain = |name: &str| !name.is_empty() && !name.starts_with('#');
        self.0.lock().iter().find(|l| plain(name) && l.is_map == map && l.name == name).cloned()
    }

    /// All lists with their numbers, ascending. Those that `-u` numbered keep their number; the others count up
    /// past them in the order of the configuration.
    pub fn numbered(&self) -> Vec<(u32, Arc<PatternList>)> {
        let lists = self.0.lock();
        let forced: Vec<u32> = lists.iter().filter_map(|l| l.forced_id).collect();
        let mut free = (0..).filter(|n| !forced.contains(n));
        let number = |l: &Arc<PatternList>| Some((l.forced_id.or_else(|| free.next())?, l.clone()));
        let mut all: Vec<_> = lists.iter().filter_map(number).collect();
        all.sort_by_key(|(id, _)| *id);
        all
    }

    /// Takes over what was changed at run time in the lists that ran before. What could not be is told, a
    /// sentence for each list: its file changed, and the file wins.
    pub fn adopt(&self, old: &Self) -> Vec<String> {
        if Arc::ptr_eq(&self.0, &old.0) {
            return Vec::new();
        }
        let before = old.0.lock().clone();
        let mut notices = Vec::new();
        for list in self.0.lock().iter() {
            let same = |l: &&Arc<PatternList>| {
                l.is_map == list.is_map
                    && l.name == list.name
                    && (!l.name.is_empty() || l.summary().description == list.summary().description)
            };
            let dropped = before.iter().find(same).map_or(0, |l| list.adopt(l));
            if dropped > 0 {
                let kind = if list.is_map { "map" } else { "ACL" };
                let name = if list.name.is_empty() { list.summary().description } else { list.name.clone() };
                notices.push(format!(
                    "{kind} '{name}' changed in its file: {dropped} changes made at run time are gone."
                ));
            }
        }
        notices
    }
}

fn read(name: &str, names: &mut dyn Names) -> Result<Vec<u8>, String> {
    if name.starts_with("virt@") {
        return Ok(Vec::new());
    }
    let optional = name.strip_prefix("opt@");
    let path = optional.or_else(|| name.strip_prefix("file@")).unwrap_or(name);
    match names.read(path) {
        Ok(text) => Ok(text),
        Err(_) if optional.is_some() => Ok(Vec::new()),
        Err(_) => Err(format!("failed to open pattern file <{path}>")),
    }
}

/// Pattern, value and number of each line that counts.
fn lines(text: &[u8], map: bool) -> impl Iterator<Item = (&[u8], &[u8], usize)> {
    text.split(|c| *c == b'\n').enumerate().filter_map(move |(i, line)| {
        if line.first() == Some(&b'#') {
            return None;
        }
        let blanks = line.iter().take_while(|c| matches!(c, b' ' | b'\t')).count();
        let end = line.iter().rposition(|c| *c != b'\r').map_or(0, |last| last + 1);
        // What follows a pattern is part of it, blanks too.
        let line = line.get(blanks..end).filter(|line| !line.is_empty())?;
        let (key, value) = if map { split(line) } else { (line, &b""[..]) };
        Some((key, crate::fetch::trim(value), i + 1))
    })
}

/// Key and value of a map's line, blanks between them; those that end the line are part of the value.
pub fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let is_blank = |c: &u8| matches!(c, b' ' | b'\t');
    let end = line.iter().position(is_blank).unwrap_or(line.len());
    let (key, rest) = line.split_at_checked(end).unwrap_or((line, b""));
    let blanks = rest.iter().take_while(|c| is_blank(c)).count();
    (key, rest.get(blanks..).unwrap_or_default())
}
