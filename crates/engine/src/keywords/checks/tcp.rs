//! `option tcp-check` and `tcp-check` (manual, 4.2).

use weir_config::{Keyword, Line, Word};
use weir_diag::Diagnostic;

use super::super::{ProxyCtx, ProxyFn};
use super::draft::Method;
use super::protocols::plain_option;
use super::words::{self, Dialect, binary};
use super::{line as entry, rule, section};
use crate::conf::{CheckAct, CheckSend, Computed};

/// The lines of this file.
pub(in super::super) const TCP: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("option tcp-check", "servers are checked by a script"), |ctx, line| {
        plain_option(line, line.args(), "option")?;
        tcp_check(ctx);
        Ok(())
    }),
    Keyword::works(rule("tcp-check comment", "a text for logs of failed checks"), |ctx, line| {
        let text =
            line.arg(0).ok_or_else(|| line.alert("'tcp-check comment' : expects a string as argument."))?;
        add(ctx, line, CheckAct::Comment(text.text().into_owned()))
    }),
    Keyword::works(rule("tcp-check connect", "opens a connection"), |ctx, line| {
        let connect = words::connect(ctx.outside, line, Dialect::Tcp)?;
        add(ctx, line, CheckAct::Connect(connect))
    }),
    Keyword::works(rule("tcp-check expect", "what an answer must be"), |ctx, line| {
        let expect = words::expect(line, Dialect::Tcp)?;
        add(ctx, line, CheckAct::Expect(expect))
    }),
    Keyword::works(rule("tcp-check send", "what a check says"), |ctx, line| {
        send(ctx, line, "string", |text| Ok(CheckSend::Bytes(text.bytes.to_vec())))
    }),
    Keyword::works(rule("tcp-check send-binary", "what a check says, in hex"), |ctx, line| {
        send(ctx, line, "binary string", |text| {
            let bytes = binary(&text.bytes).map_err(|m| {
                let text = text.text();
                line.alert(format!("'tcp-check send-binary' : '{text}' invalid binary string ({m})."))
            })?;
            Ok(CheckSend::Bytes(bytes))
        })
    }),
    Keyword::works(rule("tcp-check send-binary-lf", "what a check says, a format in hex"), |ctx, line| {
        send(ctx, line, "string", |text| Ok(CheckSend::Binary(Computed::new(&text.bytes, text.span))))
    }),
    Keyword::works(rule("tcp-check send-lf", "what a check says, a format"), |ctx, line| {
        send(ctx, line, "string", |text| Ok(CheckSend::Text(Computed::new(&text.bytes, text.span))))
    }),
    Keyword::works(rule("tcp-check set-var", "sets a variable to a sample"), variable),
    Keyword::works(rule("tcp-check set-var-fmt", "sets a variable to a text"), variable),
    Keyword::works(rule("tcp-check unset-var", "forgets a variable"), variable),
];

/// The option that has servers checked by the script.
pub(super) fn tcp_check(ctx: &mut ProxyCtx<'_>) {
    ctx.draft.checks.method = Method::Tcp;
    ctx.draft.checks.tcp.unasked = None;
}

fn add(ctx: &mut ProxyCtx<'_>, line: &Line, act: CheckAct) -> Result<(), Diagnostic> {
    section::judge_rule(ctx, line)?;
    let checks = &mut ctx.draft.checks;
    checks.tcp.add_tcp(line, act)?;
    if !matches!(checks.method, Method::Tcp) {
        checks.tcp.unasked.get_or_insert(line.span);
    }
    Ok(())
}

fn variable(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    add(ctx, line, CheckAct::Variable(words::variable(line)?))
}

/// A `send` line: what is sent, and at most a comment behind it.
fn send(
    ctx: &mut ProxyCtx<'_>,
    line: &Line,
    what: &str,
    read: impl FnOnce(&Word) -> Result<CheckSend, Diagnostic>,
) -> Result<(), Diagnostic> {
    let name = line.name();
    let text = line.arg(0).ok_or_else(|| {
        let own = name.trim_start_matches("tcp-check ");
        line.alert(format!("'{name}' : '{what}' expects a {own} as argument."))
    })?;
    let mut rest = line.args().iter().skip(1);
    while let Some(word) = rest.next() {
        if !word.is("comment") {
            let got = word.text();
            return Err(word.alert(format!("'{name}' : expects 'comment' but got '{got}' as argument..")));
        }
        if rest.next().is_none() {
            return Err(word.alert(format!("'{name}' : 'comment' expects a string as argument..")));
        }
    }
    let sent = read(text)?;
    add(ctx, line, CheckAct::Send(sent))
}
