//! What the words of TLS of a line amount to, once all sections are read: acceptors and policies, or what is wrong.

use std::collections::HashMap;
use std::sync::Arc;

use weir_diag::{Diagnostic, Form, Span};
use weir_tls::acceptor::{Acceptor, Addition};
use weir_tls::forge::Forger;
use weir_tls::openssl::ciphers::{ciphers, ciphersuites};
use weir_tls::openssl::groups::groups;
use weir_tls::openssl::sigalgs::sigalgs;
use weir_tls::openssl::{Invalid, Reduced};
use weir_tls::pair::Sources;
use weir_tls::policy::{ClientPolicy, Fault, ServerPolicy, Settings};
use weir_tls::store::Fault as SourceFault;
use weir_tls::trusts::TrustFile;
use weir_tls::verify::ClientRules;

use super::super::resolve::{Load, place};
use super::super::{Draft, Outside};
use super::{Through, below, load_fault};
use crate::conf::{BindTls, GlobalTls, Mode, Proto, Server, ServerTls, TlsWords, Verify};

/// Makes the acceptors of a proxy's `bind` lines.
pub(in super::super) fn binds(load: &mut Load<'_>, draft: &mut Draft) {
    if load.out.is_fatal() {
        return; // What is wrong with a line was said.
    }
    let mut made: HashMap<Span, Option<Arc<Acceptor>>> = HashMap::new();
    let mode = draft.proxy.mode;
    let mut faults = Vec::new();
    let mut said = std::mem::take(&mut load.tls_said);
    let mut unsigned = Vec::new();
    for bind in draft.proxy.binds.iter_mut().filter(|b| b.tls.ssl) {
        if !draft.certificates.is_empty() {
            bind.tls.lists.push(list_of(&draft.proxy.name));
            bind.tls.certificates.extend(draft.certificates.iter().cloned());
        }
        let known = said.len();
        // All addresses of a line share one.
        let acceptor = made.entry(bind.at).or_insert_with(|| {
            let about = About { load, proxy: &draft.proxy.name, at: bind.at };
            match acceptor(&about, &bind.tls, mode, &mut said, &mut faults) {
                Ok(mut acceptor) => {
                    match signer(&about, &bind.tls) {
                        Ok(forger) => acceptor.forger = forger,
                        Err(wrong) => unsigned.extend(wrong),
                    }
                    Some(Arc::new(acceptor))
                }
                Err(fault) => {
                    faults.push(fault);
                    None
                }
            }
        });
        if bind.tls.certificates.is_empty() && strict(load, &bind.tls) {
            let about = About { load, proxy: &draft.proxy.name, at: bind.at };
            faults.push(
                about.warning("no SSL certificate specified", ", ssl connections will fail (use 'crt')"),
            );
        }
        bind.tls.acceptor.clone_from(acceptor);
        faults.append(&mut unsigned);
        bind.tls.place = place(load.sources, bind.at);
        bind.tls.address = load.sources.text(bind.at).into_owned();
        notices(load, bind.at, &said, known);
    }
    load.tls_said = said;
    faults.into_iter().for_each(|fault| load.out.push(fault));
}

/// Makes the policies of a proxy's servers.
pub(in super::super) fn servers(load: &mut Load<'_>, draft: &mut Draft) {
    if load.out.is_fatal() {
        return;
    }
    let proxy = draft.proxy.name.clone();
    let secure = draft.checks.is_secure();
    for server in &mut draft.servers {
        let at = server.server.at;
        let mut said = std::mem::take(&mut load.tls_said);
        let known = said.len();
        server.server.tls.scripted = secure;
        let global = &load.conf.global.tls;
        let label = format!("[{}] : 'server {proxy}/{}' : ", place(load.sources, at), server.server.name);
        for message in versions_to(global, &proxy, &server.server.name, &server.server.tls) {
            load.out.push(Diagnostic::warning(at, format!("{label}{message}")).form(Form::Bare));
        }
        let offered = server.server.tls.words.alpn.iter().flatten();
        if offered.chain(server.server.tls.check_alpn.iter().flatten()).any(|p| p == b"h3")
            && !global.experimental
        {
            load.out.push(Diagnostic::alert(at, format!("{label}{NO_QMUX}")).form(Form::Config));
        }
        let result = policies(global, load.outside, &proxy, &mut server.server, &mut said);
        notices(load, at, &said, known);
        load.tls_said = said;
        if let Err(message) = result {
            // What follows the first line is told by itself.
            let (first, rest) = message.split_once('\n').unwrap_or((&message, ""));
            load.out.push(Diagnostic::alert(at, format!("{label}{first}")).form(Form::Bare));
            if !rest.is_empty() {
                load.out.push(Diagnostic::alert(at, rest).form(Form::Bare));
            }
        }
    }
}

