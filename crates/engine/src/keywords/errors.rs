//! Answers of our own that a user replaces: `errorfile`, `errorloc*`, `errorfiles`, and the `http-errors`
//! sections (manual, 4.2 and 12.4).

use std::path::Path;
use std::sync::Arc;

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word, values};
use weir_diag::{Diagnostic, Diagnostics, Severity};

use super::cross::{alert, warning};
use super::resolve::{Load, place};
use super::{Draft, ErrorLine, List, ListFn, Outside, ProxyCtx, ProxyFn};
use crate::conf::{ErrorFile, ErrorSource, RedirectCode};

/// The lines of a proxy.
pub(super) const ERRORS: &[Keyword<ProxyFn>] = &[
    Keyword::works(proxy("errorfile", "a file that is sent in the place of an error"), |ctx, line| {
        if line.args().len() > 2 {
            return Err(line.alert("errorfile : expects exactly two arguments."));
        }
        let bufsize = ctx.global.tune.bufsize;
        let file = error_file(line, "errorfile :", ctx.outside, bufsize, ctx.out)?;
        ctx.draft.errors.push(ErrorLine::File(file));
        Ok(())
    }),
    Keyword::works(
        proxy("errorloc", "a URL that clients are sent to in the place of an error"),
        |ctx, line| redirect(ctx, line, RedirectCode::Found302),
    ),
    Keyword::works(proxy("errorloc302", "as errorloc, with the same method"), |ctx, line| {
        redirect(ctx, line, RedirectCode::Found302)
    }),
    Keyword::works(proxy("errorloc303", "as errorloc, with GET"), |ctx, line| {
        redirect(ctx, line, RedirectCode::SeeOther303)
    }),
    Keyword::works(proxy("errorfiles", "answers of an http-errors section"), errorfiles),
];

/// The lines of an `http-errors` section.
pub(super) const HTTP_ERRORS: &[Keyword<ListFn>] = &[Keyword::works(
    Entry::new(Class::Proxy, "errorfile", Sections::HTTP_ERRORS, Arity::ANY, "an answer of the section"),
    |ctx, line| {
        let file = error_file(line, "errorfile:", ctx.outside, BUFSIZE, ctx.out)?;
        if let List::Errors(section) = &mut ctx.list {
            section.files.push(file);
        }
        Ok(())
    },
)];

const fn proxy(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::PROXIES, Arity::ANY, help)
}

/// The statuses of answers that the program makes by itself.
const STATUSES: [u16; 21] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504];

/// The size that a file is cut to in an `http-errors` section, where `tune.bufsize` is not known.
const BUFSIZE: usize = 16384;

fn status(word: &Word, prefix: &str) -> Result<u16, Diagnostic> {
    let n = values::leading_integer(&word.bytes);
    u16::try_from(n).ok().filter(|n| STATUSES.contains(n)).ok_or_else(|| {
        word.alert(format!("{prefix} status code '{n}' not handled."))
            .hint(format!("the codes are {}", STATUSES.map(|s| s.to_string()).join(", ")))
    })
}

fn error_file(
    line: &Line,
    missing: &str,
    outside: &dyn Outside,
    bufsize: usize,
    out: &mut Diagnostics,
) -> Result<ErrorFile, Diagnostic> {
    let [code, file, ..] = line.args() else {
        return Err(line.alert(format!("{missing} expects <status_code> and <file> as arguments.")));
    };
    let status = status(code, "errorfile :")?;
    let path = file.text().into_owned();
    let mut bytes = outside
        .read(Path::new(&path))
        .map_err(|_| file.alert(format!("errorfile : error opening file '{path}'.")))?;
    if bytes.len() > bufsize {
        out.push(
            Diagnostic::new(
                Severity::Warning,
                Some(file.span),
                format!("custom error message file '{path}' larger than {bufsize} bytes. Truncating."),
            )
            .form(weir_diag::Form::Config),
        );
        bytes.truncate(bufsize);
    }
    if let Some(fault) = message_fault(&bytes) {
        return Err(file.alert(format!("errorfile : '{path}': {fault}")));
    }
    let source = ErrorSource::File { path, bytes: Arc::from(bytes) };
    Ok(ErrorFile { status, source, at: line.span })
}

