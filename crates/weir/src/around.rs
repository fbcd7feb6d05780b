//! What commands of the runtime API ask of the program around the engine.
//!
//! They run on the thread of the runtime API; what only the control thread may do is put down here, and a bell is rung.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use weir_admin::{Handed, Program};

use crate::plan::Outline;
use crate::say::Record;

/// Shared by both threads.
#[derive(Debug)]
pub(crate) struct Around {
    record: Record,
    handed: Mutex<Vec<Handed>>,
    taken: AtomicBool,
    outline: Mutex<String>,
    shut: Mutex<Vec<String>>,
    bell: UnixStream,
    heard: UnixStream,
}

// === impl Around ===

impl Around {
    /// With what was said so far.
    pub(crate) fn new(record: Record) -> std::io::Result<Self> {
        let (bell, heard) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        Ok(Self {
            record,
            handed: Mutex::default(),
            taken: AtomicBool::new(false),
            outline: Mutex::default(),
            shut: Mutex::default(),
            bell,
            heard,
        })
    }

    /// These are the listening sockets from now on.
    pub(crate) fn hold(&self, sockets: Vec<Handed>) {
        *self.handed.lock().unwrap_or_else(PoisonError::into_inner) = sockets;
    }

    /// Whether another process has asked for the listening sockets.
    pub(crate) fn were_sockets_taken(&self) -> bool {
        self.taken.load(Relaxed)
    }

    /// This configuration runs from now on.
    pub(crate) fn run(&self, outline: &Outline) {
        *self.outline.lock().unwrap_or_else(PoisonError::into_inner) = outline.to_string();
    }

    /// The frontends that are to be shut.
    pub(crate) fn orders(&self) -> Vec<String> {
        let mut rings = [0; 16];
        while matches!((&self.heard).read(&mut rings), Ok(1..)) {}
        std::mem::take(&mut *self.shut.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Program for Around {
    fn startup_logs(&self) -> Vec<u8> {
        self.record.text()
    }

    fn warnings(&self) -> u64 {
        self.record.warnings()
    }

    fn configuration(&self) -> String {
        self.outline.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sockets(&self) -> Vec<Handed> {
        self.taken.store(true, Relaxed);
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn shut_frontend(&self, name: &str) {
        self.shut.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        // A bell that is full was rung already.
        let _ = (&self.bell).write(b"!");
    }
}

impl AsFd for Around {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}
