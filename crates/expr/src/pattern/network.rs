//! Tables of networks: the longest prefix that holds an address, by one hash look-up for each length that occurs,
//! and a filter that spares most of them.

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::BitAnd;

use hashbrown::HashMap;

use super::filter::Filter;
use super::numbers::Numbers;
use crate::value::v6_to_v4;

/// A network: address and mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// IPv4.
    V4(Ipv4Addr, Ipv4Addr),
    /// IPv6.
    V6(Ipv6Addr, Ipv6Addr),
}

/// Networks with the number of the pattern that each came from.
#[derive(Clone, Debug, Default)]
pub(super) struct NetworkTable {
    v4: Family<u32>,
    v6: Family<u128>,
}

/// The networks of one kind of address.
#[derive(Clone, Debug, Default)]
struct Family<B> {
    /// By mask, longest first.
    tables: Vec<(B, HashMap<B, Numbers>)>,
    /// Knows the networks of all masks.
    filter: Filter,
}

/// An address or a mask.
trait Bits: Copy + Ord + Hash + BitAnd<Output = Self> {
    /// A hash of a network with this mask.
    fn mixed(self, mask: Self) -> u64;
}

// === impl NetworkTable ===

impl NetworkTable {
    /// Adds a network under a number above all others.
    pub(super) fn add(&mut self, network: Network, n: u32) {
        match network {
            Network::V4(ip, mask) => self.v4.add(ip.to_bits(), mask.to_bits(), n),
            Network::V6(ip, mask) => self.v6.add(ip.to_bits(), mask.to_bits(), n),
        }
    }

    /// Takes out the network of a number.
    pub(super) fn remove(&mut self, network: Network, n: u32) {
        match network {
            Network::V4(ip, mask) => self.v4.remove(ip.to_bits(), mask.to_bits(), n),
            Network::V6(ip, mask) => self.v6.remove(ip.to_bits(), mask.to_bits(), n),
        }
    }

    /// The number of the longest network that holds the address, of its own family first.
    pub(super) fn find(&self, ip: IpAddr) -> Option<u32> {
        match ip {
            IpAddr::V4(ip) => {
                self.v4.find(ip.to_bits()).or_else(|| self.v6.find(ip.to_ipv6_mapped().to_bits()))
            }
            IpAddr::V6(ip) => {
                self.v6.find(ip.to_bits()).or_else(|| v6_to_v4(ip).and_then(|ip| self.v4.find(ip.to_bits())))
            }
        }
    }
}

// === impl Family ===

impl<B: Bits> Family<B> {
    fn add(&mut self, ip: B, mask: B, n: u32) {
        let ip = ip & mask;
        let at = self.tables.binary_search_by(|(m, _)| mask.cmp(m)).unwrap_or_else(|at| {
            self.tables.insert(at, (mask, HashMap::new()));
            at
        });
        if let Some((_, table)) = self.tables.get_mut(at) {
            table.entry(ip).and_modify(|all| all.push(n)).or_insert(Numbers::One(n));
        }
        if !self.filter.is_full() {
            return self.filter.add(ip.mixed(mask));
        }
        self.filter = Filter::with_room(self.tables.iter().map(|(_, table)| table.len()).sum());
        for (mask, table) in &self.tables {
            table.keys().for_each(|ip| self.filter.add(ip.mixed(*mask)));
        }
    }

    fn remove(&mut self, ip: B, mask: B, n: u32) {
        let Ok(at) = self.tables.binary_search_by(|(m, _)| mask.cmp(m)) else { return };
        let Some((_, table)) = self.tables.get_mut(at) else { return };
        let ip = ip & mask;
        if table.get_mut(&ip).is_some_and(|all| all.remove(n)) {
            table.remove(&ip);
        }
        if table.is_empty() {
            self.tables.remove(at);
        }
    }

    fn find(&self, ip: B) -> Option<u32> {
        self.tables.iter().find_map(|(mask, table)| {
            let ip = ip & *mask;
            self.filter.may_hold(ip.mixed(*mask)).then(|| table.get(&ip)?.first())?
        })
    }
}

impl Bits for u32 {
    fn mixed(self, mask: Self) -> u64 {
        mix(u64::from(self) << 32 | u64::from(mask))
    }
}

impl Bits for u128 {
    fn mixed(self, mask: Self) -> u64 {
        let [high, low] = [(self >> 64) as u64, self as u64];
        mix(high ^ mix(low ^ u64::from(mask.count_ones())))
    }
}

const fn mix(bits: u64) -> u64 {
    let z = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 32)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest of those that hold the address, the first of those that are as long.
    fn slowly(all: &[(Network, u32)], ip: Ipv4Addr) -> Option<u32> {
        let holding = all.iter().filter_map(|(network, n)| match network {
            Network::V4(net, mask) if ip & mask == *net => Some((std::cmp::Reverse(mask.to_bits()), *n)),
            _ => None,
        });
        holding.min().map(|(_, n)| n)
    }

    #[test]
    fn tables_find_what_a_list_finds() {
        let random = |n: u32| mix(u64::from(n)) as u32;
        let mut all = Vec::new();
        let mut table = NetworkTable::default();
        for n in 0..3000 {
            // Few addresses, so that networks hold each other.
            let mask = Ipv4Addr::from_bits(u32::MAX.checked_shl(random(n) % 33).unwrap_or(0));
            let network = Network::V4(Ipv4Addr::from_bits(random(n + 10_000) & 0x0f03_0303) & mask, mask);
            table.add(network, n);
            all.push((network, n));
            if n % 3 == 0 {
                let (network, n) = all.swap_remove(random(n + 20_000) as usize % all.len());
                table.remove(network, n);
            }
            let ip = Ipv4Addr::from_bits(random(n + 30_000) & 0x0f03_0303);
            assert_eq!(table.find(IpAddr::V4(ip)), slowly(&all, ip), "{ip} after {n}");
        }
    }
}
