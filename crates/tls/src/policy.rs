//! How sessions of a `bind` or `server` line are made: versions, suites, protocols, whom to believe.

use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::{ServerName, SubjectPublicKeyInfoDer};
use rustls::server::{NoServerSessionStorage, ProducesTickets, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CipherSuite, ClientConfig, ServerConfig, SignatureAlgorithm, SignatureScheme, SupportedProtocolVersion,
};

use weir_wire::client_hello::{ClientHello, pairs};

use crate::acceptor::Refusal;
use crate::counts::Counted;
use crate::pair::Pair;
use crate::records::{MOST_PLAIN, Records};
use crate::schedule;
use crate::seen::SecretKeeper;
use crate::session::{Failure, Session};
use crate::tickets::{Lasting, TicketKeys, Ticketer};
use crate::trusts::{TrustFile, merged};
use crate::verify::{ClientRules, Clients, Demands, Servers};
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
    /// The suites of TLS 1.2, the best first; absent for all (`ciphers`).
    pub ciphers: Option<Vec<CipherSuite>>,
    /// Those of TLS 1.3 (`ciphersuites`).
    pub ciphersuites: Option<Vec<CipherSuite>>,
    /// The groups for the key exchange, the best first; absent for all (`curves`).
    pub groups: Option<Vec<&'static dyn SupportedKxGroup>>,
    /// How we sign; absent for all ways (`sigalgs`).
    pub schemes: Option<Vec<SignatureScheme>>,
    /// Which clients are asked for a certificate, and believed (`verify`).
    pub clients: Option<ClientRules>,
    /// Whom a server must be vouched for by (`verify required`), and the name that it must have (`verifyhost`).
    pub servers: Option<(Vec<Arc<TrustFile>>, Option<String>)>,
    /// The certificate that is shown to a server that asks (`crt`).
    pub own: Option<Arc<Pair>>,
    /// The keys that tickets are made with; keys of its own where there are none (`tls-ticket-keys`).
    pub ticket_keys: Option<Arc<TicketKeys>>,
    /// Clients may send data before the handshake is over (`allow-0rtt`).
    pub early: bool,
    /// How much plaintext a record holds (`tune.ssl.maxrecord`, `tune.ssl.hard-maxrecord`).
    pub records: Records,
    /// How long sessions may be resumed, and how many of them that have no tickets.
    pub memory: Memory,
}

/// What is remembered of sessions, for clients who come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Seconds for which a session may be resumed (`tune.ssl.lifetime`).
    pub lifetime: u32,
    /// Sessions that are kept for who comes back without a ticket (`tune.ssl.cachesize`).
    pub sessions: usize,
}

impl Default for Memory {
    fn default() -> Self {
        // The manual says five minutes; the program leaves it to its library.
        Self { lifetime: 7200, sessions: 20_000 }
    }
}

/// Why no session could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No version is left.
    NoVersion,
    /// No suite is left.
    NoSuite,
    /// No group is left.
    NoGroup,
    /// `rustls` refuses the combination.
    Unusable(String),
}

/// How sessions with clients are made; the certificate comes with each.
#[derive(Debug)]
pub struct ServerPolicy {
    base: ServerConfig,
    settings: Settings,
    clients: Option<Arc<Clients>>,
}

/// How sessions with servers are made.
#[derive(Debug)]
pub struct ClientPolicy {
    settings: RwLock<Settings>,
    configs: RwLock<ClientConfigs>,
}

/// With the name of the server in the first words, and without.
#[derive(Clone, Debug)]
struct ClientConfigs {
    named: Arc<ClientConfig>,
    unnamed: Arc<ClientConfig>,
}

// === impl ServerPolicy ===

impl ServerPolicy {
    /// The policy of a `bind` line or of a line of a list.
    pub fn new(settings: &Settings) -> Result<Self, Fault> {
        let (provider, versions) = provider(settings)?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
            .map_err(|e| Fault::Unusable(e.to_string()))?;
        let clients = settings.clients.as_ref().map(|rules| Clients::new(rules.clone(), &provider));
        let builder = match &clients {
            Some(clients) => builder.with_client_cert_verifier(clients.clone()),
            None => builder.with_no_client_auth(),
        };
        let mut base = builder.with_cert_resolver(Arc::new(Nothing));
        base.ignore_client_order = !settings.client_order;
        base.max_fragment_size = Some(ONE_RECORD);
        if settings.keeps_secrets {
            base.key_log = Arc::new(SecretKeeper);
        }
        let Memory { lifetime, sessions } = settings.memory;
        base.session_storage = match sessions {
            0 => Arc::new(NoServerSessionStorage {}),
            _ if settings.no_reuse => Arc::new(NoServerSessionStorage {}),
            most => Arc::new(Counted { kept: ServerSessionMemoryCache::new(most), lifetime }),
        };
        if settings.early {
            // Sessions are kept here, so that none is resumed twice: the data could be repeated (RFC 8446 section 8.1).
            base.max_early_data_size = MOST_EARLY;
        } else if !settings.no_tickets
            && let Some(maker) = ticketer(settings)
        {
            base.ticketer = Arc::new(Lasting { maker, lifetime });
        }
        Ok(Self { base, settings: settings.clone(), clients })
    }

