//! The lines that become rules: kept as they are until all names are known, then compiled by
//! [`Compiler`] (manual, 4.2).

use std::cell::RefCell;
use std::sync::Arc;

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::{Diagnostic, Form, Severity, Span};
use weir_table::Data;

use super::resolve::{Defaults, Load, place};
use super::{Draft, ProxyCtx, ProxyFn, ServerDraft, checks, log_backends, log_profiles, steps};
use crate::action::{Compiler, Directory, Named, RuleLine, RuleSet};
use crate::conf::{Caps, Proxy, RdpCookie, UseBackend};
use crate::tokens::TokenSettings;

/// The lines of this file.
pub(super) const RULES: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("acl", Sections::PROXIES, "names a condition"), |ctx, line| {
        not_anonymous(ctx, line)?;
        keep(ctx, line)
    }),
    Keyword::works(entry("http-request", Sections::PROXIES, "a rule for requests"), http),
    Keyword::works(entry("http-response", Sections::PROXIES, "a rule for responses"), http),
    Keyword::works(
        entry("http-after-response", Sections::PROXIES, "a rule for all responses, our own among them"),
        http,
    ),
    Keyword::works(entry("http-error", Sections::PROXIES, "an answer in the place of a built-in one"), keep),
    Keyword::works(
        entry("tcp-request connection", Sections::PROXIES, "a rule for connections"),
        tcp_connection,
    ),
    Keyword::works(entry("tcp-request session", Sections::PROXIES, "a rule for sessions"), tcp_connection),
    Keyword::works(entry("tcp-request content", Sections::PROXIES, "a rule for the first bytes"), tcp),
    Keyword::works(
        entry("tcp-request inspect-delay", Sections::PROXIES, "how long rules wait for bytes"),
        tcp,
    ),
    Keyword::works(
        entry("tcp-response content", Sections::PROXIES, "a rule for the first bytes back"),
        tcp_response,
    ),
    Keyword::works(
        entry("tcp-response inspect-delay", Sections::PROXIES, "how long rules wait for bytes"),
        tcp_response,
    ),
    Keyword::works(entry("filter", Sections::PROXIES, "a filter of what passes"), filter),
    Keyword::works(
        entry("force-be-switch", OWN, "when backends that are not open are used all the same"),
        force_be_switch,
    ),
    Keyword::works(entry("force-persist", BACK, "when a server that is down is used all the same"), keep),
    Keyword::works(entry("ignore-persist", BACK, "when persistence is ignored"), keep),
    Keyword::works(entry("use-server", Sections::BACKENDS, "a server where a condition holds"), keep),
    Keyword::works(entry("stick on", Sections::PROXIES, "finds and keeps the server of a key"), stick),
    Keyword::works(entry("stick match", Sections::PROXIES, "finds the server of a key"), stick),
    Keyword::works(entry("stick store-request", Sections::PROXIES, "keeps the server of a key"), stick),
    Keyword::works(
        entry("stick store-response", Sections::PROXIES, "keeps the server of a key of the response"),
        stick,
    ),
    Keyword::works(entry("redirect", OWN, "sends clients elsewhere"), keep),
    Keyword::works(entry("monitor fail", FRONT, "when the monitor's URI tells of a failure"), keep),
    Keyword::works(entry("capture request header", FRONT, "keeps a header for the log"), keep),
    Keyword::works(entry("capture response header", FRONT, "keeps a header for the log"), keep),
    Keyword::works(entry("declare capture", OWN, "a place to keep something for the log"), declare_capture),
    Keyword::works(
        entry("use_backend", Sections::FRONTENDS, "backend to use where a condition holds"),
        use_backend,
    ),
];

const BACK: Sections = Sections::BACKENDS;
const FRONT: Sections = Sections::FRONTENDS;
const OWN: Sections = Sections::FRONTENDS.union(Sections::BACKENDS);

const fn entry(name: &'static str, sections: Sections, help: &'static str) -> Entry {
    Entry::new(Class::Proxy, name, sections, Arity::ANY, help)
}

/// Whether a proxy may start from the `defaults` at `from`, where these carry rules (manual, 4).
pub(super) fn judge_inherited(load: &mut Load<'_>, draft: &Draft, from: Span) {
    let names: Vec<String> = draft.rules.iter().filter(|r| r.inherited).map(|r| r.line.name()).collect();
    let is_rule = |name: &str| RuleSet::ALL.iter().any(|set| set.name() == name);
    if !names.iter().any(|name| is_rule(name)) {
        return;
    }
    let (caps, at) = (draft.proxy.caps, draft.proxy.at);
    let defaults = place(load.sources, from);
    let of_connections = names.iter().any(|n| n == "tcp-request connection" || n == "tcp-request session");
    let other = load.rule_users.iter().any(|(place, user)| *place == from && *user != caps);
    let message = if caps == Caps::LISTEN {
        "a listen section cannot inherit from a defaults section defining TCP/HTTP rules.".to_owned()
    } else if other {
        format!(
            "frontends and backends cannot inherit from the same defaults section if it defines TCP/HTTP rules \
             (defaults section at {defaults})."
        )
    } else if caps == Caps::BACKEND && of_connections {
        format!(
            "a backend section cannot inherit from a defaults section defining 'tcp-request connection' or \
             'tcp-request session' rules (defaults section at {defaults})."
        )
    } else {
        load.rule_users.push((from, caps));
        return;
    };
    load.out.push(Diagnostic::alert(at, message).tight().related(from, "the defaults section starts here"));
}

