//! The parameters of a `bind` line (manual, 5.1) and of `stats socket`.

use std::time::Duration;

use weir_config::values::{self, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Sections, Word};
use weir_diag::{Diagnostic, Form};
use weir_sys::namespace::Namespace;

use super::{BindCtx, BindFn};
use crate::conf::{Bind, CliLevel, Proto, SeverityOutput, Shards, V6Mode};

/// The parameters of this file.
pub(super) const BIND_PARAMS: &[Keyword<BindFn>] = &[
    flag("accept-proxy", "expects a PROXY header first", |c, _| each(c, |b| b.accept_proxy = true)),
    value("accept-netscaler-cip", "expects a NetScaler header with this magic first", |c, v| {
        let n = number(c, v)?;
        if n == 0 {
            return Err(said(c, format!("invalid value {n}, must be >= 0")));
        }
        each(c, |b| b.accept_netscaler_cip = Some(n as u32))
    }),
    value("backlog", "pending connections that the system may keep", |c, v| {
        let n = number(c, v)?;
        let n = u32::try_from(n).map_err(|_| said(c, format!("invalid value {n}, must be > 0")))?;
        each(c, |b| b.backlog = (n > 0).then_some(n))
    }),
    value("cc", "congestion control algorithm", |c, v| {
        let text = text(c, v, "missing TCP congestion control algorithm")?;
        each(c, |b| b.congestion = Some(text.clone()))
    }),
    flag("defer-accept", "wakes up when data has come", |c, _| each(c, |b| b.defer_accept = true)),
    value("expose-fd", "lets the runtime API hand listening sockets over", expose_fd),
    value("gid", "group number of a unix socket", |c, v| {
        // Less than none is nobody's: the system keeps what is there.
        let n = u32::try_from(number(c, v)?).ok();
        each(c, |b| b.perms.gid = n)
    }),
    value("group", "group of a unix socket", |c, v| {
        let name = text(c, v, "missing group name")?;
        let gid = c.outside.group(&name).ok_or_else(|| said(c, format!("unknown group name '{name}'")))?;
        each(c, |b| b.perms.gid = Some(gid))
    }),
    Keyword::judged(
        entry("guid-prefix", "beginning of the names that outlive reloads"),
        |c, v| {
            let text = text(c, v, "expects an argument")?;
            if let Some(fault) = v.first().and_then(|word| super::listen::guid_fault(&word.bytes)) {
                let message =
                    format!("error on GUID generation : {fault}. You may fix it by adjusting guid-prefix.");
                return Err(c.name.alert(message).form(Form::Place));
            }
            each(c, |b| b.guid_prefix = Some(text.clone()))
        },
        "no counters of listeners are kept over reloads",
    ),
    value("id", "number of the listener", id),
    value("idle-ping", "silence after which a peer is asked for a sign of life", idle_ping),
    value("interface", "device to listen on", |c, v| {
        let text = text(c, v, "missing interface name")?;
        each(c, |b| b.interface = Some(text.clone()))
    }),
    Keyword::judged(
        entry("label", "a word that groups listeners"),
        |c, v| text(c, v, "missing label").map(drop),
        "nothing asks for groups of listeners",
    ),
    value("level", "what a peer of the runtime API may do", level),
    value("maxconn", "most connections at a time", |c, v| {
        let n = number(c, v)?;
        let n = u32::try_from(n).map_err(|_| said(c, format!("invalid value {n}, must be >= 0")))?;
        each(c, |b| b.maxconn = n)
    }),
    value("mode", "permissions of a unix socket", mode),
    value("mss", "maximum segment size", mss),
    value("name", "name of the listener", |c, v| {
        let text = text(c, v, "missing name")?;
        each(c, |b| b.name = Some(text.clone()))
    }),
    value("namespace", "network namespace to listen in", |c, v| {
        let text = text(c, v, "missing namespace id")?;
        if Namespace::open(&text).is_err() {
            c.out.push(c.name.alert(format!("Cannot open namespace '{text}'.")).form(Form::Config));
            return Err(c.name.alert("error encountered while processing 'namespace'."));
        }
        each(c, |b| b.namespace = Some(text.clone()))
    }),
    Keyword::judged(entry("nice", "priority of its connections"), nice, "connections take turns alike"),
    Keyword::judged(
        entry("process", "which processes serve it, of older versions"),
        |c, v| {
            let text = v.first().map(Word::text).unwrap_or_default();
            c.out.push(Diagnostic::warning(
                c.name.span,
                format!(
                    "'process {text}' on 'bind' lines is not supported anymore, please use 'thread' instead."
                ),
            ));
            Ok(())
        },
        "there is one process",
    ),
    value("proto", "protocol to use without asking", proto),
    value("severity-output", "how the runtime API shows severities", severity_output),
    value("shards", "how many sockets an address gets", shards),
    value("tcp-ut", "how long sent data may stay unacknowledged", tcp_ut),
    flag("tfo", "TCP Fast Open", |c, _| each(c, |b| b.tfo = true)),
    Keyword::judged(entry("thread", "which workers serve it"), thread, "every worker serves every listener"),
    flag("transparent", "accepts connections to foreign addresses", |c, _| each(c, |b| b.transparent = true)),
    value("uid", "user number of a unix socket", |c, v| {
        // Less than none is nobody's: the system keeps what is there.
        let n = u32::try_from(number(c, v)?).ok();
        each(c, |b| b.perms.uid = n)
    }),
    value("user", "owner of a unix socket", |c, v| {
        let name = text(c, v, "missing user name")?;
        let uid = c.outside.user(&name).ok_or_else(|| said(c, format!("unknown user name '{name}'")))?;
        each(c, |b| b.perms.uid = Some(uid))
    }),
    flag("v4v6", "IPv6 and IPv4 on one socket", |c, _| each(c, |b| b.v6 = V6Mode::Both)),
    flag("v6only", "IPv6 only", |c, _| each(c, |b| b.v6 = V6Mode::Only)),
];

