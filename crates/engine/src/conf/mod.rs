//! The configuration as plain data: what the words of a file mean, after defaults and names are resolved.
//!
//! The keyword tables fill these types in (`parse`, `resolve`); [`crate::snapshot`] compiles them into what
//! the workers run on (`build`). Nothing here opens a file, a socket or a certificate.

mod bind;
mod check;
mod errors;
mod global;
mod log;
mod mentions;
mod options;
mod persistence;
mod proxy;
mod server;
mod stats_page;
mod tables;
mod timeouts;
mod tls;

use std::sync::Arc;

use weir_diag::Diagnostic;

use crate::keywords::Templates;

pub use bind::{Bind, CliLevel, Endpoint, Proto, SeverityOutput, Shards, UnixPerms, V6Mode};
pub use check::{
    Agent, Answer, Check, CheckAct, CheckConnect, CheckExpect, CheckKind, CheckSend, CheckStep, CheckText,
    CheckVariable, Computed, HeaderMatch, HeaderWant, HttpSend, Program, Ruleset, Talk, VariableValue, Want,
};
pub use errors::{ErrorFile, ErrorSource, HttpErrors, RedirectCode};
pub use global::{
    CpuAffinity, CpuPolicy, CpuRule, CpuTrait, Cpus, Global, H2, H2Side, HttpClient, StatsSocket, Tokens,
    Tune, VarLimits,
};
pub use log::{
    Facility, HostStrategy, LogFormatKind, LogForward, LogLevel, LogLine, LogOverride, LogProfile,
    LogProfileStep, LogSample, LogStep, LogTarget, LogTransport, Ring, RingServer, SyslogFormat,
};
pub use mentions::Mentions;
pub use options::{AddressHeader, Forwarded, HeaderNames, Options, RetryOn};
pub use persistence::{Cookie, CookieFlags, CookieMode, Persistence, RdpCookie};
pub use proxy::{
    Balance, Caps, CaptureCookie, Hash, KeepAlive, LoadState, Mode, Proxy, ReuseMode, UseBackend,
};
pub use server::{
    HashKey, InitAddr, InitState, OnError, OnMarkedDown, PoolLimits, PortRule, ProxyHeader, Server, Source,
    SourceAddress,
};
pub use stats_page::StatsPage;
pub use tables::{CountedStatuses, Peers, StatusSet, StickTable};
pub use timeouts::Timeouts;
pub use tls::{BindCertificate, BindTls, GlobalTls, ServerTls, TlsWords, Verify};

/// All of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    /// The `global` section (manual, chapter 3).
    pub global: Global,
    /// The proxies (manual, chapter 4), in the order of the files; `defaults` are already applied.
    pub proxies: Vec<Arc<Proxy>>,
    /// The `http-errors` sections (manual, 12.4).
    pub http_errors: Vec<Arc<HttpErrors>>,
    /// The `userlist` sections (manual, 12.2).
    pub userlists: Vec<Arc<Userlist>>,
    /// The `ring` sections (manual, 12.5), and those behind log targets that are streams.
    pub rings: Vec<Arc<Ring>>,
    /// The `trace` lines (manual, 12.1), each without its first word.
    pub traces: Vec<Vec<String>>,
    /// The `log-profile` sections (manual, 8.3.5).
    pub log_profiles: Vec<Arc<LogProfile>>,
    /// The stick tables of proxies and of `peers` sections (manual, chapter 11), in the order of the files.
    pub tables: Vec<Arc<StickTable>>,
    /// The lists of patterns that ACLs and maps are made of (manual, 2.7 and 7.1).
    pub patterns: weir_expr::PatternFiles,
    /// What keeps it from starting, though nothing is wrong with its text.
    pub start_faults: Vec<Diagnostic>,
    /// The named `defaults`, for backends that come at run time.
    pub templates: Arc<Templates>,
}

/// A `userlist` section: users, their passwords and groups (manual, 12.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Userlist {
    /// Its name.
    pub name: String,
    /// Its users, in the order of the file.
    pub users: Vec<User>,
}

/// A user of a [`Userlist`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The login.
    pub name: String,
    /// The password, as `crypt(3)` writes it or in clear.
    pub password: Password,
    /// Names of the groups the user is in.
    pub groups: Vec<String>,
}

/// How a password is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// `password`: a hash of `crypt(3)`.
    Crypt(String),
    /// `insecure-password`: the password itself.
    Clear(String),
    /// No password: this user never authenticates.
    None,
}
