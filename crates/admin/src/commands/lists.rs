//! Commands about the lists of patterns of ACLs and maps (management manual, 9.3).
//!
//! Each command exists twice, for ACLs and for maps; `Kind` says which it was.

use std::io::Write as _;
use std::sync::Arc;

use weir_engine::conf::CliLevel::Admin;
use weir_expr::pattern::{Comparing, Entry, ListError, MapOutput, Method, PatternList, View, Which, split};
use weir_expr::{Scratch, Value};

use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    use Kind::{Acl, Map};
    vec![
        command("add acl", "[@<ver>] <acl> <pattern>", Admin, "add an acl entry", |c| add(c, Acl)),
        command(
            "add map",
            "[@<ver>] <map> <key> <val>",
            Admin,
            "add a map entry (payload supported instead of key/val)",
            |c| add(c, Map),
        ),
        command("clear acl", "[@<ver>] <acl>", Admin, "clear the contents of this acl", |c| clear(c, Acl)),
        command("clear map", "[@<ver>] <map>", Admin, "clear the contents of this map", |c| clear(c, Map)),
        command("commit acl", "@<ver> <acl>", Admin, "commit the ACL at this version", |c| commit(c, Acl)),
        command("commit map", "@<ver> <map>", Admin, "commit the map at this version", |c| commit(c, Map)),
        command("del acl", "<acl> [<key>|#<ref>]", Admin, "delete acl entries matching <key>", |c| {
            del(c, Acl)
        }),
        command("del map", "<map> [<key>|#<ref>]", Admin, "delete map entries matching <key>", |c| {
            del(c, Map)
        }),
        command("get acl", "<acl> <value>", Admin, "report the patterns matching a sample for an ACL", |c| {
            look_up(c, Acl)
        }),
        command(
            "get map",
            "<map> <value>",
            Admin,
            "report the keys and values matching a sample for a map",
            |c| look_up(c, Map),
        ),
        command("prepare acl", "<acl>", Admin, "prepare a new version for atomic ACL replacement", |c| {
            prepare(c, Acl)
        }),
        command("prepare map", "<map>", Admin, "prepare a new version for atomic map replacement", |c| {
            prepare(c, Map)
        }),
        command("set map", "<map> [<key>|#<ref>] <value>", Admin, "modify a map entry", set),
        command(
            "show acl",
            "[@<ver>] <acl>",
            Admin,
            "report available acls or dump an acl's contents",
            |c| show(c, Acl),
        ),
        command("show map", "[@<ver>] [map]", Admin, "report available maps or dump a map's contents", |c| {
            show(c, Map)
        }),
    ]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Acl,
    Map,
}

// === impl Kind ===

impl Kind {
    const fn unknown(self) -> &'static str {
        match self {
            Self::Acl => "Unknown ACL identifier. Please use #<id> or <file>.",
            Self::Map => "Unknown map identifier. Please use #<id> or <file>.",
        }
    }

    const fn missing(self) -> &'static str {
        match self {
            Self::Acl => "Missing ACL identifier.",
            Self::Map => "Missing map identifier.",
        }
    }
}

/// The version that the first word names, `@1`, and how many words it took.
fn version(call: &Call<'_, World>) -> (Option<u32>, usize) {
    match call.arg(0).strip_prefix('@') {
        // What is no number is the version in use, as the reference reads it.
        Some(digits) => (digits.parse().ok(), 1),
        None => (None, 0),
    }
}

/// The list that a word names, by its number or its file.
fn named(call: &Call<'_, World>, kind: Kind, at: usize) -> Option<Arc<PatternList>> {
    let patterns = call.world.engine.snapshot().patterns.clone();
    let word = call.arg(at);
    if let Some(number) = word.strip_prefix('#') {
        let number: u32 = number.parse().ok()?;
        let lists = patterns.numbered();
        let found = lists.into_iter().find(|(id, l)| *id == number && l.is_map == (kind == Kind::Map));
        return found.map(|(_, list)| list);
    }
    let is_map = kind == Kind::Map;
    patterns.find(&word, is_map).or_else(|| patterns.find(&format!("opt@{word}"), is_map))
}

/// The entries that a word means: `#0x...` one by its id, else those with this pattern.
fn which(word: &[u8]) -> Which<'_> {
    let id = || {
        let hex = std::str::from_utf8(word.strip_prefix(b"#0x")?).ok()?;
        u64::from_str_radix(hex, 16).ok()
    };
    id().map_or(Which::Key(word), Which::Id)
}

