//! `balance roundrobin`: turns in proportion to weights, spread as evenly as whole numbers allow.
//!
//! A server of weight `w` among a total of `W` is due every `W / w` picks, the remainder being
//! carried from turn to turn. Who is due longest goes first; who has no due time yet goes by
//! weight, heaviest first, at the first pick for which nobody is due. Turns are dealt out in
//! rounds of `W` picks: a turn beyond the round's end is parked, and the next round starts, by
//! weight again, when nobody has a turn left. The order is that of HAProxy, pick for pick.

use crate::farm::Farm;
use crate::heap::ServerHeap;

/// The turns of one group of servers (active or backup).
#[derive(Clone, Debug)]
pub(crate) struct RoundRobin {
    turns: Vec<Turn>,
    /// Servers with a turn in this round.
    due: ServerHeap,
    /// Servers that have had no turn in this round yet, heaviest first.
    fresh: ServerHeap,
    /// Servers whose next turn is in the next round, heaviest first.
    parked: ServerHeap,
    position: u64,
    /// Position at which the round started.
    start: u64,
    /// Picks of the round: the total weight when it started.
    round: u64,
    total: u64,
    /// Servers looked at and left in the pick under way; kept for its room.
    skipped: Vec<usize>,
}

/// Where one server stands.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    weight: u64,
    /// Position of the last turn.
    last: u64,
    /// Position of the next turn; `None` before the first of a round.
    next: Option<u64>,
    /// Remainder of the divisions so far.
    carry: u64,
}

// === impl RoundRobin ===

impl RoundRobin {
    /// Turns over that many servers, all of them out.
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            turns: vec![Turn::default(); servers],
            due: ServerHeap::new(servers),
            fresh: ServerHeap::new(servers),
            parked: ServerHeap::new(servers),
            position: 0,
            start: 0,
            round: 0,
            total: 0,
            skipped: Vec::with_capacity(servers),
        }
    }

    /// Makes room for that many servers.
    pub(crate) fn resize(&mut self, servers: usize) {
        self.turns.resize(servers.max(self.turns.len()), Turn::default());
        for heap in [&mut self.due, &mut self.fresh, &mut self.parked] {
            heap.resize(servers);
        }
    }

    /// Gives a server a weight in sixteenths; 0 takes it out.
    pub(crate) fn set_weight(&mut self, server: usize, units: u32) {
        let Some(turn) = self.turns.get_mut(server) else { return };
        let (old, new) = (turn.weight, u64::from(units));
        if old == new {
            return;
        }
        if self.round == 0 && old > 0 {
            self.start_round();
        }
        let Some(turn) = self.turns.get_mut(server) else { return };
        turn.weight = new;
        self.total = self.total - old + new;
        for heap in [&mut self.due, &mut self.fresh, &mut self.parked] {
            heap.remove(server);
        }
        if self.round == 0 && new > 0 {
            self.parked.put(server, heaviest_first(new));
        } else if new > 0 {
            self.enter(server);
        }
    }

    /// The server whose turn it is. A server without room loses its turn; `avoid` is taken only
    /// where nobody else can be. `None` when all are full or none is in.
    pub(crate) fn pick<F: Farm + ?Sized>(&mut self, avoid: Option<usize>, farm: &F) -> Option<usize> {
        self.skipped.clear();
        let mut renewed = false;
        let mut avoided = None;
        let chosen = loop {
            let Some(server) = self.take() else {
                if renewed || self.parked.is_empty() {
                    break avoided;
                }
                self.start_round();
                renewed = true;
                continue;
            };
            self.advance(server);
            if farm.load(server).has_room() {
                if avoid != Some(server) {
                    break Some(server);
                }
                avoided = Some(server);
            }
            self.skipped.push(server);
        };
        if let Some(server) = chosen {
            self.queue(server);
        }
        while let Some(server) = self.skipped.pop() {
            if Some(server) == chosen {
                continue;
            }
            if renewed {
                self.forget_turn(server);
            } else {
                self.queue(server);
            }
        }
        chosen
    }

    /// Takes the next server out of its place, whether it has room or not.
    fn take(&mut self) -> Option<usize> {
        let next = |server: usize| self.turns.get(server).and_then(|turn| turn.next);
        let due_now =
            self.due.first().and_then(|e| next(e.server())).is_some_and(|next| next <= self.position);
        let from = if due_now || self.fresh.is_empty() { &mut self.due } else { &mut self.fresh };
        from.pop().map(|entry| entry.server())
    }

    /// Counts a turn and says when the next one is due.
    fn advance(&mut self, server: usize) {
        let (position, total) = (self.position, self.total);
        self.position += 1;
        let Some(turn) = self.turns.get_mut(server) else { return };
        let weight = turn.weight.max(1);
        turn.last = turn.next.unwrap_or(position);
        turn.carry += total % weight;
        let extra = u64::from(turn.carry >= weight);
        turn.carry -= extra * weight;
        turn.next = Some(turn.last + total / weight + extra);
    }

    /// Puts a server where its next turn says.
    fn queue(&mut self, server: usize) {
        let end = self.start + self.round.min(self.total);
        let Some(turn) = self.turns.get_mut(server) else { return };
        match turn.next {
            Some(next) if next < end => self.due.put(server, due_key(next, turn)),
            _ => self.parked.put(server, heaviest_first(turn.weight)),
        }
    }

    /// A server comes in, or its weight changes: its next turn is as far away as its weight says of what is left of
    /// the round.
    fn enter(&mut self, server: usize) {
        let (position, left) = (self.position, (self.start + self.total).saturating_sub(self.position));
        let Some(turn) = self.turns.get_mut(server) else { return };
        turn.next = Some(position + left / turn.weight.max(1));
        self.queue(server);
    }

    /// Puts a server among those that have had no turn yet.
    fn forget_turn(&mut self, server: usize) {
        let Some(turn) = self.turns.get_mut(server) else { return };
        turn.next = None;
        turn.carry = 0;
        self.fresh.put(server, heaviest_first(turn.weight));
    }

    /// Starts a round of as many picks as there is weight.
    fn start_round(&mut self) {
        self.start = self.position;
        self.round = self.total;
        while let Some(entry) = self.parked.pop() {
            self.forget_turn(entry.server());
        }
    }
}

/// Key of a turn: at the same position, who has carried less for its weight goes first. What was carried for a
/// weight that is no more may count for positions.
fn due_key(next: u64, turn: &Turn) -> u64 {
    next * POSITION + (MAX_UNITS + turn.carry).saturating_sub(turn.weight) / 16
}

/// Key that puts the heaviest server first.
fn heaviest_first(weight: u64) -> u64 {
    u64::MAX - weight
}

const MAX_UNITS: u64 = 4096;
/// What a position counts among the keys of turns.
const POSITION: u64 = 256;
