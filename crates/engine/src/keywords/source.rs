//! `source`, of a proxy and of a server: where connections to servers come from (manual, 4.2 and 5.2).

use weir_config::{Line, Word, values};
use weir_diag::Diagnostic;

use super::address::socket;
use super::{Outside, ProxyCtx};
use crate::conf::{Source, SourceAddress};

/// The `source` line of a proxy.
pub(super) fn proxy_source(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some((word, mut rest)) = line.args().split_first() else {
        return Err(line.alert(
            "'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>.",
        ));
    };
    let text = word.text();
    let (address, high) =
        socket(word, ctx.outside).map_err(|m| word.alert(format!("'source {text}' : {m}")))?;
    if high != address.port() {
        return Err(word.alert(format!("'source {text}' : port range not permitted here in '{text}'")));
    }
    let mut source = Source { bind: Some((address, high)), ..Source::default() };
    while let Some((option, tail)) = rest.split_first() {
        match &*option.bytes {
            b"usesrc" => {
                let Some(value) = tail.first() else {
                    return Err(option
                        .alert("'usesrc' expects <addr>[:<port>], 'client', or 'clientip' as argument."));
                };
                source.usesrc = Some(usesrc(value, ctx.outside)?);
            }
            b"interface" => {
                let Some(value) = tail.first() else {
                    return Err(option.alert("'source' : missing interface name."));
                };
                source.interface = Some(value.text().into_owned());
            }
            _ => {
                return Err(
                    option.alert("'source' only supports optional keywords 'interface' and 'usesrc'.")
                );
            }
        }
        rest = tail.get(1..).unwrap_or_default();
    }
    ctx.draft.proxy.source = source;
    Ok(())
}

/// The `source` parameter of a server, and how many words it took.
pub(super) fn server_source(
    name: &Word,
    values: &[Word],
    outside: &dyn Outside,
) -> Result<(Source, usize), Diagnostic> {
    let Some((word, mut rest)) = values.split_first() else {
        return Err(name.alert(
            "'source' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as argument.",
        ));
    };
    let text = word.text();
    let (address, high) = socket(word, outside).map_err(|m| word.alert(format!("'source {text}' : {m}")))?;
    let mut source = Source { bind: Some((address, high)), ..Source::default() };
    let mut taken = 1;
    while let Some((option, tail)) = rest.split_first() {
        match (&*option.bytes, tail.first()) {
            (b"usesrc", Some(value)) => source.usesrc = Some(usesrc(value, outside)?),
            (b"usesrc", None) => {
                return Err(option.alert(
                    "'usesrc' expects <addr>[:<port>], 'client', 'clientip', or 'hdr_ip(name,#)' as argument",
                ));
            }
            (b"interface", Some(value)) => source.interface = Some(value.text().into_owned()),
            (b"interface", None) => return Err(option.alert("'server' : missing interface name")),
            _ => break,
        }
        taken += 2;
        rest = tail.get(1..).unwrap_or_default();
    }
    Ok((source, taken))
}

fn usesrc(value: &Word, outside: &dyn Outside) -> Result<SourceAddress, Diagnostic> {
    let text = value.text();
    if let Some(inner) = text.strip_prefix("hdr_ip(") {
        let inner = inner.strip_suffix(')').unwrap_or(inner);
        let (name, occurrence) = match inner.split_once(',') {
            Some((name, n)) => {
                (name, i32::try_from(values::leading_integer(n.trim().as_bytes())).unwrap_or(-1))
            }
            None => (inner, -1),
        };
        return Ok(SourceAddress::Header { name: name.trim().to_owned(), occurrence });
    }
    match &*text {
        "client" => Ok(SourceAddress::Client),
        "clientip" => Ok(SourceAddress::ClientIp),
        _ => socket(value, outside)
            .map(|(address, _)| SourceAddress::Addr(address))
            .map_err(|m| value.alert(format!("'usesrc {text}' : {m}"))),
    }
}
