//! The consistent ring (`hash-type consistent`, `random`): each server stands at as many places as
//! its weight has sixteenths, and a key belongs to the nearest place.
//!
//! All places a server may ever take are computed once; a change of weight filters them again.

use crate::farm::{Farm, Member, RingKey};
use crate::hash::avalanche;
use xxhash_rust::xxh32::xxh32;

/// What may happen to a key whose own server is full (`hash-preserve-affinity`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Affinity {
    /// The key keeps its server.
    #[default]
    Always,
    /// The key moves on when the server is at `maxconn`.
    MaxConn,
    /// The key moves on when the server's queue is at `maxqueue`.
    MaxQueue,
}

/// The ring of a group of servers.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    /// Every place of every server, by position: as many as its weight has ever asked for.
    places: Vec<Place>,
    /// What each server's places are spread from, and how many it has.
    spread: Vec<(u32, u32)>,
    /// The places that are taken now: position and server.
    taken: Vec<(u32, usize)>,
    weights: Vec<u32>,
    total: u32,
    cursor: u32,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    position: u32,
    server: usize,
    /// Which of the server's places it is; taken when its weight is above.
    rank: u32,
}

// === impl Ring ===

impl Ring {
    pub(crate) fn new(members: &[Member]) -> Self {
        let mut this = Self {
            places: Vec::new(),
            spread: Vec::new(),
            taken: Vec::new(),
            weights: vec![0; members.len()],
            total: 0,
            cursor: 0,
        };
        this.arrange(members);
        this
    }

    /// Deals out the places anew, as some servers have come or gone.
    pub(crate) fn arrange(&mut self, members: &[Member]) {
        self.places.clear();
        self.spread.clear();
        self.spread.extend(members.iter().map(|member| (seed(member), 0)));
        for (server, member) in members.iter().enumerate() {
            self.spread_out(server, u32::from(member.weight) * 16);
        }
        self.places.sort_by_key(|place| place.position);
        self.taken.reserve(self.places.len());
    }

    /// Gives a server places up to this number; whether any were new, and wait to be sorted in.
    fn spread_out(&mut self, server: usize, count: u32) -> bool {
        let Some((seed, had)) = self.spread.get_mut(server).filter(|(_, had)| *had < count) else {
            return false;
        };
        let (seed, new) = (*seed, *had..count);
        *had = count;
        let place = |rank| Place { position: avalanche(seed.wrapping_add(rank)), server, rank };
        self.places.extend(new.map(place));
        true
    }

    /// Takes over the weights in sixteenths, by server.
    pub(crate) fn set_weights(&mut self, weights: impl Iterator<Item = u32>) {
        self.weights.clear();
        self.weights.extend(weights);
        self.total = self.weights.iter().sum();
        let mut grown = false;
        for server in 0..self.weights.len() {
            grown |= self.spread_out(server, self.weight(server));
        }
        if grown {
            self.places.sort_by_key(|place| place.position);
        }
        let weights = &self.weights;
        self.taken.clear();
        self.taken.extend(
            self.places
                .iter()
                .filter(|place| weights.get(place.server).is_some_and(|&units| place.rank < units))
                .map(|place| (place.position, place.server)),
        );
    }

    /// The server nearest to `hash` that is not over `factor` percent of its fair share and not
    /// `avoid`; from there the ring is walked upwards.
    pub(crate) fn by_hash<F: Farm + ?Sized>(
        &self,
        hash: u32,
        rules: Rules,
        avoid: Option<usize>,
        farm: &F,
    ) -> Option<usize> {
        let nearest = self.nearest(hash)?;
        let mut walk = self.taken.iter().cycle().skip(nearest).take(self.taken.len());
        let fits = |server: usize| {
            let load = farm.load(server);
            let kept = match rules.affinity {
                Affinity::Always => true,
                Affinity::MaxConn => load.limit == 0 || load.sessions < load.limit,
                Affinity::MaxQueue => load.queue_has_room(),
            };
            kept && self.is_within_share(server, rules.balance_factor, farm)
        };
        let first = walk.next().map(|(_, server)| *server)?;
        if avoid != Some(first) && fits(first) {
            return Some(first);
        }
        let mut last = first;
        for &(_, server) in walk {
            if server == last {
                continue;
            }
            last = server;
            if avoid != Some(server) && fits(server) {
                return Some(server);
            }
        }
        Some(first)
    }

