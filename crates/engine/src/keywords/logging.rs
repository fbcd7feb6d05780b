//! Where log lines go and what they look like: `log`, `log-format` and their kin (manual, 3.1, 4.2 and 8).

use std::net::SocketAddr;

use weir_config::values::{self, Address, Ports, Transport};
use weir_config::{Arity, Class, Entry, Keyword, Line, Prefix, Sections, Word};
use weir_diag::{Diagnostic, Span};

use super::{GlobalFn, Outside, ProxyCtx, ProxyFn, log_profiles};
use crate::conf::{Facility, LogFormatKind, LogLevel, LogSample, LogTarget, LogTransport, SyslogFormat};

/// The lines of a proxy.
pub(super) const LOGGING: &[Keyword<ProxyFn>] = &[
    Keyword::works(
        proxy("log", Sections::PROXIES, Arity::ANY, "a target of log lines, or the global ones").no_default(),
        log,
    ),
    Keyword::works(
        proxy("log-tag", Sections::PROXIES, Arity::ANY, "the program's name in log lines"),
        |ctx, line| {
            ctx.draft.proxy.log_tag = Some(tag(line)?);
            Ok(())
        },
    ),
    Keyword::works(
        proxy("log-format", Sections::PROXIES, Arity::ANY, "the form of log lines"),
        |ctx, line| {
            let Some(format) = format(ctx, line, "log-format")? else { return Ok(()) };
            put_format(ctx, line, LogFormatKind::Custom(format.0, format.1), "log-format");
            Ok(())
        },
    ),
    Keyword::works(
        proxy("error-log-format", Sections::PROXIES, Arity::ANY, "the form of log lines of errors"),
        |ctx, line| {
            let Some(format) = format(ctx, line, "error-log-format")? else { return Ok(()) };
            ctx.draft.proxy.log_line.error_format = Some(format);
            Ok(())
        },
    ),
    Keyword::works(
        proxy("log-format-sd", Sections::PROXIES, Arity::ANY, "the structured data of RFC 5424 lines"),
        |ctx, line| {
            let Some(format) = format(ctx, line, "log-format-sd")? else { return Ok(()) };
            ctx.draft.proxy.log_line.structured_data = Some(format);
            Ok(())
        },
    ),
    Keyword::works(
        proxy("log-steps", Sections::PROXIES, Arity::ANY, "the steps at which lines are logged"),
        |ctx, line| {
            let steps = log_profiles::steps(line)?;
            if ctx.section == Sections::BACKEND {
                let proxy = &ctx.draft.proxy.name;
                ctx.out.push(line.warning(format!(
                    "log-steps will be ignored because backend '{proxy}' has no frontend capability"
                )));
            }
            ctx.draft.proxy.log_line.steps = steps;
            Ok(())
        },
    ),
    Keyword::works(
        proxy("option httplog", Sections::PROXIES, Arity::ANY, "log lines with HTTP's parts"),
        |ctx, line| {
            let clf = clf(line, "httplog")?;
            choose(
                ctx,
                line,
                LogFormatKind::Http { clf },
                if clf { "option httplog clf" } else { "option httplog" },
            );
            Ok(())
        },
    ),
    Keyword::works(
        proxy("option httpslog", Sections::PROXIES, Arity::ANY, "log lines with HTTP's and TLS's parts"),
        |ctx, line| {
            choose(ctx, line, LogFormatKind::Https, "option httpslog");
            Ok(())
        },
    ),
    Keyword::works(
        proxy("option tcplog", Sections::PROXIES, Arity::ANY, "log lines with TCP's parts"),
        |ctx, line| {
            let clf = clf(line, "tcplog")?;
            choose(
                ctx,
                line,
                LogFormatKind::Tcp { clf },
                if clf { "option tcplog clf" } else { "option tcplog" },
            );
            Ok(())
        },
    ),
];