/// What is ambiguous about the versions of a server.
fn versions_to(global: &GlobalTls, proxy: &str, name: &str, tls: &ServerTls) -> Vec<String> {
    let versions = tls.words.clone().or(&global.server).versions;
    let use_others = "Use only 'ssl-min-ver' and 'ssl-max-ver' to fix.";
    let mut said = Vec::new();
    if !tls.is_needed() {
        return said;
    }
    if versions.is_ambiguous() {
        said.push(format!("no-sslv3/no-tlsv1x are ignored for this server. {use_others}"));
    }
    if let Some(hole) = versions.hole() {
        let hole = hole.name();
        said.push(format!(
            "backend '{proxy}': SSL/TLS versions range not contiguous for server '{name}'. Hole find for {hole}. {use_others}"
        ));
    }
    said
}

/// Tells what is not available and was not told before.
fn notices(load: &mut Load<'_>, at: Span, said: &Said, known: usize) {
    for message in said.iter().skip(known) {
        load.out.push(Diagnostic::notice(at, format!("SSL: {message}.")));
    }
}

/// What is wrong on a `bind` line.
pub(crate) fn at_bind(proxy: &str, what: &str, address: &str, place: &str) -> String {
    format!("Proxy '{proxy}': {what} for bind '{address}' at [{place}]")
}

/// Where a message belongs.
struct About<'a, 'b> {
    load: &'a Load<'b>,
    proxy: &'a str,
    at: Span,
}

impl About<'_, '_> {
    fn text(&self, what: &str, rest: &str) -> String {
        let sources = self.load.sources;
        let (address, place) = (sources.text(self.at), place(sources, self.at));
        format!("{}{rest}.", at_bind(self.proxy, what, &address, &place))
    }

    fn alert(&self, what: &str, rest: &str) -> Diagnostic {
        Diagnostic::alert(self.at, self.text(what, rest)).form(Form::Bare)
    }

    fn warning(&self, what: &str, rest: &str) -> Diagnostic {
        Diagnostic::warning(self.at, self.text(what, rest)).form(Form::Bare)
    }
}

/// The authority that is to sign certificates made while clients wait.
fn signer(about: &About<'_, '_>, tls: &BindTls) -> Result<Option<Forger>, Vec<Diagnostic>> {
    let global = &about.load.conf.global.tls;
    if !tls.makes_certificates || tls.certificates.is_empty() {
        return Ok(None);
    }
    let alert = |text: String| Diagnostic::alert(about.at, text).form(Form::Bare);
    let (proxy, place) = (about.proxy, place(about.load.sources, about.at));
    let Some(signer) = &tls.signer else {
        let what = "cannot enable certificate generation, no CA certificate File configured";
        return Err(vec![alert(format!("Proxy '{proxy}': {what} at [{place}]."))]);
    };
    let path = below(global.ca_base.as_ref(), signer);
    let fault = match global.store.load(&path, &Through(about.load.outside), global.extra) {
        Ok(pair) => {
            return Ok(Some(Forger::new(
                Arc::new(pair),
                global.store.serials.clone(),
                global.forged.unwrap_or(FORGED),
            )));
        }
        Err(fault) => fault,
    };
    let (first, mut why) = load_fault(&fault, global);
    if let SourceFault::Missing(path, _) = &fault {
        why = format!("cannot open the file '{path}'.");
    }
    let what =
        format!("Failed to read CA certificate file '{path}' at [{place}]. Chain loading failed: {why}");
    let first = first.map(|text| alert(text.to_owned())).into_iter();
    Err(first.chain([alert(format!("Proxy '{proxy}': {what}\n"))]).collect())
}

fn strict(load: &Load<'_>, tls: &BindTls) -> bool {
    tls.strict_sni.unwrap_or(load.conf.global.tls.strict_sni)
}

