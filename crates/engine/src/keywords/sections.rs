//! The names of the sections (manual, 2.1 and chapters 3, 4 and 12).

use weir_config::{Arity, Class, Entry, Keyword, Sections};

/// Every section there is; those of work to come are refused as a whole.
pub const SECTIONS: &[Keyword<Sections>] = &[
    works("global", Sections::GLOBAL, "the process"),
    works("defaults", Sections::DEFAULTS, "what the proxies that follow start from"),
    works("frontend", Sections::FRONTEND, "where connections come in"),
    works("backend", Sections::BACKEND, "servers that requests go to"),
    works("listen", Sections::LISTEN, "a frontend and a backend in one"),
    works("userlist", Sections::USERLIST, "users, passwords and groups"),
    works("http-errors", Sections::HTTP_ERRORS, "error answers that proxies share"),
    works("peers", Sections::PEERS, "tables, and processes that share them"),
    later("acme", "comes with ACME", "certificates from an authority"),
    later("cache", "comes with the cache", "a cache of small answers"),
    works("crt-store", Sections::CRT_STORE, "certificates and where they lie"),
    later("dynamic-update", "comes with TLS", "certificates changed at run time"),
    later("fcgi-app", "comes with FastCGI", "a FastCGI application"),
    works("healthcheck", Sections::HEALTHCHECK, "a check that servers share"),
    works("log-forward", Sections::LOG_FORWARD, "a relay of log messages"),
    works("log-profile", Sections::LOG_PROFILE, "log lines by step"),
    Keyword::judged(
        Entry::new(Class::Section, "mailers", Sections::empty(), Arity::ANY, "mail servers for alerts"),
        Sections::MAILERS,
        super::mail::REASON,
    ),
    later("resolvers", "comes with the resolver", "name servers"),
    works("ring", Sections::RING, "a ring buffer of messages"),
    works("traces", Sections::TRACES, "what the program tells of itself from the start"),
];

const fn works(name: &'static str, section: Sections, help: &'static str) -> Keyword<Sections> {
    Keyword::works(Entry::new(Class::Section, name, Sections::empty(), Arity::ANY, help), section)
}

const fn later(name: &'static str, reason: &'static str, help: &'static str) -> Keyword<Sections> {
    Keyword::refused(Entry::new(Class::Section, name, Sections::empty(), Arity::ANY, help), reason)
}
