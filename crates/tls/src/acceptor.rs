//! Which certificate a client gets: by the name it asks for, then by the kinds of keys that it can check (manual,
//! 5.1 "crt", "crt-list", "strict-sni", "default-crt").

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::sign::CertifiedKey;
use weir_wire::client_hello::{ClientHello, pairs};

use crate::forge::Forger;
use crate::pair::{Kind, Pair};
use crate::policy::{Fault, ServerPolicy};

/// The certificates of a `bind` line, which may be replaced while it listens.
#[derive(Debug, Default)]
pub struct Acceptor {
    table: RwLock<Arc<Table>>,
    strict: bool,
    /// Makes certificates for names that are not known (`generate-certificates`).
    pub forger: Option<Forger>,
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
    /// How sessions are made where a list says nothing else.
    common: Option<Arc<ServerPolicy>>,
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
    /// The list that it stands on, and the number of its line.
    pub line: Option<(Arc<str>, usize)>,
    /// Set-ups of sessions, by the protocol that is agreed on and whether the client comes back; made when they are
    /// first needed.
    sessions: Box<[OnceLock<Arc<ServerConfig>>]>,
}

/// A certificate that is to be added.
#[derive(Clone, Debug)]
pub struct Addition {
    /// The certificate.
    pub pair: Arc<Pair>,
    /// How its sessions are made.
    pub policy: Arc<ServerPolicy>,
    /// The names that it is for, where they are not its own.
    pub filters: Vec<Filter>,
    /// It serves who asks for no name that is known.
    pub default: bool,
    /// The list that it stands on, and the number of its line.
    pub line: Option<(Arc<str>, usize)>,
}

/// Why a client gets no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// None is for the name that it asks for, and there is no default (`strict-sni`).
    UnknownName,
    /// Before TLS 1.3: no group for the key exchange is known to both.
    NoSharedCipher,
    /// No way of signing is known to both (`sigalgs`).
    NoSharedSignature,
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
    /// No certificate; `strict` as `strict-sni`, `common` for certificates that come at run time.
    pub fn new(strict: bool, common: Option<Arc<ServerPolicy>>) -> Self {
        let table = Table { common, ..Table::default() };
        Self { table: RwLock::new(Arc::new(table)), strict, forger: None, capture: 0 }
    }

    /// Adds a certificate under the names of its filters, or under its own where there are none.
    pub fn add(&mut self, addition: Addition) {
        let table = self.table.get_mut().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(table).add(addition);
    }

    /// Adds a certificate while the line listens; `policy` where it has one of its own.
    pub fn insert(
        &self,
        pair: Arc<Pair>,
        policy: Option<Arc<ServerPolicy>>,
        filters: &[Filter],
        line: (Arc<str>, usize),
    ) {
        let mut table = Table::clone(&self.table());
        let Some(policy) = policy.or_else(|| table.common.clone()) else { return };
        table.add(Addition { pair, policy, filters: filters.to_vec(), default: false, line: Some(line) });
        self.put(table);
    }

    /// Takes away what stands on the line of a list.
    pub fn remove(&self, list: &str, number: usize) {
        let is_meant = |c: &Context| c.line.as_ref().is_some_and(|(l, n)| **l == *list && *n == number);
        self.rebuild(|context| (!is_meant(context)).then(|| context.again()));
    }

    /// Whether what stands on the line of a list serves who asks for no name that is known.
    pub fn is_default(&self, list: &str, number: usize) -> bool {
        let table = self.table();
        let on_line = |c: &Arc<Context>| c.line.as_ref().is_some_and(|(l, n)| **l == *list && *n == number);
        table.defaults.iter().filter_map(|at| table.contexts.get(*at)).any(on_line)
    }

    /// Puts another certificate in the place of the one of this file; how many places there were.
    pub fn replace(&self, pair: &Arc<Pair>) -> usize {
        let count = self.table().contexts.iter().filter(|c| c.pair.path == pair.path).count();
        if count > 0 {
            self.rebuild(|context| {
                let mut again = context.again();
                if again.pair.path == pair.path {
                    again.pair = pair.clone();
                }
                Some(again)
            });
        }
        count
    }

    /// Lets what a file of authorities says today count; for how many certificates it does.
    pub fn renew(&self, path: &str) -> Result<usize, Fault> {
        let old = self.table();
        let count = old.contexts.iter().filter(|c| c.policy.believes(path)).count();
        let mut renewed: Vec<(Arc<ServerPolicy>, Arc<ServerPolicy>)> = Vec::new();
        for policy in old.contexts.iter().map(|c| &c.policy).chain(&old.common) {
            if policy.believes(path) && !renewed.iter().any(|(known, _)| Arc::ptr_eq(known, policy)) {
                renewed.push((policy.clone(), Arc::new(policy.renewed()?)));
            }
        }
        let now = |policy: &Arc<ServerPolicy>| {
            let found = renewed.iter().find(|(known, _)| Arc::ptr_eq(known, policy));
            found.map_or_else(|| policy.clone(), |(_, renewed)| renewed.clone())
        };
        let mut table = Table { common: old.common.as_ref().map(now), ..Table::default() };
        for context in &old.contexts {
            table.add(Addition { policy: now(&context.policy), ..context.again() });
        }
        self.put(table);
        Ok(count)
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
        let at = |index: usize| table.contexts.get(index).cloned();
        let known = best(&table.contexts, &named, hello).and_then(at);
        let context = known
            .or_else(|| self.forged(&table, name.as_deref()?))
            .or_else(|| best(&table.contexts, defaults, hello).and_then(at))
            .ok_or(Refusal::UnknownName)?;
        let protocol = context.policy.protocol(hello.alpn());
        let resumes = hello.extension(PRE_SHARED_KEY).is_some();
        Ok((context.session(protocol, resumes), context))
    }

    /// What is made for a name that is not known.
    fn forged(&self, table: &Table, name: &str) -> Option<Arc<Context>> {
        let (forger, first) = (self.forger.as_ref()?, table.contexts.first()?);
        forger.context(name, &first.pair, |pair| Arc::new(Context::new(Addition { pair, ..first.again() })))
    }

    fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn rebuild(&self, change: impl Fn(&Context) -> Option<Addition>) {
        let old = self.table();
        let mut table = Table { common: old.common.clone(), ..Table::default() };
        old.contexts.iter().filter_map(|context| change(context)).for_each(|again| table.add(again));
        self.put(table);
    }

    fn put(&self, table: Table) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }
}

