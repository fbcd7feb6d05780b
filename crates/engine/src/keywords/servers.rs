//! `server`, `server-template` and `default-server` (manual, 4.2).

use std::net::SocketAddr;

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word, no_effect, run_of, values};
use weir_diag::{Diagnostic, Diagnostics, Form, Severity};

use super::address::{endpoint, is_multipath, target};
use super::{Outside, ProxyCtx, ProxyFn, SERVER, ServerCtx, ServerDraft, System};
use crate::conf::{Endpoint, GlobalTls, InitAddr, Server};

/// The lines of this file.
pub(super) const SERVERS: &[Keyword<ProxyFn>] = &[
    Keyword::works(
        Entry::new(Class::Proxy, "server", Sections::PROXIES, Arity::ANY, "a server and its parameters"),
        server,
    ),
    Keyword::works(
        Entry::new(
            Class::Proxy,
            "server-template",
            Sections::PROXIES,
            Arity::ANY,
            "several servers of one address, numbered",
        ),
        template,
    ),
    Keyword::works(
        Entry::new(
            Class::Proxy,
            "default-server",
            Sections::PROXIES,
            Arity::ANY,
            "parameters for the servers that follow",
        ),
        default_server,
    ),
];

fn server(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    may_stand_here(ctx, line, "server")?;
    let [name, address, params @ ..] = line.args() else {
        return Err(line.alert("'server' expects <name> and <addr>[:<port>] as arguments.").form(Form::Here));
    };
    name_is_good(name, "server")?;
    let label = format!("'server {}/{}' : ", ctx.draft.proxy.name, name.text());
    let mut draft = new_draft(ctx, name);
    give_address(ctx.outside, &mut draft, address, &label)?;
    own_parameters(ctx, &mut draft, name, params, &label);
    if draft.do_check && draft.server.track.is_some() {
        ctx.out.push(
            name.alert(format!("{label}unable to enable checks and tracking at the same time!"))
                .form(Form::Here),
        );
    }
    weightless(ctx, &draft, line, &label);
    let duplicate = duplicate_id(ctx, &draft, name, &label);
    ctx.draft.servers.push(draft);
    duplicate
}

/// Points out a server that gets no request for its weight.
fn weightless(ctx: &mut ProxyCtx<'_>, draft: &ServerDraft, line: &Line, label: &str) {
    if draft.server.weight == 0 {
        let place = super::place(ctx.sources, line.span);
        let message = format!(
            "config : [{place}] : {label}configured with weight of 0 will never be selected by load balancing algorithms"
        );
        ctx.out.push(Diagnostic::new(Severity::Diag, Some(line.span), message).form(Form::Bare));
    }
}

fn template(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    may_stand_here(ctx, line, "server-template")?;
    let [prefix, range, address, params @ ..] = line.args() else {
        return Err(line
            .alert("'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments.")
            .form(Form::Here));
    };
    name_is_good(prefix, "server-template")?;
    let Some((low, high)) = template_range(&range.text()) else {
        return Err(range
            .alert(format!("Wrong server-template number or range arg '{}'.", range.text()))
            .form(Form::Here));
    };
    let label = format!("'server-template {}/{}' : ", ctx.draft.proxy.name, prefix.text());
    let mut draft = new_draft(ctx, prefix);
    give_address(ctx.outside, &mut draft, address, &label)?;
    own_parameters(ctx, &mut draft, prefix, params, &label);
    for number in low..=high {
        let mut one = draft.clone();
        one.server.name = format!("{}{number}", prefix.text());
        one.server.template = Some(number);
        if number != low {
            one.explicit_id = false;
            one.derived = true;
            one.server.id = 0;
        }
        ctx.draft.servers.push(one);
    }
    Ok(())
}

/// The parameters of a server that has a name.
fn own_parameters(
    ctx: &mut ProxyCtx<'_>,
    draft: &mut ServerDraft,
    name: &Word,
    params: &[Word],
    label: &str,
) {
    let around = (ctx.outside, &ctx.global.tls);
    if parameters(ctx.out, around, draft, params, &Label::Server(label)) {
        judge_agent(ctx.out, draft, name, label);
    } else {
        // What was not read may say how its address is found.
        draft.server.init_addr = vec![InitAddr::None];
    }
}

