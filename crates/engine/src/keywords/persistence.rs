//! Staying with a server by a cookie: `cookie`, `dynamic-cookie-key`, `persist` (manual, 4.2).

use std::time::Duration;

use weir_config::values::{self, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::{Diagnostic, Form};

use super::{ProxyCtx, ProxyFn};
use crate::conf::{Cookie, CookieFlags, CookieMode};

/// The lines of this file.
pub(super) const PERSISTENCE: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("cookie", "a cookie that keeps clients with their server"), cookie),
    Keyword::works(entry("dynamic-cookie-key", "key that cookie values are made with"), |ctx, line| {
        let key = line
            .arg(0)
            .ok_or_else(|| line.alert("'dynamic-cookie-key' expects <secret_key> as argument."))?;
        ctx.draft.proxy.persistence.dynamic_key = Some(key.bytes.clone());
        Ok(())
    }),
    Keyword::works(
        everywhere("persist rdp-cookie", "a client stays with the server of its RDP cookie"),
        rdp_cookie,
    ),
];

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::DEFAULTS.union(Sections::BACKENDS), Arity::ANY, help)
}

const fn everywhere(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, Sections::PROXIES, Arity::ANY, help)
}

fn rdp_cookie(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    const MISSING: &str = "persist rdp-cookie(name)' requires an rdp cookie name.";
    let word = line.words.get(1).map(Word::text).unwrap_or_default();
    let name = match word.strip_prefix("rdp-cookie") {
        None | Some("") => "msts",
        Some(rest) => match rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            Some((name, _)) if !name.is_empty() => name,
            _ => return Err(line.alert(MISSING)),
        },
    };
    // Behind the bare word, anything goes.
    let judged = word.contains('(');
    if let Some(extra) = line.words.get(2).filter(|_| judged) {
        return Err(extra.alert(format!("'persist' cannot handle unexpected argument '{}'.", extra.text())));
    }
    let bytes = format!("req.rdp_cookie({name})").into_bytes();
    ctx.draft.rdp_cookie = Some(Word { bytes: bytes.into(), span: line.span });
    Ok(())
}

fn cookie(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some((name, words)) = line.args().split_first() else {
        return Err(line.alert("'cookie' expects <cookie_name> as argument."));
    };
    let mut draft =
        Draft { cookie: Cookie { name: name.bytes.clone(), ..Cookie::default() }, modes: Vec::new() };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        draft.word(ctx, word, &mut rest)?;
    }
    let Draft { cookie, modes } = draft;
    let indirect = cookie.flags.contains(CookieFlags::INDIRECT);
    if modes.contains(&CookieMode::Rewrite) && indirect {
        ctx.out.push(line.alert("cookie 'rewrite' and 'indirect' modes are incompatible."));
    }
    if modes.len() > 1 {
        ctx.out.push(line.alert("cookie 'rewrite', 'insert' and 'prefix' modes are incompatible."));
    }
    if cookie.flags.contains(CookieFlags::PRESERVE) && !modes.contains(&CookieMode::Insert) && !indirect {
        return Err(line.alert("cookie 'preserve' requires at least 'insert' or 'indirect'."));
    }
    ctx.draft.proxy.persistence.cookie = Some(cookie);
    Ok(())
}

/// A `cookie` line while it is read.
struct Draft {
    cookie: Cookie,
    /// The modes that were named.
    modes: Vec<CookieMode>,
}

// === impl Draft ===

impl Draft {
    fn word<'w>(
        &mut self,
        ctx: &mut ProxyCtx<'_>,
        word: &Word,
        rest: &mut impl Iterator<Item = &'w Word>,
    ) -> Result<(), Diagnostic> {
        match &*word.bytes {
            b"rewrite" => self.mode(CookieMode::Rewrite),
            b"insert" => self.mode(CookieMode::Insert),
            b"prefix" => self.mode(CookieMode::Prefix),
            b"indirect" => self.cookie.flags |= CookieFlags::INDIRECT,
            b"nocache" => self.cookie.flags |= CookieFlags::NOCACHE,
            b"postonly" => self.cookie.flags |= CookieFlags::POSTONLY,
            b"preserve" => self.cookie.flags |= CookieFlags::PRESERVE,
            b"httponly" => self.cookie.flags |= CookieFlags::HTTPONLY,
            b"secure" => self.cookie.flags |= CookieFlags::SECURE,
            b"dynamic" => self.cookie.flags |= CookieFlags::DYNAMIC,
            b"domain" => {
                let value =
                    rest.next().ok_or_else(|| missing(word, "'domain' expects <domain> as argument."))?;
                self.domain(ctx, value)?;
            }
            b"maxidle" => {
                let value = rest
                    .next()
                    .ok_or_else(|| missing(word, "'maxidle' expects <idletime> in seconds as argument."))?;
                self.cookie.max_idle = seconds(value, "maxidle")?;
            }
            b"maxlife" => {
                let value = rest
                    .next()
                    .ok_or_else(|| missing(word, "'maxlife' expects <lifetime> in seconds as argument."))?;
                self.cookie.max_life = seconds(value, "maxlife")?;
            }
            b"attr" => {
                let value =
                    rest.next().ok_or_else(|| missing(word, "'attr' expects <value> as argument."))?;
                self.attribute(value)?;
            }
            _ => {
                return Err(word.alert(
                    "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', \
                     'maxidle', 'dynamic', 'maxlife' and 'attr' options.",
                ));
            }
        }
        Ok(())
    }

    fn mode(&mut self, mode: CookieMode) {
        if !self.modes.contains(&mode) {
            self.modes.push(mode);
        }
        self.cookie.mode = mode;
    }

    fn domain(&mut self, ctx: &mut ProxyCtx<'_>, value: &Word) -> Result<(), Diagnostic> {
        let text = value.text();
        if !value.bytes.iter().skip(1).any(|b| *b == b'.') {
            ctx.out.push(
                Diagnostic::warning(
                    value.span,
                    format!(
                        "domain '{text}' contains no embedded dot, this configuration may not work properly (see \
                         RFC6265#5.2.3)."
                    ),
                )
                .form(Form::Tight),
            );
        }
        if let Some(bad) = values::invalid_character(&value.bytes) {
            let message = format!("character '{bad}' is not permitted in domain name '{text}'.");
            return Err(value.alert(message).form(Form::Tight));
        }
        self.cookie.domains.push(value.bytes.clone());
        Ok(())
    }

    fn attribute(&mut self, value: &Word) -> Result<(), Diagnostic> {
        if let Some(bad) = value.bytes.iter().find(|b| b.is_ascii_control() || **b == b';') {
            let message = format!("character '%x{bad:02X}' is not permitted in attribute value.");
            return Err(value.alert(message).form(Form::Tight));
        }
        self.cookie.attributes.push(value.bytes.clone());
        Ok(())
    }
}

fn missing(word: &Word, message: &str) -> Diagnostic {
    word.alert(message).form(Form::Tight)
}

fn seconds(word: &Word, name: &str) -> Result<Duration, Diagnostic> {
    let time = values::parse_time(&word.bytes, Unit::Seconds).map_err(|fault| {
        let message = match fault {
            TimeFault::Unexpected(c) => format!("unexpected character '{c}' in argument to <{name}>."),
            TimeFault::Overflow => format!(
                "timer overflow in argument <{}> to <{name}>, maximum value is 2147483647 s (~68 years).",
                word.text()
            ),
        };
        word.alert(message).form(Form::Tight)
    })?;
    Ok(Duration::from_secs(time.duration.as_secs()))
}