/// The lines of `global`.
pub(super) const GLOBAL_LOGGING: &[Keyword<GlobalFn>] = &[
    Keyword::works(global("log", Arity::ANY, "a target of log lines").no_default(), |ctx, line| {
        if line.prefix == Prefix::No {
            no_arguments(line)?;
            ctx.global.logs.clear();
            return Ok(());
        }
        if line.arg(0).is_some_and(|w| w.is("global")) && line.args().len() == 1 {
            return Err(line.alert("log : 'global' is not supported for a global syslog server"));
        }
        ctx.global.logs.push(log_target(line, ctx.outside, "")?);
        Ok(())
    }),
    Keyword::works(
        global("log-tag", Arity::between(0, 1), "the program's name in log lines"),
        |ctx, line| {
            ctx.global.log_tag = Some(tag(line)?);
            Ok(())
        },
    ),
    Keyword::works(
        global("log-send-hostname", Arity::ANY, "log lines carry the host's name"),
        |ctx, line| {
            if ctx.global.log_send_hostname.is_some() {
                return super::process::again(ctx, line, "'log-send-hostname' already specified.");
            }
            ctx.global.log_send_hostname =
                Some(line.arg(0).map(|w| w.text().into_owned()).unwrap_or_default());
            Ok(())
        },
    ),
];

const fn proxy(name: &'static str, sections: Sections, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, sections, arity, help)
}

const fn global(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, help)
}

fn log(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if line.prefix == Prefix::No {
        no_arguments(line)?;
        ctx.draft.logs.clear();
        return Ok(());
    }
    if line.arg(0).is_some_and(|w| w.is("global")) && line.args().len() == 1 {
        // What a `global` section further below adds is not among them, and what `defaults` took is not taken twice.
        for target in &ctx.global.logs {
            if ctx.draft.logs.iter().all(|known| known.at != target.at) {
                ctx.draft.logs.push(target.clone());
            }
        }
        return Ok(());
    }
    ctx.draft.logs.push(log_target(line, ctx.outside, "or global")?);
    Ok(())
}

fn no_arguments(line: &Line) -> Result<(), Diagnostic> {
    match line.arg(0) {
        Some(extra) => Err(extra.alert("log : 'no log' does not expect arguments")),
        None => Ok(()),
    }
}

/// `log ADDRESS [len N] [format F] [sample S] FACILITY [LEVEL [MINLEVEL]]`
fn log_target(line: &Line, outside: &dyn Outside, or_global: &str) -> Result<LogTarget, Diagnostic> {
    let [address, rest @ ..] = line.args() else {
        return Err(line.alert(format!("log : expects <address> and <facility> {or_global} as arguments")));
    };
    if rest.is_empty() {
        return Err(line.alert(format!("log : expects <address> and <facility> {or_global} as arguments")));
    }
    if address.is("global") && rest.first().is_some_and(|w| self::facility(&w.text()).is_none()) {
        let shown = rest.first().map(Word::text).unwrap_or_default();
        return Err(line.alert(format!("log : unknown log facility '{shown}'")));
    }
    // A wrong facility is told before a wrong address.
    if let [facility, ..] = rest
        && !facility.is("len")
        && !facility.is("format")
        && !facility.is("sample")
        && !facility.is("profile")
        && self::facility(&facility.text()).is_none()
    {
        return Err(facility.alert(format!("log : unknown log facility '{}'", facility.text())));
    }
    let mut target = LogTarget {
        transport: transport(address, outside).map_err(|m| address.alert(format!("log : {m}")))?,
        format: None,
        max_len: 1024,
        facility: Facility(0),
        max_level: LogLevel::Debug,
        min_level: LogLevel::Emerg,
        sample: None,
        profile: None,
        at: address.span,
    };
    let rest = modifiers(&mut target, rest)?;
    let Some((facility, levels)) = rest.split_first() else {
        return Err(line.alert("log : unknown log facility ''"));
    };
    target.facility = self::facility(&facility.text())
        .ok_or_else(|| facility.alert(format!("log : unknown log facility '{}'", facility.text())))?;
    if let Some(word) = levels.first() {
        target.max_level = level(&word.text())
            .ok_or_else(|| word.alert(format!("log : unknown optional log level '{}'", word.text())))?;
    }
    if let Some(word) = levels.get(1) {
        target.min_level = level(&word.text()).ok_or_else(|| {
            word.alert(format!("log : unknown optional minimum log level '{}'", word.text()))
        })?;
    }
    match levels.get(2) {
        Some(extra) => {
            Err(extra.alert(format!("log : cannot handle unexpected argument '{}'", extra.text())))
        }
        None => Ok(target),
    }
}