const fn flag(name: &'static str, help: &'static str, run: BindFn) -> Keyword<BindFn> {
    Keyword::works(Entry::new(Class::Bind, name, Sections::FRONTENDS, Arity::NONE, help), run)
}

const fn value(name: &'static str, help: &'static str, run: BindFn) -> Keyword<BindFn> {
    Keyword::works(entry(name, help), run)
}

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Bind, name, Sections::FRONTENDS, Arity::exactly(1), help)
}

fn each(ctx: &mut BindCtx<'_>, mut set: impl FnMut(&mut Bind)) -> Result<(), Diagnostic> {
    ctx.binds.iter_mut().for_each(&mut set);
    Ok(())
}

/// `'name' : message`
fn said(ctx: &BindCtx<'_>, message: impl std::fmt::Display) -> Diagnostic {
    ctx.name.alert(format!("'{}' : {message}", ctx.name.text()))
}

fn text(ctx: &BindCtx<'_>, values: &[Word], missing: &str) -> Result<String, Diagnostic> {
    values.first().map(|w| w.text().into_owned()).ok_or_else(|| said(ctx, missing))
}

/// As C's `atol` reads it, cut to an `int`.
fn number(ctx: &BindCtx<'_>, values: &[Word]) -> Result<i32, Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "missing value"))?;
    Ok(values::leading_integer(&word.bytes) as i32)
}

fn expose_fd(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "missing fd type"))?;
    if !word.is("listeners") {
        return Err(word.alert(format!("'expose-fd' only supports 'listeners' (got '{}')", word.text())));
    }
    each(ctx, |b| b.expose_fd = true)
}

fn id(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "expects an integer argument"))?;
    let parsed = values::parse_integer(&word.bytes);
    let n =
        parsed.ok_or_else(|| said(ctx, format!("expects an integer argument, found '{}'", word.text())))?;
    let id = u32::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| said(ctx, "custom id has to be > 0"))?;
    if let Some(first) = ctx.binds.first_mut() {
        first.id = Some(id);
    }
    Ok(())
}

fn idle_ping(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| ctx.name.alert("'idle-ping' expects an argument."))?;
    let time = values::parse_time(&word.bytes, Unit::Milliseconds).map_err(|fault| match fault {
        values::TimeFault::Unexpected(c) => {
            word.alert(format!("unexpected character '{c}' in 'idle-ping' argument on bind line."))
        }
        values::TimeFault::Overflow => word.alert(format!(
            "timer overflow in argument '{}' to 'idle-ping' (maximum value is 2147483647 ms or ~24.8 days).",
            word.text()
        )),
    })?;
    each(ctx, |b| b.idle_ping = Some(time.duration).filter(|time| !time.is_zero()))
}

