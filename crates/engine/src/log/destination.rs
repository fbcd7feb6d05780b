//! The addresses that log lines go to, each known once in the process.
//!
//! Workers keep a queue and a socket for each by its number; the table outlives configurations, so that a
//! reload keeps both.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use super::balanced::{Balanced, Ways};
use super::channel::Channel;
use super::sink::{Sink, Sinks};
use crate::conf::{LogTransport, Mode, Tune};
use crate::numbered::Numbered;
use crate::snapshot::Proxy;

/// All addresses that any configuration of this process named.
#[derive(Debug, Default)]
pub struct Destinations {
    list: Mutex<Vec<Arc<Destination>>>,
    /// Bytes that the kernel buffers of what a new socket sends (`tune.sndbuf.backend`); 0 for its own choice.
    send_buffer: Arc<AtomicUsize>,
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
    send_buffer: Arc<AtomicUsize>,
    /// The backend, where it is one, as it is now.
    balanced: Mutex<Option<Arc<Balanced>>>,
    /// For lines from outside the workers.
    shared: Mutex<Option<Channel>>,
}

// === impl Destinations ===

impl Destinations {
    /// Has sockets that are opened from now on be as a configuration says.
    pub(crate) fn tune(&self, tune: &Tune) {
        self.send_buffer.store(tune.sndbuf_backend.unwrap_or(0), Relaxed);
    }

    /// Has the lines for backends go to the servers that a configuration names.
    pub(crate) fn balance(&self, proxies: &Numbered<Arc<Proxy>>) {
        let list = self.list.lock().clone();
        for destination in list {
            let LogTransport::Backend(name) = &destination.transport else { continue };
            let backend = proxies.iter().find(|p| p.conf.mode == Mode::Log && p.conf.name == *name);
            *destination.balanced.lock() = backend.map(|b| Arc::new(Balanced::new(b, self)));
        }
    }

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
        let made = Arc::new(Destination {
            index,
            transport: transport.clone(),
            sink,
            send_buffer: self.send_buffer.clone(),
            balanced: Mutex::new(None),
            shared: Mutex::new(None),
        });
        list.push(made.clone());
        made
    }
}

// === impl Destination ===

impl Destination {
    /// The backend that it is.
    pub(super) fn balanced(&self) -> Option<Arc<Balanced>> {
        match self.transport {
            LogTransport::Backend(_) => self.balanced.lock().clone(),
            _ => None,
        }
    }

    /// Opens it for one sender.
    pub(super) fn open(&self) -> Channel {
        match &self.sink {
            Some(sink) => Channel::Kept(sink.clone()),
            None if matches!(self.transport, LogTransport::Backend(_)) => Channel::Balanced(Ways::default()),
            None => Channel::open(&self.transport, self.send_buffer.load(Relaxed)),
        }
    }

    /// Sends one line at once; how many were dropped.
    pub(crate) fn send_now(&self, line: &[u8]) -> u64 {
        let mut shared = self.shared.lock();
        let channel = shared.get_or_insert_with(|| self.open());
        channel.send_by(self.balanced().as_deref(), &[line], &[])
    }
}
