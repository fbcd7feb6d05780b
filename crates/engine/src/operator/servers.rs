//! Servers that come, go and move while the program runs (management manual, 9.3 "add server", "del server", "set
//! server addr").
//!
//! Each makes a snapshot that differs from the one that runs in one backend, and notes what it did for reloads.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use weir_config::Word;

use crate::action::Target;
use crate::clock;
use crate::conf::{self, Balance, Endpoint, Mode, PortRule};
use crate::engine::Engine;
use crate::keywords;
use crate::outbound;
use crate::runtime::Admin;
use crate::snapshot::{Proxy, Server, Snapshot};

/// Adds a server of these words behind `add server <backend>/<name>`. It is in maintenance. What is to be told:
/// warnings where it came, and why it did not come.
pub fn add(engine: &Engine, backend: &str, name: &str, words: &[Word]) -> Result<Vec<String>, String> {
    clock::refresh();
    engine.amend(|snapshot| {
        let proxy = snapshot.backend(backend).ok_or("No such backend.")?;
        if !is_dynamic(&proxy.conf) {
            let kind = if proxy.conf.is_frontend() { "proxy" } else { "backend" };
            return Err(format!(
                "Backend does not support dynamic servers : {kind} '{backend}' uses a non dynamic load balancing \
                 method."
            ));
        }
        if proxy.server_named(name).is_some() {
            return Err("Already exists a server with the same name in backend.".to_owned());
        }
        let mut conf = keywords::dynamic_server(name, words, &snapshot.global.tls)?;
        let warnings = judge(snapshot, proxy, &mut conf)?;
        if conf.id == 0 {
            conf.id = free_id(proxy);
        }
        conf.revision = engine.runtime().revision.lock().come();
        let conf = Arc::new(conf);
        let mut server = Server::build(&snapshot.global, &proxy.conf, &conf, 0, &proxy.runtime, clock::now());
        server.runtime.adopt(&conf, is_dynamic(&proxy.conf));
        server.index = proxy.farm.seat(server.member(), server.seat(proxy.fullconn));
        proxy.runtime.changes.lock().add(&conf);
        let mut servers = proxy.servers.clone();
        // Where nothing stands in the file, the last to come stands first.
        let rank = if proxy.conf.dynamic { 0 } else { servers.len() };
        servers.insert(rank, Arc::new(server));
        Ok((snapshot.with(proxy.with_servers(servers)), warnings))
    })
}

/// What stands in the way of taking a server or a backend away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It goes when its sessions have ended.
    Busy(&'static str),
    /// It cannot go.
    Firm(&'static str),
}

// === impl Obstacle ===

impl Obstacle {
    /// As the reference says it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Busy(text) | Self::Firm(text) => text,
        }
    }
}

/// Whether a server may be taken away.
pub fn removable(snapshot: &Snapshot, proxy: &Proxy, server: &Server) -> Result<(), Obstacle> {
    if is_pointed_to(snapshot, proxy, server) {
        return Err(Obstacle::Firm(
            "This server cannot be removed at runtime due to other configuration elements pointing to it.",
        ));
    }
    if !server.runtime.admin().intersects(Admin::MAINT) {
        return Err(Obstacle::Firm("Only servers in maintenance mode can be deleted."));
    }
    if server.runtime.serving.now() > 0 || server.runtime.queued.now() > 0 {
        return Err(Obstacle::Busy(ATTACHED));
    }
    Ok(())
}

/// Takes a server away.
pub fn remove(engine: &Engine, backend: &str, name: &str) -> Result<(), &'static str> {
    engine.amend(|snapshot| {
        let proxy = snapshot.backend(backend).ok_or("No such backend.")?;
        let server = proxy.server_named(name).ok_or("No such server.")?;
        removable(snapshot, proxy, server).map_err(Obstacle::text)?;
        if !proxy.farm.unseat(server.index) {
            return Err(ATTACHED);
        }
        engine.runtime().revision.lock().go();
        proxy.runtime.changes.lock().remove(name);
        proxy.runtime.forget(name);
        let servers = proxy.servers.iter().filter(|s| s.index != server.index).cloned().collect();
        Ok((snapshot.with(proxy.with_servers(servers)), ()))
    })
}

