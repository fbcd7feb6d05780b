//! The words of `global` about responders, who say whether certificates are still good (manual, 3.1 "ocsp-update.mode").

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, values};
use weir_diag::{Diagnostic, Form};

use super::super::address;
use super::super::process::put;
use super::super::{GlobalCtx, GlobalFn};
use super::inert::needs_integer;

/// The lines of this file.
pub(in super::super) const GLOBAL_OCSP: &[Keyword<GlobalFn>] = &[
    word("ocsp-update.disable", Arity::ANY, "responders are asked at no time by themselves", |c, line| {
        let disabled = on_off(c, line);
        put(disabled.unwrap_or(c.global.tls.ocsp.disabled), &mut c.global.tls.ocsp.disabled)
    }),
    word("ocsp-update.httpproxy", Arity::between(0, 1), "who asks responders for us", |c, line| {
        let empty = || "'' resolves to an empty address (environment variable missing?)".to_owned();
        let read = line.arg(0).ok_or_else(empty).and_then(|word| address::socket(word, c.outside));
        let (address, _) = read.map_err(|why| {
            let said = format!("ocsp-update: Failed to parse destination address in {why}");
            c.out.push(line.alert(said).form(Form::Config));
            line.alert("(null)")
        })?;
        let port = if address.port() == 0 { 80 } else { address.port() };
        put(Some((address.ip(), port).into()), &mut c.global.tls.ocsp.proxy)
    }),
    word("ocsp-update.maxdelay", Arity::ANY, "longest time between two questions", longest),
    word("ocsp-update.mindelay", Arity::ANY, "shortest time between two questions", shortest),
    word("ocsp-update.mode", Arity::ANY, "whether responders are asked about certificates", |c, line| {
        let asks = on_off(c, line);
        put(asks.unwrap_or(c.global.tls.extra.asks), &mut c.global.tls.extra.asks)
    }),
    word("tune.ssl.ocsp-update.maxdelay", Arity::ANY, "'ocsp-update.maxdelay' of older versions", longest),
    word("tune.ssl.ocsp-update.mindelay", Arity::ANY, "'ocsp-update.mindelay' of older versions", shortest),
];

const fn word(name: &'static str, arity: Arity, help: &'static str, run: GlobalFn) -> Keyword<GlobalFn> {
    Keyword::works(Entry::new(Class::Global, name, Sections::GLOBAL, arity, help), run)
}

/// The reference says what is wrong, and goes on.
fn on_off(ctx: &mut GlobalCtx<'_>, line: &Line) -> Option<bool> {
    match line.arg(0) {
        Some(word) if line.args().len() == 1 && word.is("on") => Some(true),
        Some(word) if line.args().len() == 1 && word.is("off") => Some(false),
        _ => {
            let message = format!("'{}' : expecting <on|off>", line.name());
            ctx.out.push(Diagnostic::warning(line.span, message));
            None
        }
    }
}

/// Seconds between two questions for a response.
fn delay(line: &Line) -> Result<u32, Diagnostic> {
    needs_integer(line)?;
    let n = line.arg(0).map_or(0, |w| values::leading_integer(&w.bytes)) as i32;
    u32::try_from(n).map_err(|_| line.alert(format!("'{}' expects a positive numeric value.", line.name())))
}

fn longest(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let (delay, ocsp) = (delay(line)?, &mut ctx.global.tls.ocsp);
    if delay < ocsp.least {
        let said = "can not be lower than tune.ssl.ocsp-update.mindelay.";
        return Err(line.alert(format!("'{}' {said}", line.name())));
    }
    put(delay, &mut ocsp.most)
}

fn shortest(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let (delay, ocsp) = (delay(line)?, &mut ctx.global.tls.ocsp);
    if delay > ocsp.most {
        let said = "can not be higher than tune.ssl.ocsp-update.maxdelay.";
        return Err(line.alert(format!("'{}' {said}", line.name())));
    }
    put(delay, &mut ocsp.least)
}
