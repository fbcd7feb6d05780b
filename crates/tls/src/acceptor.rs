//! Which certificate a client gets: by the name it asks for, then by the kinds of keys that it can check (manual,
//! 5.1 "crt", "crt-list", "strict-sni", "default-crt").

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::sign::CertifiedKey;
use weir_wire::client_hello::{ClientHello, pairs};

use crate::pair::{Kind, Pair};
use crate::policy::ServerPolicy;

/// The certificates of a `bind` line, which may be replaced while it listens.
#[derive(Debug, Default)]
pub struct Acceptor {
    table: RwLock<Arc<Table>>,
    strict: bool,
    /// Bytes of lists that are kept of clients' first words (`tune.ssl.capture-buffer-size`).
    pub capture: usize,
}

/// Certificates under their names.
#[derive(Clone, Debug, Default)]
struct Table {
    contexts: Vec<Arc<Context>>,
    exact: HashMap<Box<str>, Vec<usize>>,
    /// By what follows the star, `.example.com`.
    wild: HashMap<Box<str>, Vec<usize>>,
    defaults: Vec<usize>,
}

/// A certificate with how its sessions are made.
#[derive(Debug)]
pub struct Context {
    /// The certificate.
    pub pair: Arc<Pair>,
    key: Arc<CertifiedKey>,
    /// The names that it is for, where they are not its own.
    pub filters: Vec<Filter>,
    /// It serves who asks for no name that is known.
    default: bool,
    /// How its sessions are made.
    pub policy: Arc<ServerPolicy>,
}

/// Why a client gets no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// None is for the name that it asks for, and there is no default (`strict-sni`).
    UnknownName,
}

/// A name that a certificate is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// In small letters; `*.` begins one for all names of a domain.
    pub name: String,
    /// Never for this name (`!name`).
    pub negative: bool,
}

// === impl Acceptor ===

impl Acceptor {
    /// No certificate; `strict` as `strict-sni`.
    pub fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    /// Adds a certificate under the names of `filters`, or under its own where there are none.
    pub fn add(&mut self, pair: Arc<Pair>, policy: Arc<ServerPolicy>, filters: &[Filter], default: bool) {
        let table = self.table.get_mut().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(table).add(pair, policy, filters, default);
    }

    /// Puts another certificate in the place of the one of this file; how many places there were.
    pub fn replace(&self, pair: &Arc<Pair>) -> usize {
        let old = self.table();
        let mut count = 0;
        let mut table = Table::default();
        for context in &old.contexts {
            let same = context.pair.path == pair.path;
            count += usize::from(same);
            let pair = if same { pair } else { &context.pair };
            table.add(pair.clone(), context.policy.clone(), &context.filters, context.default);
        }
        if count > 0 {
            *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        }
        count
    }

    /// The certificates, in order.
    pub fn contexts(&self) -> Vec<Arc<Context>> {
        self.table().contexts.clone()
    }

    /// The positions of those that serve who asks for no name that is known.
    pub fn defaults(&self) -> Vec<usize> {
        self.table().defaults.clone()
    }

    /// The set-up of the session with this client, and the certificate that it gets.
    pub fn choose(&self, hello: &ClientHello<'_>) -> Result<(Arc<ServerConfig>, Arc<Context>), Refusal> {
        let table = self.table();
        let name = hello.server_name().and_then(|n| std::str::from_utf8(n).ok()).map(str::to_ascii_lowercase);
        let named = name.as_deref().map(|name| table.named(name)).unwrap_or_default();
        let defaults = if self.strict { &[] } else { table.defaults.as_slice() };
        let index = best(&table.contexts, &named, hello).or_else(|| best(&table.contexts, defaults, hello));
        let context = index.and_then(|i| table.contexts.get(i)).ok_or(Refusal::UnknownName)?;
        let alpn: Vec<&[u8]> = hello.alpn().collect();
        Ok((context.policy.session(&context.key, alpn.iter().copied()), context.clone()))
    }

    /// A set-up for who does not even say hello, so that it is told what is wrong.
    pub fn any(&self) -> Option<Arc<ServerConfig>> {
        let table = self.table();
        let context = table.contexts.first()?;
        Some(context.policy.session(&context.key, std::iter::empty()))
    }

    fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

// === impl Context ===

impl Context {
    /// The names that it is for; a star alone for who asks for no name that is known.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if self.filters.iter().all(|f| f.negative) {
            names.extend(self.pair.certificate().map(|c| c.host_names()).unwrap_or_default());
        }
        names.extend(self.filters.iter().filter(|f| !f.negative).map(|f| f.name.clone()));
        names.iter_mut().for_each(|name| name.make_ascii_lowercase());
        names.sort_unstable();
        names.dedup();
        names
    }
}

// === impl Table ===

impl Table {
    fn add(&mut self, pair: Arc<Pair>, policy: Arc<ServerPolicy>, filters: &[Filter], default: bool) {
        let index = self.contexts.len();
        let mut own = Vec::new();
        if filters.iter().all(|f| f.negative) {
            let names = pair.certificate().map(|c| c.host_names()).unwrap_or_default();
            own.extend(names.into_iter().map(|name| name.to_ascii_lowercase()));
        }
        let wanted = filters.iter().filter(|f| !f.negative).map(|f| f.name.clone());
        for name in own.into_iter().chain(wanted) {
            if name == "*" {
                // It serves whoever asks for nothing that is known.
                self.defaults.push(index);
                continue;
            }
            let (map, key) = match name.strip_prefix('*') {
                Some(rest) => (&mut self.wild, rest),
                None => (&mut self.exact, name.as_str()),
            };
            let list = map.entry(key.into()).or_default();
            if !list.contains(&index) {
                list.push(index);
            }
        }
        if (default || self.contexts.is_empty()) && !self.defaults.contains(&index) {
            self.defaults.push(index);
        }
        let key = Arc::new(policy.certified(&pair));
        self.contexts.push(Arc::new(Context { pair, key, filters: filters.to_vec(), default, policy }));
    }

    fn named(&self, name: &str) -> Vec<usize> {
        if let Some(found) = self.exact.get(name) {
            return found.clone();
        }
        let wild = name.find('.').and_then(|dot| self.wild.get(name.get(dot..)?));
        let excluded = |c: &Context| c.filters.iter().any(|f| f.negative && f.name == name);
        let meant = |index: &&usize| self.contexts.get(**index).is_some_and(|c| !excluded(c));
        wild.into_iter().flatten().filter(meant).copied().collect()
    }
}

/// The first of the certificates whose key is of the best kind that the client can check.
fn best(contexts: &[Arc<Context>], among: &[usize], hello: &ClientHello<'_>) -> Option<usize> {
    let [first, rest @ ..] = among else { return None };
    if rest.is_empty() {
        return Some(*first);
    }
    let schemes = hello.signature_algorithms().unwrap_or_default();
    let of_kind = |kind: Kind| {
        let known = pairs(schemes).any(|scheme| kind.fits(scheme));
        let is = |i: &&usize| contexts.get(**i).is_some_and(|c| c.pair.kind() == kind);
        among.iter().find(is).filter(|_| known).copied()
    };
    of_kind(Kind::Ecdsa).or_else(|| of_kind(Kind::Rsa)).or(Some(*first))
}
