//! Stick tables at work: the entries that connections and requests hold, what is counted of them, and what
//! expressions ask (manual, chapter 11; 7.3.2 and 7.3.3 for the questions).
//!
//! A [`Held`] entry is given back when it is dropped. A [`Tracking`] is the set of counters `sc0`, `sc1`, ... of a
//! connection or of a transaction; what happens counts in every one, the transaction's before the connection's.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use weir_expr::scope::{TableData, TableKey, TableOp};
use weir_expr::{Lookup, Scratch, Type, Value};
use weir_table::{Data, KeyType, Row, Table, Tracked};

use crate::clock;
use crate::conf::StickTable;
use crate::transaction::Transaction;
use crate::worker::Worker;

/// The tables of a configuration, by their numbers.
pub type Tables = Arc<[Arc<Table>]>;

/// An entry that a connection or a transaction tracks.
#[derive(Debug)]
pub(crate) struct Held {
    table: Arc<Table>,
    row: Option<Tracked>,
}

/// The counters of a connection or of a transaction, by number.
#[derive(Debug, Default)]
pub(crate) struct Tracking(Vec<Option<Held>>);

/// Something that happens to clients and is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A session, after the rules for connections.
    Session,
    /// A request, be it understood or not.
    Request,
    /// A request that was an error of the client's.
    Error,
    /// A request that the server failed to answer.
    Failure,
    /// Bytes that break the protocol.
    Glitch,
}

/// Now, as tables count time: in milliseconds.
pub fn now() -> u64 {
    clock::now().millis()
}

/// Counts what happened in all counters of a transaction.
pub(crate) fn count(t: &Transaction, event: Event) {
    each(t, |held| held.count(event));
}

/// Counts the status of a server's answer.
pub(crate) fn count_status(t: &Transaction, status: u16) {
    if !tracks(t) {
        return;
    }
    each(t, |held| held.count_status(t, status));
}

/// Counts bytes from the client, and to it.
pub(crate) fn count_bytes(t: &Transaction, up: u64, down: u64) {
    each(t, |held| held.count_bytes(up, down));
}

/// The entry that counter `n` tracks.
pub(crate) fn tracked(t: &Transaction, n: usize) -> Option<&Held> {
    t.messages.tracking.get(n).or_else(|| t.client.session().tracking.get(n))
}

/// Whether anything is tracked.
fn tracks(t: &Transaction) -> bool {
    !t.messages.tracking.0.is_empty() || !t.client.session().tracking.0.is_empty()
}

fn each(t: &Transaction, act: impl FnMut(&Held)) {
    let most = t.messages.tracking.0.len().max(t.client.session().tracking.0.len());
    (0..most).filter_map(|n| tracked(t, n)).for_each(act);
}

/// What all counters of a tunnel count while bytes pass.
pub(crate) struct Meter<'a>([&'a Tracking; 2]);

// === impl Meter ===

impl<'a> Meter<'a> {
    /// The counters of a transaction and of its connection.
    pub(crate) fn new(own: &'a Tracking, connection: &'a Tracking) -> Self {
        Self([own, connection])
    }

    /// Counts bytes from the client, and to it.
    pub(crate) fn count(&self, up: u64, down: u64) {
        let [own, connection] = self.0;
        let most = own.0.len().max(connection.0.len());
        (0..most)
            .filter_map(|n| own.get(n).or_else(|| connection.get(n)))
            .for_each(|held| held.count_bytes(up, down));
    }
}

// === impl Tracking ===

impl Tracking {
    /// The entry of counter `n`.
    pub(crate) fn get(&self, n: usize) -> Option<&Held> {
        self.0.get(n)?.as_ref()
    }

    /// Tracks an entry.
    pub(crate) fn put(&mut self, n: usize, held: Held) {
        if self.0.len() <= n {
            self.0.resize_with(n + 1, || None);
        }
        if let Some(place) = self.0.get_mut(n) {
            *place = Some(held);
        }
    }

    /// Gives all entries back; the storage stays.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts what happened.
    pub(crate) fn count(&self, event: Event) {
        self.0.iter().flatten().for_each(|held| held.count(event));
    }
}

// === impl Held ===

impl Held {
    /// Tracks the entry of this key, which is a connection to it. `None` where the table is full.
    pub(crate) fn track(table: &Arc<Table>, key: &[u8]) -> Option<Self> {
        let row = table.track(key, now(), |row| {
            row.add(Data::ConnCur, 0, 1);
            row.count(Data::ConnCnt, Data::ConnRate, 0, 1);
        });
        Some(Self { table: table.clone(), row: Some(row.ok()?) })
    }