/// What rules know of a proxy whose servers have these names; `backends` are those that it may lead to.
pub(super) fn named<'a>(
    proxy: &Proxy,
    servers: Vec<String>,
    mut backends: impl Iterator<Item = &'a Proxy>,
) -> Named {
    let default = proxy.default_backend.as_ref();
    Named {
        name: proxy.name.clone(),
        caps: proxy.caps,
        is_defaults: false,
        mode: proxy.mode,
        default_backend: default
            .and_then(|(name, _)| backends.position(|p| p.is_backend() && p.name == *name)),
        servers: if proxy.caps == Caps::FRONTEND { Vec::new() } else { servers },
    }
}

/// Compiles the rules of all proxies.
pub(super) fn compile(load: &mut Load<'_>) {
    let named = |draft: &Draft| {
        let servers = draft.servers.iter().map(|s| s.server.name.clone()).collect();
        named(&draft.proxy, servers, load.drafts.iter().map(|d| &d.proxy))
    };
    let of_defaults = |d: &Defaults| Named {
        is_defaults: true,
        ..self::named(&d.draft.proxy, Vec::new(), std::iter::empty())
    };
    let proxies: Vec<Named> =
        load.drafts.iter().map(named).chain(load.defaults.iter().map(of_defaults)).collect();
    compile_among(load, &proxies, 0);
}

/// Compiles the rules of the drafts, the first of which is the proxy at this position.
pub(super) fn compile_among(load: &mut Load<'_>, proxies: &[Named], first: usize) {
    let userlists: Vec<String> = load.conf.userlists.iter().map(|l| l.name.clone()).collect();
    let (outside, http_errors) = (load.outside, load.conf.http_errors.as_slice());
    let log_profiles: Vec<String> = load.conf.log_profiles.iter().map(|p| p.name.clone()).collect();
    for draft in &load.drafts {
        log_profiles::judge_rules(draft, &log_profiles, &mut load.out);
    }
    let tables = load.conf.tables.clone();
    let experimental = load.conf.global.experimental;
    let tokens = TokenSettings::of(&load.conf.global);
    let mentions = RefCell::default();
    let directory = Directory {
        proxies,
        userlists: &userlists,
        log_profiles: &log_profiles,
        http_errors,
        tables: &tables,
        experimental,
        outside,
        current: 0,
        tokens: &tokens,
        mentions: &mentions,
    };
    let patterns = load.conf.patterns.clone();
    let counters = load.conf.global.tune.stick_counters;
    let mut faults = Vec::new();
    let mut compiler = Compiler::new(directory, counters, load.sources, patterns, &mut load.out);
    judge_defaults(&mut compiler, first + load.drafts.len(), &load.defaults);
    for (index, draft) in (first..).zip(&mut load.drafts) {
        let said = compiler.said();
        let lines = std::mem::take(&mut draft.rules);
        if !lines.is_empty() {
            draft.proxy.rules = compiler.proxy(index, draft.proxy.mode, &lines);
        }
        if let Some(word) = &draft.balance_key {
            draft.proxy.balance_key = compiler.balance_key(index, draft.proxy.at, word);
        }
        faults.extend(log_backends::compile_key(&mut compiler, index, draft));
        if let Some(word) = &draft.rdp_cookie {
            draft.proxy.persistence.rdp_cookie =
                compiler.lone_expr(index, word, weir_expr::Place::BackTcpRequest).ok().map(RdpCookie);
        }
        faults.extend(checks::compile(&mut compiler, index, draft));
        let proxy = draft.proxy.name.clone();
        let http = draft.proxy.mode == crate::conf::Mode::Http;
        for server in &mut draft.servers {
            faults.extend(of_server(&mut compiler, index, (&proxy, http), server));
        }
        draft.proxy.mentions = compiler.take_mentions();
        draft.late.extend(compiler.take_late(said));
    }
    faults.extend(checks::compile_sections(&mut compiler, &mut load.healthchecks));
    let sticky = compiler.sticky().to_vec();
    let unused = experimental && !compiler.experimental_used();
    drop(tables);
    for at in sticky {
        let Some(table) = load.conf.tables.get_mut(at) else { continue };
        let schema = &mut Arc::make_mut(table).spec.schema;
        for data in [Data::ServerId, Data::ServerKey] {
            // One that is stored already is enough.
            let _ = schema.store(data, 1, 0);
        }
    }
    for fault in faults {
        load.out.push(fault);
    }
    if unused && !load.out.is_fatal() {
        load.out.push(unused_switch());
    }
}

