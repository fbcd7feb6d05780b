//! What an algorithm sees of a backend and its servers.
//!
//! The engine keeps sessions, queue lengths and limits in atomics of its own; it lends them here
//! through [`Farm`], one copy per server looked at. [`Member`] is the part that the configuration
//! gives and that seldom changes.

use crate::weight::Effective;

/// The momentary load of one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Sessions that hold a slot of the server now.
    pub sessions: u32,
    /// Requests that wait in the server's own queue.
    pub queued: u32,
    /// Dynamic `maxconn` of the moment (see [`crate::maxconn`]), 0 for none.
    pub limit: u32,
    /// `maxqueue`, 0 for none.
    pub queue_limit: u32,
    /// Sessions of the last second; `random` settles draws of equal load by it.
    pub rate: u32,
}

/// A backend's servers by index, in the order of the configuration.
pub trait Farm {
    /// The load of a server. An index that is unknown reads as idle.
    fn load(&self, server: usize) -> Load;
    /// Sessions of the whole backend that hold a slot of some server.
    fn sessions(&self) -> u32;
}

/// One server as a balancing algorithm is told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Numeric identifier: `id`, or the position in the list, from 1.
    pub id: u32,
    /// The configured weight, 0 to 256. Static algorithms use it and nothing else.
    pub weight: u16,
    /// The weight of the moment; 0 takes the server out of the farm.
    pub effective: Effective,
    /// Whether the server is up, ready and not drained.
    pub usable: bool,
    /// `backup`.
    pub backup: bool,
    /// What `hash-key` derives the server's places on the ring from.
    pub ring_key: RingKey,
}

/// Seed of a server's places on the consistent ring (`hash-key`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RingKey {
    /// From the numeric identifier's 28 low bits; also where an address or guid is not there.
    #[default]
    Id,
    /// From all 32 bits of the numeric identifier.
    Id32,
    /// From the `guid`.
    Guid(Vec<u8>),
    /// From the address.
    Addr(std::net::IpAddr),
    /// From the address and the port.
    AddrPort(std::net::SocketAddr),
}

// === impl Load ===

impl Load {
    /// Whether a request may be given to the server at once, nobody being overtaken.
    pub fn has_room(&self) -> bool {
        self.limit == 0 || (self.queued == 0 && self.sessions < self.limit)
    }

    /// Whether the server's own queue takes one more.
    pub fn queue_has_room(&self) -> bool {
        self.queue_limit == 0 || self.queued < self.queue_limit
    }
}

// === impl Member ===

impl Member {
    /// A server that is up at its full configured weight.
    pub fn up(id: u32, weight: u16) -> Self {
        Self {
            id,
            weight,
            effective: Effective::full(weight),
            usable: true,
            backup: false,
            ring_key: RingKey::Id,
        }
    }

    /// What stands in the place of a server that was taken away.
    pub(crate) fn gone() -> Self {
        Self { usable: false, ..Self::up(0, 0) }
    }

    /// The same as a `backup` server.
    pub fn backup(self) -> Self {
        Self { backup: true, ..self }
    }

    /// Whether the algorithm may pick it: usable, with a weight above 0.
    pub fn in_farm(&self) -> bool {
        self.usable && self.effective.units() > 0
    }
}

// === impl Farm ===

impl Farm for [Load] {
    fn load(&self, server: usize) -> Load {
        self.get(server).copied().unwrap_or_default()
    }

    fn sessions(&self) -> u32 {
        self.iter().map(|load| load.sessions).sum()
    }
}

impl Farm for Vec<Load> {
    fn load(&self, server: usize) -> Load {
        self.as_slice().load(server)
    }

    fn sessions(&self) -> u32 {
        self.as_slice().sessions()
    }
}
