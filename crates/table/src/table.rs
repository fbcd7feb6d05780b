//! A stick table shared by all workers.

use crate::data::Schema;
use crate::entry::{Entry, Row};
use crate::filter::Filter;
use crate::key::{Key, KeyType};
use crate::shard::Shard;
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A `stick-table` line.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Name of the table: that of its proxy, or of the `table` line.
    pub name: String,
    /// `type`.
    pub key_type: KeyType,
    /// `size` in rows.
    pub size: usize,
    /// `expire` in milliseconds; rows stay for ever without it.
    pub expire: Option<u64>,
    /// `nopurge`: a full table refuses new rows.
    pub nopurge: bool,
    /// `recv-only`.
    pub recv_only: bool,
    /// `write-to`.
    pub write_to: Option<String>,
    /// `brates-factor`, 1 where it is not given: bytes per unit of `bytes_in_rate` and
    /// `bytes_out_rate`.
    pub byte_rate_factor: u32,
    /// `store`.
    pub schema: Schema,
    /// `srvkey addr`: servers are known by their addresses, else by their names.
    pub server_by_address: bool,
    /// Whether updates are logged for peers.
    pub logged: bool,
}

/// A stick table. All operations take `&self` and a shard's lock for their duration; a function
/// given to one of them must not ask the table for rows; the names of servers it may ask for.
#[derive(Debug)]
pub struct Table {
    spec: Spec,
    /// Seed of the hash, unpredictable to clients.
    seed: u64,
    limits: Limits,
    shards: Box<[Mutex<Shard>]>,
    used: AtomicUsize,
    words: Mutex<Vec<Arc<str>>>,
}

/// What a new configuration may change of a table that stays.
#[derive(Debug)]
struct Limits {
    size: AtomicUsize,
    /// `expire`, `u64::MAX` where rows stay for ever.
    expire: AtomicU64,
    nopurge: AtomicBool,
}

/// A row held by a stream (`track-sc`): it stays until it is given back by [`Table::release`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the row stays for ever if it is not released"]
pub struct Tracked {
    shard: usize,
    row: u32,
}

/// The table is full and no row may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFull;

/// Where a reader of updates stands in one shard's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// The shard, from 0.
    pub shard: usize,
    /// Number of the last update read; 0 at the start.
    pub number: u64,
}

/// What became of a row that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// A stream tracks it, so it stays.
    InUse,
    /// There was none.
    Absent,
}

// === impl Table ===

impl Table {
    /// An empty table; `seed` is that of its hash.
    pub fn new(spec: Spec, seed: u64) -> Self {
        // One shard keeps exact what goes first where the table is small enough to fill.
        let width = spec.schema.slots();
        let shards = (spec.size / ROWS_PER_SHARD).next_power_of_two().clamp(1, MAX_SHARDS);
        let limits = Limits::of(&spec);
        Self {
            spec,
            seed,
            limits,
            shards: (0..shards).map(|_| Mutex::new(Shard::new(width))).collect(),
            used: AtomicUsize::new(0),
            words: Mutex::new(Vec::new()),
        }
    }

    /// The line it was made from.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// A table for another line of the same name, with the rows of `old` as far as their data is stored in both.
    /// Rows that are held stay held in `old`.
    pub fn succeeding(spec: Spec, old: &Self, now: u64) -> Self {
        let table = Self::new(spec, old.seed);
        if table.spec.key_type == old.spec.key_type {
            old.for_each(&[], now, |row| {
                // One that finds no room is lost, as it would be in a full table.
                let _ = table.update(row.key(), now, |to| to.copy(row));
            });
            *table.words.lock() = old.words.lock().clone();
        }
        table
    }

    /// Whether rows of this table fit another line.
    pub fn fits(&self, spec: &Spec) -> bool {
        self.spec.key_type == spec.key_type
            && self.spec.schema == spec.schema
            && self.spec.byte_rate_factor == spec.byte_rate_factor
            && self.spec.server_by_address == spec.server_by_address
    }

    /// Takes over the size and the times of another line that it fits.
    pub fn adopt(&self, spec: &Spec) {
        self.limits.size.store(spec.size, Relaxed);
        self.limits.expire.store(spec.expire.unwrap_or(u64::MAX), Relaxed);
        self.limits.nopurge.store(spec.nopurge, Relaxed);
    }

