//! The words of TLS on a `server` line (manual, 5.2).

use std::sync::Arc;

use weir_config::{Arity, Class, Entry, Keyword, Sections, Word};
use weir_diag::{Diagnostic, Form};
use weir_tls::trusts::{Kind, TrustFile};

use super::super::process::put;
use super::super::server_params::not_by_default;
use super::super::{ServerCtx, ServerFn};
use super::{NO_KTLS, NO_NPN_LIST, Through, below, ktls, protocols, text, version, version_by_name};
use crate::conf::{ServerTls, TlsWords, Verify};

/// The parameters of this file.
pub(in super::super) const SERVER_TLS: &[Keyword<ServerFn>] = &[
    value("alpn", "protocols to agree on, the best first", |c, v| {
        let list = protocols("alpn", v).map_err(|m| c.name.alert(m))?;
        put(Some(list), &mut tls(c).words.alpn)
    }),
    value("ca-file", "authorities that vouch for the server", |c, v| {
        let trust = trust(c, v, Kind::Authorities, "missing CAfile path")?;
        put(Some(trust), &mut tls(c).words.ca)
    }),
    value("check-alpn", "protocols of checks to agree on", |c, v| {
        let list = protocols("check-alpn", v).map_err(|m| c.name.alert(m))?;
        put(Some(list), &mut tls(c).check_alpn)
    }),
    value("check-sni", "the name that checks send", |c, v| {
        let text = text(v, "'check-sni' : missing SNI").map_err(|m| c.name.alert(m))?;
        put(Some(text), &mut tls(c).check_sni)
    }),
    flag("check-sni-auto", "checks over HTTP send the host that they ask for as the name", |c, _| {
        put(false, &mut tls(c).no_check_sni_auto)
    }),
    flag("check-ssl", "checks over TLS", |c, _| put(Some(true), &mut tls(c).check_ssl)),
    value("ciphers", "suites of TLS 1.2, as OpenSSL writes them", |c, v| {
        list(c, v, "missing cipher suite", |w| &mut w.ciphers)
    }),
    value("ciphersuites", "suites of TLS 1.3", |c, v| {
        list(c, v, "missing cipher suite", |w| &mut w.ciphersuites)
    }),
    value("client-sigalgs", "how we sign", |c, v| {
        list(c, v, "missing signature algorithm list", |w| &mut w.client_sigalgs)
    }),
    value("crl-file", "lists of revoked certificates", |c, v| {
        let trust = trust(c, v, Kind::Revoked, "missing CRLfile path")?;
        put(Some(trust), &mut tls(c).words.crl)
    }),
    value("crt", "the certificate that is shown where the server asks", |c, v| {
        let text = text(v, "'crt' : missing certificate file path").map_err(|m| c.name.alert(m))?;
        let path = below(c.tls.crt_base.as_ref(), &text);
        put(Some(path), &mut tls(c).own)
    }),
    value("curves", "groups for the key exchange", |c, v| {
        list(c, v, "missing curves list", |w| &mut w.curves)
    }),
    flag("force-sslv3", "only this version", by_name),
    flag("force-tlsv10", "only this version", by_name),
    flag("force-tlsv11", "only this version", by_name),
    flag("force-tlsv12", "only this version", by_name),
    flag("force-tlsv13", "only this version", by_name),
    Keyword::judged(
        Entry::new(Class::Server, "ktls", Sections::BACKENDS, Arity::exactly(1), "ciphers of the kernel"),
        |c, v| ktls(c.tls, v).map_err(|m| c.name.alert(m)),
        NO_KTLS,
    ),
    flag("no-check-sni-auto", "checks send the name of 'check-sni' only", |c, _| {
        put(true, &mut tls(c).no_check_sni_auto)
    }),
    flag("no-check-ssl", "checks in the clear", |c, _| put(Some(false), &mut tls(c).check_ssl)),
    flag("no-sni-auto", "no name but that of 'sni'", |c, _| put(Some(false), &mut tls(c).sni_auto)),
    flag("no-ssl", "takes back an inherited 'ssl'", |c, _| {
        // What was asked for on the line itself need not be made ready.
        tls(c).prepared &= c.draft.server.name.is_empty();
        put(false, &mut tls(c).ssl)
    }),
    flag("no-ssl-reuse", "no session is resumed", |c, _| put(true, &mut tls(c).no_reuse)),
    flag("no-sslv3", "not this version", by_name),
    flag("no-tls-tickets", "no sessions resumed by tickets", |c, _| {
        put(Some(false), &mut tls(c).words.tickets)
    }),
    flag("no-tlsv10", "not this version", by_name),
    flag("no-tlsv11", "not this version", by_name),
    flag("no-tlsv12", "not this version", by_name),
    flag("no-tlsv13", "not this version", by_name),
    value("sigalgs", "how the server may sign", |c, v| {
        list(c, v, "missing signature algorithm list", |w| &mut w.sigalgs)
    }),
    value("sni", "the name that the server sees", |c, v| {
        let word = v.first().ok_or_else(|| c.name.alert("'sni' : missing sni expression"))?;
        put(Some(word.clone()), &mut c.draft.sni)
    }),
    flag("sni-auto", "the host of the request as the name", |c, _| put(Some(true), &mut tls(c).sni_auto)),
    flag("ssl", "TLS", |c, _| {
        tls(c).prepared = true;
        put(true, &mut tls(c).ssl)
    }),
    value("ssl-max-ver", "newest version spoken", |c, v| {
        let version = version("ssl-max-ver", v).map_err(|m| c.name.alert(m))?;
        put(Some(version), &mut tls(c).words.versions.max)
    }),
    value("ssl-min-ver", "oldest version spoken", |c, v| {
        let version = version("ssl-min-ver", v).map_err(|m| c.name.alert(m))?;
        put(Some(version), &mut tls(c).words.versions.min)
    }),
    flag("ssl-reuse", "sessions are resumed", |c, _| put(false, &mut tls(c).no_reuse)),
    flag("tls-tickets", "sessions resumed by tickets", |c, _| put(Some(true), &mut tls(c).words.tickets)),
    value("verify", "whether the server's certificate is checked", verify),
    value("verifyhost", "the name that the server must have", |c, v| {
        let text =
            text(v, "'verifyhost' : missing hostname to verify against").map_err(|m| c.name.alert(m))?;
        put(Some(text), &mut tls(c).verifyhost)
    }),
    inert("allow-0rtt", "no early data is sent"),
    inert("no-renegotiate", "sessions are never negotiated anew"),
    inert("renegotiate", "sessions are never negotiated anew"),
    Keyword::judged(
        Entry::new(
            Class::Server,
            "npn",
            Sections::BACKENDS,
            Arity::exactly(1),
            "protocols, of older servers",
        ),
        |c, v| text(v, NO_NPN_LIST).map(drop).map_err(|m| c.name.alert(m)),
        "no server has spoken it since ALPN",
    ),
];

