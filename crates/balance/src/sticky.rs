//! `balance sticky`: one server until it goes down; who comes back goes to the end of the line.

use std::collections::VecDeque;

/// The servers that are in, the one in use first.
#[derive(Clone, Debug)]
pub(crate) struct Sticky {
    line: VecDeque<usize>,
}

// === impl Sticky ===

impl Sticky {
    pub(crate) fn new(servers: usize) -> Self {
        Self { line: VecDeque::with_capacity(servers) }
    }

    pub(crate) fn set_chosen(&mut self, server: usize, chosen: bool) {
        let stands = self.line.iter().position(|&other| other == server);
        match (stands, chosen) {
            (None, true) => self.line.push_back(server),
            (Some(at), false) => {
                self.line.remove(at);
            }
            _ => {}
        }
    }

    pub(crate) fn pick(&self) -> Option<usize> {
        self.line.front().copied()
    }
}
