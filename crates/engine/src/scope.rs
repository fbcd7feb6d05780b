//! What expressions see of a transaction: a thin view, made where one is evaluated.

mod bytes;
mod captured;
mod decided;
mod events;
mod kernel;
mod slots;
mod status;
mod streams;
mod timeouts;
mod tls;

use std::cell::{Cell, OnceCell};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_expr::scope::{
    Address, Bytes, Clock, Endpoint, Hello, Number, ProxyId, ProxyNumber, Scheduling, ServerId, ServerNumber,
    TableKey, TableOp, TcpInfo, Text, Times, Tls, TokenCertificate, UserlistId,
};
use weir_expr::{Lookup, Scope, Scratch, Side, Value, VarRef, VarScope};
use weir_http::Head;
use weir_wire::proxy_v2::{self, Tlvs};

use crate::action::RuleSet;
use crate::clock::{self, Tick};
use crate::conf;
use crate::hello;
use crate::local;
use crate::log::{self, Origin};
use crate::names;
use crate::outbound;
use crate::passwords;
use crate::persistence::ServerCookie;
use crate::runtime::{Counters, Rate, Side as ProxySide};
use crate::seen_request::SeenRequest;
use crate::snapshot::{self, Snapshot};
use crate::stage::body;
use crate::stage::receive;
use crate::tables;
use crate::tokens;
use crate::transaction::Transaction;
use crate::variables;

use events::Events;

pub(crate) use captured::Captured;

/// A transaction as expressions see it.
pub(crate) struct View<'a> {
    t: &'a Transaction,
    termination: OnceCell<[u8; 4]>,
    events: OnceCell<Events>,
    /// The step or the rules that look at it.
    origin: Origin,
    request: SeenRequest,
    /// Whether who looks waits for answers that take long.
    can_wait: bool,
    /// Whether who looks waits for no more bytes.
    last: bool,
}

// === impl View ===

impl<'a> View<'a> {
    /// A view of a transaction as it is now, for a line or for rules.
    pub(crate) fn new(t: &'a Transaction, origin: Origin) -> Self {
        Self {
            t,
            origin,
            termination: OnceCell::new(),
            events: OnceCell::new(),
            request: SeenRequest::default(),
            can_wait: false,
            last: false,
        }
    }

    /// The tick at which it ended, or now.
    fn now(&self) -> Tick {
        self.t.facts.finished.unwrap_or_else(|| self.t.now())
    }

