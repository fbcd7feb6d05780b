//! What there is of HTTP/1 on a side of a proxy, as `show stat` tells it in its `h1_*` columns: connections and
//! messages, each counted for as long as it lives, and the octets that pass.

use std::rc::Rc;

use crate::local;
use crate::runtime::{Counter, Counters};

/// The side of a proxy for which something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// That of clients.
    Front,
    /// That of servers.
    Back,
}

/// Where something counts.
struct Place {
    proxy: Rc<local::Proxy>,
    side: Side,
}

/// A connection that counts.
pub(crate) struct Counted {
    place: Place,
    /// It lives on, on another worker.
    moves: bool,
}

/// A request and its answer that count.
pub(crate) struct CountedStream(Place);

// === impl Place ===

impl Place {
    fn counters(&self) -> &Counters {
        match self.side {
            Side::Front => self.proxy.front(),
            Side::Back => self.proxy.back(),
        }
    }
}

// === impl Counted ===

impl Counted {
    /// A connection that begins.
    pub(crate) fn new(proxy: &Rc<local::Proxy>, side: Side) -> Self {
        let this = Self::again(proxy, side);
        this.place.counters().h1_total_connections.add(1);
        this
    }

    /// One that was counted on another worker.
    pub(crate) fn again(proxy: &Rc<local::Proxy>, side: Side) -> Self {
        Self { place: Place { proxy: proxy.clone(), side }, moves: false }
    }

    /// It goes to another worker.
    pub(super) fn leave(mut self) {
        self.moves = true;
    }

    /// So many octets passed.
    pub(super) fn add(&self, which: fn(&Counters) -> &Counter, octets: usize) {
        which(self.place.counters()).add(octets as u64);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.moves {
            self.place.counters().h1_closed_connections.add(1);
        }
    }
}

// === impl CountedStream ===

impl CountedStream {
    /// A request that begins.
    pub(crate) fn new(proxy: &Rc<local::Proxy>, side: Side) -> Self {
        let this = Self(Place { proxy: proxy.clone(), side });
        this.0.counters().h1_total_streams.add(1);
        this
    }
}

impl Drop for CountedStream {
    fn drop(&mut self) {
        self.0.counters().h1_closed_streams.add(1);
    }
}
