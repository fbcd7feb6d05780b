//! `option external-check` and `external-check` (manual, 4.2).

use weir_config::{Keyword, Line};
use weir_diag::{Diagnostic, Diagnostics, Form, Span};

use super::super::ProxyFn;
use super::draft::{CheckDraft, Method};
use super::line as entry;
use super::protocols::plain_option;
use crate::conf::Global;

/// The lines of this file.
pub(in super::super) const PROGRAM: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("option external-check", "servers are checked by a program"), |ctx, line| {
        plain_option(line, line.args(), "option")?;
        ctx.draft.checks.method = Method::Program;
        Ok(())
    }),
    Keyword::works(entry("external-check", "the program that checks"), |_, line| {
        Err(match line.arg(0) {
            None => line.alert("missing argument after 'external-check'."),
            Some(word) => word.alert(format!(
                "'external-check' only supports 'command' and 'path'. but got '{}'.",
                word.text()
            )),
        })
    }),
    Keyword::works(entry("external-check command", "the program"), |ctx, line| {
        let text = argument(line)?;
        ctx.draft.checks.program.command = Some((text, line.span));
        Ok(())
    }),
    Keyword::works(entry("external-check path", "where programs are looked for"), |ctx, line| {
        let text = argument(line)?;
        ctx.draft.checks.program.path = Some((text, line.span));
        Ok(())
    }),
];

fn argument(line: &Line) -> Result<String, Diagnostic> {
    let name = line.name();
    let own = name.trim_start_matches("external-check ");
    let Some(word) = line.arg(0) else {
        return Err(line.alert(format!("missing argument after '{own}'.")));
    };
    if let Some(extra) = line.arg(1) {
        let extra_text = extra.text();
        return Err(
            extra.alert(format!("'external-check' cannot handle unexpected argument '{extra_text}'."))
        );
    }
    Ok(word.text().into_owned())
}

/// Judges the lines of a proxy against `global`, and against each other.
pub(in super::super) fn judge(
    out: &mut Diagnostics,
    global: &Global,
    (kind, proxy, at): (&str, &str, Span),
    checks: &CheckDraft,
) {
    let program = &checks.program;
    let alert = |message: String| Diagnostic::alert(at, message).form(Form::Bare);
    let option = "'option external-check'";
    let relative = program.command.as_ref().is_some_and(|(command, _)| !command.starts_with('/'));
    let lost = (relative && program.path.is_none()).then(|| {
        alert(format!(
            "Proxy '{proxy}': 'external-check command' does not have a leading '/' and 'external-check path' is not set."
        ))
    });
    if !checks.is_program() {
        for (word, said) in [("command", &program.command), ("path", &program.path)] {
            if let Some((_, at)) = said {
                let message = format!(
                    "'external-check {word}' will be ignored for {kind} '{proxy}' (requires {option})."
                );
                out.push(Diagnostic::warning(*at, message).form(Form::Bare));
            }
        }
        out.extend(lost);
        return;
    }
    if !global.external_check {
        out.push(alert(format!(
            "Proxy '{proxy}' : {option} unable to find required 'global.external-check'."
        )));
    }
    if program.command.is_none() {
        let missing = "unable to find required 'external-check command'.";
        out.push(alert(format!("Proxy '{proxy}' : {option} {missing}")));
    }
    if !global.fork_wanted {
        let message = format!(
            "Proxy '{proxy}' : 'insecure-fork-wanted' not enabled in the global section, {option} will likely fail."
        );
        out.push(Diagnostic::warning(at, message).form(Form::Bare));
    }
    out.extend(lost);
}
