//! Certificates, authorities and lists that change while the program runs (management manual, 9.3 "commit ssl cert",
//! "commit ssl ca-file", "add ssl crt-list").
//!
//! What changed counts for sessions that begin from then on, on every line that uses it.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use weir_config::values::Family;
use weir_tls::acceptor::Acceptor;
use weir_tls::carried::{self, Carried};
use weir_tls::lists::{ListChanges, NotFound};
use weir_tls::pair::Pair;
use weir_tls::trusts::Trusts;

use crate::conf::{BindTls, Mode};
use crate::keywords::Outside;
use crate::keywords::tls;
use crate::names::Own;
use crate::ocsp;
use crate::snapshot::Snapshot;

/// Shows a certificate in the place of the one of its name; in how many places.
pub fn replace(snapshot: &Snapshot, pair: &Arc<Pair>) -> usize {
    let fronts: usize =
        lines(snapshot).filter_map(|line| line.acceptor).map(|acceptor| acceptor.replace(pair)).sum();
    if fronts > 0 {
        ocsp::expect(&snapshot.global.tls, pair);
    }
    let servers = snapshot.proxies.iter().flat_map(|p| &p.servers);
    let policies = servers.flat_map(|server| server.conf.tls.own_policies());
    fronts + policies.filter(|policy| policy.replace(pair)).count()
}

/// Shows clients what an authority says of certificates from now on.
pub fn staple(snapshot: &Snapshot, pairs: &[Arc<Pair>], response: &[u8]) {
    for pair in pairs {
        let pair = Arc::new(pair.stapled(response));
        replace(snapshot, &pair);
        snapshot.global.tls.store.settle(pair);
    }
}

/// The files of authorities and revoked certificates; what the system trusts is one of them, named or not.
pub fn trusts(snapshot: &Snapshot) -> &Trusts {
    let trusts = &snapshot.global.tls.store.trusts;
    trusts.offer_system(&Own);
    trusts
}

/// Lets what a file of authorities says today count; for how many certificates it does, those that servers are shown
/// among them.
pub fn renew(snapshot: &Snapshot, path: &str) -> usize {
    let mut servers = 0;
    for server in snapshot.proxies.iter().flat_map(|p| &p.servers) {
        let tls = &server.conf.tls;
        servers += usize::from(tls.own.is_some() && tls.own_policies().any(|policy| policy.believes(path)));
        for policy in tls.own_policies().chain(&tls.check_policy).filter(|policy| policy.believes(path)) {
            // It was made of the same words before.
            let _ = policy.renew();
        }
    }
    servers + lines(snapshot).filter_map(|line| line.acceptor?.renew(path).ok()).sum::<usize>()
}

/// Lets what operators changed under `old` count under `new`, which was made of the files as they are; what cannot be
/// kept, in words.
pub fn carry(old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let (old, own) = (&old.global.tls.store, &new.global.tls.store);
    if Arc::ptr_eq(old, own) {
        return Vec::new();
    }
    let Carried { pairs, trusts, lists, mut lost } = carried::carry(old, own);
    for pair in &pairs {
        replace(new, pair);
    }
    for path in &trusts {
        renew(new, path);
    }
    for ListChanges { name, added, removed } in lists {
        let gone = removed.iter().filter_map(|line| {
            let result = remove_line(new, &name, &line.path, Some(line.number));
            result.is_err().then(|| format!("list of certificates '{name}': '{}' stays.", line.path))
        });
        lost.extend(gone);
        let come = added.iter().filter_map(|text| add_line(new, &name, text).err());
        lost.extend(come.map(|refused| {
            let (Refused::Line(why) | Refused::Bind { why, .. }) = refused;
            format!("list of certificates '{name}': {why}")
        }));
    }
    lost
}

/// Why a line does not come to a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It means nothing, or a certificate that is not there.
    Line(String),
    /// A `bind` line cannot show its certificate.
    Bind {
        /// The certificate.
        path: String,
        /// How many `bind` lines were tried.
        tried: usize,
        /// What is wrong on the last of them.
        why: String,
    },
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self::Line(why)
    }
}