    /// Changes the entry.
    pub(crate) fn update<R>(&self, act: impl FnOnce(&mut Row<'_>) -> R) -> Option<R> {
        self.table.tracked(self.row.as_ref()?, now(), act)
    }

    /// Looks at the entry.
    pub(crate) fn peek<R>(&self, act: impl FnOnce(&mut Row<'_>) -> R) -> Option<R> {
        self.table.peek(self.row.as_ref()?, now(), act)
    }

    pub(crate) fn count(&self, event: Event) {
        let (count, rate) = match event {
            Event::Session => (Data::SessCnt, Data::SessRate),
            Event::Request => (Data::HttpReqCnt, Data::HttpReqRate),
            Event::Error => (Data::HttpErrCnt, Data::HttpErrRate),
            Event::Failure => (Data::HttpFailCnt, Data::HttpFailRate),
            Event::Glitch => (Data::GlitchCnt, Data::GlitchRate),
        };
        if self.stores(count) || self.stores(rate) {
            self.update(|row| row.count(count, rate, 0, 1));
        }
    }

    /// Counts an answer of a server's by its status.
    pub(crate) fn count_status(&self, t: &Transaction, status: u16) {
        let counted = &t.client.worker.view().snapshot.global.counted;
        if counted.errors.has(status) {
            self.count(Event::Error);
        }
        if counted.failures.has(status) {
            self.count(Event::Failure);
        }
    }

    fn count_bytes(&self, up: u64, down: u64) {
        let factor = u64::from(self.table.spec().byte_rate_factor);
        let sides =
            [(Data::BytesInCnt, Data::BytesInRate, up), (Data::BytesOutCnt, Data::BytesOutRate, down)];
        let counts =
            sides.iter().any(|(count, rate, n)| *n > 0 && (self.stores(*count) || self.stores(*rate)));
        if !counts {
            return;
        }
        self.update(|row| {
            for (count, rate, bytes) in sides {
                row.add(count, 0, bytes);
                row.add(rate, 0, bytes.div_ceil(factor));
            }
        });
    }

    fn stores(&self, data: Data) -> bool {
        self.table.spec().schema.has(data)
    }

    /// The key, as a value of the table's type.
    pub(crate) fn key<'a>(&self, scratch: &'a Scratch) -> Option<Value<'a>> {
        let kind = self.table.spec().key_type;
        self.peek(|row| value_of(kind, row.key(), scratch)).flatten()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(row) = self.row.take() {
            self.table.release(row, now(), |row| {
                row.decrement(Data::ConnCur, 0);
            });
        }
    }
}

/// What a key looks like to expressions.
fn value_of<'a>(kind: KeyType, key: &[u8], scratch: &'a Scratch) -> Option<Value<'a>> {
    Some(match kind {
        KeyType::Ipv4 => Value::from_ip(<[u8; 4]>::try_from(key).ok()?.into()),
        KeyType::Ipv6 => Value::from_ip(<[u8; 16]>::try_from(key).ok()?.into()),
        KeyType::Integer => Value::Sint(u32::from_be_bytes(key.try_into().ok()?).into()),
        KeyType::String(_) => Value::Str(scratch.bytes(key)),
        KeyType::Binary(_) => Value::Bin(scratch.bytes(key)),
    })
}

/// The type of values that are keys of a table.
pub(crate) const fn type_of(kind: KeyType) -> Type {
    match kind {
        KeyType::Ipv4 => Type::Ipv4,
        KeyType::Ipv6 => Type::Ipv6,
        KeyType::Integer => Type::Sint,
        KeyType::String(_) => Type::Str,
        KeyType::Binary(_) => Type::Bin,
    }
}

/// Calls `act` with the key that a value is in a table. `None` where it can be none.
pub(crate) fn with_key<R>(
    table: &Table,
    value: Value<'_>,
    scratch: &Scratch,
    act: impl FnOnce(&[u8]) -> R,
) -> Option<R> {
    let kind = table.spec().key_type;
    let form = |bytes: &[u8]| match kind {
        // Filled up here, where there is room without an allocation.
        KeyType::Binary(len) if bytes.len() < len => Some(act(scratch.build(|out| {
            out.extend_from_slice_copy(bytes);
            out.extend(std::iter::repeat_n(0, len - bytes.len()));
        }))),
        _ => Some(act(kind.form(bytes, &mut Vec::new())?)),
    };
    match (kind, value.cast(type_of(kind), scratch)?) {
        (_, Value::Ipv4(ip)) => form(&ip.octets()),
        (_, Value::Ipv6(ip)) => form(&ip.octets()),
        (_, Value::Sint(n)) => form(&(n as u32).to_be_bytes()),
        (_, other) => form(other.bytes()?),
    }
}

