//! One session: ciphertext in, plaintext out, and the other way.
//!
//! Sans-IO: the caller brings the bytes that came and takes those that are to go. Between two messages a session holds
//! no buffer. `rustls` is driven through its unbuffered interface.
//!
//! ```text
//! Hello ──(ClientHello)──► Server ──┐
//!                          Client ──┴─► established ──(close_notify or failure)──► over
//! ```

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{ClientConfig, Error};
use weir_wire::Parsed;
use weir_wire::client_hello;

use crate::acceptor::{Acceptor, Refusal};
use crate::pair::Pair;
use crate::seen::Seen;

/// A session with one peer.
pub struct Session {
    side: Side,
    /// Plaintext that came and nobody took yet.
    plain: Vec<u8>,
    taken: usize,
    /// Ciphertext that is to be sent.
    outgoing: Vec<u8>,
    sent: usize,
    peer_closed: bool,
    told_end: bool,
    failure: Option<Failure>,
    /// Its first words.
    seen: Box<Seen>,
    /// The certificate that we showed.
    shown: Option<Arc<Pair>>,
}

enum Side {
    /// A client that has not said what it wants.
    Hello(Arc<Acceptor>),
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The client was refused before a session began.
    Refused(Refusal),
    /// The protocol failed.
    Protocol(Error),
    /// The peer speaks HTTP in clear.
    PlainHttp,
    /// The peer closed its connection.
    Closed,
}

/// What a call to [`Session::take`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// Bytes of ciphertext that are not needed any more.
    pub consumed: usize,
    /// Bytes of plaintext that came out.
    pub filled: usize,
}

// === impl Session ===

impl Session {
    /// A session with a client.
    pub fn accept(acceptor: Arc<Acceptor>) -> Self {
        Self::of(Side::Hello(acceptor))
    }

    /// A session with a server; `name` decides its certificate where `config` sends names.
    pub fn connect(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Failure> {
        let conn = UnbufferedClientConnection::new(config, name).map_err(Failure::Protocol)?;
        let mut this = Self::of(Side::Client(Box::new(conn)));
        this.take(&mut [], &mut [])?;
        Ok(this)
    }

    fn of(side: Side) -> Self {
        Self {
            side,
            plain: Vec::new(),
            taken: 0,
            outgoing: Vec::new(),
            sent: 0,
            peer_closed: false,
            told_end: false,
            failure: None,
            seen: Box::default(),
            shown: None,
        }
    }

    /// Whether both sides may speak.
    pub fn is_established(&self) -> bool {
        match &self.side {
            Side::Server(c) => !c.is_handshaking(),
            Side::Client(c) => !c.is_handshaking(),
            Side::Hello(_) => false,
        }
    }

    /// Whether the peer has said that nothing follows.
    pub fn is_ended(&self) -> bool {
        self.peer_closed
    }

    /// The protocol that both sides agreed on (`alpn`).
    pub fn alpn(&self) -> Option<&[u8]> {
        match &self.side {
            Side::Server(c) => c.alpn_protocol(),
            Side::Client(c) => c.alpn_protocol(),
            Side::Hello(_) => None,
        }
    }

    /// The certificate that we showed.
    pub fn shown(&self) -> Option<&Arc<Pair>> {
        self.shown.as_ref()
    }

    /// What was seen of its first words.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Why it failed, where it did.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The name of a client, as the library of TLS knows it, goes with the session.
    pub(crate) fn note_name(&mut self, name: Option<&[u8]>) {
        let Self { seen, outgoing, .. } = self;
        seen.own_hello(outgoing, name);
    }

    /// What `rustls` knows of it.
    pub fn state(&self) -> Option<&rustls::CommonState> {
        match &self.side {
            Side::Server(c) => Some(c),
            Side::Client(c) => Some(c),
            Side::Hello(_) => None,
        }
    }

    /// Ciphertext that is to be sent now.
    pub fn outgoing(&self) -> &[u8] {
        self.outgoing.get(self.sent..).unwrap_or_default()
    }

    /// So many bytes of it were sent. Hands the storage out once it is empty.
    pub fn sent(&mut self, n: usize) -> Option<Vec<u8>> {
        self.sent += n;
        if self.sent < self.outgoing.len() {
            return None;
        }
        self.sent = 0;
        self.outgoing.clear();
        Some(std::mem::take(&mut self.outgoing))
    }

    /// Lends storage for what is to be sent.
    pub fn lend(&mut self, storage: Vec<u8>) {
        if self.outgoing.capacity() == 0 {
            self.outgoing = storage;
        }
    }

    /// Whether plaintext waits.
    pub fn has_plain(&self) -> bool {
        self.taken < self.plain.len()
    }

    /// Takes plaintext that waits.
    pub fn take_plain(&mut self, into: &mut [u8]) -> usize {
        let rest = self.plain.get(self.taken..).unwrap_or_default();
        let n = rest.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.taken += n;
        if self.taken >= self.plain.len() {
            self.plain = Vec::new();
            self.taken = 0;
        }
        n
    }

    /// Takes ciphertext that came, and puts plaintext `into` its place; stops where that is full. What is not consumed
    /// comes again with the next call, with more behind it.
    pub fn take(&mut self, cipher: &mut [u8], into: &mut [u8]) -> Result<Took, Failure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let result = self.try_take(cipher, into);
        if let Err(failure) = &result {
            self.fail(failure.clone());
        }
        result
    }