/// Reads what may stand between address and facility, in the manual's order, each at most once.
fn modifiers<'a>(target: &mut LogTarget, words: &'a [Word]) -> Result<&'a [Word], Diagnostic> {
    let mut rest = words;
    if let [name] = rest {
        let missing = match &*name.bytes {
            b"len" => "invalid log length '', must be between 80 and 65535",
            b"format" => "unknown log format ''",
            b"sample" => "Missing sample size",
            b"profile" => "unknown log facility ''",
            _ => return Ok(rest),
        };
        return Err(name.alert(format!("log : {missing}")));
    }
    if let [name, value, tail @ ..] = rest
        && name.is("len")
    {
        let n = values::leading_integer(&value.bytes);
        target.max_len = usize::try_from(n).ok().filter(|n| (80..=65535).contains(n)).ok_or_else(|| {
            value.alert(format!("log : invalid log length '{}', must be between 80 and 65535", value.text()))
        })?;
        rest = tail;
    }
    if let [name, value, tail @ ..] = rest
        && name.is("format")
    {
        let format = syslog_format(&value.text())
            .ok_or_else(|| value.alert(format!("log : unknown log format '{}'", value.text())))?;
        target.format = Some(format);
        rest = tail;
    }
    if let [name, value, tail @ ..] = rest
        && name.is("sample")
    {
        target.sample = Some(sample(&value.text()).map_err(|m| value.alert(format!("log : {m}")))?);
        rest = tail;
    }
    if let [name, value, tail @ ..] = rest
        && name.is("profile")
    {
        target.profile = Some(value.text().into_owned());
        rest = tail;
    }
    Ok(rest)
}

fn transport(word: &Word, outside: &dyn Outside) -> Result<LogTransport, String> {
    let text = word.text();
    match &*text {
        "stdout" => return Ok(LogTransport::Fd(1)),
        "stderr" => return Ok(LogTransport::Fd(2)),
        "" => return Err("'' resolves to an empty address (environment variable missing?)".to_owned()),
        _ => {}
    }
    if let Some(name) = text.strip_prefix("ring@") {
        return Ok(LogTransport::Ring(name.to_owned()));
    }
    if let Some(name) = text.strip_prefix("backend@") {
        return Ok(LogTransport::Backend(name.to_owned()));
    }
    let written = super::address::endpoint(word, outside)?;
    let stream = matches!(written.transport, Some(Transport::Stream));
    if matches!(written.transport, Some(Transport::Quic | Transport::Mptcp)) {
        return Err(format!("'{text}' is not available yet (it comes with QUIC)."));
    }
    let ip = match &written.address {
        Address::Ip(ip) => *ip,
        Address::Host { name, family } => {
            outside.resolve(name, *family).ok_or_else(|| format!("invalid address: '{name}' in '{text}'"))?
        }
        Address::Fd(fd) => return Ok(LogTransport::Fd(*fd)),
        Address::Unix(path) if text.starts_with("uxst@") => {
            return Ok(LogTransport::Stream(weir_sys::Address::Unix(super::address::path_of(path))));
        }
        Address::Unix(path) => return Ok(LogTransport::Unix(super::address::path_of(path))),
        Address::Abstract { .. } | Address::SocketPair(_) => {
            return Err(format!("'{text}' is not available yet (it comes with abstract sockets in logs)."));
        }
    };
    let port = match written.ports {
        Ports::None => SYSLOG_PORT,
        Ports::One(port) => port,
        Ports::Range(..) => return Err(format!("port range not permitted here in '{text}'")),
        Ports::Offset(_) => return Err(format!("port offset not permitted here in '{text}'")),
    };
    let address = SocketAddr::new(ip, port);
    Ok(if stream {
        LogTransport::Stream(weir_sys::Address::Inet(address))
    } else {
        LogTransport::Udp(address)
    })
}

/// `1,3-4:5`: which of every five lines.
fn sample(text: &str) -> Result<LogSample, String> {
    let Some((list, size)) = text.rsplit_once(':') else { return Err("Missing sample size".to_owned()) };
    if list.is_empty() {
        return Err("no sampling ranges given".to_owned());
    }
    let mut ranges = Vec::new();
    for part in list.split(',') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let range = low.parse::<u32>().ok().zip(high.parse::<u32>().ok());
        let range = range.filter(|&(low, high)| low >= 1 && low <= high);
        ranges.push(range.ok_or_else(|| format!("wrong sample range '{part}'"))?);
    }
    ranges.sort_unstable();
    if ranges.iter().zip(ranges.iter().skip(1)).any(|(a, b)| b.0 <= a.1) {
        return Err("ranges are overlapping".to_owned());
    }
    let size: u32 = size
        .parse()
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| format!("wrong sample size '{size}' for sample range '{list}'"))?;
    let most = ranges.last().map_or(0, |r| r.1);
    if size < most {
        return Err(format!(
            "sample size {size} should be greater or equal to {most} the maximum of the high ranges limits"
        ));
    }
    Ok(LogSample { ranges, size })
}

