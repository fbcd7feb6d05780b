//! `ring` sections, and the rings behind log targets that are streams (manual, 4.2 "log" and 12.5).

use std::sync::Arc;
use std::time::Duration;

use weir_config::values::{self, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Place, Section, Sections};
use weir_diag::{Diagnostic, Form, Sources};

use super::resolve::Load;
use super::{Draft, LISTS, List, ListCtx, ListFn, PROXY, ProxyCtx, logging, servers};
use crate::conf::{Caps, LogTarget, LogTransport, Mode, Proxy, Ring, RingServer};
use crate::log;
use crate::outbound;

/// The lines of the section.
pub(super) const RING: &[Keyword<ListFn>] = &[
    Keyword::works(entry("description", "what lists call it"), |ctx, line| {
        let Some(word) = line.arg(0) else { return Err(line.alert("missing ring description text.")) };
        change(ctx, |ring| ring.description = word.text().into_owned());
        Ok(())
    }),
    Keyword::works(entry("format", "how lines begin"), |ctx, line| {
        let text = line.arg(0).map(|w| w.text().into_owned()).unwrap_or_default();
        let Some(format) = logging::syslog_format(&text) else {
            return Err(line.alert(format!("unknown format '{text}'.")));
        };
        change(ctx, |ring| ring.format = Some(format));
        Ok(())
    }),
    Keyword::works(entry("maxlen", "the longest line"), |ctx, line| {
        let longest = size(line)?;
        change(ctx, |ring| ring.longest = longest);
        Ok(())
    }),
    Keyword::works(entry("size", "the bytes that it holds"), |ctx, line| {
        let size = size(line)?;
        change(ctx, |ring| ring.size = size);
        Ok(())
    }),
    Keyword::works(entry("timeout", "how long its servers may take"), |ctx, line| {
        let which = line.arg(0).map(|w| w.text().into_owned()).unwrap_or_default();
        if which != "connect" && which != "server" {
            return Ok(()); // As the reference does, which takes any word here.
        }
        let time = timeout(line, &which)?;
        change(ctx, |ring| match which.as_str() {
            "connect" => ring.connect = Some(time),
            _ => ring.write = Some(time),
        });
        Ok(())
    }),
    Keyword::refused(entry("backing-file", "a file that outlives the process"), "comes with rings in files"),
];

/// Reads a section.
pub(super) fn section(load: &mut Load<'_>, section: &Section) {
    let header = &section.header;
    let Some(word) = header.words.get(1) else { return load.out.push(header.alert("missing ring name.")) };
    let name = word.text().into_owned();
    if let Some(bad) = values::invalid_character(name.as_bytes()) {
        let message = format!("invalid ring name '{name}' (character '{bad}' is not permitted).");
        return load.out.push(header.alert(message));
    }
    if BUILTIN.contains(&name.as_str()) || load.conf.rings.iter().any(|r| r.name == name) {
        return load.out.push(header.alert(format!("sink named '{name}' already exists.")));
    }
    let mut ring = Ring::new(name);
    let mut draft = Draft::new(Proxy::new(ring.name.clone(), Caps::BACKEND, header.span), "ring");
    let place = Place { classes: &[Class::Proxy], section: Sections::RING, keyword: "ring", name: "" };
    for line in &section.lines {
        if line.words.first().is_some_and(|w| w.is("server")) {
            server(load, &mut draft, line);
            continue;
        }
        let mut line = line.clone();
        let Some(found) = LISTS.line(&place, &mut line, &mut load.out) else { continue };
        let mut ctx = ListCtx {
            list: List::Ring(&mut ring),
            out: &mut load.out,
            outside: load.outside,
            sources: load.sources,
        };
        let result = (found.run)(&mut ctx, &line);
        load.out.take(result);
    }
    if let Some(warning) = fit(&mut ring, header) {
        load.out.push(warning);
    }
    for mut draft in draft.servers {
        // A name that has no address yet has none later: the server is left out.
        if servers::settle_address(&mut draft, load.outside).is_ok()
            && let Some(address) = outbound::address_of(&draft.server, || None)
        {
            ring.servers.push(RingServer { address, octet_count: draft.server.log_octets });
        }
    }
    load.conf.rings.push(Arc::new(ring));
}

/// Gives each log target that is a stream a ring.
pub(super) fn behind_streams(load: &mut Load<'_>, drafts: &mut [Draft]) {
    let Load { conf, sources, .. } = load;
    let rings = &mut conf.rings;
    let mut made = 0;
    let targets = conf.global.logs.iter_mut().chain(drafts.iter_mut().flat_map(|d| &mut d.proxy.logs));
    for target in targets {
        let LogTransport::Stream(address) = &target.transport else { continue };
        let file = file_of(sources, target.at.source);
        let description =
            format!("created from log directive declared into '{file}' at line {}", target.at.line);
        // The lines of `global` stand in many proxies.
        let known = rings.iter().find(|r| r.description == description).map(|r| r.name.clone());
        let name = known.unwrap_or_else(|| {
            made += 1;
            let servers = vec![RingServer { address: address.clone(), octet_count: false }];
            let name = format!("ring#{made}");
            rings.push(Arc::new(Ring { description, format: None, servers, ..Ring::new(name.clone()) }));
            name
        });
        target.transport = LogTransport::Ring(name);
    }
}

