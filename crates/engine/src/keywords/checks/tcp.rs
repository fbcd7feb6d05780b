//! Checks by script: `option tcp-check` and `tcp-check` (manual, 4.2).

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections};
use weir_diag::Diagnostic;

use super::checks::{binary, connect_words, expect_words};
use super::{ProxyCtx, ProxyFn};
use crate::conf::CheckStep;

/// The lines of this file.
pub(super) const TCP_CHECKS: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("option tcp-check", Arity::NONE, "servers are checked by a script"), |ctx, _| {
        ctx.draft.checks.scripted = true;
        Ok(())
    }),
    Keyword::works(
        entry("tcp-check comment", Arity::ANY, "a text for logs of failed checks"),
        |ctx, line| {
            let text = line
                .arg(0)
                .ok_or_else(|| line.alert("'tcp-check comment' : expects a string as argument."))?;
            let step = CheckStep::Comment(text.text().into_owned());
            add(ctx, line, step)
        },
    ),
    Keyword::works(entry("tcp-check connect", Arity::ANY, "opens a connection"), |ctx, line| {
        let (connect, comment) = connect_words(ctx, line, "tcp-check connect")?;
        add(ctx, line, CheckStep::Connect(connect, comment))
    }),
    Keyword::works(entry("tcp-check expect", Arity::ANY, "what an answer must be"), |ctx, line| {
        let patterns = &["string", "rstring", "binary", "rbinary"];
        let expect = expect_words(line, "tcp-check expect", patterns)?;
        add(ctx, line, CheckStep::Expect(expect))
    }),
    Keyword::works(entry("tcp-check send", Arity::ANY, "what a check says"), |ctx, line| {
        let text = line.arg(0).ok_or_else(|| no_text(line))?;
        let step = CheckStep::Send(text.bytes.to_vec());
        comment_only(line)?;
        add(ctx, line, step)
    }),
    Keyword::works(entry("tcp-check send-binary", Arity::ANY, "what a check says, in hex"), |ctx, line| {
        let text = line.arg(0).ok_or_else(|| no_text(line))?;
        let bytes = binary(&text.bytes).map_err(|m| {
            let text = text.text();
            line.alert(format!("'tcp-check send-binary' : '{text}' invalid binary string ({m})."))
        })?;
        let step = CheckStep::Send(bytes);
        comment_only(line)?;
        add(ctx, line, step)
    }),
];

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::DEFAULTS.union(Sections::BACKENDS), arity, help)
}

fn add(ctx: &mut ProxyCtx<'_>, line: &Line, step: CheckStep) -> Result<(), Diagnostic> {
    let rules_at = ctx.draft.checks.rules_at;
    ctx.draft.checks.own_rules(line.span);
    // Only lines of HTTP checks ask for `option httpchk`.
    ctx.draft.checks.rules_at = rules_at;
    ctx.draft.checks.script.push(step);
    Ok(())
}

fn no_text(line: &Line) -> Diagnostic {
    let (what, name) = match line.name().as_str() {
        "tcp-check send" => ("string", "send"),
        _ => ("binary string", "send-binary"),
    };
    line.alert(format!("'{}' : '{what}' expects a {name} as argument.", line.name()))
}

/// Behind what is sent only a comment may stand.
fn comment_only(line: &Line) -> Result<(), Diagnostic> {
    match line.arg(1) {
        Some(word) if !word.is("comment") => Err(word.alert(format!(
            "'{}' : expects 'comment' but got '{}' as argument..",
            line.name(),
            word.text()
        ))),
        _ => Ok(()),
    }
}
