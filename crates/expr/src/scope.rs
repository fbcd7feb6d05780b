//! What an expression sees of the world: the trait [`Scope`].
//!
//! A scope is a transaction with its session, connections, proxies, tables and variables, seen at one
//! moment. The engine implements it for its transaction; checks, the runtime API and tests implement the part
//! that they have, since every method has a default that answers "absent". Methods are few and take enums,
//! so that a fetch more is an entry in `fetch` and, at most, a variant here.
//!
//! Methods take `&self` because values borrow from the scope; what changes (variables, tables) does so
//! through cells or locks of the implementor.

mod questions;
mod tls;

use std::net::SocketAddr;

use weir_http::Head;

use crate::vars::{VarRef, VarScope};
use crate::{Lookup, Scratch, Value};
pub use questions::{
    Hello, Number, ProxyNumber, Scheduling, ServerNumber, TableData, TableKey, TableOp, TcpInfo, Text,
    TimeoutOf,
};
pub use tls::{HelloList, Part, Party, Secret, Shown, Tls, TlsFact};

/// Towards the client or towards the server: for messages, the request and the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client's side: the request, the front connection.
    Client,
    /// The server's side: the response, the back connection.
    Server,
}

/// A proxy as `Names` numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProxyId(pub u32);

/// A server as `Names` numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub u32);

/// A stick table as `Names` numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// A userlist as `Names` numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserlistId(pub u32);

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// A unix socket with its path; empty for an unnamed one.
    Unix(&'a [u8]),
}

/// Which end of which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// The client's address as rules left it (`src`).
    Source,
    /// The address the client asked for as rules left it (`dst`).
    Destination,
    /// The front connection's source (`fc_src`): PROXY protocol counted, `http-request set-src` not.
    FrontSource,
    /// The front connection's destination (`fc_dst`).
    FrontDestination,
    /// Our own end of the back connection (`bc_src`).
    BackSource,
    /// The server's end of the back connection (`bc_dst`).
    BackDestination,
}

/// The timing events of a transaction (manual, 8.4), in ms; -1 for a stage that was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the connection was accepted, in µs since 1970.
    pub accepted_us: i64,
    /// When the first byte of the request came, in µs since 1970.
    pub request_us: i64,
    /// Handshakes, `%Th`.
    pub handshake: i64,
    /// Idle before the request, `%Ti`; -1 in TCP mode.
    pub idle: i64,
    /// From the first byte to the whole request, `%TR`.
    pub request: i64,
    /// In queues, `%Tw`.
    pub queue: i64,
    /// Until the server took the connection, `%Tc`.
    pub connect: i64,
    /// Until the server's whole head came, `%Tr`.
    pub response: i64,
    /// From the end of the handshakes and idle time to now or the end, as `%Ta`.
    pub active: i64,
    /// From the accept (or the end of the last transaction) to now or the end, `%Tt`.
    pub total: i64,
    /// Whether the line is written before the end (`logasap`): totals get a `+`.
    pub unfinished: bool,
}

/// The clocks as the caller read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// µs since 1970.
    pub wall_us: i64,
    /// ns on a clock that only goes forward.
    pub steady_ns: u64,
}

/// Bytes that lie in a buffer, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes<'a> {
    /// The bytes, in at most two pieces.
    pub pieces: [&'a [u8]; 2],
    /// Whether no more will come.
    pub complete: bool,
    /// Whether the buffer can take no more.
    pub full: bool,
    /// The size that the message promises, where it does (`Content-Length`); else what came so far.
    pub promised: Option<u64>,
}

/// What expressions see of a transaction. See the module's head.
pub trait Scope {
    /// The head of the request or of the response. `NotYet` while it is coming; absent where the stream
    /// speaks no HTTP or has left that stage.
    fn head(&self, side: Side) -> Lookup<&Head> {
        let _ = side;
        Lookup::Absent
    }

    /// Whose message the rules at hand are about: that of a client, unless they see an answer.
    fn side(&self) -> Side {
        Side::Client
    }

