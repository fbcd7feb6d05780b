//! `log-forward` sections: proxies that take log messages in and send them on (manual, 12.6).

use weir_config::{Line, Place, Prefix, Section, Sections, Word, values};
use weir_diag::{Diagnostic, Form, Severity};

use super::cross::kind;
use super::resolve::{Load, place};
use super::{Draft, PROXY, ProxyCtx, address, listen};
use crate::conf::{Caps, HostStrategy, LogForward, Mode, Proxy};

/// Reads a section.
pub(super) fn section(load: &mut Load<'_>, section: &Section) {
    let header = &section.header;
    let name = match header.words.get(1..) {
        Some([name]) => name.text().into_owned(),
        Some([_, extra, ..]) => {
            let message = format!("'log-forward' cannot handle unexpected argument '{}'.", extra.text());
            return load.out.push(extra.alert(message));
        }
        _ => return load.out.push(header.alert("missing name for log-forward section.")),
    };
    if let Some(bad) = values::invalid_character(name.as_bytes()) {
        let message = format!("character '{bad}' is not permitted in 'log-forward' name '{name}'.");
        return load.out.push(header.alert(message));
    }
    if let Some(said) = same_name(load, header, &name) {
        return load.out.push(said);
    }
    let mut draft = Draft::new(Proxy::new(name, Caps::FRONTEND, header.span), "log-forward");
    draft.proxy.mode = Mode::Log;
    draft.proxy.log_forward = Some(LogForward::default());
    draft.proxy.maxconn = Some(MAXCONN);
    for line in &section.lines {
        let said = self::line(load, &mut draft, line);
        load.out.take(said);
    }
    load.drafts.push(draft);
}

fn same_name(load: &Load<'_>, header: &Line, name: &str) -> Option<Diagnostic> {
    let other = load.drafts.iter().map(|d| &d.proxy).find(|p| p.is_frontend() && p.name == name)?;
    let (here, there) = (place(load.sources, header.span), place(load.sources, other.at));
    let message = match other.log_forward {
        Some(_) => format!(
            "config : Parsing [{here}]: log-forward section '{name}' has the same name as another log-forward \
             section declared at {there}."
        ),
        None => format!(
            "config : Parsing [{here}]: log forward section '{name}' has the same name as {} '{name}' declared at \
             {there}.",
            kind(other)
        ),
    };
    Some(Diagnostic::new(Severity::Alert, Some(header.span), message).form(Form::Bare))
}

fn line(load: &mut Load<'_>, draft: &mut Draft, line: &Line) -> Result<(), Diagnostic> {
    let first = line.words.first().map(Word::text).unwrap_or_default().into_owned();
    let args = line.words.get(1..).unwrap_or_default();
    if line.prefix != Prefix::None && !["option", "log"].contains(&first.as_str()) {
        return Err(weir_config::negation_alert(line.span));
    }
    match first.as_str() {
        "bind" | "dgram-bind" if args.is_empty() => Ok(()),
        "bind" => by_proxy(load, draft, line),
        "dgram-bind" => datagrams(load, draft, args),
        "log" => by_proxy(load, draft, line),
        "maxconn" | "backlog" => {
            let n = number(line, &first, args)?;
            let limit = if first == "maxconn" { &mut draft.proxy.maxconn } else { &mut draft.proxy.backlog };
            *limit = Some(n);
            Ok(())
        }
        "timeout" => timeout(draft, line, args),
        "option" => option(draft, line, args),
        _ => Err(line.alert(format!("unknown keyword '{first}' in log-forward section."))),
    }
}

/// Reads a line as one of a frontend.
fn by_proxy(load: &mut Load<'_>, draft: &mut Draft, line: &Line) -> Result<(), Diagnostic> {
    let place = Place {
        classes: &[weir_config::Class::Proxy],
        section: Sections::FRONTEND,
        keyword: "log-forward",
        name: "",
    };
    let mut line = line.clone();
    let Some(found) = PROXY.line(&place, &mut line, &mut load.out) else { return Ok(()) };
    (found.run)(&mut context(load, draft), &line)
}