    /// The same with what the files of authorities say today.
    pub fn renewed(&self) -> Result<Self, Fault> {
        Self::new(&self.settings)
    }

    /// Whether the authorities of a file, or the certificates that it revokes, count here.
    pub fn believes(&self, path: &str) -> bool {
        self.settings.clients.as_ref().is_some_and(|rules| rules.trust.iter().any(|file| file.path == path))
    }

    /// A certificate as sessions show it, limited to the ways of signing that are allowed.
    pub fn certified(&self, pair: &Pair) -> CertifiedKey {
        let mut key = pair.certified();
        if let Some(schemes) = &self.settings.schemes {
            key.key = Arc::new(Limited { key: key.key, schemes: schemes.clone() });
        }
        key
    }

    /// Who judges the certificates of clients.
    pub fn clients(&self) -> Option<&Arc<Clients>> {
        self.clients.as_ref()
    }

    /// How large records are.
    pub fn records(&self) -> Records {
        self.settings.records
    }

    /// How many protocols there are to agree on.
    pub fn protocols(&self) -> usize {
        self.settings.alpn.len()
    }

    /// The place of the best protocol of those that a client offers.
    pub fn protocol<'a>(&self, offered: impl Iterator<Item = &'a [u8]> + Clone) -> Option<usize> {
        let is_offered = |ours: &Vec<u8>| offered.clone().any(|theirs| theirs == ours.as_slice());
        self.settings.alpn.iter().position(is_offered)
    }

    /// Whether there is something in common with a client that the other library misses before it looks further.
    pub fn suits(&self, hello: &ClientHello<'_>) -> Result<(), Refusal> {
        let provider = self.base.crypto_provider();
        let is_modern = self.settings.versions.supported().contains(&&TLS13)
            && hello.supported_versions().is_some_and(|list| pairs(list).any(|version| version == 0x0304));
        let knows = |group: u16| provider.kx_groups.iter().any(|own| u16::from(own.name()) == group);
        if !is_modern && hello.supported_groups().is_none_or(|list| !pairs(list).any(knows)) {
            return Err(Refusal::NoSharedCipher);
        }
        let (ours, theirs) = (self.settings.schemes.as_ref(), hello.signature_algorithms());
        match (ours, theirs) {
            (Some(ours), Some(theirs))
                if !pairs(theirs).any(|scheme| ours.contains(&SignatureScheme::from(scheme))) =>
            {
                Err(Refusal::NoSharedSignature)
            }
            _ => Ok(()),
        }
    }

    /// The set-up of sessions that show this certificate and agree on the protocol of this place. A client who comes
    /// back gets one ticket for the one that it used, others get two.
    pub fn session(
        &self,
        key: &Arc<CertifiedKey>,
        protocol: Option<usize>,
        resumes: bool,
    ) -> Arc<ServerConfig> {
        let mut config = self.base.clone();
        config.send_tls13_tickets = if resumes { 1 } else { 2 };
        config.cert_resolver = Arc::new(Shown(key.clone()));
        let common = protocol.and_then(|at| self.settings.alpn.get(at));
        config.alpn_protocols = common.cloned().into_iter().collect();
        Arc::new(config)
    }
}

/// Who makes tickets.
fn ticketer(settings: &Settings) -> Option<Arc<dyn ProducesTickets>> {
    match &settings.ticket_keys {
        Some(keys) => Some(Arc::new(Ticketer(keys.clone()))),
        None => aws_lc_rs::Ticketer::new().ok(),
    }
}

// === impl ClientPolicy ===

impl ClientPolicy {
    /// The policy of a `server` line.
    pub fn new(settings: &Settings) -> Result<Self, Fault> {
        let configs = ClientConfigs::new(settings)?;
        Ok(Self { settings: RwLock::new(settings.clone()), configs: RwLock::new(configs) })
    }

    /// Whether the authorities of a file, or the certificates that it revokes, count here.
    pub fn believes(&self, path: &str) -> bool {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        settings.servers.as_ref().is_some_and(|(files, _)| files.iter().any(|file| file.path == path))
    }

