//! Static maps: one slot per unit of weight (`static-rr`, and `hash-type map-based`).
//!
//! Weights are those of the configuration divided by their greatest common divisor; changes while
//! a server is up have no effect. The map is made anew when a server goes down or comes back,
//! which moves most keys: the manual's warning, kept because clients must stay where they are.

use crate::farm::{Farm, Member};
use crate::group::Group;

/// The slots of a group of servers.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    slots: Vec<usize>,
    /// Reduced weights, by server.
    weights: Vec<u32>,
    /// All keys lead to the first slot.
    keyless: bool,
    cursor: usize,
}

// === impl Map ===

impl Map {
    pub(crate) fn new(members: &[Member], group: Group) -> Self {
        let mut this = Self { slots: Vec::new(), weights: Vec::new(), keyless: false, cursor: 0 };
        this.reduce(members);
        this.rebuild(members, group);
        this
    }

    /// Takes over the configured weights, as some servers have come or gone.
    pub(crate) fn reduce(&mut self, members: &[Member]) {
        let divisor = members.iter().map(|member| u32::from(member.weight)).fold(0, gcd).max(1);
        self.weights.clear();
        self.weights.extend(members.iter().map(|member| u32::from(member.weight) / divisor));
    }

    /// Fills the slots for the servers of `group`, each spread by its share. Where the first backup alone is to
    /// serve, there are as many slots as it has weight, and where these are several the other backups take theirs
    /// all the same, as in the reference.
    pub(crate) fn rebuild(&mut self, members: &[Member], group: Group) {
        let weight = |server: usize| self.weights.get(server).copied().unwrap_or(1);
        self.keyless = matches!(group, Group::OneBackup(_));
        let candidates = match group {
            Group::OneBackup(first) if weight(first) > 1 => Group::AllBackups,
            _ => group,
        };
        let mut scores: Vec<(usize, i64, i64)> = members
            .iter()
            .zip(&self.weights)
            .enumerate()
            .filter(|(server, (member, _))| candidates.has(*server, member))
            .map(|(server, (_, weight))| (server, i64::from((*weight).max(1)), 0))
            .collect();
        let counted = |server| !matches!(group, Group::OneBackup(first) if first != server);
        let total: i64 =
            scores.iter().filter(|(server, ..)| counted(*server)).map(|(_, weight, _)| weight).sum();
        self.slots.clear();
        for _ in 0..total {
            let mut best = None;
            let mut best_level = 0;
            for (at, (_, weight, score)) in scores.iter_mut().enumerate() {
                *score += *weight;
                let level = (*score + total) / total;
                if best.is_none() || level > best_level {
                    (best, best_level) = (Some(at), level);
                }
            }
            let Some((server, _, score)) = best.and_then(|at| scores.get_mut(at)) else { return };
            *score -= total;
            self.slots.push(*server);
        }
    }

    /// The server a hash belongs to, whether it has room or not.
    pub(crate) fn by_hash(&self, hash: u32) -> Option<usize> {
        let at = (hash as usize).checked_rem(self.slots.len())?;
        self.slots.get(if self.keyless { 0 } else { at }).copied()
    }

    /// The next server in the order of the slots; one without room is passed over.
    pub(crate) fn next<F: Farm + ?Sized>(&mut self, avoid: Option<usize>, farm: &F) -> Option<usize> {
        let count = self.slots.len();
        let start = if self.cursor < count { self.cursor } else { 0 };
        let mut avoided = None;
        let order = self.slots.iter().enumerate().cycle().skip(start).take(count);
        for (at, &server) in order {
            if !farm.load(server).has_room() {
                continue;
            }
            if avoid != Some(server) {
                self.cursor = at + 1;
                return Some(server);
            }
            avoided = Some((at, server));
        }
        let (at, server) = avoided?;
        self.cursor = at + 1;
        Some(server)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