/// What keeps bytes from being an HTTP/1 response; nothing at all is one, too: then nothing is sent.
fn message_fault(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return None;
    }
    let is_response = bytes.starts_with(b"HTTP/1.")
        && bytes.get(8) == Some(&b' ')
        && bytes.get(9..12).is_some_and(|code| code.iter().all(u8::is_ascii_digit));
    if !is_response {
        return Some("unable to parse headers (error offset: 0)".to_owned());
    }
    let mut length = None;
    let mut rest = bytes;
    loop {
        let Some(end) = rest.iter().position(|&b| b == b'\n') else {
            return Some("unable to parse headers (error offset: 0)".to_owned());
        };
        let (line, after) = rest.split_at_checked(end + 1)?;
        rest = after;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            break;
        }
        if let Some(colon) = line.iter().position(|&b| b == b':')
            && let Some((name, value)) = line.split_at_checked(colon)
            && name.eq_ignore_ascii_case(b"content-length")
        {
            let value = value.strip_prefix(b":").unwrap_or(value);
            length = usize::try_from(values::leading_integer(value)).ok();
        }
    }
    let length = length?;
    (length != rest.len()).then(|| {
        format!("payload size does not match the announced content-length ({} != {length})", rest.len())
    })
}

fn redirect(ctx: &mut ProxyCtx<'_>, line: &Line, code: RedirectCode) -> Result<(), Diagnostic> {
    let name = line.name();
    let (status, location) = match line.args() {
        [status, location] => (status, location),
        [_, _, _, ..] => return Err(line.alert(format!("{name} : expects exactly two arguments."))),
        _ => return Err(line.alert(format!("{name} : expects <status_code> and <url> as arguments."))),
    };
    let status = self::status(status, &format!("{name} :"))?;
    let source = ErrorSource::Redirect { code, location: location.text().into_owned() };
    ctx.draft.errors.push(ErrorLine::File(ErrorFile { status, source, at: line.span }));
    Ok(())
}

fn errorfiles(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some((name, codes)) = line.args().split_first() else {
        return Err(line.alert("errorfiles : expects <name> as argument."));
    };
    let statuses: Result<Vec<u16>, Diagnostic> = codes.iter().map(|w| status(w, "errorfiles :")).collect();
    let name = name.text().into_owned();
    ctx.draft.errors.push(ErrorLine::Section { name, statuses: statuses?, at: line.span });
    Ok(())
}

/// The answers that a proxy names by section, in the order of its lines; a later one for a status wins.
pub(super) fn error_files(draft: &mut Draft, load: &mut Load<'_>) {
    let kind = "proxy";
    let name = draft.proxy.name.clone();
    for line in std::mem::take(&mut draft.errors) {
        match line {
            ErrorLine::File(file) => draft.proxy.error_files.push(file),
            ErrorLine::Section { name: wanted, statuses, at } => {
                let here = place(load.sources, at);
                let Some(section) = load.conf.http_errors.iter().find(|s| s.name == wanted) else {
                    load.out.push(alert(
                        at,
                        format!("{kind} '{name}': unknown http-errors section '{wanted}' (at {here})."),
                    ));
                    continue;
                };
                for status in &statuses {
                    if !section.files.iter().any(|f| f.status == *status) {
                        load.out.push(warning(
                            at,
                            format!(
                                "config: {kind} '{name}' : status '{status}' not declared in http-errors section '{wanted}' (at {here})."
                            ),
                        ));
                    }
                }
                let files = section.files.iter();
                let files = files.filter(|f| statuses.is_empty() || statuses.contains(&f.status));
                draft.proxy.error_files.extend(files.cloned());
            }
        }
    }
}
