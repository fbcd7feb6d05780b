//! What a keyword's function is given: the piece of configuration that its line fills in, and the way to report.
//!
//! A function returns `Err` with the alert that keeps the file from loading; warnings and further alerts go to
//! `out`. It never stops the load: the next line is read in any case, so that one run shows all errors.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use weir_config::values::Family;
use weir_config::{Line, Sections, Word};
use weir_diag::{Diagnostic, Diagnostics, Sources, Span};

use super::PeersDraft;
use super::tls::StoreDraft;
use crate::action::RuleLine;
use crate::conf::{
    Agent, Bind, BindCertificate, Check, ErrorFile, Global, GlobalTls, HttpErrors, LogProfile, LogTarget,
    Proto, Proxy, Ring, Server, StickTable, Userlist,
};

/// What a load asks of the world outside the text. A supervisor may answer for a process that lacks the rights.
pub trait Outside {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;
    /// The names of the regular files in a folder, in any order; `None` where `path` is a file.
    fn list(&self, path: &Path) -> std::io::Result<Option<Vec<String>>> {
        self.read(path).map(|_| None)
    }
    /// The first address of a host name, as the system's resolver gives it.
    fn resolve(&self, name: &str, family: Family) -> Option<IpAddr>;
    /// The number of a user.
    fn user(&self, name: &str) -> Option<u32>;
    /// The number of a group.
    fn group(&self, name: &str) -> Option<u32>;
    /// Whether the descriptor of this number, which the process was started with, is a socket for connections; an error
    /// where it is no socket at all. Where nothing is to be opened, all are.
    fn inherited(&self, number: i32) -> std::io::Result<bool> {
        let _ = number;
        Ok(true)
    }
    /// A variable of the configuration's environment; [`resolve`](super::resolve) answers by itself.
    fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        let _ = name;
        None
    }
}

