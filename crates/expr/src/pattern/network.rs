//! Tables of networks: the longest prefix that holds an address, by one hash look-up for each length that occurs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hashbrown::HashMap;

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
    v4: Vec<(u32, HashMap<u32, u32>)>,
    v6: Vec<(u128, HashMap<u128, u32>)>,
}

// === impl NetworkTable ===

impl NetworkTable {
    /// Adds a network; one that is there already keeps its number.
    pub(super) fn add(&mut self, network: Network, n: u32) {
        match network {
            Network::V4(ip, mask) => {
                let (mask, ip) = (mask.to_bits(), ip.to_bits() & mask.to_bits());
                let at = self.v4.binary_search_by(|(m, _)| mask.cmp(m)).unwrap_or_else(|at| {
                    self.v4.insert(at, (mask, HashMap::new()));
                    at
                });
                if let Some((_, table)) = self.v4.get_mut(at) {
                    table.entry(ip).or_insert(n);
                }
            }
            Network::V6(ip, mask) => {
                let (mask, ip) = (mask.to_bits(), ip.to_bits() & mask.to_bits());
                let at = self.v6.binary_search_by(|(m, _)| mask.cmp(m)).unwrap_or_else(|at| {
                    self.v6.insert(at, (mask, HashMap::new()));
                    at
                });
                if let Some((_, table)) = self.v6.get_mut(at) {
                    table.entry(ip).or_insert(n);
                }
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
        self.v4.iter().find_map(|(mask, table)| table.get(&(bits & mask)).copied())
    }

    fn find6(&self, ip: Ipv6Addr) -> Option<u32> {
        let bits = ip.to_bits();
        self.v6.iter().find_map(|(mask, table)| table.get(&(bits & mask)).copied())
    }
}
