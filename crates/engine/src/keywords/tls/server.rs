//! The words of TLS on a `server` line (manual, 5.2).

use weir_config::{Arity, Class, Entry, Keyword, Sections, Word};
use weir_diag::Diagnostic;

use super::super::process::put;
use super::super::{ServerCtx, ServerFn};
use super::{protocols, version, version_by_name};
use crate::conf::{ServerTls, Verify};

/// The parameters of this file.
pub(in super::super) const SERVER_TLS: &[Keyword<ServerFn>] = &[
    value("alpn", "protocols to agree on, the best first", |c, v| {
        let list = protocols("alpn", v).map_err(|m| c.name.alert(m))?;
        put(Some(list), &mut tls(c).words.alpn)
    }),
    flag("force-sslv3", "only this version", by_name),
    flag("force-tlsv10", "only this version", by_name),
    flag("force-tlsv11", "only this version", by_name),
    flag("force-tlsv12", "only this version", by_name),
    flag("force-tlsv13", "only this version", by_name),
    flag("no-sni-auto", "no name but that of 'sni'", |c, _| put(Some(false), &mut tls(c).sni_auto)),
    flag("no-ssl", "takes back an inherited 'ssl'", |c, _| put(false, &mut tls(c).ssl)),
    flag("no-ssl-reuse", "no session is resumed", |c, _| put(true, &mut tls(c).no_reuse)),
    flag("no-sslv3", "not this version", by_name),
    flag("no-tls-tickets", "no sessions resumed by tickets", |c, _| {
        put(Some(false), &mut tls(c).words.tickets)
    }),
    flag("no-tlsv10", "not this version", by_name),
    flag("no-tlsv11", "not this version", by_name),
    flag("no-tlsv12", "not this version", by_name),
    flag("no-tlsv13", "not this version", by_name),
    value("sni", "the name that the server sees", |c, v| {
        let word = v.first().ok_or_else(|| c.name.alert("'sni' : missing sni expression"))?;
        put(Some(word.clone()), &mut c.draft.sni)
    }),
    flag("sni-auto", "the host of the request as the name", |c, _| put(Some(true), &mut tls(c).sni_auto)),
    flag("ssl", "TLS", |c, _| put(true, &mut tls(c).ssl)),
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
    Keyword::inert(
        Entry::new(
            Class::Server,
            "npn",
            Sections::BACKENDS,
            Arity::exactly(1),
            "protocols, of older servers",
        ),
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

fn tls<'a>(ctx: &'a mut ServerCtx<'_>) -> &'a mut ServerTls {
    &mut ctx.draft.server.tls
}

fn by_name(ctx: &mut ServerCtx<'_>, _: &[Word]) -> Result<(), Diagnostic> {
    let name = ctx.name.text().into_owned();
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