    /// Encrypts what is to be sent; it goes to [`Self::outgoing`].
    pub fn put(&mut self, plain: &[u8]) -> Result<(), Failure> {
        // What the protocol itself has to say comes first.
        self.take(&mut [], &mut [])?;
        let outgoing = &mut self.outgoing;
        match &mut self.side {
            Side::Server(c) => put(c.process_tls_records(&mut []), plain, outgoing),
            Side::Client(c) => put(c.process_tls_records(&mut []), plain, outgoing),
            Side::Hello(_) => Err(Failure::Closed),
        }
    }

    /// Tells the peer that nothing follows.
    pub fn end(&mut self) {
        if std::mem::replace(&mut self.told_end, true) || !self.is_established() {
            return;
        }
        if self.take(&mut [], &mut []).is_err() {
            return;
        }
        let outgoing = &mut self.outgoing;
        match &mut self.side {
            Side::Server(c) => end(c.process_tls_records(&mut []), outgoing),
            Side::Client(c) => end(c.process_tls_records(&mut []), outgoing),
            Side::Hello(_) => {}
        }
    }

    fn try_take(&mut self, cipher: &mut [u8], into: &mut [u8]) -> Result<Took, Failure> {
        if let Side::Hello(acceptor) = &self.side {
            let acceptor = acceptor.clone();
            if !self.begin(&acceptor, cipher)? {
                return Ok(Took::default());
            }
        }
        let handshaking = !self.is_established();
        if handshaking && matches!(self.side, Side::Client(_)) {
            self.seen.answer(cipher);
        }
        let took = self.step_on(cipher, into);
        if handshaking {
            if matches!(self.side, Side::Server(_)) {
                let Self { seen, outgoing, .. } = self;
                seen.answer(outgoing);
            }
            self.seen.take_secrets();
        }
        took
    }

    fn step_on(&mut self, cipher: &mut [u8], into: &mut [u8]) -> Result<Took, Failure> {
        let mut took = Took::default();
        loop {
            let rest = cipher.get_mut(took.consumed..).unwrap_or_default();
            let room = into.get_mut(took.filled..).unwrap_or_default();
            let mut out = Out { room, filled: 0, plain: &mut self.plain, outgoing: &mut self.outgoing };
            let (discard, step) = match &mut self.side {
                Side::Server(c) => step(c.process_tls_records(rest), &mut out)?,
                Side::Client(c) => step(c.process_tls_records(rest), &mut out)?,
                Side::Hello(_) => return Ok(took),
            };
            took.filled += out.filled;
            took.consumed += discard;
            match step {
                Step::Again => {}
                Step::Plain if took.filled >= into.len() && self.is_established() => return Ok(took),
                Step::Plain => {}
                Step::PeerClosed => self.peer_closed = true,
                Step::Wait => return Ok(took),
            }
        }
    }

    /// Chooses the certificate once the client has said what it wants; whether it has.
    fn begin(&mut self, acceptor: &Acceptor, cipher: &[u8]) -> Result<bool, Failure> {
        let mut joined = Vec::new();
        let config = match client_hello::parse(cipher, &mut joined) {
            Parsed::Partial => return Ok(false),
            Parsed::Complete { value, .. } => {
                self.seen.hello(&value, acceptor.capture);
                let (config, pair) = acceptor.choose(&value).map_err(Failure::Refused)?;
                self.shown = Some(pair);
                config
            }
            Parsed::Invalid(_) if METHODS.iter().any(|m| cipher.starts_with(m)) => {
                return Err(Failure::PlainHttp);
            }
            // It is told what is wrong with it.
            Parsed::Invalid(_) => acceptor.any().ok_or(Failure::Closed)?,
        };
        let conn = UnbufferedServerConnection::new(config).map_err(Failure::Protocol)?;
        self.side = Side::Server(Box::new(conn));
        Ok(true)
    }