    /// Lets what the files of authorities say today count for sessions from now on.
    pub fn renew(&self) -> Result<(), Fault> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        let configs = ClientConfigs::new(&settings)?;
        *self.configs.write().unwrap_or_else(PoisonError::into_inner) = configs;
        Ok(())
    }

    /// Shows another certificate in the place of the one of the same file; whether there was one.
    pub fn replace(&self, pair: &Arc<Pair>) -> bool {
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let shows = settings.own.as_ref().is_some_and(|own| own.path == pair.path);
        if shows {
            settings.own = Some(pair.clone());
            drop(settings);
            return self.renew().is_ok();
        }
        false
    }

    /// Begins a session; the server gets to see `name`, where there is one that it can be asked for, and is offered the
    /// protocols of `alpn` where there are any.
    pub fn connect(&self, name: Option<&[u8]>, alpn: Option<&[Vec<u8>]>) -> Result<Session, Failure> {
        let name = name.and_then(|n| std::str::from_utf8(n).ok()).and_then(|n| ServerName::try_from(n).ok());
        let configs = self.configs.read().unwrap_or_else(PoisonError::into_inner).clone();
        let offering = |config: Arc<ClientConfig>| match alpn {
            Some(alpn) => {
                let mut config = ClientConfig::clone(&config);
                config.alpn_protocols = alpn.to_vec();
                Arc::new(config)
            }
            None => config,
        };
        let mut session = match &name {
            Some(name) => Session::connect(offering(configs.named), name.to_owned()),
            // Something has to stand for the server; it is not sent.
            None => Session::connect(offering(configs.unnamed), Ipv4Addr::UNSPECIFIED.into()),
        }?;
        session.limit_records(self.settings.read().unwrap_or_else(PoisonError::into_inner).records);
        session.note_name(name.as_ref().map(|n| n.to_str()).as_deref().map(str::as_bytes));
        Ok(session)
    }
}

// === impl ClientConfigs ===

impl ClientConfigs {
    fn new(settings: &Settings) -> Result<Self, Fault> {
        let (provider, versions) = provider(settings)?;
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
            .map_err(|e| Fault::Unusable(e.to_string()))?;
        let demands = settings.servers.as_ref();
        let demands = demands.map(|(files, host)| Demands { trust: merged(files), host: host.clone() });
        let judge = Servers::new(demands, &provider);
        let builder = builder.dangerous().with_custom_certificate_verifier(judge);
        let mut named = match &settings.own {
            Some(pair) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair.certified())))
            }
            None => builder.with_no_client_auth(),
        };
        named.alpn_protocols = settings.alpn.clone();
        named.max_fragment_size = Some(ONE_RECORD);
        if settings.no_reuse {
            named.resumption = Resumption::disabled();
        } else if settings.no_tickets {
            named.resumption = named.resumption.tls12_resumption(Tls12Resumption::SessionIdOnly);
        }
        if settings.keeps_secrets {
            named.key_log = Arc::new(SecretKeeper);
        }
        let mut unnamed = named.clone();
        unnamed.enable_sni = false;
        Ok(Self { named: Arc::new(named), unnamed: Arc::new(unnamed) })
    }
}

/// The suites and groups of the settings, and the versions that they leave something for.
fn provider(
    settings: &Settings,
) -> Result<(Arc<CryptoProvider>, Vec<&'static SupportedProtocolVersion>), Fault> {
    let mut provider = aws_lc_rs::default_provider();
    let mut versions = settings.versions.supported();
    if versions.is_empty() {
        return Err(Fault::NoVersion);
    }
    let all = schedule::suites();
    let of = |version: &SupportedProtocolVersion, wanted: Option<&Vec<CipherSuite>>| {
        let known = all.iter().filter(|s| s.version() == version).copied();
        match wanted {
            None => known.collect::<Vec<_>>(),
            Some(list) => list.iter().filter_map(|w| known.clone().find(|s| s.suite() == *w)).collect(),
        }
    };
    let suites = [of(&TLS13, settings.ciphersuites.as_ref()), of(&TLS12, settings.ciphers.as_ref())];
    for (version, suites) in [&TLS13, &TLS12].into_iter().zip(&suites) {
        if suites.is_empty() {
            versions.retain(|v| *v != version);
        }
    }
    if versions.is_empty() {
        return Err(Fault::NoSuite);
    }
    provider.cipher_suites = suites.concat();
    if let Some(groups) = &settings.groups {
        provider.kx_groups.clone_from(groups);
    }
    if provider.kx_groups.is_empty() {
        return Err(Fault::NoGroup);
    }
    Ok((Arc::new(provider), versions))
}

/// A key that signs in some ways only (`sigalgs`).
#[derive(Debug)]
struct Limited {
    key: Arc<dyn SigningKey>,
    schemes: Vec<SignatureScheme>,
}

impl SigningKey for Limited {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let common: Vec<_> = offered.iter().filter(|s| self.schemes.contains(s)).copied().collect();
        self.key.choose_scheme(&common)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
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

/// Bytes of early data that a client may send.
const MOST_EARLY: u32 = 16 * 1024;
/// A record with its header, as the library counts.
const ONE_RECORD: usize = MOST_PLAIN + 5;
