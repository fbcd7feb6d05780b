//! The `healthcheck` section and its users (manual, 12.9 and 5.2 "healthcheck").

use std::sync::Arc;

use weir_config::{Arity, Class, Entry, Keyword, Line, Section, Sections, Word, values};
use weir_diag::{Diagnostic, Diagnostics, Form, Span};

use super::super::resolve::{Load, place};
use super::super::{Draft, ProxyCtx, ProxyFn};
use super::draft::Method;
use super::{http, protocols, tcp};
use crate::conf::{Caps, Proxy, Ruleset};

/// The lines of this file.
pub(in super::super) const SECTION: &[Keyword<ProxyFn>] = &[Keyword::works(
    Entry::new(Class::Proxy, "type", Sections::HEALTHCHECK, Arity::ANY, "what a check speaks"),
    kind,
)];

/// Reads a section.
pub(in super::super) fn healthcheck(load: &mut Load<'_>, section: &Section) {
    let header = &section.header;
    let Some(word) = header.words.get(1) else {
        return load.out.push(header.alert("missing name for healthcheck section."));
    };
    let name = word.text().into_owned();
    if let Some(bad) = values::invalid_character(name.as_bytes()) {
        return load
            .out
            .push(word.alert(format!("character '{bad}' is not permitted in 'healthcheck' name '{name}'.")));
    }
    let name = format!("{PREFIX}{name}");
    if let Some(first) = load.healthchecks.iter().find(|draft| draft.proxy.name == name) {
        let (at, name) = (first.proxy.at, word.text());
        let first = place(load.sources, at);
        return load.out.push(
            header
                .alert(format!("healthcheck section '{name}' already defined at {first}."))
                .related(at, "first defined here"),
        );
    }
    let mut draft = Draft::new(Proxy::new(name, Caps::BACKEND, header.span), "healthcheck");
    load.lines(section, &mut draft, Sections::HEALTHCHECK, "healthcheck");
    for (rules, _, _) in draft.checks.unused() {
        // HAProxy calls it an alert and loads it.
        let wanted = if rules == "http-check" { "http-check" } else { "tcp-check" };
        load.out.push(Diagnostic::complaint(
            header.span,
            format!(
                "healthcheck section '{}' : {rules} rules without 'type {wanted}', so the rules are ignored.",
                draft.proxy.name
            ),
        ));
    }
    load.healthchecks.push(draft);
}

/// `type NAME [ARGUMENTS]`
fn kind(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some((word, args)) = line.args().split_first() else {
        return Err(line.alert("'type' expects a healthcheck type."));
    };
    if !matches!(ctx.draft.checks.method, Method::None) {
        return Err(line.alert("healthcheck type already defined."));
    }
    let name = word.text();
    match &*name {
        "httpchk" => return http::httpchk(ctx, line, args, "type"),
        "tcp-check" => tcp::tcp_check(ctx),
        _ => {
            let Some((talk, rules)) = protocols::protocol(line, &name, args, "type")? else {
                return Err(word.alert(format!(
                    "unknown healthcheck type '{name}' (expects 'tcp-check', 'httpchk', 'ssl-hello-chk', 'smtpchk', \
                     'pgsql-check', 'redis-check', 'mysql-check', 'ldap-check', 'spop-check')."
                )));
            };
            ctx.draft.checks.method = Method::Protocol(talk, Arc::new(rules));
        }
    }
    Ok(())
}

/// Whether a rule fits the type of the section that it stands in.
pub(super) fn judge_rule(ctx: &ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section != Sections::HEALTHCHECK {
        return Ok(());
    }
    let rules = line.words.first().map(Word::text).unwrap_or_default();
    let talk = match &ctx.draft.checks.method {
        Method::Http if rules != "http-check" => "HTTP",
        Method::Tcp if rules != "tcp-check" => "TCP",
        Method::Protocol(name, _) => name,
        _ => return Ok(()),
    };
    Err(line.alert(format!("unable to configure '{rules}' rule for '{talk}' healthcheck")))
}

/// Finds the section that a server names; what is wrong with it.
pub(in super::super) fn judge_server(
    load: &Load<'_>,
    out: &mut Diagnostics,
    (proxy, server): (&str, &str),
    name: &Word,
    at: Span,
) -> Option<(Arc<Ruleset>, Option<&'static str>)> {
    let wanted = format!("{PREFIX}{}", name.text());
    let Some(found) = load.healthchecks.iter().find(|draft| draft.proxy.name == wanted) else {
        let here = place(load.sources, at);
        out.push(
            name.alert(format!(
                "[{here}] : 'server {proxy}/{server}' : parsing [{here}]: healthcheck section '{wanted}' not found for server '{server}'."
            ))
            .form(Form::Bare),
        );
        return None;
    };
    let checks = found.checks.clone();
    let lacking = checks.lacks_port();
    Some((checks.rules(), lacking))
}

/// What the reference puts before the names of these sections.
const PREFIX: &str = "*healthcheck-";
