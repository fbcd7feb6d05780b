//! `timeout ...` and the keep-alive probes of a proxy (manual, 4.2).

use std::time::Duration;

use weir_config::values::{self, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections};
use weir_diag::Diagnostic;

use super::process::put;
use super::{ProxyCtx, ProxyFn};
use crate::conf::Timeouts;

/// The lines of this file.
pub(super) const TIMEOUTS: &[Keyword<ProxyFn>] = &[
    timeout("timeout", Sections::PROXIES, "limits of time", |_, line| {
        let got = line.arg(0).map(weir_config::Word::text).unwrap_or_default();
        Err(line.alert(format!(
            "'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'handshake', 'http-keep-alive', \
             'http-request', 'tunnel', 'tarpit', 'client-fin' and 'server-fin' (got '{got}')"
        )))
    }),
    timeout("timeout check", BACK, "how long a check may take once connected", |c, l| {
        set(c, l, |t| &mut t.check)
    }),
    timeout("timeout client", FRONT, "inactivity of a client", |c, l| set(c, l, |t| &mut t.client)),
    timeout("timeout client-fin", FRONT, "inactivity of a half-closed client", |c, l| {
        set(c, l, |t| &mut t.client_fin)
    }),
    timeout("timeout client-hs", FRONT, "duration of a client's handshake", |c, l| {
        set(c, l, |t| &mut t.client_hs)
    }),
    timeout("timeout connect", BACK, "how long a connection to a server may take", |c, l| {
        set(c, l, |t| &mut t.connect)
    }),
    timeout("timeout http-keep-alive", Sections::PROXIES, "wait for the next request", |c, l| {
        set(c, l, |t| &mut t.http_keep_alive)
    }),
    timeout("timeout http-request", Sections::PROXIES, "wait for a whole request", |c, l| {
        set(c, l, |t| &mut t.http_request)
    }),
    timeout("timeout queue", BACK, "wait for a free connection of a server", |c, l| {
        set(c, l, |t| &mut t.queue)
    }),
    timeout("timeout server", BACK, "inactivity of a server", |c, l| set(c, l, |t| &mut t.server)),
    timeout("timeout server-fin", BACK, "inactivity of a half-closed server", |c, l| {
        set(c, l, |t| &mut t.server_fin)
    }),
    timeout("timeout tarpit", Sections::PROXIES, "how long a tarpitted request is held", |c, l| {
        set(c, l, |t| &mut t.tarpit)
    }),
    timeout("timeout tunnel", BACK, "inactivity of both sides of a tunnel", |c, l| {
        set(c, l, |t| &mut t.tunnel)
    }),
    timeout("clitimeout", FRONT, "'timeout client' of older versions", |c, l| set(c, l, |t| &mut t.client)),
    timeout("contimeout", BACK, "'timeout connect' of older versions", |c, l| set(c, l, |t| &mut t.connect)),
    timeout("srvtimeout", BACK, "'timeout server' of older versions", |c, l| set(c, l, |t| &mut t.server)),
    probes("clitcpka-cnt", FRONT, "unanswered probes that end a client's connection", |c, l| {
        put(Some(probe_count(l)?), &mut c.draft.proxy.client_keepalive.count)
    }),
    probes("clitcpka-idle", FRONT, "silence of a client before the first probe", |c, l| {
        put(Some(probe_time(l)?), &mut c.draft.proxy.client_keepalive.idle)
    }),
    probes("clitcpka-intvl", FRONT, "time between probes to a client", |c, l| {
        put(Some(probe_time(l)?), &mut c.draft.proxy.client_keepalive.interval)
    }),
    probes("srvtcpka-cnt", BACK, "unanswered probes that end a server's connection", |c, l| {
        put(Some(probe_count(l)?), &mut c.draft.proxy.server_keepalive.count)
    }),
    probes("srvtcpka-idle", BACK, "silence of a server before the first probe", |c, l| {
        put(Some(probe_time(l)?), &mut c.draft.proxy.server_keepalive.idle)
    }),
    probes("srvtcpka-intvl", BACK, "time between probes to a server", |c, l| {
        put(Some(probe_time(l)?), &mut c.draft.proxy.server_keepalive.interval)
    }),
];

