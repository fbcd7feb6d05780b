//! Tables of networks: the longest prefix that holds an address, by one hash look-up for each length that occurs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hashbrown::HashMap;

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
    /// By mask, longest first.
    v4: Vec<(u32, HashMap<u32, Numbers>)>,
    v6: Vec<(u128, HashMap<u128, Numbers>)>,
}

// === impl NetworkTable ===

impl NetworkTable {
    /// Adds a network under a number above all others.
    pub(super) fn add(&mut self, network: Network, n: u32) {
        match network {
            Network::V4(ip, mask) => {
                let (mask, ip) = (mask.to_bits(), ip.to_bits() & mask.to_bits());
                let at = self.v4.binary_search_by(|(m, _)| mask.cmp(m)).unwrap_or_else(|at| {
                    self.v4.insert(at, (mask, HashMap::new()));
                    at
                });
                if let Some((_, table)) = self.v4.get_mut(at) {
                    table.entry(ip).and_modify(|all| all.push(n)).or_insert(Numbers::One(n));
                }
            }
            Network::V6(ip, mask) => {
                let (mask, ip) = (mask.to_bits(), ip.to_bits() & mask.to_bits());
                let at = self.v6.binary_search_by(|(m, _)| mask.cmp(m)).unwrap_or_else(|at| {
                    self.v6.insert(at, (mask, HashMap::new()));
                    at
                });
                if let Some((_, table)) = self.v6.get_mut(at) {
                    table.entry(ip).and_modify(|all| all.push(n)).or_insert(Numbers::One(n));
                }
            }
        }
    }

    /// Takes out the network of a number.
    pub(super) fn remove(&mut self, network: Network, n: u32) {
        match network {
            Network::V4(ip, mask) => {
                let (mask, ip) = (mask.to_bits(), ip.to_bits() & mask.to_bits());
                take(&mut self.v4, mask, ip, n);
            }
            Network::V6(ip, mask) => {
                let (mask, ip) = (mask.to_bits(), ip.to_bits() & mask.to_bits());
                take(&mut self.v6, mask, ip, n);
            }
        }
    }

    /// The number of the longest network that holds the address, of its own family first.
    pub(super) fn find(&self, ip: IpAddr) -> Option<u32> {
        match ip {
            IpAddr::V4(ip) => self.find4(ip).or_else(|| self.find6(ip.to_ipv6_mapped())),
            IpAddr::V6(ip) => self.find6(ip).or_else(|| v6_to_v4(ip).and_then(|ip| self.find4(ip))),
        }
    }

    fn find4(&self, ip: Ipv4Addr) -> Option<u32> {
        let bits = ip.to_bits();
        self.v4.iter().find_map(|(mask, table)| table.get(&(bits & mask))?.first())
    }

    fn find6(&self, ip: Ipv6Addr) -> Option<u32> {
        let bits = ip.to_bits();
        self.v6.iter().find_map(|(mask, table)| table.get(&(bits & mask))?.first())
    }
}

fn take<B: Copy + Ord + std::hash::Hash>(tables: &mut Vec<(B, HashMap<B, Numbers>)>, mask: B, ip: B, n: u32) {
    let Ok(at) = tables.binary_search_by(|(m, _)| mask.cmp(m)) else { return };
    let Some((_, table)) = tables.get_mut(at) else { return };
    if table.get_mut(&ip).is_some_and(|all| all.remove(n)) {
        table.remove(&ip);
    }
    if table.is_empty() {
        tables.remove(at);
    }
}
