//! How sessions of a `bind` or `server` line are made: versions, suites, protocols, whom to believe.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig};

use crate::seen::SecretKeeper;
use crate::session::{Failure, Session};
use crate::verify;
use crate::version::Versions;

/// What the words of a line, and the defaults of `global`, amount to.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which versions are spoken.
    pub versions: Versions,
    /// The protocols offered, the best first (`alpn`).
    pub alpn: Vec<Vec<u8>>,
    /// The client's order of suites counts (`prefer-client-ciphers`).
    pub client_order: bool,
    /// Sessions are not resumed by tickets (`no-tls-tickets`).
    pub no_tickets: bool,
    /// Sessions are not resumed at all (`no-ssl-reuse`).
    pub no_reuse: bool,
    /// The secrets of sessions are kept for key logs (`tune.ssl.keylog`).
    pub keeps_secrets: bool,
}

/// Why no session could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No version is left.
    NoVersion,
    /// `rustls` refuses the combination.
    Unusable(String),
}

/// How sessions with clients are made; the certificate comes with each.
#[derive(Debug)]
pub struct ServerPolicy {
    base: ServerConfig,
    alpn: Vec<Vec<u8>>,
}

/// How sessions with servers are made.
#[derive(Clone, Debug)]
pub struct ClientPolicy {
    named: Arc<ClientConfig>,
    unnamed: Arc<ClientConfig>,
}

// === impl ServerPolicy ===

impl ServerPolicy {
    /// The policy of a `bind` line or of a line of a list.
    pub fn new(settings: &Settings) -> Result<Self, Fault> {
        let provider = provider(settings);
        let versions = settings.versions.supported();
        if versions.is_empty() {
            return Err(Fault::NoVersion);
        }
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|e| Fault::Unusable(e.to_string()))?;
        let mut base = builder.with_no_client_auth().with_cert_resolver(Arc::new(Nothing));
        base.ignore_client_order = !settings.client_order;
        if settings.keeps_secrets {
            base.key_log = Arc::new(SecretKeeper);
        }
        base.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        if settings.no_reuse {
            base.session_storage = Arc::new(NoServerSessionStorage {});
        }
        if !settings.no_tickets
            && let Ok(ticketer) = aws_lc_rs::Ticketer::new()
        {
            base.ticketer = ticketer;
        }
        Ok(Self { base, alpn: settings.alpn.clone() })
    }

    /// The set-up of one session: this certificate, and the best protocol of those the client offers, if any.
    pub fn session<'a>(
        &self,
        key: &Arc<CertifiedKey>,
        offered: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Arc<ServerConfig> {
        let mut config = self.base.clone();
        config.cert_resolver = Arc::new(Shown(key.clone()));
        let common = self.alpn.iter().find(|ours| offered.clone().any(|theirs| theirs == ours.as_slice()));
        config.alpn_protocols = common.cloned().into_iter().collect();
        Arc::new(config)
    }
}

// === impl ClientPolicy ===

impl ClientPolicy {
    /// The policy of a `server` line.
    pub fn new(settings: &Settings) -> Result<Self, Fault> {
        let provider = provider(settings);
        let versions = settings.versions.supported();
        if versions.is_empty() {
            return Err(Fault::NoVersion);
        }
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
            .map_err(|e| Fault::Unusable(e.to_string()))?;
        let verifier = verify::Anyone::new(&provider);
        let mut named = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        named.alpn_protocols = settings.alpn.clone();
        if settings.no_reuse {
            named.resumption = Resumption::disabled();
        }
        if settings.keeps_secrets {
            named.key_log = Arc::new(SecretKeeper);
        }
        let mut unnamed = named.clone();
        unnamed.enable_sni = false;
        Ok(Self { named: Arc::new(named), unnamed: Arc::new(unnamed) })
    }

    /// Begins a session; the server gets to see `name`, where there is one that it can be asked for.
    pub fn connect(&self, name: Option<&[u8]>) -> Result<Session, Failure> {
        let name = name.and_then(|n| std::str::from_utf8(n).ok()).and_then(|n| ServerName::try_from(n).ok());
        let mut session = match &name {
            Some(name) => Session::connect(self.named.clone(), name.to_owned()),
            // Something has to stand for the server; it is not sent.
            None => Session::connect(self.unnamed.clone(), Ipv4Addr::UNSPECIFIED.into()),
        }?;
        session.note_name(name.as_ref().map(|n| n.to_str()).as_deref().map(str::as_bytes));
        Ok(session)
    }
}

fn provider(_: &Settings) -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Shows one certificate to everybody.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// Stands where the certificate of a session will be.
#[derive(Debug)]
struct Nothing;

impl ResolvesServerCert for Nothing {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

/// Sessions that are kept for who comes back without a ticket.
const SESSIONS: usize = 20_000;