fn tag(line: &Line) -> Result<String, Diagnostic> {
    line.arg(0)
        .map(|w| w.text().into_owned())
        .ok_or_else(|| line.alert("'log-tag' expects a tag for use in syslog."))
}

/// One format in one word; `None` in a backend, where it was warned about.
fn format(ctx: &mut ProxyCtx<'_>, line: &Line, name: &str) -> Result<Option<(String, Span)>, Diagnostic> {
    let Some(word) = line.arg(0) else { return Err(line.alert(format!("{name} expects an argument."))) };
    if let Some(extra) = line.arg(1) {
        return Err(extra
            .alert(format!("{name} expects only one argument, don't forget to escape spaces!"))
            .hint("put the whole format between double quotes"));
    }
    if ignored_in_backend(ctx, line, name) {
        return Ok(None);
    }
    Ok(Some((word.text().into_owned(), word.span)))
}

fn choose(ctx: &mut ProxyCtx<'_>, line: &Line, kind: LogFormatKind, name: &'static str) {
    if ignored_in_backend(ctx, line, name) {
        return;
    }
    put_format(ctx, line, kind, name);
}

/// Of several formats in `defaults` only the last one counts, which is worth a warning.
fn put_format(ctx: &mut ProxyCtx<'_>, line: &Line, kind: LogFormatKind, name: &'static str) {
    let earlier = ctx.draft.log_format_at.replace((line.span, name));
    ctx.draft.proxy.log_line.format = kind;
    if let Some((_, earlier)) = earlier.filter(|_| ctx.section == Sections::DEFAULTS) {
        let message = format!("'{name}' overrides previous '{earlier}' in 'defaults' section.");
        ctx.out.push(line.warning(message).tight());
    }
}

fn ignored_in_backend(ctx: &mut ProxyCtx<'_>, line: &Line, name: &str) -> bool {
    let ignored = ctx.section == Sections::BACKEND;
    if ignored {
        let proxy = &ctx.draft.proxy.name;
        ctx.out.push(line.warning(format!("backend '{proxy}' : '{name}' directive is ignored in backends.")));
    }
    ignored
}

fn clf(line: &Line, name: &str) -> Result<bool, Diagnostic> {
    match line.args() {
        [] => Ok(false),
        [word] if word.is("clf") => Ok(true),
        [word, extra, ..] if word.is("clf") => {
            Err(extra.alert(format!("'option {name}' cannot handle unexpected argument '{}'.", extra.text())))
        }
        [word, ..] => Err(word.alert(format!("keyword '{name}' only supports option 'clf'."))),
    }
}

pub(super) fn syslog_format(text: &str) -> Option<SyslogFormat> {
    Some(match text {
        "local" => SyslogFormat::Local,
        "rfc3164" => SyslogFormat::Rfc3164,
        "rfc5424" => SyslogFormat::Rfc5424,
        "priority" => SyslogFormat::Priority,
        "short" => SyslogFormat::Short,
        "timed" => SyslogFormat::Timed,
        "iso" => SyslogFormat::Iso,
        "raw" => SyslogFormat::Raw,
        _ => return None,
    })
}

fn facility(text: &str) -> Option<Facility> {
    let at = FACILITIES.iter().position(|&name| name == text)?;
    u8::try_from(at).ok().map(Facility)
}

pub(super) fn level(text: &str) -> Option<LogLevel> {
    Some(match text {
        "emerg" => LogLevel::Emerg,
        "alert" => LogLevel::Alert,
        "crit" => LogLevel::Crit,
        "err" => LogLevel::Err,
        "warning" => LogLevel::Warning,
        "notice" => LogLevel::Notice,
        "info" => LogLevel::Info,
        "debug" => LogLevel::Debug,
        _ => return None,
    })
}

/// By number (RFC 5424, 6.2.1), in the manual's names.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

const SYSLOG_PORT: u16 = 514;
