//! The addresses that log lines go to, each known once in the process.
//!
//! Workers keep a queue and a socket for each by its number; the table outlives configurations, so that a
//! reload keeps both.

use std::sync::Arc;

use parking_lot::Mutex;

use super::channel::Channel;
use super::sink::{Sink, Sinks};
use crate::conf::LogTransport;

/// All addresses that any configuration of this process named.
#[derive(Debug, Default)]
pub struct Destinations {
    list: Mutex<Vec<Arc<Destination>>>,
    /// The rings of the process.
    pub sinks: Sinks,
}

/// One address.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Its number, from 0 without gaps.
    pub(crate) index: usize,
    pub(crate) transport: LogTransport,
    /// The ring, where it is one.
    sink: Option<Arc<Sink>>,
    /// For lines from outside the workers.
    shared: Mutex<Option<Channel>>,
}

// === impl Destinations ===

impl Destinations {
    /// The destination of this transport.
    pub(crate) fn find(&self, transport: &LogTransport) -> Arc<Destination> {
        let mut list = self.list.lock();
        if let Some(known) = list.iter().find(|d| d.transport == *transport) {
            return known.clone();
        }
        let index = list.len();
        let sink = match transport {
            LogTransport::Ring(name) => self.sinks.find(name),
            _ => None,
        };
        let made =
            Arc::new(Destination { index, transport: transport.clone(), sink, shared: Mutex::new(None) });
        list.push(made.clone());
        made
    }
}

// === impl Destination ===

impl Destination {
    /// Opens it for one sender.
    pub(super) fn open(&self) -> Channel {
        match &self.sink {
            Some(sink) => Channel::Kept(sink.clone()),
            None => Channel::open(&self.transport),
        }
    }

    /// Sends one line at once; how many were dropped.
    pub(crate) fn send_now(&self, line: &[u8]) -> u64 {
        let mut shared = self.shared.lock();
        shared.get_or_insert_with(|| self.open()).send(&[line])
    }
}