/// An agent has no port but its own.
fn judge_agent(out: &mut Diagnostics, draft: &ServerDraft, name: &Word, label: &str) {
    if draft.do_agent && draft.agent.port == 0 {
        let server = name.text();
        let message =
            format!("{label}server {server} does not have agent port. Agent check has been disabled.");
        out.push(name.alert(message).form(Form::Here));
    }
}

fn default_server(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::FRONTEND {
        return may_stand_here(ctx, line, "default-server");
    }
    let mut draft = ctx.draft.default_server.clone();
    parameters(ctx.out, (ctx.outside, &ctx.global.tls), &mut draft, line.args(), &Label::Default);
    draft.derived = true;
    weightless(ctx, &draft, line, "");
    ctx.draft.default_server = draft;
    Ok(())
}

/// A server of the runtime API (management manual, 9.3 "add server"): its address and parameters, or what the
/// reference answers to a mistake in them.
pub fn dynamic_server(name: &str, words: &[Word], tls: &GlobalTls) -> Result<Server, String> {
    let Some((address, params)) = words.split_first() else {
        return Err("'server' expects <name> and <addr>[:<port>] as arguments.".to_owned());
    };
    if let Some(bad) = values::invalid_character(name.as_bytes()) {
        return Err(format!("character '{bad}' is not permitted in server name '{name}'."));
    }
    let mut draft = ServerDraft::new(Server::new(name, address.span));
    give_address(&System, &mut draft, address, "").map_err(|said| said.message)?;
    if draft.server.hostname.is_some() {
        forget_address(&mut draft);
    }
    let mut out = Diagnostics::default();
    parameters(&mut out, (&System, tls), &mut draft, params, &Label::Dynamic);
    if let Some(said) = out.into_iter().next() {
        return Err(said.message);
    }
    if draft.do_agent && draft.agent.port == 0 {
        return Err(format!("server {name} does not have agent port. Agent check has been disabled."));
    }
    if draft.do_check && draft.server.track.is_some() {
        return Err("unable to enable checks and tracking at the same time!".to_owned());
    }
    super::tls::policies(tls, &System, "", &mut draft.server, &mut Vec::new())
        .map_err(|m| m.trim_end_matches('.').to_owned())?;
    let mut server = draft.completed();
    server.dynamic = true;
    Ok(server)
}

/// The parameters that a server of the runtime API may have, in the reference's order.
pub const DYNAMIC: &[&str] = &[
    "allow-0rtt",
    "alpn",
    "ca-file",
    "check-alpn",
    "check-sni",
    "check-ssl",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "crl-file",
    "curves",
    "crt",
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
    "ktls",
    "no-check-sni-auto",
    "no-renegotiate",
    "no-sni-auto",
    "no-ssl-reuse",
    "no-sslv3",
    "no-tlsv10",
    "no-tlsv11",
    "no-tlsv12",
    "no-tlsv13",
    "no-tls-tickets",
    "npn",
    "renegotiate",
    "send-proxy-v2-ssl",
    "send-proxy-v2-ssl-cn",
    "sigalgs",
    "sni",
    "ssl",
    "ssl-min-ver",
    "ssl-max-ver",
    "tls-tickets",
    "verify",
    "verifyhost",
    "backup",
    "cookie",
    "disabled",
    "error-limit",
    "guid",
    "ws",
    "hash-key",
    "id",
    "idle-ping",
    "init-state",
    "maxconn",
    "maxqueue",
    "minconn",
    "no-backup",
    "no-send-proxy",
    "no-send-proxy-v2",
    "no-tfo",
    "observe",
    "on-error",
    "on-marked-down",
    "on-marked-up",
    "pool-conn-name",
    "pool-low-conn",
    "pool-max-conn",
    "pool-purge-delay",
    "proto",
    "proxy-v2-options",
    "send-proxy",
    "send-proxy-v2",
    "set-proxy-v2-tlv-fmt",
    "shard",
    "slowstart",
    "source",
    "strict-maxconn",
    "tfo",
    "track",
    "usesrc",
    "weight",
    "healthcheck",
    "addr",
    "agent-addr",
    "agent-check",
    "agent-inter",
    "agent-port",
    "agent-send",
    "check",
    "check-pool-conn-name",
    "check-proto",
    "check-reuse-pool",
    "check-send-proxy",
    "check-via-socks4",
    "rise",
    "fall",
    "inter",
    "fastinter",
    "downinter",
    "port",
];