/// A line of the `global` section.
pub type GlobalFn = fn(&mut GlobalCtx<'_>, &Line) -> Result<(), Diagnostic>;
/// A line of a proxy section.
pub type ProxyFn = fn(&mut ProxyCtx<'_>, &Line) -> Result<(), Diagnostic>;
/// A parameter of a `bind` line: its values. The message is completed by the caller, who knows the line.
pub type BindFn = fn(&mut BindCtx<'_>, &[Word]) -> Result<(), Diagnostic>;
/// A parameter of a `server` line: its values. The message is completed by the caller, who knows the line.
pub type ServerFn = fn(&mut ServerCtx<'_>, &[Word]) -> Result<(), Diagnostic>;
/// A line of a section that holds a list: `userlist`, `http-errors`.
pub type ListFn = fn(&mut ListCtx<'_>, &Line) -> Result<(), Diagnostic>;

/// What the functions of `global` lines see.
pub struct GlobalCtx<'a> {
    /// The section so far.
    pub global: &'a mut Global,
    /// Where messages go.
    pub out: &'a mut Diagnostics,
    /// Files, names and users.
    pub outside: &'a dyn Outside,
    /// The lists of patterns of the configuration.
    pub patterns: &'a weir_expr::PatternFiles,
    /// For what names a place of the file in its text.
    pub sources: &'a Sources,
}

/// What the functions of proxy lines see.
pub struct ProxyCtx<'a> {
    /// The proxy so far.
    pub draft: &'a mut Draft,
    /// Its section, as one flag.
    pub section: Sections,
    /// Its section's keyword, for messages.
    pub keyword: &'a str,
    /// The `global` section so far.
    pub global: &'a Global,
    /// Where messages go.
    pub out: &'a mut Diagnostics,
    /// Files, names and users.
    pub outside: &'a dyn Outside,
    /// For messages that name a place of the file in their text.
    pub sources: &'a Sources,
}

/// A proxy or a `defaults` section while it is read.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it will be.
    pub proxy: Proxy,
    /// Its own section's span and keyword, for messages about the whole.
    pub keyword: &'static str,
    /// The `log` lines; `log global` is already replaced by the global ones above it.
    pub logs: Vec<LogTarget>,
    /// What `default-server` gave.
    pub default_server: ServerDraft,
    /// The servers with what [`Server`] does not keep.
    pub servers: Vec<ServerDraft>,
    /// `email-alert`
    pub mail: super::mail::MailAlerts,
    /// `errorfile` and `errorfiles`, in order.
    pub errors: Vec<ErrorLine>,
    /// The checks' words.
    pub checks: super::checks::CheckDraft,
    /// Its statistics page is its own, and not that of `defaults`.
    pub own_page: bool,
    /// `mode` was given, here or in `defaults`.
    pub gives_mode: bool,
    /// `id` was given.
    pub explicit_id: Option<Span>,
    /// The place of the word that chose the log line's form.
    pub log_format_at: Option<(Span, &'static str)>,
    /// The lines that become rules when all names are known.
    pub rules: Vec<RuleLine>,
    /// Its stick table.
    pub table: Option<StickTable>,
    /// The expression of `balance hash`, until names are known.
    pub balance_key: Option<Word>,
    /// The expression of `balance log-hash`.
    pub log_key: Option<Word>,
    /// The expression that finds the cookie of `persist rdp-cookie`.
    pub rdp_cookie: Option<Word>,
    /// The dispatch address of older versions.
    pub dispatch: Option<ServerDraft>,
    /// The certificates of `ssl-f-use` lines.
    pub certificates: Vec<BindCertificate>,
    /// What is said of its rules when the proxy is judged as a whole.
    pub late: Vec<Diagnostic>,
}

/// An error answer of a proxy.
#[derive(Clone, Debug)]
pub enum ErrorLine {
    /// `errorfile`, `errorloc*`
    File(ErrorFile),
    /// `errorfiles NAME [status...]`
    Section {
        /// The name of the `http-errors` section.
        name: String,
        /// Only these; empty for all.
        statuses: Vec<u16>,
        /// Where it stands.
        at: Span,
    },
}

/// A server and what only its line knows.
#[derive(Clone, Debug)]
pub struct ServerDraft {
    /// What it will be; its `check` is filled in at the end.
    pub server: Server,
    /// The values of a check, whether there is one or not.
    pub check: Check,
    /// Whether `check` was given.
    pub do_check: bool,
    /// The words of an agent, whether one is asked or not.
    pub agent: Agent,
    /// Whether `agent-check` was given.
    pub do_agent: bool,
    /// `check-proto`
    pub check_proto: Option<String>,
    /// The section that `healthcheck` names.
    pub healthcheck: Option<Word>,
    /// Whether an `id` was given.
    pub explicit_id: bool,
    /// Whether it started from a `default-server` line, or from another server of a template.
    pub derived: bool,
    /// `proxy-v2-options`; they mean something where a header is sent only.
    pub proxy_options: Vec<String>,
    /// The values of `set-proxy-v2-tlv-fmt`, until names are known.
    pub tlvs: Vec<(u8, Word)>,
    /// The expression of `pool-conn-name`, until names are known.
    pub pool_conn_name: Option<Word>,
    /// The expression of `sni`, until names are known.
    pub sni: Option<Word>,
    /// Whether the address has a port.
    pub has_port: bool,
    /// What the name is to be resolved to, where the address is a name.
    pub family: Option<Family>,
}

/// What the functions of `bind` parameters see.
pub struct BindCtx<'a> {
    /// All addresses of the line, each with its parameters so far.
    pub binds: &'a mut [Bind],
    /// The parameter as written.
    pub name: &'a Word,
    /// Where warnings go.
    pub out: &'a mut Diagnostics,
    /// Files, names and users.
    pub outside: &'a dyn Outside,
    /// What `global` says of TLS so far.
    pub tls: &'a GlobalTls,
}

/// What the functions of `server` parameters see.
pub struct ServerCtx<'a> {
    /// The server so far.
    pub draft: &'a mut ServerDraft,
    /// The parameter as written.
    pub name: &'a Word,
    /// Whether the line is a `default-server` line.
    pub is_default: bool,
    /// What `global` says of TLS so far.
    pub tls: &'a GlobalTls,
    /// How many of the words behind the name it took; set by those that take a varying number.
    pub taken: usize,
    /// Where warnings go.
    pub out: &'a mut Diagnostics,
    /// Files, names and users.
    pub outside: &'a dyn Outside,
}

// === impl ServerCtx ===

impl ServerCtx<'_> {
    /// The server's name as messages give it.
    pub fn server_name(&self) -> &str {
        if self.is_default { "default-server" } else { &self.draft.server.name }
    }
}

