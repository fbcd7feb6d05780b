//! Sessions that end with their server (manual, 5.2 "on-marked-down shutdown-sessions", "on-marked-up
//! shutdown-backup-sessions").

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use tokio::sync::futures::OwnedNotified;

use crate::conf::Server;
use crate::ending::Cause;
use crate::local;
use crate::runtime::ServerRuntime;

/// Hears when all sessions on a server are told to end.
pub(crate) struct Watch {
    server: Arc<ServerRuntime>,
    told: Pin<Box<OwnedNotified>>,
}

// === impl Watch ===

impl Watch {
    /// A watch on this server, where its sessions may be told so at all.
    pub(crate) fn on(backend: &local::Proxy, server: &local::Server) -> Option<Box<Self>> {
        let ends_backups = |s: &Arc<Server>| s.on_marked_up_shutdown_backup;
        let wanted = server.conf().on_marked_down.is_some()
            || (server.conf().backup && backend.conf().servers.iter().any(ends_backups));
        wanted.then(|| {
            let runtime = server.shared.runtime.clone();
            let mut told = Box::pin(runtime.ended.clone().notified_owned());
            told.as_mut().enable();
            Box::new(Self { server: runtime, told })
        })
    }

    /// Why the session ends, once it is told to. The task of `cx` is woken then.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Cause> {
        self.told.as_mut().poll(cx).is_ready().then(|| {
            // A backup that is well is left because a better server has come back.
            if self.server.is_running() { Cause::Up } else { Cause::Down }
        })
    }
}
