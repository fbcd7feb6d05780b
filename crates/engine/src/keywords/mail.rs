//! `mailers` sections and `email-alert` (manual, 4.2 and 12.3).
//!
//! HAProxy leaves sending to a script in Lua that it does not load by itself. Lines are judged as it judges them; no
//! mail is sent.

use weir_config::{Arity, Class, Entry, Keyword, Line, Place, Section, Sections, Word, values};
use weir_diag::{Diagnostic, Form, Severity, Span};

use super::cross::kind;
use super::logging;
use super::resolve::{Load, place};
use super::{Draft, LISTS, List, ListCtx, ListFn, ProxyCtx, ProxyFn, address, steps};

/// A `mailers` section.
#[derive(Clone, Debug)]
pub(super) struct Mailers {
    pub(super) name: String,
    at: Span,
    wanted: bool,
}

/// What a proxy says of mails.
#[derive(Clone, Debug, Default)]
pub struct MailAlerts {
    /// Where one of its lines stands.
    at: Option<Span>,
    has_from: bool,
    has_to: bool,
    mailers: Option<String>,
}

/// Lines of proxies.
pub(super) const EMAIL_ALERT: &[Keyword<ProxyFn>] = &[
    alert("email-alert from", "whom mails come from", |c, line| {
        value(line)?;
        mails(c, line).has_from = true;
        Ok(())
    }),
    alert("email-alert level", "what is worth a mail", |c, line| {
        let level = line.arg(0).map(Word::text).unwrap_or_default();
        if logging::level(&level).is_none() {
            return Err(line.alert(format!("unknown log level '{level}' after 'level'")));
        }
        mails(c, line);
        Ok(())
    }),
    alert("email-alert mailers", "the section of the mail servers", |c, line| {
        let name = value(line)?.text().into_owned();
        mails(c, line).mailers = Some(name);
        Ok(())
    }),
    alert("email-alert myhostname", "the name of this host in mails", |c, line| {
        value(line)?;
        mails(c, line);
        Ok(())
    }),
    alert("email-alert to", "whom mails go to", |c, line| {
        value(line)?;
        mails(c, line).has_to = true;
        Ok(())
    }),
];

/// The lines of the section.
pub(super) const MAILERS: &[Keyword<ListFn>] = &[
    Keyword::judged(entry("mailer", "a mail server"), mailer, REASON),
    Keyword::judged(entry("timeout", "how long a mail may take"), timeout, REASON),
];

/// Reads a section.
pub(super) fn section(load: &mut Load<'_>, section: &Section) {
    let header = &section.header;
    let Some(name) = header.words.get(1) else {
        return load.out.push(header.alert("missing name for mailers section."));
    };
    if let Some(bad) = values::invalid_character(&name.bytes) {
        let message = format!("character '{bad}' is not permitted in 'mailers' name '{}'.", name.text());
        return load.out.push(header.alert(message));
    }
    let name = name.text().into_owned();
    if let Some(first) = load.mailers.iter().find(|m| m.name == name) {
        let (here, there) = (place(load.sources, header.span), place(load.sources, first.at));
        let message = format!(
            "config : Parsing [{here}]: mailers section '{name}' has the same name as another mailers section declared \
             at {there}."
        );
        let said = Diagnostic::new(Severity::Alert, Some(header.span), message).form(Form::Bare);
        return load.out.push(said);
    }
    load.mailers.push(Mailers { name, at: header.span, wanted: false });
    let place =
        Place { classes: &[Class::Mailers], section: Sections::MAILERS, keyword: "mailers", name: "" };
    for line in &section.lines {
        let mut line = line.clone();
        let Some(found) = LISTS.line(&place, &mut line, &mut load.out) else { continue };
        let list = List::Mailers;
        let mut ctx = ListCtx { list, out: &mut load.out, sources: load.sources, outside: load.outside };
        let result = (found.run)(&mut ctx, &line);
        load.out.take(result);
    }
}

