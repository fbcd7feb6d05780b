//! An engine on a configuration whose servers are one that only listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use parking_lot::Mutex;
use weir_admin::{Entry, entries};
use weir_engine::conf::{Bind, Conf, Endpoint, Mode, PortRule, Proxy};
use weir_engine::observe::{self, Event};
use weir_engine::runtime::Runtime;
use weir_engine::snapshot::Snapshot;

use weir_engine::{Binding, Engine, clock};

use super::client;
use super::sink::Sink;
use super::{Answer, Request};

/// A running engine that is asked one request after the other.
pub(crate) struct Bench {
    conf: Conf,
    engine: Engine,
    sink: Sink,
    /// Where each `bind` line of each frontend listens: proxy, line, address.
    doors: Vec<(usize, usize, SocketAddr)>,
}

// === impl Bench ===

impl Bench {
    /// Starts the engine on loopback ports that the system gives.
    ///
    /// # Errors
    /// What the system refuses.
    pub(crate) fn start(mut conf: Conf) -> Result<Self, String> {
        let said = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}.");
        let sink = Sink::start().map_err(said("cannot listen for what servers are sent"))?;
        isolate(&mut conf, sink.address());
        let mut doors = Vec::new();
        let mut bindings = Vec::new();
        for (proxy, at) in conf.proxies.iter().zip(0..).filter(|(p, _)| p.is_frontend() && !p.disabled) {
            for (_, bind) in proxy.binds.iter().zip(0..) {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(said("cannot listen"))?;
                listener.set_nonblocking(true).map_err(said("cannot listen"))?;
                doors.push((at, bind, listener.local_addr().map_err(said("cannot listen"))?));
                bindings.push(Binding { proxy: at, bind, sockets: vec![Arc::new(OwnedFd::from(listener))] });
            }
        }
        listen();
        let runtime = Runtime::new(1);
        let snapshot = Snapshot::build(&conf, &runtime, MAXCONN, clock::now());
        let engine = Engine::start(runtime, snapshot, &bindings).map_err(|e| format!("{e}."))?;
        Ok(Self { conf, engine, sink, doors })
    }

    /// Runs a request.
    ///
    /// # Errors
    /// Where no frontend takes it.
    pub(crate) fn ask(&self, request: &Request) -> Result<Answer, String> {
        let (proxy, bind, door) = self.door(request)?;
        let listens = proxy.binds.get(bind).map(|b| &b.endpoint);
        let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let to = match listens {
            Some(Endpoint::Inet(address)) if !address.ip().is_unspecified() => *address,
            Some(Endpoint::Inet(address)) => SocketAddr::new(own, address.port()),
            _ => SocketAddr::new(own, request.port),
        };
        let from = request.source.unwrap_or_else(|| SocketAddr::new(own, 50_000));
        observe::pretend(from, to);
        self.sink.forget();
        drop(take());
        let asked = request.head();
        let tls = proxy.binds.get(bind).is_some_and(|b| b.tls.ssl);
        let stream = TcpStream::connect(door).map_err(|e| format!("cannot connect: {e}."))?;
        let answered = client::exchange(stream, tls, &request.host, &asked, &request.body);
        let mut answer = Answer { frontend: proxy.name.clone(), asked, answered, ..Answer::default() };
        answer.events = until_the_end(answer.status());
        answer.sent = self.sink.last();
        Ok(answer)
    }

    /// What stick tables hold: since they were empty before the first request, what requests wrote. The name of the
    /// table with each entry.
    pub(crate) fn entries(&self) -> Vec<(String, Entry)> {
        let snapshot = self.engine.snapshot();
        let all = snapshot.tables.iter().flat_map(|table| {
            let name = table.spec().name.to_string();
            entries(table).into_iter().map(move |entry| (name.clone(), entry))
        });
        all.collect()
    }

    /// The `bind` line that a request comes in by: of the frontend that is named, or else on the port of the URL, or
    /// else with or without TLS as the URL asks.
    fn door(&self, request: &Request) -> Result<(&Proxy, usize, SocketAddr), String> {
        let lines = self.doors.iter().filter_map(|(at, bind, door)| {
            let proxy = self.conf.proxies.get(*at)?;
            Some((proxy.as_ref(), proxy.binds.get(*bind)?, *bind, *door))
        });
        let named = lines.filter(|(p, ..)| request.frontend.as_ref().is_none_or(|name| *name == p.name));
        let score = |proxy: &Proxy, line: &Bind| {
            let port = matches!(&line.endpoint, Endpoint::Inet(a) if a.port() == request.port);
            (proxy.mode == Mode::Http, port, line.tls.ssl == request.tls)
        };
        // Of equals the first.
        let best = named.rev().max_by_key(|(proxy, line, ..)| score(proxy, line));
        best.map(|(proxy, _, bind, door)| (proxy, bind, door))
            .ok_or_else(|| "no frontend takes the request.".to_owned())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.engine.stop();
    }
}

/// Takes away all that reaches out: servers, checks, logs.
fn isolate(conf: &mut Conf, sink: SocketAddr) {
    conf.global.stats_sockets.clear();
    conf.global.logs.clear();
    conf.rings.clear();
    for proxy in conf.proxies.iter_mut().map(Arc::make_mut) {
        proxy.logs.clear();
        proxy.source = Default::default();
        for bind in &mut proxy.binds {
            bind.accept_proxy = false;
            bind.accept_netscaler_cip = None;
        }
        for server in proxy.servers.iter_mut().map(Arc::make_mut) {
            server.endpoint = Some(Endpoint::Inet(sink));
            server.hostname = None;
            server.port = PortRule::Fixed;
            (server.check, server.agent, server.track) = (None, None, None);
            (server.proxy_header, server.socks4) = (None, None);
            server.source = Default::default();
            server.tls.ssl = false;
            server.tls.policy = None;
            server.proto = Default::default();
            server.init_state = None;
        }
    }
}

/// Begins to hear what the engine decides.
fn listen() {
    let (tell, hear) = mpsc::channel();
    if HEARD.set(Mutex::new(hear)).is_ok() {
        observe::observe(move |event| {
            // Nobody hears any more where the program ends.
            let _ = tell.send(event);
        });
    }
}

/// What was heard since the last time.
fn take() -> Vec<Event> {
    HEARD.get().map(|heard| heard.lock().try_iter().collect()).unwrap_or_default()
}

/// What is heard until the transaction with this answer is over. Where there was no answer it is over when nothing
/// more is heard; connections at rest end with status 0, too.
fn until_the_end(status: u16) -> Vec<Event> {
    let mut events = Vec::new();
    let Some(heard) = HEARD.get() else { return events };
    let heard = heard.lock();
    let patience = Duration::from_millis(if status == 0 { 50 } else { 2000 });
    while let Ok(event) = heard.recv_timeout(patience) {
        let over = status > 0 && event == Event::End(status);
        events.push(event);
        if over {
            break;
        }
    }
    events
}

static HEARD: OnceLock<Mutex<mpsc::Receiver<Event>>> = OnceLock::new();
const MAXCONN: u32 = 1000;
