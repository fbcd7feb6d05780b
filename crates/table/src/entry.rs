//! One row of a table and what may be done with it under its shard's lock.

use crate::data::{Column, Data, Schema, Shape};
use crate::key::Key;
use crate::rate::Rate;

/// A stored row.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) hash: u32,
    /// The low half of `expires` when its neighbours were last chosen: these are in the order of it.
    pub(crate) linked: u32,
    /// When the row may go, in milliseconds; `u64::MAX` without `expire`.
    pub(crate) expires: u64,
    /// Streams that track it; it cannot go before they do.
    pub(crate) users: u32,
    /// Neighbours in the order of the last touch.
    pub(crate) older: u32,
    pub(crate) newer: u32,
    /// Place in the log of updates, 0 for none.
    pub(crate) update: u64,
}

/// A row while its shard is locked, read and written at one moment.
#[derive(Debug)]
pub struct Row<'a> {
    pub(crate) entry: &'a mut Entry,
    pub(crate) values: &'a mut [u32],
    pub(crate) schema: &'a Schema,
    pub(crate) now: u64,
    pub(crate) id: u64,
}

// === impl Entry ===

impl Entry {
    pub(crate) fn new(key: Key, hash: u32, expires: u64) -> Self {
        Self { key, hash, linked: 0, expires, users: 0, older: 0, newer: 0, update: 0 }
    }
}

// === impl Row ===

impl Row<'_> {
    /// The key, in the table's form.
    pub fn key(&self) -> &[u8] {
        self.entry.key.bytes()
    }

    /// A number that names the row as long as it is there: the address that `show table` prints.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What the row stores.
    pub fn columns(&self) -> &[Column] {
        self.schema.columns()
    }

    /// Takes over what another row stores in columns of the same kind, but for what is counted of holders.
    pub(crate) fn copy(&mut self, from: &Row<'_>) {
        self.entry.expires = self.entry.expires.min(from.entry.expires);
        for column in self.schema.columns() {
            let same = |other: &&Column| {
                (other.data, other.count, other.period) == (column.data, column.count, column.period)
            };
            let Some(other) = from.schema.columns().iter().find(same) else { continue };
            if column.data == Data::ConnCur {
                continue;
            }
            if let Some((to, values)) = column.all(self.values).zip(other.all_of(from.values)) {
                to.copy_from_slice(values);
            }
        }
    }

    /// Streams that track the row (`use=`).
    pub fn users(&self) -> u32 {
        self.entry.users
    }

    /// Milliseconds until the row may go (`exp=`), 0 without `expire`.
    pub fn expires_in(&self) -> u64 {
        if self.entry.expires == u64::MAX { 0 } else { self.entry.expires.saturating_sub(self.now) }
    }

    /// The value of `data[index]`: a count, a tag, or a rate per its period. `None` where the table
    /// does not store it.
    pub fn value(&self, data: Data, index: u32) -> Option<u64> {
        let (column, index) = self.schema.find(data, index)?;
        Some(match column.data.shape() {
            Shape::Counter | Shape::Word => u64::from(self.slot(column.slot(index)?)?),
            Shape::Wide => {
                let at = column.slot(index)?;
                u64::from(self.slot(at)?) | u64::from(self.slot(at + 1)?) << 32
            }
            Shape::Rate => u64::from(self.rate(column, index)?.read(column.period, self.now as u32)),
        })
    }

    /// Sets a count, tag or rate; those of 32 bits take the low half. `None` where the table does not store it.
    pub fn set(&mut self, data: Data, index: u32, value: u64) -> Option<()> {
        let schema = self.schema;
        let (column, index) = schema.find(data, index)?;
        let at = column.slot(index)?;
        let low = value as u32;
        match column.data.shape() {
            Shape::Counter | Shape::Word => *self.slot_mut(at)? = low,
            Shape::Wide => self.write_wide(at, value)?,
            Shape::Rate => {
                let mut rate = Rate::default();
                rate.set(low, self.now as u32);
                self.write_rate(at, rate)?;
            }
        }
        Some(())
    }

    /// Adds to a count, or counts events in a rate; returns the new value as [`Row::value`] gives
    /// it. Counters of 32 bits begin anew at 0.
    pub fn add(&mut self, data: Data, index: u32, amount: u64) -> Option<u64> {
        self.raise(data, index, amount)?;
        self.value(data, index)
    }

    /// As [`Row::add`], where nobody asks for the new value.
    pub fn raise(&mut self, data: Data, index: u32, amount: u64) -> Option<()> {
        let schema = self.schema;
        let (column, index) = schema.find(data, index)?;
        let at = column.slot(index)?;
        let low = amount as u32;
        match column.data.shape() {
            Shape::Counter | Shape::Word => {
                let slot = self.slot_mut(at)?;
                *slot = slot.wrapping_add(low);
            }
            Shape::Wide => {
                let sum = self.value(column.data, index)?.saturating_add(amount);
                self.write_wide(at, sum)?;
            }
            Shape::Rate => {
                let mut rate = self.rate(column, index)?;
                rate.add(low, column.period, self.now as u32);
                self.write_rate(at, rate)?;
            }
        }
        Some(())
    }

    /// Takes one from a count that has any (`conn_cur` at the end of a connection).
    pub fn decrement(&mut self, data: Data, index: u32) -> Option<u64> {
        let schema = self.schema;
        let (column, index) = schema.find(data, index)?;
        let slot = self.slot_mut(column.slot(index)?)?;
        *slot = slot.saturating_sub(1);
        Some(u64::from(*slot))
    }

    /// Counts one event in both of a pair such as `http_req_cnt` and `http_req_rate`, whichever
    /// are stored. Whether any is.
    pub fn count(&mut self, count: Data, rate: Data, index: u32, amount: u64) -> bool {
        let counted = self.raise(count, index, amount).is_some();
        let rated = self.raise(rate, index, amount).is_some();
        counted || rated
    }

    fn slot(&self, at: usize) -> Option<u32> {
        self.values.get(at).copied()
    }

    fn slot_mut(&mut self, at: usize) -> Option<&mut u32> {
        self.values.get_mut(at)
    }

    fn write_wide(&mut self, at: usize, value: u64) -> Option<()> {
        *self.slot_mut(at)? = value as u32;
        *self.slot_mut(at + 1)? = (value >> 32) as u32;
        Some(())
    }

    fn rate(&self, column: &Column, index: u32) -> Option<Rate> {
        let at = column.slot(index)?;
        Some(Rate { start: self.slot(at)?, current: self.slot(at + 1)?, previous: self.slot(at + 2)? })
    }

    fn write_rate(&mut self, at: usize, rate: Rate) -> Option<()> {
        *self.slot_mut(at)? = rate.start;
        *self.slot_mut(at + 1)? = rate.current;
        *self.slot_mut(at + 2)? = rate.previous;
        Some(())
    }
}