    /// Rows that there may be (`size:`).
    pub fn size(&self) -> usize {
        self.limits.size.load(Relaxed)
    }

    /// Milliseconds that an unused row stays, where it goes at all.
    pub fn expire_after(&self) -> Option<u64> {
        Some(self.limits.expire.load(Relaxed)).filter(|expire| *expire != u64::MAX)
    }

    /// Rows in the table (`used:`).
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Looks at a row, or changes its values, without prolonging it. `None` where there is none.
    pub fn with<R>(&self, key: &[u8], now: u64, act: impl FnOnce(&mut Row<'_>) -> R) -> Option<R> {
        let (place, hash, mut shard) = self.locate(key)?;
        let at = self.live(&mut shard, hash, key, now)?;
        self.act(place, &mut shard, at, now, act)
    }

    /// Changes a row that is there, and prolongs it. `None` where there is none.
    pub fn touch<R>(&self, key: &[u8], now: u64, act: impl FnOnce(&mut Row<'_>) -> R) -> Option<R> {
        let (place, hash, mut shard) = self.locate(key)?;
        let at = self.live(&mut shard, hash, key, now)?;
        self.refresh(&mut shard, at, now);
        self.act(place, &mut shard, at, now, act)
    }

    /// Looks at the row of this [`Row::id`], without prolonging it. `None` where there is none.
    pub fn with_id<R>(&self, id: u64, now: u64, act: impl FnOnce(&mut Row<'_>) -> R) -> Option<R> {
        let (place, at) = place_of(id);
        let mut shard = self.shards.get(place)?.lock();
        self.act(place, &mut shard, at, now, act)
    }

    /// Changes a row, made if need be, and prolongs it.
    pub fn update<R>(
        &self,
        key: &[u8],
        now: u64,
        act: impl FnOnce(&mut Row<'_>) -> R,
    ) -> Result<R, TableFull> {
        let (place, at, mut shard) = self.obtain(key, now)?;
        self.refresh(&mut shard, at, now);
        self.act(place, &mut shard, at, now, act).ok_or(TableFull)
    }

    /// Holds a row, made if need be, changes it and prolongs it.
    pub fn track(&self, key: &[u8], now: u64, act: impl FnOnce(&mut Row<'_>)) -> Result<Tracked, TableFull> {
        let (place, at, mut shard) = self.obtain(key, now)?;
        self.refresh(&mut shard, at, now);
        if let Some(row) = shard.row(at) {
            row.users += 1;
        }
        self.act(place, &mut shard, at, now, act);
        Ok(Tracked { shard: place, row: at })
    }

    /// Changes a held row and prolongs it. The row is there as long as the hold is, so `None` cannot be for a hold
    /// of this table.
    pub fn tracked<R>(&self, held: &Tracked, now: u64, act: impl FnOnce(&mut Row<'_>) -> R) -> Option<R> {
        let mut shard = self.shards.get(held.shard)?.lock();
        self.refresh(&mut shard, held.row, now);
        self.act(held.shard, &mut shard, held.row, now, act)
    }

    /// Looks at a held row, which is no update to peers.
    pub fn peek<R>(&self, held: &Tracked, now: u64, act: impl FnOnce(&mut Row<'_>) -> R) -> Option<R> {
        let mut shard = self.shards.get(held.shard)?.lock();
        self.act(held.shard, &mut shard, held.row, now, act)
    }

    /// Changes a held row for the last time, gives it back and prolongs it.
    pub fn release(&self, held: Tracked, now: u64, act: impl FnOnce(&mut Row<'_>)) {
        let Some(shard) = self.shards.get(held.shard) else { return };
        let mut shard = shard.lock();
        self.act(held.shard, &mut shard, held.row, now, act);
        if let Some(row) = shard.row(held.row) {
            row.users = row.users.saturating_sub(1);
        }
        shard.touch(held.row, self.expiry(now), self.slack());
    }

    /// Removes a row that nobody tracks.
    pub fn remove(&self, key: &[u8], now: u64) -> Removal {
        let Some((_, hash, mut shard)) = self.locate(key) else { return Removal::Absent };
        let Some(at) = self.live(&mut shard, hash, key, now) else { return Removal::Absent };
        self.remove_at(&mut shard, at)
    }

    /// Removes the row of this [`Row::id`], unless somebody tracks it.
    pub fn remove_id(&self, id: u64) -> Removal {
        let (place, at) = place_of(id);
        let Some(shard) = self.shards.get(place) else { return Removal::Absent };
        self.remove_at(&mut shard.lock(), at)
    }

    fn remove_at(&self, shard: &mut Shard, at: u32) -> Removal {
        if shard.row(at).is_none() {
            return Removal::Absent;
        }
        if shard.row(at).is_some_and(|row| row.users > 0) {
            return Removal::InUse;
        }
        shard.remove(at);
        self.used.fetch_sub(1, Relaxed);
        Removal::Removed
    }

    /// Removes every row that meets all conditions and is not tracked; how many went.
    pub fn clear(&self, filters: &[Filter], now: u64) -> usize {
        let mut gone = 0;
        for (place, shard) in self.shards.iter().enumerate() {
            let mut shard = shard.lock();
            let rows: Vec<u32> = shard.in_order().collect();
            for at in rows {
                let goes = self.act(place, &mut shard, at, now, |row| {
                    row.users() == 0 && filters.iter().all(|filter| filter.matches(row))
                });
                if goes == Some(true) {
                    shard.remove(at);
                    gone += 1;
                }
            }
        }
        self.used.fetch_sub(gone, Relaxed);
        gone
    }

    /// Shows every row that meets all conditions, shard by shard, least recently touched first.
    pub fn for_each(&self, filters: &[Filter], now: u64, mut show: impl FnMut(&mut Row<'_>)) {
        for (place, shard) in self.shards.iter().enumerate() {
            let mut shard = shard.lock();
            let rows: Vec<u32> = shard.in_order().collect();
            for at in rows {
                self.act(place, &mut shard, at, now, |row| {
                    let gone = row.entry.expires <= now && row.users() == 0;
                    if !gone && filters.iter().all(|filter| filter.matches(row)) {
                        show(row);
                    }
                });
            }
        }
    }

    /// Removes at most `budget` expired rows per shard; how many went. To be called now and then.
    pub fn expire(&self, now: u64, budget: usize) -> usize {
        let gone = self.shards.iter().map(|shard| shard.lock().expire(now, budget)).sum();
        self.used.fetch_sub(gone, Relaxed);
        gone
    }

    /// When the next row expires, for a timer.
    pub fn next_expiry(&self) -> Option<u64> {
        let next = self.shards.iter().filter_map(|shard| shard.lock().next_expiry()).min();
        next.filter(|&expires| expires != u64::MAX)
    }

    /// How many shards there are, for readers of updates.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Shows at most `limit` rows updated after `from`, in the order of their updates; where to go
    /// on from.
    pub fn updates(
        &self,
        from: Update,
        limit: usize,
        now: u64,
        mut show: impl FnMut(&mut Row<'_>),
    ) -> Update {
        let Some(shard) = self.shards.get(from.shard) else { return from };
        let mut shard = shard.lock();
        let rows: Vec<(u64, u32)> = shard.updated(from.number).take(limit).collect();
        let mut last = from;
        for (number, at) in rows {
            self.act(from.shard, &mut shard, at, now, &mut show);
            last.number = number;
        }
        last
    }

    /// The number that stands for a server key in `server_key`, from 1.
    pub fn word(&self, text: &str) -> u32 {
        let mut words = self.words.lock();
        let at = words.iter().position(|word| &**word == text).unwrap_or_else(|| {
            words.push(text.into());
            words.len() - 1
        });
        u32::try_from(at + 1).unwrap_or(0)
    }

    /// The server key a number stands for.
    pub fn text(&self, word: u32) -> Option<Arc<str>> {
        self.words.lock().get((word as usize).checked_sub(1)?).cloned()
    }

    /// The shard of a key, locked: its number, the key's hash, the shard. Never `None`, since a
    /// table is made with at least one shard and their number is a power of two.
    fn locate(&self, key: &[u8]) -> Option<(usize, u32, MutexGuard<'_, Shard>)> {
        let hash = xxh3_64_with_seed(key, self.seed);
        let place = (hash >> 32) as usize & (self.shards.len() - 1);
        Some((place, hash as u32, self.shards.get(place)?.lock()))
    }

    /// The row of a key unless it has expired, in which case it goes.
    fn live(&self, shard: &mut Shard, hash: u32, key: &[u8], now: u64) -> Option<u32> {
        let at = shard.find(hash, key)?;
        let row = shard.row(at)?;
        if row.expires > now || row.users > 0 {
            return Some(at);
        }
        shard.remove(at);
        self.used.fetch_sub(1, Relaxed);
        None
    }

    /// The row of a key, made if need be: its shard's number, its place, the locked shard.
    fn obtain(&self, key: &[u8], now: u64) -> Result<(usize, u32, MutexGuard<'_, Shard>), TableFull> {
        let (place, hash, mut shard) = self.locate(key).ok_or(TableFull)?;
        if let Some(at) = self.live(&mut shard, hash, key, now) {
            return Ok((place, at, shard));
        }
        drop(shard);
        self.reserve(place, now)?;
        let (_, _, mut shard) = self.locate(key).ok_or(TableFull)?;
        if let Some(at) = shard.find(hash, key) {
            self.used.fetch_sub(1, Relaxed);
            return Ok((place, at, shard));
        }
        let entry = Entry::new(Key::of(key), hash, self.expiry(now));
        let at = shard.insert(entry, |values| self.spec.schema.begin(values, now as u32));
        Ok((place, at, shard))
    }

    /// Makes room for one row, at the cost of the oldest where the table is full.
    fn reserve(&self, place: usize, now: u64) -> Result<(), TableFull> {
        if self.used.fetch_add(1, Relaxed) < self.size() {
            return Ok(());
        }
        let near = self.shards.iter().cycle().skip(place).take(self.shards.len());
        for shard in near {
            let mut shard = shard.lock();
            let mut gone = shard.expire(now, PURGE);
            if gone == 0 && !self.limits.nopurge.load(Relaxed) {
                gone = usize::from(shard.oldest_unused().is_some_and(|at| shard.remove(at).is_some()));
            }
            if gone > 0 {
                self.used.fetch_sub(gone, Relaxed);
                return Ok(());
            }
        }
        self.used.fetch_sub(1, Relaxed);
        Err(TableFull)
    }

    fn refresh(&self, shard: &mut Shard, at: u32, now: u64) {
        shard.touch(at, self.expiry(now), self.slack());
        if self.spec.logged {
            shard.log_update(at);
        }
    }

    /// For how long a row need not be put among the last touched again: what it saves is more than half of an
    /// update, and rows go in time all the same.
    fn slack(&self) -> u32 {
        (self.limits.expire.load(Relaxed) / 64).min(LONGEST_SLACK) as u32
    }

    fn expiry(&self, now: u64) -> u64 {
        now.saturating_add(self.limits.expire.load(Relaxed))
    }

    fn act<R>(
        &self,
        place: usize,
        shard: &mut Shard,
        at: u32,
        now: u64,
        act: impl FnOnce(&mut Row<'_>) -> R,
    ) -> Option<R> {
        let (entry, values) = shard.parts(at)?;
        let id = FIRST_ID + ((place as u64) << 32 | u64::from(at)) * ID_STEP;
        Some(act(&mut Row { entry, values, schema: &self.spec.schema, now, id }))
    }
}

// === impl Limits ===

impl Limits {
    fn of(spec: &Spec) -> Self {
        Self {
            size: AtomicUsize::new(spec.size),
            expire: AtomicU64::new(spec.expire.unwrap_or(u64::MAX)),
            nopurge: AtomicBool::new(spec.nopurge),
        }
    }
}

/// The shard and the row of a [`Row::id`].
fn place_of(id: u64) -> (usize, u32) {
    let place = id.wrapping_sub(FIRST_ID) / ID_STEP;
    if id < FIRST_ID || !id.is_multiple_of(ID_STEP) {
        return (usize::MAX, 0);
    }
    ((place >> 32) as usize, place as u32)
}

/// Numbers of rows look like addresses, which is what tools expect in their place.
const FIRST_ID: u64 = 0x7f00_0000_0000;
const ID_STEP: u64 = 16;

const MAX_SHARDS: usize = 64;
/// Milliseconds by which the order of touches may be wrong.
const LONGEST_SLACK: u64 = 4000;
/// Below this many rows a table is one shard.
const ROWS_PER_SHARD: usize = 4096;
/// Expired rows that a new one may take with it.
const PURGE: usize = 8;

#[cfg(test)]
mod tests;
