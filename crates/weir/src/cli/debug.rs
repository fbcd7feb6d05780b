//! The `-d...` options: switches, dumps, and what only means something to the reference's own parts.

use std::path::PathBuf;

use bitflags::bitflags;

use super::{Misuse, Options, Words};

bitflags! {
    /// `-d...` options that switch something on or off.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Switches: u32 {
        /// `-d`: stay in front.
        const DEBUG = 1;
        /// `-db`: stay in front.
        const FOREGROUND = 1 << 1;
        /// `-dD`: show diagnostics of style too.
        const DIAGNOSTICS = 1 << 2;
        /// `-dF`, `-dZ`: bodies go through buffers, never straight from socket to socket.
        const NO_FAST_FORWARD = 1 << 3;
        /// `-dI`: programs may be started.
        const INSECURE_FORK = 1 << 4;
        /// `-dR`: `noreuseport`.
        const NO_REUSE_PORT = 1 << 5;
        /// `-dS`: `nosplice`.
        const NO_SPLICE = 1 << 6;
        /// `-dV`: certificates of servers are not checked.
        const NO_SERVER_VERIFY = 1 << 7;
        /// `-dW`: a warning is fatal.
        const ZERO_WARNING = 1 << 8;
        /// `-dr`: a server whose name does not resolve is no error.
        const IGNORE_RESOLUTION = 1 << 9;
    }
}

/// Something to print while a configuration is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dump {
    /// `-dC[key]`: the configuration as read; secrets and names hashed where a key is given.
    Configuration(Option<u32>),
    /// `-dK<classes>`: keywords of these classes.
    Keywords(Vec<String>),
    /// `-dL`: the shared objects of this process.
    Libraries,
    /// `-dA<file>`: the same, as an archive.
    Archive(PathBuf),
    /// `-dc`: the processors it may use.
    Processors,
}

/// Applies `-d` followed by `name`.
pub(super) fn option(name: &str, words: &mut Words<'_>, options: &mut Options) -> Result<(), Misuse> {
    if let Some((_, switch)) = SWITCHES.iter().find(|(letter, _)| first_is(name, letter)) {
        options.switches |= *switch;
        return Ok(());
    }
    if let Some(list) = name.strip_prefix('t') {
        // A list of traces may be a word of its own.
        let list = if list.is_empty() { words.plain().unwrap_or_default() } else { list.to_owned() };
        options.traces.extend(traces(&list)?);
        return Ok(());
    }
    if let Some((_, reason)) = INERT.iter().find(|(letter, _)| first_is(name, letter)) {
        options.inert.push((format!("-d{name}"), reason));
        return Ok(());
    }
    match name.split_at_checked(1) {
        None => options.switches |= Switches::DEBUG,
        Some(("C", key)) => options.dumps.push(Dump::Configuration(key.parse().ok().filter(|k| *k != 0))),
        Some(("K", classes)) => {
            options.dumps.push(Dump::Keywords(classes.split(',').map(str::to_owned).collect()));
        }
        Some(("L", _)) => options.dumps.push(Dump::Libraries),
        Some(("c", _)) => options.dumps.push(Dump::Processors),
        Some(("A", "")) => return Err(Misuse::alert("-dA: missing output file name")),
        Some(("A", file)) => options.dumps.push(Dump::Archive(file.into())),
        Some(_) => {
            // The reference takes any other letter for plain `-d`.
            options.switches |= Switches::DEBUG;
        }
    }
    Ok(())
}

/// The list of `-dt`, sources, each with a level and a verbosity behind colons, as lines of a `traces` section.
fn traces(list: &str) -> Result<Vec<String>, Misuse> {
    let mut lines = Vec::new();
    // Without a list, and for an empty word, all sources are meant.
    for entry in list.split(',').filter(|entry| !entry.is_empty() || list.is_empty()) {
        let mut parts = entry.split(':');
        let mut part = || parts.next().unwrap_or_default();
        let (source, level, verbosity) = (part(), part(), part());
        let all = ["", "all"].contains(&source);
        if !all && !SOURCES.contains(&source) {
            return Err(Misuse::alert(format!("config : -dt: unknown trace source '{source}'.")));
        }
        if !level.is_empty() && !LEVELS.contains(&level) {
            return Err(Misuse::alert(format!(
                "config : -dt: no such trace level '{level}', available levels are 'error', 'user', 'proto', 'state', \
                 'data', and 'developer'."
            )));
        }
        // Sessions have verbosities of their own.
        if !verbosity.is_empty() && !all && source != "session" && !VERBOSITIES.contains(&verbosity) {
            return Err(Misuse::alert(format!(
                "config : -dt: no such trace verbosity '{verbosity}' for source '{source}', available verbosities for \
                 this source are: 'quiet', 'clean', 'minimal', 'simple', 'advanced', and 'complete'."
            )));
        }
        let level = if level.is_empty() { "error" } else { level };
        for name in SOURCES.iter().filter(|name| all || **name == source) {
            let says = VERBOSITIES.contains(&verbosity) && !PLAIN.contains(name) || verbosity == "quiet";
            let verbosity = if says { format!(" verbosity {verbosity}") } else { String::new() };
            lines.push(format!("trace {name} sink stderr level {level}{verbosity} start now"));
        }
    }
    Ok(lines)
}

