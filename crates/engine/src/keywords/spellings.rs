//! How header names are written for peers that insist: words of `global` (manual, 3.1 "h1-case-adjust").

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections};
use weir_diag::{Diagnostic, Form, Severity};

use super::process::{path, put};
use super::resolve::Load;
use super::{GlobalCtx, GlobalFn};

/// The lines of this file.
pub(super) const SPELLINGS: &[Keyword<GlobalFn>] = &[
    Keyword::works(
        entry("h1-case-adjust", Arity::between(0, 2), "how a header name is written"),
        case_adjust,
    ),
    Keyword::works(
        entry("h1-case-adjust-file", Arity::between(0, 1), "file of how header names are written"),
        |c, line| {
            let path = path(line, "'h1-case-adjust-file' expects <file> as argument.")?;
            put(Some((path, line.span)), &mut c.global.h1_case_file)
        },
    ),
];

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, help)
}

/// Adds the spellings that the file holds, when all of the configuration is read.
pub(super) fn read(load: &mut Load<'_>) {
    let named = load.conf.global.h1_case_file.take().filter(|_| !load.out.is_fatal());
    let Some((path, at)) = named else { return };
    let fault = |text: String| {
        let message = format!("h1-headers-case-adjust-file '{}'{text}", path.display());
        Diagnostic::new(Severity::Alert, Some(at), message).form(Form::Bare)
    };
    let Ok(text) = load.outside.read(&path) else {
        load.out.push(fault(": failed to open file.".to_owned()));
        return;
    };
    for (number, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Err(wrong) = add(load, line) {
            load.out.push(fault(format!(" : {wrong} at line {}.", number + 1)));
            return;
        }
    }
}

/// Adds what a line of the file says: the name in any case, and as it is written.
fn add(load: &mut Load<'_>, line: &str) -> Result<(), String> {
    let (from, to) = line.split_once([' ', '\t']).ok_or("expect <to>")?;
    if !from.eq_ignore_ascii_case(to.trim_start()) {
        return Err("<from> and <to> must not differ except the case".to_owned());
    }
    let spelling = to.trim_start().as_bytes().to_vec();
    match load.conf.global.h1_case_adjust.insert(from.to_ascii_lowercase().into_bytes(), spelling) {
        None => Ok(()),
        Some(_) => Err(format!("duplicate entry '{from}'")),
    }
}

fn case_adjust(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let [from, to, ..] = line.args() else {
        return Err(line.alert("'h1-case-adjust' expects <from> and <to> as argument."));
    };
    if !from.bytes.eq_ignore_ascii_case(&to.bytes) {
        return Err(to.alert("<from> and <to> must not differ except the case"));
    }
    let lower = from.bytes.to_ascii_lowercase();
    if ctx.global.h1_case_adjust.contains_key(&lower) {
        return Err(from.alert(format!("duplicate entry for '{}'", from.text())));
    }
    ctx.global.h1_case_adjust.insert(lower, to.bytes.to_vec());
    Ok(())
}
