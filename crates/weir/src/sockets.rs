//! The listening sockets of a configuration: which there are, and getting them, each once.
//!
//! A socket that a running configuration has is taken over by the next one where its description is the same, so that
//! a reload closes no queue.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use weir_admin::Handed;
use weir_diag::{Sources, Span};
use weir_engine::Binding;
use weir_engine::conf::{Bind, Conf, Endpoint, Shards, V6Mode};
use weir_sys::Address;
use weir_sys::listen::{self, ListenSpec, Ownership, Transport};
use weir_sys::process::{self, Signal, signal};
use weir_sys::steer;

use crate::access::Access;
use crate::cli::OldProcesses;
use crate::inheritance::Inheritance;

/// One address that is listened on.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Whose it is.
    pub(crate) owner: Owner,
    /// The socket, or the number of an inherited one.
    pub(crate) source: Source,
    /// How many sockets.
    pub(crate) copies: u16,
    /// Where the configuration asks for it.
    pub(crate) at: Span,
    /// Whose it is in messages: `frontend web`.
    pub(crate) name: String,
}

/// Whose connections a socket takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A `bind` line of a proxy: their positions.
    Proxy(usize, usize),
    /// A `stats socket` line: its position.
    Stats(usize),
}

/// Where a socket comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It is made.
    Made(Box<ListenSpec>),
    /// It was inherited (`fd@`).
    Inherited(i32, i32),
}

/// The sockets of a configuration, open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sockets {
    list: Vec<Open>,
}

#[derive(Clone, Debug)]
struct Open {
    owner: Owner,
    source: Source,
    sockets: Vec<Arc<OwnedFd>>,
    /// How many of them make a set: one for each worker, or one for all.
    copies: usize,
    /// They came from another process, and may be more or fewer than asked for.
    inherited: bool,
}

/// Connections come to these sockets, and not to the others of their addresses.
#[derive(Debug, Default)]
pub(crate) struct Steering {
    firsts: Vec<Arc<OwnedFd>>,
}

/// Every address that `conf` listens on.
pub(crate) fn wanted(conf: &Conf, threads: u16) -> Vec<Wanted> {
    let mut list = Vec::new();
    for (p, proxy) in conf.proxies.iter().enumerate().filter(|(_, p)| p.is_frontend() && !p.disabled) {
        for (b, bind) in proxy.binds.iter().enumerate() {
            let backlog = bind.backlog.or(proxy.backlog);
            let kind = if proxy.is_backend() { "proxy" } else { "frontend" };
            let name = format!("{kind} {}", proxy.name);
            list.extend(want(conf, bind, backlog, Owner::Proxy(p, b), name, threads));
        }
    }
    for (s, socket) in conf.global.stats_sockets.iter().enumerate() {
        let backlog = socket.bind.backlog;
        list.extend(want(conf, &socket.bind, backlog, Owner::Stats(s), "frontend GLOBAL".to_owned(), 1));
    }
    list
}

