//! The words of TLS on a `bind` line (manual, 5.1).

use std::sync::Arc;

use weir_config::{Arity, Class, Entry, Keyword, Sections, Word};
use weir_diag::{Diagnostic, Form, Severity};
use weir_tls::lists::ListLine;
use weir_tls::pair::{Pair, Sources};
use weir_tls::tickets::{self, TicketKeys};
use weir_tls::trusts::{Kind, TrustFile};

use super::super::{BindCtx, BindFn};
use super::{
    NO_KTLS, NO_NPN_LIST, Through, below, crt_list, ignored, indented, ktls, load_fault, protocols, standing,
    text, version, version_by_name,
};
use crate::conf::{BindCertificate, BindTls, TlsWords, Verify};

/// The parameters of this file.
pub(in super::super) const BIND_TLS: &[Keyword<BindFn>] = &[
    flag("allow-0rtt", "data of clients who come back before the handshake is over", |c, _| {
        each(c, |t| t.words.early = true)
    }),
    value("alpn", "protocols to agree on, the best first", |c, v| {
        let list = protocols("alpn", v).map_err(|m| c.name.alert(m))?;
        each(c, |t| t.words.alpn = Some(list.clone()))
    }),
    value("ca-file", "authorities that vouch for clients", |c, v| {
        let trust = trust(c, v, Kind::Authorities, "missing CAfile path")?;
        each(c, |t| t.words.ca = Some(trust.clone()))
    }),
    value("ca-ignore-err", "errors of authorities' certificates that are overlooked", |c, v| {
        let list = ignored("ca-ignore-err", v).map_err(|m| c.name.alert(m))?;
        each(c, |t| t.ignored.0 = list.clone())
    }),
    value("ca-verify-file", "authorities that clients are not told of", |c, v| {
        let trust = trust(c, v, Kind::Authorities, "missing CAfile path")?;
        each(c, |t| t.words.ca_verify = Some(trust.clone()))
    }),
    value("ciphers", "suites of TLS 1.2, as OpenSSL writes them", |c, v| {
        list(c, v, "missing cipher suite", |w| &mut w.ciphers)
    }),
    value("ciphersuites", "suites of TLS 1.3", |c, v| {
        list(c, v, "missing cipher suite", |w| &mut w.ciphersuites)
    }),
    value("client-sigalgs", "how clients may sign", |c, v| {
        list(c, v, "missing signature algorithm list", |w| &mut w.client_sigalgs)
    }),
    value("crl-file", "lists of revoked certificates", |c, v| {
        let trust = trust(c, v, Kind::Revoked, "missing CRLfile path")?;
        each(c, |t| t.words.crl = Some(trust.clone()))
    }),
    value("crt", "certificates with their keys: a file or a folder", |c, v| certificates(c, v, false)),
    value("crt-ignore-err", "errors of clients' certificates that are overlooked", |c, v| {
        let list = ignored("crt-ignore-err", v).map_err(|m| c.name.alert(m))?;
        each(c, |t| t.ignored.1 = list.clone())
    }),
    value("crt-list", "a file of certificates with their names and options", |c, v| {
        let word = v.first().ok_or_else(|| c.name.alert("'crt-list' : missing certificate location"))?;
        let certificates = crt_list::load(c, word)?;
        each(c, |t| {
            t.lists.push(word.text().into_owned());
            t.certificates.extend(certificates.iter().cloned());
        })
    }),
    value("curves", "groups for the key exchange", |c, v| {
        list(c, v, "missing curve suite", |w| &mut w.curves)
    }),
    value("default-crt", "certificates for who asks for no name that is known", |c, v| {
        certificates(c, v, true)
    }),
    value("ecdhe", "one group for the key exchange, of older versions", |c, v| {
        list(c, v, "missing named curve", |w| &mut w.ecdhe)
    }),
    flag("force-sslv3", "only this version", by_name),
    flag("force-tlsv10", "only this version", by_name),
    flag("force-tlsv11", "only this version", by_name),
    flag("force-tlsv12", "only this version", by_name),
    flag("force-tlsv13", "only this version", by_name),
    Keyword::judged(
        Entry::new(Class::Bind, "ktls", Sections::FRONTENDS, Arity::exactly(1), "ciphers of the kernel"),
        |c, v| ktls(c.tls, v).map_err(|m| c.name.alert(m)),
        NO_KTLS,
    ),
    flag("no-alpn", "agrees on no protocol", |c, _| each(c, |t| t.words.alpn = Some(Vec::new()))),
    flag("no-ca-names", "clients are not told of authorities", |c, _| {
        each(c, |t| t.words.no_ca_names = true)
    }),
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
    value("sigalgs", "how we sign", |c, v| {
        list(c, v, "missing signature algorithm list", |w| &mut w.sigalgs)
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
    value("tls-ticket-keys", "keys of tickets that several programs share", ticket_keys),
    flag("tls-tickets", "sessions resumed by tickets", |c, _| each(c, |t| t.words.tickets = Some(true))),
    value("verify", "whether clients show certificates, and are checked", verify),
    value("ca-sign-file", "the authority that signs certificates made for clients", |c, v| {
        let path = text(v, "'ca-sign-file' : missing CAfile path").map_err(|m| c.name.alert(m))?;
        each(c, |t| t.signer = Some(path.clone()))
    }),
    Keyword::judged(
        Entry::new(
            Class::Bind,
            "ca-sign-pass",
            Sections::FRONTENDS,
            Arity::exactly(1),
            "password of its key",
        ),
        |c, v| text(v, "'ca-sign-pass' : missing CAkey password").map_err(|m| c.name.alert(m)).map(drop),
        "encrypted keys are not read",
    ),
    flag("generate-certificates", "certificates made for names that nobody else has", |c, _| {
        each(c, |t| t.makes_certificates = true)
    }),
    Keyword::judged(
        Entry::new(Class::Bind, "npn", Sections::FRONTENDS, Arity::exactly(1), "protocols, of older clients"),
        |c, v| text(v, NO_NPN_LIST).map(drop).map_err(|m| c.name.alert(m)),
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

/// Keys of tickets; a file is read once.
fn ticket_keys(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values
        .first()
        .ok_or_else(|| ctx.name.alert("'tls-ticket-keys' : missing TLS ticket keys file path"))?;
    let path = word.text();
    let said = |what: String| word.alert(format!("'{path}' : {what}"));
    let keys = ctx.tls.store.tickets.named(&path, || {
        let text = ctx.outside.read(path.as_ref().as_ref());
        let text = text.map_err(|_| said("unable to load ssl tickets keys file".to_owned()))?;
        TicketKeys::read(&path, &text).map_err(|fault| {
            said(match fault {
                tickets::Fault::NotBase64(line) => format!("unable to decode base64 key on line {line}"),
                tickets::Fault::WrongSize(line) => format!("wrong sized key on line {line}"),
                tickets::Fault::TooFew => "please supply at least 3 keys in the tls-tickets-file".to_owned(),
            })
        })
    })?;
    each(ctx, |t| t.ticket_keys = Some(keys.clone()))
}

fn certificates(ctx: &mut BindCtx<'_>, values: &[Word], default: bool) -> Result<(), Diagnostic> {
    let name = ctx.name.text();
    let word =
        values.first().ok_or_else(|| ctx.name.alert(format!("'{name}' : missing certificate location")))?;
    let path = below(ctx.tls.crt_base.as_ref(), &word.text());
    let files = Through(ctx.outside);
    let pairs = ctx.tls.store.named(&path, &files, ctx.tls.extra, Sources::of_line).map_err(|fault| {
        let (first, message) = load_fault(&fault, ctx.tls);
        if let Some(first) = first {
            ctx.out.push(Diagnostic::new(Severity::Alert, Some(word.span), first).form(Form::Config));
        }
        word.alert(indented(&message))
    })?;
    for pair in &pairs {
        standing(ctx.out, word.span, ctx.tls, pair).map_err(|fault| word.alert(fault.to_string()))?;
    }
    // A folder is a list whose lines have no numbers.
    let folder = path.trim_end_matches('/');
    let is_folder = pairs.iter().any(|pair| pair.path.starts_with(&format!("{folder}/")));
    if is_folder {
        let line = |pair: &Arc<Pair>| ListLine { path: pair.path.clone(), ..ListLine::default() };
        ctx.tls.store.lists.put(folder, pairs.iter().map(line).collect());
    }
    let list: Option<Arc<str>> = is_folder.then(|| folder.into());
    each(ctx, |t| {
        t.lists.extend(list.iter().map(ToString::to_string));
        t.certificates.extend(pairs.iter().map(|pair| BindCertificate {
            pair: pair.clone(),
            filters: Vec::new(),
            default,
            words: None,
            line: list.clone().map(|list| (list, 0)),
        }));
    })
}

fn list(
    ctx: &mut BindCtx<'_>,
    values: &[Word],
    missing: &str,
    place: fn(&mut TlsWords) -> &mut Option<String>,
) -> Result<(), Diagnostic> {
    let name = ctx.name.text();
    let text = text(values, &format!("'{name}' : {missing}")).map_err(|m| ctx.name.alert(m))?;
    each(ctx, |t| *place(&mut t.words) = Some(text.clone()))
}

fn trust(
    ctx: &mut BindCtx<'_>,
    values: &[Word],
    kind: Kind,
    missing: &str,
) -> Result<Arc<TrustFile>, Diagnostic> {
    let name = ctx.name.text();
    let word = values.first().ok_or_else(|| ctx.name.alert(format!("'{name}' : {missing}")))?;
    let path = below(ctx.tls.ca_base.as_ref(), &word.text());
    let trust = ctx.tls.store.trusts.named(&path, kind, &Through(ctx.outside)).map_err(|fault| {
        let first = Diagnostic::new(Severity::Alert, Some(word.span), fault.to_string());
        ctx.out.push(first.form(Form::Config));
        word.alert(format!("'{name}' : unable to load {path}"))
    })?;
    if trust.now().is_empty() && !path.starts_with('@') {
        let said = format!("ca-file: 0 CA were loaded from '{path}'");
        ctx.out.push(Diagnostic::new(Severity::Warning, Some(word.span), said).form(Form::Config));
    }
    Ok(trust)
}

fn verify(ctx: &mut BindCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| ctx.name.alert("'verify' : missing verify method"))?;
    let verify = match &*word.bytes {
        b"none" => Verify::None,
        b"optional" => Verify::Optional,
        b"required" => Verify::Required,
        _ => {
            return Err(word.alert(format!(
                "'verify' : unknown verify method '{}', only 'none', 'optional', and 'required' are supported",
                word.text()
            )));
        }
    };
    each(ctx, |t| t.words.verify = Some(verify))
}
