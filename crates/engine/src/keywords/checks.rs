//! HTTP health checks: `option httpchk` and `http-check` (manual, 4.2).
//!
//! A check here is one connection, one request and any number of expectations. What would make several
//! requests on one check is refused until the checks with steps are there.

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word, values};
use weir_diag::{Diagnostic, Span};

use super::{ProxyCtx, ProxyFn};
use crate::conf::{CheckConnect, CheckExpect, CheckKind, CheckStep, HttpCheck, HttpSend, Want};
use weir_balance::health::CheckStatus;

/// The lines of this file.
pub(super) const CHECKS: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("option httpchk", Arity::between(0, 4), "servers are checked by HTTP"), httpchk),
    Keyword::works(entry("http-check", Arity::ANY, "a step of HTTP checks"), unknown),
    Keyword::works(
        entry("http-check comment", Arity::ANY, "a text for logs of failed checks"),
        |ctx, line| {
            if line.args().is_empty() {
                return Err(line.alert("'http-check comment' : expects a string as argument."));
            }
            ctx.draft.checks.rules_at.get_or_insert(line.span);
            ctx.draft.checks.comment = line.arg(0).map(|w| w.text().into_owned());
            Ok(())
        },
    ),
    Keyword::works(entry("http-check connect", Arity::ANY, "how a check connects"), connect),
    Keyword::works(
        entry("http-check disable-on-404", Arity::ANY, "404 lets a server finish its sessions"),
        |ctx, line| {
            no_more(line)?;
            ctx.draft.checks.http.disable_on_404 = true;
            Ok(())
        },
    ),
    Keyword::works(entry("http-check expect", Arity::ANY, "what a response must be"), expect),
    Keyword::works(entry("http-check send", Arity::ANY, "the request of a check"), send),
    Keyword::works(
        entry("http-check send-state", Arity::ANY, "a header that tells a server its state"),
        |ctx, line| {
            no_more(line)?;
            ctx.draft.checks.http.send_state = true;
            Ok(())
        },
    ),
    Keyword::refused(entry("http-check set-var", Arity::ANY, "sets a variable"), "comes with variables"),
    Keyword::refused(entry("http-check set-var-fmt", Arity::ANY, "sets a variable"), "comes with variables"),
    Keyword::refused(
        entry("http-check unset-var", Arity::ANY, "takes a variable away"),
        "comes with variables",
    ),
];

/// What the check lines of a proxy said so far.
#[derive(Clone, Debug, Default)]
pub struct CheckDraft {
    /// `option httpchk` was given.
    pub enabled: bool,
    /// What it and `http-check` said.
    pub http: HttpCheck,
    /// `option tcp-check` was given, after any `option httpchk`.
    pub(super) scripted: bool,
    /// `tcp-check` lines.
    pub(super) script: Vec<CheckStep>,
    /// An `http-check comment` that the next expectation tells.
    comment: Option<String>,
    /// The first line that makes no sense without `option httpchk`.
    pub rules_at: Option<Span>,
    /// A `send` stands already.
    sent: bool,
    /// The rules are those of an inherited `defaults`, to be replaced by the first of one's own.
    pub inherited: bool,
}

// === impl CheckDraft ===

impl CheckDraft {
    /// Whether a step of the check asks for TLS by itself.
    pub(super) fn is_secure(&self) -> bool {
        let step = |step: &CheckStep| matches!(step, CheckStep::Connect(c, ..) if c.ssl);
        self.http.connect.as_ref().is_some_and(|c| c.ssl) || self.script.iter().any(step)
    }
}

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::DEFAULTS.union(Sections::BACKENDS), arity, help)
}

const STEPS: &str = "a check of several requests is not available yet (it comes with the other checks).";

// === impl CheckDraft ===

impl CheckDraft {
    /// What the servers of the proxy are checked by.
    pub(super) fn kind(self) -> CheckKind {
        if self.scripted {
            CheckKind::Script(self.script)
        } else if self.enabled {
            CheckKind::Http(self.http)
        } else {
            CheckKind::Tcp
        }
    }

