//! The words of TLS in `global` (manual, 3.1 and 3.2).

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections};
use weir_diag::Diagnostic;
use weir_tls::store::Extra;

use super::super::process::put;
use super::super::{GlobalCtx, GlobalFn};
use super::{Through, version, version_by_name};
use crate::conf::{GlobalTls, TlsWords};

/// The lines of this file.
pub(in super::super) const GLOBAL_TLS: &[Keyword<GlobalFn>] = &[
    Keyword::works(entry("ca-base", Arity::between(0, 1), "folder of 'ca-file' and 'crl-file'"), |c, l| {
        base(l, &mut c.global.tls.ca_base)
    }),
    Keyword::works(entry("crt-base", Arity::between(0, 1), "folder of 'crt' and 'crt-list'"), |c, l| {
        base(l, &mut c.global.tls.crt_base)
    }),
    Keyword::works(
        entry("issuers-chain-path", Arity::between(0, 1), "folder of chains for certificates that have none"),
        issuers,
    ),
    Keyword::works(entry("key-base", Arity::between(0, 1), "folder of keys"), |c, l| {
        base(l, &mut c.global.tls.key_base)
    }),
    default_list("ssl-default-bind-ciphers", "'ciphers' of 'bind ssl'"),
    default_list("ssl-default-bind-ciphersuites", "'ciphersuites' of 'bind ssl'"),
    default_list("ssl-default-bind-client-sigalgs", "'client-sigalgs' of 'bind ssl'"),
    default_list("ssl-default-bind-curves", "'curves' of 'bind ssl'"),
    Keyword::works(entry("ssl-default-bind-options", Arity::ANY, "options of 'bind ssl'"), |c, line| {
        let GlobalTls { bind, client_order, strict_sni, .. } = &mut c.global.tls;
        options(line, bind, |word| {
            match word {
                "prefer-client-ciphers" => *client_order = true,
                "strict-sni" => *strict_sni = true,
                _ => return false,
            }
            true
        })
    }),
    default_list("ssl-default-bind-sigalgs", "'sigalgs' of 'bind ssl'"),
    default_list("ssl-default-server-ciphers", "'ciphers' of 'server ssl'"),
    default_list("ssl-default-server-ciphersuites", "'ciphersuites' of 'server ssl'"),
    default_list("ssl-default-server-client-sigalgs", "'client-sigalgs' of 'server ssl'"),
    default_list("ssl-default-server-curves", "'curves' of 'server ssl'"),
    Keyword::works(entry("ssl-default-server-options", Arity::ANY, "options of 'server ssl'"), |c, line| {
        options(line, &mut c.global.tls.server, |_| false)
    }),
    default_list("ssl-default-server-sigalgs", "'sigalgs' of 'server ssl'"),
    Keyword::works(entry("ssl-load-extra-del-ext", Arity::ANY, "other endings replace '.crt'"), |c, _| {
        put(true, &mut c.global.tls.extra.replaces_crt)
    }),
    Keyword::works(
        entry("ssl-load-extra-files", Arity::ANY, "files that are looked for beside certificates"),
        extra_files,
    ),
    Keyword::works(
        entry("ssl-skip-self-issued-ca", Arity::ANY, "no self-signed authority is sent"),
        |c, _| put(true, &mut c.global.tls.extra.skips_roots),
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

fn issuers(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let expected = "global statement 'issuers-chain-path' expects a directory path as an argument.";
    let word = line.arg(0).ok_or_else(|| line.alert(expected))?;
    let path = word.text();
    match ctx.outside.list(path.as_ref().as_ref()) {
        Ok(Some(names)) => {
            ctx.global.tls.store.add_issuers(&path, names, &Through(ctx.outside));
            Ok(())
        }
        Ok(None) => {
            Err(word.alert(format!("global statement 'issuers-chain-path': {path} is not a directory.")))
        }
        Err(_) => Err(word.alert(expected)),
    }
}

/// A list that lines of one side start from; its name says which.
const fn default_list(name: &'static str, help: &'static str) -> Keyword<GlobalFn> {
    Keyword::works(entry(name, Arity::between(0, 1), help), |ctx, line| {
        let name = line.name();
        let tls = &mut ctx.global.tls;
        let words = if name.starts_with("ssl-default-bind-") { &mut tls.bind } else { &mut tls.server };
        let (place, expected) = match name.splitn(4, '-').last() {
            Some("ciphers") => (&mut words.ciphers, "a cipher suite as an argument"),
            Some("ciphersuites") => (&mut words.ciphersuites, "a cipher suite as an argument"),
            Some("client-sigalgs") => (&mut words.client_sigalgs, "signature algorithms as an arguments"),
            Some("curves") => (&mut words.curves, "a curves suite as an arguments"),
            _ => (&mut words.sigalgs, "a curves suite as an arguments"),
        };
        let expected = || line.alert(format!("global statement '{name}' expects {expected}."));
        put(Some(line.arg(0).ok_or_else(expected)?.text().into_owned()), place)
    })
}

/// Takes the words of a line of options; `own` those that are no matter of sessions.
fn options(line: &Line, to: &mut TlsWords, mut own: impl FnMut(&str) -> bool) -> Result<(), Diagnostic> {
    let name = line.name();
    if line.args().is_empty() {
        return Err(line.alert(format!("global statement '{name}' expects an option as an argument.")));
    }
    let mut rest = line.args();
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let text = word.text();
        match &*text {
            "ssl-min-ver" | "ssl-max-ver" => {
                let version = version(&text, rest);
                let version =
                    version.map_err(|m| word.alert(format!("{m} on global statement '{name}'.")))?;
                let end = if text == "ssl-min-ver" { &mut to.versions.min } else { &mut to.versions.max };
                *end = Some(version);
                rest = rest.get(1..).unwrap_or_default();
            }
            "tls-tickets" => to.tickets = Some(true),
            "no-tls-tickets" => to.tickets = Some(false),
            _ if VERSIONS.contains(&&*text) => version_by_name(&text, to),
            _ if own(&text) => {}
            _ => return Err(word.alert(format!("unknown option '{text}' on global statement '{name}'."))),
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
