//! `balance first`: the server of the lowest identifier that has room.

use crate::farm::{Farm, Member};

/// The servers by identifier.
#[derive(Clone, Debug)]
pub(crate) struct First {
    by_id: Vec<usize>,
    chosen: Vec<bool>,
}

// === impl First ===

impl First {
    pub(crate) fn new(members: &[Member]) -> Self {
        let mut this = Self { by_id: Vec::new(), chosen: Vec::new() };
        this.arrange(members);
        this
    }

    /// Sorts the servers anew, as some have come or gone.
    pub(crate) fn arrange(&mut self, members: &[Member]) {
        self.by_id.clear();
        self.by_id.extend(0..members.len());
        self.by_id.sort_by_key(|&server| members.get(server).map(|member| member.id));
        self.chosen.resize(members.len(), false);
    }

    pub(crate) fn set_chosen(&mut self, server: usize, chosen: bool) {
        if let Some(slot) = self.chosen.get_mut(server) {
            *slot = chosen;
        }
    }

    /// The first server with room; `avoid` only where no other has room.
    pub(crate) fn pick<F: Farm + ?Sized>(&self, avoid: Option<usize>, farm: &F) -> Option<usize> {
        let mut avoided = None;
        for &server in &self.by_id {
            if self.chosen.get(server) != Some(&true) || !farm.load(server).has_room() {
                continue;
            }
            if avoid != Some(server) {
                return Some(server);
            }
            avoided = avoid;
        }
        avoided
    }
}