    /// What a PROXY header said beside addresses.
    fn said_ahead(&self, kind: u8) -> Option<&'a [u8]> {
        Tlvs::new(self.t.client.session().introduced.as_deref()?).first(kind)
    }

    /// The four letters of the termination state.
    fn termination(&self) -> &[u8; 4] {
        self.termination.get_or_init(|| {
            let facts = &self.t.facts;
            let of_session = self.origin.is_session();
            let [cause, stage] = if of_session { SESSION_LETTERS } else { facts.ending.letters() };
            let logged = !of_session
                && self.origin != Origin::SessionError
                && self.t.proxy().shared.cookie.as_ref().is_some_and(ServerCookie::is_logged);
            let [client, set] = if logged { facts.persisted.letters() } else { [b'-'; 2] };
            [cause, stage, client, set]
        })
    }

    /// A view for the rules of a set, with what is there now.
    pub(crate) fn of_rules(t: &'a Transaction, set: RuleSet) -> Self {
        Self { last: true, ..Self::undecided(t, set) }
    }

    /// A view for a rule that may wait for more bytes.
    pub(crate) fn undecided(t: &'a Transaction, set: RuleSet) -> Self {
        Self::new(t, Origin::Rules(set))
    }

    /// A view for a condition of a rule that can wait. Nothing is to come while there is only a connection.
    pub(crate) fn waiting(t: &'a Transaction, set: RuleSet) -> Self {
        let view = Self::undecided(t, set);
        Self { can_wait: true, last: view.origin.is_session(), ..view }
    }

    fn frontend(&self) -> &'a local::Proxy {
        &self.t.client.frontend
    }

    fn is_http(&self) -> bool {
        self.t.is_http()
    }

    /// How many sessions a side shows: a transaction that is over is not counted any more, nor is the place
    /// that it holds.
    fn without_own(&self, now: u32) -> i64 {
        i64::from(now)
            .saturating_sub(i64::from(self.origin == Origin::Close && self.t.facts.finished.is_some()))
            .max(0)
    }

    fn server_address(&self) -> Option<Endpoint<'_>> {
        let server = self.t.assigned.as_ref()?.server.conf();
        match outbound::address_of(server, || self.t.client.destination().inet())? {
            weir_sys::Address::Inet(inet) => Some(Endpoint::Ip(inet)),
            _ => Some(Endpoint::Unix(b"")),
        }
    }

    fn server_connections(&self) -> Option<i64> {
        let assigned = self.t.assigned.as_ref()?;
        let now = assigned.server.shared.runtime.serving.now();
        Some(if assigned.slot.is_some() { self.without_own(now) } else { i64::from(now) })
    }

    /// The proxy of this number, or the one that serves the transaction.
    fn proxy_at(&self, id: Option<ProxyId>) -> Option<Arc<snapshot::Proxy>> {
        match id {
            Some(ProxyId(index)) => self.snapshot().proxies.get(index as usize).cloned(),
            None => Some(self.t.proxy().shared.clone()),
        }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.t.client.worker.view().snapshot.clone()
    }

    /// Milliseconds from when its time began to count: the accept, or the end of the request before.
    fn since_start(&self, tick: Tick) -> i64 {
        tick.millis_since(self.t.client.free_since)
    }
}