/// Opens what is wanted, taking over from `before` what is there already.
///
/// # Errors
/// A message for each address that cannot be listened on.
pub(crate) fn open(
    wanted: &[Wanted],
    before: &Sockets,
    access: &Access,
    sources: &Sources,
    inheritance: Option<&Inheritance>,
) -> Result<(Sockets, Vec<String>), Vec<String>> {
    let (mut opened, mut complaints, mut faults) = (Sockets::default(), Vec::new(), Vec::new());
    for want in wanted {
        let context = Context { before, access, sources, inheritance };
        match open_one(want, &context, &mut complaints) {
            Ok(sockets) => {
                let (copies, inherited) = (usize::from(want.copies), inheritance.is_some());
                let (owner, source) = (want.owner, want.source.clone());
                opened.list.push(Open { owner, source, sockets, copies, inherited });
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok((opened, complaints)) } else { Err(faults) }
}

/// As [`open`], for a process that replaces others: where an address is in use, they are asked to pause, and to go on
/// where that did not help (management manual, chapter 4).
pub(crate) fn open_patiently(
    wanted: &[Wanted],
    access: &Access,
    sources: &Sources,
    old: Option<&OldProcesses>,
    inheritance: Option<&Inheritance>,
) -> Result<(Sockets, Vec<String>), Vec<String>> {
    let none = Sockets::default();
    let first = open(wanted, &none, access, sources, inheritance);
    let Some(old) = old.filter(|old| first.is_err() && !old.pids.is_empty()) else { return first };
    old.signal(signal::SIGTTOU);
    for _ in 0..PATIENCE {
        std::thread::sleep(PAUSE);
        let again = open(wanted, &none, access, sources, inheritance);
        if again.is_ok() {
            return again;
        }
    }
    old.signal(signal::SIGTTIN);
    first
}

// === impl OldProcesses ===

impl OldProcesses {
    /// Sends a signal to each; those that are gone need none.
    pub(crate) fn signal(&self, signal: Signal) {
        for &pid in &self.pids {
            let _ = process::kill(pid, signal);
        }
    }
}

// === impl Sockets ===

impl Sockets {
    /// Those of proxies, as the engine takes them.
    pub(crate) fn bindings(&self) -> Vec<Binding> {
        let mut all = Vec::new();
        for open in &self.list {
            if let Owner::Proxy(proxy, bind) = open.owner {
                let sets = open.sockets.chunks(open.copies.max(1));
                all.extend(sets.map(|set| Binding { proxy, bind, sockets: set.to_vec() }));
            }
        }
        all
    }

    /// All of them, for a process that takes over. Of the sockets of an address the first comes last: it is the one
    /// that HAProxy keeps where it needs one alone.
    pub(crate) fn handed(&self) -> Vec<Handed> {
        let of = |open: &Open| {
            let (namespace, interface) = match &open.source {
                Source::Made(spec) => (spec.namespace.clone(), spec.interface.clone()),
                Source::Inherited(..) => (None, None),
            };
            let (namespace, interface) = (namespace.unwrap_or_default(), interface.unwrap_or_default());
            let hand = |fd: &Arc<OwnedFd>| Handed {
                fd: fd.clone(),
                namespace: namespace.clone(),
                interface: interface.clone(),
            };
            open.sockets.iter().rev().map(hand).collect::<Vec<_>>()
        };
        self.list.iter().flat_map(of).collect()
    }

    /// Has new connections come to the first socket of each address, for as long as what it gives is kept. Who closes
    /// these sockets after it was asked for them does so meanwhile: no connection comes into a queue that nobody took.
    pub(crate) fn steer(&self) -> Steering {
        let groups = self.list.iter().filter(|open| open.copies > 1 && open.sockets.len() > 1);
        let firsts = groups.filter_map(|open| open.sockets.first().cloned());
        // Where the kernel cannot, it spreads them as before.
        Steering { firsts: firsts.filter(|first| steer::to_first(first).is_ok()).collect() }
    }

    /// Closes those of the proxy at a position.
    pub(crate) fn shut(&mut self, proxy: usize) {
        self.list.retain(|open| !matches!(open.owner, Owner::Proxy(p, _) if p == proxy));
    }

    /// Those of `stats socket` lines, with the position of the line, for the runtime API.
    pub(crate) fn stats(&self) -> impl Iterator<Item = (usize, &Arc<OwnedFd>)> {
        self.list.iter().filter_map(|open| match open.owner {
            Owner::Stats(at) => Some((at, open.sockets.first()?)),
            Owner::Proxy(..) => None,
        })
    }

    fn same(&self, source: &Source) -> Option<&Open> {
        self.list.iter().find(|open| open.source == *source)
    }
}

impl Drop for Steering {
    fn drop(&mut self) {
        for first in &self.firsts {
            let _ = steer::to_all(first);
        }
    }
}

/// What an address is opened with.
struct Context<'a> {
    before: &'a Sockets,
    access: &'a Access,
    sources: &'a Sources,
    /// What the process had that this one replaces, where it has asked for it.
    inheritance: Option<&'a Inheritance>,
}

fn open_one(
    want: &Wanted,
    context: &Context<'_>,
    complaints: &mut Vec<String>,
) -> Result<Vec<Arc<OwnedFd>>, String> {
    let Context { before, access, sources, inheritance } = *context;
    let fits = |open: &&Open| open.inherited || open.sockets.len() == usize::from(want.copies);
    let again = before.same(&want.source).filter(fits);
    // Behind a supervisor the question is asked again: it forgets the sockets that no load asks for.
    if let (Some(open), Access::Own) = (again, access) {
        return duplicates(&open.sockets).map_err(|error| format!("Cannot keep a socket open: {error}."));
    }
    let place = sources.of(want.at.source).map_or("", |source| source.name.as_str());
    let head = format!("Binding [{place}:{}] for {}:", want.at.line, want.name);
    let spec = match &want.source {
        Source::Made(spec) => spec,
        Source::Inherited(number, backlog) => {
            let fd =
                listen::adopt(*number, *backlog).map_err(|e| format!("{head} {e} for [fd@{number}]."))?;
            return Ok(vec![Arc::new(fd)]);
        }
    };
    let (protocol, address) = named(&spec.address);
    let mut sockets: Vec<Arc<OwnedFd>> = Vec::new();
    while let Some(fd) = inheritance.and_then(|inheritance| inheritance.take(spec)) {
        sockets.push(Arc::new(fd));
    }
    for copy in u16::try_from(sockets.len()).unwrap_or(u16::MAX)..want.copies {
        let bound = access.bind(spec, copy);
        if bound.is_err() && inheritance.is_some() && !sockets.is_empty() {
            break; // What was taken over shares its address with nobody.
        }
        let bound = bound.map_err(|failure| {
            let (step, reason) = (&failure.step, failure.reason());
            match &spec.address {
                Address::Inet(_) => format!("{head} protocol {protocol}: {step} ({reason}) for [{address}]."),
                _ => {
                    let step = step.replace("bind socket", "bind UNIX socket");
                    format!("{head} protocol {protocol}: {step} ({reason}) [{address}].")
                }
            }
        })?;
        if copy == 0 {
            complaints.extend(bound.complaints.iter().map(|text| format!("{head} {text} for [{address}].")));
        }
        sockets.push(Arc::new(bound.fd));
    }
    Ok(sockets)
}

/// The same sockets under other numbers, so that the listeners before and after a reload do not meet in one poller.
fn duplicates(sockets: &[Arc<OwnedFd>]) -> io::Result<Vec<Arc<OwnedFd>>> {
    sockets.iter().map(|fd| Ok(Arc::new(fd.try_clone()?))).collect()
}

/// The reference's name of an address' protocol, and the address as it writes it.
fn named(address: &Address) -> (&'static str, String) {
    match address {
        Address::Inet(inet) if inet.is_ipv4() => ("tcpv4", inet.to_string()),
        Address::Inet(inet) => ("tcpv6", format!("{}:{}", inet.ip(), inet.port())),
        Address::Abstract { .. } => ("abns_stream", address.to_string()),
        _ => ("unix_stream", address.to_string()),
    }
}

fn want(
    conf: &Conf,
    bind: &Bind,
    backlog: Option<u32>,
    owner: Owner,
    name: String,
    threads: u16,
) -> Option<Wanted> {
    let backlog = backlog.or(Some(bind.maxconn).filter(|max| *max > 0)).unwrap_or(DEFAULT_BACKLOG);
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    let (source, copies) = match spec(conf, bind, backlog) {
        Some(spec) => {
            let copies = match (&spec.address, bind.shards) {
                (Address::Inet(_), _) if !spec.reuse_port => 1,
                (Address::Inet(_), Shards::ByThread) => threads,
                (Address::Inet(_), Shards::Count(count)) => count.min(threads),
                _ => 1,
            };
            (Source::Made(Box::new(spec)), copies.max(1))
        }
        None => match bind.endpoint {
            Endpoint::Fd(number) => (Source::Inherited(number, backlog), 1),
            // Not a listening socket: the engine receives descriptors from it.
            _ => return None,
        },
    };
    Some(Wanted { owner, source, copies, at: bind.at, name })
}

fn spec(conf: &Conf, bind: &Bind, backlog: i32) -> Option<ListenSpec> {
    let global = &conf.global;
    let address = match &bind.endpoint {
        Endpoint::Inet(inet) => Address::Inet(*inet),
        Endpoint::Unix(path) => Address::Unix(path.clone()),
        Endpoint::Abstract { name, padded } => Address::Abstract { name: name.clone(), padded: *padded },
        Endpoint::Fd(_) | Endpoint::SockPair(_) => return None,
    };
    let inet = matches!(address, Address::Inet(_));
    let transport = if bind.datagrams { Transport::Datagram } else { Transport::Stream };
    Some(ListenSpec {
        transport,
        backlog,
        reuse_port: inet && !global.no_reuse_port,
        v6_only: match bind.v6 {
            V6Mode::System => None,
            V6Mode::Both => Some(false),
            V6Mode::Only => Some(true),
        },
        transparent: bind.transparent,
        interface: bind.interface.clone(),
        mss: bind.mss,
        defer_accept: bind.defer_accept,
        fast_open: bind.tfo,
        user_timeout: bind.tcp_user_timeout,
        congestion: bind.congestion.clone(),
        namespace: bind.namespace.clone(),
        mptcp: bind.mptcp,
        no_delay: inet,
        ownership: Ownership {
            mode: bind.perms.mode.or(global.unix_perms.mode),
            uid: bind.perms.uid.or(global.unix_perms.uid),
            gid: bind.perms.gid.or(global.unix_perms.gid),
        },
        ..ListenSpec::new(address)
    })
}

/// How often, and how long apart, an address in use is tried again.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// What the kernel shortens to its own limit (`net.core.somaxconn`).
const DEFAULT_BACKLOG: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use weir_engine::conf::{Caps, Proxy};

    fn conf(endpoints: &[Endpoint]) -> Conf {
        let mut proxy = Proxy::new("x", Caps::LISTEN, Span::default());
        proxy.binds = endpoints.iter().map(|e| Bind::new(e.clone(), Span::default())).collect();
        Conf { proxies: vec![Arc::new(proxy)], ..Conf::default() }
    }

    #[test]
    fn an_inet_address_gets_a_socket_for_each_thread_and_others_get_one() {
        let inet = Endpoint::Inet("127.0.0.1:0".parse().unwrap());
        let conf = conf(&[inet, Endpoint::Unix("/tmp/x".into()), Endpoint::Fd(5)]);
        let copies: Vec<u16> = wanted(&conf, 4).iter().map(|want| want.copies).collect();
        assert_eq!(copies, [4, 1, 1]);
        let mut alone = conf;
        alone.global.no_reuse_port = true;
        assert_eq!(wanted(&alone, 4)[0].copies, 1);
    }

    #[test]
    fn what_is_open_is_taken_over_and_what_is_in_use_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let (sources, none) = (Sources::default(), Sockets::default());
        let wants = wanted(&conf(&[Endpoint::Inet(address)]), 1);
        let faults = open(&wants, &none, &Access::Own, &sources, None).unwrap_err();
        let wanted_text = format!(
            "Binding [:0] for proxy x: protocol tcpv4: cannot bind socket (Address already in use) for [{address}]."
        );
        assert_eq!(faults, [wanted_text]);
        drop(taken);
        let any = wanted(&conf(&[Endpoint::Inet("127.0.0.1:0".parse().unwrap())]), 1);
        let port = |sockets: &Sockets| listen::local_address(&*sockets.bindings()[0].sockets[0]).unwrap();
        let (first, _) = open(&any, &none, &Access::Own, &sources, None).unwrap();
        let (second, _) = open(&any, &first, &Access::Own, &sources, None).unwrap();
        assert_eq!(port(&first), port(&second));
    }
}
