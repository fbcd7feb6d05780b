//! The names of a configuration as expressions ask for them: proxies and servers by number.
//!
//! A proxy's number is its position in the configuration; a server's is made of its proxy's and its own.

use std::io;

use weir_expr::scope::{ProxyId, ServerId, TableId, UserlistId};
use weir_expr::{Names, Side, TokenAlgorithms};

use crate::action::table_named;
use crate::conf::{Conf, Proxy};
use crate::tokens::TokenSettings;

/// The names that an expression of one proxy may use.
pub(crate) struct ConfNames<'a> {
    conf: &'a Conf,
    current: usize,
    tokens: TokenSettings,
}

/// The files of this process.
pub(crate) struct Own;

impl weir_tls::store::Files for Own {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<String>>> {
        if !std::fs::metadata(path)?.is_dir() {
            return Ok(None);
        }
        let entries = std::fs::read_dir(path)?.filter_map(Result::ok);
        let files = entries.filter(|entry| entry.path().is_file());
        Ok(Some(files.filter_map(|entry| entry.file_name().into_string().ok()).collect()))
    }
}

/// The number of the server at `server` in the proxy at `proxy`.
pub(crate) fn server_id(proxy: usize, server: usize) -> ServerId {
    ServerId((proxy as u32) << 16 | (server as u32 & 0xffff))
}

/// The positions that a server's number is made of: its proxy's and its own.
pub(crate) fn server_at(id: ServerId) -> (usize, usize) {
    ((id.0 >> 16) as usize, (id.0 & 0xffff) as usize)
}

// === impl ConfNames ===

impl<'a> ConfNames<'a> {
    pub(crate) fn new(conf: &'a Conf, current: usize) -> Self {
        Self { conf, current, tokens: TokenSettings::of(&conf.global) }
    }

    fn find(&self, name: Option<&[u8]>, side: Side) -> Option<usize> {
        let fits = |p: &Proxy| match side {
            Side::Client => p.is_frontend(),
            Side::Server => p.is_backend(),
        };
        match name {
            None => self.conf.proxies.get(self.current).filter(|p| fits(p)).map(|_| self.current),
            Some(name) => self.conf.proxies.iter().position(|p| fits(p) && p.name.as_bytes() == name),
        }
    }
}

impl Names for ConfNames<'_> {
    fn proxy(&mut self, name: Option<&[u8]>, side: Side) -> Option<ProxyId> {
        self.find(name, side).map(|index| ProxyId(index as u32))
    }

    fn server(&mut self, backend: Option<&[u8]>, name: &[u8]) -> Option<ServerId> {
        let index = self.find(backend, Side::Server)?;
        let proxy = self.conf.proxies.get(index)?;
        let server = proxy.servers.iter().position(|s| s.name.as_bytes() == name)?;
        Some(server_id(index, server))
    }

    fn table(&mut self, name: Option<&[u8]>) -> Option<TableId> {
        let own = || self.conf.proxies.get(self.current).map(|p| p.name.as_bytes());
        table_named(&self.conf.tables, name.or_else(own)?)
    }

    fn userlist(&mut self, name: &[u8]) -> Option<UserlistId> {
        let index = self.conf.userlists.iter().position(|l| l.name.as_bytes() == name)?;
        Some(UserlistId(index as u32))
    }

    fn has_certificate(&mut self, name: &str) -> bool {
        self.tokens.has(name)
    }

    fn use_certificate(&mut self, name: &str) {
        self.tokens.allow(name, &Own);
    }

    fn token_algorithms(&mut self) -> TokenAlgorithms {
        self.tokens.algorithms()
    }

    fn takes_unsigned_tokens(&mut self) -> bool {
        self.tokens.takes_unsigned()
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}