/// Adds a line to a list: a certificate that is known, options and names. The certificate's name, and on how many
/// `bind` lines it is shown.
pub fn add_line(snapshot: &Snapshot, list: &str, text: &[u8]) -> Result<(String, usize), Refused> {
    let global = &snapshot.global.tls;
    let store = &global.store;
    store.lists.lines(list).ok_or_else(|| format!("crt-list '{list}' does not exist!"))?;
    let mut late =
        tls::late(global, &Nowhere, text)?.ok_or_else(|| "no certificate on the line".to_owned())?;
    let path = late.line.path.clone();
    let known = store.listed().into_iter().find(|(known, ..)| *known == path);
    let (_, used, pair) = known.ok_or_else(|| format!("certificate '{path}' does not exist!"))?;
    pair.ok_or_else(|| format!("certificate '{path}' is empty!"))?;
    let given = late.given.as_ref().map(|(others, updating)| (others, *updating));
    if let Some(what) = store.conflict(&path, given, global.extra) {
        // What is different from no words at all is not told here.
        let most = if late.given.is_some() { usize::MAX } else { 1 };
        let lines = what.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).take(most);
        let lines: Vec<&str> = lines.collect();
        let lines = lines.join("\n");
        return Err(format!("'{path}' is already instantiated with incompatible parameters:\n{lines}").into());
    }
    let mut places = Vec::new();
    for line in lines(snapshot).filter(|line| line.tls.lists.iter().any(|known| known == list)) {
        let Some(acceptor) = line.acceptor else { continue };
        let policy = match &late.words {
            Some(words) => Some(tls::policy_of_line(global, line.tls, line.mode, words).map_err(|what| {
                let BindTls { address, place, .. } = line.tls;
                let why = tls::at_bind(line.proxy, &what, address, place);
                Refused::Bind { path: path.clone(), tried: places.len() + 1, why }
            })?),
            None => None,
        };
        places.push((acceptor, policy));
    }
    late.line.bracketed = used && path.starts_with('@');
    let pair = store.known(&path).ok_or_else(|| format!("certificate '{path}' is empty!"))?;
    ocsp::expect(global, &pair);
    let number = store.lists.push(list, late.line, text).unwrap_or_default();
    let count = places.len();
    for (acceptor, policy) in places {
        acceptor.insert(pair.clone(), policy, &late.filters, (list.into(), number));
    }
    Ok((path, count))
}

/// Why a line of a list stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is not there.
    NotFound(NotFound),
    /// These `bind` lines show its certificate to who asks for no name that is known.
    Default(Vec<String>),
}

/// Takes a line away from a list.
pub fn remove_line(snapshot: &Snapshot, list: &str, path: &str, number: Option<usize>) -> Result<(), Kept> {
    let store = &snapshot.global.tls.store;
    let line = store.lists.find(list, path, number).map_err(Kept::NotFound)?;
    let using: Vec<Line<'_>> =
        lines(snapshot).filter(|line| line.tls.lists.iter().any(|known| known == list)).collect();
    let is_default = |of: &&Line<'_>| of.acceptor.is_some_and(|a| a.is_default(list, line.number));
    let defaults: Vec<String> = using.iter().filter(is_default).map(|of| of.tls.place.clone()).collect();
    if !defaults.is_empty() {
        return Err(Kept::Default(defaults));
    }
    using.iter().filter_map(|of| of.acceptor).for_each(|acceptor| acceptor.remove(list, line.number));
    store.lists.remove(list, &line);
    let shown = |of: Line<'_>| of.acceptor.is_some_and(|a| a.contexts().iter().any(|c| c.pair.path == path));
    if !store.lists.has(path) && !lines(snapshot).any(shown) {
        store.retire(path);
    }
    Ok(())
}

/// A `bind` line.
struct Line<'a> {
    proxy: &'a str,
    tls: &'a BindTls,
    mode: Mode,
    acceptor: Option<&'a Arc<Acceptor>>,
}

/// The `bind` lines; addresses of one line count once.
fn lines(snapshot: &Snapshot) -> impl Iterator<Item = Line<'_>> {
    snapshot.proxies.iter().flat_map(|proxy| {
        let mut last = None;
        let first = move |bind: &&crate::conf::Bind| last.replace(bind.at) != Some(bind.at);
        proxy.conf.binds.iter().filter(first).map(|bind| Line {
            proxy: &proxy.conf.name,
            tls: &bind.tls,
            mode: proxy.conf.mode,
            acceptor: bind.tls.acceptor.as_ref(),
        })
    })
}

/// A world without files: what comes at run time names what was read before.
struct Nowhere;

impl Outside for Nowhere {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> std::io::Result<Option<Vec<String>>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn resolve(&self, _: &str, _: Family) -> Option<IpAddr> {
        None
    }

    fn user(&self, _: &str) -> Option<u32> {
        None
    }

    fn group(&self, _: &str) -> Option<u32> {
        None
    }
}