/// Judges what a proxy says of mails as a whole.
pub(super) fn check(load: &mut Load<'_>, draft: &Draft) {
    let alerts = &draft.mail;
    let Some(at) = alerts.at else { return };
    let name = &draft.proxy.name;
    let wanted = alerts.mailers.as_ref().filter(|_| alerts.has_from && alerts.has_to);
    match wanted.map(|wanted| (wanted, load.mailers.iter_mut().find(|m| m.name == *wanted))) {
        Some((_, Some(section))) => {
            section.wanted = true;
            let said = Diagnostic::new(Severity::Notice, Some(at), format!("'email-alert': {REASON}."));
            load.out.push(said);
        }
        Some((wanted, None)) => {
            let message = format!("Proxy '{name}': unable to find mailers '{wanted}'.");
            load.out.push(Diagnostic::new(Severity::Alert, Some(at), message).form(Form::Bare));
        }
        None => {
            let kind = kind(&draft.proxy);
            let message = format!(
                "'email-alert' will be ignored for {kind} '{name}' (the presence any of 'email-alert from', \
                 'email-alert level' 'email-alert mailers', 'email-alert myhostname', or 'email-alert to' requires each \
                 of 'email-alert from', 'email-alert mailers' and 'email-alert to' to be present)."
            );
            load.out.push(
                Diagnostic::new(Severity::Warning, Some(at), message).form(Form::Bare).step(steps::OPTIONS),
            );
        }
    }
}

/// Sections that nobody wants are dropped. That is said where nothing is wrong.
pub(super) fn judge_unwanted(load: &mut Load<'_>) {
    let wrong = load.out.is_fatal() || load.whole.iter().any(|(_, said)| said.severity == Severity::Alert);
    for section in load.mailers.iter().rev().filter(|section| !wrong && !section.wanted) {
        let message = format!("Removing incomplete section 'mailers {}'.", section.name);
        let said = Diagnostic::new(Severity::Warning, Some(section.at), message);
        load.out.push(said.form(Form::Bare).step(steps::AGAIN));
    }
}

const fn alert(name: &'static str, help: &'static str, run: ProxyFn) -> Keyword<ProxyFn> {
    Keyword::judged(Entry::new(Class::Proxy, name, Sections::PROXIES, Arity::ANY, help), run, REASON)
}

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Mailers, name, Sections::MAILERS, Arity::ANY, help)
}

/// What a proxy said of mails so far; that it said something is written down.
fn mails<'a>(ctx: &'a mut ProxyCtx<'_>, line: &Line) -> &'a mut MailAlerts {
    ctx.draft.mail.at = Some(line.span);
    &mut ctx.draft.mail
}

fn value(line: &Line) -> Result<&Word, Diagnostic> {
    let name = line.name();
    let last = name.rsplit(' ').next().unwrap_or_default();
    line.arg(0).ok_or_else(|| line.alert(format!("missing argument after '{last}'.")))
}

fn mailer(ctx: &mut ListCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let [name, at, ..] = line.args() else {
        return Err(line.alert("'mailer' expects <name> and <addr>[:<port>] as arguments."));
    };
    let text = at.text();
    let wrong = |message: String| line.alert(format!("'mailer {}' : {message}", name.text()));
    // A name would be asked for first.
    if !text.contains([':', '/']) {
        return Err(wrong(format!("missing port specification in '{text}'")));
    }
    let (address, last) = address::socket(at, ctx.outside).map_err(|message| match message {
        other if other.starts_with("unsupported") => {
            wrong("TCP not supported for this address family.".to_owned())
        }
        other => wrong(other),
    })?;
    if address.port() == 0 {
        return Err(wrong("invalid port '0'".to_owned()));
    }
    if address.port() != last {
        return Err(wrong(format!("port range not permitted here in '{text}'")));
    }
    Ok(())
}

fn timeout(_: &mut ListCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    match line.args() {
        [] => Err(line.alert("'timeout' expects 'mail' and <time> as arguments.")),
        [word] if word.is("mail") => Err(line.alert("'timeout mail' expects <time> as argument.")),
        [word, time, ..] if word.is("mail") => {
            let message = match values::parse_time(&time.bytes, values::Unit::Milliseconds) {
                Ok(_) => return Ok(()),
                Err(values::TimeFault::Unexpected(c)) => {
                    format!("unexpected character '{c}' in argument to <timeout mail>.")
                }
                Err(values::TimeFault::Overflow) => format!(
                    "timer overflow in argument <{}> to <timeout mail>, maximum value is 2147483647 ms (~24.8 days).",
                    time.text()
                ),
            };
            Err(time.alert(message).tight())
        }
        [word, ..] => {
            Err(line
                .alert(format!("'timeout' expects 'mail' and <time> as arguments got '{}'.", word.text())))
        }
    }
}

/// Why no mail is sent.
pub(super) const REASON: &str = "mails are sent by a script in Lua, and Lua is not built in";