impl Scope for View<'_> {
    fn head(&self, side: Side) -> Lookup<&Head> {
        if !self.is_http() {
            return match side {
                Side::Client => {
                    let limits = receive::request_limits(self.t);
                    self.request.look(self.t.client.input.data(), &limits, self.is_final())
                }
                Side::Server => Lookup::Absent,
            };
        }
        let (head, there) = match side {
            Side::Client => (&self.t.messages.request, self.t.facts.requested.is_some()),
            Side::Server => {
                (&self.t.messages.response, self.t.facts.answered.is_some() || self.t.facts.replied)
            }
        };
        if there { Lookup::Value(head) } else { Lookup::NotYet }
    }

    fn side(&self) -> Side {
        match self.origin {
            Origin::Rules(set) if set.is_response() => Side::Server,
            _ => Side::Client,
        }
    }

    fn address(&self, which: Address) -> Option<Endpoint<'_>> {
        let ends = self.t.messages.ends.as_deref();
        let client = &self.t.client;
        match which {
            Address::FrontSource if ends.is_some() => endpoint(&ends?.0),
            Address::FrontDestination if ends.is_some() => endpoint(&ends?.1),
            Address::Source | Address::FrontSource => endpoint(&client.source),
            Address::Destination | Address::FrontDestination => endpoint(client.destination()),
            Address::BackSource => {
                self.t.facts.back_source.or_else(|| kernel::back_source(self.t)).map(Endpoint::Ip)
            }
            Address::BackDestination => self.server_address(),
        }
    }

    fn is_local(&self, which: Address) -> Option<bool> {
        kernel::is_local(self.t, which)
    }

    fn tcp_info(&self, side: Side, what: TcpInfo) -> Option<i64> {
        kernel::tcp_info(self.t, side, what)
    }

    fn text(&self, what: Text) -> Option<&[u8]> {
        let captured = &self.t.messages.captured;
        match what {
            Text::LastRuleFile => Some(decided::last_rule(self)?.file.as_bytes()),
            Text::WaitingRuleFile => Some(self.t.facts.interrupted.as_ref()?.file.as_bytes()),
            Text::PpAuthority => self.said_ahead(proxy_v2::AUTHORITY),
            Text::PpUniqueId => self.said_ahead(proxy_v2::UNIQUE_ID),
            Text::PpTlv(kind) => self.said_ahead(kind),
            Text::Frontend => Some(self.frontend().conf().name.as_bytes()),
            // Until one is chosen, the frontend stands for it.
            Text::Backend if self.origin.is_session() => None,
            Text::Backend => Some(self.t.proxy().conf().name.as_bytes()),
            Text::DefaultBackend => Some(self.frontend().conf().default_backend.as_ref()?.0.as_bytes()),
            Text::Server => {
                let assigned = self.t.assigned.as_ref().map(|a| &a.server);
                Some(assigned.or_else(|| decided::server(self))?.conf().name.as_bytes())
            }
            Text::Listener => self.t.client.listener.conf()?.name.as_ref().map(String::as_bytes),
            // One that tells of itself, or of no request.
            Text::UniqueId if self.origin == Origin::Unspecified || self.origin.is_error() => {
                self.t.messages.captured.known_unique_id()
            }
            Text::UniqueId => log::unique_id(self.t).filter(|id| !id.is_empty()),
            Text::RequestLine => captured.line(),
            Text::CapturedMethod => captured.method(),
            Text::CapturedUri => captured.target(),
            Text::CapturedRequestVersion => captured.version(),
            Text::CapturedRequestCookie => captured.cookie(Side::Client),
            Text::CapturedResponseCookie => captured.cookie(Side::Server),
            Text::ErrorName(Side::Client) => self.t.facts.refusal.map(|r| r.name().as_bytes()),
            Text::ErrorText(Side::Client) => {
                Some(self.t.facts.refusal.map_or("Success", |r| r.text()).as_bytes())
            }
            Text::ErrorName(Side::Server) => self.t.facts.unreached.map(|why| why.name().as_bytes()),
            Text::ErrorText(Side::Server) => match self.t.facts.unreached {
                Some(why) => Some(why.text().as_bytes()),
                None => self.t.facts.connected.map(|_| &b"Success"[..]),
            },
            Text::CapturedResponseVersion => self.t.facts.answered.map(|_| &b"HTTP/1.1"[..]),
            Text::TlsVersion => tls::version(self.t),
            Text::TlsCipher => tls::cipher(self.t),
            Text::Service => Some(self.t.messages.service.as_ref()?.service.label().as_bytes()),
            Text::Termination => Some(self.termination()),
            Text::LogOrigin => Some(self.origin.name().as_bytes()),
            Text::TerminationEvents => Some(self.events.get_or_init(|| Events::of(self.t)).as_bytes()),
            Text::Hostname => Some(self.frontend().shared.log.host()),
            _ => None,
        }
    }

    fn number(&self, what: Number) -> Option<i64> {
        let (t, facts) = (self.t, &self.t.facts);
        let process = &t.client.worker.runtime.process;
        let backend = t.backend.as_ref();
        let assigned = t.assigned.as_ref();
        Some(match what {
            Number::ActiveConnections => process.connections.load(Relaxed).into(),
            Number::Error(Side::Client) => facts.refusal.map_or(0, |r| r.code()),
            Number::Error(Side::Server) | Number::Glitches(_) => streams::faults(t, what)?,
            Number::Streams(_)
            | Number::StreamLimit(_)
            | Number::StreamId(_)
            | Number::StreamAborted(_)
            | Number::ResetCode(_) => streams::number(t, what)?,
            Number::PriorityClass | Number::PriorityOffset if self.origin.is_session() => return None,
            Number::PriorityClass => facts.priority.class.into(),
            Number::PriorityOffset => facts.priority.offset.into(),
            Number::Uptime => (clock::now().millis() / 1000) as i64,
            Number::LastRuleLine => decided::last_rule(self)?.line.into(),
            Number::WaitingRuleLine => facts.interrupted.as_ref()?.line.into(),
            // No task is profiled.
            Number::Scheduling(which) => i64::from(which == Scheduling::Calls),
            Number::Pid => std::process::id().into(),
            Number::Thread => t.client.worker.id as i64 + 1,
            Number::ThreadGroup => 1,
            Number::Normal => facts.is_normal().into(),
            Number::Stopping => process.is_stopping().into(),
            Number::FrontendId => self.frontend().conf().id.into(),
            Number::BackendId => backend?.conf().id.into(),
            Number::ServerId => assigned?.server.conf().id.into(),
            Number::ListenerId => t.client.listener.conf()?.id?.into(),
            Number::ListenerConnections => t.client.listener.counted.listener.sessions.now().into(),
            Number::FrontendConnections => self.frontend().shared.runtime.frontend.sessions.now().into(),
            Number::BackendConnections => self.without_own(backend?.shared.runtime.backend.sessions.now()),
            Number::ServerConnections => self.server_connections()?,
            Number::ServerQueue => facts.queued.0.into(),
            Number::BackendQueue => facts.queued.1.into(),
            Number::Retries => facts.retries.into(),
            Number::Redispatched => facts.redispatched.into(),
            Number::LogCounter => self.frontend().shared.log.lines_so_far(),
            Number::RequestCounter => facts.number?.into(),
            Number::Status => status::known(self)?,
            Number::ServerStatus => Some(t.messages.response.status()).filter(|s| *s != 0)?.into(),
            Number::BytesIn(_) | Number::BytesOut(_) | Number::LogBytesRead | Number::LogBytesUploaded => {
                bytes::passed(self, what)
            }
            Number::FirstRequest => (t.client.requests <= 1).into(),
            Number::ModeHttp | Number::StreamIsHttp => self.is_http().into(),
            Number::Tls(side) => tls::is_there(self.t, side).into(),
            Number::HttpMajor(side) if self.is_http() => streams::version(t, side)?,
            Number::PpReceived => t.client.session().introduced.is_some().into(),
            Number::BackReused => facts.reused.into(),
            Number::FrontendTimeout(which) => timeouts::told(self.frontend().conf().timeout(which)),
            Number::BackendTimeout(which) => timeouts::told(t.proxy().conf().timeout(which)),
            Number::CurrentTimeout(which) => timeouts::current(self, which)?,
            _ => return None,
        })
    }

    fn times(&self) -> Times {
        let facts = &self.t.facts;
        let at = |tick: Option<Tick>| tick.map(|tick| self.since_start(tick));
        let client = &self.t.client;
        let handshake = if self.origin.precedes_handshake() { -1 } else { 0 };
        let begun = self.since_start(facts.begun);
        let http = self.is_http();
        let idle = match http {
            true if self.origin.is_session() => 0,
            true if self.t.has_begun() => begun,
            _ => -1,
        };
        let requested = at(facts.requested);
        let queued = at(facts.assigned);
        let connected = at(facts.connected);
        let start = if http { requested } else { Some(handshake) };
        let total = if self.origin.has_total() { self.since_start(self.now()) } else { 0 };
        Times {
            accepted_us: client.wall_of(client.free_since) as i64,
            request_us: client.wall_of(facts.begun) as i64,
            handshake,
            idle,
            request: requested
                .filter(|_| !facts.turned_away && !self.origin.precedes_request())
                .map_or(-1, |r| r - begun),
            queue: queued.zip(start).map_or(-1, |(q, s)| q - s),
            connect: connected.zip(queued).map_or(-1, |(c, q)| c - q),
            response: at(facts.answered).zip(connected).map_or(-1, |(a, c)| a - c),
            active: total - handshake - idle.max(0),
            total,
            unfinished: self.frontend().shared.log.is_growing(),
        }
    }

    fn clock(&self) -> Clock {
        clock::reading()
    }

    fn utc_offset(&self, unix_seconds: i64) -> i32 {
        self.t.client.worker.log.utc_offset(unix_seconds)
    }

    fn random(&self) -> u64 {
        random()
    }

    fn proxy(&self, proxy: Option<ProxyId>, what: ProxyNumber) -> Option<i64> {
        proxy_number(&*self.proxy_at(proxy)?, what)
    }

    fn server(&self, server: ServerId, what: ServerNumber) -> Option<i64> {
        let (proxy, server) = names::server_at(server);
        let snapshot = self.snapshot();
        let s = snapshot.proxies.get(proxy)?.server(server)?;
        server_number(s, what)
    }

    fn table(&self, key: TableKey<'_>, op: TableOp) -> Lookup<i64> {
        tables::ask(self.t, &self.frontend().shared.tables, key, op)
    }

    fn tracked_key<'v>(&'v self, n: u32, scratch: &'v Scratch) -> Option<Value<'v>> {
        tables::tracked(self.t, n as usize)?.key(scratch)
    }

    fn var<'v>(&'v self, var: &VarRef, scratch: &'v Scratch) -> Option<Value<'v>> {
        variables::value(self.t, var, scratch)
    }

    fn each_var<'v>(
        &'v self,
        scope: VarScope,
        scratch: &'v Scratch,
        visit: &mut dyn FnMut(&[u8], Value<'v>),
    ) {
        variables::each(self.t, scope, scratch, visit);
    }

    fn set_var(&self, var: &VarRef, value: Option<Value<'_>>) -> bool {
        variables::set(self.t, var, value)
    }

    fn capture(&self, side: Side, slot: usize) -> Option<&[u8]> {
        let [request, response] = &self.t.messages.kept;
        match side {
            Side::Client => request.slot(slot),
            Side::Server => response.slot(slot),
        }
    }

    fn captures(&self, side: Side) -> usize {
        if self.origin == Origin::SessionError || self.origin.is_session() {
            return 0;
        }
        self.frontend().conf().rules.slots(side).len()
    }

    fn body(&self, side: Side) -> Lookup<Bytes<'_>> {
        if !self.is_http() {
            return Lookup::Absent;
        }
        if side == Side::Server {
            return body::of_answer(self.t);
        }
        if self.t.facts.requested.is_none() {
            return Lookup::Absent;
        }
        body::of_request(self.t)
    }

    fn raw(&self, side: Side) -> Lookup<Bytes<'_>> {
        if self.is_http() {
            return Lookup::Absent;
        }
        let input = match (side, &self.t.far) {
            (Side::Client, _) => &self.t.client.input,
            (Side::Server, Some(far)) => &far.input,
            (Side::Server, None) => return Lookup::Absent,
        };
        let bytes = Bytes::whole(input.data(), self.is_final());
        match (self.is_final(), bytes.is_empty()) {
            (true, _) => Lookup::Value(bytes),
            (false, true) => Lookup::NotYet,
            (false, false) => Lookup::Partial(bytes),
        }
    }

    fn tls<'a>(&'a self, ask: Tls<'_>, scratch: &'a Scratch) -> Option<Value<'a>> {
        tls::answer(self.t, ask, scratch)
    }

    fn hello<'v>(&'v self, side: Side, what: Hello, scratch: &'v Scratch) -> Lookup<Value<'v>> {
        match self.raw(side) {
            Lookup::Value(bytes) | Lookup::Partial(bytes) => {
                let [first, _] = bytes.pieces;
                hello::look(first, what, self.is_final(), scratch)
            }
            Lookup::Absent => Lookup::Absent,
            Lookup::NotYet => Lookup::NotYet,
        }
    }

    fn is_final(&self) -> bool {
        self.last || self.t.messages.inspected
    }

    fn token_certificate(&self, name: &[u8]) -> TokenCertificate {
        tokens::certificate(&self.snapshot().global.tls.store, name)
    }

    fn password(&self, list: UserlistId, user: &[u8], password: &[u8]) -> Lookup<bool> {
        passwords::judge(self.t, list, (user, password), self.can_wait)
    }

    fn user_group(&self, list: UserlistId, user: &[u8], n: usize) -> Option<&[u8]> {
        passwords::user(self.t, list, user)?.groups.get(n).map(String::as_bytes)
    }

    fn find_server(&self, name: &[u8]) -> Option<ServerId> {
        let snapshot = self.snapshot();
        let at = name.iter().position(|c| *c == b'/');
        let (proxy, server) = match at.and_then(|at| name.split_at_checked(at)) {
            Some((backend, server)) => {
                let named =
                    |p: &Arc<snapshot::Proxy>| p.conf.is_backend() && p.conf.name.as_bytes() == backend;
                (snapshot.proxies.position(named)?, server.get(1..)?)
            }
            None => (self.t.proxy().shared.index, name),
        };
        let servers = &snapshot.proxies.get(proxy)?.servers;
        let found = servers.iter().find(|s| s.conf.name.as_bytes() == server)?;
        Some(names::server_id(proxy, found.index))
    }

    fn find_proxy(&self, name: &[u8], side: Side) -> Option<ProxyId> {
        let fits = |p: &conf::Proxy| match side {
            Side::Client => p.is_frontend(),
            Side::Server => p.is_backend(),
        };
        let named = |p: &Arc<snapshot::Proxy>| fits(&p.conf) && p.conf.name.as_bytes() == name;
        self.snapshot().proxies.position(named).map(|index| ProxyId(index as u32))
    }
}

