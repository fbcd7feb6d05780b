//! What the check of one server is, compiled from its line and its backend's.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use weir_balance::health::Intervals;
use weir_sys::Address;
use weir_sys::connect::ConnectSpec;

use super::{Kind, Place};
use crate::conf::{
    self, Agent, Answer, CheckAct, CheckConnect, CheckExpect, CheckKind, CheckSend, Endpoint, PortRule,
    Program, Proto, Ruleset, Talk, Want,
};

/// A check, ready to run.
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) work: Work,
    pub(super) intervals: Intervals,
    /// Time for the connection, from the start.
    pub(super) connect: Duration,
    /// Time for the rest, once connected; where there is none, `connect` is for all.
    pub(super) answer: Option<Duration>,
    /// How its connections are made.
    pub(super) spec: ConnectSpec,
    source: Source,
}

/// What is done to check.
#[derive(PartialEq)]
pub(super) enum Work {
    /// These steps.
    Rules(Arc<Ruleset>),
    /// This program is run.
    Program(Arc<Program>),
}

/// The PROXY header of a connection that serves no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SelfHeader {
    V1,
    /// Version 2 without addresses.
    Local,
    /// Version 2 with the ends of the connection itself (`pp2-never-send-local`).
    V2,
}

/// All that a plan is made of, to tell whether a reload changed it.
#[derive(PartialEq)]
struct Source {
    inter: Duration,
    check: Option<conf::Check>,
    agent: Option<Agent>,
    /// The address and the port that checks go to in place of the server's.
    target: (Option<IpAddr>, Option<u16>),
    endpoint: Option<Endpoint>,
    port: PortRule,
    timeouts: (Option<Duration>, Option<Duration>),
    proxy_header: Option<conf::ProxyHeader>,
    send_proxy: bool,
    socks4: Option<SocketAddr>,
    via_socks4: bool,
    never_local: bool,
    spread: u32,
    bind: [conf::Source; 2],
    /// `ssl`, `check-ssl`, and how sessions are made.
    tls: (bool, Option<bool>, Option<String>, bool),
}

// === impl Plan ===

impl Plan {
    /// The plan for a server; none where there is nothing to do.
    pub(super) fn of(place: &Place, kind: Kind) -> Option<Self> {
        let (proxy, server) = (&place.proxy.conf, &place.server.conf);
        let check = server.check.as_ref().filter(|_| kind == Kind::Health);
        let agent = server.agent.as_ref().filter(|_| kind == Kind::Agent);
        let (inter, target, work) = match (check, agent) {
            (Some(check), _) => {
                let work = match (&check.rules, &proxy.check) {
                    (Some(rules), _) | (None, CheckKind::Rules(rules)) => Work::Rules(rules.clone()),
                    (None, CheckKind::Program(program)) => Work::Program(program.clone()),
                };
                (check.inter, (check.addr.map(|a| a.ip()), check.port), work)
            }
            (None, Some(agent)) => {
                (agent.inter, (agent.addr, Some(agent.port)), Work::Rules(Arc::new(question(agent))))
            }
            (None, None) => return None,
        };
        let source = Source {
            inter,
            check: check.cloned(),
            agent: agent.cloned(),
            target,
            endpoint: server.endpoint.clone(),
            port: server.port,
            timeouts: (proxy.timeouts.check, proxy.timeouts.connect),
            proxy_header: server.proxy_header.clone().filter(|_| kind == Kind::Health),
            send_proxy: server.check_send_proxy && kind == Kind::Health,
            socks4: server.socks4,
            via_socks4: server.check_via_socks4,
            never_local: place.snapshot.global.pp2_never_send_local,
            spread: place.snapshot.global.spread_checks,
            bind: [proxy.source.clone(), server.source.clone()],
            tls: (
                server.tls.ssl,
                server.tls.check_ssl,
                server.tls.check_sni.clone(),
                server.tls.no_check_sni_auto,
            ),
        };
        let connect = match proxy.timeouts.check {
            Some(_) => proxy.timeouts.connect.map_or(inter, |c| c.min(inter)),
            None => inter,
        };
        // The ACK of the handshake waits for our request: a check that says nothing is over before the server
        // ever accepts it. A server that speaks first is not to wait for it.
        let hears = matches!(&work, Work::Rules(rules) if rules.hears_first());
        let silent = matches!(&work, Work::Rules(rules) if rules.is_silent());
        let spec = ConnectSpec {
            no_quick_ack: !hears,
            no_delay: !silent,
            ..crate::outbound::spec(&place.snapshot.global, proxy, server)
        };
        let millis = |d: Duration| d.as_millis() as u64;
        Some(Self {
            kind,
            work,
            intervals: Intervals {
                inter: millis(inter),
                fast: check.and_then(|check| check.fastinter).map(millis),
                down: check.and_then(|check| check.downinter).map(millis),
            },
            connect,
            answer: proxy.timeouts.check,
            spec,
            source,
        })
    }

