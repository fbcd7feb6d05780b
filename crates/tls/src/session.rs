//! One session: ciphertext in, plaintext out, and the other way.
//!
//! Sans-IO: the caller brings the bytes that came and takes those that are to go. Between two messages a session holds
//! no buffer. `rustls` is driven through its unbuffered interface.
//!
//! ```text
//! Hello ──(ClientHello)──► Server ──┐
//!                          Client ──┴─► established ──(close_notify or failure)──► over
//! ```

use std::cell::OnceCell;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::UnbufferedServerConnection;
use rustls::{CertificateError, ClientConfig, Error};
use weir_wire::Parsed;
use weir_wire::client_hello;

use crate::acceptor::{Acceptor, Context, Refusal};
use crate::counts::Open;
use crate::drive::{Out, Process, Saying, Step, say, step};
use crate::hello::{self, NoHello};
use crate::records::{Pace, Records};
use crate::seen::Seen;
use crate::verify::{Mismatch, NotTrusted, Report};

/// A session with one peer.
pub struct Session {
    side: Side,
    /// Ciphertext that came and is not needed yet: what is incomplete, or what nobody has room for.
    incoming: Vec<u8>,
    /// Plaintext that came and nobody took yet.
    plain: Vec<u8>,
    taken: usize,
    /// Ciphertext that is to be sent.
    outgoing: Vec<u8>,
    sent: usize,
    peer_closed: bool,
    /// Data of the client came before the handshake was over.
    early: bool,
    told_end: bool,
    failure: Option<Failure>,
    /// Its first words.
    seen: Box<Seen>,
    /// The certificate that we showed.
    shown: Option<Arc<Context>>,
    /// How large its records are.
    pace: Pace,
    /// What the examination of the client's came to, once somebody asked.
    examined: OnceCell<Report>,
    /// It counts among those that are open; a client counts by itself.
    _open: Option<Open>,
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
    /// The first bytes are none of TLS.
    NoHello(NoHello),
    /// The peer closed its connection.
    Closed,
}

// === impl Failure ===

impl Failure {
    /// What was wrong with the certificate of a client.
    pub fn client(&self) -> Option<Report> {
        self.of_certificate::<NotTrusted>().map(|fault| fault.report)
    }

    /// What was wrong with the certificate of a server.
    pub fn server(&self) -> Option<Mismatch> {
        self.of_certificate::<Mismatch>().copied()
    }

    fn of_certificate<T: std::error::Error + 'static>(&self) -> Option<&T> {
        match self {
            Self::Protocol(Error::InvalidCertificate(CertificateError::Other(other))) => {
                other.0.downcast_ref()
            }
            _ => None,
        }
    }
}

// === impl Session ===

impl Session {
    /// A session with a client, of whose bytes `first` came already.
    pub fn accept(acceptor: Arc<Acceptor>, first: &[u8]) -> Self {
        let mut this = Self::of(Side::Hello(acceptor), None);
        this.incoming = first.to_vec();
        this
    }

