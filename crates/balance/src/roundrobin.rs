//! `balance roundrobin`: turns in proportion to weights, spread as evenly as whole numbers allow.
//!
//! A server of weight `w` among a total of `W` is due every `W / w` picks, the remainder being
//! carried from turn to turn. Who is due longest goes first; who has no due time yet goes by
//! weight, heaviest first, whenever nobody is due. Newcomers wait for the cycle of `W` picks under
//! way to end, so that a server that flaps cannot attract all traffic.

use crate::farm::{Farm, Member};
use crate::heap::ServerHeap;

/// The turns of one group of servers (active or backup).
#[derive(Clone, Debug)]
pub(crate) struct RoundRobin {
    turns: Vec<Turn>,
    /// Servers with a due position.
    due: ServerHeap,
    /// Servers without one in this cycle, heaviest first.
    fresh: ServerHeap,
    /// Servers that enter at the next cycle, heaviest first.
    joining: ServerHeap,
    position: u64,
    cycle: u64,
    cycle_start: u64,
    total: u64,
    /// Servers looked at and left in the pick under way; kept for its room.
    skipped: Vec<usize>,
}

/// Where one server stands.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    weight: u64,
    /// Position of the last turn, if there was one since the server entered.
    last: Option<u64>,
    /// Position of the next turn.
    next: u64,
    /// Remainder of the divisions so far.
    carry: u64,
}

// === impl RoundRobin ===

impl RoundRobin {
    /// Turns over `members`; those that are not `chosen` take no part.
    pub(crate) fn new(members: &[Member], chosen: impl Fn(usize) -> bool) -> Self {
        let count = members.len();
        let mut this = Self {
            turns: vec![Turn::default(); count],
            due: ServerHeap::new(count),
            fresh: ServerHeap::new(count),
            joining: ServerHeap::new(count),
            position: 0,
            cycle: 0,
            cycle_start: 0,
            total: 0,
            skipped: Vec::with_capacity(count),
        };
        for (server, member) in members.iter().enumerate() {
            if chosen(server) && member.in_farm() {
                this.set_weight(server, member.effective.units());
            }
        }
        std::mem::swap(&mut this.fresh, &mut this.joining);
        this.cycle = this.total;
        this
    }

    /// Gives a server a weight in sixteenths; 0 takes it out.
    pub(crate) fn set_weight(&mut self, server: usize, units: u32) {
        let Some(turn) = self.turns.get_mut(server) else { return };
        let (old, new) = (turn.weight, u64::from(units));
        if old == new {
            return;
        }
        turn.weight = new;
        self.total = self.total - old + new;
        if new == 0 {
            self.due.remove(server);
            self.fresh.remove(server);
            self.joining.remove(server);
        } else if old == 0 {
            turn.last = None;
            turn.carry = 0;
            self.joining.put(server, heaviest_first(new));
        } else if self.fresh.contains(server) {
            self.fresh.put(server, heaviest_first(new));
        } else if self.joining.contains(server) {
            self.joining.put(server, heaviest_first(new));
        } else {
            turn.next = turn.last.unwrap_or(self.position) + self.total.div_ceil(new);
            turn.carry = 0;
            self.due.remove(server);
            self.queue(server);
        }
    }

    /// The server whose turn it is. A server without room loses its turn; `avoid` is taken only
    /// where nobody else can be. `None` when all are full or none is in.
    pub(crate) fn pick<F: Farm + ?Sized>(&mut self, avoid: Option<usize>, farm: &F) -> Option<usize> {
        self.skipped.clear();
        let mut renewed = false;
        let mut avoided = None;
        let chosen = loop {
            if self.position >= self.cycle_start + self.cycle {
                self.renew();
                renewed = true;
            }
            let Some(server) = self.take() else {
                if renewed || self.joining.is_empty() {
                    break avoided;
                }
                self.renew();
                renewed = true;
                continue;
            };
            self.advance(server);
            self.position += 1;
            if farm.load(server).has_room() {
                if avoid != Some(server) {
                    break Some(server);
                }
                avoided = Some(server);
            }
            self.skipped.push(server);
        };
        while let Some(server) = self.skipped.pop() {
            self.queue(server);
        }
        if let Some(server) = chosen {
            self.queue(server);
        }
        chosen
    }

    /// Takes the next server out of its place, whether it has room or not.
    fn take(&mut self) -> Option<usize> {
        let due_now = self.due.first().is_some_and(|entry| entry.key() <= self.position);
        let from = if due_now || self.fresh.is_empty() { &mut self.due } else { &mut self.fresh };
        from.pop().map(|entry| entry.server())
    }

    /// Counts a turn and says when the next one is due.
    fn advance(&mut self, server: usize) {
        let position = self.position;
        let total = self.total;
        let Some(turn) = self.turns.get_mut(server) else { return };
        let base = if turn.last.is_none() { position } else { turn.next };
        turn.last = Some(base);
        turn.next = base + total / turn.weight.max(1);
        turn.carry += total % turn.weight.max(1);
        if turn.carry >= turn.weight {
            turn.carry -= turn.weight;
            turn.next += 1;
        }
    }

    /// Puts a server where its next turn says.
    fn queue(&mut self, server: usize) {
        let Some(turn) = self.turns.get_mut(server) else { return };
        if turn.weight > 0 {
            self.due.put(server, turn.next);
        }
    }

    /// Starts a new cycle and lets the newcomers in.
    fn renew(&mut self) {
        self.cycle_start = self.position;
        self.cycle = self.total;
        while let Some(entry) = self.joining.pop() {
            self.fresh.put(entry.server(), entry.key());
        }
    }
}

/// Key that puts the heaviest server first.
fn heaviest_first(weight: u64) -> u64 {
    u64::MAX - weight
}
