//! What is said where a line names no action: the list of those that its set has.

use weir_config::{Line, Word};
use weir_diag::{Diagnostic, nearest};

use super::RuleSet;

/// The message for a line of a set whose action does not exist.
pub(super) fn unknown(set: RuleSet, line: &Line, kind: &str, proxy: &str) -> Diagnostic {
    let got = line.arg(0).map(Word::text).unwrap_or_default();
    let at = line.arg(0).map_or(line.span, |w| w.span);
    let (rule, words) = (set.name(), words_of(set));
    if matches!(set, RuleSet::TcpConnection | RuleSet::TcpSession | RuleSet::TcpContent)
        && matches!(&*got, "expect-proxy" | "expect-netscaler-cip" | "capture")
    {
        let next = line.arg(1).map(Word::text).unwrap_or_default();
        let said = if got == "capture" || next == "layer4" {
            format!("'{got} {next}' is not allowed in '{rule}' rules in {kind} '{proxy}'")
        } else {
            format!("'{rule} {got}' only supports 'layer4' in {kind} '{proxy}' (got '{next}')")
        };
        return Diagnostic::alert(at, said);
    }
    if let Some(with) = to_come(&got) {
        return Diagnostic::alert(at, format!("'{rule} {got}' is not available yet (it comes with {with})."));
    }
    let names = words.split(", ").map(|w| w.trim_matches('\'').trim_end_matches("(*)"));
    let near = match nearest(&got, names) {
        Some(near) if !got.is_empty() => format!(" Did you mean '{near}' maybe ?"),
        _ => String::new(),
    };
    if !set.is_http() {
        let said = format!("'{rule}' expects {words} in {kind} '{proxy}' (got '{got}').{near}");
        return Diagnostic::alert(at, said);
    }
    let missing = if got.is_empty() { " (missing argument)" } else { "" };
    Diagnostic::alert(at, format!("'{rule}' expects {words}, but got '{got}'{missing}.{near}")).tight()
}

/// What an action comes with whose name is not in the tables because it is the user's: the name of a function.
fn to_come(name: &str) -> Option<&'static str> {
    name.starts_with("lua.").then_some("Lua")
}

const fn words_of(set: RuleSet) -> &'static str {
    match set {
        RuleSet::TcpConnection => TCP_CONNECTION,
        RuleSet::TcpSession => TCP_SESSION,
        RuleSet::TcpContent => TCP_CONTENT,
        RuleSet::HttpRequest | RuleSet::Stats | RuleSet::Redirect => HTTP_REQUEST,
        RuleSet::TcpResponse => TCP_RESPONSE,
        RuleSet::HttpResponse => HTTP_RESPONSE,
        RuleSet::HttpAfterResponse => HTTP_AFTER_RESPONSE,
    }
}

const TCP_CONNECTION: &str = "'accept', 'reject', 'capture', 'expect-proxy', 'expect-netscaler-cip', \
    'track-sc0' ... 'track-sc2', 'sc-add-gpc(*)', 'sc-inc-gpc(*)', 'sc-inc-gpc0(*)', \
    'sc-inc-gpc1(*)', 'sc-set-gpt(*)', 'sc-set-gpt0(*)', 'set-var-fmt(*)', 'set-var(*)', \
    'unset-var(*)', 'do-log', 'set-dst', 'set-dst-port', 'set-fc-mark', 'set-fc-tos', 'set-mark', \
    'set-src', 'set-src-port', 'set-tos', 'silent-drop'";
const TCP_SESSION: &str = "'accept', 'reject', 'capture', 'expect-proxy', 'expect-netscaler-cip', \
    'track-sc0' ... 'track-sc2', 'sc-add-gpc(*)', 'sc-inc-gpc(*)', 'sc-inc-gpc0(*)', \
    'sc-inc-gpc1(*)', 'sc-set-gpt(*)', 'sc-set-gpt0(*)', 'set-var-fmt(*)', 'set-var(*)', \
    'unset-var(*)', 'attach-srv', 'do-log', 'set-dst', 'set-dst-port', 'set-fc-mark', \
    'set-fc-tos', 'set-mark', 'set-src', 'set-src-port', 'set-tos', 'silent-drop'";
