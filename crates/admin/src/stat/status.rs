//! The states of `show stat`'s column `status`, and what a backend is as the sum of its servers.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_balance::weight::Effective;
use weir_engine::conf::Options;
use weir_engine::runtime::Admin;
use weir_engine::snapshot::{Proxy, Server};

use crate::world::World;

/// A backend's servers, added up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    /// Weight of the servers that take traffic now, as balanced and as set.
    pub(super) weight: u64,
    pub(super) user_weight: u64,
    /// Servers that are up: those that are no backups, and backups.
    pub(super) active: u64,
    pub(super) backup: u64,
}

/// `OPEN`, `PAUSED` or `STOP`.
pub(super) fn frontend(world: &World, proxy: &Proxy) -> &'static str {
    match () {
        () if world.engine.runtime().process.is_stopping() => "STOP",
        () if proxy.runtime.frontend.shut.load(Relaxed) => "STOP",
        () if proxy.runtime.frontend.paused.load(Relaxed) => "PAUSED",
        () => "OPEN",
    }
}

/// `UP 1/3`, `MAINT`, `no check` and so on.
pub(crate) fn server(world: &World, proxy: &Proxy, server: &Server) -> String {
    let via = server.conf.track.as_ref().map(|track| match track.split_once('/') {
        Some((backend, name)) => (backend.to_owned(), name.to_owned()),
        None => (proxy.conf.name.clone(), track.clone()),
    });
    let admin = server.runtime.admin();
    if let (true, Some((backend, name))) = (admin.contains(Admin::INHERITED_MAINT), &via) {
        return format!("MAINT (via {backend}/{name})");
    }
    if admin.intersects(Admin::FORCED_MAINT | Admin::CONFIGURED_MAINT) {
        return "MAINT".to_owned();
    }
    if admin.contains(Admin::NO_ADDRESS) {
        return "MAINT (resolution)".to_owned();
    }
    let followed = via.and_then(|(backend, name)| leader(world, backend, name));
    let judged = followed.as_deref().unwrap_or(server);
    let health = judged.runtime.health.lock().counter;
    let up = server.runtime.up.load(Relaxed);
    let asked = judged.conf.agent.is_some() && !judged.runtime.unasked.load(Relaxed);
    if asked && !up && !judged.runtime.agent.lock().counter.is_up() {
        return "DOWN (agent)".to_owned();
    }
    if asked && up && admin.intersects(Admin::DRAIN) {
        return "DRAIN (agent)".to_owned();
    }
    let is_checked = judged.conf.check.is_some() && !judged.runtime.unchecked.load(Relaxed);
    let word = match () {
        () if !up => "DOWN",
        () if admin.intersects(Admin::DRAIN) => "DRAIN",
        () if server.runtime.stopping.load(Relaxed) => "NOLB",
        () if !is_checked => return "no check".to_owned(),
        () => "UP",
    };
    let progress = health.progress();
    if (judged.conf.check.is_some() || judged.conf.init_state.is_some())
        && progress.up == up
        && progress.is_partial()
    {
        return format!("{word} {}/{}", progress.count, progress.of);
    }
    word.to_owned()
}

/// `UP` or `DOWN`; `narrowed` shows how many servers are up of how many there are.
pub(super) fn backend(proxy: &Proxy, group: &Group, narrowed: bool) -> String {
    let published = proxy.runtime.published.now(!proxy.conf.unpublished);
    let word = match (proxy.servers.is_empty() || group.active + group.backup > 0, published) {
        (true, true) => "UP",
        (true, false) => "UP (UNPUB)",
        (false, true) => "DOWN",
        (false, false) => "DOWN (UNPUB)",
    };
    if narrowed {
        let up = proxy.servers.iter().filter(|s| s.runtime.is_running()).count();
        return format!("{word} ({up}/{})", proxy.servers.len());
    }
    word.to_owned()
}

/// The server of these names.
pub(crate) fn find(world: &World, backend: &str, name: &str) -> Option<Arc<Server>> {
    world.engine.snapshot().backend(backend)?.servers.iter().find(|s| s.conf.name == name).cloned()
}

/// The server at the end of a chain of those that track each other.
fn leader(world: &World, mut backend: String, mut name: String) -> Option<Arc<Server>> {
    for _ in 0..LONGEST_CHAIN {
        let server = find(world, &backend, &name)?;
        let Some(track) = server.conf.track.as_deref() else { return Some(server) };
        match track.split_once('/') {
            Some((other, next)) => (backend, name) = (other.to_owned(), next.to_owned()),
            None => name = track.to_owned(),
        }
    }
    None
}

/// More servers do not track each other one after the other: the configuration would not load.
const LONGEST_CHAIN: usize = 1000;

// === impl Group ===

impl Group {
    pub(super) fn of(proxy: &Proxy) -> Self {
        let mut group = Self::default();
        let (mut active, mut backup) = ((0, 0), (0, 0));
        for server in &proxy.servers {
            let state = &server.runtime;
            let weights: (u64, u64) = (state.effective().units().into(), state.weight.load(Relaxed).into());
            if !state.is_usable() || weights.1 == 0 {
                continue;
            }
            let (count, sum) = if server.conf.backup {
                (&mut group.backup, &mut backup)
            } else {
                (&mut group.active, &mut active)
            };
            *count += 1;
            // Of backups that do not serve together the first one counts.
            let alone = server.conf.backup && !proxy.conf.options.contains(Options::ALL_BACKUPS);
            if !alone || sum.0 == 0 {
                *sum = (sum.0 + weights.0, sum.1 + weights.1);
            }
        }
        let (units, user_weight) = if group.active > 0 { active } else { backup };
        (group.weight, group.user_weight) =
            (units.div_ceil(u64::from(Effective::full(1).units())), user_weight);
        group
    }
}
