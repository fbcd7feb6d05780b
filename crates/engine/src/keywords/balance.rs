//! How a server is chosen: `balance`, `hash-type` and what belongs to them (manual, 4.2).

use weir_balance::Affinity;
use weir_balance::hash::{Function, Hashing};
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word, values};
use weir_diag::Diagnostic;

use super::{ProxyCtx, ProxyFn};
use crate::conf::Balance;

/// The lines of this file.
pub(super) const BALANCE: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("balance", "the algorithm that chooses a server"), balance),
    Keyword::works(entry("hash-type", "how keys are hashed to servers"), hash_type),
    Keyword::works(
        everywhere("hash-balance-factor", "most load of a server, in percent of the mean"),
        hash_balance_factor,
    ),
    Keyword::works(
        everywhere("hash-preserve-affinity", "whether a full server keeps its keys"),
        hash_preserve_affinity,
    ),
];

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::DEFAULTS.union(Sections::BACKENDS), Arity::ANY, help)
}

const fn everywhere(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::PROXIES, Arity::ANY, help)
}

fn balance(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let (word, args) = match line.args().split_first() {
        None => (None, &[][..]),
        Some((word, args)) => (Some(word), args),
    };
    let text = word.map(Word::text).unwrap_or_default();
    let (name, inner) = match text.split_once('(') {
        Some((name, inner)) => (name, Some(inner.strip_suffix(')').unwrap_or(inner))),
        None => (&*text, None),
    };
    let at = word.map_or(line.span, |w| w.span);
    match (name, inner) {
        ("" | "roundrobin", None) => {
            ctx.draft.proxy.balance = Balance::RoundRobin;
            return Ok(());
        }
        ("static-rr" | "leastconn" | "first" | "source" | "sticky" | "rdp-cookie", None) => {}
        ("random", Some(_)) if !text.contains(')') => {
            return Err(said(at, "balance random : missing closing parenthesis."));
        }
        (random, None) if random.starts_with("random") => {}
        ("random", inner) => draws(at, inner.map(|i| i.split(')').next().unwrap_or_default()))?,
        ("uri", None) => uri(at, args)?,
        ("url_param", None) => url_param(at, args)?,
        ("hdr", Some(header)) => hdr(at, if text.contains(')') { header } else { "" }, args)?,
        ("rdp-cookie", Some(cookie)) if cookie.is_empty() || !text.contains(')') => {
            return Err(said(at, "balance rdp-cookie : missing cookie name."));
        }
        ("rdp-cookie", Some(_)) => {}
        ("hash", None) if args.is_empty() => {
            return Err(said(at, "balance hash requires a sample expression."));
        }
        ("log-hash", None) if args.is_empty() => {
            return Err(said(at, "balance log-hash requires a converter list."));
        }
        ("hash", None) => {
            if let Some(extra) = args.get(1) {
                let message = format!("balance hash takes no other argument (got '{}').", extra.text());
                return Err(extra.alert(message));
            }
            ctx.draft.balance_key = args.first().cloned();
        }
        // The converters of a line, which expressions know as a variable.
        ("log-hash", None) => {
            let converters = args.first().map(Word::text).unwrap_or_default();
            ctx.draft.log_key =
                Some(Word { bytes: format!("var(txn.line),{converters}").into_bytes().into(), span: at });
        }
        _ => {
            return Err(said(
                at,
                "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', \
                 'hash', 'hdr(name)', 'rdp-cookie(name)', 'log-hash' and 'sticky' options.",
            ));
        }
    }
    if !AVAILABLE.contains(&name) && !name.starts_with("random") {
        return Err(said(
            at,
            format!("'balance {name}' is not available yet (it comes with the other algorithms)."),
        ));
    }
    if name == "rdp-cookie" {
        let cookie = inner.unwrap_or("mstshash").split(')').next().unwrap_or_default();
        let bytes = format!("req.rdp_cookie({cookie})").into_bytes();
        ctx.draft.balance_key = Some(Word { bytes: bytes.into(), span: at });
    }
    ctx.draft.proxy.balance = Balance::Other(line.args().iter().map(|w| w.text().into_owned()).collect());
    Ok(())
}

