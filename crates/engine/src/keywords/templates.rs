//! The named `defaults`, kept for backends that come at run time (management manual, 9.3 "add backend").
//!
//! A backend that comes later goes the way of one of the file: it starts from a draft, its rules are compiled among
//! the names that are there by then, and it is checked as a whole. Files that its rules name are read anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use weir_diag::{Severity, Sources, Span};

use super::cross::{self, kind};
use super::listen::guid_fault;
use super::resolve::{Load, inherit};
use super::{Draft, System, rules};
use crate::action::Named;
use crate::conf::{Caps, Conf, Mode, Proxy};

/// What backends can start from.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// The named `defaults` in the order of the file.
    list: Vec<Draft>,
    /// Which kind of proxy started from which of them, where they carry rules.
    rule_users: Vec<(Span, Caps)>,
    /// The names of the files; their texts are not needed any more.
    sources: Sources,
    /// The number that a proxy of the file was given last.
    last_id: u32,
}

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBackend {
    /// Its name.
    pub name: String,
    /// The `defaults` that it starts from.
    pub from: String,
    /// `mode`, where it is not that of the `defaults`.
    pub mode: Option<Mode>,
    /// `guid`
    pub guid: Option<String>,
}

// === impl Templates ===

impl Templates {
    /// Those of a load that is over. `last_id`: the number that a proxy was given last.
    pub(super) fn of(load: &Load<'_>, last_id: u32) -> Self {
        let named = load.defaults.iter().filter(|d| !d.name.is_empty());
        let list: Vec<Draft> = named.map(|d| d.draft.clone()).collect();
        let mut sources = Sources::default();
        for (_, source) in load.sources.iter().filter(|_| !list.is_empty()) {
            sources.add(source.name.clone(), Vec::new());
        }
        Self { list, rule_users: load.rule_users.clone(), sources, last_id }
    }

    /// The number that a proxy of the file was given last; the next one is looked for from there.
    pub fn last_id(&self) -> u32 {
        self.last_id
    }

    /// Makes a backend that is to stand at position `at` of `conf`, whose proxies are all there are. With it what
    /// is to be warned of; else what the reference answers to the mistake.
    pub fn backend(&self, conf: &Conf, at: usize, new: &NewBackend) -> Result<(Proxy, Vec<String>), String> {
        let NewBackend { name, from, mode, guid } = new;
        let found = self.list.iter().rev().find(|draft| draft.proxy.name == *from);
        let template = found.ok_or_else(|| format!("Cannot find default proxy '{from}'."))?;
        let mode = mode_of(template, *mode)?;
        let failed = |said: String| format!("Error during backend creation : {said}");
        self.name_is_free(conf, name).map_err(failed)?;
        guid.as_deref().map_or(Ok(()), |guid| guid_is_free(conf, guid)).map_err(failed)?;
        let mut draft =
            inherit(template, Proxy::new(name.clone(), Caps::BACKEND, Span::default()), "backend");
        draft.proxy.mode = mode;
        draft.proxy.guid = guid.clone();
        draft.proxy.unpublished = true;
        draft.proxy.dynamic = true;
        let mut load = Load::new(&self.sources, &System);
        load.conf = Conf { proxies: Vec::new(), ..conf.clone() };
        load.rule_users = self.rule_users.clone();
        rules::judge_inherited(&mut load, &draft, template.proxy.at);
        load.drafts.push(draft);
        if !load.out.is_fatal() {
            rules::compile_among(&mut load, &named(conf, at, name, mode), at);
        }
        let draft = cross::check_later(&mut load);
        let mut warnings = Vec::new();
        for said in load.out.into_iter() {
            match said.severity {
                Severity::Alert => return Err(failed(said.message)),
                _ => warnings.push(said.message),
            }
        }
        let mut proxy = draft.ok_or_else(|| failed(String::new()))?.proxy;
        // It does not keep itself from being taken away.
        proxy.mentions.backends.remove(&at);
        Ok((proxy, warnings))
    }

    fn name_is_free(&self, conf: &Conf, name: &str) -> Result<(), String> {
        let proxy = conf.proxies.iter().find(|p| p.name == name).map(|p| kind(p));
        let template = || self.list.iter().find(|draft| draft.proxy.name == name).map(|_| "defaults");
        match proxy.or_else(template) {
            Some(kind) => Err(format!("name is already used by other proxy '{kind} {name}'.")),
            None => Ok(()),
        }
    }
}

/// The lowest number from `last` on that no proxy has.
pub(crate) fn free_id(proxies: &[Arc<Proxy>], last: u32) -> u32 {
    let used: BTreeSet<u32> = proxies.iter().map(|p| p.id).collect();
    (last..).find(|id| !used.contains(id)).unwrap_or(last)
}

/// What the backend speaks.
fn mode_of(template: &Draft, asked: Option<Mode>) -> Result<Mode, String> {
    let name = &template.proxy.name;
    let word = match template.proxy.mode {
        Mode::Tcp | Mode::Http => None,
        Mode::Log => Some("syslog"),
        Mode::Haterm => Some("haterm"),
    };
    match (word, asked) {
        (Some(word), _) => Err(format!(
            "Dynamic backends only support TCP or HTTP mode, whereas default proxy '{name}' uses 'mode {word}'."
        )),
        (None, Some(mode)) => Ok(mode),
        (None, None) if template.gives_mode => Ok(template.proxy.mode),
        (None, None) => {
            Err(format!("Mode is required as '{name}' default proxy does not explicitly defines it."))
        }
    }
}

fn guid_is_free(conf: &Conf, guid: &str) -> Result<(), String> {
    let failed = |said: String| format!("GUID insertion : {said}.");
    if let Some(fault) = guid_fault(guid.as_bytes()) {
        return Err(failed(fault));
    }
    for proxy in &conf.proxies {
        let is_twin = |of: &Option<String>| of.as_deref() == Some(guid);
        if is_twin(&proxy.guid) {
            return Err(failed(format!("duplicate entry with {} {}", kind(proxy), proxy.name)));
        }
        if let Some(server) = proxy.servers.iter().find(|s| is_twin(&s.guid)) {
            return Err(failed(format!("duplicate entry with server {}/{}", proxy.name, server.name)));
        }
    }
    Ok(())
}

/// What the rules of the new backend may name.
fn named(conf: &Conf, at: usize, name: &str, mode: Mode) -> Vec<Named> {
    let of = |proxy: &Arc<Proxy>| {
        let servers = proxy.servers.iter().map(|s| s.name.clone()).collect();
        rules::named(proxy, servers, conf.proxies.iter().map(AsRef::as_ref))
    };
    let mut all: Vec<Named> = conf.proxies.iter().map(of).collect();
    let own = Proxy { mode, ..Proxy::new(name, Caps::BACKEND, Span::default()) };
    let own = rules::named(&own, Vec::new(), std::iter::empty());
    match all.get_mut(at) {
        Some(place) => *place = own,
        None => all.push(own),
    }
    all
}