    /// A first rule of one's own drops the rules that were inherited.
    pub(super) fn own_rules(&mut self, at: Span) {
        if std::mem::take(&mut self.inherited) {
            self.script.clear();
            self.http.expect.clear();
            self.http.connect = None;
            self.sent = false;
        }
        self.rules_at.get_or_insert(at);
    }
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

/// `option httpchk [[METHOD] URI [VERSION [HOST]]]`
fn httpchk(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let checks = &mut ctx.draft.checks;
    checks.enabled = true;
    checks.scripted = false;
    let mut send = HttpSend::default();
    match line.args() {
        [] => return Ok(()),
        [uri] => send.uri = uri.bytes.to_vec(),
        [method, rest @ ..] => {
            send.method = method.bytes.to_vec();
            if let Some(uri) = rest.first() {
                send.uri = uri.bytes.to_vec();
            }
            if let Some(version) = rest.get(1) {
                hidden_headers(&version.bytes, &mut send);
            }
            if let Some(host) = rest.get(2) {
                send.headers.push((b"host".to_vec(), host.bytes.to_vec()));
            }
        }
    }
    if !send.headers.is_empty() && line.arg(3).is_none() || !send.body.is_empty() {
        ctx.out.push(
            line.warning(
                "'option httpchk' : hiding headers or body at the end of the version string is unsupported.\
                 Use 'http-check send' directive instead.",
            )
            .hint(modern_send(&send)),
        );
    }
    ctx.draft.checks.http.send = send;
    Ok(())
}

/// Older versions let headers and a body hide behind the version: `HTTP/1.1\r\nHost:\ www`.
fn hidden_headers(text: &[u8], send: &mut HttpSend) {
    let mut lines = text.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    send.version = lines.next().unwrap_or_default().to_vec();
    for line in lines.by_ref() {
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|&b| b == b':').unwrap_or(line.len());
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        send.headers.push((name.to_ascii_lowercase(), value.to_vec()));
    }
    let body: Vec<&[u8]> = lines.collect();
    send.body = body.join(&b"\r\n"[..]);
}

fn modern_send(send: &HttpSend) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut line = format!(
        "write 'http-check send meth {} uri {} ver {}",
        text(&send.method),
        text(&send.uri),
        text(&send.version)
    );
    for (name, value) in &send.headers {
        line.push_str(&format!(" hdr {} \"{}\"", text(name), text(value)));
    }
    if !send.body.is_empty() {
        line.push_str(&format!(" body \"{}\"", text(&send.body)));
    }
    line.push_str("' beside 'option httpchk'");
    line
}

