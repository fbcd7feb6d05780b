//! How the program asks others in HTTP: the words `httpclient.*` of `global` (manual, 3.8).

use weir_config::values::{self, Family, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections};
use weir_diag::Diagnostic;

use super::GlobalFn;
use super::process::put;

/// The lines of this file.
pub(super) const HTTP_CLIENT: &[Keyword<GlobalFn>] = &[
    word("httpclient.resolvers.disabled", "names of hosts are not asked for", |c, line| {
        let got = line.arg(0).map(|w| w.text()).unwrap_or_default();
        let disabled = match &*got {
            "on" => true,
            "off" => false,
            _ => {
                let expected = "expects either 'on' or 'off' but got";
                return Err(line.alert(format!("'{}' {expected} '{got}'.", line.name())));
            }
        };
        put(disabled, &mut c.global.http_client.asks_no_names)
    }),
    word("httpclient.resolvers.prefer", "which addresses of a host are taken first", |c, line| {
        let family = match line.arg(0).map(|w| w.text()).as_deref() {
            Some("ipv4") => Family::V4,
            Some("ipv6") => Family::V6,
            _ => return Err(unnamed(c.out, line, "expects 'ipv4' or 'ipv6' as argument.")),
        };
        put(Some(family), &mut c.global.http_client.prefers)
    }),
    word("httpclient.retries", "how often a connection is tried again", |c, line| {
        let Some(word) = line.arg(0) else {
            return Err(unnamed(c.out, line, "expects an integer argument."));
        };
        let n = values::leading_integer(&word.bytes).max(0);
        put(u32::try_from(n).unwrap_or(u32::MAX), &mut c.global.http_client.retries)
    }),
    word("httpclient.timeout.connect", "how long a connection may take", |c, line| {
        let Some(word) = line.arg(0) else {
            return Err(unnamed(c.out, line, "expects an integer argument."));
        };
        let name = line.name();
        let time = values::parse_time(&word.bytes, Unit::Milliseconds).map_err(|fault| match fault {
            TimeFault::Unexpected(c) => word.alert(format!("unexpected character '{c}' in '{name}'")),
            TimeFault::Overflow => word.alert(format!(
                "timer overflow in argument '{}' to '{name}' (maximum value is 2147483647 ms or ~24.8 days)",
                word.text()
            )),
        })?;
        put(time.duration, &mut c.global.http_client.connect)
    }),
];

const fn word(name: &'static str, help: &'static str, run: GlobalFn) -> Keyword<GlobalFn> {
    Keyword::works(Entry::new(Class::Global, name, Sections::GLOBAL, Arity::between(0, 1), help), run)
}

/// What the reference says by itself, before it says that it has nothing to say of the line.
fn unnamed(out: &mut weir_diag::Diagnostics, line: &Line, expected: &str) -> Diagnostic {
    out.push(line.alert(format!("'{}' {expected}", line.name())));
    line.alert("(null)")
}