fn show(call: &mut Call<'_, World>, kind: Kind) -> Outcome {
    let (version, at) = version(call);
    if !call.has(0) {
        return overview(call, kind);
    }
    let Some(list) = named(call, kind, at) else { return call.fail(kind.unknown()) };
    for Entry { id, key, value, .. } in list.entries(version) {
        let _ = write!(call.out, "{id:#x} ");
        call.out.extend_from_slice(&key);
        if kind == Kind::Map {
            call.out.push(b' ');
            call.out.extend_from_slice(&value);
        }
        call.out.push(b'\n');
    }
    Outcome::Done
}

fn overview(call: &mut Call<'_, World>, kind: Kind) -> Outcome {
    call.say("# id (file) description");
    let patterns = call.world.engine.snapshot().patterns.clone();
    for (id, list) in patterns.numbered().iter().filter(|(_, l)| l.is_map == (kind == Kind::Map)) {
        let s = list.summary();
        let file = list.name.strip_prefix("opt@").unwrap_or(&list.name);
        let (version, next, entries) = (s.version, s.next, s.entries);
        call.say(format!(
            "{id} ({file}) {}. curr_ver={version} next_ver={next} entry_cnt={entries}",
            s.description
        ));
    }
    Outcome::Done
}

fn add(call: &mut Call<'_, World>, kind: Kind) -> Outcome {
    const MAP_USAGE: &str = "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload";
    const ACL_USAGE: &str = "'add acl' expects two parameters: ACL identifier and pattern.";
    let (version, at) = version(call);
    let payload = call.payload.filter(|_| kind == Kind::Map);
    let complete = match kind {
        Kind::Acl => call.has(at + 1),
        Kind::Map => payload.is_some() || call.has(at + 2),
    };
    if !complete {
        return call.fail(if kind == Kind::Map { MAP_USAGE } else { ACL_USAGE });
    }
    let Some(list) = named(call, kind, at) else { return call.fail(kind.unknown()) };
    if let Some(payload) = payload {
        return add_lines(call, &list, payload, version);
    }
    let word = |n: usize| call.args.get(at + n).map(Vec::as_slice).unwrap_or_default();
    let value = if kind == Kind::Map { word(2) } else { b"" };
    match list.add(word(1), value, version) {
        Ok(()) => Outcome::Done,
        Err(error) => call.fail(told(error, kind, "")),
    }
}

fn add_lines(
    call: &mut Call<'_, World>,
    list: &PatternList,
    payload: &[u8],
    version: Option<u32>,
) -> Outcome {
    for line in payload.split(|c| *c == b'\n').filter(|line| !line.is_empty()) {
        let (key, value) = split(line);
        if key.len() == line.len() {
            return call.fail(format!("Missing value for key '{}'.", String::from_utf8_lossy(key)));
        }
        if let Err(error) = list.add(key, value, version) {
            return call.fail(told(error, Kind::Map, ""));
        }
    }
    Outcome::Done
}

fn set(call: &mut Call<'_, World>) -> Outcome {
    if !call.has(2) {
        return call.fail("'set map' expects three parameters: map identifier, key and value.");
    }
    let Some(list) = named(call, Kind::Map, 0) else { return call.fail(Kind::Map.unknown()) };
    let word = |n: usize| call.args.get(n).map(Vec::as_slice).unwrap_or_default();
    let which = which(word(1));
    let missing =
        if matches!(which, Which::Id(_)) { "key or pattern not found." } else { "entry not found." };
    match list.set(which, word(2)) {
        Ok(()) => Outcome::Done,
        Err(error) => call.fail(told(error, Kind::Map, missing)),
    }
}

fn del(call: &mut Call<'_, World>, kind: Kind) -> Outcome {
    if !call.has(1) {
        return call.fail(match kind {
            Kind::Map => "This command expects two parameters: map identifier and key.",
            Kind::Acl => "This command expects two parameters: ACL identifier and key.",
        });
    }
    let Some(list) = named(call, kind, 0) else { return call.fail(kind.unknown()) };
    match list.delete(which(call.args.get(1).map(Vec::as_slice).unwrap_or_default())) {
        Ok(()) => Outcome::Done,
        Err(error) => call.fail(told(error, kind, "Key not found.")),
    }
}

