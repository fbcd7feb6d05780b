//! What a process takes over from files that an earlier one left: states of servers and counters (manual, 4.2
//! "load-server-state-from-file", 3.1 "stats-file").

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_diag::system_words;
use weir_engine::conf::{Conf, LoadState};
use weir_engine::operator::state_file::{Fault, StateFile};
use weir_engine::runtime::Runtime;
use weir_engine::snapshot::Snapshot;

use crate::say::Voice;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    /// `server-state-file`
    global: Option<StateFile>,
    /// Those of backends, by their names.
    own: HashMap<String, StateFile>,
    /// `stats-file`
    counters: Option<String>,
}

// === impl Restored ===

impl Restored {
    /// Reads the files that `conf` names, and moves its servers where they were.
    pub(crate) fn read(conf: &mut Conf, voice: &Voice) -> Self {
        let (base, file) = conf.global.server_state.clone();
        let within = |name: &Path| match &base {
            Some(base) if name.is_relative() => base.join(name),
            _ => name.to_owned(),
        };
        let mut restored = Self::default();
        if let Some(path) = file.map(|file| within(&file)) {
            restored.global = Some(read_global(&path, voice));
        }
        for proxy in conf.proxies.iter().filter(|p| p.load_state == LoadState::Local && p.is_backend()) {
            let name = PathBuf::from(proxy.state_file.as_ref().unwrap_or(&proxy.name));
            if let Some(file) = read_own(&proxy.name, &within(&name), voice) {
                restored.own.insert(proxy.name.clone(), file);
            }
        }
        for proxy in &mut conf.proxies {
            if let Some(file) = restored.of(proxy.load_state, &proxy.name) {
                file.move_servers(Arc::make_mut(proxy));
            }
        }
        if let Some(path) = &conf.global.stats_file {
            match std::fs::read_to_string(path) {
                Ok(text) => restored.counters = Some(text),
                Err(_) => {
                    voice.warning(format_args!("config: Can't open stats-file '{}'.", path.display()));
                }
            }
        }
        restored
    }

    /// Puts servers and counters where they were; no worker may run yet.
    pub(crate) fn apply(&self, runtime: &Arc<Runtime>, snapshot: &Arc<Snapshot>, voice: &Voice) {
        for proxy in snapshot.proxies.iter().filter(|proxy| proxy.conf.is_backend()) {
            let load = proxy.conf.load_state;
            if let Some(file) = self.of(load, &proxy.conf.name) {
                file.apply(runtime, snapshot, proxy, &mut |text| {
                    // A file of all backends may well tell of more than there is.
                    if load == LoadState::Local {
                        voice.warning(text);
                    }
                });
            }
        }
        if let Some(text) = &self.counters {
            weir_admin::preload(snapshot, text);
        }
    }

    fn of(&self, load: LoadState, proxy: &str) -> Option<&StateFile> {
        match load {
            LoadState::None => None,
            LoadState::Global => self.global.as_ref(),
            LoadState::Local => self.own.get(proxy),
        }
    }
}

fn read_global(path: &Path, voice: &Voice) -> StateFile {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let reason = system_words(&error);
            voice.notice(format_args!("config: Can't open global server state file '{shown}': {reason}"));
            return StateFile::default();
        }
    };
    let (file, fault) = StateFile::parse(&text);
    match fault {
        None => {}
        Some(Fault::Empty) => {
            voice.notice(format_args!("config: Empty global server state file '{shown}'."));
        }
        Some(Fault::Version) => voice
            .warning(format_args!("config: Can't get version of the global server state file '{shown}'.")),
        Some(Fault::Corrupt(line)) => voice
            .warning(format_args!("config: corrupted global server state file '{shown}' at line {line}.")),
    }
    file
}

fn read_own(proxy: &str, path: &Path, voice: &Voice) -> Option<StateFile> {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let reason = system_words(&error);
            voice.notice(format_args!("Proxy '{proxy}': Can't open server state file '{shown}': {reason}."));
            return None;
        }
    };
    let (file, fault) = StateFile::parse(&text);
    match fault {
        None => {}
        Some(Fault::Empty) => {
            voice.notice(format_args!("Proxy '{proxy}': Empty server state file '{shown}'."));
        }
        Some(Fault::Version) => voice
            .warning(format_args!("Proxy '{proxy}': Can't get version of the server state file '{shown}'.")),
        Some(Fault::Corrupt(line)) => voice
            .warning(format_args!("Proxy '{proxy}': corrupted server state file '{shown}' at line {line}.")),
    }
    Some(file)
}