fn datagrams(load: &mut Load<'_>, draft: &mut Draft, args: &[Word]) -> Result<(), Diagnostic> {
    let Some((address, params)) = args.split_first() else { return Ok(()) };
    let ctx = context(load, draft);
    let at = format!("'dgram-bind {}'", address.text());
    let mut binds =
        listen::addresses(&ctx, address).map_err(|d| address::prefixed(&format!("{at} : "), d))?;
    let faults = listen::parameters(&mut binds, params, ctx.outside, &ctx.global.tls);
    ctx.out.extend(faults.into_iter().map(|fault| match fault {
        listen::Fault::Unknown(word, message) => {
            let name = format!("'{}'", word.text());
            word.alert(message.replacen(&name, &format!("{name} in 'log-forward' section"), 1))
        }
        listen::Fault::Said(said) => said,
    }));
    binds.iter_mut().for_each(|bind| bind.datagrams = true);
    ctx.draft.proxy.binds.append(&mut binds);
    Ok(())
}

fn context<'a>(load: &'a mut Load<'_>, draft: &'a mut Draft) -> ProxyCtx<'a> {
    ProxyCtx {
        draft,
        section: Sections::FRONTEND,
        keyword: "log-forward",
        global: &load.conf.global,
        out: &mut load.out,
        outside: load.outside,
        sources: load.sources,
    }
}

fn number(line: &Line, name: &str, args: &[Word]) -> Result<u32, Diagnostic> {
    match args {
        [] => Err(line.alert(format!("'{name}' expects an integer argument."))),
        [word] => Ok(listen::number(word)),
        [_, extra, ..] => {
            Err(extra.alert(format!("'{name}' cannot handle unexpected argument '{}'.", extra.text())))
        }
    }
}

fn timeout(draft: &mut Draft, line: &Line, args: &[Word]) -> Result<(), Diagnostic> {
    let which = args.first().map(Word::text).unwrap_or_default();
    if which != "client" {
        return Err(line.alert(format!("unknown keyword 'timeout {which}' in log-forward section.")));
    }
    let Some(word) = args.get(1) else { return Err(line.alert("missing timeout client value.")) };
    match values::parse_time(&word.bytes, values::Unit::Milliseconds) {
        Ok(time) => {
            draft.proxy.timeouts.client = Some(time.duration);
            Ok(())
        }
        Err(values::TimeFault::Unexpected(c)) => {
            Err(word.alert(format!("timeout : unexpected character '{c}' in 'timeout client'")))
        }
        Err(values::TimeFault::Overflow) => {
            let shown = word.text();
            Err(word.alert(format!("timeout : timer overflow in argument '{shown}' to 'timeout client'")))
        }
    }
}

fn option(draft: &mut Draft, line: &Line, args: &[Word]) -> Result<(), Diagnostic> {
    let Some(name) = args.first().map(Word::text) else {
        return Err(line.alert("'option' expects an option name.").tight());
    };
    let Some(forward) = &mut draft.proxy.log_forward else { return Ok(()) };
    let wanted = line.prefix != Prefix::No;
    match &*name {
        "host" => {
            forward.host = match args.get(1).map(Word::text).as_deref() {
                Some("replace") => HostStrategy::Replace,
                Some("fill") => HostStrategy::Fill,
                Some("keep") => HostStrategy::Keep,
                Some("append") => HostStrategy::Append,
                _ => return Err(line.alert("option 'host' expects {replace|fill|keep|append}.")),
            };
            return Ok(());
        }
        "assume-rfc6587-ntf" => forward.lines_only = wanted,
        "dont-parse-log" => forward.unparsed = wanted,
        _ => return Err(line.alert(format!("unknown option '{name}' in log-forward section."))),
    }
    match args.get(1) {
        None => Ok(()),
        Some(extra) => {
            Err(extra.alert(format!("'option {name}' cannot handle unexpected argument '{}'.", extra.text())))
        }
    }
}

/// Connections at once where nothing is said.
const MAXCONN: u32 = 10;
