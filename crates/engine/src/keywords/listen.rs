//! What a proxy is and where it takes connections in: `mode`, `bind`, `maxconn`, `default_backend` and the
//! like (manual, 4.2).

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word, no_effect, run_of, values};
use weir_diag::{Diagnostic, Form};

use super::address::{bind_endpoints, is_multipath, listening, prefixed};
use super::resolve::place;
use super::{BIND, BindCtx, ProxyCtx, ProxyFn};
use crate::conf::{Bind, Endpoint, GlobalTls, Mode};

/// The lines of this file.
pub(super) const LISTEN: &[Keyword<ProxyFn>] = &[
    Keyword::works(
        entry("mode", Sections::PROXIES, Arity::between(0, 1), "protocol of the proxy: tcp, http or log"),
        mode,
    ),
    Keyword::works(entry("bind", Sections::FRONTENDS, Arity::ANY, "addresses to listen on"), bind),
    Keyword::works(
        entry("maxconn", FRONT, Arity::exactly(1), "most connections at a time")
            .missing("'maxconn' expects an integer argument."),
        |ctx, line| {
            ctx.draft.proxy.maxconn = Some(unsigned(line)).filter(|&n| n != 0);
            Ok(())
        },
    ),
    Keyword::works(
        entry("backlog", FRONT, Arity::exactly(1), "pending connections that the system may keep")
            .missing("'backlog' expects an integer argument."),
        |ctx, line| {
            ctx.draft.proxy.backlog = Some(unsigned(line)).filter(|&n| n != 0);
            Ok(())
        },
    ),
    Keyword::works(
        entry("rate-limit sessions", FRONT, Arity::ANY, "most new sessions per second"),
        rate_limit,
    ),
    Keyword::works(
        entry("default_backend", FRONT, Arity::between(0, 1), "backend where no rule names another"),
        default_backend,
    ),
    Keyword::works(
        entry("be-unpublished", OWN, Arity::ANY, "no rule of another proxy leads here yet"),
        |ctx, line| {
            if ctx.section == Sections::FRONTEND {
                return Err(line.alert("'be-unpublished' only available in backend or listen section."));
            }
            ctx.draft.proxy.unpublished = true;
            Ok(())
        },
    ),
    Keyword::works(
        entry("disabled", Sections::PROXIES, Arity::NONE, "takes the proxy out of service"),
        |ctx, _| {
            ctx.draft.proxy.disabled = true;
            Ok(())
        },
    ),
    Keyword::works(
        entry("enabled", Sections::PROXIES, Arity::NONE, "takes back an inherited 'disabled'"),
        |ctx, _| {
            ctx.draft.proxy.disabled = false;
            Ok(())
        },
    ),
    Keyword::works(
        entry("description", Sections::PROXIES, Arity::at_least(1), "a text for people")
            .missing_as(Form::Tight, "'description' expects a string argument."),
        |ctx, line| {
            own_only(ctx, line)?;
            let words: Vec<_> = line.args().iter().map(Word::text).collect();
            ctx.draft.proxy.description = Some(words.join(" "));
            Ok(())
        },
    ),
    Keyword::works(
        entry("id", Sections::PROXIES, Arity::exactly(1), "number of the proxy")
            .missing_as(Form::Tight, "'id' expects an integer argument."),
        id,
    ),
    Keyword::works(entry("rate-limit", FRONT, Arity::ANY, "limits: 'sessions'"), |_, line| {
        let got = line.arg(0).map(Word::text).unwrap_or_default();
        Err(line.alert(format!("'rate-limit' only supports 'sessions' (got '{got}')")))
    }),
    Keyword::works(entry("guid", OWN, Arity::ANY, "name that outlives reloads"), guid),
];

const FRONT: Sections = Sections::DEFAULTS.union(Sections::FRONTENDS);
const OWN: Sections = Sections::FRONTENDS.union(Sections::BACKENDS);

const fn entry(name: &'static str, sections: Sections, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, sections, arity, help)
}

/// The first argument as C's `atol` reads it, cut to what a count can be.
pub(super) fn unsigned(line: &Line) -> u32 {
    line.arg(0).map_or(0, number)
}

