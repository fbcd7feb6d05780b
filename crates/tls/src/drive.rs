//! `rustls` through its unbuffered interface: what a state of a connection asks for is done until it waits for the peer.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, ReadEarlyData, UnbufferedStatus, WriteTraffic,
};

use crate::records::{MOST_PLAIN, Pace};
use crate::session::Failure;

/// What one side says.
pub(crate) enum Saying<'a> {
    Data(&'a [u8]),
    End,
}

/// A connection of `rustls`, of either side.
pub(crate) trait Process {
    type Data: Early;

    fn process<'c, 'i>(&'c mut self, cipher: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Process for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, cipher: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(cipher)
    }
}

impl Process for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, cipher: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(cipher)
    }
}

/// One side, which early data may come to, or not.
pub(crate) trait Early: Sized {
    /// Takes early data; how many bytes of ciphertext may go.
    fn take(early: ReadEarlyData<'_, '_, Self>, out: &mut Out<'_>) -> Result<usize, Failure>;
}

impl Early for ServerConnectionData {
    fn take(mut early: ReadEarlyData<'_, '_, Self>, out: &mut Out<'_>) -> Result<usize, Failure> {
        let mut more = 0;
        while let Some(record) = early.next_record() {
            let record = record.map_err(Failure::Protocol)?;
            more += record.discard;
            *out.early = true;
            out.plain(record.payload);
        }
        Ok(more)
    }
}

impl Early for ClientConnectionData {
    fn take(_: ReadEarlyData<'_, '_, Self>, _: &mut Out<'_>) -> Result<usize, Failure> {
        Ok(0) // Servers send none.
    }
}

/// Where the bytes that a step yields go.
pub(crate) struct Out<'a> {
    pub(crate) room: &'a mut [u8],
    pub(crate) filled: usize,
    pub(crate) plain: &'a mut Vec<u8>,
    pub(crate) outgoing: &'a mut Vec<u8>,
    pub(crate) peer_closed: &'a mut bool,
    /// Early data came.
    pub(crate) early: &'a mut bool,
}

/// What is to be done next.
pub(crate) enum Step {
    Again,
    Plain,
    Wait,
}

// === impl Out ===

impl Out<'_> {
    fn plain(&mut self, bytes: &[u8]) {
        let room = self.room.get_mut(self.filled..).unwrap_or_default();
        let n = room.len().min(bytes.len());
        let (now, later) = bytes.split_at_checked(n).unwrap_or_default();
        // In pieces, for the reason that limits our records.
        for (to, from) in room.chunks_mut(MOST_PLAIN).zip(now.chunks(MOST_PLAIN)) {
            if let Some(to) = to.get_mut(..from.len()) {
                to.copy_from_slice(from);
            }
        }
        self.filled += n;
        self.plain.extend_from_slice(later);
    }
}

/// Does what the state of a connection asks for, and counts the bytes of its input that may go, which they may where
/// it fails, too.
pub(crate) fn step<D: Early>(
    status: UnbufferedStatus<'_, '_, D>,
    out: &mut Out<'_>,
    consumed: &mut usize,
) -> Result<Step, Failure> {
    *consumed += status.discard;
    let (more, step) = act(status.state.map_err(Failure::Protocol)?, out)?;
    *consumed += more;
    Ok(step)
}

/// The same for a state.
fn act<D: Early>(state: ConnectionState<'_, '_, D>, out: &mut Out<'_>) -> Result<(usize, Step), Failure> {
    let mut more = 0;
    let step = match state {
        ConnectionState::ReadTraffic(mut traffic) => {
            while let Some(record) = traffic.next_record() {
                let record = record.map_err(Failure::Protocol)?;
                more += record.discard;
                out.plain(record.payload);
            }
            Step::Plain
        }
        ConnectionState::ReadEarlyData(early) => {
            more += D::take(early, out)?;
            Step::Plain
        }
        ConnectionState::EncodeTlsData(mut data) => {
            grow(out.outgoing, |room| match data.encode(room) {
                Err(EncodeError::InsufficientSize(needs)) => Err(Some(needs.required_size)),
                other => other.map_err(|_| None),
            })?;
            Step::Again
        }
        ConnectionState::TransmitTlsData(data) => {
            // It lies in `outgoing`, where nothing overtakes it.
            data.done();
            Step::Again
        }
        ConnectionState::PeerClosed => {
            *out.peer_closed = true;
            Step::Again
        }
        _ => Step::Wait,
    };
    Ok((more, step))
}

/// Says something once what the protocol itself has to say is said; how many bytes of `held` may go.
pub(crate) fn say<P: Process>(
    conn: &mut P,
    held: &mut [u8],
    saying: &Saying<'_>,
    pace: &mut Pace,
    out: &mut Out<'_>,
) -> Result<usize, Failure> {
    let mut consumed = 0;
    loop {
        let status = conn.process(held.get_mut(consumed..).unwrap_or_default());
        consumed += status.discard;
        match status.state.map_err(Failure::Protocol)? {
            ConnectionState::WriteTraffic(mut traffic) => {
                write(&mut traffic, saying, pace, out.outgoing)?;
                return Ok(consumed);
            }
            state => match act(state, out)? {
                (_, Step::Wait) => return Err(Failure::Closed),
                (more, _) => consumed += more,
            },
        }
    }
}

fn write<D>(
    traffic: &mut WriteTraffic<'_, D>,
    saying: &Saying<'_>,
    pace: &mut Pace,
    outgoing: &mut Vec<u8>,
) -> Result<(), Failure> {
    match saying {
        Saying::Data(plain) => {
            let mut rest = *plain;
            let mut at = outgoing.len();
            outgoing.resize(at + plain.len() + plain.len().div_ceil(pace.most()) * OVERHEAD, 0);
            while !rest.is_empty() {
                let (record, after) = rest.split_at(rest.len().min(pace.most()));
                rest = after;
                pace.say(record.len());
                let written = traffic.encrypt(record, outgoing.get_mut(at..).unwrap_or_default());
                at += written.map_err(|_| Failure::Closed)?;
            }
            outgoing.truncate(at);
            Ok(())
        }
        Saying::End => grow(outgoing, |room| match traffic.queue_close_notify(room) {
            Err(EncryptError::InsufficientSize(needs)) => Err(Some(needs.required_size)),
            other => other.map_err(|_| None),
        }),
    }
}

/// Lets `write` add to a buffer; it says how much room it needs where there is too little.
fn grow(
    buffer: &mut Vec<u8>,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) -> Result<(), Failure> {
    let at = buffer.len();
    let mut room = OVERHEAD;
    for _ in 0..2 {
        buffer.resize(at + room, 0);
        match write(buffer.get_mut(at..).unwrap_or_default()) {
            Ok(n) => {
                buffer.truncate(at + n);
                return Ok(());
            }
            Err(Some(needed)) => room = needed,
            Err(None) => break,
        }
    }
    buffer.truncate(at);
    Err(Failure::Closed)
}

/// What a record adds to its plaintext, at most: header, nonce, tag, type.
const OVERHEAD: usize = 64;