/// A list that a section fills.
pub enum List<'a> {
    /// A `userlist`, with its groups and what is to be joined at the end.
    Users(&'a mut UserlistDraft),
    /// An `http-errors` section.
    Errors(&'a mut HttpErrors),
    /// A `log-profile` section.
    Profile(&'a mut LogProfile),
    /// A `ring` section.
    Ring(&'a mut Ring),
    /// A `peers` section with its tables.
    Peers(&'a mut PeersDraft),
    /// A `crt-store` section.
    Certificates(&'a mut StoreDraft),
    /// The `trace` lines of all `traces` sections so far.
    Traces(&'a mut Vec<Vec<String>>),
    /// A `mailers` section, of which nothing is kept.
    Mailers,
}

/// A `userlist` while it is read.
#[derive(Clone, Debug, Default)]
pub struct UserlistDraft {
    /// What it will be.
    pub list: Userlist,
    /// `group` lines: name, users, place.
    pub groups: Vec<(String, Vec<String>, Span)>,
    /// Where each user stands.
    pub user_spans: Vec<Span>,
}

/// What the functions of list sections see.
pub struct ListCtx<'a> {
    /// The list so far.
    pub list: List<'a>,
    /// Where messages go.
    pub out: &'a mut Diagnostics,
    /// For messages that name a place of the file in their text.
    pub sources: &'a Sources,
    /// Files, names and users.
    pub outside: &'a dyn Outside,
}

// === impl Draft ===

impl Draft {
    /// A section that takes nothing over.
    pub fn new(proxy: Proxy, keyword: &'static str) -> Self {
        let at = proxy.at;
        Self {
            proxy,
            keyword,
            logs: Vec::new(),
            default_server: ServerDraft::new(Server::new("", at)),
            servers: Vec::new(),
            mail: super::mail::MailAlerts::default(),
            errors: Vec::new(),
            checks: super::checks::CheckDraft::default(),
            own_page: false,
            gives_mode: false,
            explicit_id: None,
            log_format_at: None,
            rules: Vec::new(),
            table: None,
            balance_key: None,
            log_key: None,
            rdp_cookie: None,
            dispatch: None,
            certificates: Vec::new(),
            late: Vec::new(),
        }
    }
}

impl Draft {
    /// Keeps of a line that is ignored here what is judged all the same; `spare` is what it made of the proxy.
    pub(super) fn note_ignored(&mut self, spare: Self) {
        self.proxy.default_backend = spare.proxy.default_backend;
        self.proxy.use_backend = spare.proxy.use_backend;
        let rules = spare.rules.into_iter().skip(self.rules.len());
        self.rules.extend(rules.map(|rule| RuleLine { ignored: true, ..rule }));
        self.checks.note_ignored(&spare.checks);
    }
}

// === impl ServerDraft ===

impl ServerDraft {
    /// A server with no parameter.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            check: Check::default(),
            do_check: false,
            agent: Agent { inter: Duration::from_secs(2), port: 0, addr: None, send: None },
            do_agent: false,
            check_proto: None,
            healthcheck: None,
            explicit_id: false,
            derived: false,
            proxy_options: Vec::new(),
            tlvs: Vec::new(),
            pool_conn_name: None,
            sni: None,
            has_port: false,
            family: None,
        }
    }
}

impl ServerDraft {
    /// The server, once all is known of it.
    pub(super) fn completed(self) -> Server {
        let Self {
            mut server,
            mut check,
            check_proto,
            do_check,
            agent,
            do_agent,
            explicit_id,
            derived,
            proxy_options,
            ..
        } = self;
        server.explicit_id = explicit_id;
        // A `minconn` that is not below it is the limit.
        server.maxconn = server.maxconn.max(server.minconn);
        server.rise_and_fall = (check.rise, check.fall);
        server.derived = derived;
        server.check_at = (check.addr.map(|at| at.ip()), check.port);
        // Whatever is said of the connections of checks makes them unlike those at rest.
        check.reuse &= server.check_at == (None, None)
            && server.tls.check_ssl.is_none()
            && server.tls.check_alpn.is_none()
            && check_proto.is_none()
            && !server.check_send_proxy
            && !server.check_via_socks4;
        check.proto = match check_proto.as_deref() {
            Some("h1") => Proto::H1,
            Some("h2") => Proto::H2,
            Some(_) => Proto::Any,
            None => server.proto,
        };
        if do_check {
            server.check = Some(check);
        }
        server.agent = do_agent.then_some(agent);
        server.proxy_header.take_if(|header| !header.v1 && !header.v2);
        if let Some(header) = &mut server.proxy_header {
            header.options.extend(proxy_options);
        }
        server
    }
}

// === impl UserlistDraft ===

impl UserlistDraft {
    /// Whether a user of this name stands in the list.
    pub fn has_user(&self, name: &str) -> bool {
        self.list.users.iter().any(|u| u.name == name)
    }
}