fn level(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "missing level"))?;
    let level = match &*word.bytes {
        b"user" => CliLevel::User,
        b"operator" => CliLevel::Operator,
        b"admin" => CliLevel::Admin,
        _ => {
            let got = word.text();
            return Err(
                word.alert(format!("'level' only supports 'user', 'operator', and 'admin' (got '{got}')"))
            );
        }
    };
    each(ctx, |b| b.level = level)
}

fn mode(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let text = values.first().map(Word::text).unwrap_or_default();
    let mode = u32::from_str_radix(&text, 8)
        .map_err(|_| said(ctx, format!("missing or invalid mode '{text}' (octal integer expected)")))?;
    each(ctx, |b| b.perms.mode = Some(mode))
}

fn mss(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "missing MSS value"))?;
    let n = values::leading_integer(&word.bytes);
    let mss = i32::try_from(n).ok().filter(|n| *n != 0 && n.abs() <= 65535);
    let mss = mss.ok_or_else(|| said(ctx, "expects an MSS with and absolute value between 1 and 65535"))?;
    each(ctx, |b| b.mss = Some(mss))
}

fn nice(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "missing value"))?;
    let n = values::leading_integer(&word.bytes);
    match n {
        -1024..=1024 => Ok(()),
        _ => Err(said(ctx, format!("invalid value {n}, allowed range is -1024..1024"))),
    }
}

fn proto(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "missing value"))?;
    match &*word.bytes {
        b"h1" => each(ctx, |b| b.proto = Proto::H1),
        b"h2" => each(ctx, |b| b.proto = Proto::H2),
        b"none" => each(ctx, |b| b.proto = Proto::None),
        b"quic" | b"fcgi" | b"spop" => {
            Err(said(ctx, format!("'{}' is not available yet (it comes with its protocol)", word.text())))
        }
        _ => Err(said(ctx, format!(" unknown MUX protocol '{}'", word.text()))),
    }
}

fn severity_output(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "missing severity format"))?;
    let text = word.text();
    let Some(output) = SeverityOutput::of(&text) else {
        return Err(word.alert(format!(
            "'severity-output' only supports 'none', 'number', and 'string' (got '{text}')"
        )));
    };
    each(ctx, |b| b.severity_output = output)
}

fn shards(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "missing value"))?;
    let shards = match &*word.bytes {
        b"by-thread" | b"by-group" => Shards::ByThread,
        bytes => {
            let n = values::leading_integer(bytes);
            let count = u16::try_from(n).ok().filter(|n| (1..=1024).contains(n)).ok_or_else(|| {
                said(ctx, format!("invalid value {n}, allowed range is 1..1024 or 'by-thread'"))
            })?;
            Shards::Count(count)
        }
    };
    each(ctx, |b| b.shards = shards)
}

fn tcp_ut(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| said(ctx, "missing TCP User Timeout value"))?;
    let time = values::parse_time(&word.bytes, Unit::Milliseconds)
        .map_err(|_| said(ctx, "expects a positive delay in milliseconds"))?;
    let time = (time.duration > Duration::ZERO).then_some(time.duration);
    each(ctx, |b| b.tcp_user_timeout = time)
}

/// Every worker serves every listener here; the numbers are judged and go no further.
fn thread(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let Some(word) = values.first() else { return Ok(()) };
    let text = word.text();
    let wrong = |message: String| ctx.name.alert(message);
    let sets = match text.split_once('/') {
        Some(("", _)) => return Err(wrong(format!("thread group number expected before '{text}'."))),
        Some((_, sets)) => sets,
        None => &*text,
    };
    for part in sets.split(',').filter(|part| !["all", "odd", "even"].contains(part)) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        for (which, end) in [("first", low), ("last", high)] {
            let digits = end.bytes().take_while(u8::is_ascii_digit).count();
            let fits = |n: u16| (1..=1024).contains(&n);
            if !end.get(..digits).and_then(|n| n.parse().ok()).is_some_and(fits) {
                let range = "permitted range is 1..1024, or 'all', 'odd', 'even'.";
                return Err(wrong(format!("invalid {which} thread number '{end}', {range}")));
            }
            if let Some(bad) = end.get(digits..).and_then(|rest| rest.chars().next()) {
                return Err(wrong(format!(
                    "invalid character '{bad}' in thread set specification: '{text}'."
                )));
            }
        }
    }
    Ok(())
}