/// How the messages of a line begin.
enum Label<'a> {
    /// With the server's name.
    Server(&'a str),
    /// `default-server` lines name none.
    Default,
    /// Nor does the runtime API, where some parameters mean nothing.
    Dynamic,
}

fn may_stand_here(ctx: &ProxyCtx<'_>, line: &Line, keyword: &str) -> Result<(), Diagnostic> {
    let place = super::resolve::place(ctx.sources, line.span);
    if ctx.section == Sections::DEFAULTS {
        return Err(line.alert(format!("'{keyword}' not allowed in 'defaults' section.")).form(Form::Here));
    }
    if ctx.section == Sections::FRONTEND {
        return Err(line
            .alert(format!(
                "parsing [{place}] : '{keyword}' not allowed because frontend '{}' has no backend capability.",
                ctx.draft.proxy.name
            ))
            .form(Form::Here)
            .hint("servers stand in a 'backend' or 'listen' section"));
    }
    Ok(())
}

fn name_is_good(name: &Word, keyword: &str) -> Result<(), Diagnostic> {
    match values::invalid_character(&name.bytes) {
        Some(bad) => Err(name
            .alert(format!(
                "character '{bad}' is not permitted in {keyword} {} '{}'.",
                if keyword == "server" { "name" } else { "prefix" },
                name.text()
            ))
            .form(Form::Here)),
        None => Ok(()),
    }
}

fn new_draft(ctx: &ProxyCtx<'_>, name: &Word) -> ServerDraft {
    let mut draft = ctx.draft.default_server.clone();
    draft.server = Server { name: name.text().into_owned(), at: name.span, ..draft.server };
    draft
}

fn give_address(
    outside: &dyn Outside,
    draft: &mut ServerDraft,
    word: &Word,
    label: &str,
) -> Result<(), Diagnostic> {
    let text = word.text();
    let said = |message: String| word.alert(format!("{label}{message}")).form(Form::Here);
    let written = endpoint(word, outside).map_err(said)?;
    if matches!(written.address, values::Address::Fd(_)) {
        return Err(said(format!("a file descriptor is not acceptable here in '{text}'")));
    }
    let target = target(&written, &text, outside).map_err(said)?;
    draft.server.datagrams = written.transport == Some(values::Transport::Datagram);
    if matches!(written.transport, Some(values::Transport::Quic)) {
        return Err(word
            .alert(format!("{label}this transport is not available yet (it comes with its protocol)"))
            .form(Form::Here));
    }
    draft.server.mptcp = is_multipath(&written);
    draft.server.port = target.port;
    draft.family = target.host.as_ref().map(|(_, family)| *family);
    draft.server.hostname = target.host.map(|(name, _)| name);
    draft.has_port = target.has_port;
    draft.server.endpoint = Some(target.endpoint);
    Ok(())
}

/// Runs the parameters; whether all are right.
fn parameters(
    out: &mut Diagnostics,
    (outside, tls): (&dyn Outside, &GlobalTls),
    draft: &mut ServerDraft,
    params: &[Word],
    label: &Label<'_>,
) -> bool {
    let mut rest = params;
    while let Some((name, tail)) = rest.split_first() {
        let Some((keyword, _)) = SERVER.parameter(Class::Server, rest) else {
            out.push(unknown(name, label));
            return false;
        };
        if matches!(label, Label::Dynamic) && !DYNAMIC.contains(&keyword.entry.name) {
            let message = format!("'{}' option is not accepted for dynamic server", name.text());
            out.push(name.alert(message));
            return false;
        }
        let most = usize::from(keyword.entry.arity.max).min(tail.len());
        let (values, _) = tail.split_at_checked(most).unwrap_or((tail, &[]));
        let mut taken = most;
        let mut own = Diagnostics::default();
        match run_of(keyword, name.span, &name.text()) {
            Ok(Ok(run)) => {
                let is_default = matches!(label, Label::Default);
                let mut server_ctx =
                    ServerCtx { draft, name, is_default, taken, tls, out: &mut own, outside };
                let result = run(&mut server_ctx, values);
                taken = server_ctx.taken.min(tail.len());
                if let (Some(()), Some(reason)) = (own.take(result), keyword.state.without_effect()) {
                    own.push(no_effect(name.span, &name.text(), reason));
                }
            }
            Ok(Err(said)) | Err(said) => own.push(said),
        }
        let is_wrong = own.is_fatal();
        for said in own {
            out.push(completed(said, label));
        }
        if is_wrong {
            return false; // What follows may belong to what is wrong.
        }
        rest = tail.get(taken..).unwrap_or_default();
    }
    true
}

