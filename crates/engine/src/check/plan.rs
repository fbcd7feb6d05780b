//! What the check of one server is, compiled from its line and its backend's.

use std::net::SocketAddr;
use std::time::Duration;

use weir_balance::health::Intervals;
use weir_sys::Address;
use weir_sys::connect::ConnectSpec;

use super::Place;
use super::script::{Connect, Script};
use crate::conf::{self, CheckKind, Endpoint, PortRule};

/// A check, ready to run.
pub(super) struct Plan {
    pub(super) script: Script,
    pub(super) intervals: Intervals,
    /// Time for the connection, from the start.
    pub(super) connect: Duration,
    /// Time for the rest, once connected; where there is none, `connect` is for all.
    pub(super) answer: Option<Duration>,
    /// How its connections are made.
    pub(super) spec: ConnectSpec,
    source: Source,
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
    check: conf::Check,
    kind: CheckKind,
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
    tls: (bool, bool, Option<String>),
}

// === impl Plan ===

impl Plan {
    /// The plan for a server; none where it is not checked.
    pub(super) fn of(place: &Place) -> Option<Self> {
        let (proxy, server) = (&place.proxy.conf, &place.server.conf);
        let check = server.check.as_ref()?;
        let millis = |d: Duration| d.as_millis() as u64;
        let source = Source {
            check: check.clone(),
            kind: proxy.check.clone(),
            endpoint: server.endpoint.clone(),
            port: server.port,
            timeouts: (proxy.timeouts.check, proxy.timeouts.connect),
            proxy_header: server.proxy_header.clone(),
            send_proxy: server.check_send_proxy,
            socks4: server.socks4,
            via_socks4: server.check_via_socks4,
            never_local: place.snapshot.global.pp2_never_send_local,
            spread: place.snapshot.global.spread_checks,
            bind: [proxy.source.clone(), server.source.clone()],
            tls: (server.tls.ssl, server.tls.check_ssl, server.tls.check_sni.clone()),
        };
        let connect = match proxy.timeouts.check {
            Some(_) => proxy.timeouts.connect.map_or(check.inter, |c| c.min(check.inter)),
            None => check.inter,
        };
        // The ACK of the handshake waits for our request: a check that says nothing is over before the server
        // ever accepts it.
        let spec = ConnectSpec {
            no_quick_ack: true,
            ..crate::outbound::spec(&place.snapshot.global, proxy, server)
        };
        Some(Self {
            script: Script::of(&proxy.check),
            intervals: Intervals {
                inter: millis(check.inter),
                fast: check.fastinter.map(millis),
                down: check.downinter.map(millis),
            },
            connect,
            answer: proxy.timeouts.check,
            spec,
            source,
        })
    }

    /// Whether a reload may leave the check as it runs.
    pub(super) fn same_as(&self, old: &Self) -> bool {
        self.source == old.source
    }

    /// Where a connection of the check goes.
    pub(super) fn address(&self, step: &Connect) -> Option<Address> {
        let check = &self.source.check;
        let inet = match self.source.endpoint.as_ref()? {
            Endpoint::Inet(a) => *a,
            Endpoint::Unix(path) if step.addr.or(check.addr).is_none() => {
                return Some(Address::Unix(path.clone()));
            }
            Endpoint::Abstract { name, padded } if step.addr.or(check.addr).is_none() => {
                return Some(Address::Abstract { name: name.clone(), padded: *padded });
            }
            _ => SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let ip = step.addr.or(check.addr).map_or(inet.ip(), |a| a.ip());
        let own = step.addr.map(|a| a.port()).filter(|p| *p != 0);
        let port = step.port.or(own).or(check.port).unwrap_or(inet.port());
        Some(Address::Inet(SocketAddr::new(ip, port)))
    }

    /// The SOCKS4 proxy on the way, where one is taken (manual, 5.2 "check-via-socks4").
    pub(super) fn socks4(&self, step: &Connect) -> Option<SocketAddr> {
        let wanted = step.via_socks4 || (step.default && self.source.via_socks4);
        self.source.socks4.filter(|_| wanted)
    }

    /// Whether a connection of the check is over TLS: like the server's own, unless it goes elsewhere.
    pub(super) fn is_secure(&self, step: &Connect) -> bool {
        let check = &self.source.check;
        let moved = check.port.is_some() || check.addr.is_some();
        let (ssl, check_ssl, _) = self.source.tls;
        step.ssl || (step.default && (check_ssl || (ssl && !moved)))
    }

    /// The PROXY header that comes first, where one does.
    pub(super) fn proxy_header(&self, step: &Connect) -> Option<SelfHeader> {
        let check = &self.source.check;
        let moved = check.port.is_some() || check.addr.is_some();
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
