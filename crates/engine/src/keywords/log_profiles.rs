//! `log-profile` sections, and `log-steps` (manual, 4.2 and 8.3.5).

use weir_config::{Arity, Class, Entry, Keyword, Line, Section, Sections, values};
use weir_diag::{Diagnostic, Diagnostics, Form, Sources, Span};

use super::resolve::place;
use super::{Draft, List, ListCtx, ListFn};
use crate::conf::{LogOverride, LogProfileStep, LogStep};

/// The lines of the section.
pub(super) const LOG_PROFILE: &[Keyword<ListFn>] = &[
    Keyword::works(entry("log-tag", "the program's name in its lines"), |ctx, line| {
        let Some(word) = line.arg(0) else {
            return Err(line.alert("'log-tag' expects a tag for use in syslog."));
        };
        if let List::Profile(profile) = &mut ctx.list {
            profile.tag = Some(word.text().into_owned());
        }
        Ok(())
    }),
    Keyword::works(entry("on", "what becomes of the line of a step"), on),
];

/// The steps of a `log-steps` line; `all` is all of them.
pub(super) fn steps(line: &Line) -> Result<Option<Vec<LogStep>>, Diagnostic> {
    let Some(word) = line.arg(0) else { return Ok(None) };
    if word.is("all") {
        return Ok(Some(LogStep::ALL.to_vec()));
    }
    let list = word.bytes.strip_suffix(b",").filter(|l| !l.is_empty()).unwrap_or(&word.bytes);
    let step = |name: &[u8]| {
        LogStep::named(name).ok_or_else(|| {
            let known: Vec<&str> = LogStep::ALL.iter().map(|s| s.name()).collect();
            word.alert(format!(
                "invalid log step name ({}). Expected values are: {}",
                String::from_utf8_lossy(name),
                known.join(", ")
            ))
        })
    };
    list.split(|c| *c == b',').map(step).collect::<Result<_, _>>().map(Some)
}

/// The name of a section, judged against those before it.
pub(super) fn name(
    section: &Section,
    known: &[(String, Span)],
    sources: &Sources,
) -> Result<String, Diagnostic> {
    let header = &section.header;
    let name = match header.words.get(1..) {
        Some([name]) => name.text().into_owned(),
        Some([_, extra, ..]) => {
            let extra_text = extra.text();
            return Err(
                extra.alert(format!("'log-profile' cannot handle unexpected argument '{extra_text}'."))
            );
        }
        _ => return Err(header.alert("missing name for log-profile section.")),
    };
    if let Some(bad) = values::invalid_character(name.as_bytes()) {
        return Err(
            header.alert(format!("character '{bad}' is not permitted in 'log-profile' name '{name}'."))
        );
    }
    if let Some((_, at)) = known.iter().find(|(other, _)| *other == name) {
        let message = format!(
            "log-profile section '{name}' has the same name as another log-profile section declared at {}.",
            place(sources, *at)
        );
        return Err(header.alert(message).form(Form::LateConfig).related(*at, "first declared here"));
    }
    Ok(name)
}

/// Says which rules of a proxy name a profile that does not exist.
pub(super) fn judge_rules(draft: &Draft, known: &[String], out: &mut Diagnostics) {
    for rule in &draft.rules {
        let mut words = rule.line.words.iter().skip_while(|w| !w.is("do-log")).skip(1);
        if !words.next().is_some_and(|w| w.is("profile")) {
            continue;
        }
        let Some(name) = words.next() else { continue };
        if !known.iter().any(|k| k.as_bytes() == &*name.bytes) {
            let (proxy, shown) = (&draft.proxy.name, name.text());
            let message = format!("Proxy '{proxy}': do-log action: profile '{shown}' is invalid.");
            out.push(name.alert(message).form(Form::Bare));
        }
    }
}

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::LOG_PROFILE, Arity::ANY, help)
}

/// `on STEP [drop] [format FMT] [sd FMT]`
fn on(ctx: &mut ListCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some((word, mut rest)) = line.args().split_first() else {
        return Err(line.alert("'on' expects a log step.").tight());
    };
    let step = match &*word.bytes {
        b"any" => LogProfileStep::Any,
        b"error" => LogProfileStep::Error,
        name => match LogStep::named(name) {
            Some(step) => LogProfileStep::At(step),
            None => return Err(word.alert("'on' expects a log step.").tight()),
        },
    };
    let step_name = word.text();
    let expects = || line.alert(format!("'on {step_name}' expects 'drop', 'format' or 'sd'."));
    let mut own = LogOverride::default();
    if rest.is_empty() {
        return Err(expects());
    }
    while let Some((name, tail)) = rest.split_first() {
        rest = tail;
        if name.is("drop") && !own.drop && own.format.is_none() && own.structured.is_none() {
            own.drop = true;
            continue;
        }
        let slot = match &*name.bytes {
            b"format" => &mut own.format,
            b"sd" => &mut own.structured,
            _ => return Err(expects()),
        };
        let Some((format, tail)) = rest.split_first() else {
            let name = name.text();
            return Err(line.alert(format!("'on {step_name} {name}' expects a logformat string.")));
        };
        *slot = Some((format.text().into_owned(), format.span));
        rest = tail;
    }
    if let List::Profile(profile) = &mut ctx.list {
        profile.steps.retain(|(known, _)| *known != step);
        profile.steps.push((step, own));
    }
    Ok(())
}