fn unknown(name: &Word, label: &Label<'_>) -> Diagnostic {
    let message = SERVER.unknown_parameter(Class::Server, name);
    match label {
        Label::Server(label) => name.alert(format!("{label}{message}")),
        Label::Default => name.alert(format!("{message} Hint: no address was expected for this server.")),
        Label::Dynamic => name.alert(format!("unknown keyword '{}'.", name.text())),
    }
    .form(Form::Here)
}

/// A parameter's message as HAProxy prints it: with the server's name in front and one more dot behind.
fn completed(mut said: Diagnostic, label: &Label<'_>) -> Diagnostic {
    if said.severity == Severity::Alert {
        said.message.push('.');
        if said.form == Form::Config {
            return said; // It stands alone in the reference.
        }
        said.form = Form::Here;
    }
    if let (Label::Server(label), Severity::Alert | Severity::Complaint | Severity::Warning) =
        (label, said.severity)
    {
        said.message.insert_str(0, label);
    }
    said
}

fn duplicate_id(ctx: &ProxyCtx<'_>, draft: &ServerDraft, name: &Word, label: &str) -> Result<(), Diagnostic> {
    if !draft.explicit_id {
        return Ok(());
    }
    let same = |other: &&ServerDraft| other.explicit_id && other.server.id == draft.server.id;
    let Some(other) = ctx.draft.servers.iter().find(same) else { return Ok(()) };
    Err(name
        .alert(format!(
            "{label}'id' : custom id {} already used at {} ('server {}').",
            draft.server.id,
            super::resolve::place(ctx.sources, other.server.at),
            other.server.name
        ))
        .form(Form::Here)
        .related(other.server.at, "first used here"))
}

fn template_range(text: &str) -> Option<(u32, u32)> {
    let (low, high) = match text.split_once('-') {
        // What follows the second number is passed over.
        Some((low, high)) => (low.parse().ok()?, high.split('-').next()?.parse().ok()?),
        None => (1, text.parse().ok()?),
    };
    (low >= 1 && low <= high && high <= TEMPLATE_MAX).then_some((low, high))
}

/// Gives a server's name an address by the ways of `init-addr`.
pub(super) fn settle_address(draft: &mut ServerDraft, outside: &dyn super::Outside) -> Result<(), String> {
    let Some(host) = draft.server.hostname.clone() else { return Ok(()) };
    let family = draft.family.unwrap_or(values::Family::Any);
    let ways: &[InitAddr] = if draft.server.init_addr.is_empty() {
        &[InitAddr::Last, InitAddr::Libc]
    } else {
        &draft.server.init_addr
    };
    for way in ways {
        let ip = match way {
            InitAddr::Last => None,
            InitAddr::Libc => outside.resolve(&host, family),
            InitAddr::Ip(ip) => Some(*ip),
            InitAddr::None => {
                forget_address(draft);
                return Ok(());
            }
        };
        if let (Some(ip), Some(Endpoint::Inet(address))) = (ip, &draft.server.endpoint) {
            draft.server.endpoint = Some(Endpoint::Inet(SocketAddr::new(ip, address.port())));
            return Ok(());
        }
    }
    if ways.iter().all(|way| *way == InitAddr::Last) {
        return Err(format!("no method found to resolve address '{host}'"));
    }
    Err(format!("could not resolve address '{host}'"))
}

/// Leaves the name alone, as nobody was asked for its address.
fn forget_address(draft: &mut ServerDraft) {
    if let Some(Endpoint::Inet(address)) = draft.server.endpoint.take() {
        draft.server.named_port = address.port();
    }
}

/// HAProxy takes numbers up to `INT_MAX`; no machine holds so many servers.
const TEMPLATE_MAX: u32 = 65_535;