/// Judges the rules of `defaults`, whose names follow those of the proxies.
fn judge_defaults(compiler: &mut Compiler<'_>, first: usize, sections: &[Defaults]) {
    for (index, Defaults { draft, .. }) in (first..).zip(sections) {
        compiler.defaults(index, draft.proxy.mode, &draft.rules);
    }
}

/// `expose-experimental-directives` where no word needs it.
fn unused_switch() -> Diagnostic {
    let message = "Option 'expose-experimental-directives' is set in the global section but is no longer used. It is \
                   strongly recommended to remove it in order to avoid using an experimental directive by accident in \
                   the future.";
    Diagnostic::new(Severity::Warning, None, message).form(Form::Bare).step(steps::AGAIN)
}

/// Compiles what a `server` line computes for each connection; what is wrong with it.
fn of_server(
    compiler: &mut Compiler<'_>,
    index: usize,
    (proxy, http): (&str, bool),
    draft: &mut ServerDraft,
) -> Option<Diagnostic> {
    let label = format!("'server {proxy}/{}' : ", draft.server.name);
    for (id, word) in &draft.tlvs {
        match compiler.lone_format(index, word) {
            Ok(format) => draft.server.tlvs.push((*id, format)),
            Err(error) => return Some(word.alert(format!("{label}{}", error.message)).form(Form::Here)),
        }
    }
    let mut expr = |word: Option<&Word>| -> Result<Option<Arc<weir_expr::Expr>>, Diagnostic> {
        let Some(word) = word else { return Ok(None) };
        let what = "error detected while parsing sni or pool-conn-name expressions";
        let said = |message: String| word.alert(format!("{label}{what} : {message}.")).form(Form::Here);
        compiler.judged_expr(index, word, weir_expr::Place::UseServer).map(Some).map_err(said)
    };
    let at = Word { bytes: draft.server.name.as_bytes().into(), span: draft.server.at };
    let automatic = (http && draft.server.tls.ssl && draft.server.tls.sni_auto != Some(false))
        .then(|| super::tls::automatic_name(&at));
    match (expr(draft.pool_conn_name.as_ref()), expr(draft.sni.as_ref().or(automatic.as_ref()))) {
        (Ok(name), Ok(sni)) => {
            draft.server.pool_conn_name = name;
            draft.server.tls.sni = sni;
            None
        }
        (Err(said), _) | (_, Err(said)) => Some(said),
    }
}

fn keep(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    ctx.draft.rules.push(RuleLine::new(line.clone()));
    Ok(())
}

/// Rules of persistence belong to who has servers.
fn stick(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    match ctx.section {
        Sections::DEFAULTS => Err(line.alert("'stick' not allowed in 'defaults' section.")),
        Sections::FRONTEND => {
            let name = &ctx.draft.proxy.name;
            let message = format!("'stick' ignored because frontend '{name}' has no backend capability.");
            ctx.out.push(line.warning(message));
            Ok(())
        }
        _ => keep(ctx, line),
    }
}

/// Only `defaults` that are named on purpose may carry rules.
fn not_anonymous(ctx: &ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::DEFAULTS && ctx.draft.proxy.name.is_empty() {
        return Err(line.alert(format!("'{}' not allowed in anonymous 'defaults' section.", line.name())));
    }
    Ok(())
}

fn http(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    not_anonymous(ctx, line)?;
    keep(ctx, line)
}

fn tcp(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::DEFAULTS && ctx.draft.proxy.name.is_empty() {
        return Err(line.alert(format!("{} is not allowed in anonymous 'defaults' sections", line.name())));
    }
    keep(ctx, line)
}

/// Rules for connections belong to who takes them in.
fn tcp_connection(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let name = line.name();
    if ctx.section == Sections::BACKEND {
        let proxy = &ctx.draft.proxy.name;
        return Err(line.alert(format!("{name} is not allowed because backend {proxy} is not a frontend")));
    }
    tcp(ctx, line)
}

/// Rules for what servers say belong to who asks them.
fn tcp_response(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let name = line.name();
    if ctx.section == Sections::FRONTEND {
        return Err(line.alert(format!(
            "{name} is only allowed in 'backend' sections or 'defaults' section with a name"
        )));
    }
    tcp(ctx, line)
}

fn declare_capture(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::BACKEND {
        return Err(line.alert("'declare' only available in frontend or listen section"));
    }
    keep(ctx, line)
}

/// Filters belong to one proxy each.
fn filter(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::DEFAULTS {
        let at = place(ctx.sources, line.span);
        return Err(line.alert(format!("parsing [{at}] : filter is not allowed in a 'default' section.")));
    }
    keep(ctx, line)
}

fn force_be_switch(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::BACKEND {
        return Err(line.alert("'force-be-switch' only available in frontend or listen section."));
    }
    keep(ctx, line)
}

fn use_backend(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else {
        return Err(line.alert("'use_backend' expects a backend name."));
    };
    let judged = line.arg(1).is_none_or(|w: &Word| w.is("if") || w.is("unless"));
    if judged && !word.bytes.contains(&b'%') {
        let target = word.text().into_owned();
        ctx.draft.proxy.use_backend.push(UseBackend { target, at: word.span });
    }
    keep(ctx, line)
}