    /// What is buffered of a message's body, `Partial` while more may come.
    fn body(&self, side: Side) -> Lookup<Bytes<'_>> {
        let _ = side;
        Lookup::Absent
    }

    /// The raw bytes that wait on a side, for the fetches of layers 4 and 6.
    fn raw(&self, side: Side) -> Lookup<Bytes<'_>> {
        let _ = side;
        Lookup::Absent
    }

    /// What the TLS record that waits on a side says; absent where it is no TLS.
    fn hello<'a>(&'a self, side: Side, what: Hello, scratch: &'a Scratch) -> Lookup<Value<'a>> {
        let _ = (side, what, scratch);
        Lookup::Absent
    }

    /// What the sessions of TLS say; texts are copied to `scratch`, since a session goes on.
    fn tls<'a>(&'a self, ask: Tls<'_>, scratch: &'a Scratch) -> Option<Value<'a>> {
        let _ = (ask, scratch);
        None
    }

    /// Whether no more bytes are waited for: `wait_end`, and absent in place of `NotYet`.
    fn is_final(&self) -> bool {
        true
    }

    /// One end of a connection.
    fn address(&self, which: Address) -> Option<Endpoint<'_>> {
        let _ = which;
        None
    }

    /// Whether an address of a connection is one of this machine's.
    fn is_local(&self, which: Address) -> Option<bool> {
        let _ = which;
        None
    }

    /// A text of the transaction.
    fn text(&self, what: Text) -> Option<&[u8]> {
        let _ = what;
        None
    }

    /// A number of the transaction.
    fn number(&self, what: Number) -> Option<i64> {
        let _ = what;
        None
    }

    /// A field of the kernel's view of a connection.
    fn tcp_info(&self, side: Side, what: TcpInfo) -> Option<i64> {
        let _ = (side, what);
        None
    }

    /// The timing events so far.
    fn times(&self) -> Times {
        Times::NONE
    }

    /// The time now.
    fn clock(&self) -> Clock {
        Clock::default()
    }

    /// Seconds that local time is ahead of UTC at that second since 1970.
    fn utc_offset(&self, unix_seconds: i64) -> i32 {
        let _ = unix_seconds;
        0
    }

    /// Random bits, fresh at every call.
    fn random(&self) -> u64 {
        0
    }

    /// What `capture` rule number `slot` took of a side.
    fn capture(&self, side: Side, slot: usize) -> Option<&[u8]> {
        let _ = (side, slot);
        None
    }

    /// How many captures the frontend declares on a side.
    fn captures(&self, side: Side) -> usize {
        let _ = side;
        0
    }

    /// A counter of a proxy; `None` for the one the rule stands in.
    fn proxy(&self, proxy: Option<ProxyId>, what: ProxyNumber) -> Option<i64> {
        let _ = (proxy, what);
        None
    }

    /// A counter of a server.
    fn server(&self, server: ServerId, what: ServerNumber) -> Option<i64> {
        let _ = (server, what);
        None
    }

    /// The server of that name, `backend/server` or a server of the current backend, at run time.
    fn find_server(&self, name: &[u8]) -> Option<ServerId> {
        let _ = name;
        None
    }

    /// The proxy of that name that takes connections (`Side::Client`) or has servers, at run time.
    fn find_proxy(&self, name: &[u8], side: Side) -> Option<ProxyId> {
        let _ = (name, side);
        None
    }

    /// Reads or changes a stick table's entry.
    fn table(&self, key: TableKey<'_>, op: TableOp) -> Lookup<i64> {
        let _ = (key, op);
        Lookup::Absent
    }

    /// The key that counter `n` tracks.
    fn tracked_key<'a>(&'a self, n: u32, scratch: &'a Scratch) -> Option<Value<'a>> {
        let _ = (n, scratch);
        None
    }

    /// A variable; a text is copied to `scratch`, since the variable may change under it.
    fn var<'a>(&'a self, var: &VarRef, scratch: &'a Scratch) -> Option<Value<'a>> {
        let _ = (var, scratch);
        None
    }

    /// Gives `visit` each variable of a scope, its texts copied to `scratch`.
    fn each_var<'a>(
        &'a self,
        scope: VarScope,
        scratch: &'a Scratch,
        visit: &mut dyn FnMut(&[u8], Value<'a>),
    ) {
        let _ = (scope, scratch, visit);
    }

    /// Sets a variable, or forgets it; `false` where its store is out of room or out of reach.
    fn set_var(&self, var: &VarRef, value: Option<Value<'_>>) -> bool {
        let _ = (var, value);
        false
    }

    /// The certificate of this name, for tokens.
    fn token_certificate(&self, name: &[u8]) -> TokenCertificate {
        let _ = name;
        TokenCertificate::Unknown
    }

    /// Whether a user of the list has that password; `NotYet` while it is computed.
    fn password(&self, list: UserlistId, user: &[u8], password: &[u8]) -> Lookup<bool> {
        let _ = (list, user, password);
        Lookup::Absent
    }

    /// The `n`th group of a user of the list.
    fn user_group(&self, list: UserlistId, user: &[u8], n: usize) -> Option<&[u8]> {
        let _ = (list, user, n);
        None
    }
}

