//! Actions that are known and not there yet.

use weir_config::{Arity, Class, Entry, Keyword, Sections};

use super::ActionFn;

/// The actions of this file.
pub(super) const LATER: &[Keyword<ActionFn>] = &[
    later("tcp-request connection capture", "comes with the other rules"),
    later("tcp-request connection expect-netscaler-cip", "comes with the other rules"),
    later("tcp-request session capture", "comes with the other rules"),
    later("tcp-request session expect-proxy", "comes with the other rules"),
    later("tcp-request session expect-netscaler-cip", "comes with the other rules"),
    later("tcp-request session attach-srv", "comes with reverse HTTP"),
    later("tcp-request content expect-proxy", "comes with the other rules"),
    later("tcp-request content expect-netscaler-cip", "comes with the other rules"),
    later("tcp-request content ot-group", "OpenTracing is not built in"),
    later("tcp-request content set-retries", "comes with the other rules"),
    later("tcp-request content switch-mode", "comes with the other rules"),
    later("tcp-request content use-service", "comes with Lua"),
    later("tcp-request content do-resolve", "comes with the resolver"),
    later("tcp-request content send-spoe-group", "comes with SPOE"),
    later("tcp-request content set-bc-mark", "comes with the other rules"),
    later("tcp-request content set-bc-tos", "comes with the other rules"),
    later("tcp-request content set-bandwidth-limit", "comes with filters"),
    later("tcp-request content set-priority-class", "comes with the other rules"),
    later("tcp-request content set-priority-offset", "comes with the other rules"),
    later("http-request wait-for-handshake", "comes with TLS"),
    later("http-request ot-group", "OpenTracing is not built in"),
    later("http-request set-retries", "comes with the other rules"),
    later("http-request use-service", "comes with Lua"),
    later("http-request do-resolve", "comes with the resolver"),
    later("http-request cache-use", "comes with the cache"),
    later("http-request send-spoe-group", "comes with SPOE"),
    later("http-request add-headers-bin", "comes with the other rules"),
    later("http-request del-headers-bin", "comes with the other rules"),
    later("http-request normalize-uri", "comes with the other rules"),
    later("http-request set-headers-bin", "comes with the other rules"),
    later("http-request set-bc-mark", "comes with the other rules"),
    later("http-request set-bc-tos", "comes with the other rules"),
    later("http-request set-bandwidth-limit", "comes with filters"),
    later("http-request set-priority-class", "comes with the other rules"),
    later("http-request set-priority-offset", "comes with the other rules"),
    later("tcp-response content accept", "comes with the other rules"),
    later("tcp-response content close", "comes with the other rules"),
    later("tcp-response content reject", "comes with the other rules"),
    later("tcp-response content ot-group", "OpenTracing is not built in"),
    later("tcp-response content send-spoe-group", "comes with SPOE"),
    later("tcp-response content set-fc-mark", "comes with the other rules"),
    later("tcp-response content set-fc-tos", "comes with the other rules"),
    later("tcp-response content set-mark", "comes with the other rules"),
    later("tcp-response content set-tos", "comes with the other rules"),
    later("tcp-response content silent-drop", "comes with the other rules"),
    later("tcp-response content set-bandwidth-limit", "comes with filters"),
    later("http-response ot-group", "OpenTracing is not built in"),
    later("http-response cache-store", "comes with the cache"),
    later("http-response send-spoe-group", "comes with SPOE"),
    later("http-response add-headers-bin", "comes with the other rules"),
    later("http-response del-headers-bin", "comes with the other rules"),
    later("http-response set-headers-bin", "comes with the other rules"),
    later("http-response wait-for-body", "comes with the other rules"),
    later("http-response set-bandwidth-limit", "comes with filters"),
    later("http-after-response ot-group", "OpenTracing is not built in"),
    later("http-after-response add-headers-bin", "comes with the other rules"),
    later("http-after-response del-headers-bin", "comes with the other rules"),
    later("http-after-response set-headers-bin", "comes with the other rules"),
];

const HELP: &str = "see the configuration manual of HAProxy 3.4";

const fn later(name: &'static str, reason: &'static str) -> Keyword<ActionFn> {
    Keyword::refused(Entry::new(Class::Action, name, Sections::PROXIES, Arity::ANY, HELP), reason)
}