// === impl Refusal ===

impl Refusal {
    /// The alert that the client hears (RFC 8446 section 6.2).
    pub(crate) fn alert(self) -> u8 {
        match self {
            Self::UnknownName => 112,
            Self::NoSharedCipher | Self::NoSharedSignature => 40,
        }
    }

    /// OpenSSL's number and words.
    pub(crate) fn reason(self) -> (u16, &'static str) {
        match self {
            Self::UnknownName => (234, "callback failed"),
            Self::NoSharedCipher => (193, "no shared cipher"),
            Self::NoSharedSignature => (376, "no shared signature algorithms"),
        }
    }
}

// === impl Context ===

impl Context {
    fn new(addition: Addition) -> Self {
        let Addition { pair, policy, filters, default, line } = addition;
        let key = Arc::new(policy.certified(&pair));
        let sessions = (0..2 * (policy.protocols() + 1)).map(|_| OnceLock::new()).collect();
        Self { pair, key, filters, default, policy, line, sessions }
    }

    fn again(&self) -> Addition {
        Addition {
            pair: self.pair.clone(),
            policy: self.policy.clone(),
            filters: self.filters.clone(),
            default: self.default,
            line: self.line.clone(),
        }
    }

    /// The set-up of sessions that agree on the protocol of this place, with a client who comes back or not.
    fn session(&self, protocol: Option<usize>, resumes: bool) -> Arc<ServerConfig> {
        let make = || self.policy.session(&self.key, protocol, resumes);
        match self.sessions.get(2 * protocol.map_or(0, |at| at + 1) + usize::from(resumes)) {
            Some(made) => made.get_or_init(make).clone(),
            None => make(),
        }
    }

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
    fn add(&mut self, addition: Addition) {
        let Addition { pair, filters, default, .. } = &addition;
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
        if (*default || self.contexts.is_empty()) && !self.defaults.contains(&index) {
            self.defaults.push(index);
        }
        self.contexts.push(Arc::new(Context::new(addition)));
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

/// The extension by which a client comes back (RFC 8446 section 4.2.11).
const PRE_SHARED_KEY: u16 = 41;
