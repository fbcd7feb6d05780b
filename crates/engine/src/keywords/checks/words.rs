//! The words of the steps of checks: `connect`, `expect`, variables (manual, 4.2 "http-check", "tcp-check").

use weir_balance::health::CheckStatus;
use weir_config::{Line, Word, values};
use weir_diag::Diagnostic;
use weir_expr::regex::Regex;

use super::super::{Outside, address};
use crate::action;
use crate::conf::{
    CheckConnect, CheckExpect, CheckText, CheckVariable, Computed, HeaderMatch, HeaderWant, Proto,
    VariableValue, Want,
};

/// Whose words they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Tcp,
    Http,
}

/// A text that may be a log format.
pub(super) fn text(word: &Word) -> CheckText {
    if word.bytes.contains(&b'%') {
        CheckText::Format(Computed::new(&word.bytes, word.span))
    } else {
        CheckText::Plain(word.bytes.to_vec())
    }
}

/// The words of a `connect` step.
pub(super) fn connect(
    outside: &dyn Outside,
    line: &Line,
    dialect: Dialect,
) -> Result<CheckConnect, Diagnostic> {
    let line_name = line.name();
    let said = |at: &Word, message: String| at.alert(format!("'{line_name}' : {message}"));
    let mut connect = CheckConnect::default();
    let mut rest = line.args().iter();
    while let Some(word) = rest.next() {
        let name = word.text();
        let mut value = |expected: &str| {
            rest.next().ok_or_else(|| said(word, format!("'{name}' expects {expected} as argument..")))
        };
        match &*name {
            "default" => connect.default = true,
            "send-proxy" => connect.send_proxy = true,
            "linger" => connect.linger = true,
            "via-socks4" => connect.via_socks4 = true,
            "comment" => connect.comment = Some(value("a string")?.text().into_owned()),
            "port" => port(&mut connect, value("a port number or a sample expression")?, &said)?,
            "addr" => {
                let value = value("<ipv4|ipv6>")?;
                let (address, _) =
                    address::socket(value, outside).map_err(|m| said(value, format!("'addr' : {m}..")))?;
                connect.addr = Some(address);
            }
            "proto" => connect.proto = mux(value("a MUX protocol")?, dialect, &said)?,
            "ssl" => connect.ssl = true,
            "sni" => connect.sni = Some(value("a string")?.text().into()),
            "alpn" => {
                let Some(list) = rest.next() else {
                    let message = "'alpn' : missing the comma-delimited ALPN protocol suite.";
                    return Err(said(word, message.to_owned()));
                };
                connect.alpn = Some(super::super::tls::names(&list.bytes));
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
    Ok(connect)
}

type Said<'a> = dyn Fn(&Word, String) -> Diagnostic + 'a;

/// A number, or an expression that gives one.
fn port(connect: &mut CheckConnect, value: &Word, said: &Said<'_>) -> Result<(), Diagnostic> {
    if !value.bytes.iter().all(u8::is_ascii_digit) {
        connect.computed_port = Some(Computed::new(&value.bytes, value.span));
        return Ok(());
    }
    let number = value.text().parse().ok().filter(|port| *port > 0);
    connect.port = Some(number.ok_or_else(|| {
        said(
            value,
            format!(
                "expects a valid TCP port (from range 1 to 65535) or a sample expression, got {}..",
                value.text()
            ),
        )
    })?);
    Ok(())
}

/// The protocol of a connection, of which there is one for each dialect.
fn mux(value: &Word, dialect: Dialect, said: &Said<'_>) -> Result<Proto, Diagnostic> {
    let name = value.text();
    match (&*name, dialect) {
        ("h1", Dialect::Http) => Ok(Proto::H1),
        ("h2", Dialect::Http) => Ok(Proto::H2),
        ("none", Dialect::Tcp) => Ok(Proto::Any),
        ("fcgi" | "quic", Dialect::Http) => {
            Err(said(value, format!("'proto' : checks by '{name}' are not available yet.")))
        }
        ("h1" | "h2" | "fcgi" | "quic" | "none" | "spop", _) => {
            let rules = if dialect == Dialect::Http { "http-check" } else { "tcp-check" };
            Err(said(value, format!("'proto' : invalid MUX protocol '{name}' for {rules}.")))
        }
        _ => Err(said(value, format!("'proto' : unknown MUX protocol '{name}'.."))),
    }
}

/// The words of an `expect` step.
pub(super) fn expect(line: &Line, dialect: Dialect) -> Result<CheckExpect, Diagnostic> {
    let name = line.name();
    if line.args().is_empty() {
        return Err(line.alert(format!("'{name}' : expects at least a matching pattern as arguments.")));
    }
    let mut read = Expect { name: &name, dialect, rest: line.args(), word: None };
    let mut found = None;
    let mut options = CheckExpect::new(Want::Text(Vec::new()));
    while let Some(word) = read.next() {
        let text = word.text();
        let option = match text.strip_prefix('!') {
            Some("") => {
                options.negated = true;
                if read.rest.is_empty() {
                    return Err(read.said(read.only_supports("")));
                }
                continue;
            }
            Some(name) => {
                options.negated = true;
                name
            }
            None => &*text,
        };
        if read.is_pattern(option) {
            if found.is_some() {
                return Err(read.said("only one pattern expected."));
            }
            found = Some(read.pattern(option)?);
        } else {
            read.option(option, &text, &mut options)?;
        }
    }
    let Some(want) = found else { return Err(line.alert(format!("'{name}' : pattern not found."))) };
    Ok(CheckExpect { want, ..options })
}

/// The words of an `expect` step while they are read.
struct Expect<'l> {
    name: &'l str,
    dialect: Dialect,
    rest: &'l [Word],
    /// The word that was read last.
    word: Option<&'l Word>,
}

// === impl Expect ===

impl<'l> Expect<'l> {
    fn next(&mut self) -> Option<&'l Word> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.word = Some(first);
        Some(first)
    }

    fn value(&mut self, option: &str, expected: &str) -> Result<&'l Word, Diagnostic> {
        match self.next() {
            Some(word) => Ok(word),
            None => Err(self.said(format!("'{option}' expects {expected} as argument."))),
        }
    }

    fn said(&self, message: impl AsRef<str>) -> Diagnostic {
        let message = format!("'{}' : {}", self.name, message.as_ref());
        self.word.map_or_else(|| Diagnostic::new(weir_diag::Severity::Alert, None, ""), |w| w.alert(message))
    }

    fn is_pattern(&self, option: &str) -> bool {
        match self.dialect {
            Dialect::Tcp => {
                ["string", "rstring", "string-lf", "binary", "rbinary", "binary-lf"].contains(&option)
            }
            Dialect::Http => {
                ["string", "rstring", "string-lf", "status", "rstatus", "hdr", "fhdr"].contains(&option)
            }
        }
    }

    fn only_supports(&self, got: &str) -> String {
        let patterns = match self.dialect {
            Dialect::Tcp => {
                "'only supports min-recv, '[!]binary', '[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', \
                 '[!]binary-lf'"
            }
            Dialect::Http => {
                "'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', \
                 [!]hdr, [!]fhdr"
            }
        };
        format!("{patterns} or comment but got '{got}' as argument..")
    }

    fn option(&mut self, option: &str, written: &str, options: &mut CheckExpect) -> Result<(), Diagnostic> {
        match option {
            "comment" => options.comment = Some(self.value(option, "a string")?.text().into_owned()),
            "min-recv" => {
                let bytes = values::leading_integer(&self.value(option, "a integer")?.bytes);
                if bytes < -1 || bytes > i64::from(i32::MAX) {
                    return Err(self.said("'min-recv' expects -1 or an integer from 0 to INT_MAX."));
                }
                options.min_recv = usize::try_from(bytes).ok();
            }
            "ok-status" => options.ok_status = Some(self.status(option)?),
            "error-status" => options.error_status = Some(self.status(option)?),
            "tout-status" => options.timeout_status = Some(self.status(option)?),
            "on-success" => options.on_success = Some(text(self.value(option, "a string")?)),
            "on-error" => options.on_error = Some(text(self.value(option, "a string")?)),
            "status-code" => {
                let word = self.value(option, "an expression")?;
                options.status_code = Some(Computed::new(&word.bytes, word.span));
            }
            _ => return Err(self.said(self.only_supports(written))),
        }
        Ok(())
    }

    /// A status by the name that statistics show.
    fn status(&mut self, option: &str) -> Result<CheckStatus, Diagnostic> {
        use CheckStatus as S;
        let value = self.value(option, "a string")?;
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
            let (first, got) = (first.join(", "), value.text());
            self.said(format!("'{option}' only supports {first} or {last} status (got '{got}').."))
        })
    }

    fn pattern(&mut self, option: &str) -> Result<Want, Diagnostic> {
        if matches!(option, "hdr" | "fhdr") {
            return self.header(option == "fhdr");
        }
        let value = self.value(option, "a <pattern>")?;
        let computed = || Computed::new(&value.bytes, value.span);
        Ok(match option {
            "status" => Want::Status(status_ranges(&value.text()).map_err(|m| self.said(m))?),
            "rstatus" => Want::StatusRegex(self.regex(value)?),
            "rstring" => Want::Regex(self.regex(value)?),
            "rbinary" => Want::BinaryRegex(self.regex(value)?),
            "string-lf" => Want::TextFormat(computed()),
            "binary-lf" => Want::BinaryFormat(computed()),
            "binary" => {
                let bytes = binary(&value.bytes);
                Want::Binary(bytes.map_err(|m| self.said(format!("invalid binary string ({m}).")))?)
            }
            _ => Want::Text(value.bytes.to_vec()),
        })
    }

    fn regex(&self, value: &Word) -> Result<Regex, Diagnostic> {
        Regex::compile(&value.bytes, true).map_err(|m| self.said(format!("{m}.")))
    }

    /// `hdr { name | name-lf } [-m METHOD] NAME [{ value | value-lf } [-m METHOD] VALUE]`
    fn header(&mut self, whole: bool) -> Result<Want, Diagnostic> {
        let option = if whole { "fhdr" } else { "hdr" };
        let is_format = match self.rest {
            [word, _, ..] if word.is("name") => false,
            [word, _, ..] if word.is("name-lf") => true,
            _ => {
                return Err(self.said(format!(
                    "'{option}' expects at the name keyword as first argument followed by a pattern."
                )));
            }
        };
        self.next();
        let name = self
            .header_match(option, is_format)?
            .unwrap_or(HeaderMatch::Prefix(CheckText::Plain(Vec::new())));
        let is_format = match self.rest.first() {
            Some(word) if word.is("value") => false,
            Some(word) if word.is("value-lf") => true,
            _ => return Ok(Want::Header(Box::new(HeaderWant { name, value: None, whole }))),
        };
        self.next();
        let value = self.header_match(option, is_format)?;
        let value =
            value.ok_or_else(|| self.said(format!("'{option}' expect a pattern with the value keyword.")))?;
        Ok(Want::Header(Box::new(HeaderWant { name, value: Some(value), whole })))
    }

    fn header_match(&mut self, option: &str, is_format: bool) -> Result<Option<HeaderMatch>, Diagnostic> {
        let mut method = "str".to_owned();
        if self.rest.first().is_some_and(|w| w.is("-m")) {
            self.next();
            let Some(word) = self.next() else {
                return Err(self.said(format!(
                    "'{option}' : '-m' expects at a matching pattern ('str', 'beg', 'end', 'sub' or 'reg')."
                )));
            };
            method = word.text().into_owned();
            if !["str", "beg", "end", "sub", "reg"].contains(&method.as_str()) {
                return Err(self.said(format!(
                    "'{option}' : '-m' only supports 'str', 'beg', 'end', 'sub' or 'reg' (got '{method}')."
                )));
            }
            if is_format && method == "reg" {
                return Err(self.said(format!(
                    "'{option}': log-format string is not supported with a regex matching method."
                )));
            }
        }
        let Some(word) = self.next() else { return Ok(None) };
        if method == "reg" {
            return Ok(Some(HeaderMatch::Regex(self.regex(word)?)));
        }
        let text = match is_format {
            true => CheckText::Format(Computed::new(&word.bytes, word.span)),
            false => CheckText::Plain(word.bytes.to_vec()),
        };
        Ok(Some(match method.as_str() {
            "beg" => HeaderMatch::Prefix(text),
            "end" => HeaderMatch::Suffix(text),
            "sub" => HeaderMatch::Part(text),
            _ => HeaderMatch::Exact(text),
        }))
    }
}

