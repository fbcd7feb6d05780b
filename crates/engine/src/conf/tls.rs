//! What the configuration says of TLS: on `bind` lines, on `server` lines and in `global`.

use std::net::SocketAddr;
use std::sync::Arc;

use weir_expr::Expr;
use weir_tls::acceptor::{Acceptor, Filter};
use weir_tls::pair::Pair;
use weir_tls::policy::{ClientPolicy, Memory};
use weir_tls::records::Records;
use weir_tls::store::{Extra, Store};
use weir_tls::tickets::TicketKeys;
use weir_tls::trusts::TrustFile;
use weir_tls::verify::Ignored;
use weir_tls::version::Versions;

/// The words that `bind` lines, `server` lines and lines of lists share.
#[derive(Clone, Debug, Default)]
pub struct TlsWords {
    /// `ssl-min-ver`, `ssl-max-ver`, `no-tlsv1x`, `force-tlsv1x`
    pub versions: Versions,
    /// `ciphers`
    pub ciphers: Option<String>,
    /// `ciphersuites`
    pub ciphersuites: Option<String>,
    /// `curves`
    pub curves: Option<String>,
    /// `sigalgs`
    pub sigalgs: Option<String>,
    /// `client-sigalgs`
    pub client_sigalgs: Option<String>,
    /// `alpn`, the best first; `no-alpn` leaves none.
    pub alpn: Option<Vec<Vec<u8>>>,
    /// `verify`
    pub verify: Option<Verify>,
    /// `ecdhe`; it counts where there is no `curves`.
    pub ecdhe: Option<String>,
    /// `ca-file`
    pub ca: Option<Arc<TrustFile>>,
    /// `ca-verify-file`: authorities that clients are not told of.
    pub ca_verify: Option<Arc<TrustFile>>,
    /// `crl-file`
    pub crl: Option<Arc<TrustFile>>,
    /// `no-ca-names`
    pub no_ca_names: bool,
    /// `no-tls-tickets`, `tls-tickets`
    pub tickets: Option<bool>,
    /// `allow-0rtt`
    pub early: bool,
}

/// `verify`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum Verify {
    None,
    Optional,
    Required,
}

/// What a `bind` line says (manual, 5.1).
#[derive(Clone, Debug, Default)]
pub struct BindTls {
    /// `ssl`
    pub ssl: bool,
    /// What it shares with other lines.
    pub words: TlsWords,
    /// `ca-ignore-err`, `crt-ignore-err`
    pub ignored: (Ignored, Ignored),
    /// `strict-sni`, `no-strict-sni`
    pub strict_sni: Option<bool>,
    /// `prefer-client-ciphers`
    pub client_order: bool,
    /// `crt`, `default-crt` and `crt-list`, in order.
    pub certificates: Vec<BindCertificate>,
    /// The lists among them, folders too, to which certificates may be added.
    pub lists: Vec<String>,
    /// `generate-certificates`
    pub makes_certificates: bool,
    /// `ca-sign-file`, as written.
    pub signer: Option<String>,
    /// `tls-ticket-keys`
    pub ticket_keys: Option<Arc<TicketKeys>>,
    /// Where it stands, `file:line`.
    pub place: String,
    /// Its addresses, as written.
    pub address: String,
    /// Who gets which certificate, once the line is whole.
    pub acceptor: Option<Arc<Acceptor>>,
}

/// A certificate of a `bind` line.
#[derive(Clone, Debug)]
pub struct BindCertificate {
    /// The certificate.
    pub pair: Arc<Pair>,
    /// The names that it is for, where a list says so.
    pub filters: Vec<Filter>,
    /// It serves who asks for no name that is known (`default-crt`).
    pub default: bool,
    /// What a line of a list says for it alone.
    pub words: Option<Arc<TlsWords>>,
    /// The list that it stands on, and the number of its line.
    pub line: Option<(Arc<str>, usize)>,
}

