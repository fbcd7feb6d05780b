//! `peers` sections: tables of their own, and the local peer (manual, 11.2). Peers elsewhere are refused by name.

use weir_config::{Arity, Class, Entry, Keyword, Line, Section, Sections, Word, values};
use weir_diag::{Diagnostic, Form, Severity};

use super::cross::{alert, warning};
use super::resolve::{Load, place};
use super::{Draft, List, ListCtx, ListFn, steps, stick_table};
use crate::conf::{Peers, StickTable};

/// The lines of the section.
pub(super) const PEERS: &[Keyword<ListFn>] = &[
    Keyword::works(entry("table", "a stick table of the section"), table),
    Keyword::works(entry("peer", "a peer; only the local one is there yet"), |ctx, line| {
        peer(ctx, line, true)
    }),
    Keyword::works(entry("server", "a peer; only the local one is there yet"), |ctx, line| {
        peer(ctx, line, false)
    }),
    Keyword::works(entry("disabled", "the section does nothing"), |ctx, _| disable(ctx, true)),
    Keyword::works(entry("enabled", "the section works again"), |ctx, _| disable(ctx, false)),
    inert("bind", "tables are kept across reloads without a connection"),
    inert("default-bind", "nobody connects to the local peer"),
    inert("default-server", "there are no peers elsewhere"),
    inert("log", "nobody connects to the local peer"),
    inert("shards", "there are no peers elsewhere"),
];

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Peers, name, Sections::PEERS, Arity::ANY, help)
}

const fn inert(name: &'static str, reason: &'static str) -> Keyword<ListFn> {
    Keyword::inert(entry(name, "of connections between peers"), reason)
}

/// A `peers` section while it is read.
#[derive(Clone, Debug)]
pub struct PeersDraft {
    /// What it will be.
    pub section: Peers,
    /// Its tables.
    pub tables: Vec<StickTable>,
    /// The name of this process among peers.
    pub(super) local: String,
    pub(super) places: Vec<String>,
}

/// The section of this header, or what is wrong with it.
pub(super) fn begin(load: &Load<'_>, section: &Section) -> Result<PeersDraft, Diagnostic> {
    let header = &section.header;
    let name = match header.words.get(1..) {
        Some([name]) => name.text().into_owned(),
        Some([_, extra, ..]) => {
            let message = format!("'peers' cannot handle unexpected argument '{}'.", extra.text());
            return Err(extra.alert(message));
        }
        _ => return Err(header.alert("missing name for peers section.")),
    };
    if let Some(first) = load.peers.iter().find(|p| p.name == name) {
        let (here, there) = (place(load.sources, header.span), place(load.sources, first.at));
        let message = format!(
            "config : Parsing [{here}]: peers section '{name}' has the same name as another peers section declared \
             at {there}."
        );
        return Err(Diagnostic::new(Severity::Alert, Some(header.span), message).form(Form::Bare));
    }
    let has_lines = !section.lines.is_empty();
    if let Some(bad) = values::invalid_character(name.as_bytes()) {
        return Err(header.alert(format!("character '{bad}' is not permitted in 'peers' name '{name}'.")));
    }
    let section =
        Peers { name, at: header.span, disabled: false, peers: Vec::new(), elsewhere: Vec::new(), has_lines };
    Ok(PeersDraft { section, tables: Vec::new(), local: local_name(load), places: Vec::new() })
}

/// Judges what tables say of sections, when all is read.
pub(super) fn check(load: &mut Load<'_>) {
    let local = local_name(load);
    for section in load.peers.iter().filter(|s| !s.disabled && s.peers.contains(&local)) {
        load.out.extend(section.elsewhere.iter().map(|(at, peer)| {
            let message = format!(
                "'{peer}' is not available yet (peers elsewhere come with peers; the local one is '{local}')."
            );
            Diagnostic::alert(*at, message)
        }));
    }
    for table in load.conf.tables.clone() {
        let wrong = shared(load, &table, &local).into_iter().chain(write_to(load, &table));
        let wrong: Vec<_> = wrong.map(|said| said.step(steps::PEERS)).collect();
        let of_proxy = |draft: &&mut Draft| table.section.is_none() && draft.proxy.name == table.spec.name;
        match load.drafts.iter_mut().find(of_proxy) {
            Some(draft) => draft.late.extend(wrong),
            None => load.out.extend(wrong),
        }
    }
}