/// A word as C's `atol` reads it, cut to what a count can be.
pub(super) fn number(word: &Word) -> u32 {
    u32::try_from(values::leading_integer(&word.bytes)).unwrap_or(0)
}

fn mode(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let word = line.arg(0);
    let text = word.map(Word::text).unwrap_or_default();
    ctx.draft.proxy.mode = match &*text {
        "tcp" => Mode::Tcp,
        "http" => Mode::Http,
        "health" => {
            return Err(line.alert(
                "'mode health' doesn't exist anymore. Please use 'http-request return status 200' instead.",
            ));
        }
        "log" if ctx.section == Sections::FRONTEND => {
            return Err(line.alert("mode syslog is only applicable on proxies with backend capability."));
        }
        "log" => Mode::Log,
        "spop" | "haterm" => {
            return Err(
                line.alert(format!("'mode {text}' is not available yet (it comes with its protocol)."))
            );
        }
        _ => {
            let at = word.map_or(line.span, |w| w.span);
            return Err(Diagnostic::alert(at, format!("unknown proxy mode '{text}'."))
                .hint("the modes are 'tcp' and 'http'"));
        }
    };
    ctx.draft.gives_mode = true;
    Ok(())
}

fn bind(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some((address, params)) = line.args().split_first() else {
        return Err(
            line.alert("'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.")
        );
    };
    let mut binds = addresses(ctx, address).map_err(|d| prefixed("'bind' : ", d))?;
    let at = format!("'bind {}' in section '{}'", address.text(), ctx.keyword);
    let messages = bind_parameters(&mut binds, params, &at, ctx);
    ctx.out.extend(messages);
    let duplicate = duplicate_id(ctx, &binds, address, &at);
    ctx.draft.proxy.binds.append(&mut binds);
    duplicate
}

/// The addresses of a `bind` or `stats bind` line.
pub(super) fn addresses(ctx: &ProxyCtx<'_>, word: &Word) -> Result<Vec<Bind>, Diagnostic> {
    let text = word.text();
    let mut binds = Vec::new();
    for written in bind_endpoints(word, ctx.outside)? {
        if written.transport == Some(values::Transport::Quic) {
            return Err(word.alert(format!("'{text}' : QUIC is not available yet (it comes with HTTP/3)")));
        }
        let endpoints = listening(&written, &text, ctx.outside).map_err(|m| word.alert(m))?;
        for mut endpoint in endpoints {
            if let Endpoint::Unix(path) = &mut endpoint {
                let mut whole = std::ffi::OsString::from(&ctx.global.unix_prefix);
                whole.push(path.as_os_str());
                *path = whole.into();
            }
            let mut bind = Bind::new(endpoint, word.span);
            bind.mptcp = is_multipath(&written);
            bind.perms = ctx.global.unix_perms.clone();
            binds.push(bind);
        }
    }
    Ok(binds)
}

/// Runs the parameters of a line and returns what they said, each message completed with `at`.
pub(super) fn bind_parameters(
    binds: &mut [Bind],
    params: &[Word],
    at: &str,
    ctx: &ProxyCtx<'_>,
) -> Vec<Diagnostic> {
    parameters(binds, params, ctx.outside, &ctx.global.tls)
        .into_iter()
        .map(|fault| match fault {
            Fault::Unknown(word, message) => word.alert(format!("{at}: {message}")),
            // What stands alone in the reference names no line.
            Fault::Said(said) if matches!(said.form, Form::Config | Form::Tight | Form::Place) => said,
            Fault::Said(diagnostic) => prefixed(&format!("{at} : "), diagnostic),
        })
        .collect()
}

/// What is wrong with a parameter.
pub(super) enum Fault {
    /// There is none of this name; the message is `unknown keyword ...`.
    Unknown(Word, String),
    /// What its function or its table said.
    Said(Diagnostic),
}

