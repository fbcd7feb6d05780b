//! What the words of TLS of a line amount to, once all sections are read: acceptors and policies, or what is wrong.

use std::collections::HashMap;
use std::sync::Arc;

use weir_diag::{Diagnostic, Form, Span};
use weir_tls::acceptor::Acceptor;
use weir_tls::policy::{ClientPolicy, Fault, ServerPolicy, Settings};

use super::super::resolve::{Load, place};
use super::super::{Draft, ServerDraft};
use crate::conf::{BindTls, Mode, TlsWords, Verify};

/// Makes the acceptors of a proxy's `bind` lines.
pub(in super::super) fn binds(load: &mut Load<'_>, draft: &mut Draft) {
    let mut made: HashMap<Span, Option<Arc<Acceptor>>> = HashMap::new();
    let mode = draft.proxy.mode;
    let mut faults = Vec::new();
    for bind in draft.proxy.binds.iter_mut().filter(|b| b.tls.ssl) {
        // All addresses of a line share one.
        let acceptor = made.entry(bind.at).or_insert_with(|| {
            let about = About { load, proxy: &draft.proxy.name, at: bind.at };
            match acceptor(&about, &bind.tls, mode) {
                Ok(acceptor) => Some(Arc::new(acceptor)),
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
    }
    faults.into_iter().for_each(|fault| load.out.push(fault));
}

/// Makes the policies of a proxy's servers.
pub(in super::super) fn servers(load: &mut Load<'_>, draft: &mut Draft) {
    let proxy = draft.proxy.name.clone();
    for server in &mut draft.servers {
        if !server.server.tls.ssl && !server.server.tls.check_ssl {
            continue;
        }
        if let Err(message) = policy(load, server) {
            let at = server.server.at;
            let label = format!("[{}] : 'server {proxy}/{}' : ", place(load.sources, at), server.server.name);
            load.out.push(Diagnostic::alert(at, format!("{label}{message}")).form(Form::Bare));
        }
    }
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
        let address = sources.of(self.at.source).and_then(|s| {
            s.text.get(self.at.start as usize..self.at.end as usize).map(String::from_utf8_lossy)
        });
        let (address, place) = (address.unwrap_or_default(), place(sources, self.at));
        format!("Proxy '{}': {what} for bind '{address}' at [{place}]{rest}.", self.proxy)
    }

    fn alert(&self, what: &str, rest: &str) -> Diagnostic {
        Diagnostic::alert(self.at, self.text(what, rest)).form(Form::Bare)
    }

    fn warning(&self, what: &str, rest: &str) -> Diagnostic {
        Diagnostic::warning(self.at, self.text(what, rest)).form(Form::Bare)
    }
}

fn strict(load: &Load<'_>, tls: &BindTls) -> bool {
    tls.strict_sni.unwrap_or(load.conf.global.tls.strict_sni)
}

fn acceptor(about: &About<'_, '_>, tls: &BindTls, mode: Mode) -> Result<Acceptor, Diagnostic> {
    let global = &about.load.conf.global.tls;
    let strict = strict(about.load, tls);
    if tls.certificates.is_empty() && !strict {
        return Err(about.alert("no SSL certificate specified", " (use 'crt')"));
    }
    let words = tls.words.clone().or(&global.bind);
    let client_order = tls.client_order || global.client_order;
    let build = |words: &TlsWords| {
        let mut settings = settings(words);
        settings.keeps_secrets = global.keylog;
        settings.client_order = client_order;
        if words.alpn.is_none() && mode == Mode::Http {
            settings.alpn = DEFAULT_ALPN.iter().map(|p| p.to_vec()).collect();
        }
        ServerPolicy::new(&settings).map(Arc::new).map_err(|fault| match fault {
            Fault::NoVersion => about.alert("all SSL/TLS versions are disabled", ""),
            Fault::Unusable(why) => about.alert(&format!("unusable SSL settings ({why})"), ""),
        })
    };
    let policy = build(&words)?;
    let mut acceptor = Acceptor::new(strict);
    acceptor.capture = global.capture;
    for certificate in &tls.certificates {
        let own =
            certificate.words.as_ref().map(|own| build(&TlsWords::clone(own).or(&words))).transpose()?;
        let policy = own.unwrap_or_else(|| policy.clone());
        acceptor.add(certificate.pair.clone(), policy, &certificate.filters, certificate.default);
    }
    Ok(acceptor)
}

fn policy(load: &Load<'_>, draft: &mut ServerDraft) -> Result<(), String> {
    let global = &load.conf.global.tls;
    let tls = &mut draft.server.tls;
    let words = tls.words.clone().or(&global.server);
    let verify = words.verify.unwrap_or(if global.trusts_servers { Verify::None } else { Verify::Required });
    if verify == Verify::Required {
        return Err(NO_CA.to_owned());
    }
    let mut settings = settings(&words);
    (settings.no_reuse, settings.keeps_secrets) = (tls.no_reuse, global.keylog);
    let policy = ClientPolicy::new(&settings).map_err(|fault| match fault {
        Fault::NoVersion => "all SSL/TLS versions are disabled.".to_owned(),
        Fault::Unusable(why) => format!("unusable SSL settings ({why})."),
    })?;
    tls.policy = Some(Arc::new(policy));
    Ok(())
}

fn settings(words: &TlsWords) -> Settings {
    Settings {
        versions: words.versions,
        alpn: words.alpn.clone().unwrap_or_default(),
        no_tickets: words.tickets == Some(false),
        ..Settings::default()
    }
}

/// What a `bind` line of HTTP agrees on where it does not say.
const DEFAULT_ALPN: &[&[u8]] = &[b"h2", b"http/1.1"];

const NO_CA: &str = "verify is enabled by default but no CA file specified. If you're running on a LAN where you're \
    certain to trust the server's certificate, please set an explicit 'verify none' statement on the 'server' line, or \
    use 'ssl-server-verify none' in the global section to disable server-side verifications by default.";