/// The words of `set-var`, `set-var-fmt` and `unset-var`.
pub(super) fn variable(line: &Line) -> Result<CheckVariable, Diagnostic> {
    let name = line.name();
    let action = name.split(' ').nth(1).unwrap_or_default();
    let bare = action.split('(').next().unwrap_or_default();
    let said = |message: String| line.alert(format!("'{name}' : '{bare}' : {message}."));
    const EXPECTS: &str =
        "Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'";
    let Some((_, inner)) = action.split_once('(') else {
        return Err(said(format!("invalid or incomplete action '{action}'. {EXPECTS}")));
    };
    let Some(inner) = inner.strip_suffix(')') else {
        return Err(said(format!("incomplete argument after action '{action}'. {EXPECTS}")));
    };
    if bare == "unset-var" && inner.contains(',') {
        return Err(said(
            "unset-var does not expect parameters after the variable name. Only \"set-var\" and \"set-var-fmt\" \
             manage conditions"
                .to_owned(),
        ));
    }
    let (var, when) = action::variable(inner.as_bytes()).map_err(said)?;
    let value = match (bare, line.arg(0)) {
        ("unset-var", _) => None,
        ("set-var-fmt", word) => {
            let (text, at) = word.map_or((&[][..], line.span), |w| (&w.bytes, w.span));
            Some(VariableValue::Text(Computed::new(text, at)))
        }
        (_, Some(word)) => Some(VariableValue::Sample(Computed::new(&word.bytes, word.span))),
        (_, None) => return Err(said("missing fetch method".to_owned())),
    };
    Ok(CheckVariable { written: action.to_owned(), var, when, value })
}