    /// Leaves the alert that tells the peer why in [`Self::outgoing`].
    fn fail(&mut self, failure: Failure) {
        if let Failure::Refused(Refusal::UnknownName) = failure {
            self.outgoing.extend_from_slice(UNRECOGNIZED_NAME);
        }
        let outgoing = &mut self.outgoing;
        let mut out = Out { room: &mut [], filled: 0, plain: &mut self.plain, outgoing };
        // What it had to say before the end comes first, then the error once more.
        for _ in 0..MOST_ALERTS {
            let more = match &mut self.side {
                Side::Server(c) => step(c.process_tls_records(&mut []), &mut out),
                Side::Client(c) => step(c.process_tls_records(&mut []), &mut out),
                Side::Hello(_) => break,
            };
            if more.is_err() {
                break;
            }
        }
        self.failure = Some(failure);
    }
}

/// Where the bytes that a step yields go.
struct Out<'a> {
    room: &'a mut [u8],
    filled: usize,
    plain: &'a mut Vec<u8>,
    outgoing: &'a mut Vec<u8>,
}

/// What is to be done next.
enum Step {
    Again,
    Plain,
    PeerClosed,
    Wait,
}

// === impl Out ===

impl Out<'_> {
    fn plain(&mut self, bytes: &[u8]) {
        let room = self.room.get_mut(self.filled..).unwrap_or_default();
        let n = room.len().min(bytes.len());
        let (now, later) = bytes.split_at_checked(n).unwrap_or_default();
        if let Some(to) = room.get_mut(..n) {
            to.copy_from_slice(now);
        }
        self.filled += n;
        self.plain.extend_from_slice(later);
    }
}

/// Does what the state of a connection asks for; how many bytes of its input may go.
fn step<D>(status: UnbufferedStatus<'_, '_, D>, out: &mut Out<'_>) -> Result<(usize, Step), Failure> {
    let mut discard = status.discard;
    let step = match status.state.map_err(Failure::Protocol)? {
        ConnectionState::ReadTraffic(mut traffic) => {
            while let Some(record) = traffic.next_record() {
                let record = record.map_err(Failure::Protocol)?;
                discard += record.discard;
                out.plain(record.payload);
            }
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
        ConnectionState::PeerClosed => Step::PeerClosed,
        _ => Step::Wait,
    };
    Ok((discard, step))
}

fn put<D>(status: UnbufferedStatus<'_, '_, D>, plain: &[u8], outgoing: &mut Vec<u8>) -> Result<(), Failure> {
    match status.state.map_err(Failure::Protocol)? {
        ConnectionState::WriteTraffic(mut traffic) => {
            let records = plain.len().div_ceil(MOST_PLAIN);
            let needed = plain.len() + records * OVERHEAD;
            let at = outgoing.len();
            outgoing.resize(at + needed, 0);
            let room = outgoing.get_mut(at..).unwrap_or_default();
            let n = traffic.encrypt(plain, room).map_err(|_| Failure::Closed)?;
            outgoing.truncate(at + n);
            Ok(())
        }
        _ => Err(Failure::Closed),
    }
}

fn end<D>(status: UnbufferedStatus<'_, '_, D>, outgoing: &mut Vec<u8>) {
    if let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state {
        // A session that cannot say goodbye just ends.
        let _ = grow(outgoing, |room| match traffic.queue_close_notify(room) {
            Err(EncryptError::InsufficientSize(needs)) => Err(Some(needs.required_size)),
            other => other.map_err(|_| None),
        });
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

/// By these beginnings a client is known that means to speak HTTP.
const METHODS: &[&[u8]] = &[b"GET ", b"POST ", b"HEAD ", b"PUT "];
/// A fatal alert: no such name (RFC 6066 section 3).
const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];
/// Plaintext of one record (RFC 8446 section 5.1).
const MOST_PLAIN: usize = 1 << 14;
/// What a record adds to its plaintext, at most: header, nonce, tag, type.
const OVERHEAD: usize = 64;
/// Messages that a session which failed may still have to say.
const MOST_ALERTS: usize = 16;