/// Applies `-dM` followed by `list`; true where its help is asked for.
pub(super) fn memory(list: &str, options: &mut Options) -> Result<bool, Misuse> {
    for (at, feature) in list.split(',').filter(|f| !f.is_empty()).enumerate() {
        let number = feature.strip_prefix("0x").unwrap_or(feature);
        if at == 0 && u8::from_str_radix(number, 16).is_ok() {
            continue;
        }
        if feature == "help" {
            return Ok(true);
        }
        let plain = feature.strip_prefix("no-").unwrap_or(feature);
        if !MEMORY_FEATURES.iter().any(|(name, _)| *name == plain || *name == feature) {
            return Err(Misuse::alert(format!("-dM: unknown memory debugging feature <{feature}>")));
        }
    }
    options.inert.push((format!("-dM{list}"), "memory is never read before it is written here"));
    Ok(false)
}

/// The text of `-dMhelp`.
pub(crate) fn memory_help() -> String {
    let mut out = String::from(
        "-dM takes a byte and a list of features, as in -dM0x50,no-merge. They are accepted so that command lines go\n\
         on working, and change nothing: this program does not read memory that was not written.\n\n",
    );
    for (name, what) in MEMORY_FEATURES {
        out.push_str(&format!("    {name:<12} {what}\n"));
    }
    out
}

// === impl Words ===

impl Words<'_> {
    /// The next word, where it is no option.
    fn plain(&mut self) -> Option<String> {
        let word = self.0.first()?.to_string_lossy().into_owned();
        (!word.starts_with('-')).then(|| self.next())?;
        Some(word)
    }
}

fn first_is(name: &str, letter: &str) -> bool {
    name.starts_with(letter)
}

const SWITCHES: &[(&str, Switches)] = &[
    ("b", Switches::FOREGROUND),
    ("D", Switches::DIAGNOSTICS),
    ("F", Switches::NO_FAST_FORWARD),
    ("I", Switches::INSECURE_FORK),
    ("R", Switches::NO_REUSE_PORT),
    ("S", Switches::NO_SPLICE),
    ("V", Switches::NO_SERVER_VERIFY),
    ("W", Switches::ZERO_WARNING),
    ("Z", Switches::NO_FAST_FORWARD),
    ("r", Switches::IGNORE_RESOLUTION),
];

const INERT: &[(&str, &str)] = &[
    ("G", "names are resolved by the system"),
    ("T", "TLS is not handed to the kernel"),
    ("e", "there is one way to wait for sockets"),
    ("k", "there is one way to wait for sockets"),
    ("p", "there is one way to wait for sockets"),
    ("v", "there is one way to wait for sockets"),
];

/// The sources of traces that there are.
const SOURCES: &[&str] = &[
    "acme", "applet", "check", "fcgi", "h1", "h2", "h3", "haterm", "peers", "pt", "qcm", "quic", "session",
    "spop", "ssl", "stream",
];
/// Those with verbosities of their own.
const PLAIN: &[&str] = &["haterm", "session"];
const LEVELS: &[&str] = &["error", "user", "proto", "state", "data", "developer"];
const VERBOSITIES: &[&str] = &["quiet", "clean", "minimal", "simple", "advanced", "complete"];

const MEMORY_FEATURES: &[(&str, &str)] = &[
    ("fail", "let allocations fail at random"),
    ("merge", "share pools of like sizes"),
    ("hot-first", "reuse what was freed last"),
    ("cold-first", "reuse what was freed first"),
    ("integrity", "check freed memory"),
    ("global", "one cache for the process"),
    ("cache", "a cache for each thread"),
    ("caller", "remember who freed"),
    ("tag", "mark the end of each piece"),
    ("poison", "fill fresh memory"),
    ("uaf", "find uses after free"),
    ("backup", "compare freed memory"),
];