/// Says what is ambiguous about the versions of a `bind` line.
fn versions_of(about: &About<'_, '_>, words: &TlsWords, out: &mut Vec<Diagnostic>) {
    let versions = words.versions;
    if versions.is_ambiguous() {
        let use_others = ". Use only 'ssl-min-ver' and 'ssl-max-ver' to fix";
        out.push(about.warning("no-sslv3/no-tlsv1x are ignored", use_others));
    }
    if let Some(lowered) = versions.lowered() {
        let why = "the ssl-min-ver value is not configured and the ssl-max-ver value is lower than the default ssl-min-ver \
                   value (TLSv1.2)";
        let name = lowered.name();
        let rest = format!(": {why}. Setting the ssl-min-ver to {name}. Use 'ssl-min-ver' to fix this");
        out.push(about.warning("Ambiguous configuration", &rest));
    }
    if words.alpn.iter().flatten().any(|protocol| protocol == b"h3")
        && !about.load.conf.global.tls.experimental
    {
        let place = place(about.load.sources, about.at);
        let what = format!(
            "HTTP/3 on TCP listed via ALPN on frontend '{}' at [{place}] relies on the experimental QMux protocol, must be \
             allowed via a global 'expose-experimental-directives'.",
            about.proxy
        );
        out.push(Diagnostic::alert(about.at, what).form(Form::Bare));
    }
}

fn acceptor(
    about: &About<'_, '_>,
    tls: &BindTls,
    mode: Mode,
    said: &mut Said,
    out: &mut Vec<Diagnostic>,
) -> Result<Acceptor, Diagnostic> {
    let global = &about.load.conf.global.tls;
    let strict = strict(about.load, tls);
    if tls.certificates.is_empty() && !strict {
        return Err(about.alert("no SSL certificate specified", " (use 'crt')"));
    }
    let words = tls.words.clone().or(&global.bind);
    versions_of(about, &words, out);
    taken(&tls.words.client_sigalgs, "SSL Signature Algorithm list", sigalgs, said)
        .map_err(|wrong| about.alert(&wrong.bind(), ""))?;
    let build = |words: &TlsWords, said: &mut Said| {
        policy(global, tls, mode, words, said).map_err(|what| about.alert(&what, ""))
    };
    let policy = build(&words, said)?;
    let mut acceptor = Acceptor::new(strict, Some(policy.clone()));
    acceptor.capture = global.capture;
    let mut own: Vec<(Arc<TlsWords>, Arc<ServerPolicy>)> = Vec::new();
    for certificate in &tls.certificates {
        if let Some(path) = &certificate.pair.timestamps {
            tell(said, format!("'{path}' has no effect: signed timestamps are not sent"));
        }
        let policy = match &certificate.words {
            None => policy.clone(),
            // Those of one line of a list share theirs.
            Some(of_line) => match own.iter().find(|(known, _)| Arc::ptr_eq(known, of_line)) {
                Some((_, policy)) => policy.clone(),
                None => {
                    let policy = build(&TlsWords::clone(of_line).or(&words), said)?;
                    own.push((of_line.clone(), policy.clone()));
                    policy
                }
            },
        };
        acceptor.add(Addition {
            pair: certificate.pair.clone(),
            policy,
            filters: certificate.filters.clone(),
            default: certificate.default,
            line: certificate.line.clone(),
        });
    }
    Ok(acceptor)
}

/// How sessions of a certificate are made; what is wrong with the words otherwise.
fn policy(
    global: &GlobalTls,
    tls: &BindTls,
    mode: Mode,
    words: &TlsWords,
    said: &mut Said,
) -> Result<Arc<ServerPolicy>, String> {
    let mut settings = settings(words, Side::Bind, said).map_err(|wrong| wrong.bind())?;
    settings.keeps_secrets = global.keylog;
    (settings.memory, settings.records) = (global.memory, global.records);
    settings.early = words.early;
    settings.client_order = tls.client_order || global.client_order;
    if words.alpn.is_none() && mode == Mode::Http {
        settings.alpn = DEFAULT_ALPN.iter().map(|p| p.to_vec()).collect();
    }
    settings.clients =
        clients(words, tls).map_err(|()| "verify is enabled but no CA file specified".to_owned())?;
    settings.ticket_keys.clone_from(&tls.ticket_keys);
    ServerPolicy::new(&settings).map(Arc::new).map_err(|fault| unusable(&fault))
}

/// The policy of a line of a list that comes at run time.
pub(crate) fn policy_of_line(
    global: &GlobalTls,
    tls: &BindTls,
    mode: Mode,
    of_line: &TlsWords,
) -> Result<Arc<ServerPolicy>, String> {
    let words = of_line.clone().or(&tls.words).or(&global.bind);
    policy(global, tls, mode, &words, &mut Said::new())
}