const FRONT: Sections = Sections::DEFAULTS.union(Sections::FRONTENDS);
const BACK: Sections = Sections::DEFAULTS.union(Sections::BACKENDS);

const fn timeout(
    name: &'static str,
    sections: Sections,
    help: &'static str,
    run: ProxyFn,
) -> Keyword<ProxyFn> {
    Keyword::works(Entry::new(Class::Proxy, name, sections, Arity::ANY, help), run)
}

const fn probes(
    name: &'static str,
    sections: Sections,
    help: &'static str,
    run: ProxyFn,
) -> Keyword<ProxyFn> {
    Keyword::works(Entry::new(Class::Proxy, name, sections, Arity::ANY, help), run)
}

fn probe_count(line: &Line) -> Result<u32, Diagnostic> {
    let name = line.name();
    let word = line.arg(0).ok_or_else(|| line.alert(format!("'{name}' expects an integer value")))?;
    super::listen::digits(&name, word)
}

/// Whole seconds, unless a unit says otherwise.
fn probe_time(line: &Line) -> Result<Duration, Diagnostic> {
    let name = line.name();
    let word = line.arg(0).ok_or_else(|| line.alert(format!("'{name}' expects an integer value")))?;
    super::process::written_time(word, &name, Unit::Seconds)
}

fn set(
    ctx: &mut ProxyCtx<'_>,
    line: &Line,
    field: fn(&mut Timeouts) -> &mut Option<Duration>,
) -> Result<(), Diagnostic> {
    let name = line.name();
    let Some(word) = line.arg(0) else {
        return Err(line.alert(format!("'{name}' expects an integer value (in milliseconds)")));
    };
    let Some(value) = milliseconds(ctx, &name, word)? else { return Ok(()) };
    if let Some(extra) = line.arg(1) {
        return Err(extra.alert(format!(
            "'{name}' : unexpected extra argument '{}' after value '{}'.",
            extra.text(),
            word.text()
        )));
    }
    suspicious(ctx, line, &name, word, value);
    *field(&mut ctx.draft.proxy.timeouts) = (!value.is_zero()).then_some(value);
    Ok(())
}

fn milliseconds(
    ctx: &mut ProxyCtx<'_>,
    name: &str,
    word: &weir_config::Word,
) -> Result<Option<Duration>, Diagnostic> {
    match values::parse_time(&word.bytes, Unit::Milliseconds) {
        Err(TimeFault::Unexpected(_)) if word.bytes.is_empty() => {
            Err(word.alert(format!("'{name}' expects an integer value (in milliseconds)")))
        }
        _ => Ok(values::time(name, word, Unit::Milliseconds, ctx.out)),
    }
}

/// A small number without a unit was often meant in seconds.
fn suspicious(ctx: &mut ProxyCtx<'_>, line: &Line, name: &str, word: &weir_config::Word, value: Duration) {
    let entry = TIMEOUTS.iter().map(|keyword| &keyword.entry).find(|entry| entry.name == name);
    if entry.is_some_and(|entry| !entry.sections.intersects(ctx.section)) {
        return; // That it is ignored was said already.
    }
    let bare = word.bytes.iter().all(u8::is_ascii_digit);
    if bare && !value.is_zero() && value < Duration::from_millis(100) {
        let text = word.text();
        let kind = if ctx.keyword == "listen" { "proxy" } else { ctx.keyword };
        let proxy = &ctx.draft.proxy.name;
        ctx.out.push(line.warning(format!(
            "'{name} {text}' in {kind} '{proxy}' is suspiciously small for a value in milliseconds. \
             Please use an explicit unit ('{text}ms') if that was the intent."
        )));
    }
}