fn hash_type(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let hash = &mut ctx.draft.proxy.hash;
    let Some(method) = line.arg(0) else {
        return Err(line.alert("'hash-type' only supports 'consistent' and 'map-based'."));
    };
    // `consistent` alone is sdbm with avalanche; a function that is named stands for itself.
    let (consistent, default) = match &*method.bytes {
        b"consistent" => (true, Hashing { avalanche: true, ..Hashing::default() }),
        b"map-based" => (false, Hashing::default()),
        b"avalanche" => {
            return Err(method.alert(
                "experimental feature 'hash-type avalanche' is not supported anymore, please use 'hash-type \
                 map-based sdbm avalanche' instead.",
            ));
        }
        _ => return Err(method.alert("'hash-type' only supports 'consistent' and 'map-based'.")),
    };
    let hashing = match line.arg(1) {
        None => default,
        Some(word) => {
            let function = Function::named(&word.text()).ok_or_else(|| {
                word.alert("'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions.")
            })?;
            Hashing { function, avalanche: line.arg(2).is_some() }
        }
    };
    if let Some(word) = line.arg(2).filter(|w| !w.is("avalanche")) {
        return Err(word.alert("'hash-type' only supports 'avalanche' as a modifier for hash functions."));
    }
    (hash.consistent, hash.hashing) = (consistent, hashing);
    Ok(())
}

fn hash_balance_factor(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert("'hash-balance-factor' expects an integer argument."));
    };
    let factor = values::leading_integer(&word.bytes);
    if factor != 0 && factor <= 100 {
        return Err(word.alert("'hash-balance-factor' must be 0 or greater than 100."));
    }
    ctx.draft.proxy.hash.balance_factor = u32::try_from(factor).unwrap_or(u32::MAX);
    Ok(())
}

fn hash_preserve_affinity(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::FRONTEND {
        return Err(line.alert("'hash-preserve-affinity' only available in backend or listen section"));
    }
    let Some(word) = line.arg(0) else {
        return Err(
            line.alert("'hash-preserve-affinity' needs a keyword to specify when to preserve hash affinity")
        );
    };
    ctx.draft.proxy.hash.affinity = match &*word.bytes {
        b"always" => Affinity::Always,
        b"maxconn" => Affinity::MaxConn,
        b"maxqueue" => Affinity::MaxQueue,
        _ => {
            return Err(word.alert(format!("'hash-preserve-affinity': unknown keyword '{}'", word.text())));
        }
    };
    Ok(())
}

fn said(at: weir_diag::Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::alert(at, message)
}

fn draws(at: weir_diag::Span, inner: Option<&str>) -> Result<(), Diagnostic> {
    let Some(inner) = inner.filter(|i| !i.is_empty()) else { return Ok(()) };
    if inner.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
        return Err(said(at, "balance random : number of draws must be at least 1."));
    }
    if let Some(bad) = inner.chars().find(|c| !c.is_ascii_digit()) {
        return Err(said(at, format!("balance random : unexpected character '{bad}' after argument.")));
    }
    if values::leading_integer(inner.as_bytes()) < 1 {
        return Err(said(at, "balance random : number of draws must be at least 1."));
    }
    Ok(())
}

fn uri(at: weir_diag::Span, args: &[Word]) -> Result<(), Diagnostic> {
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        match &*word.bytes {
            b"whole" | b"path-only" => {}
            b"len" | b"depth" => {
                let value = rest.next();
                if value.is_none_or(|w| values::leading_integer(&w.bytes) <= 0) {
                    let got = value.map(Word::text).unwrap_or_default();
                    return Err(said(
                        at,
                        format!("balance uri : '{}' expects a positive integer (got '{got}').", word.text()),
                    ));
                }
            }
            _ => {
                return Err(word.alert(format!(
                    "balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{}').",
                    word.text()
                )));
            }
        }
    }
    Ok(())
}

fn url_param(at: weir_diag::Span, args: &[Word]) -> Result<(), Diagnostic> {
    match args {
        [] => Err(said(at, "balance url_param requires an URL parameter name.")),
        [_, modifier, ..] if !modifier.is("check_post") => Err(modifier.alert(format!(
            "balance url_param only accepts 'check_post' modifier (got '{}').",
            modifier.text()
        ))),
        _ => Ok(()),
    }
}

fn hdr(at: weir_diag::Span, header: &str, args: &[Word]) -> Result<(), Diagnostic> {
    if header.is_empty() {
        return Err(said(at, "balance hdr requires an http header field name."));
    }
    match args.first() {
        Some(word) if !word.is("use_domain_only") => Err(word.alert(format!(
            "balance hdr({header}) only accepts 'use_domain_only' modifier (got '{}').",
            word.text()
        ))),
        _ => Ok(()),
    }
}

/// The algorithms that the engine's farms run beside `roundrobin`.
const AVAILABLE: &[&str] = &[
    "static-rr",
    "leastconn",
    "first",
    "random",
    "source",
    "uri",
    "url_param",
    "hdr",
    "hash",
    "log-hash",
    "rdp-cookie",
    "sticky",
];