/// What a `server` line says (manual, 5.2).
#[derive(Clone, Debug, Default)]
pub struct ServerTls {
    /// `ssl`
    pub ssl: bool,
    /// It may be asked for at run time: `ssl` stands on the line, or on what the line starts from.
    pub prepared: bool,
    /// `check-ssl`, `no-check-ssl`; without either, as the server's other connections.
    pub check_ssl: Option<bool>,
    /// What it shares with other lines.
    pub words: TlsWords,
    /// `sni`
    pub sni: Option<Arc<Expr>>,
    /// `sni-auto`, `no-sni-auto`
    pub sni_auto: Option<bool>,
    /// `verifyhost`
    pub verifyhost: Option<String>,
    /// `no-check-sni-auto`
    pub no_check_sni_auto: bool,
    /// `check-sni`
    pub check_sni: Option<String>,
    /// Steps of its check ask for TLS by themselves.
    pub scripted: bool,
    /// `check-alpn`
    pub check_alpn: Option<Vec<Vec<u8>>>,
    /// `crt`, as written; read once the line is whole.
    pub own: Option<String>,
    /// How sessions of checks are made, where that is another way.
    pub check_policy: Option<Arc<ClientPolicy>>,
    /// How sessions for WebSockets are made, where that is another way (`ws`).
    pub websocket_policy: Option<Arc<ClientPolicy>>,
    /// `no-ssl-reuse`
    pub no_reuse: bool,
    /// How sessions with it are made, once the line is whole.
    pub policy: Option<Arc<ClientPolicy>>,
}

/// What `global` says (manual, 3.1 and 3.2).
#[derive(Clone, Debug, Default)]
pub struct GlobalTls {
    /// `crt-base`, `key-base`, `ca-base`
    pub crt_base: Option<String>,
    /// See `crt_base`.
    pub key_base: Option<String>,
    /// See `crt_base`.
    pub ca_base: Option<String>,
    /// `ssl-load-extra-files`, `ssl-load-extra-del-ext`
    pub extra: Extra,
    /// `ssl-default-bind-*`
    pub bind: TlsWords,
    /// `ssl-default-bind-options prefer-client-ciphers`
    pub client_order: bool,
    /// `ssl-default-bind-options strict-sni`
    pub strict_sni: bool,
    /// `ssl-default-server-*`
    pub server: TlsWords,
    /// `ssl-server-verify none`
    pub trusts_servers: bool,
    /// `tune.ssl.capture-buffer-size`, in bytes.
    pub capture: usize,
    /// `tune.ssl.lifetime`, `tune.ssl.cachesize`
    pub memory: Memory,
    /// `tune.ssl.ssl-ctx-cache-size`: how many certificates that were made are kept.
    pub forged: Option<usize>,
    /// `tune.ssl.maxrecord`, `tune.ssl.hard-maxrecord`
    pub records: Records,
    /// `tune.ssl.keylog`
    pub keylog: bool,
    /// `ssl-passphrase-cmd` is there, though nothing is asked.
    pub has_passphrases: bool,
    /// `ocsp-update.*`
    pub ocsp: OcspUpdates,
    /// `expose-experimental-directives`
    pub experimental: bool,
    /// The certificates of the configuration.
    pub store: Arc<Store>,
}

/// How responders are asked about certificates (`ocsp-update.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcspUpdates {
    /// `ocsp-update.disable`: only where somebody wishes it.
    pub disabled: bool,
    /// `ocsp-update.mindelay`, in seconds.
    pub least: u32,
    /// `ocsp-update.maxdelay`, in seconds.
    pub most: u32,
    /// `ocsp-update.httpproxy`
    pub proxy: Option<SocketAddr>,
}

impl Default for OcspUpdates {
    fn default() -> Self {
        Self { disabled: false, least: 300, most: 3600, proxy: None }
    }
}

// === impl ServerTls ===

impl ServerTls {
    /// How sessions for requests are made.
    pub fn own_policies(&self) -> impl Iterator<Item = &Arc<ClientPolicy>> {
        self.policy.iter().chain(&self.websocket_policy)
    }

    /// Whether sessions with it are made, or may be asked for.
    pub fn is_needed(&self) -> bool {
        self.prepared || self.check_ssl == Some(true) || self.scripted
    }
}

// === impl TlsWords ===

impl TlsWords {
    /// What is not said here is taken from `defaults`.
    #[must_use]
    pub fn or(self, defaults: &Self) -> Self {
        let d = defaults.clone();
        Self {
            versions: self.versions.or(d.versions),
            ciphers: self.ciphers.or(d.ciphers),
            ciphersuites: self.ciphersuites.or(d.ciphersuites),
            curves: self.curves.or(d.curves),
            sigalgs: self.sigalgs.or(d.sigalgs),
            client_sigalgs: self.client_sigalgs.or(d.client_sigalgs),
            alpn: self.alpn.or(d.alpn),
            verify: self.verify.or(d.verify),
            ecdhe: self.ecdhe.or(d.ecdhe),
            ca: self.ca.or(d.ca),
            ca_verify: self.ca_verify.or(d.ca_verify),
            crl: self.crl.or(d.crl),
            no_ca_names: self.no_ca_names || d.no_ca_names,
            tickets: self.tickets.or(d.tickets),
            early: self.early || d.early,
        }
    }
}