fn send(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let said = |at: &Word, message: String| at.alert(format!("'http-check send' : {message}"));
    let mut send = ctx.draft.checks.http.send.clone();
    // Headers of the `option httpchk` line give way to headers here.
    if line.args().iter().any(|word| word.is("hdr")) {
        send.headers.clear();
    }
    let mut rest = line.args().iter();
    while let Some(word) = rest.next() {
        let name = word.text();
        let mut string = || {
            rest.next()
                .map(|w| w.bytes.to_vec())
                .ok_or_else(|| said(word, format!("'{name}' expects a string as argument..")))
        };
        match &*name {
            "meth" => send.method = string()?,
            "uri" => send.uri = string()?,
            "ver" => send.version = string()?,
            "body" => send.body = string()?,
            "comment" => drop(string()?),
            "uri-lf" | "body-lf" => {
                return Err(said(
                    word,
                    format!("'{name}' is not available yet (it comes with expressions)."),
                ));
            }
            "hdr" => {
                let (Some(header), Some(value)) = (rest.next(), rest.next()) else {
                    return Err(said(word, "'hdr' expects <name> and <value> as arguments.".to_owned()));
                };
                if value.bytes.contains(&b'%') {
                    return Err(said(
                        value,
                        "a log-format in 'hdr' is not available yet (it comes with expressions).".to_owned(),
                    ));
                }
                let lower = header.bytes.to_ascii_lowercase();
                // The framing of a check's request is its own affair.
                if lower != b"content-length" && lower != b"transfer-encoding" {
                    send.headers.push((lower, value.bytes.to_vec()));
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
    ctx.draft.checks.own_rules(line.span);
    if std::mem::replace(&mut ctx.draft.checks.sent, true) {
        return Err(line.alert(format!("'http-check send' : {STEPS}")));
    }
    ctx.draft.checks.http.send = send;
    Ok(())
}

/// The words of a `connect` step, and its comment. `name` is that of the line.
pub(super) fn connect_words(
    ctx: &ProxyCtx<'_>,
    line: &Line,
    name: &str,
) -> Result<(CheckConnect, Option<String>), Diagnostic> {
    let mut comment = None;
    let line_name = name;
    let said = |at: &Word, message: String| at.alert(format!("'{line_name}' : {message}"));
    let mut connect = CheckConnect::default();
    let mut rest = line.args().iter();
    while let Some(word) = rest.next() {
        let name = word.text();
        match &*name {
            "default" => connect.default = true,
            "send-proxy" => connect.send_proxy = true,
            "linger" => connect.linger = true,
            "via-socks4" => connect.via_socks4 = true,
            "comment" => comment = rest.next().map(|w| w.text().into_owned()),
            "proto" if rest.next().is_some_and(|w| w.is("h1")) => {}
            "port" => {
                let value = rest.next().ok_or_else(|| {
                    said(word, "'port' expects a port number or a sample expression as argument..".to_owned())
                })?;
                connect.port = Some(value.text().parse::<u16>().map_err(|_| {
                    said(
                        word,
                        "an expression as port is not available yet (it comes with expressions).".to_owned(),
                    )
                })?);
            }
            "addr" => {
                let value = rest
                    .next()
                    .ok_or_else(|| said(word, "'addr' expects an address as argument.".to_owned()))?;
                let (address, _) = super::address::socket(value, ctx.outside).map_err(|m| said(value, m))?;
                connect.addr = Some(address);
            }
            "ssl" => connect.ssl = true,
            "sni" => {
                let value = rest
                    .next()
                    .ok_or_else(|| said(word, "'sni' expects a string as argument.".to_owned()))?;
                connect.sni = Some(value.text().into());
            }
            "alpn" => {
                let said_later = "'alpn' is not available yet here; 'check-alpn' of the server is.";
                return Err(said(word, said_later.to_owned()));
            }
            "proto" => {
                return Err(said(word, "this protocol is not available yet.".to_owned()));
            }
            _ => {
                return Err(said(
                    word,
                    format!(
                        "expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default' but got '{name}' as argument.."
                    ),
                ));
            }
        }
    }
    Ok((connect, comment))
}

fn connect(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let (connect, _) = connect_words(ctx, line, "http-check connect")?;
    ctx.draft.checks.own_rules(line.span);
    if ctx.draft.checks.sent || !ctx.draft.checks.http.expect.is_empty() {
        if ctx.draft.checks.http.connect.is_none() {
            return Err(line.alert(
                "'http-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', \
                 an 'unset-var' or a 'comment', when there is a 'connect' step in the tcp-check ruleset.",
            ));
        }
        return Err(line.alert(format!("'http-check connect' : {STEPS}")));
    }
    ctx.draft.checks.http.connect = Some(Box::new(connect));
    Ok(())
}

fn expect(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let mut expect = expect_words(line, "http-check expect", &["status", "rstatus", "string", "rstring"])?;
    ctx.draft.checks.own_rules(line.span);
    expect.comment = expect.comment.or(ctx.draft.checks.comment.take());
    ctx.draft.checks.http.expect.push(expect);
    Ok(())
}

/// The words of an `expect` step. `name` is that of the line, `patterns` are the patterns that it knows.
pub(super) fn expect_words(line: &Line, name: &str, patterns: &[&str]) -> Result<CheckExpect, Diagnostic> {
    if line.args().is_empty() {
        return Err(line.alert(format!("'{name}' : expects at least a matching pattern as arguments.")));
    }
    let said = |at: &Word, message: String| at.alert(format!("'{name}' : {message}"));
    let (mut found, mut negated) = (None, false);
    let mut options = CheckExpect::new(Want::Text(Vec::new()), false);
    let mut rest = line.args().iter();
    while let Some(word) = rest.next() {
        let text = word.text();
        let option = match text.strip_prefix('!') {
            Some("") => {
                negated = true;
                continue;
            }
            Some(name) => {
                negated = true;
                name
            }
            None => &*text,
        };
        let mut value =
            || rest.next().ok_or_else(|| said(word, format!("'{option}' expects a <pattern> as argument.")));
        match option {
            _ if patterns.contains(&option) && found.is_none() => {
                found = Some(pattern(name, option, value()?)?);
            }
            "comment" => {
                let text = rest
                    .next()
                    .ok_or_else(|| said(word, "'comment' expects a string as argument.".to_owned()))?;
                options.comment = Some(text.text().into_owned());
            }
            "min-recv" => {
                let bytes = values::leading_integer(&value()?.bytes);
                options.min_recv = usize::try_from(bytes).unwrap_or(0);
            }
            "ok-status" => options.ok_status = Some(status(name, option, value()?)?),
            "error-status" => options.error_status = Some(status(name, option, value()?)?),
            "tout-status" => options.timeout_status = Some(status(name, option, value()?)?),
            "on-success" => options.on_success = Some(plain(name, option, value()?)?),
            "on-error" => options.on_error = Some(plain(name, option, value()?)?),
            "string-lf" | "binary-lf" | "hdr" | "fhdr" | "status-code" => {
                return Err(said(
                    word,
                    format!("'{option}' is not available yet (it comes with the other checks)."),
                ));
            }
            _ => return Err(said(word, only_supports(name, &text))),
        }
    }
    let Some(want) = found else {
        return Err(line.alert(format!("'{name}' : {}", only_supports(name, ""))));
    };
    Ok(CheckExpect { want, negated, ..options })
}

/// A status by the name that statistics show.
fn status(name: &str, option: &str, value: &Word) -> Result<CheckStatus, Diagnostic> {
    use CheckStatus as S;
    let all: &[S] = match option {
        "ok-status" => &[S::L4Ok, S::L6Ok, S::L7Ok, S::L7OkConditional],
        "error-status" => &[S::L4Connection, S::L6Response, S::L7Response, S::L7Status],
        _ => &[S::L4Timeout, S::L6Timeout, S::L7Timeout],
    };
    if option == "error-status" && value.is(S::L7OkConditional.name()) {
        return Ok(S::L7OkConditional);
    }
    all.iter().find(|s| value.is(s.name())).copied().ok_or_else(|| {
        let names: Vec<String> = all.iter().map(|s| format!("'{}'", s.name())).collect();
        let (last, first) = names.split_last().map_or(("", &[][..]), |(l, f)| (l.as_str(), f));
        value.alert(format!(
            "'{name}' : '{option}' only supports {} or {last} status (got '{}')..",
            first.join(", "),
            value.text()
        ))
    })
}

/// A text that is the same whatever happened.
fn plain(name: &str, option: &str, value: &Word) -> Result<String, Diagnostic> {
    if value.bytes.contains(&b'%') {
        return Err(value.alert(format!(
            "'{name}' : a log-format in '{option}' is not available yet (it comes with expressions)."
        )));
    }
    Ok(value.text().into_owned())
}

fn only_supports(name: &str, got: &str) -> String {
    let patterns = if name.starts_with("tcp") {
        "min-recv, '[!]binary', '[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', '[!]binary-lf'"
    } else {
        "'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, \
         [!]fhdr"
    };
    let only = if name.starts_with("tcp") { "'only supports " } else { "" };
    format!("{only}{patterns} or comment but got '{got}' as argument..")
}

fn pattern(name: &str, option: &str, value: &Word) -> Result<Want, Diagnostic> {
    let text = value.text().into_owned();
    if matches!(option, "rstatus" | "rstring" | "rbinary") {
        weir_expr::regex::Regex::compile(&value.bytes, true)
            .map_err(|m| value.alert(format!("'{name}' : {m}.")))?;
    }
    Ok(match option {
        "status" => Want::Status(status_ranges(value)?),
        "rstatus" => Want::StatusRegex(text),
        "rstring" => Want::Regex(text),
        "rbinary" => Want::BinaryRegex(text),
        "binary" => Want::Binary(
            binary(&value.bytes)
                .map_err(|m| value.alert(format!("'{name}' : invalid binary string ({m}).")))?,
        ),
        _ => Want::Text(value.bytes.to_vec()),
    })
}

/// Bytes written in hexadecimal; the error says what is wrong with them.
pub(super) fn binary(text: &[u8]) -> Result<Vec<u8>, String> {
    if !text.len().is_multiple_of(2) {
        return Err("an even number of hex digit is expected".to_owned());
    }
    let digit = |b: &u8| {
        let digit = char::from(*b).to_digit(16);
        digit.ok_or_else(|| format!("an hex digit is expected (found '{}')", char::from(*b)))
    };
    let digits = text.iter().map(digit).collect::<Result<Vec<u32>, String>>()?;
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |n, d| n * 16 + d) as u8).collect())
}

/// `200,300-399`
fn status_ranges(value: &Word) -> Result<Vec<(u16, u16)>, Diagnostic> {
    let text = value.text();
    if let Some(bad) = text.chars().find(|c| !c.is_ascii_digit() && *c != '-' && *c != ',') {
        return Err(value
            .alert(format!("'http-check expect' : invalid character '{bad}' in the list of status codes.")));
    }
    let number = |n: &str| u16::try_from(values::leading_integer(n.as_bytes())).unwrap_or(u16::MAX);
    Ok(text
        .split(',')
        .filter(|part| !part.is_empty())
        .map(|part| match part.split_once('-') {
            Some((low, high)) => (number(low), number(high)),
            None => (number(part), number(part)),
        })
        .collect())
}
