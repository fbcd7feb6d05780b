//! Outbound connections, for servers and checks alike.
//!
//! One function makes them: source address, options of the socket, and what has to be said before the
//! first byte of the protocol (PROXY header) are decided here.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use weir_sys::connect::{self, ConnectSpec, PacketMarks};
use weir_sys::namespace::Namespace;
use weir_sys::{Address, SocketError};
use weir_wire::{Parsed, socks4};

use crate::conf::{self, Endpoint, Options};
use crate::io::Stream;
use crate::local;

/// A connection that is being established.
pub(crate) struct Connecting {
    stream: Stream,
    established: bool,
    /// What is still to be settled with a SOCKS4 proxy on the way.
    socks: Option<Box<Socks>>,
}

/// The conversation with a SOCKS4 proxy (manual, 5.2 "socks4").
struct Socks {
    request: Vec<u8>,
    sent: usize,
    answer: [u8; 8],
    got: usize,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server did not take it.
    Refused(io::Error),
    /// We have no source port, descriptor or memory left.
    Exhausted(SocketError),
    /// The server has no address.
    NoAddress,
}

/// Starts a connection to a server. `client` is the destination of the client's connection and its source,
/// where there is a client.
pub(crate) fn start(
    server: &Rc<local::Server>,
    spec: &ConnectSpec,
    destination: impl FnOnce() -> Option<SocketAddr>,
    source: Option<SocketAddr>,
    marks: PacketMarks,
) -> Result<Connecting, Failure> {
    let address = address_of(server.conf(), destination).ok_or(Failure::NoAddress)?;
    start_via(server.conf().socks4, &address, spec, source, marks)
}

/// Starts a connection to an address, by way of a SOCKS4 proxy where one is given.
pub(crate) fn start_via(
    socks4: Option<SocketAddr>,
    address: &Address,
    spec: &ConnectSpec,
    source: Option<SocketAddr>,
    marks: PacketMarks,
) -> Result<Connecting, Failure> {
    let Some(proxy) = socks4 else { return start_at(address, spec, source, marks) };
    let wanted = address.inet().ok_or(Failure::NoAddress)?;
    let mut connecting = start_at(&Address::Inet(proxy), spec, source, marks)?;
    connecting.socks = Some(Box::new(Socks::to(wanted)?));
    Ok(connecting)
}

/// Starts a connection to an address.
pub(crate) fn start_at(
    address: &Address,
    spec: &ConnectSpec,
    source: Option<SocketAddr>,
    marks: PacketMarks,
) -> Result<Connecting, Failure> {
    let made = connect::connect(address, spec, source, marks).map_err(Failure::from)?;
    let stream = Stream::new(made.fd).map_err(Failure::Refused)?;
    Ok(Connecting { stream, established: made.established, socks: None })
}

/// How connections to a server are made, from its line and its proxy's.
pub(crate) fn spec(global: &conf::Global, proxy: &conf::Proxy, server: &conf::Server) -> ConnectSpec {
    let source = if server.source == conf::Source::default() { &proxy.source } else { &server.source };
    let has_source = source.bind.is_some() || source.interface.is_some();
    let keep_alive = proxy.options.contains(Options::SRVTCPKA).then_some(connect::KeepAlive {
        idle: proxy.server_keepalive.idle,
        interval: proxy.server_keepalive.interval,
        count: proxy.server_keepalive.count,
    });
    ConnectSpec {
        source: has_source.then(|| connect::Source {
            address: source.bind.map(|(a, _)| a),
            ports: source.bind.and_then(|(a, last)| connect::PortRange::new(a.port(), last)),
            transparent: source.usesrc.is_some(),
            interface: source.interface.clone(),
        }),
        no_delay: true,
        keep_alive,
        fast_open: server.tfo,
        user_timeout: server.tcp_user_timeout,
        no_quick_ack: proxy.options.contains(Options::TCP_SMART_CONNECT),
        congestion: server.congestion.clone(),
        mptcp: server.mptcp,
        send_buffer: global.tune.sndbuf_server.map(|n| n as u32),
        receive_buffer: global.tune.rcvbuf_server.map(|n| n as u32),
        unsent_low_water: global.tune.unsent_server.map(|n| n as u32),
        namespace: server.namespace.as_deref().and_then(|n| Namespace::open(n).ok()),
        ..ConnectSpec::default()
    }
}