    /// A session with a server; `name` decides its certificate where `config` sends names.
    pub fn connect(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Failure> {
        let conn = UnbufferedClientConnection::new(config, name).map_err(Failure::Protocol)?;
        let mut this = Self::of(Side::Client(Box::new(conn)), Some(Open::one()));
        this.take(&mut [], &mut [])?;
        Ok(this)
    }

    fn of(side: Side, open: Option<Open>) -> Self {
        Self {
            side,
            incoming: Vec::new(),
            plain: Vec::new(),
            taken: 0,
            outgoing: Vec::new(),
            sent: 0,
            peer_closed: false,
            early: false,
            told_end: false,
            failure: None,
            seen: Box::default(),
            shown: None,
            pace: Pace::default(),
            examined: OnceCell::new(),
            _open: open,
        }
    }

    /// Whether it was agreed how to go on: a client said what it wants, or a server was told.
    pub fn is_begun(&self) -> bool {
        !matches!(self.side, Side::Hello(_))
    }

    /// Whether both sides may speak.
    pub fn is_established(&self) -> bool {
        match &self.side {
            Side::Server(c) => !c.is_handshaking(),
            Side::Client(c) => !c.is_handshaking(),
            Side::Hello(_) => false,
        }
    }

    /// Whether there is something to do with it: both sides may speak, or early data came under a protocol that was
    /// agreed on (RFC 8446 section 2.3).
    pub fn is_ready(&self) -> bool {
        self.is_established() || (self.early && self.has_plain() && self.alpn().is_some())
    }

    /// Whether early data came, which somebody else may have sent before.
    pub fn had_early(&self) -> bool {
        self.early
    }

    /// Whether it came and nobody knows yet who sent it.
    pub fn has_early(&self) -> bool {
        self.early && !self.is_established()
    }

    /// Whether both sides knew each other's keys.
    pub fn is_resumed(&self) -> bool {
        self.state().and_then(|state| state.handshake_kind()) == Some(rustls::HandshakeKind::Resumed)
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
    pub fn shown(&self) -> Option<&Arc<Context>> {
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

    /// Records are as large as a line says.
    pub(crate) fn limit_records(&mut self, records: Records) {
        self.pace = Pace::new(records);
    }

    /// The name of a client, as the library of TLS knows it, goes with the session.
    pub(crate) fn note_name(&mut self, name: Option<&[u8]>) {
        let Self { seen, outgoing, .. } = self;
        seen.own_hello(outgoing, name);
    }

    /// What the examination of the client's certificate came to; nothing where there was none.
    pub fn report(&self) -> Report {
        if let Some(report) = self.failure.as_ref().and_then(Failure::client) {
            return report;
        }
        let judge = self.shown.as_ref().and_then(|context| context.policy.clients());
        let chain = self.state().and_then(|state| state.peer_certificates());
        match (judge, chain.and_then(|chain| chain.split_first())) {
            (Some(judge), Some((leaf, others))) => {
                let now = UnixTime::now().as_secs().cast_signed();
                *self.examined.get_or_init(|| judge.report(leaf, others, now))
            }
            _ => Report::default(),
        }
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

    /// Ciphertext that came and was not used: what comes is to be put behind it.
    pub fn pending(&self) -> &[u8] {
        &self.incoming
    }

    /// Takes ciphertext, [`Self::pending`] with what came behind it, and puts plaintext `into` its place, whose length
    /// it returns; stops where that is full.
    pub fn take(&mut self, cipher: &mut [u8], into: &mut [u8]) -> Result<usize, Failure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let mut consumed = 0;
        let result = self.try_take(cipher, &mut consumed, into);
        let rest = cipher.get_mut(consumed..).unwrap_or_default();
        if let Err(failure) = &result {
            self.fail(failure.clone(), rest);
            self.incoming = Vec::new();
        } else if rest.is_empty() {
            self.incoming = Vec::new();
        } else {
            self.incoming.clear();
            self.incoming.extend_from_slice(rest);
        }
        result
    }

    /// Encrypts what is to be sent; it goes to [`Self::outgoing`].
    pub fn put(&mut self, plain: &[u8]) -> Result<(), Failure> {
        self.say(Saying::Data(plain))
    }

    /// Tells the peer that nothing follows.
    pub fn end(&mut self) {
        if !std::mem::replace(&mut self.told_end, true) && self.is_established() {
            // A session that cannot say goodbye just ends.
            let _ = self.say(Saying::End);
        }
    }

    fn say(&mut self, saying: Saying<'_>) -> Result<(), Failure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let Self { side, incoming, plain, outgoing, peer_closed, early, pace, .. } = self;
        let mut out = Out { room: &mut [], filled: 0, plain, outgoing, peer_closed, early };
        let said = match side {
            Side::Server(c) => say(c.as_mut(), incoming, &saying, pace, &mut out),
            Side::Client(c) => say(c.as_mut(), incoming, &saying, pace, &mut out),
            Side::Hello(_) => Err(Failure::Closed),
        };
        match said {
            Ok(consumed) => {
                incoming.drain(..consumed.min(incoming.len()));
                Ok(())
            }
            Err(failure) => {
                self.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    fn try_take(
        &mut self,
        cipher: &mut [u8],
        consumed: &mut usize,
        into: &mut [u8],
    ) -> Result<usize, Failure> {
        if let Side::Hello(acceptor) = &self.side {
            let acceptor = acceptor.clone();
            if !self.begin(&acceptor, cipher)? {
                return Ok(0);
            }
        }
        let handshaking = !self.is_established();
        if handshaking && matches!(self.side, Side::Client(_)) {
            self.seen.answer(cipher);
        }
        let took = self.step_on(cipher, consumed, into);
        self.pace.heard();
        if handshaking {
            if matches!(self.side, Side::Server(_)) {
                let Self { seen, outgoing, .. } = self;
                seen.answer(outgoing);
            }
            self.seen.take_secrets();
        }
        took
    }

    fn step_on(
        &mut self,
        cipher: &mut [u8],
        consumed: &mut usize,
        into: &mut [u8],
    ) -> Result<usize, Failure> {
        let wanted = into.len();
        let Self { side, plain, outgoing, peer_closed, early, .. } = self;
        let mut out = Out { room: into, filled: 0, plain, outgoing, peer_closed, early };
        loop {
            let rest = cipher.get_mut(*consumed..).unwrap_or_default();
            let (next, handshaking) = match side {
                Side::Server(c) => (step(c.process(rest), &mut out, consumed)?, c.is_handshaking()),
                Side::Client(c) => (step(c.process(rest), &mut out, consumed)?, c.is_handshaking()),
                Side::Hello(_) => return Ok(0),
            };
            match next {
                Step::Again => {}
                Step::Plain if out.filled >= wanted && !handshaking => return Ok(out.filled),
                Step::Plain => {}
                Step::Wait => return Ok(out.filled),
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
                let (config, context) = acceptor.choose(&value).map_err(Failure::Refused)?;
                context.policy.suits(&value).map_err(Failure::Refused)?;
                self.limit_records(context.policy.records());
                self.shown = Some(context);
                config
            }
            Parsed::Invalid(_) => {
                return hello::judge(cipher).map_or(Ok(false), |no| Err(Failure::NoHello(no)));
            }
        };
        let conn = UnbufferedServerConnection::new(config).map_err(Failure::Protocol)?;
        self.side = Side::Server(Box::new(conn));
        Ok(true)
    }

    /// Leaves the alert that tells the peer why in [`Self::outgoing`]; `rest` is what came and was not used.
    fn fail(&mut self, failure: Failure, rest: &mut [u8]) {
        match &failure {
            Failure::Refused(refusal) => self.outgoing.extend(hello::alert(refusal.alert())),
            Failure::NoHello(no) => self.outgoing.extend(no.alert().into_iter().flatten()),
            Failure::Protocol(_) | Failure::Closed => {}
        }
        let Self { side, plain, outgoing, peer_closed, early, .. } = self;
        let mut out = Out { room: &mut [], filled: 0, plain, outgoing, peer_closed, early };
        // Only what is queued is taken out: `rustls` must not look at these bytes again.
        loop {
            let said = match side {
                Side::Server(c) if c.wants_write() => step(c.process(rest), &mut out, &mut 0),
                Side::Client(c) if c.wants_write() => step(c.process(rest), &mut out, &mut 0),
                _ => break,
            };
            if said.is_err() {
                break;
            }
        }
        // The library says what only TLS 1.3 knows, where alerts are not in clear (RFC 5246 section 7.4.6).
        if let Some(alert) = self.outgoing.last_chunk_mut::<7>()
            && *alert == hello::alert(CERTIFICATE_REQUIRED)
        {
            *alert = hello::alert(HANDSHAKE_FAILURE);
        }
        self.failure = Some(failure);
    }
}

const CERTIFICATE_REQUIRED: u8 = 116;
const HANDSHAKE_FAILURE: u8 = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acceptor::Addition;
    use crate::pair::Parts;
    use crate::policy::{ClientPolicy, ServerPolicy, Settings};

    /// A certificate for `a.example` that nobody trusts.
    const PEM: &str = include_str!("../tests/a.example.pem");

    fn acceptor() -> Arc<Acceptor> {
        let parts = Parts::read(PEM.as_bytes());
        let pair = crate::pair::Pair::new("a", parts.chain, parts.key.as_ref().unwrap()).unwrap();
        let settings = Settings { alpn: vec![b"http/1.1".to_vec()], ..Settings::default() };
        let mut acceptor = Acceptor::new(false, None);
        acceptor.add(Addition {
            pair: Arc::new(pair),
            policy: Arc::new(ServerPolicy::new(&settings).unwrap()),
            filters: Vec::new(),
            default: false,
            line: None,
        });
        Arc::new(acceptor)
    }

    fn client(settings: &Settings) -> Session {
        ClientPolicy::new(settings).unwrap().connect(Some(b"a.example"), None).unwrap()
    }

    /// Carries what one says to the other, in pieces.
    fn carry(from: &mut Session, to: &mut Session, piece: usize, plain: &mut Vec<u8>) -> Result<(), Failure> {
        let said = from.outgoing().to_vec();
        from.sent(said.len());
        for part in said.chunks(piece) {
            let mut cipher = [to.pending(), part].concat();
            let mut room = [0; 100];
            let n = to.take(&mut cipher, &mut room)?;
            plain.extend_from_slice(&room[..n]);
            while to.has_plain() {
                let n = to.take_plain(&mut room);
                plain.extend_from_slice(&room[..n]);
            }
        }
        Ok(())
    }

    fn shake(client: &mut Session, server: &mut Session, piece: usize) -> Result<(), Failure> {
        for _ in 0..10 {
            carry(client, server, piece, &mut Vec::new())?;
            carry(server, client, piece, &mut Vec::new())?;
        }
        Ok(())
    }

    #[test]
    fn bytes_pass_both_ways_in_any_pieces() {
        for piece in [1, 7, 100, 100_000] {
            let settings = Settings { alpn: vec![b"http/1.1".to_vec()], ..Settings::default() };
            let (mut client, mut server) = (client(&settings), Session::accept(acceptor(), &[]));
            shake(&mut client, &mut server, piece).unwrap();
            assert!(client.is_established() && server.is_established());
            assert_eq!(server.alpn(), Some(b"http/1.1".as_slice()));
            let text: Vec<u8> = (0..40_000).map(|n| n as u8).collect();
            for (from, to) in [(0, 1), (1, 0)] {
                let mut both = [&mut client, &mut server];
                let [a, b] = both.get_disjoint_mut([from, to]).unwrap();
                a.put(&text).unwrap();
                let mut plain = Vec::new();
                carry(a, b, piece, &mut plain).unwrap();
                carry(b, a, piece, &mut Vec::new()).unwrap();
                let mut pending = b.pending().to_vec();
                while plain.len() < text.len() {
                    let mut room = [0; 50_000];
                    let n = b.take(&mut pending, &mut room).unwrap();
                    assert!(n > 0 || b.has_plain());
                    plain.extend_from_slice(&room[..n]);
                    let n = b.take_plain(&mut room);
                    plain.extend_from_slice(&room[..n]);
                    pending = b.pending().to_vec();
                }
                assert!(plain == text);
            }
            server.end();
            carry(&mut server, &mut client, piece, &mut Vec::new()).unwrap();
            assert!(client.is_ended());
        }
    }

    #[test]
    fn a_server_that_nobody_trusts_is_told_so() {
        for piece in [10, 100_000] {
            let settings = Settings { servers: Some((Vec::new(), None)), ..Settings::default() };
            let (mut client, mut server) = (client(&settings), Session::accept(acceptor(), &[]));
            let failure = shake(&mut client, &mut server, piece).unwrap_err();
            assert!(matches!(failure, Failure::Protocol(Error::InvalidCertificate(_))), "{failure:?}");
            assert!(!client.outgoing().is_empty(), "an alert");
            assert!(carry(&mut client, &mut server, piece, &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn what_is_no_hello_is_refused() {
        let mut server = Session::accept(acceptor(), &[]);
        let mut bytes = b"GET / HTTP/1.1\r\n\r\n".to_vec();
        assert!(server.take(&mut bytes, &mut []).is_err());
        assert!(server.put(b"x").is_err());
    }
}