    /// The server of the next place on the ring, where there is no key.
    pub(crate) fn next<F: Farm + ?Sized>(&mut self, avoid: Option<usize>, farm: &F) -> Option<usize> {
        let count = self.taken.len();
        let start = self.taken.partition_point(|(position, _)| *position <= self.cursor);
        let mut avoided = None;
        let mut chosen = None;
        for &(position, server) in self.taken.iter().cycle().skip(start % count.max(1)).take(count) {
            if farm.load(server).has_room() {
                if avoid != Some(server) {
                    chosen = Some((position, server));
                    break;
                }
                avoided = avoided.or(Some((position, server)));
            }
        }
        let (position, server) = chosen.or(avoided)?;
        self.cursor = position;
        Some(server)
    }

    /// The weight of a server in sixteenths.
    pub(crate) fn weight(&self, server: usize) -> u32 {
        self.weights.get(server).copied().unwrap_or(0)
    }

    /// Index of the place nearest to `hash`, the lower one when both are as far.
    fn nearest(&self, hash: u32) -> Option<usize> {
        let above = self.taken.partition_point(|(position, _)| *position < hash);
        let upper = if above < self.taken.len() { above } else { 0 };
        let lower = above.checked_sub(1).unwrap_or(self.taken.len().saturating_sub(1));
        let up = self.taken.get(upper)?.0.wrapping_sub(hash);
        let down = hash.wrapping_sub(self.taken.get(lower)?.0);
        Some(if down <= up { lower } else { upper })
    }

    /// `hash-balance-factor`: whether one more session stays under the server's share. What all may have is dealt
    /// out in the order of the servers, by weight and in whole sessions, so that the last ones get what is left over.
    fn is_within_share<F: Farm + ?Sized>(&self, server: usize, factor: u32, farm: &F) -> bool {
        if factor == 0 {
            return true;
        }
        let mut left = (u64::from(farm.sessions() + 1) * u64::from(factor)).div_ceil(100);
        let mut others = u64::from(self.total);
        let mut share = 0;
        for &units in self.weights.iter().take(server.saturating_add(1)) {
            let units = u64::from(units);
            share = left * units / others.max(1);
            left = left.saturating_sub(share);
            others = others.saturating_sub(units);
        }
        u64::from(farm.load(server).sessions) < share.max(1)
    }
}

/// What the ring obeys beside the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) balance_factor: u32,
    pub(crate) affinity: Affinity,
}

/// What a server's places are spread from.
fn seed(member: &Member) -> u32 {
    match &member.ring_key {
        RingKey::Id => member.id.wrapping_mul(4096),
        RingKey::Id32 => avalanche(member.id.swap_bytes()),
        RingKey::Guid(guid) => xxh32(guid, 0),
        RingKey::Addr(ip) => avalanche(address(*ip)),
        RingKey::AddrPort(at) => avalanche(address(at.ip()).wrapping_add(avalanche(u32::from(at.port())))),
    }
}

/// An address as one number: its bytes lowest first, the words of IPv6 digested.
fn address(ip: std::net::IpAddr) -> u32 {
    match ip {
        std::net::IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
        std::net::IpAddr::V6(ip) => xxh32(&ip.octets(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::Load;

    /// Servers by their sessions.
    struct Busy(Vec<u32>);

    impl Farm for Busy {
        fn load(&self, server: usize) -> Load {
            Load { sessions: self.0[server], ..Load::default() }
        }

        fn sessions(&self) -> u32 {
            self.0.iter().sum()
        }
    }

    /// As the reference deals them out: what is left over goes to the last servers.
    #[test]
    fn shares_are_dealt_out_in_whole_sessions() {
        let rows = [
            (101, vec![1, 1], vec![0, 1], vec![true, true]),
            (101, vec![1, 1], vec![1, 0], vec![false, true]),
            (101, vec![1, 1, 1], vec![1, 1, 0], vec![false, false, true]),
            (101, vec![1, 1, 1], vec![0, 1, 1], vec![true, false, true]),
            (110, vec![2, 1], vec![1, 0], vec![true, true]),
            (110, vec![2, 1], vec![2, 0], vec![false, true]),
        ];
        for (factor, weights, sessions, wanted) in rows {
            let members: Vec<Member> = weights.iter().map(|weight| Member::up(1, *weight)).collect();
            let mut ring = Ring::new(&members);
            ring.set_weights(weights.iter().map(|weight| u32::from(*weight) * 16));
            let farm = Busy(sessions.clone());
            let fits: Vec<bool> =
                (0..weights.len()).map(|s| ring.is_within_share(s, factor, &farm)).collect();
            assert_eq!(fits, wanted, "{factor} {weights:?} {sessions:?}");
        }
    }
}