/// Answers an expression. `tables` are those of the configuration that it was compiled with.
pub(crate) fn ask(t: &Transaction, tables: &Tables, key: TableKey<'_>, op: TableOp) -> Lookup<i64> {
    match key {
        TableKey::Whole(id) => {
            let table = id.and_then(|id| tables.get(id.0 as usize));
            table.map_or(Lookup::Absent, |table| of_table(table, op))
        }
        TableKey::Tracked(n, other) => {
            let Some(held) = tracked(t, n as usize) else {
                return if op == TableOp::Exists { Lookup::Value(0) } else { Lookup::Absent };
            };
            match other.and_then(|id| tables.get(id.0 as usize)) {
                None => of_held(held, op),
                Some(_) if op == TableOp::Exists => Lookup::Value(1),
                Some(table) => elsewhere(held, table, op),
            }
        }
        TableKey::Key(value, id) => {
            let Some(table) = id.and_then(|id| tables.get(id.0 as usize)) else { return Lookup::Absent };
            let scratch = Scratch::new();
            with_key(table, value, &scratch, |key| of_key(table, key, op)).unwrap_or(match op {
                TableOp::Expire | TableOp::Idle => Lookup::Absent,
                _ => Lookup::Value(0),
            })
        }
    }
}

/// A question about the entry that is tracked.
fn of_held(held: &Held, op: TableOp) -> Lookup<i64> {
    let table = &*held.table;
    let answer = |row: &mut Row<'_>| answer(table, row, op);
    let found = if changes(op) { held.update(answer) } else { held.peek(answer) };
    found.flatten().into()
}

/// A question about the entry of another table that has the same key.
fn elsewhere(held: &Held, table: &Table, op: TableOp) -> Lookup<i64> {
    if table.spec().key_type.name() != held.table.spec().key_type.name() {
        return Lookup::Absent;
    }
    // The key is taken out first: no two tables are locked at once.
    let mut room = [0; LONGEST_ON_STACK];
    let mut longer = Vec::new();
    let length = held.peek(|row| {
        let key = row.key();
        match room.get_mut(..key.len()) {
            Some(room) => room.copy_from_slice(key),
            None => longer.extend_from_slice(key),
        }
        key.len()
    });
    let key = room.get(..length.unwrap_or(0)).unwrap_or(&longer);
    match table.with(key, now(), |row| answer(table, row, op)) {
        Some(found) => found.into(),
        None => Lookup::Value(0),
    }
}

/// A question about the entry of a key, which is made where it is changed.
fn of_key(table: &Table, key: &[u8], op: TableOp) -> Lookup<i64> {
    if changes(op) {
        return table.update(key, now(), |row| answer(table, row, op)).ok().flatten().into();
    }
    match table.with(key, now(), |row| answer(table, row, op)) {
        Some(found) => found.into(),
        None if matches!(op, TableOp::Expire | TableOp::Idle) => Lookup::Absent,
        None => Lookup::Value(0),
    }
}

fn of_table(table: &Table, op: TableOp) -> Lookup<i64> {
    table.expire(now(), EXPIRED_AT_ONCE);
    let used = table.used();
    Lookup::Value(match op {
        TableOp::Available => table.size().saturating_sub(used),
        _ => used,
    } as i64)
}

const fn changes(op: TableOp) -> bool {
    matches!(op, TableOp::Increment(_) | TableOp::Clear(_) | TableOp::CountConnection)
}

/// The answer of one entry; `None` where the table does not store what is asked for.
fn answer(table: &Table, row: &mut Row<'_>, op: TableOp) -> Option<i64> {
    let value = match op {
        TableOp::Read(TableData::BytesIn) => row.value(Data::BytesInCnt, 0)? >> 10,
        TableOp::Read(TableData::BytesOut) => row.value(Data::BytesOutCnt, 0)? >> 10,
        TableOp::Read(TableData::BytesInRate) => scaled(table, row.value(Data::BytesInRate, 0)?),
        TableOp::Read(TableData::BytesOutRate) => scaled(table, row.value(Data::BytesOutRate, 0)?),
        TableOp::Read(data) => {
            let (data, index) = column(data);
            row.value(data, index)?
        }
        TableOp::Rate(data) => {
            let (data, index) = rate_of(data)?;
            row.value(data, index)?
        }
        TableOp::Increment(data) => {
            let rated = rate_of(data).and_then(|(data, index)| row.add(data, index, 1));
            let (data, index) = column(data);
            row.add(data, index, 1).or(rated).unwrap_or(0)
        }
        TableOp::Clear(data) => {
            let (data, index) = column(data);
            let before = row.value(data, index)?;
            row.set(data, index, 0);
            before
        }
        TableOp::CountConnection => {
            row.add(Data::ConnRate, 0, 1);
            row.add(Data::ConnCnt, 0, 1)?
        }
        TableOp::Exists => 1,
        TableOp::Trackers => row.users().into(),
        TableOp::Expire => row.expires_in(),
        TableOp::Idle => table.expire_after().unwrap_or(0).saturating_sub(row.expires_in()),
        TableOp::Used | TableOp::Available => return None,
    };
    i64::try_from(value).ok()
}