/// Gives a server another address, or port, as written (`+80` counts from the client's). What is to be told.
pub fn move_to(
    engine: &Engine,
    backend: &str,
    name: &str,
    ip: IpAddr,
    port: Option<&str>,
) -> Result<String, String> {
    engine.amend(|snapshot| {
        let proxy = snapshot.backend(backend).ok_or("No such backend.")?;
        let server = proxy.server_named(name).ok_or("No such server.")?;
        let Some(Endpoint::Inet(old)) = server.conf.endpoint else {
            return Err(
                "Update for the current server address family is only supported through configuration file."
                    .into(),
            );
        };
        let (number, rule) = match port {
            Some(port) => self::port(port)?,
            None => (old.port(), server.conf.port),
        };
        let new = SocketAddr::new(ip, number);
        let text = changes((old, server.conf.port), (new, rule));
        if text.is_empty() {
            return Ok((snapshot.clone(), "nothing changed".to_owned()));
        }
        let conf = conf::Server { endpoint: Some(Endpoint::Inet(new)), port: rule, ..(*server.conf).clone() };
        let moved = moved(&snapshot.global, proxy, server, Arc::new(conf));
        Ok((snapshot.with(moved), format!("{text} by 'stats socket command'")))
    })
}

/// Has checks of a server come to another port.
pub fn check_at_port(engine: &Engine, backend: &str, name: &str, port: u16) -> Result<(), String> {
    engine.amend(|snapshot| {
        let proxy = snapshot.backend(backend).ok_or("No such backend.")?;
        let server = proxy.server_named(name).ok_or("No such server.")?;
        let mut conf = (*server.conf).clone();
        if let Some(check) = &mut conf.check {
            check.port = Some(port).filter(|port| *port != 0);
        }
        conf.check_at.1 = Some(port).filter(|port| *port != 0);
        Ok((snapshot.with(replaced(&snapshot.global, proxy, server, Arc::new(conf))), ()))
    })
}

/// Changes where and how the agent of a server is asked.
pub fn change_agent(
    engine: &Engine,
    backend: &str,
    name: &str,
    change: impl Fn(&mut conf::Agent),
) -> Result<(), String> {
    engine.amend(|snapshot| {
        let proxy = snapshot.backend(backend).ok_or("No such backend.")?;
        let server = proxy.server_named(name).ok_or("No such server.")?;
        let mut conf = (*server.conf).clone();
        conf.agent.iter_mut().for_each(&change);
        Ok((snapshot.with(replaced(&snapshot.global, proxy, server, Arc::new(conf))), ()))
    })
}

/// The proxy with a server elsewhere.
fn moved(global: &conf::Global, proxy: &Proxy, server: &Arc<Server>, conf: Arc<conf::Server>) -> Proxy {
    proxy.runtime.changes.lock().move_to(&server.conf, &conf);
    let amended = replaced(global, proxy, server, conf);
    if let Some(server) = amended.server(server.index) {
        proxy.farm.reseat(server.index, server.member());
    }
    amended
}

fn replaced(global: &conf::Global, proxy: &Proxy, server: &Arc<Server>, conf: Arc<conf::Server>) -> Proxy {
    let connect = outbound::spec(global, &proxy.conf, &conf);
    let new = Arc::new(Server { conf, index: server.index, runtime: server.runtime.clone(), connect });
    let each = |s: &Arc<Server>| if Arc::ptr_eq(s, server) { new.clone() } else { s.clone() };
    proxy.with_servers(proxy.servers.iter().map(each).collect())
}

/// Judges what a line of the file is judged for when all is read. Warnings, or the mistake.
fn judge(snapshot: &Snapshot, proxy: &Proxy, server: &mut conf::Server) -> Result<Vec<String>, String> {
    if server.explicit_id
        && let Some(other) = proxy.servers.iter().find(|s| s.conf.id == server.id)
    {
        return Err(format!(
            "'id' : custom id {} already used at (null):0 ('server {}').",
            server.id, other.conf.name
        ));
    }
    if let Some(guid) = &server.guid {
        for other in snapshot.proxies.iter().filter(|p| p.conf.is_backend()) {
            if let Some(twin) = other.servers.iter().find(|s| s.conf.guid.as_ref() == Some(guid)) {
                let (backend, name) = (&other.conf.name, &twin.conf.name);
                return Err(format!("'guid': duplicate entry with server {backend}/{name}."));
            }
        }
    }
    if let Some(track) = &server.track {
        track_is_good(snapshot, proxy, track)?;
    }
    let mut warnings = Vec::new();
    if proxy.conf.mode != Mode::Http && server.cookie.take().is_some() {
        warnings.push("Ignoring cookie as HTTP mode is disabled.".to_owned());
    }
    Ok(warnings)
}

