//! The words of TLS on a `bind` line (manual, 5.1).

use weir_config::{Arity, Class, Entry, Keyword, Sections, Word};
use weir_diag::{Diagnostic, Form, Severity};

use super::super::{BindCtx, BindFn};
use super::{Through, below, load_fault, protocols, version, version_by_name};
use crate::conf::{BindCertificate, BindTls};

/// The parameters of this file.
pub(in super::super) const BIND_TLS: &[Keyword<BindFn>] = &[
    value("alpn", "protocols to agree on, the best first", |c, v| {
        let list = protocols("alpn", v).map_err(|m| c.name.alert(m))?;
        each(c, |t| t.words.alpn = Some(list.clone()))
    }),
    value("crt", "certificates with their keys: a file or a folder", |c, v| certificates(c, v, false)),
    value("default-crt", "certificates for who asks for no name that is known", |c, v| {
        certificates(c, v, true)
    }),
    flag("force-sslv3", "only this version", by_name),
    flag("force-tlsv10", "only this version", by_name),
    flag("force-tlsv11", "only this version", by_name),
    flag("force-tlsv12", "only this version", by_name),
    flag("force-tlsv13", "only this version", by_name),
    flag("no-alpn", "agrees on no protocol", |c, _| each(c, |t| t.words.alpn = Some(Vec::new()))),
    flag("no-sslv3", "not this version", by_name),
    flag("no-strict-sni", "a default certificate for unknown names", |c, _| {
        each(c, |t| t.strict_sni = Some(false))
    }),
    flag("no-tls-tickets", "no sessions resumed by tickets", |c, _| {
        each(c, |t| t.words.tickets = Some(false))
    }),
    flag("no-tlsv10", "not this version", by_name),
    flag("no-tlsv11", "not this version", by_name),
    flag("no-tlsv12", "not this version", by_name),
    flag("no-tlsv13", "not this version", by_name),
    flag("prefer-client-ciphers", "the client's order of suites counts", |c, _| {
        each(c, |t| t.client_order = true)
    }),
    flag("ssl", "TLS", |c, _| each(c, |t| t.ssl = true)),
    value("ssl-max-ver", "newest version spoken", |c, v| {
        let version = version("ssl-max-ver", v).map_err(|m| c.name.alert(m))?;
        each(c, |t| t.words.versions.max = Some(version))
    }),
    value("ssl-min-ver", "oldest version spoken", |c, v| {
        let version = version("ssl-min-ver", v).map_err(|m| c.name.alert(m))?;
        each(c, |t| t.words.versions.min = Some(version))
    }),
    flag("strict-sni", "no certificate for unknown names", |c, _| each(c, |t| t.strict_sni = Some(true))),
    flag("tls-tickets", "sessions resumed by tickets", |c, _| each(c, |t| t.words.tickets = Some(true))),
    Keyword::inert(
        Entry::new(Class::Bind, "npn", Sections::FRONTENDS, Arity::exactly(1), "protocols, of older clients"),
        "no client has spoken it since ALPN",
    ),
];

const fn flag(name: &'static str, help: &'static str, run: BindFn) -> Keyword<BindFn> {
    Keyword::works(Entry::new(Class::Bind, name, Sections::FRONTENDS, Arity::NONE, help), run)
}

const fn value(name: &'static str, help: &'static str, run: BindFn) -> Keyword<BindFn> {
    Keyword::works(Entry::new(Class::Bind, name, Sections::FRONTENDS, Arity::exactly(1), help), run)
}

fn each(ctx: &mut BindCtx<'_>, mut set: impl FnMut(&mut BindTls)) -> Result<(), Diagnostic> {
    ctx.binds.iter_mut().for_each(|bind| set(&mut bind.tls));
    Ok(())
}

fn by_name(ctx: &mut BindCtx<'_>, _: &[Word]) -> Result<(), Diagnostic> {
    let name = ctx.name.text().into_owned();
    each(ctx, |t| version_by_name(&name, &mut t.words))
}

fn certificates(ctx: &mut BindCtx<'_>, values: &[Word], default: bool) -> Result<(), Diagnostic> {
    let name = ctx.name.text();
    let word =
        values.first().ok_or_else(|| ctx.name.alert(format!("'{name}' : missing certificate location")))?;
    let path = below(ctx.tls.crt_base.as_ref(), &word.text());
    let pairs = ctx.tls.store.named(&path, &Through(ctx.outside), ctx.tls.extra).map_err(|fault| {
        let (first, message) = load_fault(&fault);
        if let Some(first) = first {
            ctx.out.push(Diagnostic::new(Severity::Alert, Some(word.span), first).form(Form::Config));
        }
        word.alert(message)
    })?;
    each(ctx, |t| {
        t.certificates.extend(pairs.iter().map(|pair| BindCertificate {
            pair: pair.clone(),
            filters: Vec::new(),
            default,
            words: None,
        }));
    })
}
