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
    let (mut count, mut rest) = ([0; 4], Vec::new());
    let mut got = 0;
    let mut sockets = Vec::new();
    let mut packet = vec![0; LARGEST];
    let until = Instant::now() + PATIENCE;
    loop {
        let (bytes, fds) = descriptors::receive(&channel, &mut packet)?;
        let came = packet.get(..bytes).unwrap_or_default();
        if bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let new = !fds.is_empty();
        sockets.extend(fds);
        for byte in came {
            match count.get_mut(got) {
                Some(place) => *place = *byte,
                None => rest.push(*byte),
            }
            got += 1;
        }
        if new {
            io::Write::write_all(&mut channel, &[0; 4])?;
        }
        let wanted = u32::from_ne_bytes(count) as usize;
        if got >= 4 && sockets.len() >= wanted {
            return Ok(sockets);
        }
        if Instant::now() > until || wanted > MOST_SOCKETS {
            return Err(io::ErrorKind::InvalidData.into());
        }
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
const LARGEST: usize = 253 * (2 + 2 * 255 + 4);
/// More listening sockets than anybody has.
const MOST_SOCKETS: usize = 1 << 20;
