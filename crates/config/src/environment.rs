//! The environment that a configuration sees: a map of its own, never the process's.
//!
//! `setenv`, `presetenv`, `unsetenv` and `resetenv` of the `global` section change it while the files are read
//! (manual 2.3 and 3.1), so that later lines see what earlier lines set.

use std::collections::BTreeMap;

use weir_diag::Diagnostic;

use crate::{Line, Word};

/// Names and values; both any bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    map: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Where a line is read, for the variables that begin with a dot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position<'a> {
    /// `.FILE`
    pub(crate) file: &'a str,
    /// `.LINE`, from 1.
    pub(crate) line: u32,
    /// `.SECTION`: the section's name, else its keyword, else nothing.
    pub(crate) section: &'a [u8],
}

// === impl Environment ===

impl Environment {
    /// The value of `name`.
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.map.get(name).map(Vec::as_slice)
    }

    /// Sets or replaces a variable.
    pub fn set(&mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.map.insert(name.into(), value.into());
    }

    /// Removes a variable.
    pub fn unset(&mut self, name: &[u8]) {
        self.map.remove(name);
    }

    /// All variables, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.map.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Obeys a line of the `global` section that concerns the environment; `None` for any other line.
    /// `localpeer` counts as one: it sets `HAPROXY_LOCALPEER`.
    pub(crate) fn obey(&mut self, line: &Line) -> Option<Result<(), Diagnostic>> {
        let (keyword, args) = line.words.split_first()?;
        match &*keyword.bytes {
            b"setenv" => Some(self.obey_set(keyword, args, true)),
            b"presetenv" => Some(self.obey_set(keyword, args, false)),
            b"unsetenv" => Some(match args {
                [] => Err(keyword.alert("'unsetenv' expects at least one variable name.")),
                names => names.iter().try_for_each(|name| {
                    if name.bytes.contains(&b'=') {
                        return Err(invalid("unsetenv", name));
                    }
                    self.unset(&name.bytes);
                    Ok(())
                }),
            }),
            b"resetenv" => {
                self.map.retain(|name, _| args.iter().any(|keep| *keep.bytes == **name));
                Some(Ok(()))
            }
            b"localpeer" => {
                if let Some(name) = args.first() {
                    self.set("HAPROXY_LOCALPEER", &*name.bytes);
                }
                None
            }
            _ => None,
        }
    }

    fn obey_set(&mut self, keyword: &Word, args: &[Word], replace: bool) -> Result<(), Diagnostic> {
        let word = keyword.text();
        let name = args.first().filter(|w| !w.bytes.is_empty());
        let Some(name) = name else {
            return Err(keyword.alert(format!("'{word}' expects environment variable name.\n.")));
        };
        let Some(value) = args.get(1).filter(|w| !w.bytes.is_empty()) else {
            let name = name.text();
            return Err(
                keyword.alert(format!("'{word}' expects environment variable value for '{name}'.\n."))
            );
        };
        if name.bytes.contains(&b'=') {
            return Err(invalid(&word, name));
        }
        if replace || !self.map.contains_key(&*name.bytes) {
            self.set(&*name.bytes, &*value.bytes);
        }
        Ok(())
    }
}

fn invalid(keyword: &str, name: &Word) -> Diagnostic {
    name.alert(format!("'{keyword}' failed on variable '{}' : Invalid argument.", name.text()))
}

impl<N: Into<Vec<u8>>, V: Into<Vec<u8>>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(iter: I) -> Self {
        Self { map: iter.into_iter().map(|(n, v)| (n.into(), v.into())).collect() }
    }
}