/// Sections without the local peer do nothing. That is said where nothing is wrong.
pub(super) fn judge_incomplete(load: &mut Load<'_>) {
    let local = local_name(load);
    // Tables of these sections are made behind.
    let counts = |said: &Diagnostic| said.severity == Severity::Alert;
    let wrong = load.whole.iter().any(|(_, said)| counts(said))
        || load.out.iter().any(|said| counts(said) && said.step != steps::PEERS);
    for section in load.peers.iter().rev().filter(|_| !wrong) {
        if !section.disabled && !section.peers.contains(&local) {
            let name = &section.name;
            let message = format!("Removing incomplete section 'peers {name}' (no peer named '{local}').");
            load.out.push(warning(section.at, message).step(steps::AGAIN));
        }
    }
}

fn shared(load: &Load<'_>, table: &StickTable, local: &str) -> Option<Diagnostic> {
    let wanted = table.peers.as_ref()?;
    let proxy = &table.spec.name;
    let Some(section) = load.peers.iter().find(|p| p.name == *wanted) else {
        return Some(alert(table.at, format!("Proxy '{proxy}': unable to find sync peers '{wanted}'.")));
    };
    let lost = !section.disabled && !section.has_lines && !section.peers.iter().any(|p| p == local);
    lost.then(|| {
        let message =
            format!("Proxy '{proxy}': unable to find local peer '{local}' in peers section '{wanted}'.");
        alert(table.at, message)
    })
}

fn write_to(load: &Load<'_>, table: &StickTable) -> Option<Diagnostic> {
    let target = table.spec.write_to.as_ref()?;
    let (name, kind) = (&table.spec.name, table.spec.key_type);
    let fault = match load.conf.tables.iter().find(|t| t.spec.name == *target) {
        None => format!("write-to: table '{target}' doesn't exist."),
        Some(other) if other.spec.key_type.name() != kind.name() => format!(
            "write-to: cannot mix table types ('{target}' has '{}' type and '{name}' has '{}' type).",
            other.spec.key_type.name(),
            kind.name()
        ),
        Some(_) => return None,
    };
    let message = match &table.section {
        None => format!("Proxy '{name}': failed to initialize stick-table: {fault}"),
        Some(_) => {
            let at = place(load.sources, table.at);
            format!("Parsing [{at}]: failed to initialize '{name}' stick-table: {fault}")
        }
    };
    Some(alert(table.at, message))
}

fn local_name(load: &Load<'_>) -> String {
    let own = load.conf.global.localpeer.clone();
    let named = || load.outside.variable(b"HAPROXY_LOCALPEER");
    own.or_else(|| named().and_then(|name| String::from_utf8(name).ok())).unwrap_or_default()
}

fn table(ctx: &mut ListCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let List::Peers(draft) = &mut ctx.list else { return Ok(()) };
    let name = line.arg(0).map(Word::text).unwrap_or_default().into_owned();
    let section = draft.section.name.clone();
    let full = format!("{section}/{name}");
    if let Some(at) = draft.tables.iter().position(|t| t.spec.name == full) {
        let at = draft.places.get(at).cloned().unwrap_or_default();
        let message =
            format!("stick-table name '{name}' conflicts with table declared in peers '{section}' at {at}.");
        return Err(line.alert(message));
    }
    let words = line.args().get(1..).unwrap_or_default();
    let mut table = stick_table::read(line, words, "table", full, ctx.out)?;
    table.section = Some(section);
    draft.tables.push(table);
    draft.places.push(place(ctx.sources, line.span));
    Ok(())
}

fn peer(ctx: &mut ListCtx<'_>, line: &Line, needs_address: bool) -> Result<(), Diagnostic> {
    let List::Peers(draft) = &mut ctx.list else { return Ok(()) };
    let (keyword, name) = (line.name(), line.arg(0).map(Word::text).unwrap_or_default().into_owned());
    if needs_address && line.arg(1).is_none() {
        let message = format!("'{keyword} {name}' : ignoring invalid peer definition (missing address:port)");
        ctx.out.push(line.warning(message));
        return Ok(());
    }
    if name != draft.local && line.arg(1).is_some() {
        draft.section.elsewhere.push((line.span, format!("{keyword} {name}")));
    }
    draft.section.peers.push(name);
    Ok(())
}

fn disable(ctx: &mut ListCtx<'_>, disabled: bool) -> Result<(), Diagnostic> {
    if let List::Peers(draft) = &mut ctx.list {
        draft.section.disabled = disabled;
    }
    Ok(())
}
