//! What expressions of a check see: its variables, its server, and what the server answered (manual, 2.8 and 4.2).

use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;

use weir_expr::scope::{
    Address, Bytes, Clock, Endpoint, Number, ProxyId, ProxyNumber, ServerId, ServerNumber, Text,
};
use weir_expr::{Lookup, Scope, Scratch, Side, Value, VarRef, VarScope, Vars};
use weir_http::Head;

use super::Place;
use super::http::Response;
use crate::names;
use crate::{clock, conf, snapshot};

/// The variables of a check and of its session, which both end with it.
#[derive(Debug, Default)]
pub(super) struct Variables {
    check: RefCell<Vars>,
    session: RefCell<Vars>,
}

/// A check as expressions see it.
pub(super) struct View<'a> {
    pub(super) place: Option<&'a Place>,
    pub(super) variables: &'a Variables,
    /// What the server said since it was last spoken to.
    pub(super) input: &'a [u8],
    /// The same as a response, where it is one.
    pub(super) response: Option<&'a Response>,
    pub(super) head_only: bool,
}

// === impl Variables ===

impl Variables {
    /// None yet, within the limits of the configuration.
    pub(super) fn of(place: Option<&Place>) -> Self {
        let limits = place.map(|place| place.snapshot.global.tune.vars).unwrap_or_default();
        Self {
            check: RefCell::new(Vars::new(limits.check)),
            session: RefCell::new(Vars::new(limits.session)),
        }
    }
}

// === impl View ===

impl View<'_> {
    fn proxy(&self, id: Option<ProxyId>) -> Option<&snapshot::Proxy> {
        let place = self.place?;
        match id {
            None => Some(&place.proxy),
            Some(ProxyId(index)) => place.snapshot.proxies.get(index as usize).map(AsRef::as_ref),
        }
    }
}

impl Scope for View<'_> {
    fn head(&self, side: Side) -> Lookup<&Head> {
        match self.response {
            Some(response) if side == Side::Server && response.status() != 0 => {
                Lookup::Value(response.head())
            }
            _ => Lookup::Absent,
        }
    }

    fn body(&self, side: Side) -> Lookup<Bytes<'_>> {
        match self.response {
            Some(response) if side == Side::Server && response.status() != 0 => {
                Lookup::Value(Bytes::whole(response.content(self.input, self.head_only), true))
            }
            _ => Lookup::Absent,
        }
    }

    fn raw(&self, side: Side) -> Lookup<Bytes<'_>> {
        match side {
            Side::Server if self.response.is_none() => Lookup::Value(Bytes::whole(self.input, true)),
            _ => Lookup::Absent,
        }
    }

    fn address(&self, which: Address) -> Option<Endpoint<'_>> {
        match (which, &self.place?.server.conf.endpoint) {
            (Address::BackDestination, Some(conf::Endpoint::Inet(inet))) => Some(Endpoint::Ip(*inet)),
            _ => None,
        }
    }

    fn text(&self, what: Text) -> Option<&[u8]> {
        let place = self.place?;
        match what {
            Text::Frontend => Some(b"CHECKS-FE"),
            Text::Backend => Some(place.proxy.conf.name.as_bytes()),
            Text::Server => Some(place.server.conf.name.as_bytes()),
            Text::Hostname => Some(place.proxy.log.host()),
            _ => None,
        }
    }

    fn number(&self, what: Number) -> Option<i64> {
        let place = self.place?;
        Some(match what {
            Number::ActiveConnections => place.runtime.process.connections.load(Relaxed).into(),
            Number::Uptime => (clock::now().millis() / 1000) as i64,
            Number::Pid => std::process::id().into(),
            Number::Stopping => place.runtime.process.is_stopping().into(),
            Number::BackendId => place.proxy.conf.id.into(),
            Number::ServerId => place.server.conf.id.into(),
            Number::BackendConnections => place.proxy.runtime.backend.sessions.now().into(),
            Number::ServerConnections => place.server.runtime.serving.now().into(),
            Number::ServerStatus | Number::Status => {
                Some(i64::from(self.response?.status())).filter(|status| *status != 0)?
            }
            Number::ModeHttp | Number::StreamIsHttp => self.response.is_some().into(),
            _ => return None,
        })
    }

    fn clock(&self) -> Clock {
        clock::reading()
    }

    fn utc_offset(&self, unix_seconds: i64) -> i32 {
        weir_sys::time::local_offset(unix_seconds)
    }

    fn random(&self) -> u64 {
        crate::scope::random()
    }

    fn proxy(&self, proxy: Option<ProxyId>, what: ProxyNumber) -> Option<i64> {
        crate::scope::proxy_number(self.proxy(proxy)?, what)
    }

    fn server(&self, server: ServerId, what: ServerNumber) -> Option<i64> {
        let (proxy, server) = names::server_at(server);
        let server = self.place?.snapshot.proxies.get(proxy)?.server(server)?;
        crate::scope::server_number(server, what)
    }

    fn each_var<'v>(
        &'v self,
        scope: VarScope,
        scratch: &'v Scratch,
        visit: &mut dyn FnMut(&[u8], Value<'v>),
    ) {
        let mut all = |vars: &Vars| vars.iter(scratch).for_each(|(name, value)| visit(name, value));
        match scope {
            VarScope::Check => all(&self.variables.check.borrow()),
            VarScope::Sess => all(&self.variables.session.borrow()),
            VarScope::Proc => self.place.into_iter().for_each(|p| all(&p.runtime.process.vars.lock())),
            VarScope::Txn | VarScope::Req | VarScope::Res => {}
        }
    }

    fn var<'v>(&'v self, var: &VarRef, scratch: &'v Scratch) -> Option<Value<'v>> {
        match var.scope {
            VarScope::Check => self.variables.check.borrow().value(var, scratch),
            VarScope::Sess => self.variables.session.borrow().value(var, scratch),
            VarScope::Proc => self.place?.runtime.process.vars.lock().value(var, scratch),
            VarScope::Txn | VarScope::Req | VarScope::Res => None,
        }
    }

    fn set_var(&self, var: &VarRef, value: Option<Value<'_>>) -> bool {
        match var.scope {
            VarScope::Check => self.variables.check.borrow_mut().set(var, value),
            VarScope::Sess => self.variables.session.borrow_mut().set(var, value),
            VarScope::Proc => self.place.is_some_and(|p| p.runtime.process.vars.lock().set(var, value)),
            VarScope::Txn | VarScope::Req | VarScope::Res => false,
        }
    }
}