/// A counter of a proxy.
pub(crate) fn proxy_number(p: &snapshot::Proxy, what: ProxyNumber) -> Option<i64> {
    let (front, back) = (&p.runtime.frontend, &p.runtime.backend);
    let rate = |side: &ProxySide, of: fn(&Counters) -> &Rate| -> i64 {
        side.counters.iter().map(|c| of(c).per_second(clock::now())).sum::<u64>() as i64
    };
    let queue: i64 = i64::from(p.runtime.queued.now())
        + p.servers.iter().map(|s| i64::from(s.runtime.queued.now())).sum::<i64>();
    Some(match what {
        ProxyNumber::UsableServers => p.farm.active().0 as i64,
        ProxyNumber::Queue => queue,
        ProxyNumber::AverageQueue => match p.farm.active().0 as i64 {
            0 => queue,
            n => (queue + n - 1) / n,
        },
        ProxyNumber::FrontendConnections => front.sessions.now().into(),
        ProxyNumber::BackendConnections => back.sessions.now().into(),
        ProxyNumber::FrontendRequestRate => rate(front, |c| &c.request_rate),
        ProxyNumber::FrontendSessionRate => rate(front, |c| &c.session_rate),
        ProxyNumber::BackendSessionRate => rate(back, |c| &c.session_rate),
        ProxyNumber::ConnectionSlots => slots::free(&p.servers, true),
        ProxyNumber::FreeConnections => slots::free(&p.servers, false),
    })
}