    /// Time for all of it.
    pub(super) fn inter(&self) -> Duration {
        self.source.inter
    }

    /// Whether a reload may leave the check as it runs.
    pub(super) fn same_as(&self, old: &Self) -> bool {
        self.source == old.source && self.work == old.work
    }

    /// Where a connection of the check goes; `port` is one that was computed.
    pub(super) fn address(&self, step: &CheckConnect, port: Option<u16>) -> Option<Address> {
        let (ip, own_port) = self.source.target;
        let ip = step.addr.map(|a| a.ip()).or(ip);
        let inet = match self.source.endpoint.as_ref()? {
            Endpoint::Inet(a) => *a,
            Endpoint::Unix(path) if ip.is_none() => return Some(Address::Unix(path.clone())),
            Endpoint::Abstract { name, padded } if ip.is_none() => {
                return Some(Address::Abstract { name: name.clone(), padded: *padded });
            }
            _ => SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let of_step = step.addr.map(|a| a.port()).filter(|p| *p != 0);
        let port = port.or(step.port).or(of_step).or(own_port).unwrap_or(inet.port());
        Some(Address::Inet(SocketAddr::new(ip.unwrap_or(inet.ip()), port)))
    }

    /// The SOCKS4 proxy on the way, where one is taken (manual, 5.2 "check-via-socks4").
    pub(super) fn socks4(&self, step: &CheckConnect) -> Option<SocketAddr> {
        let wanted = step.via_socks4 || (step.default && self.source.via_socks4);
        self.source.socks4.filter(|_| wanted)
    }

    /// Whether a connection of the check is over TLS: like the server's own, unless it goes elsewhere. Agents
    /// are asked in the clear.
    pub(super) fn is_secure(&self, step: &CheckConnect) -> bool {
        let moved = self.source.target != (None, None);
        let (ssl, check_ssl, ..) = self.source.tls;
        let own = self.kind == Kind::Health && step.default && check_ssl.unwrap_or(ssl && !moved);
        step.ssl || own
    }

    /// In what a connection of the check speaks HTTP; any where that is as agreed on. Where both ends `negotiate`
    /// it, the step has no say.
    pub(super) fn protocol(&self, step: &CheckConnect, negotiate: bool) -> Proto {
        let own = self.source.check.as_ref().map_or(Proto::Any, |check| check.proto);
        match step.proto {
            _ if negotiate => own,
            Proto::Any if step.default => own,
            said => said,
        }
    }

    /// The PROXY header that comes first, where one does.
    pub(super) fn proxy_header(&self, step: &CheckConnect) -> Option<SelfHeader> {
        let moved = self.source.target != (None, None);
        let traffic = self.source.proxy_header.is_some() && !moved;
        let wanted = step.send_proxy || (step.default && (self.source.send_proxy || traffic));
        let v2 = self.source.proxy_header.as_ref().is_some_and(|h| h.v2);
        wanted.then_some(match (v2, self.source.never_local) {
            (false, _) => SelfHeader::V1,
            (true, false) => SelfHeader::Local,
            (true, true) => SelfHeader::V2,
        })
    }
}

/// What an agent is asked, and that it is to answer.
fn question(agent: &Agent) -> Ruleset {
    let mut acts = vec![CheckAct::Connect(CheckConnect { default: true, ..CheckConnect::default() })];
    acts.extend(agent.send.clone().map(|bytes| CheckAct::Send(CheckSend::Bytes(bytes))));
    acts.push(CheckAct::Expect(CheckExpect::new(Want::Answer(Answer::Agent))));
    Ruleset::new(Talk::Protocol, 1, acts)
}
