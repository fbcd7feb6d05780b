//! `option httpchk` and `http-check` (manual, 4.2).

use weir_config::{Keyword, Line, Sections, Word};
use weir_diag::Diagnostic;

use super::super::{ProxyCtx, ProxyFn};
use super::draft::{Method, Open};
use super::words::{self, Dialect};
use super::{line as entry, rule, section};
use crate::conf::{CheckAct, CheckSend, CheckText, Computed, HttpSend};

/// The lines of this file.
pub(in super::super) const HTTP: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("option httpchk", "servers are checked by HTTP"), |ctx, line| {
        httpchk(ctx, line, line.args(), "option")
    }),
    Keyword::works(rule("http-check", "a step of HTTP checks"), unknown),
    Keyword::works(rule("http-check comment", "a text for logs of failed checks"), |ctx, line| {
        let text = line.arg(0);
        let text = text
            .ok_or_else(|| line.alert("'http-check comment' : expects a string as argument."))?
            .text()
            .into_owned();
        add(ctx, line, CheckAct::Comment(text))
    }),
    Keyword::works(rule("http-check connect", "how a check connects"), |ctx, line| {
        let connect = words::connect(ctx.outside, line, Dialect::Http)?;
        add(ctx, line, CheckAct::Connect(connect))
    }),
    Keyword::works(
        rule("http-check disable-on-404", "404 lets a server finish its sessions"),
        |ctx, line| {
            no_more(line)?;
            ctx.draft.checks.disable_on_404 = true;
            Ok(())
        },
    ),
    Keyword::works(rule("http-check expect", "what a response must be"), |ctx, line| {
        let expect = words::expect(line, Dialect::Http)?;
        add(ctx, line, CheckAct::Expect(expect))
    }),
    Keyword::works(rule("http-check send", "the request of a check"), send),
    Keyword::works(rule("http-check send-state", "a header that tells a server its state"), |ctx, line| {
        no_more(line)?;
        ctx.draft.checks.send_state = true;
        Ok(())
    }),
    Keyword::works(rule("http-check set-var", "sets a variable to a sample"), variable),
    Keyword::works(rule("http-check set-var-fmt", "sets a variable to a text"), variable),
    Keyword::works(rule("http-check unset-var", "forgets a variable"), variable),
];

fn add(ctx: &mut ProxyCtx<'_>, line: &Line, act: CheckAct) -> Result<(), Diagnostic> {
    section::judge_rule(ctx, line)?;
    let checks = &mut ctx.draft.checks;
    checks.http.add_http(line, act, checks.asked_for_http)?;
    if !matches!(checks.method, Method::Http) {
        checks.http.unasked.get_or_insert(line.span);
    }
    Ok(())
}

fn variable(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    add(ctx, line, CheckAct::Variable(words::variable(line)?))
}

fn unknown(_: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let got = line.arg(0).map(Word::text).unwrap_or_default();
    let at = line.arg(0).map_or(line.span, |w| w.span);
    Err(Diagnostic::alert(
        at,
        format!(
            "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', \
             'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got '{got}'"
        ),
    ))
}

fn no_more(line: &Line) -> Result<(), Diagnostic> {
    match line.arg(0) {
        Some(extra) => {
            Err(extra.alert(format!("'http-check' cannot handle unexpected argument '{}'.", extra.text())))
        }
        None => Ok(()),
    }
}

/// `httpchk [[METHOD] URI [VERSION [HOST]]]`; `keyword` is what stands before it.
pub(super) fn httpchk(
    ctx: &mut ProxyCtx<'_>,
    line: &Line,
    args: &[Word],
    keyword: &str,
) -> Result<(), Diagnostic> {
    let mut send = HttpSend::default();
    let plain = |word: &Word| CheckText::Plain(word.bytes.to_vec());
    match args {
        [] => {}
        [uri] => send.uri = plain(uri),
        [_, _, _, _, extra, ..] if ctx.section != Sections::HEALTHCHECK => {
            let extra_text = extra.text();
            return Err(
                extra.alert(format!("'option httpchk' cannot handle unexpected argument '{extra_text}'."))
            );
        }
        [method, rest @ ..] => {
            send.method = method.bytes.to_vec();
            if let Some(uri) = rest.first() {
                send.uri = plain(uri);
            }
            if let Some(version) = rest.get(1) {
                send.version = version.bytes.to_vec();
                no_hidden_headers(line, version, keyword)?;
            }
            if let Some(host) = rest.get(2) {
                send.headers.push((b"host".to_vec(), words::text(host)));
            }
        }
    }
    let checks = &mut ctx.draft.checks;
    checks.method = Method::Http;
    checks.asked_for_http = true;
    checks.http.unasked = None;
    checks.request = send;
    Ok(())
}

/// Older versions let headers and a body hide behind the version: `HTTP/1.1\r\nHost:\ www`.
fn no_hidden_headers(line: &Line, version: &Word, keyword: &str) -> Result<(), Diagnostic> {
    if !version.bytes.contains(&b'\n') {
        return Ok(());
    }
    Err(line.alert(format!(
        "'{keyword} httpchk' : hiding headers or body at the end of the version string is unsupported.\
         Use 'http-check send' directive instead.."
    )))
}

fn send(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let said = |at: &Word, message: String| at.alert(format!("'http-check send' : {message}"));
    let mut send = HttpSend::default();
    let mut open = Open { method: true, uri: true, version: true, headers: true, body: true };
    let mut rest = line.args().iter();
    while let Some(word) = rest.next() {
        let name = word.text();
        let mut string =
            || rest.next().ok_or_else(|| said(word, format!("'{name}' expects a string as argument..")));
        match &*name {
            "meth" => (send.method, open.method) = (string()?.bytes.to_vec(), false),
            "uri" => (send.uri, open.uri) = (CheckText::Plain(string()?.bytes.to_vec()), false),
            "uri-lf" => (send.uri, open.uri) = (format(string()?), false),
            "ver" => (send.version, open.version) = (string()?.bytes.to_vec(), false),
            "body" => (send.body, open.body) = (CheckText::Plain(string()?.bytes.to_vec()), false),
            "body-lf" => (send.body, open.body) = (format(string()?), false),
            "comment" => drop(string()?),
            "hdr" => {
                let (Some(header), Some(value)) = (rest.next(), rest.next()) else {
                    return Err(said(word, "'hdr' expects <name> and <value> as arguments.".to_owned()));
                };
                open.headers = false;
                let lower = header.bytes.to_ascii_lowercase();
                // The framing of a check's request is its own affair.
                if lower != b"content-length" && lower != b"transfer-encoding" {
                    send.headers.push((lower, words::text(value)));
                }
            }
            _ => {
                return Err(said(
                    word,
                    format!(
                        "expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got '{name}' as argument.."
                    ),
                ));
            }
        }
    }
    add(ctx, line, CheckAct::Send(CheckSend::Http(Box::new(send))))?;
    ctx.draft.checks.http.leave_open(open);
    Ok(())
}

fn format(word: &Word) -> CheckText {
    CheckText::Format(Computed::new(&word.bytes, word.span))
}