/// Bytes written in hexadecimal; the error says what is wrong with them.
pub(crate) fn binary(text: &[u8]) -> Result<Vec<u8>, String> {
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
fn status_ranges(text: &str) -> Result<Vec<(i64, i64)>, String> {
    let mut ranges = Vec::new();
    let mut rest = text;
    loop {
        let (low, tail) = number(rest);
        rest = tail;
        let mut high = low;
        if let Some(tail) = rest.strip_prefix('-') {
            (high, rest) = number(tail);
            if high < low {
                return Err(format!("invalid range of status codes '{text}'."));
            }
        }
        ranges.push((low, high));
        match rest.strip_prefix(',') {
            Some(tail) => rest = tail,
            None => break,
        }
    }
    match rest.chars().next() {
        Some(bad) => Err(format!("invalid character '{bad}' in the list of status codes.")),
        None => Ok(ranges),
    }
}

/// The number that a text begins with, 0 where there is none, and what follows it.
fn number(text: &str) -> (i64, &str) {
    let signed = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(signed).take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return (0, text);
    }
    let (number, rest) = text.split_at_checked(signed + digits).unwrap_or((text, ""));
    (number.parse().unwrap_or(i64::MAX), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_are_lists_of_ranges() {
        for (text, wanted) in [
            ("200", Ok(vec![(200, 200)])),
            ("200,300-399", Ok(vec![(200, 200), (300, 399)])),
            ("200,", Ok(vec![(200, 200), (0, 0)])),
            ("-200", Ok(vec![(-200, -200)])),
            ("200-", Err("invalid range of status codes '200-'.".to_owned())),
            ("200-100", Err("invalid range of status codes '200-100'.".to_owned())),
            ("20x", Err("invalid character 'x' in the list of status codes.".to_owned())),
            ("200-300-400", Err("invalid character '-' in the list of status codes.".to_owned())),
        ] {
            assert_eq!(status_ranges(text), wanted, "{text}");
        }
    }
}
