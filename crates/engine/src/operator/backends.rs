//! What an operator does to backends: they come and go, who may come to them, and what their dynamic cookies are
//! made with (management manual, 9.3 "add backend", "publish backend", "set dynamic-cookie-key").

use std::convert::Infallible;
use std::sync::Arc;

use super::servers::{Obstacle, is_dynamic};
use crate::clock;
use crate::conf::CookieFlags;
use crate::conf::{Caps, Conf, Mode, Options};
use crate::engine::Engine;
use crate::keywords::{NewBackend, free_id};
use crate::runtime::Runtime;
use crate::snapshot::{Proxy, Snapshot};

/// A backend that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// What is to be warned of.
    pub warnings: Vec<String>,
    /// Servers may be added to it.
    pub takes_servers: bool,
}

/// Adds a backend without servers, unpublished, behind all others; or says why not.
pub fn add(engine: &Engine, new: NewBackend) -> Result<Added, String> {
    clock::refresh();
    let runtime = engine.runtime();
    engine.amend(|snapshot| {
        let mut conf = snapshot.conf();
        let index = snapshot.proxies.free();
        let (mut proxy, warnings) = snapshot.sections.templates.backend(&conf, index, &new)?;
        let mut added = runtime.added.lock();
        added.last_id = free_id(&conf.proxies, added.last_id.max(snapshot.sections.templates.last_id()));
        proxy.id = added.last_id;
        let takes_servers = is_dynamic(&proxy);
        match conf.proxies.get_mut(index) {
            Some(place) => *place = Arc::new(proxy),
            None => conf.proxies.push(Arc::new(proxy)),
        }
        let amended = snapshot.with_backend(&conf, index, runtime).ok_or_else(String::new)?;
        added.list.push(new);
        Ok((amended, Added { warnings, takes_servers }))
    })
}

/// Whether a backend may be taken away.
pub fn removable(snapshot: &Snapshot, proxy: &Proxy) -> Result<(), Obstacle> {
    let conf = &proxy.conf;
    let is_pointed_to = || {
        let leads_here = |p: &Arc<Proxy>| {
            let by_default = p.conf.is_frontend() && p.default_backend == Some(proxy.index);
            by_default || p.conf.mentions.backends.contains(&proxy.index)
        };
        snapshot.proxies.iter().any(leads_here)
    };
    let firm = |text| Err(Obstacle::Firm(text));
    if conf.caps == Caps::LISTEN {
        return firm("Cannot delete a listen section.");
    }
    if !matches!(conf.mode, Mode::Tcp | Mode::Http) {
        return firm("Only TCP or HTTP proxies can be removed at runtime.");
    }
    if conf.options.contains(Options::TRANSPARENT) {
        return firm("Deletion of backend with deprecated dispatch/transparent options is not supported.");
    }
    if snapshot.sections.tables.iter().any(|table| table.spec.name == conf.name) {
        return firm("Cannot remove a backend with stick-table.");
    }
    if is_pointed_to() {
        return firm(
            "This proxy cannot be removed at runtime due to other configuration elements pointing to it.",
        );
    }
    if proxy.runtime.published.now(!conf.unpublished) {
        return firm("Backend must be unpublished prior to its deletion.");
    }
    if !proxy.servers.is_empty() {
        return firm("Only a backend without server can be deleted.");
    }
    if proxy.runtime.backend.sessions.now() > 0 {
        return Err(Obstacle::Busy("Backend still has attached streams on it."));
    }
    Ok(())
}

/// Takes a backend away.
pub fn remove(engine: &Engine, name: &str) -> Result<(), &'static str> {
    let runtime = engine.runtime();
    engine.amend(|snapshot| {
        let proxy = snapshot.backend(name).ok_or("No such backend.")?;
        removable(snapshot, proxy).map_err(Obstacle::text)?;
        runtime.added.lock().list.retain(|added| added.name != name);
        runtime.forget(name);
        Ok((snapshot.without(proxy.index), ()))
    })
}

/// The configuration of a file with the backends that operators added. One that the file has now is the file's, and
/// one that cannot be made of the file any more goes; `tell` hears of that.
pub fn kept(conf: &Conf, runtime: &Runtime, mut tell: impl FnMut(String)) -> Conf {
    let mut conf = conf.clone();
    let mut added = runtime.added.lock();
    added.last_id = conf.templates.last_id();
    for new in std::mem::take(&mut added.list) {
        if conf.proxies.iter().any(|p| p.name == new.name) {
            continue;
        }
        match conf.templates.backend(&conf, conf.proxies.len(), &new) {
            Ok((mut proxy, _)) => {
                added.last_id = free_id(&conf.proxies, added.last_id);
                proxy.id = added.last_id;
                conf.proxies.push(Arc::new(proxy));
                added.list.push(new);
            }
            Err(reason) => {
                tell(format!("backend '{}', added at run time, is lost: {reason}", new.name));
                runtime.forget(&new.name);
            }
        }
    }
    conf
}

/// Lets rules of other proxies lead to the backend, or lets them pass it by.
pub fn publish(proxy: &Proxy, published: bool) {
    proxy.runtime.published.set(published);
}

/// Makes the values of the backend's cookie from the addresses of its servers, or no longer.
pub fn set_dynamic_cookie(engine: &Engine, backend: &str, dynamic: bool) {
    amend(engine, backend, |proxy| {
        let mut persistence = proxy.conf.persistence.clone();
        if let Some(cookie) = &mut persistence.cookie {
            cookie.flags.set(CookieFlags::DYNAMIC, dynamic);
        }
        proxy.with_persistence(persistence)
    });
}

/// Makes them with another key.
pub fn set_dynamic_key(engine: &Engine, backend: &str, key: &[u8]) {
    amend(engine, backend, |proxy| {
        let mut persistence = proxy.conf.persistence.clone();
        persistence.dynamic_key = Some(key.into());
        proxy.with_persistence(persistence)
    });
}

fn amend(engine: &Engine, backend: &str, change: impl FnOnce(&Proxy) -> Proxy) {
    let done: Result<(), Infallible> = engine.amend(|snapshot: &Arc<Snapshot>| {
        let amended = match snapshot.backend(backend) {
            Some(proxy) => snapshot.with(change(proxy)),
            None => snapshot.clone(),
        };
        Ok((amended, ()))
    });
    let Ok(()) = done;
}
