//! The words of the sections that configure the engine, and the way from a document to plain data.
//!
//! Each word is one [`Keyword`](weir_config::Keyword) entry beside the function that reads its arguments; the files are cut by topic.
//! [`resolve`] walks the sections, hands `defaults` down, runs the functions, and checks what only shows when all
//! is read (names that point nowhere, missing timeouts). It reports all errors of the files in one run, in
//! HAProxy's words. It opens nothing itself: files, host names and users come through [`Outside`].
//! Called by whoever loads a configuration; [`tables`] tells `weir keywords` what there is.

mod address;
mod balance;
mod bind_params;
mod check_params;
mod checks;
mod context;
mod cpus;
mod cross;
mod errors;
mod http_client;
mod http_options;
mod inert;
mod later;
mod listen;
mod log_backends;
mod log_forward;
mod log_profiles;
mod logging;
mod mail;
mod options;
mod outside;
mod peers;
mod persistence;
mod process;
mod relay;
mod resolve;
mod rings;
mod rules;
mod sections;
mod server_params;
mod servers;
mod source;
mod spellings;
mod stats;
mod stats_page;
mod status_codes;
pub(crate) mod steps;
mod stick_table;
mod templates;
mod timeouts;
pub(crate) mod tls;
mod tokens;
mod traces;
mod tune;
mod tune_h2;
mod userlist;
mod variables;

use std::sync::LazyLock;

use weir_config::{Keyword, Registry, State};

pub(crate) use checks::binary;
pub use context::{
    BindCtx, BindFn, Draft, ErrorLine, GlobalCtx, GlobalFn, List, ListCtx, ListFn, Outside, ProxyCtx,
    ProxyFn, ServerCtx, ServerDraft, ServerFn, UserlistDraft,
};
pub use outside::System;
pub use peers::PeersDraft;
pub use resolve::resolve;
pub(crate) use resolve::{file_and_line, place};
pub use sections::SECTIONS;
pub use servers::{DYNAMIC, dynamic_server};
pub(crate) use templates::free_id;
pub use templates::{NewBackend, Templates};

/// All tables of this room, by the type of their functions.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    /// Lines of `global`.
    pub global: &'static [&'static [Keyword<GlobalFn>]],
    /// Lines of proxy sections.
    pub proxy: &'static [&'static [Keyword<ProxyFn>]],
    /// Parameters of `bind` lines.
    pub bind: &'static [&'static [Keyword<BindFn>]],
    /// Lines of `userlist` and `http-errors` sections.
    pub lists: &'static [&'static [Keyword<ListFn>]],
    /// Parameters of `server` lines.
    pub server: &'static [&'static [Keyword<ServerFn>]],
}

/// All tables of this room.
pub const fn tables() -> Tables {
    Tables {
        global: GLOBAL_TABLES,
        proxy: PROXY_TABLES,
        bind: BIND_TABLES,
        lists: LIST_TABLES,
        server: SERVER_TABLES,
    }
}

/// A line `class<TAB>name<TAB>state` for each word, as `weir keywords` prints them.
pub fn listing() -> Vec<String> {
    let mut lines: Vec<String> = SECTIONS.iter().map(Keyword::listing).collect();
    lines.extend(GLOBAL.listing());
    let firsts: Vec<&str> = later::PROXY_FIRST.iter().map(|k| k.entry.name).collect();
    for keyword in PROXY.iter() {
        if firsts.contains(&keyword.entry.name) && !goes_on(keyword.entry.name) {
            // It only says what may follow, and none of that is there, or does anything.
            let judged = PROXY.iter().any(|k| {
                matches!(k.state, State::Judged(..)) && k.entry.name.starts_with(keyword.entry.name)
            });
            let state = match judged {
                true => "inert none of its words does anything",
                false => "refused none of its words is available yet",
            };
            lines.push(format!("proxy\t{}\t{state}\t\t", keyword.entry.name));
        } else {
            lines.push(keyword.listing());
        }
    }
    lines.extend(crate::action::listing());
    lines.extend(userlist::USERLIST.iter().map(Keyword::listing));
    lines.extend(peers::PEERS.iter().map(Keyword::listing));
    lines.extend(tls::CRT_STORE.iter().map(Keyword::listing));
    lines.extend(traces::TRACES.iter().map(Keyword::listing));
    lines.extend(tls::list_words());
    lines.extend(BIND.listing());
    lines.extend(SERVER.listing());
    lines
}

/// Whether a longer name that begins like this works.
fn goes_on(first: &str) -> bool {
    PROXY.iter().any(|k| {
        let longer = k.entry.name.strip_prefix(first).is_some_and(|rest| rest.starts_with(' '));
        longer && matches!(k.state, State::Works(_))
    })
}

const GLOBAL_TABLES: &[&[Keyword<GlobalFn>]] = &[
    process::PROCESS,
    logging::GLOBAL_LOGGING,
    stats::GLOBAL_STATS,
    status_codes::STATUS_CODES,
    tune::TUNE,
    tune_h2::TUNE_H2,
    cpus::CPUS,
    spellings::SPELLINGS,
    inert::INERT,
    inert::INERT_TUNE,
    inert::INERT_QUIC,
    tls::GLOBAL_TLS,
    tls::GLOBAL_TLS_INERT,
    tls::GLOBAL_OCSP,
    http_client::HTTP_CLIENT,
    tokens::TOKENS,
    variables::VARIABLES,
    later::GLOBAL_LATER,
];
const PROXY_TABLES: &[&[Keyword<ProxyFn>]] = &[
    listen::LISTEN,
    servers::SERVERS,
    balance::BALANCE,
    timeouts::TIMEOUTS,
    options::OPTIONS,
    logging::LOGGING,
    http_options::HTTP_OPTIONS,
    relay::RELAY,
    persistence::PERSISTENCE,
    rules::RULES,
    stats_page::STATS_PAGE,
    stick_table::STICK_TABLE,
    tls::PROXY_TLS,
    errors::ERRORS,
    checks::HTTP,
    checks::TCP,
    checks::PROTOCOLS,
    checks::PROGRAM,
    checks::SECTION,
    mail::EMAIL_ALERT,
    later::PROXY_LATER,
    later::PROXY_FIRST,
];
const LIST_TABLES: &[&[Keyword<ListFn>]] = &[
    userlist::USERLIST,
    errors::HTTP_ERRORS,
    log_profiles::LOG_PROFILE,
    peers::PEERS,
    rings::RING,
    tls::CRT_STORE,
    traces::TRACES,
    mail::MAILERS,
];
const BIND_TABLES: &[&[Keyword<BindFn>]] = &[tls::BIND_TLS, bind_params::BIND_PARAMS, later::BIND_LATER];
const SERVER_TABLES: &[&[Keyword<ServerFn>]] =
    &[tls::SERVER_TLS, server_params::SERVER_PARAMS, check_params::CHECK_PARAMS, later::SERVER_LATER];

static GLOBAL: LazyLock<Registry<GlobalFn>> = LazyLock::new(|| Registry::new(GLOBAL_TABLES));
static PROXY: LazyLock<Registry<ProxyFn>> = LazyLock::new(|| Registry::new(PROXY_TABLES));
static LISTS: LazyLock<Registry<ListFn>> = LazyLock::new(|| Registry::new(LIST_TABLES));
static BIND: LazyLock<Registry<BindFn>> = LazyLock::new(|| Registry::new(BIND_TABLES));
static SERVER: LazyLock<Registry<ServerFn>> = LazyLock::new(|| Registry::new(SERVER_TABLES));
