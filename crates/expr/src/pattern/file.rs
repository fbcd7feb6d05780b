//! Files of patterns and of maps: each is read once for all that name it (manual, 2.7 and 7.1).

use std::sync::Arc;

use hashbrown::HashMap;

use crate::Names;

/// The lines of a file that count.
#[derive(Clone, Debug, Default)]
pub struct PatternFile {
    /// The name it was given by.
    pub name: String,
    /// Its entries in order.
    pub entries: Vec<FileEntry>,
}

/// One line: a pattern, and a value where the file is a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// The pattern.
    pub key: Box<[u8]>,
    /// What it maps to; empty in a plain list.
    pub value: Box<[u8]>,
    /// Its line, from 1.
    pub line: usize,
}

/// The files of a configuration by name.
#[derive(Debug, Default)]
pub struct PatternFiles {
    loaded: HashMap<(String, bool), Arc<PatternFile>>,
}

// === impl PatternFiles ===

impl PatternFiles {
    /// The file of that name, read on first use. `opt@` files may be missing, `virt@` files have no lines.
    pub fn load(&mut self, name: &str, map: bool, names: &mut dyn Names) -> Result<Arc<PatternFile>, String> {
        let key = (name.to_owned(), map);
        if let Some(file) = self.loaded.get(&key) {
            return Ok(Arc::clone(file));
        }
        let optional = name.strip_prefix("opt@");
        let path = optional.or_else(|| name.strip_prefix("file@")).unwrap_or(name);
        let text = if name.starts_with("virt@") {
            Vec::new()
        } else {
            match names.read(path) {
                Ok(text) => text,
                Err(_) if optional.is_some() => Vec::new(),
                Err(_) => return Err(format!("failed to open pattern file <{path}>")),
            }
        };
        let file = Arc::new(PatternFile { name: path.to_owned(), entries: entries(&text, map) });
        self.loaded.insert(key, Arc::clone(&file));
        Ok(file)
    }
}

fn entries(text: &[u8], map: bool) -> Vec<FileEntry> {
    let mut entries = Vec::new();
    for (i, line) in text.split(|c| *c == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'#') {
            continue;
        }
        let line = crate::fetch::trim(line);
        if line.is_empty() {
            continue;
        }
        let (key, value) = if map { split(line) } else { (line, &b""[..]) };
        entries.push(FileEntry { key: key.into(), value: value.into(), line: i + 1 });
    }
    entries
}

/// Key and value of a map's line, blanks between them.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|c| matches!(c, b' ' | b'\t')).unwrap_or(line.len());
    let (key, rest) = line.split_at_checked(end).unwrap_or((line, b""));
    (key, crate::fetch::trim(rest))
}
