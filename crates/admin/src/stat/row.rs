//! A line of `show stat`, and the ways to print it (management manual, 9.1 and 9.2).

use std::io::Write as _;

use crate::field::{Label, Value};

use super::columns::{Column, FIXED, MODULES, TLS_MODULE};

/// What a row is about; the number is that of the column `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Kind {
    Frontend = 0,
    Backend = 1,
    Server = 2,
    Listener = 3,
}

/// A line of statistics.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is about.
    pub kind: Kind,
    proxy: u32,
    id: u32,
    values: Vec<Option<Value>>,
    /// Of columns of modules, where they are not 0.
    modules: Vec<(&'static str, Value)>,
}

/// The output that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum Format {
    #[default]
    Csv,
    Typed,
    Json,
}

// === impl Row ===

impl Row {
    /// A row with what identifies it.
    pub fn new(kind: Kind, proxy: (&str, u32), name: &str, id: u32) -> Self {
        let mut row = Self { kind, proxy: proxy.1, id, values: vec![None; FIXED.len()], modules: Vec::new() };
        row.put(Column::Pxname, proxy.0);
        row.put(Column::Svname, name);
        row.put(Column::Pid, 1_u64);
        row.put(Column::Iid, proxy.1);
        row.put(Column::Sid, id);
        row.put(Column::Type, kind as u64);
        row
    }

    /// Sets a column.
    pub fn put(&mut self, column: Column, value: impl Into<Value>) {
        if let Some(place) = self.values.get_mut(column as usize) {
            *place = Some(value.into());
        }
    }

    /// Sets columns of modules.
    pub fn put_modules<const N: usize>(&mut self, values: [(&'static str, u64); N]) {
        self.modules.extend(values.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name, n.into())));
    }

    /// Takes away what a column holds.
    pub fn clear(&mut self, column: Column) {
        if let Some(place) = self.values.get_mut(column as usize) {
            *place = None;
        }
    }

    /// Sets columns to whole numbers.
    pub fn put_all<const N: usize>(&mut self, values: [(Column, u64); N]) {
        for (column, value) in values {
            self.put(column, value);
        }
    }

    /// What a column holds.
    pub fn value(&self, column: Column) -> Option<&Value> {
        self.values.get(column as usize)?.as_ref()
    }

    /// What the column at a position holds.
    pub fn at(&self, position: usize) -> Option<&Value> {
        self.values.get(position)?.as_ref()
    }

    /// Writes the row as `format` wants it; `first` where no row was written before.
    pub fn write(&self, format: Format, described: bool, first: bool, out: &mut Vec<u8>) {
        match format {
            Format::Csv => self.write_csv(out),
            Format::Typed => self.write_typed(described, out),
            Format::Json => self.write_json(first, out),
        }
    }

    fn write_csv(&self, out: &mut Vec<u8>) {
        for value in &self.values {
            if let Some(value) = value {
                value.write_csv(out);
            }
            out.push(b',');
        }
        out.extend_from_slice(b"-,");
        for (position, (name, ..)) in MODULES.iter().enumerate() {
            if position < self.modules() {
                self.module(name).write_csv(out);
            }
            out.push(b',');
        }
        out.push(b'\n');
    }

    fn write_typed(&self, described: bool, out: &mut Vec<u8>) {
        for (label, description, value) in self.fields() {
            let _ = write!(out, "{}.{}.{}.", self.letter(), self.proxy, self.id);
            label.write_typed(value, out);
            if described {
                let _ = write!(out, ":\"{description}\"");
            }
            out.push(b'\n');
        }
    }

    fn write_json(&self, first: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(if first { b"[" } else { b",[" });
        let object = match self.kind {
            Kind::Frontend => "Frontend",
            Kind::Backend => "Backend",
            Kind::Server => "Server",
            Kind::Listener => "Listener",
        };
        for (at, (label, _, value)) in self.fields().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(
                out,
                "{comma}{{\"objType\":\"{object}\",\"proxyId\":{},\"id\":{},",
                self.proxy, self.id
            );
            label.write_json(value, out);
            out.push(b'}');
        }
        out.push(b']');
    }

    /// The fields that the row has, each with its description.
    fn fields(&self) -> impl Iterator<Item = (Label<'_>, &'static str, &Value)> {
        let fixed = self.values.iter().zip(FIXED).enumerate().filter_map(|(position, (value, about))| {
            let label = Label { position, name: about.name, tags: self.tags(position), kind: about.kind };
            Some((label, about.description, value.as_ref()?))
        });
        let modules =
            MODULES.iter().take(self.modules()).enumerate().map(|(at, (name, tags, description))| {
                let label = Label { position: FIXED.len() + at, name, tags, kind: "u64" };
                (label, *description, self.module(name))
            });
        fixed.chain(modules)
    }

    fn tags(&self, position: usize) -> &'static str {
        // Of a backend these are gauges.
        match (self.kind, position) {
            (Kind::Backend, at) if at == Column::Act as usize || at == Column::Bck as usize => "MGPV",
            (Kind::Backend, at) if at == Column::RateMax as usize => "MGPV",
            (_, at) if at == Column::Act as usize || at == Column::Bck as usize => "SGPV",
            (_, at) if at == Column::RateMax as usize => "MMPV",
            _ => FIXED.get(position).map_or("", |about| about.tags),
        }
    }

    /// What a column of a module holds.
    pub(crate) fn module(&self, name: &str) -> &Value {
        let known = self.modules.iter().find(|(n, _)| *n == name);
        known.map_or(&Value::Number(0), |(_, value)| value)
    }

    /// How many columns of modules the row has.
    pub(crate) fn modules(&self) -> usize {
        match self.kind {
            Kind::Frontend | Kind::Backend => MODULES.len(),
            Kind::Server | Kind::Listener => TLS_MODULE,
        }
    }

    fn letter(&self) -> char {
        match self.kind {
            Kind::Frontend => 'F',
            Kind::Backend => 'B',
            Kind::Server => 'S',
            Kind::Listener => 'L',
        }
    }
}

/// The first line of CSV.
pub fn write_header(out: &mut Vec<u8>) {
    out.extend_from_slice(b"# ");
    for about in FIXED {
        out.extend_from_slice(about.name.as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(b"-,");
    for (name, ..) in MODULES {
        out.extend_from_slice(name.as_bytes());
        out.push(b',');
    }
    out.push(b'\n');
}
