//! The names of a configuration while its rules are compiled.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::Arc;

use weir_expr::scope::{ProxyId, ServerId, TableId, UserlistId};
use weir_expr::{Names, Side, TokenAlgorithms};

use crate::conf::{Caps, HttpErrors, Mentions, Mode, StickTable};
use crate::keywords::Outside;
use crate::keywords::tls::Through;
use crate::names::server_id;
use crate::tokens::TokenSettings;

/// A proxy by its names; its number is its position.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// Its name.
    pub name: String,
    /// Which sides it has.
    pub caps: Caps,
    /// It is a `defaults` section, which no name leads to.
    pub is_defaults: bool,
    /// What it speaks.
    pub mode: Mode,
    /// The backend that is used where no rule names another.
    pub default_backend: Option<usize>,
    /// The names of its servers, in order.
    pub servers: Vec<String>,
}

/// All names that rules may use.
#[derive(Clone, Copy)]
pub(crate) struct Directory<'a> {
    /// The proxies.
    pub proxies: &'a [Named],
    /// The sections of answers.
    pub http_errors: &'a [Arc<HttpErrors>],
    /// The userlists.
    pub userlists: &'a [String],
    /// The `log-profile` sections.
    pub log_profiles: &'a [String],
    /// The stick tables.
    pub tables: &'a [Arc<StickTable>],
    /// `expose-experimental-directives`
    pub experimental: bool,
    /// Files and the environment.
    pub outside: &'a dyn Outside,
    /// The proxy whose rules are compiled.
    pub current: usize,
    /// What tokens are given.
    pub tokens: &'a TokenSettings,
    /// What these rules have named so far.
    pub mentions: &'a RefCell<Mentions>,
}

// === impl Directory ===

impl Directory<'_> {
    /// The position of the proxy of that name with that side; without a name the current one. It is noted that
    /// rules name it.
    pub(crate) fn find(&self, name: Option<&[u8]>, side: Side) -> Option<usize> {
        let found = self.look_up(name, side)?;
        if name.is_some() && side == Side::Server {
            self.mentions.borrow_mut().backends.insert(found);
        }
        Some(found)
    }

    fn look_up(&self, name: Option<&[u8]>, side: Side) -> Option<usize> {
        let side = match side {
            Side::Client => Caps::FRONTEND,
            Side::Server => Caps::BACKEND,
        };
        let fits = |p: &Named| p.caps.contains(side);
        match name {
            None => self.proxies.get(self.current).filter(|p| fits(p)).map(|_| self.current),
            Some(name) => {
                self.proxies.iter().position(|p| fits(p) && !p.is_defaults && p.name.as_bytes() == name)
            }
        }
    }
}

/// The number of the stick table of this name.
pub(crate) fn table_named(tables: &[Arc<StickTable>], name: &[u8]) -> Option<TableId> {
    let index = tables.iter().position(|t| t.spec.name.as_bytes() == name)?;
    Some(TableId(index as u32))
}

impl Names for Directory<'_> {
    fn proxy(&mut self, name: Option<&[u8]>, side: Side) -> Option<ProxyId> {
        self.find(name, side).map(|index| ProxyId(index as u32))
    }

    fn server(&mut self, backend: Option<&[u8]>, name: &[u8]) -> Option<ServerId> {
        let index = self.look_up(backend, Side::Server)?;
        let servers = &self.proxies.get(index)?.servers;
        let server = servers.iter().position(|s| s.as_bytes() == name)?;
        self.mentions.borrow_mut().servers.insert((index, server));
        Some(server_id(index, server))
    }

    fn table(&mut self, name: Option<&[u8]>) -> Option<TableId> {
        let own = || self.proxies.get(self.current).map(|p| p.name.as_bytes());
        table_named(self.tables, name.or_else(own)?)
    }

    fn userlist(&mut self, name: &[u8]) -> Option<UserlistId> {
        let index = self.userlists.iter().position(|l| l.as_bytes() == name)?;
        Some(UserlistId(index as u32))
    }

    fn has_certificate(&mut self, name: &str) -> bool {
        self.tokens.has(name)
    }

    fn use_certificate(&mut self, name: &str) {
        self.tokens.allow(name, &Through(self.outside));
    }

    fn token_algorithms(&mut self) -> TokenAlgorithms {
        self.tokens.algorithms()
    }

    fn takes_unsigned_tokens(&mut self) -> bool {
        self.tokens.takes_unsigned()
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        self.outside.read(Path::new(path))
    }

    fn environment(&mut self, name: &str) -> Option<Vec<u8>> {
        self.outside.variable(name.as_bytes())
    }
}