/// A certificate that tokens are signed by or encrypted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenCertificate {
    /// There is none of the name.
    Unknown,
    /// It is not for tokens (manual, 3.11 "jwt").
    Unavailable,
    /// It is there.
    Known {
        /// Its public key, as the certificate has it without its algorithm.
        public: Vec<u8>,
        /// Its private key in DER.
        key: Vec<u8>,
    },
}

/// A scope without a transaction: what expressions see at load and in `global`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScope;

impl Scope for NoScope {}

// === impl Side ===

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

// === impl Times ===

impl Times {
    /// No stage reached.
    pub const NONE: Self = Self {
        accepted_us: 0,
        request_us: 0,
        handshake: 0,
        idle: -1,
        request: -1,
        queue: -1,
        connect: -1,
        response: -1,
        active: 0,
        total: 0,
        unfinished: false,
    };

    /// `%Tq`: handshakes, idle time and request; -1 before the request is whole.
    pub const fn until_request(&self) -> i64 {
        if self.request < 0 { -1 } else { self.handshake + self.idle_or_zero() + self.request }
    }

    /// `%Td`: the data phase, from the response's head to the end; -1 where it did not begin.
    pub const fn data(&self) -> i64 {
        if self.response < 0 {
            return -1;
        }
        let before =
            self.until_request_or_zero() + positive(self.queue) + self.connect + positive(self.response);
        self.total - before
    }

    /// `%Tu`: what the user waited for, all but the idle time.
    pub const fn user(&self) -> i64 {
        self.total - self.idle_or_zero()
    }

    const fn idle_or_zero(&self) -> i64 {
        positive(self.idle)
    }

    const fn until_request_or_zero(&self) -> i64 {
        positive(self.handshake) + self.idle_or_zero() + positive(self.request)
    }
}

// === impl Bytes ===

impl<'a> Bytes<'a> {
    /// One piece of bytes.
    pub const fn whole(bytes: &'a [u8], complete: bool) -> Self {
        Self { pieces: [bytes, &[]], complete, full: false, promised: None }
    }

    /// How many bytes are there.
    pub const fn len(&self) -> usize {
        let [a, b] = self.pieces;
        a.len() + b.len()
    }

    /// Whether none are there.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes as one slice, copied only where they lie in two pieces.
    pub fn joined(&self, scratch: &'a Scratch) -> &'a [u8] {
        match self.pieces {
            [a, []] => a,
            [[], b] => b,
            [a, b] => scratch.build(|out| {
                out.extend_from_slice_copy(a);
                out.extend_from_slice_copy(b);
            }),
        }
    }
}

const fn positive(n: i64) -> i64 {
    if n < 0 { 0 } else { n }
}