/// The list that `ssl-f-use` lines of a proxy make.
pub(super) fn list_of(proxy: &str) -> String {
    format!("@{proxy}")
}

/// Which clients are asked for a certificate, and believed; an error where nobody could be.
fn clients(words: &TlsWords, tls: &BindTls) -> Result<Option<ClientRules>, ()> {
    let required = match words.verify {
        None | Some(Verify::None) => return Ok(None),
        Some(verify) => verify == Verify::Required,
    };
    if words.ca.is_none() && words.ca_verify.is_none() {
        return Err(());
    }
    let schemes = words.client_sigalgs.as_deref().and_then(|text| sigalgs(text).ok());
    Ok(Some(ClientRules {
        required,
        told: words.ca.clone().filter(|_| !words.no_ca_names),
        trust: files([&words.ca, &words.ca_verify, &words.crl]),
        ignored_above: tls.ignored.0.clone(),
        ignored_leaf: tls.ignored.1.clone(),
        schemes: schemes.map(|s| s.kept).unwrap_or_default(),
    }))
}

/// Makes the policies of a server, for its sessions, those of WebSockets and those of its checks; what is wrong
/// otherwise.
pub(in super::super) fn policies(
    global: &GlobalTls,
    outside: &dyn Outside,
    proxy: &str,
    server: &mut Server,
    said: &mut Said,
) -> Result<(), String> {
    let websockets = websocket_protocol(server);
    let Server { tls, name, .. } = server;
    if !tls.is_needed() {
        return Ok(());
    }
    let words = tls.words.clone().or(&global.server);
    let read = |path: &String| global.store.file(path, &Through(outside), global.extra, Sources::of_line);
    let own = tls.own.as_ref().map(read);
    let own = own.transpose().map_err(|fault| match load_fault(&fault, global) {
        (Some(first), message) => format!("{first}\n{message}"),
        (None, message) => message,
    })?;
    if let Some(pair) = own.as_ref().filter(|pair| !pair.has_key()) {
        return Err(SourceFault::Unsupported(pair.path.clone()).to_string());
    }
    let verify = words.verify.unwrap_or(if global.trusts_servers { Verify::None } else { Verify::Required });
    if verify == Verify::Required && words.ca.is_none() {
        return Err(NO_CA.to_owned());
    }
    let mut settings = settings(&words, Side::Server, said).map_err(|wrong| wrong.server(proxy, name))?;
    (settings.no_reuse, settings.keeps_secrets) = (tls.no_reuse, global.keylog);
    (settings.own, settings.records) = (own, global.records);
    if verify == Verify::Required {
        settings.servers = Some((files([&words.ca, &words.crl, &None]), tls.verifyhost.clone()));
    }
    let make = |settings: &Settings| {
        ClientPolicy::new(settings).map(Arc::new).map_err(|fault| match fault {
            Fault::NoVersion => format!("backend '{proxy}': {} for server '{name}'.", unusable(&fault)),
            _ => format!("{}.", unusable(&fault)),
        })
    };
    tls.policy = Some(make(&settings)?);
    tls.check_policy.clone_from(&tls.policy);
    if let Some(protocol) = websockets {
        let other = Settings { alpn: vec![protocol.to_vec()], ..settings.clone() };
        tls.websocket_policy = Some(make(&other)?);
    }
    if let Some(alpn) = &tls.check_alpn {
        settings.alpn.clone_from(alpn);
        tls.check_policy = Some(make(&settings)?);
    }
    Ok(())
}

/// The one protocol that a server is offered for a WebSocket, where it is offered any for other requests (manual, 5.2
/// "ws").
fn websocket_protocol(server: &Server) -> Option<&'static [u8]> {
    let offered = server.tls.words.alpn.as_ref().filter(|list| !list.is_empty())?;
    match server.websockets {
        Proto::H1 => Some(b"http/1.1"),
        Proto::H2 => Some(b"h2"),
        Proto::Any | Proto::None => offered.iter().any(|p| p == b"http/1.1").then_some(b"http/1.1"),
    }
}

/// Which words mean what depends on the side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Bind,
    Server,
}

const NO_QMUX: &str = "HTTP/3 on TCP listed via ALPN requires the QMUX protocol which is experimental, must be allowed \
    via a global 'expose-experimental-directives'.";

