//! Persistence by stick tables: the server is looked up by the rules of the backend, and written down when it has
//! answered (manual, 4.2 "stick match", "stick store-request", "stick store-response").
//!
//! Backends without such rules pay one look at their number.

use std::ops::Range;

use weir_expr::{Lookup, Side, Verdict as Holds};
use weir_table::{Data, Row, Table};

use crate::action::{RuleSet, Run};
use crate::conf::Options;
use crate::local;
use crate::scope::View;
use crate::tables;
use crate::transaction::Transaction;

/// The entries that are to be written when the server is known; their storage is recycled.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    keys: Vec<u8>,
    /// Numbers of tables, and where their keys lie.
    entries: Vec<(usize, Range<usize>)>,
}

// === impl Stores ===

impl Stores {
    /// Forgets them.
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.entries.clear();
    }

    fn has(&self, table: usize) -> bool {
        self.entries.iter().any(|(other, _)| *other == table)
    }

    fn put(&mut self, table: usize, key: &[u8]) {
        if self.entries.len() < MOST_STORES {
            let from = self.keys.len();
            self.keys.extend_from_slice(key);
            self.entries.push((table, from..self.keys.len()));
        }
    }
}

/// Runs the rules for requests: the server of the first that matches is the one, unless a cookie named another.
pub(crate) fn request(t: &mut Transaction) {
    if !t.proxy().conf().rules.sticks.is_empty() {
        run(t, Side::Client);
    }
}

/// Runs the rules for responses, and writes the server down.
pub(crate) fn response(t: &mut Transaction) {
    if t.proxy().conf().rules.sticks.is_empty() {
        return;
    }
    let stored = std::mem::take(&mut t.messages.stores);
    run(t, Side::Server);
    write(t, &stored);
    let from_response = std::mem::replace(&mut t.messages.stores, stored);
    write(t, &from_response);
    t.messages.stores.clear();
}

fn run(t: &mut Transaction, side: Side) {
    let backend = t.proxy().clone();
    let mut bench = std::mem::take(&mut t.messages.bench);
    let mut stores = std::mem::take(&mut t.messages.stores);
    for rule in &backend.conf().rules.sticks {
        let mine = rule.stores == Some(side) || (rule.matches && side == Side::Client);
        let at = rule.table.0 as usize;
        // One entry of each table is written: the first.
        let stored = rule.stores == Some(side) && !stores.has(at);
        if !mine || (!stored && !rule.matches) {
            continue;
        }
        bench.scratch.reset();
        let set = if side == Side::Client { RuleSet::HttpRequest } else { RuleSet::HttpResponse };
        let run = Run { t, bench: &mut bench, set, since: None };
        if rule.condition.as_ref().is_some_and(|c| run.test(c) != Holds::True) {
            continue;
        }
        let tables = run.t.client.frontend.shared.tables.clone();
        let Some(table) = tables.get(at) else { continue };
        let view = View::of_rules(run.t, set);
        let scratch = &run.bench.scratch;
        let value = match rule.key.eval(&view, scratch) {
            Lookup::Value(value) | Lookup::Partial(value) => value,
            _ => continue,
        };
        let free = run.t.facts.persisted.server.is_none();
        let found = tables::with_key(table, value, scratch, |key| {
            if stored {
                stores.put(at, key);
            }
            rule.matches.then(|| table.touch(key, tables::now(), |row| server_of(table, row, &backend)))
        });
        if let Some(server) = found.flatten().flatten().flatten().filter(|_| free) {
            run.t.facts.persisted.server = Some(server);
        }
    }
    t.messages.bench = bench;
    t.messages.stores = stores;
}

/// The server that an entry names, where it may be asked.
fn server_of(table: &Table, row: &Row<'_>, backend: &local::Proxy) -> Option<usize> {
    let key = row.value(Data::ServerKey, 0).and_then(|word| table.text(u32::try_from(word).ok()?));
    let by_key = key.and_then(|key| {
        backend.servers.iter().find(|s| match table.spec().server_by_address {
            true => address(s).as_deref() == Some(&*key),
            false => *s.conf().name == *key,
        })
    });
    let id = row.value(Data::ServerId, 0).filter(|id| *id != 0);
    let by_id = || id.and_then(|id| backend.servers.iter().find(|s| u64::from(s.conf().id) == id));
    let server = by_key.or_else(by_id)?;
    let asked = server.shared.runtime.is_running() || backend.has(Options::PERSIST);
    asked.then_some(server.shared.index)
}

/// Writes the server into entries.
fn write(t: &Transaction, stores: &Stores) {
    let Some(server) = t.assigned.as_ref().map(|a| &a.server) else { return };
    if server.conf().non_stick {
        return;
    }
    let tables = &t.client.frontend.shared.tables;
    for (at, range) in &stores.entries {
        let (Some(table), Some(key)) = (tables.get(*at), stores.keys.get(range.clone())) else { continue };
        let word = match table.spec().server_by_address {
            true => address(server).map_or(0, |address| table.word(&address)),
            false => table.word(&server.conf().name),
        };
        // A full table learns nothing.
        let _ = table.update(key, tables::now(), |row| {
            row.set(Data::ServerId, 0, server.conf().id.into());
            row.set(Data::ServerKey, 0, word.into());
        });
    }
}

/// A server's address, as tables know it by.
fn address(server: &local::Server) -> Option<String> {
    Some(match server.conf().endpoint.as_ref()? {
        crate::conf::Endpoint::Inet(address) => address.to_string(),
        other => format!("{other:?}"),
    })
}

/// Entries that one message may write.
const MOST_STORES: usize = 8;
