//! The addresses that log lines go to, each known once in the process.
//!
//! Workers keep a queue and a socket for each by its number; the table outlives configurations, so that a
//! reload keeps both.

use std::sync::Arc;

use parking_lot::Mutex;

use super::channel::Channel;
use crate::conf::LogTransport;

/// All addresses that any configuration of this process named.
#[derive(Debug, Default)]
pub struct Destinations(Mutex<Vec<Arc<Destination>>>);

/// One address.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Its number, from 0 without gaps.
    pub(crate) index: usize,
    pub(crate) transport: LogTransport,
    /// For lines from outside the workers.
    shared: Mutex<Option<Channel>>,
}

// === impl Destinations ===

impl Destinations {
    /// The destination of this transport.
    pub(crate) fn find(&self, transport: &LogTransport) -> Arc<Destination> {
        let mut list = self.0.lock();
        if let Some(known) = list.iter().find(|d| d.transport == *transport) {
            return known.clone();
        }
        let index = list.len();
        let made = Arc::new(Destination { index, transport: transport.clone(), shared: Mutex::new(None) });
        list.push(made.clone());
        made
    }
}

// === impl Destination ===

impl Destination {
    /// Sends one line at once; how many were dropped.
    pub(crate) fn send_now(&self, line: &[u8]) -> u64 {
        let mut shared = self.shared.lock();
        shared.get_or_insert_with(|| Channel::open(&self.transport)).send(&[line])
    }
}
