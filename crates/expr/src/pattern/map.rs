//! Maps: pattern sets whose patterns stand for values (manual, 7.3.1, `map`).

use std::net::IpAddr;

use super::{Method, PatternFile, PatternSet};
use crate::{Scratch, Value};

/// What a map gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapOutput {
    /// The value as text.
    Str,
    /// The value as an integer.
    Int,
    /// The value as an address.
    Ip,
    /// The pattern that matched.
    Key,
    /// The value with the groups of the regex filled in.
    Groups,
}

/// A compiled map.
#[derive(Clone, Debug)]
pub struct Map {
    set: PatternSet,
    output: MapOutput,
    values: Vec<Mapped>,
}

#[derive(Clone, Debug)]
enum Mapped {
    Text(Box<[u8]>),
    Int(i64),
    Ip(IpAddr),
}

// === impl Map ===

impl Map {
    /// Compiles the lines of a file.
    pub fn new(method: Method, output: MapOutput, file: &PatternFile) -> Result<Self, String> {
        let mut set = PatternSet::new(method);
        let mut values = Vec::with_capacity(file.entries.len());
        for entry in &file.entries {
            let place = |e: String| format!("{e} at line {} of file '{}'", entry.line, file.name);
            set.add(&entry.key, false).map_err(place)?;
            let text = String::from_utf8_lossy(&entry.value);
            values.push(match output {
                MapOutput::Str | MapOutput::Groups => Mapped::Text(entry.value.clone()),
                MapOutput::Key => Mapped::Text(entry.key.clone()),
                MapOutput::Int => crate::args::integer(&entry.value)
                    .map(Mapped::Int)
                    .ok_or_else(|| place(format!("'{text}' is not a number")))?,
                MapOutput::Ip => text
                    .parse()
                    .map(Mapped::Ip)
                    .map_err(|_| place(format!("'{text}' is not a valid IPv4 or IPv6 address")))?,
            });
        }
        Ok(Self { set, output, values })
    }

    /// What a sample maps to.
    pub fn value<'a>(&'a self, key: Value<'a>, scratch: &'a Scratch) -> Option<Value<'a>> {
        let n = self.set.find(key, scratch)?;
        Some(match self.values.get(usize::try_from(n).ok()?)? {
            Mapped::Int(i) => Value::Sint(*i),
            Mapped::Ip(ip) => Value::from_ip(*ip),
            Mapped::Text(text) if self.output == MapOutput::Groups => {
                let subject = key.to_str(scratch);
                let found = self.set.captures(n, subject)?;
                Value::Str(scratch.build(|out| crate::regex::expand(text, subject, &found, out)))
            }
            Mapped::Text(text) => Value::Str(text),
        })
    }
}