/// A counter of a server.
pub(crate) fn server_number(s: &snapshot::Server, what: ServerNumber) -> Option<i64> {
    let rt = &s.runtime;
    Some(match what {
        ServerNumber::Connections => rt.serving.now().into(),
        ServerNumber::FreeConnections => match rt.maxconn.load(Relaxed) {
            0 => -1,
            max => (i64::from(max) - i64::from(rt.serving.now())).max(0),
        },
        ServerNumber::Up => rt.is_running().into(),
        ServerNumber::Queue => rt.queued.now().into(),
        ServerNumber::SessionRate => {
            rt.counters.iter().map(|c| c.session_rate.per_second(clock::now())).sum::<u64>() as i64
        }
        ServerNumber::InitialWeight => rt.initial_weight().into(),
        ServerNumber::UserWeight | ServerNumber::EffectiveWeight => rt.weight.load(Relaxed).into(),
    })
}

/// A number that nobody can guess who sees few of them.
pub(crate) fn random() -> u64 {
    RANDOM.with(|state| {
        // splitmix64
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let z = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

fn endpoint(address: &weir_sys::Address) -> Option<Endpoint<'_>> {
    use std::os::unix::ffi::OsStrExt;
    match address {
        weir_sys::Address::Inet(inet) => Some(Endpoint::Ip(*inet)),
        weir_sys::Address::Unix(path) => Some(Endpoint::Unix(path.as_os_str().as_bytes())),
        _ => Some(Endpoint::Unix(b"")),
    }
}

/// How a session is shown that rules look at before it is one.
const SESSION_LETTERS: [u8; 2] = *b"PR";

thread_local! {
    static RANDOM: Cell<u64> = Cell::new(RandomState::new().hash_one(0));
}
