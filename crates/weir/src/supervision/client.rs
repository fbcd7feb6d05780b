//! The worker's end: questions to the supervisor, each answered before the next.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use weir_sys::descriptors;
use weir_sys::listen::ListenSpec;

use super::codec::{Wire, decode, encode};
use super::protocol::{Answer, Failure, LARGEST, Question};
use crate::access::Bound;

/// The channel to the supervisor; threads that load take turns.
#[derive(Debug)]
pub(crate) struct Client {
    channel: Mutex<OwnedFd>,
}

/// Receives one message and what came with it; `None` where the other side is gone.
pub(super) fn receive<T: Wire>(channel: &OwnedFd) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut packet = vec![0; LARGEST + 1];
    let (count, fds) = descriptors::receive(channel, &mut packet)?;
    if count == 0 {
        return Ok(None);
    }
    match packet.get(..count).filter(|_| count <= LARGEST).and_then(decode) {
        Some(message) => Ok(Some((message, fds))),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

// === impl Client ===

impl Client {
    /// A client on this channel.
    pub(super) fn new(channel: OwnedFd) -> Self {
        Self { channel: Mutex::new(channel) }
    }

    /// The `copy`th socket that listens as `spec` says.
    pub(crate) fn bind(&self, spec: &ListenSpec, copy: u16) -> Result<Bound, Failure> {
        match self.ask(&Question::Bind(Box::new(spec.clone()), copy))? {
            (Answer::Bound(complaints), Some(fd)) => Ok(Bound { fd, complaints }),
            _ => Err(senseless()),
        }
    }

    /// The bytes of a file.
    pub(crate) fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let (Answer::Opened, Some(fd)) = self.ask(&Question::Open(path.to_owned()))? else {
            return Err(senseless().into());
        };
        let mut bytes = Vec::new();
        File::from(fd).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The regular files of a folder; `None` where the path is none.
    pub(crate) fn list(&self, path: &str) -> Result<Option<Vec<String>>, Failure> {
        match self.ask(&Question::List(path.to_owned()))? {
            (Answer::Listed(names), _) => Ok(names),
            _ => Err(senseless()),
        }
    }

    /// The addresses of a host name.
    pub(crate) fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        match self.ask(&Question::Resolve(name.to_owned()))? {
            (Answer::Resolved(addresses), _) => Ok(addresses),
            _ => Err(senseless()),
        }
    }

    /// The number of a user or group.
    pub(crate) fn account(&self, name: &str, group: bool) -> Option<u32> {
        match self.ask(&Question::Account(name.to_owned(), group)) {
            Ok((Answer::Account(number), _)) => Some(number),
            _ => None,
        }
    }

    fn ask(&self, question: &Question) -> Result<(Answer, Option<OwnedFd>), Failure> {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        let packet = encode(question);
        let answered = descriptors::send(&*channel, &packet, &[]).and_then(|_| receive(&channel));
        match answered.map_err(|error| Failure::of(&error))? {
            Some((Answer::Failed(failure), _)) => Err(failure),
            Some((answer, fds)) => Ok((answer, fds.into_iter().next())),
            None => Err(Failure { errno: 0, step: "the supervisor is gone".into() }),
        }
    }
}

/// The supervisor answered another question than the one that was asked.
fn senseless() -> Failure {
    Failure { errno: 0, step: "the supervisor's answer makes no sense".into() }
}
