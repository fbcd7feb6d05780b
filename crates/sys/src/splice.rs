//! Moving bytes between two sockets inside the kernel (`option splice-*`).
//!
//! A [`Pipe`] stands between the two: [`Pipe::fill`] takes from a socket, [`Pipe::drain`] gives to one. A pipe that
//! holds nothing may be kept for the next connection; one that was left with data must be dropped.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// A kernel buffer between two sockets. It knows how much it holds.
#[derive(Debug)]
pub struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
    capacity: usize,
    held: usize,
}

// === impl Pipe ===

impl Pipe {
    /// Opens a pipe and asks for `size` bytes; where the system allows less, what it gives is taken.
    pub fn open(size: usize) -> io::Result<Pipe> {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        let capacity = fcntl_setpipe_size(&writer, size).unwrap_or(DEFAULT_CAPACITY);
        Ok(Pipe { reader, writer, capacity, held: 0 })
    }

    /// Bytes in the pipe.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Bytes the pipe can hold where packets fill its pages; with small packets it is full earlier.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Takes up to `limit` bytes from `socket`; zero is its end.
    ///
    /// [`io::ErrorKind::WouldBlock`] is ambiguous while the pipe holds data: the socket has nothing, or the pipe is
    /// full. Drain first, then ask again.
    pub fn fill(&mut self, socket: impl AsFd, limit: usize) -> io::Result<usize> {
        let moved = splice(socket, None, &self.writer, None, limit, SPLICE_FLAGS)?;
        self.held += moved;
        Ok(moved)
    }

    /// Gives up to all it holds to `socket`. `more` says that more follows at once, so that the last packet may wait.
    pub fn drain(&mut self, socket: impl AsFd, more: bool) -> io::Result<usize> {
        let flags = if more { SPLICE_FLAGS | SpliceFlags::MORE } else { SPLICE_FLAGS };
        let moved = splice(&self.reader, None, socket, None, self.held, flags)?;
        self.held = self.held.saturating_sub(moved);
        Ok(moved)
    }
}

const SPLICE_FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

/// Linux' size of a pipe that nobody changed.
const DEFAULT_CAPACITY: usize = 64 * 1024;
