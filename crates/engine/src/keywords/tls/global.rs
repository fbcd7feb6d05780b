//! The words of TLS in `global` (manual, 3.1 and 3.2).

use weir_config::values;
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections};
use weir_diag::Diagnostic;
use weir_tls::store::Extra;

use super::super::process::put;
use super::super::{GlobalCtx, GlobalFn};
use super::{version, version_by_name};
use crate::conf::TlsWords;

/// The lines of this file.
pub(in super::super) const GLOBAL_TLS: &[Keyword<GlobalFn>] = &[
    Keyword::works(entry("ca-base", Arity::between(0, 1), "folder of 'ca-file' and 'crl-file'"), |c, l| {
        base(l, &mut c.global.tls.ca_base)
    }),
    Keyword::works(entry("crt-base", Arity::between(0, 1), "folder of 'crt' and 'crt-list'"), |c, l| {
        base(l, &mut c.global.tls.crt_base)
    }),
    Keyword::works(entry("key-base", Arity::between(0, 1), "folder of keys"), |c, l| {
        base(l, &mut c.global.tls.key_base)
    }),
    Keyword::works(entry("ssl-default-bind-options", Arity::ANY, "options of 'bind ssl'"), |c, line| {
        options(line, "ssl-default-bind-options", |word| {
            let tls = &mut c.global.tls;
            match word {
                "prefer-client-ciphers" => tls.client_order = true,
                "strict-sni" => tls.strict_sni = true,
                _ => return false,
            }
            true
        })?;
        words(line, &mut c.global.tls.bind)
    }),
    Keyword::works(entry("ssl-default-server-options", Arity::ANY, "options of 'server ssl'"), |c, line| {
        options(line, "ssl-default-server-options", |_| false)?;
        words(line, &mut c.global.tls.server)
    }),
    Keyword::works(entry("ssl-load-extra-del-ext", Arity::ANY, "other endings replace '.crt'"), |c, _| {
        put(true, &mut c.global.tls.extra.replaces_crt)
    }),
    Keyword::works(
        entry("ssl-load-extra-files", Arity::ANY, "files that are looked for beside certificates"),
        extra_files,
    ),
    Keyword::works(
        entry("tune.ssl.capture-buffer-size", Arity::between(0, 1), "bytes kept of clients' first words"),
        capture,
    ),
    Keyword::works(
        entry("tune.ssl.capture-cipherlist-size", Arity::between(0, 1), "as 'tune.ssl.capture-buffer-size'"),
        |ctx, line| {
            ctx.out.push(line.warning(
                "'tune.ssl.capture-cipherlist-size' is deprecated and will be removed in version 2.7. Please use 'tune.ssl.capture-buffer-size' instead.",
            ));
            capture(ctx, line)
        },
    ),
    Keyword::works(
        entry("tune.ssl.keylog", Arity::between(0, 1), "whether secrets of sessions are kept"),
        |ctx, line| {
            let got = line.arg(0).map(|w| w.text()).unwrap_or_default();
            ctx.global.tls.keylog = match &*got {
                "on" => true,
                "off" => false,
                _ => {
                    return Err(line
                        .alert(format!("'tune.ssl.keylog' expects either 'on' or 'off' but got '{got}'.")));
                }
            };
            Ok(())
        },
    ),
    Keyword::works(
        entry("ssl-server-verify", Arity::between(0, 1), "whether servers are checked"),
        |c, line| {
            let word =
                line.arg(0).ok_or_else(|| line.alert("'ssl-server-verify' expects an integer argument."))?;
            let none = match &*word.bytes {
                b"none" => true,
                b"required" => false,
                _ => return Err(word.alert("'ssl-server-verify' expects 'none' or 'required' as argument.")),
            };
            put(none, &mut c.global.tls.trusts_servers)
        },
    ),
];

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, help)
}

fn base(line: &Line, to: &mut Option<String>) -> Result<(), Diagnostic> {
    if to.is_some() {
        return Err(line.alert(format!("'{}' already specified.", line.name())));
    }
    let word = line.arg(0).ok_or_else(|| {
        line.alert(format!("global statement '{}' expects a directory path as an argument.", line.name()))
    })?;
    put(Some(word.text().into_owned()), to)
}

/// Judges the words of a line of options; `own` takes those that are no matter of sessions.
fn options(line: &Line, name: &str, mut own: impl FnMut(&str) -> bool) -> Result<(), Diagnostic> {
    if line.args().is_empty() {
        return Err(line.alert(format!("global statement '{name}' expects an option as an argument.")));
    }
    let mut rest = line.args();
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let text = word.text();
        match &*text {
            "ssl-min-ver" | "ssl-max-ver" => {
                version(&text, rest).map_err(|m| word.alert(format!("{m} on global statement '{name}'.")))?;
                rest = rest.get(1..).unwrap_or_default();
            }
            "tls-tickets" | "no-tls-tickets" => {}
            _ if VERSIONS.contains(&&*text) || own(&text) => {}
            _ => return Err(word.alert(format!("unknown option '{text}' on global statement '{name}'."))),
        }
    }
    Ok(())
}

/// Takes the words that are a matter of sessions.
fn words(line: &Line, to: &mut TlsWords) -> Result<(), Diagnostic> {
    let mut rest = line.args();
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let text = word.text();
        match &*text {
            "ssl-min-ver" => to.versions.min = version(&text, rest).ok(),
            "ssl-max-ver" => to.versions.max = version(&text, rest).ok(),
            "tls-tickets" => to.tickets = Some(true),
            "no-tls-tickets" => to.tickets = Some(false),
            _ if VERSIONS.contains(&&*text) => version_by_name(&text, to),
            _ => {}
        }
    }
    Ok(())
}

fn extra_files(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let expected = || {
        line.alert(
            "'ssl-load-extra-files' expects one or multiple arguments (none, all, bundle, sctl, ocsp, issuer).",
        )
    };
    let replaces_crt = ctx.global.tls.extra.replaces_crt;
    let mut extra = Extra { replaces_crt, ..Extra::none() };
    let args = line.args();
    if args.is_empty() {
        return Err(expected());
    }
    for word in args {
        match &*word.bytes {
            b"bundle" => extra.bundle = true,
            b"sctl" => extra.sctl = true,
            b"ocsp" => extra.ocsp = true,
            b"issuer" => extra.issuer = true,
            b"key" => extra.key = true,
            b"none" | b"all" if args.len() > 1 => {
                return Err(word.alert("'ssl-load-extra-files' 'none' and 'all' can be only used alone"));
            }
            b"none" => {}
            b"all" => extra = Extra { replaces_crt, ..Extra::default() },
            _ => return Err(expected()),
        }
    }
    put(extra, &mut ctx.global.tls.extra)
}

const VERSIONS: &[&str] = &[
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
    "no-sslv3",
    "no-tlsv10",
    "no-tlsv11",
    "no-tlsv12",
    "no-tlsv13",
];

fn capture(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let word =
        line.arg(0).ok_or_else(|| line.alert(format!("'{}' expects an integer argument.", line.name())))?;
    let size = usize::try_from(values::leading_integer(&word.bytes));
    let size =
        size.map_err(|_| line.alert(format!("'{}' expects a positive numeric value.", line.name())))?;
    put(size, &mut ctx.global.tls.capture)
}