/// Certificates made for clients that are kept where nothing is said.
const FORGED: usize = 1000;

/// What was said already of what is not available, so that it is said once.
pub(in super::super) type Said = Vec<String>;

/// A list that OpenSSL would not take.
struct Wrong {
    what: &'static str,
    text: String,
}

// === impl Wrong ===

impl Wrong {
    fn bind(&self) -> String {
        format!("unable to set {} to '{}'", self.what.replace("Client ", ""), self.text)
    }

    fn server(&self, proxy: &str, name: &str) -> String {
        let Self { what, text } = self;
        match *what {
            "SSL cipher list" | "TLS 1.3 cipher suites" => format!("unable to set {what} to '{text}'."),
            _ => format!("Proxy '{proxy}': unable to set {what} to '{text}' for server '{name}'."),
        }
    }
}

fn settings(words: &TlsWords, side: Side, said: &mut Said) -> Result<Settings, Wrong> {
    let mut settings = Settings {
        versions: words.versions,
        alpn: words.alpn.clone().unwrap_or_default(),
        no_tickets: words.tickets == Some(false),
        ..Settings::default()
    };
    if words.versions.asks_for_old() {
        tell(said, "versions before TLS 1.2 are not spoken".to_owned());
    }
    settings.ciphers = taken(&words.ciphers, "SSL cipher list", ciphers, said)?;
    settings.ciphersuites = taken(&words.ciphersuites, "TLS 1.3 cipher suites", ciphersuites, said)?;
    settings.groups = match &words.curves {
        Some(_) => taken(&words.curves, "SSL curves list", groups, said)?,
        None => taken(&words.ecdhe, "elliptic named curve", groups, said)?,
    };
    let (ours, theirs) = match side {
        Side::Bind => (&words.sigalgs, &words.client_sigalgs),
        Side::Server => (&words.client_sigalgs, &words.sigalgs),
    };
    let names = match side {
        Side::Bind => ("SSL Signature Algorithm list", "SSL Client Signature Algorithm list"),
        Side::Server => ("SSL Client Signature Algorithm list", "SSL Signature Algorithm list"),
    };
    settings.schemes = taken(ours, names.0, sigalgs, said)?;
    // Defaults of nobody who is asked are not looked at.
    if side == Side::Server || words.verify.is_some_and(|verify| verify != Verify::None) {
        taken(theirs, names.1, sigalgs, said)?;
    }
    Ok(settings)
}

/// What is left of a list, where there is one.
fn taken<T>(
    text: &Option<String>,
    what: &'static str,
    read: fn(&str) -> Result<Reduced<T>, Invalid>,
    said: &mut Said,
) -> Result<Option<Vec<T>>, Wrong> {
    let Some(text) = text else { return Ok(None) };
    let reduced = read(text).map_err(|_| Wrong { what, text: text.clone() })?;
    if !reduced.dropped.is_empty() {
        let named: Vec<&str> = reduced.dropped.iter().take(MOST_NAMED).map(String::as_str).collect();
        let more = match reduced.dropped.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        tell(said, format!("'{text}' names what is not available: {}{more}", named.join(", ")));
    }
    Ok(Some(reduced.kept))
}

fn tell(said: &mut Said, message: String) {
    if !said.contains(&message) {
        said.push(message);
    }
}

fn files(of: [&Option<Arc<TrustFile>>; 3]) -> Vec<Arc<TrustFile>> {
    of.into_iter().flatten().cloned().collect()
}

fn unusable(fault: &Fault) -> String {
    match fault {
        Fault::NoVersion => "all SSL/TLS versions are disabled".to_owned(),
        Fault::NoSuite => "no cipher suite is left that is available".to_owned(),
        Fault::NoGroup => "no group is left that is available".to_owned(),
        Fault::Unusable(why) => format!("unusable SSL settings ({why})"),
    }
}

/// How many names a notice lists.
const MOST_NAMED: usize = 8;

/// What a `bind` line of HTTP agrees on where it does not say.
const DEFAULT_ALPN: &[&[u8]] = &[b"h2", b"http/1.1"];

const NO_CA: &str = "verify is enabled by default but no CA file specified. If you're running on a LAN where you're \
    certain to trust the server's certificate, please set an explicit 'verify none' statement on the 'server' line, or \
    use 'ssl-server-verify none' in the global section to disable server-side verifications by default.";
