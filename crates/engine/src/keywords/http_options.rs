//! `option ...` of a proxy that take arguments, and the lines about requests and responses (manual, 4.2).

use ipnet::IpNet;
use weir_config::{Arity, Class, Entry, Keyword, Line, Prefix, Sections, Word, values};
use weir_diag::{Diagnostic, Form};

use super::{ProxyCtx, ProxyFn};
use crate::conf::{AddressHeader, CaptureCookie, Forwarded, HeaderNames};

/// The lines of this file.
pub(super) const HTTP_OPTIONS: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("option forwardfor", ALL, "X-Forwarded-For, the client's address"), forward_for),
    Keyword::works(
        entry("option originalto", ALL, "X-Original-To, the address the client came to"),
        original_to,
    ),
    Keyword::works(entry("option forwarded", BACK, "the Forwarded header of RFC 7239").no(), forwarded),
    Keyword::works(
        entry("option http-restrict-req-hdr-names", ALL, "what happens to unusual header names"),
        header_names,
    ),
    Keyword::works(
        entry("option redispatch", BACK, "another server after failed connections").no_default(),
        |ctx, line| {
            let every = line.arg(0).map_or(-1, |w| values::leading_integer(&w.bytes));
            let every = i32::try_from(every).unwrap_or(-1);
            let on = line.prefix == Prefix::None && every != 0;
            ctx.draft.proxy.redispatch = on.then_some(every);
            Ok(())
        },
    ),
    Keyword::works(entry("monitor-uri", FRONT, "a URI that is answered here"), |ctx, line| {
        let word = required(line, "'monitor-uri' expects an URI.")?;
        if let Some(extra) = line.arg(1) {
            let extra = extra.text();
            return Err(line.alert(format!("'monitor-uri' cannot handle unexpected argument '{extra}'.")));
        }
        ctx.draft.proxy.monitor_uri = Some(word.bytes.clone());
        Ok(())
    }),
    Keyword::works(
        entry("capture cookie", Sections::FRONTENDS, "keeps a cookie for the log"),
        capture_cookie,
    ),
    Keyword::works(
        entry("monitor-net", FRONT, "clients that are answered at once, of older versions"),
        monitor_net,
    ),
    Keyword::works(entry("unique-id-format", ALL, "what a request's unique id is made of"), |ctx, line| {
        let word = required(line, "unique-id-format expects an argument.")?;
        if let Some(extra) = line.arg(1) {
            return Err(
                extra.alert("unique-id-format expects only one argument, don't forget to escape spaces!")
            );
        }
        ctx.draft.proxy.unique_id_format = Some((word.text().into_owned(), word.span));
        Ok(())
    }),
    Keyword::works(entry("unique-id-header", ALL, "the header that carries the unique id"), |ctx, line| {
        let word = required(line, "unique-id-header expects an argument.")?;
        ctx.draft.proxy.unique_id_header = Some(word.bytes.to_ascii_lowercase().into());
        Ok(())
    }),
    Keyword::works(
        entry("http-send-name-header", BACK, "the header that tells a server its own name"),
        |ctx, line| {
            let word = required(line, "'http-send-name-header' requires a header string.")?;
            let lower = word.bytes.to_ascii_lowercase();
            if RESERVED.iter().any(|name| *name.as_bytes() == *lower) {
                return Err(word.alert(format!(
                    "'{}' cannot be used as header name for 'http-send-name-header' directive.",
                    word.text()
                )));
            }
            ctx.draft.proxy.send_name_header = Some(lower.into());
            Ok(())
        },
    ),
];

const ALL: Sections = Sections::PROXIES;
const FRONT: Sections = Sections::DEFAULTS.union(Sections::FRONTENDS);
const BACK: Sections = Sections::DEFAULTS.union(Sections::BACKENDS);

/// Headers that frame a message; none of them can carry a name.
const RESERVED: [&str; 5] = ["connection", "content-length", "host", "transfer-encoding", "upgrade"];

const fn entry(name: &'static str, sections: Sections, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, sections, Arity::ANY, help)
}

fn capture_cookie(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let [name, _, length, ..] = line.args() else {
        return Err(line.alert("'capture' expects 'cookie' <cookie_name> 'len' <len>."));
    };
    let length = usize::try_from(values::leading_integer(&length.bytes)).unwrap_or(0);
    let longest = ctx.global.tune.cookie_len;
    if length > longest {
        let kind = if ctx.section == Sections::FRONTEND { "frontend" } else { "proxy" };
        let proxy = &ctx.draft.proxy.name;
        let message = format!("truncating capture length to {longest} bytes for {kind} '{proxy}'.");
        ctx.out.push(line.warning(message).form(Form::Bare));
    }
    ctx.draft.proxy.capture_cookie =
        Some(CaptureCookie { name: name.bytes.clone(), length: length.min(longest) });
    Ok(())
}