fn clear(call: &mut Call<'_, World>, kind: Kind) -> Outcome {
    let (version, at) = version(call);
    if !call.has(at) {
        return call.fail(kind.missing());
    }
    let Some(list) = named(call, kind, at) else { return call.fail(kind.unknown()) };
    list.clear(version);
    Outcome::Done
}

fn prepare(call: &mut Call<'_, World>, kind: Kind) -> Outcome {
    let Some(list) = named(call, kind, 0) else { return call.fail(kind.unknown()) };
    let version = list.prepare();
    call.tell(Severity::Info, format!("New version created: {version}"))
}

fn commit(call: &mut Call<'_, World>, kind: Kind) -> Outcome {
    let (version, at) = version(call);
    if at == 0 {
        return call.fail("Missing version number.");
    }
    if !call.has(at) {
        return call.fail(kind.missing());
    }
    let Some(list) = named(call, kind, at) else { return call.fail(kind.unknown()) };
    match list.commit(version.unwrap_or(0)) {
        Ok(()) => Outcome::Done,
        Err(error) => call.fail(told(error, kind, "")),
    }
}

/// An error in the reference's words; `missing` where there is no such entry.
fn told(error: ListError, kind: Kind, missing: &str) -> String {
    match error {
        ListError::Invalid(message) => format!("{}.", message.trim_end_matches('.')),
        ListError::NotFound => missing.to_owned(),
        ListError::Future => {
            let kind = if kind == Kind::Map { "map" } else { "acl" };
            format!("Version number in the future, please use 'prepare {kind}' before.")
        }
        ListError::OutOfRange => "Version number out of range.".to_owned(),
    }
}

fn look_up(call: &mut Call<'_, World>, kind: Kind) -> Outcome {
    if !call.has(1) {
        return call.fail(match kind {
            Kind::Map => "Missing map identifier and/or key.",
            Kind::Acl => "Missing ACL identifier and/or key.",
        });
    }
    let Some(list) = named(call, kind, 0) else { return call.fail(kind.unknown()) };
    let sample = call.args.get(1).cloned().unwrap_or_default();
    let scratch = Scratch::new();
    for view in &list.views() {
        explain(call.out, kind, &list, view, &sample, &scratch);
    }
    Outcome::Done
}

/// One line on how a view looked for a sample and what it found.
fn explain(out: &mut Vec<u8>, kind: Kind, list: &PatternList, view: &View, sample: &[u8], scratch: &Scratch) {
    let comparing = view.comparing();
    let (method, folded) = (comparing.method, comparing.ignore_case);
    let name = if comparing.output == Some(MapOutput::Groups) { "regm" } else { method.name() };
    let case = if folded { "insensitive" } else { "sensitive" };
    let _ = write!(out, "type={name}, case={case}, ");
    let value = cast(comparing, sample);
    let verb = if kind == Kind::Map { "found" } else { "match" };
    if method == Method::Bool && value.and_then(Value::to_bool) == Some(true) {
        let _ = writeln!(out, "{verb}=yes, idx=tree, pattern=unknown");
        return;
    }
    let Some((entry, found)) = value
        .and_then(|value| view.look_up(value, scratch))
        .and_then(|found| Some((list.entry(found.number)?, found)))
    else {
        let _ = writeln!(out, "{verb}=no");
        return;
    };
    let tree = !folded && matches!(method, Method::Str | Method::Beg | Method::Ip);
    let _ = write!(out, "{verb}=yes, idx={}, ", if tree { "tree" } else { "list" });
    out.extend_from_slice(if kind == Kind::Map { b"key=\"" } else { b"pattern=\"" });
    out.extend_from_slice(&entry.key);
    out.push(b'"');
    if kind == Kind::Map {
        out.extend_from_slice(b", value=\"");
        out.extend_from_slice(&entry.value);
        let _ = write!(out, "\", type=\"{}\"", found.kind.unwrap_or("str"));
    }
    out.push(b'\n');
}

/// The sample as the type that the method compares.
fn cast(comparing: Comparing, sample: &[u8]) -> Option<Value<'_>> {
    let text = || std::str::from_utf8(sample).ok();
    match comparing.method {
        Method::Int | Method::Bool => text()?.parse().ok().map(Value::Sint),
        Method::Ip => text()?.parse().ok().map(Value::from_ip),
        _ => Some(Value::Str(sample)),
    }
}
