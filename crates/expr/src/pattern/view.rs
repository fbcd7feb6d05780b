//! A list of patterns as one kind of user sees it: compiled for a method, and for what a map gives.
//!
//! What was loaded is immutable and read without a lock. The first change at run time makes a copy that changes
//! from then on under a lock held for one look-up; what a look-up finds there is copied out.

use std::net::IpAddr;
use std::sync::OnceLock;

use parking_lot::RwLock;

use super::{Entry, MapOutput, Method, PatternSet};
use crate::{Scratch, Value};

/// What a list is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparing {
    /// How samples are compared.
    pub method: Method,
    /// Whether case is ignored (`-i`).
    pub ignore_case: bool,
    /// What the map gives; nothing for an ACL.
    pub output: Option<MapOutput>,
}

/// A compiled list.
#[derive(Debug)]
pub struct View {
    comparing: Comparing,
    loaded: Compiled,
    changed: OnceLock<RwLock<Compiled>>,
}

/// What a look-up found, for those who ask how (`get map`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number of the entry.
    pub number: u32,
    /// The type of its value, by its name in the language; nothing in an ACL.
    pub kind: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Compiled {
    set: PatternSet,
    /// By number; empty in an ACL.
    values: Vec<Option<Mapped>>,
}

#[derive(Clone, Debug)]
enum Mapped {
    Text(Box<[u8]>),
    Int(i64),
    Ip(IpAddr),
}

// === impl View ===

impl View {
    /// Compiles the entries; the error names the line of the file.
    pub(super) fn build<'e>(
        comparing: Comparing,
        name: &str,
        entries: impl Iterator<Item = (u32, &'e Entry)>,
    ) -> Result<Self, String> {
        let mut loaded = Compiled::new(comparing);
        for (n, entry) in entries {
            loaded.add(comparing, n, entry).map_err(|e| match entry.line {
                0 => e,
                line => format!("{e} at line {line} of file '{name}'"),
            })?;
        }
        Ok(Self { comparing, loaded, changed: OnceLock::new() })
    }

    /// What it is compiled for.
    pub fn comparing(&self) -> Comparing {
        self.comparing
    }

    /// Whether a sample matches.
    pub fn matches(&self, value: Value<'_>, scratch: &Scratch) -> bool {
        match self.changed.get() {
            None => self.loaded.set.matches(value, scratch),
            Some(changed) => changed.read().set.matches(value, scratch),
        }
    }

