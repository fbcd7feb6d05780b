//! Backends of `mode log`: every line goes to one of their servers (manual, 4.2 "mode log", "balance log-hash").

use std::sync::Arc;

use weir_balance::hash::Hashing;
use weir_expr::{Expr, Lookup, Scope, Scratch, Type, Value, VarRef};

use super::channel::Channel;
use super::destination::{Destination, Destinations};
use crate::balance;
use crate::clock;
use crate::conf::{Endpoint, LogTransport};
use crate::farm::{Choice, Farm, Wish};
use crate::snapshot::Proxy;

/// The servers of such a backend, and how one is chosen.
#[derive(Debug)]
pub(crate) struct Balanced {
    farm: Arc<Farm>,
    /// Where each server's lines go, by its number.
    servers: Vec<Option<Arc<Destination>>>,
    /// What of a line is hashed.
    key: Option<(Arc<Expr>, Hashing)>,
}

/// The ways to its servers that one sender has open.
#[derive(Debug, Default)]
pub(crate) struct Ways(Vec<Option<Channel>>);

/// A line, as the converters of `log-hash` see it: the value of any variable.
struct Message<'m>(&'m [u8]);

// === impl Balanced ===

impl Balanced {
    pub(super) fn new(backend: &Proxy, destinations: &Destinations) -> Self {
        let way = |server: &crate::snapshot::Server| {
            let transport = match (&server.conf.endpoint, server.conf.datagrams) {
                (Some(Endpoint::Inet(address)), true) => LogTransport::Udp(*address),
                _ => LogTransport::Ring(ring_name(&backend.conf.name, &server.conf.name)),
            };
            destinations.find(&transport)
        };
        let most = backend.servers.iter().map(|s| s.index + 1).max().unwrap_or(0);
        let mut servers = vec![None; most];
        for server in &backend.servers {
            if let Some(place) = servers.get_mut(server.index) {
                *place = Some(way(server));
            }
        }
        let key = match &backend.key {
            balance::Key::Expr(expr) => Some((expr.clone(), backend.conf.hash.hashing)),
            _ => None,
        };
        Self { farm: backend.farm.clone(), servers, key }
    }

    /// The hash of a line's message, where lines go by one.
    pub(super) fn hash(&self, message: &[u8], scratch: &Scratch) -> Option<u32> {
        let (expr, hashing) = self.key.as_ref()?;
        let message = Message(message);
        match expr.eval_as(Type::Str, &message, scratch) {
            Lookup::Value(value) | Lookup::Partial(value) => value.bytes().map(|bytes| hashing.of(bytes)),
            _ => None,
        }
    }

    /// Sends lines, each to its server; how many were dropped. `hashes` are those of the lines, where they go by them.
    pub(super) fn send(&self, ways: &mut Ways, lines: &[&[u8]], hashes: &[Option<u32>]) -> u64 {
        let mut dropped = 0;
        for (at, line) in lines.iter().enumerate() {
            let wish = Wish { hash: hashes.get(at).copied().flatten(), ..Wish::default() };
            let way = match self.farm.choose(wish, clock::now()) {
                Choice::Serve(slot) => self.way(ways, slot.server()),
                _ => None,
            };
            dropped += way.map_or(1, |channel| channel.send(&[*line]));
        }
        dropped
    }

    fn way<'w>(&self, ways: &'w mut Ways, server: usize) -> Option<&'w mut Channel> {
        let destination = self.servers.get(server)?.as_ref()?;
        if ways.0.len() <= server {
            ways.0.resize_with(server + 1, || None);
        }
        Some(ways.0.get_mut(server)?.get_or_insert_with(|| destination.open()))
    }
}

impl Scope for Message<'_> {
    fn var<'a>(&'a self, _: &VarRef, _: &'a Scratch) -> Option<Value<'a>> {
        Some(Value::Str(self.0))
    }
}

/// The ring behind a server that is no receiver of datagrams.
pub(crate) fn ring_name(backend: &str, server: &str) -> String {
    format!("{backend}/{server}")
}