/// Gives each server of a log backend a ring, where it takes a stream.
pub(super) fn behind_servers(load: &mut Load<'_>, drafts: &[Draft]) {
    let Load { conf, sources, .. } = load;
    for draft in drafts.iter().filter(|d| d.proxy.mode == Mode::Log) {
        for server in draft.proxy.servers.iter().filter(|s| !s.datagrams) {
            let Some(address) = outbound::address_of(server, || None) else { continue };
            let mut ring = Ring::new(log::ring_name(&draft.proxy.name, &server.name));
            let file = file_of(sources, server.at.source);
            ring.description =
                format!("created from log backend declared into '{file}' at line {}", server.at.line);
            ring.format = None;
            ring.size = server.log_buffer.unwrap_or(Ring::SIZE);
            ring.servers = vec![RingServer { address, octet_count: server.log_octets }];
            conf.rings.push(Arc::new(ring));
        }
    }
}

/// Finds the log targets that name a ring or a profile that does not exist. The reference looks for them when it
/// starts, and not when it checks a configuration.
pub(super) fn judge_targets(load: &mut Load<'_>, drafts: &[Draft]) {
    let Load { conf, sources, .. } = load;
    let mut found = Vec::new();
    let backends: Vec<&str> =
        drafts.iter().filter(|d| d.proxy.mode == Mode::Log).map(|d| d.proxy.name.as_str()).collect();
    let wrong = |target: &LogTarget| match (&target.transport, &target.profile) {
        (LogTransport::Ring(name), _) if !conf.rings.iter().any(|r| r.name == *name) => {
            Some(format!("uses unknown ring named '{name}'."))
        }
        (LogTransport::Backend(name), _) if !backends.contains(&name.as_str()) => {
            Some(format!("uses unknown log backend '{name}'."))
        }
        (_, Some(name)) if !conf.log_profiles.iter().any(|p| p.name == *name) => {
            Some(format!("unknown log-profile '{name}'."))
        }
        _ => None,
    };
    let place = |target: &LogTarget| (file_of(sources, target.at.source), target.at.line);
    for target in &conf.global.logs {
        let Some(what) = wrong(target) else { continue };
        let (file, line) = place(target);
        let message = format!("global log directive declared in file {file} at line '{line}' {what}");
        found.push(Diagnostic::alert(target.at, message).form(Form::Bare));
    }
    for draft in drafts {
        for target in &draft.proxy.logs {
            let Some(what) = wrong(target) else { continue };
            let ((file, line), name) = (place(target), &draft.proxy.name);
            let message = format!(
                "log directive declared in proxy section '{name}' in file '{file}' at line {line} {what}"
            );
            found.push(Diagnostic::alert(target.at, message).form(Form::Bare));
        }
    }
    conf.start_faults.extend(found);
}

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::RING, Arity::ANY, help)
}

fn change(ctx: &mut ListCtx<'_>, change: impl FnOnce(&mut Ring)) {
    if let List::Ring(ring) = &mut ctx.list {
        change(ring);
    }
}

/// Makes the longest line fit the size; says so where a longer one was asked for.
fn fit(ring: &mut Ring, header: &Line) -> Option<Diagnostic> {
    let most = ring.size.saturating_sub(Ring::OVERHEAD).max(LEAST);
    let (name, longest) = (&ring.name, ring.longest);
    let asked = longest != Ring::LONGEST;
    if longest <= most && asked {
        return None;
    }
    let message =
        format!("ring '{name}' event max length '{longest}' exceeds max payload size, forced to '{most}'.");
    ring.longest = most;
    asked.then(|| header.warning(message).form(Form::Config))
}

/// A `server` line is read as a proxy's.
fn server(load: &mut Load<'_>, draft: &mut Draft, line: &Line) {
    let place = Place { classes: &[Class::Proxy], section: Sections::BACKEND, keyword: "backend", name: "" };
    let mut line = line.clone();
    let Some(found) = PROXY.line(&place, &mut line, &mut load.out) else { return };
    let mut ctx = ProxyCtx {
        draft,
        section: Sections::BACKEND,
        keyword: "backend",
        global: &load.conf.global,
        out: &mut load.out,
        outside: load.outside,
        sources: load.sources,
    };
    let result = (found.run)(&mut ctx, &line);
    load.out.take(result);
}

fn size(line: &Line) -> Result<usize, Diagnostic> {
    let text = line.arg(0).map(|w| w.text().into_owned()).unwrap_or_default();
    let read = values::parse_size(text.as_bytes()).ok().map(|n| n as usize);
    read.filter(|n| *n > 0).ok_or_else(|| line.alert(format!("invalid size '{text}' for new sink buffer.")))
}

fn timeout(line: &Line, which: &str) -> Result<Duration, Diagnostic> {
    let Some(word) = line.arg(1) else {
        return Err(line.alert(format!("'timeout {which}' expects <time> as argument.")));
    };
    values::parse_time(&word.bytes, Unit::Milliseconds).map(|time| time.duration).map_err(|_| {
        let bad = word.text().chars().find(|c| !c.is_ascii_digit()).unwrap_or_default();
        word.alert(format!("unexpected character '{bad}' in argument to <timeout {which}>.")).tight()
    })
}

fn file_of(sources: &Sources, id: weir_diag::SourceId) -> String {
    sources.of(id).map_or_else(String::new, |s| s.name.clone())
}

/// The names that are taken.
const BUILTIN: [&str; 4] = ["stdout", "stderr", "buf0", "dpapi"];
/// The shortest that the longest line of a ring is forced to.
const LEAST: usize = 5;