const TCP_CONTENT: &str = "'accept', 'reject', 'capture', 'expect-proxy', 'expect-netscaler-cip', \
    'track-sc0' ... 'track-sc2', 'ot-group', 'set-retries', 'set-log-level', 'set-nice', \
    'switch-mode', 'use-service', 'sc-add-gpc(*)', 'sc-inc-gpc(*)', 'sc-inc-gpc0(*)', \
    'sc-inc-gpc1(*)', 'sc-set-gpt(*)', 'sc-set-gpt0(*)', 'do-resolve(*)', 'send-spoe-group', \
    'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)', 'do-log', 'set-bc-mark', 'set-bc-tos', \
    'set-dst', 'set-dst-port', 'set-fc-mark', 'set-fc-tos', 'set-mark', 'set-src', 'set-src-port', \
    'set-tos', 'silent-drop', 'set-bandwidth-limit', 'set-priority-class', 'set-priority-offset'";
const HTTP_REQUEST: &str = "'wait-for-handshake', 'ot-group', 'set-retries', 'set-log-level', 'set-nice', 'use-service', \
    'sc-add-gpc(*)', 'sc-inc-gpc(*)', 'sc-inc-gpc0(*)', 'sc-inc-gpc1(*)', 'sc-set-gpt(*)', \
    'sc-set-gpt0(*)', 'do-resolve(*)', 'cache-use', 'send-spoe-group', 'add-acl(*)', 'add-header', \
    'add-headers-bin', 'allow', 'auth', 'capture', 'del-acl(*)', 'del-header', 'del-headers-bin', \
    'del-map(*)', 'deny', 'disable-l7-retry', 'do-log', 'early-hint', 'normalize-uri', 'pause', \
    'redirect', 'reject', 'replace-header', 'replace-path', 'replace-pathq', 'replace-uri', \
    'replace-value', 'return', 'set-header', 'set-headers-bin', 'set-map(*)', 'set-method', \
    'set-path', 'set-pathq', 'set-query', 'set-uri', 'strict-mode', 'tarpit', 'track-sc(*)', \
    'set-timeout', 'wait-for-body', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)', 'set-bc-mark', \
    'set-bc-tos', 'set-dst', 'set-dst-port', 'set-fc-mark', 'set-fc-tos', 'set-mark', 'set-src', \
    'set-src-port', 'set-tos', 'silent-drop', 'set-bandwidth-limit', 'set-priority-class', \
    'set-priority-offset'";
const TCP_RESPONSE: &str = "'accept', 'close', 'reject', 'ot-group', 'set-log-level', 'set-nice', 'sc-add-gpc(*)', \
    'sc-inc-gpc(*)', 'sc-inc-gpc0(*)', 'sc-inc-gpc1(*)', 'sc-set-gpt(*)', 'sc-set-gpt0(*)', \
    'send-spoe-group', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)', 'do-log', 'set-fc-mark', \
    'set-fc-tos', 'set-mark', 'set-tos', 'silent-drop', 'set-bandwidth-limit'";
const HTTP_RESPONSE: &str = "'ot-group', 'set-log-level', 'set-nice', 'sc-add-gpc(*)', 'sc-inc-gpc(*)', 'sc-inc-gpc0(*)', \
    'sc-inc-gpc1(*)', 'sc-set-gpt(*)', 'sc-set-gpt0(*)', 'cache-store', 'send-spoe-group', \
    'add-acl(*)', 'add-header', 'add-headers-bin', 'allow', 'capture', 'del-acl(*)', 'del-header', \
    'del-headers-bin', 'del-map(*)', 'deny', 'do-log', 'pause', 'redirect', 'replace-header', \
    'replace-value', 'return', 'set-header', 'set-headers-bin', 'set-map(*)', 'set-status', \
    'strict-mode', 'track-sc(*)', 'set-timeout', 'wait-for-body', 'set-var-fmt(*)', 'set-var(*)', \
    'unset-var(*)', 'set-fc-mark', 'set-fc-tos', 'set-mark', 'set-tos', 'silent-drop', \
    'set-bandwidth-limit'";
const HTTP_AFTER_RESPONSE: &str = "'ot-group', 'set-log-level', 'sc-add-gpc(*)', 'sc-inc-gpc(*)', 'sc-inc-gpc0(*)', \
    'sc-inc-gpc1(*)', 'sc-set-gpt(*)', 'sc-set-gpt0(*)', 'add-header', 'add-headers-bin', 'allow', \
    'capture', 'del-acl(*)', 'del-header', 'del-headers-bin', 'del-map(*)', 'do-log', \
    'replace-header', 'replace-value', 'set-header', 'set-headers-bin', 'set-map(*)', \
    'set-status', 'strict-mode', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'";