/// Where a server is; `destination` is the address that the client asked for.
pub(crate) fn address_of(
    server: &conf::Server,
    destination: impl FnOnce() -> Option<SocketAddr>,
) -> Option<Address> {
    Some(match server.endpoint.as_ref()? {
        Endpoint::Inet(a) => Address::Inet(inet_of(*a, server.port, destination)),
        Endpoint::Unix(path) => Address::Unix(path.clone()),
        Endpoint::Abstract { name, padded } => Address::Abstract { name: name.clone(), padded: *padded },
        Endpoint::Fd(_) | Endpoint::SockPair(_) => return None,
    })
}

/// A server of the unspecified address is the one that the client asked for; a port that is an offset counts
/// from the client's (manual, 4.2 "server").
fn inet_of(
    at: SocketAddr,
    rule: conf::PortRule,
    destination: impl FnOnce() -> Option<SocketAddr>,
) -> SocketAddr {
    let fixed = rule == conf::PortRule::Fixed;
    if fixed && !at.ip().is_unspecified() {
        return at;
    }
    let asked = destination();
    let ip = if at.ip().is_unspecified() { asked.map_or(at.ip(), |a| a.ip()) } else { at.ip() };
    let asked_port = i32::from(asked.map_or(0, |a| a.port()));
    let port = match rule {
        conf::PortRule::Fixed if at.port() != 0 => i32::from(at.port()),
        conf::PortRule::Fixed => asked_port,
        conf::PortRule::Offset(offset) => asked_port + offset,
    };
    SocketAddr::new(ip, port.clamp(0, 65535) as u16)
}

// === impl Connecting ===

impl Connecting {
    /// Ready when the connection is established or has failed.
    pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        if !self.established {
            ready!(self.stream.poll_connected(cx)).map_err(Failure::Refused)?;
            self.established = true;
        }
        if let Some(socks) = &mut self.socks {
            ready!(socks.poll_settled(cx, &self.stream))?;
            self.socks = None;
        }
        Poll::Ready(Ok(()))
    }

    /// The connection, once it is done.
    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }
}

// === impl Socks ===

impl Socks {
    fn to(server: SocketAddr) -> Result<Self, Failure> {
        let mut request = Vec::new();
        socks4::request(&mut request, server).map_err(|_| Failure::NoAddress)?;
        Ok(Self { request, sent: 0, answer: [0; 8], got: 0 })
    }

    /// Ready when the proxy has connected us; not a byte more than its answer is read.
    fn poll_settled(&mut self, cx: &mut Context<'_>, stream: &Stream) -> Poll<Result<(), Failure>> {
        while let Some(rest) = self.request.get(self.sent..).filter(|r| !r.is_empty()) {
            self.sent += ready!(stream.poll_write(cx, rest, false)).map_err(Failure::Refused)?;
        }
        loop {
            match socks4::answer(self.answer.get(..self.got).unwrap_or_default()) {
                Parsed::Complete { .. } => return Poll::Ready(Ok(())),
                Parsed::Invalid(_) => return Poll::Ready(Err(refused())),
                Parsed::Partial => {}
            }
            let room = self.answer.get_mut(self.got..).unwrap_or_default();
            match ready!(stream.poll_read(cx, room)).map_err(Failure::Refused)? {
                0 => return Poll::Ready(Err(refused())),
                n => self.got += n,
            }
        }
    }
}

fn refused() -> Failure {
    Failure::Refused(io::ErrorKind::ConnectionRefused.into())
}

impl From<SocketError> for Failure {
    fn from(e: SocketError) -> Self {
        use weir_sys::Step;
        match e.step {
            Step::SourcePorts | Step::Create => Self::Exhausted(e),
            _ => Self::Refused(e.source),
        }
    }
}
