//! What an operator does to backends: who may come, and what their dynamic cookies are made with (management manual,
//! 9.3 "publish backend", "set dynamic-cookie-key").

use std::convert::Infallible;
use std::sync::Arc;

use crate::conf::CookieFlags;
use crate::engine::Engine;
use crate::snapshot::{Proxy, Snapshot};

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
