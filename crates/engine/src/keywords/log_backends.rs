//! What backends of `mode log` may and may not have (manual, 4.2 "mode").

use weir_diag::{Diagnostic, Form, Severity};
use weir_expr::Place;

use super::cross::alert;
use super::resolve::{Load, place};
use super::{Draft, steps};
use crate::action::{Compiler, RuleSet};
use crate::conf::{Balance, Endpoint, Mode};

/// Judges one proxy when all is read.
pub(super) fn judge(load: &mut Load<'_>, draft: &mut Draft) {
    if draft.proxy.mode != Mode::Log {
        return datagrams_elsewhere(load, draft);
    }
    let proxy = &mut draft.proxy;
    let name = proxy.name.clone();
    let (rules, tables) = (&proxy.rules, &load.conf.tables);
    let ignored = [
        (!rules.is_empty(RuleSet::TcpContent), "tcp-request rules", "They"),
        (!rules.is_empty(RuleSet::TcpResponse), "tcp-response rules", "They"),
        (tables.iter().any(|t| t.spec.name == name), "stick table", "It"),
        (!rules.use_server.is_empty(), "\"use-server\" rules", "They"),
    ];
    for (_, what, they) in ignored.into_iter().filter(|(there, ..)| *there) {
        let message =
            format!("Cannot use {what} with 'mode log' in backend '{name}'. {they} will be ignored.");
        load.out.push(Diagnostic::new(Severity::Warning, None, message).form(Form::Bare));
    }
    if let Balance::Other(words) = &proxy.balance {
        let first = words.first().map(String::as_str).unwrap_or_default();
        let fits = first.starts_with("random") || matches!(first, "sticky" | "log-hash");
        if !fits && !proxy.balance.reads_http() {
            let message = format!(
                "in backend '{name}': \"balance\" only supports 'roundrobin', 'random', 'sticky' and 'log-hash'."
            );
            load.out.push(alert(proxy.at, message));
        }
        if first == "log-hash" && proxy.hash.consistent {
            let message = format!(
                "log backend '{name}': failed to initialize: unsupported hash method (from \"hash-type\")."
            );
            load.out.push(alert(proxy.at, message));
        }
    }
    for server in &draft.servers {
        if !matches!(server.server.endpoint, Some(Endpoint::Inet(_)) | None) {
            let at = place(load.sources, server.server.at);
            let message = format!("[{at}] : log server address family not supported for log backend server.");
            load.out.push(alert(server.server.at, message));
        }
    }
}

/// Compiles the converters of `balance log-hash`; what is wrong with them.
pub(super) fn compile_key(
    compiler: &mut Compiler<'_>,
    index: usize,
    draft: &mut Draft,
) -> Option<Diagnostic> {
    let word = draft.log_key.as_ref().filter(|_| draft.proxy.mode == Mode::Log)?;
    match compiler.lone_expr(index, word, Place::Log) {
        Ok(expr) => {
            draft.proxy.balance_key = Some(expr);
            None
        }
        Err(error) => {
            let (backend, why) = (&draft.proxy.name, &error.message);
            let message = format!(
                "log backend '{backend}': failed to initialize: {why} (from converter list argument in \"balance \
                 log-hash\")."
            );
            Some(alert(word.span, message).step(steps::BALANCE))
        }
    }
}

/// Servers that take datagrams serve log backends alone.
fn datagrams_elsewhere(load: &mut Load<'_>, draft: &Draft) {
    for server in draft.servers.iter().filter(|s| s.server.datagrams) {
        let (at, mode) = (place(load.sources, server.server.at), draft.proxy.mode.word());
        let message = format!("[{at}] : unsupported transport for server address in '{mode}' backend.");
        load.out.push(alert(server.server.at, message));
    }
}