/// A rate of bytes is kept in units of `brates-factor`.
fn scaled(table: &Table, rate: u64) -> u64 {
    rate.saturating_mul(table.spec().byte_rate_factor.into())
}

fn column(data: TableData) -> (Data, u32) {
    match data {
        TableData::Gpc(n) => (Data::Gpc, n),
        TableData::Gpt(n) => (Data::Gpt, n),
        TableData::Gpc0 => (Data::Gpc0, 0),
        TableData::Gpc1 => (Data::Gpc1, 0),
        TableData::Gpt0 => (Data::Gpt0, 0),
        TableData::ServerId => (Data::ServerId, 0),
        TableData::ConnCnt => (Data::ConnCnt, 0),
        TableData::ConnCur => (Data::ConnCur, 0),
        TableData::ConnRate => (Data::ConnRate, 0),
        TableData::SessCnt => (Data::SessCnt, 0),
        TableData::SessRate => (Data::SessRate, 0),
        TableData::HttpReqCnt => (Data::HttpReqCnt, 0),
        TableData::HttpReqRate => (Data::HttpReqRate, 0),
        TableData::HttpErrCnt => (Data::HttpErrCnt, 0),
        TableData::HttpErrRate => (Data::HttpErrRate, 0),
        TableData::HttpFailCnt => (Data::HttpFailCnt, 0),
        TableData::HttpFailRate => (Data::HttpFailRate, 0),
        TableData::BytesIn => (Data::BytesInCnt, 0),
        TableData::BytesInRate => (Data::BytesInRate, 0),
        TableData::BytesOut => (Data::BytesOutCnt, 0),
        TableData::BytesOutRate => (Data::BytesOutRate, 0),
        TableData::GlitchCnt => (Data::GlitchCnt, 0),
        TableData::GlitchRate => (Data::GlitchRate, 0),
    }
}

fn rate_of(data: TableData) -> Option<(Data, u32)> {
    match data {
        TableData::Gpc(n) => Some((Data::GpcRate, n)),
        TableData::Gpc0 => Some((Data::Gpc0Rate, 0)),
        TableData::Gpc1 => Some((Data::Gpc1Rate, 0)),
        _ => None,
    }
}

/// The table for a line, over what is known of it from before.
pub(crate) fn make(line: &StickTable, before: Option<&Arc<Table>>, seed: impl FnOnce() -> u64) -> Arc<Table> {
    match before {
        Some(table) if table.fits(&line.spec) => {
            table.adopt(&line.spec);
            table.clone()
        }
        Some(table) => Arc::new(Table::succeeding(line.spec.clone(), table, now())),
        None => Arc::new(Table::new(line.spec.clone(), seed())),
    }
}

/// Takes expired entries away as long as the worker lives.
pub(crate) async fn sweep(worker: Rc<Worker>) {
    let timer = worker.wheel.timer();
    loop {
        let tables = worker.view().snapshot.tables.clone();
        let next = tables.iter().filter_map(|table| {
            table.expire(now(), SWEPT_AT_ONCE);
            table.next_expiry()
        });
        let wait = next.min().map_or(LONGEST_REST, |at| at.saturating_sub(now()));
        let wait = Duration::from_millis(wait.clamp(SHORTEST_REST, LONGEST_REST));
        timer.set(clock::now().after(Some(wait)));
        poll_fn(|cx| if timer.poll_expired(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// Expired entries per shard that one sweep takes away, and milliseconds between sweeps.
const SWEPT_AT_ONCE: usize = 1024;
const SHORTEST_REST: u64 = 20;
const LONGEST_REST: u64 = 1000;
const LONGEST_ON_STACK: usize = 64;
/// Expired entries per shard that a look at the number of entries takes with it.
const EXPIRED_AT_ONCE: usize = 64;
