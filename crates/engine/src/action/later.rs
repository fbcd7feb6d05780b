//! Actions that are known and not there yet.

use weir_config::{Arity, Class, Entry, Keyword, Sections};

use super::ActionFn;

/// The actions of this file.
pub(super) const LATER: &[Keyword<ActionFn>] = &[
    later("tcp-request session attach-srv", "comes with reverse HTTP"),
    later("tcp-request content ot-group", "OpenTracing is not built in"),
    later("tcp-request content use-service", "comes with Lua"),
    later("tcp-request content do-resolve", "comes with the resolver"),
    later("tcp-request content send-spoe-group", "comes with SPOE"),
    later("http-request ot-group", "OpenTracing is not built in"),
    later("http-request do-resolve", "comes with the resolver"),
    later("http-request cache-use", "comes with the cache"),
    later("http-request send-spoe-group", "comes with SPOE"),
    later("tcp-response content ot-group", "OpenTracing is not built in"),
    later("tcp-response content send-spoe-group", "comes with SPOE"),
    later("http-response ot-group", "OpenTracing is not built in"),
    later("http-response cache-store", "comes with the cache"),
    later("http-response send-spoe-group", "comes with SPOE"),
    later("http-after-response ot-group", "OpenTracing is not built in"),
];

const HELP: &str = "see the configuration manual of HAProxy 3.4";

const fn later(name: &'static str, reason: &'static str) -> Keyword<ActionFn> {
    Keyword::refused(Entry::new(Class::Action, name, Sections::PROXIES, Arity::ANY, HELP), reason)
}