/// What `sni-auto` stands for.
pub(in super::super) fn automatic_name(at: &Word) -> Word {
    Word { bytes: b"req.hdr(host),field(1,:)".as_slice().into(), span: at.span }
}

const fn flag(name: &'static str, help: &'static str, run: ServerFn) -> Keyword<ServerFn> {
    Keyword::works(Entry::new(Class::Server, name, Sections::BACKENDS, Arity::NONE, help), run)
}

const fn value(name: &'static str, help: &'static str, run: ServerFn) -> Keyword<ServerFn> {
    Keyword::works(Entry::new(Class::Server, name, Sections::BACKENDS, Arity::exactly(1), help), run)
}

const fn inert(name: &'static str, reason: &'static str) -> Keyword<ServerFn> {
    let help = "see the configuration manual of HAProxy 3.4";
    Keyword::inert(Entry::new(Class::Server, name, Sections::BACKENDS, Arity::NONE, help), reason)
}

fn tls<'a>(ctx: &'a mut ServerCtx<'_>) -> &'a mut ServerTls {
    &mut ctx.draft.server.tls
}

fn by_name(ctx: &mut ServerCtx<'_>, _: &[Word]) -> Result<(), Diagnostic> {
    let name = ctx.name.text().into_owned();
    if ctx.is_default && name.starts_with("no-") {
        return not_by_default(ctx);
    }
    version_by_name(&name, &mut tls(ctx).words);
    Ok(())
}

fn verify(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| ctx.name.alert("'verify' : missing verify method"))?;
    let verify = match &*word.bytes {
        b"none" => Verify::None,
        b"required" => Verify::Required,
        _ => {
            return Err(word.alert(format!(
                "'verify' : unknown verify method '{}', only 'none' and 'required' are supported",
                word.text()
            )));
        }
    };
    put(Some(verify), &mut tls(ctx).words.verify)
}

fn list(
    ctx: &mut ServerCtx<'_>,
    values: &[Word],
    missing: &str,
    place: fn(&mut TlsWords) -> &mut Option<String>,
) -> Result<(), Diagnostic> {
    let name = ctx.name.text();
    let text = text(values, &format!("'{name}' : {missing}")).map_err(|m| ctx.name.alert(m))?;
    put(Some(text), place(&mut tls(ctx).words))
}

fn trust(
    ctx: &mut ServerCtx<'_>,
    values: &[Word],
    kind: Kind,
    missing: &str,
) -> Result<Arc<TrustFile>, Diagnostic> {
    let name = ctx.name.text();
    let word = values.first().ok_or_else(|| ctx.name.alert(format!("'{name}' : {missing}")))?;
    let path = below(ctx.tls.ca_base.as_ref(), &word.text());
    ctx.tls.store.trusts.named(&path, kind, &Through(ctx.outside)).map_err(|fault| {
        let fault = fault.to_string();
        ctx.out.push(word.alert(fault.trim_end_matches('.')));
        word.alert(format!("'{name}' : unable to load {path}")).form(Form::Config)
    })
}