    /// What a sample maps to.
    pub fn value<'a>(&'a self, key: Value<'a>, scratch: &'a Scratch) -> Option<Value<'a>> {
        match self.changed.get() {
            None => self.loaded.value(self.comparing, key, scratch),
            Some(changed) => Some(match changed.read().value(self.comparing, key, scratch)? {
                Value::Str(text) => Value::Str(scratch.bytes(text)),
                Value::Sint(n) => Value::Sint(n),
                Value::Ipv4(ip) => Value::Ipv4(ip),
                Value::Ipv6(ip) => Value::Ipv6(ip),
                _ => return None,
            }),
        }
    }

    /// Which entry a sample matches.
    pub fn look_up(&self, value: Value<'_>, scratch: &Scratch) -> Option<Found> {
        let find = |compiled: &Compiled| {
            let number = compiled.set.find(value, scratch)?;
            Some(Found { number, kind: compiled.kind(number) })
        };
        match self.changed.get() {
            None => find(&self.loaded),
            Some(changed) => find(&changed.read()),
        }
    }

    /// Whether an entry could be added; the error is HAProxy's wording.
    pub(super) fn check(&self, key: &[u8], value: &[u8]) -> Result<(), String> {
        PatternSet::new(self.comparing.method).add(key, self.comparing.ignore_case)?;
        self.check_value(key, value)
    }

    /// Whether an entry could have this value.
    pub(super) fn check_value(&self, key: &[u8], value: &[u8]) -> Result<(), String> {
        match self.comparing.output {
            Some(output) => Mapped::parse(output, key, value).map(drop),
            None => Ok(()),
        }
    }

    pub(super) fn add(&self, n: u32, entry: &Entry) {
        // It was checked before.
        let _ = self.change().add(self.comparing, n, entry);
    }

    pub(super) fn remove(&self, n: u32, key: &[u8]) {
        let mut compiled = self.change();
        compiled.set.remove(n, key, self.comparing.ignore_case);
        if let Some(value) = compiled.values.get_mut(n as usize) {
            *value = None;
        }
    }

    pub(super) fn set_value(&self, n: u32, key: &[u8], value: &[u8]) {
        let Some(output) = self.comparing.output else { return };
        let Ok(value) = Mapped::parse(output, key, value) else { return };
        if let Some(slot) = self.change().values.get_mut(n as usize) {
            *slot = Some(value);
        }
    }

    /// Takes other entries in place of all.
    pub(super) fn replace<'e>(&self, entries: impl Iterator<Item = (u32, &'e Entry)>) {
        let mut fresh = Compiled::new(self.comparing);
        for (n, entry) in entries {
            let _ = fresh.add(self.comparing, n, entry);
        }
        match self.changed.get() {
            Some(changed) => *changed.write() = fresh,
            None => drop(self.changed.set(RwLock::new(fresh))),
        }
    }

    fn change(&self) -> parking_lot::RwLockWriteGuard<'_, Compiled> {
        self.changed.get_or_init(|| RwLock::new(self.loaded.clone())).write()
    }
}

// === impl Compiled ===

impl Compiled {
    fn new(comparing: Comparing) -> Self {
        Self { set: PatternSet::new(comparing.method), values: Vec::new() }
    }

    fn add(&mut self, comparing: Comparing, n: u32, entry: &Entry) -> Result<(), String> {
        let value = match comparing.output {
            Some(output) => Some(Mapped::parse(output, &entry.key, &entry.value)?),
            None => None,
        };
        self.set.add_numbered(n, &entry.key, comparing.ignore_case)?;
        if value.is_some() {
            self.values.resize_with(n as usize, || None);
            self.values.push(value);
        }
        Ok(())
    }

    fn value<'a>(&'a self, comparing: Comparing, key: Value<'a>, scratch: &'a Scratch) -> Option<Value<'a>> {
        let n = self.set.find(key, scratch)?;
        Some(match self.values.get(n as usize)?.as_ref()? {
            Mapped::Int(i) => Value::Sint(*i),
            Mapped::Ip(ip) => Value::from_ip(*ip),
            Mapped::Text(text) if comparing.output == Some(MapOutput::Groups) => {
                let subject = key.to_str(scratch);
                let found = self.set.captures(n, subject)?;
                Value::Str(scratch.build(|out| crate::regex::expand(text, subject, &found, out)))
            }
            Mapped::Text(text) => Value::Str(text),
        })
    }

    fn kind(&self, n: u32) -> Option<&'static str> {
        Some(match self.values.get(n as usize)?.as_ref()? {
            Mapped::Text(_) => "str",
            Mapped::Int(_) => "sint",
            Mapped::Ip(IpAddr::V4(_)) => "ipv4",
            Mapped::Ip(IpAddr::V6(_)) => "ipv6",
        })
    }
}

// === impl Mapped ===

impl Mapped {
    fn parse(output: MapOutput, key: &[u8], value: &[u8]) -> Result<Self, String> {
        let text = || String::from_utf8_lossy(value);
        let unparsed = || format!("unable to parse '{}'", text());
        match output {
            MapOutput::Str | MapOutput::Groups => Ok(Self::Text(value.into())),
            MapOutput::Key => Ok(Self::Text(key.into())),
            MapOutput::Int => crate::args::integer(value).map(Self::Int).ok_or_else(unparsed),
            MapOutput::Ip => text().parse().map(Self::Ip).map_err(|_| unparsed()),
        }
    }
}
