//! Certificates that all TLS listeners of a frontend share (manual, 4.2 "ssl-f-use").

use std::sync::Arc;

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections};
use weir_diag::Diagnostic;

use super::super::resolve::place;
use super::super::{ProxyCtx, ProxyFn};
use super::crt_list::{Around, of_frontend};
use super::settle::list_of;

/// The lines of this file.
pub(in super::super) const PROXY_TLS: &[Keyword<ProxyFn>] = &[Keyword::works(
    Entry::new(
        Class::Proxy,
        "ssl-f-use",
        Sections::PROXIES,
        Arity::ANY,
        "a certificate for all listeners with TLS",
    ),
    uses,
)];

fn uses(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if !Sections::FRONTENDS.contains(ctx.section) {
        return Ok(()); // As the reference does, which takes the line anywhere.
    }
    let list: Arc<str> = list_of(&ctx.draft.proxy.name).into();
    let mut around = Around {
        outside: ctx.outside,
        tls: &ctx.global.tls,
        out: ctx.out,
        span: line.span,
        bracketed: false,
    };
    let at = place(ctx.sources, line.span);
    let certificates = of_frontend(&mut around, &list, line.args(), &at)?;
    ctx.draft.certificates.extend(certificates);
    Ok(())
}
