//! Handing the listening sockets over to a process that takes their place (management manual, 3 `-x`).
//!
//! What goes over the unix socket: the count of sockets as a native 32-bit number, then messages of at most 253
//! descriptors, each with a line per socket: the length of its name space's name and the name, the length of its
//! interface's name and the name, and 32 bits of options. Each message is acknowledged with 32 bits.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFd;
use tokio::time::timeout;
use weir_sys::descriptors::{self, MOST_DESCRIPTORS};

use crate::world::Handed;

/// Sends all sockets to the client behind `channel`; one that takes nothing for `patience` is given up.
pub(crate) async fn send(channel: &AsyncFd<File>, sockets: &[Handed], patience: Duration) -> io::Result<()> {
    let count = u32::try_from(sockets.len()).unwrap_or(u32::MAX);
    let all = |part: &'_ [u8]| part.to_vec();
    pass(channel, &all(&count.to_ne_bytes()), &[], patience).await?;
    for batch in sockets.chunks(MOST_DESCRIPTORS) {
        let mut lines = Vec::new();
        batch.iter().for_each(|socket| line(socket, &mut lines));
        let fds: Vec<_> = batch.iter().map(|socket| socket.fd.as_fd()).collect();
        pass(channel, &lines, &fds, patience).await?;
        acknowledged(channel, patience).await?;
    }
    Ok(())
}

/// Fetches the sockets of the process that listens on the admin socket at `path`.
///
/// # Errors
/// Nobody listens there, or what comes back is no list of sockets.
pub fn fetch(path: &Path) -> io::Result<Vec<OwnedFd>> {
    let mut channel = UnixStream::connect(path)?;
    channel.set_read_timeout(Some(PATIENCE))?;
    channel.set_write_timeout(Some(PATIENCE))?;
    io::Write::write_all(&mut channel, b"_getsocks\n")?;
    let mut receiving = Receiving::default();
    let mut sockets = Vec::new();
    let mut packet = vec![0; LARGEST];
    let until = Instant::now() + PATIENCE;
    loop {
        let (bytes, fds) = descriptors::receive(&channel, &mut packet)?;
        if bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let new = fds.len();
        sockets.extend(fds);
        let complete = receiving.take(packet.get(..bytes).unwrap_or_default(), new)?;
        if new > 0 {
            io::Write::write_all(&mut channel, &[0; 4])?;
        }
        if complete {
            return Ok(sockets);
        }
        if Instant::now() > until {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// How much of a list of sockets has come.
#[derive(Clone, Debug, Default)]
pub struct Receiving {
    /// The first four bytes: how many sockets there are.
    count: [u8; 4],
    bytes: usize,
    sockets: usize,
}

// === impl Receiving ===

impl Receiving {
    /// Takes what came: bytes, and so many descriptors with them. Whether the list is complete. The names that come with
    /// the sockets are passed over: where a socket is bound is asked of the socket.
    ///
    /// # Errors
    /// What comes is no list of sockets: more of them than anybody has, or more bytes than sockets account for.
    pub fn take(&mut self, bytes: &[u8], descriptors: usize) -> io::Result<bool> {
        for (place, byte) in self.count.iter_mut().skip(self.bytes).zip(bytes) {
            *place = *byte;
        }
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.sockets = self.sockets.saturating_add(descriptors);
        if self.bytes < self.count.len() {
            return Ok(false);
        }
        let wanted = u32::from_ne_bytes(self.count) as usize;
        let most = self.count.len().saturating_add(wanted.saturating_mul(LONGEST_LINE));
        if wanted > MOST_SOCKETS || self.bytes > most {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(self.sockets >= wanted)
    }
}

fn line(socket: &Handed, out: &mut Vec<u8>) {
    for text in [&socket.namespace, &socket.interface] {
        out.push(u8::try_from(text.len()).unwrap_or(0));
        if text.len() <= usize::from(u8::MAX) {
            out.extend_from_slice(text.as_bytes());
        }
    }
    out.extend_from_slice(&0_u32.to_ne_bytes());
}

async fn pass(
    channel: &AsyncFd<File>,
    bytes: &[u8],
    fds: &[std::os::fd::BorrowedFd<'_>],
    patience: Duration,
) -> io::Result<()> {
    let (mut left, mut fds) = (bytes, fds);
    while !left.is_empty() {
        let mut ready = timeout(patience, channel.writable()).await??;
        if let Ok(sent) = ready.try_io(|file| descriptors::send(file.get_ref(), left, fds)) {
            left = left.get(sent?..).unwrap_or_default();
            fds = &[];
        }
    }
    Ok(())
}

/// Waits until the other side has taken a message, or says nothing and goes.
async fn acknowledged(channel: &AsyncFd<File>, patience: Duration) -> io::Result<()> {
    let mut word = [0; 4];
    let mut got = 0;
    while got < word.len() {
        let mut ready = timeout(patience, channel.readable()).await??;
        let free = word.get_mut(got..).unwrap_or_default();
        match ready.try_io(|file| file.get_ref().read(free)) {
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(count)) => got += count,
            Ok(Err(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes that come with one message of descriptors.
const LARGEST: usize = 253 * LONGEST_LINE;
/// What is said of a socket: two names with their lengths, and options.
const LONGEST_LINE: usize = 2 + 2 * 255 + 4;
/// More listening sockets than anybody has.
const MOST_SOCKETS: usize = 1 << 20;