fn track_is_good(snapshot: &Snapshot, proxy: &Proxy, track: &str) -> Result<(), String> {
    let (backend, name) = track.split_once('/').unwrap_or((&proxy.conf.name, track));
    let other = snapshot.backend(backend);
    let other = other.ok_or_else(|| format!("unable to find required proxy '{backend}' for tracking."))?;
    let target = other.server_named(name);
    let target = target.ok_or_else(|| format!("unable to find required server '{name}' for tracking."))?;
    if target.conf.dynamic {
        return Err(format!("unable to use {backend}/{name} for tracking as it is a dynamic server."));
    }
    if target.conf.check.is_none() && target.conf.agent.is_none() && target.conf.track.is_none() {
        return Err(format!(
            "unable to use {backend}/{name} for tracking as it does not have any check nor agent enabled."
        ));
    }
    Ok(())
}

/// Whether something else of the configuration names the server.
fn is_pointed_to(snapshot: &Snapshot, proxy: &Proxy, server: &Server) -> bool {
    let tracks = |p: &Proxy, s: &Server| {
        let track = s.conf.track.as_deref();
        track.is_some_and(|t| {
            t.split_once('/').unwrap_or((&p.conf.name, t)) == (&proxy.conf.name, &server.conf.name)
        })
    };
    let names = |target: &Target| matches!(target, Target::Position(at) if *at == server.index);
    proxy.conf.rules.use_server.iter().any(|rule| names(&rule.target)) && !server.conf.dynamic
        || snapshot.proxies.iter().any(|p| {
            p.conf.mentions.servers.contains(&(proxy.index, server.index))
                || p.servers.iter().any(|s| tracks(p, s))
        })
}

/// Whether servers may come and have any weight at run time: where the algorithm is ready for it.
pub fn is_dynamic(proxy: &conf::Proxy) -> bool {
    let Balance::Other(words) = &proxy.balance else { return true };
    let first = words.first().map_or("", String::as_str);
    let always = ["leastconn", "first", "random", "sticky"].iter().any(|w| first.starts_with(w));
    always || (first != "static-rr" && proxy.hash.consistent)
}

/// The lowest number that no server of the backend has.
fn free_id(proxy: &Proxy) -> u32 {
    let taken: std::collections::BTreeSet<u32> = proxy.servers.iter().map(|s| s.conf.id).collect();
    (1..).find(|id| !taken.contains(id)).unwrap_or(1)
}

fn port(text: &str) -> Result<(u16, PortRule), String> {
    let offset = text.starts_with(['+', '-']);
    let number: i32 = text
        .strip_prefix('+')
        .unwrap_or(text)
        .parse()
        .map_err(|_| format!("problem converting port '{text}' to an int"))?;
    match offset {
        true => Ok((0, PortRule::Offset(number))),
        // As the reference cuts it.
        false => Ok(((number & 0xffff) as u16, PortRule::Fixed)),
    }
}

fn changes(old: (SocketAddr, PortRule), new: (SocketAddr, PortRule)) -> String {
    let port = |(at, rule): (SocketAddr, PortRule)| match rule {
        PortRule::Fixed => at.port().to_string(),
        PortRule::Offset(by) => format!("{by:+}"),
    };
    let mut text = String::new();
    if old.0.ip() != new.0.ip() {
        text = format!("IP changed from '{}' to '{}'", old.0.ip(), new.0.ip());
    }
    if port(old) != port(new) {
        let comma = if text.is_empty() { "" } else { ", " };
        text.push_str(&format!("{comma}port changed from '{}' to '{}'", port(old), port(new)));
    }
    text
}

const ATTACHED: &str = "Server still has connections attached to it, cannot remove it.";