fn required<'a>(line: &'a Line, missing: &str) -> Result<&'a Word, Diagnostic> {
    line.arg(0).filter(|w| !w.bytes.is_empty()).ok_or_else(|| line.alert(missing))
}

fn forward_for(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let header = address_header(line, "forwardfor", "x-forwarded-for")?;
    ctx.draft.proxy.forward_for = Some(header);
    Ok(())
}

fn original_to(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let header = address_header(line, "originalto", "x-original-to")?;
    ctx.draft.proxy.original_to = Some(header);
    Ok(())
}

/// `[except NET] [header NAME] [if-none]`
fn address_header(line: &Line, option: &str, name: &str) -> Result<AddressHeader, Diagnostic> {
    let mut header = AddressHeader { name: name.as_bytes().into(), except: None, if_none: false };
    let mut rest = line.args().iter();
    while let Some(word) = rest.next() {
        match &*word.bytes {
            b"except" => {
                let network = rest.next().and_then(|w| network(&w.text()));
                header.except = Some(network.ok_or_else(|| {
                    word.alert(format!("'option {option} except' expects <address>[/mask] as argument."))
                })?);
            }
            b"header" => {
                let value = rest.next().ok_or_else(|| {
                    word.alert(format!("'option {option} header' expects <header_name> as argument."))
                })?;
                header.name = value.bytes.to_ascii_lowercase().into();
            }
            b"if-none" if option == "forwardfor" => header.if_none = true,
            _ if option == "forwardfor" => {
                return Err(word.alert(
                    "'option forwardfor' only supports optional values: 'except', 'header' and 'if-none'.",
                ));
            }
            _ => {
                return Err(
                    word.alert("'option originalto' only supports optional values: 'except' and 'header'.")
                );
            }
        }
    }
    Ok(header)
}

/// An address or a network; the mask as a number of bits or in dots.
pub(super) fn network(text: &str) -> Option<IpNet> {
    if let Ok(ip) = text.parse::<std::net::IpAddr>() {
        return Some(IpNet::from(ip));
    }
    if let Ok(network) = text.parse::<IpNet>() {
        return Some(network);
    }
    let (address, mask) = text.split_once('/')?;
    IpNet::with_netmask(address.parse().ok()?, mask.parse().ok()?).ok()
}

fn forwarded(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if line.prefix == Prefix::No {
        ctx.draft.proxy.forwarded = None;
        return Ok(());
    }
    let mut header = Forwarded::default();
    if line.args().is_empty() {
        header.proto = true;
        header.for_ = Some(None);
    }
    let mut rest = line.args().iter();
    while let Some(word) = rest.next() {
        let text = word.text();
        if let Some(part) = text.strip_suffix("-expr")
            && ["host", "by", "by_port", "for", "for_port"].contains(&part)
        {
            if rest.next().is_none() {
                return Err(word.alert(format!("'{text}' expects <expr> as argument.")).tight());
            }
            return Err(word.alert(format!(
                "'option forwarded {text}' is not available yet (it comes with expressions)."
            )));
        }
        match &*text {
            "proto" => header.proto = true,
            "host" => header.host = Some(None),
            "by" => header.by = Some(None),
            "by_port" => header.by_port = Some(None),
            "for" => header.for_ = Some(None),
            "for_port" => header.for_port = Some(None),
            _ => {
                return Err(word.alert(
                    "'option forwarded' only supports optional values: 'proto', 'host', 'host-expr', 'by', \
                     'by-expr', 'by_port', 'by_port-expr', 'for', 'for-expr', 'for_port' and 'for_port-expr'.",
                ));
            }
        }
    }
    ctx.draft.proxy.forwarded = Some(header);
    Ok(())
}

fn header_names(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert(
            "missing parameter. option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete' option.",
        ));
    };
    if let Some(extra) = line.arg(1) {
        return Err(extra.alert(format!("'option' cannot handle unexpected argument '{}'.", extra.text())));
    }
    ctx.draft.proxy.header_names = match &*word.bytes {
        b"preserve" => HeaderNames::Preserve,
        b"delete" => HeaderNames::Delete,
        b"reject" => HeaderNames::Reject,
        _ => {
            return Err(word.alert(format!(
                "invalid parameter '{}'. option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete' option.",
                word.text()
            )));
        }
    };
    Ok(())
}

fn monitor_net(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert("'monitor-net' expects <address>[/mask] as argument."));
    };
    let text = word.text();
    let Some(network) = network(&text) else {
        return Err(word.alert(format!("'{text}' is no network.")));
    };
    ctx.out.push(
        line.warning(format!(
            "'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if {{ src {text} }}' instead."
        )),
    );
    ctx.draft.proxy.monitor_net = Some(network);
    Ok(())
}