/// Runs the parameters of a `bind` or `stats socket` line on all its addresses.
pub(super) fn parameters(
    binds: &mut [Bind],
    params: &[Word],
    outside: &dyn super::Outside,
    tls: &GlobalTls,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut rest = params;
    while let Some((name, tail)) = rest.split_first() {
        let Some((keyword, _)) = BIND.parameter(Class::Bind, rest) else {
            faults.push(Fault::Unknown(name.clone(), BIND.unknown_parameter(Class::Bind, name)));
            break;
        };
        let most = usize::from(keyword.entry.arity.max).min(tail.len());
        let (values, after) = tail.split_at_checked(most).unwrap_or((tail, &[]));
        rest = after;
        let mut out = weir_diag::Diagnostics::default();
        match run_of(keyword, name.span, &name.text()) {
            Ok(Ok(run)) => {
                let mut ctx = BindCtx { binds, name, out: &mut out, outside, tls };
                let result = run(&mut ctx, values);
                if let (Some(()), Some(reason)) = (out.take(result), keyword.state.without_effect()) {
                    out.push(no_effect(name.span, &name.text(), reason));
                }
            }
            Ok(Err(said)) | Err(said) => out.push(said),
        }
        let is_wrong = out.is_fatal();
        faults.extend(out.into_iter().map(Fault::Said));
        if is_wrong {
            break; // What follows may belong to what is wrong.
        }
    }
    faults
}

fn duplicate_id(ctx: &ProxyCtx<'_>, binds: &[Bind], word: &Word, at: &str) -> Result<(), Diagnostic> {
    let Some(id) = binds.iter().find_map(|b| b.id) else { return Ok(()) };
    let Some(other) = ctx.draft.proxy.binds.iter().find(|b| b.id == Some(id)) else { return Ok(()) };
    Err(word
        .alert(format!(
            "{at} : 'id' : custom id {id} already used at {} ('bind {}')",
            place(ctx.sources, other.at),
            ctx.sources.text(other.at)
        ))
        .related(other.at, "first used here"))
}

fn rate_limit(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert("'rate-limit sessions' expects expects an integer value (in sessions/second)"));
    };
    ctx.draft.proxy.rate_limit = digits("rate-limit sessions", word)?;
    Ok(())
}

/// A whole number without sign; `'name' : unexpected character 'x' in integer value '5x'` for anything else.
pub(super) fn digits(name: &str, word: &Word) -> Result<u32, Diagnostic> {
    match word.bytes.iter().find(|b| !b.is_ascii_digit()) {
        Some(&bad) => Err(word.alert(format!(
            "'{name}' : unexpected character '{}' in integer value '{}'",
            char::from(bad),
            word.text()
        ))),
        None => Ok(u32::try_from(values::leading_integer(&word.bytes)).unwrap_or(u32::MAX)),
    }
}

fn default_backend(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0).filter(|w| !w.bytes.is_empty()) else {
        return Err(line.alert("'default_backend' expects a backend name."));
    };
    ctx.draft.proxy.default_backend = Some((word.text().into_owned(), word.span));
    Ok(())
}

/// Refuses in `defaults` what each proxy has for itself.
fn own_only(ctx: &ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section != Sections::DEFAULTS {
        return Ok(());
    }
    Err(line.alert(format!("'{}' not allowed in 'defaults' section.", line.name())).tight())
}

fn id(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    own_only(ctx, line)?;
    let Some(word) = line.arg(0) else { return Ok(()) };
    let value = values::leading_integer(&word.bytes);
    let id = u32::try_from(value).ok().filter(|&n| n > 0 && n <= i32::MAX.unsigned_abs());
    let Some(id) = id else { return Err(word.alert("custom id has to be > 0.").tight()) };
    ctx.draft.proxy.id = id;
    ctx.draft.explicit_id = Some(word.span);
    Ok(())
}

fn guid(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else { return Err(line.alert("'guid' : expects an argument")) };
    guid_fault(&word.bytes).map_or(Ok(()), |m| Err(word.alert(format!("'guid': {m}"))))?;
    ctx.draft.proxy.guid = Some(word.text().into_owned());
    Ok(())
}

/// What is wrong with a word as a guid.
pub(super) fn guid_fault(guid: &[u8]) -> Option<String> {
    if guid.len() > GUID_MAX {
        return Some("invalid length".to_owned());
    }
    values::invalid_character(guid).map(|c| format!("invalid character '{c}'"))
}

/// Longest guid, in bytes.
const GUID_MAX: usize = 127;
